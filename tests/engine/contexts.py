"""Contexts that each hold one thing which a builder treats in a way of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.engine.strategies import NAMES, random_line
from tests.trees import (
    COPY_ALL,
    Node,
    build_tree,
    device,
    directory,
    fifo,
    file,
    hardlink,
    link,
    socket,
)

# What the kernel keeps for `setcap cap_net_raw+ep`, and for an access control list.
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
ACL = bytes.fromhex("02000000 01000600ffffffff 02000400e8030000 04000400ffffffff".replace(" ", ""))
ACL += bytes.fromhex("10000600ffffffff 20000400ffffffff".replace(" ", ""))

CHUNK = 32 * 1024
SIZES = [
    *(0, 1, 127, 128, 129, 255, 16_383, 16_384, 16_385, 2_097_151, 2_097_152),
    *(CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 5 * CHUNK + 77),
    *(CHUNK + 127, CHUNK + 128, CHUNK + 16_383, CHUNK + 16_384),
]
DAY_NS = 86_400 * 10**9
TIMES = {
    "epoch": 0,
    "a nanosecond": 1,
    "before the epoch": -DAY_NS - 1,
    "half a second before the epoch": -(10**9) // 2,
    "1970": 10**9 + 5,
    "1972": 2**56,
    "whole seconds": 1_700_000_000 * 10**9,
    "2038": 2**31 * 10**9,
    "2200": 7_258_118_400 * 10**9 + 7,
    "after 2262": 10_000_000_000 * 10**9,
}


@dataclass(frozen=True)
class Context:
    """A tree, and how it is built: a Dockerfile elsewhere, or something that needs code."""

    nodes: tuple[str | Node, ...]
    ignorefile: str | None = None
    dockerfile: str | None = None
    prepare: Callable[[Path], object] | None = None

    def build(self, base: Path) -> tuple[Path, Path | None]:
        """The context's directory, and the Dockerfile to name."""
        nodes = list(self.nodes)
        if not self.dockerfile and not any(_is_dockerfile(node) for node in nodes):
            nodes.append("Dockerfile")
        if self.ignorefile is not None:
            nodes.append(file(".dockerignore", os.fsencode(self.ignorefile)))
        root = build_tree(base / "ctx", nodes)
        if self.prepare is not None:
            self.prepare(root)
        return root, None if self.dockerfile is None else root / self.dockerfile


def _is_dockerfile(node: str | Node) -> bool:
    return (node if isinstance(node, str) else node.path) in ("Dockerfile", "dockerfile")


def copy_all(path: str) -> Node:
    """A Dockerfile at `path`."""
    return file(path, COPY_ALL)


def _write(path: str, data: bytes = COPY_ALL) -> Callable[[Path], object]:
    def prepare(root: Path) -> None:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(data)

    return prepare


def _hardlinked_symlink(root: Path) -> None:
    os.link(root / "l", root / "m", follow_symlinks=False)


def _replace_by_link(path: str, target: str) -> Callable[[Path], object]:
    def prepare(root: Path) -> None:
        outside = root.parent / "outside"
        outside.write_bytes(b"b\n")
        (root / path).symlink_to(target)

    return prepare


TREE = ("a", "b", "d/a", "d/b", "d/e/a", "d/e/f/b", "empty/")
LONG = "n" * 255

CONTEXTS: dict[str, Context] = {
    # Sizes, times, positions
    **{
        f"{size} bytes": Context(("a", file("b", size_bytes=size), file("c", size_bytes=size)))
        for size in SIZES
    },
    **{
        f"time: {name}": Context(
            ("x/a", file("a", mtime_ns=time), directory("d", mtime_ns=time), link("l", "a"))
        )
        for name, time in TIMES.items()
    },
    "130 entries": Context(tuple(f"d{n % 7}/f{n}" for n in range(130))),
    "empty context": Context((), ignorefile="*"),
    "only a Dockerfile": Context(()),
    # Kinds
    "hard links": Context(("a", hardlink("b", "a"), hardlink("d/c", "a"), hardlink("0", "a"))),
    "hard link, first name ignored": Context(("a", hardlink("b", "a"), hardlink("c", "a")), "a"),
    "hard link, all but one ignored": Context(
        ("a", hardlink("b", "a"), hardlink("c", "a")), "[ab]"
    ),
    "hard link to an ignored directory": Context(("d/a", hardlink("e", "d/a")), "d"),
    "hard link, first name arrives empty": Context(("d/a", hardlink("x", "d/a")), "d\n!d/a\nd\n"),
    "hard link, second name arrives empty": Context(
        ("a", hardlink("d/x", "a"), "d/y"), "d\n!d/x\nd\n"
    ),
    "hard link to an empty file": Context((file("a", b""), hardlink("b", "a"))),
    "hard link to a FIFO": Context((fifo("p"), hardlink("q", "p"))),
    "hard link to a symlink": Context(("a", link("l", "a")), prepare=_hardlinked_symlink),
    "hard link to a socket": Context((socket("s"), hardlink("t", "s"))),
    "symlinks": Context(
        ("d/a", link("l", "d"), link("m", "d/a"), link("n", "/etc"), link("o", "../.."))
    ),
    "symlink loops": Context((link("l", "l"), link("m", "n"), link("n", "m"), link("d/up", ".."))),
    "symlink with a long target": Context((link("l", "x/" * 200 + "y"), link("m", "é" * 100))),
    "symlink to an ignored directory": Context(("d/a", link("l", "d")), "d"),
    "path through an ignored symlink": Context(("d/a", link("l", "d")), "l/a\n*\n!l/a"),
    "FIFO": Context((fifo("p"), fifo("q", mode=0o600), "z")),
    "socket": Context((socket("s"), socket("d/t", mode=0o777), "z")),
    "socket, ignored": Context((socket("s"), "z"), "s"),
    "devices": Context(
        (device("null", 1, 3), device("b", 259, 300, block=True), device("zero", 0, 0))
    ),
    "modes": Context(
        (
            file("u", mode=0o4755),
            file("g", mode=0o2755),
            file("t", mode=0o1644),
            file("all", mode=0o7777),
            file("none", mode=0),
            directory("s", mode=0o1777),
            directory("sg", mode=0o2775),
            directory("d", mode=0o700),
        )
    ),
    "empty files and directories": Context((file("a", b""), "d/", "e/f/", file("g/h", b""))),
    "extended attributes": Context(
        (
            file("a", xattrs={"user.k": b"v", "user.empty": b"", "user.long": b"x" * 300}),
            directory("d", xattrs={"user.dir": bytes(range(256))}),
            file("com", xattrs={"user.com.apple.x": b"1", "trusted.t": b"2"}),
        )
    ),
    "extended attributes of an ignored parent": Context(
        (directory("d", xattrs={"user.dir": b"1"}), "d/a", "d/b"), "d\n!d/a"
    ),
    "file capability": Context((file("ping", xattrs={"security.capability": CAPABILITY}),)),
    "access control list": Context(
        (file("a", mode=0o664, xattrs={"system.posix_acl_access": ACL}), "b")
    ),
    # Names
    "names in byte order": Context(
        (
            "a",
            "a-b/x",
            "a.b/x",
            "ab/x",
            "B",
            "_",
            "aa",
            "é",
            "z",
            "日",
            "😀",
            "\uffee",
            "A/x",
            "a!/y",
        )
    ),
    "names in byte order, a directory among them": Context(
        ("a/x", "a-", "a.", "a0", "a/y/z", "a/y-", "a\x01")
    ),
    "names that are not UTF-8": Context(
        ("\udcff", "d\udc80/x", "\udcc3", "é", "\U0010ffff", "\udcf0\udc9f", "\uffff")
    ),
    "patterns over names that are not UTF-8": Context(
        ("a\udcff", "b\udcff\udcfe", "c\udcff", "d\ufffd", "\udcff/x"), "a?\nb?\n[^a-b]?\n"
    ),
    "long names": Context((LONG, f"{LONG[:200]}/{LONG}", "é" * 127, "😀" * 63 + "x")),
    "deep directories": Context(("/".join(["d" * 50] * 60) + "/x",)),
    "deep directories, all but the last ignored": Context(
        ("/".join(["d"] * 200) + "/x", "d/y"), "*\n!" + "/".join(["d"] * 200) + "/x"
    ),
    "odd names": Context(
        ("-", "...", "..a", " a ", "a\nb", "a\\b", "*", "?", "[x]", "!a", "#b", "~")
    ),
    # Patterns
    "lazily sent parents": Context((*TREE, "d/e/f/g/h"), "*\n!d/e/f/g/h"),
    "lazily sent parents, two branches": Context(TREE, "*\n!d/e/f\n!empty"),
    "directories that stay empty": Context(TREE, "d/**\nempty/*"),
    "arrives empty": Context((*TREE, "foo/bar", "foo/baz"), "foo\n!foo/bar\nfoo"),
    "arrives empty, deeper": Context(("n/keep/f", "n/keep/g/h", "n/x"), "n\n!n/keep\n**/n\n"),
    "pruning is not neutral": Context((*TREE, "d/e/f/x"), "*\n!d/*/**"),
    "exception with a wildcard": Context((*TREE, "x.md", "d/e/y.md"), "*\n!**/*.md"),
    "Dockerfile ignored": Context(TREE, "Dockerfile\n.dockerignore\nb"),
    "bad pattern that nothing reaches": Context(TREE, "*\n[z-a]"),
    "bad pattern, an exception that is reached": Context(TREE, "*\n![z-a]"),
    "bad pattern": Context(TREE, "a\n[\n"),
    "no pattern after !": Context(TREE, "a\n ! \n"),
    "control character": Context(TREE, "a\x01b\n"),
    "control character, and another alphabet": Context(TREE, "a\x01b\né\nb"),
    "pattern that is not UTF-8": Context(("a", "\udcff", "\ufffd", "x\udcff"), "\udcff\n?\udcff\n"),
    "line that is too long": Context(TREE, "x" * 70_000 + "\n"),
    "line that is just not too long": Context(TREE, "x" * 65_535 + "\nb\n"),
    "long line at the end": Context(TREE, "b\n" + "x" * 65_535),
    "long line with CR": Context(TREE, "b\n" + "x" * 65_535 + "\r\n"),
    "patterns that just fit the header": Context(
        TREE, "".join(f"p{n:018}\n" for n in range(15_630))
    ),
    "patterns that do not fit the header": Context(
        TREE, "".join(f"p{n:018}\n" for n in range(15_670))
    ),
    # Which files govern
    "Dockerfile-specific": Context((*TREE, file("Dockerfile.dockerignore", b"a\n")), "b"),
    "Dockerfile-specific, empty": Context((*TREE, file("Dockerfile.dockerignore", b"")), "b"),
    "Dockerfile-specific for another": Context((*TREE, file("x.dockerignore", b"a\n")), "b"),
    "Dockerfile elsewhere": Context(
        (*TREE, copy_all("d/D"), file("d/D.dockerignore", b"d/e\n"), "d/.dockerignore"),
        "b",
        dockerfile="d/D",
    ),
    "Dockerfile elsewhere, root's file": Context(
        (*TREE, copy_all("d/D"), file("d/.dockerignore", b"*\n")), "b", dockerfile="d/D"
    ),
    "lower case": Context((*TREE, copy_all("dockerfile")), "b"),
    "lower case, specific": Context(
        (*TREE, copy_all("dockerfile"), file("dockerfile.dockerignore", b"a\n")), "b"
    ),
    "lower case, but the other's specific": Context(
        (*TREE, copy_all("dockerfile"), file("Dockerfile.dockerignore", b"a\n")), "b"
    ),
    "Dockerfile outside": Context(
        TREE, "b", dockerfile="../other/My.df", prepare=_write("../other/My.df")
    ),
    "Dockerfile outside, no ignore file": Context(
        TREE, dockerfile="../other/My.df", prepare=_write("../other/My.df")
    ),
    "Dockerfile is a symlink": Context(
        (*TREE, copy_all("d/D"), link("Dockerfile", "d/D"), file("Dockerfile.dockerignore", b"a\n"))
    ),
    "ignore file is a symlink": Context(
        (*TREE, file("d/ignore", b"b\n"), link(".dockerignore", "d/ignore"))
    ),
    "ignore file is an absolute symlink": Context(
        (*TREE, file("d/ignore", b"b\n"), link(".dockerignore", "/d/ignore"))
    ),
    "ignore file is a chain of symlinks": Context(
        (
            *TREE,
            file("d/ignore", b"b\n"),
            link("d/l", "../m"),
            link("m", "d/ignore"),
            link(".dockerignore", "d/l"),
        )
    ),
    "ignore file is a symlink to the outside": Context(
        TREE, prepare=_replace_by_link(".dockerignore", "../outside")
    ),
    "ignore file is a dangling symlink": Context((*TREE, link(".dockerignore", "nowhere"))),
    "ignore file is /dev/null": Context((*TREE, link(".dockerignore", "/dev/null"))),
    "ignore file is a loop": Context((*TREE, link(".dockerignore", ".dockerignore"))),
    "ignore file is a directory": Context((*TREE, ".dockerignore/x")),
    "specific ignore file is a symlink to the outside": Context(
        TREE, "a", prepare=_replace_by_link("Dockerfile.dockerignore", "../outside")
    ),
    "BOM, CR and blanks": Context(TREE, "\ufeffa\r\n \u00a0b\u2003\r\n#d\r\n  \n"),
    ".DOCKERIGNORE and .containerignore": Context(
        (*TREE, file(".DOCKERIGNORE", b"a\n"), file(".containerignore", b"d\n"))
    ),
}
"""By what is special about each."""


def random_context(seed: int) -> Context:
    """A random tree, with files of all sizes, and a random ignore file for it."""
    rng = Random(seed)
    nodes: dict[str, str | Node] = {}
    for _ in range(rng.randint(3, 25)):
        path = "/".join(rng.choice(NAMES) for _ in range(rng.randint(1, 4)))
        parents = [path[:at] for at, char in enumerate(path) if char == "/"]
        if path in nodes or any(parent in nodes for parent in parents):
            continue
        if any(other.startswith(f"{path}/") for other in nodes):
            continue
        size = rng.choice([0, 5, 5, 130, 20_000, 40_000])
        nodes[path] = file(path, rng.randbytes(size)) if rng.random() < 0.8 else directory(path)
    lines = [random_line(rng, tame=rng.random() < 0.8) for _ in range(rng.randint(0, 5))]
    return Context(tuple(nodes.values()), "\n".join(lines))
