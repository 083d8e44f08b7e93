"""Decide how many rows of tables are shown, and make the tables that depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from ctxsize.formats import charts
from ctxsize.formats.sections import (
    Items,
    LargeParts,
    NextStep,
    Room,
    Screen,
    ScreenPart,
    Section,
    SectionItem,
    Sections,
    SizeTree,
    Table,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import more
from ctxsize.values import Value

_USUAL_TOP = 5
_UNLIMITED = 1_000  # lines where more rows are asked for than usual

Height: TypeAlias = Callable[[Items, Look], int]


class _Wanted(Value):
    """A table that takes what room there is, and its lines beside the rows."""

    room: Room
    overhead: int


def fitted(parts: Iterable[ScreenPart], look: Look, height: Height | None = None) -> Sections:
    """Yield the sections with tables as long as the screen is; `height` counts lines of items.

    Without it, and if full, tables are as long as they may be.
    """
    for part in parts:
        counts = None
        if height and isinstance(part, Screen) and not look.full:
            counts = _allotted(part, look, height)
        for section in part.sections:
            yield _drawn(section, look, counts)


def _drawn(section: Section, look: Look, shared: Iterator[int] | None) -> Section:
    """Return the section with tables of so many rows: of all of them unless they are `shared`."""
    items = []
    for item in section.items:
        if look.quiet and isinstance(item, NextStep):
            continue
        room = _room_of(item)
        count = 0
        if room and room.is_shared and shared:
            count = next(shared)
        elif room:
            count = room.whole
        items.append(_with_rows(item, count, look))
    return replace(section, items=items)


def _room_of(item: SectionItem) -> Room | None:
    if isinstance(item, (Table, SizeTree, LargeParts)):
        return item.room
    return None


def _allotted(screen: Screen, look: Look, height: Height) -> Iterator[int]:
    """Yield the number of rows of each table that shares the screen, in their order."""
    wanted = []
    # A blank line follows the last section too, on the line of the prompt.
    lines = screen.lines or look.height + 1
    for section in screen.sections:
        has_title = bool(section.title)
        fixed = []
        for item in section.items:
            room = _room_of(item)
            if room is None:
                fixed.append(item)
            elif room.is_shared:
                wanted.append(_Wanted(room, 2 + has_title + bool(room.noun)))
        used = height(fixed, look)
        if used:
            lines -= used + has_title + 1
    if look.top > _USUAL_TOP and not screen.lines:
        lines = _UNLIMITED
    is_low = look.is_low and not screen.lines
    while wanted:
        table = wanted.pop(0)
        count = _rows_of(table, wanted, lines, is_low=is_low)
        if count:
            lines -= count + table.overhead
        yield count


def _rows_of(table: _Wanted, later: Sequence[_Wanted], lines: int, *, is_low: bool) -> int:
    """Return the number of rows of a table on so many lines, which `later` ones share."""
    room = table.room
    left = lines - table.overhead
    if room.spare and room.whole == room.total <= left + 1:
        return room.total  # no line is about others
    least = room.least
    if is_low:
        least = 0
    elif room.leaves == "all":
        left -= sum(other.room.whole + other.overhead for other in later)
    if room.leaves == "half" and later:
        left = min(left, max(1, (left - table.overhead) // 2))
    return max(least, min(room.whole, left))


def _with_rows(item: SectionItem, count: int, look: Look) -> SectionItem:
    """Return an item as a table of `count` rows; without rows it is not shown."""
    match item:
        case SizeTree() if count:
            return charts.tree(item.root, count, look.width)
        case LargeParts() if count:
            return charts.parts_table(item, count, look)
        case Table(room=Room() as room):
            rows = item.rows[:count]
            rest = item.rest
            if room.noun:
                rest = more(room.total - count, room.noun)
            return replace(item, rows=rows, rest=rest, room=None)
    return item
