"""The configuration of a repository: `ctxsize.toml`, or `[tool.ctxsize]` in `pyproject.toml`.

The nearest file upward from the context counts, within its git repository. Both files have the
same keys. All mistakes in it are reported at once: no budget is dropped silently.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from glob import escape, glob
from typing import Any

from ctxsize.build import Build, hiding, placed
from ctxsize.config.keys import (
    BUDGET_KEYS,
    BUILD_KEYS,
    CONTEXT_KEYS,
    SUPPRESSION_KEYS,
    TOP_KEYS,
    Keys,
    Tolerance,
)
from ctxsize.errors import CtxsizeError, InputError, InputErrors, hint_at
from ctxsize.reader import border_of, holds, read_file

NAMES = ("ctxsize.toml", "pyproject.toml")
"""Names of configuration files; in each directory, the first one wins."""
_MOST_BYTES = 4 << 20
"""Number of bytes of the largest configuration: `tomllib` is slow."""


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
        return replace(
            other, **{key: value for key, value in vars(self).items() if value is not None}
        )


@dataclass(frozen=True)
class BudgetedBuild:
    """One build and its budget: a table `[contexts."name"]`, or a build to check."""

    name: str
    build: Build
    """In a table, its context may contain `*`, `?` and `[…]`, and is relative to the file."""
    budget: Budget = Budget()


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

    def lies_below(self, directory: str) -> bool:
        """Return whether the file lies in `directory` or below it."""
        top, here = (os.path.realpath(each) for each in (directory, self.directory))
        return os.path.commonpath([top, here]) == top


def load(start: str) -> Config:
    """Return the configuration for the directory `start`. Raises `InputErrors` for its mistakes."""
    for directory in _upward(start):
        for name in NAMES:
            path = os.path.normpath(os.path.join(directory, name))
            if os.path.islink(path) and not holds(border_of(directory), path):
                raise _unreadable(
                    "cannot be read: it is a symlink that leaves the repository", path
                )
            if os.path.isfile(path):
                config = read(path)
                if config is not None:
                    return config
            elif os.path.lexists(path):
                raise _unreadable("is not a file that can be read", path)
    return Config()


def read(path: str) -> Config | None:
    """Return the configuration in `path`; None for a `pyproject.toml` without our table."""
    table = _parsed(path)
    if os.path.basename(path) == "pyproject.toml":
        tool = table.get("tool", {})
        if not isinstance(tool, dict) or "ctxsize" not in tool:
            return None
        table = tool["ctxsize"]
    return _ConfigReader(path).config(table)


def _upward(start: str) -> Iterator[str]:
    """Yield `start` and the directories above it, up to the top of its git repository."""
    directory, real = start, os.path.realpath(start)
    while True:
        yield directory
        above = os.path.dirname(real)
        if above == real or os.path.lexists(os.path.join(directory, ".git")):
            return
        real, directory = above, os.path.relpath(above)


def _parsed(path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        parsed: dict[str, Any] = tomllib.loads(read_file(path, _MOST_BYTES).decode("utf-8"))
    except UnicodeDecodeError:
        raise _unreadable("is not UTF-8", path) from None
    except OSError as error:
        raise _unreadable(f"cannot be read: {error.strerror}", path) from None
    except (ValueError, RecursionError) as error:  # also for a number of thousands of digits
        raise _unreadable(f"is not TOML: {error or 'nested too deep'}", path) from None
    return parsed


def _unreadable(message: str, path: str) -> InputErrors:
    return InputErrors([InputError(message, path=path)])


def directories(config: Config, table: BudgetedBuild) -> list[str]:
    """Return the directories that the path of `table` matches, as named from here."""
    directory, pattern = config.directory, table.build.context
    found = [os.path.join(directory, pattern)]
    if is_glob(pattern):
        border, found = border_of(directory), [directory]
        for part in pattern.split("/"):
            paths = (path for each in found for path in glob(os.path.join(escape(each), part)))
            found = [path for path in paths if holds(border, path)]  # in this repository
    return [os.path.normpath(each) for each in sorted(found) if os.path.isdir(each)]


def is_glob(path: str) -> bool:
    """Return whether `path` may name several directories."""
    return any(char in path for char in "*?[")


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


def builds(config: Config) -> Iterator[tuple[str, Build]]:
    """Yield each build that the tables describe, with the name of its table."""
    for table in config.contexts:
        for directory in directories(config, table):
            yield table.name, filled_up(Build(directory), table)


class _ConfigReader:
    """Reads the tables of one file and collects their mistakes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = os.path.dirname(path) or "."
        self._errors: list[CtxsizeError] = []

    def config(self, table: object) -> Config:
        values = self._values(table, "", TOP_KEYS)
        self._bound("", values)
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
        where = f"contexts.{_key(name)}"
        if not name:
            self._wrong(where, "a context needs a name")
        own = {"context": name, **self._values(table, where, CONTEXT_KEYS)}
        self._bound(where, own)
        joint: dict[str, Any] = {
            key: {**top[key], **own[key]}
            for key in ("build_arguments", "build_contexts")
            if key in top and key in own
        }
        return self._budgeted(name, {**top, **own, **joint})

    def _budgeted(self, name: str, values: Mapping[str, Any]) -> BudgetedBuild:
        keys = ("context", *(each for each, _ in BUILD_KEYS.values()))
        build = Build(**{"context": "", **{key: values[key] for key in keys if key in values}})
        if build.dockerfile is not None:
            path = os.path.normpath(os.path.join(self._directory, build.dockerfile))
            build = replace(build, dockerfile=path)
        build = replace(build, build_contexts=placed(build.build_contexts, self._directory))
        budget = {each: values[each] for each, _ in BUDGET_KEYS.values() if each in values}
        return BudgetedBuild(name, build, Budget(**budget))

    def _suppression(self, number: int, table: object) -> Suppression:
        where = f"suppress[{number}]"
        before = len(self._errors)
        values = {"code": "", "reason": "", **self._values(table, where, SUPPRESSION_KEYS)}
        for key, why in (("code", "CTX101, for instance"), ("reason", "why it is accepted")):
            if not values[key] and len(self._errors) == before:
                self._wrong(where, f"lacks {key!r}", hint=why)
        if "pattern" in values and values["code"].startswith("CTX4"):
            why = f"{values['code']} is about a context and no line"
            self._wrong(f"{where}.pattern", why, hint="name the context by path")
        return Suppression(**values)

    def _values(self, table: object, where: str, keys: Keys) -> dict[str, Any]:
        """Return the values of `table` by attribute; report a wrong one and leave it out."""
        if not isinstance(table, dict):
            self._wrong(where or "tool.ctxsize", "must be a table")
            return {}
        found: dict[str, Any] = {}
        for key, value in table.items():
            place = f"{where}.{_key(key)}" if where else _key(key)
            if key not in keys:
                self._wrong(place, "unknown key", hint=hint_at(key, sorted(keys)))
                continue
            name, read_value = keys[key]
            try:
                found[name] = read_value(value)
            except InputError as error:
                self._wrong(place, error.message, hint=error.hint)
        return found

    def _bound(self, where: str, values: Mapping[str, Any]) -> None:
        """Report paths that lead out of the repository: a stranger may have written them."""
        border = border_of(self._directory)
        named = values.get("build_contexts", {})
        keys = {"context": "path", "dockerfile": "dockerfile", "baseline": "baseline"}
        paths = {keys[key]: values[key] for key in keys if key in values}
        paths |= {f"build-contexts.{_key(name)}": each for name, each in named.items()}
        for key, path in paths.items():
            literal = re.split(r"[*?[]", path)[0] if key == "path" else path
            inside = holds(border, os.path.join(self._directory, literal))
            if not inside and "://" not in path:
                what = f"{path} lies outside the repository {border}"
                place = f"{where}.{key}" if where else key
                self._wrong(place, what, hint="name it on the command line instead")

    def _wrong(self, where: str, message: str, *, hint: str | None = None) -> None:
        self._errors.append(InputError(f"{where}: {message}", path=self._path, hint=hint))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
