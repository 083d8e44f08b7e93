"""Turn matches into the lines of an ignore file that hide them and nothing else, best first.

Large parts of the context that no rule explains become questions to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.request import Request
from ctxsize.engine.source import MemoryDirectory
from ctxsize.model import Amount
from ctxsize.recommender.evidence import Tracked
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.matches import Match, exceptions, fits, may_name
from ctxsize.recommender.outcome import Question, Size, Suggestion
from ctxsize.recommender.rules import Category, EntryType, Form, Rule, is_source
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import (
    Sums,
    SumsByPath,
    Tree,
    directories_above,
    is_below,
    outermost,
    sum_of,
)

_MANY = 4
"""Number of matches above which one pattern for all depths may replace their paths."""
_WORTH_AN_EXCEPTION = 1024 * 1024
"""Minimum number of bytes that a pattern with exceptions must hide."""
_PROVEN_PER_OTHER = 5
"""Number of proven directories for each unproven one that the same pattern hides."""
_FILE_IS_WORTH = 16 * 1024
"""Number of bytes that take as long to send as the overhead of one file."""
_LINE_BYTES, _LINE_SHARE = 256 * 1024, 0.001
"""Minimum size of a suggestion, in bytes and as a share of the context."""
_QUESTION_BYTES, _QUESTION_SHARE = 10 * 1024 * 1024, 0.02
"""Minimum size of a question, in bytes and as a share of the context."""
_IN_ITS_OWN = 0.8
"""Share of a directory above which the questions are about its large entries instead."""
_MOST_QUESTIONS = 10
_OF_CONTEXT = 0.001
"""Weight of a byte that stays in the context but is not sent to this builder."""

SumsOf = Mapping[str, Sums]


def suggestions(found: Collection[Match], facts: Facts, request: Request) -> Iterator[Suggestion]:
    """Yield patterns that hide the matches: one suggestion per name, doubtful ones apart."""
    pattern_class = request.builder.spec_class.pattern_class
    exceptional = [each.text for each in exceptions(request)]
    safe = {match.path for match in found if not match.objections}
    groups: dict[tuple[str, bool], list[Match]] = {}
    for match in found:
        groups.setdefault((match.find or match.path, bool(match.objections)), []).append(match)
    for matches in groups.values():
        doubts = tuple(dict.fromkeys(each for match in matches for each in match.objections))
        can = _may_stand_anywhere(matches, facts, exceptional)
        others = _harmless_others(matches, facts, safe) if can else None
        if others is not None:
            line = f"**/{matches[0].find}{_ending(matches[0].rule, exceptional)}"
            yield Suggestion((*others, *matches), (line,), doubts)
            continue
        lines: dict[str, dict[Match, str]] = {}
        for match in matches:
            pattern = pattern_for(match.path, pattern_class=pattern_class)
            if pattern is not None:
                line = pattern + _ending(match.rule, exceptional)
                lines.setdefault(match.rule.name, {})[match] = line
        for same in lines.values():
            yield Suggestion(tuple(same), tuple(same.values()), doubts)


def around(
    found: Iterable[Match], facts: Facts, request: Request, needed: Collection[str]
) -> Iterator[Suggestion]:
    """Yield patterns that hide large directories except for the parts that Dockerfiles name."""
    pattern = partial(pattern_for, pattern_class=request.builder.spec_class.pattern_class)
    trap = "copied_by_name"
    for match in found:
        rule, path = match.rule, match.path
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
        first, *others = pattern(path), *(e if has_wildcards(e) else pattern(e) for e in names)
        if first and all(others):
            lines = (first + _ending(rule, exceptions(request)), *(f"!{each}" for each in others))
            yield Suggestion((match,), lines, keeps=keeps)


def _ending(rule: Rule, exceptional: Collection[object]) -> str:
    if rule.contents:
        return "/*"
    # After an exception, the bare name can leave files of a directory in the context.
    return "/**" if exceptional and rule.kind is EntryType.DIRECTORY else ""


def _may_stand_anywhere(matches: list[Match], facts: Facts, exceptional: Iterable[str]) -> bool:
    """Return True if `**/name` hides the matches and nothing that builds name."""
    find, rule = matches[0].find, matches[0].rule
    anywhere = all(match.rule.form is Form.ANYWHERE for match in matches)
    if not find or find.startswith("/") or not (anywhere or len(matches) > _MANY):
        return False
    if rule.contents or any(named.goes_through(find) for named in facts.build_files.named):
        return False
    return not any(may_name(text, find) for text in exceptional)


def _harmless_others(
    matches: list[Match], facts: Facts, safe: Collection[str]
) -> list[Match] | None:
    """Return what `**/name` hides besides the matches; None if something may be needed.

    A few unproven paths count as proven if many others are and no trap objects to them.
    """
    rule, find = matches[0].rule, matches[0].find
    proven = {match.path for match in matches}
    alike = (path for path in facts.called(find.rpartition("/")[2]) if fits(find, path))
    paths = [path for path in alike if path not in proven and not is_below(path, proven)]
    if len(paths) * _PROVEN_PER_OTHER > len(proven) or (paths and rule.category is Category.SECRET):
        return None
    share = f"{len(proven)} of {len(proven) + len(paths)} such paths are proven"
    others = []
    for path in paths:
        below = (each for each, _ in facts.evidence.tree.files_below(path) if each in facts.sums)
        reason = "git ignores it" if facts.evidence.git.ignores(path) else ""
        if not reason and all(is_below(each, safe) for each in below):
            reason = "nothing of its own is in it"
        others.append(Match(rule, find, path, f"{reason}, and {share}"))
        if not reason or objections(facts, others[-1]):
            return None
    return others


def ranked(
    suggestions: Iterable[Suggestion], context: SumsOf, transfer: SumsOf, *, travels: bool = True
) -> list[Suggestion]:
    """Return the suggestions that are worth a line: safe ones first, then by size.

    Secrets of any size are worth a line, and so are volatile files that are transferred.
    The size of each suggestion excludes the paths of those before it. `travels` is False if the
    transfer is unknown.
    """

    def value(each: Suggestion) -> tuple[bool, float, str, tuple[str, ...]]:
        moved, left = sum_of(transfer, each.paths), sum_of(context, each.paths)
        value = each.rule.confidence * (_weight(moved) + _OF_CONTEXT * _weight(left))
        return each.safe, value, each.rule.name, each.patterns

    found: list[Suggestion] = []
    covered, above = set[str](), set[str]()
    least = max(_LINE_BYTES, _LINE_SHARE * context.get("", Sums()).content_bytes)
    for each in sorted(suggestions, key=value, reverse=True):
        own = outermost({*each.paths})
        new = {path for path in own if path not in covered and not is_below(path, covered)}
        inner = set() if above.isdisjoint(new) else {e for e in covered if is_below(e, new)}
        gone = outermost({*each.keeps, *inner})
        left, moved = (sum_of(e, new).minus(sum_of(e, gone)) for e in (context, transfer))
        urgent = each.rule.category is Category.SECRET or (each.rule.volatile and moved.entries)
        if left.entries and (urgent or _weight(left) >= least):
            size = Size(Amount.of(left), Amount.of(moved) if travels else None)
            found.append(replace(each, size=size))
            covered.update(each.paths)
            above.update(at for path in each.paths for at in directories_above(path))
    return found


def _weight(sums: Sums) -> float:
    return sums.content_bytes + _FILE_IS_WORTH * sums.entries


def questions(
    tree: Tree, tracked: Tracked, sums: SumsByPath, explained: Iterable[str]
) -> tuple[Question, ...]:
    """Return the largest directories and files that contain none of `explained`, largest first.

    If a few entries contain most of a directory, the questions are about these entries.
    """
    gone: dict[str, Sums] = {}
    for path in outermost({*explained}):
        for each in {"", path, *directories_above(path)}:
            gone[each] = gone.get(each, Sums()).plus(sums.get(path, Sums()))

    def left(path: str) -> Sums:
        return sums.get(path, Sums()).minus(gone.get(path, Sums()))

    least = max(_QUESTION_BYTES, int(_QUESTION_SHARE * sums.get("", Sums()).content_bytes))
    found = [
        Question(path, Amount.of(left(path)), _note(tracked, path))
        for path in _large(tree.root, left, least)
        if not _is_source(tree, path, sums)
    ]
    found.sort(key=lambda each: (-each.size.content_bytes, each.path))
    return tuple(found[:_MOST_QUESTIONS])


def _large(held: MemoryDirectory, left: Callable[[str], Sums], least: int) -> Iterator[str]:
    """Yield the paths to ask about at or below `held`."""
    sizes = {
        name: left(held.prefix + name).content_bytes for name in (*held.folders, *held.entries)
    }
    big = {name: size for name, size in sizes.items() if size >= least}
    if held.path and sum(big.values()) < _IN_ITS_OWN * left(held.path).content_bytes:
        yield held.path
        return
    for name in big:
        if name in held.folders:
            yield from _large(held.folders[name], left, least)
        else:
            yield held.prefix + name


def _is_source(tree: Tree, path: str, sums: SumsByPath) -> bool:
    held = tree.snapshot.folder(path)
    if held is None:
        return is_source(path.rpartition("/")[2])
    written, half = 0, sums[path].content_bytes // 2
    for each in held.tree():
        sizes = sums.names_in(each.path).items()
        written += sum([size for name, size in sizes if size and is_source(name)])
        if written > half:
            return True
    return False


def _note(tracked: Tracked, path: str) -> str:
    if not tracked.covers(path):
        return ""
    if tracked.ignores(path):
        return "git ignores it"
    return "git does not track it" if tracked.first(path) is None else "git tracks it"
