"""Names that tools use all over a tree, and that are written for one place of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ctxsize.engine.covers import is_literal
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.snapshot import Sent
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, Proposal
from ctxsize.lints.lookup import LintTree
from ctxsize.recommender.matches import names
from ctxsize.recommender.rules import all_rules, texts
from ctxsize.units import plural

_ANYWHERE = "/".join("\ue000" * 5)
"""A directory that no pattern names."""
_STARS = re.compile(r"(?:\*/)+(?!\*)([^/]+)")
_MADE_UP = frozenset({"fixtures", "__fixtures__", "testdata", "test-data", "templates", "template"})
"""Directories whose projects are data of tests and generators, and are not built in place."""
_UNIQUE = frozenset(
    {"node_modules", "__pycache__", "*.pyc", "*.py[cod]", "*.py[co]", "_build", "deps"}
)
_WITHOUT_A_ROW = ("*.log", ".sass-cache")


@dataclass(frozen=True)
class Artefact:
    """What a tool or an editor makes wherever it is used."""

    pattern: str
    """As people write it at the top."""
    beside: tuple[str, ...] = ()
    """Names of files that show that it is made in their directory."""
    doubtful: bool = False
    """Whether directories of that name may just as well be sources."""

    @property
    def example(self) -> str:
        """Return where such a copy would lie, seen from its place."""
        return "__pycache__/a.cpython-312.pyc" if self.pattern.startswith("*.py") else self.pattern

    @property
    def is_unique(self) -> bool:
        """Return whether a place for it is worth a finding while no copy is there yet."""
        return self.pattern in _UNIQUE

    def places(self, tree: LintTree, sent: Sent) -> list[str]:
        """Return the directories below the top that are sent and where it would be made."""
        found = dict.fromkeys(
            path.rpartition("/")[0]
            for name in filter(self._is_beside, tree.by_name)
            for path in tree.by_name[name]
            if "/" in path and path in sent
        )
        return [path for path in found if not _MADE_UP.intersection(path.split("/"))]

    def proves(self, tree: LintTree, path: str) -> bool:
        """Return whether the entry at `path` is such an artefact, by what lies beside it."""
        held = tree.snapshot.folder(path.rpartition("/")[0])
        names = () if held is None else held.entries
        return not self.doubtful or any(map(self._is_beside, names))

    def _is_beside(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self.beside)


def _artefacts() -> dict[str, Artefact]:
    found = {name: Artefact(name) for name in _WITHOUT_A_ROW}
    for rule in all_rules().values():
        for name in texts(rule.nests.get("names", [])):
            known = found.get(name, Artefact(name))
            beside = (*known.beside, *texts(rule.nests.get("beside", [])))
            found[name] = Artefact(name, beside, rule.nests.get("ambiguous", False))
    return found


ARTEFACTS = _artefacts()
"""By the pattern as it stands in an ignore file."""


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
