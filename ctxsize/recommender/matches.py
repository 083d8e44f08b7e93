"""Rules × tree: which directories and files are proven to be what a rule looks for.

From the top down; below a directory that is proven and may go, nothing more is
looked for. What a trap objects to does not shield what is below it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate

from ctxsize.engine.snapshot import File, Held
from ctxsize.recommender.describe import SAFE_FROM
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.rules import Category, Kind, Rule
from ctxsize.recommender.secrets import Certainty, certainty
from ctxsize.recommender.tree import Sums, is_glob, like


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


class Finder:
    """Finds the rules that a name may belong to."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._exact: dict[Kind, dict[str, list[tuple[Rule, str]]]] = {kind: {} for kind in Kind}
        self._globs: dict[Kind, list[tuple[Rule, str, str]]] = {kind: [] for kind in Kind}
        self.nameless: list[Rule] = []
        for rule in rules:
            for find in rule.find:
                last = find.rpartition("/")[2]
                if is_glob(last):
                    self._globs[rule.kind].append((rule, find, last))
                else:
                    self._exact[rule.kind].setdefault(last, []).append((rule, find))
            if not rule.find:
                self.nameless.append(rule)
        self._any = {
            kind: re.compile("|".join(translate(last) for _, _, last in found) or r"(?!)")
            for kind, found in self._globs.items()
        }

    def rules_for(self, path: str, name: str, kind: Kind) -> Iterator[tuple[Rule, str]]:
        """The rules that look for `path`, and the name by which each does."""
        found = self._exact[kind].get(name, [])
        if self._any[kind].match(name):
            globs = ((rule, find) for rule, find, last in self._globs[kind] if like(last, name))
            found = [*found, *globs]
        return ((rule, find) for rule, find in found if fits(find, path))


def fits(find: str, path: str) -> bool:
    """Whether the last components of `path` are those of `find`; all of them for `/x`."""
    wanted, parts = find.lstrip("/").split("/"), path.split("/")
    if find.startswith("/") and len(parts) != len(wanted):
        return False
    return len(parts) >= len(wanted) and all(
        part == each or (is_glob(each) and like(each, part))
        for each, part in zip(reversed(wanted), reversed(parts), strict=False)
    )


def collect(
    evidence: Evidence, finder: Finder, sums: Mapping[str, Sums], judge: Judge
) -> Collected:
    """Every proven match among what is sent, outermost ones only, in order of paths."""
    collected = Collected()
    pending: list[Held] = [evidence.tree.root]
    while pending:
        held = pending.pop()
        for file in held.files:
            path = held.prefix + file.name
            if path in sums:
                _look(evidence, finder, judge, collected, path, file)
        for folder in reversed(held.folders):
            if folder.path not in sums or not sums[folder.path].entries:
                continue
            if not _look(evidence, finder, judge, collected, folder.path, folder):
                pending.append(folder)
    return collected


def _look(
    evidence: Evidence,
    finder: Finder,
    judge: Judge,
    collected: Collected,
    path: str,
    entry: File | Held,
) -> bool:
    """Whether a match at `path` goes, and with it all that is below.

    Of several rules the first one that is safe has the word, else the surest; one for any
    ecosystem does not count where there are objections to another one.
    """
    kind = _kind(entry)
    named = finder.rules_for(path, entry.name, kind)
    nameless = ((rule, "") for rule in finder.nameless if rule.kind is kind)
    doubtful: list[tuple[Match, list[Objection]]] = []
    blocked: list[tuple[Match, list[Objection]]] = []
    for rule, find in (*named, *nameless):
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


def _kind(entry: File | Held) -> Kind:
    if isinstance(entry, Held):
        return Kind.DIRECTORY
    return Kind.SYMLINK if stat.S_ISLNK(entry.st_mode) else Kind.FILE
