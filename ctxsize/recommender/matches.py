"""Apply the rules to the tree: which directories and files are what a rule looks for.

The search goes from the top down and stops at a directory that is proven and may be hidden. A
secret is recognised by its name and by the beginning of a small file, which no message shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, lru_cache

from ctxsize.engine.directories import TEMPLATES
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.segments import Index, Segment, segments
from ctxsize.engine.source import MemoryDirectory
from ctxsize.recommender.build_files import agree
from ctxsize.recommender.evidence import Evidence, text_of
from ctxsize.recommender.rules import SAFE_FROM, Category, EntryType, Rule
from ctxsize.recommender.tree import Sums, SumsByPath, is_glob, like

_LARGE_BYTES = 1024 * 1024
"""Minimum number of bytes of a file that a rule without names may match."""
_LARGEST_SECRET = 64 * 1024
_PUBLIC = re.compile(
    r"-----BEGIN (TRUSTED )?(CERTIFICATE|(RSA )?PUBLIC KEY|CERTIFICATE REQUEST|DH)"
)
_LIKELY_FROM = 0.75
_WILD = "*?."


class Certainty(str, Enum):
    """The certainty that a file is a secret: its content, a rare name or a usual name shows it."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Doubt(str):
    """A reason against a match that the user may overrule."""

    __slots__ = ()


@dataclass(frozen=True)
class Objection:
    """A reason not to suggest a match, or not as a safe suggestion."""

    trap: str
    reason: str
    soft: bool = False
    """True if the user may overrule it."""


@dataclass(frozen=True)
class Match:
    """A path at which the marker of a rule holds."""

    rule: Rule
    find: str
    """The entry of `Rule.find` that matched; `""` for a rule without names."""
    path: str
    evidence: str
    secret: Certainty | None = None
    """None if the rule is not about secrets."""
    objections: tuple[Objection, ...] = ()

    @property
    def hard(self) -> Objection | None:
        """Return the objection that the user may not overrule; None without one."""
        return next((each for each in self.objections if not each.soft), None)

    @property
    def is_blocked(self) -> bool:
        """Return True if it is not suggested at all."""
        return self.rule.never or self.hard is not None

    @property
    def is_settled(self) -> bool:
        """Return True if it is hidden with everything below it."""
        confident = self.rule.confidence >= SAFE_FROM
        return confident and not (self.rule.never or self.objections)


Judge = Callable[[Match], "list[Objection]"]

Look = tuple[Rule, str]
"""A rule, and one of its names; `""` for a rule without names."""


class Finder:
    """Find the rules for a name without trying each rule."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        given = [(rule, find) for rule in rules for find in rule.find or ("",)]
        # Literal names come first, then globs, then rules without names.
        self._looks = sorted(given, key=lambda each: (not each[1], is_glob(_last(each[1]))))
        self._index = Index()
        self._nameless = 0
        for number, (_, find) in enumerate(self._looks):
            name = _last(find)
            if not name:
                self._nameless |= 1 << number
            elif is_glob(name):
                self._index.add(1 << number, segments(DockerIgnorePattern(name))[0])
            else:
                self._index.add(1 << number, Segment("literal", name))
        self.looks = lru_cache(maxsize=10_000)(self._find)
        self._of = cache(self._among)

    def _find(self, name: str, kind: EntryType) -> tuple[Look, ...]:
        return self._of(self._index.matching(name) | self._nameless, kind)

    def _among(self, bits: int, kind: EntryType) -> tuple[Look, ...]:
        looks = enumerate(self._looks)
        return tuple(each for at, each in looks if bits >> at & 1 and each[0].kind is kind)


def _last(find: str) -> str:
    return find.rpartition("/")[2]


def fits(find: str, path: str) -> bool:
    """Return True if `path` ends with the components of `find`, or equals it for `/x`."""
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
    """Return every proven match among the sent entries, outermost only, in order of paths."""
    found: list[Match] = []
    finder, links = Finder(rules), evidence.tree.snapshot.links
    pending: list[MemoryDirectory] = [evidence.tree.root]
    none = Sums()
    while pending:
        held = pending.pop()
        linked = links.get(held.path, ())
        for name, content_bytes in sums.names_in(held.path).items():
            looks = finder.looks(name, EntryType.SYMLINK if name in linked else EntryType.FILE)
            if looks and (looks[0][1] or content_bytes >= _LARGE_BYTES):
                found += _matches(evidence, looks, judge, held.prefix + name)
        for folder in reversed(held.folders.values()):
            if sums.get(folder.path, none).entries:
                looks = finder.looks(folder.name, EntryType.DIRECTORY)
                here = _matches(evidence, looks, judge, folder.path)
                found += here
                if not any(match.is_settled for match in here):
                    pending.append(folder)
    return found


def _matches(evidence: Evidence, looks: Iterable[Look], judge: Judge, path: str) -> list[Match]:
    """Return the matches of rules at `path`: all blocked ones and the surest of the others.

    The first settled one replaces all others. A rule for any ecosystem does not count if there
    are objections to the match of another rule.
    """
    found: list[Match] = []
    for rule, find in looks:
        if "/" in find and not fits(find, path):
            continue
        match = _match(evidence, rule, find, path)
        if match is None or (rule.ecosystem == "any" and any(each.objections for each in found)):
            continue
        match = replace(match, objections=tuple(judge(match)))
        if match.is_settled:
            return [match]
        found.append(match)
    doubtful = [each for each in found if not each.is_blocked]
    surest = max(doubtful, key=lambda each: each.rule.confidence, default=None)
    return [each for each in found if each.is_blocked or each is surest]


def _match(evidence: Evidence, rule: Rule, find: str, path: str) -> Match | None:
    if rule.category is not Category.SECRET:
        shown = evidence.shows(rule.marker, path)
        return None if shown is None else Match(rule, find, path, shown)
    sure = _certainty(evidence, rule, path)
    if sure is None:
        return None
    shown = "its content" if sure is Certainty.CERTAIN else "its name"
    if is_glob(find):
        # Other files that the glob matches may be templates, which are sources.
        find = "/".join(path.split("/")[-1 - find.count("/") :])
    return Match(rule, find, path, shown, sure)


def _certainty(evidence: Evidence, rule: Rule, path: str) -> Certainty | None:
    """Return the certainty that a match of `rule` is a secret; None if it is not one."""
    name = path.rpartition("/")[2]
    if TEMPLATES.search(name):
        return None
    if rule.kind is EntryType.FILE and evidence.tree.size_bytes(path) > _LARGEST_SECRET:
        return None if rule.only_proved else Certainty.POSSIBLE
    if rule.marker.kind != "exists" and evidence.shows(rule.marker, path) is not None:
        return Certainty.CERTAIN
    if rule.only_proved:
        return None
    is_likely = rule.confidence >= _LIKELY_FROM
    if rule.kind is EntryType.FILE:
        data = evidence.first_bytes(path)
        if not data.strip() or (not is_likely and _PUBLIC.search(text_of(data))):
            return None
    return Certainty.LIKELY if is_likely else Certainty.POSSIBLE


def letting_in(request: Request, path: str) -> str | None:
    """Return the exception that names `path` or something below it, as a clause; None without one.

    An exception for a directory above does not count: `!src` is not about `src/.env`.
    """
    for pattern in exceptions(request):
        if pattern.line and names(pattern, path):
            where = "" if request.ignore_file is None else request.ignore_file.path
            return f"{where}:{pattern.line} re-includes it: !{pattern.text}"
    return None


def exceptions(request: Request) -> list[DockerIgnorePattern]:
    """Return the exceptions of the ignore file, and those that the builder adds to it."""
    return [each for each in request.spec.patterns if each.include is False]


def may_name(exception: str, find: str) -> bool:
    """Return True if an exception may concern matches of `find`, at any depth."""
    parts, wanted = exception.split("/"), find.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(_agree(parts[at : at + len(wanted)], wanted) for at in starts)


def names(pattern: DockerIgnorePattern, path: str) -> bool:
    """Return True if a pattern names `path` or something below it, not by wildcards alone."""
    parts, wanted = pattern.text.split("/"), path.split("/")
    is_name = parts[-1].strip(_WILD) and pattern.fault is None
    if is_name and pattern.match_file(path) is not None:
        return True
    anywhere = parts[0] == "**"
    begins = parts[anywhere:]
    ends = (wanted[at:] for at in range(len(wanted) if anywhere else 1))
    return any(len(begins) >= len(e) and _agree(begins[: len(e)], e) for e in ends)


def _agree(parts: list[str], wanted: Iterable[str]) -> bool:
    return bool(parts[-1].strip(_WILD)) and all(map(agree, parts, wanted))
