"""The public names of the package, imported from their modules."""

from __future__ import annotations

from ctxsize.api import (
    advise as advise,
    clean_apply as clean_apply,
    clean_plan as clean_plan,
    discover as discover,
    explain as explain,
    lint as lint,
    ls as ls,
    measure as measure,
    plan_ignore_file as plan_ignore_file,
    request_for as request_for,
    scan as scan,
    suggest as suggest,
)
from ctxsize.build import Build as Build
from ctxsize.checking import check as check, diff as diff
from ctxsize.engine.builders import BUILDERS as BUILDERS, Builder as Builder
from ctxsize.engine.report import Listing as Listing
from ctxsize.engine.patterns import DockerIgnorePattern as DockerIgnorePattern
from ctxsize.engine.evaluate import DockerIgnoreSpec as DockerIgnoreSpec
from ctxsize.engine.request import Request as Request
from ctxsize.errors import (
    BuildFailsError as BuildFailsError,
    CtxsizeError as CtxsizeError,
    DockerfileError as DockerfileError,
    IgnoreFileError as IgnoreFileError,
    InputError as InputError,
)
from ctxsize.engine.trace import (
    Check as Check,
    Explanation as Explanation,
    Level as Level,
    NearMiss as NearMiss,
    Outcome as Outcome,
)
from ctxsize.model import (
    Directory as Directory,
    Effect as Effect,
    Entry as Entry,
    Ignored as Ignored,
    IgnoreFileInfo as IgnoreFileInfo,
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
