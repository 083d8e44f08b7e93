"""Findings about the ignore files of a repository, for which all of its builds are compared."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from os.path import basename, dirname, isfile, join, realpath
from typing import NamedTuple

from ctxsize import units
from ctxsize.build import joined
from ctxsize.codes import severity_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.snapshot import Sent, SentDifference, Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.go import paths
from ctxsize.model import Amount, Texts
from ctxsize.repository import Discovery
from ctxsize.scanning.rows import Measured, Row

_LEAST_BYTES = 100_000  # of a saving that makes the ignore file of a sibling worth a finding
_LEAST_SHOWN_BYTES = 10_000
_SHOWN = 3
_NOT_LITERAL = frozenset("*?[]^\\\ufeff")
_UNREAD = "no build reads this ignore file"
_EVERYTHING = ("*", "**", "**/*", ".")


class Sibling(NamedTuple):
    """An ignore file that might suit another build."""

    path: str
    context: str
    pattern_count: int


Siblings = dict[Texts, list[Sibling]]  # by the lines of these files


def findings_across(discovery: Discovery, measured: Sequence[Measured]) -> Iterable[Finding]:
    """Return the findings across builds, each once."""
    siblings = _siblings(measured)
    findings: list[Finding] = []
    for build in measured:
        findings += _without_ignore_file(build)
        findings += _two_ignore_files(build)
        findings += _better_sibling(build, siblings)
    findings += _unread(discovery, [build.row for build in measured])
    findings.reverse()  # the first of several about one place is kept
    unique = {(finding.code, finding.location): finding for finding in findings}
    return unique.values()


def _siblings(measured: Iterable[Measured]) -> Siblings:
    """Return the ignore files that might suit other builds."""
    siblings: Siblings = defaultdict(list)
    for build in measured:
        plan = build.plan
        if plan is None or plan.ignore_file is None:
            continue
        file = plan.ignore_file
        lines = tuple(file.texts())
        # An allow-list fits only its own tree.
        if not any(line.startswith("!") or line in _EVERYTHING for line in lines):
            siblings[lines].append(Sibling(file.path, plan.root, len(plan.spec.patterns)))
    return siblings


def _without_ignore_file(build: Measured) -> Iterator[Finding]:
    row = build.row
    if row.ignore_file is not None or row.context is None or row.found.contested:
        return
    saving = (row.saving or Amount()).content_bytes
    could = ""
    if saving >= _LEAST_SHOWN_BYTES:
        could = f", {units.human(saving)} more than it needs"
    severity = Severity.INFO
    if could or row.transfer in (None, row.context):
        severity = severity_of("CTX301")
    confidence = Confidence.CERTAIN
    if row.found.guessed:
        confidence = Confidence.POSSIBLE
    context = row.build.context
    sent = units.human(row.cost.content_bytes)
    yield Finding(
        code="CTX301",
        severity=severity,
        message=f"no ignore file governs {context}: the build sends {sent}{could}",
        location=row.where,
        confidence=confidence,
        content_bytes=max(0, saving) or None,
        help=f"ctxsize suggest --write {shlex.join([*row.options, context])}",
    )


def _two_ignore_files(build: Measured) -> Iterator[Finding]:
    row = build.row
    if not row.ignore_file or build.plan is None or not build.plan.dockerfile_specific:
        return
    other = joined(row.build.context, ".dockerignore")
    if isfile(other):
        yield Finding(
            code="CTX304",
            severity=severity_of("CTX304"),
            message=f"{row.dockerfile} has two ignore files: Docker does not read {other} for it",
            location=Location(row.ignore_file),
            evidence=(other,),
            help="repeat a pattern in both files if both builds need it",
        )


def _unread(discovery: Discovery, rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield a finding for each ignore file that no build reads, if there are builds."""
    if not rows:
        return
    read = set[str]()
    applied = {realpath(row.ignore_file) for row in rows if row.ignore_file}
    by_directory = defaultdict[str, list[Row]](list)
    for row in rows:
        read.update(map(realpath, _read_by(row)))
        directory = dirname(row.dockerfile or "/")
        by_directory[directory].append(row)
    is_contested = any(row.found.contested for row in rows)
    for path in discovery.ignore_files:
        if realpath(path) in read:
            continue
        directory = dirname(path)
        beside = by_directory[directory]
        is_sure = bool(beside) and not any(row.found.guessed for row in beside)
        if not is_sure and is_contested:
            continue
        finding = _unread_file(path, beside, is_sure=is_sure)
        other = join(directory, ".containerignore")
        if basename(path) == ".dockerignore" and realpath(other) in applied:
            finding = replace(
                finding,
                message=f"{_UNREAD}: {other} replaces it for Podman",
                help="remove it, or make both equal",
            )
        yield finding


def _unread_file(path: str, beside: Sequence[Row], *, is_sure: bool) -> Finding:
    """Return the finding about a file that no build reads, with the builds of its directory."""
    message = _UNREAD
    if beside:
        context = min(row.build.context for row in beside)
        how = "is"
        if not is_sure:
            how = "is probably"
        message = f"{_UNREAD}: the context of {beside[0].dockerfile} {how} {context}"
    severity = Severity.INFO
    confidence = Confidence.POSSIBLE
    if is_sure:
        severity = severity_of("CTX302")
        confidence = Confidence.LIKELY
    return Finding(
        code="CTX302",
        severity=severity,
        message=message,
        location=Location(path),
        confidence=confidence,
        help="move it to the root of the context, or name it <Dockerfile>.dockerignore",
    )


def _read_by(row: Row) -> Iterator[str]:
    """Yield the ignore files that a build reads, with Docker or with Podman."""
    directories = [row.build.context, *row.build.build_contexts.values()]
    yield f"{row.dockerfile}.containerignore"
    for directory in directories:
        yield join(directory, ".containerignore")
    if row.ignore_file:
        yield row.ignore_file
        del directories[0]
    else:  # there is none, or the build fails on it
        yield f"{row.dockerfile}.dockerignore"
    for directory in directories:
        yield join(directory, ".dockerignore")


def _better_sibling(build: Measured, siblings: Siblings) -> Iterator[Finding]:
    """Yield a finding on the sibling whose patterns ignore most of this context, if worth it."""
    row = build.row
    snapshot = build.snapshot
    if snapshot is None or not row.cost.content_bytes:
        return
    include = next(iter(build.includes), None)
    before = snapshot.sent(include=include)
    before_bytes = before.content_bytes
    if before_bytes < _LEAST_BYTES:
        return
    best = min(_trials(snapshot, siblings, include), key=_Trial.order, default=None)
    if best is None:
        return
    saved = before_bytes - best.sent.content_bytes
    if saved < max(_LEAST_BYTES, before_bytes / 100):
        return
    gone = sorted(SentDifference(before, best.sent).hidden)
    bytes_by_top = Counter[str]()
    for path in gone:
        top, _, _ = path.partition("/")
        bytes_by_top[top] += before.size(path)
    where = row.where
    if row.ignore_file:
        where = Location(row.ignore_file)
    context = row.build.context
    other = best.sibling.path
    size = units.human(saved)
    yield Finding(
        code="CTX305",
        severity=severity_of("CTX305"),
        message=f"the patterns of {other} would ignore {size} that {context} sends",
        location=where,
        confidence=Confidence.LIKELY,
        evidence=tuple(f"{context}/{top}" for top, _ in bytes_by_top.most_common(_SHOWN)),
        content_bytes=saved,
        files=len(gone),
        help=f"ctxsize suggest --like {shlex.quote(other)} {shlex.join([*row.options, context])}",
    )


class _Trial(NamedTuple):
    """A sibling, and the entries that a build would send with its patterns."""

    sibling: Sibling
    sent: Sent

    def order(self) -> tuple[int, int]:
        """Return a key: of those that save the same, the one with the most patterns is first."""
        return self.sent.content_bytes, -self.sibling.pattern_count


def _trials(snapshot: Snapshot, siblings: Siblings, include: Include) -> Iterator[_Trial]:
    """Yield what is sent with the patterns of each sibling that has some for this context."""
    plan = snapshot.plan
    names = {None, *snapshot.root.entries, *snapshot.root.folders}
    present_file = plan.ignore_file or IgnoreFile("", lines=())
    present_lines = present_file.texts()
    tried: dict[Texts, Sent | None] = {(): None}
    for lines, equal in siblings.items():
        others = [
            other
            for other in equal
            if other.path != present_file.path and other.context != plan.root
        ]
        if not others:
            continue
        # Other lines match nothing here.
        matching = tuple(line for line in lines if _start_of(line) in names)
        if matching not in tried:
            tried[matching] = None
            with suppress(CtxsizeError):  # they fail the build
                spec = plan.builder.spec_class.from_lines([*present_lines, *matching])
                tried[matching] = snapshot.sent(spec, include=include)
        sent = tried[matching]
        if sent is not None:
            yield _Trial(others[0], sent)


@lru_cache(maxsize=65_536)  # each context asks about the lines of all others
def _start_of(line: str) -> str | None:
    """Return the first name of the path in a line, None if it may be any."""
    start = paths.clean(line.strip()).lstrip("/").partition("/")[0]
    if _NOT_LITERAL & {*start} or start in ("", ".", ".."):
        return None
    return start
