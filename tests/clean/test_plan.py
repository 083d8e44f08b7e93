"""What of the regenerable is wanted, what it comes to, and plans as files."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize import api
from ctxsize.clean.saved import decoded, encoded
from ctxsize.clean.values import CleanCategory
from ctxsize.errors import InputError
from ctxsize.formats.json import schema
from tests.clean.cleaning import carried_out, codes, paths, planned
from tests.clean.planting import CARGO_TAG, PLANTS, RUST
from tests.clean.snapshots import snapshot
from tests.oracles.trees import Node, build_tree, file, hardlink

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
        ({"keep_bytes": 0}, ["middle", "new", "old"]),
        ({"keep_bytes": 150_000}, ["middle", "old"]),
        ({"keep_bytes": 250_000}, ["old"]),
        ({"keep_bytes": 10**9}, []),
        ({"keep_bytes": 150_000, "older_than_s": 5 * 86400}, ["old"]),
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
    plan = planned(three, older_than_s=5 * 86400, keep_bytes=150_000)
    assert codes(plan) == {"new/target": "young", "middle/target": "kept"}
    assert all(each.by_choice for each in plan.passed)


def test_packages_only_on_request(tmp_path: Path) -> None:
    nodes = [node for plant in PLANTS for node in plant.nodes(f"{plant.kind}-{id(plant)}")]
    root = build_tree(tmp_path / "r", nodes)
    kinds = {each.kind for each in api.clean_plan(str(root)).items}
    assert kinds == {plant.kind for plant in PLANTS} - DEPS
    left = api.clean_plan(str(root)).passed
    assert {each.kind for each in left} == DEPS
    assert {each.code for each in left} == {"deps"}
    assert {each.kind for each in planned(root).items} == {plant.kind for plant in PLANTS}
    assert {
        each.kind for each in planned(root).items if each.category is CleanCategory.DEPS
    } == DEPS


def test_only_what_incremental_compilation_keeps(tmp_path: Path) -> None:
    more = ["app/target/x86_64-unknown-linux-gnu/release/incremental/a/b.o", "app/incremental/a"]
    root = build_tree(tmp_path / "r", [*RUST.nodes("app"), *more, *PLANTS[3].nodes("web")])
    plan = planned(root, incremental_only=True)
    triple = "app/target/x86_64-unknown-linux-gnu/release/incremental"
    assert paths(plan) == ["app/target/debug/incremental", triple]
    assert {each.service for each in plan.items} == {"app"}
    assert all(each.done for each in carried_out(plan).values())


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


def test_sizes_on_disk_count_hard_links_once(tmp_path: Path) -> None:
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
    assert [each.inventory.disk_bytes for each in plan.items] == [
        disk_bytes(first),
        disk_bytes(second),
    ]
    assert plan.sums.disk_bytes == disk_bytes(first, second)
    stored = (root / "store/x").stat().st_blocks * 512
    assert plan.sums.held_elsewhere_bytes == stored
    assert plan.sums.content_bytes == 50_000 + 70_000 + 200_000 + 10**9 + 2 * len(CARGO_TAG)
    assert plan.sums.files == 8
    freed = sum(each.disk_bytes for each in carried_out(plan).values())
    assert freed == plan.sums.disk_bytes - stored
    assert (root / "store/x").read_bytes() == b"x" * 200_000


def test_parts_add_up(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", RUST.nodes("a"))
    inventory = planned(root).items[0].inventory
    assert {part.name for part in inventory.parts} == {
        *("debug/deps", "debug/incremental", "debug", "release", ""),
    }
    for field in ("files", "content_bytes", "disk_bytes"):
        total = sum(getattr(part, field) for part in inventory.parts)
        assert total == getattr(inventory, field)


# Plans as files


def test_a_saved_plan_is_applied_if_all_is_as_it_was(three: Path) -> None:
    plan = planned(three, older_than_s=5 * 86400)
    data = encoded(plan)
    jsonschema.validate(json.loads(data), schema("clean-plan"))
    found, reasons = api.clean_saved(data, path="plan.json")
    assert (paths(found), reasons) == (["middle/target", "old/target"], ())
    assert all(each.done for each in carried_out(found).values())


CHANGES = {
    "a new file": lambda root: (root / "old/target/debug/deps/precious").write_bytes(b"work"),
    "a file that came and went": lambda root: _came_and_went(root / "old/target/x"),
    "another content": lambda root: (root / "old/target/debug/deps/a.rlib").write_bytes(b"y"),
    "another content of the same age and size": lambda root: _rewritten(
        root / "old/target/debug/deps/a.rlib"
    ),
    "another mode": lambda root: (root / "old/target").chmod(0o700),
    "no directory": lambda root: (root / "old/target").rename(root / "old/other"),
    "no proof": lambda root: (root / "old/Cargo.toml").unlink(),
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
def test_a_saved_plan_is_refused_as_a_whole(change: str, three: Path) -> None:
    data = encoded(planned(three))
    CHANGES[change](three)
    before = snapshot(three)
    _, reasons = api.clean_saved(data, path="plan.json")
    assert len(reasons) == 1
    assert reasons[0].startswith("old/target: ")
    assert snapshot(three) == before


def test_a_saved_plan_for_another_directory(three: Path, tmp_path: Path) -> None:
    data = encoded(planned(three))
    other = build_tree(tmp_path / "other", [])
    _, reasons = api.clean_saved(data, path="plan.json", root=str(other))
    assert reasons == (f"it was made for {three}, which is not this directory",)
    three.rename(tmp_path / "moved")
    build_tree(three, [])
    _, reasons = api.clean_saved(data, path="plan.json")
    assert "not this directory" in reasons[0]


def test_a_forged_plan_proves_nothing(three: Path) -> None:
    """Whatever a file says is looked at anew: `old` is no target directory."""
    shape = json.loads(encoded(planned(three)))
    for path in ("old", "../outside", "/etc", "old/target/../../new", ""):
        shape["items"][0]["path"] = path
        _, reasons = api.clean_saved(json.dumps(shape).encode(), path="plan.json")
        assert reasons == (f"{path}: it is not there any more",)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"kind": "ctxsize-clean-plan", "version": 1}', b"1"]
)
def test_files_that_are_no_plans(data: bytes) -> None:
    with pytest.raises(InputError, match="not a plan"):
        decoded(data, "plan.json")


def test_plans_of_other_versions() -> None:
    with pytest.raises(InputError, match="another version"):
        decoded(b'{"kind": "ctxsize-clean-plan", "version": 2}', "plan.json")


def test_names_that_are_not_text_survive_a_plan(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n")
    root = build_tree(tmp_path / "r", RUST.nodes(name))
    found, reasons = api.clean_saved(encoded(planned(root)), path="plan.json")
    assert (paths(found), reasons) == ([f"{name}/target"], ())
