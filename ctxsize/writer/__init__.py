"""New contents of an ignore file: `merge` adds a marked block, `edit_lines` changes lines; pure.

All else stays: comments, order, line ends, a byte order mark, a last line without an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ctxsize.engine.ignorefile import BOM, IgnoreFile, text_of
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine
from ctxsize.engine.segments import covers
from ctxsize.values import Value

START = b"# >>> ctxsize"
END = b"# <<< ctxsize"
_FIRST_LINE = START + b": `ctxsize suggest` adds to this part only; edit it as you like"
_BOM = BOM.encode()
LineChanges = Mapping[int, str | None]  # new texts of lines by number; None removes a line
_Split = Callable[[str], SplitLine | None]


class Addition(Value):
    """A line to add, and what is written above it."""

    line: str  # as it is written, with its `!` if it is an exception
    heading: str = ""  # of its group
    reason: str = ""  # a comment of one line; neighbours with the same one share it


def merge(
    before: IgnoreFile | None,
    additions: Sequence[Addition],
    *,
    at_start: bool = False,
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> bytes:
    """Return the file with `additions` in a marked block; all other lines stay as they are.

    The block comes last, so behind the last exception; with `at_start` it comes first, for a file
    that begins by ignoring everything. A block that stands in the right place is extended. What is
    there already with the same effect (equal as the builder reads it, nothing of the other kind
    behind it) is not added again. Lines that all ignore are grouped by heading; with exceptions
    among them they stay in order. Raises `ValueError` for an addition that is not one pattern.
    """
    before = before or IgnoreFile("", ())
    split = pattern_class.split
    wanted = [_pattern_in(addition.line, split) for addition in additions]
    in_order = at_start or any(pattern.exception for pattern in wanted)
    bom, lines = _mark_and_lines(before)
    block = _block(lines, split, at_start=at_start, in_order=in_order)
    present = lines
    if in_order:
        present = []
        if block is not None:
            present = lines[block.start : block.stop]
    missing = _missing(wanted, _patterns_in(present, split), in_order=in_order)
    if not missing:
        return before.data
    new = [additions[index] for index in missing]
    end = _line_end(lines)
    if not in_order:
        headings = [*dict.fromkeys(addition.heading for addition in new)]
        new.sort(key=lambda addition: headings.index(addition.heading))
    written = block_lines(new, end)
    if block is None:
        lines = _with_block(lines, written, at_start=at_start)
    else:
        position = block.stop
        if all(wanted[index].exception for index in missing):
            position = _behind_exceptions(lines, block, split)
        if not in_order and position - block.start > 1:
            written.insert(0, end)
        lines[position:position] = written
    return bom + b"".join(lines)


def superseded(
    before: IgnoreFile,
    additions: Sequence[Addition],
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> LineChanges:
    """Return the lines that `additions` make redundant, the first of each with what replaces it.

    An exception behind a line, or one in front of what hides only the directory above, may give
    the order a meaning: such a line stays.
    """
    patterns = [pattern_class(text) for text in before.texts()]
    exceptions = [number for number, pattern in enumerate(patterns, 1) if pattern.include is False]
    changes = {}
    for addition in additions:
        wide = pattern_class(addition.line)
        text: str | None = addition.line
        for number, narrow in enumerate(patterns, 1):
            if number in changes or not narrow.include:
                continue
            if narrow.text == wide.text:
                continue
            cover = covers(wide, narrow)
            if cover is None:
                continue
            if cover == "above" and exceptions:
                continue
            if number > max(exceptions, default=0):
                changes[number] = text
                text = None
    return changes


def _pattern_in(line: str, split: _Split) -> SplitLine:
    """Return the pattern of a line. Raises `ValueError` if it is not one pattern."""
    pattern = None
    if "\n" not in line:
        pattern = split(line)
    if pattern is None:
        raise ValueError(f"not one pattern: {line!r}")
    return pattern


def _patterns_in(lines: Iterable[bytes], split: _Split) -> list[SplitLine]:
    patterns = (split(text_of(line)) for line in lines)
    return [pattern for pattern in patterns if pattern is not None]


def _block(
    lines: Sequence[bytes], split: _Split, *, at_start: bool, in_order: bool
) -> range | None:
    """Return the lines of the block to extend before its last, None if a new one is needed."""
    blocks = []
    start = None
    # A mark that has lost its partner is a comment like any other.
    for index, line in enumerate(lines):
        if line.startswith(START):
            start = index
        elif line.startswith(END) and start is not None:
            blocks.append(range(start, index))
            start = None
    if not blocks:
        return None
    if at_start:
        if _patterns_in(lines[: blocks[0].start], split):
            return None
        return blocks[0]
    block = blocks[-1]
    behind = _patterns_in(lines[block.stop :], split)
    if any(in_order or pattern.exception for pattern in behind):  # it could undo an addition
        return None
    return block


def _behind_exceptions(lines: Sequence[bytes], block: range, split: _Split) -> int:
    """Return the index behind the last exception in a block, or of its end without one."""
    position = block.stop
    for index in block:
        if any(pattern.exception for pattern in _patterns_in([lines[index]], split)):
            # What ignores behind the last exception must stay behind.
            position = index + 1
    return position


def _missing(wanted: Sequence[SplitLine], have: list[SplitLine], *, in_order: bool) -> list[int]:
    """Return the indices of what is not there, or with another effect.

    What stands there in the same order is there. Else a line counts as there if nothing of the
    other kind comes behind it, neither there nor in `wanted`.
    """
    missing = []
    position = 0
    for index, pattern in enumerate(wanted):
        if in_order and pattern in have[position:]:
            position = have.index(pattern, position) + 1
            continue
        in_order = False
        is_last_kind = all(other.exception == pattern.exception for other in wanted[index:])
        same_kind = []  # those behind the last one of the other kind
        for present in have:
            if present.exception == pattern.exception:
                same_kind.append(present)
            else:
                same_kind.clear()
        if not is_last_kind or pattern not in same_kind:
            have.append(pattern)
            missing.append(index)
    return missing


def _with_block(lines: list[bytes], written: list[bytes], *, at_start: bool) -> list[bytes]:
    """Return the lines with a new block, which a blank line sets off."""
    end = _line_end(lines)
    block = [_FIRST_LINE + end, *written, END + end]
    if not lines:
        return block
    if at_start:
        return [*block, end, *lines]
    *others, last = lines
    if not _end_of(last):  # as before, the file ends without one
        last += end
        block[-1] = END
    return [*others, last, end, *block]


def block_lines(additions: Iterable[Addition], end: bytes) -> list[bytes]:
    """Return headings, reasons and patterns."""
    written: list[bytes] = []
    heading = ""
    reason = ""
    for addition in additions:
        if addition.heading != heading:
            heading = addition.heading
            reason = ""
            if written:
                written.append(end)
            if heading:
                written.append(_comment(heading, end))
        if addition.reason != reason:
            reason = addition.reason
            if reason not in ("", heading):  # not the same words twice
                written.append(_comment(reason, end))
        written.append(addition.line.encode("utf-8", "surrogateescape") + end)
    return written


def _comment(text: str, end: bytes) -> bytes:
    return b"# " + " ".join(text.split()).encode("utf-8", "backslashreplace") + end


def edit_lines(ignore_file: IgnoreFile, changes: LineChanges) -> bytes:
    r"""Return the file with some lines replaced (None: removed), all others as they were.

    Lines count from 1. The new text has no line end, or one `\n` between two
    lines where it is several. A byte order mark stays in front, and a file
    without a last line end stays without.
    """
    bom, lines = _mark_and_lines(ignore_file)
    usual_end = _line_end(lines)
    edited = []
    for number, line in enumerate(lines, 1):
        if number not in changes:
            edited.append(line)
            continue
        text = changes[number]
        if text is None:
            continue
        end = _end_of(line)
        *first_lines, last_line = text.encode("utf-8", "surrogateescape").split(b"\n")
        edited += [first_line + (end or usual_end) for first_line in first_lines]
        edited.append(last_line + end)
    if edited and not _end_of(lines[-1]):
        bare = edited[-1].removesuffix(_end_of(edited[-1]))
        # Without its end a blank line would be none, and of "\r" less would be left.
        if bare and not bare.endswith(b"\r"):
            edited[-1] = bare
    return bom + b"".join(edited)


def _mark_and_lines(ignore_file: IgnoreFile) -> tuple[bytes, list[bytes]]:
    """Return the byte order mark, if any, and the lines behind it, all of them."""
    lines = [*ignore_file.lines]
    if not lines or not lines[0].startswith(_BOM):
        return b"", lines
    lines[0] = lines[0].removeprefix(_BOM)
    if not lines[0]:
        del lines[0]
    return _BOM, lines


def _end_of(line: bytes) -> bytes:
    for end in (b"\r\n", b"\n"):
        if line.endswith(end):
            return end
    return b""


def _line_end(lines: Sequence[bytes]) -> bytes:
    """Return how most lines end."""
    ends = [*map(_end_of, lines)]
    return max(b"\n", b"\r\n", key=ends.count)
