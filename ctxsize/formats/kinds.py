"""Which module of a format shows a kind of outcome: the one of its name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ELSEWHERE = {"diff": "changes"}
"""Where it is not the one of its name: `text.diff` shows edits."""


def module_for(package: str, kind: str) -> Any:
    """The module of `package` for outcomes of a `kind`, loaded now."""
    return import_module(f"{package}.{_ELSEWHERE.get(kind, kind)}")
