"""The exit codes of every command: 0, 1, 2, 3 and 130, and what is on stdout with each."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from ctxsize.cli.app import app
from ctxsize.cli.commands import COMMANDS
from ctxsize.guard.baseline import Baseline
from tests.cli.conftest import Cli, spawn
from tests.history.repository import planted
from tests.trees import COPY_ALL, build_tree, file

NODES = [
    file("Dockerfile", COPY_ALL),
    file(".dockerignore", b"*.log # logs\n"),
    file("src/main.py", b"print()\n"),
    file("old.jsonl", b""),
]
# What each command needs to run, and what makes it exit with 0.
FINE: dict[str, list[str]] = {
    "measure": [],
    "ls": [],
    "suggest": [],
    "explore": [],
    "explain": ["src"],
    "clean": [],
    "affected": ["--stdin"],
    "digest": [],
    "log": [],
    "advise": [],
    "lint": ["--exit-zero"],
    "rule": [],
    "scan": ["--exit-zero"],
    "check": ["--max", "1GB"],
    "diff": ["old.jsonl"],
    "schema": ["measure"],
    "completion": ["bash"],
    "init": [],
    "help": [],
}
# Those that can say no, and what makes them.
NO: dict[str, list[str]] = {
    "check": ["--max", "1B"],
    "lint": [],
    "explain": ["--source", "nope"],
}
# A mistake in the input of each that has any.
WRONG: dict[str, list[str]] = {
    "measure": ["nope"],
    "ls": ["nope"],
    "suggest": ["nope"],
    "explore": ["nope"],
    "explain": ["-C", "nope", "x"],
    "clean": ["nope"],
    "affected": ["--since", "nope"],
    "digest": ["nope"],
    "log": ["--rev", "nope"],
    "advise": ["nope"],
    "lint": ["nope"],
    "rule": ["CTX999"],
    "scan": ["nope"],
    "check": ["nope", "--max", "1B"],
    "diff": ["nope"],
    "schema": ["measur"],
    "completion": ["tcsh"],
    "init": ["nope"],
    "help": ["nope"],
}
COMMANDS_ = [pytest.param(name, id=name) for name in COMMANDS]
WITHOUT_SCREEN = [each for each in COMMANDS_ if each.values != ("explore",)]
"""The others need no terminal; `tests/explore` has one."""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return planted(tmp_path / "ctx", NODES)


def leaf(name: str) -> click.Command:
    """The command that runs for `FINE[name]`."""
    root = click.Context(app)
    found = app.get_command(root, name)
    if isinstance(found, click.Group):
        found = found.get_command(root, FINE[name][0])
    assert found is not None
    return found


def test_every_command_has_its_cases() -> None:
    assert set(FINE) == set(WRONG) == set(COMMANDS)


@pytest.mark.parametrize("name", WITHOUT_SCREEN)
def test_each_command_exits_0_where_all_is_fine(cli: Cli, context: Path, name: str) -> None:
    result = cli(name, *FINE[name], cwd=context)
    assert result.code == 0, result.err


@pytest.mark.parametrize("name", NO)
def test_1_with_the_report_on_stdout(cli: Cli, context: Path, name: str) -> None:
    result = cli(name, *NO[name], cwd=context)
    assert result.code == 1
    assert result.out
    assert "error" not in result.err


@pytest.mark.parametrize("name", COMMANDS_)
def test_2_in_one_line(cli: Cli, context: Path, name: str) -> None:
    for arguments in ([*FINE[name], "--no-such-option"], WRONG[name]):
        result = cli(name, *arguments, cwd=context)
        assert (result.code, result.out) == (2, ""), arguments
        assert re.fullmatch(r"ctxsize: error: [^\n]+\n", result.err)


@pytest.mark.parametrize("name", COMMANDS_)
def test_3_and_130(cli: Cli, context: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("oops")

    def stopped(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(leaf(name), "callback", broken)
    result = cli(name, *FINE[name], cwd=context)
    assert (result.code, result.out) == (3, "")
    assert re.fullmatch(r"ctxsize: error: internal error: ZeroDivisionError[^\n]+\n", result.err)
    monkeypatch.setattr(leaf(name), "callback", stopped)
    result = cli(name, *FINE[name], cwd=context)
    assert (result.code, result.out, result.err) == (130, "", "")


def in_the_middle(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something when `check` has found the context and not yet measured it."""

    def read(path: str) -> Baseline:
        act()
        return {}

    monkeypatch.setattr("ctxsize.guard.baseline.read", read)


def test_sigint_in_the_middle(cli: Cli, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (context / "b.json").write_text("{}")
    before = sorted(path.name for path in context.iterdir())
    in_the_middle(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = cli("check", "--baseline", "b.json", "--update-baseline", cwd=context)
    assert (result.code, result.out, result.err) == (130, "", "")
    assert sorted(path.name for path in context.iterdir()) == before


def test_a_context_that_vanishes_in_the_middle(
    cli: Cli, context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_middle(monkeypatch, lambda: shutil.rmtree(context))
    result = cli("check", "ctx", "--baseline", "b.json", cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("ctxsize: error: ctx: cannot read the context")


def test_a_closed_pipe_is_no_pass(tmp_path: Path) -> None:
    names = [f"a-directory-with-a-name-{n}/file" for n in range(2000)]
    context = build_tree(tmp_path / "large", [file("Dockerfile", COPY_ALL), *names])
    formats = ["--format", "json"]
    with spawn("check", "--max-files", "1", *formats, cwd=context) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
    with spawn("check", "--max-files", "9999", *formats, cwd=context) as process:
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0
