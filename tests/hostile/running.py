"""Runs a command on a hostile tree, and ends it if it does not end by itself."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctxsize.cli import output
from ctxsize.cli.app import run

SECONDS = 60.0
"""Processor time that a command has; ten times as long on the clock, as it may share a machine."""
_MOST_BYTES = 2 << 30


class EndlessError(BaseException):
    """No `Exception`, so that no handler of ctxsize takes it."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Raise `EndlessError` after `seconds`, and `MemoryError` beyond some memory."""

    def stop(*_: object) -> None:
        raise EndlessError("".join(traceback.format_stack(limit=12)))

    before = resource.getrlimit(resource.RLIMIT_DATA)
    handlers = {number: signal.signal(number, stop) for number in (signal.SIGALRM, signal.SIGPROF)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, before[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def ended(arguments: str | list[str], cwd: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of `ctxsize ARGUMENTS` in `cwd`, which is neither 3 nor late."""
    words = arguments.split() if isinstance(arguments, str) else arguments
    said: list[str] = []
    error = output.error
    with monkeypatch.context() as patch, limited():
        patch.setattr(output, "error", lambda message: (said.append(message), error(message)))
        patch.chdir(cwd)
        patch.setenv("HOME", os.fspath(cwd.parent / "no-home"))
        code = run(words)
    assert code in (0, 1, 2), f"ctxsize {' '.join(words)} ended with {code}"
    assert "not enough memory" not in "".join(said)
    return code
