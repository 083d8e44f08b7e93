"""Runs that are killed in their middle leave nothing that the next run does not remove."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ctxsize.clean.delete import delete
from ctxsize.clean.inventory import RECORD, TRASH
from ctxsize.errors import InputError
from ctxsize.findings import Edit
from ctxsize.writer.apply import apply, write_output
from tests.clean.cleaning import planned
from tests.clean.planting import RUST
from tests.hostile.running import limited
from tests.trees import build_tree, fifo, file, link


def killed(run: Callable[[], object], module: str, name: str, after: int) -> None:
    """Run in a child that is killed when it calls `os.NAME` of `module` for a further time."""
    child = os.fork()
    if not child:
        with pytest.MonkeyPatch.context() as patch:
            before, left = getattr(os, name), [after]

            def called(*arguments: object, **named: object) -> object:
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return before(*arguments, **named)

            patch.setattr(f"{module}.os.{name}", called)
            run()
        os._exit(0)
    os.waitpid(child, 0)


STEPS = ("open", "fdopen", "fsync", "fchmod", "replace", "link", "unlink", "close", "stat")


@pytest.mark.parametrize("before", [None, b"a\n"], ids=["new", "old"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", range(3))
def test_a_killed_writer_leaves_each_file_whole(
    step: str, after: int, before: bytes | None, tmp_path: Path
) -> None:
    nodes = (
        [] if before is None else [file("x/.dockerignore", before), file("y/.dockerignore", before)]
    )
    root = build_tree(tmp_path / "r", ["x/", "y/", *nodes])
    paths = [root / "x/.dockerignore", root / "y/.dockerignore"]

    def write() -> None:
        found = [path.read_bytes() if path.exists() else None for path in paths]
        apply([Edit(str(path), old, b"new\n") for path, old in zip(paths, found, strict=True)])
        write_output(str(root / "x/report"), b"{}")

    killed(write, "ctxsize.writer.apply", step, after)
    assert all(path.read_bytes() in (before, b"new\n") for path in paths if path.exists())
    for path in paths:
        path.unlink(missing_ok=True)
    write()
    assert sorted(each.name for each in root.glob("*/*")) == [
        ".dockerignore",
        ".dockerignore",
        "report",
    ]


def test_what_is_not_left_over_stays(tmp_path: Path) -> None:
    held, name = ".ctxsize-" + "0" * 16, ".ctxsize-" + "{}" * 16
    others = [
        *(".ctxsize-" + "0" * 15, ".ctxsize-" + "A" * 16, "a.ctxsize-" + "0" * 16, ".ctxsize"),
        link(name.format(*"1" * 16), "elsewhere"),
        fifo(name.format(*"2" * 16)),
        name.format(*"3" * 16) + "/",
    ]
    root = build_tree(tmp_path / "r", [held, *others, "elsewhere"])
    before = {each.name for each in root.iterdir()}
    with (root / held).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        write_output(str(root / "report"), b"{}")
    assert {each.name for each in root.iterdir()} == {*before, "report"}
    write_output(str(root / "report"), b"{}")
    assert {each.name for each in root.iterdir()} == {*before, "report"} - {held}


@pytest.mark.parametrize("data", [b"", b'{"ctxsize', b'{"ctxsize-trash": 1, "name": "target'])
def test_a_record_that_was_begun_is_removed(data: bytes, tmp_path: Path) -> None:
    name = (TRASH + "0" * 32) + RECORD
    root = build_tree(tmp_path / "r", [*RUST.nodes("app"), file(f"app/{name}", data)])
    plan = planned(root)
    assert plan.records == (f"app/{name}",)
    list(delete(plan))
    assert not (root / "app" / name).exists()


@pytest.mark.parametrize("data", [b"mine\n", b"{}", b'{"other": 1}'])
def test_a_record_of_another_stays(data: bytes, tmp_path: Path) -> None:
    name = (TRASH + "0" * 32) + RECORD
    root = build_tree(tmp_path / "r", [*RUST.nodes("app"), file(f"app/{name}", data)])
    assert planned(root).records == ()


def test_a_fifo_that_no_process_reads_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctxsize.writer.apply._READER_COMES_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with limited(), pytest.raises(InputError, match="No such device or address"):
        write_output(str(tmp_path / "pipe"), b"{}")


def swapped(
    module: str, name: str, after: int, act: Callable[[], object], run: Callable[[], object]
) -> bool:
    """Run, and act at the call of `os.NAME` with that number; return whether it came to that."""
    before, count = getattr(os, name), [0]

    def called(*arguments: object, **named: object) -> object:
        count[0] += 1
        if count[0] == after:
            act()
        return before(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{module}.os.{name}", called)
        run()
    return count[0] >= after


@pytest.mark.parametrize("kind", ["link", "file", "nothing"])
@pytest.mark.parametrize("step", ["open", "stat", "fsync", "link", "replace", "access", "listdir"])
@pytest.mark.parametrize("old", [None, b"a\n"], ids=["new", "old"])
def test_a_directory_that_is_swapped(
    old: bytes | None, step: str, kind: str, tmp_path: Path
) -> None:
    """Nothing is written elsewhere, nothing is left, and what goes wrong is one error."""
    for after in range(1, 12):
        top = build_tree(tmp_path / str(after), ["r/d/", "precious/"])
        outside, inside = top / "precious", top / "r/d"
        for each in (outside, inside) if old is not None else ():
            (each / ".dockerignore").write_bytes(old)

        def swap(top: Path = top, inside: Path = inside, outside: Path = outside) -> None:
            inside.rename(top / "hold")
            if kind == "link":
                inside.symlink_to(outside)
            elif kind == "file":
                inside.touch()

        def write(inside: Path = inside) -> None:
            with suppress(InputError):
                apply([Edit(str(inside / ".dockerignore"), old, b"new\n")])

        met = swapped("ctxsize.writer.apply", step, after, swap, write)
        found = {each.name: each.read_bytes() for each in outside.iterdir()}
        assert found == ({} if old is None else {".dockerignore": old})
        assert not [*top.rglob(".ctxsize-*")]
        if not met:
            break
