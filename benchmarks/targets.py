"""What ctxsize must reach, as ratios of medians of one run."""

from __future__ import annotations

from typing import NamedTuple

MOST_MEMORY_BYTES = 120_000_000
MOST_STARTUP = {
    "ctxsize --version": 4.0,
    "ctxsize measure, 20 files": 8.0,
    "ctxsize measure --format json, 20 files": 8.0,
}
"""Times `python -c pass`."""


class Target(NamedTuple):
    """The limits of one case and number of processes; None where there is none."""

    of_floor: float | None = None
    """At most this many times the floor ..."""
    extra_seconds: float = 0.0
    """... and so many seconds on top."""
    against_docker: float | None = None
    """At least this many times as fast as Docker's walker."""
    against_devtools: float | None = None
    """The same for docker-devtools: a whole program, where the walk itself takes no time."""
    of_du: float | None = None


TARGETS = {
    ("million", "none", 1): Target(1.9, against_docker=2),
    ("million", "none", 2): Target(1.2, against_docker=3, of_du=1.1),
    ("million", "typical", 1): Target(1.4, against_docker=4),
    ("million", "typical", 2): Target(0.8, against_docker=7),
    ("million", "hard", 1): Target(2.4, against_docker=30),
    ("million", "hard", 2): Target(1.5, against_docker=30),
    ("javascript", "none", 1): Target(1.9, against_docker=2),
    ("javascript", "typical", 1): Target(0.15, against_docker=0.5),
    ("javascript", "hard", 1): Target(1.2, against_docker=10),
    ("flat", "none", 1): Target(1.9, against_docker=2),
    ("flat", "typical", 1): Target(1.9, against_docker=2),
    ("flat", "hard", 1): Target(2.3, against_docker=10),
    ("service", "none", 1): Target(1.8, extra_seconds=0.1, against_devtools=1),
    ("service", "typical", 1): Target(0, extra_seconds=0.1, against_devtools=1),
}
# Of these the program itself is asked, which takes a second process where there is one.
TARGETS |= {
    (tree, ignore_file, 2): target
    for (tree, ignore_file, processes), target in TARGETS.items()
    if tree in ("flat", "service")
}
