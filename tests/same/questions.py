"""The questions: what every command is asked about every tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ctxsize.engine.builders import BUILDERS
from tests.same.asking import Question
from tests.same.trees import tables

# The commands that each builder is asked, and those that depend on none. Explanations and lists
# tell the most about patterns, so recorded contexts need no more.
_LISTS = ("measure .", "ls . --all --size", "explain -n *")
_SUGGESTIONS = ("suggest .", "lint .", "suggest --allowlist .", "suggest --from-gitignore .")
_REPOSITORY = ("scan .", "advise .", "clean .", "suggest --all .")
_FOR_EACH_BUILDER = {
    "recorded": _LISTS,
    "odd": _LISTS,
    "lints": ("lint .", "suggest ."),
    "advice": (),
    "clean": ("suggest .",),
}
_ONCE = {
    "recorded": ("suggest .", "lint ."),
    "odd": ("suggest .", "lint ."),
    "lints": (),
    "advice": ("advise .", "scan ."),
    "clean": ("clean .",),
}
_WITHOUT_JSON = ("ls", "explain")


def planted(base: Path) -> Iterator[Question]:
    """Plant every tree below `base`, and yield the questions about it."""
    for table, trees in tables().items():
        for number, (name, plant) in enumerate(trees.items()):
            place = base / f"{table}-{number}"
            place.mkdir()
            root = plant(place)
            names = sorted(path.name for path in root.iterdir())
            for arguments in _commands(table, names):
                yield Question(
                    tree=f"{table}: {name!a}",
                    root=str(root),
                    base=str(place),
                    arguments=arguments,
                )


def _commands(table: str, names: list[str]) -> Iterator[list[str]]:
    """Yield the arguments of each command about a tree of a table, with these names at its top."""
    default = (*_LISTS, *_SUGGESTIONS, "check --max 1kB .")
    for command in _FOR_EACH_BUILDER.get(table, default):
        for builder in BUILDERS:
            yield from _formats(f"{command} --builder {builder}", names)
    for command in _ONCE.get(table, _REPOSITORY):
        yield from _formats(command, names)
    yield ["."]
    yield []


def _formats(command: str, names: list[str]) -> Iterator[list[str]]:
    """Yield the arguments of a command in JSON and in text, as far as it has both."""
    words = command.split()
    if "*" in words:
        words.remove("*")
        words += ["--", *(names or ["nothing"])]
    yield words
    if words[0] not in _WITHOUT_JSON:
        yield [*words, "--format", "json"]
