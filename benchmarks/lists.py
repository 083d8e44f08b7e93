"""Shows that the lists are equal: a benchmark of wrong answers is worth nothing.

What is timed counts and lists nothing, so its sums are held against the files of the list.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import Case, Tool, environment, list_command, measure_command, plain_list_command


@dataclass(frozen=True)
class Comparison:
    """How our list of a case compares with another one."""

    case: Case
    against: str
    entries: int
    difference: str
    """Empty if the lists are equal."""


def compare(case: Case, others: Sequence[Tool]) -> Comparison:
    """Our list against that of the first of `others` that is there, else the plain evaluation.

    Runs in a child, so that a million paths do not count as memory of what is timed later.
    """
    there = [tool for tool in others if not tool.missing]
    against = there[0].name if there else "the plain evaluation"
    listing = [*there[0].command(case), *there[0].lists] if there else plain_list_command(case)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        entries, difference = pool.apply(_difference, (list_command(case), listing))
        arguments = (case.path, list_command(case), measure_command(case))
        difference = difference or pool.apply(_miscounted, arguments)
    return Comparison(case, against, entries, difference)


def _difference(ours: list[str], theirs: list[str]) -> tuple[int, str]:
    """How many entries `ours` lists, and the first difference between the two."""
    try:
        mine, other = _paths(ours), _paths(theirs)
    except subprocess.CalledProcessError as error:
        return 0, f"{Path(error.cmd[0]).name} failed with exit code {error.returncode}"
    if sorted(mine) == sorted(other):
        return len(mine), ""
    only_mine, only_other = set(mine) - set(other), set(other) - set(mine)
    parts = [
        f"{len(paths)} only {where}, for instance {min(paths)!r}"
        for where, paths in (("here", only_mine), ("there", only_other))
        if paths
    ]
    return len(mine), "; ".join(parts) or "entries listed more than once"


def _miscounted(root: Path, listing: list[str], command: list[str]) -> str:
    """How the sums that `command` prints differ from those of what is listed below `root`."""
    told = [os.lstat(os.path.join(os.fsencode(root), path)) for path in _paths(listing)]
    size = sum(each.st_size for each in told if stat.S_ISREG(each.st_mode))
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment(), check=True)
    context = json.loads(done.stdout)["context"]
    if (context["entries"], context["content_bytes"]) == (len(told), size):
        return ""
    return f"{context['entries']} entries, {context['content_bytes']} bytes measured"


def _paths(command: list[str]) -> list[bytes]:
    with tempfile.TemporaryFile() as file:
        subprocess.run(
            command, stdout=file, stderr=subprocess.DEVNULL, env=environment(), check=True
        )
        file.seek(0)
        return [path.rstrip(b"/") for path in file.read().split(b"\0") if path]
