"""The guard's answers: what is refused, why, what causes it and what helps; what changed.

A context that passes is one line. The report of one that does not comes first,
so that the last lines on the screen are the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxsize.formats import Look
from ctxsize.formats.command_line import command
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import (
    Findings,
    Item,
    Name,
    NextStep,
    Prose,
    Section,
    Table,
    breakdowns,
    measured,
)
from ctxsize.guard import MOST_TRIED, CheckReport, ContextCheck, DiffReport, Limit, said
from ctxsize.guard.known import SizeChange
from ctxsize.units import human, plural

_MOST_GROWN = 5
_PARTIAL = (
    "A report holds the largest files and some levels of directories: smaller changes are not seen."
)


def checked(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield the reports of what is refused, then why, then a line for each context that passes."""
    refused = [each for each in outcome.checks if not each.passes]
    for each in refused:
        yield from measured.sections(each.report, look, refused=True)
    for each in refused:
        yield from _refusal(each)
    lines = [line for each in outcome.checks if each.passes for line in _passing(each)]
    lines += [Prose(f"{visible(each.message)}: {each.help}", whole=True) for each in outcome.unused]
    if refused and len(outcome.checks) > 1:
        names = ", ".join(quoted(each.name) for each in refused)
        total = plural(len(outcome.checks), "context")
        text = f"{len(refused)} of {total} refused: {names}"
        lines.append(Prose(text, style="red", whole=True))
    yield Section(lines)


def _passing(check: ContextCheck) -> Iterator[Prose]:
    kept = f"ok {quoted(check.name)}: {_kept(check)}"
    yield Prose(kept, marks=(("ok", "green"),), whole=True)
    yield from (Prose(f"   {finding.message}", whole=True) for finding in check.findings)
    yield from _accepted(check)


def _kept(check: ContextCheck) -> str:
    """Return the limits and what is used of them, in one line."""
    if not check.limits:
        return "nothing is limited"
    parts = []
    for limit in check.limits:
        room = limit.shown(limit.allowed)
        bound = f"at least {room}" if limit.is_floor else f"of {room}"
        parts.append(f"{limit.shown(limit.actual)} {bound}")
    return f"{', '.join(dict.fromkeys(parts))} ({check.limits[0].of})"


def _accepted(check: ContextCheck) -> Iterator[Prose]:
    for each in check.accepted:
        yield Prose(visible(f"   accepted: {each.finding.message} ({each.reason})"), 5)


def _refusal(check: ContextCheck) -> Iterator[Section]:
    others = [each for each in check.findings if each.code in ("CTX407", "CTX408")]
    lines = [Prose(f"  {limit.name}: {said(limit)}", 4) for limit in check.missed]
    items: list[Item] = [*lines, *_accepted(check), Findings(others, counted=False)]
    yield Section(items, f"Refused: {quoted(check.name)}", "red")
    if check.culprits:
        yield Section([_culprits(check, "path")], "Largest parts")
    if check.grown:
        yield Section([_changed("path", check.grown, _MOST_GROWN)], "Grown since the baseline")
    yield Section([*_remedy(check), *_by_hand(check)])


def _culprits(check: ContextCheck, noun: str) -> Table:
    named = [(Name(each.path), each) for each in check.culprits]
    return breakdowns.parts(noun, named, check.report.context.totals.content_bytes)


def _remedy(check: ContextCheck) -> list[NextStep]:
    """Return the command that helps, and how much."""
    suggest = command(check.report, "suggest", "--write")
    if check.untried:
        most = f"is not tried here on more than {MOST_TRIED:,} files; alone it says what it saves"
        return [NextStep(suggest, most, "Fix")]
    if check.remedy is None:
        return []
    saves, enough = check.remedy.saves, check.remedy.enough
    saved = f"saves {human(saves.content_bytes)} in {plural(saves.files, 'file')}"
    return [NextStep(suggest, f"{saved}{'' if enough else ', which is not enough'}", "Fix")]


def _by_hand(check: ContextCheck) -> list[Item]:
    """Return what a person can do, where no command does all."""
    if check.remedy is not None and check.remedy.enough:
        return []
    label = "Fix: " if check.remedy is None and not check.untried else "Then "
    return [Prose(label + _order(check), 5)]


def _order(check: ContextCheck) -> str:
    report = check.report
    where = "the ignore file" if report.ignore_file is None else quoted(report.ignore_file.path)
    codes = {each.code for each in check.findings}
    if "CTX407" in codes:
        return "add --update-baseline to record it"
    if "CTX408" in codes:
        return "run it again when the tree is readable and quiet"
    if all(each.is_floor for each in check.missed):
        return f"{command(report, 'measure', '--by', 'pattern')} shows what {where} hides"
    first = quoted(check.culprits[0].path) if check.culprits else "what the build does not need"
    grew = any(each.name == "growth" for each in check.missed)
    accept = "accept it with --update-baseline" if grew else "raise the budget"
    return f"if the build does not need {first}, add it to {where}, or {accept}"


def check_summary(outcome: CheckReport, look: Look) -> Iterator[Section]:
    """Yield a row for each limit, and what is behind a refusal."""
    word = "🟢 kept" if outcome.passes else "🔴 not kept"
    rows = [
        (
            limit.shown(limit.actual),
            limit.shown(limit.allowed),
            _room(limit, accepted=limit not in check.missed),
            f"`{check.name}` ({limit.of})",
            limit.name,
        )
        for check in outcome.checks
        for limit in check.limits
    ]
    table = Table(("actual", "allowed", "", "context", "budget"), rows)
    yield Section([table], f"Build context budget: {word}")
    for check in outcome.checks:
        if not check.passes:
            items: list[Item] = []
            if check.culprits:
                items.append(_culprits(check, "largest parts"))
            if check.grown:
                items.append(_changed("grown since the baseline", check.grown, look.top))
            yield Section([*items, *_remedy(check)], "Refused:", more=Name(check.name))
            yield Section(measured.largest(check.report, look.top), "The report", folded=True)
    yield Section([Findings(outcome.findings)])


def _room(limit: Limit, *, accepted: bool) -> str:
    if not limit.over:
        return "🟢"
    way = "under" if limit.is_floor else "over"
    mark, ending = ("🟡", ", accepted") if accepted else ("🔴", "")
    return f"{mark} {way} by {limit.shown(limit.over)}{ending}"


def compared(outcome: DiffReport, look: Look) -> list[Section]:
    """Return which way it went and by how much, then by directory, then by file."""
    return [
        Section([Prose(_direction(outcome)), *_partial(outcome)]),
        Section(_by("directory", outcome.changes.directories, look.top), "By directory"),
        Section(_by("file", outcome.changes.files, look.top), "By file"),
    ]


def diff_summary(outcome: DiffReport, look: Look) -> list[Section]:
    """Return the same with fewer words."""
    items: list[Item] = [
        *_partial(outcome),
        *_by("directory", outcome.changes.directories, look.top),
        *_by("file", outcome.changes.files, look.top),
    ]
    return [Section(items, f"Build context: {_direction(outcome)}")]


def _partial(outcome: DiffReport) -> list[Prose]:
    complete = outcome.before.complete and outcome.after.complete
    return [] if complete else [Prose(_PARTIAL)]


def _direction(outcome: DiffReport) -> str:
    before, after = outcome.before, outcome.after
    change, files = after.content_bytes - before.content_bytes, after.files - before.files
    was = f"{human(before.content_bytes)} in {plural(before.files, 'file')}"
    now = f"{human(after.content_bytes)} in {plural(after.files, 'file')}"
    if not change and not files:
        changed = outcome.changes.files or outcome.changes.directories
        return f"{'Of the same size' if changed else 'The same'}: {now}"
    if not change:
        return f"{files:+,} files: from {was} to {now}"
    verb = "Grew" if change > 0 else "Shrank"
    return f"{verb} by {human(abs(change))}: from {was} to {now}"


def _by(noun: str, changes: Sequence[SizeChange], top: int) -> list[Table]:
    return [_changed(noun, changes, top)] if changes else []


def _changed(noun: str, changes: Sequence[SizeChange], top: int) -> Table:
    """Return the first `top` of `changes`; of directories, how many files came or went too."""
    more = len(changes) - top
    of_a_kind = noun in ("directory", "file")
    left = plural(more, f"more {noun}") if of_a_kind else f"{more:,} more"
    rest = f"and {left}" if more > 0 else ""
    if noun == "directory":
        rows = [
            (_delta(each), _files_delta(each), _happened(each), Name(f"{each.path}/"))
            for each in changes[:top]
        ]
        return Table(("change", "files", "", noun), rows, rest)
    rows_ = [(_delta(each), _happened(each), Name(_named(each))) for each in changes[:top]]
    return Table(("change", "", noun), rows_, rest, numbers=1)


def _named(change: SizeChange) -> str:
    return f"{change.path}/" if change.delta_files else change.path


def _delta(change: SizeChange) -> str:
    """Return by how much, with a sign; a change of files alone in files."""
    least = "" if change.exact else ">"
    if not change.delta_bytes and change.delta_files:
        return f"{change.delta_files:+,} files"
    sign = "+" if change.delta_bytes >= 0 else "-"
    return f"{least}{sign}{human(abs(change.delta_bytes))}"


def _files_delta(change: SizeChange) -> str:
    return f"{change.delta_files:+,}" if change.delta_files else ""


def _happened(change: SizeChange) -> str:
    """Return what happened, with care where it may have been there before, unlisted."""
    if change.exact:
        return change.what.value
    return "new or grown" if change.delta_bytes > 0 else "gone or shrunk"
