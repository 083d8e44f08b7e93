"""Rules × tree: which directories and files are proven to be what a rule looks for.

From the top down; below a directory that is proven and may go, nothing more is
looked for. What a trap objects to does not shield what is below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from ctxsize.engine.memory import Held
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import Index, Segment, segments
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.rules import SAFE_FROM, Category, EntryType, Rule
from ctxsize.recommender.secrets import Certainty, certainty
from ctxsize.recommender.tree import Sums, SumsByPath, is_glob, like


@dataclass(frozen=True)
class Objection:
    """Why a match is not suggested, or not as a safe one."""

    trap: str
    reason: str
    """A clause that names what was found."""
    soft: bool = False
    """Whether a person may overrule it."""


@dataclass(frozen=True)
class Match:
    """A rule's marker holds at a path."""

    rule: Rule
    find: str
    """Which of the rule's names it goes by; `""` for a rule without names."""
    path: str
    evidence: str
    """What shows it, as a clause."""
    secret: Certainty | None = None
    """How sure it is that it is a secret, for a rule about secrets."""
    objections: tuple[Objection, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Return whether it is not suggested at all."""
        return self.rule.never or any(not each.soft for each in self.objections)


Judge = Callable[[Match], "list[Objection]"]

_MOST_NAMES = 10_000
"""Number of names whose rules are remembered."""
_NONE = Sums()
_LARGE_BYTES = 1024 * 1024
"""No rule about files of any name is about smaller ones."""
Look = tuple[Rule, str]
"""A rule, and the name by which it looks for something; `""` for a rule without names."""


class Finder:
    """Finds the rules that a name may belong to, without trying each on it."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = [(rule, find) for rule in rules for find in rule.find or ("",)]
        # Literal names come first, then globs, then rules without names.
        self._looks = sorted(given, key=lambda each: (not each[1], is_glob(_last(each[1]))))
        self._index = Index()
        self._nameless = 0
        for number, (_, find) in enumerate(self._looks):
            if find:
                self._index.add(1 << number, _segment(_last(find)))
            else:
                self._nameless |= 1 << number
        self.looks = lru_cache(maxsize=_MOST_NAMES)(self._find)
        self._of = cache(self._among)

    def _find(self, name: str, kind: EntryType) -> tuple[Look, ...]:
        """Return the rules that may look for a thing of this name, and by which name each does."""
        return self._of(self._index.matching(name) | self._nameless, kind)

    def _among(self, bits: int, kind: EntryType) -> tuple[Look, ...]:
        found = (each for at, each in enumerate(self._looks) if bits >> at & 1)
        return tuple(each for each in found if each[0].kind is kind)


def _last(find: str) -> str:
    return find.rpartition("/")[2]


@cache
def _segment(name: str) -> Segment:
    """Return what matches a rule's name for a single entry."""
    found = segments(DockerIgnorePattern(name)) if is_glob(name) else None
    return Segment("literal", name) if found is None else found[0]


def fits(find: str, path: str) -> bool:
    """Return whether the last components of `path` are those of `find`; all of them for `/x`."""
    wanted, parts = find.lstrip("/").split("/"), path.split("/")
    if find.startswith("/") and len(parts) != len(wanted):
        return False
    return len(parts) >= len(wanted) and all(
        part == each or (is_glob(each) and like(each, part))
        for each, part in zip(reversed(wanted), reversed(parts), strict=False)
    )


def collect(
    evidence: Evidence, rules: Iterable[Rule], sums: SumsByPath, judge: Judge
) -> list[Match]:
    """Return every proven match among what is sent, outermost ones only, in order of paths."""
    found: list[Match] = []
    finder, links = Finder(rules), evidence.tree.snapshot.links
    pending: list[Held] = [evidence.tree.root]
    while pending:
        held = pending.pop()
        linked = links.get(held.path, ())
        for name, content_bytes in sums.names_in(held.path).items():
            looks = finder.looks(name, EntryType.SYMLINK if name in linked else EntryType.FILE)
            if looks and (looks[0][1] or content_bytes >= _LARGE_BYTES):
                found += _matches(evidence, looks, judge, held.prefix + name)
        for folder in reversed(held.folders):
            if sums.get(folder.path, _NONE).entries:
                looks = finder.looks(folder.name, EntryType.DIRECTORY)
                here = _matches(evidence, looks, judge, folder.path)
                found += here
                if not any(map(_is_settled, here)):
                    pending.append(folder)
    return found


def _matches(evidence: Evidence, looks: Iterable[Look], judge: Judge, path: str) -> list[Match]:
    """Return what rules find at `path`: all that is blocked and the surest of what is not.

    The first one that is settled stands alone. A rule for any ecosystem does not count where
    there are objections to another one.
    """
    found: list[Match] = []
    for rule, find in looks:
        if "/" in find and not fits(find, path):
            continue
        match = _match(evidence, rule, find, path)
        if match is None or (rule.ecosystem == "any" and any(each.objections for each in found)):
            continue
        match = replace(match, objections=tuple(judge(match)))
        if _is_settled(match):
            return [match]
        found.append(match)
    doubtful = [each for each in found if not each.is_blocked]
    surest = max(doubtful, key=lambda each: each.rule.confidence, default=None)
    return [each for each in found if each.is_blocked or each is surest]


def _is_settled(match: Match) -> bool:
    """Return whether it goes, and with it all that is below."""
    return not (match.is_blocked or match.objections) and match.rule.confidence >= SAFE_FROM


def _match(evidence: Evidence, rule: Rule, find: str, path: str) -> Match | None:
    if rule.category is not Category.SECRET:
        shown = evidence.shows(rule.marker, path)
        return None if shown is None else Match(rule, find, path, shown)
    sure = certainty(evidence, rule, path)
    if sure is None:
        return None
    shown = "its content" if sure is Certainty.CERTAIN else "its name"
    if is_glob(find):
        # What else the glob matches may be a template, which belongs to the sources.
        find = "/".join(path.split("/")[-1 - find.count("/") :])
    return Match(rule, find, path, shown, sure)
