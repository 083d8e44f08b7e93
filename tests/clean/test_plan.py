"""What of the regenerable is wanted, and what it comes to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.clean.proofs import CleanCategory
from tests.clean.cleaning import carried_out, codes, paths, planned
from tests.clean.planting import CARGO_TAG, PLANTS, RUST
from tests.clean.snapshots import snapshot, without
from tests.trees import Node, build_tree, file, hardlink

DAY_NS = 86_400_000_000_000
DEPS = {plant.kind for plant in PLANTS} & {"node-modules", "venv", "composer"}


def target(name: str, *, age_days: float, size_bytes: int) -> list[str | Node]:
    """A target directory below `name` that was last written so long ago."""
    when = time.time_ns() - int(age_days * DAY_NS)
    return [
        f"{name}/Cargo.toml",
        file(f"{name}/target/CACHEDIR.TAG", CARGO_TAG),
        file(f"{name}/target/debug/deps/a.rlib", b"x" * size_bytes, mtime_ns=when),
    ]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Targets of 1, 10 and 100 days, each of some 100 kB."""
    ages = {"new": 1, "middle": 10, "old": 100}
    nodes = [
        node for name, age in ages.items() for node in target(name, age_days=age, size_bytes=10**5)
    ]
    root = build_tree(tmp_path / "r", nodes)
    for name, age in ages.items():
        for path in [*(root / name / "target").rglob("*"), root / name / "target"]:
            when = time.time_ns() - age * DAY_NS
            os.utime(path, ns=(when, when))
    return root


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["middle", "new", "old"]),
        ({"older_than_s": 5 * 86400}, ["middle", "old"]),
        ({"older_than_s": 50 * 86400}, ["old"]),
        ({"older_than_s": 500 * 86400}, []),
        ({"recent_s": 2 * 86400}, ["middle", "old"]),
    ],
)
def test_ages_and_sizes(options: dict[str, Any], expected: list[str], three: Path) -> None:
    plan = planned(three, **options)
    assert paths(plan) == [f"{name}/target" for name in expected]
    carried_out(plan)
    left = {path.parent.name for path in three.glob("*/target")}
    assert left == {"new", "middle", "old"} - set(expected)


def test_the_reasons_of_choice_are_told_apart(three: Path) -> None:
    plan = planned(three, older_than_s=50 * 86400, recent_s=2 * 86400)
    assert codes(plan) == {"new/target": "recent", "middle/target": "young"}
    assert [each.objection.by_choice for each in plan.passed] == [True, False]


def test_packages_only_on_request(tmp_path: Path) -> None:
    nodes = [node for plant in PLANTS for node in plant.nodes(f"{plant.kind}-{id(plant)}")]
    root = build_tree(tmp_path / "r", nodes)
    kinds = {each.kind.name for each in api.clean_plan(str(root)).items}
    assert kinds == {plant.kind for plant in PLANTS} - DEPS
    left = api.clean_plan(str(root)).passed
    assert {each.kind.name for each in left} == DEPS
    assert {each.objection.code for each in left} == {"deps"}
    assert {each.kind.name for each in planned(root).items} == {plant.kind for plant in PLANTS}
    assert {
        each.kind.name for each in planned(root).items if each.kind.category is CleanCategory.DEPS
    } == DEPS


def test_services_are_the_nearest_manifests(tmp_path: Path) -> None:
    nodes = [
        *PLANTS[0].nodes("a/b"),
        *PLANTS[3].nodes("a/b/web"),
        *("c/Dockerfile", "c/x/y/a.py"),
        file("c/x/y/__pycache__/a.cpython-312.pyc", b"\0\0\r\n"),
        *PLANTS[12].nodes("d/e"),
    ]
    root = build_tree(tmp_path / "r", nodes)
    services = {each.path: each.service for each in planned(root).items}
    assert services == {
        "a/b/target": "a/b",
        "a/b/web/node_modules": "a/b/web",
        "c/x/y/__pycache__": "c",
        "d/e/.mypy_cache": "",
    }


# Sizes


def disk_bytes(*found: Path) -> int:
    """What these take on disk, every inode once: the oracle."""
    every = [each for top in found for each in (top, *top.rglob("*"))]
    return sum({each.lstat().st_ino: each.lstat().st_blocks * 512 for each in every}.values())


def test_sizes_count_hard_links_once_in_a_directory_and_freed_ones_exactly(tmp_path: Path) -> None:
    nodes = [
        *target("a", age_days=9, size_bytes=50_000),
        *target("b", age_days=9, size_bytes=70_000),
        file("store/x", b"x" * 200_000),
        hardlink("a/target/debug/again", "a/target/debug/deps/a.rlib"),
        hardlink("a/target/debug/stored", "store/x"),
        hardlink("b/target/debug/stored", "store/x"),
        file("b/target/sparse", size_bytes=10**9),
    ]
    root = build_tree(tmp_path / "r", nodes)
    plan = planned(root)
    first, second = (root / "a/target", root / "b/target")
    assert [each.inventory.size.disk_bytes for each in plan.items] == [
        disk_bytes(first),
        disk_bytes(second),
    ]
    stored = (root / "store/x").stat().st_blocks * 512
    assert plan.sums.disk_bytes == disk_bytes(first, second) + stored
    assert plan.sums.content_bytes == 50_000 + 70_000 + 2 * 200_000 + 10**9 + 2 * len(CARGO_TAG)
    assert plan.sums.files == 8
    freed = sum(each.disk_bytes for each in carried_out(plan).values())
    assert freed == plan.sums.disk_bytes - 2 * stored
    assert (root / "store/x").read_bytes() == b"x" * 200_000


def test_parts_add_up(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", RUST.nodes("a"))
    inventory = planned(root).items[0].inventory
    assert {part.name for part in inventory.parts} == {
        *("debug/deps", "debug/incremental", "debug", "release", ""),
    }
    for field in ("files", "content_bytes", "disk_bytes"):
        total = sum(getattr(part.size, field) for part in inventory.parts)
        assert total == getattr(inventory.size, field)


# What changes between the plan and its execution


CHANGES = {
    "a new file": lambda root: (root / "old/target/debug/deps/precious").write_bytes(b"work"),
    "a file that came and went": lambda root: _came_and_went(root / "old/target/x"),
    "another content": lambda root: (root / "old/target/debug/deps/a.rlib").write_bytes(b"y"),
    "another content of the same age and size": lambda root: _rewritten(
        root / "old/target/debug/deps/a.rlib"
    ),
    "another mode": lambda root: (root / "old/target").chmod(0o700),
    "no directory": lambda root: (root / "old/target").rename(root / "old/other"),
    "a lock": lambda root: (root / "old/target/.git").mkdir(),
    "a symlink": lambda root: _linked(root / "old/target"),
}


def _came_and_went(path: Path) -> None:
    path.write_bytes(b"")
    path.unlink()


def _rewritten(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"y" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _linked(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_the_plan_is_left_alone(change: str, three: Path) -> None:
    plan = planned(three)
    CHANGES[change](three)
    before = snapshot(three)
    results = carried_out(plan)
    assert [path for path, each in results.items() if not each.done] == ["old/target"]
    assert snapshot(three) == without(before, [path for path in results if path != "old/target"])


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n")
    root = build_tree(tmp_path / "r", RUST.nodes(name))
    assert paths(planned(root)) == [f"{name}/target"]
