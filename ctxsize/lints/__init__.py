"""Lints of ignore files: one small function for each code, and the registry of all of them.

A lint gets a `Case`, one ignore file with what is known about its surroundings,
and yields findings. What it says about a tree is simulated by the engine, and a
fix is certain only if the simulation shows that just the intended paths change.
"""

from __future__ import annotations

from ctxsize.lints import (
    builders,
    characters,
    comments,
    copies,
    exceptions,
    files,
    missing,
    names,
    order,
    reach,
    repetition,
    syntax,
)
from ctxsize.lints.case import Lint

_MODULES = (
    names,
    comments,
    exceptions,
    order,
    missing,
    copies,
    repetition,
    reach,
    syntax,
    characters,
    files,
    builders,
)

LINTS: dict[str, Lint] = {
    lint.code: lint
    for lint in sorted(
        (lint for module in _MODULES for lint in module.LINTS), key=lambda lint: lint.code
    )
}
"""Each lint by its code, in the order of the codes."""
