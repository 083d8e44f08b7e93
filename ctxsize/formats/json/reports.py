r"""The JSON of what was measured: reports, budgets that hold them, and what changed between two.

Names that are not UTF-8 hold lone surrogates (`\udcff` for the byte 0xFF), as
Python's `os.fsdecode` makes them. Integers are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ctxsize.formats import verdict
from ctxsize.formats.json import Shape, findings, picked, problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.entry import Entry, Pattern
    from ctxsize.guard import CheckReport, ContextCheck, DiffReport, Limit, Side
    from ctxsize.guard.known import SizeChange
    from ctxsize.model import (
        Difference,
        Directory,
        Ignored,
        IgnoreFileInfo,
        Measurement,
        NamedContext,
        Problem,
        Report,
        Share,
        Transfer,
    )


def measured(report: Report, *, refused: bool = False) -> Shape:
    """Return what `measure.schema.json` describes; `check` may have `refused` the report."""
    return {
        "version": 1,
        "verdict": {
            "level": verdict.level(report, refused=refused).name,
            "reasons": [
                picked(each, "kind paths count content_bytes files")
                for each in verdict.reasons(report)
            ],
        },
        **picked(report, "context_path dockerfile builder"),
        "ignore_file": _ignore_file(report.ignore_file),
        "lower_bound": report.lower_bound,
        "context": _measurement(report.context),
        "transfer": None if report.transfer is None else _transfer(report.transfer),
        "more_transfers": [_transfer(each) for each in report.more_transfers],
        "named_contexts": [_named(each) for each in report.named_contexts],
        "ignored": _ignored(report.context.ignored),
        "problems": _problems(report.problems),
        "differences": [_difference(each) for each in report.differences],
    }


def line(entry: Entry) -> str:
    """Return `entry` as one line of JSON."""
    by = entry.verdict.by
    fields = {
        **picked(entry, "path kind"),
        "ignored": entry.verdict.ignored,
        **picked(entry, "size_bytes content_bytes arrives_empty"),
        "by": None if by is None else _pattern(by),
    }
    return json.dumps(fields)


def _ignore_file(info: IgnoreFileInfo | None) -> Shape | None:
    if info is None:
        return None
    patterns = [_pattern(each) for each in info.patterns]
    return picked(info, "path dockerfile_specific") | {"patterns": patterns}


def _pattern(pattern: Pattern) -> Shape:
    return picked(pattern, "line text exception")


def _measurement(context: Measurement) -> Shape:
    return {
        **picked(context.totals, "content_bytes files directories symlinks entries"),
        **picked(context, "hardlinks wire_bytes printed warm_bytes warm_printed"),
        "tree": list(_flat(context.tree)),
        "largest_files": [
            {"path": each.name, "content_bytes": each.content_bytes}
            for each in context.largest_files
        ],
        "largest_directories": _shares(context.largest_directories, "path"),
        "by_extension": _shares(context.by_extension, "extension"),
        "by_pattern": _pattern_shares(context.by_pattern),
    }


def _flat(tree: Directory) -> Iterator[Shape]:
    """Yield the size tree as a list, each directory before its own: no tree is too deep for it."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield picked(node, "path content_bytes files")
        pending += reversed(node.children)


def _shares(shares: tuple[Share, ...], key: str) -> list[Shape]:
    return [{key: each.name, **picked(each, "content_bytes files")} for each in shares]


def _pattern_shares(shares: tuple[Share, ...]) -> list[Shape]:
    """Return what each pattern decided; `pattern` is null where none matched."""
    return [
        {"line": each.line, "pattern": each.name or None, **picked(each, "content_bytes files")}
        for each in shares
    ]


def _transfer(transfer: Transfer) -> Shape:
    names = "instruction line stage source path kind content_bytes files"
    return {
        **picked(transfer, "context_used follow_paths content_bytes files wire_bytes printed"),
        **picked(transfer, "warm_bytes warm_printed platforms"),
        "sources": [picked(each, names) for each in transfer.sources],
        "problems": _problems(transfer.problems),
    }


def _named(context: NamedContext) -> Shape:
    return {
        **picked(context, "name value kind announced used"),
        "ignore_file": _ignore_file(context.ignore_file),
        "context": None if context.context is None else _measurement(context.context),
        "transfers": [_transfer(each) for each in context.transfers],
        "problems": _problems(context.problems),
    }


def _ignored(ignored: Ignored) -> Shape:
    """Return what is ignored; the bytes are null where ignored directories were not opened."""
    return {
        "complete": ignored.complete,
        "content_bytes": ignored.totals.content_bytes if ignored.complete else None,
        **picked(ignored.totals, "files directories symlinks"),
        "unopened": ignored.unopened,
        "by_pattern": _pattern_shares(ignored.by_pattern),
    }


def _problems(found: tuple[Problem, ...]) -> list[Shape]:
    return problems(found, "code message path line effect count fails")


def _difference(difference: Difference) -> Shape:
    names = "builder error ignore_file only_here only_here_count only_there only_there_count"
    return picked(difference, f"{names} content_differs content_differs_count")


def checked(outcome: CheckReport) -> Shape:
    """Return what `check.schema.json` describes."""
    return {
        "version": 1,
        **picked(outcome, "passes baseline updated"),
        "checks": [_check(each) for each in outcome.checks],
        "unused": findings(outcome.unused),
    }


def _check(check: ContextCheck) -> Shape:
    remedy = check.remedy
    return {
        **picked(check, "name passes"),
        "limits": [_limit(each) for each in check.limits],
        "culprits": [picked(each, "path content_bytes files") for each in check.culprits],
        "grown": None if check.grown is None else _size_changes(check.grown),
        "remedy": None
        if remedy is None
        else {
            "saves_bytes": remedy.saves.content_bytes,
            "saves_files": remedy.saves.files,
            "enough": remedy.enough,
        },
        "untried": check.untried,
        "findings": findings(check.findings),
        "accepted": [
            picked(each.finding, "code message") | {"reason": each.reason}
            for each in check.accepted
        ],
        "report": measured(check.report, refused=not check.passes),
    }


def _limit(limit: Limit) -> Shape:
    tolerance = limit.tolerance or None
    return picked(limit, "name of unit allowed actual over baseline") | {"tolerance": tolerance}


def compared(outcome: DiffReport) -> Shape:
    """Return what `diff.schema.json` describes."""
    before, after = outcome.before, outcome.after
    return {
        "version": 1,
        "before": _side(before),
        "after": _side(after),
        "delta_bytes": after.content_bytes - before.content_bytes,
        "delta_files": after.files - before.files,
        "directories": _size_changes(outcome.changes.directories),
        "files": _size_changes(outcome.changes.files),
    }


def _size_changes(changes: tuple[SizeChange, ...]) -> list[Shape]:
    names = "path what before_bytes after_bytes delta_bytes delta_files exact"
    return [picked(each, names) for each in changes]


def _side(side: Side) -> Shape:
    return picked(side, "name content_bytes files complete")
