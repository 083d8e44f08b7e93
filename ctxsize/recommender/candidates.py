"""Turn matches into the lines of an ignore file that hide them and nothing else, best first.

Large parts of the context that no rule explains become questions to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ctxsize.engine.events import order
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.memory import MemoryDirectory
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.request import Request
from ctxsize.model import Amount
from ctxsize.recommender.context import Proof
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
    is_glob,
    like,
    outermost,
    sum_of,
)

_MANY = 4
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

_WORTH_AN_EXCEPTION = 1024 * 1024
"""Minimum number of bytes that a pattern with exceptions must hide."""

SumsOf = Mapping[str, Sums]


class SuggestionMaker:
    """Writes patterns for the ignore file of one request."""

    def __init__(self, facts: Facts, request: Request, safe: Collection[str]) -> None:
        """Expect in `safe` the paths that are hidden in any case."""
        self._facts = facts
        self._safe = safe
        self._pattern_class = request.builder.spec_class.pattern_class
        self._exceptions = [each.text for each in exceptions(request)]

    def suggestions(self, found: Iterable[Match]) -> list[Suggestion]:
        """Return patterns that hide the matches: one suggestion per name, doubtful ones apart."""
        groups: dict[tuple[str, bool], list[Match]] = {}
        for match in found:
            key = match.find or match.path, bool(match.objections)
            groups.setdefault(key, []).append(match)
        return [each for group in groups.values() for each in self._of(group)]

    def around(self, found: Iterable[Match], proof: Proof) -> Iterator[Suggestion]:
        """Yield patterns that hide a large directory except for the parts a Dockerfile names."""
        for match in found:
            rule, path = match.rule, match.path
            if rule.kind is not EntryType.DIRECTORY or rule.never or rule.contents or match.secret:
                continue
            takers = self._facts.build_files.taking(path)
            whole = any(len(each.parts) == path.count("/") + 1 for each in takers)
            hard = [each.trap for each in match.objections if not each.soft]
            if whole or hard != ["copied_by_name"] or objections(self._facts, match, but=hard[0]):
                continue
            keeps = proof.taken_by(takers)
            rest = self._facts.sums[path].minus(sum_of(self._facts.sums, keeps))
            first, *others = map(self._pattern, (path, *(each.path for each in takers)))
            if first and all(others) and rest.content_bytes >= _WORTH_AN_EXCEPTION:
                ending = "/**" if self._exceptions else ""
                lines = (first + ending, *(f"!{each}" for each in dict.fromkeys(others)))
                yield Suggestion((match,), lines, keeps=keeps)

    def _pattern(self, path: str) -> str | None:
        # The wildcards of COPY mean the same in an ignore file.
        if any(map(has_wildcards, path.split("/"))):
            return path
        return pattern_for(path, pattern_class=self._pattern_class)

    def _of(self, matches: list[Match]) -> list[Suggestion]:
        objections = tuple(dict.fromkeys(each for match in matches for each in match.objections))
        if self._may_stand_anywhere(matches):
            others = self._harmless_others(matches)
            if others is not None:
                line = f"**/{matches[0].find}{self._ending(matches[0].rule)}"
                return [Suggestion((*others, *matches), (line,), objections)]
        by_rule: dict[str, list[tuple[Match, str]]] = {}
        for match in matches:
            pattern = pattern_for(match.path, pattern_class=self._pattern_class)
            if pattern is not None:
                line = pattern + self._ending(match.rule)
                by_rule.setdefault(match.rule.name, []).append((match, line))
        return [
            Suggestion(
                tuple(match for match, _ in same), tuple(line for _, line in same), objections
            )
            for same in by_rule.values()
        ]

    def _ending(self, rule: Rule) -> str:
        if rule.contents:
            return "/*"
        # After an exception, the bare name can leave files of a directory in the context.
        return "/**" if self._exceptions and rule.kind is EntryType.DIRECTORY else ""

    def _may_stand_anywhere(self, matches: list[Match]) -> bool:
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
        """Return what `**/name` hides besides the matches; None if something may be needed.

        A few unproven paths count as proven if many others are and no trap objects to them.
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
            share = f"{len(proven)} of {len(proven) + len(paths)}"
            shown = f"{reason}, and {share} such paths are proven"
            others.append(Match(rule, find, path, shown))
        return others

    def _called(self, name: str) -> Iterable[str]:
        by_name = self._facts.by_name
        if not is_glob(name):
            return by_name.get(name, ())
        names = (each for each in by_name if each and like(name, each))
        return (path for each in names for path in by_name[each])

    def _harmless(self, match: Match) -> str | None:
        """Return why an unproven path may be hidden too, as a clause; None if it may be needed."""
        if match.rule.category is Category.SECRET or objections(self._facts, match):
            return None
        tree, git = self._facts.evidence.tree, self._facts.evidence.git
        if git.ignores(match.path):
            return "git ignores it"
        below = [each for each, _ in tree.files_below(match.path) if each in self._facts.sums]
        if all(is_below(each, self._safe) for each in below):
            return "nothing else is in it" if below else "nothing is in it"
        return None


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
    covered, above, whole = set[str](), set[str](), context.get("", Sums())
    for each in sorted(suggestions, key=value, reverse=True):
        own = outermost({*each.paths})
        new = {path for path in own if path not in covered and not is_below(path, covered)}
        inner = set() if above.isdisjoint(new) else {e for e in covered if is_below(e, new)}
        gone = [*each.keeps, *outermost(inner)]
        left, moved = (sum_of(e, new).minus(sum_of(e, gone)) for e in (context, transfer))
        if left.entries and _is_worth_a_line(each.rule, left, moved, whole):
            size = Size(Amount.of(left), Amount.of(moved) if travels else None)
            found.append(replace(each, size=size))
            covered.update(each.paths)
            above.update(at for path in each.paths for at in directories_above(path))
    return found


def _weight(sums: Sums) -> float:
    return sums.content_bytes + _FILE_IS_WORTH * sums.entries


def _is_worth_a_line(rule: Rule, left: Sums, moved: Sums, whole: Sums) -> bool:
    if rule.category is Category.SECRET or (rule.volatile and moved.entries):
        return True
    return _weight(left) >= max(_LINE_BYTES, _LINE_SHARE * whole.content_bytes)


def questions(
    tree: Tree, tracked: Tracked, sums: SumsByPath, explained: Iterable[str]
) -> tuple[Question, ...]:
    """Return the largest directories and files that contain none of `explained`, largest first.

    If a few entries contain most of a directory, the questions are about these entries.
    """
    gone: dict[str, Sums] = {}
    topmost: set[str] = set()
    for path in sorted(explained):
        if not is_below(path, topmost):
            topmost.add(path)
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
    folders = {folder.path: folder for folder in held.folders.values()}
    entries = (*folders, *(held.prefix + name for name in held.entries))
    big = {path: size for path in entries if (size := left(path).content_bytes) >= least}
    if held.path and sum(big.values()) < _IN_ITS_OWN * left(held.path).content_bytes:
        yield held.path
        return
    for path in big:
        if path in folders:
            yield from _large(folders[path], left, least)
        else:
            yield path


def _is_source(tree: Tree, path: str, sums: SumsByPath) -> bool:
    held = tree.snapshot.folder(path)
    if held is None:
        return is_source(path.rpartition("/")[2])
    written, half = 0, sums[path].content_bytes // 2
    for each in held.tree():
        found = sums.names_in(each.path).items()
        written += sum([size for name, size in found if size and is_source(name)])
        if written > half:
            return True
    return False


def _note(tracked: Tracked, path: str) -> str:
    if not tracked.covers(path):
        return ""
    if tracked.ignores(path):
        return "git ignores it"
    return "git does not track it" if tracked.first(path) is None else "git tracks it"
