"""What must not go by the knowledge of ecosystems, whichever mode would hide it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.knowledge.load import RULES
from ctxsize.recommender.matches import Finder, collect
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import sums_of

_READ = "env_at_build"
"""The trap of what a bundler reads."""


def forbidden(draft: Draft, traps: Collection[str] = ()) -> dict[str, str]:
    """The paths of what has to stay, each with the reason; only for these `traps` if there are any.

    What a person may overrule does not count, except that a bundler reads the file: the build
    succeeds without it and makes another image.
    """
    evidence = Evidence(draft.tree, draft.git, draft.recipes.own_files)
    sums = sums_of(draft.before, draft.tree)
    judge = partial(objections, Facts(evidence, draft.recipes, sums))
    found = {}
    collected = collect(evidence, Finder(RULES), sums, judge)
    for match, said in (*collected.blocked, *collected.matches):
        hard = [each for each in said if not each.soft or each.trap == _READ]
        blocked = match.rule.never or any(not each.soft for each in hard)
        if any(each.trap in (*traps, _READ) for each in hard) or (blocked and not traps):
            found[match.path] = next((each.reason for each in hard), match.rule.why)
    return found
