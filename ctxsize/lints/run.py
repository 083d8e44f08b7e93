"""Ignore files with their surroundings, linted: what the command and the API do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ctxsize.accepting import Wanted
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.events import Progress
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.governing import read_ignore_file
from ctxsize.engine.ignorefile import LONGEST_LINE, IgnoreFile
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import Request, without_patterns
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Edit, Finding, in_order
from ctxsize.lints import LINTS
from ctxsize.lints.case import MOST_COMPARED, MOST_WORK, Case
from ctxsize.lints.dockerfiles import GovernedBuild
from ctxsize.lints.fixing import apply_fixes
from ctxsize.lints.targets import Target
from ctxsize.lints.tree import LintTree
from ctxsize.model import Problem

Notify = Callable[[str], None]
"""Called with what is looked at next."""


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
    content_bytes: int | None = None
    """What is sent with it, None without a tree."""
    files: int | None = None
    mended: tuple[Finding, ...] = ()
    """The findings that fixes removed, in the order of the fixes."""
    edit: Edit | None = None
    """What the fixes make of the file, None if nothing."""
    suppressed: int = 0


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


def lint_case(case: Case, notify: Notify | None = None) -> tuple[Finding, ...]:
    """Return all findings of an ignore file in order; `notify` gets each code's name."""
    if case.is_utf16:  # Nothing else can be said of it, and no line be added to it.
        return tuple(LINTS["CTX123"](case))
    lints = _OF_ONE_LINE if case.is_long else LINTS.keys()
    found: list[Finding] = []
    for code in lints:
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
"""What is looked for in a file with very many patterns: it takes a look at each line alone."""
_MISREAD = frozenset({"CTX102", "CTX103", "CTX104", "CTX115", "CTX121", "CTX122", "CTX124"})
"""Found in lines that are not the pattern that they look like."""
_OF_PATTERNS = frozenset({"CTX112", "CTX113", "CTX118", "CTX128"})
"""What is not worth a word about such a line."""
_UNDONE = frozenset({"CTX108", "CTX113", "CTX130"})
"""Found in lines that are meant to do more than they do, or that go for another reason."""


class Linter:
    """Lints files one after the other; contexts that several of them govern are walked once."""

    def __init__(
        self,
        build: Build,
        builder: Builder,
        *,
        wanted: Wanted,
        plans: Plans | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._build = build
        self._builder = builder
        self._wanted = wanted
        self._plans = plans or Plans()
        self._progress = progress
        self._snapshots: dict[str, Snapshot] = {}
        self.problems: list[Problem] = []

    def lint(
        self,
        target: Target,
        *,
        data: bytes | None = None,
        fix: bool = False,
        unsafe: bool = False,
        notify: Notify | None = None,
    ) -> LintedFile:
        """Return the file of `target` linted, with `data` in place of what is in it.

        Raises `InputError` for a file that cannot be read.
        """
        case = self.case(target, data)
        suppressed = 0

        def wanted(each: Case) -> list[Finding]:
            nonlocal suppressed
            found = self._wanted.selected(lint_case(each, notify))
            kept = [*self._wanted.of(found, lines=each.file.texts())]
            suppressed = len(found) - len(kept)
            self._note_limits(each)
            return kept

        if not fix:
            return _linted(case, target, wanted(case), suppressed=suppressed)
        fixed = apply_fixes(case, wanted, unsafe=unsafe)
        linted = _linted(fixed.case, target, fixed.left, suppressed=suppressed)
        edit = Edit(case.file.path, case.file.data, fixed.case.file.data)
        return replace(linted, mended=fixed.applied, edit=edit if fixed.applied else None)

    def case(self, target: Target, data: bytes | None = None) -> Case:
        """Return the case of `target`."""
        if target.unread is not None and data is None:
            data = b""
        file = (
            IgnoreFile.parse(target.path, data)
            if data is not None
            else read_ignore_file(target.path)
        )
        builder = _reader(target.path, self._builder)
        uses = tuple(self._uses(target, builder)) if target.context is not None else ()
        fallback = None if target.fallback is None else read_ignore_file(target.fallback)
        case = Case(
            file,
            builder.spec_class,
            None,
            uses,
            target.unread,
            target.likely_unread,
            fallback,
            LONGEST_LINE if builder.longest_line else None,
        )
        return case if case.is_long else replace(case, tree=self._tree(target, file, uses, builder))

    def _uses(self, target: Target, builder: Builder) -> Iterator[GovernedBuild]:
        for build in target.builds:
            request = self._request(self._told(build, builder), builder)
            if request is not None and request.dockerfile is not None:
                yield GovernedBuild(request)

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

    def _request(self, build: Build, builder: Builder, *, alone: bool = False) -> Request | None:
        """Return the request of a build, `alone` without a Dockerfile; None where it fails."""
        try:
            return without_patterns(build, builder, alone=alone, plans=self._plans)
        except CtxsizeError as error:
            error.message = build.masked(error.message)
            self._note(error)
            return None

    def _tree(
        self, target: Target, file: IgnoreFile, uses: Sequence[GovernedBuild], builder: Builder
    ) -> LintTree | None:
        if target.context is None or target.unread is not None:
            return None
        build = replace(self._build, context=target.context, dockerfile=None, builder=builder.name)
        request = uses[0].request if uses else self._request(build, builder, alone=True)
        if request is None:
            return None
        request = replace(request, ignore_file=file)
        try:
            snapshot = self._snapshot(request)
        except CtxsizeError as error:
            self._note(error)
            return None
        builds = [each.request.build for each in uses[1:]]
        tracked = _tracked(request.root)
        return LintTree(Trial(snapshot), file.data, tracked=tracked, builds=builds)

    def _snapshot(self, request: Request) -> Snapshot:
        if request.root not in self._snapshots:
            self._snapshots[request.root] = Snapshot.take(request, progress=self._progress)
        kept = self._snapshots[request.root]
        return kept.asked(request)

    def _note_limits(self, case: Case) -> None:
        """Note what was not looked for, as the file is too long."""
        if case.is_long:
            what = (
                f"more than {MOST_COMPARED:,} patterns, so each line was checked alone: patterns "
                "were not held against each other nor against the context"
            )
            self._add(Problem("too-many-patterns", what, path=case.file.path))
        elif case.work[0] > MOST_WORK:
            what = f"fixes are proved until that takes {MOST_WORK:,} lines: the rest have none"
            self._add(Problem("too-many-patterns", what, path=case.file.path))

    def _note(self, error: CtxsizeError) -> None:
        self._add(Problem("tree-unknown", error.message, path=error.path, line=error.line))

    def _add(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _linted(
    case: Case, target: Target, findings: Sequence[Finding], *, suppressed: int
) -> LintedFile:
    tree = case.tree
    return LintedFile(
        case.file.path,
        target.context if tree is not None else None,
        tuple(dict.fromkeys(use.path for use in case.uses)),
        len(case.patterns),
        tuple(findings),
        None if tree is None else tree.total.content_bytes,
        None if tree is None else tree.total.files,
        suppressed=suppressed,
    )


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
