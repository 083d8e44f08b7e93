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
from ctxsize.lints.case import NOTHING, Case
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.recommender.build_files import names
from ctxsize.units import plural

_ANYWHERE = "/".join("\ue000" * 5)  # a directory that no pattern matches
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
        directories: dict[str, None] = {}
        for name, paths in tree.by_name.items():
            if not self.is_beside(name):
                continue
            for path in paths:
                directory = path.rpartition("/")[0]
                if directory and path in sent:
                    directories[directory] = None
        made_up = set(listed("made_up"))
        return [path for path in directories if made_up.isdisjoint(path.split("/"))]

    def is_beside(self, name: str) -> bool:
        return any(like(pattern, name) for pattern in self.beside)

    def is_proved(self, tree: LintTree, directory: str) -> bool:
        """Return whether a file in `directory` shows that one of this name is no source."""
        if not self.doubtful:
            return True
        folder = tree.snapshot.folder(directory)
        if folder is None:
            return False
        return any(map(self.is_beside, folder.entries))


def _read_artefacts() -> dict[str, Artefact]:
    artefacts = {name: Artefact(name) for name in ("*.log", ".sass-cache")}
    for rule in all_rules().values():
        beside = tuple(texts(rule.nests.get("beside", [])))
        doubtful = rule.nests.get("ambiguous", False)
        for name in texts(rule.nests.get("names", [])):
            known = artefacts.get(name, Artefact(name))
            artefacts[name] = Artefact(name, known.beside + beside, doubtful)
    return artefacts


ARTEFACTS = _read_artefacts()  # artefacts by the pattern of an ignore file


def root_only(case: Case) -> Iterator[Finding]:
    """Yield artefact patterns that match at the top only, while copies below are sent."""
    for line in case.patterns:
        if not line.written.startswith(("/", "./")):
            yield from _check_name(case, "CTX101", line, line.text, "the top of the context")


def single_star(case: Case) -> Iterator[Finding]:
    """Yield a finding for each `*/name` where `name` is an artefact."""
    for line in case.patterns:
        pattern = _STARS.fullmatch(line.text)
        if pattern is not None:
            depth = line.text.count("/") + 1
            yield from _check_name(case, "CTX105", line, pattern[1], f"level {depth}")


def _check_name(case: Case, code: str, line: Line, name: str, where: str) -> Iterator[Finding]:
    artefact = ARTEFACTS.get(name)
    if artefact is None:
        return
    if line.exception:
        return
    if f"**/{name}" in case.ignoring:
        return
    tree = case.tree
    lead = f"{line.shown} matches at {where} only"
    if tree is None:
        finding = _report_any_place(case, code, line, artefact, lead)
    else:
        finding = _report_copies(case, tree, code, line, artefact, lead)
        if finding is None:
            finding = _report_places(case, tree, code, line, artefact, lead)
    if finding is not None:
        yield finding


def _report_copies(
    case: Case, tree: LintTree, code: str, line: Line, artefact: Artefact, lead: str
) -> Finding | None:
    """Return the finding about the copies that are sent now."""
    tops = _sent_copies(case, tree, artefact)
    excepted = _find_excepted(case, tops, line)
    tops = [top for top in tops if not excepted.issuperset(case.below([top]))]
    copies = frozenset(case.below(tops))
    if not tree.has_files(copies):
        return None
    others = plural(len(tops), "other copy")
    message = f"{lead}, so the build sends {others}: {case.amount(copies)}"
    is_tracked = tree.tracks(copies)
    if is_tracked:
        message += ", but git tracks some of it, so this may be intended"
    severity = Severity.WARNING
    confidence = Confidence.CERTAIN
    means: frozenset[str] | None = copies - excepted
    if is_tracked or (artefact.doubtful and tree.tracked is None):
        severity = Severity.INFO
        confidence = Confidence.LIKELY
        means = None
    return case.finding(
        code,
        line,
        message,
        severity,
        confidence,
        paths=copies,
        fix=_widen(case, line, artefact, means),
    )


def _report_places(
    case: Case, tree: LintTree, code: str, line: Line, artefact: Artefact, lead: str
) -> Finding | None:
    """Return the finding about a copy that would be sent once it exists."""
    if artefact.pattern not in listed("unique"):
        return None
    for place in artefact.places(tree, case.now):
        # Only directories in which no pattern would ignore a new copy.
        if case.step(f"{place}/{artefact.example}").ignored:
            continue
        message = f"{lead}: a copy in {place}/ would be sent once it exists"
        means: frozenset[str] | None = NOTHING
        if artefact.doubtful:
            means = None
        return case.finding(
            code,
            line,
            message,
            Severity.INFO,
            Confidence.LIKELY,
            fix=_widen(case, line, artefact, means),
        )
    return None


def _report_any_place(
    case: Case, code: str, line: Line, artefact: Artefact, lead: str
) -> Finding | None:
    """Return the finding about a copy in a context that is unknown."""
    if artefact.doubtful:
        return None
    if artefact.pattern not in listed("unique"):
        return None
    if case.step(f"{_ANYWHERE}/{artefact.example}").ignored:
        return None
    return case.finding(
        code,
        line,
        f"{lead}: a copy in another directory would be sent once it exists",
        Severity.INFO,
        Confidence.POSSIBLE,
        fix=_widen(case, line, artefact, None),
    )


def _sent_copies(case: Case, tree: LintTree, artefact: Artefact) -> list[str]:
    """Return the topmost copies that are sent now; of doubtful ones, those with a file beside."""
    pattern = case.builder.spec_class.pattern_class(f"**/{artefact.pattern}")
    tops = list[str]()
    for path in case.matched(pattern):
        if path not in case.now:
            continue
        if tops and path.startswith(f"{tops[-1]}/"):
            continue
        if artefact.is_proved(tree, path.rpartition("/")[0]):
            tops.append(path)
    return tops


def _find_excepted(case: Case, tops: list[str], line: Line) -> frozenset[str]:
    """Return the paths at or below `tops` that exceptions re-include by name, with their parents.

    Below `line` an exception with wildcards counts too: its author saw what it re-includes.
    An exception for a parent directory does not count: it is no statement about its content.
    """
    wanted = set(tops)
    if not wanted:
        return frozenset()
    named = set()
    for exception in case.patterns:
        pattern = exception.pattern
        if not exception.exception:
            continue
        if pattern is None:
            continue
        if is_literal(pattern) and not wanted.isdisjoint(up_to(exception.text)):
            named.add(exception.text)
        if exception.number > line.number:
            for top in wanted.intersection(case.matched(pattern)):
                if names(pattern, top):
                    named.add(top)
    return frozenset(parent for path in case.below(named) for parent in up_to(path))


def _widen(case: Case, line: Line, artefact: Artefact, means: frozenset[str] | None) -> Fix | None:
    """Return the fix that matches the artefact at every depth, in place of `line`.

    If exceptions would undo it there, the certain fix is at the end of the file. `name/**` also
    ignores what exceptions re-include below an ignored directory.
    """
    name = f"**/{artefact.pattern}"
    first = case.rewriting(line, name, means=means)
    if first is None:
        return first
    if first.certain:
        return first
    if not means:
        return first
    if not case.exceptions:
        return first
    order = f"move it to the end as {shown(name)}"
    for added in (name, f"{name}\n{name}/**"):
        fix = case.fix(order, {line.number: None}, added, means=means)
        if fix is None:
            return fix
        if fix.certain:
            return fix
    return first
