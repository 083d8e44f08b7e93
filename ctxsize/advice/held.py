"""Caches that hold more than downloads: what only one system can use."""

from __future__ import annotations

import re

from ctxsize.findings import Severity

HELD_TO_A_SYSTEM: dict[str, tuple[re.Pattern[str], str, Severity]] = {
    "target": (
        re.compile(r"(?:^|/)target$"),
        "build scripts and libraries that are linked to one libc",
        Severity.ERROR,
    ),
    "ccache": (re.compile(r"ccache|sccache"), "objects of one compiler", Severity.WARNING),
    "pip": (
        re.compile(r"(?:^|/)\.?cache/(?:pip|uv|pypoetry)(?:/|$)"),
        "wheels that were compiled for one libc",
        Severity.WARNING,
    ),
    "node_modules": (
        re.compile(r"(?:^|/)node_modules$"),
        "native addons of one libc",
        Severity.ERROR,
    ),
    "vendor": (
        re.compile(r"(?:^|/)(?:vendor/bundle|_build|deps)$"),
        "native extensions",
        Severity.WARNING,
    ),
    "apt": (re.compile(r"^/var/lib/apt(?:/|$)"), "package lists of one release", Severity.WARNING),
}
"""What holds more than downloads, by the path at which it is mounted, and what is at stake."""

OF_SEVERAL = ("/.cache", "/go-build")
"""How the directories end that hold what several tools keep, by what runs with them."""


def is_held(place: str) -> bool:
    """Whether a cache at `place` may hold what only one system can use."""
    found = any(pattern.search(place) for pattern, _, _ in HELD_TO_A_SYSTEM.values())
    return found or place.endswith(OF_SEVERAL)
