"""What `ctxsize clean` found and did, for a person: by service, then what is left alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ctxsize import units
from ctxsize.clean.plan import by_service
from ctxsize.clean.values import CleanCandidate, Cleaning, Part, Passed, Result
from ctxsize.formats.look import Look
from ctxsize.formats.names import columns, fit, quoted, visible
from ctxsize.formats.text.advice import plural

_PARTS = 6
_SMALLEST = 100
"""A part is shown if it is at least this fraction of the whole."""
_ALONE = 12
"""How many of one reason are shown."""


def render(outcome: Cleaning, look: Look) -> str:
    """`outcome` as text no wider than `look.width`."""
    sections = [
        _verdict(outcome, look),
        _items(outcome, look),
        _failed(outcome, look),
        [] if outcome.refused else _left_alone(outcome.plan.passed, look),
        _problems(outcome, look),
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections if section)


def _verdict(outcome: Cleaning, look: Look) -> list[str]:
    label, style, text = _summary(outcome)
    first = _wrapped(f"{label} {text}", look, indent="")
    first[0] = look.paint(label, style) + first[0].removeprefix(label)
    if not outcome.command or not outcome.plan.items:
        return first
    step = f"Next: {look.paint(outcome.command, 'bold')}"
    purpose = "  deletes it"
    if columns(f"Next: {outcome.command}{purpose}") <= look.width:
        return [*first, step + purpose]
    return [*first, step]


def _summary(outcome: Cleaning) -> tuple[str, str, str]:
    """A label, its style, and what happened in one sentence."""
    plan, count = outcome.plan, len(outcome.plan.items)
    if outcome.refused:
        return "Refused:", "red", outcome.refused
    if not count:
        return "Nothing to delete:", "green", _nothing(plan.passed)
    if not outcome.applied:
        least = "at least " if plan.problems else ""
        what = f"{least}{_sizes(outcome)} in {plural(count, 'directory')}"
        return "Dry run:", "yellow", f"would free {what}; nothing was deleted"
    done = [each for each in outcome.results if each.done]
    freed = units.human(sum(each.disk_bytes for each in outcome.results))
    files = plural(sum(each.files for each in outcome.results), "file")
    text = f"{freed} on disk freed, {files} in {plural(len(done), 'directory')}"
    if outcome.complete:
        return "Deleted:", "green", text
    return "Not all deleted:", "red", f"{text}; {count - len(done):,} of {count:,} left"


def _nothing(passed: Sequence[Passed]) -> str:
    if not passed:
        return "nothing here is proven to be regenerable"
    return f"{plural(len(passed), 'candidate')} left alone"


def _sizes(outcome: Cleaning) -> str:
    """What would be freed on disk, and the apparent size."""
    sums = outcome.plan.sums
    size, files = units.human(sums.content_bytes), plural(sums.files, "file")
    if outcome.apparent:
        return f"{size} (apparent) in {files}"
    freed = sums.disk_bytes - sums.held_elsewhere_bytes
    return f"{units.human(freed)} on disk ({size} in {files})"


def _items(outcome: Cleaning, look: Look) -> list[str]:
    """The items by service, with what each is made of and what proves it."""
    plan = outcome.plan
    if not plan.items or outcome.refused:
        return []
    title = "Planned" if outcome.applied else "Would be deleted"
    table = _Table(look, apparent=outcome.apparent)
    lines = [look.paint(title, "bold"), table.head]
    for service, items in by_service(plan.items):
        lines.append(table.row(quoted(service) if service else "(ROOT)"))
        for item in items:
            lines += _item(item, service, table)
    held = plan.sums.held_elsewhere_bytes
    if held:
        text = f"{units.human(held)} of it stays on disk, as files have other names outside"
        lines += _wrapped(f"  {text}", look, indent="  ")
    return lines


class _Table:
    """Rows of figures, and beside them a text no wider than what is left."""

    def __init__(self, look: Look, *, apparent: bool) -> None:
        self.look = look
        self.apparent = apparent
        self.room = max(look.width - len(self._figures("", "", "")), 20)

    @property
    def head(self) -> str:
        """The names of the figures."""
        return self.look.paint(self._figures("on disk", "size", "files").rstrip(), "dim")

    def row(self, text: str, part: Part | None = None) -> str:
        """`text` with the figures of `part`, or without any."""
        figures = ("", "", "")
        if part is not None:
            sizes = units.human(part.disk_bytes), units.human(part.content_bytes)
            figures = (*sizes, f"{part.files:,}")
        return self._figures(*figures) + fit(text, self.room)

    def note(self, text: str) -> list[str]:
        """`text` in as many rows as it takes, without figures."""
        wrapped = textwrap.wrap(text, self.room, initial_indent="    ", subsequent_indent="    ")
        return [self.look.paint(self.row(line), "dim") for line in wrapped]

    def _figures(self, disk: str, size: str, files: str) -> str:
        return ("" if self.apparent else f"{disk:>10}") + f"{size:>10}{files:>9}  "


def _item(item: CleanCandidate, service: str, table: _Table) -> Iterator[str]:
    inventory = item.inventory
    name = item.path[len(service) :].lstrip("/")
    whole = Part(name, inventory.files, inventory.content_bytes, inventory.disk_bytes)
    yield table.row(f"  {quoted(name)}", whole)
    yield from table.note(f"{item.title}: {', '.join(map(visible, item.evidence))}")
    parts = _shown(inventory.parts, inventory.content_bytes)
    names = [part.name for part in parts]
    for part in parts:
        inner = any(other.startswith(f"{part.name}/") for other in names)
        text = f"{quoted(part.name)}, the rest" if inner else quoted(part.name)
        yield table.row(f"    {text if part.name else 'the rest'}", part)


def _shown(parts: Sequence[Part], content_bytes: int) -> list[Part]:
    """The parts that are worth a row, what is left of them as one more."""
    if len(parts) < 2:
        return []
    large = [part for part in parts if part.name and part.content_bytes * _SMALLEST > content_bytes]
    large = large[:_PARTS]
    others = [part for part in parts if part not in large]
    if not others:
        return large
    rest = Part(
        "",
        sum(part.files for part in others),
        sum(part.content_bytes for part in others),
        sum(part.disk_bytes for part in others),
    )
    return [*large, rest]


def _failed(outcome: Cleaning, look: Look) -> list[str]:
    """What was not done, and what is left where."""
    failed = [each for each in outcome.results if not each.done]
    lines = [f"{quoted(each.path)}: {visible(each.message)}{_where(each)}" for each in failed]
    lines += [visible(each) for each in outcome.reasons]
    if not lines:
        return []
    title = "Changed since" if outcome.reasons else "Not deleted"
    return [look.paint(title, "bold"), *_bullets(lines, look)]


def _where(result: Result) -> str:
    if not result.left or result.left == (result.path,):
        return ""
    return f"; the rest is in {', '.join(map(quoted, result.left))}"


def _left_alone(passed: Sequence[Passed], look: Look) -> list[str]:
    """The candidates that are left alone, dangers first, the largest of each first."""
    if not passed:
        return []
    order = sorted(
        passed,
        key=lambda each: (
            each.by_choice,
            each.code == "not-proven",
            each.code,
            -(each.disk_bytes or 0),
        ),
    )
    lines, shown = [], dict[str, int]()
    for each in order:
        shown[each.code] = shown.get(each.code, 0) + 1
        if shown[each.code] <= _ALONE:
            size = "" if each.content_bytes is None else f" ({units.human(each.content_bytes)})"
            lines.append(f"{quoted(each.path)}{size}: {visible(each.message)}")
        elif shown[each.code] == _ALONE + 1:
            count = sum(other.code == each.code for other in passed) - _ALONE
            lines.append(f"and {count:,} more that are {each.code}; --format json has them all")
    return [look.paint("Left alone", "bold"), *_bullets(lines, look)]


def _problems(outcome: Cleaning, look: Look) -> list[str]:
    problems = outcome.plan.problems
    lines = [f"{quoted(each.path or '.')}: {visible(each.message)}" for each in problems[:_ALONE]]
    if len(problems) > _ALONE:
        lines.append(f"and {len(problems) - _ALONE:,} more")
    return [look.paint("Not looked at", "bold"), *_bullets(lines, look)] if lines else []


def _bullets(lines: Sequence[str], look: Look) -> list[str]:
    return [each for line in lines for each in _wrapped(f"  {line}", look, indent="    ")]


def _wrapped(text: str, look: Look, *, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        look.width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
