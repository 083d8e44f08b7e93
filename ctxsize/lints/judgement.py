"""The judgement of `suggest` on the paths of a context, so that no lint has another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from posixpath import dirname

from ctxsize.engine.evaluate import DockerIgnoreSpec, up_to
from ctxsize.engine.plan import Plan, with_ignore_file
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import mark_of
from ctxsize.errors import CtxsizeError
from ctxsize.model import Texts
from ctxsize.recommender.outcome import Suggestion, Suggestions
from ctxsize.values import Mutable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.recommender.advisor import Advisor

_OF_LINES = ("proof", "author_exception")
"""Traps for the line that `suggest` would add: each fix has a trial of its own."""


class Judgement(Mutable):
    """The opinion of `suggest` on the context of `plans` with the lines `data`."""

    snapshot: Snapshot
    plans: Sequence[Plan]
    data: bytes

    @cached_property
    def _advisor(self) -> Advisor | None:
        """Return what judges for `suggest`; None if the Dockerfile or the lines cannot be read."""
        from ctxsize.recommender.advisor import Advisor  # few files need it

        with suppress(CtxsizeError):
            snapshot = self.snapshot.asked(with_ignore_file(self.snapshot.plan, self.data))
            advisor = Advisor(snapshot, also=[plan.build for plan in self.plans[1:]])
            _ = advisor.judged
            return advisor
        return None

    @cached_property
    def unneeded(self) -> Suggestions:
        if self._advisor is None:
            return []
        return self._advisor.unneeded

    @cached_property
    def _by_path(self) -> dict[str, Suggestion]:
        """Return the suggestions by the paths that they hide."""
        return {path: suggestion for suggestion in self.unneeded for path in suggestion.paths}

    @cached_property
    def _blocked(self) -> dict[str, str]:
        """Return the grounds for which it hides other paths not at all."""
        if self._advisor is None:
            return {}
        blocked = self._advisor.judged.blocked
        return {match.path: match.reason for match in blocked if match.trap not in _OF_LINES}

    def of(self, path: str) -> Suggestion | None:
        """Return the suggestion that hides `path`, or a directory above it."""
        for above in up_to(path):
            if above in self._by_path:
                return self._by_path[above]
        return None

    def is_safe(self, path: str) -> bool:
        """Return whether `suggest` calls it safe to hide `path`.

        A line for all depths may hide it, although a directory above is doubted as a whole.
        """
        suggestion = self.of(path)
        if suggestion is not None and suggestion.safe:
            return True
        return mark_of(self._safe_patterns, path).ignored

    def doubts(self, paths: Iterable[str]) -> Texts:
        """Return the grounds for which it does not call it safe to hide `paths`."""
        doubts = dict[str, None]()
        for path in paths:
            if self.is_safe(path):
                continue
            suggestion = self.of(path)
            if suggestion is not None:
                doubts |= dict.fromkeys(suggestion.doubts)
            elif path in self._blocked:
                doubts[self._blocked[path]] = None
        return tuple(doubts)

    def covers(self, path: str) -> bool:
        """Return whether safe suggestions ignore the directory of `path`, there or not."""
        return mark_of(self._safe_patterns, dirname(path)).ignored

    @cached_property
    def _safe_patterns(self) -> DockerIgnoreSpec:
        safe = (suggestion for suggestion in self.unneeded if suggestion.safe)
        lines = [line for suggestion in safe for line in suggestion.patterns]
        return self.snapshot.plan.builder.spec_class.from_lines(lines)
