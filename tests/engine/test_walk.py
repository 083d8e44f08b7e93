"""What a tree may hold, and what may happen to it while it is walked."""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import signal
import subprocess
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given

from ctxsize.engine.builders import BUILDERS, BUILDKIT, CLASSIC, Builder
from ctxsize.engine.events import Event, Files, Folder
from ctxsize.engine.plan import with_ignore_file
from ctxsize.engine.report import Listing, measure
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.walk import Walk
from ctxsize.errors import BuildFailsError, CtxsizeError
from ctxsize.model import Effect, Problem
from tests.engine.ours import ask, walked
from tests.engine.strategies import trees_with_ignore_files
from tests.engine.test_against_devtools import Tree, context
from tests.oracles.availability import require
from tests.oracles.engines import Docker
from tests.resolving import resolve
from tests.trees import (
    Node,
    build_tree,
    deep_tree,
    directory,
    fifo,
    file,
    hardlink,
    link,
    remove_tree,
)

T = TypeVar("T")


NOBODY = 65534


class TestLaws:
    @pytest.mark.fuzz
    @given(tree=trees_with_ignore_files())
    def test_opening_everything_changes_no_verdict(self, tree: Tree) -> None:
        with context(tree) as root:
            try:
                plan = resolve(str(root), builder=replace(BUILDKIT, check_patterns=None))
                pruned = walked(plan)
            except CtxsizeError:
                return
            assert walked(plan, everything=True) == pruned
            assert walked(plan, reference=True, everything=True) == pruned
            listed = [(e.path, e.verdict.ignored) for e in Listing(plan, ignored=True)]
            found = [path for path, _ in listed]
            on_disk = [
                os.path.relpath(os.path.join(top, name), root)
                for top, directories, files in os.walk(root)
                for name in [*directories, *files]
            ]
        assert sorted(found) == sorted(on_disk)
        sent = {path for path, ignored in listed if not ignored}
        assert sent == {name.rstrip("/") for name in pruned}

    @pytest.mark.parametrize(
        ("ignorefile", "path", "ignored"),
        [
            (b"\n\xef\xbb\xbf**x", "*x", False),
            (b"**\x80", "😀", True),
            (b"\xf0\x9f**", "😀", True),
        ],
    )
    def test_pattern_that_ends_inside_a_character(
        self, ignorefile: bytes, path: str, ignored: bool, tmp_path: Path
    ) -> None:
        root = build_tree(tmp_path / "ctx", [path, file(".dockerignore", ignorefile)])
        plan = resolve(str(root), builder=CLASSIC)
        expected = [".dockerignore"] if ignored else sorted([".dockerignore", path])
        assert walked(plan, reference=True) == expected
        assert walked(plan) == expected


class TestNames:
    def test_byte_order(self, tmp_path: Path) -> None:
        """Surrogate escapes are below the astral characters as text, and above them as bytes."""
        names = ["a-/x", "a.", "a/x", "a0", "\uffff", "😀", "\U0010ffff", "\udc80", "\udcff/x", "é"]
        root = build_tree(tmp_path / "ctx", names)
        found = walked(resolve(str(root)))
        by_parts = sorted(found, key=lambda name: [os.fsencode(p) for p in name.split("/")])
        assert found == by_parts
        order = [name for name in found if "/" not in name]
        assert order == ["a.", "a0", "\udc80", "é", "\uffff", "😀", "\U0010ffff"]

    def test_symlinks_lead_nowhere(self, tmp_path: Path) -> None:
        nodes = ["d/a", link("d/up", ".."), link("l", "l"), link("m", "d"), link("n", "/")]
        root = build_tree(tmp_path / "ctx", nodes)
        assert walked(resolve(str(root))) == ["d/", "d/a", "d/up", "l", "m", "n"]

    def test_context_that_is_a_symlink(self, tmp_path: Path) -> None:
        build_tree(tmp_path / "real", ["a", "d/b", file(".dockerignore", b"a")])
        (tmp_path / "link").symlink_to("real")
        assert walked(resolve(str(tmp_path / "link"))) == [".dockerignore", "d/", "d/b"]


class LateError(BaseException):
    """Nobody catches this one, as somebody might a TimeoutError."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Fails what takes longer, also a system call that waits."""

    def late(*_: object) -> None:
        raise LateError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class TestNothingWaits:
    @pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
    def test_for_a_fifo(self, builder: Builder, tmp_path: Path) -> None:
        nodes = ["Dockerfile", fifo("p", mode=0o600), fifo("d/q"), "z"]
        with at_most(10):
            ours = ask(build_tree(tmp_path / "ctx", nodes), builder=builder)
        assert ours.error is None
        assert ours.names == ("Dockerfile", "d/", "d/q", "p", "z")

    @pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
    @pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore", "Dockerfile"])
    def test_for_a_fifo_in_place_of_a_file_it_reads(
        self, name: str, builder: Builder, tmp_path: Path
    ) -> None:
        root = build_tree(tmp_path / "ctx", ["a", fifo(name)])
        if name != "Dockerfile":
            build_tree(root, ["Dockerfile"])
        with at_most(10):
            ours = ask(root, builder=builder)
        assert ours.error is not None or name in ours.names


def run_as_nobody(work: Callable[[], T]) -> T:
    """What `work` returns in a process without any rights; here, if that is us already."""
    if os.geteuid():
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(work(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    result: T = pickle.loads(told)
    return result


@pytest.fixture
def public_path() -> Iterator[Path]:
    """Like `tmp_path`, but open to everybody."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    try:
        yield path
    finally:
        remove_tree(path)


Outcome = tuple[list[str], set[str], str | None]
D = directory
UNREADABLE: dict[str, tuple[list[str | Node], str, Outcome]] = {
    "file": (["c", file("a", mode=0)], "", (["a", "c"], {"a"}, None)),
    "empty file": ([file("a", b"", mode=0)], "", (["a"], {"a"}, None)),
    "file, ignored": (["c", file("a", mode=0)], "a", (["c"], set(), None)),
    "directory": (["c", D("d", mode=0)], "", ([], set(), "d")),
    "directory, entered only": (["c", D("d", mode=0o111)], "", ([], set(), "d")),
    "directory, listed only": (["c", D("d", mode=0o444), "d/a"], "", ([], set(), "d/a")),
    "directory, ignored": (["c", D("d", mode=0)], "d", (["c"], set(), None)),
    "directory in an ignored one": (["c", D("d/e", mode=0)], "d", (["c"], set(), None)),
    "directory, exception elsewhere": (
        ["c/x", D("d", mode=0)],
        "d\n!c",
        (["c/", "c/x"], set(), None),
    ),
    "directory, exception inside": (["c", D("d", mode=0)], "d\n!d/x", ([], set(), "d")),
    "directory, exception for another name": (
        ["c", D("d", mode=0)],
        "d\n!dx",
        (["c"], set(), None),
    ),
    "directory, wildcard exception": (["c", D("d", mode=0)], "d\n!**/x", ([], set(), "d")),
    "context": ([D("", mode=0)], "", ([], set(), "ctx")),
}


@pytest.mark.parametrize(("nodes", "ignorefile", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_without_permission(
    nodes: list[str | Node], ignorefile: str, expected: Outcome, public_path: Path
) -> None:
    described = [node for node in nodes if isinstance(node, str) or node.path]
    root = build_tree(public_path / "ctx", [*described, file(".dockerignore", ignorefile.encode())])
    if described != nodes:
        root.chmod(0)
    names, emptied, error = run_as_nobody(lambda: outcome(root))
    root.chmod(0o755)
    assert ([name for name in names if name != ".dockerignore"], emptied, error) == expected


def outcome(root: Path) -> Outcome:
    try:
        plan = resolve(str(root))
        unreadable = {
            event.prefix + name
            for event in Walk(plan)
            if isinstance(event, Files)
            for name in event.unreadable
        }
        return walked(plan), unreadable, None
    except BuildFailsError as error:
        return [], set(), (error.path or "").removeprefix(f"{root.parent}/").rstrip("/")


@pytest.mark.parametrize("data", [b"", b"none"])
def test_an_unreadable_file_is_emptied_if_it_has_content(data: bytes, public_path: Path) -> None:
    nodes = [file("full", b"content", mode=0), file("nothing", b"", mode=0), "open"]
    root = build_tree(public_path / "ctx", nodes)

    def emptied() -> frozenset[str]:
        snapshot = Snapshot.take(resolve(str(root)))
        return snapshot.sent(with_ignore_file(snapshot.plan, data).spec).empty

    assert run_as_nobody(emptied) == {"full"}


class TestIgnoredButAskedFor:
    """With `everything`, what cannot be read of ignored directories is told."""

    def test_unreadable_directory(self, public_path: Path) -> None:
        nodes = ["c", directory("d", mode=0), directory("e/f", mode=0), "e/g"]
        root = build_tree(public_path / "ctx", [*nodes, file(".dockerignore", b"d\ne\n")])
        names, problems = run_as_nobody(lambda: walk_everything(root))
        assert names == [".dockerignore", "c"]
        assert [(each.code, each.path) for each in problems] == [
            ("unreadable-ignored", "d"),
            ("unreadable-ignored", "e/f"),
        ]
        assert {each.effect for each in problems} == {Effect.NONE}  # what is sent is exact

    def test_path_that_is_too_long(self, tmp_path: Path) -> None:
        root = build_tree(tmp_path / "ctx", ["c", file(".dockerignore", b"deep")])
        deep_tree(root / "deep", 4200)
        try:
            names, problems = walk_everything(root)
            report = measure(resolve(str(root)), everything=True)
        finally:
            remove_tree(root)
        assert names == [".dockerignore", "c"]
        ignored = report.context.ignored.totals
        assert (ignored.directories, ignored.files) == (4201, 1)
        assert "changed-during-walk" not in {each.code for each in problems}


def walk_everything(root: Path) -> tuple[list[str], list[Problem]]:
    walk = Walk(resolve(str(root)), everything=True)
    return names_of(walk), walk.problems


def names_of(walk: Walk, then: Callable[[Event], object] = lambda _: None) -> list[str]:
    """The names that `walk` sends; `then` is called between events."""
    names: list[str] = []
    for event in walk:
        if isinstance(event, Folder):
            names.append(f"{event.path}/")
        elif isinstance(event, Files):
            names += [event.prefix + name for name in event.names]
        then(event)
    return names


class TestChangesDuringTheWalk:
    TREE = ("a/x", "b/x", "b/y", "c")

    @pytest.mark.parametrize(
        ("change", "names", "changed"),
        [
            (lambda root: shutil.rmtree(root / "b"), ["a/", "a/x", "c"], "b"),
            (lambda root: (root / "c").unlink(), ["a/", "a/x", "b/", "b/x", "b/y"], "c"),
            (lambda root: (root / "a/x").unlink(), ["a/", "b/", "b/x", "b/y", "c"], None),
            (lambda root: shutil.rmtree(root / "a"), ["a/", "b/", "b/x", "b/y", "c"], None),
            (
                lambda root: (shutil.rmtree(root / "b"), (root / "b").symlink_to("/")),
                ["a/", "a/x", "c"],
                "b",
            ),
            (
                lambda root: (shutil.rmtree(root / "b"), (root / "b").touch()),
                ["a/", "a/x", "c"],
                "b",
            ),
            (
                lambda root: ((root / "c").unlink(), (root / "c").symlink_to("/")),
                ["a/", "a/x", "b/", "b/x", "b/y", "c"],
                None,
            ),
            (
                lambda root: (root / "d").touch(),
                ["a/", "a/x", "b/", "b/x", "b/y", "c"],
                None,
            ),
        ],
        ids=[
            "directory removed",
            "file removed",
            "file removed in the directory just sent",
            "directory removed after it was sent",
            "directory replaced by a symlink",
            "directory replaced by a file",
            "file replaced by a symlink",
            "file made",
        ],
    )
    def test_after_the_first_directory(
        self,
        change: Callable[[Path], object],
        names: list[str],
        changed: str | None,
        tmp_path: Path,
    ) -> None:
        """The context was listed, `a` was just announced and is not listed yet."""
        root = build_tree(tmp_path / "ctx", self.TREE)
        walk = Walk(resolve(str(root)))

        def then(event: Event) -> None:
            if isinstance(event, Folder) and event.path == "a":
                change(root)

        found = names_of(walk, then)
        # A directory that was opened before it was removed may still list its names.
        assert [name for name in found if name != "a/x"] == [n for n in names if n != "a/x"]
        problems = [(each.code, each.path, each.effect) for each in walk.problems]
        expected = [("changed-during-walk", changed, Effect.LOWER_BOUND)] if changed else []
        assert [each for each in problems if not str(each[1]).startswith("a")] == expected

    def test_directories_removed_far_above(self, tmp_path: Path) -> None:
        """Descriptors of far parents were closed; they cannot be opened again."""
        deep = "/".join(["d"] * 100)
        root = build_tree(tmp_path / "ctx", ["a", f"{deep}/x", "d/z", "z"])
        walk = Walk(resolve(str(root)))

        def then(event: Event) -> None:
            if isinstance(event, Files) and event.prefix == f"{deep}/":
                shutil.rmtree(root / "d")

        names = names_of(walk, then)
        assert names[-2:] == [f"{deep}/x", "z"]
        assert {each.code for each in walk.problems} == {"changed-during-walk"}

    def test_far_parent_replaced_by_a_symlink(self, tmp_path: Path) -> None:
        """What is opened again must be what it was."""
        deep = "/".join(["d"] * 100)
        root = build_tree(tmp_path / "ctx", [f"{deep}/x", "d/d/z/y"])
        build_tree(tmp_path / "other", ["d/d/z/secret"])
        walk = Walk(resolve(str(root)))

        def then(event: Event) -> None:
            if isinstance(event, Files) and event.prefix == f"{deep}/":
                (root / "d").rename(tmp_path / "away")
                (root / "d").symlink_to(tmp_path / "other/d")

        assert "d/d/z/secret" not in names_of(walk, then)

    def test_closing_a_walk_early_leaves_nothing_open(self, tmp_path: Path) -> None:
        root = build_tree(tmp_path / "ctx", ["a/b/c/d/e", "z"])
        plan = resolve(str(root))
        before = open_files()
        events = iter(Walk(plan))
        assert isinstance(next(events), Folder)
        assert next(events)
        events.close()  # type: ignore[attr-defined]
        assert open_files() == before


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


class TestDepth:
    def test_as_deep_as_a_path_may_be(self, tmp_path: Path) -> None:
        root = tmp_path / "c"
        levels = (4095 - len(bytes(root)) - len("/leaf")) // 2
        deep_tree(root, levels)
        try:
            names = walked(resolve(str(root)))
            report = measure(resolve(str(root)), depth=None)
            (root / ".dockerignore").write_bytes(b"*\n!**/leaf")
            lazily = walked(resolve(str(root)))
        finally:
            remove_tree(root)
        assert (len(names), names[-1]) == (levels + 1, "d/" * levels + "leaf")
        assert lazily == names
        assert report.context.totals.directories == levels

    @pytest.mark.parametrize(
        ("name", "levels"),
        [("d", 2100), ("d", 6000), ("日" * 80, 18)],
        ids=["long", "deep", "wide"],
    )
    def test_path_that_is_too_long(self, name: str, levels: int, tmp_path: Path) -> None:
        """In bytes: of three a character in the last one."""
        root = build_tree(tmp_path / "ctx", ["a"])
        deep_tree(root / "deep", levels, name=name)
        try:
            with pytest.raises(BuildFailsError, match="file name too long"):
                walked(resolve(str(root)))
            with pytest.raises(BuildFailsError, match="file name too long"):
                measure(resolve(str(root)))
            (root / ".dockerignore").write_bytes(b"deep")
            assert walked(resolve(str(root))) == [".dockerignore", "a"]
        finally:
            remove_tree(root)

    def test_few_files_are_open(self, tmp_path: Path) -> None:
        deep = "/".join(["d"] * 300)
        root = build_tree(tmp_path / "ctx", [f"{deep}/x", *(f"w{n}/x" for n in range(300))])
        plan = resolve(str(root))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(open_files()) + 70, hard))
        try:
            names = walked(plan)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(names) == 300 + 1 + 300 * 2


def test_large_flat_directory_takes_little_memory(tmp_path: Path) -> None:
    """The names must be sorted and so be held; nothing else may grow with them."""
    root = tmp_path / "ctx"
    root.mkdir()
    peaks = []
    for first, end in ((0, 4_000), (4_000, 14_000)):
        for number in range(first, end):
            (root / f"file-number-{number:08}").touch()
        peaks.append(peak_of_a_walk(root, entries=end))
    assert (peaks[1] - peaks[0]) / 10_000 < 150


def peak_of_a_walk(root: Path, *, entries: int) -> int:
    plan = resolve(str(root))
    tracemalloc.start()
    try:
        assert sum(len(e.names) for e in Walk(plan) if isinstance(e, Files)) == entries
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestMounts:
    @pytest.fixture
    def mounted(self, tmp_path: Path) -> Iterator[Path]:
        """A context with two file systems in it, whose inode numbers are the same ones."""
        require("root")
        root = build_tree(tmp_path / "the context", ["Dockerfile", "m1/", "m2/"])
        done: list[Path] = []
        try:
            for name in ("m1", "m2"):
                argv = ["mount", "-t", "tmpfs", "-o", "size=1m,inode32", "none", str(root / name)]
                if subprocess.run(argv, check=False, capture_output=True).returncode:
                    pytest.skip("mounting is not permitted here")
                done.append(root / name)
                # One name in the first, so that only the number tells it from the second's.
                build_tree(root / name, ["a", "b/c", "z" if name == "m1" else hardlink("z", "a")])
            yield root
        finally:
            for point in done:
                subprocess.run(["umount", str(point)], check=True)

    def test_is_crossed(self, mounted: Path) -> None:
        inside = ["a", "b/", "b/c", "z"]
        expected = ["Dockerfile", "m1/", *(f"m1/{n}" for n in inside)]
        assert walked(resolve(str(mounted))) == [*expected, "m2/", *(f"m2/{n}" for n in inside)]

    def test_the_classic_builder_remembers_files_with_many_names_only(
        self, mounted: Path, docker: Docker
    ) -> None:
        by_classic, sent = ask(mounted, builder=CLASSIC), docker.build_classic(mounted)
        assert list(by_classic.names) == sent.names
        assert by_classic.wire_bytes == sent.sent_bytes
