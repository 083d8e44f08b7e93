"""What the advice says of the tools themselves, asked of those that are here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize.advice.caches import fetches
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.dockerfile.stages import built_stages
from ctxsize.knowledge.tools import tools
from tests.oracles.availability import require
from tests.trees import build_tree, file

(SWITCH,) = [each.switch.split("|") for each in tools() if each.name == "pip"]


@pytest.mark.parametrize("value", [None, *SWITCH[1].split(), ""])
def test_pip_uses_no_cache_whatever_the_variable_says(value: str | None) -> None:
    variable, values, off = SWITCH
    environment = {name: each for name, each in os.environ.items() if name != variable}
    environment |= {} if value is None else {variable: value}
    argv = [sys.executable, "-m", "pip", "cache", "dir"]
    cached = subprocess.run(argv, env=environment, capture_output=True, check=False).returncode == 0
    assert cached == (value in (None, off))
    assert cached == (value not in values.split())


@pytest.mark.parametrize(("home", "variables"), [("/root", {}), ("/h", {"GOMODCACHE": "/m"})])
def test_go_keeps_its_caches_where_the_advice_looks(home: str, variables: dict[str, str]) -> None:
    require("go")
    given = {"HOME": home, "GOPATH": "/go", **variables}
    told = "".join(f"ENV {name}={value}\n" for name, value in given.items())
    data = f"FROM golang\n{told}RUN go build\n".encode()
    (stage,) = built_stages(parse_dockerfile(data))
    (fetch,) = fetches(stage.steps[-1])
    argv = ["go", "env", "GOMODCACHE", "GOCACHE"]
    environment = {"PATH": os.environ["PATH"], "GOENV": "off", **given}
    asked = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert [*fetch.caches][:2] == asked.stdout.split()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    require("cargo")
    manifest = b'[package]\nname = "a"\nversion = "0.1.0"\nedition = "2018"\n'
    nodes = [file("Cargo.toml", manifest), file("src/main.rs", b"fn main() {}\n")]
    return build_tree(tmp_path / "project", nodes)


def cargo(project: Path, *words: str, **variables: str) -> str:
    """What cargo says of its work."""
    environment = {**os.environ, **variables}
    environment.pop("RUSTC_WRAPPER", None)
    argv = ["cargo", *words, "--offline", "--verbose"]
    finished = subprocess.run(
        argv, cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    return finished.stderr


def test_cargo_installs_by_way_of_target(project: Path, tmp_path: Path) -> None:
    cargo(project, "install", "--path", ".", "--root", str(tmp_path / "out"))
    assert (tmp_path / "out/bin/a").exists()
    assert (project / "target/release").is_dir()
