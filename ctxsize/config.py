"""The configuration of a repository: `ctxsize.toml`, or `[tool.ctxsize]` in `pyproject.toml`.

The nearest file upward from the context counts, within its git repository. Both files have the
same keys. All mistakes in it are reported at once: no budget is dropped silently.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from glob import escape, glob
from typing import Any

from ctxsize.build import Build, hiding, placed
from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import CtxsizeError, InputError, InputErrors
from ctxsize.reader import border_of, holds, read_file
from ctxsize.units import Tolerance, parse_size

NAMES = ("ctxsize.toml", "pyproject.toml")
"""Names of configuration files; in each directory, the first one wins."""
OF = ("context", "transfer")  # the sizes that a budget may limit
_MOST_BYTES = 4 << 20  # number of bytes of the largest configuration: `tomllib` is slow
_WILD = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Budget:
    """The limits of a context; None for no limit."""

    max_bytes: int | None = None
    max_files: int | None = None
    of: str | None = None  # `context` or `transfer`
    growth: Tolerance | None = None  # the tolerated growth over the baseline
    shrink: Tolerance | None = None  # the tolerated decrease from the baseline
    min_bytes: int | None = None
    min_files: int | None = None

    @property
    def limits(self) -> bool:
        """Return whether there is any limit without a baseline."""
        limits = (self.max_bytes, self.max_files, self.min_bytes, self.min_files)
        return any(each is not None for each in limits)

    def over(self, other: Budget) -> Budget:
        """Return this budget with its missing limits copied from `other`."""
        own = {key: value for key, value in vars(self).items() if value is not None}
        return replace(other, **own)


@dataclass(frozen=True)
class BudgetedBuild:
    """One build and its budget: a table `[contexts."name"]`, or a build to check."""

    name: str
    build: Build
    """In a table, its context may contain `*`, `?` and `[…]`, and is relative to the file."""
    budget: Budget = Budget()


Builds = tuple[BudgetedBuild, list[BudgetedBuild]]  # a table and the builds that it describes


@dataclass(frozen=True)
class Suppression:
    """A `[[suppress]]` table: findings that are known and accepted."""

    code: str
    reason: str
    path: str | None = None  # the path of the file; None for every file
    pattern: str | None = None  # the text of the line; None for every line


@dataclass(frozen=True)
class Config:
    """The configuration of a repository; empty without a file."""

    path: str | None = None  # the path of the file as it was found, None without one
    select: tuple[str, ...] = ()  # codes or their beginnings; empty for the default codes
    ignore: tuple[str, ...] = ()
    suppress: tuple[Suppression, ...] = ()
    defaults: BudgetedBuild = BudgetedBuild("", Build(""))
    """The values of the top level, which are already part of each context."""
    baseline: str | None = None
    contexts: tuple[BudgetedBuild, ...] = ()  # the tables of contexts, in the order of the file

    @property
    def directory(self) -> str:
        """Return the directory to which its paths are relative."""
        return os.path.dirname(self.path or "") or "."


def load(start: str) -> Config:
    """Return the configuration for the directory `start`. Raises `InputErrors` for its mistakes."""
    directory, real = start, os.path.realpath(start)
    while True:
        for name in NAMES:
            path = os.path.normpath(os.path.join(directory, name))
            if os.path.lexists(path) and (config := _read(path, directory)) is not None:
                return config
        above = os.path.dirname(real)
        if above == real or os.path.lexists(os.path.join(directory, ".git")):
            return Config()
        real, directory = above, os.path.relpath(above)


def _read(path: str, directory: str) -> Config | None:
    """Return the configuration in `path`; None for a `pyproject.toml` without our table."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        if os.path.islink(path) and not holds(border_of(directory), path):
            raise OSError(0, "it is a symlink that leaves the repository")
        table: Any = tomllib.loads(read_file(path, _MOST_BYTES).decode("utf-8"))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        message = "is not UTF-8"
    except (ValueError, RecursionError) as error:  # also for a number of thousands of digits
        message = f"is not TOML: {error or 'nested too deep'}"
    else:
        if path.endswith("pyproject.toml"):
            tool = table.get("tool")
            if not isinstance(tool, dict) or "ctxsize" not in tool:
                return None
            table = tool["ctxsize"]
        return _ConfigReader(path).config(table)
    raise InputErrors([InputError(message, path=path)])


def builds(config: Config) -> Iterator[Builds]:
    """Yield each table of contexts with its builds; none if its path matches no directory.

    A path with wildcards matches several directories, which are the names of the builds.
    """
    top = config.directory
    for table in config.contexts:
        pattern = table.build.context
        is_glob, found = bool(_WILD.search(pattern)), [os.path.join(top, pattern)]
        if is_glob:
            border, found = border_of(top), [top]
            for part in pattern.split("/"):
                paths = (path for each in found for path in glob(os.path.join(escape(each), part)))
                found = [path for path in paths if holds(border, path)]  # in this repository
        contexts = [os.path.normpath(each) for each in sorted(found) if os.path.isdir(each)]
        made = ((filled_up(Build(each), table), os.path.relpath(each, top)) for each in contexts)
        names = ((build, path if is_glob else table.name) for build, path in made)
        yield table, [replace(table, name=name, build=build) for build, name in names]


def filled_up(build: Build, table: BudgetedBuild) -> Build:
    """Return `build` with its missing values copied from `table`."""
    defaults = table.build
    made = replace(
        build,
        dockerfile=build.dockerfile or defaults.dockerfile,
        target=build.target or defaults.target,
        build_arguments={**defaults.build_arguments, **build.build_arguments},
        build_contexts={**defaults.build_contexts, **build.build_contexts},
        platforms=build.platforms or defaults.platforms,
        builder=build.builder if build.builder != Build().builder else defaults.builder,
    )
    return hiding(made, defaults.build_arguments.keys() - build.build_arguments.keys())


Reader = Callable[[Any], Any]
"""Returns the value of a key for a value of TOML. Raises `InputError` for a wrong one."""
Keys = dict[str, tuple[str, Reader]]  # the attribute and the reader of each key


def _that(is_right: Callable[[Any], object], wrong: str) -> Reader:
    """Return a reader of the values that `is_right` accepts."""

    def read(value: object) -> Any:
        if not is_right(value):
            raise InputError(wrong)
        return value

    return read


def _matching(expression: str, wrong: str) -> Reader:
    return _that(lambda it: isinstance(it, str) and re.fullmatch(expression, it), wrong)


def _each(read: Reader) -> Reader:
    return lambda value: tuple(map(read, _list(value)))


def _whole(wrong: str) -> Reader:
    # TOML has no larger numbers, and no count is that large.
    return _that(lambda it: type(it) is int and 0 <= it < 1 << 63, wrong)


def _amount(parse: Callable[[str], Any], of_bytes: Callable[[int], Any], wrong: str) -> Reader:
    """Return a reader of a number of bytes, or of a text that `parse` accepts."""
    number = _whole(wrong)
    return lambda value: parse(value) if isinstance(value, str) else of_bytes(number(value))


_number = _whole("must be a whole number, not negative and of at most 64 bits")
_text = _matching(r"(?s).*\S.*", "must be a non-empty string")
_codes = _each(_matching("CTX[0-9]{0,3}", "must be a list of codes, such as CTX101"))
_size = _amount(parse_size, int, 'must be a size such as "50MB", or a number of bytes')
_tolerance = _amount(Tolerance.parse, Tolerance, 'must be a size, or a percentage such as "10%"')
_list = _that(lambda it: isinstance(it, list), "must be a list")
_table = _that(lambda it: isinstance(it, dict), "must be a table")
_texts = _that(
    lambda it: isinstance(it, dict) and all(isinstance(each, str) for each in it.values()),
    "must be a table of strings",
)

BUILD_KEYS: Keys = {
    "dockerfile": ("dockerfile", _text),
    "target": ("target", _text),
    "builder": ("builder", _matching("|".join(BUILDERS), f"must be one of {', '.join(BUILDERS)}")),
    "build-args": ("build_arguments", _texts),
    "build-contexts": ("build_contexts", _texts),
    "platforms": ("platforms", _each(_matching(r"(?s).*\S.*", "must be a list of strings"))),
}
"""Keys of a build: in a context, or at the top level for all contexts."""
BUDGET_KEYS: Keys = {
    "max": ("max_bytes", _size),
    "max-files": ("max_files", _number),
    "min": ("min_bytes", _size),
    "min-files": ("min_files", _number),
    "of": ("of", _matching("|".join(OF), f"must be one of {', '.join(OF)}")),
    "growth": ("growth", _tolerance),
    "shrink": ("shrink", _tolerance),
}
"""Keys of a budget, likewise."""
CONTEXT_KEYS: Keys = {"path": ("context", _text), **BUILD_KEYS, **BUDGET_KEYS}
TOP_KEYS: Keys = {
    **BUILD_KEYS,
    **BUDGET_KEYS,
    "select": ("select", _codes),
    "ignore": ("ignore", _codes),
    "suppress": ("suppress", _list),
    "baseline": ("baseline", _text),
    "contexts": ("contexts", _table),
}
SUPPRESSION_KEYS: Keys = {
    "code": ("code", _matching("CTX[0-9]{3}", "must be a code, such as CTX101")),
    "path": ("path", _text),
    "pattern": ("pattern", _text),
    "reason": ("reason", _text),
}


class _ConfigReader:
    """Reads the tables of one file and collects their mistakes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = os.path.dirname(path) or "."
        self._errors: list[CtxsizeError] = []

    def config(self, table: object) -> Config:
        values = self._values(table, "", TOP_KEYS)
        tables = values.pop("contexts", {})
        contexts = tuple(self._context(name, each, values) for name, each in tables.items())
        accepted = values.pop("suppress", [])
        suppressed = tuple(self._suppression(*each) for each in enumerate(accepted, 1))
        if self._errors:
            raise InputErrors(self._errors)
        found = {key: values[key] for key in ("select", "ignore", "baseline") if key in values}
        defaults = self._budgeted("", values)
        return Config(
            self._path, suppress=suppressed, defaults=defaults, contexts=contexts, **found
        )

    def _context(self, name: str, table: object, top: Mapping[str, Any]) -> BudgetedBuild:
        """Return a table `[contexts."name"]`, with missing values copied from the `top` level."""
        if not name:
            self._wrong('contexts.""', "a context needs a name")
        own = self._values(table, f"contexts.{name}", CONTEXT_KEYS, context=name)
        joint: dict[str, Any] = {
            key: {**top[key], **own[key]}
            for key in ("build_arguments", "build_contexts")
            if key in top and key in own
        }
        return self._budgeted(name, {**top, **own, **joint})

    def _budgeted(self, name: str, values: Mapping[str, Any]) -> BudgetedBuild:
        build = {each: values[each] for each, _ in BUILD_KEYS.values() if each in values}
        if "dockerfile" in build:
            build["dockerfile"] = os.path.normpath(
                os.path.join(self._directory, build["dockerfile"])
            )
        build["build_contexts"] = placed(build.get("build_contexts", {}), self._directory)
        budget = {each: values[each] for each, _ in BUDGET_KEYS.values() if each in values}
        return BudgetedBuild(name, Build(values.get("context", ""), **build), Budget(**budget))

    def _suppression(self, number: int, table: object) -> Suppression:
        where = f"suppress[{number}]"
        values = {"code": "", "reason": "", **self._values(table, where, SUPPRESSION_KEYS)}
        for key in ("code", "reason"):
            if isinstance(table, dict) and key not in table:
                self._wrong(where, f"the key {key!r} is missing")
        if "pattern" in values and values["code"].startswith("CTX4"):
            why = f"{values['code']} is about a context, not about a line"
            self._wrong(f"{where}.pattern", why, hint="name the context by path")
        return Suppression(**values)

    def _values(self, table: object, where: str, keys: Keys, **found: str) -> dict[str, Any]:
        """Return the values of `table` by attribute; report a wrong one and leave it out."""
        values: dict[str, Any] = {**found}
        if not isinstance(table, dict):
            self._wrong(where or "tool.ctxsize", "must be a table")
            return values
        for key, value in table.items():
            place = f"{where}.{key}" if where else key
            if key not in keys:
                self._wrong(place, "unknown key", hint=f"one of {', '.join(sorted(keys))}")
                continue
            name, read_value = keys[key]
            try:
                values[name] = read_value(value)
            except InputError as error:
                self._wrong(place, error.message, hint=error.hint)
        self._bound(where, values)
        return values

    def _bound(self, where: str, values: Mapping[str, Any]) -> None:
        """Report paths that lead out of the repository: a stranger may have written them."""
        border = border_of(self._directory)
        paths = {key: values[key] for key in ("context", "dockerfile", "baseline") if key in values}
        for name, path in values.get("build_contexts", {}).items():
            paths[f"build-contexts.{name}"] = path
        for key, path in paths.items():
            # Of the directories that match a path with wildcards only those inside count.
            literal = _WILD.split(path)[0] if path == values.get("context") else path
            if "://" not in path and not holds(border, os.path.join(self._directory, literal)):
                message = f"{path} lies outside the repository {border}"
                place = f"{where}.{'path' if key == 'context' else key}".lstrip(".")
                self._wrong(place, message, hint="name it on the command line instead")

    def _wrong(self, where: str, message: str, *, hint: str | None = None) -> None:
        text = f"{where}: {message}" if where else message
        self._errors.append(InputError(text, path=self._path, hint=hint))
