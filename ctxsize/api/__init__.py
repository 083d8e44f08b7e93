"""The public functions: names of directories and builders in, values out.

Each is loaded when it is used: start-up is a good part of a small run.

>>> report = measure(".", builder="classic")        # doctest: +SKIP
>>> report.context.totals.content_bytes             # doctest: +SKIP
20214000000
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.api.cleaning import clean_apply, clean_plan, clean_saved
    from ctxsize.api.context import explain, ls, measure
    from ctxsize.api.guarding import check, diff
    from ctxsize.api.ignorefile import lint, plan_ignore_file, suggest
    from ctxsize.api.repository import advise, discover, scan
    from ctxsize.api.requests import request_for

_MODULES = {
    "advise": "repository",
    "check": "guarding",
    "clean_apply": "cleaning",
    "clean_plan": "cleaning",
    "clean_saved": "cleaning",
    "diff": "guarding",
    "discover": "repository",
    "explain": "context",
    "lint": "ignorefile",
    "ls": "context",
    "measure": "context",
    "plan_ignore_file": "ignorefile",
    "request_for": "requests",
    "scan": "repository",
    "suggest": "ignorefile",
}
"""Where each function is."""

__all__ = [
    "advise",
    "check",
    "clean_apply",
    "clean_plan",
    "clean_saved",
    "diff",
    "discover",
    "explain",
    "lint",
    "ls",
    "measure",
    "plan_ignore_file",
    "request_for",
    "scan",
    "suggest",
]


if not TYPE_CHECKING:  # a type checker takes any name for an object where there is this function

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        function: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = function
        return function
