"""`docker ctxsize`, by the real docker command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize.version import __version__
from tests.cli.conftest import Cli, environment
from tests.oracles.availability import find_command, require
from tests.trees import COPY_ALL, build_tree, file


@pytest.fixture
def config(cli: Cli, tmp_path: Path) -> Path:
    """A Docker configuration with the plugin in it."""
    config = tmp_path / "docker config"
    result = cli("docker-plugin", "install", env={"DOCKER_CONFIG": str(config)})
    assert (result.code, result.out) == (0, "")
    assert "docker-ctxsize: `docker ctxsize` works" in result.err
    return config


def docker(*arguments: str, cwd: Path, config: Path) -> subprocess.CompletedProcess[str]:
    require("docker-cli")
    return subprocess.run(
        [find_command("docker") or "docker", *arguments],
        cwd=cwd,
        env=environment(DOCKER_CONFIG=str(config), DOCKER_HOST="unix:///nowhere.sock"),
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
    assert os.access(path, os.X_OK)
    done = subprocess.run(
        [path, "docker-cli-plugin-metadata"], capture_output=True, text=True, check=True
    )
    metadata = json.loads(done.stdout)
    assert metadata["SchemaVersion"] == "0.1.0"
    assert metadata["Vendor"]


def test_again_is_fine_and_others_are_left_alone(cli: Cli, tmp_path: Path) -> None:
    directory = tmp_path / "plugins"
    for _ in range(2):
        assert cli("docker-plugin", "install", "--dir", str(directory)).code == 0
    (directory / "docker-ctxsize").write_text("#!/bin/sh\necho mine\n")
    result = cli("docker-plugin", "install", "--dir", str(directory))
    assert result.code == 2
    assert "docker-ctxsize: is another plugin (remove it first)" in result.err
    assert (directory / "docker-ctxsize").read_text() == "#!/bin/sh\necho mine\n"


def test_a_pipe_in_its_place_is_not_waited_for(cli: Cli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "docker-ctxsize")
    result = cli("docker-plugin", "install", "--dir", str(tmp_path))
    assert (result.code, "is another plugin (remove it first)" in result.err) == (2, True)


def test_where_nothing_can_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("docker-plugin", "install", "--dir", str(tmp_path / "file"))
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_it_can_be_taken_away_again(cli: Cli, config: Path, tmp_path: Path) -> None:
    path = config / "cli-plugins" / "docker-ctxsize"
    (path.parent / "docker-other").write_text("#!/bin/sh\n")
    result = cli("docker-plugin", "uninstall", env={"DOCKER_CONFIG": str(config)})
    assert (result.code, result.out) == (0, "")
    assert "docker-ctxsize, and with it" in result.err
    assert [each.name for each in path.parent.iterdir()] == ["docker-other"]
    assert "ctxsize" not in docker("--help", cwd=tmp_path, config=config).stdout
    again = cli("docker-plugin", "uninstall", env={"DOCKER_CONFIG": str(config)})
    assert (again.code, again.out) == (0, "")
    assert "there is nothing to remove" in again.err


def test_that_of_another_version_and_python_goes_too(cli: Cli, tmp_path: Path) -> None:
    directory, path = tmp_path / "plugins", tmp_path / "plugins" / "docker-ctxsize"
    assert cli("docker-plugin", "install", "--dir", str(directory)).code == 0
    text = path.read_text()
    older = text.replace(__version__, "0.0.1").replace(sys.executable, "/opt/it's here/python")
    assert older != text
    path.write_text(older)
    assert cli("docker-plugin", "uninstall", "--dir", str(directory)).code == 0
    assert not path.exists()


@pytest.mark.parametrize("what", ["other", "changed", "link", "directory", "fifo"])
def test_only_what_was_written_is_removed(cli: Cli, tmp_path: Path, what: str) -> None:
    directory, path = tmp_path / "plugins", tmp_path / "plugins" / "docker-ctxsize"
    assert cli("docker-plugin", "install", "--dir", str(directory)).code == 0
    text = path.read_text()
    kept = tmp_path / "kept"
    path.rename(kept)
    if what == "link":
        path.symlink_to(kept)
    elif what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("#!/bin/sh\n" if what == "other" else f"{text}echo mine\n")
    result = cli("docker-plugin", "uninstall", "--dir", str(directory))
    assert result.code == 2
    assert "docker-ctxsize: is not what was written there (remove it yourself)" in result.err
    assert os.path.lexists(path)
    assert kept.read_text() == text


def test_where_nothing_can_be_removed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("docker-plugin", "uninstall", "--dir", str(tmp_path / "file"))
    assert (result.code, result.err.count("\n")) == (0, 1)
