"""Proves that a directory is regenerable, by evidence in it and around it.

A name proves nothing. A kind asks for something *inside* that only the tool writes which makes
the directory, and for something *around* it that the tool makes it from. It is a `clean` table
of a row in `recommender/knowledge/rules/`. What has nothing but a name (`dist`, `bin`, `out`,
`tmp`, a bare `build`) has none, and neither has what a tool cannot make again from the files
around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ctxsize.clean.plan import CleanCategory
from ctxsize.recommender.rules import Rule, all_rules, texts

_TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
"""First line of a valid `CACHEDIR.TAG`; the tool that wrote it follows."""
LOCKS = (".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock")
"""Files that Cargo locks while it builds."""

Read = Callable[[str], bytes | None]
"""The first bytes of a regular file below the directory, nothing for a directory (with a
trailing `/`), None if there is none."""


@dataclass(frozen=True)
class Telltale:
    """A file inside (a directory with a trailing `/`), and texts that its first bytes contain."""

    path: str
    """Relative; the first of several names may be a glob."""
    holds: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class ArtefactKind:
    """A kind of regenerable directory."""

    name: str
    ecosystem: str
    category: CleanCategory
    title: str
    """Its description for a person."""
    names: tuple[str, ...]
    """Globs for the directory's own name; `*` for any."""
    inside: tuple[tuple[Telltale, ...], ...]
    """Any of these groups must be there as a whole."""
    beside: tuple[str, ...] = ()
    """Globs; at least one must match a file in the directory above."""
    also_beside: tuple[str, ...] = ()
    """The same once more: both must be there."""
    above: tuple[str, ...] = ()
    """Globs; at least one must match a file in a directory above, up to ROOT."""
    never_inside: tuple[str, ...] = ()
    """Names of entries that belong to no such directory."""
    only_inside: tuple[str, ...] = ()
    """Globs for all that may be in it, where a tool makes just that; empty for anything."""
    parts: tuple[str, ...] = ()
    """Patterns for the directories that a report sums up for themselves."""
    locks_beside: tuple[str, ...] = ()
    """Files beside it that a build locks."""
    check: str = ""
    """A further check, a key of `CHECKS`."""


@dataclass(frozen=True)
class DirectoryNames:
    """The names in a directory."""

    directories: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    """All entries that are neither directories nor symlinks."""
    links: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Surroundings:
    """A directory and what is around it."""

    name: str
    inside: DirectoryNames
    above: Sequence[DirectoryNames]
    """The directories above, the nearest first, ROOT last."""
    read: Read = field(repr=False)


@dataclass(frozen=True)
class KindVerdict:
    """A directory is of this kind, or looks like it."""

    kind: ArtefactKind
    evidence: tuple[str, ...] = ()
    """The proof; empty if there is none."""
    doubt: str = ""
    """The reason why it is not proved."""


def judge(place: Surroundings, kinds: Iterable[ArtefactKind]) -> KindVerdict | None:
    """Return the first kind that `place` is proven to be, else looks like, else None."""
    doubtful: KindVerdict | None = None
    for kind in kinds:
        verdict = _judge(place, kind)
        if verdict is not None and verdict.evidence:
            return verdict
        doubtful = doubtful or verdict
    return doubtful


def looks_like(
    name: str, above: Sequence[DirectoryNames], kinds: Iterable[ArtefactKind]
) -> ArtefactKind | None:
    """Return the kind that has this name and is made in such a place, else None."""
    for kind in kinds:
        if "*" not in kind.names and _named(name, kind) and _stands(above, kind):
            return kind
    return None


def _judge(place: Surroundings, kind: ArtefactKind) -> KindVerdict | None:
    if not _named(place.name, kind):
        return None
    inside = _inside(place, kind)
    around = _around(place.above, kind)
    if inside is None:
        known = "*" not in kind.names and _stands(place.above, kind)
        return KindVerdict(kind, doubt=_lacking(place, kind)) if known else None
    if around is None:
        doubt = f"{inside[0]} is in it, but there is no {_wanted(kind)}"
        return KindVerdict(kind, doubt=doubt)
    doubt = _foreign(place.inside, kind) or (CHECKS[kind.check](place) if kind.check else "")
    return KindVerdict(kind, doubt=doubt) if doubt else KindVerdict(kind, (*inside, *around))


def _lacking(place: Surroundings, kind: ArtefactKind) -> str:
    """Return why nothing in the directory is evidence of its kind."""
    marks = dict.fromkeys(mark for group in kind.inside for mark in group)
    unlike = next(filter(None, (_unlike(place, mark) for mark in marks)), "")
    *others, last = dict.fromkeys(" with ".join(map(str, group)) for group in kind.inside)
    needed = f"{', '.join(others)} or {last}" if others else last
    return unlike or f"needs {needed} in it"


def _unlike(place: Surroundings, mark: Telltale) -> str:
    """Return why an entry named like `mark` is none; "" if there is no such entry."""
    name, slash, _ = mark.path.partition("/")
    if name in place.inside.links:
        return f"{name} in it is a symlink"
    if name in (place.inside.files if slash else place.inside.directories):
        return f"{name} in it is {'no' if slash else 'a'} directory"
    if slash or name not in place.inside.files or _found(place, mark) is not None:
        return ""
    if place.read(name) is None:
        return f"{name} in it cannot be read"
    return f"{name} is in it, but not as the tool writes it"


def _foreign(inside: DirectoryNames, kind: ArtefactKind) -> str:
    """Return why something in the directory belongs to no such directory, or ""."""
    every = inside.directories | inside.files | inside.links
    for name in kind.never_inside:
        if name in every:
            return f"{name} is in it"
    if kind.only_inside:
        for name in sorted(every):
            if not any(fnmatchcase(name, pattern) for pattern in kind.only_inside):
                return f"{name} is in it, which belongs to no such directory"
    return ""


def _stands(above: Sequence[DirectoryNames], kind: ArtefactKind) -> bool:
    """Return whether a directory of this kind would be made here."""
    wanted = kind.beside or kind.above
    return not wanted or bool(_matching(above[0], wanted))


def _named(name: str, kind: ArtefactKind) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in kind.names)


def _inside(place: Surroundings, kind: ArtefactKind) -> tuple[str, ...] | None:
    """Return the evidence in the directory, of the first group that is complete."""
    for group in kind.inside:
        found = [_found(place, mark) for mark in group]
        if None not in found:
            return tuple(each for each in found if each is not None)
    return None


def _found(place: Surroundings, mark: Telltale) -> str | None:
    """Return where the mark is, relative to the directory, or None."""
    first, slash, rest = mark.path.partition("/")
    pool = place.inside.directories if slash else place.inside.files
    names = sorted(pool) if "*" in first else [first] if first in pool else []
    for name in names:
        path = f"{name}{slash}{rest}"
        if fnmatchcase(name, first) and _holds(place, mark, path):
            return path
    return None


def _holds(place: Surroundings, mark: Telltale, path: str) -> bool:
    if "/" not in path.removesuffix("/") and not mark.holds:
        return True
    start = place.read(path)
    return start is not None and all(each in start for each in mark.holds)


def _around(above: Sequence[DirectoryNames], kind: ArtefactKind) -> tuple[str, ...] | None:
    """Return the evidence around the directory, or None if some is missing."""
    found = []
    for wanted in filter(None, (kind.beside, kind.also_beside)):
        name = _matching(above[0], wanted)
        if not name:
            return None
        found.append(f"{name} beside it")
    if kind.above:
        name = next(filter(None, (_matching(each, kind.above) for each in above)), "")
        if not name:
            return None
        beside = _matching(above[0], kind.above)
        found.append(f"{beside} beside it" if beside else f"{name} above it")
    return tuple(found)


def _matching(listing: DirectoryNames, wanted: tuple[str, ...]) -> str:
    names = listing.files | listing.links
    for pattern in wanted:
        if "*" not in pattern:
            if pattern in names:
                return pattern
            continue
        found = min((name for name in names if fnmatchcase(name, pattern)), default="")
        if found:
            return found
    return ""


def _wanted(kind: ArtefactKind) -> str:
    beside = [f"{_few(names)} beside it" for names in (kind.beside, kind.also_beside) if names]
    above = [f"{_few(kind.above)} above it"] if kind.above else []
    return ", or no ".join((*beside, *above))


def _few(names: Sequence[str]) -> str:
    shown = " or ".join(names[:3])
    return f"{shown} or the like" if len(names) > 3 else shown


def _compiled(place: Surroundings) -> str:
    """Return why a directory of compiled Python is not just that, or ""."""
    if place.inside.directories or place.inside.links:
        return "there is more in it than compiled files"
    sources = place.above[0].files
    for name in sorted(place.inside.files):
        if not name.endswith(".pyc"):
            return f"{name} is in it, which is no compiled file"
        stems = name.split(".")
        if not any(
            ".".join(stems[:count]) + ending in sources
            for count in range(1, len(stems))
            for ending in (".py", ".pyw")
        ):
            return f"no plain file beside the directory is the source of {name}"
        start = place.read(name)
        if start is None:
            return f"{name} cannot be read"
        if start[2:4] != b"\r\n":
            return f"{name} is no compiled file"
    return ""


CHECKS: dict[str, Callable[[Surroundings], str]] = {"compiled": _compiled}
"""Checks that look at every entry: why it is not proven, or ""."""


def kind_of(rule: Rule) -> ArtefactKind:
    """Return the kind that the `clean` table of a rule describes."""
    values = {"category": rule.category.value, "ecosystem": rule.ecosystem, **rule.clean}
    inside, holds = values.pop("inside"), values.pop("holds", {})
    return ArtefactKind(
        name=values.pop("name"),
        ecosystem=values.pop("ecosystem"),
        category=CleanCategory(values.pop("category")),
        title=values.pop("title"),
        names=texts(values.pop("names", [*rule.find] or "*")),
        inside=tuple(_groups(inside, holds)),
        check=values.pop("check", ""),
        **{key: texts(names) for key, names in values.items()},
    )


def _groups(inside: str | list[Any], holds: Mapping[str, Any]) -> Iterator[tuple[Telltale, ...]]:
    groups = [texts(group) for group in ([inside] if isinstance(inside, str) else inside)]
    unknown = holds.keys() - {path for group in groups for path in group}
    if unknown:
        raise ValueError(f"no evidence has the names {sorted(unknown)}")
    for group in groups:
        yield tuple(Telltale(path, _held(path, holds)) for path in group)


def _held(path: str, holds: Mapping[str, Any]) -> tuple[bytes, ...]:
    signature = (_SIGNATURE,) if path == _TAG else ()
    return tuple(text.encode() for text in (*signature, *texts(holds.get(path, []))))


KINDS: tuple[ArtefactKind, ...] = tuple(
    kind_of(rule) for rule in all_rules().values() if rule.clean
)
"""In the order in which they are tried."""

INCREMENTAL = ArtefactKind(
    "cargo-incremental",
    "rust",
    CleanCategory.ARTEFACT,
    "incremental compilation of Cargo",
    ("incremental",),
    (),
    locks_beside=LOCKS,
)
"""The part of a target directory that `--incremental-only` deletes; the target is proved."""

ECOSYSTEMS = tuple(sorted({kind.ecosystem for kind in KINDS}))
"""The choices of `--ecosystem`."""

BY_NAME = {kind.name: kind for kind in (*KINDS, INCREMENTAL)}
