"""Completion in the real shells: each loads its script and is asked what it would offer."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import REPOSITORY, Cli, environment
from tests.oracles.availability import require

# What the user has typed, and what must (not) be among the words that are offered.
PATIENCE_S = 120
Completed = Callable[..., tuple[str, str]]
WORD = re.compile(r"[\w.-]+")
CASES = [
    ("ctxsize me", {"measure"}, {"ls"}),
    ("ctxsize ", {"measure", "check", "completion"}, set()),
    ("ctxsize measure --bui", {"--build-arg", "--builder"}, {"--target"}),
    ("ctxsize measure --builder p", {"podman"}, {"buildkit"}),
    ("ctxsize measure --format s", {"sarif"}, {"text"}),
    ("ctxsize completion f", {"fish"}, {"zsh"}),
    ("ctxsize rule CTX10", {"CTX101", "CTX104"}, {"CTX201"}),
    ("ctxsize rule root-", {"root-only-name"}, {"CTX101"}),
    ("ctxsize lint --select CTX10", {"CTX101"}, {"CTX201"}),
    ("ctxsize advise --ignore CTX2", {"CTX210"}, {"CTX101"}),
    ("ctxsize measure --target b", {"build", "base"}, {"final"}),
    ("ctxsize check -f other.Dockerfile --target o", {"only"}, {"build"}),
    ("ctxsize suggest --explain rust.", {"rust.target"}, {"node.modules"}),
    ("ctxsize schema me", {"measure"}, {"lint"}),
    ("ctxsize clean --ecosystem ru", {"rust"}, {"node"}),
]

BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_ctxsize_completion ctxsize
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
source {script}
complete --do-complete {line}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a `ctxsize` to run, and the script of each shell."""
    directory = tmp_path_factory.mktemp("shells")
    program = directory / "ctxsize"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ctxsize "$@"\n')
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(
            [sys.executable, "-m", "ctxsize", "completion", shell],
            cwd=REPOSITORY,
            env=environment(),
            capture_output=True,
            check=True,
        )
        (directory / f"{shell}.script").write_bytes(done.stdout)
    (directory / "Dockerfile").write_text(
        "FROM scratch AS base\nFROM base AS build\nFROM build AS final\n"
    )
    (directory / "other.Dockerfile").write_text("FROM scratch AS only\n")
    return directory


def words(line: str) -> str:
    return " ".join(f"'{each}'" for each in line.split(" "))


def offers(shell: str, home: Path, line: str) -> set[str]:
    """What bash or fish would offer behind `line`."""
    code = {"bash": BASH, "fish": FISH}[shell].format(
        script=home / f"{shell}.script", words=words(line), line=f"'{line}'"
    )
    plain = {"bash": "--norc", "fish": "--no-config"}[shell]
    done = subprocess.run(
        [shell, plain, "-c", code],
        cwd=home,
        env=shell_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    return {each.split("\t")[0] for each in done.stdout.splitlines()}


def shell_environment(home: Path) -> dict[str, str]:
    path = f"{home}:/usr/bin:/bin"
    return environment(PATH=path, HOME=str(home), TERM="dumb", COLUMNS="200", LINES="50")


def zsh_offers(home: Path, line: str, awaited: set[str]) -> set[str]:
    """What a zsh at a terminal shows, at least `awaited`, after Tab behind `line`."""
    me, terminal = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=home,
        env=shell_environment(home),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        setup = "setopt no_list_ambiguous; autoload -Uz compinit; compinit -u -d dump; "
        setup += f"source {home}/zsh.script; PS1=READY"
        os.write(me, f"{setup}; print DO''NE\n".encode())
        shown(me, {"DONE"}, then_s=0)
        os.write(me, f"{line}\t".encode())
        found = shown(me, awaited, then_s=1)
        process.kill()
    os.close(me)
    return {*WORD.findall(found.replace(line, " ", 1) + " " + found)}


def shown(terminal: int, awaited: set[str], *, then_s: float) -> str:
    """What appears on the terminal up to all `awaited` words, and until a pause after that."""
    data = b""
    while True:
        text = data.decode("utf-8", "replace")
        is_all = awaited <= {*WORD.findall(text)}
        if not select.select([terminal], [], [], then_s if is_all else PATIENCE_S)[0]:
            return text
        data += os.read(terminal, 65536)


@pytest.mark.parametrize(("line", "offered", "not_offered"), CASES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_offers(
    home: Path, shell: str, line: str, offered: set[str], not_offered: set[str]
) -> None:
    require(shell)
    found = zsh_offers(home, line, offered) if shell == "zsh" else offers(shell, home, line)
    assert offered <= found, found
    assert not found & not_offered


def test_no_other_shell(cli: Cli) -> None:
    result = cli("completion", "tcsh")
    assert (result.code, result.out) == (2, "")


BROKEN = {
    "unknown instruction": b"FROM scratch AS one\nNOPE\n",
    "flag": b"FROM --nope scratch AS one\n",
    "binary": b"\x00\xff\x1b[31m" * 50,
    "name that is none": b"FROM scratch AS \x1b[31mred\n",
    "variable": b"FROM $(rm -rf x) AS `id`\n",
}


@pytest.fixture
def completed(cli: Cli, tmp_path: Path) -> Completed:
    """Asks ctxsize what it gives bash for the last word of a line, and what it prints."""

    def call(*line: str) -> tuple[str, str]:
        asked = {"_CTXSIZE_COMPLETE": "bash_complete", "COMP_CWORD": str(len(line) - 1)}
        words = " ".join(each or "''" for each in line)
        result = cli(cwd=tmp_path, env={**asked, "COMP_WORDS": words})
        return result.out, result.err

    return call


@pytest.mark.parametrize("name", [*BROKEN, "directory", "FIFO", "large", "gone"])
def test_a_dockerfile_that_cannot_be_used_completes_to_nothing(
    name: str, completed: Completed, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    if name in BROKEN:
        path.write_bytes(BROKEN[name])
    elif name == "directory":
        path.mkdir()
    elif name == "FIFO":
        os.mkfifo(path)
    elif name == "large":
        path.write_bytes(b"FROM scratch AS one\n" + b"# long\n" * 20_000_000)
    assert completed("ctxsize", "measure", "--target", "") == ("\n", "")
    assert completed("ctxsize", "ls", "-f", "-", "--target", "") == ("\n", "")
    assert completed("ctxsize", "ls", "nowhere", "--target", "") == ("\n", "")


def test_a_wrong_value_before_it_does_not_disturb(completed: Completed, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch AS one\n")
    line = ("ctxsize", "check", "--max", "50", "--growth", "much", "--target", "o")
    assert completed(*line) == ("plain,one\n", "")


def test_codes_complete_behind_a_comma(completed: Completed) -> None:
    out, err = completed("ctxsize", "lint", "--select", "CTX101,CTX112,CTX10")
    assert "plain,CTX101,CTX112,CTX104\n" in out
    assert "plain,CTX101,CTX112,CTX101\n" not in out
    assert completed("ctxsize", "lint", "--select", "CTX101,CTX101") == ("\n", "")
    assert err == ""


@pytest.mark.parametrize("words", [("lint",), ("explain",), ("diff",), ("suggest", "--only")])
def test_paths_are_left_to_the_shell(words: tuple[str, ...], completed: Completed) -> None:
    assert completed("ctxsize", *words, "a/b") == ("file,a/b\n", "")
    assert completed("ctxsize", "scan", "a/b") == ("dir,a/b\n", "")
    assert completed("ctxsize", "serv") == ("dir,serv\n", "")
    assert completed("ctxsize", "sc") == ("plain,scan\nplain,schema\n", "")


def test_a_page_is_offered_by_the_commands_that_make_one(completed: Completed) -> None:
    assert completed("ctxsize", "measure", "--format", "h") == ("plain,html\n", "")
    assert completed("ctxsize", "lint", "--format", "h") == ("\n", "")


def test_fish_shows_whole_descriptions(home: Path) -> None:
    require("fish")
    code = FISH.format(script=home / "fish.script", line="'ctxsize suggest --expl'")
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        cwd=home,
        env=shell_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    word, _, description = done.stdout.strip().partition("\t")
    assert word == "--explain"
    assert description.startswith("Explain what a rule looks for, what it found and")
