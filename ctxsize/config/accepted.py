"""Findings that a configuration accepts: the `[[suppress]]` tables, the same for every command.

A table is about findings of its code. With `path` these must be about a file that
it names, or about a directory: a build context, for the guard. With `pattern` they
must be about that line; what adds lines to a file is accepted where all of them are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from ctxsize.config import Config, Suppression
from ctxsize.findings import Finding, Location, Severity
from ctxsize.reader import read_file

UNUSED = "CTX129"
"""The code of a table that accepts nothing."""


@dataclass(frozen=True)
class Accepted:
    """A finding that is known and accepted, and why."""

    finding: Finding
    reason: str


class Acceptance:
    """What a configuration accepts, and which of its tables have been met."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._used: set[int] = set()
        self._lines = cache(_lines)

    def reason(
        self, finding: Finding, *about: str, lines: Sequence[str] | None = None
    ) -> str | None:
        """Return why `finding` is accepted, else None; `about` are further paths it concerns.

        `lines` are those of its file, if they are others than on disk.
        """
        ours = [*self._about(finding, about)]
        by_line = any(each.pattern for _, each in ours)
        texts = self._texts(finding, lines) if by_line else ("",)
        found = [[one for one in ours if _is_of(one[1].pattern, text)] for text in texts]
        self._used.update(number for each in found for number, _ in each)
        return found[0][0][1].reason if all(found) else None

    def split(
        self, findings: Iterable[Finding], *about: str
    ) -> tuple[tuple[Finding, ...], tuple[Accepted, ...]]:
        """Return those that count, and those that are accepted; see `reason`."""
        left, accepted = [], []
        for finding in findings:
            reason = self.reason(finding, *about)
            if reason is None:
                left.append(finding)
            else:
                accepted.append(Accepted(finding, reason))
        return tuple(left), tuple(accepted)

    def left(
        self, findings: Iterable[Finding], *, lines: Sequence[str] | None = None
    ) -> tuple[Finding, ...]:
        """Return those of `findings` that are not accepted; see `reason`."""
        return tuple(each for each in findings if self.reason(each, lines=lines) is None)

    def unused(
        self, is_ours: Callable[[str], bool], *, whole: bool, inside: Iterable[str] = ()
    ) -> tuple[Finding, ...]:
        """Return the tables that accepted nothing, of the codes that are `is_ours`.

        Only those about what was looked at: all of it (`whole`), or the files
        and directories `inside` of which everything was.
        """
        looked_at = [*map(self._relative, inside)]
        return tuple(
            self._unused(number, each)
            for number, each in enumerate(self._config.suppress)
            if number not in self._used
            and is_ours(each.code)
            and (whole or _lies_in(each.path, looked_at))
        )

    def _unused(self, number: int, suppression: Suppression) -> Finding:
        where = f" in {suppression.path}" if suppression.path else ""
        return Finding(
            UNUSED,
            Severity.WARNING,
            f"suppress[{number + 1}]: there is no {suppression.code}{where} to suppress"
            f" ({suppression.reason})",
            Location(self._config.path or ""),
            help="remove the table",
        )

    def _about(self, finding: Finding, about: Iterable[str]) -> Iterator[tuple[int, Suppression]]:
        for number, each in enumerate(self._config.suppress):
            if each.code == finding.code and self._names(each.path, finding, about):
                yield number, each

    def _names(self, path: str | None, finding: Finding, about: Iterable[str]) -> bool:
        if path is None:
            return True
        wanted = os.path.normpath(path)
        places = (finding.location.path, *about)
        return any(fnmatchcase(self._relative(each), wanted) for each in places)

    def _relative(self, path: str) -> str:
        here, there = os.path.abspath(self._config.directory), os.path.abspath(path)
        return os.path.relpath(there, here)

    def _texts(self, finding: Finding, lines: Sequence[str] | None) -> tuple[str, ...]:
        """Return the lines that `finding` is about, as a table quotes them."""
        number = finding.location.line
        if number is None:
            return tuple(each.strip() for each in finding.lines) or ("",)
        lines = self._lines(finding.location.path) if lines is None else lines
        return (lines[number - 1].strip() if 0 < number <= len(lines) else "",)


def _is_of(pattern: str | None, text: str) -> bool:
    return pattern is None or pattern.strip() == text


def _lies_in(path: str | None, looked_at: Iterable[str]) -> bool:
    if path is None:
        return False
    there = os.path.normpath(path)
    return any(each in (".", there) or there.startswith(f"{each}/") for each in looked_at)


def _lines(path: str) -> list[str]:
    try:
        return read_file(path).decode("utf-8-sig", "surrogateescape").split("\n")
    except OSError:
        return []
