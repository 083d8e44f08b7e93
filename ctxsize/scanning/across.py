"""Findings across builds: files that are missing, unread, doubled, or better at a sibling."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from ctxsize import units
from ctxsize.codes import severity_of
from ctxsize.discovery import Discovery
from ctxsize.engine import golang
from ctxsize.engine.need import Include
from ctxsize.engine.request import Request
from ctxsize.engine.sent import Sent
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.model import Problem
from ctxsize.scanning.outcome import Row
from ctxsize.scanning.sizes import includes_of

_LEAST_BYTES = 100_000
_LEAST_SHARE = 0.01
_NOT_LITERAL = frozenset("*?[]^\\\ufeff")
_SHOWN = 3
_TOLD_BYTES = 10_000


@dataclass(frozen=True, eq=False)
class Measured:
    """A row with what it was computed from, as far as that is there."""

    row: Row
    request: Request | None
    snapshot: Snapshot | None
    problems: tuple[Problem, ...] = ()


def findings(discovery: Discovery, measured: Sequence[Measured]) -> Iterator[Finding]:
    """Yield all of them, each once however many builds it concerns."""
    seen: set[tuple[str, Location]] = set()
    for finding in _all(discovery, measured):
        if (finding.code, finding.location) not in seen:
            seen.add((finding.code, finding.location))
            yield finding


def _all(discovery: Discovery, measured: Sequence[Measured]) -> Iterator[Finding]:
    siblings = _by_patterns(measured)
    for each in measured:
        yield from _without(each)
        yield from _two_files(each)
        yield from _sibling(each, siblings)
    yield from _unread(discovery, measured)


def _where(row: Row) -> Location:
    """Return the Dockerfile, or the place that holds it."""
    return row.places[0].where if row.dockerfile is None else Location(row.dockerfile)


def _without(each: Measured) -> Iterator[Finding]:
    row = each.row
    if row.ignore_file is not None or row.context is None or each.request is None:
        return
    if row.found.contested:
        return
    saving = max(0, row.saving.content_bytes) if row.saving else 0
    size = units.human(row.cost.content_bytes)
    could = f", {units.human(saving)} of it for nothing" if saving >= _TOLD_BYTES else ""
    yield Finding(
        "CTX301",
        severity_of("CTX301") if could or _takes_all(row) else Severity.INFO,
        f"no ignore file governs {row.build.context}: {size} are sent{could}",
        _where(row),
        Confidence.POSSIBLE if row.found.guessed else Confidence.CERTAIN,
        content_bytes=saving or None,
        help=f"ctxsize suggest --write {_arguments(row)}",
    )


def _takes_all(row: Row) -> bool:
    return row.transfer is None or row.transfer == row.context


def _arguments(row: Row) -> str:
    """Return the build as the arguments of a command."""
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
            f"{row.dockerfile} has two ignore files, and {other} does not count for it",
            Location(row.ignore_file),
            evidence=(other,),
            help="what both should ignore must stand in both",
        )


def _unread(discovery: Discovery, measured: Sequence[Measured]) -> Iterator[Finding]:
    read = {os.path.realpath(path) for each in measured for path in _read_by(each.row)}
    for path in discovery.ignore_files if measured else ():
        if os.path.realpath(path) in read:
            continue
        directory = os.path.dirname(path)
        beside = [
            each.row
            for each in measured
            if each.row.dockerfile and os.path.dirname(each.row.dockerfile) == directory
        ]
        sure = bool(beside) and not any(row.found.guessed for row in beside)
        if not sure and any(each.row.found.contested for each in measured):
            continue
        contexts = sorted({row.build.context for row in beside})
        why = f": the context of {beside[0].dockerfile} is {contexts[0]}" if beside else ""
        yield Finding(
            "CTX302",
            severity_of("CTX302") if sure else Severity.INFO,
            f"no build reads this ignore file{why}",
            Location(path),
            Confidence.LIKELY if sure else Confidence.POSSIBLE,
            help="move it to the root of the context, or name it <Dockerfile>.dockerignore",
        )


def _read_by(row: Row) -> Iterator[str]:
    """Yield the ignore files that a build reads, and those that its counterpart of Podman does."""
    yield from filter(None, [row.ignore_file])
    for directory in (row.build.context, *row.build.build_contexts.values()):
        yield os.path.join(directory, ".containerignore")
    for directory in row.build.build_contexts.values():
        yield os.path.join(directory, ".dockerignore")
    if row.dockerfile is not None:
        yield f"{row.dockerfile}.containerignore"


def _by_patterns(measured: Sequence[Measured]) -> list[list[Measured]]:
    """Return the builds whose ignore file may do for a sibling, those with equal lines together."""
    found: dict[tuple[str, ...], list[Measured]] = {}
    for each in measured:
        if each.request is None or each.request.ignore_file is None or not each.row.ignore_file:
            continue
        lines = tuple(each.request.ignore_file.texts())
        # An allow-list is about its own tree.
        if not any(line.startswith("!") or line in ("*", "**", "**/*", ".") for line in lines):
            found.setdefault(lines, []).append(each)
    return [*found.values()]


def _sibling(each: Measured, siblings: Sequence[Sequence[Measured]]) -> Iterator[Finding]:
    """Yield the sibling whose patterns keep out most of this context, if it is worth it."""
    if each.snapshot is None or each.request is None or not each.row.cost.content_bytes:
        return
    include = _include(each.request)
    before = each.snapshot.sent(include=include)
    if before.content_bytes < _LEAST_BYTES:
        return
    top = each.snapshot.root
    names = {*(file.name for file in top.files), *(folder.name for folder in top.folders)}
    others = (next((one for one in same if _is_other(one, each)), None) for same in siblings)
    tried: dict[tuple[str, ...], Sent | None] = {(): None}
    found: list[tuple[Measured, Sent]] = []
    for other in others:
        lines = () if other is None else _telling(other, names)
        if lines not in tried:
            tried[lines] = _under(each, lines, include)
        after = tried[lines]
        if other is not None and after is not None:
            found.append((other, after))
    # Of those that keep out as much, the one that covers most.
    found.sort(key=lambda pair: (pair[1].content_bytes, -_patterns(pair[0])))
    if found:
        other, after = found[0]
        saved = before.content_bytes - after.content_bytes
        if saved >= max(_LEAST_BYTES, _LEAST_SHARE * before.content_bytes):
            yield _parity(each.row, other.row, saved, before, after)


def _patterns(each: Measured) -> int:
    return 0 if each.request is None else len(each.request.spec.patterns)


def _include(request: Request) -> Include:
    """Return what the build asks for first of its context, None for all of it."""
    try:
        includes = includes_of(request)
    except CtxsizeError:
        return None
    return includes[0] if includes else None


def _is_other(one: Measured, each: Measured) -> bool:
    """Return whether `one` has another ignore file and another context than `each`."""
    assert one.request is not None
    assert each.request is not None
    return one.row.ignore_file != each.row.ignore_file and one.request.root != each.request.root


def _telling(other: Measured, names: Set[str]) -> tuple[str, ...]:
    """Return the lines of a sibling that may match where these `names` are at the top."""
    assert other.request is not None
    assert other.request.ignore_file is not None
    lines = ((each, _start_of(each)) for each in other.request.ignore_file.texts())
    return tuple(line for line, start in lines if start is None or start in names)


def _start_of(line: str) -> str | None:
    """Return the name at the top that a line is about, None where that may be any."""
    start = golang.clean(line.strip()).lstrip("/").partition("/")[0]
    return None if _NOT_LITERAL & {*start} or start in ("", ".", "..") else start


def _under(each: Measured, lines: tuple[str, ...], include: Include) -> Sent | None:
    """Return what would be sent if the `lines` held too; None where they fail the build."""
    assert each.request is not None
    assert each.snapshot is not None
    own = each.request.ignore_file
    try:
        spec = each.request.builder.spec_class.from_lines([*(own.texts() if own else []), *lines])
        return each.snapshot.sent(spec, include=include)
    except CtxsizeError:
        return None


def _parity(row: Row, other: Row, saved: int, before: Sent, after: Sent) -> Finding:
    gone = before.without(after)
    tops = sorted(
        dict.fromkeys(path.split("/")[0] for path in gone),
        key=lambda top: -sum(before.sizes[p] for p in gone if p == top or p.startswith(top + "/")),
    )
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
