"""A scan for a person: one table, then what is wrong across builds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from ctxsize import units
from ctxsize.formats.look import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.text.advice import plural
from ctxsize.formats.text.findings import lines as findings_lines
from ctxsize.formats.text.tables import Table
from ctxsize.formats.text.tables import lines as table_lines
from ctxsize.model import Amount
from ctxsize.scanning import Row, Scan

HEADERS = ("sends", "context", "saving", "findings", "ignore file", "build")


def render(scan: Scan, look: Look) -> str:
    """The table, the findings, and what was not understood."""
    if not scan.rows:
        lines = ["no build here: no Dockerfile, and no file that asks for one"]
    else:
        lines = table_lines(_table(scan.rows, look, least=scan.lower_bound), look)
    errors = [row for row in scan.rows if row.error is not None]
    lines += [f"  {quoted(_build(row))}: {visible(row.error or '')}" for row in errors]
    found = findings_lines(scan.findings, look)
    lines += [""] * bool(found) + found
    if scan.advice:
        told = plural(scan.advice, "finding")
        lines += ["", look.paint(f"{told} on Dockerfiles: ctxsize advise", "dim")]
    lines += _notes(scan)
    return "".join(f"{line}\n" for line in lines)


def _table(rows: Sequence[Row], look: Look, *, least: bool) -> Table:
    # Builds that differ in their arguments alone are one line.
    counted = Counter(map(cells, rows))
    shown = list(counted.items())[: look.top]
    title = f"{plural(len(rows), 'build')}, the most costly first"
    more = len(counted) - len(shown)
    rest = f"and {plural(more, 'more line')}" if more else ""
    return Table(
        title + (", sizes are at least" if least else ""),
        HEADERS,
        [
            (*columns, f"{build} (×{count})" if count > 1 else build)
            for (*columns, build), count in shown
        ],
        rest,
    )


def cells(row: Row) -> tuple[str, ...]:
    """What the table says of a build."""
    return (
        _size(row.transfer or row.context),
        _size(row.context),
        _saving(row),
        str(row.findings or ""),
        _ignore_file(row),
        quoted(_build(row)),
    )


def _size(amount: Amount | None) -> str:
    return "?" if amount is None else units.human(amount.content_bytes)


def _saving(row: Row) -> str:
    if row.saving is None:
        return "?"
    return units.human(row.saving.content_bytes) if row.saving.content_bytes > 0 else ""


def _ignore_file(row: Row) -> str:
    if row.ignore_file is None:
        return "none"
    inside = os.path.relpath(row.ignore_file, row.build.context)
    return inside if not inside.startswith("..") else row.ignore_file


def _build(row: Row) -> str:
    """The build as `docker build` is told it, and what else names it."""
    usual = os.path.normpath(os.path.join(row.build.context, "Dockerfile"))
    words = ["--target", row.build.shown_target] if row.build.target else []
    if row.dockerfile is None:
        words = [*words, f"({row.places[0].how} {row.places[0].name})"]
    elif os.path.normpath(row.dockerfile) != usual:
        words = ["-f", row.dockerfile, *words]
    return " ".join((row.build.context, *words))


def _notes(scan: Scan) -> Iterator[str]:
    for problem in scan.problems:
        where = ":".join(str(part) for part in (problem.path, problem.line) if part is not None)
        yield f"note: {visible(f'{where}: ' if where else '')}{visible(problem.message)}"
