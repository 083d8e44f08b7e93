"""The size of the classic builder's tar stream in bytes.

The size equals the builder's figure, to the byte. Source: Go's tar writer, used as in
moby/go-archive.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from ctxsize import units
from ctxsize.engine.events import Batch, Folder, Xattrs
from ctxsize.engine.packets import Meter
from ctxsize.engine.request import Request

_BLOCK = 512
_RANDOM_LINE = len("\n.dockerfile.\n") + 20


class TarMeter(Meter):
    """Counts the bytes of the classic builder's tar stream, which every build sends again."""

    printed = staticmethod(units.printed_by_classic)

    def add_sums(self, announced: int, content: int) -> None:
        self._sum += announced  # `content` is part of that

    def totals(self, request: Request) -> tuple[int, ...]:
        if request.dockerfile is None or request.dockerfile_in_context is not None:
            return (self._sum + 2 * _BLOCK,)
        return tuple(sorted({self._sum + each for each in _outside_dockerfile(request)}))

    def add(self, batches: Sequence[Batch]) -> None:
        for event, _, _ in batches:  # no file arrives empty: the command line stops instead
            if isinstance(event, Folder):
                self._sum += _header(f"{event.path}/", event.stat, 0, "", event.xattrs)
                continue
            for name, each in zip(event.names, event.stats, strict=True):
                link = event.linked.get(name) or event.links.get(name, "")
                size = each.st_size if stat.S_ISREG(each.st_mode) and not link else 0
                xattrs = event.xattrs.get(name, {})
                self._sum += _header(event.prefix + name, each, size, link, xattrs)
                self._sum += _blocks(size)


def _outside_dockerfile(request: Request) -> tuple[int, ...]:
    """Return the bytes that a Dockerfile from outside the context adds to the stream.

    The command line adds it at the end under a random name, and appends that name to
    the ignore file; without an ignore file it adds one too, and the order of the two is
    random. It does not close this stream: the last entry has no padding, and the end
    marker is missing.
    """
    dockerfile = request.dockerfile_bytes
    if request.ignore_file is None:
        ignore_file = len(".dockerignore") + _RANDOM_LINE
        return (
            2 * _BLOCK + _blocks(ignore_file) + dockerfile,
            2 * _BLOCK + _blocks(dockerfile) + ignore_file,
        )
    size = len(request.ignore_file.data)
    return (_BLOCK + dockerfile + _blocks(size + _RANDOM_LINE) - _blocks(size),)


def _blocks(size: int) -> int:
    return -size % _BLOCK + size


def _header(path: str, each: os.stat_result, size: int, link: str, xattrs: Xattrs) -> int:
    """Return the bytes of an entry's header, with an extended header if the entry needs one."""
    name, target, seconds = os.fsencode(path), os.fsencode(link), each.st_mtime_ns // 10**9
    records = {
        "linkpath": len(target) if len(target) > 100 or not target.isascii() else 0,
        "size": len(str(size)) if size > 8 * 1024**3 - 1 else 0,
        "mtime": len(str(seconds)) if not 0 <= seconds <= 0o77777777777 else 0,
        "SCHILY.xattr.security.capability": xattrs.get("security.capability", 0),
    }
    if not any(records.values()) and (name.isascii() and _fits_ustar(name)):
        return _BLOCK
    # In an extended header Go's `archive/tar` also writes a path that would fit when split.
    records["path"] = len(name) if len(name) > 100 or not name.isascii() else 0
    body = sum(_record(key, length) for key, length in records.items() if length)
    return 2 * _BLOCK + _blocks(body)


def _fits_ustar(name: bytes) -> bool:
    """Return whether `name` fits in a header, split into prefix and suffix if necessary."""
    if len(name) <= 100:
        return True
    end = min(len(name) - 1 if name.endswith(b"/") else len(name), 156)
    cut = name.rfind(b"/", 0, end)
    return cut > 0 and len(name) - cut - 1 <= 100


def _record(key: str, value_bytes: int) -> int:
    r"""Return the length of `"<length> <key>=<value>\n"`, which includes its own digits."""
    rest = len(key) + value_bytes + 3
    length = rest + len(str(rest))
    return rest + len(str(length))
