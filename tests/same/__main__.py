"""Show what a change did to the answers of every command: `python -m tests.same [REVISION]`.

The revision (by default the last commit) and the files here are both asked about every tree.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.isolation import isolate
from tests.same import asking
from tests.same.asking import Question
from tests.same.questions import planted
from tests.same.trees import ROOT

_MOST_SHOWN = 20  # number of changed answers of a command that are shown
_MOST_LINES = 40  # number of lines of one difference


def main(revision: str = "HEAD") -> None:
    """Ask both, and print the changed answers, command by command."""
    with tempfile.TemporaryDirectory(prefix="ctxsize-same-") as directory:
        place = Path(directory).resolve()
        before = place / "before"
        _check_out(revision, before)
        trees = place / "trees"
        trees.mkdir()
        questions = list(planted(trees))
        (place / "questions.json").write_text(json.dumps(questions))
        old = _answers(before, place)
        new = _answers(ROOT, place)
    print("\n".join(report(questions, old, new)))


def _check_out(revision: str, directory: Path) -> None:
    """Write the package as it was in a revision."""
    command = ["git", "archive", revision, "ctxsize"]
    archive = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory)


def _answers(package: Path, place: Path) -> list[list[str]]:
    """Return the answers of the package in a directory, which walks in Python."""
    variables = {**os.environ, "PYTHONPATH": str(package), "CTXSIZE_NATIVE": "0"}
    answers = place / "answers.json"
    command = [sys.executable, asking.__file__, str(place / "questions.json"), str(answers)]
    subprocess.run(command, env=variables, check=True)
    found: list[list[str]] = json.loads(answers.read_bytes())
    return found


def report(questions: list[Question], old: list[list[str]], new: list[list[str]]) -> list[str]:
    """Return the lines to print: how many answers of each command changed, and how."""
    changes: dict[str, list[list[str]]] = defaultdict(list)
    for question, before, after in zip(questions, old, new, strict=True):
        if before != after:
            command = " ".join(["ctxsize", *question["arguments"]])
            name = question["arguments"][0].replace(".", "ctxsize")
            difference = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
            changes[name].append([f"{question['tree']}: {command}", *difference[:_MOST_LINES]])
    lines = []
    for name, changed in sorted(changes.items()):
        lines += ["", f"## {name}: {len(changed)} changed answers"]
        for difference in changed[:_MOST_SHOWN]:
            lines += ["", *difference]
        if len(changed) > _MOST_SHOWN:
            lines += ["", f"… and {len(changed) - _MOST_SHOWN} more"]
    count = sum(map(len, changes.values()))
    return [*lines, "", f"{count} of {len(questions)} answers changed"]


if __name__ == "__main__":
    clean_up = isolate()
    os.environ.update(NO_COLOR="1", COLUMNS="100")
    try:
        main(*sys.argv[1:])
    finally:
        clean_up()
