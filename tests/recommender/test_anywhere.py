"""One `**/name` for many places of which all but a few are proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.recommender.outcome import Suggestion
from tests.recommender.test_suggest import measured, repository, sent
from tests.trees import Node, build_tree, directory, file

DOCKERFILE = b"FROM python\nCOPY . .\nRUN pip install ./a\n"
SERVICES = [f"s{number:02}" for number in range(34)]
IGNORED = file(".gitignore", b".venv\n")
PROVEN: list[str | Node] = [
    file("Dockerfile", DOCKERFILE),
    *(f"{name}/pyproject.toml" for name in SERVICES),
    *(f"{name}/.venv/pyvenv.cfg" for name in SERVICES),
]


def suggested(root: Path, *, git: bool = False) -> list[Suggestion]:
    if git:
        repository(
            root, "Dockerfile", *(["x/.venv/kept"] if (root / "x/.venv/kept").exists() else [])
        )
    found = api.suggest(str(root), write=True).suggestions
    return [each for each in found if any(".venv" in path for path in each.paths)]


HARMLESS: dict[str, tuple[list[str | Node], bool]] = {
    "git ignores them": (["x/.venv/bin/python", "y/.venv/lib/z.py", IGNORED], True),
    "nothing is in them": ([directory("x/.venv"), directory("y/.venv")], False),
    "others are in them": (["x/.venv/t1/pyvenv.cfg", "x/.venv/t2/pyvenv.cfg"], False),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_one_pattern_for_all(case: str, tmp_path: Path) -> None:
    nodes, git = HARMLESS[case]
    root = build_tree(tmp_path / "ctx", [*PROVEN, *nodes])
    found = suggested(root, git=git)
    (whole,) = [each for each in found if "**/.venv" in each.patterns]
    assert whole.safe
    assert any("34 of 3" in each and "proven" in each for each in whole.evidence)
    assert not [path for path in sent(root) if ".venv" in path]
    assert api.suggest(str(root)).before.context == measured(root)[0]


NEEDED: dict[str, tuple[list[str | Node], bool]] = {
    "git tracks one": (["x/.venv/kept", IGNORED], True),
    "it holds something of its own": (["x/.venv/settings.txt"], False),
    "a Dockerfile takes one": (
        ["x/.venv/a", IGNORED, file("b.Dockerfile", b"FROM scratch\nCOPY x/.venv /v\n")],
        True,
    ),
    "an exception lets one in": (
        ["x/.venv/a", IGNORED, file(".dockerignore", b"!x/.venv\n")],
        True,
    ),
    "too many": ([*(f"x{n}/.venv/a" for n in range(9)), IGNORED], True),
}


@pytest.mark.parametrize("case", NEEDED)
def test_what_may_be_needed_stays(case: str, tmp_path: Path) -> None:
    nodes, git = NEEDED[case]
    root = build_tree(tmp_path / "ctx", [*PROVEN, *nodes])
    patterns = {line for each in suggested(root, git=git) for line in each.patterns}
    assert "**/.venv" not in patterns
    assert {path for path in sent(root) if path.startswith("x") and ".venv" in path}


def test_up_to_four_places_of_an_ambiguous_name_have_their_paths(tmp_path: Path) -> None:
    """`.claude` often means another thing, so `**/` needs more than four proofs."""
    for number in (4, 5):
        paths = [f"s{index}/.claude" for index in range(number)]
        files = [f"{path}/CLAUDE.md" for path in paths]
        root = build_tree(tmp_path / str(number), [file("Dockerfile", DOCKERFILE), *files])
        lines = {line for each in api.suggest(str(root)).suggestions for line in each.patterns}
        places = {line for line in lines if ".claude" in line}
        if number == 4:
            assert places == set(paths)
        else:
            assert places == {"**/.claude"}
