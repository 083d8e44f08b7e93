"""Sections of `lint`, `advise`, `scan` and `rule`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from ctxsize.codes import Code
from ctxsize.findings import Finding
from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Example,
    Findings,
    Item,
    Name,
    Prose,
    Section,
    Table,
    notes,
)
from ctxsize.formats.wording import SEVERITY_STYLES, amount, fix_text, more, place
from ctxsize.model import Amount
from ctxsize.units import human, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.codes import Rules
    from ctxsize.lints import Linted, LintedFile
    from ctxsize.scanning import Row, Scan


def sections(outcome: Linted | DockerfileAdvice | Rules | Scan, look: Look) -> list[Section]:
    """Return the sections of a list of findings, of builds or of codes."""
    match outcome.kind:
        case "lint":
            return _linted(outcome)
        case "advise":
            return _advised(outcome)
        case "scan":
            return _scanned(outcome, look)
        case "rules" if outcome.asked:
            return [section for code in outcome.codes for section in _at_length(code)]
        case "rules":
            return [Section([*map(_in_short, outcome.codes)])]


def _linted(outcome: Linted) -> list[Section]:
    lines = [Prose(_file(each), whole=True) for each in outcome.files] + notes(outcome.problems)
    if not outcome.files:
        lines.append(Prose("no ignore file here"))
    mended = [found for file in outcome.files for found in file.mended]
    return [
        Section(_fixed(mended)),
        Section([Findings(outcome.findings)] if outcome.findings else []),
        Section(lines),
    ]


def _fixed(mended: Sequence[Finding]) -> list[Prose]:
    lines = []
    for each in mended:
        assert each.fix is not None
        where = place(each)
        text = f"{where} fixed {each.code} {visible(fix_text(each.fix))}"
        lines.append(Prose(text, marks=((where, ""), ("fixed", "green")), whole=True))
    return lines


def _file(file: LintedFile) -> str:
    parts = [plural(file.patterns, "pattern")]
    if file.content_bytes is not None and file.files is not None:
        parts.append(f"{amount(Amount(file.files, file.content_bytes))} sent")
    parts += [] if file.findings else ["nothing found"]
    parts += [f"{file.suppressed:,} suppressed"] if file.suppressed else []
    return f"{quoted(file.path)}: {', '.join(parts)}"


def _advised(advice: DockerfileAdvice) -> list[Section]:
    items: list[Item] = [Findings(advice.findings)] if advice.findings else []
    if any(each.fix for each in advice.findings):
        items.append(Prose("`ctxsize advise --diff` shows the fixes", style="dim"))
    if not advice.findings:
        read = plural(len(advice.dockerfiles), "Dockerfile")
        nothing = f"{read}: nothing found" if advice.dockerfiles else "no Dockerfile here"
        items.append(Prose(nothing))
    return [Section(_fixed(advice.mended)), Section([*items, *notes(advice.problems)])]


def _in_short(code: Code) -> Prose:
    severity = code.severity.value
    head = f"{code.name} {severity:<8}{code.slug:<24} "
    return Prose(head + code.summary, len(head), ((severity, SEVERITY_STYLES[code.severity]),))


def _at_length(code: Code) -> Iterator[Section]:
    severity = code.severity.value
    marks = ((code.name, "bold"), (code.slug, ""), (severity, SEVERITY_STYLES[code.severity]))
    yield Section([Prose(f"{code.name} {code.slug} ({severity})", marks=marks)])
    yield Section([Prose(code.summary)])
    yield Section([Prose(code.why)])
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        lines = [*map(visible, example.split("\n"))]
        yield Section([Prose(f"{title}:"), Example(lines)] if example else [])


def _scanned(scan: Scan, look: Look) -> list[Section]:
    """Return the table of builds, the most costly first, then the findings across builds."""
    title = f"{plural(len(scan.rows), 'build')}, the most costly first"
    title += ", sizes are at least" if scan.lower_bound else ""
    none = Prose("no build here: no Dockerfile, and no file that names one", whole=True)
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
    headers = ("sends", "context", "saving", "findings", "ignore file", "build")
    return Table(headers, shown, more(len(counted) - len(shown), "line"), 4)


def _cells(row: Row) -> tuple[str, ...]:
    saves = row.saving is None or row.saving.content_bytes > 0
    ignore_file = row.ignore_file or "none"
    if row.ignore_file is not None:
        inside = os.path.relpath(row.ignore_file, row.build.context)
        ignore_file = ignore_file if inside.startswith("..") else inside
    return (
        _size(row.transfer or row.context),
        _size(row.context),
        _size(row.saving) if saves else "",
        str(row.findings or ""),
        ignore_file,
        _build(row),
    )


def _size(amount: Amount | None) -> str:
    return "?" if amount is None else human(amount.content_bytes)


def _build(row: Row) -> str:
    """Return context and options of the build, as for `docker build`."""
    usual = os.path.normpath(os.path.join(row.build.context, "Dockerfile"))
    words = ["--target", row.build.shown_target] if row.build.target else []
    if row.dockerfile is None:
        words = [*words, f"({row.places[0].how} {row.places[0].name})"]
    elif os.path.normpath(row.dockerfile) != usual:
        words = ["-f", row.dockerfile, *words]
    return " ".join((row.build.context, *words))
