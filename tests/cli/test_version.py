"""`--version` reports which walk runs, without loading the core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize import version
from tests.cli.conftest import Cli, environment
from tests.oracles.availability import require

COMPILED = f"ctxsize {version.__version__} (compiled core)\n"
PYTHON = f"ctxsize {version.__version__} (Python walk)\n"


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a core, which is in the package's place for it."""
    file = tmp_path / "_core.abi3.so"
    file.write_bytes(b"never loaded")
    monkeypatch.setattr(version, "CORE", str(file))
    monkeypatch.delenv("CTXSIZE_NATIVE", raising=False)
    monkeypatch.delenv("CTXSIZE_NATIVE_CORE", raising=False)
    return file


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "_can_load", lambda: True)


def test_core_is_compiled_in_ci() -> None:
    require("core")


@pytest.mark.usefixtures("capable")
def test_core_is_reported(cli: Cli, core: Path) -> None:
    assert cli("--version").out == COMPILED
    assert version.core_path() == str(core)


@pytest.mark.usefixtures("capable")
def test_missing_core_is_reported(cli: Cli, core: Path) -> None:
    core.unlink()
    assert cli("--version").out == PYTHON


@pytest.mark.usefixtures("capable", "core")
def test_environment_chooses_python(cli: Cli) -> None:
    assert cli("--version", env={"CTXSIZE_NATIVE": "0"}).out == PYTHON
    assert cli("--version", env={"CTXSIZE_NATIVE": "1"}).out == COMPILED


@pytest.mark.usefixtures("capable")
def test_environment_names_another_core(
    core: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTXSIZE_NATIVE_CORE", str(tmp_path / "none"))
    assert version.core_path() is None
    other = tmp_path / "other.so"
    other.touch()
    monkeypatch.setenv("CTXSIZE_NATIVE_CORE", str(other))
    assert version.core_path() == str(other)


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize(("name", "flags"), [("pypy", ""), ("cpython", "t")])
def test_other_interpreters_walk_in_python(
    name: str, flags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Implementation:
        pass

    Implementation.name = name  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "implementation", Implementation)
    monkeypatch.setattr(sys, "abiflags", flags, raising=False)
    assert version.core_path() is None


def test_version_does_not_load_the_core() -> None:
    code = (
        "import sys, ctxsize.__main__; sys.argv[1:] = ['--version'];"
        "ctxsize.__main__.main(); print(*(n for n in sys.modules if n.startswith('ctxsize')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    line, modules = done.stdout.splitlines()
    assert line in (COMPILED.strip(), PYTHON.strip())
    assert set(modules.split()) == {"ctxsize", "ctxsize.__main__", "ctxsize.version"}
