"""Tells exactly what `docker build` will send, and keeps it small.

The whole public API.

>>> import ctxsize
>>> spec = ctxsize.DockerIgnoreSpec.from_lines(["*", "!src"])
>>> spec.match_file("README"), spec.match_file("src/main.c")
(True, False)
"""

from __future__ import annotations

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
from ctxsize.version import __version__

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
