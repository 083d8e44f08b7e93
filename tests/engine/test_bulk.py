"""Entries asked about in bulk are those that `os` tells of, and nobody else notices."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine import bulk, inspect, parallel
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.request import resolve
from ctxsize.engine.sizetree import size_tree
from ctxsize.errors import BuildFailsError
from ctxsize.model import Directory
from tests.engine.ours import (
    EAGER,
    measured_in_bulk,
    measured_one_by_one,
    patched,
)
from tests.oracles import processes
from tests.oracles.availability import require
from tests.oracles.trees import build_tree, device, directory, fifo, file, hardlink, link, socket

KNOWN = sys.platform == "linux" and platform.machine() in bulk._LAYOUTS
pytestmark = pytest.mark.skipif(not KNOWN, reason="answers are laid out in a way unknown here")

ODD = [
    *("a", "é", "\udcff", "new\nline", "-", " ", "x" * 255, link("l", "nowhere"), link("m", "a")),
    *(hardlink("n", "a"), fifo("f"), socket("s"), directory("d"), directory("e", mode=0o1777)),
    file("old", b"x", mtime_ns=-(10**9) - 1),
    file("large", size_bytes=5 * 2**40),
    file("closed", b"xyz", mode=0o600),
    file("special", b"xyz", mode=0o4755),
]
TOLD = ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size", "st_mtime_ns")


@pytest.fixture
def table() -> bulk.Table:
    """There is one wherever this is tested: a broken one would only make things slow."""
    found = bulk._table()
    assert found is not None
    return found


def test_it_tells_what_os_tells(
    table: bulk.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("root")
    nodes = [*ODD, device("c", 4, 300), device("b", 259, 70_000, block=True)]
    root = build_tree(tmp_path / "ctx", nodes)
    monkeypatch.chdir(root)
    names = [each.name for each in root.iterdir()]
    assert table.fill(names)
    there = [os.lstat(name) for name in names]
    for name, one, other in zip(names, table.stats(slice(0, len(names))), there, strict=True):
        assert [getattr(one, told) for told in TOLD] == [getattr(other, told) for told in TOLD]
        assert one[8] == other[8]
        if name in "bc":
            assert one.st_rdev == other.st_rdev
    assert table.stats(slice(2, 4)) == table.stats(slice(0, len(names)))[2:4]
    assert table.sizes() == [each.st_size for each in there]
    assert table.unusual_times() == [each.st_mtime_ns for each in there]
    plain = {"é", "\udcff", "new\nline", "-", " ", "x" * 255, "large", "old"}
    assert {names[place] for place in table.others()} == {*names} - plain
    for name in names:
        assert table.fill([name])
        assert table.others() == [0] * (name not in plain), name
        assert (table.unusual_times() is None) == (name != "old"), name


def test_one_that_is_gone(
    table: bulk.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "ctx", ["a", "b"]))
    assert not table.fill(["a", "gone", "b"])
    assert table.fill(["a", "b"])


def test_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build_tree(tmp_path / "ctx", ["a", "d/b", "d/e/c"])
    assert asked_in_bulk(root, monkeypatch) == ["a", "b", "c"]


def asked_in_bulk(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are, after those with which a table is tried out."""
    asked: list[str] = []
    fill = bulk.Table.fill

    def counted(table: bulk.Table, names: list[str]) -> bool:
        if names is not bulk._TRIED:
            asked.extend(names)
        return fill(table, names)

    with monkeypatch.context() as patch:
        patch.setattr(bulk.Table, "fill", counted)
        measured_in_bulk(resolve(str(root)))
    return asked


KINDS = {
    "plain": lambda name: file(name, size_bytes=len(name)),
    "old": lambda name: file(name, b"x", mtime_ns=10**9 + 7),
    "link": lambda name: link(name, "nowhere"),
    "closed": lambda name: file(name, b"xyz", mode=0o600),
    "second": lambda name: hardlink(name, "first"),
    "attributed": lambda name: file(name, b"x", xattrs={"user.a": b"value"}),
}


@given(
    builder=st.sampled_from([*BUILDERS.values()]),
    kinds=st.lists(
        st.one_of(st.just("plain"), st.just("plain"), st.sampled_from([*KINDS])), max_size=40
    ),
)
def test_few_that_are_no_plain_files(
    builder: Builder, kinds: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The others are told of together all the same, and none is asked about twice."""
    nodes = [file("first", b"x"), *(KINDS[kind](f"{i:02}") for i, kind in enumerate(kinds))]
    request = resolve(str(build_tree(tmp_path_factory.mktemp("ctx"), nodes)), builder=builder)
    told = measured_one_by_one(request, everything=True)
    with mock.patch.object(inspect.os, "stat", wraps=os.stat) as stat:
        assert measured_in_bulk(request, everything=True) == told
    assert [call for call in stat.call_args_list if "dir_fd" in call.kwargs] == []


def test_a_pause_where_most_is_asked_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PAUSE", 4)
    links = [link(f"{at}/{name}", "x") for at in range(9) for name in "ab"]
    root = build_tree(tmp_path / "ctx", [*links, *(f"a/{name}" for name in "abcdefgh")])
    directories = ["0", "3", "6"]  # and two of two names between them are the pause
    assert asked_in_bulk(root, monkeypatch) == [*"ab" * len(directories), *"abcdefgh"]


def test_the_working_directory_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For those who are told of progress too, and when it all ends early."""
    home = tmp_path / "home"
    home.mkdir()
    root = build_tree(tmp_path / "ctx", ["d/a", "e/f/b"])
    monkeypatch.chdir(home)
    seen: list[Path] = []

    def progress(*_: object) -> None:
        seen.append(Path.cwd())
        if len(seen) > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), patched(parallel, **EAGER):
        measured_in_bulk(resolve(str(root)), progress=progress)
    assert seen == [home] * 4
    assert Path.cwd() == home


def test_a_working_directory_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build_tree(tmp_path / "ctx", ["d/a", "e/f/b"])
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    home.rmdir()
    request = resolve(str(root))
    assert measured_in_bulk(request) == measured_one_by_one(request)
    with pytest.raises(FileNotFoundError):
        Path.cwd()


@pytest.mark.parametrize(
    "company",
    [
        "pass",
        "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "_thread.start_new_thread(time.sleep, (9,))",
        "signal.signal(signal.SIGUSR1, print)",
    ],
)
@pytest.mark.parametrize("when", ["before", "in a call of progress"])
def test_it_ends_where_somebody_else_needs_the_working_directory(
    company: str, when: str, tmp_path: Path
) -> None:
    """In an interpreter of its own. Nothing is asked in bulk, or nothing more."""
    root = build_tree(tmp_path / "ctx", ["a", "b/c", "d/e"])
    code = (
        "import _thread, os, signal, threading, time; from ctxsize.engine import parallel\n"
        f"EAGER = {EAGER}\n"
        "parallel.__dict__.update(EAGER); filled = []; fill = bulk.Table.fill; told = []\n"
        "bulk.Table.fill = lambda table, names: filled.append(names) or fill(table, names)\n"
        f"def meet(): {company}\n"
        "def progress(*_):\n"
        "    told.append(filled.copy())\n"
        "    if len(told) == 2 and sys.argv[2] != 'before': meet()\n"
        "if sys.argv[2] == 'before': meet()\n"
        "measure(resolve(sys.argv[1]), progress=progress)\n"
        "print([filled[1:], told[1][1:], filled[len(told[1]):]])"
    )
    asked, before, after = eval(told_without_root_powers(code, root, when))
    assert asked == before + after
    if company == "pass":
        assert asked == [["a"], ["c"], ["e"]]
    elif when == "before":
        assert asked == []
    else:
        assert before
        assert after == []


def test_progress_may_change_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build_tree(tmp_path / "ctx", ["a", "b/c", "d/e"])
    monkeypatch.chdir(tmp_path)
    report = measured_in_bulk(resolve("ctx"), progress=lambda *_: os.chdir(root / "b"))
    assert report.context.totals.files == 3
    assert Path.cwd() == root / "b"


OURS = bulk._LAYOUTS["x86_64"]


@pytest.mark.parametrize(
    "layout",
    [
        OURS._replace(fields=OURS.fields.replace("dev ino", "ino dev", 1)),
        OURS._replace(form=OURS.form.replace("16x16xqq", "16x16x8xq8xq").replace("40x", "24x")),
        OURS._replace(mode=(OURS.mode[0], 8)),
        OURS._replace(nlink=(OURS.nlink[0] - 1, 0)),
    ],
)
def test_answers_that_lie_otherwise(
    layout: bulk._Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then all are asked about one by one."""
    monkeypatch.setattr(bulk, "_LAYOUTS", {os.uname().machine: layout})
    assert bulk._table() is None
    request = resolve(str(build_tree(tmp_path / "ctx", ["a", "d/b"])))
    assert measured_in_bulk(request) == measured_one_by_one(request)


def test_a_python_without_ctypes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert bulk._table() is None
    request = resolve(str(build_tree(tmp_path / "ctx", ["a", "d/b"])))
    assert measured_in_bulk(request) == measured_one_by_one(request)


def test_a_directory_that_can_only_be_listed(tmp_path: Path) -> None:
    """As a user whom permissions hold, for whom the build fails."""
    root = build_tree(tmp_path / "ctx", ["d/a"])
    (root / "d").chmod(0o444)
    code = (
        "try: measure(resolve(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error.path)"
    )
    told = told_without_root_powers(code, root)
    (root / "d").chmod(0o755)
    assert told.split() == [BuildFailsError.__name__, "d/a"]


def test_a_working_directory_that_is_locked_meanwhile(tmp_path: Path) -> None:
    """There is no way back to it, which is no reason to lose the answer or a descriptor."""
    root = build_tree(tmp_path / "ctx", ["d/a", "e/b"])
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import os; os.chdir(sys.argv[2]); before = os.listdir('/proc/self/fd')\n"
        "report = measure(resolve(sys.argv[1]), progress=lambda *_: os.chmod(sys.argv[2], 0))\n"
        "print(report.context.totals.files, os.listdir('/proc/self/fd') == before)"
    )
    assert told_without_root_powers(code, root, home).split() == ["2", "True"]


def told_without_root_powers(code: str, *arguments: Path | str) -> str:
    """What `code` prints in an interpreter that asks in bulk from the first name on."""
    start = (
        "import sys; from ctxsize.engine import bulk; from ctxsize.engine.measure import measure\n"
        "from ctxsize.engine.request import resolve\n"
        "bulk._PAYS_FROM = 0\n"
    )
    argv = [sys.executable, "-c", start + code, *map(str, arguments)]
    done = subprocess.run(
        processes.without_root_powers(argv) if os.geteuid() == 0 else argv,
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout


prefixes = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=5).map(
    lambda names: "".join(f"{name}/" for name in names)
)


@given(
    direct=st.dictionaries(prefixes, st.tuples(st.integers(0, 9), st.integers(0, 3))),
    depth=st.integers(0, 5),
)
def test_a_size_tree_is_cut_at_its_depth(direct: dict[str, tuple[int, int]], depth: int) -> None:
    sums = {"": [0, 0], **{prefix: [*each] for prefix, each in direct.items()}}
    whole = size_tree(sums, None)
    assert size_tree(sums, depth) == cut(whole, depth)
    assert whole.content_bytes == sum(size for size, _ in direct.values())
    assert whole.files == sum(count for _, count in direct.values())


def cut(tree: Directory, depth: int) -> Directory:
    below: Any = tuple(cut(each, depth - 1) for each in tree.children) if depth else ()
    return Directory(tree.path, tree.content_bytes, tree.files, below)
