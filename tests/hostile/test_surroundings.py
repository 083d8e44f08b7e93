"""What is around a command is hostile: its directory, environment, streams, arguments, user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctxsize.cli.app import run
from tests.cli.conftest import Cli, cli, environment
from tests.hostile.running import SECONDS
from tests.trees import build_tree, file

__all__ = ["cli"]

DOCKERFILE = file("Dockerfile", b"FROM scratch\nCOPY . /\n")
COMMANDS = (
    "measure",
    "ls",
    "explain a",
    "suggest",
    "suggest --write",
    "suggest --from-gitignore",
    "lint",
    "lint --fix",
    "scan",
    "advise --fix",
    "clean",
    "check --max 1GB",
    "check --baseline b.json --update-baseline",
    "diff a.json",
    "rule CTX101",
    "completion bash",
)


def spawned(
    command: str | list[str],
    cwd: Path,
    *,
    wrapper: str = "",
    env: Mapping[str, str | None] | None = None,
) -> tuple[int, str]:
    """The exit code and stderr of `ctxsize COMMAND`, run by `sh` with `wrapper` around it."""
    words = command.split() if isinstance(command, str) else command
    values = {k: v for k, v in {**environment(), **(env or {})}.items() if v is not None}
    ours = [sys.executable, "-m", "ctxsize", *words]
    argv = ["sh", "-c", wrapper, "sh", *ours] if wrapper else ours
    done = subprocess.run(
        argv,
        cwd=cwd,
        env=values,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10 * SECONDS,
        check=False,
    )
    return done.returncode, done.stderr.decode("utf-8", "replace")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_tree(
        tmp_path / "r",
        [
            DOCKERFILE,
            "a",
            "x.log",
            file(".dockerignore", b"a\na\n"),
            file(".gitignore", b"x.log\n"),
        ],
    )


WRAPPERS = {
    "deleted directory": 'mkdir gone && cd gone && rmdir ../gone && "$@"',
    "closed stdout": '"$@" >&-',
    "closed stderr": '"$@" 2>&-',
    "all closed": '"$@" <&- >&- 2>&-',
    "full stdout": '"$@" >/dev/full',
    "full stderr": '"$@" 2>/dev/full',
    "no HOME, no PATH": 'unset HOME; env -u PATH "$@"',
    "few descriptors": 'ulimit -n 16; "$@"',
}


FEW = ("measure", "scan", "clean")


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("command", FEW)
def test_odd_surroundings_end_in_an_answer(command: str, wrapper: str, root: Path) -> None:
    code, err = spawned(command, root, wrapper=WRAPPERS[wrapper])
    assert code in (0, 1, 2)
    assert "internal error" not in err
    assert "Traceback" not in err


def test_too_little_memory_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("ctxsize.cli.app.app.invoke", exhausted)
    assert run(["measure", str(root)]) == 2
    assert "not enough memory" in capsys.readouterr().err


@contextmanager
def in_a_deleted_directory(root: Path) -> Iterator[None]:
    """Let this process work in a directory that is gone, as the wrapper of that name does."""
    gone = root / "gone"
    gone.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(gone)
        gone.rmdir()
        yield


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_answers_in_a_deleted_directory(cli: Cli, command: str, root: Path) -> None:
    with in_a_deleted_directory(root):
        result = cli(*command.split())
    assert result.code in (0, 1, 2)
    assert "internal error" not in result.err


def test_a_directory_named_absolutely_needs_no_other(cli: Cli, root: Path) -> None:
    for command in ("measure", "lint", "suggest --write", "scan", "check --max 1GB"):
        with in_a_deleted_directory(root):
            result = cli(*command.split(), str(root))
        assert result.code in (0, 1) or "the working directory was deleted" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "nonsense", ""])
@pytest.mark.parametrize("word", ["zz", "", "-1", "99999999999999999999", "1.5"])
def test_completion_never_fails_the_shell(cli: Cli, shell: str, word: str) -> None:
    env = {"_CTXSIZE_COMPLETE": f"{shell}_complete", "COMP_WORDS": "ctxsize 'm", "COMP_CWORD": word}
    assert cli(env=env).code in (0, 1, 2)
    assert cli(env={"_CTXSIZE_COMPLETE": f"{shell}_complete"}).code in (0, 1, 2)


NAMES = ["\udcff", "\x1b[2J", "a\nb", "", "-", "x" * 5000, "/".join(["xxx"] * 1500)]
WITH_NAMES = (
    "measure {}",
    "measure -f {}",
    "ls --build-context {}={} --named {}",
    "measure --target {} --build-arg {}",
    "explain {}",
    "explain -C {} a",
    "explain --source {}",
    "suggest --like {}",
    "suggest --only {}",
    "suggest --explain {}",
    "lint {}",
    "lint --select {}",
    "scan {}",
    "advise {}",
    "clean {}",
    "clean --ecosystem {}",
    "check --baseline {}",
    "check --max {}",
    "diff {}",
    "diff a {}",
    "rule {}",
    "completion {}",
    "measure --format json={}/x",
    "{}",
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
@pytest.mark.parametrize("command", WITH_NAMES)
def test_names_in_arguments(cli: Cli, command: str, name: str, root: Path) -> None:
    result = cli(*(word.replace("{}", name) for word in command.split()), cwd=root)
    assert result.code in (0, 1, 2), result.err
    assert "\x1b[2J" not in result.err
