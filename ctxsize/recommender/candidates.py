"""Matches into the lines of an ignore file that hide them and nothing else, the best first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.listing import order
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.request import Request
from ctxsize.model import Amount
from ctxsize.recommender.build_files import Named
from ctxsize.recommender.exceptions import exceptions, may_name
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.matches import Match, Objection, fits
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.recommender.rules import SAFE_FROM, Category, EntryType, Form, Rule
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import Sums, is_below, is_glob, like, sum_of

_MANY = 4
_PROVEN_PER_OTHER = 5
"""Number of proven places for each one that is hidden along with them."""
FILE_IS_WORTH = 16 * 1024
"""Bytes that take as long as the look, the header and the hash that each file costs."""
_LEAST_BYTES = 256 * 1024
_LEAST_SHARE = 0.001
_OF_CONTEXT = 0.001
"""What a byte counts that stays in the context and does not travel to this builder."""

SumsOf = Mapping[str, Sums]
Found = tuple[Match, list[Objection]]


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
        """Return the paths of the matches."""
        return tuple(match.path for match in self.matches)

    @property
    def is_safe(self) -> bool:
        """Return whether `--write` adds it without being asked to."""
        secret = self.rule.category is Category.SECRET
        return not self.objections and (secret or self.rule.confidence >= SAFE_FROM)

    def suggestion(self, context: Sums, transfer: Sums | None) -> Suggestion:
        """Return it as a suggestion that saves so much of the context and of the transfer."""
        rule = self.rule
        doubts = tuple(dict.fromkeys(each.reason for each in self.objections))
        if not self.is_safe and not doubts:
            doubts = ("not every build can do without it",)
        return Suggestion(
            rule.name,
            rule.category.value,
            rule.category.heading,
            self.lines,
            self.paths,
            rule.why,
            rule.again,
            tuple(f"{match.path}: {match.evidence}" for match in self.matches),
            Size(Amount.of(context), None if transfer is None else Amount.of(transfer)),
            rule.confidence,
            self.is_safe,
            doubts,
            rule.volatile,
            self.keeps,
        )


class CandidateMaker:
    """Writes patterns for the ignore file of one request."""

    def __init__(self, facts: Facts, request: Request, safe: Collection[str]) -> None:
        """`safe` are the paths that go in any case."""
        self._facts = facts
        self._safe = safe
        self._pattern_class = request.builder.spec_class.pattern_class
        self._exceptions = [each.text for each in exceptions(request)]

    def candidates(self, found: Iterable[Found]) -> list[Candidate]:
        """Return the matches as candidates: those of one name together, doubtful ones apart."""
        groups: dict[tuple[str, bool], list[Found]] = {}
        for match, said in found:
            groups.setdefault((match.find or match.path, bool(said)), []).append((match, said))
        return [each for group in groups.values() for each in self._of(group)]

    def around(
        self, match: Match, takers: Iterable[Named], keeps: Iterable[str]
    ) -> Candidate | None:
        """Return a directory without what is taken of it by name; None if that has no pattern."""
        patterns = [self._pattern(match.path), *(self._pattern(each.path) for each in takers)]
        first, *others = patterns
        if first is None or None in others:
            return None
        ending = "/**" if self._exceptions else ""
        lines = (first + ending, *(f"!{each}" for each in dict.fromkeys(others)))
        return Candidate(match.rule, (match,), lines, (), tuple(keeps))

    def _pattern(self, path: str) -> str | None:
        """Return the pattern of a path, or of a source, whose wildcards mean the same here."""
        if any(map(has_wildcards, path.split("/"))):
            return path
        return pattern_for(path, pattern_class=self._pattern_class)

    def _of(self, group: list[Found]) -> list[Candidate]:
        said = tuple(dict.fromkeys(each for _, reasons in group for each in reasons))
        matches = [match for match, _ in group]
        rule = matches[0].rule
        if self._may_stand_anywhere(matches):
            others = self._harmless_others(matches)
            if others is not None:
                lines = (f"**/{matches[0].find}{self._ending(rule)}",)
                return [Candidate(rule, (*others, *matches), lines, said)]
        by_rule: dict[str, list[Match]] = {}
        for match in matches:
            by_rule.setdefault(match.rule.name, []).append(match)
        return [each for same in by_rule.values() for each in self._anchored(same, said)]

    def _anchored(self, matches: list[Match], said: tuple[Objection, ...]) -> list[Candidate]:
        """Return one candidate with a line for each path that has a pattern."""
        rule = matches[0].rule
        patterns = [pattern_for(each.path, pattern_class=self._pattern_class) for each in matches]
        kept = tuple(each for each, text in zip(matches, patterns, strict=True) if text is not None)
        lines = tuple(text + self._ending(rule) for text in patterns if text is not None)
        return [Candidate(rule, kept, lines, said)] if kept else []

    def _ending(self, rule: Rule) -> str:
        if rule.contents:
            return "/*"
        # Behind an exception the bare name can leave files of a directory in the context.
        return "/**" if self._exceptions and rule.kind is EntryType.DIRECTORY else ""

    def _may_stand_anywhere(self, matches: list[Match]) -> bool:
        """Return whether no build and no exception is about such a name elsewhere."""
        find = matches[0].find
        anywhere = all(match.rule.form is Form.ANYWHERE for match in matches)
        if not find or find.startswith("/") or not (anywhere or len(matches) > _MANY):
            return False
        if matches[0].rule.contents or any(
            named.goes_through(find) for named in self._facts.build_files.named
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
        """Return what is sent whose own name is `name`, or like it if that is a glob."""
        by_name = self._facts.by_name
        if not is_glob(name):
            return by_name.get(name, ())
        names = (each for each in by_name if each and like(name, each))
        return (path for each in names for path in by_name[each])

    def _harmless(self, match: Match) -> str | None:
        """Return why nothing is lost with what no marker proves, as a clause; None if it may be."""
        if match.rule.category is Category.SECRET or objections(self._facts, match):
            return None
        if self._facts.evidence.git.ignores(match.path):
            return "git ignores it"
        below = self._facts.sent_below(match.path)
        if all(is_below(each, self._safe) for each in below):
            return "nothing else is in it" if below else "nothing is in it"
        return None


class Ranked(NamedTuple):
    """A candidate, and what it saves beyond those before it."""

    candidate: Candidate
    context: Sums
    transfer: Sums


class CoveredPaths:
    """What is covered so far, as outermost paths."""

    def __init__(self) -> None:
        self._covered: set[str] = set()
        self._above: set[str] = set()
        """The directories that hold something covered."""

    def add(self, candidate: Candidate) -> None:
        """Count what `candidate` hides as covered."""
        self._covered.update(candidate.paths)
        for path in candidate.paths:
            at = path.rpartition("/")[0]
            while at and at not in self._above:
                self._above.add(at)
                at = at.rpartition("/")[0]

    def left(self, candidate: Candidate, sums: SumsOf) -> Sums:
        """Return how much of what `candidate` hides is not covered yet."""
        total = Sums()
        own = set(candidate.paths)
        for path in own:
            covered = path in self._covered or is_below(path, self._covered)
            if not covered and not is_below(path, own):
                total = total.plus(sums.get(path, Sums()).minus(self._below(path, sums)))
        return total.minus(sum_of(sums, candidate.keeps))

    def _below(self, path: str, sums: SumsOf) -> Sums:
        if path not in self._above:
            return Sums()
        inner = (each for each in self._covered if each.startswith(f"{path}/"))
        return sum_of(sums, (each for each in inner if not is_below(each, self._covered)))


def ranked(candidates: Iterable[Candidate], context: SumsOf, transfer: SumsOf) -> list[Ranked]:
    """Return the candidates that are worth a line: safe ones first, the largest first.

    Secrets and what changes by itself are worth a line whatever their size, the latter if it
    travels. The order is a greedy cover: fewest lines, most bytes.
    """
    found: list[Ranked] = []
    cover = CoveredPaths()

    def saving(each: Candidate) -> Ranked:
        left = cover.left(each, context)
        return Ranked(each, left, left if transfer is context else cover.left(each, transfer))

    pending = [*candidates]
    while pending:
        scored = [(each.candidate.is_safe, _value(each), each) for each in map(saving, pending)]
        *_, best = max(scored, key=lambda each: (*each[:2], *_names(each[2].candidate)))
        pending.remove(best.candidate)
        if best.context.entries and _is_worth_a_line(best, context.get("", Sums())):
            found.append(best)
            cover.add(best.candidate)
    return found


def _names(candidate: Candidate) -> tuple[str, tuple[str, ...]]:
    return candidate.rule.name, candidate.lines


def _value(saving: Ranked) -> float:
    travels = _weight(saving.transfer) + _OF_CONTEXT * _weight(saving.context)
    return saving.candidate.rule.confidence * travels


def _weight(sums: Sums) -> float:
    return sums.content_bytes + FILE_IS_WORTH * sums.entries


def _is_worth_a_line(saving: Ranked, whole: Sums) -> bool:
    rule = saving.candidate.rule
    if rule.category is Category.SECRET or (rule.volatile and saving.transfer.entries):
        return True
    return _weight(saving.context) >= max(_LEAST_BYTES, _LEAST_SHARE * whole.content_bytes)
