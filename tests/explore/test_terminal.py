"""`ctxsize explore` on a real terminal, and where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli, environment
from tests.explore.test_screen import SHOP
from tests.trees import build_tree

__all__ = ["cli"]
_PATIENCE_S = 120


class Tmux:
    """A terminal of 100 columns that runs a command."""

    def __init__(self, directory: Path, command: str, **env: str) -> None:
        self._base = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]
        self._env = {
            **environment(**env),
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        shell = f"{command}; code=$?; stty -a | grep -o ' icanon'; echo code=$code; sleep 60"
        size = ("-x", "100", "-y", "30")
        self._call("new-session", "-d", *size, shell)

    def _call(self, *arguments: str) -> str:
        command = [*self._base, *arguments]
        return subprocess.run(
            command, env=self._env, check=True, capture_output=True, text=True
        ).stdout

    def press(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def wait(self, *texts: str) -> str:
        """The screen as soon as it has all `texts`."""
        end, screen = time.monotonic() + _PATIENCE_S, ""
        while time.monotonic() < end:
            screen = self._call("capture-pane", "-p")
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{texts} did not appear:\n{screen}")

    def stop(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)


BROKEN = """
import sys
from ctxsize.cli.app import run
from ctxsize.explore.session import Session
Session.undo = lambda self: 1 // 0
sys.exit(run(["explore", "shop"]))
"""


ENDED = BROKEN.replace("1 // 0", "signal.raise_signal(15)").replace("sys\n", "signal, sys\n", 1)


@pytest.fixture
def tmux(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tmux]:
    """A terminal with the explorer, or with a program that a test names."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    build_tree(tmp_path / "shop", SHOP)
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "ended.py").write_text(ENDED)
    program = getattr(request, "param", "$PYTHON -m ctxsize explore shop")
    found = Tmux(tmp_path, f"cd {tmp_path} && PYTHON={sys.executable} && {program}")
    yield found
    found.stop()


@pytest.mark.parametrize("tmux", ["$PYTHON broken.py"], indirect=True)
def test_a_bug_restores_the_terminal_and_exits_with_3(tmux: Tmux) -> None:
    tmux.wait("big.csv", "/ find")
    tmux.press("u")
    screen = tmux.wait("internal error: ZeroDivisionError", "code=3")
    assert "Traceback" not in screen
    assert " icanon" in screen


def test_a_pattern_is_proposed_and_written(tmux: Tmux, tmp_path: Path) -> None:
    tmux.wait("big.csv", "/ find")
    tmux.press("i")
    tmux.wait("+ data/raw/big.csv", "->")
    tmux.press("w")
    tmux.wait("y writes")
    tmux.press("y")
    tmux.wait("wrote shop/.dockerignore")
    tmux.press("q")
    screen = tmux.wait("wrote shop/.dockerignore: context", "code=0")
    assert "big.csv" not in screen, "the screen is restored"
    assert " icanon" in screen
    assert b"\ndata/raw/big.csv\n" in (tmp_path / "shop" / ".dockerignore").read_bytes()


def test_ctrl_c_restores_the_terminal_and_exits_with_130(tmux: Tmux) -> None:
    tmux.wait("big.csv", "/ find")
    tmux.press("i")
    tmux.wait("+ data/raw/big.csv")
    tmux.press("C-c")
    tmux.wait("nothing was written", "code=130")


@pytest.mark.parametrize(
    "tmux",
    ["set -m; $PYTHON -m ctxsize explore shop; echo stopped=$?; read line; fg >/dev/null"],
    indirect=True,
)
def test_ctrl_z_suspends_it_and_restores_the_terminal(tmux: Tmux) -> None:
    tmux.wait("big.csv", "/ find")
    tmux.press("C-z")
    assert "big.csv" not in tmux.wait("stopped=147")
    tmux.press("Enter")
    tmux.wait("big.csv", "/ find")
    tmux.press("q")
    tmux.wait("nothing was written", "code=0")


@pytest.mark.parametrize("tmux", ["$PYTHON ended.py"], indirect=True)
def test_a_request_to_end_restores_the_terminal(tmux: Tmux) -> None:
    tmux.wait("big.csv", "/ find")
    tmux.press("u")
    screen = tmux.wait("nothing was written", "code=143")
    assert "big.csv" not in screen
    assert " icanon" in screen


@pytest.mark.parametrize(
    "tmux",
    [
        "TERM=dumb $PYTHON -m ctxsize explore shop",
        "$PYTHON -m ctxsize explore shop </dev/null",
        "$PYTHON -m ctxsize explore shop | cat; test ${PIPESTATUS[0]} = 2 && (exit 2)",
    ],
    indirect=True,
    ids=["dumb", "stdin", "stdout"],
)
def test_a_terminal_without_a_screen_is_refused(tmux: Tmux) -> None:
    tmux.wait("explore needs a terminal", "code=2")


def test_without_a_terminal_it_names_other_commands(cli: Cli, tmp_path: Path) -> None:
    result = cli("explore", str(tmp_path))
    assert result.code == 2
    assert result.raw == b""
    assert "needs a terminal" in result.err
    assert "ctxsize measure" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("package", ["textual"])
def test_without_textual_it_says_what_to_install(package: str, tmp_path: Path) -> None:
    script = f"import sys; sys.modules[{package!r}] = None\n"
    script += "from ctxsize.cli.app import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, "explore", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "extra tui, as in pipx install --force '.[tui]' in its checkout" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_has_the_keys_and_examples(cli: Cli) -> None:
    result = cli("explore", "--help")
    assert result.code == 0
    assert "Keys:" in result.out
    assert "ctxsize explore --target" in result.out
