"""Advice on what a layer is made from: ignore files, order, and the width of the context."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from ctxsize.advice.fetches import Fetch, fetches
from ctxsize.advice.recipe import Recipe, StageFacts, Step
from ctxsize.advice.repository import Repository, finding, present, subdirectories
from ctxsize.advice.rewrite import Change, fix, lines_of
from ctxsize.findings import Confidence, Finding, Fix, Severity

_IGNORE_FILES = (".dockerignore", ".containerignore")


def no_ignore_file(repository: Repository) -> Iterator[Finding]:
    """CTX201, at the first instruction that takes everything."""
    for recipe in repository.recipes:
        takers = [step for stage in recipe.stages for step in stage.steps if step.takes_all]
        takers += [step for _, step in recipe.runs if "." in step.binds]
        for context in recipe.contexts:
            if takers and not _ignore_file(recipe, context):
                line = min(step.line for step in takers)
                where = "" if context in (".", "") else f" {context}"
                yield finding(
                    "CTX201",
                    recipe,
                    line,
                    f"everything in the context{where} is copied, and there is no ignore file",
                    help=f"ctxsize suggest --write{where}",
                )


def _ignore_file(recipe: Recipe, context: str) -> bool:
    specific = (Path(f"{recipe.path}{name}") for name in _IGNORE_FILES)
    return any(
        path.exists() for path in (*specific, *(Path(context, name) for name in _IGNORE_FILES))
    )


def copied_too_early(repository: Repository) -> Iterator[Finding]:
    """CTX202, at the instruction that copies too much; cargo is the business of CTX210."""
    for recipe in repository.recipes:
        lines: set[int | None] = set()
        for stage in recipe.stages:
            found = _too_early(recipe, stage)
            if found is not None and found.location.line not in lines:
                lines.add(found.location.line)
                yield found


def _too_early(recipe: Recipe, stage: StageFacts) -> Finding | None:
    """The first install of a stage that comes after everything was copied."""
    everything: Step | None = None
    before: set[str] = set()
    for step in stage.history:
        if step.takes_all:
            everything = everything or step
            continue
        for fetch in fetches(step):
            name = fetch.manager.name
            if everything is None:
                before |= {name} if fetch.manager.reads_manifest(fetch.command) else set()
            elif name not in before and _depends_on_manifest(recipe, fetch):
                own = everything in stage.steps or step in stage.steps
                return _copied_too_early(recipe, everything, fetch) if own else None
    return None


def _depends_on_manifest(recipe: Recipe, fetch: Fetch) -> bool:
    """Whether it is one to tell: cargo has a code of its own, and Go's cache is as good."""
    manager = fetch.manager
    if manager.name == "cargo" or not manager.reads_manifest(fetch.command):
        return False
    if manager.name == "go":
        vendored = fetch.command.value("-mod") == "vendor"
        vendored = vendored or any(present(recipe, ("modules.txt",), "vendor"))
        return not (fetch.cached or vendored)
    return fetch.command.operands[:1] != ("pack",)


def _copied_too_early(recipe: Recipe, everything: Step, fetch: Fetch) -> Finding:
    manager, command = fetch.manager, " ".join(fetch.command.words[:4])
    inside = _inside(everything, fetch)
    files = tuple(dict.fromkeys(present(recipe, (*manager.manifests, *manager.locks), inside)))
    shown = tuple(f"{name} is there" for name in files[:3])
    cached = ", from its cache mount" if fetch.cached else ""
    light = fetch.cached or not files
    return finding(
        "CTX202",
        recipe,
        everything.line,
        f"every change in the context runs `{command}` (line {fetch.step.line}) again{cached}",
        severity=Severity.INFO if light else None,
        confidence=Confidence.CERTAIN if files else Confidence.POSSIBLE,
        evidence=(f"line {fetch.step.line}: {command}", *shown),
        help=f"copy {_listed(files or manager.manifests)} first, install, then copy the rest",
        fix=_reordered(recipe, everything, fetch, files),
    )


def _inside(everything: Step, fetch: Fetch) -> str:
    """The directory of the context in which the command finds itself."""
    destination = everything.instruction.arguments[-1]
    base = os.path.normpath(os.path.join(everything.workdir, destination))  # noqa: PTH118
    relative = os.path.relpath(fetch.workdir, base)
    return "" if relative == "." or relative.startswith("..") else relative


def _listed(names: tuple[str, ...]) -> str:
    shown = [f"*{name}" if name.startswith(".") else name for name in names]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


_REORDERED = frozenset(("npm", "yarn", "pnpm", "bun", "pip", "composer", "bundler", "mix"))
"""Managers whose install needs nothing but manifest and lock file, lifecycle scripts apart."""


def _reordered(
    recipe: Recipe, everything: Step, fetch: Fetch, files: tuple[str, ...]
) -> Fix | None:
    """The install in front of the copy, where it is a RUN of its own right behind it."""
    needed = files
    if fetch.manager.name == "pip":
        named = fetch.command.value("-r", "--requirement")
        alone = named is not None and "/" not in named and not fetch.command.has("-e", "-c")
        needed = (named,) if alone and named in files else ()
    step = fetch.step
    simple = (
        fetch.manager.name in _REORDERED
        and needed
        and len(step.commands) == 1
        and fetch.workdir == everything.workdir
        and everything.instruction.arguments in ((".", "."), (".", "./"))
        and everything.line < step.line
    )
    if not simple or _between(recipe, everything, step):
        return None
    lines = lines_of(recipe.data)
    install = lines[step.line - 1 : step.instruction.end_line]
    flags = "".join(f"{flag} " for flag in everything.instruction.flags)
    changes = (
        Change(
            everything.line, everything.line - 1, (f"COPY {flags}{' '.join(needed)} ./", *install)
        ),
        Change(step.line, step.instruction.end_line, ()),
    )
    message = f"copy {_listed(needed)} and install before the rest is copied"
    return fix(recipe.path, recipe.data, message, changes, certain=False)


def _between(recipe: Recipe, first: Step, last: Step) -> bool:
    """Whether something other than ENV, ARG, LABEL stands between two steps."""
    for stage in recipe.stages:
        for each in stage.stage.instructions:
            inside = first.instruction.end_line < each.line < last.line
            if inside and each.keyword not in ("LABEL", "EXPOSE", "ENV", "ARG"):
                return True
    return False


def too_wide(repository: Repository) -> Iterator[Finding]:
    """CTX250, at the first instruction that takes something of the one directory."""
    for recipe in repository.recipes:
        for each in recipe.builds:
            if each.guessed:
                continue
            directory, line = _only_directory(recipe)
            context = each.build.context
            if directory and _is_wide(context, directory):
                shown = os.path.join(context, directory)  # noqa: PTH118
                yield finding(
                    "CTX250",
                    recipe,
                    line,
                    f"the context is {context}, and all that is taken of it lies in {shown}",
                    confidence=Confidence.LIKELY,
                    evidence=(str(each.places[0]),),
                    help=f"build with the context {shown}, or list what is needed in an ignore "
                    "file of the Dockerfile's own (`ctxsize suggest --allowlist`)",
                )
                break


def _only_directory(recipe: Recipe) -> tuple[str, int]:
    """The one directory of the context that everything is taken from, and the first line."""
    taken = [
        (source, step.line)
        for stage in recipe.stages
        for step in stage.steps
        for source in (*step.sources, *step.binds)
    ]
    if not taken or any(source == "." or set(source) & set("$") for source, _ in taken):
        return "", 0
    parts = [_directory(recipe, source).split("/") for source, _ in taken]
    common = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    directory = "/".join(level[0] for level in common)
    return (directory, min(line for _, line in taken)) if directory else ("", 0)


def _directory(recipe: Recipe, source: str) -> str:
    """The directory that a source is or lies in, up to the first wildcard."""
    fixed = source.split("*")[0].split("?")[0].split("[")[0]
    whole = fixed == source and any(Path(each, source).is_dir() for each in recipe.contexts)
    return source if whole else fixed.rpartition("/")[0]


def _is_wide(context: str, directory: str) -> bool:
    """Whether the directory is one of at least three in the context."""
    if not Path(context, directory).is_dir():
        return False
    return len(subdirectories(context)) > 2
