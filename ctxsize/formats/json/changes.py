"""What changed between two times, for programs, described in `diff.schema.json`."""

from __future__ import annotations

from typing import Any

from ctxsize.guard.known import SizeChange
from ctxsize.guard.outcome import DiffReport, Side

VERSION = 1


def shape(outcome: DiffReport) -> dict[str, Any]:
    """`outcome` as plain JSON values."""
    before, after = outcome.before, outcome.after
    return {
        "version": VERSION,
        "before": _side(before),
        "after": _side(after),
        "delta_bytes": after.content_bytes - before.content_bytes,
        "delta_files": after.files - before.files,
        "directories": [change(each) for each in outcome.changes.directories],
        "files": [change(each) for each in outcome.changes.files],
    }


def change(each: SizeChange) -> dict[str, Any]:
    """A directory or a file that is not what it was."""
    return {
        "path": each.path,
        "what": each.what.value,
        "before_bytes": each.before_bytes,
        "after_bytes": each.after_bytes,
        "delta_bytes": each.delta_bytes,
        "delta_files": each.delta_files,
        "exact": each.exact,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "content_bytes": side.content_bytes,
        "files": side.files,
        "complete": side.complete,
    }
