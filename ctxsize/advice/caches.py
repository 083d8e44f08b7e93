"""The caches of commands that fetch packages: where they are, and the mounts they should have.

A cache can only be shared by builds on one system. Its name is read from the name of the base
image, and no more than that.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ctxsize.advice.recipe import Recipe, with_option
from ctxsize.dockerfile.images import repository_of
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Severity
from ctxsize.recommender.knowledge.tools import Tool, Work, rows_of, run_by, works
from ctxsize.syntax import Command

_RELEASES = {
    "forky": ("debian", "14"),
    "trixie": ("debian", "13"),
    "bookworm": ("debian", "12"),
    "bullseye": ("debian", "11"),
    "buster": ("debian", "10"),
    "sid": ("debian", "unstable"),
    "resolute": ("ubuntu", "26.04"),
    "noble": ("ubuntu", "24.04"),
    "jammy": ("ubuntu", "22.04"),
    "focal": ("ubuntu", "20.04"),
    "bionic": ("ubuntu", "18.04"),
}
"""Releases that tags name, each with its system and its number."""
_WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(_RELEASES)})(?![a-z])")
_SYSTEM = re.compile(
    r"debian|ubuntu|alpine|fedora|rockylinux|almalinux|amazonlinux|centos|wolfi|ubi\d+|archlinux"
    r"|opensuse"
)
_VERSION = re.compile(r"\d+(?:\.\d+)?")
_USERS = ("node", "gradle", "jenkins")
"""Official images that bring a user of their name along, with the number 1000."""


class System(NamedTuple):
    """The system of an image as far as its reference names it."""

    name: str
    """`debian`, `alpine`, …; `""` if not named."""
    key: str
    """Equal where nothing tells two images apart."""
    slug: str
    """A word for it in the id of a cache."""


def system_of(reference: str) -> System:
    """Return the system of the image `reference`.

    >>> system_of("rust:1.82-slim-bookworm").key, system_of("docker.io/python:3.12-alpine3.20").key
    ('debianbookworm', 'alpine3.20')
    >>> system_of("debian:12").key, system_of("ubuntu:22.04").key, system_of("rust:1.82").name
    ('debianbookworm', 'ubuntujammy', '')
    """
    image = reference.partition("@")[0].rpartition("/")[2]
    name, release = _named(*image.partition(":")[::2])
    key = f"{name}{release}" if name else image
    return System(name, key, re.sub(r"[^\w.\-]+", "-", release if release in _RELEASES else key))


def _named(repository: str, tag: str) -> tuple[str, str]:
    """Return the system and its release, `""` for what is not named."""
    if word := _WORD.search(tag):
        return _RELEASES[word[0]][0], word[0]
    by_repository, by_tag = _SYSTEM.match(repository), _SYSTEM.search(tag)
    system = by_repository or by_tag
    if system is None:
        return "", ""
    version = _VERSION.match(tag, 0 if by_repository else system.end())
    number = version[0] if version else ""
    words = (word for word, known in _RELEASES.items() if known == (system[0], number))
    return system[0], next(words, number)


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
    """The directory of the cache, if an instruction in front of the RUN names one."""

    @property
    def manager(self) -> Tool:
        """Return the package manager."""
        return self.work.tool

    @property
    def command(self) -> Command:
        """Return the command without what only launches it."""
        return self.work.command

    def does(self, what: str) -> bool:
        """Return whether it does `what` about packages, see `Job.does`."""
        return self.work.does(what)

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


OF_SEVERAL = ("/.cache", "/go-build")
"""Ends of directories that hold what several tools keep."""
NOT_IN_THE_IMAGE = (
    "; the image does not get what is in the mount, so mount it in later RUNs too, and copy "
    "elsewhere what CMD or another stage needs"
)
_LONGEST = 72
"""Number of characters of the longest RUN that is shown whole."""


def owned(stage: BuiltStage, step: StageStep) -> dict[str, str]:
    """Return the options that let the user of `step` write to the mount."""
    user = step.state.user.partition(":")[0]
    if user in ("", "root", "0"):
        return {}
    number = user if user.isdecimal() else _created(stage, user)
    if user in _USERS and user == repository_of(stage.base):
        number = number or "1000"
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
    return fetch.manager.name == "yarn" and recipe.holds(".yarnrc.yml")


def snippet(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> str:
    """Return the RUN with the mounts that it lacks, for a person to paste; `""` if unknown.

    It is no edit: what the command leaves in the cache is then missing in the image, and
    whether CMD, a script or a later stage needs it cannot be known from the Dockerfile.
    """
    manager, mounts = fetch.manager, tuple(_mounts(recipe, stage, fetch))
    option = next((each for each in manager.uncached if fetch.command.has(each)), "")
    # Poetry keeps its environments in the cache, and Yarn 2 and later what Plug'n'Play loads.
    is_needed = manager.keeps_in_cache or manager.name == "poetry" or _is_berry(recipe, fetch)
    beside = NOT_IN_THE_IMAGE if is_needed else ""
    return f"{run_with(mounts, fetch.step, without=option)}{beside}" if mounts else ""


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


def _mounts(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> Iterator[str]:
    shared = {"sharing": "locked"} if fetch.manager.is_locked else {}
    several = recipe.runs_at_once(stage)
    apart = several or fetch.manager.name in recipe.on_several
    for place in places(recipe, fetch):
        words = (system_of(stage.base).slug, "$TARGETARCH" * several, posixpath.basename(place))
        held = held_at(place) or place.endswith(OF_SEVERAL)
        identity = {"id": "-".join(filter(None, words))} if apart and held else {}
        owner = owned(stage, fetch.step)
        yield with_option("type=cache", **identity, target=place, **shared, **owner)


def held_at(place: str) -> tuple[str, str, Severity] | None:
    """Return what a cache there holds that only one system can use: a word, a text, the stake."""
    for name, row in rows_of("held").items():
        if re.search(row["at"], place):
            return name, row["what"], Severity(row["severity"])
    return None


def used_on_several_systems(recipes: Iterable[Recipe]) -> Iterator[str]:
    """Yield the package managers that run on more than one system."""
    found: dict[str, set[str]] = {}
    for recipe in recipes:
        for stage, step in recipe.runs:
            for fetch in fetches(step):
                found.setdefault(fetch.manager.name, set()).add(system_of(stage.base).key)
    return (name for name, systems in found.items() if len(systems) > 1)
