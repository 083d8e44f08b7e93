"""Sections of `lint`, `advise`, `scan`, `rule` and `clean`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from ctxsize.codes import Code
from ctxsize.findings import Finding
from ctxsize.formats import Look
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Answer,
    Example,
    Findings,
    Item,
    Name,
    NextStep,
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
    from ctxsize.clean import CleanCandidate, Cleaning, DiskSize, Part, Passed
    from ctxsize.codes import Rules
    from ctxsize.lints import Linted, LintedFile
    from ctxsize.scanning import Row, Scan

_PARTS = 6
"""Number of parts to show of a directory to delete."""
_ALIKE = 12
"""Number of candidates to show with the same reason."""


def sections(
    outcome: Linted | DockerfileAdvice | Rules | Scan | Cleaning, look: Look
) -> list[Section]:
    """Return the sections of a list of findings, of builds, of codes or of directories."""
    match outcome.kind:
        case "lint":
            return _linted(outcome)
        case "advise":
            return _advised(outcome)
        case "scan":
            return _scanned(outcome, look)
        case "clean":
            return _cleaned(outcome)
        case "rules" if outcome.asked:
            return [section for code in outcome.codes for section in _at_length(code)]
        case "rules":
            return [Section([*map(_in_short, outcome.codes)])]


def _linted(outcome: Linted) -> list[Section]:
    lines: list[Item] = [Prose(_file(each), whole=True) for each in outcome.files]
    lines += notes(outcome.problems)
    return [
        Section(_fixed([found for file in outcome.files for found in file.mended])),
        Section([Findings(outcome.findings)] if outcome.findings else []),
        Section(lines if outcome.files else [*lines, Prose("no ignore file here")]),
    ]


def _fixed(mended: Sequence[Finding]) -> list[Item]:
    lines: list[Item] = []
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
        items.append(Prose("`ctxsize advise --diff` shows the fixes"))
    if not advice.findings:
        items.append(Prose(f"{plural(len(advice.dockerfiles), 'Dockerfile')}: nothing found"))
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
        Section([Prose(advice)] if scan.advice else []),
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


def _cleaned(outcome: Cleaning) -> list[Section]:
    """Return the directories to delete by service, then those left alone."""
    plan = outcome.plan
    answer: list[Item] = [_freed(outcome)]
    answer += [NextStep(outcome.command, "deletes it")] if outcome.command and plan.items else []
    planned = [_directories(outcome)] if plan.items else []
    failed = [
        _bullet(f"{quoted(each.path)}: {visible(each.message)}{_rest(each.path, each.left)}")
        for each in outcome.results
        if not each.done
    ]
    unread = [
        _bullet(f"{quoted(each.path or '.')}: {visible(each.message)}") for each in plan.problems
    ]
    left = more(len(unread) - _ALIKE)
    return [
        Section(answer),
        Section(planned, "Planned" if outcome.applied else "Would be deleted"),
        Section(failed, "Not deleted"),
        Section([*_left_alone(plan.passed)], "Left alone"),
        Section([*unread[:_ALIKE], *([_bullet(left)] if left else [])], "Not looked at"),
    ]


def _freed(outcome: Cleaning) -> Answer:
    plan, sums, count = outcome.plan, outcome.plan.sums, len(outcome.plan.items)
    if not count:
        left = plural(len(plan.passed), "candidate")
        return Answer("Nothing to delete", "green", f"{left} left alone")
    if not outcome.applied:
        # What has hard links elsewhere is not freed; what could not be read is not counted.
        most = "about" if plan.problems else "at most"
        size = f"{most} {human(sums.disk_bytes)} on disk ({amount(sums)})"
        what = f"{size} in {plural(count, 'directory')}"
        return Answer("Dry run", "yellow", f"would free {what}; nothing was deleted")
    freed = human(sum(each.disk_bytes for each in outcome.results))
    files = plural(sum(each.files for each in outcome.results), "file")
    done = sum(each.done for each in outcome.results)
    text = f"{freed} on disk freed, {files}; {done:,} of {plural(count, 'directory')} deleted"
    if outcome.complete:
        return Answer("Deleted", "green", text)
    return Answer("Not all deleted", "red", text)


def _directories(outcome: Cleaning) -> Table:
    rows: list[tuple[str, ...]] = []
    by_service = sorted(outcome.plan.items, key=lambda each: each.service)
    for service, items in groupby(by_service, lambda each: each.service):
        rows.append(("", "", "", quoted(service) if service else "(ROOT)"))
        for item in items:
            rows += _directory(item, service)
    return Table(("on disk", "size", "files", ""), rows, numbers=3)


def _directory(item: CleanCandidate, service: str) -> Iterator[tuple[str, ...]]:
    """Yield the row of a directory, its evidence, and its largest parts."""
    inventory = item.inventory
    yield _disk(f"  {quoted(item.path[len(service) :].lstrip('/'))}", inventory.size)
    yield (f"{item.kind.title}: {', '.join(map(visible, item.evidence))}",)
    parts: Sequence[Part] = inventory.parts if len(inventory.parts) > 1 else ()
    for part in parts[:_PARTS]:
        # A part is counted without the parts below it.
        others = any(each.name.startswith(f"{part.name}/") for each in parts)
        name = f"{quoted(part.name)}, the rest" if others else quoted(part.name)
        yield _disk(f"    {name if part.name else 'the rest'}", part.size)


def _disk(text: str, size: DiskSize) -> tuple[str, ...]:
    return human(size.disk_bytes), human(size.content_bytes), f"{size.files:,}", text


def _left_alone(passed: Sequence[Passed]) -> Iterator[Prose]:
    """Yield the candidates that are left alone, dangers first, the largest of each first."""
    counts = Counter(each.objection.code for each in passed)
    for code, group in groupby(sorted(passed, key=_gravity), lambda each: each.objection.code):
        for each in [*group][:_ALIKE]:
            size = "" if each.size is None else f" ({human(each.size.content_bytes)})"
            yield _bullet(f"{quoted(each.path)}{size}: {visible(each.objection.message)}")
        if left := more(counts[code] - _ALIKE):
            yield _bullet(f"{left} ({code}); --format json lists all")


def _gravity(each: Passed) -> tuple[bool, bool, str, int]:
    code, disk_bytes = each.objection.code, each.size.disk_bytes if each.size else 0
    return each.objection.by_choice, code == "not-proven", code, -disk_bytes


def _rest(path: str, left: Sequence[str]) -> str:
    if not left or tuple(left) == (path,):
        return ""
    return f"; the rest is in {', '.join(map(quoted, left))}"


def _bullet(text: str) -> Prose:
    return Prose(f"  {text}", 4)
