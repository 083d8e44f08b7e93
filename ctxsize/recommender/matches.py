"""Rules × tree: which directories and files are proven to be what a rule looks for.

From the top down; below a directory that is proven and may go, nothing more is
looked for. What a trap objects to does not shield what is below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from ctxsize.engine.matching import Index
from ctxsize.engine.memory import Held
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import Segment, segments
from ctxsize.recommender.describe import SAFE_FROM
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.rules import (
    AllOf,
    AnyOf,
    AtLeast,
    Category,
    EntryType,
    Inside,
    InsideAll,
    Marker,
    Rule,
    SelfIgnored,
    Tagged,
)
from ctxsize.recommender.secrets import Certainty, certainty
from ctxsize.recommender.tree import SumsByPath, is_glob, like


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


@dataclass(frozen=True)
class Objection:
    """Why a match is not suggested, or not as a safe one."""

    trap: str
    reason: str
    """A clause that names what was found."""
    soft: bool = False
    """Whether a person may overrule it."""


Judge = Callable[[Match], "list[Objection]"]


@dataclass()
class Collected:
    """What was found; objections belong to the match in front of them."""

    matches: list[tuple[Match, list[Objection]]] = field(default_factory=list)
    blocked: list[tuple[Match, list[Objection]]] = field(default_factory=list)


_MOST_NAMES = 10_000
"""Number of names whose rules are remembered."""
Look = tuple[Rule, str]
"""A rule, and the name by which it looks for something; `""` for a rule without names."""


class Looks(NamedTuple):
    """The rules that may look for a thing, and the least bytes that any of them asks for."""

    looks: tuple[Look, ...]
    least_bytes: int
    named: tuple[Look, ...]
    """Those that may match a directory that holds nothing of what `Finder.telling` names."""


class Finder:
    """Finds the rules that a name may belong to, without trying each on it."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = [*rules]
        self._of_kind = {
            kind: _Names([each for each in given if each.kind is kind]) for kind in EntryType
        }

    def looks_at(self, held: Held) -> tuple[Look, ...]:
        """Return the rules that may look for a directory of such a name with such things in it."""
        names = self._of_kind[EntryType.DIRECTORY]
        found = names.looks(held.name)
        apart = held.entries.keys().isdisjoint(names.telling) and (
            not held.folders or held.folder_by_name.keys().isdisjoint(names.telling)
        )
        return found.named if apart else found.looks

    def looks(self, name: str, kind: EntryType) -> Looks:
        """Return the rules that may look for a thing of this name, and by which name each does."""
        return self._of_kind[kind].looks(name)


class _Names:
    """The names of the rules about one kind of thing: literal ones first, then globs."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._looks: list[Look] = []
        self._index = Index()
        named = [(rule, find) for rule in rules for find in rule.find]
        for each in sorted(named, key=lambda each: is_glob(_last(each[1]))):
            self._index.add(1 << len(self._looks), _segment(_last(each[1])))
            self._looks.append(each)
        nameless = [rule for rule in rules if not rule.find]
        needed = {rule.name: _needed(rule.marker) for rule in nameless}
        self.telling = frozenset[str]().union(*filter(None, needed.values()))
        """Names of which one lies in whatever most rules without a name are about."""
        self._nameless = tuple((rule, "") for rule in nameless)
        self._unnamed = tuple((rule, "") for rule in nameless if needed[rule.name] is None)
        self._known: dict[int, Looks] = {}
        self.looks = lru_cache(maxsize=_MOST_NAMES)(self._find)

    def _find(self, name: str) -> Looks:
        bits = self._index.matching(name)
        found = self._known.get(bits)
        if found is None:
            named = [each for at, each in enumerate(self._looks) if bits >> at & 1]
            looks = (*named, *self._nameless)
            least = min((_least_bytes(rule) for rule, _ in looks), default=0)
            found = self._known[bits] = Looks(looks, least, (*named, *self._unnamed))
        return found


def _least_bytes(rule: Rule) -> int:
    """Return the bytes below which a rule never matches."""
    if rule.category is Category.SECRET:
        return 0
    markers = rule.marker.markers if isinstance(rule.marker, AllOf) else (rule.marker,)
    return max(each.size_bytes if isinstance(each, AtLeast) else 0 for each in markers)


def _needed(marker: Marker) -> frozenset[str] | None:
    """Return names of which one lies in any directory with this marker; None if none must."""
    if isinstance(marker, Inside | InsideAll):
        names = frozenset(name.partition("/")[0] for name in marker.names)
        return None if ".." in names or any(map(is_glob, names)) else names
    if isinstance(marker, Tagged | SelfIgnored):
        return frozenset({"CACHEDIR.TAG" if isinstance(marker, Tagged) else ".gitignore"})
    if isinstance(marker, AllOf | AnyOf):
        parts = [_needed(each) for each in marker.markers]
        known = [each for each in parts if each is not None]
        if isinstance(marker, AllOf):
            return known[0] if known else None
        return frozenset().union(*known) if len(known) == len(parts) else None
    return None


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


def collect(evidence: Evidence, finder: Finder, sums: SumsByPath, judge: Judge) -> Collected:
    """Return every proven match among what is sent, outermost ones only, in order of paths."""
    collected = Collected()
    pending: list[Held] = [evidence.tree.root]
    while pending:
        held = pending.pop()
        names, links = sums.names_in(held.path), evidence.tree.links_in(held.path)
        for name, size in held.contents.items():
            if name in names:
                found = finder.looks(name, EntryType.SYMLINK if name in links else EntryType.FILE)
                if found.looks and size >= found.least_bytes:
                    _look(evidence, found.looks, judge, collected, held.prefix + name)
        for folder in reversed(held.folders):
            path = folder.path
            if path not in sums or not sums[path].entries:
                continue
            looks = finder.looks_at(folder)
            if not looks or not _look(evidence, looks, judge, collected, path):
                pending.append(folder)
    return collected


def _look(
    evidence: Evidence, looks: Iterable[Look], judge: Judge, collected: Collected, path: str
) -> bool:
    """Return whether a match at `path` goes, and with it all that is below.

    Of several rules the first one that is safe has the word, else the surest; one for any
    ecosystem does not count where there are objections to another one.
    """
    doubtful: list[tuple[Match, list[Objection]]] = []
    blocked: list[tuple[Match, list[Objection]]] = []
    for rule, find in looks:
        if "/" in find and not fits(find, path):
            continue
        match = _match(evidence, rule, find, path)
        if match is None:
            continue
        if rule.ecosystem == "any" and any(said for _, said in (*doubtful, *blocked)):
            continue
        objections = judge(match)
        if rule.never or any(not each.soft for each in objections):
            blocked.append((match, objections))
        elif objections or rule.confidence < SAFE_FROM:
            doubtful.append((match, objections))
        else:
            collected.matches.append((match, objections))
            return True
    collected.blocked += blocked
    if doubtful:
        collected.matches.append(max(doubtful, key=lambda each: each[0].rule.confidence))
    return False


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
