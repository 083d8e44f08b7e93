"""Patterns for artefacts that tools write all over a tree, but that match at one level only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from posixpath import dirname
from typing import NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.segments import is_literal
from ctxsize.engine.snapshot import Sent
from ctxsize.findings import Confidence, Severity
from ctxsize.globs import is_glob, like, matcher
from ctxsize.knowledge.rules import all_rules, listed, texts
from ctxsize.lints.case import NOTHING, Case, LintFindings, MaybeFix, Meant
from ctxsize.lints.lines import Line, shown
from ctxsize.lints.lookup import LintTree
from ctxsize.model import Texts
from ctxsize.recommender.build_files import names
from ctxsize.recommender.tree import outermost
from ctxsize.units import plural
from ctxsize.writer import START

_ANYWHERE = "/".join("\ue000" * 5)  # a directory that no pattern matches
_STARS = re.compile(r"(?:\*/)+(?!\*)([^/]+)")


class Artefact(NamedTuple):
    """A file or directory that a tool or an editor writes wherever it runs."""

    pattern: str
    beside: Texts = ()  # names of files beside it that prove it, as patterns
    doubtful: bool = False  # True if directories of that name may also be sources

    @property
    def example(self) -> str:
        if self.pattern.startswith("*.py"):
            return "__pycache__/a.cpython-312.pyc"
        return self.pattern

    def places(self, tree: LintTree, sent: Sent) -> list[str]:
        """Return the sent directories below the top in which a tool would write it."""
        directories = dict.fromkeys(
            dirname(path)
            for path in tree.named(filter(self.is_beside, tree.by_name))
            if path in sent
        )
        made_up = set(listed("made_up"))
        return [path for path in directories if path and made_up.isdisjoint(path.split("/"))]

    def is_beside(self, name: str) -> bool:
        return any(like(pattern, name) for pattern in self.beside)

    def is_proved(self, case: Case, tree: LintTree, path: str) -> bool:
        """Return whether git, or a file beside `path`, shows that this one is no source."""
        if not self.doubtful:
            return True
        if case.judgement.is_safe(path):
            return True
        if self.pattern in tree.names_in_gitignore and tree.is_ignored_by_git(path):
            return True
        folder = tree.snapshot.folder(dirname(path))
        if folder is None:
            return False
        return any(map(self.is_beside, folder.entries))


def _read_artefacts() -> dict[str, Artefact]:
    artefacts = {name: Artefact(name) for name in ("*.log", ".sass-cache")}
    for rule in all_rules().values():
        nests = rule.nests
        for name in texts(nests.get("names", [])):
            known = artefacts.get(name, Artefact(name))
            artefacts[name] = Artefact(
                pattern=name,
                beside=known.beside + texts(nests.get("beside", [])),
                doubtful=not rule.is_told_by_name,
            )
    return artefacts


ARTEFACTS = _read_artefacts()  # artefacts by the pattern of an ignore file


def root_only(case: Case) -> LintFindings:
    """Yield artefact patterns that match at the top only, while copies below are sent."""
    for line in case.patterns:
        if not line.written.startswith(("/", "./")):
            yield from _check_name(
                case,
                "CTX101",
                line,
                name=line.text,
                where="the top of the context",
            )


def single_star(case: Case) -> LintFindings:
    """Yield a finding for each `*/name` where `name` is an artefact."""
    for line in case.patterns:
        pattern = _STARS.fullmatch(line.text)
        if pattern is not None:
            yield from _check_name(
                case,
                "CTX105",
                line,
                name=pattern[1],
                where=f"level {line.text.count('/') + 1}",
            )


def _check_name(case: Case, code: str, line: Line, name: str, where: str) -> LintFindings:
    artefact = ARTEFACTS.get(name) or _known_to_git(case, name)
    if artefact is None or line.exception:
        return
    if not case.ignoring.isdisjoint((f"**/{name}", f"**/{name}/**")):
        return
    missed = _sent_copies(case, line, artefact)
    if missed is None and name in listed("unique"):
        missed = _future_copies(case, artefact)
    if missed is not None:
        fix = _widen(case, line, artefact, missed.means)
        if fix is not None and missed.is_doubted:
            fix = replace(fix, certain=False)
        yield case.finding(
            code,
            line,
            f"{line.shown} matches at {where} only{missed.consequence}",
            missed.severity,
            missed.confidence,
            paths=missed.paths,
            fix=fix,
        )


def _known_to_git(case: Case, name: str) -> Artefact | None:
    """Return the artefact of a name that git ignores at every depth, if one below is sent."""
    tree = case.tree
    if tree is None or name not in tree.names_in_gitignore:
        return None
    names: Iterable[str] = [name]
    if is_glob(name):
        names = filter(matcher(name), tree.by_name)
    if any(path in case.now for path in tree.named(names)):
        return Artefact(name, doubtful=True)
    return None


class _MissedCopies(NamedTuple):
    """Copies of an artefact that a pattern does not match."""

    consequence: str
    severity: Severity = Severity.INFO
    confidence: Confidence = Confidence.LIKELY
    means: Meant = None
    paths: frozenset[str] = frozenset()
    is_doubted: bool = False  # True if `suggest` would not call it safe to hide them


def _sent_copies(case: Case, line: Line, artefact: Artefact) -> _MissedCopies | None:
    """Return the copies that are sent now; of doubtful ones, those with a file beside."""
    tree = case.tree
    if tree is None:
        return None
    pattern = case.builder.spec_class.pattern_class(f"**/{artefact.pattern}")
    sent = (path for path in case.matched(pattern) if path in case.now)
    proved = outermost({path: None for path in sent if artefact.is_proved(case, tree, path)})
    tops = tree.travelling(proved, case.spec)
    excepted = _find_excepted(case, tops, line)
    tops = [top for top in tops if not excepted.issuperset(case.below([top]))]
    if all(map(case.judgement.covers, tops)):
        return None
    copies = frozenset(case.below(tops))
    if not tree.has_files(copies):
        return None
    consequence = f", so the build sends {plural(len(tops), 'other copy')}: {case.amount(copies)}"
    doubts = case.judgement.doubts(tops)
    if doubts and START in case.file.data:  # `suggest` has spared these copies, and asks about them
        return None
    is_tracked = tree.tracks(copies)
    if is_tracked:
        consequence += ", but git tracks some of it, so this may be intended"
    elif doubts:
        consequence += f"; {doubts[0]}"
    missed = _MissedCopies(consequence, paths=copies)
    meant = frozenset(case.below(proved)) - excepted  # no build takes the others
    is_proved = tree.tracked is not None or all(map(case.judgement.is_safe, tops))
    if is_tracked or (artefact.doubtful and not is_proved):
        return missed
    if doubts:
        return missed._replace(means=meant, is_doubted=True)
    return missed._replace(
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN,
        means=meant,
    )


def _future_copies(case: Case, artefact: Artefact) -> _MissedCopies | None:
    """Return a copy that would be sent once it exists, somewhere if the context is unknown."""
    places = [_ANYWHERE]
    confidence = Confidence.POSSIBLE
    means = NOTHING
    if case.tree is not None:
        places = [
            place
            for place in artefact.places(case.tree, case.now)
            if case.tree.would_travel(f"{place}/{artefact.example}")
        ]
        confidence = Confidence.LIKELY
    elif artefact.doubtful:
        return None
    if artefact.doubtful:
        means = None
    for place in places:
        # Only directories in which no pattern would ignore a new copy.
        if case.tree is not None and case.judgement.covers(f"{place}/{artefact.example}"):
            continue
        if case.ignores(f"{place}/{artefact.example}"):
            continue
        where = f"{place}/"
        if place == _ANYWHERE:
            where = "another directory"
        return _MissedCopies(
            consequence=f": a copy in {where} would be sent once it exists",
            confidence=confidence,
            means=means,
        )
    return None


def _find_excepted(case: Case, tops: Iterable[str], line: Line) -> frozenset[str]:
    """Return the paths at or below `tops` that exceptions re-include by name, with their parents.

    Below `line` an exception with wildcards counts too: its author saw what it re-includes.
    An exception for a parent directory does not count: it is no statement about its content.
    """
    wanted = set(tops)
    named = set()
    for exception in case.patterns:
        pattern = exception.pattern
        if not exception.exception:
            continue
        if is_literal(pattern) and not wanted.isdisjoint(up_to(exception.text)):
            named.add(exception.text)
        if exception.number > line.number:
            named.update(
                top for top in wanted.intersection(case.matched(pattern)) if names(pattern, top)
            )
    return frozenset(parent for path in case.below(named) for parent in up_to(path))


def _widen(case: Case, line: Line, artefact: Artefact, means: Meant) -> MaybeFix:
    """Return the fix that matches the artefact at every depth, in place of `line`.

    If exceptions would undo it there, the certain fix is at the end of the file. `name/**` also
    ignores what exceptions re-include below an ignored directory.
    """
    name = f"**/{artefact.pattern}"
    first = case.rewriting(line, name, means=means)
    if first is None or first.certain:
        return first
    if not means or not case.exceptions:
        return first
    for added in (name, f"{name}\n{name}/**"):
        fix = case.fix(
            f"move it to the end as {shown(name)}", {line.number: None}, added, means=means
        )
        if fix is None:
            return fix
        if fix.certain:
            return fix
    return first
