"""An ignore file that no build reads, or whose patterns count from another directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from os.path import dirname, relpath
from typing import NamedTuple

from ctxsize.codes import severity_of
from ctxsize.engine.dockerfiles import leads_out
from ctxsize.engine.patterns import EVERYTHING, pattern_for
from ctxsize.engine.snapshot import SentDifference
from ctxsize.findings import Confidence, Edit, Fix, Severity
from ctxsize.go.strings import encoded
from ctxsize.lints import missing
from ctxsize.lints.case import Case, LintFindings, MaybeFix
from ctxsize.lints.lines import Line, read_line
from ctxsize.reader import place_of_link
from ctxsize.repository.moving import harmful_lines
from ctxsize.repository.search import shortened
from ctxsize.units import plural
from ctxsize.writer import LineChanges

_CODE = "CTX127"
_DISPLACED = "CTX136"
_MOST_NAMED = 3
_LEAST = 2  # number of lines that show where the patterns belong, unless one is an exception


def unread(case: Case) -> LintFindings:
    """Yield CTX127: no build reads this ignore file, or none seems to."""
    why = case.target.unread
    if why is None:
        return
    verb = "seems to read"
    confidence = Confidence.LIKELY
    severity = severity_of(_CODE)
    if why.is_misnamed:
        verb = "reads"
        confidence = Confidence.CERTAIN
    elif not why.builds:
        confidence = Confidence.POSSIBLE
        severity = Severity.INFO
    yield case.finding(
        _CODE,
        None,
        f"no build {verb} this ignore file: {why.reason}",
        severity,
        confidence,
        help=why.help,
        fix=_renaming(case),
    )


def _renaming(case: Case) -> MaybeFix:
    """Return the fix that gives the file the name that a build reads; None if that would fail it.

    It is certain if only the name is wrong, and no ignore file is replaced; no build may lose what
    it takes, and nothing that git tracks may be hidden.
    """
    renamed = case.renamed
    if renamed is None:
        return None
    path = renamed.file.path
    message = f"rename it to {path}"
    changes = _moved_lines(renamed)
    after = renamed
    if changes:
        after = renamed.with_data(renamed.with_lines(changes))
        message += f", with paths from {renamed.target.context}"
    edit = Edit(path, case.file.data, after.file.data, case.file.path)
    tree = renamed.tree
    if tree is None:
        return Fix(message, (edit,), certain=False)
    present = _governing_texts(renamed)
    before = renamed.with_data("\n".join(present).encode("utf-8", "surrogateescape"))
    if before.sent is None or after.sent is None:
        return None
    difference = SentDifference(before.now, after.now)
    if tree.is_taken(difference.hidden) or _breaks(after):
        return None
    is_certain = False
    why = case.target.unread
    if why is not None and why.is_misnamed:
        is_certain = not changes and not present and not tree.tracks(difference.hidden)
    return Fix(message, (edit,), is_certain, before.changes(difference, after))


def _governing_texts(renamed: Case) -> list[str]:
    """Return the lines of the ignore file that the builds read now; none without one."""
    for plan in renamed.plans:
        if plan.ignore_file is not None:
            return plan.ignore_file.texts()
    return []


def _breaks(case: Case) -> bool:
    """Return whether a line hides what a build is known to need."""
    if case.tree is None:
        return False
    findings = chain(
        missing.hidden_source(case),
        missing.manifest(case, case.tree),
        missing.referenced(case, case.tree),
    )
    return any(finding.severity is Severity.ERROR for finding in findings)


class _Moved(NamedTuple):
    """A line, and how it is written as a path from the context."""

    line: Line
    text: str
    is_shown: bool  # True if it matches there and not in the context


def displaced(case: Case) -> LintFindings:
    """Yield CTX136: patterns name what lies beside the file, but are paths from the context."""
    moved = _moved(case)
    if not moved:
        return
    home = _home_of(case)
    context = case.target.context
    severity = Severity.WARNING
    then = "so they match nothing"
    for finding in missing.hidden_source(case):
        if finding.severity is Severity.ERROR:
            severity = Severity.ERROR
            then = "so the build does not find its sources"
    lines = [line for line, _, is_shown in moved if is_shown]
    harmful = _harmful(case, moved)
    names = [line.shown for line, _, _ in moved if line.number - 1 in harmful]
    orders = []
    if len(moved) > len(names):
        orders.append(f"write {plural(len(moved) - len(names), 'line')} as paths from {context}")
    if names:
        listing = " and ".join(shortened(names, _MOST_NAMED))
        orders.append(f"remove {listing}, which would hide what a build takes")
    changes: dict[int, str | None] = {line.number: text for line, text, _ in moved}
    changes.update((index + 1, None) for index in harmful)
    yield case.finding(
        _DISPLACED,
        lines[0],
        f"{plural(len(lines), 'pattern')} of this file, as {lines[0].shown}, name what is in "
        f"{home}, but patterns are paths from the context {context}, {then}",
        severity,
        Confidence.LIKELY,
        fix=case.fix("; ".join(orders), changes),
    )


def _harmful(case: Case, moved: Iterable[_Moved]) -> set[int]:
    """Return the indexes of lines that hide what a build takes, as paths from the context."""
    texts = case.file.texts()
    numbers = set()
    for line, text, _ in moved:
        numbers.add(line.number - 1)
        texts[line.number - 1] = text
    return harmful_lines(case.plans, texts, numbers, _home_of(case))


def _moved_lines(case: Case) -> LineChanges:
    """Return the lines to write as paths from the context, by number; none if they are that."""
    return {line.number: text for line, text, _ in _moved(case)}


def _home_of(case: Case) -> str:
    """Return the directory of the ignore file in the context, `""` for its top or outside."""
    if case.tree is None:
        return ""
    home = dirname(relpath(place_of_link(case.file.path), case.tree.plan.root))
    if leads_out(home):
        return ""
    return home


def _moved(case: Case) -> list[_Moved]:
    """Return the lines that are paths from the file's directory, none if any is a true path.

    A line shows that if it matches there and not in the context. A single one shows too little,
    unless it is an exception.
    """
    home = _home_of(case)
    prefix = None
    if home:
        prefix = pattern_for(home, pattern_class=case.spec.pattern_class)
    if prefix is None:
        return []
    moved = []
    shown = 0
    for line in _paths(case):
        other = _at(case, line, prefix)
        is_there = bool(case.matched(other.pattern))
        is_here = bool(case.matched(line.pattern))
        if is_here and not is_there:
            return []
        is_shown = is_there and not is_here
        moved.append(_Moved(line, other.raw, is_shown))
        if is_shown:
            shown += 1
            if line.exception:
                shown += _LEAST
    if shown < _LEAST:
        return []
    return moved


def _paths(case: Case) -> Iterator[Line]:
    """Yield the lines with a pattern that depends on the directory from which it counts."""
    for line in case.patterns:
        if line.text in EVERYTHING or line.text.startswith("**/") or line.names_no_entry:
            continue
        yield line


def _at(case: Case, line: Line, prefix: str) -> Line:
    """Return the line with a directory in front of its path."""
    written = line.written
    if line.exception:
        written = written.removeprefix("!").lstrip()
    path = f"{prefix}/{written.removeprefix('./').lstrip('/')}"
    return read_line(encoded(line.sign + path), case.builder.name, first=False)
