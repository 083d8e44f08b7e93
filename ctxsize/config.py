"""The configuration of a repository: `ctxsize.toml`, or `[tool.ctxsize]` in `pyproject.toml`.

The nearest file upward from the context counts, within its git repository. Both files have the
same keys. All mistakes in it are reported at once: no budget is dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from glob import escape, glob
from itertools import count
from os.path import dirname, isdir, islink, join, lexists, normpath, realpath, relpath
from typing import Any, NamedTuple

from ctxsize.build import Build, is_named_reference, joined, placed
from ctxsize.errors import CtxsizeError, InputError, InputErrors
from ctxsize.keys import ASSERTIONS, KeySchemas, Values, attribute_of, schemas, value_of
from ctxsize.model import Texts
from ctxsize.reader import border_of, holds, read_file
from ctxsize.units import Tolerance
from ctxsize.values import Value

NAMES = ("ctxsize.toml", "pyproject.toml")
"""Names of configuration files; in each directory, the first one wins."""
OF = ("context", "transfer")  # the sizes that a budget may limit
_MOST_BYTES = 4 << 20  # number of bytes of the largest configuration, as `tomllib` is slow
_MOST_FILES = 8  # number of files that a configuration may extend
_WILD = r"[*?[]"


class Budget(Value):
    """The limits of a context; None for no limit."""

    max_bytes: int | None = None
    max_files: int | None = None
    of: str | None = None  # `context` or `transfer`
    growth: Tolerance | None = None  # the tolerated growth over the baseline
    shrink: Tolerance | None = None  # the tolerated decrease from the baseline
    min_bytes: int | None = None
    min_files: int | None = None
    require: Texts = ()  # each of these patterns must match a file that is sent
    forbid: Texts = ()  # none of these may match one

    @property
    def limits(self) -> bool:
        """Return whether there is any limit without a baseline."""
        limits = (self.max_bytes, self.max_files, self.min_bytes, self.min_files)
        return bool(self.require or self.forbid) or limits != (None, None, None, None)

    def over(self, other: Budget) -> Budget:
        """Return this budget with its missing limits and the assertions copied from `other`."""
        limits = {key: limit for key, limit in vars(self).items() if limit is not None}
        return Budget(**_merged(limits, vars(other)))


class BudgetedBuild(Value):
    """One build and its budget: a table `[contexts."name"]`, or a build to check."""

    name: str
    build: Build
    """In a table, its context may contain `*`, `?` and `[…]`, and is relative to the file."""
    budget: Budget = Budget()
    given: Build | None = None  # the build before the configuration completed it
    is_policy: bool = False  # the budget is that of a policy


_BUILD = {field.name for field in fields(Build)}
_BUDGET = {field.name for field in fields(Budget)}


class DescribedBuilds(NamedTuple):
    """A table of contexts, and the builds that it describes."""

    table: BudgetedBuild
    builds: list[BudgetedBuild]


class Suppression(Value):
    """A `[[suppress]]` table: findings that are known and accepted."""

    code: str
    reason: str
    path: str | None = None  # the path of the file; None for every file
    pattern: str | None = None  # the text of the line; None for every line
    expires: str | None = None  # the last day on which it accepts anything, as 2027-01-31
    is_inherited: bool = False  # another file has it, which several repositories may extend


class Config(Value):
    """The configuration of a repository; empty without a file."""

    path: str | None = None  # the path of the file as it was found, None without one
    select: Texts = ()  # codes or their beginnings; empty for the default codes
    ignore: Texts = ()
    suppress: tuple[Suppression, ...] = ()
    defaults: BudgetedBuild = BudgetedBuild("", Build(""))
    """The values of the top level, which are already part of each context."""
    baseline: str | None = None
    contexts: tuple[BudgetedBuild, ...] = ()  # the tables of contexts, in the order of the file

    @property
    def directory(self) -> str:
        """Return the directory to which its paths are relative."""
        return dirname(self.path or "") or "."


def load(start: str) -> Config:
    """Return the configuration for the directory `start`. Raises `InputErrors` for its mistakes."""
    directory = start
    real = realpath(start)
    while True:
        for name in NAMES:
            path = joined(directory, name)
            if not lexists(path):
                continue
            config = _read(path, directory)
            if config:
                return config
        above = dirname(real)
        if above == real or lexists(join(directory, ".git")):
            return Config()
        real = above
        directory = relpath(above)


def _read(path: str, directory: str) -> Config | None:
    """Return the configuration in `path`; None for a `pyproject.toml` without our table."""
    if islink(path) and not holds(border_of(directory), path):
        raise InputErrors(
            [InputError("cannot be read: it is a symlink that leaves the repository", path=path)]
        )
    reader = _ConfigReader(path)
    table: Any = reader.whole_table()
    if path.endswith("pyproject.toml"):
        tool = table.get("tool")
        if not isinstance(tool, dict) or "ctxsize" not in tool:
            return None
        table = tool["ctxsize"]
    return reader.config(table)


def policy_in(path: str) -> BudgetedBuild:
    """Return the budget in a policy, and its builder, empty if it names none.

    Raises `InputErrors` for its mistakes, which never quote it: it may be any file.
    """
    reader = _ConfigReader(path, is_quoted=False)
    allowed = {*_BUDGET, "builder"} - {"growth", "shrink"}  # no key that needs a baseline
    keys = {key: schema for key, schema in schemas().items() if attribute_of(key) in allowed}
    values = reader.values(reader.whole_table(), "", keys)
    build = Build("", builder=values.pop("builder", ""))
    budget = Budget(**values)
    if not budget.limits:
        reader.errors.append(InputError("a policy needs a limit, require or forbid", path=path))
    if reader.errors:
        raise InputErrors(reader.errors)
    return BudgetedBuild("", build, budget)


def builds(config: Config) -> Iterator[DescribedBuilds]:
    """Yield each table of contexts with its builds; none if its path matches no directory.

    A path with wildcards matches several directories, which are the names of the builds.
    """
    top = config.directory
    for table in config.contexts:
        pattern = normpath(table.build.context)  # `link/..` is not where the link leads
        is_glob = bool(re.search(_WILD, pattern))
        paths = [join(top, pattern)]
        if is_glob:
            paths = _matching_paths(top, pattern)
        described = []
        for path in sorted(paths):
            if isdir(path):
                budgeted = filled_up(Build(normpath(path)), table)
                if is_glob:
                    budgeted = replace(budgeted, name=relpath(path, top))
                described.append(budgeted)
        yield DescribedBuilds(table, described)


def _matching_paths(top: str, pattern: str) -> list[str]:
    """Return the paths below `top` that match, without those that leave the repository."""
    border = border_of(top)
    paths = [top]
    for part in pattern.split("/"):
        deeper = []
        for path in paths:
            deeper += glob(join(escape(path), part))
        paths = [path for path in deeper if holds(border, path)]
    return paths


def filled_up(build: Build, table: BudgetedBuild) -> BudgetedBuild:
    """Return `table` for `build`, with the missing values of the build copied from it."""
    defaults = table.build
    builder = build.builder
    if builder == Build.builder:
        builder = defaults.builder
    completed = replace(
        build,
        dockerfile=build.dockerfile or defaults.dockerfile,
        target=build.target or defaults.target,
        build_arguments={**defaults.build_arguments, **build.build_arguments},
        build_contexts={**defaults.build_contexts, **build.build_contexts},
        platforms=build.platforms or defaults.platforms,
        builder=builder,
    )
    return replace(table, build=completed, given=build)


def _merged(own: Values, other: Values) -> Values:
    """Return both values of attributes: `own` count, but tables, assertions and so on add up."""
    merged = {**other, **own}
    for key in own.keys() & other.keys():
        if isinstance(own[key], dict):
            merged[key] = _merged(own[key], other[key])
        elif key in (*ASSERTIONS, "suppress"):
            for addition in other[key]:
                if addition not in own[key]:
                    merged[key] += (addition,)
    return merged


class _ConfigReader:
    """Reads the tables of one file, or of one that it extends, and collects their mistakes.

    `directory` is that of the configuration, to which all paths are relative. Unless `is_quoted`,
    no mistake has a text of the file.
    """

    def __init__(self, path: str, directory: str | None = None, *, is_quoted: bool = True) -> None:
        self._path = path
        self._directory = directory or dirname(path) or "."
        self._is_quoted = is_quoted
        self.errors: list[CtxsizeError] = []

    def whole_table(self) -> Values:
        """Return the table in the file. Raises `InputErrors`."""
        from ctxsize.toml import read_toml  # most contexts have no configuration

        line = None
        try:
            return read_toml(read_file(self._path, _MOST_BYTES))
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            message = "is not UTF-8"
        except (ValueError, RecursionError) as error:  # also for a number of thousands of digits
            message = f"is not TOML: {error or 'nested too deep'}"
            if not self._is_quoted:
                position = re.search(r"\(at line ([0-9]+), column [0-9]+\)$", message)
                message = "is not TOML"
                if position:
                    line = int(position[1])
        raise InputErrors([InputError(message, path=self._path, line=line)])

    def config(self, table: object) -> Config:
        values = self.whole(table, [self._path])
        if self.errors:
            raise InputErrors(self.errors)
        contexts = values.pop("contexts")
        keys = {"select", "ignore", "baseline", "suppress"} & values.keys()
        settings = {key: values.pop(key) for key in keys}
        return Config(
            self._path,
            defaults=self._budgeted("", values),
            contexts=tuple(
                self._budgeted(name, _merged(own_values, values))
                for name, own_values in contexts.items()
            ),
            **settings,
        )

    def whole(self, table: object, files: list[str]) -> Values:
        """Return the values of `table`, the last of `files`, and of all that it extends."""
        values = self.values(table, "", schemas())
        self._bound("", values)
        contexts = values.get("contexts", {})
        values["contexts"] = {name: self._context(name, contexts[name]) for name in contexts}
        values["suppress"] = tuple(map(self._suppression, count(1), values.get("suppress", ())))
        extends = values.pop("extends", None)
        if extends is None or self.errors:
            return values
        path = joined(self._directory, extends)
        is_circle = realpath(path) in map(realpath, files)
        if is_circle or len(files) > _MOST_FILES:
            self._wrong("extends", f"it extends itself, or more than {_MOST_FILES} files")
            return values
        reader = _ConfigReader(path, self._directory, is_quoted=False)
        extended = reader.whole(reader.whole_table(), [*files, path])
        self.errors += reader.errors
        return _merged(values, extended)

    def _context(self, name: str, table: object) -> Values:
        """Return the values of a table `[contexts."name"]`."""
        if not name:
            self._wrong('contexts.""', "a context needs a name")
        where = f"contexts.{name}"
        values = self.values(table, where, schemas("context"))
        self._bound(where, {"path": name, **values})
        return values

    def _budgeted(self, name: str, values: Values) -> BudgetedBuild:
        build = {key: values[key] for key in _BUILD & values.keys()}
        build["context"] = values.get("path", name)
        dockerfile = build.get("dockerfile")
        if dockerfile:
            build["dockerfile"] = joined(self._directory, dockerfile)
        build["build_contexts"] = placed(build.get("build_contexts", {}), self._directory)
        budget = {key: values[key] for key in _BUDGET & values.keys()}
        return BudgetedBuild(name, Build(**build), Budget(**budget))

    def _suppression(self, number: int, table: object) -> Suppression:
        where = f"suppress[{number}]"
        values = {"code": "", "reason": "", **self.values(table, where, schemas("suppression"))}
        for key in ("code", "reason"):
            if isinstance(table, dict) and key not in table:
                self._wrong(where, f"the key {key!r} is missing")
        if "pattern" in values and values["code"].startswith("CTX4"):
            self._wrong(
                f"{where}.pattern",
                f"{values['code']} is about a context, not about a line",
                hint="name the context by path",
            )
        return Suppression(**values, is_inherited=not self._is_quoted)

    def values(self, table: object, where: str, keys: KeySchemas) -> Values:
        """Return the values of `table` by attribute; report a wrong one and leave it out."""
        values: Values = {}
        if not isinstance(table, dict):
            self._wrong(where or "tool.ctxsize", "must be a table")
            return values
        for key, written in table.items():
            place = f"{where}.{key}".lstrip(".")
            if key not in keys:
                self._wrong(place, "unknown key", hint=f"one of {', '.join(sorted(keys))}")
                continue
            try:
                values[attribute_of(key)] = value_of(key, keys[key], written)
            except InputError as error:
                if self._is_quoted:
                    self._wrong(place, error.message, hint=error.hint)
                else:
                    self._wrong(place, keys[key]["errorMessage"])
        return values

    def _bound(self, where: str, values: Values) -> None:
        """Report paths that lead out of the repository: a stranger may have written them."""
        border = border_of(self._directory)
        keys = ("path", "dockerfile", "baseline", "extends")
        paths = {key: values[key] for key in keys if key in values}
        for name, path in values.get("build_contexts", {}).items():
            if not is_named_reference(path):
                paths[f"build-contexts.{name}"] = path
        for key, path in paths.items():
            # Of the directories that match a path with wildcards only those inside count.
            # As it is used: `link/../x` leads elsewhere if the link is followed first.
            literal = normpath(path)
            if key == "path":
                literal = re.split(_WILD, literal)[0]
            if not holds(border, joined(self._directory, literal)):
                what = path if self._is_quoted else "it"
                self._wrong(
                    f"{where}.{key}".lstrip("."),
                    f"{what} lies outside the repository {border}",
                    hint="name it on the command line instead",
                )

    def _wrong(self, where: str, message: str, *, hint: str | None = None) -> None:
        if not self._is_quoted:
            # Names of contexts and of arguments, and unknown keys, are content of the file too.
            key = where.rpartition(".")[2]
            where = ""
            if key in {*schemas("context"), *schemas("suppression"), *schemas()}:
                where = key
        if where:
            message = f"{where}: {message}"
        self.errors.append(InputError(message, path=self._path, hint=hint))
