"""Computes the new content of an ignore file: a marked block, or changed lines; pure.

Nothing that is in the file already is touched: comments, order, blank lines, line ends, a byte
order mark, a last line without an end.
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


@dataclass(frozen=True)
class Addition:
    """A line to add, and what is written above it."""

    line: str
    """The line as it is written, with its `!` if it is an exception."""
    heading: str = ""
    """The heading of its group."""
    reason: str = ""
    """A comment of one line; neighbours with the same one share it."""


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
    among them they stay in order.
    """
    bom, lines = _opened(before)
    merged = _Merged(lines, pattern_class.split, additions, at_start=at_start)
    missing = merged.missing(additions)
    if not missing:
        return b"" if before is None else before.data
    merged.add(missing)
    return bom + b"".join(merged.lines)


class _Merged:
    """The lines of a file to which a block is added, or that extend one."""

    def __init__(
        self,
        lines: list[bytes],
        split: Callable[[str], SplitLine | None],
        additions: Sequence[Addition],
        *,
        at_start: bool,
    ) -> None:
        self.lines = lines
        self._split = split
        self._at_start = at_start
        self._end = _line_end(lines)
        self._in_order = at_start or any(self._pattern(each).exception for each in additions)

    def missing(self, additions: Sequence[Addition]) -> list[Addition]:
        """Return those of `additions` that are not there, or with another effect.

        What stands there in the same order is there. Else a line counts as there if nothing of
        the other kind comes behind it, neither there nor in `additions`.
        """
        present = self.lines
        if self._in_order:
            start, end = self._block() or (0, 0)
            present = self.lines[start:end]
        have = self._read(present)
        wanted = [self._pattern(each) for each in additions]
        missing: list[Addition] = []
        at, in_order = 0, self._in_order
        for index, pattern in enumerate(wanted):
            if in_order and pattern in have[at:]:
                at = have.index(pattern, at) + 1
                continue
            in_order = False
            is_last_kind = all(each.exception == pattern.exception for each in wanted[index:])
            others = [at for at, e in enumerate(have) if e.exception != pattern.exception]
            if not (is_last_kind and pattern in have[max(others, default=-1) + 1 :]):
                have.append(pattern)
                missing.append(additions[index])
        return missing

    def add(self, additions: Sequence[Addition]) -> None:
        """Add a block, or lines to the one that is in the right place."""
        groups: dict[str, list[Addition]] = {}
        for each in additions:
            groups.setdefault("" if self._in_order else each.heading, []).append(each)
        if self._block() is None:
            self._add_block(groups.values())
            return
        for group in groups.values():
            start, end = self._block() or (0, 0)
            at, written = self._extension(start, end, group)
            self.lines[at:at] = written

    def _read(self, lines: Iterable[bytes]) -> list[SplitLine]:
        texts = (line.removesuffix(_end_of(line)) for line in lines)
        parsed = (self._split(text.decode("utf-8", "surrogateescape")) for text in texts)
        return [each for each in parsed if each is not None]

    def _pattern(self, addition: Addition) -> SplitLine:
        """Return the pattern of `addition`. Raises `ValueError` if it is not just one."""
        parsed = None if "\n" in addition.line else self._split(addition.line)
        if parsed is None:
            raise ValueError(f"not one pattern: {addition.line!r}")
        return parsed

    def _block(self) -> tuple[int, int] | None:
        """Return the indices of the marks of the block to extend, None if a new one is needed.

        Behind a block at the end no pattern may stand that could undo an addition, before one at
        the start none at all. A mark that has lost its partner is a comment like any other.
        """
        blocks, start = list[tuple[int, int]](), None
        for index, line in enumerate(self.lines):
            if line.startswith(START):
                start = index
            elif line.startswith(END) and start is not None:
                blocks.append((start, index))
                start = None
        if not blocks:
            return None
        if self._at_start:
            return None if self._read(self.lines[: blocks[0][0]]) else blocks[0]
        behind = self._read(self.lines[blocks[-1][1] :])
        is_undone = any(self._in_order or each.exception for each in behind)
        return None if is_undone else blocks[-1]

    def _add_block(self, groups: Iterable[Sequence[Addition]]) -> None:
        """Add a block that a blank line sets off."""
        end, lines = self._end, self.lines
        block = [_FIRST_LINE + end]
        for group in groups:
            block += [end] * (len(block) > 1) + _written(group, end)
        block.append(END + end)
        if self._at_start or not lines:
            lines[:0] = [*block, *[end] * bool(lines)]
            return
        if not _end_of(lines[-1]):
            block[-1] = END
            lines[-1] += end
        lines += [end, *block]

    def _extension(
        self, start: int, end: int, group: Sequence[Addition]
    ) -> tuple[int, list[bytes]]:
        """Return where to add `group`, and its lines.

        That is below its heading if no exception follows, else at the end of the block.
        """
        inside = range(start, end)
        exceptions = [at for at in inside if any(e.exception for e in self._read([self.lines[at]]))]
        if self._in_order:
            # More exceptions belong to their like: what ignores behind them shall stay behind.
            only_exceptions = all(self._pattern(each).exception for each in group)
            at = exceptions[-1] + 1 if exceptions and only_exceptions else end
            return at, _written(group, self._end, self._heading_at(start, at))
        heading = group[0].heading
        comment = _comment(heading, b"")
        above = [at for at in inside[1:] if self.lines[at].rstrip(b"\r\n") == comment]
        if heading and above:
            blanks = (at for at in inside if at > above[0] and _is_blank(self.lines[at]))
            below = next(blanks, end)
            if not exceptions or exceptions[-1] < below:
                return below, _written(group, self._end, heading)
        return end, [self._end] * (end - start > 1) + _written(group, self._end)

    def _heading_at(self, start: int, at: int) -> str:
        """Return the comment that opens the group in which `at` lies."""
        first = at
        while first > start + 1 and not _is_blank(self.lines[first - 1]):
            first -= 1
        text = self.lines[first].decode("utf-8", "replace").strip() if first < at else ""
        return text.removeprefix("# ") if text.startswith("# ") else ""


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
