"""The fate of a build: the problems due to which a Dockerfile that can be read is not built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from ctxsize.dockerfile.instructions import Instruction, parse_heredoc_word
from ctxsize.dockerfile.sources import TAKING, Failure, Source, what_decides
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import (
    asked_of,
    named_contexts,
    named_plan,
    needs_of,
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


def breaking(plan: Plan) -> tuple[Problem, ...]:
    """Return the problems that are known to fail the build of `plan`, measuring nothing.

    They are those of `measure` after the builder has accepted the Dockerfile; none if it does
    not, or if there is no Dockerfile.
    """
    found: dict[Problem, None] = {}
    if plan.dockerfile is None:
        return ()
    if not plan.builder.asks_for_paths:
        return tuple(failing_by_name(plan))
    with suppress(CtxsizeError, OSError):
        found |= dict.fromkeys(failures_of(plan))
        for context in _contexts_of(plan):
            sources = (source for asked in asked_of(context) for source in asked.sources)
            found |= dict.fromkeys(unfound(context, sources))
    return tuple(problem for problem in found if problem.is_fatal)


def _contexts_of(plan: Plan) -> Iterator[Plan]:
    """Yield the build context, and each named context that is a directory and used."""
    yield plan
    used = used_contexts(plan)
    for named in named_contexts(plan.build):
        if named.local and named.name in used:
            yield named_plan(plan, named)


def failures_of(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each step that fails whatever the context holds. Raises `needs_of`'s."""
    failures = (each for need in needs_of(plan).values() for each in need.failures)
    for failure in dict.fromkeys(failures):
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
    if decides := what_decides(failure.doubts):
        return replace(
            place, code=_code_of(failure.doubts), message=f"{failure.message} ({decides})"
        )
    return replace(place, message=f"the build fails: {failure.message}")


def _code_of(doubts: Iterable[tuple[str, str]]) -> str:
    """Return the code of a problem that depends on arguments, or else on variables."""
    if "argument" in dict(doubts):
        kind = "argument"
    else:
        kind = "environment"
    return f"unknown-{kind}"


def unfound(plan: Plan, sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield a problem for each of `sources` that is known to fail the build, or may by a doubt."""
    from ctxsize.engine.source_lookup import Sources  # most builds have no doubtful source

    taken = dict.fromkeys(each for each in sources if each.kind in TAKING)
    with suppress(CtxsizeError, OSError):
        checks = Sources(plan)
        for source in islice(taken, _MOST_LOOKED_UP):
            with suppress(CtxsizeError, OSError):
                fate, at = checks.fate(source)
                if not fate.is_found:
                    yield _source_problem(plan, source, fate.value, at)


def failing_by_name(plan: Plan) -> Iterator[Problem]:
    """Yield what is known to fail a build with a builder that requests no paths."""
    if plan.dockerfile is None:
        return
    with suppress(CtxsizeError, OSError):
        problems = [*failures_of(plan)]
        for context in _contexts_of(plan):
            problems += _unfound_by_name(context)
        yield from (problem for problem in dict.fromkeys(problems) if problem.is_fatal)


def _unfound_by_name(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each source in one context that such a builder does not find.

    Sources that depend on unknown values are left out, and those with `--parents`.
    """
    from ctxsize.engine.inplace import InPlace
    from ctxsize.engine.source_lookup import Fate
    from ctxsize.engine.unpacked import Unpacked

    lookup = InPlace(plan) if plan.builder.meter is None else Unpacked(plan)
    sources = islice(_sources_by_name(plan), _MOST_LOOKED_UP)
    fates: dict[Source, tuple[Fate, str]] = {}
    for source in sources:
        with suppress(CtxsizeError, OSError):
            fates[source] = lookup.fate(source)
    words = {
        each.line: _words_of(each.trigger or each) for each in plan.parsed.dockerfile.instructions
    }
    unmatched = Counter(each.line for each, (fate, _) in fates.items() if fate is Fate.NO_MATCH)
    for source, (fate, at) in fates.items():
        # Wildcards may match nothing beside a source that is found.
        if fate is Fate.NO_MATCH and unmatched[source.line] == words.get(source.line):
            if at == source.path:
                fate = Fate.ABSENT
            else:
                fate = Fate.IGNORED
        if not fate.is_found:
            yield _source_problem(plan, source, fate.value, at)


def _words_of(instruction: Instruction) -> int:
    """Return the number of sources of COPY or ADD, those included that are no paths."""
    *words, _ = instruction.arguments or ("",)
    return sum(parse_heredoc_word(word) is None for word in words)


def _sources_by_name(plan: Plan) -> Iterator[Source]:
    """Yield the sources in the context of `plan` whose names are known, each once."""
    kinds = [kind for kind in TAKING if kind != "bind" or not plan.builder.refused_flags]
    sources = (source for asked in asked_of(plan) for source in asked.sources)
    for source in dict.fromkeys(sources):
        if source.kind in kinds and not source.doubts and source.parents is None:
            yield source


def _source_problem(plan: Plan, source: Source, fate: str, at: str) -> Problem:
    """Return the problem for a source that is not found; `at` is the entry that decides."""
    decides = what_decides(source.doubts)
    is_itself = at == source.path and fate != "loop" and not decides
    if is_itself:
        entry = "it"
    else:
        entry = shown(hidden_as(source.path, at))
    reason = _REASONS[fate].format(entry)
    if fate == "ignored":
        reason += _by_line(plan, at)
    message = f"{source.instruction} {source.written}: not found, as {reason}"
    place = Problem("source-not-found", "", plan.dockerfile, line=source.line or None)
    if decides:
        return replace(place, code=_code_of(source.doubts), message=f"{message} ({decides})")
    return replace(place, message=f"the build fails: {message}")


def _by_line(plan: Plan, path: str) -> str:
    """Return the line of the ignore file that ignores `path`, in brackets; `""` if none does."""
    from ctxsize.engine.explanation import explain

    decider = explain(plan, path).verdict.by
    if decider is None or not decider.line or plan.ignore_file is None:
        return ""
    return f" ({plan.ignore_file.path}:{decider.line})"
