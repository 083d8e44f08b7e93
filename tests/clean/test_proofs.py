"""Each kind speaks on what its tool leaves behind, and is silent without any part of the proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.clean.proofs import KINDS, kind_of
from ctxsize.knowledge.rules import rule_of
from tests.clean.cleaning import carried_out, codes, paths, planned
from tests.clean.planting import CARGO_TAG, PLANTS, PYC, RUSTC_INFO, SIGNATURE, Plant
from tests.trees import Node, build_tree, file, link

IDS = [f"{plant.kind}-{number}" for number, plant in enumerate(PLANTS)]
LACKING = [
    pytest.param(plant, name, id=f"{plant.kind}-{name}")
    for plant in PLANTS
    for name in plant.needed
]


@pytest.mark.parametrize("plant", PLANTS, ids=IDS)
def test_each_kind_is_proven_and_deleted(plant: Plant, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", [*plant.nodes("a/b"), "a/b/keep.txt"])
    (item,) = planned(root).items
    assert (item.path, item.kind.name) == (f"a/b/{plant.path}", plant.kind)
    results = carried_out(planned(root))
    assert [each.done for each in results.values()] == [True]
    assert not (root / "a/b" / plant.path).exists()
    assert (root / "a/b/keep.txt").exists()


@pytest.mark.parametrize(("plant", "name"), LACKING)
def test_it_is_silent(plant: Plant, name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["keep", *plant.nodes(without=name)])
    assert plant.kind not in [each.kind.name for each in planned(root).items]


def test_mistakes_in_rows_are_errors() -> None:
    row = {"directory": "x", "category": "cache", "exists": True, "why": "z", "confidence": 0.9}
    clean = {"name": "x", "title": "an x", "inside": ["a", "b"], "holds": {"a": "text"}}
    assert kind_of(rule_of("x.y", {**row, "clean": clean})).inside[0][0].holds == (b"text",)
    with pytest.raises(ValueError, match="no evidence has the names"):
        kind_of(rule_of("x.y", {**row, "clean": {**clean, "holds": {"A": "text"}}}))
    with pytest.raises(TypeError):
        kind_of(rule_of("x.y", {**row, "clean": {**clean, "never_within": "c"}}))


def test_every_kind_is_planted() -> None:
    assert {plant.kind for plant in PLANTS} == {kind.name for kind in KINDS}


NOT_PROVEN: dict[str, list[str | Node]] = {
    "a directory called target": ["Cargo.toml", "target/debug/app"],
    "the tag of another tool": [
        "Cargo.toml",
        file("target/CACHEDIR.TAG", SIGNATURE + b"# created by a person"),
    ],
    "a tag without the signature": ["Cargo.toml", file("target/CACHEDIR.TAG", b"created by cargo")],
    "a tag that is a symlink": [
        "Cargo.toml",
        file("tag", CARGO_TAG),
        link("target/CACHEDIR.TAG", "../tag"),
    ],
    "a tag that is a directory": ["Cargo.toml", "target/CACHEDIR.TAG/x"],
    "a crate of its own": [
        "Cargo.toml",
        file("target/CACHEDIR.TAG", CARGO_TAG),
        "target/Cargo.toml",
    ],
    "a tag without Cargo.toml": [file("target/CACHEDIR.TAG", CARGO_TAG)],
    "Cargo.toml below only": [file("target/CACHEDIR.TAG", CARGO_TAG), "x/Cargo.toml"],
    "the fingerprint of nobody": ["Cargo.toml", file("target/.rustc_info.json", b"{}")],
    "any tagged directory": [file("photos/CACHEDIR.TAG", SIGNATURE), "photos/a.jpg"],
    "an environment without a lock": [file("v/pyvenv.cfg", b"home = /usr\n"), "v/bin/python"],
    "an environment with work in it": [
        "requirements.txt",
        file("v/pyvenv.cfg", b"home = /usr\n"),
        "v/bin/python",
        "v/notes.txt",
    ],
    "an environment at the top of a project": [
        "requirements.txt",
        file("app/pyvenv.cfg", b"home = /usr\n"),
        "app/bin/python",
        "app/requirements.txt",
        "app/app.py",
    ],
    "packages without a package.json": [
        file("node_modules/.package-lock.json", b'{"lockfileVersion": 3}')
    ],
    "packages that somebody put there": ["package.json", "node_modules/mine/index.js"],
    "compiled files whose source is gone": [file("p/__pycache__/a.cpython-312.pyc", PYC), "p/b.py"],
    "compiled files and something else": [
        "p/a.py",
        file("p/__pycache__/a.cpython-312.pyc", PYC),
        "p/__pycache__/notes.txt",
    ],
    "compiled files and a directory": [
        "p/a.py",
        file("p/__pycache__/a.cpython-312.pyc", PYC),
        "p/__pycache__/x/y.pyc",
    ],
    "a text called pyc": ["p/a.py", file("p/__pycache__/a.cpython-312.pyc", b"my notes")],
    "a build of CMake in its source": [
        "CMakeLists.txt",
        "x/CMakeLists.txt",
        file("x/CMakeCache.txt", b"# This is the CMakeCache file.\n"),
        "x/CMakeFiles/a",
        "x/cmake_install.cmake",
    ],
    "the state of Terraform": [
        ".terraform.lock.hcl",
        "main.tf",
        ".terraform/providers/x",
        ".terraform/terraform.tfstate",
    ],
    "the workspace of Terraform": [
        ".terraform.lock.hcl",
        "main.tf",
        ".terraform/providers/x",
        ".terraform/environment",
    ],
    "Composer without a lock": [
        "composer.json",
        "vendor/composer/installed.json",
        "vendor/autoload.php",
    ],
    "names that prove nothing": ["dist/a", "build/a", "out/a", "bin/a", "tmp/a", ".cache/a"],
}


@pytest.mark.parametrize("name", NOT_PROVEN)
def test_what_is_not_proven_stays(name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", NOT_PROVEN[name])
    plan = planned(root)
    assert paths(plan) == []
    assert carried_out(plan) == {}


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", NOT_PROVEN["an environment without a lock"])
    (passed,) = planned(root).passed
    assert (passed.path, passed.objection.code) == ("v", "not-proven")
    assert "no uv.lock or poetry.lock" in passed.objection.message


def test_a_workspace_proves_its_target(tmp_path: Path) -> None:
    nodes = ["Cargo.toml", "crates/a/Cargo.toml", file("target/.rustc_info.json", RUSTC_INFO)]
    root = build_tree(tmp_path / "r", nodes)
    (item,) = planned(root).items
    assert item.evidence == (".rustc_info.json", "Cargo.toml beside it")


def test_nothing_inside_something_unproven_or_refused_is_taken(tmp_path: Path) -> None:
    """Packages that are not proven may still need what is in them."""
    inner = PLANTS[0].nodes("node_modules/native")
    root = build_tree(tmp_path / "r", ["package.json", *inner])
    plan = planned(root)
    assert (paths(plan), codes(plan)) == ([], {"node_modules": "not-proven"})


def test_only_the_ecosystems_that_were_asked_for(tmp_path: Path) -> None:
    nodes = [node for plant in (PLANTS[0], PLANTS[3]) for node in plant.nodes("a")]
    root = build_tree(tmp_path / "r", nodes)
    assert paths(planned(root)) == ["a/node_modules", "a/target"]
    assert paths(planned(root, ecosystems=["rust"])) == ["a/target"]
    assert paths(planned(root, ecosystems=["rust", "node"])) == ["a/node_modules", "a/target"]


@pytest.mark.parametrize("proven", [True, False])
def test_packages_keep_what_was_built_in_them(proven: bool, tmp_path: Path) -> None:
    """Also where only the ecosystem of that is asked for."""
    plant = PLANTS[[each.kind for each in PLANTS].index("cmake")]
    state = "node_modules/.package-lock.json" if proven else "node_modules/x"
    nodes = [file(state, b'{"lockfileVersion": 3}'), "package.json"]
    root = build_tree(tmp_path / "r", [*nodes, *plant.nodes("node_modules/native")])
    plan = planned(root, ecosystems=["cpp"])
    assert (plan.items, plan.passed) == ((), ())


REASONS: dict[str, tuple[list[str | Node], str]] = {
    "nothing": (["node_modules/x"], ""),
    "other content": (
        [file("node_modules/.package-lock.json", b"{}")],
        "; its .package-lock.json is not the tool's",
    ),
    "a symlink": (
        [link("node_modules/.modules.yaml", "../x"), "x"],
        "; its .modules.yaml is not the tool's",
    ),
    "a directory": (
        ["node_modules/.yarn-integrity/x"],
        "; its .yarn-integrity is not the tool's",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_names_the_evidence_and_what_only_has_its_name(
    name: str, tmp_path: Path
) -> None:
    nodes, false = REASONS[name]
    plan = planned(build_tree(tmp_path / "r", ["package.json", *nodes]))
    (passed,) = plan.passed
    needed = ".package-lock.json or .modules.yaml or .yarn-integrity or .yarn-state.yml"
    assert passed.objection.message == f"not proven: needs {needed} in it{false}"


def test_a_file_in_the_place_of_a_directory_is_no_evidence(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["svelte.config.js", ".svelte-kit/generated"])
    (passed,) = planned(root).passed
    assert passed.objection.code == "not-proven"


def test_the_source_of_compiled_python_may_not_be_a_link(tmp_path: Path) -> None:
    nodes = [file("__pycache__/a.cpython-313.pyc", b"\0\0\r\n"), link("a.py", "b"), "b"]
    (passed,) = planned(build_tree(tmp_path / "r", nodes)).passed
    reason = "a.cpython-313.pyc in it is not compiled from a plain file beside the directory"
    assert passed.objection.message == f"not proven: {reason}"
