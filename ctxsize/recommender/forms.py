"""Matches into the lines of an ignore file that hide them and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.listing import order
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.quoting import pattern_for
from ctxsize.recommender.exceptions import may_name
from ctxsize.recommender.matches import Match, Objection, fits
from ctxsize.recommender.recipes import Named, Recipes
from ctxsize.recommender.rules import Form, Kind, Rule
from ctxsize.recommender.tree import is_below, is_glob, like

_MANY = 4
_PROVEN_PER_OTHER = 5
"""Number of proven places for each one that is hidden along with them."""


@dataclass(frozen=True)
class Candidate:
    """Matches of one rule, and the lines that would hide them."""

    rule: Rule
    matches: tuple[Match, ...]
    lines: tuple[str, ...]
    objections: tuple[Objection, ...] = ()
    """What a person may overrule; none for a safe candidate."""
    keeps: tuple[str, ...] = ()
    """What stays of it, because a Dockerfile takes it by name."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the matches are."""
        return tuple(match.path for match in self.matches)


class Forms:
    """Writes patterns for one ignore file."""

    def __init__(
        self,
        by_name: Mapping[str, Iterable[str]],
        recipes: Recipes,
        *,
        pattern_class: type[DockerIgnorePattern],
        exceptions: Collection[str],
        harmless: Callable[[Match], str | None],
    ) -> None:
        self._by_name = by_name
        self._recipes = recipes
        self._pattern_class = pattern_class
        self._exceptions = exceptions
        self._harmless = harmless
        self._after_exceptions = bool(exceptions)

    def candidates(self, found: Iterable[tuple[Match, list[Objection]]]) -> list[Candidate]:
        """The matches as candidates: those of one name together, doubtful ones apart."""
        groups: dict[tuple[str, bool], list[tuple[Match, list[Objection]]]] = {}
        for match, objections in found:
            name = match.find or match.path
            groups.setdefault((name, bool(objections)), []).append((match, objections))
        candidates = []
        for group in groups.values():
            matches = [match for match, _ in group]
            candidates += self._of([*matches], [each for _, said in group for each in said])
        return candidates

    def around(
        self, match: Match, takers: Iterable[Named], keeps: Iterable[str]
    ) -> Candidate | None:
        """A directory without what is taken of it by name; None where that has no pattern."""
        patterns = [self._pattern(match.path), *(self._pattern(each.path) for each in takers)]
        first, *others = patterns
        if first is None or None in others:
            return None
        ending = "/**" if self._after_exceptions else ""
        lines = (first + ending, *(f"!{each}" for each in dict.fromkeys(others)))
        return Candidate(match.rule, (match,), lines, (), tuple(keeps))

    def _pattern(self, path: str) -> str | None:
        """The pattern of a path, or of a source: wildcards mean there what they mean here."""
        if any(map(has_wildcards, path.split("/"))):
            return path
        return pattern_for(path, pattern_class=self._pattern_class)

    def _of(self, matches: list[Match], objections: list[Objection]) -> list[Candidate]:
        said = tuple(dict.fromkeys(objections))
        rule = matches[0].rule
        if self._may_stand_anywhere(matches):
            others = self._harmless_others(matches)
            if others is not None:
                lines = (f"**/{matches[0].find}{self._ending(rule)}",)
                return [Candidate(rule, (*others, *matches), lines, said)]
        by_rule: dict[str, list[Match]] = {}
        for match in matches:
            by_rule.setdefault(match.rule.name, []).append(match)
        return [each for group in by_rule.values() for each in self._anchored(group, said)]

    def _anchored(self, matches: list[Match], said: tuple[Objection, ...]) -> list[Candidate]:
        """One candidate with a line for each path; nothing where a path has no pattern."""
        rule = matches[0].rule
        kept, lines = [], []
        for match in matches:
            pattern = pattern_for(match.path, pattern_class=self._pattern_class)
            if pattern is not None:
                kept.append(match)
                lines.append(pattern + self._ending(rule))
        return [Candidate(rule, tuple(kept), tuple(lines), said)] if kept else []

    def _ending(self, rule: Rule) -> str:
        if rule.contents:
            return "/*"
        # Behind an exception the bare name can leave files of a directory in the context.
        return "/**" if self._after_exceptions and rule.kind is Kind.DIRECTORY else ""

    def _may_stand_anywhere(self, matches: list[Match]) -> bool:
        """Return whether no build and no exception is about such a name elsewhere."""
        find = matches[0].find
        anywhere = all(match.rule.form is Form.ANYWHERE for match in matches)
        if not find or find.startswith("/") or not (anywhere or len(matches) > _MANY):
            return False
        if matches[0].rule.contents or any(
            named.goes_through(find) for named in self._recipes.named
        ):
            return False
        return not any(may_name(text, find) for text in self._exceptions)

    def _harmless_others(self, matches: list[Match]) -> list[Match] | None:
        """Return what `**/name` hides besides the matches; None if it must not.

        A few places that nothing proves are as good as the many that are proven, if nothing
        speaks against them either.
        """
        rule, find = matches[0].rule, matches[0].find
        proven = {match.path for match in matches}
        paths = [
            path
            for path in self._called(find.rpartition("/")[2])
            if fits(find, path) and path not in proven and not is_below(path, proven)
        ]
        if len(paths) * _PROVEN_PER_OTHER > len(proven) or (paths and len(proven) <= _MANY):
            return None
        others = []
        for path in sorted(paths, key=order):
            reason = self._harmless(Match(rule, find, path, ""))
            if reason is None:
                return None
            shown = f"{reason}, and {len(proven)} of {len(proven) + len(paths)} such are proven"
            others.append(Match(rule, find, path, shown))
        return others

    def _called(self, name: str) -> Iterable[str]:
        """The entries of the context whose own name is `name`, or like it if that is a glob."""
        if not is_glob(name):
            return self._by_name.get(name, ())
        names = (each for each in self._by_name if each and like(name, each))
        return (path for each in names for path in self._by_name[each])
