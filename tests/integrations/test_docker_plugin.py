"""`docker ctxsize`, by the real docker command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import REPOSITORY, Cli, environment
from tests.oracles.availability import find_command, require
from tests.trees import COPY_ALL, build_tree, file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A Docker configuration with the script of the documentation in it."""
    page = (REPOSITORY / "docs" / "ci.md").read_text()
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", page, re.DOTALL)
    plugin = tmp_path / "docker config" / "cli-plugins" / "docker-ctxsize"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(script)
    plugin.chmod(0o755)
    program = tmp_path / "bin" / "ctxsize"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ctxsize "$@"\n')
    program.chmod(0o755)
    return plugin.parent.parent


def docker(*arguments: str, cwd: Path, config: Path) -> subprocess.CompletedProcess[str]:
    require("docker-cli")
    return subprocess.run(
        [find_command("docker") or "docker", *arguments],
        cwd=cwd,
        env=environment(
            DOCKER_CONFIG=str(config),
            DOCKER_HOST="unix:///nowhere.sock",
            PATH=f"{config.parent / 'bin'}:{os.environ['PATH']}",
        ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_docker_runs_it(cli: Cli, config: Path, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [file("Dockerfile", COPY_ALL), "a b"])
    plain = cli("measure", ".", cwd=context)
    for options in ([], ["--log-level", "error"]):
        done = docker(*options, "ctxsize", "measure", ".", cwd=context, config=config)
        assert (done.returncode, done.stdout, done.stderr) == (0, plain.out, "")


def test_exit_codes_come_through(config: Path, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [file("Dockerfile", COPY_ALL)])
    for options, code in ((["--max", "1GB"], 0), (["--max", "1B"], 1), (["--max", "x"], 2)):
        assert docker("ctxsize", "check", *options, cwd=context, config=config).returncode == code


def test_docker_lists_it(config: Path, tmp_path: Path) -> None:
    done = docker("--help", cwd=tmp_path, config=config)
    assert "ctxsize*    What docker build will send, before you build" in done.stdout


def test_the_plugin_tells_docker_its_metadata(config: Path) -> None:
    path = config / "cli-plugins" / "docker-ctxsize"
    done = subprocess.run(
        [path, "docker-cli-plugin-metadata"], capture_output=True, text=True, check=True
    )
    metadata = json.loads(done.stdout)
    assert metadata["SchemaVersion"] == "0.1.0"
    assert metadata["Vendor"]


def test_the_command_that_installed_it_names_the_page(cli: Cli) -> None:
    for words in ((), ("install",), ("uninstall", "--dir", "x")):
        result = cli("docker-plugin", *words)
        assert (result.code, result.out) == (2, "")
        assert "docs/ci.md shows the script" in result.err
