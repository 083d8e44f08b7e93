"""Contexts of commits, compared with others: git lists them, and nothing is checked out."""

from __future__ import annotations

from dataclasses import replace

from ctxsize.build import Build, Options, StrPath, Unpack, path_of
from ctxsize.engine.git import GitError
from ctxsize.errors import InputError
from ctxsize.guard import comparison
from ctxsize.guard.baseline import of_files
from ctxsize.guard.comparison import DiffReport, Saved
from ctxsize.history.changes import ends_of
from ctxsize.history.commits import commit_at
from ctxsize.history.measures import CommitMeasure, TreeMeasures

_SHORT = 10  # characters of the name of a commit


def diff_commits(revisions: str, context: StrPath = ".", **options: Unpack[Options]) -> DiffReport:
    """Return the changes of a context from one commit to another.

    `revisions` are `A..B` for exactly these, or `A` for its merge base with HEAD, to HEAD. Each
    commit has its own ignore file. Nothing is checked out. Raises `InputError` for what git does
    not know, and for a commit without the context.
    """
    context = path_of(context)
    measures = TreeMeasures(Build(context, **options))
    old_name, new_name = ends_of(measures.repository, revisions)
    old = measure_at(measures, old_name)
    new = measure_at(measures, new_name)
    first, dots, last = revisions.partition("..")
    if not dots:
        first = old_name[:_SHORT]
    report = comparison.compare(
        before=first or "HEAD",
        old={"": _saved(old)},
        after=last or "HEAD",
        new={"": _saved(new)},
    )
    return replace(report, problems=tuple(measures.notes(new)))


def measure_at(measures: TreeMeasures, revision: str) -> CommitMeasure:
    """Return what a build sends in a commit. Raises `InputError` if its context is not known."""
    commit = commit_at(measures.repository, revision)
    try:
        measures.prepare([commit])
    except GitError as error:
        raise InputError(f"git cannot read {revision}: {error}") from None
    measure = measures.of(commit)
    if measure.context is None:
        short = commit.name[:_SHORT]
        message = f"the context of the commit {short} is not known: {measure.unknown}"
        raise InputError(message, path=measures.build.context)
    return measure


def _saved(measure: CommitMeasure) -> Saved:
    """Return the context of a commit as a report has it."""
    known = of_files(measure.files_of_context())
    if measure.plan is None:
        return Saved(known)
    plan = measure.plan.plan
    return Saved(
        known=known,
        context_path=plan.context,
        dockerfile=plan.dockerfile,
        builder=plan.builder.name,
        options=plan.build.words(),
        ignore_file=plan.ignore_path,
        spec=plan.spec,
    )
