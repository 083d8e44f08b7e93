"""Report exactly what `docker build` will send, and keep it small.

The whole public API. The first use of a name imports `ctxsize.public`, so that
`import ctxsize` and `ctxsize --version` cost next to nothing, and `python -m ctxsize`
imports no `inspect.py` of a stranger's context before `__main__` prevents that.

>>> import ctxsize
>>> spec = ctxsize.DockerIgnoreSpec.from_lines(["*", "!src"])
>>> spec.match_file("README"), spec.match_file("src/main.c")
(True, False)
"""

from __future__ import annotations

from ctxsize.version import __version__

__all__ = [
    "BUILDERS",
    "Build",
    "BuildFailsError",
    "Builder",
    "Check",
    "CtxsizeError",
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'ctxsize' has no attribute {name!r}")
        if name in ("check", "diff"):  # these load the guard, which no other function needs
            from ctxsize import checking as module
        else:
            from ctxsize import public as module
        return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
