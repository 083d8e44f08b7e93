"""The caches of commands that fetch packages: their directories, and the mounts that they need.

Builds can share a cache only if they run on the same system. The system is read from the name of
the base image and from nothing else.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ctxsize.advice.recipe import Recipe, with_option
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Severity
from ctxsize.hidden import Hidden
from ctxsize.knowledge.rules import expression, listed, table
from ctxsize.knowledge.tools import Tool, Work, run_by, works
from ctxsize.syntax import Command

_RELEASES = table("tools.toml")["releases"]  # system and number by the release name of tags
_WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(_RELEASES)})(?![a-z])")
_VERSION = re.compile(r"\d+(?:\.\d+)?")


class System(NamedTuple):
    """The system of an image, as far as its reference names it."""

    name: str  # `debian`, `alpine`, …; `""` if the reference names none
    key: str  # equal for two images if their references show no difference between the systems
    slug: str  # the system in the id of a cache


def system_of(reference: str) -> System:
    """Return the system of the image `reference`.

    >>> system_of("rust:1.82-slim-bookworm").key, system_of("docker.io/python:3.12-alpine3.20").key
    ('debianbookworm', 'alpine3.20')
    >>> system_of("debian:12").key, system_of("ubuntu:22.04").key, system_of("rust:1.82").name
    ('debianbookworm', 'ubuntujammy', '')
    """
    image = reference.partition("@")[0].rpartition("/")[2]
    repository, _, tag = image.partition(":")
    systems = expression("image_system")
    by_repository = systems.match(repository)
    by_tag = systems.search(tag)
    name = release = ""
    if word := _WORD.search(tag):
        name = _RELEASES[word[0]].split()[0]
        release = word[0]
    elif system := by_repository or by_tag:
        version = _VERSION.match(tag, 0 if by_repository else system.end())
        name = system[0]
        if version:
            number = version[0]
        else:
            number = ""
        words = (word for word, known in _RELEASES.items() if known == f"{name} {number}")
        release = next(words, number)
    if name:
        key = f"{name}{release}"
    else:
        key = image
    if release in _RELEASES:
        slug = release
    else:
        slug = key
    if isinstance(reference, Hidden) and slug == key:
        slug = name or "image"
    return System(name, key, re.sub(r"[^\w.\-]+", "-", slug))


@dataclass(frozen=True)
class Fetch:
    """A command that fetches packages, with the step that runs it."""

    work: Work
    step: StageStep
    workdir: str
    written: Command
    environment: Mapping[str, str]
    configured: str | None  # the cache directory that an earlier `config` command of the RUN sets

    @property
    def manager(self) -> Tool:
        return self.work.tool

    @property
    def command(self) -> Command:
        return self.work.command

    @cached_property
    def caches(self) -> dict[str, str]:
        """Return the directories in which it keeps downloads, usual ones first; empty if unknown.

        The values are the reasons for which they are there, `""` for the default.
        """
        home = self.environment.get("HOME") or self.step.home
        manager = self.manager
        found = list[tuple[str, str]]()
        if (given := self.command.value(*listed("cache_options")) or self.configured) is not None:
            place = posixpath.normpath(posixpath.join(self.workdir, given))
            found = [(place, f"an option or a setting of {manager.name} sets it")]
        elif home is not None and not any(map(self.environment.get, manager.unknown_with)):
            found = [_resolved(each, self.environment, home) for each in manager.caches]
            if found[0][1]:
                found = found[: manager.used]
            elif manager.of_root and home == "/root":
                found.insert(0, (manager.of_root, ""))
        if any("$" in place for place, _ in found):
            return {}
        return dict(found)

    @property
    def cached(self) -> bool:
        """Return whether a cache mount contains one of its caches, or lies below one."""
        pairs = ((mount, place) for mount in self.step.caches for place in self.caches)
        return any(e.holds(place) or e.target.startswith(f"{place}/") for e, place in pairs)

    @property
    def mounted(self) -> tuple[str, ...]:
        """Return the targets of the cache mounts that are meant for it."""
        words = self.manager.mounted
        targets = (mount.target for mount in self.step.caches)
        return tuple(each for each in targets if any(word in each for word in words))


def _resolved(written: str, environment: Mapping[str, str], home: str) -> tuple[str, str]:
    """Return the directory that `written` resolves to, and a clause if a variable sets it."""
    *given, usual = written.split("|")
    for each in given:
        name, slash, below = each[1:].partition("/")
        if value := environment.get(name):
            return f"{value.rstrip('/')}{slash}{below}" or "/", f"{name} sets it"
    return (home + usual[1:] if usual.startswith("~") else usual), ""


def fetches(step: StageStep) -> Iterator[Fetch]:
    """Yield the commands of a RUN that fetch packages."""
    exported = dict[str, str]()
    configured = dict[str, str]()
    for workdir, command in step.located:
        if command.program == "export":
            named = (word.partition("=") for word in command.operands)
            exported |= {name: value for name, equals, value in named if equals}
        program = run_by(command).program
        if place := configured_cache(run_by(command)):
            configured[program] = place
        for work in works(command):
            if work.does("fetch"):
                given = {**exported, **dict(work.command.assignments)}
                environment = step.environment.under(given)
                place = configured.get(program)
                yield Fetch(work, step, workdir, command, environment, place)


def configured_cache(command: Command) -> str | None:
    """Return the cache directory that a `config` command of a package manager sets."""
    words = command.operands
    if words[:1] != ("config",):
        return None
    if words[1:2] == ("set",):
        given = words[2:]
    else:
        given = words[1:]
    if given:
        name, _, value = given[0].partition("=")
    else:
        name = ""
        _ = ""
        value = ""
    if name in listed("cache_settings"):
        return value or next(iter(given[1:2]), None)
    return None


NOT_IN_THE_IMAGE = (
    "; the image does not include the mount, so add it to later RUNs too, and copy out of it what "
    "CMD or another stage needs"
)
_LONGEST = 72


def owner_options(step: StageStep) -> dict[str, str]:
    """Return the mount options that let the user of `step` write to the mount."""
    user = step.state.user.partition(":")[0]
    if user in ("", "root", "0"):
        return {}
    # `parseMount` of BuildKit takes a number for `uid`; without one the cache belongs to root.
    if user.isdecimal():
        return {"uid": user}
    return {"mode": "0777"}


def cache_directories(recipe: Recipe, fetch: Fetch) -> tuple[str, ...]:
    """Return the directories to mount for a command; none if they are unknown."""
    if _is_berry(recipe, fetch):
        folder = fetch.environment.get("YARN_GLOBAL_FOLDER")
        home = fetch.environment.get("HOME") or fetch.step.home
        return (f"{folder or f'{home}/.yarn/berry'}/cache",)
    return tuple(fetch.caches)[: fetch.manager.used]


def _is_berry(recipe: Recipe, fetch: Fetch) -> bool:
    return fetch.manager.name == "yarn" and recipe.holds(".yarnrc.yml")


def snippet(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> str:
    """Return the RUN with the mounts that it lacks, ready to paste; `""` if unknown.

    It is no edit: the image then lacks what the command leaves in the cache, and the
    Dockerfile does not show whether CMD, a script or a later stage needs it.
    """
    manager = fetch.manager
    mounts = list[str]()
    if manager.is_locked:
        shared = {"sharing": "locked"}
    else:
        shared = {}
    owner = owner_options(fetch.step)
    for place in cache_directories(recipe, fetch):
        own = {}
        if recipe.runs_at_once(stage) and system_content(place):
            system = system_of(stage.base).slug
            name = posixpath.basename(place)
            own = {"id": f"{system}-$TARGETARCH-{name}"}
        mounts.append(with_option("type=cache", **own, target=place, **shared, **owner))
    option = next(filter(fetch.command.has, manager.uncached), "")
    # Poetry keeps its environments in the cache, and Yarn 2 or later what Plug'n'Play loads.
    is_needed = manager.keeps_in_cache or manager.name == "poetry" or _is_berry(recipe, fetch)
    if is_needed:
        beside = NOT_IN_THE_IMAGE
    else:
        beside = ""
    if mounts:
        return f"{run_with(mounts, fetch.step, option)}{beside}"
    return ""


def run_with(mounts: Iterable[str], step: StageStep, without: str = "") -> str:
    """Return a RUN with more mounts, an option to leave out, and the ARG that the mounts need."""
    shown = " ".join(f"--mount={each}" for each in mounts)
    undeclared = "$TARGETARCH" in shown and not step.environment.declares("TARGETARCH")
    command = step.instruction.text.partition(" ")[2].lstrip()
    if len(command) > _LONGEST or step.instruction.heredocs:
        command = "…"
    if without:
        less = f", without {without}"
    else:
        less = ""
    if undeclared:
        above = ", with ARG TARGETARCH above"
    else:
        above = ""
    return f"`RUN {shown} {command}`{less}{above}"


def system_content(directory: str) -> tuple[str, str, Severity] | None:
    """Return name, description and weight of content that only one system can use, else None."""
    for name, row in table("tools.toml")["held"].items():
        if re.search(row["at"], directory):
            return name, row["what"], Severity(row["severity"])
    return None
