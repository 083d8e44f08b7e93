"""A Dockerfile as the advice sees it: its builds, a name, and how to change it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ctxsize.advice.rewrite import Change, Script, Splice, changed, read_script, with_option
from ctxsize.discovery import FoundBuild
from ctxsize.dockerfile import Dockerfile
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.errors import UndecidedError
from ctxsize.findings import Edit, Fix

_MOST_STEPS = 500_000
"""Number of steps of all stages of a Dockerfile, each with those of the stages it is built on."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A Dockerfile that can be read, and the builds that read it."""

    path: str
    data: bytes
    dockerfile: Dockerfile
    stages: tuple[BuiltStage, ...]
    builds: tuple[FoundBuild, ...] = ()
    name: str = ""
    """Its service, or more where another Dockerfile builds a service of that name."""

    @property
    def runs(self) -> Iterator[tuple[BuiltStage, StageStep]]:
        """Return every RUN with its stage."""
        return ((stage, step) for stage in self.stages for step in stage.own if step.is_run)

    @property
    def inline(self) -> bool:
        """Return whether no file holds it."""
        return bool(self.builds) and self.builds[0].inline is not None

    @property
    def contexts(self) -> tuple[str, ...]:
        """Return the contexts in which it is built, each once."""
        return tuple(dict.fromkeys(each.build.context for each in self.builds))

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the platforms that one of its builds is for, if several at once."""
        return max((each.build.platforms for each in self.builds), key=len, default=())

    def runs_at_once(self, stage: BuiltStage) -> bool:
        """Return whether one build runs the steps of a stage for several platforms at once."""
        pinned = "BUILDPLATFORM" in stage.platform or "/" in stage.platform
        return len(self.platforms) > 1 and not pinned

    @property
    def service(self) -> str:
        """Return a name for what it builds, to keep its caches apart from others."""
        for each in self.builds:
            for place in each.places:
                if place.how in ("compose", "bake") and place.name:
                    return slug(place.name)
        directory, _, name = self.path.rpartition("/")
        suffix = _suffix(name)
        above = os.path.basename(os.path.abspath(directory or "."))
        return slug(suffix or above) or "app"

    def script(self, step: StageStep) -> Script:
        """Return the text of a RUN, to change it."""
        return read_script(self.data, step.instruction, self.dockerfile.escape)

    def with_mounts(self, options: Iterable[tuple[StageStep, str, dict[str, str]]]) -> list[Change]:
        """Return the RUNs with further options for mounts; none if one is not found."""
        splices: dict[StageStep, list[Splice]] = {}
        for step, written, changed_options in options:
            mount = with_option(written, **changed_options)
            splice = self.script(step).with_mount(written, mount)
            if splice is None:
                return []
            splices.setdefault(step, []).append(splice)
        return [self.script(step).change(each) for step, each in splices.items()]

    def fix(self, message: str, changes: Iterable[Change], *, certain: bool = False) -> Fix | None:
        """Return the fix that `changes` are; None if they change nothing or no file holds it."""
        after = changed(self.data, changes)
        if self.inline or self.path == "-" or after == self.data:
            return None
        return Fix(message, (Edit(self.path, self.data, after),), certain)


def read_recipe(
    path: str,
    data: bytes,
    dockerfile: Dockerfile,
    builds: tuple[FoundBuild, ...] = (),
) -> Recipe:
    """Return the Dockerfile `data` that stands at `path`. Raises `DockerfileError`."""
    given = builds[0].build.build_arguments if builds else {}
    stages = built_stages(dockerfile, given)
    _check_histories(stages)
    return Recipe(path, data, dockerfile, stages, builds)


def _check_histories(stages: tuple[BuiltStage, ...]) -> None:
    """Raise UndecidedError if it would take minutes to look at all that stages are built on."""
    lengths: dict[BuiltStage | None, int] = {None: 0}
    for stage in stages:
        lengths[stage] = len(stage.steps) + lengths[stage.parent]
    if sum(lengths.values()) > _MOST_STEPS:
        message = f"ctxsize advises on no more than {_MOST_STEPS:,} steps of stages and their bases"
        raise UndecidedError(message)


def _suffix(name: str) -> str:
    """Return what distinguishes `Dockerfile.web` or `web.Dockerfile`, `""` for the plain name."""
    lower = name.lower()
    for word in ("dockerfile", "containerfile"):
        for joint in ".-_":
            if lower.startswith(word + joint):
                return name[len(word) + 1 :]
            if lower.endswith(joint + word):
                return name[: -len(word) - 1]
    return ""


def slug(name: str) -> str:
    """`name` as a part of the id of a cache."""
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in name).strip("-.")
