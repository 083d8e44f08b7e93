"""What ctxsize must reach, as ratios of medians of one run."""

from __future__ import annotations

from typing import NamedTuple

MOST_MEMORY_BYTES = 80_000_000
STARTUP = "ctxsize measure, 20 files"
MOST_STARTUP = {
    "ctxsize --version": 4.0,
    STARTUP: 8.0,
    "ctxsize measure --format json, 20 files": 8.0,
    "ctxsize suggest, 20 files": 12.0,
    "ctxsize, 20 files": 12.0,
}
"""Times `python -c pass`."""


class Target(NamedTuple):
    """The limits of one case; None where there is none."""

    of_floor: float | None = None
    """At most this many times the floor with the compiled core and two threads ..."""
    one_thread: float | None = None
    """... or with one ..."""
    python: float | None = None
    """... or in Python ..."""
    after_startup: bool = False
    """Whether what `STARTUP` took comes on top."""
    of_du: float | None = None
    """At most this many times `du`, with two threads."""
    against_docker: float | None = None
    """At least this many times as fast as Docker's walker."""


TARGETS = {
    ("million", "none"): Target(1.1, 1.8, 3.7, of_du=1.1, against_docker=3),
    ("million", "typical"): Target(0.8, 1.2, against_docker=7),
    ("million", "hard"): Target(1.0, 1.5, against_docker=30),
    ("javascript", "none"): Target(1.3, 1.8, against_docker=3),
    ("javascript", "typical"): Target(0.15),
    ("javascript", "hard"): Target(0.6, 0.8, against_docker=30),
    ("flat", "none"): Target(1.1, 1.8, against_docker=3),
    ("flat", "typical"): Target(1.1, 1.8, against_docker=7),
    ("flat", "hard"): Target(1.2, 1.9, against_docker=30),
    ("service", "none"): Target(1.1, after_startup=True),
    ("service", "typical"): Target(0.05, after_startup=True),
    ("service", "hard"): Target(1.2, after_startup=True),
}
