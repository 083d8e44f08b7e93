"""What changed between two times, for a person: by directory, then by file."""

from __future__ import annotations

from collections.abc import Sequence

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.check import delta, happened
from ctxsize.formats.text.measure import wrapped
from ctxsize.formats.text.tables import Table, lines
from ctxsize.guard.known import SizeChange
from ctxsize.guard.outcome import DiffReport


def render(outcome: DiffReport, look: Look) -> str:
    """`outcome` as text, with `look.top` rows of each table."""
    sections = [wrapped(verdict(outcome), look, indent="")]
    if not (outcome.before.complete and outcome.after.complete):
        sections[0] += wrapped(PARTIAL, look, indent="")
    if outcome.changes.directories:
        sections.append(lines(_directories(outcome.changes.directories, look.top), look))
    if outcome.changes.files:
        sections.append(lines(_files(outcome.changes.files, look.top), look))
    return "\n".join("\n".join(section) + "\n" for section in sections)


PARTIAL = (
    "A report holds the largest files and some levels of directories: smaller changes are not seen."
)


def verdict(outcome: DiffReport) -> str:
    """One sentence: which way it went, and by how much."""
    before, after = outcome.before, outcome.after
    change, files = after.content_bytes - before.content_bytes, after.files - before.files
    was = f"{units.human(before.content_bytes)} in {plural(before.files, 'file')}"
    now = f"{units.human(after.content_bytes)} in {plural(after.files, 'file')}"
    if not change and not files:
        changed = outcome.changes.files or outcome.changes.directories
        return f"{'Of the same size' if changed else 'The same'}: {now}"
    if not change:
        return f"{files:+,} files: from {was} to {now}"
    verb = "Grew" if change > 0 else "Shrank"
    return f"{verb} by {units.human(abs(change))}: from {was} to {now}"


def _directories(changes: Sequence[SizeChange], top: int) -> Table:
    rows = [
        (delta(each), _files_delta(each), happened(each), quoted(f"{each.path}/"))
        for each in changes[:top]
    ]
    headers = ("change", "files", "", "directory")
    return Table("By directory", headers, rows, _rest(changes, top, "directory"))


def _files(changes: Sequence[SizeChange], top: int) -> Table:
    rows = [(delta(each), happened(each), quoted(each.path)) for each in changes[:top]]
    return Table("By file", ("change", "", "file"), rows, _rest(changes, top, "file"))


def _files_delta(change: SizeChange) -> str:
    return f"{change.delta_files:+,}" if change.delta_files else ""


def _rest(changes: Sequence[SizeChange], top: int, noun: str) -> str:
    rest = len(changes) - top
    return f"and {plural(rest, 'more ' + noun)}" if rest > 0 else ""
