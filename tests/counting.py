"""Counts what a command does as its input grows: calls and opened files, and never seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

_COUNTER = """
import cProfile, json, os, sys
from ctxsize.cli.app import run
counts = {"subprocess.Popen": 0, "open": 0, "os.scandir": 0, "os.listdir": 0}
def heard(event, arguments):
    if event in counts:
        counts[event] += 1
warm, command, *directories = sys.argv[1:]
run(json.loads(warm))
for directory in directories:
    if os.fork():
        os.wait()
        continue
    os.chdir(directory)
    profile = cProfile.Profile()
    sys.addaudithook(heard)
    profile.enable()
    run(json.loads(command))
    profile.disable()
    counts["calls"] = sum(entry.callcount for entry in profile.getstats())
    with open("counts.json", "w") as file:
        json.dump(counts, file)
    os._exit(0)
"""
Counts = dict[str, int]


def counts(
    base: Path, warm: Sequence[str], command: Sequence[str], directories: Iterable[str]
) -> list[Counts]:
    """Return the counts of a command in directories of `base`, after `warm` filled all caches."""
    names = [*directories]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    words = [json.dumps([*warm]), json.dumps([*command])]
    subprocess.run(
        [sys.executable, "-c", _COUNTER, *words, *names],
        cwd=base,
        env={**environment, "PYTHONHASHSEED": "0"},
        capture_output=True,
        check=True,
    )
    return [json.loads((base / name / "counts.json").read_text()) for name in names]
