"""The configuration that holds for an answer, and what of its findings that leaves."""

from __future__ import annotations

from collections.abc import Iterable

from ctxsize.config import Config, load
from ctxsize.config.accepted import Acceptance
from ctxsize.errors import InputErrors
from ctxsize.findings import Finding
from ctxsize.model import Problem


def readable(config: Config | None, start: str) -> tuple[Config, tuple[Problem, ...]]:
    """`config`, or that of the directory `start`: an empty one, and why, if it cannot be read.

    For answers that hold without it; what it would have accepted is told then.
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
        """Those of `findings` that count."""
        return self._acceptance.left(filter(self._selection.wants, findings))

    def unused(self, codes: Iterable[str], root: str) -> tuple[Finding, ...]:
        """The tables about `codes` that accepted nothing, after all below `root` was looked at."""
        ours = {each for each in codes if self._selection.wants_code(each)}
        whole = self._config.lies_below(root)
        return self._acceptance.unused(ours.__contains__, whole=whole, inside=[root])
