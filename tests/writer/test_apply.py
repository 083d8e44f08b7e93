"""Edits arrive whole or not at all, with real faults."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctxsize.errors import InputError
from ctxsize.findings import Edit
from ctxsize.writer.apply import apply, write_output
from tests.writer.places import as_a_user, remount, small_disk


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".dockerignore"
    path.write_bytes(b"old\n")
    return path


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new"
    old = os.umask(0o027)
    try:
        assert apply([Edit(str(path), None, b"data\n")]) == ()
    finally:
        os.umask(old)
    assert path.read_bytes() == b"data\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_nlink == 1
    assert names(tmp_path) == ["new"]


def test_mode_owner_and_attributes_stay(file: Path) -> None:
    file.chmod(0o604)
    os.setxattr(file, "user.note", b"kept")
    if os.geteuid() == 0:
        os.chown(file, 12, 34)
    before = file.stat()
    apply([Edit(str(file), b"old\n", b"new\n")])
    after = file.stat()
    assert file.read_bytes() == b"new\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert os.getxattr(file, "user.note") == b"kept"
    assert names(file.parent) == [".dockerignore"]


def test_an_edit_that_changes_nothing_writes_nothing(file: Path) -> None:
    before = file.stat()
    apply([Edit(str(file), b"old\n", b"old\n"), Edit(str(file.parent / "absent"), None, None)])  # type: ignore[arg-type]
    assert file.stat() == before


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (b"older\n", b"old\n", "the file has changed since it was read"),
        (b"older\n", None, "the file is gone"),
        (None, b"", "the file has changed since it was read"),
    ],
)
def test_refuses_a_file_that_is_not_as_it_was(
    tmp_path: Path, before: bytes | None, now: bytes | None, message: str
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    if now is not None:
        second.write_bytes(now)
    with pytest.raises(InputError, match=message) as caught:
        apply([Edit(str(first), None, b"1"), Edit(str(second), before, b"2")])
    assert caught.value.path == str(second)
    assert caught.value.hint == "nothing was changed"
    assert not first.exists()
    assert names(tmp_path) == ([] if now is None else ["second"])
    assert now is None or second.read_bytes() == now


def test_writes_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    target = tmp_path / "config/ignore"
    target.write_bytes(b"old\n")
    link = tmp_path / ".dockerignore"
    link.symlink_to("config/ignore")
    apply([Edit(str(link), b"old\n", b"new\n")])
    assert link.readlink() == Path("config/ignore")
    assert target.read_bytes() == b"new\n"
    assert not target.is_symlink()
    assert names(tmp_path / "config") == ["ignore"]


@pytest.mark.parametrize("target", [".gitignore", "gone", ".dockerignore", "../outside"])
def test_refuses_any_symlink_that_it_must_not_follow(target: str, tmp_path: Path) -> None:
    root = tmp_path / "context"
    root.mkdir()
    for name in ("context/.gitignore", "outside"):
        (tmp_path / name).write_bytes(b"old\n")
    link = root / ".dockerignore"
    link.symlink_to(target)
    for before in (b"old\n", None):
        with pytest.raises(InputError, match=re.escape(f"a symbolic link to {target}")) as caught:
            apply([Edit(str(link), before, b"new\n")], within=str(root), links="refuse")
        assert "--replace-link" in str(caught.value)
    assert link.readlink() == Path(target)
    assert [path.read_bytes() for path in (root / ".gitignore", tmp_path / "outside")] == [
        *[b"old\n"] * 2
    ]
    assert names(root) == [".dockerignore", ".gitignore"]


def test_puts_a_file_in_the_place_of_a_symlink(tmp_path: Path) -> None:
    target, link = tmp_path / ".gitignore", tmp_path / ".dockerignore"
    target.write_bytes(b"old\n")
    target.chmod(0o600)
    link.symlink_to(".gitignore")
    with pytest.raises(InputError, match="has changed since"):
        apply([Edit(str(link), b"other\n", b"new\n")], links="replace")
    assert link.is_symlink()
    assert apply([Edit(str(link), b"old\n", b"new\n")], links="replace") == ()
    assert not link.is_symlink()
    assert (link.read_bytes(), target.read_bytes()) == (b"new\n", b"old\n")
    umask = os.umask(0)
    os.umask(umask)
    assert link.stat().st_mode & 0o777 == 0o666 & ~umask
    assert names(tmp_path) == [".dockerignore", ".gitignore"]


@pytest.mark.parametrize("target", ["gone", ".dockerignore", "../outside"])
def test_a_symlink_whose_target_no_build_reads_is_replaced_by_a_new_file(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"old\n")
    root = tmp_path / "context"
    (root / ".git").mkdir(parents=True)
    link = root / ".dockerignore"
    link.symlink_to(target)
    with pytest.raises(InputError, match="the file is gone"):
        apply([Edit(str(link), b"old\n", b"new\n")], links="replace")
    apply([Edit(str(link), None, b"new\n")], links="replace")
    assert not link.is_symlink()
    assert link.read_bytes() == b"new\n"
    assert (tmp_path / "outside").read_bytes() == b"old\n"


def test_refuses_a_symlink_that_leaves(tmp_path: Path) -> None:
    outside, context = tmp_path / "outside", tmp_path / "context"
    (context / "docker").mkdir(parents=True)
    outside.write_bytes(b"old\n")
    link = context / "docker/Dockerfile.dockerignore"
    link.symlink_to("../../outside")
    with pytest.raises(InputError, match="a symlink that leaves"):
        apply([Edit(str(link), b"old\n", b"new\n")], within=str(context))
    assert outside.read_bytes() == b"old\n"
    link.unlink()
    (context / "shared").write_bytes(b"old\n")
    link.symlink_to("../shared")
    with pytest.raises(InputError, match="a symlink that leaves its directory"):
        apply([Edit(str(link), b"old\n", b"new\n")])
    apply([Edit(str(link), b"old\n", b"new\n")], within=str(context))
    assert (context / "shared").read_bytes() == b"new\n"


@pytest.mark.parametrize("target", ["nothing", ".dockerignore"], ids=["dangling", "loop"])
def test_refuses_a_symlink_to_nothing(tmp_path: Path, target: str) -> None:
    link = tmp_path / ".dockerignore"
    link.symlink_to(target)
    with pytest.raises(InputError, match="a symlink that leads nowhere"):
        apply([Edit(str(link), None, b"new\n")])
    assert link.readlink() == Path(target)
    assert names(tmp_path) == [".dockerignore"]


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name, message in {
        "directory": "a directory is in the way",
        "fifo": "is no regular file",
        "fifo/below": "cannot be written: Not a directory",
        "absent/new": "cannot be written: No such file or directory",
        "n" * 300: "cannot be written: File name too long",
        "nul\0": "cannot be written: .*null",
    }.items():
        with pytest.raises(InputError, match=message):
            apply([Edit(str(tmp_path / name), None, b"new\n")])
    assert names(tmp_path) == ["directory", "fifo"]


def test_refuses_a_read_only_file(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(InputError, match="is read-only"):
        apply([Edit(str(file), b"old\n", b"new\n")])
    assert file.read_bytes() == b"old\n"


def test_refuses_another_users_file() -> None:
    with as_a_user() as directory:
        file = directory / "file"
        file.write_bytes(b"old\n")
        file.chmod(0o400)
        with pytest.raises(InputError, match="is read-only"):
            apply([Edit(str(file), b"old\n", b"new\n")])
        assert names(directory) == ["file"]


def test_a_file_that_may_not_be_read() -> None:
    with as_a_user() as directory:
        file = directory / "file"
        file.write_bytes(b"old\n")
        file.chmod(0o200)
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            apply([Edit(str(file), b"old\n", b"new\n")])


def test_a_read_only_directory() -> None:
    with as_a_user() as directory:
        file = directory / "file"
        file.write_bytes(b"old\n")
        directory.chmod(0o500)
        try:
            with pytest.raises(InputError, match="cannot be written: Permission denied"):
                apply([Edit(str(file), b"old\n", b"new\n")])
            with pytest.raises(InputError, match="cannot be written: Permission denied"):
                write_output(str(directory / "report"), b"{}")
        finally:
            directory.chmod(0o700)
        assert file.read_bytes() == b"old\n"
        assert names(directory) == ["file"]


def test_a_read_only_file_system(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk / "file").write_bytes(b"old\n")
        remount(disk, "ro")
        with pytest.raises(InputError, match=r"is read-only|Read-only file system"):
            apply([Edit(str(disk / "file"), b"old\n", b"new\n")])
        with pytest.raises(InputError, match="Read-only file system"):
            apply([Edit(str(disk / "new"), None, b"new\n")])
        assert (disk / "file").read_bytes() == b"old\n"


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        first, second = disk / "first", disk / "second"
        first.write_bytes(b"old\n")
        second.write_bytes(b"old\n")
        edits = [
            Edit(str(first), b"old\n", b"new\n"),
            Edit(str(second), b"old\n", b"x" * 100_000),
        ]
        with pytest.raises(
            InputError, match="cannot be written: No space left on device"
        ) as caught:
            apply(edits)
        assert caught.value.path == str(second)
        assert caught.value.hint == "nothing was changed"
        assert first.read_bytes() == second.read_bytes() == b"old\n"
        with pytest.raises(InputError, match="No space left on device"):
            write_output(str(first), b"x" * 100_000)
        assert first.read_bytes() == b"old\n"
        assert names(disk) == ["first", "second"]
        apply([Edit(str(first), b"old\n", b"new\n")])


def test_a_failure_in_the_middle_says_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    for path in files:
        path.write_bytes(b"old\n")
    replace = os.replace

    def meddle(source: str, target: str, **directories: int) -> None:
        replace(source, target, **directories)
        if target.endswith("a"):
            files[1].write_bytes(b"somebody else\n")

    monkeypatch.setattr(os, "replace", meddle)
    with pytest.raises(InputError, match="the file has just changed") as caught:
        apply([Edit(str(path), b"old\n", b"new\n") for path in files])
    assert caught.value.path == str(files[1])
    assert caught.value.hint == f"written before that: {files[0]}"
    assert [path.read_bytes() for path in files] == [b"new\n", b"somebody else\n", b"old\n"]
    assert names(tmp_path) == ["a", "b", "c"]


def test_a_new_file_does_not_push_another_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    target = tmp_path / "new"

    def meddle(handle: int) -> None:
        target.write_bytes(b"somebody else\n")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", meddle)
    with pytest.raises(InputError, match="the file has just changed"):
        apply([Edit(str(target), None, b"ours\n")])
    assert target.read_bytes() == b"somebody else\n"
    assert names(tmp_path) == ["new"]


def test_a_hard_link_is_broken_and_said(file: Path) -> None:
    other = file.parent / "other"
    os.link(file, other)
    (note,) = apply([Edit(str(file), b"old\n", b"new\n")])
    assert (note.code, note.path) == ("hard-link-broken", str(file))
    assert other.read_bytes() == b"old\n"
    assert file.read_bytes() == b"new\n"


def test_one_file_under_two_names(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file.name)
    with pytest.raises(InputError, match="is the same file as"):
        apply([Edit(str(path), b"old\n", b"new\n") for path in (file, link)])
    assert file.read_bytes() == b"old\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_nothing_behind(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupted(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(error):
        apply([Edit(str(file), b"old\n", b"new\n")])
    assert file.read_bytes() == b"old\n"
    assert names(file.parent) == [".dockerignore"]


def test_ctrl_c_in_the_middle_of_a_write(file: Path) -> None:
    program = (
        "import sys; from ctxsize.findings import Edit; from ctxsize.writer.apply import apply\n"
        "data = b'x' * 50_000_000\n"
        "old = b'old\\n'\n"
        "while True:\n"
        "    print('again', flush=True)\n"
        "    apply([Edit(sys.argv[1], old, data)]); old, data = data, old\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"again\n"
        assert process.stdout.readline() == b"again\n"
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert file.stat().st_size in (4, 50_000_000)
    assert names(file.parent) == [".dockerignore"]


def test_output_goes_where_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_output(str(path), b"1")
    write_output(str(path), b"2")
    assert path.read_bytes() == b"2"
    link = tmp_path / "link"
    link.symlink_to(path)
    write_output(str(link), b"3")
    assert link.is_symlink()
    assert path.read_bytes() == b"3"
    write_output("/dev/null", b"4")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(InputError, match="a directory is in the way"):
        write_output(str(tmp_path), b"5")
    assert names(tmp_path) == ["link", "report.json"]


def test_output_to_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxsize.writer.apply._READER_COMES_S", 120)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE)
    write_output(str(fifo), b"report")
    assert reader.communicate(timeout=120)[0] == b"report"
    assert stat.S_ISFIFO(fifo.stat().st_mode)


RENAMED = {"unchanged": b"old\n", "changed": b"new\n"}


@pytest.mark.parametrize("after", RENAMED.values(), ids=RENAMED)
def test_a_file_is_renamed_with_its_mode_and_attributes(file: Path, after: bytes) -> None:
    file.chmod(0o604)
    os.setxattr(file, "user.note", b"kept")
    other = file.parent / "docker" / "Dockerfile.dockerignore"
    other.parent.mkdir()
    assert apply([Edit(str(other), b"old\n", after, str(file))]) == ()
    assert other.read_bytes() == after
    assert stat.S_IMODE(other.stat().st_mode) == 0o604
    assert os.getxattr(other, "user.note") == b"kept"
    assert other.stat().st_nlink == 1
    assert names(file.parent) == ["docker"]
    assert names(other.parent) == [other.name]


@pytest.mark.parametrize("after", RENAMED.values(), ids=RENAMED)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda old, new: new.write_text("theirs"), "there is a file of that name"),
        (lambda old, new: new.symlink_to("nowhere"), "is a symbolic link to nowhere"),
        (lambda old, new: new.mkdir(), "a directory is in the way"),
        (lambda old, new: old.write_text("newer"), "has changed since it was read"),
        (lambda old, new: old.unlink(), "the file is gone"),
        (lambda old, new: (old.unlink(), old.symlink_to("/etc/passwd")), "is a symbolic link"),
        (lambda old, new: (old.unlink(), os.mkfifo(old)), "is no regular file"),
        (lambda old, new: (old.unlink(), old.mkdir()), "a directory is in the way"),
    ],
)
def test_a_file_that_cannot_be_renamed_stays(
    file: Path, spoil: Callable[[Path, Path], object], words: str, after: bytes
) -> None:
    new = file.parent / "new"
    spoil(file, new)
    before = [(path.name, path.lstat()) for path in sorted(file.parent.iterdir())]
    with pytest.raises(InputError, match=words):
        apply([Edit(str(new), b"old\n", after, str(file))], links="refuse")
    assert [(path.name, path.lstat()) for path in sorted(file.parent.iterdir())] == before


@pytest.mark.parametrize("after", RENAMED.values(), ids=RENAMED)
def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten(
    file: Path, monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    new = file.parent / "new"
    link = os.link

    def late(*arguments: Any, **options: Any) -> None:
        new.write_text("theirs")
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(InputError, match="File exists"):
        apply([Edit(str(new), b"old\n", after, str(file))])
    assert (file.read_text(), new.read_text()) == ("old\n", "theirs")
    assert names(file.parent) == [".dockerignore", "new"]


@pytest.mark.parametrize("after", RENAMED.values(), ids=RENAMED)
def test_a_file_is_renamed_without_hard_links_too(
    file: Path, monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    new = file.parent / "new"
    apply([Edit(str(new), b"old\n", after, str(file))])
    assert new.read_bytes() == after
    assert names(file.parent) == ["new"]
