"""Names that are meant at every depth and written for one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ctxsize.engine.covers import is_literal
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.artefacts import ARTEFACTS, Artefact
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, up_to
from ctxsize.lints.proposal import Proposal
from ctxsize.lints.tree import LintTree
from ctxsize.recommender.matches import names
from ctxsize.units import plural

_ANYWHERE = "/".join("\ue000" * 5)
"""A directory that no pattern names."""
_STARS = re.compile(r"(?:\*/)+(?!\*)([^/]+)")


def root_only(case: Case) -> Iterator[Finding]:
    """Yield names of artefacts at the top whose copies below are sent."""
    for line in case.patterns:
        if not line.written.startswith(("/", "./")):
            yield from _of_name(case, "CTX101", line, line.text, "the top of the context")


def single_star(case: Case) -> Iterator[Finding]:
    """Yield `*/name`, where the name is that of an artefact."""
    for line in case.patterns:
        found = _STARS.fullmatch(line.text)
        if found is not None:
            depth = line.text.count("/") + 1
            yield from _of_name(case, "CTX105", line, found[1], f"level {depth}")


def _of_name(case: Case, code: str, line: Line, name: str, where: str) -> Iterator[Finding]:
    artefact = ARTEFACTS.get(name)
    if artefact is None or line.exception or f"**/{name}" in case.ignoring:
        return
    lead = f"{line.text} matches at {where} only"
    if case.tree is None:
        if not artefact.doubtful:
            yield from _of_places(case, code, line, artefact, f"{lead}; copies elsewhere are sent")
        return
    tops = _sent_copies(case, case.tree, artefact)
    excepted = _excepted(case, tops, line)
    tops = [top for top in tops if not excepted.issuperset(case.below([top]))]
    if case.tree.has_files(case.below(tops)):
        yield _of_copies(case, code, line, artefact, lead, tops, excepted)
    else:
        yield from _of_places(case, code, line, artefact, lead)


def _of_copies(
    case: Case,
    code: str,
    line: Line,
    artefact: Artefact,
    lead: str,
    tops: Collection[str],
    excepted: frozenset[str],
) -> Finding:
    """Return the finding about the copies at `tops`, of which some is `excepted`."""
    tree, copies = case.known_tree, case.below(tops)
    wanted = tree.tracks(copies)
    sure = not wanted and (not artefact.doubtful or tree.tracked is not None)
    note = "; git tracks some of it, so it may be meant to be sent" if wanted else ""
    are = "is" if len(tops) == 1 else "are"
    fix = _widened(line, artefact)
    if sure:
        fix = _certain(case, line, artefact, frozenset(copies) - excepted)
    return case.finding(
        code,
        line,
        f"{lead}: {plural(len(tops), 'other copy')} {are} sent, {case.amount(copies)}{note}",
        severity=Severity.WARNING if sure else Severity.INFO,
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        paths=copies,
        fix=fix,
    )


def _of_places(
    case: Case, code: str, line: Line, artefact: Artefact, lead: str
) -> Iterator[Finding]:
    """Yield that a copy would be sent which is not there yet, where a place is enough for one."""
    places = [_ANYWHERE] if case.tree is None else artefact.places(case.tree, case.now)
    # No pattern of the file ignores a copy that is made there.
    places = [each for each in places if not case.step(f"{each}/{artefact.example}").ignored]
    if not artefact.is_unique or not places:
        return
    means = None
    if case.tree is not None:
        others = f" and {plural(len(places) - 1, 'other directory')}" if places[1:] else ""
        lead += f"; {places[0]}/{others} would send theirs, as soon as there is one"
        means = None if artefact.doubtful else frozenset[str]()
    yield case.finding(
        code,
        line,
        lead,
        severity=Severity.INFO,
        confidence=Confidence.POSSIBLE if case.tree is None else Confidence.LIKELY,
        fix=_widened(line, artefact, means),
    )


def _sent_copies(case: Case, tree: LintTree, artefact: Artefact) -> list[str]:
    """Return the topmost entries of that name that are sent now."""
    pattern = case.builder.spec_class.pattern_class(f"**/{artefact.pattern}")
    tops: list[str] = []
    for path in case.matched(pattern):
        if tops and path.startswith(f"{tops[-1]}/"):
            continue
        if path in case.now and artefact.proves(tree, path):
            tops.append(path)
    return tops


def _excepted(case: Case, tops: list[str], line: Line) -> frozenset[str]:
    """Return what exceptions name literally at or below `tops`, with their parents.

    Below `line` one with wildcards counts too: its author has seen what it takes back.
    A directory further up is no word about what turns up in it.
    """
    wanted, named = {*tops}, set[str]()
    for each in case.patterns if tops else ():
        if not each.exception or each.pattern is None:
            continue
        if is_literal(each.pattern) and not wanted.isdisjoint(up_to(each.text)):
            named.add(each.text)
        if each.number > line.number:
            matched = wanted.intersection(case.matched(each.pattern))
            named |= {top for top in matched if names(each.pattern, top)}
    return frozenset(above for path in case.below(named) for above in up_to(path))


def _certain(case: Case, line: Line, artefact: Artefact, means: frozenset[str]) -> Proposal:
    """Return what to write instead: in place, or last where exceptions below would undo it.

    `name/**` also keeps out what they take back below a directory that is ignored.
    """
    first = _widened(line, artefact, means)
    proposals, name = [first], f"**/{artefact.pattern}"
    if case.exceptions:
        change: dict[int, str | None] = {line.number: None}
        proposals += [
            Proposal(f"write {name} last", change, append=name, means=means),
            Proposal(
                f"write {name} and {name}/** last",
                change,
                append=f"{name}\n{name}/**",
                means=means,
            ),
        ]
    for each in proposals:
        fix = case.fix(each)
        if fix is None or fix.certain:
            return each
    return first


def _widened(line: Line, artefact: Artefact, means: frozenset[str] | None = None) -> Proposal:
    return Proposal.write(line.number, f"**/{artefact.pattern}", means=means)
