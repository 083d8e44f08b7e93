"""Ignore files with their surroundings, linted: what the command and the API do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

from ctxsize.accepting import Wanted
from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.config import Config, load
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.events import Progress, Steps
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.request import Plans, Request, without_patterns
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Edit, Finding, Severity, in_order
from ctxsize.lints import LINTS
from ctxsize.lints.case import MOST_COMPARED, MOST_WORK, Case
from ctxsize.lints.characters import utf16
from ctxsize.lints.fixing import apply_fixes
from ctxsize.lints.targets import STDIN, Target, targets_of
from ctxsize.lints.tree import LintTree
from ctxsize.model import Problem


@dataclass(frozen=True)
class LintedFile:
    """One ignore file and what was found in it."""

    path: str
    context: str | None
    """The directory whose context it governs, None where there is no tree."""
    dockerfiles: tuple[str, ...]
    patterns: int
    findings: tuple[Finding, ...]
    """What is left, after fixes if some were asked for."""
    content_bytes: int | None
    """What is sent with it, None without a tree."""
    files: int | None
    mended: tuple[Finding, ...]
    """The findings that fixes removed, in the order of the fixes."""
    edit: Edit | None
    """What the fixes make of the file, None if nothing."""
    suppressed: int


@dataclass(frozen=True)
class Linted:
    """Everything that `ctxsize lint` has to say."""

    kind: ClassVar[Literal["lint"]] = "lint"

    files: tuple[LintedFile, ...]
    problems: tuple[Problem, ...] = ()
    unused: tuple[Finding, ...] = ()
    """Suppressions that suppress nothing."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return all that is found, in order of place."""
        return in_order([*(each for file in self.files for each in file.findings), *self.unused])

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Return what the fixes make of the files."""
        return tuple(file.edit for file in self.files if file.edit is not None)


class Cases:
    """Makes cases. A context that several files govern is walked once.

    The options of `build`, but not its context and Dockerfile, count for all builds.
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
            request = self._request(self._with_options(build, builder))
            if request is not None and request.dockerfile is not None:
                yield request

    def _with_options(self, build: Build, builder: Builder) -> Build:
        """Return `build` with the options that the user gave for all builds."""
        given = self._build
        return replace(
            build,
            target=given.target or build.target,
            build_arguments={**build.build_arguments, **given.build_arguments},
            hidden=(*build.hidden, *given.hidden),
            build_contexts={**build.build_contexts, **given.build_contexts},
            platforms=given.platforms or build.platforms,
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
        """Note what was not checked because the file is too long."""
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
    if config is None:
        config = Config() if alone else _config(paths, build)
    codes = names("CTX1")
    wanted = Wanted(config, known=codes, select=select, ignore=ignore, severity=severity)
    plans = Plans()
    cases = Cases(build or Build(), builder, plans=plans, progress=progress)
    found = targets_of(paths, build, builder, config=config, plans=plans)
    targets = [Target(STDIN)] if alone else [*found]
    files = []
    for at, target in enumerate(targets):
        notify = None if steps is None else partial(_notify, steps, at, len(targets))
        case = cases.case(target, data)
        files.append(_linted(case, wanted, fix=fix, unsafe=unsafe, notify=notify))
        cases.note_limits(case)
    directories = [each for each in paths or (".",) if not alone and os.path.isdir(each)]
    ours = codes if config.path is not None else ()
    unused = wanted.unused(ours, *directories, files=[each.path for each in targets])
    return Linted(tuple(files), tuple(cases.problems), unused)


def _notify(steps: Steps, done: int, total: int, name: str) -> None:
    steps(name, done, total)


def _config(paths: Sequence[str], build: Build | None) -> Config:
    """Return the configuration of the first of `paths`, or of the context."""
    start = paths[0] if paths else (build or Build()).context
    return load(start if os.path.isdir(start) else os.path.dirname(start) or ".")


def _linted(
    case: Case, wanted: Wanted, *, fix: bool, unsafe: bool, notify: Callable[[str], None] | None
) -> LintedFile:
    suppressed: dict[bytes, int] = {}

    def found(each: Case) -> tuple[Finding, ...]:
        asked = wanted.selected(lint_case(each, notify))
        kept = wanted.of(asked, lines=each.file.texts())
        suppressed[each.file.data] = len(asked) - len(kept)
        return kept

    before, left, applied = case.file.data, found(case), tuple[Finding, ...]()
    if fix:
        fixed = apply_fixes(case, left, found, unsafe=unsafe)
        case, left, applied = fixed.case, fixed.found, tuple(fixed.applied)
    after, total = case.file.data, None if case.tree is None else case.total
    return LintedFile(
        case.file.path,
        None if total is None else case.target.context,
        tuple(dict.fromkeys(each.dockerfile for each in case.requests if each.dockerfile)),
        len(case.patterns),
        left,
        None if total is None else total.content_bytes,
        None if total is None else total.files,
        applied,
        Edit(case.file.path, before, after) if applied else None,
        suppressed[after],
    )


def lint_case(case: Case, notify: Callable[[str], None] | None = None) -> tuple[Finding, ...]:
    """Return all findings of an ignore file in order; `notify` gets each code's name."""
    if case.is_utf16:  # Its lines are not what they seem, and none can be added.
        return (utf16(case),)
    found: list[Finding] = []
    for code in _OF_ONE_LINE if case.is_long else LINTS:
        if notify is not None:
            notify(f"{case.file.path}: {code}")
        found += LINTS[code](case)
    misread = {each.location.line for each in found if each.code in _MISREAD}
    undone = {each.location.line for each in found if each.code in _UNDONE}
    return in_order(
        [
            each
            for each in found
            if not (each.code in _OF_PATTERNS and each.location.line in misread)
            and not (each.code == "CTX112" and each.location.line in undone)
        ]
    )


_OF_ONE_LINE = (
    *("CTX102", "CTX103", "CTX104", "CTX115", "CTX119", "CTX121", "CTX122", "CTX123", "CTX124"),
    *("CTX127", "CTX128"),
)
"""The codes that look at each line alone, for a file with very many patterns."""
_MISREAD = frozenset({"CTX102", "CTX103", "CTX104", "CTX115", "CTX121", "CTX122", "CTX124"})
"""Found in lines that are not the pattern that they look like."""
_OF_PATTERNS = frozenset({"CTX112", "CTX113", "CTX118", "CTX128"})
"""Not reported of such a line."""
_UNDONE = frozenset({"CTX108", "CTX113", "CTX130"})
"""Found in lines that should do more, or that go for another reason than redundancy."""


def watched(paths: Sequence[str], build: Build | None, builder: Builder) -> list[str]:
    """Return the files on which the answer about `paths` depends most: those that people edit."""
    config, found = _config(paths, build), list[str | None]()
    for each in targets_of(paths, build, builder, config=config, plans=Plans()):
        found += [each.path, *(one.dockerfile for one in each.builds), each.fallback]
    return [*filter(None, dict.fromkeys([*found, config.path]))]
