"""Proves that a directory is regenerable, by evidence in it and around it.

A kind is the `clean` table of a row in `knowledge/rules/`. What has only a name
(`dist`, `bin`, `out`) has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from ctxsize.globs import like
from ctxsize.knowledge.rules import Rule, all_rules, texts

_TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"  # the tool that wrote the tag follows
_NOT_LISTS = ("name", "ecosystem", "title", "check")


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


@dataclass(frozen=True)
class ArtefactKind:
    """A kind of regenerable directory."""

    name: str
    ecosystem: str
    category: CleanCategory
    title: str
    names: tuple[str, ...] = ()  # globs for the directory's own name; `*` for any
    inside: tuple[tuple[Telltale, ...], ...] = ()  # any of these groups must be there as a whole
    beside: tuple[str, ...] = ()
    also_beside: tuple[str, ...] = ()  # globs; one of each of both must match a file beside it
    above: tuple[str, ...] = ()  # globs; one must match a file in a directory above, up to ROOT
    never_inside: tuple[str, ...] = ()
    only_inside: tuple[str, ...] = ()  # globs for all that may be in it; empty for anything
    check: str = ""  # `compiled` if every entry must be compiled from a file beside the directory


class DirectoryNames(NamedTuple):
    """The names in a directory."""

    directories: frozenset[str]
    files: frozenset[str]  # all entries that are neither directories nor symlinks
    links: frozenset[str]


class Surroundings(NamedTuple):
    """A directory and what is around it."""

    name: str
    inside: DirectoryNames
    above: Sequence[DirectoryNames]  # the directories above, the nearest first, ROOT last
    read: Callable[[str], bytes | None]
    """Return the first bytes of a regular file below the directory, nothing for a directory (with
    a trailing `/`), None if there is none."""


KindVerdict = tuple[ArtefactKind, tuple[str, ...], str]
"""A directory is of this kind, by its evidence, or only looks like it, with a doubt."""


def judge(place: Surroundings) -> KindVerdict | None:
    """Return the first kind that `place` is proven to be, else looks like, else None."""
    doubtful: KindVerdict | None = None
    for kind in KINDS:
        if _fits(place.name, kind.names):
            verdict = _judge(place, kind)
        else:
            verdict = None
        if verdict is not None and not verdict[2]:
            return verdict
        doubtful = doubtful or verdict
    return doubtful


def looks_like(name: str, beside: DirectoryNames) -> ArtefactKind | None:
    """Return the kind that has this name and is made where `beside` is, else None."""
    return next((kind for kind in KINDS if _looks(name, beside, kind)), None)


def _looks(name: str, beside: DirectoryNames, kind: ArtefactKind) -> bool:
    wanted = kind.beside or kind.above
    is_named = "*" not in kind.names and _fits(name, kind.names)
    return is_named and (not wanted or bool(_matching(beside, wanted)))


def _judge(place: Surroundings, kind: ArtefactKind) -> KindVerdict | None:
    groups = ([_found(place, mark) for mark in group] for group in kind.inside)
    if not (inside := next(filter(all, groups), [])):
        is_alike = _looks(place.name, place.above[0], kind)
        if is_alike:
            return (kind, (), _needed(place, kind))
        return None
    around, missing = _around(place.above, kind)
    if missing:
        doubt = f"{inside[0]} is in it, but there is no {missing}"
    else:
        doubt = _foreign(place, kind)
    return kind, (*inside, *around), doubt


def _needed(place: Surroundings, kind: ArtefactKind) -> str:
    """Return the evidence that would prove it, and what has only the name of evidence."""
    groups = [dict.fromkeys(mark.path for mark in group) for group in kind.inside]
    least = [each for each in groups if not any(other.keys() < each.keys() for other in groups)]
    needed = " or ".join(" with ".join(group) for group in least)
    names = frozenset().union(*place.inside)
    false = [path for group in groups for path in group if path in names]
    return f"needs {needed} in it" + (f"; its {false[0]} is not the tool's" if false else "")


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(like(pattern, name) for pattern in patterns)


def _fitting(names: frozenset[str], pattern: str) -> list[str]:
    if "*" in pattern:
        found = names
    else:
        found = names & {pattern}
    return sorted(name for name in found if like(pattern, name))


def _found(place: Surroundings, mark: Telltale) -> str:
    """Return where the mark is, relative to the directory, or ""."""
    first, slash, rest = mark.path.partition("/")
    for name in _fitting(place.inside.directories if slash else place.inside.files, first):
        path = f"{name}{slash}{rest}"
        if rest or mark.holds:
            start = place.read(path)
        else:
            start = b""
        if start is not None and all(each in start for each in mark.holds):
            return path
    return ""


def _around(above: Sequence[DirectoryNames], kind: ArtefactKind) -> tuple[list[str], str]:
    """Return the evidence around the directory, and what is missing of it."""
    evidence = []
    for wanted in filter(None, (kind.beside, kind.also_beside, kind.above)):
        if wanted is kind.above:
            places = above
            where = "above"
        else:
            places = above[:1]
            where = "beside"
        names = [_matching(each, wanted) for each in places]
        if not (name := next(filter(None, names), "")):
            return [], f"{' or '.join(wanted)} {where} it"
        evidence.append(f"{name} {'beside' if names[0] else 'above'} it")
    return evidence, ""


def _matching(listing: DirectoryNames, wanted: Iterable[str]) -> str:
    """Return the name that the first of `wanted` with one matches, or ""."""
    names = listing.files | listing.links
    return next((found[0] for each in wanted if (found := _fitting(names, each))), "")


def _foreign(place: Surroundings, kind: ArtefactKind) -> str:
    """Return why something in the directory belongs to no such directory, or ""."""
    for name in sorted(frozenset().union(*place.inside)):
        if name in kind.never_inside or (kind.only_inside and not _fits(name, kind.only_inside)):
            return f"{name} is in it, which belongs to no such directory"
        if kind.check and not _is_compiled(place, name):
            return f"{name} in it is not compiled from a plain file beside the directory"
    return ""


def _is_compiled(place: Surroundings, name: str) -> bool:
    stems = name.split(".")
    names = (".".join(stems[:count]) for count in range(1, len(stems)))
    sources = {f"{stem}{ending}" for stem in names for ending in (".py", ".pyw")}
    # Bytes 2 and 3 of the magic number of every CPython are a line end.
    if name.endswith(".pyc"):
        start = place.read(name)
    else:
        start = None
    return start is not None and start[2:4] == b"\r\n" and bool(sources & place.above[0].files)


def kind_of(rule: Rule) -> ArtefactKind:
    """Return the kind that the `clean` table of a rule describes."""
    values = {"ecosystem": rule.ecosystem, "names": [*rule.find] or "*", **rule.clean}
    category = CleanCategory(values.pop("category", rule.category.value))
    inside = values.pop("inside")
    holds = values.pop("holds", {})
    groups = [texts(group) for group in ([inside] if isinstance(inside, str) else inside)]
    if unknown := holds.keys() - {path for group in groups for path in group}:
        raise ValueError(f"no evidence has the names {sorted(unknown)}")
    marks = tuple(tuple(_mark(path, holds) for path in group) for group in groups)
    values |= {key: texts(each) for key, each in values.items() if key not in _NOT_LISTS}
    return ArtefactKind(category=category, inside=marks, **values)


def _mark(path: str, holds: Mapping[str, Any]) -> Telltale:
    held = (*((_SIGNATURE,) * (path == _TAG)), *texts(holds.get(path, [])))
    return Telltale(path, tuple(text.encode() for text in held))


KINDS = tuple(kind_of(rule) for rule in all_rules().values() if rule.clean)
"""In the order in which they are tried."""
BY_NAME = {kind.name: kind for kind in KINDS}
ECOSYSTEMS = tuple(sorted({kind.ecosystem for kind in KINDS}))  # the choices of `--ecosystem`
