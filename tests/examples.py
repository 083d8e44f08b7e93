"""The examples of this repository, as the documentation shows them."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_of_examples(directory: Path) -> Path:
    """`directory`, with the examples as they are in git and what their generator makes."""
    _copy(directory)
    command = [sys.executable, "examples/generate.py"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory


def restore_examples(directory: Path) -> None:
    """Bring the examples in `directory` back to what `copy_of_examples` made."""
    target = directory / "examples" / "rust-service" / "target"
    kept = directory / "target"
    target.rename(kept)
    shutil.rmtree(directory / "examples")
    _copy(directory)
    kept.rename(target)
    install = runpy.run_path(str(directory / "examples" / "generate.py"))["install"]
    install(directory / "examples" / "node-workspace")


def _copy(directory: Path) -> None:
    ignore = shutil.ignore_patterns("target", "node_modules", "access.log")
    shutil.copytree(ROOT / "examples", directory / "examples", symlinks=True, ignore=ignore)
