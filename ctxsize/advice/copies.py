"""Advice on sources copied from the context, and on installs that each change of them repeats.

CTX203: one COPY could take what several take. CTX202: an install that needs few of the sources
could run before the rest is copied. CTX223: other installs fetch again what a cache mount would
keep. An install before all sources seldom runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from operator import attrgetter
from os.path import isdir, join, realpath
from posixpath import basename, relpath
from posixpath import join as join_in_image
from typing import NamedTuple

from ctxsize.advice.caches import Fetch, fetches, leaves_downloads, snippet
from ctxsize.advice.recipe import Change, Recipe, RuleFindings, changed, quoted
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.engine.evaluate import up_to
from ctxsize.findings import Confidence, Finding, Fix
from ctxsize.knowledge.rules import listed
from ctxsize.syntax import Command
from ctxsize.units import cut

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
_NOT_PLAIN = frozenset("/ \t[*?")
_MANY_COPIES = 3
_WIDEST = 70


def no_ignore_file(recipes: Sequence[Recipe]) -> RuleFindings:
    """Yield CTX201 once for each context, at the first instruction that copies everything."""
    seen = set()
    for recipe in recipes:
        takers = [step for step in recipe.steps if "." in step.sources]
        if not takers:
            continue
        contested = [found.build for found in recipe.builds if found.contested]
        for plan, effect in recipe.effects:
            if plan.root in seen or not effect.takes_all:
                continue
            if plan.build in contested or plan.ignore_file is not None:
                continue
            if not recipe.lacks_a_file(plan):
                continue
            seen.add(plan.root)
            first = min(takers, key=attrgetter("line"))
            where = ""
            if plan.context not in (".", ""):
                where = f" {plan.context}"
            command = recipe.command_for(plan.build, "suggest", "--write")
            yield recipe.finding(
                "CTX201",
                first,
                f"this {first.keyword} takes the whole context{where}, and there is no ignore file",
                help=f"write one with `{command}`",
            )


def many_manifests(recipe: Recipe) -> RuleFindings:
    """Yield CTX203, at the first of several COPYs that keep the paths of single files."""
    syntax = recipe.dockerfile.syntax
    if not syntax:
        return
    frontend = _WITH_PARENTS.fullmatch(syntax.value)
    if not frontend:
        return
    confidence = Confidence.LIKELY
    if frontend[1]:
        confidence = Confidence.CERTAIN
    for stage in recipe.stages:
        for (flags, root), group in groupby(stage.own, partial(_kept_paths, recipe)):
            steps = [*group]
            # Files at the root need no --parents.
            deep = set()
            for step in steps:
                if root and "/" in step.sources[0]:
                    deep.add(step.sources[0])
            if len(deep) < _MANY_COPIES:
                continue
            sources = dict.fromkeys(source for step in steps for source in step.sources)
            words = (" ".join(("COPY", *flags, "--parents")), *sources, root)
            line = " ".join(words)
            if not _is_possible(recipe, steps, line):
                continue
            order = f"write `{cut(line, _WIDEST)}`, which makes one layer"
            fix = _as_one(recipe, steps, words, order)
            if not fix:
                order = f"write `{line}`, which makes one layer"
            yield recipe.finding(
                "CTX203",
                steps[0],
                f"{len(steps)} COPYs make a layer each to keep the paths of single files",
                confidence=confidence,
                help=order,
                fix=fix,
            )


class KeptPaths(NamedTuple):
    """The flags of a COPY, and the directory in which all its files keep their paths."""

    flags: tuple[str, ...] = ()
    root: str = ""  # `""` if there is none


def _kept_paths(recipe: Recipe, step: StageStep) -> KeptPaths:
    copy = step.instruction
    words = copy.arguments
    if copy.keyword != "COPY":
        return KeptPaths()
    if not all(map(_SAME_FLAG.fullmatch, copy.flags)):
        return KeptPaths()
    if copy.json_form:
        return KeptPaths()
    if not all(map(_PLAIN_PATH.fullmatch, words)):
        return KeptPaths()
    roots = {_root_of(recipe, step, source) for source in step.sources}
    if len(roots) != 1:
        return KeptPaths(copy.flags)
    root = roots.pop()
    if root and not words[-1].startswith("/"):
        root = relpath(root, step.workdir) + "/"
    if root.startswith(".."):
        root = ""
    return KeptPaths(copy.flags, root)


def _root_of(recipe: Recipe, step: StageStep, source: str) -> str:
    """Return the directory below which a COPY keeps the path of `source`; `""` if none."""
    target = step.destination
    if f"/{step.instruction.arguments[-1]}".endswith(("/", "/.")):
        target = join_in_image(target, basename(source))
    if not target.endswith(f"/{source}"):
        return ""
    if not recipe.sends(source):
        return ""
    # COPY follows a symlink, and --parents does not.
    for context in recipe.contexts:
        path = join(realpath(context), source)
        if path != realpath(path):
            return ""
    return target.removesuffix(source)


def _is_possible(recipe: Recipe, steps: list[StageStep], line: str) -> bool:
    """Return whether all builds take what they take now with `line` in place of `steps`."""
    changes = []
    for step in steps:
        changes.append(Change(step.instruction.line, step.instruction.end_line, line))
        line = ""
    return recipe.builds_with(changed(recipe.data, changes))


def _as_one(recipe: Recipe, steps: list[StageStep], words: Sequence[str], order: str) -> Fix | None:
    """Return the fix with one COPY of `words`; None if that would change more than the layers."""
    copies = [step.instruction for step in steps]
    if any(copy.end_line + 1 != below.line for copy, below in pairwise(copies)):
        return None
    first = copies[0].line
    last = copies[-1].end_line
    if any(line.lstrip().startswith("#") for line in recipe.lines[first - 1 : last]):
        return None
    # COPY makes missing directories with 0755, and --parents with the modes of the context.
    directories = set()
    for step in steps:
        for source in step.sources:
            directories.update(up_to(source)[:-1])
    for context in recipe.contexts:
        for directory in directories:
            mode = os.stat(join(context, directory)).st_mode
            if mode & 0o7777 != 0o755:
                return None
    text = f" {recipe.dockerfile.escape}\n    ".join(words)
    return recipe.fix(order, [Change(first, last, text)])


class RepeatedInstall(NamedTuple):
    """An install that could run before the sources are copied."""

    fetch: Fetch
    finding: Finding


def copied_too_early(recipe: Recipe) -> RuleFindings:
    """Yield CTX202, at the instruction that copies too much. CTX210 handles cargo."""
    for stage in recipe.stages:
        repeated = _find_repeated(recipe, stage)
        if repeated:
            yield repeated.finding


def _find_repeated(recipe: Recipe, stage: BuiltStage) -> RepeatedInstall | None:
    """Return the first install of a stage that could run before the sources are copied."""
    everything = None
    before = set()
    own_steps = set(stage.own)
    for step in stage.history:
        if step.is_copy and "." in step.sources:
            if step.is_inherited:
                return None  # the base stage copies it before this stage can copy manifests
            everything = everything or step
            continue
        for fetch in fetches(step):
            if not fetch.work.does("manifest"):
                continue
            if not everything or fetch.cached:
                before.add(fetch.manager.name)
            elif fetch.manager.name not in before and {everything, step} <= own_steps:
                finding = _report_repeated(recipe, everything, fetch)
                if finding:
                    return RepeatedInstall(fetch, finding)
    return None


def _report_repeated(recipe: Recipe, everything: StageStep, fetch: Fetch) -> Finding | None:
    """Return the finding if the install needs few files and there is a manifest where it runs."""
    manager = fetch.manager
    command = fetch.command
    compiles = fetch.work.does("compile")
    if compiles and not manager.downloads:
        return None
    below = command.value(*manager.elsewhere) or ""
    inside = everything.inside(join_in_image(fetch.workdir, below))
    if inside is None:
        return None
    if _is_vendored(recipe, fetch):
        return None
    sources = everything.instruction
    is_absolute = sources.arguments[-1].startswith("/")
    if everything.workdir != fetch.step.workdir and not is_absolute:
        return None
    requirements = _requirements(command)
    names = requirements or manager.files
    # Without a requirements file, pip installs the project itself.
    if not requirements and command.operands[:1] == ("pip",):
        names = ()
    files = [name for name in names if recipe.sends(join_in_image(inside, name))]
    is_named = any(not name.startswith(".") for name in files)
    if not is_named:
        return None
    if not _is_enough(recipe, fetch, inside, files):
        return None
    install = [*map(quoted, fetch.written.words)]
    if not requirements:
        install += [option for option in manager.early if not command.has(option)]
    early = " ".join(install)
    if compiles:
        early = manager.downloads
    first = " ".join(join_in_image(inside, name) for name in files)
    again = f"`{' '.join(command.words[:4])}` (line {fetch.step.line})"
    order = f"copy `{first}` to the same place and run `{early}` before `{sources.text}`"
    replacing = _replacing(recipe, fetch, inside)
    if replacing:
        order = f"ignore `{' '.join(replacing)}`, then {order}"
    return recipe.finding(
        "CTX202",
        everything,
        f"every change in the context makes {again} install everything again",
        help=order,
    )


def _replacing(recipe: Recipe, fetch: Fetch, inside: str) -> list[str]:
    """Return the sent directories that would replace those of the same name that it creates."""
    paths = [join_in_image(inside, name) for name in fetch.manager.directories]
    return [path for path in paths if recipe.sends(f"{path}/")]


def _is_vendored(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether Go compiles vendored modules of the context and downloads nothing."""
    if fetch.manager.name != "go":
        return False
    if fetch.command.operands[:1] == ("mod",):
        return False
    if fetch.command.value("-mod") == "vendor":
        return True
    return recipe.holds("vendor/modules.txt")


def _requirements(command: Command) -> tuple[str, ...]:
    """Return the requirements files of a command of pip or uv."""
    parts = []
    for word in command.words:
        parts += word.split("=", 1)
    return tuple(path for option, path in pairwise(parts) if option in ("-r", "--requirement"))


def _is_enough(recipe: Recipe, fetch: Fetch, inside: str, files: list[str]) -> bool:
    """Return whether the install needs only `files` of the context."""
    if _needs_more(recipe, fetch, inside, files):
        return False
    # Paths with blanks and files of other directories are left to a person.
    if " " in inside:
        return False
    if not all(map(_NOT_PLAIN.isdisjoint, files)):
        return False
    return not any(recipe.sends(join_in_image(inside, path)) for path in listed("needed_besides"))


def _needs_more(recipe: Recipe, fetch: Fetch, inside: str, files: list[str]) -> bool:
    """Return whether an option or a manifest names further files of the context."""
    command = fetch.command
    manager = fetch.manager
    requirements = _requirements(command)
    manifests = requirements or manager.files[:1]
    texts = (recipe.text(join_in_image(inside, name)) for name in manifests)
    if not requirements:
        return any(map(manager.needs_more_than, texts))
    if command.has(*_OF_FILES):
        return True
    if len(files) < len(requirements):
        return True
    for word in command.operands:
        if not word.startswith((".", "/")):
            continue
        if word not in requirements:
            return True
    return any(map(_INCLUDED.search, texts))


def missing_caches(recipe: Recipe) -> RuleFindings:
    """Yield CTX223 once for each RUN, except for installs that CTX202 reports."""
    for stage in recipe.stages:
        sources = next((step for step in stage.history if _brings_sources(recipe, step)), None)
        if sources is None:
            continue
        lacking: dict[StageStep, dict[str, Fetch]] = {step: {} for step in stage.own}
        repeated = _find_repeated(recipe, stage)
        for fetch in _find_uncached(recipe, stage, sources):
            if repeated:
                install = repeated.fetch
                if (fetch.step, fetch.manager) == (install.step, install.manager):
                    continue
            if fetch.step in lacking:
                lacking[fetch.step].setdefault(fetch.manager.name, fetch)
        for step, by_manager in lacking.items():
            uncached = [*by_manager.values()]
            if not uncached:
                continue
            commands = [f"`{' '.join(fetch.command.words[:4])}`" for fetch in uncached]
            lead = f"every change of a file that line {sources.line} takes makes"
            yield recipe.finding(
                "CTX223",
                step,
                f"{lead} {' and '.join(commands)} download everything again",
                help=snippet(recipe, stage, uncached),
            )


def _find_uncached(recipe: Recipe, stage: BuiltStage, sources: StageStep) -> Iterator[Fetch]:
    """Yield the fetches that a change of `sources` repeats, the first step that brings any."""
    is_behind = False
    own_path = False
    fetched = set()
    brought = set[str]()
    for step in stage.history:
        is_behind = is_behind or step is sources
        brought.update(_brought_by(stage, step))
        # With its own install path, Bundler keeps its downloads there, by version of Ruby.
        if any(command.words[:2] == ("bundle", "config") for command in step.commands):
            own_path = True
        here = set[Hashable]()
        for fetch in fetches(step):
            here.update(_fetched_by(fetch))
            if not is_behind or _sought_by(fetch) in fetched:
                continue
            if fetch.manager.name in brought and not fetch.work.does("again"):
                continue
            is_elsewhere = own_path or fetch.command.has("--path", "--deployment")
            if fetch.manager.name == "bundler" and is_elsewhere:
                continue
            if not _has_nothing_to_keep(recipe, fetch):
                yield fetch
        fetched |= here


def _brought_by(stage: BuiltStage, step: StageStep) -> Iterator[str]:
    """Yield the tools whose packages a COPY or mount takes from another stage."""
    for origin, path in step.takes:
        source = stage.origin(origin)
        if source is None:
            continue
        for run in source.history:
            for fetch in fetches(run):
                if any(_fetched_by(fetch)) and not _is_built(fetch, path):
                    yield fetch.manager.name


def _is_built(fetch: Fetch, path: str) -> bool:
    """Return whether a path is something that the project builds, and holds no packages."""
    manager = fetch.manager
    if fetch.workdir == "/" or not path.startswith(f"{fetch.workdir}/"):
        return False
    if manager.keeps_in_cache:
        return True
    return bool(manager.directories) and basename(path) not in manager.directories


def _packages_of(fetch: Fetch) -> Hashable:
    """Return a key of the packages: two commands with the same one fetch the same."""
    if fetch.manager.keeps_in_cache:
        return fetch.manager.name
    return fetch.manager.name, fetch.workdir


def _fetched_by(fetch: Fetch) -> Iterator[Hashable]:
    """Yield keys of what later RUNs find: the packages, and their downloads in a layer."""
    if not fetch.work.does("manifest"):
        return
    # A later RUN does not find what was written to a mount only.
    if not (fetch.cached and fetch.manager.keeps_in_cache):
        yield _packages_of(fetch)
    if leaves_downloads(fetch):
        yield _packages_of(fetch), *fetch.caches


def _sought_by(fetch: Fetch) -> Hashable:
    """Return the key of what a command need not download if an earlier RUN has fetched it."""
    if fetch.work.does("again"):
        return _packages_of(fetch), *fetch.caches
    return _packages_of(fetch)


def _brings_sources(recipe: Recipe, step: StageStep) -> bool:
    """Return whether a COPY or mount takes a directory of sources; a tool's (`.yarn`) has none."""
    for source in step.sources:
        if source.startswith(".") and source != ".":
            continue
        if source in listed("directories_of_tools"):
            continue
        if recipe.holds(source, isdir):
            return True
    return False


def _has_nothing_to_keep(recipe: Recipe, fetch: Fetch) -> bool:
    """Return whether a mount exists or is meant to, or nothing is fetched that could be kept."""
    command = fetch.command
    name = fetch.manager.name
    if fetch.cached:
        return True
    if fetch.mounted:
        return True
    if not fetch.caches:
        return True
    if _is_vendored(recipe, fetch):
        return True
    if any(mount.target.endswith(("/.cache", "node_modules")) for mount in fetch.step.caches):
        return True
    if command.has("--offline", "-g", "--global"):
        return True
    if name == "maven" and command.has("-o"):
        return True
    packages = {word for word in command.operands if word != "install"}
    if name != "pip":
        return False
    if command.has("-r", "--requirement"):
        return False
    if not packages:
        return False
    are_local = all(word.startswith(("/", "./")) and "*" in word for word in packages)
    return packages.issubset(listed("tools_of_pip")) or are_local
