"""Tar archives, as entries that can be compared."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
}
_XATTR = "SCHILY.xattr."


@dataclass(frozen=True)
class TarEntry:
    """One member; ``name`` ends in ``/`` for a directory and has no leading ``./``."""

    name: str
    kind: str
    size_bytes: int
    linkname: str = ""
    mode: int = 0o644
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, str] = field(default_factory=dict)


def read_tar(source: Path | bytes) -> tuple[TarEntry, ...]:
    """The members of an archive in its own order; no members if it is empty."""
    if isinstance(source, bytes):
        with tarfile.open(fileobj=io.BytesIO(source), mode="r:*") as archive:
            return _entries(archive)
    with tarfile.open(source, mode="r:*") as archive:
        return _entries(archive)


def _entries(archive: tarfile.TarFile) -> tuple[TarEntry, ...]:
    members = (_entry(member) for member in archive)
    return tuple(entry for entry in members if entry.name not in {"", "/"})


def _entry(member: tarfile.TarInfo) -> TarEntry:
    name = member.name.removeprefix("./").strip("/")
    headers = member.pax_headers
    return TarEntry(
        name=f"{name}/" if member.isdir() else name,
        kind=_KINDS.get(member.type, "other"),
        size_bytes=member.size,
        linkname=member.linkname,
        mode=member.mode,
        device=(member.devmajor, member.devminor) if member.isdev() else (0, 0),
        xattrs={key.removeprefix(_XATTR): v for key, v in headers.items() if _XATTR in key},
    )
