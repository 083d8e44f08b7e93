"""Installs that a change of the sources repeats.

CTX202: one that needs little of the sources could come in front of them; of a compiler, which has
to run after each change, only where a command of its own downloads what it needs. CTX223: others
fetch again what a cache mount would keep. Both are silent about an install in front of all
sources: it runs again when the dependencies change, and then most of what it fetches is new.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ctxsize.advice.caches import Fetch, fetches, snippet
from ctxsize.advice.recipe import Recipe, quoted
from ctxsize.advice.repository import Contents, Repository
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Finding
from ctxsize.syntax import Command

_NEEDING_MORE = (
    *("pnpm-workspace.yaml", "go.work"),
    # What was installed on the host would replace what is installed in the image.
    *(".venv/pyvenv.cfg", "venv/pyvenv.cfg", "env/pyvenv.cfg"),
)
"""Files beside a manifest with which it is not enough to copy the manifest first."""
_INCLUDED = re.compile(
    r"^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|/|file:)|@\s*file:", re.M
)
"""What makes a file of requirements need others."""
_OF_FILES = ("-e", "--editable", "-c", "--constraint")
_OWN_TOOLS = {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}


class Repeated(NamedTuple):
    """An install that each change of the sources repeats."""

    everything: StageStep
    """What copies the sources."""
    fetch: Fetch
    contents: Contents
    """The files around it."""
    files: tuple[str, ...]
    """What it reads of these; directories end with a slash."""


def copied_too_early(repository: Repository) -> Iterator[Finding]:
    """Yield CTX202, at the instruction that copies too much; cargo is the business of CTX210."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            found = _repeated_install(repository, recipe, stage)
            if found is None:
                continue
            fetch = found.fetch
            command = f"`{' '.join(fetch.command.words[:4])}` (line {fetch.step.line})"
            does = (
                f"makes {command} download everything"
                if fetch.does("compile")
                else f"runs {command}"
            )
            yield recipe.finding(
                "CTX202",
                found.everything.line,
                f"every change in the context {does} again",
                evidence=tuple(f"{name} is there" for name in found.files[:3]),
                help=_in_front(found),
            )


def _repeated_install(repository: Repository, recipe: Recipe, stage: BuiltStage) -> Repeated | None:
    """Return the first install of a stage that could come before the sources."""
    everything: StageStep | None = None
    before: set[str] = set()
    own = set(stage.own)
    for step in stage.history:
        if step.takes_all:
            if step.is_inherited:
                return None  # it comes in front of all that the stage could copy early
            everything = everything or step
            continue
        for fetch in fetches(step):
            if everything is None or fetch.cached:
                before |= {fetch.manager.name} if fetch.does("manifest") else set()
            elif {everything, step} <= own and fetch.manager.name not in before:
                found = _repeated(repository, recipe, everything, fetch)
                if found is not None and _in_front(found):
                    return found
    return None


def _repeated(
    repository: Repository, recipe: Recipe, everything: StageStep, fetch: Fetch
) -> Repeated | None:
    """Return the install, if it needs little and there is a manifest where it runs."""
    manager = fetch.manager
    if not fetch.does("manifest") or (fetch.does("compile") and not manager.downloads):
        return None
    given = fetch.command.value(*manager.elsewhere) if manager.elsewhere else None
    inside = everything.inside(posixpath.join(fetch.workdir, given or ""))
    if inside is None or _is_vendored(recipe, fetch):
        return None
    contents = Contents(repository, recipe, inside)
    # Without a file of requirements, pip installs the project itself.
    own = () if fetch.command.operands[:1] == ("pip",) else manager.files
    files = tuple(filter(contents.has, _requirements(fetch.command) or own))
    is_there = not all(each.startswith(".") for each in files)
    return Repeated(everything, fetch, contents, files) if is_there else None


def _is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether Go compiles what the context holds, and downloads nothing."""
    if fetch.manager.name != "go" or fetch.command.operands[:1] == ("mod",):
        return False
    return fetch.command.value("-mod") == "vendor" or recipe.holds("vendor/modules.txt")


def _requirements(command: Command) -> tuple[str, ...]:
    """Return the requirements files that pip and its like are given."""
    words = command.words
    behind = [value for option, value in pairwise(words) if option in ("-r", "--requirement")]
    joined = [word.partition("=")[2] for word in words if word.startswith("--requirement=")]
    synced = command.operands[2:] if command.operands[:2] == ("pip", "sync") else ()
    return (*behind, *joined, *synced)


def _in_front(found: Repeated) -> str:
    """Return what to write: manifests, install, sources; `""` where that may not be enough."""
    fetch, everything = found.fetch, found.everything
    sources, copy = everything.instruction, _copy_of_manifests(found)
    is_movable = everything.workdir == fetch.step.workdir or sources.arguments[-1].startswith("/")
    if not is_movable or not _is_enough(found):
        return ""
    written = " ".join(map(quoted, fetch.written.words))
    install = f"`{written}` (line {fetch.step.line})"
    options = () if _requirements(fetch.command) else fetch.manager.early
    lacking = [each for each in options if not fetch.command.has(each)]
    if not (lacking or fetch.does("compile")):
        return f"write `{copy}` here, and `{sources.text}`, with all that needs it, below {install}"
    early = fetch.manager.downloads if fetch.does("compile") else " ".join((written, *lacking))
    return f"write `{copy}` here, and `RUN {early}` and `{sources.text}` in front of {install}"


def _copy_of_manifests(found: Repeated) -> str:
    """Return the instruction that copies the manifests to where they come with everything else."""
    copy, below = found.everything.instruction, found.contents.below
    flags = [each for each in copy.flags if each.startswith(("--chown", "--chmod", "--link"))]
    to = posixpath.normpath(posixpath.join(copy.arguments[-1], below)).rstrip("/") + "/"
    to = to if to.startswith(("/", "./", "../", "$")) else f"./{to}"
    return " ".join(("COPY", *flags, *(posixpath.join(below, each) for each in found.files), to))


def _is_enough(found: Repeated) -> bool:
    """Return whether the files are all that the install needs, and the sources spare its results.

    What the context holds of the directories that it makes would replace them.
    """
    command, manager, contents = found.fetch.command, found.fetch.manager, found.contents
    if given := _requirements(command):
        operands = (word for word in command.operands if word not in given)
        if command.has(*_OF_FILES) or any(word.startswith((".", "/")) for word in operands):
            return False
        if len(found.files) < len(given) or any(_INCLUDED.search(contents.text(e)) for e in given):
            return False
    elif not manager.files or manager.needs_more_than(contents.text(manager.files[0])):
        return False
    # A path with blanks is left to a person too, as is a file of another directory.
    are_plain = not any(set(each) & set("/ \t[*?") for each in found.files)
    more = (*_NEEDING_MORE, *(f"{each}/" for each in manager.directories))
    return are_plain and " " not in contents.below and not any(map(contents.has, more))


def missing_caches(repository: Repository) -> Iterator[Finding]:
    """Yield CTX223, once for each RUN and manager; what CTX202 is about is left to it."""
    for recipe in repository.recipes:
        for stage in recipe.stages:
            repeated = _repeated_install(repository, recipe, stage)
            seen = set() if repeated is None else {(repeated.fetch.step, repeated.fetch.manager)}
            own = set(stage.own)
            for fetch, line in _uncached(recipe, stage):
                key = fetch.step, fetch.manager
                if fetch.step in own and key not in seen:
                    seen.add(key)
                    command = " ".join(fetch.command.words[:4])
                    yield recipe.finding(
                        "CTX223",
                        fetch.step.line,
                        f"every change of what line {line} takes makes `{command}` download "
                        "everything again",
                        help=snippet(recipe, stage, fetch),
                    )


def _uncached(recipe: Recipe, stage: BuiltStage) -> Iterator[tuple[Fetch, int]]:
    """Yield what the RUNs behind the sources fetch again, and the line that brings these."""
    line, bundle_path, fetched = 0, False, set[object]()
    for step in stage.history:
        # The first COPY or mount of a directory brings sources; a tool's (`.yarn`) holds none.
        if line == 0 and any(_is_directory(recipe, e) for e in step.sources):
            line = step.line
        # Bundler with a place of its own to install to keeps its downloads there, by Ruby.
        bundle_path |= any(_sets_bundle_path(command.words) for command in step.commands)
        found = [*fetches(step)]
        for fetch in found:
            own_path = bundle_path or fetch.command.has("--path", "--deployment")
            is_elsewhere = fetch.manager.name == "bundler" and own_path
            is_there = _what(fetch) in fetched and not fetch.does("again")
            if line and not (is_elsewhere or is_there or _has_nothing_to_keep(recipe, fetch)):
                yield fetch, line
        fetched |= {_what(each) for each in found if _stays(each)}


def _is_directory(recipe: Recipe, source: str) -> bool:
    found = (os.path.isdir(os.path.join(each, source)) for each in recipe.contexts)
    return source == "." or (not source.startswith(".") and any(found))


def _sets_bundle_path(words: tuple[str, ...]) -> bool:
    is_named = any("path" in word or "deployment" in word for word in words)
    return words[:2] == ("bundle", "config") and is_named


def _what(fetch: Fetch) -> object:
    """Return what two commands have in common that fetch the same."""
    manager = fetch.manager
    return manager.name if manager.keeps_in_cache else (manager.name, fetch.workdir)


def _stays(fetch: Fetch) -> bool:
    """Return whether a later RUN finds what it fetched."""
    in_mount = fetch.cached and fetch.manager.keeps_in_cache
    return fetch.does("manifest") and not in_mount


def _has_nothing_to_keep(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether a mount is there, or meant to be, or nothing is fetched that could be kept."""
    command, name = fetch.command, fetch.manager.name
    if fetch.cached or fetch.meant or not fetch.caches:
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in fetch.step.caches):
        return True
    if command.has("--offline", "-g", "--global") or _is_vendored(recipe, fetch):
        return True
    if name == "pip" and not command.has("-r", "--requirement"):
        wanted = {word for word in command.operands if word != "install"}
        is_local = all(word.startswith(("/", "./")) and "*" in word for word in wanted)
        return bool(wanted) and (wanted <= _OWN_TOOLS or is_local)
    return name == "maven" and command.has("-o")
