"""Which findings are wanted: by code and by severity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ctxsize.config import Config
from ctxsize.errors import InputError
from ctxsize.findings import Finding, Severity


@dataclass(frozen=True)
class Selection:
    """The codes and the severity that are asked for."""

    select: tuple[str, ...] = ()
    """Codes or their beginnings; empty for all."""
    ignore: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    """The lightest one that counts."""

    def wants(self, finding: Finding) -> bool:
        """Return whether `finding` is asked for."""
        return self.wants_code(finding.code) and finding.severity.rank <= self.severity.rank

    def wants_code(self, code: str) -> bool:
        """Return whether findings of `code` are asked for; the longer of two beginnings decides."""
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
    """Return what is asked for of the codes `known`: what the command line says, else `config`."""
    names = [*known]
    return Selection(
        checked(select, names) or config.select,
        (*checked(ignore, names), *config.ignore),
        severity or Severity.INFO,
    )
