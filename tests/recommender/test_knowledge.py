"""Each rule speaks where its marker holds, and is silent about the name alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ctxsize.engine.inspect import CLOSED
from ctxsize.engine.snapshot import Snapshot
from ctxsize.knowledge import rules
from ctxsize.knowledge.rules import SAFE_FROM, Category, EntryType, Marker, Rule, all_rules
from ctxsize.model import Problem
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import Tree
from tests.pages import compare
from tests.recommender.planting import place_of, plain, plant
from tests.resolving import resolve

DOCS = Path(__file__).parents[2] / "docs" / "ecosystems.md"
RULES = tuple(all_rules().values())
PROVED = [rule for rule in RULES if rule.marker.kind != "exists"]


def evidence_of(root: Path, path: str, marker: Marker) -> Evidence:
    snapshot = Snapshot.take(resolve(str(root)))
    if marker.kind == "unreadable":  # nothing is for root
        snapshot.problems = (Problem(CLOSED, "permission denied", path),)
    tree = Tree(snapshot)
    own = [path] if (root / path).is_file() else []
    mounted = {path: "Compose mounts it"} if marker.kind == "mounted" else {}
    return Evidence(tree, Tracked(tree), own, mounted)


def test_every_file_is_read() -> None:
    directory = Path(rules.__file__).parent / "rules"
    assert {path.name for path in directory.iterdir()} == {
        f"{name}.toml" for name in rules.listed("rules")
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_reason_of_each_rule_fits_a_line(rule: Rule) -> None:
    assert 1 <= len(rule.reason.split()) <= 6
    assert len(rule.reason) <= 45
    assert rule.why.startswith(rule.reason)


def name_of(rule: Rule) -> str:
    return rule.name


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_the_marker_of_each_rule_is_found(rule: Rule, tmp_path: Path) -> None:
    path = place_of(rule)
    plant(tmp_path, rule.marker, path, rule.kind)
    assert evidence_of(tmp_path, path, rule.marker).shows(rule.marker, path) is not None


@pytest.mark.parametrize("rule", PROVED, ids=name_of)
def test_silent_about_the_name_alone(rule: Rule, tmp_path: Path) -> None:
    for number, find in enumerate(rule.find or (None,)):
        root = tmp_path / str(number)
        root.mkdir()
        path = place_of(rule, find)
        plain(root, path, rule.kind)
        tree = Tree(Snapshot.take(resolve(str(root))))
        evidence = Evidence(tree, Tracked(tree))
        if any(each == Marker("inside", ("*",)) for each in _all(rule)):
            pytest.skip("anything in it will do: the name is that of one program")
        assert evidence.shows(rule.marker, path) is None


def test_a_name_alone_is_never_safe() -> None:
    alone = {rule.name: rule.confidence for rule in RULES if rule not in PROVED}
    secrets = {name for name in alone if all_rules()[name].category is Category.SECRET}
    assert {name: found for name, found in alone.items() if found > 0.7} == {
        name: alone[name] for name in secrets if alone[name] > 0.7
    }


def test_names_are_unique_and_sentences_are_sentences() -> None:
    assert len(RULES) == sum(1 for name in rules.listed("rules") for _ in rules.rules_in(name))
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+", rule.name)
        assert 5 <= len(rule.why) <= 220, rule.name
        assert not rule.why.endswith("."), rule.name
        assert "!" not in "".join(rule.find), rule.name


def test_what_is_never_suggested_says_why_not() -> None:
    assert {rule.name for rule in RULES if rule.never} >= {
        "rust.home",
        "rust.vendor",
        "go.vendor",
        "gradle.jars",
        "php.composeglob",
        "docs.licence",
        "ci.makefile",
    }


def test_what_can_be_deleted_can_be_made_again() -> None:
    deletable = [rule for rule in RULES if rule.clean]
    assert {rule.name for rule in deletable if not rule.again} == set()
    kept = {Category.SECRET, Category.DATA, Category.VCS, Category.DOCS, Category.TESTS}
    assert not {rule.name for rule in deletable if rule.category in kept}


def test_kinds_and_markers_fit() -> None:
    for rule in RULES:
        inner = {each.kind for each in _all(rule)}
        if rule.kind is EntryType.FILE:
            assert not inner & {"inside", "inside_all", "tagged"} or rule.name in (
                "rust.vendor",
            ), rule.name
        if not rule.find:
            names = ("any.gitignoredfile", "secrets.anykey")
            assert rule.kind is EntryType.DIRECTORY or rule.name in names, rule.name


def _all(rule: Rule) -> list[Marker]:
    found: list[Marker] = [rule.marker]
    for each in found:
        found += each.parts
    return found


def page() -> str:
    """The tables of `docs/ecosystems.md`, one for each ecosystem."""
    tables: dict[str, list[str]] = {}
    for rule in RULES:
        safe = "yes" if rule.confidence >= SAFE_FROM and not rule.never else "no"
        cells = (rule.name, rule.looks_for, str(rule.marker), rule.written_as, safe, rule.why)
        row = "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"
        tables.setdefault(rule.ecosystem, []).append(row)
    head = "| rule | looks for | evidence | written as | safe | why |\n|---|---|---|---|---|---|\n"
    found = (f"## {name}\n\n{head}" + "\n".join(tables[name]) + "\n" for name in sorted(tables))
    return "\n".join(found)


def test_every_ecosystem_is_in_the_documentation() -> None:
    """`CTXSIZE_UPDATE=1` writes the page anew."""
    intro = DOCS.read_text().partition("\n## ")[0]
    wanted = f"{intro}\n{page()}"
    compare(DOCS, wanted)
