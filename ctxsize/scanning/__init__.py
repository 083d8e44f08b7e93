"""Every build of a repository, measured, and the findings about ignore files across builds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from shlex import join, quote
from typing import ClassVar, Literal

from ctxsize import units
from ctxsize.advice import advise
from ctxsize.build import Build
from ctxsize.codes import severity_of
from ctxsize.dockerfile.shell import UNKNOWN
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.events import Progress, Steps, step, stepped
from ctxsize.engine.fates import breaking
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ParsedDockerfiles, Plan, plan_of
from ctxsize.engine.snapshot import Sent, Snapshot, differences
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, DockerfileError, IgnoreFileError, UndecidedError
from ctxsize.findings import Confidence, Finding, Location, Severity, in_order
from ctxsize.go import paths
from ctxsize.hidden import shown
from ctxsize.model import Amount, Effect, Problem
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.tree import travelling
from ctxsize.repository import Discovery, FoundBuild, Place
from ctxsize.version import __version__

_LEAST_BYTES = 100_000  # of a saving that makes the ignore file of a sibling worth a finding
_LEAST_SHOWN_BYTES = 10_000
_SHOWN = 3
_NOT_LITERAL = frozenset("*?[]^\\\ufeff")
Siblings = dict[tuple[str, ...], list[tuple[str, str, int]]]
"""Ignore files that might suit another build, by their lines: path, context, number of patterns."""


@dataclass(frozen=True)
class Row:
    """One build: the amount that it sends, and the part that the safe suggestions avoid."""

    found: FoundBuild
    dockerfile: str | None  # None without one, and if a Compose or Bake file contains it
    ignore_file: str | None = None  # the path of the ignore file that applies
    context: Amount | None = None  # what the ignore file leaves; None if `error` gives a reason
    transfer: Amount | None = None  # the part of the context that is sent; None if unknown
    saving: Amount | None = None  # the part of `cost` that the safe suggestions avoid
    findings: int = 0  # number of findings about this build, also those of `ctxsize advise`
    error: str | None = None
    is_unread: bool = False  # whether the error is in the text of the Dockerfile or ignore file

    @property
    def build(self) -> Build:
        """Return the options of `docker build`."""
        return self.found.build

    @property
    def places(self) -> tuple[Place, ...]:
        """Return the places that define it."""
        return self.found.places

    @property
    def where(self) -> Location:
        """Return the location of the Dockerfile, or of the place that contains it."""
        if self.dockerfile is None:
            return self.found.where
        return Location(self.dockerfile)

    @property
    def options(self) -> list[str]:
        """Return the options that select its Dockerfile, if it has no usual name, and target."""
        usual = os.path.normpath(os.path.join(self.build.context, "Dockerfile"))
        file = self.dockerfile or usual
        target = shown(self.build.target)
        if os.path.normpath(file) != usual:
            named = ["-f", file]
        else:
            named = []
        if target:
            return [*named, "--target", target]
        return named

    @property
    def cost(self) -> Amount:
        """Return the transfer; if unknown, the context; if both are unknown, nothing."""
        return self.transfer or self.context or Amount()

    def order(self) -> tuple[int, int, str]:
        """Return a key: the most costly comes first."""
        return -self.cost.content_bytes, -self.cost.files, self.build.context


@dataclass(frozen=True)
class Scan:
    """The answer of `ctxsize scan`."""

    kind: ClassVar[Literal["scan"]] = "scan"

    root: str
    rows: tuple[Row, ...]  # the builds, the most costly first
    findings: tuple[Finding, ...] = ()  # across builds; `advise` reports those about Dockerfiles
    advice: int = 0  # number of findings of `ctxsize advise`
    problems: tuple[Problem, ...] = ()
    merged: tuple[str, ...] = ()  # the reports, if it is not about files here
    ctxsize_version: str = __version__

    @property
    def lower_bound(self) -> bool:
        """Return whether something could not be counted, so that each total is "at least"."""
        return any(problem.effect is Effect.LOWER_BOUND for problem in self.problems)


@dataclass
class Measured:
    """A row, and the values that it is computed from as far as they are known."""

    row: Row
    plan: Plan | None = None
    snapshot: Snapshot | None = None
    includes: list[Include] | None = None  # the transfers of the build context; None if unknown
    problems: list[Problem] = field(default_factory=list)


def scan(
    discovery: Discovery,
    *,
    left: Callable[[Iterable[Finding]], tuple[Finding, ...]] = tuple,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Return every build, the most costly first; `left` selects the findings to report."""
    contexts = Snapshots(progress, Repositories(discovery.root))
    builds = stepped(discovery.builds, steps, lambda each: each.build.context)
    measured = [_measured(each, discovery.parsed_files, contexts) for each in builds]
    step(steps, "reading the Dockerfiles")
    across = left([*discovery.findings, *_findings(discovery, measured)])
    advised = advise(discovery)
    advice = left(advised.findings)
    found = _Findings([*across, *advice])
    rows = [replace(each.row, findings=found.about(each.row)) for each in measured]
    rows += [replace(_row(each), error=each.outside) for each in discovery.outside]
    # The rows report the builds outside the repository.
    problems = [each for each in discovery.problems if each.code != "outside"]
    problems += [each for each in advised.problems if each.code == UNKNOWN.code]
    unique = dict.fromkeys((*problems, *(each for row in measured for each in row.problems)))
    rows.sort(key=Row.order)
    return Scan(discovery.root, tuple(rows), in_order([*across]), len(advice), tuple(unique))


def _row(found: FoundBuild) -> Row:
    return Row(found, None if found.inline is not None else found.build.dockerfile)


def _measured(found: FoundBuild, parsed_files: ParsedDockerfiles, contexts: Snapshots) -> Measured:
    """Measure a build: only its context if the transfer is unknown."""
    made = Measured(_row(found))
    try:
        plan = plan_of(found.build, BUILDERS[found.build.builder], parsed_files=parsed_files)
        made.plan = plan
        if found.inline is None:
            made.row = replace(made.row, dockerfile=plan.dockerfile)
        if plan.ignore_file is not None:
            made.row = replace(made.row, ignore_file=plan.ignore_file.path)
        made.snapshot = snapshot = contexts.of(plan)
        for each in snapshot.problems:
            path = each.path and os.path.normpath(os.path.join(found.build.context, each.path))
            made.problems.append(replace(each, path=path))
        made.row = replace(made.row, context=contexts.travelling(plan, snapshot, [None]))
        if plan.dockerfile is not None or not plan.builder.asks_for_paths:
            made.includes = includes_of(plan)
            transfer = contexts.travelling(plan, snapshot, made.includes)
            made.row = replace(made.row, transfer=transfer)
        if (planned := contexts.improved(plan, snapshot)) is not None:
            includes = [None] if made.includes is None else made.includes
            after = contexts.travelling(plan, planned, includes)
            made.row = replace(made.row, saving=made.row.cost - after)
        made.problems += breaking(plan)
    except CtxsizeError as error:
        if isinstance(error, UndecidedError) and made.plan and made.row.context:
            # With another value, the build may succeed.
            made.problems.append(unknown_transfer(made.plan, error))
        else:
            is_unread = isinstance(error, (DockerfileError, IgnoreFileError))
            made.row = replace(made.row, error=str(error), is_unread=is_unread)
    return made


class _Findings:
    """The findings by their files and lines, counted once for all rows."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_path: dict[str | None, Counter[int | None]] = {}
        for finding in findings:
            where = finding.location
            self._by_path.setdefault(where.path, Counter())[where.line] += 1

    def about(self, row: Row) -> int:
        """Return the number of findings about the row's Dockerfile, ignore file and places."""
        files = {row.dockerfile, row.ignore_file}
        places = {(place.where.path, place.where.line) for place in row.places}
        none = Counter[int | None]()
        of_files = sum(sum(self._by_path.get(path, none).values()) for path in files)
        others = ((path, line) for path, line in places if path not in files)
        return of_files + sum(self._by_path.get(path, none)[line] for path, line in others)


class Snapshots:
    """Snapshots of contexts, with and without the safe suggestions, which builds share."""

    def __init__(self, progress: Progress | None, repositories: Repositories | None = None) -> None:
        self._progress = progress
        self._repositories = repositories
        self._amounts: dict[tuple[object, ...], Amount] = {}
        self._taken: dict[str, Snapshot] = {}
        self._planned: dict[object, Snapshot | None] = {}

    def of(self, plan: Plan) -> Snapshot:
        """Return the context of `plan`. Raises the errors of `Snapshot.take`."""
        if plan.root not in self._taken:
            self._taken[plan.root] = Snapshot.take(plan, progress=self._progress)
        return self._taken[plan.root].asked(plan)

    def travelling(self, plan: Plan, snapshot: Snapshot, includes: Iterable[Include]) -> Amount:
        """Return the amount that all transfers send; builds that ask for the same share it."""
        lines = tuple((each.text, each.include) for each in snapshot.plan.spec.patterns)
        builder = plan.builder.name
        found: list[Amount] = []
        for include in includes:
            key = (id(snapshot.root), builder, lines, include)
            if key not in self._amounts:
                self._amounts[key] = travelling(snapshot, [include])
            found.append(self._amounts[key])
        return Amount.of(*found)

    def improved(self, plan: Plan, snapshot: Snapshot) -> Snapshot | None:
        """Return the context with the safe suggestions of all Dockerfiles; None if unknown."""
        if plan.dockerfile_in_context is None:
            own = plan.build.values
        else:
            own = None
        file = plan.ignore_file
        key = (plan.root, file and file.path, plan.builder.name, own)
        if key not in self._planned:
            self._planned[key] = None
            with suppress(CtxsizeError):
                advisor = Advisor(snapshot, repositories=self._repositories)
                edit = advisor.advise().edit
                trial = advisor.trial
                if edit is None:
                    after = None
                else:
                    after = trial.attempt(edit.after)
                if after is None:
                    self._planned[key] = snapshot
                else:
                    self._planned[key] = trial.written(after)
        return self._planned[key]


def _findings(discovery: Discovery, measured: Sequence[Measured]) -> Iterable[Finding]:
    """Return the findings across builds, each once."""
    siblings: Siblings = {}
    for plan, path in ((each.plan, each.row.ignore_file) for each in measured):
        if plan and plan.ignore_file and path:
            lines = tuple(plan.ignore_file.texts())
            # An allow-list fits only its own tree.
            if not any(line.startswith("!") or line in ("*", "**", "**/*", ".") for line in lines):
                count = len(plan.spec.patterns)
                siblings.setdefault(lines, []).append((path, plan.root, count))
    checks = (_without, _two_files, lambda each: _sibling(each, siblings))
    found = [finding for each in measured for check in checks for finding in check(each)]
    found += _unread(discovery, [each.row for each in measured])
    # The first of equal ones counts.
    return {(each.code, each.location): each for each in reversed(found)}.values()


def _without(each: Measured) -> Iterator[Finding]:
    row = each.row
    if row.ignore_file is not None or row.context is None or row.found.contested:
        return
    if row.saving:
        saving = row.saving.content_bytes
    else:
        saving = 0
    size = row.cost.content_bytes
    if saving >= _LEAST_SHOWN_BYTES:
        could = f", {units.human(saving)} more than it needs"
    else:
        could = ""
    takes_all = row.transfer in (None, row.context)
    if could or takes_all:
        severity = severity_of("CTX301")
    else:
        severity = Severity.INFO
    text = f"no ignore file governs {row.build.context}: the build sends {units.human(size)}{could}"
    if row.found.guessed:
        sure = Confidence.POSSIBLE
    else:
        sure = Confidence.CERTAIN
    todo = f"ctxsize suggest --write {join([*row.options, row.build.context])}"
    wasted = max(0, saving) or None
    yield Finding("CTX301", severity, text, row.where, sure, content_bytes=wasted, help=todo)


def _two_files(each: Measured) -> Iterator[Finding]:
    row = each.row
    is_own = each.plan is not None and each.plan.dockerfile_specific
    other = os.path.normpath(os.path.join(row.build.context, ".dockerignore"))
    if row.ignore_file and is_own and os.path.isfile(other):
        text = f"{row.dockerfile} has two ignore files: Docker does not read {other} for it"
        where = Location(row.ignore_file)
        severity = severity_of("CTX304")
        todo = "repeat a pattern in both files if both builds need it"
        yield Finding("CTX304", severity, text, where, evidence=(other,), help=todo)


def _unread(discovery: Discovery, rows: Sequence[Row]) -> Iterator[Finding]:
    read = {os.path.realpath(path) for row in rows for path in _read_by(row)}
    own = {os.path.realpath(row.ignore_file) for row in rows if row.ignore_file}
    by_directory: dict[str, list[Row]] = {}
    for row in rows:
        by_directory.setdefault(os.path.dirname(row.dockerfile or "/"), []).append(row)
    is_contested = any(row.found.contested for row in rows)
    for path in discovery.ignore_files if rows else ():
        if os.path.realpath(path) in read:
            continue
        beside = by_directory.get(os.path.dirname(path), [])
        sure = bool(beside) and not any(row.found.guessed for row in beside)
        if not sure and is_contested:
            continue
        context = min((row.build.context for row in beside), default="")
        if beside:
            why = f": the context of {beside[0].dockerfile} is {context}"
        else:
            why = ""
        advice = "move it to the root of the context, or name it <Dockerfile>.dockerignore"
        other = os.path.join(os.path.dirname(path), ".containerignore")
        if os.path.basename(path) == ".dockerignore" and os.path.realpath(other) in own:
            why = f": {other} replaces it for Podman"
            advice = "remove it, or make both equal"
        if sure:
            weight = severity_of("CTX302")
        else:
            weight = Severity.INFO
        if sure:
            confidence = Confidence.LIKELY
        else:
            confidence = Confidence.POSSIBLE
        text = f"no build reads this ignore file{why}"
        place = Location(path)
        yield Finding("CTX302", weight, text, place, confidence, help=advice)


def _read_by(row: Row) -> Iterator[str]:
    """Yield the ignore files that a build reads, with Docker or with Podman."""
    directories = [row.build.context, *row.build.build_contexts.values()]
    yield f"{row.dockerfile}.containerignore"
    yield from (os.path.join(directory, ".containerignore") for directory in directories)
    # Without one, there is none, or the build fails on it.
    yield row.ignore_file or f"{row.dockerfile}.dockerignore"
    for directory in directories[1:] if row.ignore_file else directories:
        yield os.path.join(directory, ".dockerignore")


def _sibling(each: Measured, siblings: Siblings) -> Iterator[Finding]:
    """Yield a finding on the sibling whose patterns ignore most of this context, if worth it."""
    if each.snapshot is None or each.plan is None or not each.row.cost.content_bytes:
        return
    row = each.row
    if each.includes:
        include = each.includes[0]
    else:
        include = None
    before = each.snapshot.sent(include=include)
    if before.content_bytes < _LEAST_BYTES:
        return
    tried = _tried(each.plan, each.snapshot, siblings, include)
    # Of siblings that save the same, prefer the one with the most patterns.
    other, _, after = min(
        tried, key=lambda one: (one[2].content_bytes, -one[1]), default=(None, 0, before)
    )
    saved = before.content_bytes - after.content_bytes
    if other is None or saved < max(_LEAST_BYTES, before.content_bytes / 100):
        return
    gone = sorted(differences(before, after).hidden)
    tops = Counter[str]()
    for path in gone:
        tops[path.partition("/")[0]] += before.size(path)
    at = row.build.context
    text = f"the patterns of {other} would ignore {units.human(saved)} that {at} sends"
    if row.ignore_file:
        where = Location(row.ignore_file)
    else:
        where = row.where
    shown = tuple(f"{at}/{top}" for top, _ in tops.most_common(_SHOWN))
    todo = f"ctxsize suggest --like {quote(other)} {join([*row.options, at])}"
    found = ("CTX305", severity_of("CTX305"), text, where, Confidence.LIKELY, shown)
    yield Finding(*found, saved, len(gone), help=todo)


def _tried(
    plan: Plan, snapshot: Snapshot, siblings: Siblings, include: Include
) -> Iterator[tuple[str, int, Sent]]:
    """Yield ignore files of siblings, the number of their patterns, and what is sent with them."""
    names = {None, *snapshot.root.entries, *snapshot.root.folders}
    own = plan.ignore_file
    path = own and own.path
    tried: dict[tuple[str, ...], Sent | None] = {(): None}
    for lines, same in siblings.items():
        other = next((e for e in same if e[0] != path and e[1] != plan.root), None)
        # Other lines match nothing here.
        if other:
            matching = tuple(line for line in lines if _start_of(line) in names)
        else:
            matching = ()
        if matching not in tried:
            texts = [*(own.texts() if own else []), *matching]
            tried[matching] = None
            with suppress(CtxsizeError):  # they fail the build
                spec = plan.builder.spec_class.from_lines(texts)
                tried[matching] = snapshot.sent(spec, include=include)
        after = tried[matching]
        if other and after is not None:
            yield other[0], other[2], after


def _start_of(line: str) -> str | None:
    """Return the first name of the path in a line, None if it may be any."""
    start = paths.clean(line.strip()).lstrip("/").partition("/")[0]
    if _NOT_LITERAL & {*start} or start in ("", ".", ".."):
        return None
    return start
