"""Select the findings that count: those asked for, less those accepted in advance.

A `[[suppress]]` table of the configuration accepts findings of its code, only those about a
file or a context with `path`, and only those about a line with `pattern`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, TypedDict, TypeVar

from ctxsize.build import words_of
from ctxsize.codes import names
from ctxsize.config import Config, Suppression, load
from ctxsize.engine.plan import Plan
from ctxsize.errors import InputError, InputErrors
from ctxsize.findings import Finding, Location, Severity
from ctxsize.globs import like
from ctxsize.model import Effect, Problem, Report
from ctxsize.reader import holds, read_file

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Suggested

    AnySuggested = TypeVar("AnySuggested", bound=Suggested)

_LISTED = "`ctxsize rule` lists all codes"
_COMMANDS = {"CTX1": "lint", "CTX2": "advise", "CTX4": "check"}  # by the start of their codes
UNUSED = "CTX129"  # the code of a table that accepts nothing


class FindingChoice(TypedDict, total=False):
    """The findings to return: codes to `select` or `ignore`, or prefixes, and the lightest."""

    select: Iterable[str]
    ignore: Iterable[str]
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
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
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
        heavy = (each for each in findings if each.severity.rank <= self._lightest)
        return [each for each in heavy if self._wants(each.code)]

    def of(
        self, findings: Iterable[Finding], *, lines: Sequence[str] | None = None
    ) -> tuple[Finding, ...]:
        """Return the findings that count; `lines` replace the content of their file on disk."""
        judged = (self.judged(each, lines=lines) for each in findings)
        return tuple(self.selected(each for each, reason in judged if reason is None))

    def judged(
        self, finding: Finding, *about: str, lines: Sequence[str] | None = None
    ) -> tuple[Finding, str | None]:
        """Return `finding` and the reason for which it, also about `about`, is accepted, or None.

        A finding that adds several lines is accepted if each of them is. If that has expired, its
        message says so.
        """
        at = finding.location
        root = os.path.abspath(self._config.directory)
        places = [os.path.relpath(os.path.abspath(each), root) for each in (at.path, *about)]
        tables = [
            each
            for each in self._config.suppress
            if each.code == finding.code
            if each.path is None
            or any(like(os.path.normpath(each.path), place) for place in places)
        ]
        texts: Sequence[str] = [""]
        if any(each.pattern for each in tables):
            if at.line is None:
                texts = finding.lines or texts
            else:
                if lines is None:
                    lines = self._lines(at.path)
                else:
                    lines = lines
                texts = lines[at.line - 1 : at.line] or texts
        ours = [
            [each for each in tables if each.pattern is None or each.pattern.strip() == text]
            for text in map(str.strip, texts)
        ]
        self._used.update(each for some in ours for each in some)
        lasting = [[e for e in some if self._today <= (e.expires or self._today)] for some in ours]
        if all(lasting):
            return finding, lasting[0][0].reason
        ends = [e.expires for some in ours for e in some if e.expires and e.expires < self._today]
        if all(ours):
            note = f" (its acceptance expired on {max(ends)})"
        else:
            note = ""
        return replace(finding, message=f"{finding.message}{note}"), None

    def _wants(self, code: str) -> bool:
        """Return whether findings of `code` are wanted; the longer of two prefixes decides."""
        sides = (filter(code.startswith, some) for some in (self._select, self._ignore))
        chosen, left_out = (max(map(len, some), default=-1) for some in sides)
        return chosen > left_out or (not self._select and left_out < 0)

    def unused(self, codes: Iterable[str], *directories: str) -> tuple[Finding, ...]:
        """Return a finding for each table about `codes` that accepted nothing.

        None if `directories` do not contain the configuration: it may be about another one.
        """
        config = self._config
        found = list[Finding]()
        whole = any(holds(os.path.realpath(each), config.directory) for each in directories)
        ours = {each for each in codes if whole and self._wants(each)}
        for number, table in enumerate(config.suppress, 1):
            if table.code in ours and table not in self._used and not table.is_inherited:
                if table.path:
                    where = f" in {table.path}"
                else:
                    where = ""
                text = f"suppress[{number}] suppresses nothing: no {table.code}{where} was found"
                text = f"{text} ({table.reason})"
                at = Location(config.path or "")
                found.append(Finding(UNUSED, Severity.WARNING, text, at, help="remove the table"))
        return tuple(found)


def _checked(codes: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return `codes`, split at commas. Raises `InputError` for one that is no prefix of a code."""
    parts = [part.strip() for each in words_of(codes) for part in each.split(",") if part.strip()]
    for each in parts:
        if not any(name.startswith(each) for name in known):
            is_code = bool({*names(each)} & {each})
            command = _COMMANDS.get(each[:4])
            if is_code and command:
                hint = f"`ctxsize {command}` reports {each}"
            else:
                hint = _LISTED
            raise InputError(f"no code begins with {each!r}", hint=hint)
    return tuple(parts)


def _lines(path: str) -> list[str]:
    try:
        return read_file(path).decode("utf-8-sig", "surrogateescape").split("\n")
    except OSError:
        return []


def readable(config: Config | None, start: str) -> tuple[Config, tuple[Problem, ...]]:
    """Return `config` or that of `start`; if it is unreadable, an empty one and a problem."""
    if config is not None:
        return config, ()
    try:
        return load(start), ()
    except InputErrors as error:
        message = f"the configuration cannot be read, so no finding is accepted: {error.message}"
        return Config(), (Problem("config", message, path=error.path),)


def without_accepted(plan: Plan, report: Report, config: Config | None) -> Report:
    """Return `report` without the problems that `config` accepts, and with its reasons.

    Without `config`, that of the context is read. A problem that makes a total a lower bound is
    always kept.
    """
    config, unread = readable(config, report.context_path)
    wanted = Wanted(config)

    def left(problems: Iterable[Problem], context: str | None = None) -> tuple[Problem, ...]:
        places = ((each, report.place_of(each, context)) for each in problems)
        found = ((each, *wanted.judged(each.as_finding(path))) for each, path in places)
        kept = [e for e in found if e[2] is None or e[0].effect is not Effect.NONE]
        return tuple(replace(each, message=finding.message) for each, finding, _ in kept)

    transfers = [replace(each, problems=left(each.problems)) for each in report.transfers]
    named = [replace(e, problems=left(e.problems, e.value)) for e in report.named_contexts]
    report = replace(
        report,
        problems=(*left(report.problems), *unread),
        transfer=transfers[0] if transfers else None,
        more_transfers=tuple(transfers[1:]),
        named_contexts=tuple(named),
    )
    if not any(part.clues for part in report.parts):
        return report
    from ctxsize.engine.reasons import with_reasons  # small contexts have no clues

    # `select` chooses codes of other commands.
    secrets = Wanted(replace(config, select=()))

    def is_accepted(path: str) -> bool:
        finding = Finding("CTX511", Severity.WARNING, "a secret is in the context", Location(path))
        return not secrets.of([finding])

    return with_reasons(plan, report, is_accepted=is_accepted)


def finished(
    plan: Plan,
    outcome: AnySuggested,
    config: Config | None,
    codes: Iterable[str] = (),
    *,
    write: bool,
    replace_link: bool = False,
) -> AnySuggested:
    """Return `outcome` without the findings that `config` accepts; `write` writes its edit.

    Tables about `codes` that accept nothing are findings too. Raises `InputError`, also for an
    ignore file that is a symlink, unless `replace_link` puts a file in its place.
    """
    config, unread = readable(config, plan.context)
    wanted = Wanted(config)
    findings = (*wanted.of(outcome.findings), *wanted.unused(codes, plan.context))
    problems = (*outcome.problems, *unread)
    if outcome.edit is None or not write:
        edits = []
    else:
        edits = [outcome.edit]
    if edits:
        from ctxsize.writer.apply import Links, apply

        links: Links = "replace" if replace_link else "refuse"
        problems += apply(edits, within=plan.root, links=links)
    return replace(outcome, findings=findings, problems=problems, written=bool(edits))
