"""What `scan` does for many builds grows with their number: counted, and not timed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize.engine import native
from tests.counting import Counts, counts
from tests.trees import Node, build_tree, file

FEW, SOME, MANY = 8, 20, 48


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
LOOKING_AT_OTHERS = (of_one_context, of_all_of_one_context, of_a_file_each)
"""Layouts in which each build looks at the names of all Dockerfiles: some calls for each pair."""


def counted(base: Path, layout: Callable[[int], list[Node]], *, in_git: bool) -> list[Counts]:
    """Return the counts of a scan of a repository with few builds, some, and many."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    build_tree(base / "warm", beside_each_other(1))
    sizes = (FEW, SOME, MANY)
    for size in sizes:
        top = build_tree(base / str(size) / "many", layout(size))
        if in_git:
            for arguments in ("init -q", "add -A"):
                words = ["git", *arguments.split()]
                subprocess.run(words, cwd=top, env=environment, check=True)
    command = ["scan", "many", "--format", "json=scan.json"]
    found = counts(base, ["scan", "warm"], command, map(str, sizes))
    for size in sizes:
        builds = json.loads((base / str(size) / "scan.json").read_text())["builds"]
        assert len(builds) == size
    return found


@pytest.mark.parametrize("in_git", [False, True], ids=["no git", "git"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_further_build_costs_the_same(
    layout: Callable[[int], list[Node]], in_git: bool, tmp_path: Path
) -> None:
    few, some, many = counted(tmp_path, layout, in_git=in_git)
    more = 1.07 if layout in LOOKING_AT_OTHERS else 1.02
    assert few["subprocess.Popen"] == some["subprocess.Popen"] == many["subprocess.Popen"]
    for what in ("open", "os.scandir", "os.listdir", "calls"):
        each = (some[what] - few[what]) / (SOME - FEW)
        each_later = (many[what] - some[what]) / (MANY - SOME)
        assert each_later <= more * each + 0.5, (what, few[what], some[what], many[what])


def test_scan_lists_each_directory_once_to_find_builds(tmp_path: Path) -> None:
    for size in (FEW, MANY):
        build_tree(
            tmp_path / str(size),
            [
                file("Dockerfile", b"FROM scratch\nCOPY . /\n"),
                *(f"d{number}/a.txt" for number in range(size)),
            ],
        )
    command = ["scan", "--format", "json=scan.json"]
    few, many = counts(tmp_path, ["--version"], command, map(str, (FEW, MANY)))
    of_the_context = MANY - FEW
    if native.core() is not None:
        of_the_context = 0  # the core lists them without Python
    assert many["os.scandir"] - few["os.scandir"] == MANY - FEW + of_the_context
