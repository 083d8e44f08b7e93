"""Which builds are checked, and under which budgets: the configuration and the command line.

A context that matches nothing and a build without a budget are errors, all reported
at once: what is not checked must never look like what passed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.config import Budget, BudgetedBuild, Config, directories, filled_up, is_glob
from ctxsize.errors import CtxsizeError, InputError, InputErrors


def budgeted(
    config: Config, builds: Iterable[Build] | None, budget: Budget, *, baseline: bool
) -> list[BudgetedBuild]:
    """Return `builds`, or those of all contexts of `config` if that is None, with their budgets.

    What a build and `budget` say counts for more than the configuration.
    With a `baseline` a build needs no further budget.
    Raises `InputErrors`, also where there are no builds.
    """
    errors: list[CtxsizeError] = []
    if builds is None and config.contexts:
        found = [*_of_contexts(config, errors)]
    else:
        asked = [Build()] if builds is None else builds
        found = [*_named_apart([each for build in asked for each in _of_build(config, build)])]
    if not found and not errors:
        errors.append(InputError("no build was found", hint="name a context"))
    found = [replace(each, budget=budget.over(each.budget)) for each in found]
    if not baseline:
        errors += [_no_budget(each.name, config) for each in found if not each.budget.limits]
    errors += [
        InputError(f"two contexts are named {name}", path=config.path)
        for name, count in sorted(Counter(each.name for each in found).items())
        if count > 1
    ]
    if errors:
        raise InputErrors(errors)
    return found


def _of_contexts(config: Config, errors: list[CtxsizeError]) -> Iterator[BudgetedBuild]:
    """Yield the builds of all contexts of `config`; one whose path matches nothing is an error."""
    for table in config.contexts:
        pattern = table.build.context
        found = directories(config, table)
        if not found:
            where = "this directory" if config.directory == "." else config.directory
            message = f"contexts.{table.name}: no directory {pattern!r} in {where}"
            errors.append(InputError(message, path=config.path))
        for directory in found:
            # What one table finds by wildcards is distinguished by paths.
            path = os.path.relpath(directory, config.directory)
            name = path if is_glob(pattern) else table.name
            yield replace(table, name=name, build=filled_up(Build(directory), table))


def _of_build(config: Config, build: Build) -> Iterator[BudgetedBuild]:
    """Yield `build` as each table of its context says, or the top level if there is none."""
    here = os.path.realpath(build.context)
    tables = [
        each
        for each in config.contexts
        if here in map(os.path.realpath, directories(config, each))
        and _same_dockerfile(each.build.dockerfile, build.dockerfile)
    ]
    for each in tables or [replace(config.defaults, name=build.context)]:
        yield replace(each, build=filled_up(build, each))


def _same_dockerfile(one: str | None, other: str | None) -> bool:
    """Return whether these are not two Dockerfiles that are named and differ."""
    return not one or not other or os.path.realpath(one) == os.path.realpath(other)


def _named_apart(found: list[BudgetedBuild]) -> Iterator[BudgetedBuild]:
    """Yield `found`, those of one name by Dockerfile and target too, or else by number."""
    names, met = Counter(each.name for each in found), Counter[str]()
    for each in found:
        name = each.name if names[each.name] == 1 else _full_name(each.build)
        met[name] += 1
        yield replace(each, name=name if met[name] == 1 else f"{name} #{met[name]}")


def _full_name(build: Build) -> str:
    dockerfile = build.dockerfile and os.path.relpath(build.dockerfile, build.context)
    unusual = dockerfile if dockerfile != "Dockerfile" else None
    return " ".join(filter(None, (build.context, unusual, build.shown_target)))


def _no_budget(name: str, config: Config) -> InputError:
    where = config.path or "ctxsize.toml"
    return InputError(
        f"{name} has no budget",
        hint=f"--max 50MB, --max-files 5000 or --baseline FILE, or the same in {where}",
    )
