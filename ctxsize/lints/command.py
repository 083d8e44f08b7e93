"""What `lint` is asked to look at, as targets, and the one run over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ctxsize.accepting import Wanted
from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.config import Config, load
from ctxsize.engine.border import holds, top_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file
from ctxsize.engine.events import Progress, Steps
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import without_patterns
from ctxsize.errors import InputError
from ctxsize.findings import Severity
from ctxsize.lints.discover import Layout, Target, fallback_in
from ctxsize.lints.run import Linted, Linter, Notify

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
    finder = _TargetFinder(build, builder, config)
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
        for target in _TargetFinder(build, builder, config).targets(paths)
        for path in (target.path, *_dockerfiles(target), *filter(None, [target.fallback]))
    )
    return [*found, *filter(None, [config.path])]


def _dockerfiles(target: Target) -> list[str]:
    return [build.dockerfile for build in target.builds if build.dockerfile is not None]


@dataclass(frozen=True)
class _TargetFinder:
    """Finds the ignore files to lint; each directory is searched for builds once."""

    build: Build | None
    """The build that the user is about, None for all that are found."""
    builder: Builder
    config: Config
    plans: Plans = field(default_factory=Plans)
    layouts: dict[str, Layout] = field(default_factory=dict)

    def targets(self, paths: Sequence[str]) -> Iterator[Target]:
        """Yield what `paths` stand for, each once: files, or all ignore files below a directory.

        Raises `InputError` for a path that is not there, and without a file that governs.
        """
        if not paths and self.build is not None and _is_named(self.build):
            yield self._governing(self.build)
            return
        seen = set[str]()
        for path in paths or (".",):
            for target in self._at(path):
                if os.path.normpath(target.path) not in seen:
                    seen.add(os.path.normpath(target.path))
                    yield target

    def _governing(self, build: Build) -> Target:
        """Return the file that governs `build`."""
        request = without_patterns(build, self.builder, plans=self.plans)
        if request.ignore_file is None:
            raise InputError(
                "no ignore file governs this build",
                path=build.context,
                hint="`ctxsize suggest` proposes one",
            )
        fallback = fallback_in(build.context) if request.dockerfile_specific else None
        return Target(request.ignore_file.path, build.context, (build,), fallback)

    def _at(self, path: str) -> Iterator[Target]:
        """Yield the ignore files that `path` stands for: itself, or those below."""
        named = is_ignore_file(path)
        if os.path.isdir(path) and not named:
            yield from self._layout(path).targets()
            return
        if not os.path.lexists(path):
            raise InputError("does not exist", path=path, hint="name an ignore file or a directory")
        if not named and is_dockerfile(path):
            raise InputError(
                "is a Dockerfile, no ignore file",
                path=path,
                hint=f"-f {path} lints the ignore file of its build",
            )
        if self.build is not None and _is_named(self.build):
            yield Target(path, self.build.context, (self.build,))
        elif named:
            yield self._layout(_root_of(path)).target(path)
        else:
            yield Target(path)

    def _layout(self, root: str) -> Layout:
        if root not in self.layouts:
            self.layouts[root] = Layout.below(
                root, os.environ, config=self.config, plans=self.plans
            )
        return self.layouts[root]


def _is_named(build: Build) -> bool:
    """Return whether it says which build it is about, rather than only how to build."""
    return build.context != "." or build.dockerfile is not None


def _root_of(path: str) -> str:
    """Return the directory whose files tell of the builds: the repository's, if `path` lies in one.

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
