"""Sections of `ctxsize clean`: directories to delete by service, then those left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from ctxsize.clean.plan import CleanCandidate, Cleaning, DiskSize, Part, Passed, Result
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Answer, Item, NextStep, Prose, Section, Table
from ctxsize.formats.wording import amount, more
from ctxsize.units import human, plural

_PARTS = 6
_SMALLEST = 100
"""A part is shown if it is larger than 1/`_SMALLEST` of the whole."""
_ALONE = 12
"""Number of candidates to show with the same reason."""


def sections(outcome: Cleaning) -> list[Section]:
    """Return the sections of `outcome`."""
    plan = outcome.plan
    ready = [NextStep(outcome.command, "deletes it")] if outcome.command and plan.items else []
    planned: list[Item] = [_table(outcome)] if plan.items else []
    failed = [
        _bullet(f"{quoted(each.path)}: {visible(each.message)}{_rest(each)}")
        for each in outcome.results
        if not each.done
    ]
    unread = [
        _bullet(f"{quoted(each.path or '.')}: {visible(each.message)}") for each in plan.problems
    ]
    left = more(len(unread) - _ALONE)
    return [
        Section([_answer(outcome), *ready]),
        Section(planned, "Planned" if outcome.applied else "Would be deleted"),
        Section(failed, "Not deleted"),
        Section([*_left_alone(plan.passed)], "Left alone"),
        Section([*unread[:_ALONE], *([_bullet(left)] if left else [])], "Not looked at"),
    ]


def _answer(outcome: Cleaning) -> Answer:
    plan, sums, count = outcome.plan, outcome.plan.sums, len(outcome.plan.items)
    if not count:
        left = f"{plural(len(plan.passed), 'candidate')} left alone"
        nothing = "nothing here is proven to be regenerable"
        return Answer("Nothing to delete", "green", left if plan.passed else nothing)
    if not outcome.applied:
        # What has hard links elsewhere is not freed; what could not be read is not counted.
        most = "about" if plan.problems else "at most"
        size = f"{most} {human(sums.disk_bytes)} on disk ({amount(sums)})"
        what = f"{size} in {plural(count, 'directory')}"
        return Answer("Dry run", "yellow", f"would free {what}; nothing was deleted")
    done = sum(each.done for each in outcome.results)
    freed = human(sum(each.disk_bytes for each in outcome.results))
    files = plural(sum(each.files for each in outcome.results), "file")
    text = f"{freed} on disk freed, {files} in {plural(done, 'directory')}"
    if outcome.complete:
        return Answer("Deleted", "green", text)
    return Answer("Not all deleted", "red", f"{text}; {count - done:,} of {count:,} left")


def _table(outcome: Cleaning) -> Table:
    rows: list[tuple[str, ...]] = []
    by_service = sorted(outcome.plan.items, key=lambda each: each.service)
    for service, items in groupby(by_service, lambda each: each.service):
        rows.append(("", "", "", quoted(service) if service else "(ROOT)"))
        for item in items:
            rows += _item(item, service)
    return Table(("on disk", "size", "files", ""), rows, numbers=3)


def _row(text: str, size: DiskSize) -> tuple[str, ...]:
    return human(size.disk_bytes), human(size.content_bytes), f"{size.files:,}", text


def _item(item: CleanCandidate, service: str) -> Iterator[tuple[str, ...]]:
    inventory = item.inventory
    name = item.path[len(service) :].lstrip("/")
    yield _row(f"  {quoted(name)}", inventory.size)
    yield (f"{item.kind.title}: {', '.join(map(visible, item.evidence))}",)
    parts = _shown(inventory.parts, inventory.size.content_bytes)
    for part in parts:
        inner = any(other.name.startswith(f"{part.name}/") for other in parts)
        text = f"{quoted(part.name)}, the rest" if inner else quoted(part.name)
        yield _row(f"    {text if part.name else 'the rest'}", part.size)


def _shown(parts: Sequence[Part], content_bytes: int) -> list[Part]:
    """Return the parts that are worth a row; the last one sums up the others."""
    if len(parts) < 2:
        return []
    large = [each for each in parts if each.name]
    large = [each for each in large if each.size.content_bytes * _SMALLEST > content_bytes][:_PARTS]
    others = [each.size for each in parts if each not in large]
    return [*large, Part("", sum(others, DiskSize()))] if others else large


def _left_alone(passed: Sequence[Passed]) -> Iterator[Prose]:
    """Yield the candidates that are left alone, dangers first, the largest of each first."""
    shown, counts = Counter[str](), Counter(each.objection.code for each in passed)
    for each in sorted(passed, key=_gravity):
        shown[each.objection.code] += 1
        if shown[each.objection.code] <= _ALONE:
            size = "" if each.size is None else f" ({human(each.size.content_bytes)})"
            yield _bullet(f"{quoted(each.path)}{size}: {visible(each.objection.message)}")
        elif shown[each.objection.code] == _ALONE + 1:
            left = more(counts[each.objection.code] - _ALONE)
            yield _bullet(f"{left} ({each.objection.code}); --format json lists all")


def _gravity(each: Passed) -> tuple[bool, bool, str, int]:
    disk_bytes = each.size.disk_bytes if each.size else 0
    return (
        each.objection.by_choice,
        each.objection.code == "not-proven",
        each.objection.code,
        -disk_bytes,
    )


def _rest(result: Result) -> str:
    if not result.left or result.left == (result.path,):
        return ""
    return f"; the rest is in {', '.join(map(quoted, result.left))}"


def _bullet(text: str) -> Prose:
    return Prose(f"  {text}", 4)
