"""Real builds before and after `--write`: they succeed, and transfer just what was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.recommender.projects import PROJECTS, sources_of
from tests.recommender.test_suggest import plant


def printed(root: Path) -> int | None:
    transfer = api.measure(str(root)).transfer
    return None if transfer is None else transfer.wire_bytes


def files(result: BuildResult) -> set[str]:
    return {each.name for each in result.entries if not each.name.endswith("/")}


@pytest.mark.parametrize("name", PROJECTS)
def test_the_build_goes_on_and_sends_what_was_said(
    name: str, docker: Docker, tmp_path: Path
) -> None:
    project = PROJECTS[name]
    root = plant(tmp_path / "ctx", project)
    before = docker.build_buildkit(root)
    assert before.error is None
    assert before.transferred_bytes == printed(root)

    advice = api.suggest(str(root), write=True)
    after = docker.build_buildkit(root)
    assert after.error is None
    assert after.transferred_bytes == printed(root)
    assert files(after) == sources_of(project)
    assert advice.after.transfer is not None
    assert sum(after.sizes.values()) == advice.after.transfer.content_bytes
