"""Trees on disk from a described list, the same to the nanosecond every time.

A description is a list of plain strings and :class:`Node` values::

    build_tree(tmp_path / "ctx", ["src/", "src/a.py", link("latest", "src"), fifo("pipe")])

A string that ends in ``/`` is a directory, any other a small file. Parents
need not be listed. Names are ``str`` with undecodable bytes by surrogateescape.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# A time after 1972 with nanoseconds: nine varint bytes on BuildKit's wire, and
# a fraction that the classic builder's tar must drop.
MTIME_NS = 1_700_000_000_123_456_789

COPY_ALL = b"FROM scratch\nCOPY . /\n"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing in a tree. Use the constructors below."""

    path: str
    kind: str = "file"
    content: bytes = b""
    size_bytes: int | None = None
    target: str = ""
    device: int = 0
    mode: int = 0o644
    mtime_ns: int = MTIME_NS
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


def file(
    path: str,
    content: bytes | None = None,
    *,
    size_bytes: int | None = None,
    mode: int = 0o644,
    mtime_ns: int = MTIME_NS,
    xattrs: Mapping[str, bytes] | None = None,
) -> Node:
    """A regular file; with ``size_bytes`` it is extended (sparse) to that size."""
    if content is None:
        content = default_content(path) if size_bytes is None else b""
    return Node(
        path=path,
        content=content,
        size_bytes=size_bytes,
        mode=mode,
        mtime_ns=mtime_ns,
        xattrs=xattrs or {},
    )


def directory(
    path: str,
    *,
    mode: int = 0o755,
    mtime_ns: int = MTIME_NS,
    xattrs: Mapping[str, bytes] | None = None,
) -> Node:
    """A directory, with or without the trailing ``/``."""
    path = path.rstrip("/")
    return Node(path=path, kind="directory", mode=mode, mtime_ns=mtime_ns, xattrs=xattrs or {})


def link(path: str, target: str, *, mtime_ns: int = MTIME_NS) -> Node:
    """A symbolic link; nobody checks that ``target`` exists."""
    return Node(path=path, kind="symlink", target=target, mtime_ns=mtime_ns)


def hardlink(path: str, target: str) -> Node:
    """Another name for the file ``target``, a path inside the tree."""
    return Node(path=path, kind="hardlink", target=target)


def fifo(path: str, *, mode: int = 0o644, mtime_ns: int = MTIME_NS) -> Node:
    """A named pipe."""
    return Node(path=path, kind="fifo", mode=mode, mtime_ns=mtime_ns)


def socket(path: str, *, mode: int = 0o644, mtime_ns: int = MTIME_NS) -> Node:
    """A unix socket that nobody listens to."""
    return Node(path=path, kind="socket", mode=mode, mtime_ns=mtime_ns)


def device(path: str, major: int, minor: int, *, block: bool = False, mode: int = 0o644) -> Node:
    """A character or block device; needs root."""
    kind = "block" if block else "char"
    return Node(path=path, kind=kind, device=os.makedev(major, minor), mode=mode)


def default_content(path: str) -> bytes:
    """What an undescribed file holds: never empty, so an emptied file shows."""
    if path == "Dockerfile":
        return COPY_ALL
    return os.fsencode(path) + b"\n"


def build_tree(
    root: Path,
    nodes: Iterable[str | Node],
    *,
    contents: Mapping[str, bytes] | None = None,
    symlinks: Mapping[str, str] | None = None,
) -> Path:
    """Create ``root`` with everything described; returns ``root``.

    ``contents`` and ``symlinks`` say more about paths that are plain strings.
    Every directory, listed or not, gets the deterministic mtime.
    """
    contents, symlinks = contents or {}, symlinks or {}
    described = [_describe(node, contents, symlinks) for node in nodes]
    directories = {node.path: node for node in described if node.kind == "directory"}
    for node in described:
        for parent in _parents(node.path):
            directories.setdefault(parent, directory(parent))
    top = os.fspath(root)
    root.mkdir(parents=True, exist_ok=True)
    for path in sorted(directories):
        with suppress(FileExistsError):
            os.mkdir(f"{top}/{path}")
    # Hard links last: their targets must exist.
    others = [node for node in described if node.kind != "directory"]
    for node in sorted(others, key=lambda node: node.kind == "hardlink"):
        _create(top, node)
    # Deepest first: finishing a child touches its parent's mtime.
    for path in sorted(directories, reverse=True):
        _finish(f"{top}/{path}", directories[path])
    _set_times(top, MTIME_NS)
    return root


def deep_tree(root: Path, depth: int, *, name: str = "d", leaf: str = "leaf") -> Path:
    """A chain of ``depth`` directories with one file at its end; returns ``root``.

    Made relative to open directories, so the path may be longer than PATH_MAX.
    Remove it with :func:`remove_tree`.
    """
    root.mkdir(parents=True, exist_ok=True)
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    descriptor = os.open(leaf, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
    os.write(descriptor, default_content(leaf))
    os.close(descriptor)
    os.close(here)
    return root


def remove_tree(root: Path) -> None:
    """Remove any tree, however deep; ``shutil.rmtree`` recurses and gives up."""
    rm = shutil.which("rm")
    if rm is None:
        shutil.rmtree(root, ignore_errors=True)
    else:
        subprocess.run([rm, "-rf", "--one-file-system", "--", str(root)], check=False)


def _describe(node: str | Node, contents: Mapping[str, bytes], links: Mapping[str, str]) -> Node:
    if isinstance(node, Node):
        return node
    if node.endswith("/"):
        return directory(node)
    if node in links:
        return link(node, links[node])
    return file(node, contents.get(node))


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _create(top: str, node: Node) -> None:
    path = f"{top}/{node.path}"
    if node.kind == "symlink":
        os.symlink(node.target, path)
        _set_times(path, node.mtime_ns)
    elif node.kind == "hardlink":
        os.link(f"{top}/{node.target}", path)
    else:
        _create_inode(path, node)
        _finish(path, node)


def _create_inode(path: str, node: Node) -> None:
    if node.kind == "file":
        with open(path, "wb", buffering=0) as made:
            made.write(node.content)
            if node.size_bytes is not None:
                made.truncate(node.size_bytes)
    elif node.kind == "fifo":
        os.mkfifo(path)
    elif node.kind == "socket":
        # mknod has no 108-byte limit, unlike bind.
        os.mknod(path, stat.S_IFSOCK | 0o644)
    else:
        form = stat.S_IFBLK if node.kind == "block" else stat.S_IFCHR
        os.mknod(path, form | 0o644, node.device)


def _finish(path: str, node: Node) -> None:
    for name, value in node.xattrs.items():
        os.setxattr(path, name, value, follow_symlinks=False)
    os.chmod(path, node.mode)
    _set_times(path, node.mtime_ns)


def _set_times(path: str, mtime_ns: int) -> None:
    os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)
