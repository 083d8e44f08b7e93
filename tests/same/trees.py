"""The trees that the commands are asked about, by the name of the table they come from."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.advice.cases import CASES
from tests.clean.planting import PLANTS
from tests.contexts import CONTEXTS as REPORTED
from tests.engine.contexts import CONTEXTS as ODD
from tests.lints.cases import CATCHES, SILENT
from tests.oracles.recorded import Case, catalogue
from tests.recommender.projects import PROJECTS
from tests.repository.layouts import BAKE, BAKE_BY_DOCKER, COMPOSE
from tests.scan.story import story
from tests.trees import Node, build_tree, file

ROOT = Path(__file__).parents[2]
Planted = Callable[[Path], Path]
"""Makes a tree below an empty directory, and returns the context in it."""


def tables() -> dict[str, dict[str, Planted]]:
    """Every tree, by table and name."""
    return {
        "recorded": {case.name: _recorded(case) for case in catalogue()},
        "odd": {name: _odd(name) for name in ODD},
        "examples": dict(_examples()),
        "reports": {name: described(nodes) for name, nodes in REPORTED.items()},
        "projects": {name: described(each.nodes) for name, each in PROJECTS.items()},
        "layouts": {
            **{f"compose {name}": described(nodes) for name, nodes in COMPOSE.items()},
            **{f"bake {name}": described(nodes) for name, nodes in (BAKE | BAKE_BY_DOCKER).items()},
            "story": described(story()),
        },
        "lints": dict(_lints()),
        "advice": {
            f"{code} {name}": described(case.nodes)
            for code, cases in CASES.items()
            for name, case in cases.items()
        },
        "clean": {f"{n} {plant.kind}": described(plant.nodes()) for n, plant in enumerate(PLANTS)},
    }


def described(nodes: list[str | Node]) -> Planted:
    """Return what plants the nodes of a description."""
    return lambda base: build_tree(base / "ctx", nodes)


def _recorded(case: Case) -> Planted:
    return lambda base: case.build(base / "ctx")


def _odd(name: str) -> Planted:
    return lambda base: ODD[name].build(base)[0]


def _lints() -> Iterator[tuple[str, Planted]]:
    for table in (CATCHES, SILENT):
        for code, cases in table.items():
            for number, case in enumerate(cases):
                if case.tree is not None:
                    lines = file(".dockerignore", case.lines.encode("utf-8", "surrogateescape"))
                    word = "caught" if table is CATCHES else "silent"
                    yield f"{code} {word} {number}", described([*case.tree, lines])


def _examples() -> Iterator[tuple[str, Planted]]:
    for path in sorted((ROOT / "examples").iterdir()):
        if path.is_dir():
            yield path.name, _copied(path)


def _copied(path: Path) -> Planted:
    # What `examples/generate.py` makes may or may not be there, and `target` is large.
    without = shutil.ignore_patterns("target", "node_modules", "access.log")

    def plant(base: Path) -> Path:
        context = Path(shutil.copytree(path, base / "ctx", symlinks=True, ignore=without))
        if path.name == "node-workspace":
            runpy.run_path(str(path.parent / "generate.py"))["install"](context)
        return context

    return plant
