"""Exit codes and everything that can go wrong around a command."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ctxsize
from ctxsize import api
from ctxsize.version import version_line
from tests.cli.conftest import REPOSITORY, Cli, environment, spawn, unprivileged
from tests.trees import build_tree, file

USAGE = [
    ["nope"],
    ["a-file"],
    ["measure", "--nope"],
    ["measure", "a", "b"],
    ["measure", "--top", "0"],
    ["measure", "--builder", "kaniko"],
    ["measure", "--format", "xml"],
    ["measure", "-f"],
    ["ls", "--depth", "3"],
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_a_usage_error_is_one_line_and_exits_2(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"ctxsize: error: [^\n]+\n", result.err)


INPUT = [
    (["nope"], "nope: cannot read the context"),
    ([""], "cannot read the context"),
    (["a\nb"], r"a\nb: cannot read the context"),
    (["a-file"], "a-file: the context is not a directory"),
    (["-f", "nope"], "nope: the build fails: failed to read dockerfile: open nope: no such file"),
    (["-f", "sub"], "failed to read dockerfile: read sub: is a directory"),
    (["https://github.com/a/b.git"], "the builder fetches "),
    (["git@github.com:a/b.git"], "the builder fetches "),
    (["http://example.com/context.tar.gz"], "no ignore file is read"),
    (["ssh://git@example.com/a.git#main:sub"], "no ignore file is read"),
    (["-"], "no ignore file is read"),
    (["-f", "https://example.com/Dockerfile"], "pipe it into ctxsize with -f -"),
]


@pytest.mark.parametrize("command", ["measure", "ls"])
@pytest.mark.parametrize(("arguments", "message"), INPUT)
def test_an_input_error_is_one_line_and_exits_2(
    cli: Cli, tmp_path: Path, command: str, arguments: list[str], message: str
) -> None:
    context = build_tree(tmp_path / "ctx", ["a-file", "sub/x"])
    result = cli(command, *arguments, cwd=context)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"ctxsize: error: [^\n]+\n", result.err)
    assert message in result.err


IGNORE_FILES = [
    (b"ok\n  [\n", ".dockerignore:2: the build fails: syntax error in pattern"),
    (b"!\n", '.dockerignore:1: the build fails: illegal exclusion pattern: "!"'),
    (b"[z-a]\n", ".dockerignore:1:1: the build fails: syntax error in pattern"),
    (b"a\tb\n", 'header key "exclude-patterns" contains value with non-printable ASCII'),
    (b"a\t" * 20_000 + b"\n", ".dockerignore:1: the build fails: header key"),
    (b"a" * 70_000, ".dockerignore:1: the build fails: bufio.Scanner: token too long"),
    (b"".join(b"x%020d\n" % n for n in range(20_000)), "accepts at most 1,048,896"),
]


@pytest.mark.parametrize("command", ["measure .", "ls .", "explain -C . a"])
@pytest.mark.parametrize(("lines", "message"), IGNORE_FILES)
def test_ignore_files_that_fail_the_build(
    cli: Cli, tmp_path: Path, command: str, lines: bytes, message: str
) -> None:
    context = build_tree(tmp_path / "ctx", [file(".dockerignore", lines), "a"])
    result = cli(*command.split(), cwd=context)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"ctxsize: error: [^\n]{1,700}\n", result.err)
    assert message in result.err


def test_a_context_on_which_the_build_fails(cli: Cli, readable_by_all: Path) -> None:
    context = build_tree(readable_by_all / "ctx", ["a/b"])
    (context / "a").chmod(0)
    with unprivileged():
        result = cli("measure", ".", cwd=context)
    (context / "a").chmod(0o755)
    assert result.code == 2
    assert "BuildKit stops: error from sender: open a: permission denied" in result.err


def test_a_bug_is_exit_3_in_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("oops\n")

    monkeypatch.setattr(api, "measure", broken)
    result = cli("measure")
    assert result.code == 3
    assert re.fullmatch(
        r"ctxsize: error: internal error: KeyError: [^\n]+report[^\n]+\n", result.err
    )
    assert "Traceback" in cli("measure", env={"CTXSIZE_DEBUG": "1"}).err


def test_help_is_fine(cli: Cli) -> None:
    for arguments in (
        ["--help"],
        ["-h"],
        *([name, "--help"] for name in ("measure", "ls", "explain")),
    ):
        result = cli(*arguments)
        assert (result.code, result.err) == (0, "")
        # The examples keep their lines.
        assert re.search(r"\n  Examples:\n(    ctxsize [^\n]+\n)+\n", result.out)


def test_version_is_the_same_everywhere(cli: Cli) -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()
    assert f'\nversion = "{ctxsize.__version__}"\n' in project
    assert cli("--version").out == f"{version_line()}\n"
    assert cli("--version", "measure").out == f"{version_line()}\n"
    with spawn("--version") as process:
        assert process.communicate()[0].decode() == f"{version_line()}\n"


def test_start_imports_nothing_heavy() -> None:
    code = (
        "import sys, ctxsize.__main__; sys.argv[1:] = ['--version'];"
        "ctxsize.__main__.main(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    heavy = {"click", "importlib.metadata", "humanize", "pathspec", "dataclasses", "re"}
    # A virtual environment may import some at its own start.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert heavy & (set(done.stdout.split()) - set(bare.stdout.split())) == set()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More output than a pipe holds."""
    names = [f"d{n % 50}/a-name-that-takes-a-while-to-write-{n}" for n in range(4000)]
    return build_tree(tmp_path_factory.mktemp("large") / "ctx", names)


@pytest.mark.parametrize(
    "arguments",
    [["ls"], ["ls", "-0"], ["ls", "--format", "json"], ["measure", "."], ["--help"], ["--version"]],
    ids=" ".join,
)
def test_a_closed_pipe_is_no_error(large: Path, arguments: list[str]) -> None:
    with spawn(*arguments, cwd=large) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if arguments[0] == "ls":
            process.stdout.readline() if "-0" not in arguments else process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["ls"], ["measure", "."], ["--help"], ["--version"]], ids=" ".join
)
def test_a_full_disk_is_an_error(large: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ctxsize", *arguments],
            cwd=large,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"ctxsize: error: cannot write the output: No space left on device\n"


def test_an_interrupted_run_exits_130(large: Path) -> None:
    with spawn("ls", cwd=large) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(0.2)  # now it waits for the pipe
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == b""
    assert process.returncode == 130


@pytest.mark.parametrize("command", ["measure", "suggest"])
def test_no_module_of_the_context_is_run(tmp_path: Path, command: str) -> None:
    names = ("inspect", "click", "humanize", "pathspec", "shutil", "tree_sitter")
    nodes = [file(f"{name}.py", b"raise SystemExit(9)\n") for name in (*names, "tree_sitter_bash")]
    nodes.append(file("Dockerfile", b"FROM node\nCOPY . .\nRUN npm ci\n"))
    nodes += [file("package.json", b"{}"), file("node_modules/.package-lock.json", b"{}")]
    with spawn(command, cwd=build_tree(tmp_path / "ctx", nodes)) as process:
        assert process.communicate()[1] == b""
    assert process.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_encoding_of_the_terminal_will_do(tmp_path: Path, encoding: str) -> None:
    context = build_tree(tmp_path / "ctx", ["ünï/日本", "b/c"])
    with spawn("measure", ".", cwd=context, PYTHONIOENCODING=encoding) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"Size tree" in out
