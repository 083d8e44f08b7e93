"""Names that are meant at every depth and written for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.artefacts import ARTEFACTS, Artefact, worth_a_word
from ctxsize.lints.case import Case
from ctxsize.lints.changes import Proposal
from ctxsize.lints.lines import Line
from ctxsize.lints.tree import LintTree
from ctxsize.recommender.exceptions import names
from ctxsize.units import plural

_ANYWHERE = "/".join("\ue000" * 5)
"""A directory that no pattern names."""
_STARS = re.compile(r"(?:\*/)+(?!\*)([^/]+)")


def root_only(case: Case) -> Iterator[Finding]:
    """Yield names of artefacts at the top whose copies below are sent."""
    for line in case.patterns:
        artefact = ARTEFACTS.get(line.text)
        if line.exception or artefact is None or line.written.startswith(("/", "./")):
            continue
        if not _has_any_depth(case, line.text):
            yield from _of_name(case, "CTX101", line, artefact, "the top of the context")


def single_star(case: Case) -> Iterator[Finding]:
    """Yield `*/name`, where the name is that of an artefact."""
    for line in case.patterns:
        found = _STARS.fullmatch(line.text)
        artefact = None if found is None else ARTEFACTS.get(found[1])
        if line.exception or artefact is None or _has_any_depth(case, artefact.pattern):
            continue
        depth = line.text.count("/") + 1
        yield from _of_name(case, "CTX105", line, artefact, f"level {depth}")


def _has_any_depth(case: Case, name: str) -> bool:
    return f"**/{name}" in case.ignoring_texts


class _Copies(NamedTuple):
    """What is sent under a name beside what a pattern ignores."""

    tops: list[str]
    paths: list[str]
    """The same with all below."""
    excepted: frozenset[str]
    """Those of `paths`, and others, that exceptions want to have sent."""


def _of_name(
    case: Case, code: str, line: Line, artefact: Artefact, where: str
) -> Iterator[Finding]:
    tree, name = case.tree, artefact.pattern
    lead = f"{line.text} matches at {where} only"
    if tree is None:
        if (
            worth_a_word(artefact)
            and not artefact.doubtful
            and _would_be_sent(case, artefact, _ANYWHERE)
        ):
            yield case.finding(
                code,
                line,
                f"{lead}; copies elsewhere are sent",
                severity=Severity.INFO,
                confidence=Confidence.POSSIBLE,
                fix=_widened(line, name, None),
            )
        return
    tops = _sent_copies(tree, artefact)
    excepted = _excepted(case, tree, tops, line)
    tops = [top for top in tops if not _is_within(excepted, tree, top)]
    copies = tree.below(tops)
    if tree.has_files(copies):
        yield _of_copies(case, code, line, artefact, lead, _Copies(tops, copies, excepted))
    elif worth_a_word(artefact):
        places = [each for each in artefact.places(tree) if _would_be_sent(case, artefact, each)]
        if places:
            others = f" and {plural(len(places) - 1, 'other directory')}" if places[1:] else ""
            yield _of_places(case, code, line, artefact, f"{lead}; {places[0]}/{others}")


def _of_copies(
    case: Case,
    code: str,
    line: Line,
    artefact: Artefact,
    lead: str,
    found: _Copies,
) -> Finding:
    copies, tree = found.paths, case.tree
    assert tree is not None
    means = frozenset(copies) - found.excepted
    wanted = tree.tracked is not None and not tree.tracked.isdisjoint(copies)
    sure = not wanted and (not artefact.doubtful or tree.tracked is not None)
    note = "; git tracks some of it, so it may be meant to be sent" if wanted else ""
    are = "is" if len(found.tops) == 1 else "are"
    sent = f"{plural(len(found.tops), 'other copy')} {are} sent, {tree.amount(copies)}"
    return case.finding(
        code,
        line,
        f"{lead}: {sent}{note}",
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        paths=copies,
        fix=case.first_certain([*_wider(case, line, artefact.pattern, means if sure else None)]),
    )


def _of_places(case: Case, code: str, line: Line, artefact: Artefact, lead: str) -> Finding:
    return case.finding(
        code,
        line,
        f"{lead} would send theirs, as soon as there is one",
        severity=Severity.INFO,
        confidence=Confidence.LIKELY,
        fix=_widened(line, artefact.pattern, None if artefact.doubtful else frozenset()),
    )


def _sent_copies(tree: LintTree, artefact: Artefact) -> list[str]:
    """Return the topmost entries of that name that are sent now."""
    pattern = tree.request.builder.spec_class.pattern_class(f"**/{artefact.pattern}")
    tops: list[str] = []
    for path in tree.matched(pattern):
        if tops and path.startswith(f"{tops[-1]}/"):
            continue
        if path in tree.now and artefact.proves(tree, path):
            tops.append(path)
    return tops


def _excepted(case: Case, tree: LintTree, tops: list[str], line: Line) -> frozenset[str]:
    """Return what exceptions name literally at or below `tops`, with their parents.

    Below `line` one with wildcards counts too: its author has seen what it takes back.
    A directory further up is no word about what turns up in it.
    """
    wanted = {*tops}
    named = {text for text in case.literal_exceptions if wanted.intersection(_up_to(text))}
    named |= {
        top
        for top in tops
        for each in case.matching(top)
        if each.exception and each.number > line.number and each.pattern is not None
        if names(each.pattern, top)
    }
    found = tree.below(named)
    return frozenset(above for path in found for above in _up_to(path))


def _up_to(path: str) -> list[str]:
    """Return the directories above `path` and itself."""
    return [path[:at] for at, char in enumerate(f"{path}/") if char == "/"]


def _is_within(excepted: frozenset[str], tree: LintTree, top: str) -> bool:
    """Return whether exceptions name all that is at `top`."""
    return top in excepted and excepted.issuperset(tree.below([top]))


def _would_be_sent(case: Case, artefact: Artefact, place: str) -> bool:
    """Return whether no pattern of the file ignores a copy that is made at `place`."""
    return not case.step(f"{place}/{artefact.example}").ignored


def _wider(case: Case, line: Line, name: str, means: frozenset[str] | None) -> Iterator[Proposal]:
    """Yield what to write instead: in place, or last where exceptions below would undo it.

    `name/**` also keeps out what they take back below a directory that is ignored.
    """
    yield _widened(line, name, means)
    if case.has_exceptions:
        for text in (f"**/{name}", f"**/{name}\n**/{name}/**"):
            message = f"write {text.replace(chr(10), ' and ')} last"
            yield Proposal(message, {line.number: None}, append=text, means=means)


def _widened(line: Line, name: str, means: frozenset[str] | None) -> Proposal:
    return Proposal.write(line.number, f"**/{name}", means=means)
