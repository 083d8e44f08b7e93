"""Which builds are to be checked, and under which budgets: the configuration and the command line.

A context that matches nothing and a build without a budget are errors, all told
at once: what is not checked must never look like what passed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ctxsize.build import Build
from ctxsize.config import Budget, Config, Context
from ctxsize.config.contexts import build_of, directories, is_glob
from ctxsize.errors import CtxsizeError, InputError, InputErrors


@dataclass(frozen=True)
class Planned:
    """One build to check."""

    name: str
    build: Build
    budget: Budget


def planned(
    config: Config, build: Build | None, budget: Budget, *, baseline: bool
) -> tuple[Planned, ...]:
    """Return what is to be checked: `build`, or all contexts of `config` if that is None.

    What `build` and `budget` say counts for more than the configuration.
    With a `baseline` a build needs no further budget.
    Raises `InputErrors`.
    """
    errors: list[CtxsizeError] = []
    chosen = _of_config(config, errors) if build is None else _of_build(config, build)
    if build is None and not config.contexts:
        chosen = [_with(_here(config), Build(), ".", config)]
    return _budgeted(chosen, config, budget, errors, baseline=baseline)


def planned_of(
    builds: Iterable[Build], config: Config, budget: Budget, *, baseline: bool
) -> tuple[Planned, ...]:
    """Return what is to be checked of `builds`, each as the tables of its context say.

    Raises `InputErrors`, also where there are no builds.
    """
    known = [*builds]
    errors: list[CtxsizeError] = []
    if not known:
        errors.append(InputError("no build was found", hint="name a context"))
    chosen = [each for build in known for each in _of_build(config, build)]
    names = [each.name for each in chosen]
    chosen = [
        each if names.count(each.name) == 1 else replace(each, name=_full_name(each.build))
        for each in chosen
    ]
    return _budgeted(_apart(chosen), config, budget, errors, baseline=baseline)


def _full_name(build: Build) -> str:
    """Return the context, and what tells its builds apart."""
    dockerfile = build.dockerfile and os.path.relpath(build.dockerfile, build.context)
    unusual = dockerfile if dockerfile != "Dockerfile" else None
    return " ".join(filter(None, (build.context, unusual, build.shown_target)))


def _apart(chosen: list[Planned]) -> list[Planned]:
    """`chosen` with those counted whose names are still the same."""
    met: dict[str, int] = {}
    found = []
    for each in chosen:
        met[each.name] = count = met.get(each.name, 0) + 1
        found.append(each if count == 1 else replace(each, name=f"{each.name} #{count}"))
    return found


def _budgeted(
    chosen: list[Planned],
    config: Config,
    budget: Budget,
    errors: list[CtxsizeError],
    *,
    baseline: bool,
) -> tuple[Planned, ...]:
    """`chosen` with their budgets. Raises `InputErrors` for `errors` and for what has none."""
    found = [replace(each, budget=budget.over(each.budget)) for each in chosen]
    if not baseline:
        errors += [_no_budget(each.name, config) for each in found if not each.budget.limits]
    names = [each.name for each in found]
    errors += [
        InputError(f"two contexts are named {name}", path=config.path)
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if errors:
        raise InputErrors(errors)
    return tuple(found)


def _of_config(config: Config, errors: list[CtxsizeError]) -> list[Planned]:
    """Return all contexts of `config`; one whose path matches nothing is an error."""
    found = []
    for context in config.contexts:
        found_at = list(directories(config, context))
        if not found_at:
            message = f"contexts.{context.name}: no directory {context.path!r} in {_where(config)}"
            errors.append(InputError(message, path=config.path))
        for directory in found_at:
            # What one table finds by wildcards is told apart by paths.
            name = _relative(config, directory) if is_glob(context.path) else context.name
            found.append(_with(replace(context, name=name), Build(), directory, config))
    return found


def _of_build(config: Config, build: Build) -> list[Planned]:
    """`build`, as the tables of its context say; as the top level says if there is none."""
    here = os.path.realpath(build.context)
    found = [
        _with(context, build, build.context, config)
        for context in config.contexts
        if here in map(os.path.realpath, directories(config, context))
        and _same_dockerfile(config, context, build)
    ]
    return found or [
        _with(replace(_here(config), name=build.context), build, build.context, config)
    ]


def _same_dockerfile(config: Config, context: Context, build: Build) -> bool:
    """Return whether the table is not about another Dockerfile than the one that was named."""
    if build.dockerfile is None or context.dockerfile is None:
        return True
    named = os.path.join(config.directory, context.dockerfile)
    return os.path.realpath(named) == os.path.realpath(build.dockerfile)


def _here(config: Config) -> Context:
    return replace(config.defaults, name=".", path=".")


def _with(context: Context, build: Build, directory: str, config: Config) -> Planned:
    """`build` filled up with what `context` says."""
    return Planned(context.name, build_of(config, context, directory, build=build), context.budget)


def _relative(config: Config, directory: str) -> str:
    return os.path.relpath(directory, config.directory)


def _where(config: Config) -> str:
    return "this directory" if config.directory == "." else config.directory


def _no_budget(name: str, config: Config) -> InputError:
    where = config.path or "ctxsize.toml"
    return InputError(
        f"{name} has no budget",
        hint=f"--max 50MB, --max-files 5000 or --baseline FILE, or the same in {where}",
    )
