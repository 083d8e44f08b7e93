"""The sizes that a build sends in commits, by git's trees; what commits share is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import isdir, join
from typing import NamedTuple

from ctxsize.build import Build
from ctxsize.engine.checkout import notes_on_conversion
from ctxsize.engine.git import GitError
from ctxsize.engine.head import Head
from ctxsize.engine.narrow import narrowed
from ctxsize.engine.objects import GitObjects
from ctxsize.engine.sent_files import FilesByDirectory
from ctxsize.engine.transfer_requests import Include
from ctxsize.engine.tree_sums import TreeAt, TreeSums
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.history.changes import repository_of
from ctxsize.history.commits import Commit
from ctxsize.history.plans import CommitPlan, CommitPlans, reason
from ctxsize.model import Amount, Problem
from ctxsize.units import plural

_NOTHING = Amount()


class SizedPart(NamedTuple):
    """The size of a directory in a commit."""

    amount: Amount
    sums: TreeSums | None  # None if nothing is sent
    top: TreeAt | None  # None if there is no such directory
    path: str = ""

    def parts(self) -> dict[str, Amount]:
        """Return the sizes of the entries of the directory."""
        if self.sums is None or self.top is None:
            return {}
        return self.sums.parts(self.top)

    def below(self, name: str) -> SizedPart:
        """Return the subdirectory of this name."""
        path = join(self.path, name)
        if self.sums is None or self.top is None:
            return self._replace(top=None, path=path)
        return self._replace(top=self.sums.below(self.top, name), path=path)


class CommitMeasure:
    """A commit with the sums of what a build sends in it."""

    def __init__(self, commit: Commit) -> None:
        """Know nothing yet."""
        self.commit = commit
        self.plan: CommitPlan | None = None
        self.top: TreeAt | None = None
        self.context: Amount | None = None
        self.transfer: Amount | None = None
        self.sums_of_context: TreeSums | None = None
        self.sums_of_transfer: TreeSums | None = None
        self.unknown: str | None = None

    def files_of_context(self) -> FilesByDirectory:
        """Return the files of the context with their bytes; none if it is not known."""
        if self.sums_of_context is None or self.top is None:
            return FilesByDirectory({})
        return self.sums_of_context.files(self.top.tree)

    def side(self, of: str) -> SizedPart | None:
        """Return the transfer or the context; None if it is not known."""
        amount = self.context
        sums = self.sums_of_context
        if of == "transfer":
            amount = self.transfer
            sums = self.sums_of_transfer
        if amount is None:
            return None
        return SizedPart(amount, sums, self.top)


class TreeMeasures:
    """Measures what one build sends in commits; what they share is computed once."""

    def __init__(self, build: Build, objects: dict[str, GitObjects] | None = None) -> None:
        """Find the repository. Raises `InputError` without one.

        `objects` are shared by builds, by the tops of their work trees.
        """
        if not isdir(build.context):
            raise InputError("the context is not a directory", path=build.context or "''")
        self.build = build
        self.repository = repository_of(build.context)
        if objects is None:
            objects = {}
        top = self.repository.top
        self.objects = objects.setdefault(top, GitObjects(top))
        self._plans = CommitPlans(build, self.repository, self.objects)
        self._sums: dict[object, TreeSums] = {}
        self._contexts: dict[str, str] = {}

    def prepare(self, commits: Sequence[Commit]) -> None:
        """Ask git for all commits at once. Raises `GitError`."""
        self._contexts |= self._plans.prepare([commit.tree for commit in commits])

    def of(self, commit: Commit) -> CommitMeasure:
        """Return what is sent in a commit that was prepared; what is not known has a reason."""
        measure = CommitMeasure(commit)
        try:
            self._measure(measure)
        except CtxsizeError as error:
            measure.unknown = reason(error)
        except GitError as error:
            measure.unknown = str(error)
        return measure

    def _measure(self, measure: CommitMeasure) -> None:
        tree = self._contexts.get(measure.commit.tree)
        if tree is None:
            raise GitError(f"there is no directory {self._plans.inner}")
        plan = self._plans.of(measure.commit.tree, tree)
        measure.plan = plan
        measure.top = TreeAt(tree)
        sums = self._sums_of(plan, None)
        measure.context = sums.amount(tree)
        measure.sums_of_context = sums
        measure.unknown = plan.unknown or None
        if plan.unknown is not None:
            return
        if plan.first is None:
            measure.transfer = _NOTHING
            return
        sums = self._sums_of(plan, plan.includes[plan.first])
        measure.transfer = sums.amount(tree)
        measure.sums_of_transfer = sums

    def transfers(self, measure: CommitMeasure) -> list[FilesByDirectory] | None:
        """Return the files of each transfer of a commit; None if they are not known.

        Raises `CtxsizeError` for patterns that cannot be evaluated.
        """
        if measure.plan is None or measure.top is None or measure.transfer is None:
            return None
        transfers = []
        for include in measure.plan.includes:
            sums = self._sums_of(measure.plan, include)
            transfers.append(sums.files(measure.top.tree))
        return transfers

    def notes(self, measure: CommitMeasure) -> Iterator[Problem]:
        """Yield what a checkout of a commit would convert, and what git has not fetched."""
        head = Head(self.repository, measure.commit.name)
        files = measure.files_of_context()
        try:
            if files:
                yield from notes_on_conversion(head, files)
        except GitError as error:
            yield Problem("git", f"what a checkout converts is not known: {error}")
        unfetched = self.objects.unfetched
        if unfetched:
            counted = f"{plural(unfetched, 'file')} counted as empty"
            message = f"{counted}: this partial clone has not fetched them"
            yield Problem("checkout", message, count=unfetched)

    def _sums_of(self, plan: CommitPlan, include: Include) -> TreeSums:
        """Return the sums of what an ignore file and include patterns send of any tree."""
        ignore_file = plan.plan
        key = (ignore_file.ignore_data, ignore_file.added, include)
        if key not in self._sums:
            self._sums[key] = TreeSums(
                self.objects,
                narrowed(ignore_file.spec, include),
                refuses=ignore_file.builder.refuses_to_open,
            )
        return self._sums[key]
