"""Suggest the directories that cannot be read: the build stops at them, so nothing needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.inspect import closed_in
from ctxsize.engine.narrow import is_entered
from ctxsize.engine.plan import with_ignore_file
from ctxsize.findings import Edit
from ctxsize.knowledge.rules import all_rules
from ctxsize.model import Amount, Problem
from ctxsize.recommender.candidates import spec_with
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.outcome import Blocked, Match, Objection, Suggestion, Suggestions
from ctxsize.recommender.traps import objections

_RULE = "any.unreadable"
_IS_ENTERED = "an exception with a wildcard makes the builder open every directory"


class Unreadable:
    """The directories of a context at which its builder stops."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._paths = closed_in(context.snapshot.problems)
        self.blocked: list[Blocked] = []
        """Those that no pattern helps, as far as `suggested` was asked."""

    def suggested(self, others: Suggestions) -> Suggestions:
        """Return a suggestion for each directory that the safe ones of `others` do not hide."""
        safe = [suggestion for suggestion in others if suggestion.safe]
        candidates = []
        for path in self._entered(spec_with(self._context.plan, safe)):
            candidate = self._candidate(path)
            if candidate is not None:
                candidates.append(candidate)
        entered = {*self._entered(spec_with(self._context.plan, [*safe, *candidates]))}
        suggested = []
        for suggestion, fault in self._context.proof.judged(candidates, None):
            if suggestion.paths[0] in entered:
                fault = _IS_ENTERED
            if fault:
                self._block(suggestion.matches[0], Objection("proof", fault))
            else:
                suggested.append(suggestion)
        return suggested

    def _entered(self, spec: DockerIgnoreSpec) -> Iterator[str]:
        """Yield the directories that the builder opens if the ignore file has these patterns."""
        for path in self._paths:
            if is_entered(spec, path):
                yield path

    def _candidate(self, path: str) -> Suggestion | None:
        """Return a suggestion; None if a build names the directory. Doubts are no objections."""
        rule = all_rules()[_RULE]
        evidence = self._context.evidence.shows(rule.marker, path) or ""
        mounted = self._context.evidence.mounted.get(path)
        if mounted:
            evidence += f"; {mounted}"
        match = Match(rule, "", path, evidence)
        facts = self._context.facts
        objection = replace(match, objections=tuple(objections(facts, match))).hard
        if objection is not None:
            self._block(match, objection)
            return None
        pattern = facts.pattern_of(path)
        if pattern is None:
            return None
        return Suggestion((match,), (pattern,), hazard=rule.why)

    def _block(self, match: Match, objection: Objection) -> None:
        self.blocked.append(
            Blocked(
                match.rule.name,
                match.path,
                *objection,
                evidence=match.evidence,
                size=Amount(),
            )
        )

    def left(self, edit: Edit | None) -> Iterator[Problem]:
        """Yield the problems of the walk, without those of directories that an edit hides."""
        plan = self._context.plan
        spec = plan.spec
        if edit is not None:
            spec = with_ignore_file(plan, edit.after).spec
        hidden = {*self._paths}.difference(self._entered(spec))
        for problem in self._context.snapshot.problems:
            if problem.path not in hidden:
                yield problem
