"""Trees that nobody made for a test: our list and sum, and docker-devtools'.

The packages that pytest is installed with are one, and CTXSIZE_REAL_TREES names more,
separated as in PATH. The ignore file lies elsewhere, beside a Dockerfile, so
nothing is written into a tree.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize.engine.builders import BUILDKIT
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


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize("ignorefile", IGNORE_FILES.values(), ids=IGNORE_FILES)
@pytest.mark.parametrize("tree", TREES)
def test_real_trees_are_listed_as_docker_devtools_lists_them(
    tree: str, ignorefile: str, tmp_path: Path
) -> None:
    dockerfile = dockerfile_with(ignorefile, tmp_path)
    plan = resolve(tree, dockerfile=str(dockerfile), builder=BUILDKIT)
    names = walked(plan)
    theirs = list_context(tree, dockerfile=dockerfile)
    assert as_devtools_prints(names) == sorted((e.name for e in theirs), key=str.encode)
    for walk in (python_walk(), native_walk()):  # the latter skips the rest without a core
        with walk:
            totals = measure(plan).context.totals
        assert totals.directories == sum(name.endswith("/") for name in names)
        assert totals.entries == len(names)


@pytest.mark.parametrize("ignorefile", IGNORE_FILES.values(), ids=IGNORE_FILES)
@pytest.mark.parametrize("tree", TREES)
def test_real_trees_are_listed_as_fsutil_lists_them(
    golibrary: GoLibrary, tree: str, ignorefile: str, tmp_path: Path
) -> None:
    plan = resolve(tree, dockerfile=str(dockerfile_with(ignorefile, tmp_path)))
    theirs = golibrary.ask(ignorefile=ignorefile.encode(), root=Path(tree))
    assert walked(plan) == list(theirs.listed)


def dockerfile_with(ignorefile: str, directory: Path) -> Path:
    dockerfile = directory / "Dockerfile"
    dockerfile.write_bytes(b"FROM scratch\nCOPY . /\n")
    (directory / "Dockerfile.dockerignore").write_text(ignorefile)
    return dockerfile
