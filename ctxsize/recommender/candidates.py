"""Turn matches into the lines of an ignore file that hide them and nothing else, and prove it.

The proof tries an ignore file in memory, by the code of `measure`. It passes if exactly the matched
paths disappear, and every path that a Dockerfile takes by name or by a pattern is still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cache, cached_property
from posixpath import basename, dirname, join, split

from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import Steps, order, step
from ctxsize.engine.plan import Plan, with_ignore_file
from ctxsize.engine.snapshot import Sent
from ctxsize.engine.trial import Attempt, Trial, with_lines
from ctxsize.errors import CtxsizeError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.go.wildcards import match as matches_wildcards
from ctxsize.knowledge.rules import EntryType, Rule
from ctxsize.recommender.build_files import Named, exceptions, may_name
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.outcome import Match, Matches, Suggestion, Suggestions
from ctxsize.recommender.spared import with_judgement
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import PathSet, fits, is_at_or_below, is_below, outermost, sum_of
from ctxsize.values import Mutable

MANY = 4  # number of matches above which one pattern for all depths may replace their paths
_WORTH_AN_EXCEPTION = 1024 * 1024  # least number of bytes that a pattern with exceptions must hide
_PROVEN_PER_OTHER = 5  # proven directories for each unproven one that the same pattern hides


def suggestions(matches: Matches, facts: Facts) -> Iterator[Suggestion]:
    """Yield patterns that hide the matches: one suggestion per name, doubtful ones apart."""
    exceptional = [pattern.text for pattern in exceptions(facts.plan)]
    safe = {match.path for match in matches if not match.objections}
    groups = defaultdict(list)
    for match in matches:
        groups[match.find or match.path, bool(match.objections), match.is_settled].append(match)
    for group in groups.values():
        doubts = tuple(dict.fromkeys(doubt for match in group for doubt in match.objections))
        others = _harmless_others(group, facts, exceptional, safe)
        if others is not None:
            first = group[0]
            line = f"**/{first.find}{ending(first.rule, exceptional)}"
            yield Suggestion((*others, *group), (line,), doubts)
            continue
        lines_by_rule = defaultdict[str, dict[Match, str]](dict)
        for match in group:
            pattern = facts.pattern_of(match.path)
            if pattern:
                line = pattern + ending(match.rule, exceptional)
                lines_by_rule[match.rule.name][match] = line
        for lines in lines_by_rule.values():
            yield Suggestion(tuple(lines), tuple(lines.values()), doubts)


def around(matches: Matches, facts: Facts, needed: PathSet) -> Iterator[Suggestion]:
    """Yield patterns that hide large directories except for the parts that Dockerfiles name."""
    trap = "copied_by_name"
    for match in matches:
        rule = match.rule
        path = match.path
        if rule.kind is not EntryType.DIRECTORY:
            continue
        if rule.never or rule.contents or match.secret:
            continue
        if match.hard is None or match.hard.trap != trap:
            continue
        if path in needed:
            continue
        below = {needed_path for needed_path in needed if is_below(needed_path, {path})}
        keeps = tuple(sorted(outermost(below)))
        if facts.sums[path].minus(sum_of(facts.sums, keeps)).content_bytes < _WORTH_AN_EXCEPTION:
            continue
        if objections(facts, match, but=trap):
            continue
        first = facts.pattern_of(path)
        exceptional: list[str | None] = []
        for name in dict.fromkeys(named.path for named in facts.build_files.taking(path)):
            if has_wildcards(name):  # they mean the same in an ignore file
                exceptional.append(name)
            else:
                exceptional.append(facts.pattern_of(name))
        if first and all(exceptional):
            line = first + ending(rule, exceptions(facts.plan))
            yield Suggestion((match,), (line, *(f"!{text}" for text in exceptional)), keeps=keeps)


def ending(rule: Rule, exceptional: Collection[object]) -> str:
    """Return what a pattern for matches of a rule needs behind their name, `""` for nothing."""
    if rule.contents:
        return "/*"
    # After an exception, the bare name can leave files of a directory in the context.
    if exceptional and rule.kind is EntryType.DIRECTORY:
        return "/**"
    return ""


def has_exceptions(suggestion: Suggestion) -> bool:
    """Return True if its last line is an exception: such lines are written last."""
    return suggestion.patterns[-1].startswith("!")


def written(suggestions: Suggestions) -> list[str]:
    """Return the lines of suggestions in the order in which they are written."""
    in_order = sorted(suggestions, key=has_exceptions)
    return [line for suggestion in in_order for line in suggestion.patterns]


def spec_with(plan: Plan, suggestions: Suggestions) -> DockerIgnoreSpec:
    """Return the patterns of the ignore file with those of `suggestions` below them."""
    lines = written(suggestions)
    if not lines:
        return plan.spec
    return with_ignore_file(plan, with_lines(plan, lines)).spec


def _harmless_others(
    matches: Matches, facts: Facts, exceptional: Iterable[str], safe: PathSet
) -> Matches | None:
    """Return the few unproven paths that `**/name` hides too; None if it may hide too much."""
    rule = matches[0].rule
    find = matches[0].find
    if not find or find.startswith("/") or rule.contents:
        return None
    if len(matches) <= MANY and any(match.rule.anchored for match in matches):
        return None
    if any(named.goes_through(find) for named in facts.build_files.named):
        return None
    if any(may_name(text, find) for text in exceptional):
        return None
    is_spared = bool(matches[0].spared)
    proven = {match.path for match in matches}
    alike = (path for path in facts.called(basename(find)) if fits(find, path))
    paths = [path for path in alike if not is_at_or_below(path, proven)]
    if paths and rule.is_secret:
        return None
    is_told_by_name = rule.is_told_by_name and len(paths) <= MANY
    if len(paths) * _PROVEN_PER_OTHER > len(proven) and not is_told_by_name:
        return None
    share = f"{len(proven)} of {len(proven) + len(paths)} such paths are proven"
    others = []
    for path in paths:
        reason = _harmless(path, facts, safe)
        if is_told_by_name and facts.git.is_untracked(path):
            reason = reason or "git does not track it, and no source has such a name"
        if not reason:
            return None
        other = with_judgement(facts, Match(rule, find, path, f"{reason}, and {share}"))
        if other.objections or (is_spared and not other.spared):
            return None
        others.append(other)
    return others


def _harmless(path: str, facts: Facts, safe: PathSet) -> str:
    """Return why a path without proof may be hidden, as a clause; `""` if it may not."""
    if facts.git.ignores(path):
        return "git ignores it"
    for file in facts.tree.files_below(path):
        if file in facts.sums and not is_below(file, safe):
            return ""
    return "other suggestions ignore all that is in it"


class Proof(Mutable):
    """Prove suggestions by a trial of one context."""

    trial: Trial
    facts: Facts

    @cached_property
    def needed(self) -> frozenset[str]:
        """Return the entries that Dockerfiles take by name or by a pattern."""
        return frozenset(self.entries(self.facts.build_files.named, self.trial.before))

    def fault(self, suggestions: Suggestions, data: bytes | None = None) -> str:
        """Return why the lines, in `data` or appended, do not hide just their paths, or ""."""
        if data is None:
            lines = [line for suggestion in suggestions for line in suggestion.patterns]
            data = with_lines(self.trial.plan, lines)
        try:
            attempt = self.trial.attempt(data)
        except CtxsizeError as error:
            return f"the builder rejects the pattern: {error.message}"
        fault = _fault(attempt, suggestions)
        if fault:
            return fault
        for path in attempt.lost(self.needed):
            return f"{path}, which a Dockerfile takes, would disappear"
        for reference in self.facts.references:
            if reference.breaks(attempt.sent.__contains__):
                return f"{reference.at} would fail"
        return ""

    def judged(
        self, suggestions: Suggestions, steps: Steps | None
    ) -> Iterator[tuple[Suggestion, str]]:
        """Yield each with its fault, or "" if it passes the proof together with those before it."""
        if not suggestions:
            return
        proved = Suggestions()
        pending = [suggestions]
        while pending:
            group = pending.pop()
            together = [*proved, *group]
            fault = ""
            # If the outer ones pass, no line about a path below what they hide changes anything.
            outer = _outer(together)
            if outer is together or self.fault(outer):
                fault = self.fault(together)
            half = len(group) // 2
            if fault and half:
                step(steps, ", ".join(group[0].patterns))
                pending += [group[half:], group[:half]]
                continue
            if not fault:
                proved += group
            for suggestion in group:
                yield suggestion, fault

    def entries(self, names: Iterable[Named], sent: Sent) -> Iterator[str]:
        """Yield the entries that `names` take of those `sent`."""
        for named in names:
            paths: Iterable[str] = [named.path]
            if has_wildcards(named.path):
                paths = self._matching(named.path)
            yield from filter(sent.__contains__, paths)

    def _matching(self, pattern: str) -> Iterator[str]:
        """Yield the paths that a source with wildcards names."""
        directory, name = split(pattern)
        for folder in self.trial.snapshot.folders:
            if matches_wildcards(directory, folder.path):
                for entry in (*folder.entries, *folder.folders):
                    if matches_wildcards(name, entry):
                        yield folder.prefix + entry


def _outer(suggestions: Suggestions) -> Suggestions:
    """Return the suggestions without those that hide only paths below what others hide whole."""
    if any(suggestion.keeps or suggestion.rule.contents for suggestion in suggestions):
        return suggestions
    hidden = {path for suggestion in suggestions for path in suggestion.paths}
    outer = []
    for suggestion in suggestions:
        is_for_all_depths = suggestion.patterns[0].startswith("**/")
        if is_for_all_depths or not all(is_below(path, hidden) for path in suggestion.paths):
            outer.append(suggestion)
    if len(outer) == len(suggestions):
        return suggestions
    return outer


class _Intent:
    """The paths that suggestions are to hide, and those that have to stay."""

    def __init__(self, suggestions: Suggestions) -> None:
        self.hidden = set[str]()
        self.keeps = set[str]()
        contents = set[str]()
        for suggestion in suggestions:
            self.hidden.update(suggestion.paths)
            self.keeps.update(suggestion.keeps)
            if suggestion.rule.contents:
                contents.update(suggestion.paths)
        # A hidden directory itself may stay as an empty one; with `contents` it must stay.
        self.stays = contents | self.keeps
        self.hides_all_in = cache(self._hides_all_in)  # few directories have many paths

    def _hides_all_in(self, directory: str) -> bool:
        if is_at_or_below(directory, self.keeps):
            return False
        return is_at_or_below(directory, self.hidden)

    def disappearing(self, attempt: Attempt) -> Iterator[str]:
        """Yield what is no longer sent and should be."""
        changes = attempt.changes
        paths = [
            path for path in changes.hidden_directories if not self.hides_all_in(dirname(path))
        ]
        for directory, names in changes.hidden_names():
            if not self.hides_all_in(directory):
                paths += map(join(directory, "").__add__, names)
        for path in paths:
            if path not in self.hidden or is_at_or_below(dirname(path), self.keeps):
                yield path
        yield from attempt.lost([path for path in self.stays if path in attempt.before])

    def left(self, sent: Sent) -> Iterator[str]:
        """Yield what is still sent and should not be."""
        paths = {path for path in self.hidden if path in sent and path not in sent.directories}
        for directory, names in sent.names.items():
            if self.hides_all_in(directory):
                paths.update(f"{directory}/{name}" for name in names)
        yield from paths - self.stays


def _fault(attempt: Attempt, suggestions: Suggestions) -> str:
    """Return the first fault in the order of the builder, `""` if there is none."""
    intent = _Intent(suggestions)
    faults = {path: f"{path} would disappear" for path in intent.disappearing(attempt)}
    faults |= {path: f"{path} would still be sent" for path in intent.left(attempt.sent)}
    if faults:
        return faults[min(faults, key=order)]
    if attempt.emptied:
        return f"{attempt.emptied[0]} would be sent without its content"
    if attempt.shown:
        return f"{attempt.shown[0]} would be sent"
    return ""
