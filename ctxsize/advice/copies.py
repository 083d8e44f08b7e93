"""Advice on sources copied from the context, and on installs that each change of them repeats.

CTX201: there is no ignore file. CTX250: the build uses little of the context. CTX202: an install
that needs few of the sources could run before the rest is copied; a compiler has to run after each
change, so it counts only if a separate command downloads its dependencies. CTX223: other installs
fetch again what a cache mount would keep. Both skip an install before all sources: it runs again
only when the dependencies change, and then most of what it fetches is new.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

from ctxsize.advice.caches import Fetch, fetches, snippet
from ctxsize.advice.recipe import Recipe, quoted, subdirectories
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.engine.ignorefile import sent_text
from ctxsize.findings import Confidence, Finding
from ctxsize.syntax import Command

_EVERYTHING = ("*", "**", "**/*")
_FEWEST = 3
"""Number of directories from which on a context is worth narrowing."""
_NEEDING_MORE = (
    *("pnpm-workspace.yaml", "go.work"),
    # An environment of the host would replace the one that is installed in the image.
    *(".venv/pyvenv.cfg", "venv/pyvenv.cfg", "env/pyvenv.cfg"),
)
"""Files that an install needs besides its manifest."""
_INCLUDED = re.compile(
    r"^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|/|file:)|@\s*file:", re.M
)
"""Lines of a requirements file that need other files."""
_OF_FILES = ("-e", "--editable", "-c", "--constraint")
_OWN_TOOLS = {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}


def no_ignore_file(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX201, at the first instruction that copies everything."""
    takers = [line for source, line in _sources(recipe) if source == "."]
    builds = {each.build.context: each.build for each in recipe.builds if not each.contested}
    for context, build in builds.items() if takers else ():
        if recipe.ignored(build) is None:
            where = "" if context in (".", "") else f" {context}"
            yield recipe.finding(
                "CTX201",
                min(takers),
                f"the whole context{where} is copied, and there is no ignore file",
                help=f"write one with `ctxsize suggest --write{where}`",
            )


def too_wide(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX250, at the first instruction that copies from the only directory in use."""
    taken = _sources(recipe)
    if not taken or any(source == "." or "$" in source for source, _ in taken):
        return
    # A file counts with its directory, and so does a wildcard.
    directory = os.path.commonpath(
        source if recipe.holds_directory(source) else os.path.dirname(re.split(r"[*?[]", source)[0])
        for source, _ in taken
    )
    for each in recipe.builds if directory else ():
        context, shown = each.build.context, os.path.join(each.build.context, directory)
        is_wide = os.path.isdir(shown) and len(subdirectories(context)) >= _FEWEST
        patterns = filter(None, map(sent_text, recipe.ignored(each.build) or ()))
        # An ignore file that first ignores everything lists the needed files.
        if is_wide and not each.guessed and next(patterns, "") not in _EVERYTHING:
            yield recipe.finding(
                "CTX250",
                min(line for _, line in taken),
                f"the build uses only {shown} of its context {context}",
                confidence=Confidence.LIKELY,
                evidence=(str(each.places[0]),),
                help=f"build with the context {shown}, or give the Dockerfile its own ignore file "
                "(`ctxsize suggest --allowlist`)",
            )
            return


def _sources(recipe: Recipe) -> list[tuple[str, int]]:
    """Return the paths that all stages take from the context, each with its line."""
    steps = (step for stage in recipe.stages for step in stage.steps)
    return [(source, step.line) for step in steps for source in step.sources]


def copied_too_early(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX202, at the instruction that copies too much. CTX210 handles cargo."""
    found = (_repeated_install(recipe, stage) for stage in recipe.stages)
    return (finding for _, finding in filter(None, found))


def _repeated_install(recipe: Recipe, stage: BuiltStage) -> tuple[Fetch, Finding] | None:
    """Return the first install of a stage that could run before the sources are copied."""
    everything: StageStep | None = None
    before, own = set[str](), set(stage.own)
    for step in stage.history:
        if step.is_copy and "." in step.sources:
            if step.is_inherited:
                return None  # the base stage copies it before this stage can copy manifests
            everything = everything or step
            continue
        for fetch in fetches(step):
            if everything is None or fetch.cached:
                before |= {fetch.manager.name} if fetch.does("manifest") else set()
            elif {everything, step} <= own and fetch.manager.name not in before:
                found = _repeated(recipe, everything, fetch)
                if found is not None:
                    return fetch, found
    return None


def _repeated(recipe: Recipe, everything: StageStep, fetch: Fetch) -> Finding | None:
    """Return the finding if the install needs few files and there is a manifest where it runs."""
    manager, command, compiles = fetch.manager, fetch.command, fetch.does("compile")
    if not fetch.does("manifest") or (compiles and not manager.downloads):
        return None
    given = command.value(*manager.elsewhere) if manager.elsewhere else None
    inside = everything.inside(posixpath.join(fetch.workdir, given or ""))
    if inside is None or _is_vendored(recipe, fetch):
        return None
    requirements, sources = _requirements(command), everything.instruction
    # Without a requirements file, pip installs the project itself.
    own = () if command.operands[:1] == ("pip",) else manager.files
    files = [each for each in requirements or own if recipe.sends(posixpath.join(inside, each))]
    is_movable = everything.workdir == fetch.step.workdir or sources.arguments[-1].startswith("/")
    if all(each.startswith(".") for each in files) or not is_movable:
        return None
    if not _is_enough(recipe, fetch, inside, files):
        return None
    flags = [each for each in sources.flags if each.startswith(("--chown", "--chmod", "--link"))]
    to = posixpath.normpath(posixpath.join(sources.arguments[-1], inside)).rstrip("/") + "/"
    to = to if to.startswith(("/", "./", "../", "$")) else f"./{to}"
    copy = " ".join(("COPY", *flags, *(posixpath.join(inside, each) for each in files), to))
    written = " ".join(map(quoted, fetch.written.words))
    lacking = [each for each in (() if requirements else manager.early) if not command.has(each)]
    instead = f"move `{sources.text}` and all that needs it below"
    if lacking or compiles:
        early = manager.downloads if compiles else " ".join((written, *lacking))
        instead = f"write `RUN {early}` and `{sources.text}` before"
    shown = f"`{' '.join(command.words[:4])}` (line {fetch.step.line})"
    does = f"makes {shown} download everything" if compiles else f"runs {shown}"
    return recipe.finding(
        "CTX202",
        everything.line,
        f"every change in the context {does} again",
        evidence=tuple(f"the context contains {name}" for name in files[:3]),
        help=f"write `{copy}` here, and {instead} `{written}` (line {fetch.step.line})",
    )


def _is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether Go compiles vendored modules of the context and downloads nothing."""
    if fetch.manager.name != "go" or fetch.command.operands[:1] == ("mod",):
        return False
    return fetch.command.value("-mod") == "vendor" or recipe.holds("vendor/modules.txt")


def _requirements(command: Command) -> tuple[str, ...]:
    """Return the requirements files of a command of pip or uv."""
    words = command.words
    behind = [value for option, value in pairwise(words) if option in ("-r", "--requirement")]
    joined = [word.partition("=")[2] for word in words if word.startswith("--requirement=")]
    synced = command.operands[2:] if command.operands[:2] == ("pip", "sync") else ()
    return (*behind, *joined, *synced)


def _is_enough(recipe: Recipe, fetch: Fetch, inside: str, files: list[str]) -> bool:
    """Return whether the install needs only `files`, and later sources keep its results.

    Directories of the context would replace those of the same name that it creates.
    """
    command, manager = fetch.command, fetch.manager
    given = _requirements(command)
    texts = (recipe.text(posixpath.join(inside, each)) for each in given or manager.files[:1])
    if given:
        others = (word for word in command.operands if word not in given)
        is_local = any(word.startswith((".", "/")) for word in others)
        needs_more = is_local or command.has(*_OF_FILES) or len(files) < len(given)
        needs_more = needs_more or any(map(_INCLUDED.search, texts))
    else:
        needs_more = not manager.files or any(map(manager.needs_more_than, texts))
    # Paths with blanks and files of other directories are left to a person.
    are_plain = not any(set(each) & set("/ \t[*?") for each in files) and " " not in inside
    more = (*_NEEDING_MORE, *(f"{each}/" for each in manager.directories))
    there = any(recipe.sends(f"{inside or '.'}/{each}") for each in more)
    return are_plain and not needs_more and not there


def missing_caches(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX223 once for each RUN and manager, except for installs that CTX202 reports."""
    for stage in recipe.stages:
        repeated = _repeated_install(recipe, stage)
        seen = set() if repeated is None else {(repeated[0].step, repeated[0].manager)}
        own = set(stage.own)
        for fetch, line in _uncached(recipe, stage):
            key = fetch.step, fetch.manager
            if fetch.step in own and key not in seen:
                seen.add(key)
                command = " ".join(fetch.command.words[:4])
                yield recipe.finding(
                    "CTX223",
                    fetch.step.line,
                    f"every change of the sources of line {line} makes `{command}` download "
                    "everything again",
                    help=snippet(recipe, stage, fetch),
                )


def _uncached(recipe: Recipe, stage: BuiltStage) -> Iterator[tuple[Fetch, int]]:
    """Yield the fetches that a change of the sources repeats, with the line that copies these."""
    line, bundle_path, fetched = 0, False, set[object]()
    for step in stage.history:
        # The first COPY or mount of a directory brings sources; a tool's (`.yarn`) has none.
        sources = (e for e in step.sources if e == "." or not e.startswith("."))
        if line == 0 and any(map(recipe.holds_directory, sources)):
            line = step.line
        # With its own install path, Bundler keeps its downloads there, by version of Ruby.
        bundle_path |= any(
            each.words[:2] == ("bundle", "config") and {"path", "deployment"} & {*each.words}
            for each in step.commands
        )
        here = set[object]()
        for fetch in fetches(step):
            manager, command = fetch.manager, fetch.command
            # Two commands with this key fetch the same.
            what = manager.name if manager.keeps_in_cache else (manager.name, fetch.workdir)
            own_path = bundle_path or command.has("--path", "--deployment")
            is_elsewhere = manager.name == "bundler" and own_path
            is_there = what in fetched and not fetch.does("again")
            if line and not (is_elsewhere or is_there or _has_nothing_to_keep(recipe, fetch)):
                yield fetch, line
            # A later RUN does not find what was written to a mount only.
            if fetch.does("manifest") and not (fetch.cached and manager.keeps_in_cache):
                here.add(what)
        fetched |= here


def _has_nothing_to_keep(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether a mount exists or is meant to, or nothing is fetched that could be kept."""
    command, name = fetch.command, fetch.manager.name
    if fetch.cached or fetch.mounted or not fetch.caches:
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
