"""What `lint` is asked to look at, as targets, and the one run over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from ctxsize.build import Build
from ctxsize.config import Config, load
from ctxsize.config.accepted import Acceptance
from ctxsize.engine.border import holds, top_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.events import Progress
from ctxsize.engine.request import without_patterns
from ctxsize.errors import InputError
from ctxsize.findings import Severity
from ctxsize.lints import CODES
from ctxsize.lints.discover import Layout, Target, fallback_in
from ctxsize.lints.run import Linted, Linter
from ctxsize.lints.selection import selection

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
) -> Linted:
    """See `ctxsize.api.lint`."""
    alone = data is not None and not paths
    start = paths[0] if paths else (build or Build()).context
    if config is None:
        config = Config() if alone else load(_directory(start))
    chosen = selection(config, CODES, select, ignore, severity)
    acceptance = Acceptance(config)
    linter = Linter(
        build or Build(builder=builder.name),
        builder,
        selection=chosen,
        acceptance=acceptance,
        progress=progress,
    )
    targets = [Target(STDIN)] if alone else [*_targets(paths, build, builder, config)]
    files = [linter.lint(each, data=data, fix=fix, unsafe=unsafe) for each in targets]
    directories = [each for each in paths or (".",) if not alone and os.path.isdir(each)]

    def is_ours(code: str) -> bool:
        return config.path is not None and code in CODES and chosen.wants_code(code)

    whole = any(map(config.lies_below, directories))
    unused = acceptance.unused(
        is_ours, whole=whole, inside=[*directories, *(each.path for each in targets)]
    )
    return Linted(tuple(files), tuple(linter.problems), unused)


def watched(paths: Sequence[str], build: Build | None, builder: Builder) -> list[str]:
    """The files on which the answer about `paths` depends most: those that people edit."""
    start = paths[0] if paths else (build or Build()).context
    config = load(_directory(start))
    found = dict.fromkeys(
        path
        for target in _targets(paths, build, builder, config)
        for path in (target.path, *_dockerfiles(target), *filter(None, [target.fallback]))
    )
    return [*found, *filter(None, [config.path])]


def _dockerfiles(target: Target) -> list[str]:
    return [build.dockerfile for build in target.builds if build.dockerfile is not None]


def _targets(
    paths: Sequence[str], build: Build | None, builder: Builder, config: Config
) -> Iterator[Target]:
    if not paths and build is not None and _is_named(build):
        yield _governing(build, builder)
        return
    seen = set[str]()
    for path in paths or (".",):
        for target in _targets_at(path, build, config):
            if os.path.normpath(target.path) not in seen:
                seen.add(os.path.normpath(target.path))
                yield target


def _is_named(build: Build) -> bool:
    """Whether it says which build it is about, rather than only how to build."""
    return build.context != "." or build.dockerfile is not None


def _governing(build: Build, builder: Builder) -> Target:
    """The file that governs `build`. Raises `InputError` if there is none."""
    request = without_patterns(build, builder)
    if request.ignore_file is None:
        raise InputError(
            "no ignore file governs this build",
            path=build.context,
            hint="`ctxsize suggest` proposes one",
        )
    fallback = fallback_in(build.context) if request.dockerfile_specific else None
    return Target(request.ignore_file.path, build.context, (build,), fallback)


def _targets_at(path: str, build: Build | None, config: Config) -> Iterator[Target]:
    """The ignore files that `path` stands for: itself, or those below."""
    named = is_ignore_file(path)
    if os.path.isdir(path) and not named:
        yield from Layout.below(path, os.environ, config=config).targets()
        return
    if not os.path.lexists(path):
        raise InputError("does not exist", path=path, hint="name an ignore file or a directory")
    if not named and is_dockerfile(path):
        raise InputError(
            "is a Dockerfile, no ignore file",
            path=path,
            hint=f"-f {path} lints the ignore file of its build",
        )
    if build is not None and _is_named(build):
        yield Target(path, build.context, (build,))
    elif named:
        yield Layout.below(_root_of(path), os.environ, config=config).target(path)
    else:
        yield Target(path)


def _root_of(path: str) -> str:
    """The directory whose files tell of the builds: the repository's, if `path` lies in one.

    Never one above the working directory, nor more than the file's own outside
    of a repository: that could be all of a home directory.
    """
    own = os.path.dirname(path) or "."
    here, directory = os.path.realpath("."), top_of(own)
    if directory is None or not holds(here, own):
        return own
    return os.path.relpath(directory) if directory.startswith(f"{here}/") else "."


def _directory(path: str) -> str:
    return path if os.path.isdir(path) else os.path.dirname(path) or "."
