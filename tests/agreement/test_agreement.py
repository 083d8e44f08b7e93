"""Every command is asked about every tree of the suite: no two may contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agreement.claims import Claim, Tree, broken_promises, claims, disagreements
from tests.agreement.layouts import repositories
from tests.same.trees import Planted, described, tables

_TREES: dict[str, Planted] = {
    **{
        f"{table}: {name}": plant
        for table, trees in tables().items()
        for name, plant in trees.items()
    },
    **{f"repository: {name}": described(nodes) for name, nodes in repositories().items()},
}
_GROUPS = 40  # of trees: a test for each tree would be most tests of the suite


@pytest.mark.parametrize("number", range(_GROUPS))
def test_no_two_commands_contradict_each_other(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """About which builds there are, what they send, why they fail, and what they do not need."""
    monkeypatch.setenv("NO_COLOR", "1")
    lines = []
    for place, name in enumerate([*_TREES][number::_GROUPS]):
        base = tmp_path / str(place)
        base.mkdir()
        tree = Tree(_TREES[name](base))
        lines += [f"{name}: {line}" for line in disagreements(claims(tree))]
        lines += [f"{name}: {line}" for line in broken_promises(tree)]
    assert lines == []


def test_a_contradiction_is_found() -> None:
    said = [Claim("a", "size", 1, "measure"), Claim("a", "size", 2, "scan")]
    assert disagreements(said) == ["a: size: measure: 1; scan: 2"]
    assert disagreements([*said[:1], Claim("b", "size", 2, "scan")]) == []
