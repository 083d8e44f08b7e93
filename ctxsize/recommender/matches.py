"""Rules × tree: which directories and files are proven to be what a rule looks for.

From the top down; below a directory that is proven and may go, nothing more is
looked for. What a trap objects to does not shield what is below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache

from ctxsize.engine.matching import Index
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.segments import Segment, segments
from ctxsize.engine.snapshot import Held
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.rules import SAFE_FROM, Category, EntryType, Rule
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


def collect(evidence: Evidence, finder: Finder, sums: SumsByPath, judge: Judge) -> Collected:
    """Return every proven match among what is sent, outermost ones only, in order of paths."""
    collected, all_links = Collected(), evidence.tree.snapshot.links
    pending: list[Held] = [evidence.tree.root]
    while pending:
        held = pending.pop()
        names, links = sums.names_in(held.path), all_links.get(held.path, ())
        for name, content_bytes in names.items():
            looks = finder.looks(name, EntryType.SYMLINK if name in links else EntryType.FILE)
            if looks and (looks[0][1] or content_bytes >= _LARGE_BYTES):
                _look(evidence, looks, judge, collected, held.prefix + name)
        for folder in reversed(held.folders):
            path = folder.path
            if path not in sums or not sums[path].entries:
                continue
            looks = finder.looks(folder.name, EntryType.DIRECTORY)
            if not _look(evidence, looks, judge, collected, path):
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
