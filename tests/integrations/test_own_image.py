"""Our own image: ctxsize finds nothing to improve in it, and measures it as Docker does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.oracles.availability import require_checkout
from tests.oracles.engines import Docker

ROOT = Path(__file__).parents[2]
NOT_OURS = ("examples/", "tests/")
"""What is wrong there is wrong on purpose."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what git tracks, without build output, examples and tests."""
    require_checkout()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    copy = tmp_path_factory.mktemp("checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(NOT_OURS) and (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(ROOT / name, copy / name)
    subprocess.run(["git", "init", "--quiet", copy], check=True)
    return copy


def answer(cli: Cli, command: str, checkout: Path) -> dict[str, Any]:
    done = cli(command, ".", "--json", cwd=checkout)
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


@pytest.mark.parametrize("command", ["check", "lint", "advise"])
def test_nothing_is_found(cli: Cli, checkout: Path, command: str) -> None:
    done = cli(command, cwd=checkout)
    assert done.code == 0, done.out


def test_nothing_is_safe_to_ignore_beyond_that(cli: Cli, checkout: Path) -> None:
    assert answer(cli, "suggest", checkout)["saving"]["files"] == 0


def test_all_of_the_context_is_for_the_image(cli: Cli, checkout: Path) -> None:
    report = answer(cli, "measure", checkout)
    assert report["transfer"]["files"] == report["context"]["files"]
    assert report["ignore_file"] is not None


def test_what_is_sent_is_enough_to_build_the_package(
    cli: Cli, checkout: Path, tmp_path: Path
) -> None:
    sent = cli("ls", "--transfer", ".", cwd=checkout).lines
    for name in (each for each in sent if not each.endswith("/")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copyfile(checkout / name, tmp_path / name)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    environment = os.environ | {"CTXSIZE_BUILD_NATIVE": "0"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("dist/*.whl"))) as wheel:
        assert "ctxsize/engine/native/_core.c" not in wheel.namelist()
        assert "ctxsize/cli/app.py" in wheel.namelist()


def test_the_budget_is_a_limit_and_not_a_formality(cli: Cli, checkout: Path) -> None:
    report = answer(cli, "measure", checkout)
    (line,) = re.findall(r'^max = "(\d)MB"$', (checkout / "ctxsize.toml").read_text(), re.MULTILINE)
    assert report["context"]["content_bytes"] > int(line) * 500_000


def test_build_output_in_the_package_is_not_sent(cli: Cli, checkout: Path) -> None:
    before = answer(cli, "measure", checkout)["context"]
    for name in ("ctxsize/engine/native/_core.abi3.so", "ctxsize/__pycache__/x.pyc", "notes.txt"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_bytes(b"x" * 1000)
    try:
        assert answer(cli, "measure", checkout)["context"] == before
    finally:
        subprocess.run(["git", "-C", checkout, "clean", "-dfxq", "ctxsize/__pycache__"], check=True)
        (checkout / "ctxsize/engine/native/_core.abi3.so").unlink()
        (checkout / "notes.txt").unlink()


def test_docker_is_sent_what_is_measured(
    cli: Cli, checkout: Path, docker: Docker, tmp_path: Path
) -> None:
    copies = re.findall(r"^COPY (?!--from).*", (checkout / "Dockerfile").read_text(), re.MULTILINE)
    assert len(copies) == 2
    (tmp_path / "Dockerfile").write_text("\n".join(["FROM scratch", "WORKDIR /src", *copies, ""]))
    copyfile(checkout / ".dockerignore", tmp_path / "Dockerfile.dockerignore")
    # Not through its recorded answers: each change of the package is another question.
    running = docker.session.engine(docker.installed)
    result = running.build_buildkit(checkout, dockerfile=tmp_path / "Dockerfile")
    assert result.error is None
    assert answer(cli, "measure", checkout)["transfer"]["wire_bytes"] == result.transferred_bytes
