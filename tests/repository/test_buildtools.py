"""What is found in files of other tools, against what these tools ask docker to build."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ctxsize.repository import discover
from tests.oracles.buildtools import FILE, LAYOUTS, planted

ANSWERS = json.loads(FILE.read_text())


@pytest.mark.parametrize("layout", [each for each in LAYOUTS if each in ANSWERS])
def test_builds_are_those_that_the_tool_starts(layout: str, tmp_path: Path) -> None:
    root = planted(tmp_path / "repository", layout)
    found = sorted(
        [
            os.path.relpath(each.build.context, root),
            os.path.relpath(each.build.dockerfile or "", root),
            each.build.target,
        ]
        for each in discover(str(root)).builds
        if not each.guessed
    )
    for ours, theirs in zip(found, ANSWERS[layout]["builds"], strict=True):
        # devcontainer passes a copy of the Dockerfile, with a target of its own.
        assert ours[: 3 if theirs[1] else 1] == theirs[: 3 if theirs[1] else 1]


def test_each_tool_was_asked() -> None:
    # No package has the program of Task.
    assert LAYOUTS.keys() - ANSWERS.keys() == {"task"}
