"""A snapshot tells what a walk would, for the request's own ignore file and for any other."""

from __future__ import annotations

import os
import socket
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.api import suggest
from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.evaluate import DockerIgnoreSpec, Mark, PatternByPattern, State
from ctxsize.engine.filesystem import PLAIN, File
from ctxsize.engine.judged import JudgedNames
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.plan import with_ignore_file
from ctxsize.engine.snapshot import Sent, SentDifference, Snapshot
from ctxsize.engine.trial import Trial
from ctxsize.errors import CtxsizeError
from ctxsize.explore.session import Session
from ctxsize.model import Problem
from ctxsize.recommender.tree import SumsByPath, moved
from tests.cli.conftest import unprivileged
from tests.engine.agreement import tried, walked
from tests.engine.native.both import core
from tests.engine.strategies import trees_with_ignore_files
from tests.oracles.availability import require
from tests.resolving import resolve
from tests.trees import Node, build_tree, file, hardlink, link

NODES = [
    file(".dockerignore", b"target\n*.log\n"),
    *("src/a.rs", "src/b.rs", "a.log", "target/debug/x.o", "target/keep.rs", "z/only.log"),
    file("src/big", size_bytes=5_000),
    file("target/again", size_bytes=700),
    hardlink("a-first-name", "target/again"),
    link("latest", "target"),
]


@pytest.mark.parametrize("builder", BUILDERS)
@given(tree=trees_with_ignore_files(), other=trees_with_ignore_files())
def test_any_ignore_file(
    builder: str, tree: tuple[list[str], bytes], other: tuple[list[str], bytes]
) -> None:
    files, data = tree
    with tempfile.TemporaryDirectory() as directory:
        root = build_tree(Path(directory) / "ctx", files)
        snapshot = Snapshot.take(resolve(str(root), builder=BUILDERS[builder]))
        for each in (data, other[1]):
            try:
                plan = with_ignore_file(snapshot.plan, each)
            except CtxsizeError:
                continue
            assert tried(snapshot, plan) == walked(plan)
            include = ("*a*/*", "b", "foo/**", "!foo/x1")
            narrowed = Narrowed(plan.spec, include)
            assert tried(snapshot, plan, include) == walked(plan, narrowed)
            # Literal paths are looked up, and nothing beside them.
            for literal in ((*files[::2], "missing/a"), ("b", "foo", "foo/x1", "a/b/c"), ("/a",)):
                try:
                    narrowed = Narrowed(plan.spec, literal)
                except CtxsizeError:  # a name like `[`, which is no pattern
                    continue
                assert tried(snapshot, plan, literal) == walked(plan, narrowed)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("data", [b"", b"target", b"*\n!z", b"a-first-name", b"**/*.rs\n!src"])
def test_links_sockets_and_large_files(builder: str, data: bytes, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", NODES)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(root / "z" / "socket"))
    snapshot = Snapshot.take(resolve(str(root), builder=BUILDERS[builder]))
    plan = with_ignore_file(snapshot.plan, data)
    assert tried(snapshot, plan) == walked(plan)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("data", [b"", b"target", b"*\n!z", b"a-first-name", b"**/*.rs\n!src"])
def test_a_file_with_its_other_names_elsewhere_is_like_any_other(
    builder: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core()
    root = build_tree(tmp_path / "ctx", [node for node in NODES if node != NODES[-2]])
    (tmp_path / "store").mkdir()
    for number, path in enumerate(("src/a.rs", "target/keep.rs", ".dockerignore", "z/only.log")):
        os.link(root / path, tmp_path / "store" / str(number))
    snapshot = Snapshot.take(resolve(str(root), builder=BUILDERS[builder]))
    plan = with_ignore_file(snapshot.plan, data)
    expected = walked(plan)
    if builder != "podman":  # whose patterns the core cannot match
        monkeypatch.setattr(Snapshot, "walked", None)
    assert tried(snapshot, plan) == expected


def test_names_that_many_files_have_are_kept_once(tmp_path: Path) -> None:
    core()
    root = build_tree(tmp_path / "ctx", [f"part{part}/index.js" for part in range(20)])
    folders = Snapshot.take(resolve(str(root))).root.folders.values()
    names = [name for folder in folders for name in folder.entries]
    assert len(names) == 20
    assert len({*map(id, names)}) == 1
    assert len({id(folder.special) for folder in folders}) == 1


@pytest.mark.parametrize("builder", BUILDERS)
@given(tree=trees_with_ignore_files(), links=st.booleans())
def test_names_that_are_made_when_asked_for(
    builder: str, tree: tuple[list[str], bytes], links: bool
) -> None:
    """They are those of the whole answer, also with the ignore file as it will be."""
    core()
    files, data = tree
    nodes: list[str | Node] = [*files, *([link("a-link", "b"), link("z/link", "b")] * links)]
    with tempfile.TemporaryDirectory() as directory:
        root = build_tree(Path(directory) / "ctx", nodes)
        (root / ".dockerignore").write_bytes(data)
        try:
            snapshot = Snapshot.take(resolve(str(root), builder=BUILDERS[builder]))
            sent = snapshot.sent()
        except CtxsizeError:
            return
        judged = snapshot.judged(snapshot.plan.spec)
        if judged is None:  # a pattern that the core cannot match
            return
        for change in (None, File(".dockerignore", PLAIN, 77)):
            for path in (".dockerignore", "a-link", files[0], "missing/file"):
                same(judged.with_size(path, change), sent.with_size(path, change), snapshot)
        same(judged, sent, snapshot)
        for include in (("*a*/*", "b", "foo/**", "!foo/x1"), (*files[::2], "missing/a"), ("a/b",)):
            try:
                sent = snapshot.sent(include=include)
            except CtxsizeError as error:
                with suppress(type(error)):
                    assert snapshot.judged(snapshot.plan.spec, include=include) is None
                continue
            judged = snapshot.judged(snapshot.plan.spec, include=include)
            if judged is not None:
                same(judged, sent, snapshot)


def same(judged: Sent, sent: Sent, snapshot: Snapshot) -> None:
    """Both answers have the same names, sizes and sums; no directory without names is listed."""
    assert isinstance(judged.names, JudgedNames)
    expected = {directory: names for directory, names in sent.names.items() if names}
    assert {**judged.names} == expected
    assert len(judged.names) == len(expected)
    assert replace(judged, names=expected) == replace(sent, names=expected)
    everything = Trial(snapshot).everything
    by_path = moved(SumsByPath([everything], snapshot), sent, snapshot)
    sums = moved(None, judged, snapshot)
    for path in (*everything.sizes, *(folder.path for folder in snapshot.folders), "missing"):
        for _ in range(2):
            assert sums.at(path) == by_path.at(path)


def test_only_a_builder_that_refuses_files_is_asked_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(DockerIgnoreSpec, "refuses", lambda _, path: bool(asked.append(path)))
    root = build_tree(tmp_path / "ctx", NODES)
    for name in BUILDERS:
        plan = with_ignore_file(resolve(str(root), builder=BUILDERS[name]), b"!src\n*.log\n")
        PatternByPattern(plan.spec).enter(State(Mark(False, None, False), 0), "", "src")
        assert bool(asked) is (name != "podman"), name
        asked.clear()


def test_a_file_that_is_written_later(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", NODES)
    snapshot = Snapshot.take(resolve(str(root)))
    new = [(".dockerignore", 4), ("src/b", 9), ("src/\uff5e", 9), ("src/\udcff", 9)]
    for path, size in (*new, ("target/again", 1)):
        changed = snapshot.with_file(path, size)
        assert changed.file(path) is not None
        (root / path).unlink(missing_ok=True)
        (root / path).write_bytes(b"x" * size)
        taken = Snapshot.take(snapshot.plan)
        assert changed.sent().sizes == taken.sent().sizes
        assert changed.root.content_bytes == taken.root.content_bytes
        for folder in taken.folders:
            assert [*changed.folder(folder.path).entries] == [*folder.entries]
        snapshot = changed
    assert Snapshot.take(resolve(str(root))).file("src/nothing") is None


def test_an_ignored_file_without_permission_arrives_empty_once_it_is_sent() -> None:
    require("root")
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        nodes = [file(".dockerignore", b"closed\n"), file("closed", b"content", mode=0)]
        root = build_tree(Path(base) / "ctx", nodes)
        with unprivileged():
            snapshot = Snapshot.take(resolve(str(root)))
            plan = with_ignore_file(snapshot.plan, b"")
            assert snapshot.sent().empty == frozenset()
            assert snapshot.sent(plan.spec).empty == {"closed"}
            assert tried(snapshot, plan) == walked(plan)


@pytest.mark.parametrize("builder", BUILDERS)
def test_an_ignored_file_without_permission_stops_nobody(builder: str) -> None:
    """The classic builder and Podman stop only if it is sent."""
    require("root")
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o755)
        nodes = [file(".dockerignore", b"closed\nin\n"), file("closed", b"content", mode=0), "a"]
        nodes += [
            file("in/closed", b"content", mode=0),
            "in/open",
            file("Dockerfile", b"FROM alpine\nCOPY a /\n"),
        ]
        root = build_tree(Path(base) / "ctx", nodes)
        on_disk = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        with unprivileged():
            suggest(str(root), builder=builder)
            session = Session(Build(str(root), builder=builder))
            assert session.entry().on_disk.content_bytes == on_disk


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_directory_of_a_context_is_a_context(builder: str, tmp_path: Path) -> None:
    nodes = [
        *(".dockerignore", "a/.dockerignore", "a/src/x", "a/src/deep/y", "a b/z"),
        *(link("a/link", "src"), hardlink("a/again", "a/src/x"), file("a/closed", b"x", mode=0)),
        file("a/empty", b""),
    ]
    root = build_tree(tmp_path / "ctx", nodes)
    (root / ".dockerignore").write_text("a/src\n**/closed\n")
    outer = Snapshot.take(resolve(str(root), builder=BUILDERS[builder]))
    plan = resolve(str(root / "a"), builder=BUILDERS[builder])
    inner = outer.of_directory("a", plan)
    assert inner is not None
    assert _contents(inner) == _contents(Snapshot.take(plan))
    assert inner.sent() == Snapshot.take(plan).sent()
    assert outer.of_directory("a/link", plan) is None
    assert outer.of_directory("missing", plan) is None


def test_a_directory_of_another_builder_or_with_problems_is_read_again(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["a/x", "b/y"])
    outer = Snapshot.take(resolve(str(root)))
    other = next(builder for builder in BUILDERS.values() if builder is not outer.plan.builder)
    assert outer.of_directory("a", resolve(str(root / "a"), builder=other)) is None
    plan = resolve(str(root / "a"))
    for path, is_there in (("a", False), ("a/x", False), (None, False), ("ab", True), ("b", True)):
        problem = Problem("unreadable", "it cannot be read", path=path)
        flawed = replace(outer, problems=(problem,))
        assert (flawed.of_directory("a", plan) is not None) == is_there


def _contents(snapshot: Snapshot) -> list[object]:
    return [
        (folder.path, folder.entries, [*folder.folders], folder.content_bytes)
        for folder in snapshot.folders
    ]


def test_differences(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", NODES)
    snapshot = Snapshot.take(resolve(str(root)))
    before = snapshot.sent()
    after = snapshot.sent(with_ignore_file(snapshot.plan, b"target\nsrc\n").spec)
    found = SentDifference(before, after)
    assert found.hidden == {"src", "src/a.rs", "src/b.rs", "src/big"}
    assert found.shown == {"a.log"}
    assert before == snapshot.sent()
    assert before != after
    target = snapshot.folder("target")
    assert target is not None
    sizes = [(root / "target" / name).stat().st_size for name in ("again", "debug/x.o", "keep.rs")]
    assert (target.content_bytes, target.name) == (sum(sizes), "target")


class Interrupted(Snapshot):
    """A snapshot that another thread asks just as an answer is kept."""

    other: DockerIgnoreSpec | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_sent" and value is not None and self.other is not None:
            other, self.other = self.other, None
            self.sent(other)


def test_two_threads_get_their_own_answers(tmp_path: Path) -> None:
    taken = Snapshot.take(resolve(str(build_tree(tmp_path / "ctx", ["a", "b"]))))
    snapshot = Interrupted(taken.plan, taken.root, ())
    snapshot.other = DockerIgnoreSpec.from_lines(["b"])
    assert {*snapshot.sent(DockerIgnoreSpec.from_lines(["a"])).paths} == {"b"}
