"""What only shows on a terminal: colour by itself, the width, and progress."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from ctxsize.cli import output
from tests.cli.conftest import environment
from tests.contexts import CONTEXTS
from tests.trees import build_tree

_PROGRESS = re.compile(r"(?:\r\x1b\[K[^\r\n\x1b]*)*\r\x1b\[K")
"""A line that is redrawn while a command works, and removed before its answer."""
_EAGER = """
import sys
from ctxsize.cli import app, output
output._PROGRESS_AFTER = output._PROGRESS_EVERY = 0.0
sys.exit(app.run(sys.argv[1:]))
"""
"""A program that shows progress from the start, as `ctxsize` does on a slow machine."""


def answer_of(written: str) -> str:
    """Return what a terminal keeps: progress, which a slow machine shows, is removed again."""
    return _PROGRESS.sub("", written)


def on_a_terminal(
    *arguments: str,
    cwd: Path,
    columns: int,
    program: tuple[str, ...] = ("-m", "ctxsize"),
    **env: str,
) -> str:
    """Return what `ctxsize ARGUMENTS` leaves on a terminal of that width."""
    return answer_of(written(*arguments, cwd=cwd, columns=columns, program=program, **env))


def written(*arguments: str, cwd: Path, columns: int, program: tuple[str, ...], **env: str) -> str:
    """Return all that the program writes to a terminal of that width."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {**environment(**env), "TERM": env.get("TERM", "xterm")}
    variables.pop("COLUMNS", None)
    command = [sys.executable, *program, *arguments]
    with subprocess.Popen(command, cwd=cwd, env=variables, stdout=theirs, stderr=theirs):
        os.close(theirs)
        data = b""
        while True:
            try:
                chunk = os.read(mine, 65536)
            except OSError:  # Linux reports the end of a terminal as an error
                break
            if not chunk:
                break
            data += chunk
    os.close(mine)
    return data.decode()


def test_a_terminal_gets_colour_and_its_own_width(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["rust"])
    shown = on_a_terminal("measure", cwd=context, columns=49)
    assert "\x1b[1;31mToo big\x1b[0m:" in shown
    plain = on_a_terminal("measure", cwd=context, columns=49, NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()) == 49
    assert "\x1b" not in on_a_terminal("measure", cwd=context, columns=49, TERM="dumb")


@pytest.mark.parametrize("variable", ["", "0", "-3", "33", " 44 ", "many", None])
def test_the_width_is_that_of_shutil(variable: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if variable is not None:
        monkeypatch.setenv("COLUMNS", variable)
    assert output._width() == max(40, min(shutil.get_terminal_size().columns, 120))


def test_a_low_terminal_keeps_the_verdict(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["traps"])
    shown = on_a_terminal("measure", ".", cwd=context, columns=80)
    assert len(shown.splitlines()) < 24
    assert (
        24
        <= len(on_a_terminal("measure", ".", cwd=context, columns=80, LINES="30").splitlines())
        < 30
    )
    # A file is read at its own length.
    on_a_terminal("measure", ".", "--format", "text=out.txt", cwd=context, columns=80)
    assert len((context / "out.txt").read_text().splitlines()) > 24


def test_messages_wrap_at_blanks(tmp_path: Path) -> None:
    assert on_a_terminal("mesure-it-all-now", cwd=tmp_path, columns=40).splitlines() == [
        "ctxsize: error: No such command:",
        "  'mesure-it-all-now'; there is no such",
        "  directory either (ctxsize --help)",
    ]


def test_progress_leaves_nothing_on_a_terminal(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["rust"])
    eager = ("-c", _EAGER)
    shown = written("measure", cwd=context, columns=80, program=eager)
    assert " so far\r\x1b[K" in shown
    assert answer_of(shown) == on_a_terminal("measure", cwd=context, columns=80)
    dumb = written("measure", cwd=context, columns=80, program=eager, TERM="dumb")
    assert "\x1b" not in dumb


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_shows_late_seldom_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.5, 1.1, 1.15, 1.3])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal())
    with output.progress() as progress:
        assert progress is not None
        for seen in (10, 2000, 3000, 4000):
            progress(seen, seen * 1000)
    assert sys.stderr.getvalue() == (  # type: ignore[attr-defined]
        "\r\x1b[K2,000 entries, 2.0 MB so far\r\x1b[K4,000 entries, 4.0 MB so far\r\x1b[K"
    )


def test_steps_show_what_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.5, 1.1, 1.3, 1.5])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    with output.progress() as progress:
        assert progress is not None
        progress.step("a", 0, 1200)
        progress.step("b\x1b", 1199, 1200)
        progress.step("the Dockerfiles", 0, 0)
        progress.step("x" * 100, 1, 2)
    assert sys.stderr.getvalue().split("\r\x1b[K") == [  # type: ignore[attr-defined]
        "",
        "b\\033 (1,200 of 1,200)",
        "the Dockerfiles",
        "xxxxxxxxxx…xxxxxxxxxxxxxxxxxxx (2 of 2)",
        "",
    ]


def test_no_progress_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with output.progress() as progress:
        assert progress is None
