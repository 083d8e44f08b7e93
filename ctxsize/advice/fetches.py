"""The commands of a RUN that fetch packages, and where these are kept."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ctxsize.advice.managers import CACHE_OPTIONS, MANAGERS, Manager, moved_cache
from ctxsize.dockerfile.stages import StageStep
from ctxsize.shell import Command


@dataclass(frozen=True)
class Fetch:
    """A command that fetches packages, in its step."""

    manager: Manager
    command: Command
    step: StageStep
    workdir: str
    """Where it runs, `cd` in front of it included."""
    written: Command
    """The command as it is written."""
    exported: Mapping[str, str]
    """What commands in front of it export."""
    moved: str | None = None
    """Where the RUN is told, in front of it, to keep the cache."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that it sees."""
        return self.step.environment.under({**self.exported, **dict(self.command.assignments)})

    @property
    def cache_setting(self) -> str | None:
        """Return the directory that an option or a setting names for the cache, as written."""
        return self.command.value(*CACHE_OPTIONS) or self.moved

    @property
    def caches(self) -> tuple[str, ...]:
        """Return where it keeps what it fetched; none if that is not known."""
        home = self.environment.get("HOME") or self.step.home
        found: tuple[str, ...] = ()
        if self.cache_setting is not None:
            found = (posixpath.normpath(posixpath.join(self.workdir, self.cache_setting)),)
        elif home is not None:
            found = self.manager.caches(self.environment, home)
        return () if any("$" in each for each in found) else found

    @property
    def cached(self) -> bool:
        """Return whether a mount holds any of its caches, or is one below."""
        return any(
            mount.holds(place) or place == mount.target or mount.target.startswith(place + "/")
            for mount in self.step.caches
            for place in self.caches
        )

    @property
    def meant(self) -> tuple[str, ...]:
        """Return the targets of the cache mounts that are meant for it."""
        return tuple(
            mount.target for mount in self.step.caches if self.manager.is_meant(mount.target)
        )


def fetches(step: StageStep) -> Iterator[Fetch]:
    """Yield the commands of a RUN that fetch packages."""
    exported: dict[str, str] = {}
    moved: dict[str, str] = {}
    for workdir, command in step.located:
        if command.program == "export":
            given = (word.partition("=") for word in command.operands)
            exported |= {name: value for name, equals, value in given if equals}
        shown = module(command)
        if place := moved_cache(shown):
            moved[shown.program] = place
        for manager in MANAGERS:
            if shown.program in manager.called and manager.fetches(shown):
                place = moved.get(shown.program)
                yield Fetch(manager, shown, step, workdir, command, {**exported}, place)


def module(command: Command) -> Command:
    """`python -m pip …` as `pip …`, `corepack pnpm` as `pnpm`, `./mvnw` as `mvn`."""
    words = command.words
    if command.program.startswith("python") and words[1:3] in (("-m", "pip"), ("-m", "uv")):
        words = words[2:]
    elif command.program == "corepack" and len(words) > 1 and words[1] in ("yarn", "pnpm", "npm"):
        words = words[1:]
    elif command.program in _WRAPPERS:
        words = (_WRAPPERS[command.program], *words[1:])
    return Command(words, command.assignments, command.after, command.line)


_WRAPPERS = {"mvnw": "mvn", "gradlew": "gradle", "pip3": "pip", "bundler": "bundle"}
