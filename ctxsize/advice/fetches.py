"""The commands of a RUN that fetch packages, and where these are kept."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ctxsize.dockerfile.stages import StageStep
from ctxsize.recommender.knowledge.tools import Tool, Work, run_by, works
from ctxsize.shell import Command

_SETTINGS = ("store-dir", "storeDir", "cache", "cache-dir", "cache-folder", "cacheFolder", "home")
"""Settings that say where the cache is."""
_OPTIONS = ("--store-dir", "--cache-dir", "--cache-folder", "--cache", "--packages")
"""Options that say where the cache is, for one command."""


@dataclass(frozen=True)
class Fetch:
    """A command that fetches packages, in its step."""

    work: Work
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
    def manager(self) -> Tool:
        """Return the package manager."""
        return self.work.tool

    @property
    def command(self) -> Command:
        """Return the command without what only launches it."""
        return self.work.command

    @property
    def reads_manifest(self) -> bool:
        """Return whether what it fetches is listed in a file of the context."""
        return self.work.does("manifest")

    @property
    def compiles(self) -> bool:
        """Return whether it has to run after each change of the sources anyway."""
        return self.work.does("compile")

    @property
    def fetches_again(self) -> bool:
        """Return whether it fetches again what an earlier RUN installed."""
        return self.work.does("again")

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that it sees."""
        return self.step.environment.under({**self.exported, **dict(self.command.assignments)})

    @property
    def cache_setting(self) -> str | None:
        """Return the directory that an option or a setting names for the cache, as written."""
        return self.command.value(*_OPTIONS) or self.moved

    @property
    def caches(self) -> tuple[str, ...]:
        """Return where it keeps what it fetched; none if that is not known."""
        home = self.environment.get("HOME") or self.step.home
        found: tuple[str, ...] = ()
        if self.cache_setting is not None:
            found = (posixpath.normpath(posixpath.join(self.workdir, self.cache_setting)),)
        elif home is not None:
            found = self._places(home)
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
        words = self.manager.mounted
        targets = (mount.target for mount in self.step.caches)
        return tuple(each for each in targets if any(word in each for word in words))

    def _places(self, home: str) -> tuple[str, ...]:
        """Return where the manager keeps what it fetched, the usual directories first."""
        manager = self.manager
        if any(self.environment.get(each) for each in manager.unknown_with):
            return ()
        found = [_place(each, self.environment, home) for each in manager.caches]
        if found[0][1]:
            found = found[: manager.used]
        elif manager.of_root and home == "/root":
            found.insert(0, (manager.of_root, ""))
        return tuple(dict.fromkeys(place for place, _ in found))

    def variable(self, directory: str) -> str:
        """Return the variable that says that its cache is in a directory, `""` if none does."""
        named = (_place(each, self.environment, "~") for each in self.manager.caches)
        return next((name for place, name in named if name and place == directory), "")


def _place(written: str, environment: Mapping[str, str], home: str) -> tuple[str, str]:
    """Return the directory that a place stands for, and the variable that names it, if any."""
    *given, usual = written.split("|")
    for each in given:
        name, slash, below = each[1:].partition("/")
        if value := environment.get(name):
            return f"{value.rstrip('/')}{slash}{below}" or "/", name
    return (home + usual[1:] if usual.startswith("~") else usual), ""


def fetches(step: StageStep) -> Iterator[Fetch]:
    """Yield the commands of a RUN that fetch packages."""
    exported: dict[str, str] = {}
    moved: dict[str, str] = {}
    for workdir, command in step.located:
        if command.program == "export":
            given = (word.partition("=") for word in command.operands)
            exported |= {name: value for name, equals, value in given if equals}
        run = run_by(command)
        if place := moved_cache(run):
            moved[run.program] = place
        for work in works(command):
            if work.does("fetch"):
                yield Fetch(work, step, workdir, command, {**exported}, moved.get(run.program))


def moved_cache(command: Command) -> str | None:
    """Return the directory in which a command of configuration puts the cache of its manager."""
    words = command.operands
    if words[:1] != ("config",):
        return None
    rest = words[2:] if words[1:2] == ("set",) else words[1:]
    name, _, value = rest[0].partition("=") if rest else ("", "", "")
    return (value or next(iter(rest[1:2]), None)) if name in _SETTINGS else None
