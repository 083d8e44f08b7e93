"""A measurement: the size tree at any depth, and progress on the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.builders import CLASSIC
from ctxsize.engine.directories import RunningSum, size_tree
from ctxsize.engine.report import measure
from ctxsize.model import Directory
from tests.resolving import resolve
from tests.trees import Node, build_tree, file, link

pytestmark = pytest.mark.usefixtures("each_walk")

prefixes = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=5).map(
    lambda names: "".join(f"{name}/" for name in names)
)


@given(
    direct=st.dictionaries(
        prefixes, st.builds(RunningSum, files=st.integers(0, 3), content_bytes=st.integers(0, 9))
    ),
    depth=st.integers(0, 5),
)
def test_a_size_tree_is_cut_at_its_depth(direct: dict[str, RunningSum], depth: int) -> None:
    sums = {"": RunningSum(), **direct}
    whole = size_tree(sums, None)
    assert size_tree(sums, depth) == cut(whole, depth)
    assert whole.content_bytes == sum(part.content_bytes for part in direct.values())
    assert whole.files == sum(part.files for part in direct.values())


def cut(tree: Directory, depth: int) -> Directory:
    below: Any = tuple(cut(each, depth - 1) for each in tree.children) if depth else ()
    return Directory(tree.path, tree.content_bytes, tree.files, below)


def test_a_symlink_is_no_file_of_its_extension(tmp_path: Path) -> None:
    nodes = [file("a.log", size_bytes=7), link("b.log", "a.log")]
    context = measure(resolve(str(build_tree(tmp_path / "ctx", nodes)))).context
    found = {each.name: (each.content_bytes, each.files) for each in context.by_extension}
    assert found == {".log": (7, 1)}
    assert (context.totals.files, context.totals.symlinks) == (1, 1)


@pytest.mark.parametrize(
    ("node", "blocks"),
    [
        (file("n" * 100, b""), 1),
        (file("n" * 101, b""), 3),
        (link("l", "t" * 100), 1),
        (link("l", "t" * 101), 3),
        # With the header of the directory.
        (file(f"{'d' * 50}/{'n' * 100}", b""), 1 + 1),
        (file(f"{'d' * 50}/{'n' * 101}", b""), 1 + 3),
        (file(f"{'d' * 155}/n", b""), 3 + 1),
        (file(f"{'d' * 156}/n", b""), 3 + 3),
    ],
    ids=[
        "name",
        "long name",
        "target",
        "long target",
        "split",
        "long end",
        "prefix",
        "long prefix",
    ],
)
def test_a_header_of_tar_is_extended_beyond_its_fields(
    node: Node, blocks: int, tmp_path: Path
) -> None:
    """A name has 100 bytes, its prefix 155, and the target of a link 100."""
    root = build_tree(tmp_path / "ctx", [node])
    assert measure(resolve(str(root), builder=CLASSIC)).context.wire_bytes == (blocks + 2) * 512


def test_progress_reports_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may stop the run and change the working directory, which the walk never moves."""
    root = build_tree(tmp_path / "ctx", [f"{n:02}/{name}" for n in range(20) for name in "abc"])
    monkeypatch.setattr("ctxsize.engine.events._BETWEEN_CALLS", 0)
    monkeypatch.chdir(tmp_path)
    seen: list[tuple[int, int]] = []

    def progress(entries: int, content_bytes: int) -> None:
        seen.append((entries, content_bytes))
        os.chdir(root / "01")

    report = measure(resolve("ctx"), progress=progress)
    assert seen == sorted(seen)
    assert seen[-1][0] == report.context.totals.entries == 80
    assert Path.cwd() == root / "01"

    def stops(*_: int) -> None:
        raise KeyboardInterrupt

    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyboardInterrupt):
        measure(resolve(str(root)), progress=stops)
    assert os.listdir("/proc/self/fd") == before


def test_progress_is_seldom_called(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [f"{n:02}/a" for n in range(20)])
    calls: list[int] = []
    measure(resolve(str(root)), progress=lambda entries, _: calls.append(entries))
    assert len(calls) < 5
