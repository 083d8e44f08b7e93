"""One tree's answers as lines of text: short, sorted, and each line read on its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ctxsize.cli.app import run
from ctxsize.engine.builders import BUILDERS

# Which commands a table is about, the first ones asked for each builder. Explanations and
# lists tell the most about patterns, so recorded contexts need no more.
_LISTED = ("measure .", "ls . --all --size", "explain -n *")
_SUGGESTED = ("suggest .", "lint .", "suggest --allowlist .", "suggest --from-gitignore .")
_REPOSITORY = ("scan .", "advise .", "clean .")
BY_BUILDER = {
    "recorded": _LISTED,
    "odd": _LISTED,
    "lints": ("lint .", "suggest ."),
    "advice": (),
    "clean": ("suggest .",),
}
ONCE = {
    "recorded": ("suggest .", "lint ."),
    "odd": ("suggest .", "lint ."),
    "lints": (),
    "advice": ("advise .", "scan ."),
    "clean": ("clean .",),
}
CONSTANT = {
    *(
        "version",
        "ctxsize_version",
        "kind",
        "ctxsize",
        "schema",
        "url",
        "docs",
        "help",
        "meaning",
        "builder",
    ),
    *("by_extension", "largest_files", "largest_directories", "patterns", "why", "printed"),
}
"""Keys that say nothing about the tree, or repeat the question or other answers."""


def answered(root: Path, *, base: Path, table: str) -> Iterator[str]:
    """Yield the answers about the context at `root`, with its paths as below `base`."""
    names = sorted(path.name for path in root.iterdir())
    for command in BY_BUILDER.get(table, (*_LISTED, *_SUGGESTED, "check --max 1kB .")):
        answers: dict[str, list[str]] = {}
        for builder in BUILDERS:
            asked = _arguments(f"{command} --builder {builder}", names)
            text = "\n".join(_asked(asked, root, base))
            answers.setdefault(text, []).append(builder)
        for text, builders in answers.items():
            who = "" if len(answers) == 1 else f" [{', '.join(builders)}]"
            yield f"{command}{who}: {text}"
    for command in ONCE.get(table, _REPOSITORY):
        yield f"{command}: " + "\n".join(_asked(_arguments(command, names), root, base))


def _arguments(command: str, names: list[str]) -> list[str]:
    words = command.split()
    if "*" in words:
        words.remove("*")
        return [*words, "--", *(names or ["nothing"])]
    return words if words[0] == "ls" else [*words, "--format", "json"]


def _asked(arguments: list[str], root: Path, base: Path) -> Iterator[str]:
    """Yield the exit code, what was said, and what was printed."""
    code, out, err = _ran(arguments, root)
    yield str(code)
    for line in err.splitlines():
        yield f"  ! {line.replace(str(base), '')}"
    try:
        parsed = json.loads(out)
    except ValueError:
        yield from (f"  {line.replace(str(base), '')}" for line in out.splitlines())
    else:
        yield from (f"  {line}".replace(str(base), "") for line in flat("", parsed))


def _ran(arguments: list[str], root: Path) -> tuple[int, str, str]:
    out, err = _Text(), _Text()
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
    """Yield `value` as lines: what holds no other value takes one."""
    if isinstance(value, dict):
        held = {key: each for key, each in value.items() if key not in CONSTANT and each}
        plain = {key: each for key, each in held.items() if _is_plain(each)}
        if plain:
            said = " ".join(f"{key}={_text(each)}" for key, each in sorted(plain.items()))
            yield f"{name} {said}".strip()
        for key in sorted(held.keys() - plain.keys()):
            yield from flat(f"{name}.{key}".lstrip("."), held[key])
    elif isinstance(value, list):
        for each in value:
            yield from flat(f"{name}[]", each)
    else:
        yield f"{name}={_text(value)}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(each, dict | list) for each in value)
    return not isinstance(value, dict)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)
