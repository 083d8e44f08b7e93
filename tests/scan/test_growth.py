"""What `scan` does for many builds grows with their number: counted, and not timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trees import Node, build_tree, file

COUNTER = """
import json, sys
counts = {"calls": 0, "subprocess.Popen": 0, "open": 0, "os.scandir": 0, "os.listdir": 0}
def heard(event, arguments):
    if event in counts:
        counts[event] += 1
def called(frame, event, argument):
    if event in ("call", "c_call"):
        counts["calls"] += 1
from ctxsize.cli.app import run
run(["scan", "warm"])
sys.addaudithook(heard)
sys.setprofile(called)
code = run(["scan", "many", "--format", "json=scan.json"])
sys.setprofile(None)
print(json.dumps({**counts, "code": code}), file=sys.stderr)
"""
FEW, SOME, MANY = 10, 40, 160


def beside_each_other(count: int) -> list[Node]:
    dockerfile = b"FROM scratch\nCOPY a.txt /\n"
    files = [file(f"d{number}/Dockerfile", dockerfile) for number in range(count)]
    return [*files, *(file(f"d{number}/a.txt", b"a" * 200) for number in range(count))]


def with_ignore_files(count: int) -> list[Node]:
    files = [file(f"d{number}/.dockerignore", b"*.log\n") for number in range(count)]
    return [*beside_each_other(count), *files]


def with_unread_ignore_files(count: int) -> list[Node]:
    files = [file(f"d{number}/x/.dockerignore", b"*.log\n") for number in range(count)]
    return [*beside_each_other(count), *files]


def of_one_context(count: int) -> list[Node]:
    dockerfile = b"FROM scratch\nCOPY a.txt /\n"
    files = [file(f"Dockerfile.{number}", dockerfile) for number in range(count)]
    return [*files, file("a.txt", b"a" * 200)]


def of_all_of_one_context(count: int) -> list[Node]:
    dockerfile = b"FROM scratch\nCOPY . /\n"
    return [file(f"Dockerfile.{number}", dockerfile) for number in range(count)]


def of_a_file_each(count: int) -> list[Node]:
    files = [
        file(f"Dockerfile.{number}", f"FROM scratch\nCOPY f{number} /\n".encode())
        for number in range(count)
    ]
    return [*files, *(file(f"f{number}", b"a" * 200) for number in range(count))]


def of_compose(count: int) -> list[Node]:
    services = "".join(f"  s{number}:\n    build: d{number}\n" for number in range(count))
    return [*beside_each_other(count), file("compose.yaml", f"services:\n{services}".encode())]


LAYOUTS: list[Callable[[int], list[Node]]] = [
    beside_each_other,
    with_ignore_files,
    with_unread_ignore_files,
    of_one_context,
    of_all_of_one_context,
    of_a_file_each,
    of_compose,
]


def counted(base: Path, nodes: list[Node], *, in_git: bool) -> dict[str, int]:
    """Return the counts of a scan of a repository of `nodes`."""
    top = build_tree(base / "many", nodes)
    build_tree(base / "warm", beside_each_other(1))
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    if in_git:
        for arguments in ("init -q", "add -A"):
            words = ["git", *arguments.split()]
            subprocess.run(words, cwd=top, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-c", COUNTER],
        cwd=base,
        env={**environment, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    counts: dict[str, int] = json.loads(done.stderr.splitlines()[-1])
    builds = json.loads((base / "scan.json").read_text())["builds"]
    assert len(builds) == sum(Path(node.path).name.startswith("Dockerfile") for node in nodes)
    return counts


@pytest.mark.parametrize("in_git", [False, True], ids=["no git", "git"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_further_build_costs_the_same(
    layout: Callable[[int], list[Node]], in_git: bool, tmp_path: Path
) -> None:
    few, some, many = (
        counted(tmp_path / str(count), layout(count), in_git=in_git) for count in (FEW, SOME, MANY)
    )
    assert few["subprocess.Popen"] == some["subprocess.Popen"] == many["subprocess.Popen"]
    for what in ("open", "os.scandir", "os.listdir", "calls"):
        each = (some[what] - few[what]) / (SOME - FEW)
        each_later = (many[what] - some[what]) / (MANY - SOME)
        assert each_later <= 1.25 * each + 0.5, (what, few[what], some[what], many[what])
