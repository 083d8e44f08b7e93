"""Sections of `digest`: the digest alone, or a line for each build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxsize.formats.sections import Prose, Section, Sections
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import quoted, visible

if TYPE_CHECKING:
    from ctxsize.history.digest import BuildDigest, Digests

_UNKNOWN = "not known"


def sections(outcome: Digests, look: Look) -> Sections:
    """Return the digest of the one build, or those of all with the names of the builds."""
    if outcome.root is None:
        return [Section([Prose(build.digest) for build in outcome.builds])]
    if not outcome.builds:
        return [Section([Prose("no build here")])]
    return [Section([_line(build) for build in outcome.builds])]


def _line(build: BuildDigest) -> Prose:
    name = quoted(build.name)
    if build.error:
        return Prose(f"{_UNKNOWN}  {name}: {visible(build.error)}")
    return Prose(f"{build.digest}  {name}")
