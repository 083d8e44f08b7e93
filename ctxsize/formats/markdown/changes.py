"""What changed between two times, in Markdown."""

from __future__ import annotations

from ctxsize.formats.look import Look
from ctxsize.formats.markdown.words import code, plain, table
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.changes import PARTIAL, verdict
from ctxsize.formats.text.check import delta, happened
from ctxsize.guard.outcome import DiffReport


def render(outcome: DiffReport, look: Look) -> str:
    """`outcome`, with `look.top` rows of each table."""
    lines = [f"### Build context: {plain(verdict(outcome))}"]
    if not (outcome.before.complete and outcome.after.complete):
        lines += ["", PARTIAL]
    parts = (
        ("directory", "/", outcome.changes.directories),
        ("file", "", outcome.changes.files),
    )
    for noun, end, changes in parts:
        rows = [
            (plain(delta(each)), happened(each), code(each.path + end))
            for each in changes[: look.top]
        ]
        if rows:
            lines += ["", *table(("change", "", noun), rows, right=1)]
        if len(changes) > look.top:
            lines += ["", f"and {plural(len(changes) - look.top, 'more ' + noun)}"]
    return "\n".join(lines) + "\n"
