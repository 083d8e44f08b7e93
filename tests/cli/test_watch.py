"""`--watch` in a real process, with a pipe, a file or a terminal behind stdout."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

from ctxsize.cli import output
from tests.cli.conftest import Cli, environment
from tests.trees import build_tree, file

COMMANDS = {
    "front door": ([], "3 files"),
    "measure": (["measure"], "3 files"),
    "check": (["check", "--max", "2kB"], "ok .: "),
    "check --all": (["check", "--all", "--max", "2kB"], "ok .: "),
}
"""The arguments, and the start of the first answer."""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    entries = [
        file("Dockerfile", b"FROM scratch\nCOPY . .\n"),
        file(".dockerignore", b"out\n"),
        file("main.py", b"pass\n"),
        file("out/a.o", b"0123456789"),
    ]
    return build_tree(tmp_path / "ctx", entries)


class Watch:
    """A `ctxsize` that watches, with what it wrote so far."""

    def __init__(self, process: subprocess.Popen[bytes], source: int) -> None:
        self.process = process
        self.written = b""
        self._source = source

    def until(self, text: str, seconds: float = 20) -> str:
        """What came until `text` did; fails if it does not come in time."""
        begin, end = len(self.written), time.monotonic() + seconds
        while text.encode() not in self.written[begin:]:
            ready, _, _ = select.select([self._source], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.written[begin:]!r}"
            self.written += os.read(self._source, 65536)
        return self.written[begin:].decode()

    def more(self, seconds: float = 1.5) -> str:
        """What else comes in this time."""
        ready, _, _ = select.select([self._source], [], [], seconds)
        return os.read(self._source, 65536).decode() if ready else ""

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@contextmanager
def watching(
    *arguments: str, cwd: Path, terminal: tuple[int, int] | None = None
) -> Iterator[Watch]:
    mine, theirs = pty.openpty() if terminal else os.pipe()
    variables = environment(TERM="xterm")
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *terminal, 0, 0))
        variables.pop("COLUMNS", None)
    command = [sys.executable, "-m", "ctxsize", *arguments, "--watch"]
    with subprocess.Popen(
        command, cwd=cwd, env=variables, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        try:
            yield Watch(process, mine)
        finally:
            process.kill()
            os.close(mine)


@pytest.mark.parametrize(("command", "first"), COMMANDS.values(), ids=COMMANDS)
def test_an_update_follows_a_change_of_what_is_sent(
    context: Path, command: list[str], first: str
) -> None:
    with watching(*command, cwd=context) as watch:
        watch.until(first)
        assert watch.more() == ""
        (context / "data.bin").write_bytes(b"x" * 1_200_000)
        begin = time.monotonic()
        update = watch.until("since the start\n")
        assert time.monotonic() - begin < 4  # 2 on a machine that does nothing else
        assert "+1.2 MB, +1 file since the start\n" in update
        (context / "data.bin").unlink()
        assert "+0 B, +0 files since the start\n" in watch.until("since the start\n")
        assert watch.interrupt() == 130
    assert b"\x1b" not in watch.written
    assert b"Traceback" not in watch.written


def test_only_what_is_read_counts(context: Path) -> None:
    with watching(cwd=context) as watch:
        watch.until("explain PATH\n")
        (context / "out" / "b.o").write_text("x")
        os.utime(context / "main.py")
        assert watch.more() == ""
        (context / ".dockerignore").write_text("# nothing\n")
        assert "+17 B, +2 files" in watch.until("since the start\n")
    (context / ".dockerignore").write_text("out\n")
    with watching("measure", "--ignored", cwd=context) as watch:
        watch.until("out")
        (context / "out" / "c.o").write_text("x" * 100)
        assert "+0 B, +0 files" in watch.until("since the start\n")


def test_check_watches_on_after_a_refusal(context: Path) -> None:
    with watching("check", "--max", "2kB", cwd=context) as watch:
        watch.until("ok ")
        (context / "data.bin").write_bytes(b"x" * 9_000)
        assert "CTX401" in watch.until("+9.0 kB, +1 file since the start\n")
        (context / "data.bin").unlink()
        assert watch.until("since the start\n").startswith("ok ")
        assert watch.interrupt() == 130


def test_an_error_is_shown_and_the_next_change_awaited(context: Path) -> None:
    with watching("measure", cwd=context) as watch:
        watch.until("3 files")
        (context / ".dockerignore").write_text("[\n")
        assert ".dockerignore:1: the build fails" in watch.until(")\n")
        assert watch.more() == ""
        (context / ".dockerignore").write_text("none\n")
        assert "+11 B, +1 file since the start\n" in watch.until("since the start\n")


def test_json_is_one_document_for_each_update(context: Path) -> None:
    with watching("measure", "--json", cwd=context) as watch:
        first = watch.until("\n}\n")
        (context / "main.py").write_text("pass # and more\n")
        second = watch.until("\n}\n")
    sizes = [json.loads(each)["context"]["content_bytes"] for each in (first, second)]
    assert sizes[1] - sizes[0] == 11


def test_a_reader_that_is_gone_ends_it(context: Path) -> None:
    with watching("measure", cwd=context) as watch:
        watch.until("3 files")
        os.dup2(os.open(os.devnull, os.O_RDONLY), watch._source)
        (context / "main.py").write_text("")
        assert watch.process.wait(timeout=20) == 0


def test_a_terminal_is_redrawn_row_by_row_without_a_blank_screen(context: Path) -> None:
    columns, rows = 60, 24
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    with watching(cwd=context, terminal=(rows, columns)) as watch:
        stream.feed("what was here before\r\n" * rows)
        first = watch.until("\x1b[J")
        stream.feed(first)
        shown = [line.rstrip() for line in screen.display]
        assert shown[0].startswith("Fine: ")
        assert "what was here before" not in "".join(shown)
        (context / "data.bin").write_bytes(b"x" * 1_200_000)
        second = watch.until("\x1b[J")
        assert second.startswith("\x1b[H")
        assert not re.search(r"\x1b\[[23]J", first + second)
        assert second.count("\x1b[J") == 1
        stream.feed(second)
        shown = [line.rstrip() for line in screen.display]
        assert "+1.2 MB, +1 file since the start" in shown
        assert shown[0].startswith("Fine: 1.2 MB in 4 files")
        (context / ".dockerignore").write_text("[\n")
        stream.feed(watch.until("\x1b[J"))
        left = [line for line in screen.display if line.strip()]
        assert left[0].startswith("ctxsize: error: .dockerignore:1: the build fails")
        assert not any("MB" in line for line in left)
        assert watch.interrupt() == 130


def test_a_full_row_keeps_its_last_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    block = output._Block(drawn=True)
    rows = ["x" * 20, "\x1b[1mfull\x1b[0m" + "y" * 16, "part", "z" * 40, "", "end"]
    print("\n".join(rows), file=block)
    screen = pyte.Screen(20, 8)
    stream = pyte.Stream(screen)
    stream.feed("\r\n".join(["old" * 6] * 8))
    stream.feed(block.rows().replace("\n", "\r\n"))
    shown = [row.rstrip() for row in screen.display]
    assert shown == ["x" * 20, "full" + "y" * 16, "part", "z" * 20, "z" * 20, "", "end", ""]
    assert "x\x1b[K" not in block.rows()


def test_a_watch_that_would_write_what_it_reads_is_refused(cli: Cli, context: Path) -> None:
    done = cli("check", "--baseline", "b.json", "--update-baseline", "--watch", cwd=context)
    assert done.code == 2
    assert "--watch cannot be combined with --update-baseline" in done.err
