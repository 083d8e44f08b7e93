"""Ask one revision of the program: `python asking.py QUESTIONS ANSWERS`, with it on PYTHONPATH.

Nothing else of the project is imported, as a question may go to a revision of any age.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, groupby
from pathlib import Path
from typing import Any, TypedDict

from ctxsize.cli.app import run


class Question(TypedDict):
    """A command about the context at `root`; `base` is the path that answers must not name."""

    tree: str
    root: str
    base: str
    arguments: list[str]


def main(questions_file: str, answers_file: str) -> None:
    """Write the answer to each question, in their order."""
    questions: list[Question] = json.loads(Path(questions_file).read_bytes())
    # One process asks all about a tree: `clean` leaves alone what another process has open.
    trees = [list(group) for _, group in groupby(questions, key=lambda asked: asked["root"])]
    with ProcessPoolExecutor() as workers:
        answers = list(chain.from_iterable(workers.map(_answers, trees, chunksize=4)))
    Path(answers_file).write_text(json.dumps(answers))


def _answers(questions: list[Question]) -> list[list[str]]:
    return [_answer(question) for question in questions]


def _answer(question: Question) -> list[str]:
    """Return the exit code, what was said on stderr, and what was printed, as lines."""
    code, out, err = answer_of(question["arguments"], question["root"])
    try:
        printed = list(flat("", json.loads(out)))
    except ValueError:
        printed = out.splitlines()
    lines = [f"exit code {code}"]
    lines += [f"stderr: {line}" for line in err.splitlines()]
    lines += printed
    return [line.replace(question["base"], "") for line in lines]


def answer_of(arguments: list[str], root: str) -> tuple[int, str, str]:
    out = _Text()
    err = _Text()
    before = Path.cwd()
    os.chdir(root)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
    finally:
        os.chdir(before)
    return code, out.read_all(), err.read_all()


class _Text(io.TextIOWrapper):
    """Standard output in memory, for text and for bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="surrogateescape")

    def read_all(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("utf-8", "backslashreplace")  # type: ignore[attr-defined]


def flat(name: str, value: Any) -> Iterator[str]:
    """Yield `value` as lines, so that a difference shows where it is: one for each leaf."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from flat(f"{name}.{key}".lstrip("."), value[key])
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from flat(f"{name}[{number}]", inner)
    else:
        yield f"{name}={json.dumps(value)}"


if __name__ == "__main__":
    main(*sys.argv[1:])
