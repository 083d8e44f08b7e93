"""Trials of rewritten Dockerfiles: each build must take what it takes now, and fail no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.fates import failures
from ctxsize.engine.plan import ParsedDockerfile, Plan, plan_of
from ctxsize.engine.transfer_requests import sent_contexts, sources_of
from ctxsize.errors import CtxsizeError
from ctxsize.repository import FoundBuild
from ctxsize.values import Value


class _Taken(NamedTuple):
    """A source that a build takes from one of its contexts."""

    context: str
    path: str
    excludes: frozenset[str]

    def covers(self, other: _Taken) -> bool:
        """Return whether taking this one takes all that `other` takes, too."""
        if self.context != other.context:
            return False
        if not self.excludes <= other.excludes:
            return False
        if self.path in (".", other.path):
            return True
        return other.path.startswith(f"{self.path}/")


class BuildEffect(Value):
    """The sources that a build takes by one text of its Dockerfile, and why it fails."""

    taken: frozenset[_Taken]
    failures: frozenset[str]

    @property
    def takes_all(self) -> bool:
        """Return whether an instruction takes the whole build context."""
        return any(not source.context and source.path == "." for source in self.taken)

    def keeps(self, before: BuildEffect) -> bool:
        """Return whether no source of `before` is lost, and no failure is new."""
        if not self.failures <= before.failures:
            return False
        lost = before.taken - self.taken
        return all(any(taken.covers(source) for taken in self.taken) for source in lost)


def plans_of(builds: Iterable[FoundBuild]) -> Iterator[Plan]:
    """Yield the plans of builds; none of one whose context or ignore file cannot be used."""
    for build in builds:
        with suppress(CtxsizeError):
            yield plan_of(build.build, BUILDERS[build.build.builder])


def with_text(plan: Plan, data: bytes) -> Plan:
    """Return the plan with `data` as the text of its Dockerfile."""
    return replace(plan, parsed=ParsedDockerfile(partial(bytes, data)))


def effect_of(plan: Plan) -> BuildEffect:
    """Return what the build of `plan` takes, and why it fails; measures nothing."""
    taken = set()
    reasons = set()
    try:
        for context in sent_contexts(plan):
            for source in sources_of(context):
                taken.add(_Taken(context.name, source.path, frozenset(source.excludes)))
    except CtxsizeError as error:
        reasons.add(error.message)
    reasons.update(problem.message for problem in failures(plan))
    return BuildEffect(frozenset(taken), frozenset(reasons))
