"""Find out what of a context reaches an image, where all else there comes from compilers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from posixpath import dirname, join, normpath

from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.stages import BuiltStage, StageStep, built_stages
from ctxsize.go.wildcards import fixed_part
from ctxsize.knowledge.rules import listed
from ctxsize.model import Texts
from ctxsize.recommender.build_files import BuildFile
from ctxsize.recommender.placed import Placed, needed_stages, placed_steps
from ctxsize.recommender.reach import RUNS_SOURCES
from ctxsize.recommender.tree import ContextFiles

_OPEN = r"[$*?\[{]"  # where a word is no longer a plain path
_ALL = "."
PathsByLine = defaultdict[int, set[str]]


def carried(build_file: BuildFile, files: ContextFiles) -> Iterator[str]:
    """Yield the paths of the context that an image may have, `.` for all, also if it is unknown.

    What a compiler makes of its sources is none of them.
    """
    plan = build_file.plan
    stages = built_stages(build_file.dockerfile)
    needed = needed_stages(stages, plan.build.target.lower())
    passed = passed_on(build_file, files, but=listed("packers"))
    if not passed or any(stage and stage.base in build_file.names for stage in needed):
        yield _ALL
    stage: BuiltStage | None = [stage for stage in stages if stage in needed][-1]
    while stage:
        for step in stage.steps:
            yield from passed[step.line]
        stage = stage.parent


def passed_on(build_file: BuildFile, files: ContextFiles, *, but: Texts = ()) -> PathsByLine:
    """Return the paths of the context that each instruction may bring, by its line.

    Of a stage, programs that run nothing unknown move only what they name, `but` for these.
    """
    passed: PathsByLine = defaultdict(set)
    moved = defaultdict[BuiltStage | None, set[str]](set)
    known = {*listed("tools_alone")}.difference(but)
    for stage, step, here, ends in placed_steps(build_file.plan, build_file.names, files):
        moved[stage] |= moved[stage.parent]
        if step.is_run:
            moved[stage].update(_moved(step, here.mounted(step, build_file.names), known))
        if any(mount.type == "bind" for mount in step.mounts):
            passed[step.line].add(_ALL)
        for name, path in step.takes:
            origin = stage.origin(name)
            if origin:
                passed[step.line].update(moved[origin], _at(path, ends[origin]))
            elif name in build_file.names:
                passed[step.line].add(path[1:] or _ALL)
    return passed


def _moved(step: StageStep, here: Placed, known: Collection[str]) -> Iterator[str]:
    """Yield what the commands of a RUN may move or read, unless they compile it.

    Those that are `known` read only what they name.
    """
    text = step.instruction.text
    is_plain = step.state.is_unix and is_known(step.instruction) and "<" not in text
    if not is_plain or re.search(RUNS_SOURCES, text):
        yield from _brought(here)
    idle = {*listed("makes_no_files"), *listed("compilers"), ""}
    for directory, command in step.located:
        if command.program in idle:
            continue
        if command.program not in known:
            yield from _brought(here)
        for word in command.operands:
            fixed, *rest = re.split(_OPEN, word, maxsplit=1)
            if rest:
                fixed = dirname(fixed)
            yield from _at(normpath(join(directory, fixed)), here)


def _brought(here: Placed) -> Iterator[str]:
    """Yield all that a stage has of the context."""
    for copy in here.copies:
        yield from copy.sources or (_ALL,)
    if not here.is_whole:
        yield _ALL


def _at(path: str, placed: Placed) -> Iterator[str]:
    """Yield the path of the context that is at a path of a stage, if there is one."""
    place = fixed_part(path) or "/"  # a pattern may mean all in its directory
    for copy in placed.copies:
        origin = copy.origin(place, placed.files)
        if origin is not None:
            yield origin or _ALL
        # Of a directory above, or of other content, all may be context.
        elif copy.is_around(place):
            yield _ALL
    if "$" in path or not placed.is_whole:
        yield _ALL
