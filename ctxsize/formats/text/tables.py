"""The tables of a report: one title, and rows of columns, for each way to take it apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import columns, fit, quoted
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.size_tree import percent
from ctxsize.model import IgnoreFileInfo, Report, Share, SourceShare


class Table(NamedTuple):
    """Rows to show; the last column is a name and takes what is left of the width."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    rest: str = ""
    """What was left out, in words."""


def files(report: Report, top: int) -> Table:
    """The largest files."""
    total = report.context.totals.content_bytes
    rows = [
        (units.human(each.content_bytes), _percent(each, total), quoted(each.name))
        for each in report.context.largest_files[:top]
    ]
    return Table("Largest files", ("size", "%", "file"), rows)


def directories(report: Report, top: int) -> Table:
    """The largest directories, each without what its subdirectories hold."""
    shares = report.context.largest_directories[:top]
    title = "Largest directories, own files only"
    return Table(title, (*_HEADERS, "directory"), _rows(shares, report))


def extensions(report: Report, top: int) -> Table:
    """The files by extension."""
    shares = report.context.by_extension
    rest = _rest(shares[top:], "extension")
    title = "By extension"
    rows = _rows(shares[:top], report, unnamed="(none)")
    return Table(title, (*_HEADERS, "extension"), rows, rest)


def sources(report: Report, top: int) -> Table:
    """What each source of the Dockerfile takes from the context, the largest first."""
    taken = dict.fromkeys(each for transfer in report.transfers for each in transfer.sources)
    shares = sorted(taken, key=lambda each: (-each.content_bytes, each.line))
    rows = [
        (units.human(each.content_bytes), f"{each.files:,}", str(each.line), _taking(each))
        for each in shares[:top]
    ]
    rest = f"and {plural(len(shares) - top, 'more source')}" if len(shares) > top else ""
    return Table("Taken by the Dockerfile", ("size", "files", "line", "by"), rows, rest)


def _taking(source: SourceShare) -> str:
    """What `taking` says, with what variables in it come to."""
    text = taking(source)
    return f"{text} ({quoted(source.path)})" if "$" in source.source else text


def taking(source: SourceShare) -> str:
    """The instruction and the one source of it."""
    if source.instruction == "RUN":
        return f"RUN --mount, {source.kind} of {quoted(source.path)}"
    return f"{source.instruction} {quoted(source.source)}"


def patterns(report: Report, top: int) -> Table:
    """What each exception lets in; see `saved` for the other patterns."""
    shares = report.context.by_pattern
    rows = [
        (units.human(each.content_bytes), f"{each.files:,}", str(each.line or ""), _by(each))
        for each in shares[:top]
    ]
    headers = ("size", "files", "line", "sent because of")
    return Table("Sent, by the pattern that decided", headers, rows, _rest(shares[top:], "pattern"))


def saved(report: Report, top: int) -> Table:
    """What each pattern keeps out, and which ones keep out nothing."""
    shares = report.context.ignored.by_pattern
    rows = [
        (units.human(each.content_bytes), f"{each.files:,}", str(each.line or ""), _by(each))
        for each in shares[:top]
    ]
    rest = [_rest(shares[top:], "pattern"), _idle(report.ignore_file, shares)]
    title = "Ignored, by the pattern that decided"
    headers = ("size", "files", "line", "pattern")
    return Table(title, headers, rows, "; ".join(filter(None, rest)))


TABLES: dict[str, tuple[Callable[[Report, int], Table], ...]] = {
    "dir": (directories,),
    "ext": (extensions,),
    "rule": (saved, patterns),
    "file": (files,),
}
"""The choices of `--by`."""

_HEADERS = ("size", "files", "%")


def lines(table: Table, look: Look) -> list[str]:
    """`table` as text no wider than `look.width`."""
    room = look.width - 2
    for at in range(len(table.headers) - 1):
        room -= max(columns(row[at]) for row in (table.headers, *table.rows)) + 2
    rows = [(*row[:-1], fit(row[-1], max(8, room))) for row in table.rows]
    head, *others = _aligned([table.headers, *rows])
    found = [look.paint(table.title, "bold"), look.paint(head, "dim"), *others]
    return found + ([look.paint(f"  {table.rest}", "dim")] if table.rest else [])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` as lines: all columns to the right but the last.

    Written out, as tabulate takes longer to import than a small context to measure.
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)][:-1]
    lines = []
    for row in rows:
        numbers = zip(row[:-1], widths, strict=True)
        cells = [" " * (width - columns(cell)) + cell for cell, width in numbers]
        lines.append("  ".join(["", *cells, row[-1]]).rstrip())
    return lines


def _rows(shares: Sequence[Share], report: Report, unnamed: str = "") -> list[tuple[str, ...]]:
    total = report.context.totals.content_bytes
    return [
        (
            units.human(each.content_bytes),
            f"{each.files:,}",
            _percent(each, total),
            quoted(each.name) or unnamed,
        )
        for each in shares
    ]


def _percent(share: Share, total: int) -> str:
    return percent(share.content_bytes / total if total else 0)


def _by(share: Share) -> str:
    return quoted(share.name) if share.name else "(no pattern matched)"


def _rest(shares: Sequence[Share], noun: str) -> str:
    if not shares:
        return ""
    size = units.human(sum(each.content_bytes for each in shares))
    return f"and {size} by {plural(len(shares), 'more ' + noun)}"


def _idle(info: IgnoreFileInfo | None, shares: Sequence[Share]) -> str:
    """The patterns that keep out no file, by their lines."""
    busy = {share.line for share in shares}
    patterns = () if info is None else info.patterns
    idle = [str(each.line) for each in patterns if not each.exception and each.line not in busy]
    if not idle:
        return ""
    shown = ", ".join(idle[:8]) + (", …" if len(idle) > 8 else "")
    lines_ = "line" if len(idle) == 1 else "lines"
    verb = "keeps" if len(idle) == 1 else "keep"
    return f"{plural(len(idle), 'pattern')} {verb} out no file ({lines_} {shown})"
