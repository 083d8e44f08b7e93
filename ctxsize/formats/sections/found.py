"""Sections of `lint`, `advise`, `scan`, `rule` and `clean`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from os.path import dirname, relpath

from ctxsize.codes import Code
from ctxsize.findings import Finding
from ctxsize.formats.sections import (
    Findings,
    Items,
    NextStep,
    Prose,
    Section,
    SectionItem,
    Sections,
    Table,
    cut,
    fate,
    few,
    notes,
)
from ctxsize.formats.styles import FindingsOutcome, Look
from ctxsize.formats.wording import (
    amount,
    cells,
    directory_argument,
    fix_text,
    listed,
    more,
    place,
    places,
    quoted,
    to_write,
    typed,
    visible,
    writing_all,
)
from ctxsize.model import Amount
from ctxsize.units import human, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.clean import Cleaning, CleanPlan, Passed, Result
    from ctxsize.lints import Linted, LintedFile
    from ctxsize.scanning import Row, Scan

_ALIKE = 12  # number of candidates with one reason
_FAILS = " (the build fails)"
_MOST_LINES = 5  # number of findings across builds


def sections(outcome: FindingsOutcome, look: Look) -> Sections:
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
            return chain.from_iterable(map(_at_length, outcome.codes))
        case "rules":
            return [Section([*map(_in_a_line, outcome.codes)])]


def _linted(outcome: Linted, look: Look) -> Sections:
    files = outcome.files
    fixed = [finding for file in files for finding in file.mended]
    findings = Section([Findings(outcome.findings, fixed=sum(map(places, fixed)))])
    if look.quiet:
        return [findings]
    lines = [*_files(files, look), *notes(outcome.problems)]
    if not files:
        lines.append(Prose("no ignore file here"))
    # The number of findings is the last line.
    return [_fixed(fixed), Section(lines), findings]


def _fixed(findings: Iterable[Finding]) -> Section:
    """Return a line for each fix that was made; for equal ones of a file a single line."""
    alike = defaultdict(list)
    for finding in findings:
        if finding.fix:
            text = fix_text(finding.fix).partition("; changes nothing")[0]
            alike[finding.location.path, finding.code, text].append(finding)
    lines = []
    for (_, code, text), equal in alike.items():
        line = f"{place(equal[0])} fixed {code} {visible(text)}"
        if len(equal) > 1:
            line += f" ({len(equal):,} times)"
        lines.append(Prose(line, 4))
    return Section(lines)


def _files(files: Sequence[LintedFile], look: Look) -> Items:
    """Yield a line for each file; those in which nothing is found are counted."""
    counted = [file for file in files if not (file.findings or file.mended)]
    if look.full or len(counted) == 1:
        counted = []
    for file in files:
        if file.findings or file.mended or not counted:
            yield _file(file)
    if counted:
        whole = replace(
            counted[0],
            path=f"{len(counted):,} files",
            patterns=sum(file.patterns for file in counted),
            suppressed=sum(file.suppressed for file in counted),
            content_bytes=None,
        )
        yield _file(whole)


def _file(file: LintedFile) -> Prose:
    parts = [plural(file.patterns, "pattern")]
    if file.content_bytes is not None and file.files is not None:
        size = Amount(file.files, file.content_bytes)
        parts.append(f"{amount(size)} in the context")
    if not file.findings:
        parts.append("nothing found")
    if file.suppressed:
        parts.append(f"{file.suppressed:,} suppressed")
    text = ", ".join(parts)
    return Prose(f"{quoted(file.path)}: {text}", 4)


def _advised(advice: DockerfileAdvice, look: Look) -> Sections:
    findings = advice.findings
    fixed = advice.mended
    items: list[SectionItem] = [Findings(findings, fixed=len(fixed))]
    if look.quiet:
        return [Section(items)]
    if any(finding.fix for finding in findings):
        diff = typed("advise", "--diff", *directory_argument(advice.root))
        items.append(NextStep(diff, "shows the fixes"))
    if not findings:
        dockerfiles = plural(len(advice.dockerfiles), "Dockerfile")
        items.append(Prose(f"{dockerfiles}: nothing found"))
    items += notes(advice.problems)
    return [_fixed(fixed), Section(items)]


def _in_a_line(code: Code) -> Prose:
    severity = code.severity.value
    lead = f"{code.name} {severity:<8}{code.slug:<24} "
    return Prose(lead + code.summary, len(lead))


def _at_length(code: Code) -> Sections:
    title = f"{code.name} {code.slug} ({code.severity.value})"
    yield Section([Prose(title, mark=code.name)])
    for text in (code.summary, code.why):
        yield Section([Prose(text, 0)])
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        if example:
            lines = [f"    {visible(line)}" for line in example.split("\n")]
            yield Section([Prose(f"{title}:"), *map(Prose, lines)])


def _scanned(scan: Scan, look: Look) -> Sections:
    """Return the table of builds, the most costly first, and the findings across builds."""
    table = _builds(scan, look)
    if look.quiet:
        return [Section([table])]
    errors = [
        Prose(f"  {quoted(_build(row))}: {visible(row.error)}", 4) for row in scan.rows if row.error
    ]
    failures = dict.fromkeys(failure for row in scan.rows for failure in row.failures)
    others = [problem for problem in scan.problems if problem not in failures]
    nothing = []
    if not (scan.rows or any(problem.fails for problem in scan.problems)):
        text = "no build here: no Dockerfile, and no file that names one"
        if scan.merged:
            text = "no build in these reports"
        nothing.append(Prose(text))
    return [
        Section([table, *few(errors, _MOST_LINES, look)], _title(scan)),
        Section([fate(failures, scan.root, 0 if look.full else _MOST_LINES)]),
        Section(nothing),
        Section([*_across(scan, look)], "Across builds"),
        Section(few(notes(others), _MOST_LINES, look)),
        Section([*_next(scan)]),
    ]


def _title(scan: Scan) -> str:
    rows = scan.rows
    title = plural(len(rows), "build")
    if scan.merged:
        cost = human(sum(row.cost.content_bytes for row in rows))
        saving = human(sum(map(_saved, rows)))
        title += f" in {plural(len(scan.merged), 'repository')}"
        title += f": {cost}, safe suggestions save {saving}"
    else:
        title += ", the most costly first"
    if scan.lower_bound:
        title += ", sizes are at least"
    return title


def _across(scan: Scan, look: Look) -> Items:
    """Yield the findings across builds, and where their codes are explained."""
    brief = _MOST_LINES
    hint = "; -v shows what to do"
    if look.full:
        brief = 0
        hint = ""
    yield Findings(scan.findings, brief)
    codes = " ".join(dict.fromkeys(finding.code for finding in scan.findings))
    if codes:
        yield Prose(f"  `ctxsize rule {codes}` explains{hint}")


def _next(scan: Scan) -> Items:
    """Yield the command for all builds that would save something, or else for the most costly."""
    if scan.merged:
        return
    rows = [row for row in scan.rows if not row.error and row.found.inline is None]
    helped = [row for row in rows if _saved(row) > 0]
    if len(helped) > 1:
        command = writing_all(scan.root, is_link=any(row.is_link for row in helped))
        yield NextStep(command, f"makes {plural(len(helped), 'build')} send less")
    elif rows:
        yield _next_for(max(rows, key=_saved))
    if scan.advice:
        purpose = f"shows {plural(scan.advice, 'finding')} on Dockerfiles"
        yield NextStep(typed("advise", *directory_argument(scan.root)), purpose, "Also")


def _saved(row: Row) -> int:
    if row.saving:
        return row.saving.content_bytes
    return 0


def _next_for(row: Row) -> NextStep:
    build = row.build
    saved = _saved(row)
    words = [*row.options, *directory_argument(build.context)]
    if not saved:
        return NextStep(typed("measure", *words), "shows what is sent")
    cost = human(row.cost.content_bytes)
    purpose = f"saves {human(saved)} of {cost}"
    if not build.is_complete:
        purpose = "needs the values of this build"
    return NextStep(typed(*to_write(is_link=row.is_link), *words), purpose)


def _builds(scan: Scan, look: Look) -> Table:
    """Return a row for each build; equal ones share a row with their number."""
    contexts = Counter(row.build.context for row in scan.rows)

    def name_of(row: Row) -> str:
        name = row.build.context
        is_elsewhere = row.options[:1] == ["-f"] and dirname(row.options[1]) != name
        if look.full or is_elsewhere or contexts[name] > 1:
            name = _build(row)
        if row.failures:
            name += _FAILS
        return name

    rows = [[*_figures(row, look), quoted(name)] for row, name in named_rows(scan.rows, name_of)]
    rest = more(len(rows) - look.top, "build")
    if rest:
        rest += ": --top N, or -v"
    headers = ["sends", "saving", "findings", "ignore", "build"]
    if look.full:
        headers = ["sends", "context", "saving", "findings", "ignore file", "build"]
    return Table(headers, rows[: look.top], rest)


def named_rows(rows: Iterable[Row], name_of: Callable[[Row], str]) -> Iterator[tuple[Row, str]]:
    """Yield each row, those of builds that are alike as one, with a name of its own."""
    from ctxsize.scanning.rows import merged_rows  # most of these commands have no rows

    merged = merged_rows(rows)
    names = Counter(map(name_of, merged))
    for row in merged:
        name = name_of(row)
        if row.count > 1:
            name += f" ({row.count:,} builds)"
        elif names[name] > 1 and row.places:  # they differ in values, which may be secret
            name += _origin(row)
        yield row, name


def _figures(row: Row, look: Look) -> list[str]:
    sends = "?"
    if row.transfer or row.context:
        sends = _size(row.cost)
    saving = _size(row.saving)
    findings = str(row.findings or "")
    path = row.ignore_file
    if not look.full:
        return [sends, saving, findings, "yes" if path else "none"]
    name = "none"
    if path:
        name = relpath(path, row.build.context)
    return [sends, _size(row.context), saving, findings, name]


def _size(size: Amount | None) -> str:
    if size is None:
        return "?"
    return human(size.content_bytes)


def _build(row: Row) -> str:
    """Return context and options of the build, as for `docker build`."""
    text = " ".join([row.build.context, *row.options])
    if row.dockerfile is None:
        text += _origin(row)
    return text


def _origin(row: Row) -> str:
    """Return what names the build."""
    place = row.places[0]
    return f" ({place.how} {place.name})"


def _cleaned(outcome: Cleaning, look: Look) -> Sections:
    """Return the directories to delete, then those left alone."""
    plan = outcome.plan
    head: list[SectionItem] = [_freed(outcome)]
    if outcome.command and plan.items:
        head.append(NextStep(outcome.command, "deletes it"))
    failed = [_failed(result) for result in outcome.results if not result.done]
    title = "Planned" if outcome.applied else "Would be deleted"
    left_alone: list[SectionItem] = []
    if not look.quiet:
        left_alone += _left_alone(plan.passed, look)
    return [
        Section(head),
        Section([_directories(plan)], title),
        Section(failed, "Not deleted"),
        Section(left_alone, "Left alone"),
        Section(notes(plan.problems), "Not looked at"),
    ]


def _freed(outcome: Cleaning) -> Prose:
    plan = outcome.plan
    style = "green"
    if not plan.items:
        title = "Nothing to delete"
        text = f"{plural(len(plan.passed), 'candidate')} left alone"
    elif not outcome.applied:
        title = "Dry run"
        style = "yellow"
        text = _dry_run(plan)
    else:
        title = "Deleted"
        text = _deleted(outcome)
        if not outcome.complete:
            title = "Not all deleted"
            style = "red"
    return Prose(f"{title}: {text}", 0, title, style)


def _dry_run(plan: CleanPlan) -> str:
    """Return what would be freed, without hard links elsewhere and what could not be read."""
    most = "about" if plan.problems else "at most"
    sums = plan.sums
    size = f"{human(sums.disk_bytes)} on disk ({amount(sums)})"
    directories = plural(len(plan.items), "directory")
    return f"would free {most} {size} in {directories}; nothing was deleted"


def _deleted(outcome: Cleaning) -> str:
    results = outcome.results
    freed = human(sum(result.disk_bytes for result in results))
    files = plural(sum(result.files for result in results), "file")
    done = sum(result.done for result in results)
    directories = plural(len(outcome.plan.items), "directory")
    return f"{freed} on disk freed, {files}; {done:,} of {directories} deleted"


def _directories(plan: CleanPlan) -> Table:
    """Return a row for each directory, with a note on its evidence and its largest parts."""
    rows = []
    for directory in plan.items:
        inventory = directory.inventory
        size = inventory.size
        rows.append([human(size.disk_bytes), *cells(size), quoted(directory.path)])
        evidence = ", ".join(map(visible, directory.evidence))
        note = f"{directory.kind.title}: {evidence}"
        parts = [
            f"{quoted(part.name)} {human(part.size.content_bytes)}"
            for part in inventory.parts
            if part.name and part.size.content_bytes
        ]
        if parts:
            note += f"; holds {listed(parts)}"
        rows.append([note])
    return Table(("on disk", "size", "files", "directory"), rows)


def _left_alone(passed: Iterable[Passed], look: Look) -> Items:
    """Yield what is left alone, dangers first; unless `full`, `_ALIKE` for each reason."""
    ordered = sorted(passed, key=_danger)
    for (_, _, code), candidates in groupby(ordered, _danger):
        shown, rest = cut([*candidates], _ALIKE, look)
        for candidate in shown:
            line = f"  {quoted(candidate.path)}"
            if candidate.size:
                line += f" ({human(candidate.size.content_bytes)})"
            line += f": {visible(candidate.objection.message)}"
            yield Prose(line, 4)
        if rest:
            yield Prose(f"  {rest} lists all ({code})")


def _danger(candidate: Passed) -> tuple[bool, bool, str]:
    """Return a key: dangers come first, what is not proved last."""
    objection = candidate.objection
    code = objection.code
    return objection.by_choice, code == "not-proven", code


def _failed(result: Result) -> Prose:
    text = f"  {quoted(result.path)}: {visible(result.message)}"
    left = [quoted(path) for path in result.left if path != result.path]
    if left:
        text += f"; the rest is in {', '.join(left)}"
    return Prose(text, 4)
