"""Growth of a build: the sizes that it sends in each commit, and the path that grew most.

Nothing is checked out: git's trees are the contexts, and the Dockerfile and the ignore file are
those of each commit. Git is asked for all commits at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from os.path import isdir, join
from typing import ClassVar, Literal, NamedTuple

from ctxsize.build import Build, Options, Unpack, build_of
from ctxsize.engine.checkout import notes_on_conversion
from ctxsize.engine.events import Steps, stepped
from ctxsize.engine.git import GitError
from ctxsize.engine.head import Head
from ctxsize.engine.narrow import narrowed
from ctxsize.engine.objects import GitObjects
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import Include
from ctxsize.engine.tree_sums import TreeAt, TreeSums
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.findings import FrozenFindings
from ctxsize.history.changes import repository_of
from ctxsize.history.commits import Commit, first_parents
from ctxsize.history.plans import CommitPlan, CommitPlans, reason
from ctxsize.model import Amount, Problem, Problems
from ctxsize.planning import BuildOrPlan
from ctxsize.units import plural
from ctxsize.values import Value

_MAIN_PART = 0.5  # share of a directory's change from which a part of it is named instead
_NOTHING = Amount()


class GrownPart(NamedTuple):
    """A file or a directory that changed."""

    path: str
    content_bytes: int  # the change
    files: int  # likewise
    is_directory: bool


class CommitSize(Value):
    """The sizes that a build sends in a commit."""

    commit: str
    date: str  # when it was committed, as ISO 8601 with the zone
    subject: str
    context: Amount | None = None  # all that the ignore file leaves; None if it is not known
    transfer: Amount | None = None  # what the Dockerfile takes of that; likewise
    growth: Amount | None = None  # since the commit before, if both are known
    most: GrownPart | None = None  # what grew most, or shrank most if the whole shrank
    unknown: str | None = None  # why something is not known


class GrowthLog(Value):
    """The answer of `ctxsize log`."""

    kind: ClassVar[Literal["log"]] = "log"

    context_path: str
    dockerfile: str | None  # that of the work tree
    of: str  # the size of which `growth` is: `transfer`, or `context` if no transfer is known
    commits: tuple[CommitSize, ...]  # the newest first
    problems: Problems = ()

    @property
    def findings(self) -> FrozenFindings:
        """Return nothing: a commit that grew is no finding."""
        return ()


class _SizeOf(NamedTuple):
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

    def below(self, name: str) -> _SizeOf:
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

    def side(self, of: str) -> _SizeOf | None:
        """Return the transfer or the context; None if it is not known."""
        amount = self.context
        sums = self.sums_of_context
        if of == "transfer":
            amount = self.transfer
            sums = self.sums_of_transfer
        if amount is None:
            return None
        return _SizeOf(amount, sums, self.top)


class TreeMeasures:
    """Measures what one build sends in commits; what they share is computed once."""

    def __init__(self, build: Build) -> None:
        """Find the repository. Raises `InputError` without one."""
        if not isdir(build.context):
            raise InputError("the context is not a directory", path=build.context or "''")
        self.repository = repository_of(build.context)
        self.objects = GitObjects(self.repository.top)
        self._plans = CommitPlans(build, self.repository, self.objects)
        self._sums: dict[object, TreeSums] = {}
        self._contexts: dict[str, str] = {}

    def prepare(self, commits: tuple[Commit, ...]) -> None:
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
        if not plan.is_used:
            measure.transfer = _NOTHING
            return
        sums = self._sums_of(plan, plan.include)
        measure.transfer = sums.amount(tree)
        measure.sums_of_transfer = sums

    def notes(self, measure: CommitMeasure) -> Iterator[Problem]:
        """Yield what a checkout of a commit would convert, and what git has not fetched."""
        sums = measure.sums_of_context
        if sums is not None and measure.top is not None:
            head = Head(self.repository, measure.commit.name)
            try:
                yield from notes_on_conversion(head, sums.files(measure.top.tree))
            except GitError as error:
                yield Problem("git", f"what a checkout converts is not known: {error}")
        unfetched = self.objects.unfetched
        if unfetched:
            files = plural(unfetched, "file")
            message = f"{files} counted as empty: this partial clone has not fetched them"
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


def log(
    build: BuildOrPlan = ".",
    *,
    count: int = 30,
    revision: str = "HEAD",
    steps: Steps | None = None,
    **options: Unpack[Options],
) -> GrowthLog:
    """Return what a build sends in each of the last commits: the line of first parents.

    It has at most `count` commits, from `revision` on. `build` and `options` are those of the work
    tree; each commit has its own Dockerfile and ignore file. Nothing is checked out.
    Raises `InputError` without git, and for a revision that it does not know.
    """
    if isinstance(build, Plan):
        build = build.build
    build = build_of(build, options) or Build()
    measures = TreeMeasures(build)
    line = first_parents(measures.repository, revision, count + 1)
    rows = []
    try:
        measures.prepare(line.commits)
        for commit in stepped(line.commits, steps, _short_name):
            rows.append(measures.of(commit))
    except GitError as error:
        raise InputError(f"its history cannot be read: {error}", path=build.context) from None
    of = "context"
    if any(row.transfer is not None for row in rows[:count]):
        of = "transfer"
    before = [*rows[1:], None]
    commits = [_size(*pair, of) for pair in zip(rows, before, strict=True)]
    dockerfile = None
    if rows[0].plan is not None:
        dockerfile = rows[0].plan.plan.dockerfile
    return GrowthLog(
        context_path=build.context,
        dockerfile=dockerfile,
        of=of,
        commits=tuple(commits[:count]),
        problems=(*line.problems, *measures.notes(rows[0])),
    )


def _short_name(commit: Commit) -> str:
    return commit.name[:10]


def _size(new: CommitMeasure, old: CommitMeasure | None, of: str) -> CommitSize:
    """Return what is sent in a commit, compared with the one before."""
    commit = new.commit
    size = CommitSize(
        commit=commit.name,
        date=commit.date,
        subject=commit.subject,
        context=new.context,
        transfer=new.transfer,
        unknown=new.unknown,
    )
    if old is None:
        return size
    now = new.side(of)
    was = old.side(of)
    if now is None or was is None:
        return size
    growth = now.amount - was.amount
    return replace(size, growth=growth, most=_most(was, now, growth))


def _most(old: _SizeOf, new: _SizeOf, growth: Amount) -> GrownPart | None:
    """Return the path with most of a growth, as deep as a single one has more than half of it."""
    sign = 1
    if growth.content_bytes < 0:
        sign = -1
    most = None
    while True:
        before = old.parts()
        after = new.parts()
        deltas = {}
        for name in {**before, **after}:
            if before.get(name) != after.get(name):
                deltas[name] = after.get(name, _NOTHING) - before.get(name, _NOTHING)
        if not deltas:
            return most
        name = max(deltas, key=lambda name: (sign * deltas[name].content_bytes, name))
        delta = deltas[name]
        change = sign * delta.content_bytes
        if change <= 0:
            return most
        if most is not None:
            whole = sign * most.content_bytes
            if change <= _MAIN_PART * whole:
                return most
        old = old.below(name)
        new = new.below(name)
        is_directory = old.top is not None or new.top is not None
        most = GrownPart(new.path, delta.content_bytes, delta.files, is_directory)
        if not is_directory:
            return most
