"""The tables of a report: a title and rows for each way to take it apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ctxsize.formats.names import quoted
from ctxsize.formats.sections import Name, Section, Table
from ctxsize.model import Counted, IgnoreFileInfo, Report, Share, SourceShare
from ctxsize.units import human, percent, plural


def parts(noun: str, named: Iterable[tuple[str, Counted]], total: int, rest: str = "") -> Table:
    """Return how big each part of a whole of `total` bytes is."""
    rows = [
        (human(part.content_bytes), f"{part.files:,}", percent(part.content_bytes, total), name)
        for name, part in named
    ]
    return Table(("size", "files", "%", noun), rows, rest, numbers=3)


def largest_files(report: Report, top: int) -> Table:
    """Return the largest files."""
    total = report.context.totals.content_bytes
    rows = [
        (human(each.content_bytes), percent(each.content_bytes, total), Name(each.name))
        for each in report.context.largest_files[:top]
    ]
    return Table(("size", "%", "file"), rows)


def files(report: Report, top: int) -> Section:
    """Return the largest files under a title."""
    return Section([largest_files(report, top)], "Largest files")


def directories(report: Report, top: int) -> Section:
    """Return the largest directories, each without what its subdirectories hold."""
    named = [(Name(each.name), each) for each in report.context.largest_directories[:top]]
    table = parts("directory", named, report.context.totals.content_bytes)
    return Section([table], "Largest directories, own files only")


def extensions(report: Report, top: int) -> Section:
    """Return the files by extension."""
    shares = report.context.by_extension
    named = [(quoted(each.name) or "(none)", each) for each in shares[:top]]
    rest = _rest(shares[top:], "extension")
    table = parts("extension", named, report.context.totals.content_bytes, rest)
    return Section([table], "By extension")


def sources(report: Report, top: int) -> Section:
    """Return what each source of the Dockerfile takes from the context, the largest first."""
    taken = dict.fromkeys(each for transfer in report.transfers for each in transfer.sources)
    shares = sorted(taken, key=lambda each: (-each.content_bytes, each.line))
    rows = [_at_line(each, each.line, _taking(each)) for each in shares[:top]]
    rest = f"and {plural(len(shares) - top, 'more source')}" if len(shares) > top else ""
    table = Table(("size", "files", "line", "by"), rows, rest)
    return Section([table], "Taken by the Dockerfile")


def _at_line(part: Counted, line: int | None, text: str) -> tuple[str, ...]:
    return human(part.content_bytes), f"{part.files:,}", str(line or ""), text


def _taking(source: SourceShare) -> str:
    """Return what `taking` says, with what variables in it come to."""
    text = taking(source)
    return f"{text} ({quoted(source.path)})" if "$" in source.source else text


def taking(source: SourceShare) -> str:
    """Return the instruction and the one source of it."""
    if source.instruction == "RUN":
        return f"RUN --mount, {source.kind} of {quoted(source.path)}"
    return f"{source.instruction} {quoted(source.source)}"


def patterns(report: Report, top: int) -> Section:
    """Return what each exception lets in; see `saved` for the other patterns."""
    shares = report.context.by_pattern
    rows = [_at_line(each, each.line, _by(each)) for each in shares[:top]]
    headers = ("size", "files", "line", "sent because of")
    table = Table(headers, rows, _rest(shares[top:], "pattern"))
    return Section([table], "Sent, by the pattern that decided")


def saved(report: Report, top: int) -> Section:
    """Return what each pattern keeps out, and which ones keep out nothing."""
    shares = report.context.ignored.by_pattern
    rows = [_at_line(each, each.line, _by(each)) for each in shares[:top]]
    rest = [_rest(shares[top:], "pattern"), _idle(report.ignore_file, shares)]
    table = Table(("size", "files", "line", "pattern"), rows, "; ".join(filter(None, rest)))
    return Section([table], "Ignored, by the pattern that decided")


TABLES: dict[str, tuple[Callable[[Report, int], Section], ...]] = {
    "dir": (directories,),
    "ext": (extensions,),
    "pattern": (saved, patterns),
    "file": (files,),
}
"""The choices of `--by`."""


def _by(share: Share) -> str:
    return quoted(share.name) if share.name else "(no pattern matched)"


def _rest(shares: Sequence[Share], noun: str) -> str:
    if not shares:
        return ""
    size = human(sum(each.content_bytes for each in shares))
    return f"and {size} by {plural(len(shares), 'more ' + noun)}"


def _idle(info: IgnoreFileInfo | None, shares: Sequence[Share]) -> str:
    """Return the patterns that keep out no file, by their lines."""
    busy = {share.line for share in shares}
    patterns = () if info is None else info.patterns
    idle = [str(each.line) for each in patterns if not each.exception and each.line not in busy]
    if not idle:
        return ""
    shown = ", ".join(idle[:8]) + (", …" if len(idle) > 8 else "")
    lines_ = "line" if len(idle) == 1 else "lines"
    verb = "keeps" if len(idle) == 1 else "keep"
    return f"{plural(len(idle), 'pattern')} {verb} out no file ({lines_} {shown})"
