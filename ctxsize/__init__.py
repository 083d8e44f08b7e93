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

_NAMES = {
    "advice": "DockerfileAdvice",
    "api": (
        "advise affected clean_apply clean_plan discover explain glance lint load_config ls "
        "measure plan_ignore_file scan suggest suggest_all"
    ),
    "build": "Build Options StrPath",
    "clean": "CleanCandidate CleanObjection CleanPlan DiskSize Inventory Part Passed Result",
    "clean.proofs": "ArtefactKind CleanCategory Telltale",
    "config": "Budget BudgetedBuild Config Suppression",
    "dockerfile.sources": "Source UnknownName",
    "engine.builders": "BUILDERS Builder",
    "engine.evaluate": "DockerIgnoreSpec",
    "engine.events": "Progress Steps",
    "engine.explanation": "Check Explanation Level NearMiss Outcome Taker",
    "engine.filesystem": "File MemoryDirectory",
    "engine.ignorefile": "IgnoreFile",
    "engine.patterns": "DockerIgnorePattern",
    "engine.plan": "ParsedDockerfile ParsedDockerfiles Plan",
    "engine.report": "Listing",
    "engine.snapshot": "Snapshot",
    "errors": (
        "BuildFailsError BuildFailsErrors CtxsizeError DockerfileError IgnoreFileError InputError "
        "InputErrors UndecidedError UnknownPatternError"
    ),
    "findings": "Changes Confidence Edit Finding Fix Location Paths Severity",
    "guard": "Accepted CheckReport ContextCheck Limit Remedy Unchecked",
    "guard.accepting": "FindingChoice",
    "guard.baseline": "Known SizeChange SizeChanges",
    "guard.checking": "check",
    "guard.differences": "diff diff_checkout diff_commits",
    "guard.comparison": "ContextChange Culprit DiffReport Saved Side",
    "history.affected": "Affected Because BuildChange",
    "history.digest": "BuildDigest Digests digest digests",
    "history.growth": "CommitSize GrownPart GrowthLog log",
    "knowledge.rules": "Category EntryType Foresight Marker Rule",
    "lints": "Linted LintedFile",
    "model": (
        "Amount Difference Directory Effect Entry IgnoreFileInfo Ignored Kind Measurement "
        "NamedContext Pattern Problem Report Share SourceShare Totals Transfer "
        "Verdict"
    ),
    "planning": "plan_for",
    "recommender.outcome": (
        "Advice Blocked Glance IgnoreFileChange IgnoreFilePlan Match Neighbour Note Objection "
        "Question Size Suggestion"
    ),
    "repository": "Discovery",
    "repository.found_builds": "ComposeMount FileListing FoundBuild Place",
    "scanning": "Row Scan",
    "scanning.rows": "Proposal Proposals",
    "units": "Tolerance",
    "writer": "Addition",
}
"""The public names of each module."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

TYPE_CHECKING = False
if TYPE_CHECKING:
    __all__: list[str]
    from ctxsize.advice import DockerfileAdvice as DockerfileAdvice
    from ctxsize.api import (
        advise as advise,
        affected as affected,
        clean_apply as clean_apply,
        clean_plan as clean_plan,
        discover as discover,
        explain as explain,
        glance as glance,
        lint as lint,
        load_config as load_config,
        ls as ls,
        measure as measure,
        plan_ignore_file as plan_ignore_file,
        scan as scan,
        suggest as suggest,
        suggest_all as suggest_all,
    )
    from ctxsize.build import Build as Build, Options as Options, StrPath as StrPath
    from ctxsize.clean import (
        CleanCandidate as CleanCandidate,
        CleanObjection as CleanObjection,
        CleanPlan as CleanPlan,
        DiskSize as DiskSize,
        Inventory as Inventory,
        Part as Part,
        Passed as Passed,
        Result as Result,
    )
    from ctxsize.clean.proofs import (
        ArtefactKind as ArtefactKind,
        CleanCategory as CleanCategory,
        Telltale as Telltale,
    )
    from ctxsize.config import (
        Budget as Budget,
        BudgetedBuild as BudgetedBuild,
        Config as Config,
        Suppression as Suppression,
    )
    from ctxsize.dockerfile.sources import Source as Source, UnknownName as UnknownName
    from ctxsize.engine.builders import BUILDERS as BUILDERS, Builder as Builder
    from ctxsize.engine.evaluate import DockerIgnoreSpec as DockerIgnoreSpec
    from ctxsize.engine.events import Progress as Progress, Steps as Steps
    from ctxsize.engine.explanation import (
        Check as Check,
        Explanation as Explanation,
        Level as Level,
        NearMiss as NearMiss,
        Outcome as Outcome,
        Taker as Taker,
    )
    from ctxsize.engine.filesystem import File as File, MemoryDirectory as MemoryDirectory
    from ctxsize.engine.ignorefile import IgnoreFile as IgnoreFile
    from ctxsize.engine.patterns import DockerIgnorePattern as DockerIgnorePattern
    from ctxsize.engine.plan import (
        ParsedDockerfile as ParsedDockerfile,
        ParsedDockerfiles as ParsedDockerfiles,
        Plan as Plan,
    )
    from ctxsize.engine.report import Listing as Listing
    from ctxsize.engine.snapshot import Snapshot as Snapshot
    from ctxsize.errors import (
        BuildFailsError as BuildFailsError,
        BuildFailsErrors as BuildFailsErrors,
        CtxsizeError as CtxsizeError,
        DockerfileError as DockerfileError,
        IgnoreFileError as IgnoreFileError,
        InputError as InputError,
        InputErrors as InputErrors,
        UndecidedError as UndecidedError,
        UnknownPatternError as UnknownPatternError,
    )
    from ctxsize.findings import (
        Changes as Changes,
        Confidence as Confidence,
        Edit as Edit,
        Finding as Finding,
        Fix as Fix,
        Location as Location,
        Paths as Paths,
        Severity as Severity,
    )
    from ctxsize.guard import (
        Accepted as Accepted,
        CheckReport as CheckReport,
        ContextCheck as ContextCheck,
        Limit as Limit,
        Remedy as Remedy,
        Unchecked as Unchecked,
    )
    from ctxsize.guard.accepting import FindingChoice as FindingChoice
    from ctxsize.guard.baseline import (
        Known as Known,
        SizeChange as SizeChange,
        SizeChanges as SizeChanges,
    )
    from ctxsize.guard.checking import check as check
    from ctxsize.guard.differences import (
        diff as diff,
        diff_checkout as diff_checkout,
        diff_commits as diff_commits,
    )
    from ctxsize.guard.comparison import (
        ContextChange as ContextChange,
        Culprit as Culprit,
        DiffReport as DiffReport,
        Saved as Saved,
        Side as Side,
    )
    from ctxsize.history.digest import (
        BuildDigest as BuildDigest,
        Digests as Digests,
        digest as digest,
        digests as digests,
    )
    from ctxsize.history.affected import (
        Affected as Affected,
        Because as Because,
        BuildChange as BuildChange,
    )
    from ctxsize.history.growth import (
        CommitSize as CommitSize,
        GrownPart as GrownPart,
        GrowthLog as GrowthLog,
        log as log,
    )
    from ctxsize.knowledge.rules import (
        Category as Category,
        EntryType as EntryType,
        Foresight as Foresight,
        Marker as Marker,
        Rule as Rule,
    )
    from ctxsize.lints import Linted as Linted, LintedFile as LintedFile
    from ctxsize.model import (
        Amount as Amount,
        Difference as Difference,
        Directory as Directory,
        Effect as Effect,
        Entry as Entry,
        IgnoreFileInfo as IgnoreFileInfo,
        Ignored as Ignored,
        Kind as Kind,
        Measurement as Measurement,
        NamedContext as NamedContext,
        Pattern as Pattern,
        Problem as Problem,
        Report as Report,
        Share as Share,
        SourceShare as SourceShare,
        Totals as Totals,
        Transfer as Transfer,
        Verdict as Verdict,
    )
    from ctxsize.planning import plan_for as plan_for
    from ctxsize.recommender.outcome import (
        Advice as Advice,
        Blocked as Blocked,
        Glance as Glance,
        IgnoreFileChange as IgnoreFileChange,
        IgnoreFilePlan as IgnoreFilePlan,
        Match as Match,
        Neighbour as Neighbour,
        Note as Note,
        Objection as Objection,
        Question as Question,
        Size as Size,
        Suggestion as Suggestion,
    )
    from ctxsize.repository import Discovery as Discovery
    from ctxsize.repository.found_builds import (
        ComposeMount as ComposeMount,
        FileListing as FileListing,
        FoundBuild as FoundBuild,
        Place as Place,
    )
    from ctxsize.scanning import Row as Row, Scan as Scan
    from ctxsize.scanning.rows import Proposal as Proposal, Proposals as Proposals
    from ctxsize.units import Tolerance as Tolerance
    from ctxsize.writer import Addition as Addition
else:
    __all__ = sorted([*_MODULES, "__version__"])

    def __getattr__(name: str) -> object:
        # `from ctxsize import api` comes here too, before it imports the module.
        if name not in _MODULES:
            raise AttributeError(f"module 'ctxsize' has no attribute {name!r}")
        _refuse_windows()
        from importlib import import_module

        public = getattr(import_module(f"ctxsize.{_MODULES[name]}"), name)
        globals()[name] = public  # the next use finds it at once
        return public


def __dir__() -> list[str]:
    return [*__all__]
