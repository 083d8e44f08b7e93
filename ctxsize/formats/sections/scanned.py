"""A scan: one table, the most costly build first, then what is wrong across builds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Findings, Item, Name, Prose, Section, Table, notes
from ctxsize.formats.wording import more
from ctxsize.model import Amount
from ctxsize.scanning import Row, Scan
from ctxsize.units import human, plural

_HEADERS = ("sends", "context", "saving", "findings", "ignore file", "build")
_NUMBERS = 4


def sections(scan: Scan, look: Look) -> list[Section]:
    """Return the table, the findings, and what was not understood."""
    title = f"{plural(len(scan.rows), 'build')}, the most costly first"
    title += ", sizes are at least" if scan.lower_bound else ""
    none = Prose("no build here: no Dockerfile, and no file that asks for one", whole=True)
    builds: list[Item] = [_table(scan.rows, look.top)] if scan.rows else [none]
    builds += [
        Prose(f"  {quoted(_build(row))}: {visible(row.error)}", whole=True)
        for row in scan.rows
        if row.error is not None
    ]
    advice = f"{plural(scan.advice, 'finding')} on Dockerfiles: ctxsize advise"
    return [
        Section(builds, title if scan.rows else ""),
        Section([Findings(scan.findings)] if scan.findings else []),
        Section([Prose(advice, style="dim")] if scan.advice else []),
        Section(notes(scan.problems)),
    ]


def _table(rows: Sequence[Row], top: int) -> Table:
    # Builds that differ in their arguments alone are one line.
    counted = Counter(map(_cells, rows))
    shown = [
        (*figures, f"{quoted(build)} (×{count})" if count > 1 else Name(build))
        for (*figures, build), count in list(counted.items())[:top]
    ]
    return Table(_HEADERS, shown, more(len(counted) - len(shown), "line"), _NUMBERS)


def _cells(row: Row) -> tuple[str, ...]:
    """Return what the table says of a build."""
    saves = row.saving is None or row.saving.content_bytes > 0
    return (
        _size(row.transfer or row.context),
        _size(row.context),
        _size(row.saving) if saves else "",
        str(row.findings or ""),
        _ignore_file(row),
        _build(row),
    )


def _size(amount: Amount | None) -> str:
    return "?" if amount is None else human(amount.content_bytes)


def _ignore_file(row: Row) -> str:
    if row.ignore_file is None:
        return "none"
    inside = os.path.relpath(row.ignore_file, row.build.context)
    return inside if not inside.startswith("..") else row.ignore_file


def _build(row: Row) -> str:
    """Return the build with its options for `docker build`, and what else names it."""
    usual = os.path.normpath(os.path.join(row.build.context, "Dockerfile"))
    words = ["--target", row.build.shown_target] if row.build.target else []
    if row.dockerfile is None:
        words = [*words, f"({row.places[0].how} {row.places[0].name})"]
    elif os.path.normpath(row.dockerfile) != usual:
        words = ["-f", row.dockerfile, *words]
    return " ".join((row.build.context, *words))
