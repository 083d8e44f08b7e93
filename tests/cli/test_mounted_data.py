"""What Compose mounts into a service as data is proved by that, and no build needs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, Node, build_tree, file

DATA = "demo/b-pg/base/1"
LARGE = b"x" * 300_000


def compose(*volumes: str, directory: str = "") -> Node:
    """Make a Compose file whose database has volumes, each a line of YAML."""
    head = "services:\n  web:\n    build: .\n  db:\n    image: postgres\n    volumes:\n"
    lines = "".join(f"      {volume}\n" for volume in volumes)
    return file(f"{directory}compose.yaml", (head + lines).encode())


def context(root: Path, *nodes: str | Node, dockerfile: bytes = COPY_ALL) -> Path:
    return build_tree(root, [file("Dockerfile", dockerfile), "a", file(DATA, LARGE), *nodes])


def matches(cli: Cli, root: Path) -> list[Any]:
    shape = json.loads(cli("suggest", "--json", cwd=root).out)
    suggestions = [each for each in shape["suggestions"] if each["rule"] == "any.mounted"]
    return [(each["patterns"], each["safe"], each["evidence"]) for each in suggestions]


MOUNTS = {
    "short": compose("- ./demo/b-pg:/var/lib/postgresql/data"),
    "with a mode": compose("- ./demo/b-pg:/var/lib/mysql:rw"),
    "below a path of data": compose("- ./demo/b-pg:/bitnami/mongodb/"),
    "long": compose("- {type: bind, source: ./demo/b-pg, target: /data/db}"),
    "long, without a dot": compose("- {type: bind, source: demo/b-pg, target: /data/db}"),
    "a variable": compose("- ${PLACE:-./demo}/b-pg:/data"),
    "another directory": compose("- ../demo/b-pg:/var/lib/redis", directory="deploy/"),
}


@pytest.mark.parametrize("name", MOUNTS)
def test_data_that_compose_mounts_is_not_needed(cli: Cli, tmp_path: Path, name: str) -> None:
    root = context(tmp_path, MOUNTS[name])
    [(patterns, is_safe, [evidence])] = matches(cli, root)
    assert patterns == ["demo/b-pg"]
    assert is_safe
    place = "deploy/compose.yaml" if name == "another directory" else "compose.yaml"
    assert evidence.startswith(f"demo/b-pg: {place}:6 mounts it at /")


OTHERS = {
    "a volume of Docker": compose("- demo:/var/lib/postgresql/data"),
    "a volume of Docker, long": compose("- {type: volume, source: demo/b-pg, target: /data/db}"),
    "sources": compose("- ./demo/b-pg:/app/demo"),
    "a variable without a value": compose("- ${PLACE:?}/b-pg:/data"),
    "the context": compose("- .:/data"),
    "another path with that beginning": compose("- ./demo/b-pg:/database"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_volumes_prove_nothing(cli: Cli, tmp_path: Path, name: str) -> None:
    root = context(tmp_path, OTHERS[name])
    assert matches(cli, root) == []
    assert cli("scan", cwd=root).err == ""


def test_data_that_a_build_names_is_needed(cli: Cli, tmp_path: Path) -> None:
    dockerfile = b"FROM scratch\nCOPY demo/b-pg /seed\n"
    root = context(tmp_path, MOUNTS["short"], dockerfile=dockerfile)
    assert matches(cli, root) == []
    explained = cli("suggest", "--explain", "any.mounted", cwd=root)
    assert "COPY demo/b-pg (Dockerfile:2) takes it" in " ".join(explained.out.split())


def test_data_that_git_tracks_is_needed(cli: Cli, tmp_path: Path) -> None:
    root = context(tmp_path, MOUNTS["short"])
    for command in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    assert matches(cli, root) == []
    explained = cli("suggest", "--explain", "any.mounted", cwd=root)
    assert f"git tracks {DATA}" in " ".join(explained.out.split())


def test_the_ground_is_shown(cli: Cli, tmp_path: Path) -> None:
    root = context(tmp_path, MOUNTS["short"])
    shown = cli("suggest", "-v", cwd=root).out
    assert "demo/b-pg   the data of a service\n" in shown
    evidence = "Evidence: demo/b-pg: compose.yaml:6 mounts it at /var/lib/postgresql/data"
    assert evidence in " ".join(shown.split())
