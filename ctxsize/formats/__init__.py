"""How the outcome of a command is shown: `render(format, outcome, look) -> str`.

Each format is a module or package here with `render(outcome, look)`. A format
never prints, opens or exits. One is loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ctxsize.formats.look import Look

FORMATS = ("text", "json", "markdown", "github", "sarif", "junit", "gitlab")
"""The choices of `--format`."""

TABLES = ("dir", "ext", "rule", "file")
"""The choices of `--by`: the ways to take a report apart, each one of `text.tables`."""


def render(name: str, outcome: Any, look: Look) -> str:
    """`outcome`, a value with a `kind`, in the format `name`."""
    text: str = import_module(f"ctxsize.formats.{name}").render(outcome, look)
    return text


def module_for(package: str, kind: str) -> Any:
    """Return the module of `package` for outcomes of a `kind`: the one of its name, but for diff.

    `text.diff` shows edits.
    """
    return import_module(f"{package}.{'changes' if kind == 'diff' else kind}")


__all__ = ["FORMATS", "TABLES", "Look", "module_for", "render"]
