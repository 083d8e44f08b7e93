"""Trees that nobody made for a test: our list and sum, and docker-devtools'.

The packages that pytest is installed with are one, and CTXSIZE_REAL_TREES names more,
separated as in PATH. The ignore file lies elsewhere, beside a Dockerfile, so
nothing is written into a tree.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxsize.engine.builders import BUILDKIT
from ctxsize.engine.plan import Plan
from ctxsize.engine.report import measure
from tests.engine.native.both import native_walk, python_walk
from tests.engine.ours import walked
from tests.engine.test_against_devtools import as_devtools_prints
from tests.oracles.devtools import list_context
from tests.oracles.golibrary import GoLibrary
from tests.resolving import resolve

TREES = [
    str(Path(pytest.__file__).parents[1]),
    *filter(None, os.environ.get("CTXSIZE_REAL_TREES", "").split(os.pathsep)),
]
IGNORE_FILES = {
    "nothing": "",
    "usual": "**/__pycache__\n**/*.pyc\n.git\n**/node_modules\n*.md\n",
    "exceptions": "*\n!**/*.py\n!doc*/**\n**/test*\n!**/test*/__init__.py\n",
    "allow list": "**\n!encodings\n!json/tool.py\n!**/package.json\n**/cp12*\n",
    "classes": "[a-m]*\n![^a-k]*/**/*[0-9]*\n*/?[aeiou]*\n!*/**/*.{js,py}|*.txt\n",
}


class Ours(NamedTuple):
    """What we list of a tree with an ignore file."""

    tree: str
    ignorefile: str
    plan: Plan
    names: list[str]


@pytest.fixture(scope="module", params=TREES)
def tree(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=IGNORE_FILES)
def ours(
    request: pytest.FixtureRequest, tree: str, tmp_path_factory: pytest.TempPathFactory
) -> Ours:
    """Each tree with each ignore file, listed once for all who are asked."""
    ignorefile = IGNORE_FILES[request.param]
    dockerfile = dockerfile_with(ignorefile, tmp_path_factory.mktemp("ours"))
    plan = resolve(tree, dockerfile=str(dockerfile), builder=BUILDKIT)
    return Ours(tree, ignorefile, plan, walked(plan))


@pytest.mark.usefixtures("devtools")
def test_real_trees_are_listed_as_docker_devtools_lists_them(ours: Ours) -> None:
    tree, _, plan, names = ours
    assert plan.dockerfile is not None
    theirs = list_context(tree, dockerfile=plan.dockerfile)
    assert as_devtools_prints(names) == sorted((e.name for e in theirs), key=str.encode)
    for walk in (python_walk(), native_walk()):  # the latter skips the rest without a core
        with walk:
            totals = measure(plan).context.totals
        assert totals.directories == sum(name.endswith("/") for name in names)
        assert totals.entries == len(names)


def test_real_trees_are_listed_as_fsutil_lists_them(golibrary: GoLibrary, ours: Ours) -> None:
    theirs = golibrary.ask(ignorefile=ours.ignorefile.encode(), root=Path(ours.tree))
    assert ours.names == list(theirs.listed)


def dockerfile_with(ignorefile: str, directory: Path) -> Path:
    dockerfile = directory / "Dockerfile"
    dockerfile.write_bytes(b"FROM scratch\nCOPY . /\n")
    (directory / "Dockerfile.dockerignore").write_text(ignorefile)
    return dockerfile
