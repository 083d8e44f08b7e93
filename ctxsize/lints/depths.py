"""Patterns for artefacts that tools write all over a tree, but that match at one level only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.segments import is_literal
from ctxsize.engine.snapshot import Sent
from ctxsize.findings import Confidence, Finding, Fix, Severity
from ctxsize.globs import like
from ctxsize.knowledge.rules import all_rules, listed, texts
from ctxsize.lints.case import Case
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.recommender.build_files import names
from ctxsize.units import plural

_ANYWHERE = "/".join("\ue000" * 5)  # a directory that no pattern matches
_SURE = (Severity.WARNING, Confidence.CERTAIN)
_STARS = re.compile(r"(?:\*/)+(?!\*)([^/]+)")


@dataclass(frozen=True)
class Artefact:
    """A file or directory that a tool or an editor writes wherever it runs."""

    pattern: str
    beside: tuple[str, ...] = ()  # names of files beside it that prove it, as patterns
    doubtful: bool = False  # True if directories of that name may also be sources

    @property
    def example(self) -> str:
        if self.pattern.startswith("*.py"):
            return "__pycache__/a.cpython-312.pyc"
        return self.pattern

    def places(self, tree: LintTree, sent: Sent) -> list[str]:
        """Return the sent directories below the top in which a tool would write it."""
        names = filter(self.is_beside, tree.by_name)
        paths = (path for name in names for path in tree.by_name[name] if path in sent)
        found = dict.fromkeys(path.rpartition("/")[0] for path in paths if "/" in path)
        return [path for path in found if not {*listed("made_up")} & {*path.split("/")}]

    def is_beside(self, name: str) -> bool:
        return any(like(each, name) for each in self.beside)


def _artefacts() -> dict[str, Artefact]:
    found = {name: Artefact(name) for name in ("*.log", ".sass-cache")}
    for rule in all_rules().values():
        for name in texts(rule.nests.get("names", [])):
            known = found.get(name, Artefact(name))
            beside = (*known.beside, *texts(rule.nests.get("beside", [])))
            found[name] = Artefact(name, beside, rule.nests.get("ambiguous", False))
    return found


ARTEFACTS = _artefacts()  # artefacts by the pattern of an ignore file


def root_only(case: Case) -> Iterator[Finding]:
    """Yield artefact patterns that match at the top only, while copies below are sent."""
    for line in case.patterns:
        if not line.written.startswith(("/", "./")):
            yield from _of_name(case, "CTX101", line, line.text, "the top of the context")


def single_star(case: Case) -> Iterator[Finding]:
    """Yield a finding for each `*/name` where `name` is an artefact."""
    for line in case.patterns:
        if (found := _STARS.fullmatch(line.text)) is not None:
            depth = line.text.count("/") + 1
            yield from _of_name(case, "CTX105", line, found[1], f"level {depth}")


def _of_name(case: Case, code: str, line: Line, name: str, where: str) -> Iterator[Finding]:
    artefact = ARTEFACTS.get(name)
    tree = case.tree
    if artefact is None or line.exception or f"**/{name}" in case.ignoring:
        return
    lead = f"{line.shown} matches at {where} only"
    if tree is None:
        tops = []
    else:
        tops = _sent_copies(case, tree, artefact)
    if tops:
        excepted = _excepted(case, tops, line)
    else:
        excepted = frozenset[str]()
    tops = [top for top in tops if not excepted.issuperset(case.below([top]))]
    if tops:
        copies = case.below(tops)
    else:
        copies = []
    if tree is None or not tree.has_files(copies):
        yield from _of_places(case, code, line, artefact, lead)
        return
    others = plural(len(tops), "other copy")
    message = f"{lead}, so the build sends {others}: {case.amount(copies)}"
    is_tracked = tree.tracks(copies)
    if is_tracked:
        message += ", but git tracks some of it, so this may be intended"
    sure = not is_tracked and (not artefact.doubtful or tree.tracked is not None)
    if sure:
        weight = _SURE
    else:
        weight = (Severity.INFO, Confidence.LIKELY)
    fix = _widened(case, line, artefact, frozenset(copies) - excepted if sure else None)
    yield case.finding(code, line, message, *weight, paths=copies, fix=fix)


def _of_places(
    case: Case, code: str, line: Line, artefact: Artefact, lead: str
) -> Iterator[Finding]:
    """Yield the finding about a copy that would be sent once it exists."""
    tree = case.tree
    if tree is None:
        places = [_ANYWHERE]
    else:
        places = artefact.places(tree, case.now)
    # Only directories in which no pattern would ignore a new copy.
    at = next((e for e in places if not case.step(f"{e}/{artefact.example}").ignored), None)
    if tree is None:
        where = "another directory"
    else:
        where = f"{at}/"
    if artefact.doubtful or tree is None:
        means = None
    else:
        means = frozenset[str]()
    is_one = artefact.pattern in listed("unique") and not (artefact.doubtful and tree is None)
    if at is not None and is_one:
        message = f"{lead}: a copy in {where} would be sent once it exists"
        if tree is None:
            confidence = Confidence.POSSIBLE
        else:
            confidence = Confidence.LIKELY
        fix = _widened(case, line, artefact, means)
        yield case.finding(code, line, message, Severity.INFO, confidence, fix=fix)


def _sent_copies(case: Case, tree: LintTree, artefact: Artefact) -> list[str]:
    """Return the topmost copies that are sent now; of doubtful ones, those with a file beside."""
    pattern = case.builder.spec_class.pattern_class(f"**/{artefact.pattern}")
    tops: list[str] = []
    for path in case.matched(pattern):
        held = tree.snapshot.folder(path.rpartition("/")[0])
        is_one = not artefact.doubtful or (held and any(map(artefact.is_beside, held.entries)))
        is_below = bool(tops) and path.startswith(f"{tops[-1]}/")
        if not is_below and path in case.now and is_one:
            tops.append(path)
    return tops


def _excepted(case: Case, tops: list[str], line: Line) -> frozenset[str]:
    """Return the paths at or below `tops` that exceptions re-include by name, with their parents.

    Below `line` an exception with wildcards counts too: its author saw what it re-includes.
    An exception for a parent directory does not count: it is no statement about its content.
    """
    wanted = {*tops}
    named = set[str]()
    for each in case.patterns:
        if not each.exception or each.pattern is None:
            continue
        if is_literal(each.pattern) and not wanted.isdisjoint(up_to(each.text)):
            named.add(each.text)
        if each.number > line.number:
            matched = wanted.intersection(case.matched(each.pattern))
            named |= {top for top in matched if names(each.pattern, top)}
    return frozenset(above for path in case.below(named) for above in up_to(path))


def _widened(
    case: Case, line: Line, artefact: Artefact, means: frozenset[str] | None
) -> Fix | None:
    """Return the fix that matches the artefact at every depth, in place of `line`.

    If exceptions would undo it there, the certain fix is at the end of the file. `name/**` also
    ignores what exceptions re-include below an ignored directory.
    """
    name = f"**/{artefact.pattern}"
    first = fix = case.fix(f"write {shown(name)}", {line.number: name}, means=means)
    for added in (name, f"{name}\n{name}/**") if means and case.exceptions else ():
        if fix is None or fix.certain:
            return fix
        fix = case.fix(
            f"move it to the end as {shown(name)}", {line.number: None}, added, means=means
        )
    if fix is None or fix.certain:
        return fix
    return first
