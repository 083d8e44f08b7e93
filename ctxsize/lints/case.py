"""A case for lints: the lines of one ignore file, and what is known about its surroundings."""

from __future__ import annotations

import codecs
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.codes import severity_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step, up_to
from ctxsize.engine.ignorefile import BOM, IgnoreFile
from ctxsize.engine.matched import Matcher
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Sent, differences
from ctxsize.findings import Changes, Confidence, Edit, Finding, Fix, Location, Paths, Severity
from ctxsize.lints.lines import Line, Proposal, read_line
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.model import Amount
from ctxsize.units import human, plural

MOST_COMPARED, MOST_WORK = 10_000, 1_000_000
"""Number of patterns that are held against each other, and of lines evaluated for proofs."""


@dataclass(frozen=True)
class Case:
    """One ignore file to lint."""

    file: IgnoreFile
    builder: Builder
    target: Target
    requests: tuple[Request, ...] = ()
    """Those of the builds that read this file, each with a Dockerfile."""
    tree: LintTree | None = None
    """The context, where there is one."""
    work: list[int] = field(default_factory=lambda: [0], compare=False)
    """Number of lines evaluated to prove fixes, of this file and of what fixes made of it."""
    known: dict[tuple[bytes, bool], Line] = field(default_factory=dict, compare=False)
    """The lines read so far, first ones apart, of this file and of what fixes made of it."""

    def with_data(self, data: bytes) -> Case:
        """Return the same case with other bytes in the file."""
        return replace(self, file=IgnoreFile.parse(self.file.path, data))

    # The lines, each by itself and together.

    @cached_property
    def _read(self) -> list[Line]:
        """Return all lines of the file without their numbers, each text read once."""
        found: list[Line] = []
        for data in self.file.lines:
            key = data, not found
            if key not in self.known:
                self.known[key] = read_line(data, self.builder, first=not found)
            found.append(self.known[key])
        return found

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Return all lines of the file."""
        return tuple(each.numbered(number) for number, each in enumerate(self._read, 1))

    @cached_property
    def patterns(self) -> list[Line]:
        """Return the lines that hold a pattern which can be evaluated."""
        return [line for line in self.lines if line.pattern is not None]

    @cached_property
    def exceptions(self) -> frozenset[str]:
        """Return the patterns that are exceptions, without `!`."""
        return frozenset(line.text for line in self.patterns if line.exception)

    @cached_property
    def ignoring(self) -> frozenset[str]:
        """Return the patterns that are no exceptions."""
        return frozenset(line.text for line in self.patterns if not line.exception)

    @cached_property
    def exceptions_below(self) -> Counter[str]:
        """Count by path the exceptions that name something below it."""
        texts = [line.text for line in self.patterns if line.exception]
        return Counter(path for text in texts for path in up_to(text)[:-1])

    def count_between(self, start: int, end: int, *, exceptions: bool) -> int:
        """Return how many exceptions, or other patterns, stand strictly between two lines."""
        numbers = self._numbers[exceptions]
        return bisect_left(numbers, end) - bisect_right(numbers, start)

    @cached_property
    def _numbers(self) -> tuple[list[int], list[int]]:
        """Return the numbers of the lines with patterns, and of those with exceptions."""
        ordinary = [line.number for line in self.patterns if not line.exception]
        return ordinary, [line.number for line in self.patterns if line.exception]

    @property
    def is_long(self) -> bool:
        """Return whether it has too many patterns to hold each against the others."""
        return len(self.patterns) > MOST_COMPARED

    @property
    def is_utf16(self) -> bool:
        """Return whether the file is in another encoding, so that no line is what it looks like."""
        return self.file.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))

    @cached_property
    def stops_at_controls(self) -> bool:
        """Return whether a control character stops the build.

        BuildKit sends the list as gRPC metadata: as it is if all of it is ASCII, else encoded.
        """
        checks = self.builder.check_patterns is not None
        return checks and all(line.sent.isascii() for line in self._read)

    # What becomes of a path by the patterns.

    @cached_property
    def spec(self) -> DockerIgnoreSpec:
        """Return the patterns that can be evaluated, as one list."""
        known = (line.pattern for line in self.patterns)
        return self.builder.spec_class(each for each in known if each is not None)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def step(self, path: str) -> Step:
        """Return what becomes of `path` by the patterns alone, even where no builder looks."""
        return self._matcher.step(path)

    def matching(self, path: str) -> list[Line]:
        """Return the lines whose patterns match `path` itself, in order."""
        return [self.patterns[at] for at in self._matcher.indexes(path)]

    def decider(self, path: str) -> Line | None:
        """Return the line that decides about `path`, None if no pattern does."""
        index = self.step(path).decider
        return None if index is None else self.patterns[index]

    def ignored_before(self, line: Line, path: str) -> bool:
        """Return whether the patterns above `line` ignore `path`.

        What one pattern does at a path does not depend on those below it.
        """
        count = bisect_left(self.patterns, line.number, key=lambda each: each.number)
        if not self.builder.spec_class.remembers_parents:
            spec = self.builder.spec_class([*self.spec.patterns][:count])
            return [*spec.steps(path)][-1][1].ignored
        above = self.step(path).state & ((1 << count) - 1)
        return bool(above) and not self.patterns[above.bit_length() - 1].exception

    # What is sent of the tree.

    @property
    def known_tree(self) -> LintTree:
        """Return the tree where there is one."""
        assert self.tree is not None
        return self.tree

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Return the lines, with comments in place of those that fail the build."""
        strict = self.stops_at_controls
        return tuple(
            "#"
            if line.error is not None or (strict and line.controls)
            else BOM * line.marked + line.raw
            for line in self._read
        )

    @property
    def sent(self) -> Sent | None:
        """Return what is sent with these lines; None if they fail the build together."""
        return self.known_tree.trial.sent(self.texts)

    @cached_property
    def now(self) -> Sent:
        """Return what is sent with the file as it stands, patterns that fail the build left out."""
        return self.sent or self.known_tree.everything

    def matched(self, pattern: DockerIgnorePattern | None) -> list[str]:
        """Return the entries of the tree that `pattern` matches by itself, in order."""
        if pattern is None or self.tree is None:
            return []
        return self.tree.matched(pattern, beside=self.spec.patterns)

    def below(self, tops: Collection[str]) -> list[str]:
        """Return `tops` and all below them that is sent now, in order."""
        return self.known_tree.below(tops, self.now)

    def figures(self, paths: Iterable[str], *, of: Sent | None = None) -> Amount:
        """Return the files among `paths` in `of`, by default in all that is there."""
        sent = self.known_tree.everything if of is None else of
        files = [path for path in paths if path in sent and path not in sent.directories]
        return Amount(len(files), sum(self._size(path, sent) for path in files))

    def _size(self, path: str, sent: Sent) -> int:
        """Return the bytes of a file in `sent`; the ignore file is as long as in this case."""
        if path == self.known_tree.ignore_file and path not in sent.empty:
            return len(self.file.data)
        return sent.size(path)

    def amount(self, paths: Iterable[str]) -> str:
        """Return the files among `paths` and their bytes: `12 files, 3.4 MB`."""
        figures = self.figures(paths)
        return f"{plural(figures.files, 'file')}, {human(figures.content_bytes)}"

    @property
    def total(self) -> Amount:
        """Return what is sent now."""
        now, own = self.now, self.known_tree.ignore_file
        more = self._size(own, now) - now.size(own) if own is not None and own in now else 0
        return Amount(now.files, now.content_bytes + more)

    def effect(self, line: Line) -> list[str]:
        """Return the paths whose fate would be another without `line`."""
        if self.tree is None:
            return []
        without = self.with_data(Proposal("", {line.number: "#"}).edited(self.file))
        return [] if without.sent is None else sorted(differences(self.now, without.sent).paths)

    def intended(self, texts: Sequence[str]) -> frozenset[str] | None:
        """Return the paths that the patterns `texts` would ignore, or let in as exceptions.

        None if that is not known, as without a tree.
        """
        lines = (each.encode("utf-8", "surrogateescape") for each in texts)
        patterns = [read_line(each, self.builder, first=False).pattern for each in lines]
        kinds = {None if each is None else each.include for each in patterns}
        if self.tree is None or len(kinds) != 1 or None in kinds:
            return None
        tops = {path for each in patterns for path in self.matched(each)}
        if True in kinds:
            return frozenset(self.below(tops))
        everything = self.tree.below(tops, self.tree.everything)
        return frozenset(path for path in everything if path not in self.now)

    # What is found, and the proof of what is proposed.

    def finding(
        self,
        code: str,
        line: Line | None,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        paths: Collection[str] = (),
        evidence: Iterable[str] = (),
        help: str = "",  # noqa: A002 - the name of the field
        fix: Proposal | None = None,
        columns: tuple[int, int] | None = None,
    ) -> Finding:
        """Return a finding about `line`, with the figures of `paths` in this tree, if any."""
        proved = None if fix is None else self._harmless(fix)
        found = Finding(
            code,
            severity or severity_of(code),
            message,
            self._location(line, columns),
            confidence,
            tuple(evidence),
            help=help,
            fix=proved,
            lines=() if line is not None or fix is None or proved is None else fix.added,
        )
        if not paths or self.tree is None:
            return found
        figures, shown = self.figures(paths), self.tree.shown(paths)
        return replace(
            found,
            evidence=(*found.evidence, *shown),
            content_bytes=figures.content_bytes,
            files=figures.files,
            paths=self.tree.marked(paths),
        )

    def _location(self, line: Line | None, columns: tuple[int, int] | None) -> Location:
        """Return the place of `line`, of the characters `columns` of it (1-based, end excluded)."""
        if line is None:
            return Location(self.file.path)
        start, end = columns or line.columns(line.blanks, len(line.written))
        return Location(self.file.path, line.number, start, line.number, end)

    def proved(self, proposal: Proposal) -> Fix:
        """Return the fix, certain if a simulation shows that just the intended paths change."""
        after = proposal.edited(self.file)
        edits = (Edit(self.file.path, self.file.data, after),)
        if self.tree is not None:
            then = self.with_data(after)
            return Fix(
                proposal.message, edits, self._is_certain(proposal, then), self._changes(then)
            )
        # A character in front of a line may become the byte order mark of the file.
        mark = BOM.encode()
        marks = after.startswith(mark) and (
            proposal.drops_bom or not self.file.data.startswith(mark)
        )
        certain = proposal.means is not None and proposal.without_tree and not marks
        return Fix(proposal.message, edits, certain, None)

    def _is_certain(self, proposal: Proposal, then: Case) -> bool:
        """Return whether just what is meant changes, and nothing that git or a build needs."""
        tree, means, sent = self.known_tree, proposal.means, then.sent
        if means is None or sent is None:
            return False
        found = differences(self.now, sent).paths
        # Directories that hold nothing else change with what is meant.
        above = {directory for path in means for directory in up_to(path)[:-1]}
        others = found - means
        if not means <= found or not others <= above & tree.everything.directories:
            return False
        hidden = {path for path in means if path not in sent}
        return not tree.tracks(hidden) and not tree.is_taken(hidden)

    def _changes(self, then: Case) -> Changes | None:
        """Return what is sent otherwise in the case `then`.

        None where that is not known: if the build fails for all lines together.
        """
        now, sent = self.now, then.sent
        if sent is None or self.sent is None:
            return None
        found = differences(now, sent)
        return Changes(
            ignored=self._group(found.hidden, now),
            sent=then._group(found.shown, sent),
            emptied=self._group([path for path in found.resized if not sent.size(path)], now),
            filled=then._group([path for path in found.resized if not now.size(path)], sent),
        )

    def _group(self, paths: Collection[str], sent: Sent) -> Paths:
        return Paths(self.known_tree.marked(paths), *self.figures(paths, of=sent))

    def fix(self, proposal: Proposal) -> Fix | None:
        """Return the fix, None for one too many: each proof evaluates the whole file."""
        self.work[0] += len(self.lines)
        return None if self.is_long or self.work[0] > MOST_WORK else self.proved(proposal)

    def _harmless(self, proposal: Proposal) -> Fix | None:
        """Return the fix; None if it is not proved, or hides what a build takes by name."""
        fix = self.fix(proposal)
        if fix is None or self.tree is None or fix.changes is None:
            return fix
        hidden = {path.rstrip("/") for path in fix.changes.ignored.paths}
        return None if self.tree.is_taken(hidden) else fix
