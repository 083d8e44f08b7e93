"""Whether each source is found: one line, what hides it, and what may be behind it."""

from __future__ import annotations

from collections.abc import Callable

from ctxsize.explanations import Fate, SourceCheck
from ctxsize.formats.names import quoted, visible
from ctxsize.formats.sections import Prose, Section
from ctxsize.formats.sections.explained import instruction, note, verdict
from ctxsize.units import plural

_MOST_HIDDEN = 5


def answer(check: SourceCheck, *, dockerfile: str | None) -> Section:
    """Return the answer about one source."""
    mount = check.instruction == "RUN"
    keyword = "RUN --mount, bind of" if mount else check.instruction
    written = check.source or ("." if mount else '""')
    place = instruction(keyword, written, check.line, dockerfile)
    text = _FATES[check.fate](check)
    marks = ((place, "bold"), (text.partition(":")[0], "green" if check.found else "red"))
    lines = [Prose(f"{place}: {text}", marks=marks, whole=True)]
    if check.fate is not Fate.IGNORED:
        lines += [
            Prose(f"    {quoted(each.path)} is {said}", whole=True)
            for each in check.hidden[:_MOST_HIDDEN]
            for said in [verdict(each.verdict, each.ignore_file)]
        ]
        if len(check.hidden) > _MOST_HIDDEN:
            lines.append(Prose(f"    and {len(check.hidden) - _MOST_HIDDEN} more"))
    lines += [note(visible(each)) for each in check.notes]
    if check.fate is Fate.IGNORED and any(each.near_misses for each in check.hidden):
        lines.append(note(f"each step: ctxsize explain --trace {quoted(check.at)}"))
    return Section(lines)


def _found(check: SourceCheck) -> str:
    if check.matches is None:
        return "found"
    hidden = f", {len(check.hidden)} more ignored" if check.hidden else ""
    return f"found: matches {plural(check.matches, 'entry')}{hidden}"


def _context(check: SourceCheck) -> str:
    return f"the context {visible(check.context)}" if check.context else "the context"


def _not_asked(check: SourceCheck) -> str:
    at = quoted(check.at)
    if check.matches == 0:
        return f"not found: nothing that is sent matches, so {at} is not sent either"
    return f"not found: {at} is not ignored, but does not travel"


def _ignored(check: SourceCheck) -> str:
    (explained,) = check.hidden
    lead = f"{quoted(check.at)} is " if check.at != check.path else ""
    return f"not found: {lead}{verdict(explained.verdict, explained.ignore_file)}"


_FATES: dict[Fate, Callable[[SourceCheck], str]] = {
    Fate.FOUND: _found,
    Fate.NO_MATCH: lambda check: (
        f"matches nothing that is sent: the build goes on without {visible(check.source)}"
    ),
    Fate.IGNORED: _ignored,
    Fate.ABSENT: lambda check: f"not found: {_context(check)} holds no {quoted(check.at)}",
    Fate.LOOP: lambda check: f"not found: the symlink {quoted(check.at)} leads in a circle",
    Fate.NOT_ASKED: _not_asked,
}
