"""Growth of a build: the sizes that it sends in each commit, and the path that grew most.

Nothing is checked out: git's trees are the contexts, and the Dockerfile and the ignore file are
those of each commit. Git is asked for all commits at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

from ctxsize.build import Build, Options, Unpack, build_of
from ctxsize.engine.events import Steps, stepped
from ctxsize.engine.git import GitError
from ctxsize.engine.plan import Plan
from ctxsize.errors import InputError
from ctxsize.findings import FrozenFindings
from ctxsize.history.commits import Commit, first_parents
from ctxsize.history.measures import CommitMeasure, SizedPart, TreeMeasures
from ctxsize.model import Amount, Problems
from ctxsize.planning import BuildOrPlan
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


def _most(old: SizedPart, new: SizedPart, growth: Amount) -> GrownPart | None:
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
