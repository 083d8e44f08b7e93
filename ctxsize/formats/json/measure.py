r"""A report for programs: a written-out, versioned shape, described in `measure.schema.json`.

Names that are not UTF-8 hold lone surrogates (`\udcff` for the byte 0xFF), as
Python's `os.fsdecode` makes them. Integers are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ctxsize.model import (
    Difference,
    Directory,
    Entry,
    Ignored,
    IgnoreFileInfo,
    Measurement,
    NamedContext,
    Pattern,
    Problem,
    Report,
    Share,
    Transfer,
)

VERSION = 1


def shape(report: Report) -> dict[str, Any]:
    """`report` as plain JSON values."""
    return {
        "version": VERSION,
        "context_path": report.context_path,
        "dockerfile": report.dockerfile,
        "builder": report.builder,
        "ignore_file": None if report.ignore_file is None else _ignore_file(report.ignore_file),
        "lower_bound": report.lower_bound,
        "context": _measurement(report.context),
        "transfer": None if report.transfer is None else _transfer(report.transfer),
        "more_transfers": [_transfer(each) for each in report.more_transfers],
        "named_contexts": [_named(each) for each in report.named_contexts],
        "ignored": _ignored(report.context.ignored),
        "problems": [_problem(each) for each in report.problems],
        "differences": [_difference(each) for each in report.differences],
    }


def line(entry: Entry) -> str:
    """`entry` as one line of JSON."""
    by = entry.verdict.by
    fields = {
        "path": entry.path,
        "kind": entry.kind.value,
        "ignored": entry.verdict.ignored,
        "size_bytes": entry.size_bytes,
        "content_bytes": entry.content_bytes,
        "arrives_empty": entry.arrives_empty,
        "by": None if by is None else _pattern(by),
    }
    return json.dumps(fields)


def _ignore_file(info: IgnoreFileInfo) -> dict[str, Any]:
    return {
        "path": info.path,
        "dockerfile_specific": info.dockerfile_specific,
        "patterns": [_pattern(each) for each in info.patterns],
    }


def _pattern(pattern: Pattern) -> dict[str, Any]:
    return {"line": pattern.line, "text": pattern.text, "exception": pattern.exception}


def _measurement(context: Measurement) -> dict[str, Any]:
    return {
        "content_bytes": context.totals.content_bytes,
        "files": context.totals.files,
        "directories": context.totals.directories,
        "symlinks": context.totals.symlinks,
        "entries": context.totals.entries,
        "hardlinks": context.hardlinks,
        "wire_bytes": context.wire_bytes,
        "printed": context.printed,
        "warm_bytes": context.warm_bytes,
        "warm_printed": context.warm_printed,
        "tree": list(_flat(context.tree)),
        "largest_files": [
            {"path": each.name, "content_bytes": each.content_bytes}
            for each in context.largest_files
        ],
        "largest_directories": _shares(context.largest_directories, "path"),
        "by_extension": _shares(context.by_extension, "extension"),
        "by_pattern": _pattern_shares(context.by_pattern),
    }


def _transfer(transfer: Transfer) -> dict[str, Any]:
    return {
        "context_used": transfer.context_used,
        "follow_paths": None if transfer.follow_paths is None else list(transfer.follow_paths),
        "content_bytes": transfer.content_bytes,
        "files": transfer.files,
        "wire_bytes": transfer.wire_bytes,
        "printed": transfer.printed,
        "warm_bytes": transfer.warm_bytes,
        "warm_printed": transfer.warm_printed,
        "platforms": list(transfer.platforms),
        "sources": [
            {
                "instruction": each.instruction,
                "line": each.line,
                "stage": each.stage,
                "source": each.source,
                "path": each.path,
                "kind": each.kind,
                "content_bytes": each.content_bytes,
                "files": each.files,
            }
            for each in transfer.sources
        ],
        "problems": [_problem(each) for each in transfer.problems],
    }


def _named(context: NamedContext) -> dict[str, Any]:
    info = context.ignore_file
    return {
        "name": context.name,
        "value": context.value,
        "kind": context.kind,
        "announced": context.announced,
        "used": context.used,
        "ignore_file": None if info is None else _ignore_file(info),
        "context": None if context.context is None else _measurement(context.context),
        "transfers": [_transfer(each) for each in context.transfers],
        "problems": [_problem(each) for each in context.problems],
    }


def _flat(tree: Directory) -> Iterator[dict[str, Any]]:
    """The size tree as a list, each directory before its own: no tree is too deep for it."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield {"path": node.path, "content_bytes": node.content_bytes, "files": node.files}
        pending += reversed(node.children)


def _shares(shares: tuple[Share, ...], key: str) -> list[dict[str, Any]]:
    return [
        {key: each.name, "content_bytes": each.content_bytes, "files": each.files}
        for each in shares
    ]


def _pattern_shares(shares: tuple[Share, ...]) -> list[dict[str, Any]]:
    """What each pattern decided; `pattern` is null where none matched."""
    return [
        {
            "line": each.line,
            "pattern": each.name or None,
            "content_bytes": each.content_bytes,
            "files": each.files,
        }
        for each in shares
    ]


def _ignored(ignored: Ignored) -> dict[str, Any]:
    """What is ignored; the bytes are null where ignored directories were not opened."""
    return {
        "complete": ignored.complete,
        "content_bytes": ignored.totals.content_bytes if ignored.complete else None,
        "files": ignored.totals.files,
        "directories": ignored.totals.directories,
        "symlinks": ignored.totals.symlinks,
        "unopened": ignored.unopened,
        "by_pattern": _pattern_shares(ignored.by_pattern),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "path": problem.path,
        "line": problem.line,
        "effect": problem.effect.value,
        "count": problem.count,
        "fails": problem.fails,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "builder": difference.builder,
        "error": difference.error,
        "ignore_file": difference.ignore_file,
        "only_here": list(difference.only_here),
        "only_here_count": difference.only_here_count,
        "only_there": list(difference.only_there),
        "only_there_count": difference.only_there_count,
        "content_differs": list(difference.content_differs),
        "content_differs_count": difference.content_differs_count,
    }
