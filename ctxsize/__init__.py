"""Tells exactly what `docker build` will send, and keeps it small.

The whole public API. Everything is imported when it is first used, so that
`import ctxsize` costs next to nothing, and so that `python -m ctxsize` imports no
`inspect.py` of the working directory: `__main__` shuts that out, and runs after this.

>>> import ctxsize
>>> spec = ctxsize.DockerIgnoreSpec.from_lines(["*", "!src"])
>>> spec.match_file("README"), spec.match_file("src/main.c")
(True, False)
"""

from __future__ import annotations

from ctxsize.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.api import (
        advise,
        check,
        clean_apply,
        clean_plan,
        diff,
        discover,
        explain,
        lint,
        ls,
        measure,
        plan_ignore_file,
        request_for,
        scan,
        suggest,
    )
    from ctxsize.build import Build
    from ctxsize.engine.builders import BUILDERS, Builder
    from ctxsize.engine.compare import compare
    from ctxsize.engine.listing import Listing, entries
    from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec
    from ctxsize.engine.request import Request, resolve
    from ctxsize.errors import (
        BuildFailsError,
        CtxsizeError,
        DockerfileError,
        IgnoreFileError,
        InputError,
    )
    from ctxsize.explanations import Check, Explanation, Level, NearMiss, Outcome
    from ctxsize.model import (
        Difference,
        Directory,
        Effect,
        Entry,
        Ignored,
        IgnoreFileInfo,
        Kind,
        Measurement,
        NamedContext,
        Pattern,
        Problem,
        Report,
        Share,
        SourceShare,
        Totals,
        Transfer,
        Verdict,
    )

__all__ = [
    "BUILDERS",
    "Build",
    "BuildFailsError",
    "Builder",
    "Check",
    "CtxsizeError",
    "Difference",
    "Directory",
    "DockerIgnorePattern",
    "DockerIgnoreSpec",
    "DockerfileError",
    "Effect",
    "Entry",
    "Explanation",
    "IgnoreFileError",
    "IgnoreFileInfo",
    "Ignored",
    "InputError",
    "Kind",
    "Level",
    "Listing",
    "Measurement",
    "NamedContext",
    "NearMiss",
    "Outcome",
    "Pattern",
    "Problem",
    "Report",
    "Request",
    "Share",
    "SourceShare",
    "Totals",
    "Transfer",
    "Verdict",
    "__version__",
    "advise",
    "check",
    "clean_apply",
    "clean_plan",
    "compare",
    "diff",
    "discover",
    "entries",
    "explain",
    "lint",
    "ls",
    "measure",
    "plan_ignore_file",
    "request_for",
    "resolve",
    "scan",
    "suggest",
]

_ELSEWHERE = {
    "BUILDERS": "ctxsize.engine.builders",
    "Build": "ctxsize.build",
    "BuildFailsError": "ctxsize.errors",
    "Builder": "ctxsize.engine.builders",
    "Check": "ctxsize.explanations",
    "CtxsizeError": "ctxsize.errors",
    "DockerIgnorePattern": "ctxsize.engine.patterns",
    "DockerIgnoreSpec": "ctxsize.engine.patterns",
    "DockerfileError": "ctxsize.errors",
    "Explanation": "ctxsize.explanations",
    "IgnoreFileError": "ctxsize.errors",
    "InputError": "ctxsize.errors",
    "Level": "ctxsize.explanations",
    "Listing": "ctxsize.engine.listing",
    "NearMiss": "ctxsize.explanations",
    "Outcome": "ctxsize.explanations",
    "Request": "ctxsize.engine.request",
    "clean_apply": "ctxsize.api",
    "clean_plan": "ctxsize.api",
    "advise": "ctxsize.api",
    "check": "ctxsize.api",
    "compare": "ctxsize.engine.compare",
    "diff": "ctxsize.api",
    "discover": "ctxsize.api",
    "entries": "ctxsize.engine.listing",
    "explain": "ctxsize.api",
    "lint": "ctxsize.api",
    "ls": "ctxsize.api",
    "measure": "ctxsize.api",
    "plan_ignore_file": "ctxsize.api",
    "request_for": "ctxsize.api",
    "resolve": "ctxsize.engine.request",
    "scan": "ctxsize.api",
    "suggest": "ctxsize.api",
}
"""Where the names come from that are not values of the model."""


if not TYPE_CHECKING:  # a type checker takes any name for an object where there is this function

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'ctxsize' has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(_ELSEWHERE.get(name, "ctxsize.model")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
