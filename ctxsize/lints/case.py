"""A case for lints: the lines of one ignore file, and what is known about its surroundings."""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.codes import severity_of
from ctxsize.engine.covers import is_literal
from ctxsize.engine.ignorefile import LONGEST_LINE, IgnoreFile
from ctxsize.engine.matched import Matcher, matcher
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec, Step
from ctxsize.engine.sent import differences
from ctxsize.errors import IgnoreFileError
from ctxsize.findings import Confidence, Finding, Fix, Location, Severity
from ctxsize.lints.changes import Proposal, simulated
from ctxsize.lints.dockerfiles import GovernedBuild
from ctxsize.lints.lines import Line, read_line
from ctxsize.lints.tree import LintTree
from ctxsize.recommender.exceptions import names
from ctxsize.writer.merge import edit_lines

MOST_COMPARED, MOST_EXCEPTIONS, MOST_WORK = 10_000, 2_000, 1_000_000
"""Number of patterns that are held against each other, and of lines evaluated for proofs."""


@dataclass(frozen=True)
class Case:
    """One ignore file to lint."""

    file: IgnoreFile
    spec_class: type[DockerIgnoreSpec] = DockerIgnoreSpec
    tree: LintTree | None = None
    """The context, where there is one."""
    uses: tuple[GovernedBuild, ...] = ()
    """The Dockerfiles whose builds read this file."""
    unread: str | None = None
    """Why no build reads this file, or None."""
    likely_unread: str | None = None
    """Why probably no build reads this file, or None."""
    fallback: IgnoreFile | None = None
    """The other ignore file, which this one replaces for its Dockerfile."""
    length_limit: int | None = LONGEST_LINE
    """The longest line that the builder reads, in bytes."""
    work: list[int] = field(default_factory=lambda: [0], compare=False)
    """Number of lines evaluated to prove fixes, of this file and of what fixes made of it."""

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Return all lines of the file."""
        both = zip(self.file.lines, self.file.texts(), strict=True)
        return tuple(
            read_line(number, data, raw, self.pattern_class, self.length_limit)
            for number, (data, raw) in enumerate(both, 1)
        )

    @property
    def pattern_class(self) -> type[DockerIgnorePattern]:
        """Return what reads one line."""
        return self.spec_class.pattern_class

    @cached_property
    def spec(self) -> DockerIgnoreSpec:
        """Return the patterns that can be evaluated, as one list."""
        return self.spec_class(line.pattern for line in self.patterns if line.pattern is not None)

    @cached_property
    def matcher(self) -> Matcher:
        """Return the matcher of a path; it knows the patterns that can be evaluated, by index."""
        return matcher(self.spec)

    def step(self, path: str) -> Step:
        """Return what becomes of `path` by the patterns alone, even where no builder looks."""
        return self.matcher.step(path)

    def matching(self, path: str) -> list[Line]:
        """Return the lines whose patterns match `path` itself, in order."""
        return [self.patterns[at] for at in self.matcher.indexes(path)]

    @cached_property
    def index_of(self) -> dict[int, int]:
        """Return where each line stands among those with a pattern, by its number."""
        return {line.number: at for at, line in enumerate(self.patterns)}

    def decider(self, path: str) -> Line | None:
        """Return the line that decides about `path`, None if no pattern does."""
        index = self.step(path).decider
        return None if index is None else self.patterns[index]

    def ignored_before(self, line: Line, path: str) -> bool:
        """Return whether the patterns above `line` ignore `path`.

        What one pattern does at a path does not depend on those below it.
        """
        count = self.index_of[line.number]
        if not self.spec_class.remembers_parents:
            known = [each.pattern for each in self.patterns[:count]]
            spec = self.spec_class(each for each in known if each is not None)
            return [*spec.steps(path)][-1][1].ignored
        above = self.step(path).state & ((1 << count) - 1)
        return bool(above) and not self.patterns[above.bit_length() - 1].exception

    def effect(self, line: Line) -> list[str]:
        """Return the paths whose fate would be another without `line`."""
        if self.tree is None:
            return []
        sent = self.tree.with_data(edit_lines(self.file, {line.number: "#"})).sent
        return [] if sent is None else sorted(differences(self.tree.now, sent).paths)

    def intended(self, patterns: Sequence[str]) -> frozenset[str] | None:
        """Return the paths that `patterns` would ignore, or let in as exceptions.

        None if that is not known, as without a tree.
        """
        made = [self._made(each) for each in patterns]
        known = [each for each in made if each is not None]
        if self.tree is None or len(known) < len(made) or len({e.include for e in known}) != 1:
            return None
        tops = {path for each in known for path in self.tree.matched(each)}
        if known[0].include:
            return frozenset(self.tree.below(tops))
        everything, sent = self.tree.everything, self.tree.now
        return frozenset(path for path in self.tree.below(tops, of=everything) if path not in sent)

    def _made(self, text: str) -> DockerIgnorePattern | None:
        try:
            pattern = self.pattern_class(text)
        except IgnoreFileError:
            return None
        return None if pattern.fault is not None or pattern.include is None else pattern

    @cached_property
    def patterns(self) -> list[Line]:
        """Return the lines that hold a pattern which can be evaluated."""
        return [line for line in self.lines if line.pattern is not None]

    def count_between(self, start: int, end: int, *, exceptions: bool) -> int:
        """Return how many exceptions, or other patterns, stand strictly between two lines."""
        counts = self._counts[exceptions]
        return counts[end - 1] - counts[start]

    @cached_property
    def _counts(self) -> tuple[list[int], list[int]]:
        """Count for each line the patterns and the exceptions up to it."""
        ordinary, exceptions = [0], [0]
        for line in self.lines:
            ordinary.append(ordinary[-1] + line.ignores)
            exceptions.append(exceptions[-1] + (line.pattern is not None and line.exception))
        return ordinary, exceptions

    @cached_property
    def ignoring_texts(self) -> frozenset[str]:
        """Return the patterns that are no exceptions."""
        return frozenset(line.text for line in self.patterns if not line.exception)

    @cached_property
    def literal_exceptions(self) -> frozenset[str]:
        """Return the exceptions that are paths."""
        found = (line for line in self.patterns if line.exception and line.pattern is not None)
        return frozenset(line.text for line in found if line.pattern and is_literal(line.pattern))

    @cached_property
    def exception_texts(self) -> Counter[str]:
        """Return how often each exception stands there."""
        return Counter(line.text for line in self.patterns if line.exception)

    @cached_property
    def last_exceptions(self) -> dict[str, int]:
        """Return the last line of each exception."""
        return {line.text: line.number for line in self.patterns if line.exception}

    def last_inside(self, line: Line) -> Line | None:
        """Return the last ordinary pattern above `line` that names something in its text."""
        inside = self._inside.get(line.text, [])
        at = bisect_left(inside, line.number, key=lambda each: each.number)
        return inside[at - 1] if at else None

    @cached_property
    def _inside(self) -> dict[str, list[Line]]:
        """Return by path the patterns that are no exceptions and name something below it."""
        found: dict[str, list[Line]] = {}
        for line in self.patterns:
            if not line.exception:
                for at, char in enumerate(line.text):
                    if char == "/":
                        found.setdefault(line.text[:at], []).append(line)
        return found

    @cached_property
    def leading(self) -> Counter[str]:
        """Count by path the exceptions that name it or something below it."""
        texts = [f"{line.text}/" for line in self.patterns if line.exception]
        return Counter(text[:at] for text in texts for at, char in enumerate(text) if char == "/")

    @property
    def is_long(self) -> bool:
        """Return whether it has too many patterns to hold each against the others."""
        return len(self.patterns) > MOST_COMPARED

    def _proved(self, proposal: Proposal) -> Fix | None:
        """Return the fix, None for one too many: each proof evaluates the whole file."""
        self.work[0] += len(self.lines)
        if self.is_long or self.work[0] > MOST_WORK:
            return None
        return proposal.proved(self.file, self.tree)

    def with_data(self, data: bytes) -> Case:
        """Return the same case with other bytes in the file."""
        file = IgnoreFile.parse(self.file.path, data)
        tree = None if self.tree is None else self.tree.with_data(data)
        return replace(self, file=file, tree=tree)

    @property
    def is_utf16(self) -> bool:
        """Return whether the file is in another encoding, so that no line is what it looks like."""
        return self.file.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))

    @cached_property
    def has_exceptions(self) -> bool:
        """Return whether any pattern is an exception."""
        return any(line.exception for line in self.patterns)

    def finding(
        self,
        code: str,
        line: Line | None,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        paths: Sequence[str] | None = None,
        content_bytes: int | None = None,
        files: int | None = None,
        evidence: Iterable[str] = (),
        help: str = "",  # noqa: A002 - the name of the field
        fix: Proposal | None = None,
        columns: tuple[int, int] | None = None,
    ) -> Finding:
        """Return a finding about `line`, with the figures of `paths` in this tree, if given."""
        marked, proved = None, None if fix is None else self._harmless(fix)
        if paths is not None and self.tree is not None:
            files, content_bytes = self.tree.figures(paths)
            evidence = (*evidence, *self.tree.shown(paths))
            marked = self.tree.marked(paths)
        return Finding(
            code,
            severity or severity_of(code),
            message,
            self.location(line, columns),
            confidence,
            tuple(evidence),
            content_bytes,
            files,
            help,
            proved,
            lines=() if line is not None or fix is None or proved is None else fix.added,
            paths=marked,
        )

    def _harmless(self, proposal: Proposal) -> Fix | None:
        """Return the fix; None if it is not proved, or hides what a build takes by name."""
        fix = self._proved(proposal)
        if fix is None or self.tree is None or fix.changes is None:
            return fix
        hidden = {path.rstrip("/") for path in fix.changes.ignored.paths}
        return None if self.tree.is_taken(hidden) else fix

    def lets_in_one_of(self, paths: Iterable[str]) -> bool:
        """Return whether an exception names one of `paths`, or something in it."""
        exceptions = [each.pattern for each in self.patterns if each.exception]
        if len(exceptions) > MOST_EXCEPTIONS:
            return True
        return any(names(each, path) for path in paths for each in exceptions if each is not None)

    def first_certain(self, proposals: Sequence[Proposal]) -> Proposal:
        """Return the first of `proposals` that is proved, or the first one where none is."""
        for each in proposals:
            fix = self._proved(each)
            if fix is None or fix.certain:
                return each
        return proposals[0]

    def first_hiding(self, paths: Iterable[str], proposals: Sequence[Proposal]) -> Proposal:
        """Return the first of `proposals` after which none of `paths` is sent, or the first one."""
        assert self.tree is not None
        wanted = {*self.tree.marked(paths)}
        for each in proposals:
            self.work[0] += len(self.lines)
            if self.work[0] > MOST_WORK:
                break
            changes = simulated(self.tree, self.tree.with_data(each.edited(self.file)))
            if changes is not None and wanted.issubset(changes.ignored.paths):
                return each
        return proposals[0]

    def location(self, line: Line | None, columns: tuple[int, int] | None = None) -> Location:
        """Return the place of `line`, of the characters `columns` of it (1-based, end excluded)."""
        if line is None:
            return Location(self.file.path)
        start, end = columns or (line.column, line.column + len(line.written))
        return Location(self.file.path, line.number, start, line.number, max(start, end))


Check = Callable[[Case], Iterator[Finding]]
"""A lint: the findings of one code."""


def in_tree(check: Callable[[Case, LintTree], Iterator[Finding]]) -> Check:
    """Return the lint that finds what `check` does, and nothing where there is no tree."""
    return lambda case: iter(()) if case.tree is None else check(case, case.tree)
