"""Advice on sources copied from the context, and on installs that each change of them repeats.

CTX203: one COPY could take what several take. CTX202: an install that needs few of the sources
could run before the rest is copied. CTX223: other installs fetch again what a cache mount would
keep. An install before all sources seldom runs.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby, pairwise

from ctxsize.advice.caches import Fetch, fetches, snippet
from ctxsize.advice.recipe import Change, Recipe, quoted
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.ignorefile import sent_text
from ctxsize.findings import Confidence, Finding, Fix
from ctxsize.reader import entries_in
from ctxsize.syntax import Command
from ctxsize.units import cut

_EVERYTHING = ("*", "**", "**/*")
_NEEDING_MORE = (
    *("pnpm-workspace.yaml", "go.work"),
    # An environment of the host would replace the one that is installed in the image.
    *(".venv/pyvenv.cfg", "venv/pyvenv.cfg", "env/pyvenv.cfg"),
)
"""Files that an install needs besides its manifest."""
_INCLUDED = re.compile(
    r"^[^\S\n]*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|/|file:)|@\s*file:", re.M
)
"""Lines of a requirements file that need other files."""
_OF_FILES = ("-e", "--editable", "-c", "--constraint")
_WITH_PARENTS = re.compile(
    r"(?:docker\.io/)?docker/dockerfile"
    r"(?::(?:1|latest|labs|1-labs|(1\.(?:[2-9]\d|\d{3,})(?:\.\d+)?(?:-labs)?(?:@sha256:\w+)?)))?"
)
"""A frontend that accepts COPY --parents: with its version, or with the newest one's tag."""
_SAME_FLAG = re.compile(r"--link(?:=true)?|--chown=[\w:.-]+")
"""Flags of COPY that mean the same with --parents."""
_PLAIN_PATH = re.compile(r"(?!.*\.\.)[\w@./-]+")
"""A path that BuildKit reads alike as a path, a wildcard and a pattern."""
_MANY_COPIES = 3
_WIDEST = 70
_OWN_TOOLS = {"pip", "setuptools", "wheel", "uv", "poetry", "pipenv"}


def no_ignore_file(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX201, at the first instruction that copies everything."""
    steps = (step for stage in recipe.stages for step in stage.steps if "." in step.sources)
    taker = min(steps, key=lambda each: each.line, default=None)
    builds = {each.build.context: each.build for each in recipe.builds if not each.contested}
    for context, build in builds.items():
        if taker is not None and recipe.ignored(build) is None:
            if context in (".", ""):
                where = ""
            else:
                where = f" {context}"
            way = f"write one with `ctxsize suggest --write{where}`"
            what = f"this {taker.instruction.keyword} takes the whole context{where}"
            message = f"{what}, and there is no ignore file"
            yield recipe.finding("CTX201", taker.line, message, help=way)


def too_wide(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX250, at the first instruction that copies from the only directory in use."""
    steps = (step for stage in recipe.stages for step in stage.steps)
    taken = [(source, step.line) for step in steps for source in step.sources]
    if not taken or any(source == "." or "$" in source for source, _ in taken):
        return
    # A file counts with its directory, and so does a wildcard.
    whole = ((source, recipe.holds(source, os.path.isdir)) for source, _ in taken)
    starts = (e if is_whole else os.path.dirname(re.split(r"[*?[]", e)[0]) for e, is_whole in whole)
    directory = os.path.commonpath(starts)
    for each in recipe.builds if directory else ():
        context = each.build.context
        shown = os.path.join(each.build.context, directory)
        beside = 0
        with suppress(OSError):
            beside = sum(each.is_dir() and each.name[0] != "." for each in entries_in(context))
        is_wide = os.path.isdir(shown) and beside >= 3
        patterns = filter(None, map(sent_text, recipe.ignored(each.build) or ()))
        # An ignore file that first ignores everything lists the needed files.
        if is_wide and not each.guessed and next(patterns, "") not in _EVERYTHING:
            line = min(line for _, line in taken)
            likely = Confidence.LIKELY
            message = f"the build at {each.places[0]} uses only {shown} of its context {context}"
            own = "give the Dockerfile its own ignore file (`ctxsize suggest --allowlist`)"
            way = f"build with the context {shown}, or {own}"
            yield recipe.finding("CTX250", line, message, None, likely, help=way)
            return


def many_manifests(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX203, at the first of several COPYs that keep the paths of single files."""
    syntax = recipe.dockerfile.syntax
    if syntax:
        frontend = _WITH_PARENTS.fullmatch(syntax.value)
    else:
        frontend = None
    if frontend and frontend[1]:
        sure = Confidence.CERTAIN
    else:
        sure = Confidence.LIKELY
    for stage in recipe.stages if frontend else ():
        for (flags, root), group in groupby(stage.own, partial(_kept_paths, recipe)):
            steps = [*group]
            # Files at the root need no --parents.
            deep = {step.sources[0] for step in steps if root and "/" in step.sources[0]}
            if len(deep) >= _MANY_COPIES:
                sources = dict.fromkeys(source for step in steps for source in step.sources)
                words = (" ".join(("COPY", *flags, "--parents")), *sources, root)
                line = " ".join(words)
                end = "which makes one layer"
                fix = _as_one(recipe, steps, words, f"write `{cut(line, _WIDEST)}`, {end}")
                if fix:
                    way = fix.message
                else:
                    way = f"write `{line}`, {end}"
                message = f"{len(steps)} COPYs make a layer each to keep the paths of single files"
                what = steps[0].line, message, None, sure
                yield recipe.finding("CTX203", *what, help=way, fix=fix)


def _kept_paths(recipe: Recipe, step: StageStep) -> tuple[tuple[str, ...], str]:
    """Return the flags of a COPY, and where all its files keep their paths (`""`: nowhere)."""
    copy = step.instruction
    words = step.instruction.arguments
    is_copy = copy.keyword == "COPY" and all(map(_SAME_FLAG.fullmatch, copy.flags))
    if not is_copy or copy.json_form or not all(map(_PLAIN_PATH.fullmatch, words)):
        return (), ""
    end = step.destination
    into = f"/{words[-1]}".endswith(("/", "/."))
    tops = [*map(os.path.realpath, recipe.contexts)]
    roots = set[str]()
    for source in step.sources:
        if into:
            at = posixpath.join(end, posixpath.basename(source))
        else:
            at = end
        places = [os.path.join(top, source) for top in tops]
        # COPY follows a symlink, and --parents does not.
        is_plain = recipe.sends(source) and places == [*map(os.path.realpath, places)]
        roots.add(at.removesuffix(source) if is_plain and at.endswith(f"/{source}") else "")
    if len(roots) == 1:
        root = roots.pop()
    else:
        root = ""
    if root and not words[-1].startswith("/"):
        root = posixpath.relpath(root, step.workdir) + "/"
    return copy.flags, "" if root.startswith("..") else root


def _as_one(recipe: Recipe, steps: list[StageStep], words: Sequence[str], way: str) -> Fix | None:
    """Return the fix with one COPY of `words`; None if that would change more than the layers."""
    first, *_, last = copies = [step.instruction for step in steps]
    beside = all(one.end_line + 1 == other.line for one, other in pairwise(copies))
    lines = recipe.lines[first.line - 1 : last.end_line]
    beside &= not any(line.lstrip().startswith("#") for line in lines)
    above = {each for step in steps for source in step.sources for each in up_to(source)[:-1]}
    # COPY makes missing directories with 0755, and --parents with the modes of the context.
    modes = {os.stat(os.path.join(e, at)).st_mode & 0o7777 for e in recipe.contexts for at in above}
    text = f" {recipe.dockerfile.escape}\n    ".join(words)
    changes = [Change(first.line, last.end_line, text)]
    if beside and modes == {0o755}:
        return recipe.fix(way, changes)
    return None


def copied_too_early(recipe: Recipe) -> Iterator[Finding]:
    """Yield CTX202, at the instruction that copies too much. CTX210 handles cargo."""
    found = (_repeated_install(recipe, stage) for stage in recipe.stages)
    return (finding for _, finding in filter(None, found))


def _repeated_install(recipe: Recipe, stage: BuiltStage) -> tuple[Fetch, Finding] | None:
    """Return the first install of a stage that could run before the sources are copied."""
    everything: StageStep | None = None
    before = set[str]()
    own = set(stage.own)
    for step in stage.history:
        if step.is_copy and "." in step.sources:
            if step.is_inherited:
                return None  # the base stage copies it before this stage can copy manifests
            everything = everything or step
            continue
        for fetch in fetches(step):
            if everything is None or fetch.cached:
                if fetch.work.does("manifest"):
                    before |= {fetch.manager.name}
                else:
                    before |= set()
            elif {everything, step} <= own and fetch.manager.name not in before:
                found = _repeated(recipe, everything, fetch)
                if found is not None:
                    return fetch, found
    return None


def _repeated(recipe: Recipe, everything: StageStep, fetch: Fetch) -> Finding | None:
    """Return the finding if the install needs few files and there is a manifest where it runs."""
    manager = fetch.manager
    command = fetch.command
    compiles = fetch.work.does("compile")
    if not fetch.work.does("manifest") or (compiles and not manager.downloads):
        return None
    if manager.elsewhere:
        given = command.value(*manager.elsewhere)
    else:
        given = None
    inside = everything.inside(posixpath.join(fetch.workdir, given or ""))
    if inside is None or _is_vendored(recipe, fetch):
        return None
    requirements = _requirements(command)
    sources = everything.instruction
    # Without a requirements file, pip installs the project itself.
    own = () if command.operands[:1] == ("pip",) else manager.files
    files = [each for each in requirements or own if recipe.sends(posixpath.join(inside, each))]
    is_movable = everything.workdir == fetch.step.workdir or sources.arguments[-1].startswith("/")
    is_named = not all(each.startswith(".") for each in files)
    if not (is_named and is_movable and _is_enough(recipe, fetch, inside, files)):
        return None
    early = " ".join(map(quoted, fetch.written.words))
    lacking = () if requirements else (e for e in manager.early if not command.has(e))
    if compiles:
        early = manager.downloads
    else:
        early = " ".join((early, *lacking))
    first = " ".join(posixpath.join(inside, each) for each in files)
    shown = f"`{' '.join(command.words[:4])}` (line {fetch.step.line})"
    message = f"every change in the context makes {shown} install everything again"
    way = f"copy `{first}` to the same place and run `{early}` before `{sources.text}`"
    return recipe.finding("CTX202", everything.line, message, help=way)


def _is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether Go compiles vendored modules of the context and downloads nothing."""
    if fetch.manager.name != "go" or fetch.command.operands[:1] == ("mod",):
        return False
    return fetch.command.value("-mod") == "vendor" or recipe.holds("vendor/modules.txt")


def _requirements(command: Command) -> tuple[str, ...]:
    """Return the requirements files of a command of pip or uv."""
    words = (part for word in command.words for part in word.split("=", 1))
    return tuple(value for key, value in pairwise(words) if key in ("-r", "--requirement"))


def _is_enough(recipe: Recipe, fetch: Fetch, inside: str, files: list[str]) -> bool:
    """Return whether the install needs only `files`, and later sources keep its results.

    Directories of the context would replace those of the same name that it creates.
    """
    command = fetch.command
    manager = fetch.manager
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
        if repeated is None:
            seen = set()
        else:
            seen = {(repeated[0].step, repeated[0].manager)}
        own = set(stage.own)
        for fetch, line in _uncached(recipe, stage):
            key = fetch.step, fetch.manager
            if fetch.step in own and key not in seen:
                seen.add(key)
                lead = f"every change of a file that line {line} takes makes"
                command = " ".join(fetch.command.words[:4])
                message = f"{lead} `{command}` download everything again"
                shown = snippet(recipe, stage, fetch)
                yield recipe.finding("CTX223", fetch.step.line, message, help=shown)


def _uncached(recipe: Recipe, stage: BuiltStage) -> Iterator[tuple[Fetch, int]]:
    """Yield the fetches that a change of the sources repeats, with the line that copies these."""
    line = 0
    bundle_path = False
    fetched = set[object]()
    for step in stage.history:
        # The first COPY or mount of a directory brings sources; a tool's (`.yarn`) has none.
        sources = (e for e in step.sources if e == "." or not e.startswith("."))
        if line == 0 and any(recipe.holds(each, os.path.isdir) for each in sources):
            line = step.line
        # With its own install path, Bundler keeps its downloads there, by version of Ruby.
        bundle_path |= any(each.words[:2] == ("bundle", "config") for each in step.commands)
        here = set[object]()
        for fetch in fetches(step):
            manager = fetch.manager
            command = fetch.command
            # Two commands with this key fetch the same.
            what = manager.name if manager.keeps_in_cache else (manager.name, fetch.workdir)
            own_path = bundle_path or command.has("--path", "--deployment")
            is_elsewhere = manager.name == "bundler" and own_path
            is_there = what in fetched and not fetch.work.does("again")
            if line and not (is_elsewhere or is_there or _has_nothing_to_keep(recipe, fetch)):
                yield fetch, line
            # A later RUN does not find what was written to a mount only.
            if fetch.work.does("manifest") and not (fetch.cached and manager.keeps_in_cache):
                here.add(what)
        fetched |= here


def _has_nothing_to_keep(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether a mount exists or is meant to, or nothing is fetched that could be kept."""
    command = fetch.command
    name = fetch.manager.name
    if fetch.cached or fetch.mounted or not fetch.caches or _is_vendored(recipe, fetch):
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in fetch.step.caches):
        return True
    if command.has("--offline", "-g", "--global") or (name == "maven" and command.has("-o")):
        return True
    wanted = {word for word in command.operands if word != "install"}
    if name != "pip" or command.has("-r", "--requirement") or not wanted:
        return False
    are_local = all(word.startswith(("/", "./")) and "*" in word for word in wanted)
    return wanted <= _OWN_TOOLS or are_local
