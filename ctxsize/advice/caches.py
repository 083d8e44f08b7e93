"""The caches of commands that fetch packages: their directories, and the mounts that they need.

Builds can share a cache only if they run on the same system. The system is read from the name of
the base image and from nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from posixpath import basename, join, normpath
from typing import NamedTuple

from ctxsize.advice.recipe import Recipe, with_option
from ctxsize.dockerfile.sources import Mount, contains
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.dockerfile.words import Variables
from ctxsize.findings import Severity
from ctxsize.hidden import Hidden
from ctxsize.knowledge.rules import expression, listed, table
from ctxsize.knowledge.tools import Tool, Work, run_by, works
from ctxsize.syntax import Command
from ctxsize.values import Value

_RELEASES = table("tools.toml")["releases"]  # system and number by the release name of tags
_WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(_RELEASES)})(?![a-z])")
_VERSION = re.compile(r"\d+(?:\.\d+)?")


class System(NamedTuple):
    """The system of an image, as far as its reference names it."""

    name: str  # `debian`, `alpine`, …; `""` if the reference names none
    key: str  # equal for two images if nothing shows that one cannot use what the other compiled
    slug: str  # the system in the id of a cache


def system_of(reference: str) -> System:
    """Return the system of the image `reference`.

    >>> system_of("rust:1.82-slim-bookworm").key, system_of("docker.io/python:3.12-alpine3.20").key
    ('debianbookworm', 'alpine')
    >>> system_of("debian:12").key, system_of("ubuntu:22.04").key, system_of("rust:1.82").name
    ('debianbookworm', 'ubuntujammy', '')
    >>> system_of("rust:1.82").key, system_of("rust:1.83-slim").key, system_of("node:22").key
    ('rust', 'rust', 'node')
    """
    image = reference.partition("@")[0].rpartition("/")[2]
    name, release = _release_of(image)
    slug = image
    # Tags of one tool stand on the same system, unless they name one.
    key = image.partition(":")[0]
    if name:
        slug = f"{name}{release}"
        key = slug
    if name in listed("one_libc"):
        key = name
    if release in _RELEASES:
        slug = release
    elif isinstance(reference, Hidden):
        slug = name or "image"
    return System(name, key, re.sub(r"[^\w.\-]+", "-", slug))


def _release_of(image: str) -> tuple[str, str]:
    """Return the name of an image's system, and its release as a word or a number."""
    repository, _, tag = image.partition(":")
    word = _WORD.search(tag)
    if word:
        return _RELEASES[word[0]].split()[0], word[0]
    start = 0
    system = expression("image_system").match(repository)
    if not system:
        system = expression("image_system").search(tag)
        if not system:
            return "", ""
        start = system.end()
    name = system[0]
    version = _VERSION.match(tag, start)
    if not version:
        return name, ""
    number = version[0]
    for release, numbered in _RELEASES.items():
        if numbered == f"{name} {number}":
            return name, release
    return name, number


class Fetch(Value):
    """A command that fetches packages, with the step that runs it."""

    work: Work
    step: StageStep
    workdir: str
    written: Command
    environment: Variables
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
        manager = self.manager
        directory = self.command.value(*listed("cache_options")) or self.configured
        if directory is None:
            reasons = dict(self._usual_caches())
        elif manager.used > 1:
            return {}  # it has several below this one
        else:
            path = normpath(join(self.workdir, directory))
            reasons = {path: f"an option or a setting of {manager.name} sets it"}
        if any("$" in path for path in reasons):
            return {}
        return reasons

    def _usual_caches(self) -> list[tuple[str, str]]:
        """Return the directories by default or by a variable, with the reasons."""
        manager = self.manager
        home = self.home
        if home is None:
            return []
        if any(map(self.environment.get, manager.unknown_with)):
            return []
        usual = [_resolve(written, self.environment, home) for written in manager.caches]
        _, reason = usual[0]
        if reason:
            return usual[: manager.used]
        if manager.of_root and home == "/root":
            usual.insert(0, (manager.of_root, ""))
        return usual

    @property
    def home(self) -> str | None:
        return self.environment.get("HOME") or self.step.home

    @property
    def cached(self) -> bool:
        """Return whether a cache mount contains one of its caches, or lies below one."""
        for mount in self.step.caches:
            for path in self.caches:
                if contains(mount.target, path):
                    return True
                if mount.target.startswith(f"{path}/"):
                    return True
        return False

    @property
    def mounted(self) -> list[Mount]:
        """Return the cache mounts that are meant for it."""
        words = self.manager.mounted
        return [cache for cache in self.step.caches if any(word in cache.target for word in words)]

    @property
    def refusing_option(self) -> str:
        """Return the option with which it uses no cache, `""` without one."""
        return next(filter(self.command.has, self.manager.uncached), "")

    @property
    def refusing_setting(self) -> str:
        """Return the variable with which it uses no cache and its value, `""` without one."""
        variable, values, _ = self.manager.switch.split("|")
        setting = self.environment.get(variable, "")
        if setting.lower() in values.split():
            return f"{variable}={setting}"
        return ""

    @property
    def emptying(self) -> list[Command]:
        """Return the commands of its RUN that empty its cache."""
        return [command for command in self.step.commands if self._is_emptied_by(command)]

    def _is_emptied_by(self, command: Command) -> bool:
        manager = self.manager
        if command.program == "rm":
            text = " ".join(command.words)
            return any(name in text for name in manager.mounted)
        return any(work.does("empty") and work.tool == manager for work in works(command))


def leaves_downloads(fetch: Fetch) -> bool:
    """Return whether a fetch leaves its downloads in the layer, where a later RUN finds them.

    A cache mount there would hide them from that RUN.
    """
    if fetch.cached or fetch.mounted:
        return False
    if fetch.refusing_option or fetch.refusing_setting:
        return False
    return bool(fetch.caches) and not fetch.emptying


def _resolve(written: str, environment: Variables, home: str) -> tuple[str, str]:
    """Return the directory that `written` resolves to, and a clause if a variable sets it."""
    *variables, usual = written.split("|")
    for variable in variables:
        name, slash, below = variable[1:].partition("/")
        directory = environment.get(name)
        if directory:
            return f"{directory.rstrip('/')}{slash}{below}" or "/", f"{name} sets it"
    if usual.startswith("~"):
        usual = home + usual[1:]
    return usual, ""


def fetches(step: StageStep) -> Iterator[Fetch]:
    """Yield the commands of a RUN that fetch packages."""
    exported = {}
    configured = {}
    for workdir, command in step.located:
        if command.program == "export":
            for word in command.operands:
                name, equals, setting = word.partition("=")
                if equals:
                    exported[name] = setting
        run = run_by(command)
        directory = configured_cache(run)
        if directory:
            configured[run.program] = directory
        for work in works(command):
            if work.does("fetch"):
                directory = configured.get(run.program)
                yield Fetch(
                    work,
                    step,
                    workdir,
                    command,
                    step.environment.under({**exported, **dict(work.command.assignments)}),
                    directory,
                )


def configured_cache(command: Command) -> str | None:
    """Return the cache directory that a `config` command of a package manager sets."""
    match command.operands:
        case ("config", "set", setting, *following) | ("config", setting, *following):
            name, _, directory = setting.partition("=")
            if name in listed("cache_settings"):
                return directory or next(iter(following), None)
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
        folder = fetch.environment.get("YARN_GLOBAL_FOLDER") or f"{fetch.home}/.yarn/berry"
        return (f"{folder}/cache",)
    return tuple(fetch.caches)[: fetch.manager.used]


def _is_berry(recipe: Recipe, fetch: Fetch) -> bool:
    if fetch.manager.name != "yarn":
        return False
    return recipe.holds(".yarnrc.yml")


def snippet(recipe: Recipe, stage: BuiltStage, uncached: Sequence[Fetch]) -> str:
    """Return a RUN with the mounts that its commands lack, ready to paste; `""` if unknown.

    It is no edit: the image then lacks what the commands leave in the cache, and the
    Dockerfile does not show whether CMD, a script or a later stage needs it.
    """
    mounts = dict[str, None]()
    for fetch in uncached:
        mounts |= dict.fromkeys(_missing_mounts(recipe, stage, fetch))
    if not mounts:
        return ""
    without = [fetch.refusing_option for fetch in uncached]
    for fetch in uncached:
        for command in fetch.emptying:
            if command.program != "rm" or len(command.operands) == 1:
                without.append(" ".join(command.words))
    run = run_with(mounts, uncached[0].step, without)
    if any(_keeps_more_than_downloads(recipe, fetch) for fetch in uncached):
        run += NOT_IN_THE_IMAGE
    return run


def _missing_mounts(recipe: Recipe, stage: BuiltStage, fetch: Fetch) -> Iterator[str]:
    """Yield the values of the mounts that hold the caches of a command."""
    for path in cache_directories(recipe, fetch):
        options = {}
        if recipe.runs_at_once(stage) and system_content(path):
            system = system_of(stage.base).slug
            options["id"] = f"{system}-$TARGETARCH-{basename(path)}"
        options["target"] = path
        if fetch.manager.is_locked:
            options["sharing"] = "locked"
        options |= owner_options(fetch.step)
        yield with_option("type=cache", **options)


def _keeps_more_than_downloads(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether the project runs with what the cache holds."""
    # Yarn 2 or later keeps in the cache what Plug'n'Play loads.
    return fetch.manager.keeps_in_cache or _is_berry(recipe, fetch)


def run_with(mounts: Iterable[str], step: StageStep, without: Iterable[str] = ()) -> str:
    """Return a RUN with more mounts, without some words, and the ARG that the mounts need.

    Words that cannot be left out of the text are named behind it.
    """
    flags = " ".join(f"--mount={mount}" for mount in mounts)
    instruction = step.instruction
    command = instruction.text.partition(" ")[2].lstrip()
    if len(command) > _LONGEST or instruction.heredocs:
        command = "…"
    left = []
    for words in filter(None, dict.fromkeys(without)):
        shorter = re.sub(
            rf"(?<!\s)\s*(?:&&|;)\s*{re.escape(words)}(?=\s*(?:[;&|)]|$))", "", command
        )
        if shorter == command:
            left.append(words)
        command = shorter
    run = f"`RUN {flags} {command}`"
    if left:
        run += f", without {' and '.join(left)}"
    if "$TARGETARCH" in flags and not step.environment.declares("TARGETARCH"):
        run += ", with ARG TARGETARCH above"
    return run


class SystemContent(NamedTuple):
    """Content of a cache that only one system can use."""

    name: str
    description: str
    severity: Severity  # that of a cache that different systems share


def system_content(directory: str) -> SystemContent | None:
    """Return what a cache at `directory` contains if only one system can use it, else None."""
    for name, row in table("tools.toml")["held"].items():
        if re.search(row["at"], directory):
            return SystemContent(name, row["what"], Severity(row["severity"]))
    return None
