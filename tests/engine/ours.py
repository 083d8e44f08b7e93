"""What ctxsize says about a context, in the form in which the oracles answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ctxsize.engine.builders import BUILDERS, BUILDKIT, Builder
from ctxsize.engine.evaluate import PatternByPattern
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing, measure
from ctxsize.engine.walk import Walk
from ctxsize.errors import CtxsizeError
from ctxsize.model import Kind
from tests.resolving import resolve


@dataclass(frozen=True)
class Ours:
    """The names in the order of sending, directories with a `/`, or why the build fails."""

    names: tuple[str, ...] = ()
    emptied: frozenset[str] = frozenset()
    wire_bytes: int | None = None
    error: CtxsizeError | None = None
    not_utf8: bool = False
    """Whether a build that takes all of it fails on bytes that are not UTF-8."""


def ask(context: Path, *, dockerfile: Path | None = None, builder: Builder = BUILDKIT) -> Ours:
    """What we say about `context`: the list, the emptied files, the bytes, or the error."""
    try:
        plan = resolve(
            str(context),
            dockerfile=None if dockerfile is None else str(dockerfile),
            builder=builder,
        )
        entries = list(Listing(plan))
        report = measure(plan)
    except CtxsizeError as error:
        return Ours(error=error)
    return Ours(
        tuple(e.path + "/" * (e.kind is Kind.DIRECTORY) for e in entries),
        frozenset(e.path for e in entries if e.arrives_empty),
        report.context.wire_bytes,
        not_utf8=any(each.code == "not-utf8" for each in report.problems),
    )


def walked(plan: Plan, *, reference: bool = False, everything: bool = False) -> list[str]:
    """The names that the walk sends, in its order; `reference` evaluates pattern by pattern."""
    evaluator = PatternByPattern(plan.spec) if reference else None
    names: list[str] = []
    for event in Walk(plan, everything=everything, evaluator=evaluator):
        if isinstance(event, Folder):
            names.append(f"{event.path}/")
        elif isinstance(event, Files):
            names += [event.prefix + name for name in event.names]
    return names


def with_parents(names: Iterable[str]) -> set[str]:
    """`names` and the directories that they lie in."""
    found = set(names)
    for name in names:
        parts = name.rstrip("/").split("/")
        found.update("/".join(parts[:depth]) + "/" for depth in range(1, len(parts)))
    return found


def as_json(ours: Ours) -> str:
    """`ours`, for a process with fewer rights that tells it to its parent."""
    told = (ours.names, sorted(ours.emptied), ours.wire_bytes, ours.error and ours.error.message)
    return json.dumps(told)


if __name__ == "__main__":
    print(as_json(ask(Path(sys.argv[1]), builder=BUILDERS[sys.argv[2]])))
