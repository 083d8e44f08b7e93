"""A Dockerfile as the advice sees it: its builds, a name, and how to change it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ctxsize.advice.rewrite import (
    Change,
    changed,
    lines_of,
    with_option,
    with_words,
    without_option,
)
from ctxsize.discovery import FoundBuild
from ctxsize.dockerfile import Dockerfile, Instruction
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.errors import UndecidedError
from ctxsize.findings import Edit, Fix
from ctxsize.shell import Command

_MOST_STEPS = 500_000
"""Number of steps of all stages of a Dockerfile, each with those of the stages it is built on."""
_SUFFIX = re.compile(r"(?i)(?:docker|container)file[.\-_](.+)|(.+)[.\-_](?:docker|container)file")
"""What distinguishes `Dockerfile.web` or `web.Dockerfile`."""


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

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines of the file without their ends."""
        return lines_of(self.data)

    @property
    def runs(self) -> Iterator[tuple[BuiltStage, StageStep]]:
        """Return every RUN with its stage."""
        return ((stage, step) for stage in self.stages for step in stage.own if step.is_run)

    @property
    def inline(self) -> bool:
        """Return whether no file holds it."""
        return bool(self.builds) and self.builds[0].inline is not None

    @cached_property
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
        for place in (place for each in self.builds for place in each.places):
            if place.how in ("compose", "bake") and place.name:
                return slug(place.name)
        directory, _, name = self.path.rpartition("/")
        above = os.path.basename(os.path.abspath(directory or "."))
        suffix = _SUFFIX.fullmatch(name)
        return slug(suffix[1] or suffix[2] if suffix else above) or "app"

    def text_of(self, instruction: Instruction) -> str:
        """Return an instruction as it stands in the file, its lines joined by line feeds."""
        return "\n".join(self.lines[instruction.line - 1 : instruction.end_line])

    def with_words(self, step: StageStep, words: Mapping[str, str]) -> list[Change]:
        """Return an instruction with other flags and arguments; none if that is not certain."""
        text = self.text_of(step.instruction)
        return _change(step, with_words(text, self.dockerfile.escape, words))

    def without_option(
        self, step: StageStep, option: str, is_meant: Callable[[Command], bool]
    ) -> list[Change]:
        """Return a RUN without an option of the commands meant; none if that is not certain."""
        text = self.text_of(step.instruction)
        return _change(step, without_option(text, self.dockerfile.escape, option, is_meant))

    def with_mounts(self, options: Iterable[tuple[StageStep, str, dict[str, str]]]) -> list[Change]:
        """Return the RUNs with further options for mounts; none if one is not certain."""
        words: dict[StageStep, dict[str, str]] = {}
        for step, written, given in options:
            mount = f"--mount={with_option(written, **given)}"
            words.setdefault(step, {})[f"--mount={written}"] = mount
        made = [self.with_words(step, each) for step, each in words.items()]
        return [change for each in made for change in each] if all(made) else []

    def fix(self, message: str, changes: Iterable[Change], *, certain: bool = False) -> Fix | None:
        """Return the fix that `changes` are; None if they change nothing or no file holds it."""
        after = changed(self.data, changes)
        if self.inline or self.path == "-" or after == self.data:
            return None
        return Fix(message, (Edit(self.path, self.data, after),), certain)


def _change(step: StageStep, text: str | None) -> list[Change]:
    place = step.instruction
    return [] if text is None else [Change(place.line, place.end_line, text)]


def read_recipe(
    path: str, data: bytes, dockerfile: Dockerfile, builds: tuple[FoundBuild, ...] = ()
) -> Recipe:
    """Return the Dockerfile `data` that stands at `path`.

    Raises `UndecidedError` if it would take minutes to look at all that stages are built on.
    """
    stages = built_stages(dockerfile, builds[0].build.build_arguments if builds else {})
    lengths: dict[BuiltStage | None, int] = {None: 0}
    for stage in stages:
        lengths[stage] = len(stage.steps) + lengths[stage.parent]
    if sum(lengths.values()) > _MOST_STEPS:
        message = f"ctxsize advises on no more than {_MOST_STEPS:,} steps of stages and their bases"
        raise UndecidedError(message)
    return Recipe(path, data, dockerfile, stages, builds)


def slug(name: str) -> str:
    """`name` as a part of the id of a cache."""
    return re.sub(r"[^\w.-]", "-", name).strip("-.")
