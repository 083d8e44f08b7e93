"""Tables with bars: the size tree, and the largest parts of what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from ctxsize.formats.sections import LargePart, LargeParts, Table, folded
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import cells, more, quoted
from ctxsize.model import Amount, Counted, Directory
from ctxsize.units import columns, percent, prefix
from ctxsize.values import Value

_LONGEST_BAR = 20
_EIGHTHS = ("", *"▏▎▍▌▋▊▉")
_WIDTH_OF_TREE = 60  # columns of a size tree beside its bars
_WIDTH_OF_PARTS = 60  # columns of the largest parts beside their bars
_WIDTH_WITH_NOTES = 90  # the same if some have notes


class _Branch(Value):
    """A directory of the size tree with what stands before its name, and before those below it."""

    node: Directory
    guides: str = ""
    guides_below: str = ""
    name_start: int = 0  # number of characters of its path that the rows above have


def _bar(part: Counted, whole: Counted, longest: int) -> str:
    """Return a bar for a part of a whole, which has `longest` columns."""
    return bar(part.content_bytes / (whole.content_bytes or 1), longest)


def bar(share: float, longest: int) -> str:
    """Return a bar for a share of a whole, which has `longest` columns."""
    blocks, eighths = divmod(round(share * longest * 8), 8)
    return f"{'█' * blocks}{_EIGHTHS[eighths]}".ljust(longest)


def _bar_columns(width: int, others: int) -> int:
    """Return the columns of the longest bar on a screen that has `others` without bars."""
    return min(_LONGEST_BAR, max(0, width - others))


def tree(root: Directory, limit: int, width: int) -> Table:
    """Return the largest directories as a table, with bars where there is room for them.

    A directory that has nothing but another one shares its row. Guides take a quarter of the width.
    """
    directories = [root]
    for directory in directories:
        directories += map(folded, directory.children)
    if len(directories) == limit + 1:
        limit += 1  # a line about one more would take as much room
    # A parent is never smaller, and its path is less: no child is chosen without it.
    largest = nsmallest(limit, directories, lambda node: (-node.content_bytes, node.path))
    chosen = {directory.path for directory in largest}
    longest = _bar_columns(width, _WIDTH_OF_TREE)
    headers = ("size", "files", "%", "", "directory")
    if not root.children:
        return Table(headers, [])
    rows = []
    pending = [_Branch(root)]
    while pending:
        branch = pending.pop()
        node = branch.node
        share = percent(node.content_bytes, root.content_bytes)
        graph = _bar(node, root, longest)
        name = quoted(node.path[branch.name_start :]) or "."
        name = branch.guides + name
        rows.append((*cells(node), share, graph, name))
        pending += reversed(_branches(branch, chosen, width))
    return Table(headers, rows, more(len(directories) - len(rows), "directory"))


def _branches(branch: _Branch, chosen: set[str], width: int) -> list[_Branch]:
    """Return the chosen directories below one, without further guides if these are too wide."""
    node = branch.node
    before = branch.guides_below
    name_start = branch.name_start
    is_wide = 4 * len(before) > width
    if node.path and not is_wide:
        name_start = len(node.path) + 1
    children = [child for child in map(folded, node.children) if child.path in chosen]
    branches = []
    for child in children:
        if is_wide:
            guide = below = ""
        elif child is children[-1]:
            guide = "└─ "
            below = "   "
        else:
            guide = "├─ "
            below = "│  "
        branches.append(_Branch(child, before + guide, before + below, name_start))
    return branches


def largest(largest_parts: LargeParts, most: int) -> list[LargePart]:
    """Return the first parts by size, at most so many; the last has all that is left."""
    shown = largest_parts.parts
    whole = largest_parts.whole
    others = []
    if len(shown) > most or Amount.of(*shown) != whole:
        shown = shown[: most - 1]
        left = whole - Amount.of(*shown)
        name = "the other files" if shown else "all files"
        others.append(LargePart(name, *left))
    by_size = sorted(shown, key=lambda part: (-part.content_bytes, part.name))
    return [*by_size, *others]


def parts_table(largest_parts: LargeParts, most: int, look: Look) -> Table:
    """Return the largest parts as a table; on a narrow screen it has neither bars nor notes."""
    parts = largest(largest_parts, most)
    has_notes = any(part.note for part in parts) and not look.is_narrow
    others = _WIDTH_OF_PARTS
    if has_notes:
        others = _WIDTH_WITH_NOTES
    longest = _bar_columns(look.width, others)
    headers = ["size", "files", "", "part", ""]
    rows = []
    for part in parts:
        name = part.name
        if look.is_narrow:
            name = name.replace("the rest of ", "rest of ", 1)
        rows.append([*cells(part), _bar(part, largest_parts.whole, longest), name, part.note])
    if has_notes:
        _cut_notes([headers, *rows], look)
    else:
        rows = [[*row[:-1], ""] for row in rows]
    return Table(headers, rows, names=2)


def _cut_notes(rows: Sequence[list[str]], look: Look) -> None:
    """Shorten the notes to the room beside the names, which have half of it if both are wide."""
    widths = [[*map(columns, cells_of_column)] for cells_of_column in zip(*rows, strict=True)]
    *figures, names, _ = map(max, widths)
    room = look.width - 2 - sum(width + 2 for width in figures)
    room -= min(names, room // 2) + 2
    for row in rows:
        note = row[-1]
        if columns(note) > room:
            row[-1] = f"{prefix(note, room - 2).rpartition(' ')[0]} …"
