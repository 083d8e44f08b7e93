"""The README's output blocks are what the program prints.

`CTXSIZE_UPDATE=1 pytest tests/test_readme.py` writes them anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import ROOT, copy_of_examples

README = ROOT / "README.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples as they are in git, with what the generator makes."""
    return copy_of_examples(tmp_path_factory.mktemp("readme"))


def run(command: str, project: Path) -> str:
    """What `command` prints in a shell, with `ctxsize` as this checkout's."""
    function = f'ctxsize() {{ "{sys.executable}" -m ctxsize "$@"; }}'
    plain = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", f"{function}\n{command}"],
        cwd=project,
        env={**os.environ, **plain},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def test_each_block_is_what_the_program_prints(project: Path) -> None:
    text = README.read_text()
    fresh = BLOCK.sub(
        lambda block: f"```console\n$ {block['command']}\n{run(block['command'], project)}```", text
    )
    assert len(BLOCK.findall(text)) >= 4
    if os.environ.get("CTXSIZE_UPDATE"):
        README.write_text(fresh)
    else:
        assert text == fresh


def test_python_block_runs(project: Path) -> None:
    (code,) = PYTHON_BLOCK.findall(README.read_text())
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[1] == "False True"


def test_there_are_two_set_up_commands() -> None:
    commands = re.findall(r"^make \w+", README.read_text(), re.MULTILINE)
    assert commands == ["make demo", "make test"]
    assert "make --no-print-directory test" in (ROOT / ".ci" / "run").read_text()
