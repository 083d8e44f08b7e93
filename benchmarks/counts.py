"""Counts the system calls of `ctxsize measure`: what does not wander with the machine's load.

Directories opened and stat calls, by strace, less those of measuring an empty
directory, beside what the answer needs: to open each directory that is sent
(and each ignored one that an exception may reach: not counted as needed here),
one stat for each entry, and one more for each directory that is opened, which
the C library makes before it lists it.

    python benchmarks/counts.py --scale 0.1
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import ignorefiles
import peers
import trees

_STATS = ("newfstatat", "fstat", "fstat64", "fstatat64", "statx", "stat", "lstat")
_XATTRS = ("listxattr", "llistxattr", "flistxattr", "getxattr", "lgetxattr", "fgetxattr")
_OTHERS = ("readlinkat", "readlink", "faccessat", "faccessat2")
_TRACED = ",".join(f"?{name}" for name in ("openat", "getdents64", *_STATS, *_XATTRS, *_OTHERS))
_COLUMNS = ("tree", "ignore", "opened", "needed", "stat calls", "needed", "xattr", "other")


def count(command: list[str]) -> Counter[str]:
    """How often `command` and its children call each traced system call."""
    with tempfile.NamedTemporaryFile() as summary:
        strace = ["strace", "-f", "--seccomp-bpf", "-c", "-o", summary.name, "-e", _TRACED]
        subprocess.run(
            [*strace, *command],
            env=peers.environment(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        text = Path(summary.name).read_text()
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", text, re.MULTILINE)
    return Counter({name: int(calls) for calls, name in rows if name != "total"})


def _sent(case: peers.Case) -> tuple[int, int]:
    """How many directories (the context's own included) and how many entries are sent."""
    listing = subprocess.run(
        peers.list_command(case), env=peers.environment(), capture_output=True, check=True
    )
    paths = listing.stdout.split(b"\0")[:-1]
    return 1 + sum(path.endswith(b"/") for path in paths), len(paths)


def _row(case: peers.Case, measure: peers.Tool, idle: Counter[str]) -> list[str]:
    calls = count(measure.command(case))
    calls.subtract(idle)
    directories, entries = _sent(case)
    sums = [sum(calls[name] for name in names) for names in (_STATS, _XATTRS, _OTHERS)]
    numbers = [calls["openat"] + 1, directories, sums[0], entries + directories, *sums[1:]]
    return [case.tree, case.ignore, *(f"{number:,}" for number in numbers)]


def main() -> None:
    """Print the counts of each tree and ignore file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--dir", help=f"where the trees lie (or ${trees.ENVIRONMENT})")
    parser.add_argument("--tree", action="append", choices=trees.TREES)
    options = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("strace is missing: nothing can be counted here")
    base = trees.home(options.dir)
    measure, dockerfiles = peers.ours()[0], ignorefiles.write(base)
    print(("{:<11} {:<8}" + " {:>10}" * 6).format(*_COLUMNS))
    for name in options.tree or trees.TREES:
        path = trees.ensure(trees.TREES[name], base, options.scale)
        for kind, dockerfile in dockerfiles.items():
            with tempfile.TemporaryDirectory() as empty:
                idle = count(measure.command(peers.Case("", kind, Path(empty), dockerfile)))
            row = _row(peers.Case(name, kind, path, dockerfile), measure, idle)
            print(("{:<11} {:<8}" + " {:>10}" * 6).format(*row), flush=True)


if __name__ == "__main__":
    main()
