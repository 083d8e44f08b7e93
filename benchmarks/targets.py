"""What ctxsize must reach, as ratios of medians of one run."""

from __future__ import annotations

from typing import NamedTuple

MOST_MEMORY_BYTES = 120_000_000
MOST_STARTUP = {
    "ctxsize --version": 4.0,
    "ctxsize measure, 20 files": 11.0,
    "ctxsize measure --format json, 20 files": 11.0,
}
"""Times `python -c pass`."""


class Target(NamedTuple):
    """The limits of one case; None where there is none."""

    of_floor: float | None = None
    """At most this many times the floor ..."""
    extra_seconds: float = 0.0
    """... and so many seconds on top."""
    against_docker: float | None = None
    """At least this many times as fast as Docker's walker."""
    against_devtools: float | None = None
    """The same for docker-devtools: a whole program, where the walk itself takes no time."""


TARGETS = {
    ("million", "none"): Target(1.9, against_docker=2),
    ("million", "typical"): Target(1.4, against_docker=4),
    ("million", "hard"): Target(2.4, against_docker=30),
    ("javascript", "none"): Target(1.9, against_docker=2),
    ("javascript", "typical"): Target(0.15, against_docker=0.5),
    ("javascript", "hard"): Target(1.2, against_docker=10),
    ("flat", "none"): Target(1.9, against_docker=2),
    ("flat", "typical"): Target(1.9, against_docker=2),
    ("flat", "hard"): Target(2.3, against_docker=10),
    ("service", "none"): Target(1.8, extra_seconds=0.1, against_devtools=1),
    ("service", "typical"): Target(0, extra_seconds=0.1, against_devtools=1),
}
