"""Compare contexts: saved reports, directories, a checkout of HEAD, and commits."""

from __future__ import annotations

from dataclasses import replace
from os.path import isdir

from ctxsize.build import Build, Options, StrPath, Unpack, path_of
from ctxsize.engine.git import GitError
from ctxsize.engine.report import measure
from ctxsize.errors import InputError
from ctxsize.guard import comparison
from ctxsize.guard.accepting import completed
from ctxsize.guard.baseline import of_files
from ctxsize.guard.comparison import Contexts, DiffReport, Saved
from ctxsize.history.changes import ends_of
from ctxsize.history.commits import commit_at
from ctxsize.history.measures import CommitMeasure, TreeMeasures
from ctxsize.planning import plan_for

_SHORT = 10  # characters of the name of a commit


def diff(
    before: StrPath,
    after: StrPath | None = None,
    *,
    name: str | None = None,
    **options: Unpack[Options],
) -> DiffReport:
    """Return the changes between two saved reports.

    Either may be a directory, which is measured with `options`; `after` is by default the
    working directory. `name` chooses one of several contexts in a file.
    Raises `InputError` for a file that is not a report, and the errors of `measure`.
    """
    from ctxsize.engine.sent_files import FilesByDirectory, SentFiles

    def side(place: str) -> Contexts:
        if not isdir(place):
            return comparison.saved(place, name)
        plan = plan_for(place, **options)
        sent = SentFiles()
        report = completed(plan, measure(plan, top=1, depth=0, files=sent), None)
        files = FilesByDirectory(sent.by_directory)
        return {"": comparison.measured(files, report, plan.spec)}

    before = path_of(before)
    after = path_of(after or ".")
    return comparison.compare(before, side(before), after, side(after))


def diff_checkout(context: StrPath = ".", **options: Unpack[Options]) -> DiffReport:
    """Return the changes from a clean checkout of HEAD to the working tree of a context.

    Nothing is checked out. Raises `InputError` without a commit, and the errors of `measure`.
    """
    from ctxsize.engine.checkout import Checkout

    context = path_of(context)
    plan = plan_for(context, **options)
    checkout = Checkout(plan)
    report = completed(plan, checkout.report, None)
    return replace(
        comparison.compare(
            before="HEAD",
            old={"": comparison.measured(checkout.sizes, report, checkout.plan.spec)},
            after=context,
            new={"": comparison.measured(checkout.here, report, plan.spec)},
        ),
        differences=checkout.differences,
        problems=checkout.problems,
    )


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
