"""What the tools themselves leave behind: it is found, deleted, and made again by them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clean.cleaning import carried_out, codes, paths, planned
from tests.oracles.availability import require
from tests.trees import build_tree, file

BUILD_SCRIPT = b"""
use std::{env, fs, path::Path, thread, time::Duration};
fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap();
    if Path::new(&root).join("wait").exists() {
        fs::write(Path::new(&root).join("started"), "").unwrap();
        while Path::new(&root).join("wait").exists() {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
"""


def tool(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    require("cargo")
    manifest = b'[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
    nodes = [
        file("app/Cargo.toml", manifest),
        file("app/src/main.rs", b"fn main() {}\n"),
        file("app/build.rs", BUILD_SCRIPT),
    ]
    return build_tree(tmp_path / "r", nodes)


def cargo(root: Path, *more: str) -> list[str]:
    return ["cargo", "build", "--offline", "--quiet", *more]


def test_what_cargo_made_is_deleted_and_made_again(crate: Path) -> None:
    tool(*cargo(crate), cwd=crate / "app")
    tool(*cargo(crate, "--release"), cwd=crate / "app")
    assert codes(planned(crate)) == {"app/target": "recent"}
    plan = planned(crate, recent_s=0)
    (item,) = plan.items
    assert item.evidence == ("CACHEDIR.TAG", ".rustc_info.json", "Cargo.toml beside it")
    assert {"debug/deps", "debug/incremental", "release"} <= {p.name for p in item.inventory.parts}
    assert carried_out(plan)["app/target"].done
    tool(*cargo(crate), cwd=crate / "app")
    assert (crate / "app/target/debug/app").exists()


def test_a_target_directory_with_another_name(crate: Path) -> None:
    tool(*cargo(crate, "--target-dir", "../.shared"), cwd=crate / "app")
    # The manifest is not above it, so it stays.
    assert codes(planned(crate, recent_s=0)) == {".shared": "not-proven"}
    tool(*cargo(crate, "--target-dir", ".own"), cwd=crate / "app")
    plan = planned(crate, recent_s=0)
    assert {each.path: each.kind.name for each in plan.items} == {
        "app/.own": "cargo-target-elsewhere"
    }
    assert carried_out(plan)["app/.own"].done


def test_a_build_that_is_running(crate: Path) -> None:
    """Cargo holds its lock while the build script of the crate waits."""
    tool(*cargo(crate), cwd=crate / "app")
    (crate / "app/wait").touch()
    (crate / "app/build.rs").write_bytes(BUILD_SCRIPT + b"// again\n")
    with subprocess.Popen(cargo(crate), cwd=crate / "app", stderr=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + 300
            while not (crate / "app/started").exists() and time.monotonic() < end:
                time.sleep(0.02)
            plan = planned(crate, recent_s=0)
        finally:
            (crate / "app/wait").unlink()
            process.wait(60)
    assert set(codes(plan).values()) == {"in-use"}
    assert plan.items == ()
    assert process.returncode == 0


def test_what_cmake_made_is_deleted(tmp_path: Path) -> None:
    require("cmake")
    lists = b"cmake_minimum_required(VERSION 3.10)\nproject(x NONE)\n"
    root = build_tree(tmp_path / "r", [file("CMakeLists.txt", lists), "src/a.c"])
    tool("cmake", "-S", ".", "-B", "out", cwd=root)
    plan = planned(root, recent_s=0)
    assert {each.path: each.kind.name for each in plan.items} == {"out": "cmake"}
    assert carried_out(plan)["out"].done
    tool("cmake", "-S", ".", "-B", "out", cwd=root)
    # In the source itself it would take the sources along.
    tool("cmake", "-S", ".", "-B", ".", cwd=root)
    assert paths(planned(root, recent_s=0)) == ["out"]


def test_caches_of_python_tools_are_deleted(tmp_path: Path) -> None:
    """The caches of the tools that test this program, and what Python compiles."""
    nodes = [
        "pyproject.toml",
        file("pkg/__init__.py", b""),
        file("pkg/a.py", b"A: int = 1\n"),
        file("test_a.py", b"from pkg.a import A\n\n\ndef test_a():\n    assert A == 1\n"),
        file("requirements.txt", b""),
    ]
    root = build_tree(tmp_path / "r", nodes)
    # Each tool looks for its table in the directories above, too.
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n[tool.mypy]\n[tool.ruff]\n")
    own = {"PYTHONPATH": str(root), "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": ""}
    tool(sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", cwd=root, env=own)
    tool(sys.executable, "-m", "mypy", "pkg", cwd=root)
    tool(sys.executable, "-m", "ruff", "check", "pkg", cwd=root)
    tool(sys.executable, "-m", "venv", "--without-pip", ".venv", cwd=root)
    plan = planned(root, recent_s=0)
    assert {each.path: each.kind.name for each in plan.items} == {
        ".mypy_cache": "mypy",
        ".pytest_cache": "pytest",
        ".ruff_cache": "ruff",
        ".venv": "venv",
        "__pycache__": "compiled-python",
        "pkg/__pycache__": "compiled-python",
    }
    assert all(each.done for each in carried_out(plan).values())
    tool(sys.executable, "-m", "pytest", "-q", cwd=root, env=own)


def test_git_clean_would_delete_more(tmp_path: Path) -> None:
    """Ignored by git is no proof: these are ignored, and stay."""
    nodes = [file(".gitignore", b".env\n*.sqlite\ndata/\n"), ".env", "db.sqlite", "data/model.bin"]
    root = build_tree(tmp_path / "r", nodes)
    git = shutil.which("git")
    assert git is not None
    tool(git, "init", "-q", cwd=root)
    listed = subprocess.run(
        [git, "clean", "-Xdn"], cwd=root, capture_output=True, text=True, check=True
    )
    assert listed.stdout.count("Would remove") == 3
    assert planned(root, recent_s=0).items == ()
