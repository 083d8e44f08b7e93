"""The size of BuildKit's packets in bytes.

The sum equals BuildKit's figure, to the byte. Source: the packet format of
tonistiigi/fsutil.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain

from ctxsize import units
from ctxsize.engine.events import Batch, Files, Folder, Xattrs
from ctxsize.engine.request import Request

_BARE: Xattrs = {}


class Meter:
    """Counts the bytes of one walk, in order; this class is for builders that send nothing."""

    printed: Callable[[int], str] = staticmethod(str)
    older_by = 0
    """Bytes that older releases do not send: fields for attributes without a value."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, batches: Sequence[Batch]) -> None:
        """Add batches of a walk."""

    def add_sums(self, announced: int, content: int) -> None:
        """Add sums that the core counted: bytes that announce entries, and bytes of content."""

    def add_runs(self, sizes: memoryview, runs: array[int]) -> None:
        """Add the sizes of entries in order, and for each run its entries and its packets."""

    def totals(self, request: Request) -> tuple[int, ...]:
        """Return the number that the builder prints; several numbers if it depends on chance."""
        return ()

    def figure(self, totals: tuple[int, ...]) -> tuple[int | None, str | None]:
        """Return the least of `totals`, and the text that the builder prints for all of them."""
        if not totals:
            return None, None
        return totals[0], " or ".join(dict.fromkeys(map(self.printed, totals)))


_CHUNK = 32 * 1024
_FIN = 2  # bytes of the last packet
_TYPE_FIELD = 2
_NO_CONTENT = 1 - 2 * _CHUNK
"""The size of an entry without packets: it makes `_packets_of` return 0."""
_MOST_BYTES = 4  # of a character
_USUAL_MODE = 3  # bytes for a file that everybody may read, without special bits
_USUAL_TIME = 10  # a tag and nine bytes, from 1972 to 2262:
_FIRST_USUAL, _AFTER_USUAL = 2**56, 2**63
_SURELY_SHORT = 127 - 2 - _USUAL_MODE - _USUAL_TIME - 10
"""Bytes of a path up to which its packet has a short head, whatever the file's size."""


class BuildKitMeter(Meter):
    """Counts the bytes of a transfer as BuildKit's daemon does, for a cold build."""

    printed = staticmethod(units.printed_by_buildkit)

    def __init__(self) -> None:
        self._sum = _FIN
        self._content = 0
        self._packets = _Packets()

    def add_sums(self, announced: int, content: int) -> None:
        self._sum, self._content = self._sum + announced, self._content + content

    def add_runs(self, sizes: memoryview, runs: array[int]) -> None:
        self._packets.sizes.frombytes(sizes)
        self._packets.runs.extend(runs)

    def totals(self, request: Request) -> tuple[int, ...]:
        return (self._sum + self._content + self._packets.heads(),)

    def add(self, batches: Sequence[Batch]) -> None:
        order: list[int] = []
        packets = 0
        plain: list[tuple[Files, list[int]]] = []
        for event, own, empty in batches:
            if isinstance(event, Folder):
                self._sum += self._announced(event.path, event.stat, 0, "", event.xattrs)
                order.append(_NO_CONTENT)
            elif event.plain and not empty and not event.xattrs:
                plain.append((event, own))
                order += own
            else:
                travelling = self._one_by_one(event, empty)
                packets += sum(map(_packets_of, travelling))
                order += travelling
        self._packets.add(order, packets + self._together(plain))

    def _together(self, plain: list[tuple[Files, list[int]]]) -> int:
        """Add plain files that arrive whole; return the number of packets of their content.

        A file's packet has path, mode (three bytes), size and time (ten bytes), with two heads:
        one for the path and one for all. A short head has a length of one byte.
        """
        names = [*chain.from_iterable([files.names for files, _ in plain])]
        text = "".join(names)
        longest = max(map(len, names), default=0) * (1 if text.isascii() else _MOST_BYTES)
        total = _takes(text) + (4 + _USUAL_MODE) * len(names)
        for files, own in plain:
            before, times = _takes(files.prefix), [each.st_mtime_ns for each in files.stats]
            total += before * len(own)
            usual = min(times) >= _FIRST_USUAL and max(times) < _AFTER_USUAL
            total += _USUAL_TIME * len(times) if usual else sum(map(_number, times))
            if before + longest > _SURELY_SHORT:
                total += _long_heads(before, files.names, own, times)
        sizes = [*chain.from_iterable([own for _, own in plain])]
        # Content below a chunk is its bytes and a length as long as the size field.
        numbers = sum([_NUMBER[size.bit_length()] for size in sizes])
        self._sum += total + numbers
        self._content += sum(sizes) + numbers
        packets = 2 * len(sizes) - sizes.count(0)
        for size in [size for size in sizes if size >= _CHUNK]:
            self._content += _content(size) - size - _NUMBER[size.bit_length()]
            packets += _packets_of(size) - 2
        return packets

    def _one_by_one(self, files: Files, empty: frozenset[str]) -> list[int]:
        """Add files of any kind; return the bytes of content of each."""
        travelling: list[int] = []
        for name, each in zip(files.names, files.stats, strict=True):
            link = files.links.get(name) or files.linked.get(name, "")
            xattrs = files.xattrs.get(name, _BARE)
            self._sum += self._announced(files.prefix + name, each, each.st_size, link, xattrs)
            size = _NO_CONTENT
            # The receiver requests content for sockets too (`fileCanRequestData`).
            if not link and stat.S_IFMT(each.st_mode) in (stat.S_IFREG, stat.S_IFSOCK):
                travels = stat.S_ISREG(each.st_mode) and name not in empty
                size = each.st_size if travels else 0
                self._content += _content(size)
            travelling.append(size)
        return travelling

    def _announced(
        self, path: str, each: os.stat_result, size: int, link: str, xattrs: Xattrs
    ) -> int:
        """Return the bytes of the packet that announces an entry."""
        device = each.st_rdev if stat.S_IFMT(each.st_mode) in (stat.S_IFBLK, stat.S_IFCHR) else 0
        length = (
            _field(_takes(path))
            + _number(_go_mode(each.st_mode))
            + _number(size)
            + _number(each.st_mtime_ns)
            + _field(_takes(link))
            + _number(device >> 8 & 0xFFF)
            + _number(device & 0xFF | device >> 12 & 0xFFF00)
        )
        packet = _required(length + _attributes(xattrs, _required))
        if xattrs and not all(xattrs.values()):
            self.older_by += packet - _required(length + _attributes(xattrs, _field))
        return packet


class _Packets:
    """The packets of content in the order of entries, to count the bytes of their heads.

    A head contains the type and the entry's position. Most runs of entries lie where all
    positions have the same length, so that the number of packets in the run is enough; for
    the others the sizes are kept.
    """

    def __init__(self) -> None:
        self.sizes = array("q")
        self.runs = array("q")
        """Number of entries and number of packets of each run, one run after another."""

    def add(self, sizes: list[int], packets: int) -> None:
        """Add a run of entries; an entry without packets has the size `_NO_CONTENT`."""
        self.sizes.fromlist(sizes)
        self.runs.fromlist([len(sizes), packets])

    def heads(self) -> int:
        """Return the bytes of all heads."""
        total = position = 0
        runs = iter(self.runs)
        for entries, packets in zip(runs, runs, strict=True):
            last = position + entries - 1
            total += _TYPE_FIELD * packets
            if _number(position) == _number(last):
                total += _number(position) * packets
            else:
                sizes = enumerate(self.sizes[position : last + 1], position)
                total += sum(_number(each) * _packets_of(size) for each, size in sizes)
            position = last + 1
        return total


def _packets_of(size: int) -> int:
    """Return the number of packets of a content: one for each chunk, and an empty last one."""
    return (size + 2 * _CHUNK - 1) // _CHUNK


def _takes(text: str) -> int:
    return len(text) if text.isascii() else len(os.fsencode(text))


def _long_heads(before: int, names: list[str], sizes: list[int], times: list[int]) -> int:
    """Return the number of usual heads with a second byte; `before` is the length of the prefix."""
    paths = [before + _takes(name) for name in names]
    rest = 2 + _USUAL_MODE
    packets = [
        length + (length > 127) + _NUMBER[size.bit_length()] + _number(time) + rest
        for length, size, time in zip(paths, sizes, times, strict=True)
    ]
    return sum(map((127).__lt__, paths)) + sum(map((127).__lt__, packets))


def _attributes(xattrs: Xattrs, value_field: Callable[[int], int]) -> int:
    fields = (_required(_takes(key)) + value_field(value) for key, value in xattrs.items())
    return sum(map(_required, fields))


def _content(size: int) -> int:
    """Return the bytes of content of `size` in packets, without the head of each packet."""
    whole, rest = divmod(size, _CHUNK)
    return size + whole * _CHUNK_FIELD + _NUMBER[rest.bit_length()]


def _varint(value: int) -> int:
    """Return the length of a protobuf varint; values wrap at 64 bits, as in Go."""
    return max(1, ((value % 2**64).bit_length() + 6) // 7)


def _number(value: int) -> int:
    return 1 + _varint(value) if value % 2**64 else 0


_NUMBER = [_number(1 << bits >> 1) for bits in range(64)]
"""Bytes of a number's field, by the number's bit length."""
_CHUNK_FIELD = _number(_CHUNK)
"""Bytes that the field around a whole chunk adds: a tag and the length."""


def _required(length: int) -> int:
    """Return the bytes of a length-delimited field that is sent even if empty."""
    return 1 + _varint(length) + length


def _field(length: int) -> int:
    return _required(length) if length else 0


_MODE_BITS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
}
_EXTRA_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


@cache
def _go_mode(mode: int) -> int:
    """Return `mode` as Go's `fs.FileMode`, without the socket bit, which the sender drops."""
    bits = mode & 0o777 | _MODE_BITS.get(stat.S_IFMT(mode), 0)
    return bits | sum(go for unix, go in _EXTRA_BITS.items() if mode & unix)
