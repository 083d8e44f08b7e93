"""A scan in Markdown: the table of builds, then the findings to unfold."""

from __future__ import annotations

from ctxsize.formats.look import Look
from ctxsize.formats.markdown import findings
from ctxsize.formats.markdown.words import code, plain, table
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.scan import HEADERS, cells
from ctxsize.scanning import Scan

_SHOWN = 50
_NUMBERS = 4


def render(scan: Scan, look: Look) -> str:
    """The builds, the most costly first, and what is wrong across them."""
    lines = ["### ctxsize scan", ""]
    if scan.rows:
        rows = [cells(row) for row in scan.rows[:_SHOWN]]
        shown = [(*map(plain, row[:-1]), code(row[-1])) for row in rows]
        lines += [*table(HEADERS, shown, right=_NUMBERS), ""]
        failed = (row for row in scan.rows[:_SHOWN] if row.error)
        lines += [f"{code(cells(row)[-1])}: {plain(row.error or '')}\n" for row in failed]
    else:
        lines += ["No build here.", ""]
    if len(scan.rows) > _SHOWN:
        lines += [f"and {plural(len(scan.rows) - _SHOWN, 'more build')}", ""]
    lines += findings.section(scan.findings) if scan.findings else ["no findings across builds"]
    if scan.advice:
        lines += ["", f"{plural(scan.advice, 'finding')} on Dockerfiles: `ctxsize advise`"]
    return "\n".join(lines) + "\n"
