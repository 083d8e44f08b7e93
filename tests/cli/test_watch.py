"""`--watch` in a real process, with a pipe, a file or a terminal behind stdout."""

from __future__ import annotations

import fcntl
import io
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from itertools import pairwise
from pathlib import Path

import click
import pyte
import pytest

from ctxsize import api
from ctxsize.cli import output, watching
from ctxsize.formats import text
from ctxsize.model import Amount, Report
from tests.cli.conftest import Cli, environment
from tests.cli.test_terminal import answer_of
from tests.trees import build_tree, file

PATIENCE_S = 120
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

    def until(self, text: str, seconds: float = PATIENCE_S) -> str:
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
        return self.process.wait(timeout=PATIENCE_S)


@contextmanager
def watched(*arguments: str, cwd: Path, terminal: tuple[int, int] | None = None) -> Iterator[Watch]:
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


def save(path: Path, content: bytes) -> None:
    """Write a file at once: a look between two writes would see half of it."""
    half = path.parents[1] / "half"
    half.write_bytes(content)
    half.replace(path)


@pytest.mark.parametrize(("command", "first"), COMMANDS.values(), ids=COMMANDS)
def test_an_update_follows_a_change_of_what_is_sent(
    context: Path, command: list[str], first: str
) -> None:
    with watched(*command, cwd=context) as watch:
        watch.until(first)
        assert watch.more() == ""
        save(context / "data.bin", b"x" * 1_200_000)
        update = watch.until("since the start\n")
        assert "+1.2 MB, +1 file since the start\n" in update
        (context / "data.bin").unlink()
        assert "+0 B, +0 files since the start\n" in watch.until("since the start\n")
        assert watch.interrupt() == 130
    assert b"\x1b" not in watch.written
    assert b"Traceback" not in watch.written


def test_only_what_is_read_counts(context: Path) -> None:
    with watched(cwd=context) as watch:
        watch.until("ctxsize ls --size\n")
        save(context / "out" / "b.o", b"x")
        os.utime(context / "main.py")
        assert watch.more() == ""
        save(context / ".dockerignore", b"# nothing\n")
        assert "+17 B, +2 files" in watch.until("since the start\n")
    save(context / ".dockerignore", b"out\n")
    with watched("measure", "--ignored", cwd=context) as watch:
        watch.until("out")
        (context / "out" / "c.o").write_text("x" * 100)
        assert "+0 B, +0 files" in watch.until("since the start\n")


def test_check_watches_on_after_a_refusal(context: Path) -> None:
    with watched("check", "--max", "2kB", cwd=context) as watch:
        watch.until("ok ")
        save(context / "data.bin", b"x" * 9_000)
        assert "CTX401" in watch.until("+9.0 kB, +1 file since the start\n")
        (context / "data.bin").unlink()
        assert watch.until("since the start\n").startswith("ok ")
        assert watch.interrupt() == 130


def test_the_cheaper_of_two_answers_decides_when_to_measure_again() -> None:
    assert watching.pause_s(0.5, 0.05) == watching.pause_s(0.05, 0.5) == pytest.approx(3.0)
    assert watching.pause_s(0.0, 0.5) == pytest.approx(0.3)


def test_an_error_is_shown_and_the_next_change_awaited(context: Path) -> None:
    with watched("measure", cwd=context) as watch:
        watch.until("3 files")
        save(context / ".dockerignore", b"[\n")
        assert ".dockerignore:1: the build fails" in watch.until(")\n")
        assert watch.more() == ""
        save(context / ".dockerignore", b"none\n")
        assert "+11 B, +1 file since the start\n" in watch.until("since the start\n")


def test_json_is_one_document_for_each_update(context: Path) -> None:
    with watched("measure", "--json", cwd=context) as watch:
        first = watch.until("\n}\n")
        save(context / "main.py", b"pass # and more\n")
        second = watch.until("\n}\n")
    sizes = [json.loads(each)["context"]["content_bytes"] for each in (first, second)]
    assert sizes[1] - sizes[0] == 11


def test_a_reader_that_is_gone_ends_it(context: Path) -> None:
    with watched("measure", cwd=context) as watch:
        watch.until("3 files")
        os.dup2(os.open(os.devnull, os.O_RDONLY), watch._source)
        save(context / "main.py", b"")
        assert watch.process.wait(timeout=PATIENCE_S) == 0


def test_a_terminal_is_redrawn_row_by_row_without_a_blank_screen(context: Path) -> None:
    columns, rows = 60, 24
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    with watched(cwd=context, terminal=(rows, columns)) as watch:
        stream.feed("what was here before\r\n" * rows)
        first = watch.until("\x1b[J")
        stream.feed(first)
        shown = [line.rstrip() for line in screen.display]
        assert shown[0].startswith("Fine: ")
        assert "what was here before" not in "".join(shown)
        save(context / "data.bin", b"x" * 1_200_000)
        second = watch.until("\x1b[J")
        assert second.startswith("\x1b[H")
        assert not re.search(r"\x1b\[[23]J", first + second)
        assert second.count("\x1b[J") == 1
        stream.feed(second)
        shown = [line.rstrip() for line in screen.display]
        assert "+1.2 MB, +1 file since the start" in shown
        assert shown[0].startswith("Fine: 1.2 MB in 4 files")
        save(context / ".dockerignore", b"[\n")
        stream.feed(watch.until("\x1b[J"))
        left = [line for line in screen.display if line.strip()]
        assert left[0].startswith("ctxsize: error: .dockerignore:1: the build fails")
        assert not any("MB" in line for line in left)
        assert watch.interrupt() == 130


def test_a_full_row_keeps_its_last_character_and_a_low_screen_the_first_and_last() -> None:
    rows = ["x" * 20, "\x1b[1mfull\x1b[0m" + "y" * 16, "part", "z" * 40, "", "end"]
    written = text.screen("\n".join(rows) + "\n", 20, 7)
    screen = pyte.Screen(20, 8)
    stream = pyte.Stream(screen)
    stream.feed("\r\n".join(["old" * 6] * 8))
    stream.feed(written.replace("\n", "\r\n"))
    shown = [row.rstrip() for row in screen.display]
    assert shown == ["x" * 20, "full" + "y" * 16, "part", "z" * 20, "z" * 20, "", "end", ""]
    assert "x\x1b[K" not in written
    cut = text.screen("\n".join(rows), 20, 6).replace("\x1b[K", "")
    first, *others = cut.split("\n")
    assert first == "\x1b[H" + rows[0]
    assert others == [rows[1], "part", "and 1 more line", "", "end", "\x1b[J"]


def test_a_watch_that_would_write_what_it_reads_is_refused(cli: Cli, context: Path) -> None:
    done = cli("check", "--baseline", "b.json", "--update-baseline", "--watch", cwd=context)
    assert done.code == 2
    assert "--watch cannot be combined with --update-baseline" in done.err


def drawn(updates: list[str], columns: int, rows: int) -> list[str]:
    """What a terminal of this size shows after each of `updates` was written to it."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    for each in updates:
        stream.feed(each)
    return [line.rstrip() for line in screen.display]


@pytest.mark.parametrize("rows", [20, 22, 24])
def test_a_low_terminal_shows_the_verdict_and_the_change(rows: int, tmp_path: Path) -> None:
    files = [file(f"d{each}/x", size_bytes=40_000 + each) for each in range(60)]
    root = build_tree(tmp_path / "w", [file("Dockerfile", b"FROM scratch\nCOPY . .\n"), *files])
    with watched("measure", cwd=root, terminal=(rows, 80)) as watch:
        updates = [watch.until("\x1b[J")]
        for each in range(2):
            save(root / f"new{each}", b"x" * 600_000)
            updates.append(watch.until("\x1b[J"))
    shown = drawn(updates, 80, rows)
    assert shown[0].startswith("Fine: 3.6 MB in 63 files"), shown
    assert shown[-2] == "+1.2 MB, +2 files since the start"
    assert not any(line.startswith("and ") for line in shown[2:]) or rows == 20


def test_a_refusal_is_cut_to_a_low_terminal(context: Path) -> None:
    with watched("check", "--max", "2kB", cwd=context, terminal=(12, 80)) as watch:
        updates = [watch.until("\x1b[J")]
        for each in range(9):
            save(context / f"{each}.bin", b"x" * 9_000)
        while "+81.0 kB" not in updates[-1]:
            updates.append(watch.until("\x1b[J"))
    shown = drawn(updates, 80, 12)
    assert shown[0] == "Refused: ."
    assert re.fullmatch(r"and \d more lines", shown[8])
    assert shown[10:] == ["+81.0 kB, +9 files since the start", ""]


def test_the_change_is_that_of_the_size_in_the_verdict(context: Path, tmp_path: Path) -> None:
    save(context / "Dockerfile", b"FROM scratch\nCOPY main.py .\nCOPY --from=lib . .\n")
    lib = build_tree(tmp_path / "lib", [file("a", b"1")])
    with watched("measure", "--build-context", f"lib={lib}", cwd=context) as watch:
        watch.until("ext")
        save(context / "not-copied", b"x" * 500)
        assert "+0 B, +0 files since the start\n" in watch.until("since the start\n")
        save(lib / "b", b"x" * 700)
        assert "+700 B, +1 file since the start\n" in watch.until("since the start\n")
    limits = ("--of", "transfer", "--max", "1MB")
    with watched("check", *limits, "--target", "", cwd=context) as watch:
        watch.until("ok .: 5 B of 1.0 MB")
        save(context / "main.py", b"x" * 15)
        assert "+10 B, +0 files since the start\n" in watch.until("since the start\n")


def test_the_change_of_several_builds_names_them(tmp_path: Path) -> None:
    dockerfile = b"FROM scratch\nCOPY . .\n"
    names = ("Dockerfile", "sub/Dockerfile", "sub/x", "other/Dockerfile")
    root = build_tree(tmp_path / "all", [file(each, dockerfile) for each in names])
    with watched("check", "--all", "--max", "9MB", cwd=root) as watch:
        watch.until("ok sub")
        save(root / "sub" / "data.bin", b"x" * 1_000_000)
        update = watch.until("since the start") + watch.more(0.5)
        assert update.endswith("\n+1.0 MB, +1 file since the start: ., sub\n")
        save(root / "data.bin", b"x" * 20)
        update = watch.until("+1 file since the start: sub\n") + watch.more(0.5)
        assert update.endswith("start: sub\n+1.0 MB, +2 files since the start: .\n")


def test_quiet_has_no_change(context: Path) -> None:
    with watched("measure", "-q", cwd=context) as watch:
        watch.until("3 files")
        save(context / "data.bin", b"x")
        assert "since the start" not in watch.until("4 files") + watch.more()


def test_an_answer_in_a_file_leaves_the_terminal_alone(context: Path) -> None:
    report = context.parent / "report.json"
    report.touch()
    arguments = ("check", "--max", "1MB", "--format", f"json={report}")
    with watched(*arguments, cwd=context, terminal=(24, 80)) as watch:
        for size in (100, 200):
            save(context / "main.py", b"x" * size)
            end = time.monotonic() + PATIENCE_S
            while f'"actual": {26 + size},' not in report.read_text():
                assert time.monotonic() < end
                time.sleep(0.05)
        assert answer_of(watch.more(0.5)) == ""


class _StopError(Exception):
    pass


class _Clock:
    """A clock that sleeps in no time, so that no load of the machine counts."""

    def __init__(self) -> None:
        self.now_s, self.busy_s = 0.0, 0.0
        self._deeds: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        due = [deed for when, deed in self._deeds if when <= self.now_s]
        self._deeds = [(when, deed) for when, deed in self._deeds if when > self.now_s]
        for deed in due:
            deed()

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        self._deeds.append((self.now_s + seconds, deed))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(watching, "time", clock)
    monkeypatch.setattr(watching, "_busy_s", lambda: clock.busy_s)
    return clock


@pytest.mark.parametrize(
    "name",
    ["ctxsize.toml", "../pyproject.toml", "baseline.json", "Dockerfile.dockerignore"],
)
def test_a_first_save_of_a_setting_is_seen_at_once(name: str, context: Path, clock: _Clock) -> None:
    seen: list[float] = []

    def answer() -> Report:
        if len(seen) == 2:
            raise _StopError
        clock.busy_s += 0.3  # the next regular answer would follow after 18 seconds
        seen.append(clock.now_s)
        if len(seen) == 2:
            clock.later(0.4, lambda: save(context / name, b""))
        return api.measure(str(context))

    with click.Context(click.Command("measure")), pytest.raises(_StopError):
        watching.measure_again(
            answer,
            lambda report: None,
            output.Display(),
            lambda report: [watching.BuildSize("", report, Amount.of(report.context.totals))],
            lambda report: str(context / "baseline.json"),
        )
    assert clock.now_s - seen[1] < 1


def test_a_tree_is_looked_at_again_within_a_second(clock: _Clock) -> None:
    """A quick answer comes every third of a second; a slow one takes a sixtieth of the time."""
    seen: list[float] = []

    def answer(cost_s: float) -> None:
        clock.busy_s += cost_s
        seen.append(clock.now_s)
        if len(seen) == 5:
            raise _StopError

    for cost_s, pause_s in ((0.001, 0.3), (0.3, 18)):
        seen.clear()
        with pytest.raises(_StopError):
            watching.watch(lambda cost_s=cost_s: answer(cost_s), print, lambda found: [])
        pauses = [later - earlier for earlier, later in pairwise(seen)]
        assert pauses[1:] == pytest.approx([pause_s] * 3, abs=0.3)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_until_the_first_answer() -> None:
    shown: list[bool] = []

    def answer() -> int:
        if len(shown) == 3:
            raise _StopError
        with output.progress() as progress:
            shown.append(progress is not None)
        return len(shown)

    with redirect_stderr(_Terminal()), pytest.raises(_StopError):
        watching.watch(answer, lambda found: None, lambda found: [])
    assert shown == [True, False, False]
