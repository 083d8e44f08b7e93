"""Ways to ask about one context that must agree: the functions, the evaluators, a snapshot."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import ctxsize
from ctxsize import CtxsizeError, Entry, Kind
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import order
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import Listing
from ctxsize.engine.snapshot import Snapshot


def check_functions(context: str, builder: str) -> None:
    """`measure`, `ls` and `explain` say the same about `context`."""
    try:
        report = ctxsize.measure(context, builder=builder, ignored=True)
    except CtxsizeError as error:
        with pytest.raises(type(error)):
            list(ctxsize.ls(context, builder=builder))
        return
    every = list(ctxsize.ls(context, builder=builder, ignored=True))
    sent = list(ctxsize.ls(context, builder=builder))
    assert sent == [entry for entry in every if not entry.verdict.ignored]
    assert [e for e in every if e.verdict.ignored] == list(
        ctxsize.ls(context, builder=builder, sent=False, ignored=True)
    )
    keys = [order(entry.path) for entry in every]
    assert keys == sorted(set(keys))
    assert ctxsize.measure(context, builder=builder).context.totals == report.context.totals
    check_totals(report, sent)
    check_explanations(context, builder, every)


def check_totals(report: ctxsize.Report, sent: list[Entry]) -> None:
    kinds = Counter(entry.kind for entry in sent)
    totals = report.context.totals
    assert totals.entries == len(sent)
    assert totals.directories == kinds[Kind.DIRECTORY]
    assert totals.symlinks == kinds[Kind.SYMLINK]
    assert totals.content_bytes == sum(entry.content_bytes for entry in sent)


def check_explanations(context: str, builder: str, entries: list[Entry]) -> None:
    explained = ctxsize.explain([e.path for e in entries], build=context, builder=builder)
    for entry, explanation in zip(entries, explained, strict=True):
        assert explanation.not_there is None
        # A directory may be ignored itself and sent for an entry below it.
        if entry.kind is not Kind.DIRECTORY:
            assert explanation.verdict == entry.verdict
            assert explanation.arrives_empty == entry.arrives_empty
        for level in explanation.levels:
            matched = [c for c in level.checks if c.outcome in ("matched", "inherited")]
            assert level.verdict.by == (matched[-1].pattern if matched else None)


def check_snapshot(plan: Plan) -> None:
    """A context in memory is what the walk says of it."""
    expected = walked(plan)
    if isinstance(expected, type):
        with pytest.raises(expected):
            Snapshot.take(plan).sent()
    else:
        assert tried(Snapshot.take(plan), plan) == expected


def walked(plan: Plan, evaluator: Evaluator | None = None) -> Any:
    """What a real walk says, in the terms of `Sent`; or why the build fails."""
    try:
        listed = list(Listing(plan, evaluators=[evaluator]))
    except CtxsizeError as error:
        return type(error)
    return (
        {entry.path: entry.content_bytes for entry in listed},
        {entry.path for entry in listed if entry.kind is Kind.DIRECTORY},
        {entry.path for entry in listed if entry.arrives_empty},
        sum(entry.content_bytes for entry in listed),
        sum(entry.kind not in (Kind.DIRECTORY, Kind.SYMLINK) for entry in listed),
    )


def tried(snapshot: Snapshot, plan: Plan, include: tuple[str, ...] | None = None) -> Any:
    """What the snapshot says about the ignore file of `request`."""
    try:
        sent = snapshot.sent(plan.spec, include=include)
    except CtxsizeError as error:
        return type(error)
    return sent.sizes, sent.directories, sent.empty, sent.content_bytes, sent.files
