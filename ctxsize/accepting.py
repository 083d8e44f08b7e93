"""The findings that count: asked for by code and severity, and not accepted in advance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from ctxsize.config import Config, load
from ctxsize.config.accepted import Acceptance
from ctxsize.errors import InputError, InputErrors
from ctxsize.findings import Finding, Location, Severity
from ctxsize.model import Effect, Problem, Report, Transfer
from ctxsize.problems import found


def readable(config: Config | None, start: str) -> tuple[Config, tuple[Problem, ...]]:
    """`config`, or that of the directory `start`: an empty one, and why, if it cannot be read.

    For answers that hold without it: what it would have accepted is shown.
    """
    if config is not None:
        return config, ()
    try:
        return load(start), ()
    except InputErrors as error:
        message = f"the configuration cannot be read, so nothing is accepted: {error.message}"
        return Config(), (Problem("config", message, path=error.path),)


class Wanted:
    """What a command is asked for, and what of it a configuration does not accept.

    The codes of the command are `known`; `select` and `ignore` are beginnings of codes,
    as the command line says them, and `severity` is the lightest one that counts.
    Raises `InputError` for one with which no known code begins.
    """

    def __init__(
        self,
        config: Config,
        *,
        known: Collection[str] = (),
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        severity: Severity | None = None,
    ) -> None:
        self._config = config
        self._select = _checked(select, known) or config.select
        self._ignore = (*_checked(ignore, known), *config.ignore)
        self._severity = severity or Severity.INFO
        self._acceptance = Acceptance(config)

    def selected(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return those of `findings` that are asked for, accepted or not."""
        return [
            each
            for each in findings
            if self._wants(each.code) and each.severity.rank <= self._severity.rank
        ]

    def of(
        self, findings: Iterable[Finding], *, lines: Sequence[str] | None = None
    ) -> tuple[Finding, ...]:
        """Return those of `findings` that count; `lines` are of their file, if not on disk."""
        return self._acceptance.left(self.selected(findings), lines=lines)

    def _wants(self, code: str) -> bool:
        """Return whether findings of `code` are asked for; the longer of two beginnings decides."""
        chosen = max((len(each) for each in self._select if code.startswith(each)), default=-1)
        left_out = max((len(each) for each in self._ignore if code.startswith(each)), default=-1)
        if self._select and chosen < 0:
            return False
        return chosen > left_out if left_out >= 0 else True

    def unused(
        self, codes: Iterable[str], *directories: str, files: Iterable[str] = ()
    ) -> tuple[Finding, ...]:
        """Return the tables about `codes` that accepted nothing in what was looked at."""
        ours = {each for each in codes if self._wants(each)}
        whole = any(map(self._config.lies_below, directories))
        return self._acceptance.unused(
            ours.__contains__, whole=whole, inside=[*directories, *files]
        )


def _checked(codes: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return `codes`, split at commas. Raises `InputError` where no known code begins with one."""
    found = [part.strip() for each in codes for part in each.split(",") if part.strip()]
    for each in found:
        if not any(name.startswith(each) for name in known):
            raise InputError(f"no code begins with {each!r}", hint="`ctxsize rule` lists them")
    return tuple(found)


def without_accepted(report: Report, config: Config) -> Report:
    """Return `report` without the problems that are accepted."""
    if not config.suppress:
        return report
    acceptance = Acceptance(config)
    return left_of(report, lambda each: acceptance.reason(each) is not None)


def left_of(report: Report, accepted: Callable[[Finding], bool]) -> Report:
    """Return `report` without the problems whose findings are `accepted`.

    What makes a total a lower bound is never left out.
    """

    def left(problems: Iterable[Problem], context: str | None = None) -> tuple[Problem, ...]:
        return tuple(
            each
            for each in problems
            if each.effect is not Effect.NONE
            or not accepted(found(each, report.place_of(each, context)))
        )

    def known(transfer: Transfer) -> Transfer:
        return replace(transfer, problems=left(transfer.problems))

    return replace(
        report,
        problems=left(report.problems),
        transfer=None if report.transfer is None else known(report.transfer),
        more_transfers=tuple(map(known, report.more_transfers)),
        named_contexts=tuple(
            replace(each, problems=left(each.problems, each.value))
            for each in report.named_contexts
        ),
    )


def secret_test(config: Config | None) -> Callable[[str], bool]:
    """Return a test for paths of secrets that `suggest` reports and `config` accepts.

    `select` is about what other commands are asked for, so it accepts nothing.
    """
    if config is None or not (config.suppress or config.ignore):
        return lambda _: False
    wanted = Wanted(replace(config, select=()))

    def is_accepted(path: str) -> bool:
        finding = Finding("CTX511", Severity.WARNING, "a secret is in the context", Location(path))
        return not wanted.of([finding])

    return is_accepted
