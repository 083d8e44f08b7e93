"""What `check` costs beside `measure`, on the tree of 300,000 files.

python benchmarks/guard.py                    the whole tree
python benchmarks/guard.py --scale 0.1 --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import timing
import trees

_CTXSIZE = [sys.executable, "-m", "ctxsize"]


def main() -> None:
    """Time each command in turn, and show the medians and their ratio to `measure`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    tree = trees.ensure(trees.TREES["javascript"], trees.home(None), options.scale)
    with tempfile.TemporaryDirectory() as directory:
        seconds = _times(_commands(str(tree), Path(directory)), options.rounds)
    base = statistics.median(seconds["measure"])
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"{name:<28} {median:7.3f} s   {median / base:5.2f} times measure")


def _commands(tree: str, directory: Path) -> dict[str, tuple[list[str], int]]:
    """The command lines by name, and the exit code of each."""
    baseline = str(directory / "baseline.json")
    record = [*_CTXSIZE, "check", tree, "--baseline", baseline, "--update-baseline"]
    assert timing.run(record)[3] == 0
    return {
        "measure": ([*_CTXSIZE, "measure", tree], 0),
        "check, kept": ([*_CTXSIZE, "check", tree, "--max", "1TB"], 0),
        "check, with a baseline": ([*_CTXSIZE, "check", tree, "--baseline", baseline], 0),
        "check, refused": ([*_CTXSIZE, "check", tree, "--max", "1MB"], 1),
    }


def _times(commands: dict[str, tuple[list[str], int]], rounds: int) -> dict[str, list[float]]:
    """Seconds of `rounds` runs of each in turn, after one that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, (command, expected) in commands.items():
            seconds, _, _, code = timing.run(command)
            assert code == expected, (name, code)
            if number:
                found[name].append(seconds)
    return found


if __name__ == "__main__":
    main()
