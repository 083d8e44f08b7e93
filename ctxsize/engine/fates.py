"""The fate of a build: the problems due to which a Dockerfile that can be read is not built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice

from ctxsize.dockerfile.instructions import parse_heredoc_word
from ctxsize.dockerfile.sources import TAKING, Failure, Source, UnknownName, what_decides
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import (
    named_plan,
    needs_of,
    sources_of,
    used_contexts,
)
from ctxsize.errors import CtxsizeError
from ctxsize.hidden import hidden_as, shown
from ctxsize.model import Problem

_MOST_LOOKED_UP = 1000  # sources, as the first missing one already fails the build
_REASONS = {  # by the value of `Fate`
    "ignored": "{} is ignored",
    "absent": "{} is not in the context",
    "loop": "the symlink {} leads in a circle",
    "not asked for": "{} is not sent",
}


def fatal_problems(plan: Plan) -> tuple[Problem, ...]:
    """Return the problems that are known to fail the build of `plan`, measuring nothing.

    There are none without a Dockerfile, and if the builder refuses it.
    """
    if plan.dockerfile is None:
        return ()
    if not plan.builder.asks_for_paths:
        return tuple(fatal_without_requests(plan))
    problems: dict[Problem, None] = {}
    with suppress(CtxsizeError, OSError):
        problems |= dict.fromkeys(failing_steps(plan))
        for context in _contexts_of(plan):
            problems |= dict.fromkeys(missing_sources(context, sources_of(context)))
    return tuple(problem for problem in problems if problem.is_fatal)


def _contexts_of(plan: Plan) -> Iterator[Plan]:
    """Yield the build context, and each named context that is a directory and used."""
    yield plan
    used = used_contexts(plan)
    for named in plan.named_contexts:
        if named.local and named.name in used:
            yield named_plan(plan, named)


def failing_steps(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each step that fails whatever the context holds. Raises `needs_of`'s."""
    failures = (need.failures for need in needs_of(plan).values())
    for failure in dict.fromkeys(chain.from_iterable(failures)):
        yield _failure_problem(failure, plan)


def _failure_problem(failure: Failure, plan: Plan) -> Problem:
    """Return the problem for a failing step, or for what it depends on."""
    place = Problem("empty-source", "", plan.dockerfile, line=failure.line)
    if failure.image:
        image = shown(failure.image)
        message = (
            f"the mount target is the WORKDIR of the image {image}, which is assumed not to be /: "
            "else the build fails; name the target, or set a WORKDIR before this RUN"
        )
        return replace(place, code="unknown-workdir", message=message)
    return _with_doubts(place, failure.message, failure.doubts)


def _with_doubts(place: Problem, message: str, doubts: Collection[UnknownName]) -> Problem:
    """Complete `place`: the build fails, or, with doubts, fails for some value of a variable."""
    decides = what_decides(doubts)
    if not decides:
        return replace(place, message=f"the build fails: {message}")
    code = "unknown-environment"
    if any(doubt.kind == "argument" for doubt in doubts):
        code = "unknown-argument"
    return replace(place, code=code, message=f"{message} ({decides})")


def missing_sources(plan: Plan, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that is known to fail the build, or may by a doubt."""
    from ctxsize.engine.source_lookup import Sources  # most builds have no doubtful source

    looked_up = (source for source in sources if source.kind in TAKING)
    taken = dict.fromkeys(looked_up)
    with suppress(CtxsizeError, OSError):
        lookup = Sources(plan)
        for source in islice(taken, _MOST_LOOKED_UP):
            with suppress(CtxsizeError, OSError):
                fate, path = lookup.fate(source)
                if not fate.is_found:
                    yield _source_problem(plan, source, fate.value, path)


def fatal_without_requests(plan: Plan) -> Iterator[Problem]:
    """Yield what is known to fail a build with a builder that requests no paths."""
    if plan.dockerfile is None:
        return
    problems: dict[Problem, None] = {}
    with suppress(CtxsizeError, OSError):
        problems |= dict.fromkeys(failing_steps(plan))
        for context in _contexts_of(plan):
            problems |= dict.fromkeys(_missing_without_requests(context))
    yield from (problem for problem in problems if problem.is_fatal)


def _missing_without_requests(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each source in one context that such a builder does not find.

    Sources that depend on unknown values are left out, and those with `--parents`.
    """
    from ctxsize.engine.inplace import InPlace
    from ctxsize.engine.source_lookup import Fate, SourceFate
    from ctxsize.engine.unpacked import Unpacked

    lookup: InPlace | Unpacked = Unpacked(plan)
    if plan.builder.meter is None:
        lookup = InPlace(plan)
    fates: dict[Source, SourceFate] = {}
    unmatched = Counter[int]()
    for source in islice(_sources_by_name(plan), _MOST_LOOKED_UP):
        with suppress(CtxsizeError, OSError):
            fates[source] = lookup.fate(source)
            if fates[source].fate is Fate.NO_MATCH:
                unmatched[source.line] += 1
    counts = _source_counts(plan)
    for source, (fate, path) in fates.items():
        # A line of wildcards fails only if all of them match nothing.
        if fate is Fate.NO_MATCH and unmatched[source.line] == counts[source.line]:
            fate = Fate.IGNORED
            if path == source.path:
                fate = Fate.ABSENT
        if not fate.is_found:
            yield _source_problem(plan, source, fate.value, path)


def _source_counts(plan: Plan) -> Counter[int]:
    """Return the number of sources of each COPY and ADD, by line, including URLs."""
    counts = Counter[int]()
    for instruction in plan.parsed.dockerfile.instructions:
        copying = instruction.trigger or instruction
        for word in copying.arguments[:-1]:
            if parse_heredoc_word(word) is None:
                counts[instruction.line] += 1
    return counts


def _sources_by_name(plan: Plan) -> Iterator[Source]:
    """Yield the sources in the context of `plan` whose names are known, each once."""
    for source in sources_of(plan):
        # A builder that refuses flags refuses a mount.
        is_refused = source.kind == "bind" and plan.builder.refused_flags
        if source.kind not in TAKING or is_refused:
            continue
        if not source.doubts and source.parents is None:
            yield source


def _source_problem(plan: Plan, source: Source, fate: str, path: str) -> Problem:
    """Return the problem for a source that is not found; `path` is the entry that decides."""
    entry = shown(hidden_as(source.path, path))
    decides = what_decides(source.doubts)
    if path == source.path and fate != "loop" and not decides:
        entry = "it"
    reason = _REASONS[fate].format(entry)
    if fate == "ignored":
        reason += _by_line(plan, path)
    message = f"{source.instruction} {source.written}: not found, as {reason}"
    place = Problem("source-not-found", "", plan.dockerfile, line=source.line or None)
    return _with_doubts(place, message, source.doubts)


def _by_line(plan: Plan, path: str) -> str:
    """Return the line of the ignore file that ignores `path`, in brackets; `""` if none does."""
    from ctxsize.engine.explanation import explain

    decider = explain(plan, path).verdict.by
    if decider is None or not decider.line or plan.ignore_file is None:
        return ""
    return f" ({plan.ignore_file.path}:{decider.line})"
