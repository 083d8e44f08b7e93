"""Find out what of a context reaches an image, where all else there comes from compilers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath

from ctxsize.dockerfile.shell import is_known
from ctxsize.dockerfile.stages import StageStep, built_stages
from ctxsize.knowledge.rules import listed
from ctxsize.recommender.build_files import BuildFile
from ctxsize.recommender.placed import Placed, needed_stages, placed_steps
from ctxsize.recommender.reach import RUNS_SOURCES
from ctxsize.recommender.tree import ContextFiles

_OPEN = r"[$*?\[{]"  # where a word is no longer a plain path
_ALL = "."


def carried(build_file: BuildFile, files: ContextFiles) -> Iterator[str]:
    """Yield the paths of the context that an image may have, `.` for all, also if it is unknown.

    What a compiler makes of its sources is none of them.
    """
    plan = build_file.plan
    stages = built_stages(build_file.dockerfile)
    needed = needed_stages(stages, plan.build.target.lower())
    stage = [stage for stage in stages if stage in needed][-1]
    image = {stage}  # the stages of which it consists
    while stage.parent:
        stage = stage.parent
        image.add(stage)
    steps = [*placed_steps(plan, build_file.names, files)]
    if not steps or any(stage and stage.base in build_file.names for stage in needed):
        yield _ALL
    for stage, step, here, ends in steps:
        if stage not in image:
            if step.is_run:
                yield from _moved(step, here.mounted(step, build_file.names))
            continue
        if any(mount.type == "bind" for mount in step.mounts):
            yield _ALL
        for name, path in step.takes:
            origin = stage.origin(name)
            if origin:
                yield from _at(path, ends[origin])
            elif name in build_file.names:
                yield path[1:] or _ALL


def _moved(step: StageStep, here: Placed) -> Iterator[str]:
    """Yield what the commands of a RUN may move or read, unless they compile it."""
    text = step.instruction.text
    is_plain = step.state.is_unix and is_known(step.instruction) and "<" not in text
    if not is_plain or re.search(RUNS_SOURCES, text):
        yield from _brought(here)
    idle = {*listed("makes_no_files"), *listed("compilers"), ""}
    known = {*listed("tools_alone")}.difference(listed("packers"))
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
    origin = placed.origin(path)
    # Of a directory above, or of other content, all may be context.
    is_unknown = "$" in path or not placed.is_whole
    if origin is not None:
        yield origin or _ALL
    elif is_unknown or any(copy.is_around(path) for copy in placed.copies):
        yield _ALL
