"""The contexts of several builds, read once, with and without the safe suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os.path import dirname, relpath
from typing import NamedTuple

from ctxsize.engine.events import Progress
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError
from ctxsize.model import Amount
from ctxsize.recommender import modes
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.outcome import Advice
from ctxsize.repository import FileListing


class _Proposal(NamedTuple):
    """The suggestions for an ignore file, and the context with those that are chosen."""

    advice: Advice
    improved: Snapshot


class Snapshots:
    """Snapshots of contexts, with and without the safe suggestions, which builds share."""

    def __init__(
        self,
        progress: Progress | None,
        repositories: Repositories,
        listing: FileListing | None = None,
        *,
        unsafe: bool = False,
    ) -> None:
        """Create it; `unsafe` chooses unsafe suggestions too."""
        self._progress = progress
        self._repositories = repositories
        self._listing = listing
        self._amounts: dict[tuple[object, ...], Amount] = {}
        self._roots: dict[int, MemoryDirectory] = {}
        self._taken: dict[str, Snapshot] = {}
        self._proposals: dict[object, _Proposal | CtxsizeError] = {}
        self._build_contexts: dict[object, BuildContext] = {}
        self._unsafe = unsafe

    def of(self, plan: Plan) -> Snapshot:
        """Return the context of `plan`. Raises the errors of `Snapshot.take`."""
        root = plan.root
        if root not in self._taken:
            snapshot = self._in_another(plan)
            if snapshot is None:
                snapshot = Snapshot.take(plan, progress=self._progress, tolerant=True)
            self._taken[root] = snapshot
        return self._taken[root].asked(plan)

    def _in_another(self, plan: Plan) -> Snapshot | None:
        """Return the context as a part of one that was read before; None if there is none."""
        above = plan.root
        while above != dirname(above):
            above = dirname(above)
            if above in self._taken:
                return self._taken[above].of_directory(relpath(plan.root, above), plan)
        return None

    def travelling(self, snapshot: Snapshot, includes: Iterable[Include]) -> Amount:
        """Return the amount that all transfers send; builds that ask for the same share it."""
        plan = snapshot.plan
        lines = tuple((pattern.text, pattern.include) for pattern in plan.spec.patterns)
        root = snapshot.root
        self._roots[id(root)] = root  # so that no other gets its identity
        sent_from = (id(root), plan.builder.name, lines)
        amounts = []
        for include in includes:
            key = (sent_from, include)
            if key not in self._amounts:
                self._amounts[key] = Amount.of(snapshot.sent(include=include))
            amounts.append(self._amounts[key])
        return Amount.of(*amounts)

    def saving(self, snapshot: Snapshot, includes: Sequence[Include]) -> Amount:
        """Return what the safe suggestions save of these transfers. Raises as `advice`."""
        improved = self._proposal(snapshot).improved
        return self.travelling(snapshot, includes) - self.travelling(improved, includes)

    def advice(self, snapshot: Snapshot) -> Advice:
        """Return the suggestions for a context. Raises the errors of `Advisor`."""
        return self._proposal(snapshot).advice

    def _proposal(self, snapshot: Snapshot) -> _Proposal:
        """Return the suggestions for an ignore file, which builds of a context share."""
        key = self._key(snapshot.plan)
        if key not in self._proposals:
            try:
                self._proposals[key] = self._proposed(snapshot)
            except CtxsizeError as error:
                self._proposals[key] = error
        proposal = self._proposals[key]
        if isinstance(proposal, CtxsizeError):
            raise proposal
        return proposal

    def _proposed(self, snapshot: Snapshot) -> _Proposal:
        advisor = self.advisor(snapshot)
        advice = advisor.advise(unsafe=self._unsafe)
        if advice.edit is None:
            return _Proposal(advice, snapshot)
        attempt = advisor.trial.attempt(advice.edit.after)
        return _Proposal(advice, advisor.trial.written(attempt))

    def doubtful(self, snapshot: Snapshot, paths: Iterable[str]) -> str | None:
        """Return the first of `paths` that a person may find needless; git tracks it last."""
        key = self._key(snapshot.plan)
        if key not in self._build_contexts:
            self._build_contexts[key] = BuildContext(
                snapshot, repositories=self._repositories, listing=self._listing
            )
        context = self._build_contexts[key]
        asked = [path for path in paths if context.may_be_needless(path.rstrip("/"))]
        return min(asked, key=lambda path: context.git.tracks(path.rstrip("/")), default=None)

    def advisor(self, snapshot: Snapshot) -> Advisor:
        """Return what computes the suggestions for a context."""
        return Advisor(snapshot, repositories=self._repositories, listing=self._listing)

    @staticmethod
    def _key(plan: Plan) -> tuple[object, ...]:
        """Return what two builds have in common if they get the same suggestions."""
        file = plan.ignore_file
        values = None
        if plan.dockerfile_in_context is None:
            values = plan.build.values
        return plan.root, file and file.path, plan.builder.name, values

    def like(self, snapshot: Snapshot, sibling: IgnoreFile) -> bytes | None:
        """Return the ignore file with the patterns of `sibling` that no build forbids.

        None if nothing changes. Raises `CtxsizeError`.
        """
        edit = modes.make(
            snapshot,
            "like",
            sibling=sibling,
            repositories=self._repositories,
            listing=self._listing,
        ).edit
        if edit is None:
            return None
        return edit.after
