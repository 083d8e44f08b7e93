"""No build is left out whose layers a real Docker makes otherwise than before the commit.

Each content that differs from another one has a length of its own, so that the sizes of an image's
files tell their contents.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import ctxsize
from ctxsize.history.affected import BuildChange
from tests.history.layers import Builder, Layers, Recipe, laid_out
from tests.history.repository import commit, planted
from tests.history.test_affected import CASES, NODES
from tests.oracles.engines import Docker

RECIPES = {
    "api": Recipe("api", "api/Dockerfile"),
    "web": Recipe(".", "web.Dockerfile"),
    "job": Recipe("job", "job/Dockerfile"),
}
STANDS_ON = {"job": "api"}
EXCUSES = (
    *("Dockerfile", "ignore file", "defines it", "stands on", "not known"),
    "leads to the context",
)
"""What an instruction begins with that is reason enough without another layer."""


@pytest.fixture(scope="module")
def layers() -> dict[tuple[str, str], Layers]:
    """What Docker answered to the tests of this module."""
    return {}


@pytest.fixture
def builder(docker: Docker, tmp_path: Path, layers: dict[tuple[str, str], Layers]) -> Builder:
    return Builder(docker, tmp_path, layers)


def by_service(answer: ctxsize.Affected) -> dict[str, BuildChange]:
    """Return the builds by the names of the Compose services that define them."""
    changes = {}
    for change in answer.builds:
        for place in change.found.places:
            changes[place.name] = change
    return changes


def check(change: BuildChange | None, before: Layers | None, after: Layers | None) -> None:
    """Compare what is said of a build with its layers before and after."""
    if before is None or after is None:
        assert change is None or change.affected or before is after
        return
    assert change is not None
    whole = [each.instruction for each in change.because if each.line is None]
    is_excused = any(each.startswith(EXCUSES) for each in whole)
    if before.failed or after.failed:
        assert change.affected or before.failed == after.failed
        return
    unlike = after.lines_unlike(before)
    if is_excused:
        return
    assert {each.line for each in change.because} == unlike


@pytest.mark.parametrize("name", CASES)
def test_the_builds_named_are_those_whose_layers_differ(
    name: str, builder: Builder, tmp_path: Path
) -> None:
    root = planted(tmp_path / "r", NODES)
    before = laid_out(root, tmp_path / "before")
    CASES[name].change(root)
    commit(root)
    after = laid_out(root, tmp_path / "after")
    changes = by_service(ctxsize.affected(root, "HEAD~1..HEAD"))
    assert changes.keys() == RECIPES.keys()
    for service, recipe in RECIPES.items():
        old = builder.build(before, recipe)
        new = builder.build(after, recipe)
        if service == "api" and builder.docker.age == "older":
            assert new is not None
            assert "unknown flag: exclude" in str(new.error)
            continue
        check(changes[service], old, new)
    for service, base in STANDS_ON.items():
        assert changes[service].affected or not changes[base].affected
