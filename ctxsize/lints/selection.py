"""Which findings are wanted: by code, by severity, and by what is accepted in the configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ctxsize.config import Config, Suppression
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.errors import InputError
from ctxsize.findings import Code, Finding, Location, Severity

UNUSED_SUPPRESSION = Code(
    "CTX129",
    "unused-suppression",
    Severity.WARNING,
    "A `[[suppress]]` table of the configuration suppresses nothing any more.",
    "What it accepted is mended, or has moved. Remove the table, lest it hide the next one.",
    '[[suppress]]\ncode = "CTX112"\nreason = "kept for old builders"  # with no such finding',
    "# no table",
)


@dataclass(frozen=True)
class Selection:
    """The codes and the severity that are asked for."""

    select: tuple[str, ...] = ()
    """Codes or their beginnings; empty for all."""
    ignore: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    """The lightest one that counts."""

    def wants(self, finding: Finding) -> bool:
        """Whether `finding` is asked for."""
        return self.wants_code(finding.code) and finding.severity.rank <= self.severity.rank

    def wants_code(self, code: str) -> bool:
        """Whether findings of `code` are asked for; the longer of two beginnings decides."""
        chosen = max((len(each) for each in self.select if code.startswith(each)), default=-1)
        left_out = max((len(each) for each in self.ignore if code.startswith(each)), default=-1)
        if self.select and chosen < 0:
            return False
        return chosen > left_out if left_out >= 0 else True


def checked(codes: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """`codes`, split at commas. Raises `InputError` for one with which no known code begins."""
    names = [*known]
    found = [part.strip() for each in codes for part in each.split(",") if part.strip()]
    for each in found:
        if not any(name.startswith(each) for name in names):
            raise InputError(f"no code begins with {each!r}", hint="`ctxsize rule` lists them")
    return tuple(found)


def selection(
    config: Config,
    known: Iterable[str],
    select: Iterable[str],
    ignore: Iterable[str],
    severity: Severity | None,
) -> Selection:
    """What is asked for of the codes `known`: what the command line says, else `config`."""
    names = [*known]
    return Selection(
        checked(select, names) or config.select,
        (*checked(ignore, names), *config.ignore),
        severity or Severity.INFO,
    )


class Suppressions:
    """The accepted findings of a configuration, and which of them were met."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._used: set[int] = set()
        self._seen: set[int] = set()

    def kept(self, findings: Sequence[Finding], file: IgnoreFile) -> list[Finding]:
        """Those of `findings` about `file` that are not accepted."""
        texts = file.texts()
        rules = [
            (number, each)
            for number, each in enumerate(self._config.suppress)
            if self._is_about(each, file.path)
        ]
        self._seen.update(number for number, _ in rules)
        kept = []
        for finding in findings:
            wanted = _texts(finding, texts)
            accepting = [[n for n, each in rules if _accepts(each, finding, t)] for t in wanted]
            self._used.update(number for each in accepting for number in each)
            if not all(accepting):
                kept.append(finding)
        return kept

    def unused(self, selection: Selection, *, whole: bool) -> Iterator[Finding]:
        """The tables about what was linted that accepted nothing.

        One without a path is about every file, so only a run over a directory
        (`whole`) can tell.
        """
        path = self._config.path
        for number, each in enumerate(self._config.suppress):
            about = number in self._seen if each.path else whole
            ours = each.code.startswith("CTX1") and selection.wants_code(each.code)
            if path is None or not ours or not about or number in self._used:
                continue
            where = f" in {each.path}" if each.path else ""
            yield Finding(
                UNUSED_SUPPRESSION.name,
                UNUSED_SUPPRESSION.severity,
                f"suppress[{number + 1}]: there is no {each.code}{where} to suppress"
                f" ({each.reason})",
                Location(path),
                help="remove the table",
            )

    def _is_about(self, suppression: Suppression, path: str) -> bool:
        if suppression.path is None:
            return True
        relative = os.path.relpath(os.path.abspath(path), os.path.abspath(self._config.directory))  # noqa: PTH100
        return fnmatchcase(relative, os.path.normpath(suppression.path))


def _texts(finding: Finding, texts: Sequence[str]) -> Sequence[str]:
    """The lines that a table has to name: that of the finding, or all that it would add."""
    line = finding.location.line
    if line is None:
        return [each.strip() for each in finding.lines] or [""]
    return [texts[line - 1].strip() if line <= len(texts) else ""]


def _accepts(suppression: Suppression, finding: Finding, text: str) -> bool:
    if suppression.code != finding.code:
        return False
    return suppression.pattern is None or suppression.pattern.strip() == text
