"""The ctxsize command line for the build of an outcome, to copy into a shell."""

from __future__ import annotations

import os
import shlex
from typing import Protocol

from ctxsize.engine.builders import BUILDERS
from ctxsize.formats.names import visible

_OPTIONS = (
    "--source",
    *("--ignored", "--by", "--size", "--trace", "--transfer", "--write", "--only"),
    *("--allowlist", "--like", "--from-gitignore", "--tidy"),
)


class OfBuild(Protocol):
    """What is about one build: how its command line was."""

    @property
    def context_path(self) -> str: ...
    @property
    def dockerfile(self) -> str | None: ...
    @property
    def builder(self) -> str: ...
    @property
    def options(self) -> tuple[str, ...]: ...


def command(outcome: OfBuild, name: str, *arguments: str) -> str:
    """Return the command `name` with `arguments` for the same build."""
    words = ["ctxsize", name, *map(_argument, arguments)]
    if outcome.builder != next(iter(BUILDERS)):
        words += ["--builder", outcome.builder]
    if outcome.dockerfile is not None and not _default_dockerfile(outcome):
        words += ["-f", "-" if outcome.dockerfile == "-" else _argument(outcome.dockerfile)]
    if name in ("measure", "suggest") or {"--transfer", "--trace"} & set(arguments):
        words += outcome.options
    if outcome.context_path != ".":
        context = _argument(outcome.context_path)
        words += ["-C", context] if name == "explain" else [context]
    return " ".join(map(_shell, words))


def _default_dockerfile(outcome: OfBuild) -> bool:
    names = BUILDERS[outcome.builder].dockerfile_names
    usual = (os.path.normpath(os.path.join(outcome.context_path, name)) for name in names)
    return os.path.normpath(outcome.dockerfile or "") in usual


def _argument(word: str) -> str:
    """Return a path that is not taken for an option; our own options begin with two dashes."""
    return f"./{word}" if word.startswith("-") and word not in _OPTIONS else word


def _shell(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + visible(word.replace("\\", r"\\").replace("'", r"\'")) + "'"
