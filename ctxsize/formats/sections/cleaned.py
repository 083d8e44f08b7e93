"""What `ctxsize clean` found and did: by service, then what is left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ctxsize.clean.plan import CleanCandidate, Cleaning, DiskSize, Passed, Result, by_service
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Answer, Item, NextStep, Prose, Section, Table
from ctxsize.units import human, plural

_PARTS = 6
_SMALLEST = 100
"""A part is shown if it is at least this fraction of the whole."""
_ALONE = 12
"""Number of candidates with one reason that are shown."""


def sections(outcome: Cleaning) -> list[Section]:
    """Return all that `outcome` says."""
    ready = outcome.command and outcome.plan.items
    return [
        Section(
            [_summary(outcome), *([NextStep(outcome.command, "deletes it")] if ready else [])],
        ),
        Section([*_items(outcome)], "Planned" if outcome.applied else "Would be deleted"),
        Section([*_failed(outcome)], "Not deleted"),
        Section([*_left_alone(outcome.plan.passed)], "Left alone"),
        Section([*_problems(outcome)], "Not looked at"),
    ]


def _summary(outcome: Cleaning) -> Answer:
    """Return what happened in one sentence."""
    plan, count = outcome.plan, len(outcome.plan.items)
    if not count:
        return Answer("Nothing to delete", "green", _nothing(plan.passed))
    if not outcome.applied:
        least = "at least " if plan.problems else ""
        what = f"{least}{_sizes(outcome)} in {plural(count, 'directory')}"
        return Answer("Dry run", "yellow", f"would free {what}; nothing was deleted")
    done = [each for each in outcome.results if each.done]
    freed = human(sum(each.disk_bytes for each in outcome.results))
    files = plural(sum(each.files for each in outcome.results), "file")
    text = f"{freed} on disk freed, {files} in {plural(len(done), 'directory')}"
    if outcome.complete:
        return Answer("Deleted", "green", text)
    return Answer("Not all deleted", "red", f"{text}; {count - len(done):,} of {count:,} left")


def _nothing(passed: Sequence[Passed]) -> str:
    if not passed:
        return "nothing here is proven to be regenerable"
    return f"{plural(len(passed), 'candidate')} left alone"


def _sizes(outcome: Cleaning) -> str:
    """Return what would be freed on disk, and the apparent size."""
    sums = outcome.plan.sums
    size, files = human(sums.content_bytes), plural(sums.files, "file")
    if outcome.apparent:
        return f"{size} (apparent) in {files}"
    freed = sums.disk_bytes - sums.held_elsewhere_bytes
    return f"{human(freed)} on disk ({size} in {files})"


def _items(outcome: Cleaning) -> Iterator[Item]:
    """Yield the items by service, with what each is made of and what proves it."""
    plan = outcome.plan
    if not plan.items:
        return
    rows: list[tuple[str, ...]] = []
    for service, items in by_service(plan.items):
        rows.append(_row(quoted(service) if service else "(ROOT)"))
        for item in items:
            rows += _item(item, service)
    if outcome.apparent:
        rows = [row[-3:] for row in rows]
    yield Table(("on disk", "size", "files", "")[-len(rows[0]) :], rows)
    held = plan.sums.held_elsewhere_bytes
    if held:
        text = f"{human(held)} of it stays on disk, as files have other names outside"
        yield Prose(f"  {text}", 2)


def _row(text: str, size: DiskSize | None = None) -> tuple[str, ...]:
    """Return `text` behind the figures of `size`, or without any."""
    if size is None:
        return "", "", "", text
    return human(size.disk_bytes), human(size.content_bytes), f"{size.files:,}", text


def _item(item: CleanCandidate, service: str) -> Iterator[tuple[str, ...]]:
    inventory = item.inventory
    name = item.path[len(service) :].lstrip("/")
    yield _row(f"  {quoted(name)}", inventory.size)
    yield (f"{item.title}: {', '.join(map(visible, item.evidence))}",)
    parts = _shown(inventory.parts, inventory.size.content_bytes)
    for name, size in parts.items():
        inner = any(other.startswith(f"{name}/") for other in parts)
        text = f"{quoted(name)}, the rest" if inner else quoted(name)
        yield _row(f"    {text if name else 'the rest'}", size)


def _shown(parts: Mapping[str, DiskSize], content_bytes: int) -> dict[str, DiskSize]:
    """Return the parts that are worth a row, what is left of them as one more."""
    if len(parts) < 2:
        return {}
    large = [
        (name, size)
        for name, size in parts.items()
        if name and size.content_bytes * _SMALLEST > content_bytes
    ]
    shown = dict(large[:_PARTS])
    others = [size for name, size in parts.items() if name not in shown]
    return {**shown, "": sum(others, DiskSize())} if others else shown


def _failed(outcome: Cleaning) -> Iterator[Prose]:
    """Yield what was not done, and what is left where."""
    for each in outcome.results:
        if not each.done:
            yield _bullet(f"{quoted(each.path)}: {visible(each.message)}{_where(each)}")


def _where(result: Result) -> str:
    if not result.left or result.left == (result.path,):
        return ""
    return f"; the rest is in {', '.join(map(quoted, result.left))}"


def _left_alone(passed: Sequence[Passed]) -> Iterator[Prose]:
    """Yield the candidates that are left alone, dangers first, the largest of each first."""
    shown = Counter[str]()
    for each in sorted(passed, key=_gravity):
        shown[each.code] += 1
        if shown[each.code] <= _ALONE:
            size = "" if each.size is None else f" ({human(each.size.content_bytes)})"
            yield _bullet(f"{quoted(each.path)}{size}: {visible(each.message)}")
        elif shown[each.code] == _ALONE + 1:
            count = sum(other.code == each.code for other in passed) - _ALONE
            yield _bullet(f"and {count:,} more that are {each.code}; --format json has them all")


def _gravity(each: Passed) -> tuple[bool, bool, str, int]:
    return (
        each.by_choice,
        each.code == "not-proven",
        each.code,
        -(each.size.disk_bytes if each.size else 0),
    )


def _problems(outcome: Cleaning) -> Iterator[Prose]:
    problems = outcome.plan.problems
    for each in problems[:_ALONE]:
        yield _bullet(f"{quoted(each.path or '.')}: {visible(each.message)}")
    if len(problems) > _ALONE:
        yield _bullet(f"and {len(problems) - _ALONE:,} more")


def _bullet(text: str) -> Prose:
    return Prose(f"  {text}", 4)
