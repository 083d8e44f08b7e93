"""Format the outcome of a command: `render(format, outcome, look) -> str`.

`sections` makes plain values for text and Markdown, `json` has a shape for each kind of outcome,
the others use only findings. None prints, opens files or exits; each is imported when it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ctxsize.formats.styles import GLANCE, TABLES, AnyOutcome, Look
from ctxsize.model import Texts

if TYPE_CHECKING:
    from ctxsize.formats.sections import ScreenPart

__all__ = [
    "COMMENT_LENGTH", "FORMATS", "GLANCE", "MARKER", "PAGE", "PAGED", "SHEET", "TABLES",
    "AnyOutcome", "Look", "formats_of", "is_report", "render",
]  # fmt: skip

COMMENT_LENGTH = 65_000  # characters of a comment on a pull request; GitHub accepts 65,536
MARKER = "<!-- ctxsize -->\n"  # first line of a comment, by which a program finds it again
_MOST_BYTES = 4096  # number of bytes at the start of a file that show what it is
_UNFOLDED = ("diff", "lint", "advise")  # outcomes of which Markdown shows no more than text


def _sections(outcome: AnyOutcome, look: Look) -> Iterable[ScreenPart]:
    """Return the sections of `outcome`, from the module for its kind."""
    match outcome.kind:
        case "glance":
            from ctxsize.formats.sections import glance

            return glance.sections(outcome, look)
        case "measure":
            from ctxsize.formats.sections import measured

            return measured.sections(outcome, look)
        case "check":
            from ctxsize.formats.sections import checked

            return checked.sections(outcome, look)
        case "diff":
            from ctxsize.formats.sections import compared

            return compared.sections(outcome, look)
        case "suggest" | "plan":
            from ctxsize.formats.sections import suggested

            return suggested.sections(outcome, look)
        case "affected":
            from ctxsize.formats.sections import changed

            return changed.sections(outcome, look)
        case "digest":
            from ctxsize.formats.sections import hashed

            return hashed.sections(outcome, look)
        case "log":
            from ctxsize.formats.sections import grown

            return grown.sections(outcome, look)
        case "suggest-all":
            from ctxsize.formats.sections import proposed

            return proposed.sections(outcome, look)
    from ctxsize.formats.sections import found

    return found.sections(outcome, look)


def _markdown(outcome: AnyOutcome, look: Look) -> str:
    """Return a comment: its heading is the verdict of a check or a comparison."""
    from ctxsize.formats import fitting, markdown

    is_whole = look.full or outcome.kind not in _UNFOLDED
    look = replace(look, markdown=True, full=is_whole)
    sections = fitting.fitted(_sections(outcome, look), look)
    if outcome.kind == "diff":
        from ctxsize.formats.sections import compared

        most = COMMENT_LENGTH - len(MARKER)
        return MARKER + markdown.render(compared.heading(outcome), sections, most)
    title = f"ctxsize {outcome.kind}"
    if outcome.kind == "glance":
        title = "ctxsize"
    elif outcome.kind == "check":
        verdict = "🟢 kept" if outcome.passes else "🔴 not kept"
        title = f"Build context budget: {verdict}"
    return markdown.render(title, sections)


BEGINNINGS = {
    "text": (
        r"CTX\d{3} (?:error|warning|info)\b",
        r"CTX\d{3} [\w-]+ \(",
        r"(?:[^\n]*\n){0,2}[^\n]*\b\d[\d.,]* (?:B|[kMGTPE]B)\b",
        r"(?:[^\n]*\n){0,2}[^\n]* (?:error|warning|info|fixed) CTX\d{3}\b",
        r"(?:[^\n]*\n){0,2}[^\n]*\bNext: ctxsize\b",
        r"(?:[^\n]*\n){0,2}[^\n]*\b\d+ (?:Dockerfile|pattern)s?(?:,[^\n]*)?[:,] nothing found",
        r"ok [^\n]+: (?:\d|nothing is limited)",
        r"\d+ builds?, the most costly",
        r"no (?:build|ignore file|Dockerfile) here",
        r"\d+ of \d+ builds? (?:is|are) (?:affected|left alone)",
        r"sha256:[0-9a-f]{64}\b",
        r"\d+ commits?, the newest first",
        r"Nothing[ ]",
        r"Refused:[ ]",
        r"Not possible:[ ]",
    ),
    "json": (
        r'\{\s*"version":\s\d+,\s*"(?:root|before|passes|findings|verdict|context_path|mode'
        r'|codes|contexts|definition)"',
        r'\{"path":\s"(?:[^"\\]|\\.)*",\s"kind":',
    ),
    "markdown": (r"<!-- ctxsize -->", r"### (?:Build context|ctxsize)\b"),
    "github": (r"::(?:error|warning|notice|group)\b", r"ctxsize \w+:[ ]"),
    "sarif": (r'\{\s*"\$schema":.*"name":\s"ctxsize"',),
    "junit": (r'<\?xml[^>]*>\s*<testsuites name="ctxsize"',),
    "gitlab": (r"\[\]\s*\Z", r'\[\s*\{\s*"description":.*"check_name":\s"CTX'),
    "csv": (r"commit,date,subject,",),
    "html": (r"<!-- ctxsize:",),
}
"""The formats of `--format`, each with expressions that match how its reports begin.

Only files that begin so are overwritten: the expressions know earlier reports too. A new format
is a row here, and a case of `render`.
"""

PAGE = "html"  # the format that is a file, and made above
PAGED = ("measure", "suggest", "scan", "diff")  # the commands that have it
SHEET = "csv"  # the format of a table of figures
_OF_COMMANDS = {PAGE: PAGED, SHEET: ("log",)}
"""The formats that only some commands have, and these commands."""
FORMATS = tuple(name for name in BEGINNINGS if name not in _OF_COMMANDS)
"""The formats of every command that does not stream; the first is the default."""


def formats_of(command: str | None) -> Texts:
    """Return the formats of a command that does not stream."""
    own = [name for name, commands in _OF_COMMANDS.items() if command in commands]
    return (*FORMATS, *own)


def render(name: str, outcome: AnyOutcome, look: Look) -> str:
    """Return `outcome` in the format `name`, one of `FORMATS`."""
    match name:
        case "text":
            from ctxsize.formats import text

            return text.render(_sections(outcome, look), look)
        case "markdown":
            return _markdown(outcome, look)
        case "json":
            from ctxsize.formats import json

            return json.render(outcome)
        case "csv" if outcome.kind == "log":
            from ctxsize.formats import exchange

            return exchange.sheet(outcome)
    from ctxsize.formats import exchange

    return exchange.WRITERS[name](outcome)


def is_report(start: bytes) -> bool:
    """Return whether a file with this beginning is a report, in any format."""
    text = start[:_MOST_BYTES].decode("utf-8", "replace")
    beginnings = chain.from_iterable(BEGINNINGS.values())
    # on at most _MOST_BYTES characters
    return any(re.match(beginning, text, re.DOTALL) for beginning in beginnings)
