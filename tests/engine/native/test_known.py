"""Contexts that are there anyway: the core and the Python walk give the same report."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from benchmarks import ignorefiles, trees
from tests.engine.contexts import CONTEXTS, random_context
from tests.engine.native.both import check
from tests.engine.strategies import random_line
from tests.engine.test_real_trees import IGNORE_FILES, TREES, dockerfile_with
from tests.oracles.availability import require
from tests.oracles.recorded import catalogue, random_cases

ROOT = Path(__file__).parents[3]
SCALE = 0.001


def test_the_recorded_contexts(tmp_path: Path) -> None:
    used = 0
    for number, case in enumerate((*catalogue(), *random_cases())):
        spies = check(case.build(tmp_path / str(number)), threads=(2,))
        used += sum(spy.sums for spy in spies)
    assert used > 650


@pytest.mark.parametrize("name", CONTEXTS)
def test_an_odd_context(name: str, tmp_path: Path) -> None:
    require("root")
    root, dockerfile = CONTEXTS[name].build(tmp_path)
    check(root, dockerfile=dockerfile, threads=(4,))


@pytest.mark.fuzz
def test_random_contexts_of_the_engines(tmp_path: Path) -> None:
    for seed in range(40):
        root, dockerfile = random_context(seed).build(tmp_path / str(seed))
        check(root, dockerfile=dockerfile, threads=(2,))


@pytest.mark.parametrize("name", ["arrives-empty", "node-workspace", "rust-service", "services"])
def test_the_core_measures_the_examples_as_python_does(name: str, tmp_path: Path) -> None:
    """What may have been generated is left out: the benchmark has the same tree."""
    ignored = shutil.ignore_patterns("target", "node_modules", "access.log", "__pycache__")
    shutil.copytree(ROOT / "examples" / name, tmp_path / name, symlinks=True, ignore=ignored)
    folders = [tmp_path / name, *(each for each in (tmp_path / name).iterdir() if each.is_dir())]
    for folder in folders:
        check(folder)


@pytest.mark.parametrize("tree", trees.TREES)
def test_a_tree_of_the_benchmark(tree: str, tmp_path: Path) -> None:
    root = trees.ensure(trees.TREES[tree], tmp_path, SCALE)
    for dockerfile in ignorefiles.write(tmp_path).values():
        spies = check(root, dockerfile=dockerfile, threads=(1, 4))
        assert sum(spy.sums for spy in spies) == 4


@pytest.mark.parametrize("ignorefile", IGNORE_FILES.values(), ids=IGNORE_FILES)
@pytest.mark.parametrize("tree", [f"{TREES[0]}/mypy", *TREES[1:]])
def test_a_real_tree(tree: str, ignorefile: str, tmp_path: Path) -> None:
    """Of the first tree a part: `test_real_trees` compares the core's totals of all of it."""
    check(tree, dockerfile=dockerfile_with(ignorefile, tmp_path), threads=(4,))


@pytest.mark.fuzz
def test_real_trees_with_random_ignore_files(tmp_path: Path) -> None:
    """Their names are few, so patterns are made of them."""
    rng = Random(5)
    tree = Path(TREES[0]) / "_pytest"
    names = [each.name for each in tree.rglob("*")]
    for number in range(40):
        lines = [random_line(rng, tame=True) for _ in range(rng.randint(0, 3))]
        for _ in range(rng.randint(1, 8)):
            name = rng.choice(names)
            cut = rng.randrange(len(name))
            glob = rng.choice(
                [f"{name[:cut]}*", f"*{name[cut:]}", f"{name[:cut]}?{name[cut + 1 :]}"]
            )
            lines.append(rng.choice(["", "!", "**/", "!**/", "*/", "!*/"]) + glob)
        rng.shuffle(lines)
        folder = tmp_path / str(number)
        folder.mkdir()
        check(tree, dockerfile=dockerfile_with("\n".join(lines), folder), threads=(2,))
