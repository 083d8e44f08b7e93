"""BuildKit's packets, in bytes.

The sum depends on the order of entries, so a meter sees a whole walk. It equals what
BuildKit prints, to the byte. Source: the packet format of tonistiigi/fsutil.
"""

from __future__ import annotations

import os
import stat
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache

from ctxsize import units
from ctxsize.engine.events import Batch, Files, Folder, Xattrs
from ctxsize.engine.request import Request

_CHUNK = 32 * 1024
_FIN = 2  # the packet that ends it all
_TYPE_FIELD = 2
_BARE: Xattrs = {}
_MODE_BITS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
}
_EXTRA_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


class BuildKitMeter:
    """Counts the bytes of a transfer as BuildKit's daemon does, of a cold one and of the next.

    A file's packets name its position among all entries, so what they cost is
    only known once everything before them is: until then `_packets` keeps them.

    In the next build, if nothing changed, no content is asked for, but where a
    file arrived empty: it has not the size that is announced.
    """

    printed = staticmethod(units.printed_by_buildkit)

    def __init__(self) -> None:
        self.older_by = 0
        """Bytes that older releases leave out: fields of attributes without a value."""
        self._sum = _FIN
        self._content = 0
        self._packets = _Packets()
        self._again: list[int] = []

    def add_sums(self, announced: int, content: int) -> None:
        """Add what announces entries, and their content without the heads of its packets."""
        self._sum, self._content = self._sum + announced, self._content + content

    def add_runs(self, sizes: memoryview, runs: array[int]) -> None:
        """Add the sizes of entries in order, and the entries and packets of each run of them."""
        self._packets.sizes.frombytes(sizes)
        self._packets.runs.extend(runs)

    def totals(self, request: Request) -> tuple[int, ...]:
        """Return what BuildKit prints as `transferring context:` for what was added."""
        return (self._sum + self._content + self._packets.heads(),)

    def warm_totals(self, request: Request) -> tuple[int, ...]:
        """Return what it prints in the next build if nothing changed."""
        content = _content(0)
        positions = (_number(position) for position in self._again)
        return (self._sum + sum(_TYPE_FIELD + content + each for each in positions),)

    def together(
        self, waiting: Sequence[Batch], names: Sequence[str], sizes: Sequence[int]
    ) -> None:
        """Add what waited to be counted at once: `names` of the files in it, `sizes` ascending.

        A file's packet is the path, the mode, the size and the time, which take three and ten
        bytes but for path and size; two heads, of the path and of all, take a byte if short.
        """
        order: list[int] = []
        text = "".join(names)
        longest = max(map(len, names), default=0) * (1 if text.isascii() else _MOST_BYTES)
        total = 0
        for each, own in waiting:
            if isinstance(each, Folder):
                total += self._folder(each)
                order.append(_NO_CONTENT)
                continue
            before = _takes(each.prefix)
            times = [one.st_mtime_ns for one in each.stats]
            total += before * len(own) + _times_take(times)
            if before + longest > _SURELY_SHORT:
                total += _long_heads(before, each.names, own, times)
            order += own
        self._sum += total + (4 + _USUAL_MODE) * len(names) + _takes(text)
        self._packets.add(order, self._add_content(sizes))

    def _add_content(self, sizes: Sequence[int]) -> int:
        """Add what the content of files takes, and the fields that hold their sizes.

        `sizes` are ascending. Returns how many packets the content takes.
        """
        # Content below a chunk takes its bytes, and as much for its length as the size field does.
        numbers = _numbers(sizes)
        self._sum += numbers
        self._content += sum(sizes) + numbers
        packets = 2 * len(sizes) - bisect_left(sizes, 1)
        for size in sizes[bisect_left(sizes, _CHUNK) :]:
            self._content += _content(size) - size - _NUMBER[size.bit_length()]
            packets += _packets_of(size) - 2
        return packets

    def _folder(self, folder: Folder) -> int:
        """Return the bytes of the packet that announces a directory."""
        path, each, _, xattrs = folder
        if xattrs:
            return self._announced(path, each, 0, "", xattrs)
        length = _takes(path)
        heads = 2 if length < 128 else 3
        packet = length + heads + _mode_takes(each.st_mode) + _number(each.st_mtime_ns)
        return packet + (2 if packet < 128 else 3)

    def _announced(
        self, path: str, each: os.stat_result, size: int, link: str, xattrs: Xattrs
    ) -> int:
        """Return the bytes of the packet that announces an entry."""
        length = _stat_length(path, each, size, link)
        valued = length + sum(_attribute(key, _required(value)) for key, value in xattrs.items())
        if xattrs and not all(xattrs.values()):
            older = length + sum(_attribute(key, _field(value)) for key, value in xattrs.items())
            self.older_by += _required(valued) - _required(older)
        return _required(valued)

    def files(self, files: Files, empty: frozenset[str]) -> None:
        """Add a batch of files, `empty` being those whose content does not arrive."""
        travelling: list[int] = []
        for name, each in zip(files.names, files.stats, strict=True):
            link = files.links.get(name) or files.linked.get(name, "")
            xattrs = files.xattrs.get(name, _BARE)
            self._sum += self._announced(files.prefix + name, each, each.st_size, link, xattrs)
            size = _NO_CONTENT
            # The receiver asks for what `fileCanRequestData` calls a file: a socket is one to it.
            if not link and stat.S_IFMT(each.st_mode) in (stat.S_IFREG, stat.S_IFSOCK):
                travels = stat.S_ISREG(each.st_mode) and name not in empty
                size = each.st_size if travels else 0
                self._content += _content(size)
                # It compares sizes, so that it asks in vain for an empty one in every build.
                if each.st_size and not travels:
                    self._again.append(len(self._packets) + len(travelling))
            travelling.append(size)
        self._packets.add(travelling, sum(map(_packets_of, travelling)))


class _Packets:
    """The packets of content, in the order of entries, and what their heads take.

    A head holds the type and the position of the entry, which is known to the one that sees
    all. So the sizes are kept, and how many packets there are in each run of entries: most
    runs lie where all positions take as many bytes.
    """

    def __init__(self) -> None:
        self.sizes = array("q")
        self.runs = array("q")
        """The entries and the packets of one run after the other."""

    def __len__(self) -> int:
        return len(self.sizes)

    def add(self, sizes: list[int], packets: int) -> None:
        """Add a run of entries; `_NO_CONTENT` is the size of one that has no packets."""
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


def _numbers(sizes: Sequence[int]) -> int:
    """Return what the ascending `sizes` take as numbers: a tag, and a byte for every seven bits."""
    total, bits = 0, 0
    while places := len(sizes) - bisect_left(sizes, 1 << bits):
        total += places if bits else 2 * places
        bits += 7
    return total


def _packets_of(size: int) -> int:
    """Return how many packets content takes: one for each chunk, and an empty one at the end."""
    return (size + 2 * _CHUNK - 1) // _CHUNK


def _takes(text: str) -> int:
    """Return the bytes of `text`."""
    return len(text) if text.isascii() else len(os.fsencode(text))


def _times_take(times: list[int]) -> int:
    """Return the bytes of modification times in nanoseconds."""
    if min(times) >= _FIRST_USUAL and max(times) < _AFTER_USUAL:
        return _USUAL_TIME * len(times)
    return sum(map(_number, times))


def _long_heads(before: int, names: list[str], sizes: list[int], times: list[int]) -> int:
    """Return how many heads of usual packets take a second byte; `before` is of the prefix."""
    paths = [before + _takes(name) for name in names]
    rest = 2 + _USUAL_MODE
    packets = [
        length + (length > 127) + _NUMBER[size.bit_length()] + _number(time) + rest
        for length, size, time in zip(paths, sizes, times, strict=True)
    ]
    return sum(map((127).__lt__, paths)) + sum(map((127).__lt__, packets))


_NO_CONTENT = 1 - 2 * _CHUNK
"""The size of an entry that takes no packets."""
_MOST_BYTES = 4  # of a character
_USUAL_MODE = 3
"""What the mode of a file takes that all may read, without special bits."""
_USUAL_TIME = 10
"""What a modification time takes, a tag and nine bytes, from 1972 to 2262."""
_FIRST_USUAL, _AFTER_USUAL = 2**56, 2**63
"""Nanoseconds of the first such time and of the first one after."""
_SURELY_SHORT = 127 - 2 - _USUAL_MODE - _USUAL_TIME - 10
"""The bytes of a path whose packet has a short head whatever the size is."""


@cache
def _mode_takes(mode: int) -> int:
    """Return the bytes of the field for `mode` in the packet of an entry."""
    return _number(_go_mode(mode))


def _stat_length(path: str, each: os.stat_result, size: int, link: str) -> int:
    """Return the bytes of what announces an entry, without its attributes."""
    device = each.st_rdev if stat.S_IFMT(each.st_mode) in (stat.S_IFBLK, stat.S_IFCHR) else 0
    return (
        _field(len(os.fsencode(path)))
        + _number(_go_mode(each.st_mode))
        + _number(size)
        + _number(each.st_mtime_ns)
        + _field(len(os.fsencode(link)))
        + _number(device >> 8 & 0xFFF)
        + _number(device & 0xFF | device >> 12 & 0xFFF00)
    )


def _attribute(key: str, value_field: int) -> int:
    return _required(_required(len(os.fsencode(key))) + value_field)


def _content(size: int) -> int:
    """Return the bytes of `size` bytes in packets, less what each packet's head takes."""
    whole, rest = divmod(size, _CHUNK)
    return size + whole * _CHUNK_FIELD + _NUMBER[rest.bit_length()]


def _varint(value: int) -> int:
    """Return the length of a protobuf varint; values wrap at 64 bits, as in Go."""
    return max(1, ((value % 2**64).bit_length() + 6) // 7)


def _number(value: int) -> int:
    return 1 + _varint(value) if value % 2**64 else 0


_NUMBER = [_number(1 << bits >> 1) for bits in range(64)]
"""What a number takes, by its bit length."""
_CHUNK_FIELD = _number(_CHUNK)
"""What the field around a whole chunk takes: a tag and the length."""


def _required(length: int) -> int:
    """Return a length-delimited field that is present even if empty."""
    return 1 + _varint(length) + length


def _field(length: int) -> int:
    return _required(length) if length else 0


@cache
def _go_mode(mode: int) -> int:
    """Return `mode` as Go's `fs.FileMode`, the socket bit dropped as the sender drops it."""
    bits = mode & 0o777 | _MODE_BITS.get(stat.S_IFMT(mode), 0)
    return bits | sum(go for unix, go in _EXTRA_BITS.items() if mode & unix)
