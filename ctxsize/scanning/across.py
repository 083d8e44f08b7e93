"""Findings about the ignore files of a repository, for which all of its builds are compared."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import itemgetter
from os.path import isfile, realpath
from typing import NamedTuple

from ctxsize import units
from ctxsize.build import joined, path_argument
from ctxsize.codes import severity_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import EVERYTHING
from ctxsize.engine.plan import with_ignore_file
from ctxsize.engine.snapshot import Sent, SentDifference, Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Confidence, Finding, Location, Severity
from ctxsize.go import paths
from ctxsize.model import Texts
from ctxsize.reader import border_of, is_in
from ctxsize.recommender.tree import outermost
from ctxsize.repository import Discovery
from ctxsize.repository.readers import IgnoreFileReaders
from ctxsize.scanning.rows import Measured, Row
from ctxsize.writer import START

_LEAST_BYTES = 100_000  # of a saving that makes the ignore file of a sibling worth a finding
_LEAST_SHOWN_BYTES = 10_000
_SHOWN = 3
_MOST_PROVED = 5  # siblings of a context that are tried as `suggest --like` does
_NOT_LITERAL = frozenset("*?[]^\\\ufeff")


class Sibling(NamedTuple):
    """An ignore file that might suit another build."""

    file: IgnoreFile
    context: str
    pattern_count: int


Siblings = dict[Texts, list[Sibling]]  # by the lines of these files
Like = Callable[[Snapshot, IgnoreFile], bytes | None]
"""Returns the ignore file that `suggest --like` writes for a context, None if nothing changes."""


def findings_across(
    discovery: Discovery, measured: Sequence[Measured], like: Like
) -> Iterable[Finding]:
    """Return the findings across builds, each once."""
    siblings = _siblings(measured)
    findings: list[Finding] = []
    findings += _without_ignore_file(measured)
    for build in measured:
        findings += _two_ignore_files(build)
        findings += _better_sibling(build, siblings, like)
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
        if file.data.lstrip().startswith(START):  # proved for another context, not for this one
            continue
        lines = tuple(file.texts())
        # An allow-list fits only its own tree.
        if not any(line.startswith("!") or line in (*EVERYTHING, ".") for line in lines):
            siblings[lines].append(Sibling(file, plan.root, len(plan.spec.patterns)))
    return siblings


def _without_ignore_file(measured: Iterable[Measured]) -> Iterator[Finding]:
    """Yield a finding for each context without an ignore file in which one is worth it.

    It is about the build that would save the most: one file serves all builds of a context.
    """
    by_context = defaultdict(list)
    for build in measured:
        row = build.row
        if row.found.contested or build.advice is None:
            continue
        if build.advice.lacks_a_file:
            by_context[realpath(row.build.context)].append(row)
    for rows_of_context in by_context.values():
        yield _lacking_ignore_file(max(rows_of_context, key=_saved_bytes))


def _saved_bytes(row: Row) -> int:
    """Return the number of bytes that the safe suggestions avoid, 0 if unknown."""
    if row.saving is None:
        return 0
    return row.saving.content_bytes


def _lacking_ignore_file(row: Row) -> Finding:
    saved_bytes = _saved_bytes(row)
    could = ""
    if saved_bytes >= _LEAST_SHOWN_BYTES:
        could = f", {units.human(saved_bytes)} more than it needs"
    confidence = Confidence.CERTAIN
    if row.found.guessed:
        confidence = Confidence.POSSIBLE
    context = row.build.context
    sent = units.human(row.cost.content_bytes)
    return Finding(
        code="CTX301",
        severity=severity_of("CTX301"),
        message=f"no ignore file governs {context}: the build sends {sent}{could}",
        location=row.where,
        confidence=confidence,
        content_bytes=saved_bytes,
        help=f"ctxsize suggest --write {shlex.join([*row.options, path_argument(context)])}",
    )


def _two_ignore_files(build: Measured) -> Iterator[Finding]:
    from ctxsize.lints.missing import lacking_of  # few builds need it

    row = build.row
    snapshot = build.snapshot
    if not row.ignore_file or snapshot is None or not snapshot.plan.dockerfile_specific:
        return
    other = joined(row.build.context, ".dockerignore")
    if not isfile(other):
        return
    lacking = lacking_of(other, snapshot, snapshot.plan.spec, build.includes)
    if lacking:
        paths = outermost(dict.fromkeys(sorted(lacking)))
        yield Finding(
            code="CTX304",
            severity=severity_of("CTX304"),
            message=f"{row.dockerfile} has two ignore files: Docker does not read {other} for it, "
            f"and so sends {', '.join([*paths][:_SHOWN])}",
            location=Location(row.ignore_file),
            evidence=(other, *[*paths][:_SHOWN]),
            help="repeat a pattern in both files if both builds need it",
        )


def _unread(discovery: Discovery, rows: Sequence[Row]) -> Iterator[Finding]:
    """Yield a finding for each ignore file that no build reads, if there are builds."""
    if not rows:
        return
    builds = [*(row.found for row in rows), *discovery.outside]
    readers = IgnoreFileReaders(builds, border_of(discovery.root), discovery.parsed_files)
    for path in discovery.ignore_files:
        unread = readers.why_unread(path)
        if unread is None or unread.is_open:
            continue
        severity = Severity.INFO
        confidence = Confidence.POSSIBLE
        if unread.is_sure:
            severity = severity_of("CTX302")
            confidence = Confidence.LIKELY
        yield Finding(
            code="CTX302",
            severity=severity,
            message=f"no build reads this ignore file: {unread.reason}",
            location=Location(path),
            confidence=confidence,
            help=unread.help,
        )


def _better_sibling(build: Measured, siblings: Siblings, like: Like) -> Iterator[Finding]:
    """Yield a finding on the sibling whose patterns ignore most of this context, if worth it.

    It is what `suggest --like` does, which leaves out what a build of the context needs.
    """
    row = build.row
    snapshot = build.snapshot
    if snapshot is None or not row.cost.content_bytes:
        return
    include = next(iter(build.includes), None)
    before = snapshot.sent(include=include)
    least_bytes = max(_LEAST_BYTES, before.content_bytes / 100)
    for other in _promising(snapshot, siblings, include, least_bytes)[:_MOST_PROVED]:
        after = None
        with suppress(CtxsizeError):
            data = like(snapshot, other.file)
            if data is not None:
                after = snapshot.sent(with_ignore_file(snapshot.plan, data).spec, include=include)
        if after is None or before.content_bytes - after.content_bytes < least_bytes:
            continue
        yield _sibling_finding(row, other, SentDifference(before, after), before)
        return


def _sibling_finding(row: Row, other: Sibling, changes: SentDifference, before: Sent) -> Finding:
    bytes_by_top = Counter[str]()
    for path in sorted(changes.hidden):
        top, _, _ = path.partition("/")
        bytes_by_top[top] += before.size(path)
    where = row.where
    if row.ignore_file:
        where = Location(row.ignore_file)
    context = row.build.context
    other_path = other.file.path
    saved_bytes = bytes_by_top.total()
    return Finding(
        code="CTX305",
        severity=severity_of("CTX305"),
        message=f"the patterns of {other_path} would ignore {units.human(saved_bytes)} that "
        f"{context} sends",
        location=where,
        confidence=Confidence.CERTAIN,
        evidence=tuple(f"{context}/{top}" for top, _ in bytes_by_top.most_common(_SHOWN)),
        content_bytes=saved_bytes,
        files=len(changes.hidden),
        help=f"ctxsize suggest --like {shlex.quote(path_argument(other_path))} "
        f"{shlex.join([*row.options, path_argument(context)])}",
    )


def _promising(
    snapshot: Snapshot, siblings: Siblings, include: Include, least_bytes: float
) -> list[Sibling]:
    """Return the siblings whose lines as they stand would save `least_bytes`, the best first.

    Of those that save the same, the one with the most patterns is first.
    """
    plan = snapshot.plan
    before_bytes = snapshot.sent(include=include).content_bytes
    if before_bytes < least_bytes:
        return []
    names = {None, *snapshot.root.entries, *snapshot.root.folders}
    present_file = plan.ignore_file or IgnoreFile("", lines=())
    present_lines = present_file.texts()
    tried: dict[Texts, int | None] = {(): None}  # bytes that are sent
    ranked: list[tuple[int, int, Sibling]] = []
    for lines, equal in siblings.items():
        # What one of two nested contexts does not need may be the purpose of the other.
        others = [
            other
            for other in equal
            if other.file.path != present_file.path
            and not is_in(other.context, plan.root)
            and not is_in(plan.root, other.context)
        ]
        if not others:
            continue
        # Other lines match nothing here.
        matching = tuple(line for line in lines if _start_of(line) in names)
        if matching not in tried:
            tried[matching] = None
            with suppress(CtxsizeError):  # they fail the build
                spec = plan.builder.spec_class.from_lines([*present_lines, *matching])
                tried[matching] = snapshot.sent(spec, include=include).content_bytes
        sent_bytes = tried[matching]
        if sent_bytes is not None and before_bytes - sent_bytes >= least_bytes:
            ranked.append((sent_bytes, -others[0].pattern_count, others[0]))
    ranked.sort(key=itemgetter(0, 1))
    return [sibling for _, _, sibling in ranked]


@lru_cache(maxsize=65_536)  # each context asks about the lines of all others
def _start_of(line: str) -> str | None:
    """Return the first name of the path in a line, None if it may be any."""
    start = paths.clean(line.strip()).lstrip("/").partition("/")[0]
    if _NOT_LITERAL & {*start} or start in ("", ".", ".."):
        return None
    return start
