"""A scan with its rows, and the findings about ignore files across builds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ctxsize import units
from ctxsize.build import Build
from ctxsize.codes import severity_of
from ctxsize.discovery import Discovery, FoundBuild, Place
from ctxsize.engine import golang
from ctxsize.engine.events import order
from ctxsize.engine.need import Include
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Sent, Snapshot, differences
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.model import Amount, Effect, Problem


@dataclass(frozen=True)
class Row:
    """One build: the amount that it sends, and the part that the safe suggestions avoid."""

    found: FoundBuild
    dockerfile: str | None
    """The path of the Dockerfile; None without one, or if a Compose or Bake file contains it."""
    ignore_file: str | None  # the path of the ignore file that applies, None without one
    context: Amount | None = None
    """The amount that the ignore file leaves; None if `error` gives a reason."""
    transfer: Amount | None = None  # the part of the context that is sent; None if unknown
    saving: Amount | None = None  # the part of `cost` that the safe suggestions avoid
    findings: int = 0
    """Number of findings about this build, from the scan and from `ctxsize advise`."""
    error: str | None = None

    @property
    def build(self) -> Build:
        """Return the options of `docker build`."""
        return self.found.build

    @property
    def places(self) -> tuple[Place, ...]:
        """Return the places that define it."""
        return self.found.places

    @property
    def cost(self) -> Amount:
        """Return the transfer; if unknown, the context; if both are unknown, nothing."""
        return self.transfer or self.context or Amount()


@dataclass
class Measured:
    """A row, and the values that it is computed from as far as they are known."""

    row: Row
    request: Request | None = None
    snapshot: Snapshot | None = None
    includes: list[Include] | None = None  # the transfers of the build context; None if unknown
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Scan:
    """The answer of `ctxsize scan`."""

    kind: ClassVar[Literal["scan"]] = "scan"

    root: str
    rows: tuple[Row, ...]  # the builds, the most costly first
    findings: tuple[Finding, ...] = ()
    """Findings across builds; `ctxsize advise` reports those about Dockerfiles."""
    advice: int = 0  # number of findings of `ctxsize advise`
    problems: tuple[Problem, ...] = ()

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be counted, so that each total is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)


_LEAST_BYTES = 100_000
_LEAST_SHARE = 0.01
_LEAST_SHOWN_BYTES = 10_000
_NOT_LITERAL = frozenset("*?[]^\\\ufeff")
_SHOWN = 3

Lines = tuple[str, ...]
Siblings = dict[Lines, list[tuple[Row, Request]]]
"""Builds whose ignore file might suit another build, by the lines of this file."""


def findings(discovery: Discovery, measured: Sequence[Measured]) -> Iterable[Finding]:
    """Return the findings across builds, each once."""
    siblings = _siblings(measured)
    checks = (_without, _two_files, lambda each: _sibling(each, siblings))
    found = [finding for each in measured for check in checks for finding in check(each)]
    once: dict[tuple[str, Location], Finding] = {}
    for each in (*found, *_unread(discovery, [each.row for each in measured])):
        once.setdefault((each.code, each.location), each)
    return once.values()


def _where(row: Row) -> Location:
    """Return the location of the Dockerfile, or of the place that contains it."""
    return row.places[0].where if row.dockerfile is None else Location(row.dockerfile)


def _without(each: Measured) -> Iterator[Finding]:
    row = each.row
    if row.ignore_file is not None or row.context is None or row.found.contested:
        return
    saving = max(0, row.saving.content_bytes) if row.saving else 0
    size = units.human(row.cost.content_bytes)
    could = f", {units.human(saving)} of it for nothing" if saving >= _LEAST_SHOWN_BYTES else ""
    takes_all = row.transfer in (None, row.context)
    yield Finding(
        "CTX301",
        severity_of("CTX301") if could or takes_all else Severity.INFO,
        f"no ignore file governs {row.build.context}: {size} are sent{could}",
        _where(row),
        Confidence.POSSIBLE if row.found.guessed else Confidence.CERTAIN,
        content_bytes=saving or None,
        help=f"ctxsize suggest --write {_arguments(row)}",
    )


def _arguments(row: Row) -> str:
    usual = {os.path.normpath(os.path.join(row.build.context, "Dockerfile")), None}
    file = "" if row.dockerfile in usual else f"-f {row.dockerfile} "
    return f"{file}{row.build.context}"


def _two_files(each: Measured) -> Iterator[Finding]:
    row, request = each.row, each.request
    if request is None or row.ignore_file is None or not request.dockerfile_specific:
        return
    other = os.path.normpath(os.path.join(row.build.context, ".dockerignore"))
    if os.path.isfile(other):
        yield Finding(
            "CTX304",
            severity_of("CTX304"),
            f"{row.dockerfile} has two ignore files: Docker does not read {other} for it",
            Location(row.ignore_file),
            evidence=(other,),
            help="repeat a pattern in both files if both builds need it",
        )


def _unread(discovery: Discovery, rows: Sequence[Row]) -> Iterator[Finding]:
    read = {os.path.realpath(path) for row in rows for path in _read_by(row)}
    for path in discovery.ignore_files if rows else ():
        if os.path.realpath(path) in read:
            continue
        directory = os.path.dirname(path)
        beside = [r for r in rows if r.dockerfile and os.path.dirname(r.dockerfile) == directory]
        sure = bool(beside) and not any(row.found.guessed for row in beside)
        if not sure and any(row.found.contested for row in rows):
            continue
        context = min((row.build.context for row in beside), default="")
        why = f": the context of {beside[0].dockerfile} is {context}" if beside else ""
        yield Finding(
            "CTX302",
            severity_of("CTX302") if sure else Severity.INFO,
            f"no build reads this ignore file{why}",
            Location(path),
            Confidence.LIKELY if sure else Confidence.POSSIBLE,
            help="move it to the root of the context, or name it <Dockerfile>.dockerignore",
        )


def _read_by(row: Row) -> Iterator[str]:
    """Yield the ignore files that a build reads, with Docker or with Podman."""
    if row.ignore_file:
        yield row.ignore_file
    else:  # there is none, or the build fails on it
        yield os.path.join(row.build.context, ".dockerignore")
        yield f"{row.dockerfile}.dockerignore"
    for directory in (row.build.context, *row.build.build_contexts.values()):
        yield os.path.join(directory, ".containerignore")
    for directory in row.build.build_contexts.values():
        yield os.path.join(directory, ".dockerignore")
    if row.dockerfile is not None:
        yield f"{row.dockerfile}.containerignore"


def _siblings(measured: Sequence[Measured]) -> Siblings:
    found: Siblings = {}
    for each in measured:
        if each.request is None or each.request.ignore_file is None or not each.row.ignore_file:
            continue
        lines = tuple(each.request.ignore_file.texts())
        # An allow-list fits only its own tree.
        if not any(line.startswith("!") or line in ("*", "**", "**/*", ".") for line in lines):
            found.setdefault(lines, []).append((each.row, each.request))
    return found


def _sibling(each: Measured, siblings: Siblings) -> Iterator[Finding]:
    """Yield a finding on the sibling whose patterns ignore most of this context, if worth it."""
    if each.snapshot is None or each.request is None or not each.row.cost.content_bytes:
        return
    include = each.includes[0] if each.includes else None
    before = each.snapshot.sent(include=include)
    if before.content_bytes < _LEAST_BYTES:
        return
    tried = _tried(each.request, each.snapshot, siblings, include)
    # Of siblings that save the same, prefer the one with the most patterns.
    best = min(tried, key=lambda one: (one[2].content_bytes, -one[1]), default=None)
    if best is not None:
        other, _, after = best
        saved = before.content_bytes - after.content_bytes
        if saved >= max(_LEAST_BYTES, _LEAST_SHARE * before.content_bytes):
            yield _parity(each.row, other, saved, before, after)


def _tried(
    request: Request, snapshot: Snapshot, siblings: Siblings, include: Include
) -> Iterator[tuple[Row, int, Sent]]:
    """Yield siblings, each with its number of patterns and the files sent with these patterns."""
    names = {None, *snapshot.root.entries, *snapshot.root.folders}
    own = request.ignore_file
    path = None if own is None else own.path
    tried: dict[Lines, Sent | None] = {(): None}
    for lines, same in siblings.items():
        others = (e for e in same if e[0].ignore_file != path and e[1].root != request.root)
        if (found := next(others, None)) is None:
            continue
        row, other = found
        # Other lines match nothing here.
        matching = tuple(line for line in lines if _start_of(line) in names)
        if matching not in tried:
            texts = [*(own.texts() if own else []), *matching]
            tried[matching] = None
            with suppress(CtxsizeError):  # they fail the build
                spec = request.builder.spec_class.from_lines(texts)
                tried[matching] = snapshot.sent(spec, include=include)
        if (after := tried[matching]) is not None:
            yield row, len(other.spec.patterns), after


def _start_of(line: str) -> str | None:
    """Return the first name of the path in a line, None if it may be any."""
    start = golang.clean(line.strip()).lstrip("/").partition("/")[0]
    return None if _NOT_LITERAL & {*start} or start in ("", ".", "..") else start


def _parity(row: Row, other: Row, saved: int, before: Sent, after: Sent) -> Finding:
    gone = sorted(differences(before, after).hidden, key=order)
    bytes_by_top: dict[str, int] = {}
    for path in gone:
        top = path.partition("/")[0]
        bytes_by_top[top] = bytes_by_top.get(top, 0) + before.size(path)
    tops = sorted(bytes_by_top, key=lambda top: -bytes_by_top[top])
    return Finding(
        "CTX305",
        severity_of("CTX305"),
        f"{other.ignore_file} keeps out what {row.build.context} sends: {units.human(saved)}",
        Location(row.ignore_file) if row.ignore_file else _where(row),
        Confidence.LIKELY,
        tuple(f"{row.build.context}/{top}" for top in tops[:_SHOWN]),
        saved,
        len(gone),
        help=f"ctxsize suggest --like {other.ignore_file} {_arguments(row)}",
    )
