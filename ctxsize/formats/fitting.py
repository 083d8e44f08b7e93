"""Decide how many rows of tables are shown, and make the tables that depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from ctxsize.formats import charts
from ctxsize.formats.sections import (
    LargeParts,
    NextStep,
    Room,
    Screen,
    ScreenPart,
    Section,
    SectionItem,
    SizeTree,
    Table,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import more

_USUAL_TOP = 5
_UNLIMITED = 1_000  # lines where more rows are asked for than usual

Height: TypeAlias = Callable[[Iterable[SectionItem], Look], int]


class _Wanted(NamedTuple):
    """A table that takes what room there is, and its lines beside the rows."""

    room: Room
    overhead: int

    @property
    def lines(self) -> int:
        """Return the number of lines with all rows."""
        return self.room.most + self.overhead


def without_steps(section: Section) -> Section:
    """Return the section without the commands to type next."""
    items = [item for item in section.items if not isinstance(item, NextStep)]
    return section._replace(items=items)


def whole(parts: Iterable[ScreenPart], look: Look) -> Iterator[Section]:
    """Yield all sections with tables as long as they may be; if quiet, without steps."""
    for part in parts:
        if isinstance(part, Section):
            sections: Sequence[Section] = [part]
        else:
            sections = part.sections
        for section in sections:
            yield _drawn(section, [_whole_of(item) for item in section.items], look)


def fitted(parts: Iterable[ScreenPart], look: Look, height: Height) -> Iterator[Section]:
    """Yield the sections with tables as long as the screen is; `height` counts lines of items."""
    for part in parts:
        if isinstance(part, Section) or look.full:
            yield from whole([part], look)
        else:
            counts = _allotted(part, look, height)
            for section in part.sections:
                rows = [_count_of(item, counts) for item in section.items]
                yield _drawn(section, rows, look)


def _count_of(item: SectionItem, counts: Iterator[int]) -> int:
    """Return the number of rows of an item: the next of `counts` for one that shares the screen."""
    if _sharing(item) is None:
        return _whole_of(item)
    return next(counts)


def _room_of(item: SectionItem) -> Room | None:
    if isinstance(item, (Table, SizeTree, LargeParts)):
        return item.room
    return None


def _whole_of(item: SectionItem) -> int:
    room = _room_of(item)
    if room is None:
        return 0
    return room.whole


def _sharing(item: SectionItem) -> Room | None:
    """Return the room of a table that shares that of a screen with others."""
    if isinstance(item, SizeTree) and not item.is_counted:
        return None
    return _room_of(item)


def _allotted(screen: Screen, look: Look, height: Height) -> Iterator[int]:
    """Yield the number of rows of each table that takes what room there is, in their order."""
    wanted = []
    # A blank line follows the last section too, on the line of the prompt.
    lines = screen.lines or look.height + 1
    for section in screen.sections:
        has_title = bool(section.title)
        rooms = [_room_of(item) for item in section.items]
        fixed = [item for item, room in zip(section.items, rooms, strict=True) if room is None]
        used = height(fixed, look)
        if used:
            lines -= used + has_title + 1
        for room in filter(None, map(_sharing, section.items)):
            overhead = 2 + has_title + bool(room.noun)
            wanted.append(_Wanted(room, overhead))
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
        left -= sum(other.lines for other in later)
    if room.leaves == "half" and later:
        left = min(left, max(1, (left - table.overhead) // 2))
    return max(least, min(room.most, left))


def _drawn(section: Section, counts: Sequence[int], look: Look) -> Section:
    """Return the section with tables of so many rows."""
    pairs = zip(section.items, counts, strict=True)
    items = [_with_rows(item, count, look) for item, count in pairs]
    section = section._replace(items=items)
    if look.quiet:
        return without_steps(section)
    return section


def _with_rows(item: SectionItem, count: int, look: Look) -> SectionItem:
    """Return an item as a table of `count` rows; without rows it is not shown."""
    match item:
        case SizeTree() if count:
            return charts.tree(item.root, count, look.width)
        case LargeParts() if count:
            return charts.parts_table(item, count, look)
        case Table(room=Room() as room):
            rest = item.rest
            if room.noun:
                rest = more(room.total - count, room.noun)
            return item._replace(rows=item.rows[:count], rest=rest, room=None)
    return item
