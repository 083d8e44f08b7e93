"""The cache mount that a command should have: where, whose, and who else may write to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.advice.fetches import Fetch
from ctxsize.advice.images import user_id
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import present
from ctxsize.advice.rewrite import Change, fix, with_option
from ctxsize.findings import Fix

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


def mounts(recipe: Recipe, stage: StageFacts, fetch: Fetch) -> Iterator[str]:
    """The values of the mounts that a command should have and has not."""
    for place in places(recipe, fetch):
        if any(each.holds(place) for each in fetch.step.caches):
            continue
        shared = {"sharing": "locked"} if fetch.manager.name in _ONE_WRITER else {}
        yield with_option(f"type=cache,target={place}", **shared, **owned(stage, fetch.step))


def mounted(recipe: Recipe, fetches: Iterable[tuple[StageFacts, Fetch]]) -> Fix | None:
    """The RUNs with these mounts, and without what makes the commands use no cache.

    Each RUN may come once. None where nothing is missing that is known.
    """
    changes: list[Change] = []
    shown: dict[str, None] = {}
    for stage, fetch in fetches:
        values = tuple(mounts(recipe, stage, fetch))
        script = recipe.script(fetch.step)
        option = next((each for each in fetch.manager.uncached if fetch.command.has(each)), None)
        splices = [script.with_mounts(values)]
        if option is not None:
            splices += script.without_option(option, fetch.manager.programs)
        if values:
            changes.append(script.change(splices))
            shown.update(dict.fromkeys(places(recipe, fetch)))
    if not changes:
        return None
    return fix(recipe.path, recipe.data, f"mount {' and '.join(shown)}", changes, certain=False)


def fixed(
    recipe: Recipe, change: Change | None, message: str, *, certain: bool = False
) -> Fix | None:
    """The fix that one change is; None without one."""
    return (
        None
        if change is None
        else fix(recipe.path, recipe.data, message, (change,), certain=certain)
    )
