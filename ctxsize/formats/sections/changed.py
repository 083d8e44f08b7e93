"""Sections of `affected`: a line for each build, with the first path that touches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxsize.formats.sections import Prose, Section, Sections, Table, few, notes
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import quoted, visible
from ctxsize.units import plural

if TYPE_CHECKING:
    from ctxsize.history.affected import Affected, Because, BuildChange

LEFT_ALONE = "left alone"
"""The value of `Look.only` for the builds that the change does not touch."""
_SHORT = 10  # characters of the name of a commit
_MOST_NOTES = 5


def sections(outcome: Affected, look: Look) -> Sections:
    """Return a line for each affected build, or for each that is left alone."""
    builds = outcome.touched
    if look.only == LEFT_ALONE:
        builds = [build for build in outcome.builds if not build.affected]
    if look.quiet:
        return [Section([Prose(quoted(build.name)) for build in builds])]
    problems = few(notes(outcome.problems), _MOST_NOTES, look)
    return [
        Section([Prose(_title(outcome, len(builds), look)), *_builds(builds, look)]),
        Section(problems),
    ]


def _builds(builds: Sequence[BuildChange], look: Look) -> Iterator[Prose | Table]:
    if look.only == LEFT_ALONE:
        for build in builds:
            yield Prose(f"  {quoted(build.name)}")
    elif look.full:
        for build in builds:
            yield Prose(f"  {quoted(build.name)}")
            for because in build.because:
                path = quoted(because.path)
                yield Prose(f"    {_taken(because)}  {path}", 6)
    else:
        rows = []
        for build in builds:
            rows.append([quoted(build.name), _reason(build.because)])
        yield Table(["build", "taken by, and what differs"], rows, prose=True)


def _taken(because: Because) -> str:
    """Return what takes a path, with the line of the Dockerfile."""
    text = visible(because.instruction)
    if because.line is None:
        return text
    return f"{text} (line {because.line})"


def _reason(reasons: Sequence[Because]) -> str:
    """Return the first reason, and the number of other paths."""
    first = reasons[0]
    taken_by = visible(first.instruction)
    text = f"{taken_by}  {quoted(first.path)}"
    others = len({because.path for because in reasons}) - 1
    if others:
        text += f" and {others:,} more"
    return text


def _title(outcome: Affected, count: int, look: Look) -> str:
    fate = look.only or "affected"
    verb = "are"
    if count == 1:
        verb = "is"
    builds = plural(len(outcome.builds), "build")
    paths = plural(outcome.changed, "path")
    text = f"{count:,} of {builds} {verb} {fate} by {paths}"
    if outcome.old is None:
        return text
    until = "the work tree"
    if outcome.new is not None:
        until = outcome.new[:_SHORT]
    return f"{text} from {outcome.old[:_SHORT]} to {until}"
