"""Proves that a directory is regenerable, by evidence in it and around it.

A kind is the `clean` table of a row in `knowledge/rules/`. What has only a name
(`dist`, `bin`, `out`) has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import chain
from typing import Any, NamedTuple

from ctxsize.globs import like
from ctxsize.knowledge.rules import Rule, all_rules, texts
from ctxsize.model import Texts
from ctxsize.values import Value

_TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"  # the tool that wrote the tag follows
_NOT_LISTS = {"name", "ecosystem", "title", "check"}


class CleanCategory(str, Enum):
    """The purpose of a regenerable directory."""

    ARTEFACT = "artefact"
    CACHE = "cache"
    DEPS = "deps"  # installed packages: regenerable with a network, so only on request
    LEFTOVER = "leftover"  # a directory that an earlier run renamed and did not delete


class Telltale(NamedTuple):
    """A file inside (a directory with a trailing `/`), and texts that its first bytes contain."""

    path: str  # relative; the first of several names may be a glob
    holds: tuple[bytes, ...] = ()


class ArtefactKind(Value):
    """A kind of regenerable directory."""

    name: str
    ecosystem: str
    category: CleanCategory
    title: str
    names: Texts = ()  # globs for the directory's own name; `*` for any
    inside: tuple[tuple[Telltale, ...], ...] = ()  # any of these groups must be there as a whole
    beside: Texts = ()
    also_beside: Texts = ()  # globs; one of each of both must match a file beside it
    above: Texts = ()  # globs; one must match a file in a directory above, up to ROOT
    never_inside: Texts = ()
    only_inside: Texts = ()  # globs for all that may be in it; empty for anything
    check: str = ""  # `compiled` if every entry must be compiled from a file beside the directory


class DirectoryNames(NamedTuple):
    """The names in a directory."""

    directories: set[str]
    files: set[str]  # all entries that are neither directories nor symlinks
    links: set[str]

    @property
    def names(self) -> set[str]:
        """Return all names."""
        return self.directories | self.files | self.links


class Surroundings(NamedTuple):
    """A directory and what is around it."""

    name: str
    inside: DirectoryNames
    above: Sequence[DirectoryNames]  # the directories above, the nearest first, ROOT last
    read: Callable[[str], bytes | None]
    """Return the first bytes of a regular file below the directory, nothing for a directory (with
    a trailing `/`), None if there is none."""


class KindVerdict(NamedTuple):
    """A directory is of this kind, or only looks like it."""

    kind: ArtefactKind
    evidence: Texts
    doubt: str  # why it may be of another kind, as a clause; `""` if it is proven


def judge(place: Surroundings) -> KindVerdict | None:
    """Return the first kind that `place` is proven to be, else looks like, else None."""
    doubtful = None
    for kind in KINDS:
        if not _fits(place.name, kind.names):
            continue
        verdict = _verdict_on(place, kind)
        if verdict and not verdict.doubt:
            return verdict
        doubtful = doubtful or verdict
    return doubtful


def looks_like(name: str, beside: DirectoryNames) -> ArtefactKind | None:
    """Return the kind that has this name and is made where `beside` is, else None."""
    for kind in KINDS:
        if _looks_like(name, beside, kind):
            return kind
    return None


def _looks_like(name: str, beside: DirectoryNames, kind: ArtefactKind) -> bool:
    if "*" in kind.names or not _fits(name, kind.names):
        return False
    wanted = kind.beside or kind.above
    return not wanted or bool(_first_match(beside, wanted))


def _verdict_on(place: Surroundings, kind: ArtefactKind) -> KindVerdict | None:
    """Return whether `place` is of one kind, None if it does not even look like it."""
    inside = []
    for group in kind.inside:
        inside = [_path_of(place, mark) for mark in group]
        if all(inside):
            break
    else:
        if _looks_like(place.name, place.above[0], kind):
            return KindVerdict(kind, (), _missing_evidence(place, kind))
        return None
    around, missing = _evidence_around(place.above, kind)
    if missing:
        doubt = f"{inside[0]} is in it, but there is no {missing}"
    else:
        doubt = _foreign_entry(place, kind)
    return KindVerdict(kind, (*inside, *around), doubt)


def _missing_evidence(place: Surroundings, kind: ArtefactKind) -> str:
    """Return which files would prove the kind, and which one here only has the name of such."""
    # The keys of a dict are a set in order.
    groups = [dict.fromkeys(mark.path for mark in marks).keys() for marks in kind.inside]
    least = []
    for paths in groups:
        if not any(paths > other for other in groups):
            least.append(" with ".join(paths))
    doubt = f"needs {' or '.join(least)} in it"
    names = place.inside.names
    for path in chain(*groups):
        if path in names:
            return f"{doubt}; its {path} is not the tool's"
    return doubt


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(like(pattern, name) for pattern in patterns)


def _fitting(names: set[str], pattern: str) -> list[str]:
    if "*" not in pattern:
        names = names & {pattern}
    return sorted(name for name in names if like(pattern, name))


def _path_of(place: Surroundings, mark: Telltale) -> str:
    """Return where the mark is, relative to the directory, or ""."""
    first, slash, rest = mark.path.partition("/")
    names = place.inside.files
    if slash:
        names = place.inside.directories
    for name in _fitting(names, first):
        path = f"{name}{slash}{rest}"
        start: bytes | None = b""
        if rest or mark.holds:
            start = place.read(path)
        if start is not None and all(text in start for text in mark.holds):
            return path
    return ""


def _evidence_around(above: Sequence[DirectoryNames], kind: ArtefactKind) -> tuple[list[str], str]:
    """Return the evidence around the directory, and what is missing of it."""
    evidence = []
    for wanted in filter(None, (kind.beside, kind.also_beside)):
        name = _first_match(above[0], wanted)
        if not name:
            return [], f"{' or '.join(wanted)} beside it"
        evidence.append(f"{name} beside it")
    if kind.above:
        names = [_first_match(listing, kind.above) for listing in above]
        name = next(filter(None, names), "")
        if not name:
            return [], f"{' or '.join(kind.above)} above it"
        where = "beside" if names[0] else "above"
        evidence.append(f"{name} {where} it")
    return evidence, ""


def _first_match(listing: DirectoryNames, wanted: Iterable[str]) -> str:
    """Return the name that the first of `wanted` with one matches, or ""."""
    names = listing.files | listing.links
    for pattern in wanted:
        for name in _fitting(names, pattern):
            return name
    return ""


def _foreign_entry(place: Surroundings, kind: ArtefactKind) -> str:
    """Return why something in the directory belongs to no such directory, or ""."""
    allowed = kind.only_inside or ["*"]
    for name in sorted(place.inside.names):
        if name in kind.never_inside or not _fits(name, allowed):
            return f"{name} is in it, which belongs to no such directory"
        if kind.check and not _is_compiled(place, name):
            return f"{name} in it is not compiled from a plain file beside the directory"
    return ""


def _is_compiled(place: Surroundings, name: str) -> bool:
    if not name.endswith(".pyc"):
        return False
    start = place.read(name)
    # Bytes 2 and 3 of the magic number of every CPython are a line end.
    if start is None or start[2:4] != b"\r\n":
        return False
    files = place.above[0].files
    stem, dot, _ = name.rpartition(".")
    while dot:
        if f"{stem}.py" in files or f"{stem}.pyw" in files:
            return True
        stem, dot, _ = stem.rpartition(".")
    return False


def kind_of(rule: Rule) -> ArtefactKind:
    """Return the kind that the `clean` table of a rule describes."""
    values = {"ecosystem": rule.ecosystem, "names": [*rule.find] or "*", **rule.clean}
    category = values.pop("category", rule.category.value)
    holds = values.pop("holds", {})
    inside = values.pop("inside")
    if isinstance(inside, str):
        inside = [inside]
    groups = [texts(group) for group in inside]
    unknown = holds.keys() - chain(*groups)
    if unknown:
        raise ValueError(f"no evidence has the names {sorted(unknown)}")
    for key in values.keys() - _NOT_LISTS:
        values[key] = texts(values[key])
    return ArtefactKind(
        category=CleanCategory(category),
        inside=tuple(_telltales(paths, holds) for paths in groups),
        **values,
    )


def _telltales(paths: Texts, holds: Mapping[str, Any]) -> tuple[Telltale, ...]:
    group = []
    for path in paths:
        required = texts(holds.get(path, []))
        if path == _TAG:
            required = (_SIGNATURE, *required)
        group.append(Telltale(path, tuple(map(str.encode, required))))
    return tuple(group)


KINDS = tuple(kind_of(rule) for rule in all_rules().values() if rule.clean)
"""In the order in which they are tried."""
BY_NAME = {kind.name: kind for kind in KINDS}
ECOSYSTEMS = tuple(sorted({kind.ecosystem for kind in KINDS}))  # the choices of `--ecosystem`
