"""Trees and ignore files for the compiled core: all that it judges, and all that it hands back."""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import strategies as st

from tests.engine.contexts import SIZES, TIMES
from tests.engine.strategies import NAMES, nasty_names, nasty_patterns
from tests.trees import (
    MTIME_NS,
    Node,
    directory,
    fifo,
    file,
    hardlink,
    link,
    socket,
)

ENDED = [
    *(
        ".env",
        ".env.x",
        ".env.",
        ".env.example",
        "..x",
        "x.",
        "a.b.c",
        "...",
        "..env.x",
        "cert.pem",
    ),
    *("node_modules", ".git", "target", "CACHEDIR.TAG", "Cargo.toml"),
]
"""Names of usual files, and names whose ending is hard to tell."""
ODD = [
    "\udcff",
    "a\udc80",
    "\udcc3",
    "é\udcff",
    "a\nb",
    "\n",
    "é",
    "日本",
    "😀",
    "\u0301",
    " a",
    "a ",
]
"""Names that are not UTF-8, not ASCII, or hold what expressions stop at."""
_MODES = [0o644] * 8 + [0o600, 0o400, 0o000, 0o755, 0o4755, 0o2644, 0o1644, 0o440, 0o240]
_FOLDER_MODES = [0o755] * 8 + [0o1777, 0o2755, 0o700, 0o311, 0o000, 0o744]
_TIMES = [MTIME_NS] * 8 + [*TIMES.values()]
_SIZES = [0, 1, 5, 5, 5, 9] * 4 + SIZES
_XATTRS: list[dict[str, bytes]] = [{}] * 12 + [{"user.k": b"v"}, {"user.empty": b""}]
_ENDS = ["", "", "", "/", "/*", "/**", "*", "**", "?", "/?*", "[a-z]"]
_STARTS = ["", "", "!", "!", "**/", "!**/", "*/", "!*/", "**"]
_TAME = ["a", "b", "x", ".", "é", "*", "*", "?", "/", "/", "**", "[ab]", "[a-z0-9_]", "[.]", "-"]

_names = st.one_of(
    st.sampled_from(NAMES[:8]),
    st.sampled_from(NAMES[:8]),
    st.sampled_from(ENDED),
    st.sampled_from(ODD),
    nasty_names,
)
_tame = st.builds(
    lambda mark, parts: mark + "".join(parts),
    st.sampled_from(["", "", "!"]),
    st.lists(st.sampled_from(_TAME), min_size=1, max_size=7),
)


@st.composite
def _entry(draw: st.DrawFn, path: str, others: list[str]) -> Node:
    """Draw what is at `path`, often a plain file; `others` are there before it."""
    kind = draw(st.sampled_from(["file"] * 12 + ["link", "link", "hard", "hard", "fifo", "socket"]))
    mtime_ns = draw(st.sampled_from(_TIMES))
    if kind == "link":
        return link(path, draw(st.sampled_from(["a", "..", "x/é", "\udcff", "x" * 120])))
    if kind == "hard" and others:
        return hardlink(path, draw(st.sampled_from(others)))
    mode = draw(st.sampled_from(_MODES))
    if kind in ("fifo", "socket"):
        return (fifo if kind == "fifo" else socket)(path, mode=mode, mtime_ns=mtime_ns)
    size, xattrs = draw(st.sampled_from(_SIZES)), draw(st.sampled_from(_XATTRS))
    return file(path, size_bytes=size, mode=mode, mtime_ns=mtime_ns, xattrs=xattrs)


@st.composite
def trees(draw: st.DrawFn) -> list[Node]:
    """Draw the entries of a tree, directories that are described among them."""
    paths = draw(
        st.lists(
            st.lists(_names, min_size=1, max_size=4).map("/".join),
            min_size=1,
            max_size=14,
            unique=True,
        )
    )
    settled = [os.fsdecode(os.fsencode(path)) for path in paths]
    # What lies below another one makes that a directory.
    files = [path for path in settled if not any(each.startswith(f"{path}/") for each in settled)]
    nodes: list[Node] = []
    linkable: list[str] = []
    for path in dict.fromkeys(files):
        if path in (".dockerignore", "Dockerfile", ".containerignore"):
            continue
        nodes.append(draw(_entry(path, linkable)))
        if nodes[-1].kind != "hardlink":
            linkable.append(path)
    above = sorted({path[:at] for path in files for at, char in enumerate(path) if char == "/"})
    for path in above:
        if draw(st.integers(0, 2)) == 0:
            described = directory(path, mtime_ns=draw(st.sampled_from(_TIMES)))
            mode, xattrs = draw(st.sampled_from(_FOLDER_MODES)), draw(st.sampled_from(_XATTRS))
            nodes.append(replace(described, mode=mode, xattrs=xattrs))
    return nodes


@st.composite
def _about(draw: st.DrawFn, paths: list[str]) -> str:
    """Draw a pattern that matches one of `paths` or nearly so."""
    parts = draw(st.sampled_from(paths)).split("/")
    parts = parts[: draw(st.integers(1, len(parts)))]
    for at in draw(st.sets(st.integers(0, len(parts) - 1), max_size=2)):
        one = parts[at]
        globs = ["*", "**", "?", f"*{one[1:]}", f"{one[:1]}*", f"?{one[1:]}", f"{one[:-1]}?"]
        parts[at] = draw(st.sampled_from([*globs, f"{one[:-1]}[a-zA-Z0-9_]"]))
    return draw(st.sampled_from(_STARTS)) + "/".join(parts) + draw(st.sampled_from(_ENDS))


@st.composite
def contexts(draw: st.DrawFn) -> tuple[list[Node], bytes]:
    """Draw the entries of a context and the bytes of its ignore file."""
    nodes = draw(trees())
    paths = [node.path for node in nodes] or ["a"]
    line = st.one_of(_about(paths), _about(paths), _about(paths), _tame)
    if draw(st.integers(0, 4)) == 0:
        line |= nasty_patterns
    lines = draw(st.lists(line, max_size=7))
    if draw(st.integers(0, 3)) == 0:
        lines.insert(0, "*")
    return nodes, "\n".join(lines).encode("utf-8", "surrogateescape")
