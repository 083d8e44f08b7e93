"""The configuration that holds for an answer, and what of its findings that leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ctxsize.config import Config, load
from ctxsize.config.accepted import Acceptance
from ctxsize.errors import InputErrors
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
    """What a configuration selects and does not accept."""

    def __init__(self, config: Config) -> None:
        from ctxsize.lints.selection import Selection

        self._config = config
        self._selection = Selection(config.select, config.ignore)
        self._acceptance = Acceptance(config)

    def of(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return those of `findings` that count."""
        return self._acceptance.left(filter(self._selection.wants, findings))

    def unused(self, codes: Iterable[str], root: str) -> tuple[Finding, ...]:
        """Return the tables about `codes` that accepted nothing below `root`, once it is done."""
        ours = {each for each in codes if self._selection.wants_code(each)}
        whole = self._config.lies_below(root)
        return self._acceptance.unused(ours.__contains__, whole=whole, inside=[root])


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
