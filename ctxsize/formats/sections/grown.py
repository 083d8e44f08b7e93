"""Sections of `log`: a row for each commit, the newest first, and below it what grew most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxsize.formats.charts import bar
from ctxsize.formats.sections import Prose, Section, Sections, Table, few, notes
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import quoted, visible
from ctxsize.units import columns, cut, human, plural, signed

if TYPE_CHECKING:
    from ctxsize.history.growth import CommitSize, GrownPart, GrowthLog
    from ctxsize.model import Amount

_FIGURES = ("transfer", "context", "files", "growth")
_HEADERS = (*_FIGURES[:-1], "", _FIGURES[-1], "commit", "subject")
_SHORT = 8  # characters of the name of a commit
_MOST_NOTES = 5
_LONGEST_BAR = 20
_LEAST_SUBJECT = 8  # columns
_LONGEST_SUBJECT = 72  # characters where no screen cuts it


def sections(outcome: GrowthLog, look: Look) -> Sections:
    """Return a row for each commit; of a whole history the growth alone if quiet."""
    title = Prose(_title(outcome))
    if look.quiet:
        return [Section([title])]
    table = Table(
        _HEADERS,
        [*_rows(outcome, look)],
    )
    return [
        Section([title]),
        Section([table]),
        Section(few(notes(outcome.problems), _MOST_NOTES, look)),
    ]


def _title(outcome: GrowthLog) -> str:
    """Return the size now, and the growth over all commits."""
    commits = outcome.commits
    text = f"{plural(len(commits), 'commit')}, the newest first"
    known = []
    for commit in commits:
        size = _size(commit, outcome.of)
        if size is not None:
            known.append(size)
    if not known:
        return f"{text}: no size is known"
    newest = known[0]
    oldest = known[-1]
    growth = newest - oldest
    text += f": the {outcome.of} has {human(newest.content_bytes)}"
    if len(known) > 1:
        text += f", {signed(growth.content_bytes)} since the oldest"
    return text


def _size(commit: CommitSize, of: str) -> Amount | None:
    """Return the size that a growth is about."""
    if of == "transfer":
        return commit.transfer
    return commit.context


def _rows(outcome: GrowthLog, look: Look) -> Iterator[Sequence[str]]:
    """Yield the rows, and notes below them."""
    commits = outcome.commits
    figures = [_figures(commit, outcome.of) for commit in commits]
    sizes = [_size(commit, outcome.of) for commit in commits]
    largest = 0
    for size in sizes:
        if size is not None:
            largest = max(largest, size.content_bytes)
    room = _room(figures, look)
    longest = min(_LONGEST_BAR, max(0, room // 4))
    subject_width = max(_LEAST_SUBJECT, room - longest)
    if look.markdown or look.full:
        subject_width = _LONGEST_SUBJECT
    for commit, size, cells in zip(commits, sizes, figures, strict=True):
        drawn = ""
        if size is not None and largest:
            share = size.content_bytes / largest
            drawn = bar(share, longest)
        subject = cut(visible(commit.subject), subject_width)
        name = commit.commit[:_SHORT]
        yield [*cells[:-1], drawn, cells[-1], name, subject]
        if commit.unknown is not None:
            yield [f"not known: {visible(commit.unknown)}"]
        if commit.most is not None:
            yield [_most(commit.most)]


def _figures(commit: CommitSize, of: str) -> list[str]:
    """Return the cells with figures; the growth is the last one."""
    files = ""
    size = _size(commit, of)
    if size is not None:
        files = f"{size.files:,}"
    growth = ""
    if commit.growth is not None:
        growth = _change(commit.growth)
    return [_bytes(commit.transfer), _bytes(commit.context), files, growth]


def _room(figures: Sequence[Sequence[str]], look: Look) -> int:
    """Return the columns that the figures and the commits leave to bars and subjects."""
    room = look.width
    room -= _SHORT
    room -= 2 * len(_HEADERS)
    for header, *cells in zip(_FIGURES, *figures, strict=True):
        room -= max(map(columns, (header, *cells)))
    return room


def _bytes(size: Amount | None) -> str:
    if size is None:
        return "-"
    return human(size.content_bytes)


def _change(growth: Amount) -> str:
    """Return a growth in bytes, else in files; `""` for none."""
    if growth.content_bytes:
        return signed(growth.content_bytes)
    if growth.files:
        return f"{growth.files:+,} files"
    return ""


def _most(part: GrownPart) -> str:
    path = part.path
    if part.is_directory:
        path += "/"
    return f"{signed(part.content_bytes)} {quoted(path)}"
