"""Computes the new content of an ignore file: a marked block, or changed lines; pure.

Nothing that is in the file already is touched: comments, order, blank lines,
line ends, a byte order mark, a last line without an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ctxsize.engine.ignorefile import BOM, IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine

START = b"# >>> ctxsize"
END = b"# <<< ctxsize"
_FIRST_LINE = START + b": `ctxsize suggest` adds to this part only; edit it as you like"
_BOM = BOM.encode()


@dataclass(frozen=True)
class Addition:
    """A line to add, and what is written above it."""

    line: str
    """The line as it is written, with its `!` if it is an exception."""
    heading: str = ""
    """The heading of its group."""
    reason: str = ""
    """A comment of one line; neighbours with the same one share it."""


class Block(NamedTuple):
    """A block of ours: the indices of its two marks."""

    start: int
    end: int


def merge(
    before: IgnoreFile | None,
    additions: Sequence[Addition],
    *,
    at_start: bool = False,
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> bytes:
    """Return the file with `additions` in a marked block; all other lines stay as they are.

    The block comes last, so behind the last exception; with `at_start` it comes
    first, for a file that begins by ignoring everything. A block that stands in
    the right place is extended. What is there already with the same effect
    (equal as the builder reads it, nothing of the other kind behind it) is not
    added again. Lines that all ignore are grouped by heading; with exceptions
    among them they stay in order.
    """
    bom, lines = _opened(before)
    reader = _BlockReader(pattern_class)
    mixed = at_start or any(reader.of(each).exception for each in additions)
    block = _block(lines, reader, at_start=at_start, mixed=mixed)
    inside = lines[block.start : block.end] if block else []
    missing = _missing(additions, inside if mixed else lines, reader, mixed=mixed)
    if not missing:
        return b"" if before is None else before.data
    end = _line_end(lines)
    groups = [missing] if mixed else _grouped(missing)
    if block is None:
        return bom + b"".join(_with_new_block(lines, groups, end, at_start=at_start))
    for group in groups:
        lines = _extended(lines, block, group, end, reader, in_order=mixed)
        block = _block(lines, reader, at_start=at_start, mixed=mixed) or block
    return bom + b"".join(lines)


def without_blocks(ignore_file: IgnoreFile) -> bytes:
    """Return the file without blocks of ours and the blank lines that set them off."""
    bom, lines = _opened(ignore_file)
    for block in reversed(_blocks(lines)):
        end = _end_of(lines[block.start])
        before, after = lines[: block.start], lines[block.end + 1 :]
        if not before:
            after = after[bool(after) and _is_blank(after[0]) :]
        else:
            before = before[: len(before) - _is_blank(before[-1])]
        if before and not after and not _end_of(lines[block.end]):
            before[-1] = before[-1].removesuffix(end)
        lines = before + after
    return bom + b"".join(lines)


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
        text = changes[number]
        if text is not None:
            end = _end_of(line)
            new = text.encode("utf-8", "surrogateescape").split(b"\n")
            edited += [each + (end or usual) for each in new[:-1]] + [new[-1] + end]
    if edited and not _end_of(lines[-1]):
        bare = edited[-1].removesuffix(_end_of(edited[-1]))
        # Without its end a blank line would be none, and of "\r" less would be left.
        edited[-1] = bare if bare and not bare.endswith(b"\r") else edited[-1]
    return bom + b"".join(edited)


def _opened(ignore_file: IgnoreFile | None) -> tuple[bytes, list[bytes]]:
    """Return the byte order mark, if any, and the lines behind it, all of them."""
    lines = [] if ignore_file is None else [*ignore_file.lines]
    if not lines or not lines[0].startswith(_BOM):
        return b"", lines
    lines[0] = lines[0].removeprefix(_BOM)
    return _BOM, lines if lines[0] else lines[1:]


def _end_of(line: bytes) -> bytes:
    if not line.endswith(b"\n"):
        return b""
    return b"\r\n" if line.endswith(b"\r\n") else b"\n"


def _line_end(lines: Sequence[bytes]) -> bytes:
    """Return how most lines end."""
    ends = [_end_of(line) for line in lines]
    return b"\r\n" if ends.count(b"\r\n") > ends.count(b"\n") else b"\n"


def _is_blank(line: bytes) -> bool:
    return line in (b"\n", b"\r\n")


class _BlockReader:
    """Reads lines as the builder does."""

    def __init__(self, pattern_class: type[DockerIgnorePattern]) -> None:
        self._split = pattern_class.split

    def read(self, line: bytes) -> SplitLine | None:
        """Return the pattern of a line of the file, None for a comment or a blank one."""
        return self._split(line.removesuffix(_end_of(line)).decode("utf-8", "surrogateescape"))

    def all(self, lines: Iterable[bytes]) -> list[SplitLine]:
        """Return the patterns of `lines`."""
        return [parsed for parsed in map(self.read, lines) if parsed is not None]

    def of(self, addition: Addition) -> SplitLine:
        """Return the pattern of `addition`. Raises `ValueError` if it is not just one."""
        parsed = None if "\n" in addition.line else self._split(addition.line)
        if parsed is None:
            raise ValueError(f"not one pattern: {addition.line!r}")
        return parsed


def _blocks(lines: Sequence[bytes]) -> list[Block]:
    """Return the blocks of ours; a mark that has lost its partner is a comment like any other."""
    blocks, start = [], None
    for index, line in enumerate(lines):
        if line.startswith(START):
            start = index
        elif line.startswith(END) and start is not None:
            blocks.append(Block(start, index))
            start = None
    return blocks


def _block(
    lines: Sequence[bytes], reader: _BlockReader, *, at_start: bool, mixed: bool
) -> Block | None:
    """Return the block to extend, None if a new one is needed.

    Behind a block at the end no pattern may stand that could undo an addition,
    before one at the start none at all.
    """
    blocks = _blocks(lines)
    if not blocks:
        return None
    if at_start:
        return None if reader.all(lines[: blocks[0].start]) else blocks[0]
    behind = reader.all(lines[blocks[-1].end :])
    undone = behind if mixed else [each for each in behind if each.exception]
    return None if undone else blocks[-1]


def _missing(
    additions: Sequence[Addition], present: Iterable[bytes], reader: _BlockReader, *, mixed: bool
) -> list[Addition]:
    """Return those of `additions` that `present` lacks, or has with another effect.

    What stands there in the same order is there. Else a line counts as there if
    nothing of the other kind comes behind it, neither there nor in `additions`.
    """
    have = reader.all(present)
    kinds = [reader.of(each).exception for each in additions]
    missing: list[Addition] = []
    at, in_order = 0, mixed
    for index, addition in enumerate(additions):
        wanted = reader.of(addition)
        if in_order and wanted in have[at:]:
            at = have.index(wanted, at) + 1
            continue
        in_order = False
        last_kind = all(kind == wanted.exception for kind in kinds[index:])
        if last_kind and wanted in _last_run(have, wanted):
            continue
        have.append(wanted)
        missing.append(addition)
    return missing


def _last_run(have: Sequence[SplitLine], wanted: SplitLine) -> Sequence[SplitLine]:
    """Return the lines behind the last one of the other kind than `wanted`."""
    others = [at for at, each in enumerate(have) if each.exception != wanted.exception]
    return have[others[-1] + 1 :] if others else have


def _grouped(additions: Iterable[Addition]) -> list[list[Addition]]:
    groups: dict[str, list[Addition]] = {}
    for each in additions:
        groups.setdefault(each.heading, []).append(each)
    return list(groups.values())


def _with_new_block(
    lines: Sequence[bytes], groups: Iterable[Sequence[Addition]], end: bytes, *, at_start: bool
) -> list[bytes]:
    """Return `lines` and a block that a blank line sets off; `without_blocks` is the way back."""
    block = [_FIRST_LINE + end]
    for group in groups:
        block += [end] * (len(block) > 1) + _written(group, end)
    block.append(END + end)
    if not lines:
        return block
    if at_start:
        return [*block, end, *lines]
    if not _end_of(lines[-1]):
        block[-1] = END
        lines = [*lines[:-1], lines[-1] + end]
    return [*lines, end, *block]


def _written(additions: Iterable[Addition], end: bytes, heading: str = "") -> list[bytes]:
    """Return headings, reasons and patterns, `heading` being already there."""
    written: list[bytes] = []
    reason = ""
    for each in additions:
        if each.heading != heading:
            written += [end] * bool(written) + [_comment(each.heading, end)]
            heading, reason = each.heading, ""
        if each.reason != reason:
            # Not the same words twice.
            written += [_comment(each.reason, end)] * (each.reason not in ("", heading))
            reason = each.reason
        written.append(each.line.encode("utf-8", "surrogateescape") + end)
    return written


def _comment(text: str, end: bytes) -> bytes:
    return b"# " + " ".join(text.split()).encode("utf-8", "backslashreplace") + end


def _extended(
    lines: Sequence[bytes],
    block: Block,
    group: Sequence[Addition],
    end: bytes,
    reader: _BlockReader,
    *,
    in_order: bool,
) -> list[bytes]:
    """Return `lines`, `group` in `block`: below its heading if no exception follows, else last."""
    exceptions = [
        index
        for index in range(block.start, block.end)
        if (parsed := reader.read(lines[index])) is not None and parsed.exception
    ]
    heading = group[0].heading
    if in_order:
        # More exceptions belong to their like: what ignores behind them shall stay behind.
        only_exceptions = all(reader.of(each).exception for each in group)
        at = exceptions[-1] + 1 if exceptions and only_exceptions else block.end
        return [*lines[:at], *_written(group, end, _heading_at(lines, block, at)), *lines[at:]]
    below = _end_of_group(lines, block, _comment(heading, end)) if heading else None
    if below is not None and not any(index >= below for index in exceptions):
        return [*lines[:below], *_written(group, end, heading), *lines[below:]]
    gap = [end] * (block.end - block.start > 1)
    return [*lines[: block.end], *gap, *_written(group, end), *lines[block.end :]]


def _end_of_group(lines: Sequence[bytes], block: Block, heading: bytes) -> int | None:
    """Return where the group below `heading` ends, None if there is none."""
    for index in range(block.start + 1, block.end):
        if lines[index].rstrip(b"\r\n") == heading.rstrip(b"\r\n"):
            blanks = (at for at in range(index, block.end) if _is_blank(lines[at]))
            return next(blanks, block.end)
    return None


def _heading_at(lines: Sequence[bytes], block: Block, at: int) -> str:
    """Return the comment that opens the group in which `at` lies."""
    first = at
    while first > block.start + 1 and not _is_blank(lines[first - 1]):
        first -= 1
    text = lines[first].decode("utf-8", "replace").strip() if first < at else ""
    return text.removeprefix("# ") if text.startswith("# ") else ""
