"""Builds of workflows: where their checkout is, and targets that only a run knows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.trees import build_tree, file

ALL = b"FROM scratch\nCOPY . /\n"
BELOW = "    - {uses: actions/checkout@v4, with: {path: release}}\n"
ACTION = "    - uses: docker/build-push-action@v6\n      with: "
BUILT = {
    "an action": f"{BELOW}{ACTION}{{context: release, file: release/cmd/a/Dockerfile}}\n",
    "a script there": f"{BELOW}    - run: docker build -f cmd/a/Dockerfile .\n"
    "      working-directory: release\n",
    "a script that enters it": f"{BELOW}    - run: |\n"
    "        cd release\n        docker build -f cmd/a/Dockerfile .\n",
    "a full path": BELOW.replace("release", "./release/")
    + "    - run: docker build -f release/cmd/a/Dockerfile ${{ github.workspace }}/release\n",
    "an expression for this repository": "    - uses: actions/checkout@v4\n"
    "      with: {path: release, repository: '${{ github.repository }}'}\n"
    f"{ACTION}{{context: release, file: release/cmd/a/Dockerfile}}\n",
    "another repository beside it": "    - uses: actions/checkout@v4\n"
    "      with: {path: lib, repository: a/lib}\n"
    f"{BELOW}{ACTION}{{context: release, file: release/cmd/a/Dockerfile}}\n",
    "the usual place": "    - uses: actions/checkout@v4\n"
    f"{BELOW}{ACTION}{{context: ., file: cmd/a/Dockerfile}}\n",
}


def with_steps(root: Path, steps: str) -> Path:
    text = f"jobs:\n  a:\n    steps:\n{steps}".encode()
    nodes = [file("cmd/a/Dockerfile", ALL), file("x", b"x"), file(".github/workflows/a.yml", text)]
    return build_tree(root, nodes)


@pytest.mark.parametrize("case", BUILT)
def test_where_the_repository_is_checked_out_is_its_top(
    case: str, cli: Cli, tmp_path: Path
) -> None:
    root = with_steps(tmp_path / "r", BUILT[case])
    scanned = cli("scan", cwd=root)
    assert re.search(r" \. -f cmd/a/Dockerfile\n", scanned.out), scanned.out
    assert "no directory" not in scanned.out + scanned.err
    assert "guess" not in scanned.out + scanned.err
    cli("suggest", "--all", "--write", cwd=root)
    assert [path.parent for path in root.rglob(".dockerignore")] == [root]


def test_a_target_that_only_a_run_knows_loses_no_build(cli: Cli, tmp_path: Path) -> None:
    steps = f"{ACTION}{{context: ., file: cmd/a/Dockerfile, target: '${{{{ inputs.target }}}}'}}\n"
    root = with_steps(tmp_path / "r", steps)
    (build,) = json.loads(cli("scan", "--json", cwd=root).out)["builds"]
    assert (build["context"], build["target"], build["guessed"]) == (".", "", False)
    scanned = cli("scan", cwd=root)
    assert "skipped" not in scanned.out + scanned.err


def test_a_row_names_a_dockerfile_that_docker_does_not_find_itself(
    cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "r", [file("dev.Dockerfile", ALL), file("x", b"x")])
    assert re.search(r" \. -f dev\.Dockerfile\n", cli("scan", cwd=root).out)
