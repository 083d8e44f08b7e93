"""Contexts in the real builders: the same list in the same order, and the same bytes."""

from __future__ import annotations

import json
import re
import stat
import sys
from pathlib import Path

import pytest

from ctxsize.engine.builders import BUILDKIT, CLASSIC, PODMAN, Builder
from ctxsize.errors import BuildFailsError, CtxsizeError
from tests.engine.contexts import (
    CAPABILITY,
    CONTEXTS,
    TIMES,
    TREE,
    Context,
    copy_all,
    random_context,
)
from tests.engine.ours import Ours, ask
from tests.oracles.archives import TarEntry
from tests.oracles.buildkit import BuildResult
from tests.oracles.classic import ClassicResult
from tests.oracles.engines import Docker, Podman
from tests.oracles.processes import clean_environment, run, without_root_powers
from tests.trees import (
    Node,
    build_tree,
    deep_tree,
    directory,
    file,
    hardlink,
    link,
    remove_tree,
)

RANDOM = {f"random {seed}": random_context(seed) for seed in range(60)}
ALL = CONTEXTS | RANDOM


def with_names(names: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("context", [ALL[name] for name in names], ids=names)


def emptied(root: Path, entries: tuple[TarEntry, ...]) -> set[str]:
    """The files that have content on disk and none in the image."""
    empty = {entry.name for entry in entries if entry.kind == "file" and not entry.size_bytes}
    stats = {name: (root / name).lstat() for name in empty}
    return {n for n, each in stats.items() if stat.S_ISREG(each.st_mode) and each.st_size}


def check_buildkit(root: Path, ours: Ours, result: BuildResult) -> None:
    if ours.not_utf8:
        assert "string field contains invalid UTF-8" in (result.error or "")
        return
    if ours.error is not None or result.error is not None:
        assert ours.error is not None, result.error
        assert result.error is not None, ours.error
        assert words(ours.error.message) in result.error or result.canceled
        return
    assert list(ours.names) == result.names
    assert ours.emptied == emptied(root, result.entries)
    assert ours.wire_bytes == result.transferred_bytes


def words(message: str) -> str:
    """Docker's part of our message."""
    size = re.search(r"need [\d,]+ bytes", message)
    return "header list size to send violates the maximum size" if size else message


@with_names(list(ALL))
def test_our_answer_is_that_of_buildkit(context: Context, docker: Docker, tmp_path: Path) -> None:
    root, dockerfile = context.build(tmp_path)
    ours = ask(root, dockerfile=dockerfile)
    check_buildkit(root, ours, docker.build_buildkit(root, dockerfile=dockerfile))


def test_buildkit_with_wider_positions(docker: Docker, tmp_path: Path) -> None:
    """Beyond 16,384 entries a position takes one more byte in each packet of content."""
    nodes = [f"d{number % 200}/f{number}" for number in range(16_400)]
    root = build_tree(tmp_path / "ctx", ["Dockerfile", *nodes])
    check_buildkit(root, ask(root), docker.build_buildkit(root))


def test_buildkit_where_the_path_is_too_long(docker: Docker, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["Dockerfile"])
    deep_tree(root / "deep", 2100)
    try:
        ours, result = ask(root), docker.build_buildkit(root)
        (root / ".dockerignore").write_bytes(b"deep")
        ignored = ask(root), docker.build_buildkit(root)
    finally:
        remove_tree(root)
    assert ours.error is not None
    assert result.error is not None
    assert "file name too long" in ours.error.message
    assert "file name too long" in result.error
    check_buildkit(root, *ignored)


UNREADABLE: dict[str, tuple[list[str | Node], str]] = {
    "file": ([file("a", mode=0), file("b", mode=0o222), "c"], ""),
    "empty file": ([file("a", b"", mode=0), "c"], ""),
    "file, hard linked": ([file("a", mode=0), hardlink("b", "a")], ""),
    "directory": ([directory("d", mode=0), "c"], ""),
    "directory that can be listed only": ([directory("d", mode=0o444), "c"], ""),
    "directory that can be entered only": ([directory("d", mode=0o111), "c"], ""),
    "directory, listed only, with a file": ([directory("d", mode=0o444), "d/a", "c"], ""),
    "directory, ignored": ([directory("d", mode=0), "c"], "d"),
    "directory, ignored, an exception elsewhere": ([directory("d", mode=0), "c/x"], "d\n!c/x"),
    "directory, ignored, an exception inside": ([directory("d", mode=0), "c"], "d\n!d/x"),
    "directory, ignored, a wildcard": ([directory("d", mode=0), "c"], "d\n!**/x"),
    "directory, in an ignored one": ([directory("d/e", mode=0), "c"], "d\n!d/x"),
    "file, ignored": ([file("a", mode=0), "c"], "a"),
}


def ask_without_root_powers(root: Path, builder: Builder = BUILDKIT) -> Ours:
    argv = [sys.executable, "-m", "tests.engine.ours", str(root), builder.name]
    environment = clean_environment(PYTHONPATH=str(Path(__file__).parents[2]))
    told = run(without_root_powers(argv), env=environment)
    assert not told.code, told.stderr
    names, empty, wire_bytes, error = json.loads(told.stdout)
    failed = None if error is None else BuildFailsError(error)
    return Ours(tuple(names), frozenset(empty), wire_bytes, failed)


@pytest.mark.parametrize(("nodes", "ignorefile"), UNREADABLE.values(), ids=UNREADABLE)
def test_buildkit_without_permission(
    nodes: list[str | Node], ignorefile: str, docker: Docker, tmp_path: Path
) -> None:
    root, _ = Context(tuple(nodes), ignorefile).build(tmp_path)
    ours, result = ask_without_root_powers(root), docker.build_buildkit(root, unprivileged=True)
    if ours.error is not None and result.error is not None:
        assert "permission denied" in ours.error.message
        assert "permission denied" in result.error or result.canceled
        return
    check_buildkit(root, ours, result)


CLASSIC_ONLY = {
    **{
        f"path of {length} bytes": Context(("x" * 60 + "/" + "y" * (length - 61), "a"))
        for length in (99, 100, 101, 155, 161, 162)
    },
    **{
        f"directory of {length} bytes": Context(("x" * 60 + "/" + "y" * (length - 62) + "/",))
        for length in (99, 100, 101, 155, 161, 162)
    },
    **{
        f"prefix of {length} bytes": Context(
            ("/".join(["p" * 50, "p" * 50, "p" * (length - 102)]) + "/" + "s" * 100,)
        )
        for length in (153, 154, 155, 156, 157)
    },
    "name of 200 bytes": Context(("n" * 200,)),
    "long directories": Context(("/".join(["p" * 30] * 9) + "/f",)),
    "names that are not ASCII": Context(("é", "日本/a", link("l", "é"), "x" * 120 + "é")),
    "names that are not UTF-8": Context(("\udcff", "d\udc80/x")),
    "link targets of 99 to 101 bytes": Context(
        tuple(link(f"l{length}", "t" * length) for length in (99, 100, 101, 300))
    ),
    "hard link to a long name": Context(("n" * 120, hardlink("z", "n" * 120))),
    "hard link to a name that is not ASCII": Context(("é", hardlink("z/é", "é"))),
    **{
        f"time: {name}": Context((file("a", mtime_ns=time), link("l", "a", mtime_ns=time)))
        for name, time in TIMES.items()
    },
    "time that needs twelve octal digits": Context((file("a", mtime_ns=8_589_934_592 * 10**9),)),
    "capability of a file with a long name": Context(
        (file("n" * 120, xattrs={"security.capability": CAPABILITY}),)
    ),
    "Dockerfile nested and ignored": Context((*TREE, copy_all("d/D")), "d", dockerfile="d/D"),
    "Dockerfile nested, exceptions before": Context(
        (*TREE, copy_all("d/e/D")), "*\n!b\nd/e/D", dockerfile="d/e/D"
    ),
}
# The classic daemon takes half a minute for a pattern of 65,535 characters.
NOT_FOR_CLASSIC = re.compile(r"\d bytes|header|not too long|long line at|random [2-9]\d")
BY_CLASSIC = CLASSIC_ONLY | {
    name: context for name, context in ALL.items() if not NOT_FOR_CLASSIC.search(name)
}


@pytest.mark.parametrize("context", BY_CLASSIC.values(), ids=BY_CLASSIC)
def test_our_answer_is_that_of_the_classic_builder(
    context: Context, docker: Docker, tmp_path: Path
) -> None:
    root, dockerfile = context.build(tmp_path)
    ours = ask(root, dockerfile=dockerfile, builder=CLASSIC)
    check_classic(root, ours, docker.build_classic(root, dockerfile=dockerfile))


def check_classic(root: Path, ours: Ours, result: ClassicResult) -> None:
    if ours.error is not None or result.sent_bytes is None:
        assert ours.error is not None, result.error
        assert result.sent_bytes is None
        assert result.error is not None
        assert reason(ours.error) in result.error.lower()
        return
    names = [name for name in result.names if not ADDED_DOCKERFILE.fullmatch(name)]
    if len(names) < len(result.names) and not (root / ".dockerignore").exists():
        names.remove(".dockerignore")
    assert list(ours.names) == names
    possible = possible_bytes(result, added=len(result.names) - len(names))
    assert ours.wire_bytes == min(possible)


ADDED_DOCKERFILE = re.compile(r"\.dockerfile\.[0-9a-f]{20}")


def reason(error: CtxsizeError) -> str:
    """The last part of the message, which is the system's or Docker's."""
    return error.message.rpartition(": ")[2].lower()


def possible_bytes(result: ClassicResult, *, added: int) -> set[int]:
    """The length of the stream, and what it might have been.

    The CLI adds a Dockerfile from outside and, where there is none, the ignore
    file in random order, and it leaves out the padding of whatever comes last.
    """
    assert result.sent_bytes is not None
    if added < 2:
        return {result.sent_bytes}
    before, last = (-entry.size_bytes % 512 for entry in result.sent[-2:])
    return {result.sent_bytes, result.sent_bytes - before + last}


BY_BUILDAH = {
    name: CONTEXTS[name]
    for name in (
        *("hard links", "symlinks", "symlink to an ignored directory", "modes"),
        *("names in byte order", "names that are not UTF-8", "odd names", "long names"),
        *("patterns over names that are not UTF-8", "lazily sent parents"),
        *("lazily sent parents, two branches", "directories that stay empty", "arrives empty"),
        *("pruning is not neutral", "exception with a wildcard", "Dockerfile ignored"),
        *("bad pattern", "no pattern after !", "control character", "line that is too long"),
        *("Dockerfile-specific", "Dockerfile-specific, empty", "Dockerfile elsewhere"),
        *("ignore file is a symlink", "ignore file is an absolute symlink"),
        *("ignore file is a symlink to the outside", "BOM, CR and blanks"),
        *(".DOCKERIGNORE and .containerignore", "ignore file is a loop"),
        *("ignore file is a directory", "ignore file is a dangling symlink"),
        *("Dockerfile elsewhere, root's file", "Dockerfile outside", "Dockerfile is a symlink"),
    )
} | {name: RANDOM[name] for name in list(RANDOM)[:20]}


@pytest.mark.parametrize("context", BY_BUILDAH.values(), ids=BY_BUILDAH)
def test_our_answer_is_that_of_buildah(context: Context, buildah: Podman, tmp_path: Path) -> None:
    root, dockerfile = context.build(tmp_path)
    ours = ask(root, dockerfile=dockerfile, builder=PODMAN)
    result = buildah.build_buildah(root, dockerfile=dockerfile)
    if ours.error is not None or result.error is not None:
        assert ours.error is not None, result.error
        assert result.error is not None, ours.error
        assert reason(ours.error) in result.error.lower()
        return
    assert sorted(ours.names) == sorted(result.names)
