"""A case for lints: the lines of one ignore file, its builds, and its context."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.codes import severity_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step, up_to
from ctxsize.engine.ignorefile import BOM, IgnoreFile
from ctxsize.engine.matched import Matcher
from ctxsize.engine.memory import Sent, SentDifference, differences
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.findings import Changes, Confidence, Edit, Finding, Fix, Location, Paths, Severity
from ctxsize.lints.lines import Line, Proposal, read_line
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.model import Amount
from ctxsize.units import human, plural

MOST_COMPARED, MOST_WORK = 10_000, 1_000_000
"""Number of patterns up to which each is compared with the others, and of lines for proofs."""


@dataclass(frozen=True)
class Case:
    """One ignore file to lint."""

    file: IgnoreFile
    builder: Builder
    target: Target
    requests: tuple[Request, ...] = ()
    """The builds that read this file and have a Dockerfile."""
    tree: LintTree | None = None
    """The context, None if unknown."""
    work: list[int] = field(default_factory=lambda: [0], compare=False)
    """Number of lines evaluated to prove fixes, shared with the cases that fixes create."""

    def with_data(self, data: bytes) -> Case:
        """Return the same case with `data` as the file's content."""
        return replace(self, file=IgnoreFile.parse(self.file.path, data))

    # The lines of the file.

    @cached_property
    def _read(self) -> list[Line]:
        """Return all lines of the file without their numbers."""
        name = self.builder.name
        return [read_line(data, name, not at) for at, data in enumerate(self.file.lines)]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Return all lines of the file."""
        return tuple(each.numbered(number) for number, each in enumerate(self._read, 1))

    @cached_property
    def patterns(self) -> list[Line]:
        """Return the lines with a pattern that can be evaluated."""
        return [line for line in self.lines if line.pattern is not None]

    @cached_property
    def exceptions(self) -> frozenset[str]:
        """Return the patterns of exceptions, without `!`."""
        return frozenset(line.text for line in self.patterns if line.exception)

    @cached_property
    def ignoring(self) -> frozenset[str]:
        """Return the patterns that are no exceptions."""
        return frozenset(line.text for line in self.patterns if line.ignores)

    @cached_property
    def exceptions_below(self) -> Counter[str]:
        """Return the number of exceptions below each path, by that path."""
        texts = (line.text for line in self.patterns if line.exception)
        return Counter(path for text in texts for path in up_to(text)[:-1])

    def count_between(self, start: int, end: int, *, exceptions: bool) -> int:
        """Return the number of exceptions, or of other patterns, strictly between two lines."""
        numbers = self._numbers[exceptions]
        return bisect_left(numbers, end) - bisect_right(numbers, start)

    @cached_property
    def _numbers(self) -> tuple[list[int], list[int]]:
        """Return the line numbers of ordinary patterns, and those of exceptions."""
        ordinary = [line.number for line in self.patterns if not line.exception]
        return ordinary, [line.number for line in self.patterns if line.exception]

    @property
    def is_long(self) -> bool:
        """Return whether it has too many patterns to compare each with the others."""
        return len(self.patterns) > MOST_COMPARED

    @cached_property
    def stops_at_controls(self) -> bool:
        """Return whether a control character stops the build.

        BuildKit sends the list as gRPC metadata: unchanged if all of it is ASCII, else encoded.
        """
        checks = self.builder.check_patterns is not None
        return checks and all(line.sent.isascii() for line in self._read)

    # Verdicts of the patterns on a path.

    @cached_property
    def spec(self) -> DockerIgnoreSpec:
        """Return the patterns that can be evaluated, as one spec."""
        known = (line.pattern for line in self.patterns)
        return self.builder.spec_class(each for each in known if each is not None)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def step(self, path: str) -> Step:
        """Return the verdict on `path` by the patterns alone, even where no builder looks."""
        return self._matcher.step(path)

    def matching(self, path: str) -> list[Line]:
        """Return the lines whose patterns match `path` itself, in file order."""
        return [self.patterns[at] for at in self._matcher.indexes(path)]

    def decider(self, path: str) -> Line | None:
        """Return the line that decides about `path`, None if no pattern does."""
        index = self.step(path).decider
        return None if index is None else self.patterns[index]

    def let_in_by(self, path: str) -> Line | None:
        """Return the exception that decides about `path`, None if no exception does."""
        return None if self.step(path).ignored else self.decider(path)

    def ignored_before(self, line: Line, path: str) -> bool:
        """Return whether the patterns above `line` ignore `path`.

        Later patterns do not change the effect of a pattern on a path.
        """
        count = bisect_left(self.patterns, line.number, key=lambda each: each.number)
        if not self.builder.spec_class.remembers_parents:
            spec = self.builder.spec_class([*self.spec.patterns][:count])
            return [*spec.steps(path)][-1][1].ignored
        above = self.step(path).state & ((1 << count) - 1)
        return bool(above) and not self.patterns[above.bit_length() - 1].exception

    # Files of the tree that are sent.

    @property
    def known_tree(self) -> LintTree:
        """Return the tree of a case that has one."""
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
        """Return what is sent with the patterns that do not fail the build."""
        return self.sent or self.known_tree.everything

    def matched(self, pattern: DockerIgnorePattern | None) -> list[str]:
        """Return the entries of the tree that `pattern` alone matches, in order."""
        if pattern is None or self.tree is None:
            return []
        return self.tree.matched(pattern, beside=self.spec.patterns)

    def below(self, tops: Collection[str]) -> list[str]:
        """Return `tops` and everything below them that is sent now, in order."""
        return self.known_tree.below(tops, self.now)

    def figures(self, paths: Iterable[str], *, of: Sent | None = None) -> Amount:
        """Return the amount of files among `paths` in `of`, by default in the whole context."""
        sent = self.known_tree.everything if of is None else of
        files = {path for path in paths if path in sent and path not in sent.directories}
        return Amount(len(files), sum(map(sent.size, files)) + self._grown(sent, files))

    def _grown(self, sent: Sent, files: Sent | set[str]) -> int:
        """Return the bytes that the ignore file, if among `files`, has more than on disk."""
        own = self.known_tree.ignore_file
        if own is None or own not in files or own in sent.empty:
            return 0
        return len(self.file.data) - sent.size(own)

    def amount(self, paths: Iterable[str]) -> str:
        """Return the files among `paths` and their bytes as text: `12 files (3.4 MB)`."""
        figures = self.figures(paths)
        return f"{plural(figures.files, 'file')} ({human(figures.content_bytes)})"

    @property
    def total(self) -> Amount:
        """Return the amount that is sent now."""
        return Amount(self.now.files, self.now.content_bytes + self._grown(self.now, self.now))

    def effect(self, line: Line) -> list[str]:
        """Return the paths that are sent or ignored only because of `line`."""
        if self.tree is None:
            return []
        without = self.with_data(Proposal("", {line.number: "#"}).edited(self.file))
        return [] if without.sent is None else sorted(differences(self.now, without.sent).paths)

    def intended(self, texts: Sequence[str]) -> frozenset[str] | None:
        """Return the paths that `texts` would ignore, or re-include if they are exceptions.

        None if unknown, as without a tree.
        """
        lines = (each.encode("utf-8", "surrogateescape") for each in texts)
        patterns = [read_line(each, self.builder.name, False).pattern for each in lines]
        kinds = {None if each is None else each.include for each in patterns}
        if self.tree is None or len(kinds) != 1 or None in kinds:
            return None
        tops = {path for each in patterns for path in self.matched(each)}
        if True in kinds:
            return frozenset(self.below(tops))
        everything = self.tree.below(tops, self.tree.everything)
        return frozenset(path for path in everything if path not in self.now)

    # Findings, and proofs of their fixes.

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
        """Return a finding about `line`, with the amount of `paths` if the tree is known.

        A fix that would hide a source that a build takes by name is left out.
        """
        proved = None if fix is None else self.fix(fix)
        if proved is not None and proved.changes is not None:
            hidden = {path.rstrip("/") for path in proved.changes.ignored.paths}
            proved = None if self.known_tree.is_taken(hidden) else proved
        where = Location(self.file.path)
        if line is not None:
            start, end = columns or line.columns(line.blanks, len(line.written))
            where = Location(self.file.path, line.number, start, line.number, end)
        found = Finding(
            code,
            severity or severity_of(code),
            message,
            where,
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

    def fix(self, proposal: Proposal) -> Fix | None:
        """Return the fix, None once there are too many: each proof evaluates the whole file."""
        self.work[0] += len(self.lines)
        return None if self.is_long or self.work[0] > MOST_WORK else self.proved(proposal)

    def proved(self, proposal: Proposal) -> Fix:
        """Return the fix, certain if a simulation shows that only the intended paths change."""
        after = proposal.edited(self.file)
        edits = (Edit(self.file.path, self.file.data, after),)
        if self.tree is None:
            # A character at the start of a line may become the byte order mark of the file.
            mark = BOM.encode()
            was_marked = self.file.data.startswith(mark) and not proposal.drops_bom
            is_certain = proposal.means is not None and proposal.without_tree
            is_certain = is_certain and (was_marked or not after.startswith(mark))
            return Fix(proposal.message, edits, is_certain)
        then, changes, is_certain = self.with_data(after), None, False
        if then.sent is not None:
            found = differences(self.now, then.sent)
            is_certain = self._is_meant(proposal.means, found.paths, then.sent)
            # If the lines fail the build together, it is unknown what they send.
            changes = None if self.sent is None else self._changes(found, then)
        return Fix(proposal.message, edits, is_certain, changes)

    def _is_meant(self, means: frozenset[str] | None, found: Set[str], sent: Sent) -> bool:
        """Return whether only `means` changes, and nothing is hidden that git or a build needs."""
        if means is None or not means <= found:
            return False
        # Directories without other content change along with the intended paths.
        above = {directory for path in means for directory in up_to(path)[:-1]}
        if not found - means <= above & self.known_tree.everything.directories:
            return False
        hidden = {path for path in means if path not in sent}
        return not self.known_tree.tracks(hidden) and not self.known_tree.is_taken(hidden)

    def _changes(self, found: SentDifference, then: Case) -> Changes:
        """Return the difference in what is sent between this case and `then`."""
        now, sent = self.now, then.now
        return Changes(
            ignored=self._group(found.hidden, now),
            sent=then._group(found.shown, sent),
            emptied=self._group([path for path in found.resized if not sent.size(path)], now),
            filled=then._group([path for path in found.resized if not now.size(path)], sent),
        )

    def _group(self, paths: Collection[str], sent: Sent) -> Paths:
        return Paths(self.known_tree.marked(paths), *self.figures(paths, of=sent))
