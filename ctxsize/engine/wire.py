"""The bytes that builders print for a transfer, exactly.

BuildKit counts the packets of tonistiigi/fsutil, the classic builder the stream of Go's tar
writer, used as in moby/go-archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from os import fsencode, stat_result
from stat import (
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISUID,
    S_ISVTX,
)

from ctxsize.engine.events import Files, Folder, Xattrs
from ctxsize.engine.plan import Plan
from ctxsize.units import printed_by_buildkit, printed_by_classic

Run = tuple[Sequence[int], int]  # the sizes of entries in order, and the number of their packets
SentEvents = Sequence[Files | Folder]
Figures = tuple[int, ...]  # that a builder prints; several if it depends on chance


class Meter:
    """Counts the bytes of one walk, in order; this class is for builders that send nothing."""

    printed: Callable[[int], str] = staticmethod(str)
    _sum = 0

    def add(self, events: SentEvents) -> None:
        """Add events of a walk."""

    def add_sums(self, announced: int, content: int) -> None:
        """Add sums that the core counted: bytes that announce entries, and bytes of content."""

    def add_runs(self, runs: Iterable[Run]) -> None:
        """Add runs of entries, in order."""

    def totals(self, plan: Plan) -> Figures:
        """Return the number that the builder prints, or several, in order."""
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

    printed = staticmethod(printed_by_buildkit)
    _sum = _FIN
    _entries = 0

    def add_sums(self, announced: int, content: int) -> None:
        self._sum += announced + content

    def add_runs(self, runs: Iterable[Run]) -> None:
        for sizes, packets in runs:
            self._add_heads(sizes, packets)

    def totals(self, plan: Plan) -> Figures:
        return (self._sum,)

    def add(self, events: SentEvents) -> None:
        sizes = []
        plain = []
        for event in events:
            if isinstance(event, Folder):
                self._sum += _packet_bytes(event.path, event.stat, 0, "", event.xattrs)
                sizes.append(_NO_CONTENT)
            elif event.plain and _is_usual(event):
                plain.append(event)
                sizes += event.sizes
            else:
                sizes += self._add_one_by_one(event)
        self._add_together(plain)
        self._add_heads(sizes, sum(map(_packets_of, sizes)))

    def _add_heads(self, sizes: Sequence[int], packets: int) -> None:
        """Add the heads of packets, a type and position; `_NO_CONTENT` is an entry without any."""
        # Both ends of fsutil number the entries as they are announced (`sender.walk`).
        first = self._entries
        self._entries += len(sizes)
        self._sum += _TYPE_FIELD * packets
        position_bytes = _number(first)
        if position_bytes == _number(self._entries - 1):
            self._sum += position_bytes * packets
        else:
            for position, size in enumerate(sizes, first):
                self._sum += _number(position) * _packets_of(size)

    def _add_together(self, plain: list[Files]) -> None:
        """Add plain files with usual paths.

        A file's packet has path, mode (three bytes), size and time, with two heads of two bytes:
        one for the path and one for all.
        """
        total = 0
        sizes = []
        for files in plain:
            sizes += files.sizes
            names = files.names
            of_each = len(files.prefix) + 4 + _USUAL_MODE
            total += of_each * len(names)
            total += sum(map(len, names))
            times = [status.st_mtime_ns for status in files.stats]
            if min(times) < 0 or max(times) >= 2**63:
                total += sum(map(_number, times))
            else:
                total += _fields(times)
        # Content below a chunk is its bytes and a length as long as the size field.
        total += sum(sizes)
        total += 2 * _fields(sizes)
        for size in sizes:
            if size >= _CHUNK:
                total += _content(size)
                total -= size
                total -= _NUMBER[size.bit_length()]
        self._sum += total

    def _add_one_by_one(self, files: Files) -> list[int]:
        """Add files of any kind; return the bytes of content of each."""
        contents = []
        for (name, status), size in zip(files.pairs, files.sizes, strict=True):
            path = files.prefix + name
            link = files.links.get(name) or files.linked.get(name, "")
            xattrs = files.xattrs.get(name, {})
            self._sum += _packet_bytes(path, status, status.st_size, link, xattrs)
            kind = S_IFMT(status.st_mode)
            # The receiver requests content for sockets too (`fileCanRequestData`).
            if link or kind not in (S_IFREG, S_IFSOCK):
                contents.append(_NO_CONTENT)
            else:
                contents.append(size)
                self._sum += _content(size)
        return contents


def _packet_bytes(path: str, status: stat_result, size: int, link: str, xattrs: Xattrs) -> int:
    """Return the bytes of the packet that announces an entry (`types.Stat` of fsutil)."""
    length = (
        _field(path)
        + _number(_go_mode(status.st_mode))
        + _number(size)
        + _number(status.st_mtime_ns)
        + _field(link)
    )
    if S_IFMT(status.st_mode) in (S_IFBLK, S_IFCHR):
        device = status.st_rdev
        major = device >> 8 & 0xFFF
        minor = device & 0xFF | device >> 12 & 0xFFF00
        length += _number(major)
        length += _number(minor)
    for key, value_bytes in xattrs.items():
        pair = _delimited(len(fsencode(key)))
        pair += _delimited(value_bytes)
        length += _delimited(pair)
    return _delimited(length)


def _packets_of(size: int) -> int:
    """Return the number of packets of a content: one for each chunk, and an empty last one."""
    return (size + 2 * _CHUNK - 1) // _CHUNK


def _is_usual(files: Files) -> bool:
    """Return whether the packets of plain files have short heads, and paths a byte a character."""
    longest = max(map(len, files.names))
    if len(files.prefix) + longest > _SURELY_SHORT:
        return False
    return "".join((files.prefix, *files.names)).isascii()


def _content(size: int) -> int:
    """Return the bytes of content of `size` in packets, without the head of each packet."""
    whole, rest = divmod(size, _CHUNK)
    fields = whole * _CHUNK_FIELD
    fields += _NUMBER[rest.bit_length()]
    return size + fields


def _varint(number: int) -> int:
    """Return the length of a protobuf varint; numbers wrap at 64 bits, as in Go."""
    bits = (number % 2**64).bit_length()
    return max(1, (bits + 6) // 7)


def _number(number: int) -> int:
    """Return the length of a field with a number: a tag and a varint, nothing for 0."""
    if number % 2**64:
        return 1 + _varint(number)
    return 0


_NUMBER = [0, *(_number(1 << bits) for bits in range(63))]  # bytes of its field, by bit length
_CHUNK_FIELD = _number(_CHUNK)  # bytes of the field around a whole chunk: a tag and the length


def _fields(numbers: Iterable[int]) -> int:
    """Return the bytes of a field for each of many usual numbers."""
    return sum([_NUMBER[number.bit_length()] for number in numbers])


def _delimited(length: int) -> int:
    """Return the bytes of a length-delimited field that is sent even if empty."""
    return 1 + _varint(length) + length


def _field(text: str) -> int:
    if text:
        return _delimited(len(fsencode(text)))
    return 0


_MODE_BITS = {
    S_IFDIR: 1 << 31,
    S_IFLNK: 1 << 27,
    S_IFBLK: 1 << 26,
    S_IFCHR: 1 << 26 | 1 << 21,
    S_IFIFO: 1 << 25,
}
_EXTRA_BITS = {S_ISUID: 1 << 23, S_ISGID: 1 << 22, S_ISVTX: 1 << 20}


@cache
def _go_mode(mode: int) -> int:
    """Return `mode` as Go's `fs.FileMode`, without the socket bit, which the sender drops."""
    bits = _MODE_BITS.get(S_IFMT(mode), 0)
    bits |= mode & 0o777
    for unix_bit, go_bit in _EXTRA_BITS.items():
        if mode & unix_bit:
            bits |= go_bit
    return bits


_BLOCK = 512
_LONGEST_NAME = 100  # bytes of a path or a link in a plain header
_LONGEST_PREFIX = 155  # bytes in front of a slash at which a plain header may split a longer path
_LARGEST_SIZE = 8 * 1024**3 - 1
_LAST_SECOND = 0o77777777777
_RANDOM_LINE = len("\n.dockerfile.\n") + 20


class TarMeter(Meter):
    """Counts the bytes of the classic builder's tar stream, which every build sends again."""

    printed = staticmethod(printed_by_classic)

    def add_sums(self, announced: int, content: int) -> None:
        self._sum += announced  # `content` is part of that

    def totals(self, plan: Plan) -> Figures:
        if plan.dockerfile is None or plan.dockerfile_in_context is not None:
            return (self._sum + 2 * _BLOCK,)
        return tuple(sorted({self._sum + added for added in _outside_dockerfile(plan)}))

    def add(self, events: SentEvents) -> None:
        for event in events:  # no file arrives empty: the command line stops instead
            if isinstance(event, Folder):
                path = f"{event.path}/"
                self._sum += _header(path, event.stat, 0, "", event.xattrs)
                continue
            for (name, status), size in zip(event.pairs, event.sizes, strict=True):
                path = event.prefix + name
                link = event.linked.get(name) or event.links.get(name, "")
                self._sum += _header(path, status, size, link, event.xattrs.get(name, {}))
                self._sum += _blocks(size)


def _outside_dockerfile(plan: Plan) -> Figures:
    """Return the bytes that a Dockerfile from outside the context adds to the stream."""
    # `AddDockerfileToBuildContext` of docker/cli adds it at the end under a random name, and that
    # name to the ignore file, which it makes if there is none; the order of the two is random.
    # It does not close this stream: the last entry has no padding, and the end marker is missing.
    dockerfile = len(plan.parsed.data)
    if plan.ignore_file is None:
        heads = 2 * _BLOCK
        ignore_file = len(".dockerignore") + _RANDOM_LINE
        dockerfile_last = heads + _blocks(ignore_file) + dockerfile
        ignore_file_last = heads + _blocks(dockerfile) + ignore_file
        return dockerfile_last, ignore_file_last
    size = len(plan.ignore_file.data)
    growth = _blocks(size + _RANDOM_LINE) - _blocks(size)
    return (_BLOCK + dockerfile + growth,)


def _blocks(size: int) -> int:
    """Return the bytes of a content with its padding."""
    return -size % _BLOCK + size


def _header(path: str, status: stat_result, size: int, link: str, xattrs: Xattrs) -> int:
    """Return the bytes of an entry's header, with an extended header if the entry needs one."""
    name = fsencode(path)
    target = fsencode(link)
    seconds = status.st_mtime_ns // 10**9
    # The records of an extended header, and the bytes of their values.
    records = {}
    if not _fits(target):
        records["linkpath"] = len(target)
    if size > _LARGEST_SIZE:
        records["size"] = len(str(size))
    if not 0 <= seconds <= _LAST_SECOND:
        records["mtime"] = len(str(seconds))
    capability_bytes = xattrs.get("security.capability")
    if capability_bytes:
        records["SCHILY.xattr.security.capability"] = capability_bytes
    if not records and (_fits(name) or _fits_split(name)):
        return _BLOCK
    # In an extended header Go's `archive/tar` also writes a path that would fit when split.
    if not _fits(name):
        records["path"] = len(name)
    body = sum(map(_record, records, records.values()))
    return 2 * _BLOCK + _blocks(body)


def _fits(name: bytes) -> bool:
    if len(name) > _LONGEST_NAME:
        return False
    return name.isascii()


def _fits_split(name: bytes) -> bool:
    """Return whether a long path can be split at a slash into a prefix and a suffix."""
    without_end = len(name) - name.endswith(b"/")
    cut = name.rfind(b"/", 0, min(without_end, _LONGEST_PREFIX + 1))
    if cut <= 0 or not name.isascii():
        return False
    return _fits(name[cut + 1 :])


def _record(key: str, value_bytes: int) -> int:
    r"""Return the length of `"<length> <key>=<value>\n"`, which includes its own digits."""
    rest = len(key) + value_bytes + 3
    length = rest + len(str(rest))
    return rest + len(str(length))


METERS: Mapping[str | None, type[Meter]] = {
    None: Meter,  # for a builder that sends nothing
    "buildkit": PacketMeter,
    "tar": TarMeter,
}
"""The meters, by the names that builders have for them."""
