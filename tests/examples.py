"""The examples of this repository, as the documentation shows them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_of_examples(directory: Path) -> Path:
    """`directory`, with the examples as they are in git and what their generator makes."""
    ignore = shutil.ignore_patterns("target")
    shutil.copytree(ROOT / "examples", directory / "examples", symlinks=True, ignore=ignore)
    command = [sys.executable, "examples/generate.py"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory
