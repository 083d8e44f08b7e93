"""Report exactly what `docker build` will send, and keep it small.

A public name is imported when it is first used: so `import ctxsize` and `ctxsize --version` cost
next to nothing, and `python -m ctxsize` imports no `inspect.py` of a stranger's context before
`__main__` prevents that.

>>> import ctxsize
>>> spec = ctxsize.DockerIgnoreSpec.from_lines(["*", "!src"])
>>> spec.match_file("README"), spec.match_file("src/main.c")
(True, False)
"""

from __future__ import annotations

from ctxsize.version import __version__ as __version__
from ctxsize.version import refuse_windows as _refuse_windows

__all__ = [
    "BUILDERS",
    "Accepted",
    "Addition",
    "Advice",
    "Amount",
    "ArtefactKind",
    "Blocked",
    "Budget",
    "BudgetedBuild",
    "Build",
    "BuildFailsError",
    "Builder",
    "Category",
    "Changes",
    "Check",
    "CheckReport",
    "CleanCandidate",
    "CleanCategory",
    "CleanObjection",
    "CleanPlan",
    "Clue",
    "Confidence",
    "Config",
    "ContextChange",
    "ContextCheck",
    "CtxsizeError",
    "Culprit",
    "DiffReport",
    "Directory",
    "Discovery",
    "DiskSize",
    "DockerIgnorePattern",
    "DockerIgnoreSpec",
    "DockerfileAdvice",
    "DockerfileError",
    "Edit",
    "Effect",
    "Entry",
    "EntryType",
    "Explanation",
    "File",
    "Finding",
    "FindingChoice",
    "Fix",
    "FoundBuild",
    "IgnoreFile",
    "IgnoreFileChange",
    "IgnoreFileError",
    "IgnoreFileInfo",
    "IgnoreFilePlan",
    "Ignored",
    "InputError",
    "InputErrors",
    "Inventory",
    "Kind",
    "Known",
    "Level",
    "Limit",
    "Linted",
    "LintedFile",
    "Listing",
    "Location",
    "Marker",
    "Match",
    "Measurement",
    "MemoryDirectory",
    "NamedContext",
    "NearMiss",
    "Note",
    "Objection",
    "Options",
    "Outcome",
    "ParsedDockerfile",
    "ParsedDockerfiles",
    "Part",
    "Passed",
    "Paths",
    "Pattern",
    "Place",
    "Plan",
    "Problem",
    "Progress",
    "Question",
    "Reason",
    "Remedy",
    "Report",
    "Result",
    "Row",
    "Rule",
    "Saved",
    "Scan",
    "Severity",
    "Share",
    "Side",
    "Size",
    "SizeChange",
    "SizeChanges",
    "Snapshot",
    "Source",
    "SourceShare",
    "Steps",
    "StrPath",
    "Suggestion",
    "Suppression",
    "Taker",
    "Telltale",
    "Tolerance",
    "Totals",
    "Transfer",
    "UndecidedError",
    "UnknownPatternError",
    "Verdict",
    "__version__",
    "advise",
    "check",
    "clean_apply",
    "clean_plan",
    "diff",
    "diff_checkout",
    "discover",
    "explain",
    "lint",
    "load_config",
    "ls",
    "measure",
    "plan_for",
    "plan_ignore_file",
    "scan",
    "suggest",
]  # static, as type checkers read it

_FUNCTIONS = {
    "advise": "api",
    "clean_apply": "api",
    "clean_plan": "api",
    "discover": "api",
    "explain": "api",
    "lint": "api",
    "load_config": "api",
    "ls": "api",
    "measure": "api",
    "plan_ignore_file": "api",
    "plan_for": "planning",
    "scan": "api",
    "suggest": "api",
    "check": "guard.checking",
    "diff": "guard.checking",
    "diff_checkout": "guard.checking",
}
"""The modules of the public functions; `public` has those of the types."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.api import (
        advise as advise,
    )
    from ctxsize.api import (
        clean_apply as clean_apply,
    )
    from ctxsize.api import (
        clean_plan as clean_plan,
    )
    from ctxsize.api import (
        discover as discover,
    )
    from ctxsize.api import (
        explain as explain,
    )
    from ctxsize.api import (
        lint as lint,
    )
    from ctxsize.api import (
        load_config as load_config,
    )
    from ctxsize.api import (
        ls as ls,
    )
    from ctxsize.api import (
        measure as measure,
    )
    from ctxsize.api import (
        plan_ignore_file as plan_ignore_file,
    )
    from ctxsize.api import (
        scan as scan,
    )
    from ctxsize.api import (
        suggest as suggest,
    )
    from ctxsize.guard.checking import check as check
    from ctxsize.guard.checking import diff as diff
    from ctxsize.guard.checking import diff_checkout as diff_checkout
    from ctxsize.planning import plan_for as plan_for
    from ctxsize.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        # `from ctxsize import api` comes here too, before it imports the module.
        if name not in __all__:
            raise AttributeError(f"module 'ctxsize' has no attribute {name!r}")
        _refuse_windows()
        from importlib import import_module

        module = import_module(f"ctxsize.{_FUNCTIONS.get(name, 'public')}")
        value = getattr(module, name)
        globals()[name] = value  # the next use finds it at once
        return value


def __dir__() -> list[str]:
    return [*__all__]
