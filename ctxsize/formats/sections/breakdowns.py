"""The tables of a report, each described by a `Breakdown`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ctxsize.formats.names import quoted
from ctxsize.formats.sections import Name, Prose, Section, Table
from ctxsize.formats.wording import listed
from ctxsize.model import Report, Share, SourceShare
from ctxsize.units import human, percent, plural

_COLUMNS: dict[str, Callable[[Share, int], str]] = {
    "size": lambda share, _: human(share.content_bytes),
    "files": lambda share, _: f"{share.files:,}",
    "%": lambda share, total: percent(share.content_bytes, total),
    "line": lambda share, _: str(share.line or ""),
}
"""Functions that format a cell from a part and the bytes of the whole."""


class Breakdown(NamedTuple):
    """The description of a table of a report."""

    title: str
    columns: str
    """Names of `_COLUMNS`; the name of the part follows under its own header."""
    header: str
    parts: Callable[[Report], Sequence[Share]]
    shown: Callable[[str], str] = Name
    """Formats the name of a part."""
    noun: str = ""
    """Noun for the parts that are not shown; empty if the report does not list them all."""
    by: str = ""
    """The choice of `--by`."""
    usual: bool = True
    """True if a whole report shows it."""
    also: Callable[[Report], str] = lambda _: ""
    """Returns a further line below the table."""


def _sources(report: Report) -> list[Share]:
    """Return the share of each source of the Dockerfile, the largest first."""
    if all(each.everything for each in report.transfers):
        return []
    taken = dict.fromkeys(each for transfer in report.transfers for each in transfer.sources)
    return [
        # With what the variables in it come to.
        Share(
            f"{taking(each)} ({quoted(each.path)})" if "$" in each.source else taking(each),
            each.content_bytes,
            each.files,
            each.line,
        )
        for each in sorted(taken, key=lambda each: (-each.content_bytes, each.line))
    ]


def taking(source: SourceShare) -> str:
    """Return the instruction with this one source."""
    if source.instruction == "RUN":
        return f"RUN --mount, {source.kind} of {quoted(source.path)}"
    return f"{source.instruction} {quoted(source.source)}"


def _idle(report: Report) -> str:
    busy = {share.line for share in report.context.ignored.by_pattern}
    patterns = () if report.ignore_file is None else report.ignore_file.patterns
    idle = [str(each.line) for each in patterns if not each.exception and each.line not in busy]
    if not idle:
        return ""
    keep, lines = ("keeps", "line") if len(idle) == 1 else ("keep", "lines")
    return f"{plural(len(idle), 'pattern')} {keep} out no file ({lines} {listed(idle, most=8)})"


def _pattern(name: str) -> str:
    return quoted(name) or "(no pattern matched)"


FILES = Breakdown(
    "Largest files", "size %", "file", lambda report: report.context.largest_files, by="file"
)
DIRECTORIES = Breakdown(
    "Largest directories, own files only",
    "size files %",
    "directory",
    lambda report: report.context.largest_directories,
    by="dir",
)
BREAKDOWNS = (
    Breakdown(
        "Ignored, by the pattern that decided",
        "size files line",
        "pattern",
        lambda report: report.context.ignored.by_pattern,
        _pattern,
        noun="pattern",
        by="pattern",
        also=_idle,
    ),
    Breakdown(
        "Sent, by the pattern that decided",
        "size files line",
        "sent because of",
        lambda report: report.context.by_pattern,
        _pattern,
        noun="pattern",
        by="pattern",
        usual=False,
    ),
    Breakdown(
        "Taken by the Dockerfile", "size files line", "by", _sources, shown=str, noun="source"
    ),
    FILES,
    DIRECTORIES,
    Breakdown(
        "By extension",
        "size files %",
        "extension",
        lambda report: report.context.by_extension,
        lambda name: quoted(name) or "(none)",
        noun="extension",
        by="ext",
    ),
)
"""All tables, in their order."""


def table(breakdown: Breakdown, report: Report, top: int) -> Table:
    """Return the first `top` parts of `report`, and a line about the others."""
    parts, total = breakdown.parts(report), report.context.totals.content_bytes
    left = parts[top:] if breakdown.noun else []
    size = human(sum(each.content_bytes for each in left))
    rest = [f"and {size} by {plural(len(left), f'more {breakdown.noun}')}"] if left else []
    rest += filter(None, [breakdown.also(report)])
    found = of_parts(breakdown.columns, breakdown.header, parts[:top], total, breakdown.shown)
    return found._replace(rest="; ".join(rest))


def of_parts(
    columns: str,
    header: str,
    parts: Iterable[Share],
    total: int,
    shown: Callable[[str], str] = Name,
) -> Table:
    """Return a table of `parts` of a whole of `total` bytes."""
    names = columns.split()
    rows = [(*(_COLUMNS[each](part, total) for each in names), shown(part.name)) for part in parts]
    return Table((*names, header), rows, numbers=len(names))


def sections(report: Report, top: int, *, by: str | None = None) -> Iterator[Section]:
    """Yield the usual tables that are not empty, or those of one choice of `--by`."""
    for each in BREAKDOWNS:
        if by is None and each.usual and each.parts(report):
            yield Section([table(each, report, top)], each.title, folded=True)
        elif by is not None and each.by == by:
            found = table(each, report, top)
            none = Prose(f"{each.title}: none", marks=((each.title, "bold"),))
            is_filled = found.rows or found.rest
            yield Section([found], each.title) if is_filled else Section([none])
