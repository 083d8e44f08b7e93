"""The fate of a build: the problems due to which a Dockerfile that can be read is not built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING

from ctxsize.dockerfile.context_need import Asked
from ctxsize.dockerfile.instructions import parse_heredoc_word
from ctxsize.dockerfile.sources import (
    TAKING,
    Failure,
    Source,
    UnknownName,
    as_options,
    what_decides,
)
from ctxsize.engine.builders import Builder
from ctxsize.engine.inspect import CLOSED
from ctxsize.engine.narrow import included, is_entered
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import (
    TAKES_UNKNOWN,
    Include,
    asked_of,
    includes_of,
    needs_of,
    sent_contexts,
    sources_of,
)
from ctxsize.errors import BuildFailsError, CtxsizeError, DockerfileError, InputError
from ctxsize.hidden import hidden_as, shown
from ctxsize.model import LACKING, Problem, Problems

if TYPE_CHECKING:
    from ctxsize.engine.source_lookup import SourceFate

_MOST_LOOKED_UP = 1000  # sources, as the first missing one already fails the build
_REASONS = {  # by the value of `Fate`
    "ignored": "{} is ignored",
    "absent": "{} is not in the context",
    "loop": "the symlink {} leads in a circle",
    "not asked for": "{} is not sent",
}


def failures(plan: Plan, walked: Iterable[Problem] = ()) -> Problems:
    """Return the problems with which the build of `plan` is known to fail, as every command says.

    `walked` are the problems of a walk through the context, if there was one; nothing else is
    measured. There are none without a Dockerfile.
    """
    if plan.dockerfile is None:
        return ()
    problems = [*plan.problems]
    if plan.dockerfile_fault is None:
        problems += unread(plan)
        with suppress(CtxsizeError, OSError):
            problems += failing_steps(plan)
            for context in sent_contexts(plan):
                problems += _not_found(context, sources_of(context))
            for problem in walked:
                if any(_is_included(problem, plan, include) for include in includes_of(plan)):
                    problems.append(problem)
    return tuple(problem for problem in dict.fromkeys(problems) if problem.is_fatal)


def _is_included(problem: Problem, plan: Plan, include: Include) -> bool:
    """Return whether a transfer takes the entry that a problem is about, or stops at it."""
    path = problem.path or ""
    if problem.code == CLOSED:
        return is_entered(plan.spec, path, include)
    if plan.spec.match_file(path):  # another ignore file than that of the walk
        return False
    if include is None:
        return True
    return any(f"{path}/".startswith(f"{source}/") for source in include)


def unread(plan: Plan) -> Iterator[Problem]:
    """Yield the problem that a Dockerfile has which the builder rejects, if it does."""
    if plan.dockerfile is None:
        return
    asked: Sequence[Asked] = ()
    try:
        asked = asked_of(plan)
        for include in includes_of(plan):
            included(include or (), "includepatterns")
    except CtxsizeError as error:
        error.line = error.line or rejected_line(asked)
        problem = unknown_transfer(plan, error)
        if problem.fails:
            yield problem


def rejected_line(asked: Iterable[Asked]) -> int | None:
    """Return the line of the first source that the builder rejects as a pattern."""
    for transfer in asked:
        for source in transfer.sources:
            try:
                included([source.path], "includepatterns")
            except InputError:
                return source.line
    return None


def unknown_transfer(plan: Plan, error: CtxsizeError) -> Problem:
    """Return the problem that states why `error` leaves the transfers unknown."""
    lead = TAKES_UNKNOWN
    if isinstance(error, BuildFailsError):
        lead = "the build stops"
    elif type(error) is DockerfileError:  # and not an `UndecidedError`
        lead = "the build fails"
    message = f"{lead}: {error.message}"
    if error.hint:
        message += f" ({error.hint})"
    return Problem(
        code="transfer-unknown",
        message=message,
        path=error.path or plan.dockerfile,
        line=error.line,
        fails=lead != TAKES_UNKNOWN,
    )


def lacking(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each build argument without a value here, at the first line of need."""
    # These are doubts, as the argument may be given where nobody sees it.
    with suppress(CtxsizeError, OSError):
        lacks = (need.lacks for need in needs_of(plan).values())
        options = set()
        for lack in sorted(chain.from_iterable(lacks), key=attrgetter("line")):
            option = as_options(lack.arguments)
            if option in options:  # one value helps them all
                continue
            options.add(option)
            yield Problem(
                code=LACKING,
                message=f"the build needs {option}, else it fails: {lack.message}",
                path=plan.dockerfile,
                line=lack.line,
            )


def failing_steps(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each step that fails whatever the context holds. Raises `needs_of`'s."""
    failures = (need.failures for need in needs_of(plan).values())
    for failure in dict.fromkeys(chain.from_iterable(failures)):
        yield _failure_problem(failure, plan)


def _failure_problem(failure: Failure, plan: Plan) -> Problem:
    """Return the problem for a failing step, or for what it depends on."""
    if failure.image:
        image = shown(failure.image)
        return Problem(
            code="unknown-workdir",
            message=f"the mount target is the WORKDIR of the image {image}, which is assumed not "
            "to be /: else the build fails; name the target, or set a WORKDIR before this RUN",
            path=plan.dockerfile,
            line=failure.line,
        )
    return _with_doubts(
        Problem("empty-source", failure.message, plan.dockerfile, line=failure.line),
        failure.doubts,
    )


def _with_doubts(problem: Problem, doubts: Collection[UnknownName]) -> Problem:
    """Add that the build fails, or, with doubts, that it does for some value of a variable."""
    decides = what_decides(doubts)
    if not decides:
        return replace(problem, message=f"the build fails: {problem.message}")
    code = "unknown-environment"
    if any(doubt.kind == "argument" for doubt in doubts):
        code = LACKING
    return replace(problem, code=code, message=f"{problem.message} ({decides})")


def missing_sources(plan: Plan, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that is known to fail the build, or may by a doubt.

    Only `failures` has those of a builder that requests no paths.
    """
    if plan.builder.asks_for_paths:
        yield from _not_found(plan, sources)


def _not_found(plan: Plan, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that the builder does not find."""
    from ctxsize.engine.lookups import look_up_of  # most builds have no doubtful source
    from ctxsize.engine.made_before import made_before  # most builds find all their sources

    wanted = dict.fromkeys(source for source in sources if _is_looked_up(source, plan.builder))
    fates = {}
    with suppress(CtxsizeError, OSError):
        look_up = look_up_of(plan)
        for source in islice(wanted, _MOST_LOOKED_UP):
            with suppress(CtxsizeError, OSError):
                fates[source] = look_up(source)
    if plan.builder.needs_matches:
        fates |= _failing_wildcards(plan, fates)
    absent = []
    for fate, path in fates.values():
        if fate.value == "absent":
            absent.append(path)
    made = {}
    if absent:
        made = made_before(plan, absent)
    for source, (fate, path) in fates.items():
        if path in made and not fate.is_found:
            message = f"{path} is not there yet; git ignores it, and {made[path]}"
            yield Problem("source-not-there-yet", message, plan.dockerfile, source.line or None)
        elif not fate.is_found:
            with suppress(CtxsizeError, OSError):
                yield _source_problem(plan, source, fate.value, path)


def _is_looked_up(source: Source, builder: Builder) -> bool:
    """Return whether the builder looks up a source, and ctxsize models how."""
    if source.kind not in TAKING:
        return False
    if builder.asks_for_paths:
        return True
    # A builder that refuses flags refuses a mount.
    if source.kind == "bind" and builder.refused_flags:
        return False
    if source.doubts:
        return False
    return source.parents is None


def _failing_wildcards(plan: Plan, fates: Mapping[Source, SourceFate]) -> dict[Source, SourceFate]:
    """Return why wildcards fail the build: on a line on which none of them matches anything."""
    from ctxsize.engine.source_lookup import Fate, SourceFate

    counts = _source_counts(plan)
    counts.subtract(source.line for source, (fate, _) in fates.items() if fate is Fate.NO_MATCH)
    failing = {}
    for source, (fate, path) in fates.items():
        if fate is Fate.NO_MATCH and not counts[source.line]:
            reason = Fate.IGNORED
            if path == source.path:
                reason = Fate.ABSENT
            failing[source] = SourceFate(reason, path)
    return failing


def _source_counts(plan: Plan) -> Counter[int]:
    """Return the number of sources of each COPY and ADD, by line, including URLs."""
    return Counter(
        instruction.line
        for instruction in plan.parsed.dockerfile.instructions
        for word in (instruction.trigger or instruction).arguments[:-1]
        if parse_heredoc_word(word) is None
    )


def _source_problem(plan: Plan, source: Source, fate: str, path: str) -> Problem:
    """Return the problem for a source that is not found; `path` is the entry that decides."""
    entry = shown(hidden_as(source.path, path))
    if path == source.path and fate != "loop" and not what_decides(source.doubts):
        entry = "it"
    reason = _REASONS[fate].format(entry)
    if fate == "ignored":
        reason += _by_line(plan, path)
    return _with_doubts(
        Problem(
            code="source-not-found",
            message=f"{source.instruction} {source.written}: not found, as {reason}",
            path=plan.dockerfile,
            line=source.line or None,
        ),
        source.doubts,
    )


def _by_line(plan: Plan, path: str) -> str:
    """Return the line of the ignore file that ignores `path`, in brackets; `""` if none does."""
    from ctxsize.engine.explanation import explain

    explained = explain(plan, path)
    decider = explained.verdict.by
    if decider is None:
        return ""
    if not decider.line:
        return ""
    return f" ({explained.ignore_file}:{decider.line})"
