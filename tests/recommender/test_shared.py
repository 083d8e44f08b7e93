"""What many matches share is worked out once, and says of each what its own work would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.engine.snapshot import Snapshot
from ctxsize.knowledge.rules import all_rules
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.candidates import Proof
from ctxsize.recommender.made import Making, _Subject, making_of
from ctxsize.recommender.outcome import Match, Suggestion, Suggestions
from tests.resolving import resolve
from tests.trees import build_tree, file

DOCKERFILES = {
    "one is named": "FROM debian\nCOPY . /app\nWORKDIR /app\nRUN cp -r b/two /opt\n",
    "one is named by a path": "FROM node\nCOPY . .\nRUN npm run three && tar c ./three\n",
    "one is mounted": "FROM debian\nRUN --mount=type=bind,source=a,target=/m make -C /m\n",
    "a script names one": "FROM debian\nCOPY . .\nRUN sh run.sh\n",
    "some are copied": "FROM debian\nCOPY a /a\nRUN make\nWORKDIR /a/one\n",
    "a stage makes one": "FROM debian AS x\nCOPY . .\nRUN make\nFROM x\nCOPY --from=x /two /t\n",
    "some are installed": "FROM node\nWORKDIR /app\nCOPY . .\nRUN cd b && npm ci\n",
}
NAMES = ("one", "two", "three", "four", "five", "node_modules")
PATHS = [f"{directory}{name}" for directory in ("", "a/", "b/", "a/b/") for name in NAMES]
RULES = ("any.gitignored", "node.modules", "rust.target", "docs.directory")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_match_is_made_and_used_as_if_it_were_alone(name: str, tmp_path: Path) -> None:
    nodes = [file(f"{path}/x", b"x") for path in PATHS]
    nodes += [file("Dockerfile", DOCKERFILES[name].encode()), file("b/package.json", b"{}")]
    nodes += [file("run.sh", b"ls four/x\n"), file("a/five/run.sh", b"ls a/two\n")]
    build_tree(tmp_path, nodes)
    facts = Advisor(Snapshot.take(resolve(str(tmp_path)))).facts
    (build_file,) = facts.build_files.all
    makings = set[int]()
    for rule_name in RULES:
        rule = all_rules()[rule_name]
        for path in PATHS:
            match = Match(rule, "", path, "")
            alone = Making(facts, build_file, rule, _Subject(facts, match))
            shared = making_of(facts, build_file, match)
            assert (shared.is_made, shared.used_at) == (alone.is_made, alone.used_at), path
            makings.add(id(shared.subject))
    assert len(makings) < len(RULES) * len(PATHS)


class _CountedProof(Proof):
    """A proof that fails for one path, and counts what is tried."""

    def __init__(self, bad: str) -> None:
        self.tried: list[int] = []
        self._bad = bad

    def fault(self, suggestions: Suggestions, data: bytes | None = None) -> str:
        self.tried.append(len(suggestions))
        if any(self._bad in suggestion.paths for suggestion in suggestions):
            return "bad"
        return ""


def _suggestions(count: int) -> Suggestions:
    """Return suggestions for a directory, and for so many below it."""
    paths = ["target", *(f"target/p{number}" for number in range(count))]
    rule = all_rules()["any.gitignored"]
    return [Suggestion((Match(rule, "", path, ""),), (path,)) for path in paths]


def test_paths_below_a_hidden_one_are_not_tried() -> None:
    proof = _CountedProof("")
    judged = [*proof.judged(_suggestions(1000), None)]
    assert [fault for _, fault in judged] == [""] * 1001
    assert proof.tried == [1]


def test_paths_below_one_that_fails_are_judged_by_themselves() -> None:
    proof = _CountedProof("target")
    judged = {
        suggestion.paths[0]: fault for suggestion, fault in proof.judged(_suggestions(9), None)
    }
    assert judged.pop("target") == "bad"
    assert set(judged.values()) == {""}
    assert len(judged) == 9


def test_a_pattern_for_all_depths_is_always_tried() -> None:
    """It may match elsewhere."""
    proof = _CountedProof("target/a.o")
    rule = all_rules()["cpp.objects"]
    deep = Suggestion((Match(rule, "a.o", "target/a.o", ""),), ("**/a.o",))
    judged = [*proof.judged([*_suggestions(1), deep], None)]
    assert [fault for _, fault in judged] == ["", "", "bad"]
