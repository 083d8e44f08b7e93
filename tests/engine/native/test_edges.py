"""Contexts on which the core and the Python walk could differ, or did."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from ctxsize.engine.builders import BUILDKIT, CLASSIC
from ctxsize.engine.filesystem import _LONGEST_PATH
from tests.cli.conftest import environment, unprivileged
from tests.engine.contexts import CAPABILITY
from tests.engine.native.both import THREADS, check, check_plan, core
from tests.engine.native.strategies import ENDED
from tests.oracles.availability import require
from tests.resolving import resolve
from tests.trees import (
    Node,
    build_tree,
    deep_tree,
    directory,
    file,
    hardlink,
    link,
    remove_tree,
    socket,
)
from tests.writer.places import small_disk


def test_the_core_counts_a_plain_context_alone(tmp_path: Path) -> None:
    root = build_tree(tmp_path, ["a", "d/b", "d/e/c.py", file(".dockerignore", b"*\n!d\nd/e\n")])
    for builder in (BUILDKIT, CLASSIC):
        for spy in check_plan(resolve(str(root), builder=builder)):
            assert (spy.sums, spy.asks, spy.handed_back) == (1, 0, 0)


def test_where_characters_matter_python_is_asked(tmp_path: Path) -> None:
    lines = b"*\n!**/k?\n!x/y/z\n"
    tree = ["a/b/k\xe9", "a/b/c/q\xe9", "a/d/e", "x/y/z", "x/\xe9/a", "q\xe9/k1", "m\nn/k1"]
    root = build_tree(tmp_path, [*tree, file(".dockerignore", lines)])
    for builder in (BUILDKIT, CLASSIC):
        for spy in check_plan(resolve(str(root), builder=builder)):
            assert spy.asks


def test_where_no_pattern_counts_characters_python_is_not_asked(tmp_path: Path) -> None:
    lines = "é*\n!*é\n".encode()
    tree: list[str | Node] = ["éa", "aé", "éaé/é", "é/aé", "a/é", file(".dockerignore", lines)]
    for spy in check(build_tree(tmp_path, tree))[: len(THREADS)]:
        assert (spy.asks, spy.handed_back) == (0, 0)


def test_patterns_on_whole_paths(tmp_path: Path) -> None:
    """A class that matches `/`; the text that it needs may be in a directory's name."""
    lines = b"[^x]*y\n!main[^a]*.c\nd/lib[^a]*b/k*\n!d/lib/m\n"
    tree = ["main/a.c", "main/b/c.c", "main-x/y", "x/main.c", "ab/y", "xb/y", "d/lib/ab/k/k"]
    more = ["d/lib/aab/k", "d/lib/m", "d/lib/zb/k1/m", "d/lib1b/k2"]
    for spy in check(build_tree(tmp_path, [*tree, *more, file(".dockerignore", lines)]))[
        : 2 * len(THREADS)
    ]:
        assert spy.asks


@pytest.mark.parametrize("lines", [b"*\n!**/k\n", b"*\n!**/k\n!d*\n", b"*\n!**/k\nd*/d*/d*\n"])
def test_what_the_core_cannot_open_below_an_ignored_directory(lines: bytes, tmp_path: Path) -> None:
    """Python opens it, and announces those above if no one did; the core needs longer paths."""
    root = build_tree(tmp_path / "ctx", ["a/k", "e/k", file(".dockerignore", lines)])
    room = _LONGEST_PATH - len(f"{root}/") - 200
    near = Path(*["d" * 99] * (room // 100 - 1), "d" * (100 + room % 100))
    for leaf in ("b/a", "c/k", "d/k", "e/f/k", "e/k", "g/h"):
        (root / near / leaf).parent.mkdir(parents=True, exist_ok=True)
        (root / near / leaf).write_bytes(b"123")
    try:
        for spy in check(root)[: len(THREADS)]:
            assert spy.handed_back
        (root / near.parent / "k").touch()
        check(root)
    finally:
        remove_tree(root)


def test_a_context_below_a_very_long_path_is_left_to_python(tmp_path: Path) -> None:
    root = deep_tree(tmp_path / "deep", 38, name="d" * 100, leaf="a")
    context = f"{root}{('/' + 'd' * 100) * 38}"
    try:
        check(context, used=False)
    finally:
        remove_tree(root)


def test_two_lines_with_the_same_pattern_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """They take as many bytes; the walk meets a file of the second line first."""
    lines = b"*\n!**/f*\nfa*\n!**/f*\n"
    check(build_tree(tmp_path, ["fa1", "fb1", file(".dockerignore", lines)]))


def test_a_pattern_with_a_zero_byte_is_left_to_python(tmp_path: Path) -> None:
    """For the classic builder no exception leads into `a/b`."""
    lines = b"a\n!**/x\n!a/b\0c\n"
    root = build_tree(tmp_path, ["a/b/x", "a/c", file(".dockerignore", lines)])
    check(root, used=False)


def test_a_time_beyond_64_bits_of_nanoseconds_wraps_around() -> None:
    """Go's `UnixNano` does; tmpfs keeps such times."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as base:
        root = build_tree(Path(base) / "ctx", ["a", "b"])
        for second in (2**33, 2**34 + 5, 2**35, 2**36 + 7, 2**55):
            os.utime(root / "a", (second, second))
            os.utime(root, (second, second))
            check(root, threads=(1,))


def test_many_of_the_largest_files_are_left_to_python(tmp_path: Path) -> None:
    root = build_tree(tmp_path, ["a", "b", "c/d"])
    check(root, top=1000)
    check(root, top=1001, used=False)
    check(root, top=2**40, used=False)


def test_a_name_that_takes_too_many_states_is_asked_about(tmp_path: Path) -> None:
    """All the states of its automaton at once would take more memory than they may."""
    lines = "".join(f"*{'a' * 240}{number}\n" for number in range(900)).encode()
    names = [f"{'a' * 240}7", "a" * 241, f"c/{'a' * 240}899", f"{'a' * 240}/x"]
    root = build_tree(tmp_path, [*names, file(".dockerignore", lines)])
    for spy in check_plan(resolve(str(root)), threads=(1,)):
        assert spy.asks


MODES = [0o644, 0o600, 0o400, 0o440, 0o404, 0o044, 0o004, 0o200, 0o000, 0o7444, 0o1644]


@pytest.mark.parametrize("user", ["root", "another"])
@pytest.mark.parametrize("owner", [0, 65534])
def test_modes_of_files_of_all_owners(owner: int, user: str, readable_by_all: Path) -> None:
    """What cannot be read arrives empty from BuildKit and stops the others, one at a time."""
    require("root")
    for mode in MODES:
        nodes: list[str | Node] = [file("d/a", mode=mode), "d/b", file("c", mode=mode)]
        root = build_tree(readable_by_all / f"{mode:o}", nodes)
        for path in ("d/a", "c"):
            os.chown(root / path, owner, owner)
            os.chmod(root / path, mode)
        with unprivileged() if user == "another" else nullcontext():
            check(root, threads=(2,))


@pytest.mark.parametrize("lines", ["", "d\n!d/a/b/c\n", "*\n!**/c\n", "d/a\n", "*\n!d/*/b\n"])
@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444, 0o644, 0o711])
@pytest.mark.parametrize("path", ["d", "d/a", "d/a/b"])
def test_directories_that_cannot_be_read(
    path: str, mode: int, lines: str, readable_by_all: Path
) -> None:
    require("root")
    nodes: list[str | Node] = ["d/a/b/c", "d/e/c", "z", file(".dockerignore", lines.encode())]
    root = build_tree(readable_by_all / "ctx", [*nodes, directory(path, mode=mode)])
    with unprivileged():
        check(root, threads=(2,))


def test_a_file_system_in_the_context(tmp_path: Path) -> None:
    """BuildKit compares the numbers of inodes across file systems, so it is left to Python."""
    root = build_tree(tmp_path / "ctx", ["a", "b/c"])
    with small_disk(root / "disk") as disk:
        build_tree(disk / "d", ["e", "f/g", file("h", xattrs={})])
        check(root)


def test_extended_attributes_without_a_walk_of_their_own(tmp_path: Path) -> None:
    require("root")
    long = "n" * 120
    nodes: list[str | Node] = [
        file("a/x", xattrs={"user.k": b"v"}),
        directory("a", xattrs={"user.k": b"v"}),
        directory(f"b/{long}/node_modules", xattrs={"user.empty": b""}),
        *(f"b/{long}/node_modules/{name}" for name in (".package-lock.json", "x.js")),
        directory("i", xattrs={"user.i": b"1"}),
        *("i/j/k", "i/l", "b/y"),
        link("i/m", "l"),
        file("ping", xattrs={"security.capability": CAPABILITY}),
    ]
    for number, lines in enumerate(("", "i\n!i/j/k\n", "i\n!i/m\n", "*\n!i/j\n!b\n", "i\n!i/z\n")):
        check(build_tree(tmp_path / str(number), [*nodes, file(".dockerignore", lines.encode())]))


def test_names_with_any_ending(tmp_path: Path) -> None:
    """Each name lies as a file with content, as an empty one, and as a directory."""
    nodes: list[str | Node] = []
    for number, name in enumerate(ENDED):
        nodes += [f"f{number}/{name}", file(f"e{number}/{name}", b""), f"d{number}/{name}/x"]
    root = build_tree(tmp_path, [*nodes, ".gitignore"])
    check(root, threads=(2,))
    (root / ".dockerignore").write_text(".gitignore\n**/*.pem\n")
    check(root, threads=(2,))


def test_an_ignored_directory_above_what_is_sent(tmp_path: Path) -> None:
    """It is sent for what is re-included below it."""
    nodes = ["package.json", "node_modules/a.js", "node_modules/b.js", "node_modules/.pnpm/c"]
    lines = file(".dockerignore", b"node_modules\n!node_modules/a.js\n!**/c\n")
    (spy, *_) = check(build_tree(tmp_path, [*nodes, "x/target/classes", "x/pom.xml", lines]))
    assert spy.sums


def test_names_that_are_nearly_utf8(tmp_path: Path) -> None:
    """Without patterns nothing but that is asked of a name."""
    raw = [
        *(b"\xc0\x80", b"\xc1\xbf", b"\xc2\x7f", b"\xc2\x80", b"\xdf\xbf", b"\xdf\xc0", b"\xc3"),
        *(b"\xe0\x9f\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf"),
        *(b"\xee\x80\x80", b"\xef\xbf\xbf", b"\xef\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80"),
        *(
            b"\xf4\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\xff",
            b"\x80",
            b"\xf0\x9f",
        ),
    ]
    for number, each in enumerate(raw):
        name = os.fsdecode(each)
        for lines in (b"", b"[a-z]\n", b"?\n"):
            nodes: list[str | Node] = [f"{name}/x", f"a{name}", file(".dockerignore", lines)]
            check(build_tree(tmp_path / f"{number}{len(lines)}", nodes), threads=(1,))


@pytest.mark.parametrize("count", [63, 64, 65, 127, 128, 129, 192])
def test_patterns_around_the_size_of_a_word(count: int, tmp_path: Path) -> None:
    """Their bits lie in one word or in the next."""
    rng = Random(count)
    marks, kinds = ["", "!"], ["k", "k*", "*", "?", "d/k", "**/k", "d", "d/*", "*/k", "z", "d/d/k"]
    for number in range(9):
        rest = [rng.choice(marks) + rng.choice(kinds) for _ in range(count)]
        if number % 3 == 0:  # the last ones decide
            rest = [f"!z{each}" for each in range(count - 8)] + rest[-8:]
        lines = file(".dockerignore", "\n".join(rest).encode())
        root = build_tree(
            tmp_path / str(number), ["k", "d/k", "d/d/k", "kk", "e/k/k", "d/x", lines]
        )
        check(root, threads=(1,))


def test_names_that_take_many_states(tmp_path: Path) -> None:
    """The automaton is emptied in the middle of a name now and then."""
    rng = Random(3)
    names = {f"c{''.join(rng.choices('ab', k=70))}" for _ in range(900)}
    lines = f"c*a{'?' * 16}*\n!c*b{'?' * 15}aa?b*\nc*ba{'?' * 14}bb\n".encode()
    (spy, *_) = check(build_tree(tmp_path, [*names, file(".dockerignore", lines)]), threads=(1, 2))
    assert not spy.handed_back


def test_ties_among_the_largest_files(tmp_path: Path) -> None:
    """The first ones are shown, also those that are handed back."""
    sizes = [7, 9, 7, 7, 8, 9, 7]
    nodes = [
        file(f"d{at % 5}/f{at:03}", size_bytes=sizes[at % 7], mode=(0o644, 0o600, 0o4755)[at % 3])
        for at in range(90)
    ]
    # The core looks at these first.
    nodes += [file(f"e{at:03}", size_bytes=sizes[at % 7]) for at in range(40)]
    root = build_tree(tmp_path, [*nodes, link("d1/f0", "x"), hardlink("d2/f0", "d1/f001")])
    for top in (10, 12, 30):
        check(root, top=top)


def test_files_of_one_large_directory_are_shared_among_threads(tmp_path: Path) -> None:
    ends = [".a", ".pyc", ".pem", ".\udcff"]
    for at in range(9_000):
        path = tmp_path / f"{at:05}{ends[at % 4]}"
        path.touch(0o600 if at % 100 == 0 else 0o644)
        if at % 31 == 0:
            os.truncate(path, 1 + at % 3)
    (tmp_path / "04000.d").mkdir()
    (tmp_path / "04000.d" / "x").touch()
    (tmp_path / ".dockerignore").write_bytes(b"*7.*\n!*17.*\n0?3*\n")
    for spy in check(tmp_path, threads=(1, 2, 3, 8))[:8]:
        assert spy.handed_back


def test_another_encoding_of_names_is_left_to_python(tmp_path: Path) -> None:
    """The tables hold the bytes of UTF-8; `日` has none in the other encoding."""
    core()
    nodes: list[str | Node] = ["é", "x", "Dockerfile", file(".dockerignore", "日\né\n".encode())]
    root = build_tree(tmp_path, nodes)
    outputs = [
        subprocess.run(
            [sys.executable, "-m", "ctxsize", "measure", "--format", "json", str(root)],
            env=environment(
                CTXSIZE_NATIVE=chosen, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
            ),
            capture_output=True,
            check=False,
        )
        for chosen in ("0", "1")
    ]
    assert outputs[0].returncode == outputs[1].returncode
    assert outputs[0].stdout == outputs[1].stdout


@pytest.mark.parametrize("size", [8 * 1024**3 - 1, 8 * 1024**3, 2**40])
def test_files_that_take_a_longer_header(size: int, tmp_path: Path) -> None:
    check(build_tree(tmp_path, [file("a", size_bytes=size), "b"]))


@pytest.mark.parametrize("length", [98, 99, 100, 101, 126, 127, 128, 129, 155, 156, 157, 158])
def test_paths_around_the_lengths_where_headers_grow(length: int, tmp_path: Path) -> None:
    path = f"{'d' * 40}/{'e' * (length - 41)}"
    files = [path, f"{path[:-1]}d/{'f' * 20}", "x" * length, f"{'y' * length}/"]
    check(build_tree(tmp_path, [*files, link("l", "a"), file("k/" + "é" * 49, size_bytes=3)]))


def test_a_socket_that_cannot_be_looked_at_stops_the_builder(tmp_path: Path) -> None:
    """A directory that may be listed and not searched: found by the random trees."""
    require("root")
    base = Path(tempfile.mkdtemp(prefix="ctxsize-"))
    try:
        base.chmod(0o755)
        root = build_tree(base / "ctx", [socket("a/s"), directory("a", mode=0o744), "b"])
        with unprivileged():
            check(root)
    finally:
        remove_tree(base)
