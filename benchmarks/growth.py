"""How work grows: commands beside `measure`, lint with patterns, scan with services, a watch.

python benchmarks/growth.py                        all of it, some minutes
python benchmarks/growth.py --scale 0.1 --rounds 1 a quick look
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import timing
import trees

_CTXSIZE = [sys.executable, "-m", "ctxsize"]
_FILES = 300_000
_MB = 10**6
_STARTED_S = 10.0
"""Seconds after which a watch has its first two answers, which follow each other at once."""


class Row(NamedTuple):
    """A figure and the most that it may be."""

    name: str
    figure: float
    most: float


class Cost(NamedTuple):
    """The processor seconds of a command, the median of some rounds, and its memory."""

    seconds: float
    peak_bytes: int


def main() -> None:
    """Show each figure beside its limit; exit with 1 if one is above it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of everything")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)  # where pages are written
        found = [*_rows(Path(directory), options.scale, options.rounds)]
    sys.exit(any(row.figure > row.most for row in found))


def _rows(directory: Path, scale: float, rounds: int) -> Iterator[Row]:
    for rows in (_commands, _million, _lint, _scan, _log, _watch):
        for row in rows(directory, scale, rounds):
            print(f"{row.name:<56} {row.figure:8.2f}   at most {row.most:g}", flush=True)
            yield row


def _lint(directory: Path, scale: float, rounds: int) -> Iterator[Row]:
    """Ten times as many patterns, on the same tree."""
    few, many = (round(number * scale) for number in (1_000, 10_000))
    small = _cost(["lint", str(_linted(directory, few))], rounds, failing=True)
    large = _cost(["lint", str(_linted(directory, many))], rounds, failing=True)
    yield Row(f"lint, {many:,} over {few:,} patterns", large.seconds / small.seconds, 12)
    yield Row(f"lint, seconds for {many:,} patterns", large.seconds, 10)


_PATTERNS: tuple[Callable[[int], str], ...] = (
    *([lambda at: f"name{at}"] * 3),
    *([lambda at: f"**/x{at}"] * 2),
    *([lambda at: f"part{at % 400}/sub{at // 400}/*.o{at % 7}"] * 2),
    lambda at: f"part{at % 40}/sub{at % 10}/file{at % 10}.*",
    lambda at: f"**/*.ext{at}",
    lambda at: f"!part{at % 40}/keep{at}",
)
"""Lines of all kinds, by their number."""


def _linted(directory: Path, patterns: int) -> Path:
    """A tree of 4,000 files with so many patterns."""
    root = directory / f"lint-{patterns}"
    for part in range(40):
        for sub in range(10):
            folder = root / f"part{part}" / f"sub{sub}"
            folder.mkdir(parents=True)
            for file in range(10):
                (folder / f"file{file}.py").touch()
    lines = (_PATTERNS[at % len(_PATTERNS)](at) for at in range(patterns))
    (root / ".dockerignore").write_text("".join(f"{line}\n" for line in lines))
    return root


def _log(directory: Path, scale: float, rounds: int) -> Iterator[Row]:
    """A history of many commits, of which each changes three files of a large tree."""
    files, commits = round(20_000 * scale), round(200 * scale)
    root = directory / "log"
    for number in range(files):
        path = root / f"part{number % 40}/sub{number // 40 % 20}/file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    (root / "Dockerfile").write_text("FROM a\nCOPY part1 part2 part3 /x/\nCOPY . /y\n")
    (root / ".dockerignore").write_text("**/*.log\npart7/*\n!part7/sub1\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    for commit in range(commits):
        for number in (commit, commit * 7, commit * 31):
            path = root / f"part{number % 40}/sub{number // 40 % 20}/new{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(commit))
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", f"{commit}"], check=True)
    cost = _cost(["log", "-n", str(commits), str(root)], rounds)
    yield Row(f"log, seconds for {commits:,} commits of {files:,} files", cost.seconds, 10)


class Case(NamedTuple):
    """A tree, and the most that a command may cost there, as a ratio to `measure`."""

    tree: trees.Tree
    most: dict[str, float]


_PAGE = "suggest --format html=page.html"
_FIRST_SCREEN = ""  # no command
_CASES = (
    Case(
        trees.PROVED,
        {
            _FIRST_SCREEN: 2.5,
            "suggest": 2.5,
            "scan": 2.8,
            "check --max 99GB": 1.3,
            "diff --checkout": 3,
            _PAGE: 4,
            "ls": 2,
        },
    ),
    Case(
        trees.UNPROVED,
        {
            _FIRST_SCREEN: 4,
            "suggest": 4,
            "scan": 4.5,
            "check --max 99GB": 1.6,
            "diff --checkout": 4,
            _PAGE: 5,
            "ls": 2,
        },
    ),
    Case(
        trees.RUST,
        {_FIRST_SCREEN: 2.5, "suggest": 2.5, "scan": 2.8, "check --max 99GB": 1.5, _PAGE: 5},
    ),
)


def _commands(_: Path, scale: float, rounds: int) -> Iterator[Row]:
    """What commands cost beside `measure` of the same tree, and the memory that they take."""
    for case in _CASES:
        tree = str(trees.ensure(case.tree, trees.home(None), scale))
        measure = _cost(["measure", tree], rounds)
        for command, most in case.most.items():
            cost = _cost([*command.split(), tree], rounds, failing=True)
            name = f"{case.tree.name}: {command or 'the first screen'}"
            yield Row(f"{name} over measure", cost.seconds / measure.seconds, most)
            if case.tree is trees.PROVED:
                yield Row(f"{name}, MB", cost.peak_bytes / _MB, 160)


def _million(_: Path, scale: float, rounds: int) -> Iterator[Row]:
    """A million files beside 300,000: the work for each file stays the same."""
    large = str(trees.ensure(trees.TREES["million"], trees.home(None), scale))
    small = str(trees.ensure(trees.TREES["million"], trees.home(None), 0.3 * scale))
    for command in ("measure", "suggest", "scan", _PAGE, "ls"):
        words = command.split()
        costs = [_cost([*words, tree], rounds, failing=True) for tree in (large, small)]
        ratio = costs[0].seconds / costs[1].seconds
        yield Row(f"{command}: 1,000,000 over 300,000 files", ratio, 4)


def _scan(directory: Path, scale: float, rounds: int) -> Iterator[Row]:
    """Four times as many services in one repository."""
    few, many = (round(number * scale) for number in (100, 400))
    small = _cost(["scan", str(_services(directory, few))], rounds)
    services = _services(directory, many)
    large = _cost(["scan", str(services)], rounds)
    yield Row(f"scan, {many} over {few} services", large.seconds / small.seconds, 4.5)
    one = _cost(["measure", str(services / "service0")], rounds)
    yield Row(f"scan of {many} services over measure of one", large.seconds / one.seconds, 45)


def _watch(_: Path, scale: float, rounds: int) -> Iterator[Row]:
    """What a watch costs while nothing changes, after its first answers."""
    for files in (20, 40_000):
        part = max(0.0001, round(files / _FILES, 4))
        tree = trees.ensure(trees.TREES["javascript"], trees.home(None), part)
        command = [*_CTXSIZE, "measure", "--watch", str(tree)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            time.sleep(_STARTED_S)
            before, begin = _busy_s(process.pid), time.monotonic()
            time.sleep(_STARTED_S + 40 * scale * rounds)
            share = (_busy_s(process.pid) - before) / (time.monotonic() - begin)
            process.kill()
        yield Row(f"measure --watch at rest, % of a core, {files:,} files", 100 * share, 2)


def _busy_s(process: int) -> float:
    """The processor seconds of a process that runs, and of those that it waited for."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _services(directory: Path, count: int) -> Path:
    """A repository with so many services, each with its context and its ignore file."""
    root = directory / f"scan-{count}"
    for number in range(count):
        context = root / f"service{number}"
        for path in ("src/main.js", "node_modules/a/index.js", "package.json", "docs/a.md"):
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            (context / path).write_text("x" * (200_000 if "modules" in path else 1_000))
        (context / "Dockerfile").write_text("FROM node\nCOPY . .\nRUN npm ci\n")
        (context / ".dockerignore").write_text(f"docs\ntmp{number}\n")
    services = (f"  s{number}: {{build: ./service{number}}}\n" for number in range(count))
    (root / "compose.yaml").write_text("services:\n" + "".join(services))
    return root


def _cost(command: list[str], rounds: int, *, failing: bool = False) -> Cost:
    """What `command` costs after a run that is not counted; `failing` if it may find something."""
    runs = [timing.run([*_CTXSIZE, *command]) for _ in range(rounds + 1)]
    assert all(code == 0 or (failing and code == 1) for *_, code in runs), command
    return Cost(
        statistics.median(busy for _, busy, _, _ in runs[1:]),
        max(peak for _, _, peak, _ in runs),
    )


if __name__ == "__main__":
    main()
