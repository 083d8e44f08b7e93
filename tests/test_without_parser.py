"""Interpreters without a wheel of tree-sitter: what reads no RUN works, and nothing is guessed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ctxsize
from ctxsize.dockerfile.shell import UNKNOWN
from tests.cli.conftest import Cli, cli
from tests.same.trees import tables
from tests.trees import build_tree, file

__all__ = ["cli"]
ROOT = Path(__file__).parent.parent
MODULES = ("tree_sitter", "tree_sitter_bash")
TABLES = ("advice", "projects", "examples", "layouts")
"""Tables with Dockerfiles whose commands decide."""
BLOCKED = "import sys\nsys.modules[sys.argv.pop(1)] = None\n"
"""Makes the import of a module fail, as where it is not installed."""
ANSWERS = """\
import json
from tests.test_without_parser import answers
for root in sys.argv[1:]:
    print(json.dumps(answers(root)))
"""
COMMAND = "from ctxsize.cli.app import run\nsys.exit(run(sys.argv[1:]))\n"
COMMANDS = """\
import json, os
from ctxsize.cli.app import run
for at, words in enumerate(json.loads(sys.argv[1])):
    for number in (1, 2):
        os.dup2(os.open(f"{at}.{number}", os.O_WRONLY | os.O_CREAT), number)
    here = os.getcwd()
    os.chdir(words.pop(0))
    code = run(words)
    sys.stdout.flush()
    os.chdir(here)
    with open(f"{at}.code", "w") as file:
        file.write(str(code))
"""
NODES = [
    file("Dockerfile", b'FROM node:20\nCOPY . .\nRUN npm ci\nCMD ["node", "x.js"]\n'),
    *(file(".dockerignore", b"*.log\n"), "a.log", file("package.json", b"{}"), "x.js"),
    *(file("node_modules/.package-lock.json", b"{}"), "node_modules/x/index.js", "k.swp"),
    file("ctxsize.toml", b'max = "1MB"\n'),
]


def answers(root: str) -> dict[str, Any]:
    """Return what is proved about a tree, and whether commands are said to be unknown."""
    try:
        suggested = ctxsize.suggest(root)
        safe = [path for each in suggested.suggestions if each.safe for path in each.paths]
        problems = [*suggested.problems]
    except ctxsize.CtxsizeError:
        safe, problems = [], []
    advised = ctxsize.advise(root)
    linted = ctxsize.lint(root)
    problems += (*advised.problems, *linted.problems, *ctxsize.scan(root).problems)
    findings = (*advised.findings, *linted.findings)
    fixes = {finding: finding.fix for finding in findings if finding.fix is not None}
    certain = [finding for finding, fix in fixes.items() if fix.certain]
    return {
        "safe": safe,
        "certain": [[each.code, each.location.path, each.location.line] for each in certain],
        "is_noted": UNKNOWN.message in {each.message for each in problems},
    }


def child(module: str, script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process in which `module` cannot be imported."""
    lines = f"{BLOCKED}sys.path.insert(0, {str(ROOT)!r})\n{script}"
    argv = [sys.executable, "-c", lines, module, *arguments]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


def answered(module: str, commands: list[list[str]], at: Path) -> list[tuple[int, str, str]]:
    """Return what commands answer in one process without `module`; each begins with its directory.

    What they print goes into files below `at`.
    """
    done = child(module, COMMANDS, json.dumps(commands), cwd=at)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    texts = [
        [(at / f"{number}.{part}").read_text() for part in ("code", 1, 2)]
        for number in range(len(commands))
    ]
    return [(int(code), out, err) for code, out, err in texts]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("tree") / "ctx", NODES)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The answers of this process about each fifth tree of the tables."""
    plants = [plant for table in TABLES for plant in tables()[table].values()]
    roots = [str(plant(tmp_path_factory.mktemp("tree"))) for plant in plants[::5]]
    return {root: answers(root) for root in roots}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_proved_that_needs_commands(
    module: str, expected: dict[str, dict[str, Any]]
) -> None:
    done = child(module, ANSWERS, *expected, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    without = [json.loads(line) for line in done.stdout.splitlines()]
    noted = 0
    for (root, own), found in zip(expected.items(), without, strict=True):
        assert {*found["safe"]} <= {*own["safe"]}, root
        assert [each for each in found["certain"] if each not in own["certain"]] == [], root
        assert not own["is_noted"]
        noted += found["is_noted"]
    assert noted > len(expected) // 2  # most of these Dockerfiles have a RUN


READING_NO_RUN = [
    ["measure", "--json"],
    ["measure"],
    ["ls", "--json"],
    ["explain", "a.log", "x.js"],
    ["check"],
    ["diff", ".", "."],
    ["rule", "CTX112"],
    ["schema", "measure"],
    ["measure", "--help"],
]


@pytest.mark.parametrize("module", MODULES)
def test_what_reads_no_run_answers_the_same(
    tree: Path, module: str, tmp_path: Path, cli: Cli
) -> None:
    found = answered(module, [[str(tree), *words] for words in READING_NO_RUN], tmp_path)
    for words, one in zip(READING_NO_RUN, found, strict=True):
        own = cli(*words, cwd=tree)
        assert one == (0, own.out, own.err), words


READING_RUN = ["suggest", "lint", "advise", "scan", "init"]


@pytest.mark.parametrize("module", MODULES)
def test_what_reads_run_says_that_commands_are_not_known(
    module: str, tmp_path: Path, cli: Cli
) -> None:
    trees = {name: build_tree(tmp_path / name / "ctx", NODES) for name in READING_RUN}
    found = answered(module, [[str(trees[name]), name] for name in READING_RUN], tmp_path)
    for name, (code, out, err) in zip(READING_RUN, found, strict=True):
        assert code in (0, 1), err
        assert " ".join(f"{out} {err}".split()).count(UNKNOWN.message) == 1, name
        own = cli(name, cwd=build_tree(tmp_path / name / "own", NODES))
        assert UNKNOWN.message not in " ".join(f"{own.out} {own.err}".split()), name


@pytest.mark.parametrize("module", MODULES)
def test_a_dockerfile_without_commands_needs_no_parser(
    tmp_path: Path, module: str, cli: Cli
) -> None:
    text = b'FROM node:20\nCOPY . .\nRUN ["npm", "ci"]\n'
    tree = build_tree(tmp_path / "ctx", [file("Dockerfile", text), *NODES[1:]])
    done = child(module, COMMAND, "suggest", cwd=tree)
    assert UNKNOWN.message not in " ".join(done.stdout.split())
    assert "node_modules" in done.stdout
    assert done.stdout == cli("suggest", cwd=tree).out


@pytest.mark.parametrize("module", MODULES)
def test_what_a_command_makes_again_is_a_doubt(tree: Path, module: str) -> None:
    found = json.loads(child(module, COMMAND, "suggest", "--json", cwd=tree).stdout)
    (own,) = [each for each in ctxsize.suggest(tree).suggestions if "node_modules" in each.paths]
    assert own.safe  # `npm ci` makes it
    (one,) = [each for each in found["suggestions"] if "node_modules" in each["paths"]]
    assert not one["safe"]
    assert not one["chosen"]
