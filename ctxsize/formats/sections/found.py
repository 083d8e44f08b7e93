"""Sections of `lint`, `advise`, `scan`, `rule` and `clean`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ctxsize.codes import Code
from ctxsize.findings import Finding
from ctxsize.formats import Found, Look, wording
from ctxsize.formats.sections import Findings, NextStep, Prose, Section, Table, cut, few, notes
from ctxsize.formats.wording import amount, listed, more, quoted, typed, visible
from ctxsize.model import Amount
from ctxsize.units import human, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean import Cleaning, Passed, Result
    from ctxsize.lints import Linted, LintedFile
    from ctxsize.scanning import Row, Scan

_ALIKE, _MOST_LINES = 12, 5  # candidates of a reason, findings across builds


def sections(outcome: Found, look: Look) -> list[Section]:
    """Return the sections of a list of findings, of builds, of codes or of directories."""
    match outcome.kind:
        case "lint":
            return _linted(outcome, look)
        case "advise":
            return _advised(outcome, look)
        case "scan":
            return _scanned(outcome, look)
        case "clean":
            return _cleaned(outcome, look)
        case "rules" if outcome.asked:
            return [section for code in outcome.codes for section in _at_length(code)]
        case "rules":
            leads = (f"{e.name} {e.severity.value:<8}{e.slug:<24} " for e in outcome.codes)
            pairs = zip(leads, outcome.codes, strict=True)
            return [Section([Prose(lead + each.summary, len(lead)) for lead, each in pairs])]


def _linted(outcome: Linted, look: Look) -> list[Section]:
    fixed = [found for file in outcome.files for found in file.mended]
    count = sum(map(wording.places, fixed))
    findings = Section([Findings(outcome.findings, fixed=count)])
    if look.quiet:
        return [findings]
    lines = [*_files(outcome.files, look), *notes(outcome.problems)]
    if outcome.files:
        lines += []
    else:
        lines += [Prose("no ignore file here")]
    # The number of findings is the last line.
    return [Section([*_fixed(fixed)]), Section(lines), findings]


def _fixed(findings: Iterable[Finding]) -> Iterator[Prose]:
    """Yield a line for each fix that was made; for equal ones of a file a single line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in findings:
        if each.fix is not None:
            text = wording.fix_text(each.fix).partition("; changes nothing")[0]
            alike.setdefault((each.location.path, each.code, text), []).append(wording.place(each))
    for (_, code, text), found in alike.items():
        if len(found) > 1:
            times = f" ({len(found):,} times)"
        else:
            times = ""
        yield Prose(f"{found[0]} fixed {code} {visible(text)}{times}", 4)


def _files(files: Sequence[LintedFile], look: Look) -> Iterator[Prose]:
    """Yield a line for each file; those in which nothing is found are counted."""
    fine = [each for each in files if not (each.findings or each.mended)]
    alone = look.full or len(fine) < 2
    yield from (_file(each) for each in files if alone or each.findings or each.mended)
    if not alone:
        sums = {name: sum(getattr(e, name) for e in fine) for name in ("patterns", "suppressed")}
        yield _file(replace(fine[0], path=f"{len(fine):,} files", content_bytes=None, **sums))


def _file(file: LintedFile) -> Prose:
    parts = [plural(file.patterns, "pattern")]
    if file.content_bytes is not None and file.files is not None:
        parts.append(f"{amount(Amount(file.files, file.content_bytes))} sent")
    if file.findings:
        parts += []
    else:
        parts += ["nothing found"]
    if file.suppressed:
        parts += [f"{file.suppressed:,} suppressed"]
    return Prose(f"{quoted(file.path)}: {', '.join(parts)}", 4)


def _advised(advice: DockerfileAdvice, look: Look) -> list[Section]:
    found = Findings(advice.findings, fixed=len(advice.mended))
    if look.quiet:
        return [Section([found])]
    step = NextStep(typed("advise", "--diff", *_root(advice.root)), "shows the fixes")
    steps = [step] * any(each.fix for each in advice.findings)
    none = Prose(f"{plural(len(advice.dockerfiles), 'Dockerfile')}: nothing found")
    if advice.findings:
        lines = []
    else:
        lines = [none]
    items = [found, *steps, *lines, *notes(advice.problems)]
    return [Section([*_fixed(advice.mended)]), Section(items)]


def _at_length(code: Code) -> Iterator[Section]:
    yield Section([Prose(f"{code.name} {code.slug} ({code.severity.value})", mark=code.name)])
    yield Section([Prose(code.summary, 0)])
    yield Section([Prose(code.why, 0)])
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        lines = [Prose(f"    {visible(each)}") for each in example.split("\n")]
        yield Section([Prose(f"{title}:"), *lines] if example else [])


def _scanned(scan: Scan, look: Look) -> list[Section]:
    """Return the table of builds, the most costly first, and the findings across builds."""
    table = _builds(scan, look)
    if look.quiet:
        return [Section([table])]
    title = f"{plural(len(scan.rows), 'build')}, the most costly first"
    if scan.merged:
        title = f"{plural(len(scan.rows), 'build')} in {plural(len(scan.merged), 'repository')}"
        cost = sum(row.cost.content_bytes for row in scan.rows)
        saving = sum(row.saving.content_bytes for row in scan.rows if row.saving)
        title += f": {human(cost)}, safe suggestions save {human(saving)}"
    if scan.lower_bound:
        title += ", sizes are at least"
    errors = ((_build(row), row.error) for row in scan.rows if row.error is not None)
    failed = [Prose(f"  {quoted(name)}: {visible(error)}", 4) for name, error in errors]
    codes = " ".join(dict.fromkeys(each.code for each in scan.findings))
    if look.full:
        rest = ""
    else:
        rest = "; -v shows what to do"
    if codes:
        explained = [Prose(f"  `ctxsize rule {codes}` explains{rest}")]
    else:
        explained = []
    across = Findings(scan.findings, 0 if look.full else _MOST_LINES)
    if scan.merged:
        why = "in these reports"
    else:
        why = "here: no Dockerfile, and no file that names one"
    return [
        Section([table, *few(failed, _MOST_LINES, look)], title),
        Section([] if scan.rows else [Prose(f"no build {why}")]),
        Section([across, *explained], "Across builds"),
        Section(few(notes(scan.problems), _MOST_LINES, look)),
        Section([*_next(scan)]),
    ]


def _next(scan: Scan) -> Iterator[NextStep]:
    """Yield the command for the build that would save most, or else for the most costly one."""
    if scan.merged:
        return
    rows = [row for row in scan.rows if row.error is None and row.found.inline is None]
    saved = [row.saving.content_bytes if row.saving else 0 for row in rows]
    for row in rows[saved.index(max(saved)) :][:1] if rows else ():
        words = [*row.options, *_root(row.build.context)]
        # Values of arguments are not printed, and the command does not save the same without them.
        others = [each for each in row.build.given() if each != "--target"]
        purpose = f"saves {human(max(saved))} of {human(row.cost.content_bytes)}"
        if others:
            purpose = f"needs the {listed(others)} of this build"
        else:
            purpose = purpose
        measured = NextStep(typed("measure", *words), "shows what is sent")
        yield NextStep(typed("suggest", "--write", *words), purpose) if any(saved) else measured
    if scan.advice:
        purpose = f"shows {plural(scan.advice, 'finding')} on Dockerfiles"
        yield NextStep(typed("advise", *_root(scan.root)), purpose, "Also")


def _root(path: str) -> list[str]:
    if path == ".":
        return []
    return [wording.path_argument(path)]


def _builds(scan: Scan, look: Look) -> Table:
    """Return a row for each build; equal ones share a row with their number."""
    contexts = Counter(row.build.context for row in scan.rows)
    rows: list[tuple[str, ...]] = []
    for row in scan.rows:
        whole = look.full or contexts[row.build.context] > 1
        rows.append((*_figures(row, look), _build(row) if whole else row.build.context))
    same = Counter(rows)
    alike = Counter(cells[-1] for cells in {*rows})
    found = dict[tuple[str, ...], None]()
    for cells, row in zip(rows, scan.rows, strict=True):
        *figures, name = cells
        if same[cells] > 1:
            name += f" ({same[cells]:,} builds)"
        elif alike[name] > 1 and row.places:  # they differ in values, which may be secret
            name += f" ({row.places[0].how} {row.places[0].name})"
        found |= {(*figures, quoted(name)): None}
    rest = more(len(found) - look.top, "build")
    if look.full:
        context = ["context"]
        file = "ignore file"
    else:
        context = []
        file = "ignore"
    headers = ("sends", *context, "saving", "findings", file, "build")
    return Table(headers, [*found][: look.top], f"{rest}: --top N, or -v" if rest else "")


def _figures(row: Row, look: Look) -> tuple[str, ...]:
    sizes = (row.transfer or row.context, row.context, row.saving)
    sends, context, saving = ("?" if e is None else human(e.content_bytes) for e in sizes)
    findings = str(row.findings or "")
    path = row.ignore_file
    if look.full:
        if path:
            name = os.path.relpath(path, row.build.context)
        else:
            name = "none"
        return sends, context, saving, findings, name
    return sends, saving, findings, "yes" if path else "none"


def _build(row: Row) -> str:
    """Return context and options of the build, as for `docker build`."""
    if row.dockerfile is None:
        inline = f" ({row.places[0].how} {row.places[0].name})"
    else:
        inline = ""
    return " ".join((row.build.context, *row.options)) + inline


def _cleaned(outcome: Cleaning, look: Look) -> list[Section]:
    """Return the directories to delete, then those left alone."""
    plan = outcome.plan
    if outcome.command and plan.items:
        steps = [NextStep(outcome.command, "deletes it")]
    else:
        steps = []
    failed = [Prose(_failed(each), 4) for each in outcome.results if not each.done]
    return [
        Section([_freed(outcome), *steps]),
        Section([_directories(outcome)], "Planned" if outcome.applied else "Would be deleted"),
        Section(failed, "Not deleted"),
        Section([] if look.quiet else [*_left_alone(plan.passed, look)], "Left alone"),
        Section(notes(plan.problems), "Not looked at"),
    ]


def _freed(outcome: Cleaning) -> Prose:
    plan = outcome.plan
    sums = outcome.plan.sums
    directories = plural(len(plan.items), "directory")
    if not plan.items:
        title = "Nothing to delete"
        style = "green"
        text = f"{plural(len(plan.passed), 'candidate')} left alone"
    elif not outcome.applied:
        # What has hard links elsewhere is not freed; what could not be read is not counted.
        if plan.problems:
            most = "about"
        else:
            most = "at most"
        title = "Dry run"
        style = "yellow"
        text = f"would free {most} {human(sums.disk_bytes)} on disk ({amount(sums)}) in "
        text += f"{directories}; nothing was deleted"
    else:
        if outcome.complete:
            title = "Deleted"
            style = "green"
        else:
            title = "Not all deleted"
            style = "red"
        freed = human(sum(each.disk_bytes for each in outcome.results))
        files = plural(sum(each.files for each in outcome.results), "file")
        done = sum(each.done for each in outcome.results)
        text = f"{freed} on disk freed, {files}; {done:,} of {directories} deleted"
    return Prose(f"{title}: {text}", 0, title, style)


def _directories(outcome: Cleaning) -> Table:
    """Return a row for each directory, with a note on its evidence and its largest parts."""
    rows: list[tuple[str, ...]] = []
    for item in outcome.plan.items:
        size = item.inventory.size
        parts = item.inventory.parts
        figures = (human(size.disk_bytes), human(size.content_bytes), f"{size.files:,}")
        rows.append((*figures, quoted(item.path)))
        shown = [each for each in parts if each.name and each.size.content_bytes]
        named = [f"{quoted(each.name)} {human(each.size.content_bytes)}" for each in shown]
        if named:
            holds = f"; holds {listed(named)}"
        else:
            holds = ""
        rows.append((f"{item.kind.title}: {', '.join(map(visible, item.evidence))}{holds}",))
    return Table(("on disk", "size", "files", "directory"), rows)


def _left_alone(passed: Sequence[Passed], look: Look) -> Iterator[Prose]:
    """Yield what is left alone, dangers first; unless `full`, `_ALIKE` for each reason."""
    alike: dict[tuple[bool, bool, str], list[Passed]] = {}
    for each in passed:
        code = each.objection.code
        alike.setdefault((each.objection.by_choice, code == "not-proven", code), []).append(each)
    for _, some in sorted(alike.items()):
        shown, rest = cut(some, _ALIKE, look)
        for each in shown:
            if each.size is None:
                size = ""
            else:
                size = f" ({human(each.size.content_bytes)})"
            yield Prose(f"  {quoted(each.path)}{size}: {visible(each.objection.message)}", 4)
        if rest:
            yield Prose(f"  {rest} lists all ({some[0].objection.code})")


def _failed(result: Result) -> str:
    left = ", ".join(quoted(each) for each in result.left if each != result.path)
    if left:
        rest = f"; the rest is in {left}"
    else:
        rest = ""
    return f"  {quoted(result.path)}: {visible(result.message)}{rest}"
