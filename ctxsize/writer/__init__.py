"""New contents of an ignore file: `merge` adds a marked block, `edit_lines` changes lines; pure.

All else stays: comments, order, line ends, a byte order mark, a last line without an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ctxsize.engine.ignorefile import BOM, IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine

START = b"# >>> ctxsize"
END = b"# <<< ctxsize"
_FIRST_LINE = START + b": `ctxsize suggest` adds to this part only; edit it as you like"
_BOM = BOM.encode()
_Split = Callable[[str], SplitLine | None]


@dataclass(frozen=True)
class Addition:
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
    split = pattern_class.split
    wanted: list[SplitLine] = []
    for line in (each.line for each in additions):
        if "\n" in line or (found := split(line)) is None:
            raise ValueError(f"not one pattern: {line!r}")
        wanted.append(found)
    in_order = at_start or any(each.exception for each in wanted)
    bom, lines = _opened(before)
    block = _block(lines, split, at_start=at_start, in_order=in_order)
    have = _read(lines[slice(*(block or (0, 0)))] if in_order else lines, split)
    if not (missing := _missing(wanted, have, in_order=in_order)):
        if before is None:
            return b""
        return before.data
    new = [additions[at] for at in missing]
    end = _line_end(lines)
    if not in_order:
        headings = [*dict.fromkeys(each.heading for each in new)]
        new.sort(key=lambda each: headings.index(each.heading))
    if block is None:
        lines = _with_block(lines, block_lines(new, end), at_start=at_start)
    else:
        start, at = block
        if all(wanted[each].exception for each in missing):
            inside = ((each, _read([lines[each]], split)) for each in range(start, at))
            exceptions = [each for each, found in inside if found and found[0].exception]
            # What ignores behind the last exception must stay behind.
            at = max(exceptions, default=at - 1) + 1
        lines[at:at] = [end] * (not in_order and at - start > 1) + block_lines(new, end)
    return bom + b"".join(lines)


def _read(lines: Iterable[bytes], split: _Split) -> list[SplitLine]:
    bare = (line.removesuffix(_end_of(line)) for line in lines)
    found = (split(line.decode("utf-8", "surrogateescape")) for line in bare)
    return [each for each in found if each is not None]


def _block(
    lines: Sequence[bytes], split: _Split, *, at_start: bool, in_order: bool
) -> tuple[int, int] | None:
    """Return the indices of the marks of the block to extend, None if a new one is needed."""
    blocks = list[tuple[int, int]]()
    start = None
    # A mark that has lost its partner is a comment like any other.
    for index, line in enumerate(lines):
        if line.startswith(START):
            start = index
        elif line.startswith(END) and start is not None:
            blocks.append((start, index))
            start = None
    if not blocks:
        return None
    if at_start:
        if _read(lines[: blocks[0][0]], split):
            return None
        return blocks[0]
    behind = _read(lines[blocks[-1][1] :], split)  # these could undo an addition
    if any(in_order or each.exception for each in behind):
        return None
    return blocks[-1]


def _missing(wanted: Sequence[SplitLine], have: list[SplitLine], *, in_order: bool) -> list[int]:
    """Return the indices of what is not there, or with another effect.

    What stands there in the same order is there. Else a line counts as there if nothing of the
    other kind comes behind it, neither there nor in `wanted`.
    """
    missing = list[int]()
    at = 0
    for index, pattern in enumerate(wanted):
        if in_order and pattern in have[at:]:
            at = have.index(pattern, at) + 1
            continue
        in_order = False
        is_last_kind = all(each.exception == pattern.exception for each in wanted[index:])
        others = [at for at, each in enumerate(have) if each.exception != pattern.exception]
        if not (is_last_kind and pattern in have[max(others, default=-1) + 1 :]):
            have.append(pattern)
            missing.append(index)
    return missing


def _with_block(lines: list[bytes], written: list[bytes], *, at_start: bool) -> list[bytes]:
    """Return the lines with a new block, which a blank line sets off."""
    end = _line_end(lines)
    block = [_FIRST_LINE + end, *written, END + end]
    if at_start or not lines:
        return [*block, *[end] * bool(lines), *lines]
    if _end_of(lines[-1]):
        return [*lines, end, *block]
    return [*lines[:-1], lines[-1] + end, end, *block[:-1], END]


def block_lines(additions: Iterable[Addition], end: bytes) -> list[bytes]:
    """Return headings, reasons and patterns."""
    written: list[bytes] = []
    heading = reason = ""
    for each in additions:
        if each.heading != heading:
            if each.heading:
                comments = [_comment(each.heading, end)]
            else:
                comments = []
            written += [end] * bool(written) + comments
            heading = each.heading
            reason = ""
        if each.reason != reason:
            # Not the same words twice.
            written += [_comment(each.reason, end)] * (each.reason not in ("", heading))
            reason = each.reason
        written.append(each.line.encode("utf-8", "surrogateescape") + end)
    return written


def _comment(text: str, end: bytes) -> bytes:
    return b"# " + " ".join(text.split()).encode("utf-8", "backslashreplace") + end


def edit_lines(ignore_file: IgnoreFile, changes: Mapping[int, str | None]) -> bytes:
    r"""Return the file with some lines replaced (None: removed), all others as they were.

    Lines count from 1. The new text has no line end, or one `\n` between two
    lines where it is several. A byte order mark stays in front, and a file
    without a last line end stays without.
    """
    bom, lines = _opened(ignore_file)
    usual = _line_end(lines)
    edited: list[bytes] = []
    for number, line in enumerate(lines, 1):
        if number not in changes:
            edited.append(line)
            continue
        if (text := changes[number]) is not None:
            end = _end_of(line)
            new = text.encode("utf-8", "surrogateescape").split(b"\n")
            edited += [each + (end or usual) for each in new[:-1]] + [new[-1] + end]
    if edited and not _end_of(lines[-1]):
        bare = edited[-1].removesuffix(_end_of(edited[-1]))
        # Without its end a blank line would be none, and of "\r" less would be left.
        if bare and not bare.endswith(b"\r"):
            edited[-1] = bare
        else:
            edited[-1] = edited[-1]
    return bom + b"".join(edited)


def _opened(ignore_file: IgnoreFile | None) -> tuple[bytes, list[bytes]]:
    """Return the byte order mark, if any, and the lines behind it, all of them."""
    if ignore_file is None:
        lines = []
    else:
        lines = [*ignore_file.lines]
    if not lines or not lines[0].startswith(_BOM):
        return b"", lines
    lines[0] = lines[0].removeprefix(_BOM)
    return _BOM, lines if lines[0] else lines[1:]


def _end_of(line: bytes) -> bytes:
    if not line.endswith(b"\n"):
        return b""
    if line.endswith(b"\r\n"):
        return b"\r\n"
    return b"\n"


def _line_end(lines: Sequence[bytes]) -> bytes:
    """Return how most lines end."""
    ends = [_end_of(line) for line in lines]
    if ends.count(b"\r\n") > ends.count(b"\n"):
        return b"\r\n"
    return b"\n"
