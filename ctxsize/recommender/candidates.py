"""Turn matches into the lines of an ignore file that hide them and nothing else, and prove it.

The proof tries an ignore file in memory, by the code of `measure`. It passes if exactly the matched
paths disappear, and every path that a Dockerfile takes by name or by a pattern is still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, partial

from ctxsize.engine.events import Steps, order, step
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.snapshot import Sent
from ctxsize.engine.trial import Attempt, Trial, with_lines
from ctxsize.errors import CtxsizeError
from ctxsize.go import wildcards
from ctxsize.knowledge.rules import Category, EntryType, Rule
from ctxsize.recommender.build_files import Named, exceptions, may_name
from ctxsize.recommender.evidence import fits
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.outcome import Match, Suggestion
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import is_below, outermost, sum_of

_MANY = 4  # number of matches above which one pattern for all depths may replace their paths
_WORTH_AN_EXCEPTION = 1024 * 1024  # least number of bytes that a pattern with exceptions must hide
_PROVEN_PER_OTHER = 5  # proven directories for each unproven one that the same pattern hides


def suggestions(found: Collection[Match], facts: Facts) -> Iterator[Suggestion]:
    """Yield patterns that hide the matches: one suggestion per name, doubtful ones apart."""
    pattern_class = facts.plan.builder.spec_class.pattern_class
    exceptional = [each.text for each in exceptions(facts.plan)]
    safe = {match.path for match in found if not match.objections}
    groups = defaultdict[tuple[str, bool], list[Match]](list)
    for match in found:
        groups[match.find or match.path, bool(match.objections)].append(match)
    for matches in groups.values():
        doubts = tuple(dict.fromkeys(each for match in matches for each in match.objections))
        if (others := _harmless_others(matches, facts, exceptional, safe)) is not None:
            line = f"**/{matches[0].find}{_ending(matches[0].rule, exceptional)}"
            yield Suggestion((*others, *matches), (line,), doubts)
            continue
        lines = defaultdict[str, dict[Match, str]](dict)
        for match in matches:
            pattern = pattern_for(match.path, pattern_class=pattern_class)
            if pattern is not None:
                lines[match.rule.name][match] = pattern + _ending(match.rule, exceptional)
        for same in lines.values():
            yield Suggestion(tuple(same), tuple(same.values()), doubts)


def around(found: Iterable[Match], facts: Facts, needed: Collection[str]) -> Iterator[Suggestion]:
    """Yield patterns that hide large directories except for the parts that Dockerfiles name."""
    plan = facts.plan
    trap = "copied_by_name"
    pattern = partial(pattern_for, pattern_class=plan.builder.spec_class.pattern_class)
    for match in found:
        rule = match.rule
        path = match.path
        if rule.kind is not EntryType.DIRECTORY or rule.never or rule.contents or match.secret:
            continue
        if match.hard is None or match.hard.trap != trap or path in needed:
            continue
        keeps = tuple(sorted(outermost({each for each in needed if is_below(each, {path})})))
        rest = facts.sums[path].minus(sum_of(facts.sums, keeps))
        if rest.content_bytes < _WORTH_AN_EXCEPTION or objections(facts, match, but=trap):
            continue
        # The wildcards of COPY mean the same in an ignore file.
        names = dict.fromkeys(each.path for each in facts.build_files.taking(path))
        others = [e if wildcards.has_wildcards(e) else pattern(e) for e in names]
        first = pattern(path)
        if first and all(others):
            lines = (first + _ending(rule, exceptions(plan)), *(f"!{each}" for each in others))
            yield Suggestion((match,), lines, keeps=keeps)


def _ending(rule: Rule, exceptional: Collection[object]) -> str:
    if rule.contents:
        return "/*"
    # After an exception, the bare name can leave files of a directory in the context.
    if exceptional and rule.kind is EntryType.DIRECTORY:
        return "/**"
    return ""


def _harmless_others(
    matches: list[Match], facts: Facts, exceptional: Iterable[str], safe: Collection[str]
) -> list[Match] | None:
    """Return the few unproven paths that `**/name` hides too; None if it may hide too much."""
    rule = matches[0].rule
    find = matches[0].find
    anchored = any(match.rule.anchored for match in matches) and len(matches) <= _MANY
    if not find or find.startswith("/") or rule.contents or anchored:
        return None
    if any(named.goes_through(find) for named in facts.build_files.named):
        return None
    if any(may_name(text, find) for text in exceptional):
        return None
    proven = {match.path for match in matches}
    alike = (path for path in facts.called(find.rpartition("/")[2]) if fits(find, path))
    paths = [path for path in alike if path not in proven and not is_below(path, proven)]
    if len(paths) * _PROVEN_PER_OTHER > len(proven) or (paths and rule.category is Category.SECRET):
        return None
    share = f"{len(proven)} of {len(proven) + len(paths)} such paths are proven"
    others = []
    for path in paths:
        below = (each for each, _ in facts.evidence.tree.files_below(path) if each in facts.sums)
        if facts.evidence.git.ignores(path):
            reason = "git ignores it"
        else:
            reason = ""
        if not reason and all(is_below(each, safe) for each in below):
            reason = "other suggestions ignore all that is in it"
        others.append(Match(rule, find, path, f"{reason}, and {share}"))
        if not reason or objections(facts, others[-1]):
            return None
    return others


class Proof:
    """Prove suggestions by a trial of one context."""

    def __init__(self, trial: Trial, facts: Facts) -> None:
        self._trial, self._facts, named = trial, facts, facts.build_files.named
        self.needed = frozenset(self.entries(named, trial.before))  # of a Dockerfile

    def fault(self, made: Sequence[Suggestion], data: bytes | None = None) -> str:
        """Return why the lines, in `data` or appended, do not hide just their paths, or ""."""
        if data is None:
            lines = [line for each in made for line in each.patterns]
            data = with_lines(self._trial.plan, lines)
        try:
            attempt = self._trial.attempt(data)
        except CtxsizeError as error:
            return f"the builder rejects the pattern: {error.message}"
        lost = attempt.lost(self.needed)
        if lost:
            taken = f"{lost[0]}, which a Dockerfile takes, would disappear"
        else:
            taken = ""
        broken = (each for each in self._facts.references if each.breaks(attempt.sent.__contains__))
        return _fault(attempt, made) or taken or next((f"{e.at} would fail" for e in broken), "")

    def holding(
        self, made: list[Suggestion], steps: Steps | None, before: Sequence[Suggestion] = ()
    ) -> tuple[list[Suggestion], list[tuple[Suggestion, str]]]:
        """Return what passes the proof together with `before`, and the others with their faults."""
        if made:
            fault = self.fault([*before, *made])
        else:
            fault = ""
        if not fault:
            return made, []
        if len(made) == 1:
            return [], [(made[0], fault)]
        step(steps, ", ".join(made[0].patterns))
        half = len(made) // 2
        first, failed = self.holding(made[:half], steps, before)
        second, more = self.holding(made[half:], steps, [*before, *first])
        return [*first, *second], [*failed, *more]

    def entries(self, names: Iterable[Named], sent: Sent) -> Iterator[str]:
        """Yield the entries that `names` take of those `sent`."""
        for named in names:
            paths = {named.path}
            (above, _, last) = named.path.rpartition("/")
            if any(map(wildcards.has_wildcards, named.parts)):
                folders = (
                    e for e in self._trial.snapshot.folders if wildcards.match(above, e.path)
                )
                held = ((each, name) for each in folders for name in (*each.entries, *each.folders))
                paths = {each.prefix + name for each, name in held if wildcards.match(last, name)}
            yield from (path for path in paths if path in sent)


def _fault(attempt: Attempt, made: Iterable[Suggestion]) -> str:
    """Return the first fault in the order of the builder, `""` if there is none."""
    # A hidden directory itself may stay as an empty one; with `contents` it must stay.
    hidden = {path for each in made for path in each.paths}
    kept = {path for each in made for path in each.keeps}
    stays = {path for each in made if each.rule.contents for path in each.paths} | kept
    # Few directories have many paths.
    in_hidden = cache(lambda directory: directory in hidden or is_below(directory, hidden))
    in_kept = cache(lambda directory: directory in kept or is_below(directory, kept))
    changes = attempt.changes
    sent = attempt.sent
    faults = dict[str, str]()
    for path in changes.hidden:
        at = path.rpartition("/")[0]
        is_hidden = path in hidden or in_hidden(at)
        if not is_hidden or path in stays or (kept and in_kept(at)):
            faults[path] = f"{path} would disappear"
    left = [path for path in hidden - stays if path in sent and path not in sent.directories]
    within = (at for at in sent.names if in_hidden(at) and not in_kept(at))
    left += (f"{at}/{name}" for at in within for name in sent.names[at])
    faults |= {path: f"{path} would still be sent" for path in left if path not in stays}
    if faults:
        return faults[min(faults, key=order)]
    if attempt.emptied:
        return f"{attempt.emptied[0]} would be sent without its content"
    if changes.shown:
        return f"{min(changes.shown, key=order)} would be sent"
    return ""
