"""The cases of targets: their files, trees and builds, read and walked once each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.events import Progress
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import Request, read_ignore_file, without_patterns
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.errors import CtxsizeError
from ctxsize.lints.case import MOST_COMPARED, MOST_WORK, Case
from ctxsize.lints.targets import Target
from ctxsize.lints.tree import LintTree
from ctxsize.model import Problem


class Cases:
    """Makes cases; contexts that several files govern are walked once.

    What `build` says beside its context and Dockerfile holds for all builds.
    """

    def __init__(
        self,
        build: Build,
        builder: Builder,
        *,
        plans: Plans | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._build = build
        self._builder = builder
        self._plans = plans or Plans()
        self._progress = progress
        self._snapshots: dict[str, Snapshot] = {}
        self.problems: list[Problem] = []

    def case(self, target: Target, data: bytes | None = None) -> Case:
        """Return the case of `target`, with `data` in place of what is in it.

        Raises `InputError` for a file that cannot be read.
        """
        if target.unread is not None and data is None:
            data = b""
        path = target.path
        file = read_ignore_file(path) if data is None else IgnoreFile.parse(path, data)
        builder = _reader(path, self._builder)
        requests = tuple(self._requests(target, builder))
        case = Case(file, builder, target, requests)
        return case if case.is_long else replace(case, tree=self._tree(case))

    def _requests(self, target: Target, builder: Builder) -> Iterator[Request]:
        """Yield the builds that read the file and have a Dockerfile."""
        for build in target.builds if target.context is not None else ():
            request = self._request(self._told(build, builder))
            if request is not None and request.dockerfile is not None:
                yield request

    def _told(self, build: Build, builder: Builder) -> Build:
        """Return `build` with what the user says about all builds."""
        told = self._build
        return replace(
            build,
            target=told.target or build.target,
            build_arguments={**build.build_arguments, **told.build_arguments},
            hidden=(*build.hidden, *told.hidden),
            build_contexts={**build.build_contexts, **told.build_contexts},
            platforms=told.platforms or build.platforms,
            builder=builder.name,
        )

    def _request(self, build: Build, *, alone: bool = False) -> Request | None:
        """Return the request of a build, `alone` without a Dockerfile; None where it fails."""
        try:
            return without_patterns(build, BUILDERS[build.builder], alone=alone, plans=self._plans)
        except CtxsizeError as error:
            error.message = build.masked(error.message)
            self._note(error)
            return None

    def _tree(self, case: Case) -> LintTree | None:
        context, requests = case.target.context, case.requests
        if context is None or case.target.unread is not None:
            return None
        build = replace(self._build, context=context, dockerfile=None, builder=case.builder.name)
        request = requests[0] if requests else self._request(build, alone=True)
        if request is None:
            return None
        try:
            snapshot = self._snapshot(replace(request, ignore_file=case.file))
        except CtxsizeError as error:
            self._note(error)
            return None
        return LintTree(Trial(snapshot), requests, tracked=_tracked(request.root))

    def _snapshot(self, request: Request) -> Snapshot:
        if request.root not in self._snapshots:
            self._snapshots[request.root] = Snapshot.take(request, progress=self._progress)
        return self._snapshots[request.root].asked(request)

    def note_limits(self, case: Case) -> None:
        """Note what was not looked for, as the file is too long."""
        if case.is_long:
            what = (
                f"more than {MOST_COMPARED:,} patterns, so each line was checked alone: patterns "
                "were not held against each other nor against the context"
            )
        elif case.work[0] > MOST_WORK:
            what = f"fixes are proved until that takes {MOST_WORK:,} lines: the rest have none"
        else:
            return
        self._add(Problem("too-many-patterns", what, path=case.file.path))

    def _note(self, error: CtxsizeError) -> None:
        self._add(Problem("tree-unknown", error.message, path=error.path, line=error.line))

    def _add(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _reader(path: str, builder: Builder) -> Builder:
    """Return `builder`, or the first one that reads files of that name if it does not."""
    suffix = "." + path.rpartition(".")[2]
    readers = [each for each in BUILDERS.values() if suffix in each.ignore_file_names]
    return builder if builder in readers or not readers else readers[0]


def _tracked(root: str) -> frozenset[str] | None:
    repository = GitRepository.at(root)
    try:
        return None if repository is None else repository.tracked
    except GitError:
        return None
