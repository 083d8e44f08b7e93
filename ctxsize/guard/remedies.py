"""Remedies for a refused context: the suggestions, which builds of an ignore file share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ctxsize.config import Config
from ctxsize.engine.events import Progress
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.errors import CtxsizeError
from ctxsize.guard import TOO_LARGE, ContextCheck, Limit, Remedy, in_unit
from ctxsize.model import Amount
from ctxsize.recommender.snapshots import Snapshots
from ctxsize.recommender.tree import is_below
from ctxsize.units import human


class Remedies:
    """Computes remedies; each context is read once, and each ignore file judged once."""

    def __init__(self, config: Config, progress: Progress | None) -> None:
        self._snapshots = Snapshots(progress, Repositories(config.directory))

    def added_to(self, judged: ContextCheck, plan: Plan) -> ContextCheck:
        """Return a check with what `suggest --write` would save and what a person may decide."""
        missed = [limit for limit in judged.missed if not limit.is_floor]
        try:
            snapshot = self._snapshots.of(plan)
            advice = self._snapshots.advice(snapshot)
            saved = self._saved(snapshot, missed[0].of)
        except CtxsizeError:
            return judged  # what cannot be read is a problem of the report
        known = {blocked.path for blocked in advice.blocked}  # a build needs them, or may do so
        for suggestion in advice.suggestions:
            if suggestion.chosen:
                known.update(suggestion.paths)
        left = [part.name for part in judged.culprits if not is_below(f"{part.name}/", known)]
        judged = replace(judged, doubtful=self._snapshots.doubtful(snapshot, left))
        savings = {limit: in_unit(limit.unit, saved) for limit in missed}
        if max(savings.values()) <= 0:
            return judged
        helps = dict.fromkeys(TOO_LARGE, _offer(savings, saved))
        return replace(
            judged,
            remedy=Remedy(
                saves=saved,
                enough=all(limit.over <= saving for limit, saving in savings.items()),
                of=missed[0].of,
                ignore_file=advice.ignore_file,
                is_link=advice.is_link,
            ),
            findings=tuple(
                replace(finding, help=helps.get(finding.code, finding.help))
                for finding in judged.findings
            ),
        )

    def _saved(self, snapshot: Snapshot, of: str) -> Amount:
        """Return what the safe suggestions save of a context, or of what its build sends."""
        includes: Sequence[Include] = [None]
        if of == "transfer":
            includes = includes_of(snapshot.plan)
        return self._snapshots.saving(snapshot, includes)


def _offer(savings: Mapping[Limit, int], saved: Amount) -> str:
    """Return the command that saves something, and how much of what is too much, if not all."""
    command = "ctxsize suggest --write saves"
    for limit, saving in savings.items():
        if saving < limit.over:
            part = f"{saving:,}"
            if limit.unit == "bytes":
                part = human(saving)
            return f"{command} {part} of the {limit.shown(limit.over)} over the budget"
    return f"{command} {human(saved.content_bytes)}, which is enough"
