"""Format the outcome of a command: `render(format, outcome, look) -> str`.

`sections` makes plain values for text and Markdown, `json` has a shape for each kind of outcome,
the others use only findings. None prints, opens files or exits; each is imported when it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ctxsize.shipped import shipped_text

if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean import Cleaning
    from ctxsize.codes import Rules
    from ctxsize.guard import CheckReport
    from ctxsize.guard.comparison import DiffReport
    from ctxsize.lints import Linted
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan
    from ctxsize.scanning import Scan

Found: TypeAlias = "Linted | DockerfileAdvice | Scan | Cleaning | Rules"
Outcome: TypeAlias = "Report | CheckReport | DiffReport | Advice | IgnoreFilePlan | Found"
"""The result of a command. Each has a different `kind`, and all have `findings`."""

FORMATS = ("text", "json", "markdown", "github", "sarif", "junit", "gitlab")  # of `--format`
PAGE, PAGED = "html", ("measure", "suggest", "scan", "diff")  # a format in a file, and its commands

_MOST_BYTES = 4096  # number of bytes at the start of a file that show what it is
_BEGINNINGS = "formats/beginnings.txt"
"""Expressions for the beginnings of earlier reports: only these files are overwritten."""
GLANCE = "glance"  # the value of `Look.only` for `ctxsize [DIR]`: a measurement in 20 lines
COMMENT_LENGTH = 65_000  # characters of a comment on a pull request; GitHub accepts 65,536
MARKER = "<!-- ctxsize -->\n"  # first line of a comment, by which a program finds it again
TABLES = ("dir", "ext", "pattern", "file")  # the tables of a report: the choices of `--by`
_STYLES = {"bold": "1", "dim": "2", "green": "1;32", "yellow": "1;33", "red": "1;31", "blue": "36"}


@dataclass(frozen=True)
class Look:
    """The style of a text."""

    width: int = 80
    colour: bool = False
    top: int = 5  # number of rows of each table
    only: str | None = None  # the only table, if it is one alone, or `GLANCE`
    tree: int = 0  # number of rows of the size tree; 0 for those that fit on a screen
    full: bool = False  # True to show everything, as with `--verbose`
    quiet: bool = False  # True to show only the answer, without next steps
    markdown: bool = False  # True for Markdown, which can fold what text leaves out
    height: int = 40  # number of lines of a screen
    page: dict[str, object] | None = None  # the values for `PAGE`

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style, unchanged without colours."""
        if self.colour and text:
            return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        return text


def render(name: str, outcome: Outcome, look: Look) -> str:
    """Return `outcome` in the format `name`, one of `FORMATS`."""
    match name:
        case "text" | "markdown":
            from ctxsize.formats import sections

            is_markdown = name == "markdown"
            is_folded = is_markdown and outcome.kind not in ("diff", "lint", "advise")
            look = replace(look, markdown=is_markdown, full=look.full or is_folded)
            parts = sections.sections(outcome, look)
            if look.quiet:
                parts = map(sections.without_steps, parts)
            if name == "text":
                from ctxsize.formats import text

                return text.render(parts, look)
            from ctxsize.formats import markdown

            title = sections.heading(outcome)
            if outcome.kind == "diff":
                return MARKER + markdown.render(title, parts, COMMENT_LENGTH - len(MARKER))
            return markdown.render(title, parts)
        case "html":
            from ctxsize.page import html

            return html.render(look.page or {})
        case "json":
            from ctxsize.formats import json

            return json.render(outcome)
    from ctxsize.formats import exchange

    return exchange.WRITERS[name](outcome)


def is_report(start: bytes) -> bool:
    """Return whether a file with this beginning is a report, in any format."""
    text = start[:_MOST_BYTES].decode("utf-8", "replace")
    rows = shipped_text(_BEGINNINGS).splitlines()
    # on at most _MOST_BYTES characters
    return any(re.match(each.partition(": ")[2], text, re.DOTALL) for each in rows)
