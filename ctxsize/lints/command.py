"""What `lint` is asked to look at, as targets, and the one run over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from ctxsize.accepting import Wanted
from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.config import Config, load
from ctxsize.engine.builders import Builder
from ctxsize.engine.events import Progress, Steps
from ctxsize.findings import Severity
from ctxsize.lints.run import Linted, Linter, Notify
from ctxsize.lints.targets import Target, TargetFinder

STDIN = "<stdin>"
"""The name of a file that has none."""


def lint(
    paths: Sequence[str],
    build: Build | None,
    builder: Builder,
    *,
    data: bytes | None,
    fix: bool,
    unsafe: bool,
    select: Iterable[str],
    ignore: Iterable[str],
    severity: Severity | None,
    config: Config | None,
    progress: Progress | None,
    steps: Steps | None,
) -> Linted:
    """See `ctxsize.api.lint`."""
    alone = data is not None and not paths
    start = paths[0] if paths else (build or Build()).context
    if config is None:
        config = Config() if alone else load(_directory(start))
    codes = [*names("CTX1")]
    wanted = Wanted(config, known=codes, select=select, ignore=ignore, severity=severity)
    finder = TargetFinder(build, builder, config)
    linter = Linter(
        build or Build(builder=builder.name),
        builder,
        wanted=wanted,
        plans=finder.plans,
        progress=progress,
    )
    targets = [Target(STDIN)] if alone else [*finder.targets(paths)]
    files = [
        linter.lint(
            each, data=data, fix=fix, unsafe=unsafe, notify=_notify(steps, at, len(targets))
        )
        for at, each in enumerate(targets)
    ]
    directories = [each for each in paths or (".",) if not alone and os.path.isdir(each)]
    ours = codes if config.path is not None else ()
    unused = wanted.unused(ours, *directories, files=[each.path for each in targets])
    return Linted(tuple(files), tuple(linter.problems), unused)


def _notify(steps: Steps | None, done: int, total: int) -> Notify | None:
    return None if steps is None else lambda name: steps(name, done, total)


def watched(paths: Sequence[str], build: Build | None, builder: Builder) -> list[str]:
    """Return the files on which the answer about `paths` depends most: those that people edit."""
    start = paths[0] if paths else (build or Build()).context
    config = load(_directory(start))
    found = dict.fromkeys(
        path
        for target in TargetFinder(build, builder, config).targets(paths)
        for path in (target.path, *_dockerfiles(target), *filter(None, [target.fallback]))
    )
    return [*found, *filter(None, [config.path])]


def _dockerfiles(target: Target) -> list[str]:
    return [build.dockerfile for build in target.builds if build.dockerfile is not None]


def _directory(path: str) -> str:
    return path if os.path.isdir(path) else os.path.dirname(path) or "."
