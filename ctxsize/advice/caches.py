"""The cache mount that a command should have: where, whose, and who else may write to it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from ctxsize.advice.fetches import Fetch
from ctxsize.advice.images import system_of, user_id
from ctxsize.advice.recipe import Recipe, with_option
from ctxsize.advice.repository import Repository, present
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Severity
from ctxsize.recommender.knowledge.tools import rows_of


def owned(stage: BuiltStage, step: StageStep) -> dict[str, str]:
    """Return the options that let the user of `step` write to the mount."""
    user = step.user.partition(":")[0]
    if user in ("", "root", "0"):
        return {}
    number = user if user.isdecimal() else _created(stage, user) or user_id(stage.base, user)
    return {"uid": number} if number else {"mode": "0777"}


def _created(stage: BuiltStage, user: str) -> str:
    """Return the number that a RUN gives to a user that it creates."""
    for step in stage.history:
        for command in step.commands:
            if command.program in ("useradd", "adduser") and user in command.operands:
                number = command.value("-u", "--uid") or ""
                return number if number.isdecimal() else ""
    return ""


def places(recipe: Recipe, fetch: Fetch) -> tuple[str, ...]:
    """Return the directories that a command should find mounted; none if they are not known."""
    if _is_berry(recipe, fetch):
        folder = fetch.environment.get("YARN_GLOBAL_FOLDER")
        home = fetch.environment.get("HOME") or fetch.step.home
        return (f"{folder or f'{home}/.yarn/berry'}/cache",)
    return fetch.caches[: fetch.manager.used]


def _is_berry(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether it is Yarn 2 or later."""
    return fetch.manager.name == "yarn" and present(recipe, ".yarnrc.yml")


def snippet(repository: Repository, recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> str:
    """Return the RUN with the mounts that it lacks, for a person to paste; `""` if unknown.

    It is no edit: what the command leaves in the cache is then missing in the image, and
    whether CMD, a script or a later stage needs it cannot be known from the Dockerfile.
    """
    mounts = tuple(_mounts(repository, recipe, stage, fetch))
    option = next((each for each in fetch.manager.uncached if fetch.command.has(each)), "")
    beside = NOT_IN_THE_IMAGE if may_be_needed(recipe, fetch) else ""
    return f"{run_with(mounts, fetch.step, without=option)}{beside}" if mounts else ""


_LONGEST = 72
"""Number of characters of the longest RUN that is shown whole."""


def run_with(mounts: Iterable[str], step: StageStep, without: str = "") -> str:
    """Return a RUN with further mounts and without an option, and the declaration it needs."""
    shown = " ".join(f"--mount={each}" for each in mounts)
    undeclared = "$TARGETARCH" in shown and not step.environment.declares("TARGETARCH")
    above = ", with ARG TARGETARCH above" if undeclared else ""
    instruction = step.instruction
    command = instruction.text.partition(" ")[2].lstrip()
    is_json = instruction.json_form and without
    if len(command) > _LONGEST or instruction.heredocs or is_json:
        return f"`RUN {shown} …`" + (f", without {without}" if without else "") + above
    command = command.replace(f" {without}", "") if without else command
    return f"`RUN {shown} {command}`{above}"


def _mounts(
    repository: Repository, recipe: Recipe, stage: BuiltStage, fetch: Fetch
) -> Iterator[str]:
    shared = {"sharing": "locked"} if fetch.manager.is_locked else {}
    several = recipe.runs_at_once(stage)
    apart = several or len(repository.systems.get(fetch.manager.name, ())) > 1
    for place in places(recipe, fetch):
        words = (system_of(stage.base).slug, "$TARGETARCH" * several, posixpath.basename(place))
        held = held_at(place) or place.endswith(OF_SEVERAL)
        identity = {"id": "-".join(filter(None, words))} if apart and held else {}
        owner = owned(stage, fetch.step)
        yield with_option("type=cache", **identity, target=place, **shared, **owner)


OF_SEVERAL = ("/.cache", "/go-build")
"""How the directories end that hold what several tools keep, by what runs with them."""


def held_at(place: str) -> tuple[str, str, Severity] | None:
    """Return what a cache there holds that only one system can use: a word, a text, the stake."""
    for name, row in rows_of("held").items():
        if re.search(row["at"], place):
            return name, row["what"], Severity(row["severity"])
    return None


NOT_IN_THE_IMAGE = (
    "; the image does not get what is in the mount, so mount it in later RUNs too, and copy "
    "elsewhere what CMD or another stage needs"
)


def may_be_needed(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether the image may need what is in the cache.

    Poetry keeps its environments there, and Yarn 2 and later what Plug'n'Play loads.
    """
    manager = fetch.manager
    return manager.keeps_in_cache or manager.name == "poetry" or _is_berry(recipe, fetch)
