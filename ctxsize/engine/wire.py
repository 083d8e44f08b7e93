"""The bytes that builders print for a transfer, exactly.

BuildKit counts the packets of tonistiigi/fsutil, the classic builder the stream of Go's tar
writer, used as in moby/go-archive.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain

from ctxsize import units
from ctxsize.engine.events import Files, Folder, Xattrs
from ctxsize.engine.plan import Plan


class Meter:
    """Counts the bytes of one walk, in order; this class is for builders that send nothing."""

    printed: Callable[[int], str] = staticmethod(str)

    def __init__(self) -> None:
        self._sum = 0

    def add(self, events: Sequence[Files | Folder]) -> None:
        """Add events of a walk."""

    def add_sums(self, announced: int, content: int) -> None:
        """Add sums that the core counted: bytes that announce entries, and bytes of content."""

    def add_runs(self, sizes: Sequence[int], runs: array[int]) -> None:
        """Add the sizes of entries in order, and for each run its entries and its packets."""

    def totals(self, plan: Plan) -> tuple[int, ...]:
        """Return the number that the builder prints; several numbers if it depends on chance."""
        return ()


_CHUNK = 32 * 1024
_FIN = 2  # bytes of the last packet
_TYPE_FIELD = 2
_NO_CONTENT = 1 - 2 * _CHUNK  # size of an entry without packets: `_packets_of` returns 0 for it
_USUAL_MODE = 3  # bytes for a file that everybody may read, without special bits
_SURELY_SHORT = 127 - 2 - _USUAL_MODE - 10 - 11
"""Bytes of a path up to which its packet has a short head, whatever the file's size and time."""


class PacketMeter(Meter):
    """Counts the bytes of BuildKit's packets, as its daemon does for a cold build."""

    printed = staticmethod(units.printed_by_buildkit)

    def __init__(self) -> None:
        self._sum = _FIN
        self._entries = 0

    def add_sums(self, announced: int, content: int) -> None:
        self._sum += announced + content

    def add_runs(self, sizes: Sequence[int], runs: array[int]) -> None:
        at = 0
        for entries, packets in zip(runs[::2], runs[1::2], strict=True):
            self._add_heads(sizes[at : at + entries], packets)
            at += entries

    def totals(self, plan: Plan) -> tuple[int, ...]:
        return (self._sum,)

    def add(self, events: Sequence[Files | Folder]) -> None:
        sizes: list[int] = []
        plain: list[Files] = []
        for event in events:
            if isinstance(event, Folder):
                self._sum += self._announced(event.path, event.stat, 0, "", event.xattrs)
                sizes.append(_NO_CONTENT)
            elif event.plain and _is_usual(event):
                plain.append(event)
                sizes += event.sizes
            else:
                sizes += self._one_by_one(event)
        self._together(plain)
        self._add_heads(sizes, sum(map(_packets_of, sizes)))

    def _add_heads(self, sizes: Sequence[int], packets: int) -> None:
        """Add the heads of packets, a type and position; `_NO_CONTENT` is an entry without any."""
        # Both ends of fsutil number the entries as they are announced (`sender.walk`).
        first = self._entries
        self._entries += len(sizes)
        position = _number(first)
        if position == _number(self._entries - 1):
            self._sum += (_TYPE_FIELD + position) * packets
        else:
            for at, size in enumerate(sizes, first):
                self._sum += (_TYPE_FIELD + _number(at)) * _packets_of(size)

    def _together(self, plain: list[Files]) -> None:
        """Add plain files with usual paths.

        A file's packet has path, mode (three bytes), size and time, with two heads of two bytes:
        one for the path and one for all.
        """
        for files in plain:
            names = files.names
            before = len(files.prefix)
            self._sum += sum(map(len, names)) + (before + 4 + _USUAL_MODE) * len(names)
            times = [each.st_mtime_ns for each in files.stats]
            usual = min(times) >= 0 and max(times) < 2**63
            self._sum += sum(
                [_NUMBER[t.bit_length()] for t in times] if usual else map(_number, times)
            )
        sizes = [*chain.from_iterable([files.sizes for files in plain])]
        # Content below a chunk is its bytes and a length as long as the size field.
        self._sum += sum(sizes) + 2 * sum([_NUMBER[size.bit_length()] for size in sizes])
        for size in [size for size in sizes if size >= _CHUNK]:
            self._sum += _content(size) - size - _NUMBER[size.bit_length()]

    def _one_by_one(self, files: Files) -> list[int]:
        """Add files of any kind; return the bytes of content of each."""
        travelling: list[int] = []
        for (name, each), arriving in zip(files.pairs, files.sizes, strict=True):
            link = files.links.get(name) or files.linked.get(name, "")
            xattrs = files.xattrs.get(name, {})
            self._sum += self._announced(files.prefix + name, each, each.st_size, link, xattrs)
            size = _NO_CONTENT
            # The receiver requests content for sockets too (`fileCanRequestData`).
            if not link and stat.S_IFMT(each.st_mode) in (stat.S_IFREG, stat.S_IFSOCK):
                size = arriving
                self._sum += _content(size)
            travelling.append(size)
        return travelling

    def _announced(
        self, path: str, each: os.stat_result, size: int, link: str, xattrs: Xattrs
    ) -> int:
        """Return the bytes of the packet that announces an entry (`types.Stat` of fsutil)."""
        if stat.S_IFMT(each.st_mode) in (stat.S_IFBLK, stat.S_IFCHR):
            device = each.st_rdev
        else:
            device = 0
        length = (
            _field(path)
            + _number(_go_mode(each.st_mode))
            + _number(size)
            + _number(each.st_mtime_ns)
            + _field(link)
            + _number(device >> 8 & 0xFFF)
            + _number(device & 0xFF | device >> 12 & 0xFFF00)
        )
        for key, value_bytes in xattrs.items():
            length += _required(_required(len(os.fsencode(key))) + _required(value_bytes))
        return _required(length)


def _packets_of(size: int) -> int:
    """Return the number of packets of a content: one for each chunk, and an empty last one."""
    return (size + 2 * _CHUNK - 1) // _CHUNK


def _is_usual(files: Files) -> bool:
    """Return whether the packets of plain files have short heads, and paths a byte a character."""
    short = len(files.prefix) + max(map(len, files.names)) <= _SURELY_SHORT
    return short and "".join((files.prefix, *files.names)).isascii()


def _content(size: int) -> int:
    """Return the bytes of content of `size` in packets, without the head of each packet."""
    whole, rest = divmod(size, _CHUNK)
    return size + whole * _CHUNK_FIELD + _NUMBER[rest.bit_length()]


def _varint(value: int) -> int:
    """Return the length of a protobuf varint; values wrap at 64 bits, as in Go."""
    return max(1, ((value % 2**64).bit_length() + 6) // 7)


def _number(value: int) -> int:
    if value % 2**64:
        return 1 + _varint(value)
    return 0


_NUMBER = [_number(1 << bits >> 1) for bits in range(64)]  # bytes of its field, by bit length
_CHUNK_FIELD = _number(_CHUNK)  # bytes of the field around a whole chunk: a tag and the length


def _required(length: int) -> int:
    """Return the bytes of a length-delimited field that is sent even if empty."""
    return 1 + _varint(length) + length


def _field(text: str) -> int:
    if text:
        return _required(len(os.fsencode(text)))
    return 0


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


_BLOCK = 512
_RANDOM_LINE = len("\n.dockerfile.\n") + 20


class TarMeter(Meter):
    """Counts the bytes of the classic builder's tar stream, which every build sends again."""

    printed = staticmethod(units.printed_by_classic)

    def add_sums(self, announced: int, content: int) -> None:
        self._sum += announced  # `content` is part of that

    def totals(self, plan: Plan) -> tuple[int, ...]:
        if plan.dockerfile is None or plan.dockerfile_in_context is not None:
            return (self._sum + 2 * _BLOCK,)
        return tuple(sorted({self._sum + each for each in _outside_dockerfile(plan)}))

    def add(self, events: Sequence[Files | Folder]) -> None:
        for event in events:  # no file arrives empty: the command line stops instead
            if isinstance(event, Folder):
                self._sum += _header(f"{event.path}/", event.stat, 0, "", event.xattrs)
                continue
            for (name, each), size in zip(event.pairs, event.sizes, strict=True):
                link = event.linked.get(name) or event.links.get(name, "")
                xattrs = event.xattrs.get(name, {})
                self._sum += _header(event.prefix + name, each, size, link, xattrs)
                self._sum += _blocks(size)


def _outside_dockerfile(plan: Plan) -> tuple[int, ...]:
    """Return the bytes that a Dockerfile from outside the context adds to the stream."""
    # `AddDockerfileToBuildContext` of docker/cli adds it at the end under a random name, and that
    # name to the ignore file, which it makes if there is none; the order of the two is random.
    # It does not close this stream: the last entry has no padding, and the end marker is missing.
    dockerfile = len(plan.parsed.data)
    if plan.ignore_file is None:
        heads = 2 * _BLOCK
        made = len(".dockerignore") + _RANDOM_LINE
        return heads + _blocks(made) + dockerfile, heads + _blocks(dockerfile) + made
    size = len(plan.ignore_file.data)
    return (_BLOCK + dockerfile + _blocks(size + _RANDOM_LINE) - _blocks(size),)


def _blocks(size: int) -> int:
    return -size % _BLOCK + size


def _header(path: str, each: os.stat_result, size: int, link: str, xattrs: Xattrs) -> int:
    """Return the bytes of an entry's header, with an extended header if the entry needs one."""
    name = os.fsencode(path)
    target = os.fsencode(link)
    seconds = each.st_mtime_ns // 10**9
    records = {
        "linkpath": len(target) if len(target) > 100 or not target.isascii() else 0,
        "size": len(str(size)) if size > 8 * 1024**3 - 1 else 0,
        "mtime": len(str(seconds)) if not 0 <= seconds <= 0o77777777777 else 0,
        "SCHILY.xattr.security.capability": xattrs.get("security.capability", 0),
    }
    # A long path fits if it can be split into a prefix and a suffix.
    cut = name.rfind(b"/", 0, min(len(name) - name.endswith(b"/"), 156))
    fits = len(name) <= 100 or (cut > 0 and len(name) - cut - 1 <= 100)
    if not any(records.values()) and name.isascii() and fits:
        return _BLOCK
    # In an extended header Go's `archive/tar` also writes a path that would fit when split.
    if len(name) > 100 or not name.isascii():
        records["path"] = len(name)
    else:
        records["path"] = 0
    body = sum(_record(key, length) for key, length in records.items() if length)
    return 2 * _BLOCK + _blocks(body)


def _record(key: str, value_bytes: int) -> int:
    r"""Return the length of `"<length> <key>=<value>\n"`, which includes its own digits."""
    rest = len(key) + value_bytes + 3
    length = rest + len(str(rest))
    return rest + len(str(length))


METERS: dict[str | None, type[Meter]] = {None: Meter, "buildkit": PacketMeter, "tar": TarMeter}
"""The meters, by the names that builders have for them."""
