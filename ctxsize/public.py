"""The public names of the package, imported from their modules."""

from __future__ import annotations

from ctxsize.api import advise as advise, clean_apply as clean_apply, clean_plan as clean_plan
from ctxsize.api import discover as discover, explain as explain, lint as lint, ls as ls
from ctxsize.api import measure as measure, plan_ignore_file as plan_ignore_file
from ctxsize.api import request_for as request_for, scan as scan, suggest as suggest
from ctxsize.build import Build as Build
from ctxsize.checking import check as check, diff as diff, diff_checkout as diff_checkout
from ctxsize.engine.builders import BUILDERS as BUILDERS, Builder as Builder
from ctxsize.engine.report import Listing as Listing
from ctxsize.engine.patterns import DockerIgnorePattern as DockerIgnorePattern
from ctxsize.engine.evaluate import DockerIgnoreSpec as DockerIgnoreSpec
from ctxsize.engine.request import Request as Request
from ctxsize.errors import BuildFailsError as BuildFailsError, CtxsizeError as CtxsizeError
from ctxsize.errors import DockerfileError as DockerfileError, IgnoreFileError as IgnoreFileError
from ctxsize.errors import InputError as InputError
from ctxsize.engine.trace import Check as Check, Explanation as Explanation, Level as Level
from ctxsize.engine.trace import NearMiss as NearMiss, Outcome as Outcome
from ctxsize.model import Directory as Directory, Effect as Effect, Entry as Entry
from ctxsize.model import Ignored as Ignored, IgnoreFileInfo as IgnoreFileInfo, Kind as Kind
from ctxsize.model import Measurement as Measurement, NamedContext as NamedContext
from ctxsize.model import Pattern as Pattern, Problem as Problem, Report as Report, Share as Share
from ctxsize.model import SourceShare as SourceShare, Totals as Totals, Transfer as Transfer
from ctxsize.model import Verdict as Verdict
