"""CTX202: sources that are copied before the dependencies are installed.

It speaks of an install that a change of the sources repeats although it needs little of them:
of a compiler, which has to run after each change, only where a command of its own downloads what
it needs, and not at all where a cache mount holds the downloads.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ctxsize.advice.caches import snippet
from ctxsize.advice.contents import Contents
from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.recipe import Recipe
from ctxsize.advice.repository import Repository, finding, present
from ctxsize.advice.rewrite import quoted
from ctxsize.dockerfile import Instruction
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.findings import Finding
from ctxsize.recommender.knowledge.tools import Tool
from ctxsize.shell import Command

_WORKSPACES = ("pnpm-workspace.yaml", "go.work")
"""Files beside a manifest by which an install reads further manifests."""
_ENVIRONMENTS = (".venv", "venv", "env")
_INCLUDED = re.compile(r"^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|/|file:)", re.M)
_LOCAL = re.compile(r"@\s*file:")


class Repeated(NamedTuple):
    """An install that each change of the sources repeats."""

    everything: StageStep
    """What copies the sources."""
    fetch: Fetch
    inside: str
    """The directory of the context in which it finds itself."""
    files: tuple[str, ...]
    """What it reads, relative to that directory; directories end with a slash."""
    early: str = ""
    """What to write: manifests, install, sources; `""` where that may not be enough."""


def copied_too_early(repository: Repository) -> Iterator[Finding]:
    """CTX202, at the instruction that copies too much; cargo is the business of CTX210."""
    for recipe in repository.recipes:
        seen: set[tuple[StageStep, Tool]] = set()
        for stage in recipe.stages:
            repeated = repeated_install(repository, recipe, stage)
            key = repeated and (repeated.everything, repeated.fetch.manager)
            if repeated is not None and key is not None and key not in seen:
                seen.add(key)
                yield from _copied_too_early(repository, recipe, stage, repeated)


def repeated_install(repository: Repository, recipe: Recipe, stage: BuiltStage) -> Repeated | None:
    """Return the first install of a stage that comes after everything was copied."""
    everything: StageStep | None = None
    before: set[str] = set()
    for step in stage.history:
        if step.takes_all:
            if step.is_inherited:
                return None  # it comes in front of all that the stage could copy early
            everything = everything or step
            continue
        for fetch in fetches(step):
            manager = fetch.manager
            if everything is None or fetch.cached:
                before |= {manager.name} if fetch.reads_manifest else set()
            elif manager.name not in before and not step.is_inherited and _reads_little(fetch):
                own = (everything in stage.own, step in stage.own)
                found = _repeated(repository, recipe, everything, fetch, in_one_stage=all(own))
                if found is not None and any(own):
                    return found
    return None


def _reads_little(fetch: Fetch) -> bool:
    return fetch.reads_manifest and (not fetch.compiles or bool(fetch.manager.downloads))


def _repeated(
    repository: Repository,
    recipe: Recipe,
    everything: StageStep,
    fetch: Fetch,
    *,
    in_one_stage: bool,
) -> Repeated | None:
    """Return the install, if there is a manifest where it runs and something to do about it."""
    given = fetch.command.value(*fetch.manager.elsewhere) if fetch.manager.elsewhere else None
    inside = everything.inside(posixpath.join(fetch.workdir, given or ""))
    if inside is None or is_vendored(recipe, fetch):
        return None
    contents = Contents(repository, recipe, inside)
    # Without a file of requirements, pip installs the project itself.
    own = () if fetch.command.operands[:1] == ("pip",) else fetch.manager.files
    files = contents.those(*(_requirements(fetch.command) or own))
    if all(each.startswith(".") for each in files):
        return None
    found = Repeated(everything, fetch, inside, files)
    found = found._replace(early=_in_front(contents, found) if in_one_stage else "")
    return found if found.early or not fetch.compiles else None


def is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether Go compiles what the context holds, and downloads nothing."""
    if fetch.manager.name != "go" or fetch.command.operands[:1] == ("mod",):
        return False
    vendored = fetch.command.value("-mod") == "vendor"
    return vendored or present(recipe, "vendor/modules.txt")


def _requirements(command: Command) -> tuple[str, ...]:
    """Return the requirements files that pip and its like are given."""
    words = command.words
    behind = [value for option, value in pairwise(words) if option in _REQUIREMENT]
    joined = [word.partition("=")[2] for word in words if word.startswith("--requirement=")]
    synced = command.operands[2:] if command.operands[:2] == ("pip", "sync") else ()
    return (*behind, *joined, *synced)


_REQUIREMENT = ("-r", "--requirement")


def _copied_too_early(
    repository: Repository, recipe: Recipe, stage: BuiltStage, repeated: Repeated
) -> Iterator[Finding]:
    fetch, files = repeated.fetch, repeated.files
    command = " ".join(fetch.command.words[:4])
    kept = "" if repeated.early else snippet(repository, recipe, stage, fetch)
    if not (repeated.early or kept):
        return
    again = f"runs `{command}` (line {fetch.step.line}) again"
    if fetch.compiles:
        again = f"makes `{command}` (line {fetch.step.line}) download everything again"
    yield finding(
        "CTX202",
        recipe,
        repeated.everything.line,
        f"every change in the context {again}",
        evidence=(
            f"line {fetch.step.line}: {command}",
            *(f"{name} is there" for name in files[:3]),
        ),
        help=repeated.early
        or f"more than {_listed(files)} may be needed in front of it, so keep what it downloads: "
        + kept,
    )


def _in_front(contents: Contents, repeated: Repeated) -> str:
    everything, fetch, inside, files, _ = repeated
    sources = everything.instruction.text
    if everything.workdir != fetch.step.workdir:
        sources = _in_place(everything)
    if not sources or not _is_enough(contents, repeated):
        return ""
    copies = ", ".join(f"`{each}`" for each in _copies(everything.instruction, files, inside))
    written = " ".join(map(quoted, fetch.written.words))
    install = f"`{written}` (line {fetch.step.line})"
    options = () if _requirements(fetch.command) else fetch.manager.early
    lacking = [each for each in options if not fetch.command.has(each)]
    if fetch.compiles:
        written = fetch.manager.downloads
    elif not lacking:
        return f"write {copies} here, and `{sources}`, with all that needs it, below {install}"
    early = " ".join((written, *lacking))
    return f"write {copies} here, and `RUN {early}` and `{sources}` in front of {install}"


def _in_place(everything: StageStep) -> str:
    """Return the COPY of the sources as it works in another directory; `""` if it is not known."""
    copy, base = everything.instruction, everything.destination
    if "$" in base or not (copy.arguments[-1].startswith("/") or everything.workdir != "/"):
        return ""
    return " ".join((copy.keyword, *copy.flags, *copy.arguments[:-1], f"{base.rstrip('/')}/"))


def _is_enough(contents: Contents, repeated: Repeated) -> bool:
    """Return whether the files are all that the install needs, and the sources spare its results.

    What the context holds of the directories that it makes would replace them.
    """
    command, manager = repeated.fetch.command, repeated.fetch.manager
    given = _requirements(command)
    if given:
        texts = [contents.text(each) for each in given]
        closed = not any(_INCLUDED.search(each) or _LOCAL.search(each) for each in texts)
        operands = (w for w in command.operands if w not in given)
        if not closed or command.has(*_OF_FILES) or any(w.startswith((".", "/")) for w in operands):
            return False
    elif not manager.files or manager.needs_more_than(contents.text(manager.files[0])):
        return False
    made = any(map(contents.has_directory, manager.directories))
    environments = any(contents.has(f"{name}/pyvenv.cfg") for name in _ENVIRONMENTS)
    missing = len(contents.those(*given)) < len(given)
    return not (made or environments or missing or any(map(contents.has, _WORKSPACES)))


_OF_FILES = ("-e", "--editable", "-c", "--constraint")


def _copies(everything: Instruction, files: tuple[str, ...], inside: str) -> Iterator[str]:
    """Yield the instructions that copy `files` to where they come with everything else."""
    destination = everything.arguments[-1]
    kept = [each for each in everything.flags if each.startswith(("--chown", "--chmod", "--link"))]
    directories: dict[str, list[str]] = {}
    for name in (posixpath.join(inside, each) for each in files):
        above = name if name.endswith("/") else posixpath.dirname(name)
        directories.setdefault(above, []).append(name.rstrip("/"))
    for directory, names in directories.items():
        where = f"{posixpath.normpath(posixpath.join(destination, directory))}/"
        where = where if where.startswith(("/", "./", "../", "$")) else f"./{where}"
        words = [*names, "./" if where == "././" else where]
        spaced = any(set(word) & set(" \t[*?") for word in words)
        yield " ".join(("COPY", *kept, *([json.dumps(words)] if spaced else words)))


def _listed(names: tuple[str, ...]) -> str:
    """`names` as a person lists them."""
    shown = [*names]
    if len(shown) > 4:
        shown = [*shown[:3], f"{len(shown) - 3} more"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
