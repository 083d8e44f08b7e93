"""The cache mount that a command should have: where, whose, and who else may write to it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ctxsize.advice import installs
from ctxsize.advice.fetches import Fetch, module
from ctxsize.advice.held import is_held
from ctxsize.advice.images import system_of, user_id
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, present
from ctxsize.advice.rewrite import Change, declared, fix, with_option
from ctxsize.advice.script import Script
from ctxsize.findings import Fix
from ctxsize.shell import Command, Piece, commands

_USED_CACHES = {"go": 2, "cargo": 2}
"""How many of its caches a manager fills; one if it is not listed."""
_ONE_WRITER = ("cargo", "gradle", "maven")
"""Managers whose caches are spoilt by, or fail for, a second writer."""


def owned(stage: StageFacts, step: Step) -> dict[str, str]:
    """The options of a mount that whoever runs `step` can write to."""
    user = step.user.partition(":")[0]
    if user in ("", "root", "0"):
        return {}
    number = user if user.isdecimal() else _created(stage, user) or user_id(stage.base, user)
    return {"uid": number} if number else {"mode": "0777"}


def _created(stage: StageFacts, user: str) -> str:
    """The number that a RUN gives to a user that it creates."""
    for step in stage.history:
        for command in step.commands:
            if command.program in ("useradd", "adduser") and user in command.operands:
                number = command.value("-u", "--uid") or ""
                return number if number.isdecimal() else ""
    return ""


def places(recipe: Recipe, fetch: Fetch) -> tuple[str, ...]:
    """The directories that a command should find mounted; none if they are not known."""
    if fetch.manager.name == "yarn" and any(present(recipe, (".yarnrc.yml",))):
        folder = fetch.environment.get("YARN_GLOBAL_FOLDER")
        home = fetch.environment.get("HOME") or fetch.step.home
        return (f"{folder or f'{home}/.yarn/berry'}/cache",)
    return fetch.caches[: _USED_CACHES.get(fetch.manager.name, 1)]


@dataclass(frozen=True)
class _Wanted:
    """The mounts that a step should have and has not."""

    values: tuple[str, ...]
    declared: bool
    """Whether the architecture has to be declared in front of it."""


def _wanted(
    repository: Repository, recipe: Recipe, stage: StageFacts, step: Step, fetch: Fetch
) -> _Wanted:
    shared = {"sharing": "locked"} if fetch.manager.name in _ONE_WRITER else {}
    several = recipe.runs_at_once(stage)
    apart = several or len(repository.systems.get(fetch.manager.name, ())) > 1
    values: list[str] = []
    for place in places(recipe, fetch):
        if any(each.holds(place) for each in step.caches):
            continue
        words = (system_of(stage.base).slug, "$TARGETARCH" * several, posixpath.basename(place))
        identity = {"id": "-".join(filter(None, words))} if apart and is_held(place) else {}
        values.append(with_option("type=cache", **identity, target=place, **shared))
    options = owned(stage, step)
    named = any("$TARGETARCH" in value for value in values)
    declared = named and "TARGETARCH" not in step.environment
    return _Wanted(tuple(with_option(each, **options) for each in values), declared)


def mounted(
    repository: Repository, recipe: Recipe, fetches: Iterable[tuple[StageFacts, Fetch]]
) -> Fix | None:
    """The RUNs with these mounts, and without what makes the commands use no cache.

    Where the cache is all that there is of what was fetched, later RUNs get it too.
    None where nothing is missing that is known.
    """
    changes: dict[Step, Change] = {}
    declarations: dict[StageFacts, Change] = {}
    shown: dict[str, None] = {}
    for stage, fetch in fetches:
        for user, step in ((stage, fetch.step), *_later(recipe, fetch)):
            wanted = _wanted(repository, recipe, user, step, fetch)
            if wanted.values and step not in changes:
                changes[step] = _with(recipe.script(step), step, fetch, wanted)
                if wanted.declared:
                    declarations.setdefault(user, declared(recipe.data, step.line))
                shown.update(dict.fromkeys(places(recipe, fetch)))
    if not changes:
        return None
    message = f"mount {' and '.join(shown)}"
    return fix(
        recipe.path,
        recipe.data,
        message,
        (*changes.values(), *declarations.values()),
        certain=False,
    )


def _with(script: Script, step: Step, fetch: Fetch, wanted: _Wanted) -> Change:
    splices = [script.with_mounts(wanted.values)]
    option = next((each for each in fetch.manager.uncached if fetch.command.has(each)), None)
    if option is not None and step is fetch.step:
        splices += script.without_option(option, fetch.manager.programs)
    emptied = [
        each for each in script.pieces if any(map(installs.empties, _commands(script, each)))
    ]
    splices += filter(None, map(script.without, emptied))
    return script.change(splices)


def _commands(script: Script, piece: Piece) -> Iterator[Command]:
    return map(module, commands(script.text(piece)))


KEPT_IN_CACHE = ("go", "cargo", "dotnet", "maven", "gradle")
"""Managers that leave what they fetch in the cache, and nowhere else."""


def _later(recipe: Recipe, fetch: Fetch) -> Iterator[tuple[StageFacts, Step]]:
    """The later RUNs in which the same manager looks for what was fetched."""
    if fetch.manager.name not in KEPT_IN_CACHE:
        return
    for stage in recipe.stages:
        for step in stage.steps if fetch.step in stage.history else ():
            programs = {module(each).program for each in step.commands}
            if step.line > fetch.step.line and programs & set(fetch.manager.programs):
                yield stage, step


def fixed(
    recipe: Recipe, change: Change | None, message: str, *, certain: bool = False
) -> Fix | None:
    """The fix that one change is; None without one."""
    return (
        None
        if change is None
        else fix(recipe.path, recipe.data, message, (change,), certain=certain)
    )
