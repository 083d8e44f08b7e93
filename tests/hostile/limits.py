"""A limit on processor time, which another process on the machine does not touch."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TRACED = 3 if os.environ.get("COV") else 1
"""How many times as long a program takes whose coverage is measured."""


class TooSlowError(BaseException):
    """No `Exception`, which the program might handle."""


@contextmanager
def processor_seconds(most: float) -> Iterator[None]:
    """Fail if the block takes this process more than `most` seconds."""

    def fail(_: int, __: FrameType | None) -> None:
        raise TooSlowError(f"more than {most} seconds of processor time")

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, most * _TRACED)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
