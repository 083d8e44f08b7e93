"""Select the findings that count: those asked for, less those accepted in advance.

A `[[suppress]]` table of the configuration accepts findings of its code, only those about a
file or a context with `path`, and only those about a line with `pattern`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import cache
from itertools import chain
from os.path import normpath, realpath, relpath
from typing import TYPE_CHECKING, TypedDict, TypeVar

from ctxsize.build import words_of
from ctxsize.codes import names
from ctxsize.config import Config, Suppression, load
from ctxsize.engine.events import Progress
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfers import with_transfers
from ctxsize.errors import InputError, InputErrors
from ctxsize.findings import Finding, FrozenFindings, Location, Severity
from ctxsize.globs import like
from ctxsize.model import (
    Effect,
    Problem,
    Problems,
    Report,
    Texts,
)
from ctxsize.reader import holds, read_file

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Suggested

    AnySuggested = TypeVar("AnySuggested", bound=Suggested)

_COMMANDS = {"CTX1": "lint", "CTX2": "advise", "CTX4": "check"}  # by the start of their codes
_NEVER = "9999-12-31"
Codes = Iterable[str]  # of findings, or what several of them begin with
UNUSED = "CTX129"  # the code of a table that accepts nothing


class FindingChoice(TypedDict, total=False):
    """The findings to return: codes to `select` or `ignore`, or prefixes, and the lightest."""

    select: Codes
    ignore: Codes
    severity: Severity | None


class Wanted:
    """Selects findings by code, severity and configuration, and records which tables accept any.

    `known` are the codes of the command, `severity` is the lightest that counts.
    Raises `InputError` for a prefix in `select` or `ignore` without a known code.
    """

    def __init__(
        self,
        config: Config,
        *,
        known: Collection[str] = (),
        select: Codes = (),
        ignore: Codes = (),
        severity: Severity | None = None,
        today: date | None = None,
    ) -> None:
        self._config = config
        # The same day everywhere: CI runs in UTC.
        self._today = str(today or datetime.now(timezone.utc).date())
        self._select = _checked(select, known) or config.select
        self._ignore = (*_checked(ignore, known), *config.ignore)
        self._lightest = (severity or Severity.INFO).rank
        self._used: set[Suppression] = set()
        self._lines = cache(_lines)

    def selected(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those of `findings` with a wanted code and severity, accepted or not."""
        return [
            finding
            for finding in findings
            if finding.severity.rank <= self._lightest and self._wants(finding.code)
        ]

    def of(
        self, findings: Iterable[Finding], *, lines: Sequence[str] | None = None
    ) -> FrozenFindings:
        """Return the findings that count; `lines` replace the content of their file on disk."""
        judged = [self.judged(finding, lines=lines) for finding in findings]
        return tuple(self.selected(finding for finding, reason in judged if reason is None))

    def judged(
        self, finding: Finding, *about: str, lines: Sequence[str] | None = None
    ) -> tuple[Finding, str | None]:
        """Return the finding, and why the configuration accepts it (None: it does not).

        `about` are further paths that a table may name. A finding that adds several lines is
        accepted if each of them is. The message of one whose acceptance has expired says so.
        """
        tables = self._tables(finding, about)
        # The line that it is about, or those that it adds.
        texts: Sequence[str] = ()
        if any(table.pattern for table in tables):
            location = finding.location
            texts = finding.lines
            if location.line is not None:
                if lines is None:
                    lines = self._lines(location.path)
                texts = lines[location.line - 1 : location.line]
        by_line = [[table for table in tables if _fits(table, text)] for text in texts or [""]]
        fitting = {*chain.from_iterable(by_line)}
        self._used |= fitting
        expired = {table for table in fitting if (table.expires or _NEVER) < self._today}
        if not any(map(expired.issuperset, by_line)):
            return finding, next(table.reason for table in by_line[0] if table not in expired)
        if all(by_line):
            day = max(table.expires or "" for table in expired)
            finding = replace(
                finding, message=f"{finding.message} (its acceptance expired on {day})"
            )
        return finding, None

    def _tables(self, finding: Finding, about: Iterable[str]) -> list[Suppression]:
        """Return the tables about the code of `finding` and about one of its paths."""
        places = [
            relpath(path or ".", self._config.directory) for path in (finding.location.path, *about)
        ]
        tables = []
        for table in self._config.suppress:
            if table.code != finding.code:
                continue
            pattern = table.path and normpath(table.path)
            if pattern is None or any(like(pattern, place) for place in places):
                tables.append(table)
        return tables

    def _wants(self, code: str) -> bool:
        """Return whether findings of `code` are wanted; the longer of two prefixes decides."""
        chosen = _longest(self._select, code)
        left_out = _longest(self._ignore, code)
        return chosen > left_out or (not self._select and left_out < 0)

    def unused(self, codes: Codes, *directories: str) -> FrozenFindings:
        """Return a finding for each table about `codes` that accepted nothing.

        None if `directories` do not contain the configuration: it may be about another one.
        """
        config = self._config
        if not any(holds(realpath(path), config.directory) for path in directories):
            return ()
        wanted = {*filter(self._wants, codes)}
        findings = []
        for number, table in enumerate(config.suppress, 1):
            if table.code not in wanted or table in self._used or table.is_inherited:
                continue
            what = table.code
            if table.path:
                what = f"{table.code} in {table.path}"
            findings.append(
                Finding(
                    UNUSED,
                    Severity.WARNING,
                    f"suppress[{number}] suppresses nothing: no {what} was found ({table.reason})",
                    Location(config.path or ""),
                    help="remove the table",
                )
            )
        return tuple(findings)


def _fits(table: Suppression, line: str) -> bool:
    return table.pattern is None or table.pattern.strip() == line.strip()


def _longest(prefixes: Codes, code: str) -> int:
    """Return the length of the longest of `prefixes` with which `code` begins, -1 for none."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def _checked(codes: Codes, known: Collection[str]) -> Texts:
    """Return `codes`, split at commas. Raises `InputError` for one that is no prefix of a code."""
    words = ",".join(words_of(codes)).split(",")
    prefixes = tuple(filter(None, map(str.strip, words)))
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in known):
            command = _COMMANDS.get(prefix[:4])
            hint = "`ctxsize rule` lists all codes"
            if command and prefix in names(prefix):
                hint = f"`ctxsize {command}` reports {prefix}"
            raise InputError(f"no code begins with {prefix!r}", hint=hint)
    return prefixes


def _lines(path: str) -> list[str]:
    try:
        return read_file(path).decode("utf-8-sig", "surrogateescape").split("\n")
    except OSError:
        return []


def readable(config: Config | None, start: str) -> tuple[Config, Problems]:
    """Return `config` or that of `start`; if it is unreadable, an empty one and a problem."""
    if config is not None:
        return config, ()
    try:
        return load(start), ()
    except InputErrors as error:
        return Config(), (
            Problem(
                "config",
                f"the configuration cannot be read, so no finding is accepted: {error.message}",
                path=error.path,
            ),
        )


def completed(
    plan: Plan, report: Report, config: Config | None, *, progress: Progress | None = None
) -> Report:
    """Return a report with its transfers, without the problems that `config` accepts."""
    report = with_transfers(plan, report, progress=progress)
    if report.findings:
        return without_accepted(report, config)
    return report


def without_accepted(report: Report, config: Config | None) -> Report:
    """Return `report` without the problems that `config` accepts.

    Without `config`, that of the context is read. A problem that makes a total a lower bound is
    always kept.
    """
    config, unread = readable(config, report.context_path)
    # `select` chooses codes of other commands.
    wanted = Wanted(replace(config, select=()))

    def left(problems: Iterable[Problem], context: str | None = None) -> Problems:
        problems_left = []
        for problem in problems:
            finding, reason = wanted.judged(problem.as_finding(report.place_of(problem, context)))
            if reason is None or problem.effect is not Effect.NONE:
                problems_left.append(replace(problem, message=finding.message))
        return tuple(problems_left)

    transfers = [replace(part, problems=left(part.problems)) for part in report.transfers]
    return replace(
        report,
        problems=(*left(report.problems), *unread),
        transfer=next(iter(transfers), None),
        more_transfers=tuple(transfers[1:]),
        named_contexts=tuple(
            replace(context, problems=left(context.problems, context.value))
            for context in report.named_contexts
        ),
    )


def finished(
    plan: Plan,
    outcome: AnySuggested,
    config: Config | None,
    codes: Codes = (),
    *,
    write: bool,
    replace_link: bool,
) -> AnySuggested:
    """Return `outcome` without the findings that `config` accepts; `write` writes its edit.

    Tables about `codes` that accept nothing are findings too. Raises `InputError`, also for an
    ignore file that is a symlink, unless `replace_link` puts a file in its place.
    """
    config, unread = readable(config, plan.context)
    wanted = Wanted(config)
    findings = (*wanted.of(outcome.findings), *wanted.unused(codes, plan.context))
    problems = (*outcome.problems, *unread)
    edit = outcome.edit if write else None
    if edit is not None:
        from ctxsize.writer.apply import apply

        problems += apply([edit], within=plan.root, links="replace" if replace_link else "refuse")
    return replace(outcome, findings=findings, problems=problems, written=edit is not None)
