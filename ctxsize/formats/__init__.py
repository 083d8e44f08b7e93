"""Format the outcome of a command: `render(format, outcome, look) -> str`.

`sections` makes plain values for text and Markdown, `json` has a shape for each kind of outcome,
the others use only findings. None prints, opens files or exits; each is imported when it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ctxsize.formats.styles import GLANCE, TABLES, AnyOutcome, Look

__all__ = [
    "COMMENT_LENGTH", "FORMATS", "GLANCE", "MARKER", "PAGE", "PAGED", "TABLES",
    "AnyOutcome", "Look", "ReportFormat", "formats_of", "is_report", "render",
]  # fmt: skip

COMMENT_LENGTH = 65_000  # characters of a comment on a pull request; GitHub accepts 65,536
MARKER = "<!-- ctxsize -->\n"  # first line of a comment, by which a program finds it again
_MOST_BYTES = 4096  # number of bytes at the start of a file that show what it is
_UNFOLDED = ("diff", "lint", "advise")  # outcomes of which Markdown shows no more than text


class ReportFormat(NamedTuple):
    """A format of `--format`, and the expressions that match how its reports begin.

    Only files that begin so are overwritten: the expressions know earlier reports too.
    """

    name: str
    beginnings: tuple[str, ...]
    write: Callable[[AnyOutcome, Look], str] | None  # None for a page, which is made above


def _text(outcome: AnyOutcome, look: Look) -> str:
    from ctxsize.formats import layout, text

    return text.render(layout.sections(outcome, look), look)


def _markdown(outcome: AnyOutcome, look: Look) -> str:
    from ctxsize.formats import fitting, layout, markdown

    is_whole = look.full or outcome.kind not in _UNFOLDED
    look = replace(look, markdown=True, full=is_whole)
    sections = fitting.whole(layout.sections(outcome, look), look)
    title = layout.heading(outcome)
    if outcome.kind == "diff":
        return MARKER + markdown.render(title, sections, COMMENT_LENGTH - len(MARKER))
    return markdown.render(title, sections)


def _json(outcome: AnyOutcome, _: Look) -> str:
    from ctxsize.formats import json

    return json.render(outcome)


def _github(outcome: AnyOutcome, _: Look) -> str:
    from ctxsize.formats import exchange

    return exchange.github(outcome)


def _sarif(outcome: AnyOutcome, _: Look) -> str:
    from ctxsize.formats import exchange

    return exchange.sarif(outcome)


def _junit(outcome: AnyOutcome, _: Look) -> str:
    from ctxsize.formats import exchange

    return exchange.junit(outcome)


def _gitlab(outcome: AnyOutcome, _: Look) -> str:
    from ctxsize.formats import exchange

    return exchange.gitlab(outcome)


ROWS = (
    ReportFormat(
        "text",
        (
            r"CTX\d{3} (?:error|warning|info)\b",
            r"CTX\d{3} [\w-]+ \(",
            r"(?:[^\n]*\n){0,2}[^\n]*\b\d[\d.,]* (?:B|[kMGTPE]B)\b",
            r"(?:[^\n]*\n){0,2}[^\n]* (?:error|warning|info|fixed) CTX\d{3}\b",
            r"(?:[^\n]*\n){0,2}[^\n]*\bNext: ctxsize\b",
            r"(?:[^\n]*\n){0,2}[^\n]*\b\d+ (?:Dockerfile|pattern)s?(?:,[^\n]*)?[:,] nothing found",
            r"ok [^\n]+: (?:\d|nothing is limited)",
            r"\d+ builds?, the most costly",
            r"no (?:build|ignore file|Dockerfile) here",
            r"Nothing[ ]",
            r"Refused:[ ]",
            r"Not possible:[ ]",
        ),
        _text,
    ),
    ReportFormat(
        "json",
        (
            r'\{\s*"version":\s\d+,\s*"(?:root|before|passes|findings|verdict|context_path|mode'
            r'|codes|contexts)"',
            r'\{"path":\s"(?:[^"\\]|\\.)*",\s"kind":',
        ),
        _json,
    ),
    ReportFormat("markdown", (r"<!-- ctxsize -->", r"### (?:Build context|ctxsize)\b"), _markdown),
    ReportFormat("github", (r"::(?:error|warning|notice|group)\b", r"ctxsize \w+:[ ]"), _github),
    ReportFormat("sarif", (r'\{\s*"\$schema":.*"name":\s"ctxsize"',), _sarif),
    ReportFormat("junit", (r'<\?xml[^>]*>\s*<testsuites name="ctxsize"',), _junit),
    ReportFormat(
        "gitlab",
        (r"\[\]\s*\Z", r'\[\s*\{\s*"description":.*"check_name":\s"CTX'),
        _gitlab,
    ),
    ReportFormat("html", (r"<!-- ctxsize:",), None),
)
"""The formats. A new one is a row here, and what writes it."""

_WRITERS = {row.name: row.write for row in ROWS if row.write is not None}
FORMATS = tuple(_WRITERS)  # of every command that does not stream; the first is the default
PAGE = "html"  # the format that is a file
PAGED = ("measure", "suggest", "scan", "diff")  # the commands that have it


def formats_of(command: str | None) -> tuple[str, ...]:
    """Return the formats of a command that does not stream."""
    if command in PAGED:
        return (*FORMATS, PAGE)
    return FORMATS


def render(name: str, outcome: AnyOutcome, look: Look) -> str:
    """Return `outcome` in the format `name`, one of `FORMATS`."""
    return _WRITERS[name](outcome, look)


def is_report(start: bytes) -> bool:
    """Return whether a file with this beginning is a report, in any format."""
    text = start[:_MOST_BYTES].decode("utf-8", "replace")
    beginnings = [beginning for row in ROWS for beginning in row.beginnings]
    # on at most _MOST_BYTES characters
    return any(re.match(beginning, text, re.DOTALL) for beginning in beginnings)
