"""A case for lints: the lines of one ignore file, its builds, and its context."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import field, replace
from functools import cached_property
from types import MappingProxyType

from ctxsize.codes import severity_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec, up_to
from ctxsize.engine.ignorefile import BOM, IgnoreFile, sent_text
from ctxsize.engine.patterns import DockerIgnorePattern, pattern_for
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Sent, SentDifference
from ctxsize.engine.trial import Matcher, mark_of
from ctxsize.findings import Changes, Confidence, Edit, Finding, Fix, Location, Paths, Severity
from ctxsize.go.strings import encoded
from ctxsize.lints.judgement import Judgement
from ctxsize.lints.lines import Line, read_line, shown
from ctxsize.lints.lookup import AnyPaths, LintTree, OrderedPaths, Target
from ctxsize.model import Amount, Texts
from ctxsize.recommender.hazards import HIDDEN, Hazard, hazards
from ctxsize.units import human, plural
from ctxsize.values import Value
from ctxsize.writer import LineChanges, edit_lines

MOST_COMPARED = 10_000  # number of patterns up to which each is compared with the others
MOST_WORK = 1_000_000  # number of lines up to which fixes of a file are proved
REMOVE = "remove the line"
MaybeFix = Fix | None
LintFindings = Iterator[Finding]  # what a lint yields about one ignore file
Meant = Set[str] | None  # the paths that a fix is meant to change; None if it is never certain
NOTHING: Meant = frozenset()  # a change of comments, or of lines that do nothing


class Case(Value):
    """One ignore file to lint."""

    file: IgnoreFile
    builder: Builder
    target: Target
    plans: tuple[Plan, ...] = ()  # those of the builds that have a Dockerfile
    tree: LintTree | None = None
    renamed: Case | None = None  # the case of a file that no build reads, once it is renamed
    work: list[int] = field(default_factory=lambda: [0], compare=False)
    """Number of lines evaluated to prove fixes, shared with the cases that fixes create."""

    def with_data(self, data: bytes) -> Case:
        """Return the same case with `data` as the file's content."""
        return replace(self, file=IgnoreFile.parse(self.file.path, data))

    def with_lines(self, changes: LineChanges, added: str = "") -> bytes:
        """Return the file with other lines by number (None: removed), and more lines at its end."""
        if added:
            texts = self.file.texts()
            end = len(texts)
            if not texts:
                return encoded(f"{added}\n")
            last = changes.get(end, texts[-1].removeprefix(BOM))
            if last is not None:
                added = f"{last}\n{added}"
            changes = {**changes, end: added}
        return edit_lines(self.file, changes)

    # The lines of the file.

    @cached_property
    def _read(self) -> list[Line]:
        return [
            read_line(data, self.builder.name, first=index == 0)
            for index, data in enumerate(self.file.lines)
        ]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line.numbered(number) for number, line in enumerate(self._read, 1))

    @cached_property
    def patterns(self) -> list[Line]:
        """Return the lines with a pattern that can be evaluated."""
        return [line for line in self.lines if line.pattern.include is not None]

    @cached_property
    def exceptions(self) -> frozenset[str]:
        return frozenset(line.text for line in self.patterns if line.exception)

    @cached_property
    def ignoring(self) -> frozenset[str]:
        return frozenset(line.text for line in self.patterns if line.ignores)

    @cached_property
    def misleading(self) -> frozenset[int]:
        """Return the numbers of exceptions that do not lead the builder to all that they match."""
        return frozenset(
            line.number
            for line in self.patterns
            if line.exception and line.base is None and not self.enters_all(line)
        )

    def enters_all(self, line: Line) -> bool:
        """Return whether the builder enters every ignored directory because of an exception."""
        return self.builder.spec_class([line.pattern]).enters("\0")

    def has_between(self, start: int, end: int, *, exceptions: bool) -> bool:
        """Return whether an exception, or another pattern, stands strictly between two lines."""
        numbers = self._numbers[exceptions]
        return bisect_right(numbers, start) < bisect_left(numbers, end)

    @cached_property
    def _numbers(self) -> dict[bool, list[int]]:
        """Return the numbers of the lines with an exception (True) and with another pattern."""
        numbers = dict[bool, list[int]]({True: [], False: []})
        for line in self.patterns:
            numbers[line.exception].append(line.number)
        return numbers

    @property
    def is_long(self) -> bool:
        return len(self.patterns) > MOST_COMPARED

    @cached_property
    def stops_at_controls(self) -> bool:
        """Return whether a control character stops the build."""
        if self.builder.check_patterns is None:
            return False
        # BuildKit sends the list as gRPC metadata: unchanged if all of it is ASCII, else encoded.
        return all((sent_text(line.raw) or "").isascii() for line in self._read)

    # Verdicts of the patterns on a path, even where no builder looks.

    @cached_property
    def spec(self) -> DockerIgnoreSpec:
        return self.builder.spec_class(line.pattern for line in self.patterns)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def ignores(self, path: str) -> bool:
        """Return whether the patterns alone ignore `path`."""
        return mark_of(self.spec, path).ignored

    def matching(self, path: str) -> list[Line]:
        """Return the lines whose patterns match `path` itself, in file order."""
        return [self.patterns[index] for index in self._matcher.indexes(path)]

    def matching_along(self, path: str) -> Iterator[list[Line]]:
        """Yield the same for each directory above `path`, topmost first, and for `path`."""
        for indexes in self._matcher.along(path):
            yield [self.patterns[index] for index in indexes]

    def decider(self, path: str) -> Line | None:
        """Return the line that decides about `path`, None if no pattern does."""
        index = mark_of(self.spec, path).decider
        if index is None:
            return None
        return self.patterns[index]

    def let_in_by(self, path: str) -> Line | None:
        """Return the exception that decides about `path`, None if no exception does."""
        line = self.decider(path)
        if line is None or line.ignores:
            return None
        return line

    # What breaks or spoils a build.

    @cached_property
    def hazards(self) -> list[Hazard]:
        """Return the hazards of the builds with these lines, but files that CTX131 reports."""
        if self.tree is None or self.sent is None:
            return []
        found = dict[Hazard, None]()
        for plan in self.plans:
            of_case = replace(plan, spec=self.spec, ignore_file=self.file)
            found |= dict.fromkeys(hazards(of_case))
        return [hazard for hazard in found if hazard.code != HIDDEN]

    # Files of the tree that are sent.

    @property
    def known_tree(self) -> LintTree:
        assert self.tree is not None
        return self.tree

    @cached_property
    def texts(self) -> Texts:
        """Return the lines, with comments in place of those that fail the build."""
        texts = []
        for line in self._read:
            if line.error or (line.control and self.stops_at_controls):
                texts.append("#")
            else:
                texts.append(line.marked_raw)
        return tuple(texts)

    @property
    def sent(self) -> Sent | None:
        """Return what is sent with these lines; None if they fail the build together."""
        return self.known_tree.trial.sent(self.texts)

    @cached_property
    def judgement(self) -> Judgement:
        """Return what `suggest` says of the context with these lines."""
        return self.known_tree.judgement(self.file.data, self.exceptions)

    @cached_property
    def now(self) -> Sent:
        """Return what is sent with the patterns that do not fail the build."""
        return self.sent or self.known_tree.everything

    def matched(self, pattern: DockerIgnorePattern) -> OrderedPaths:
        """Return the entries of the tree that `pattern` alone matches, in order."""
        if self.tree is None:
            return []
        return self.tree.matched(pattern, beside=self.spec.patterns)

    def below(self, tops: Collection[str]) -> OrderedPaths:
        """Return `tops` and everything below them that is sent now, in order."""
        return self.known_tree.below(tops, self.now)

    def figures(self, paths: AnyPaths, sent: Sent) -> Amount:
        """Return the amount of the files among `paths` that are `sent`."""
        files = {path for path in paths if path in sent and path not in sent.directories}
        return Amount(len(files), sum(map(sent.size, files)) + self._grown(sent, files))

    def _grown(self, sent: Sent, files: Sent | set[str]) -> int:
        """Return the bytes that the ignore file, if among `files`, has more than on disk."""
        path = self.known_tree.ignore_file
        if path is None:
            return 0
        if path not in files:
            return 0
        if path in sent.empty:
            return 0
        return len(self.file.data) - sent.size(path)

    def amount(self, paths: AnyPaths) -> str:
        """Return the files among `paths` and their bytes as text: `3.4 MB in 12 files`."""
        figures = self.figures(paths, self.known_tree.everything)
        return f"{human(figures.content_bytes)} in {plural(figures.files, 'file')}"

    @property
    def total(self) -> Amount:
        now = self.now
        return Amount(now.files, now.content_bytes + self._grown(now, now))

    def effect(self, line: Line) -> list[str]:
        """Return the paths that are sent or ignored only because of `line`."""
        if self.tree is None:
            return []
        without = self.with_data(self.with_lines({line.number: "#"}))
        if without.sent is None:
            return []
        return sorted(SentDifference(self.now, without.sent).paths)

    def intended(self, texts: Sequence[str]) -> Meant:
        """Return what `texts`, without comments, would ignore or re-include; None if unknown."""
        patterns = [
            read_line(encoded(text), self.builder.name, first=False).pattern
            for text in texts
            if not text.startswith("#")
        ]
        kinds = {pattern.include for pattern in patterns}
        if self.tree is None:
            return None
        if kinds not in ({True}, {False}):  # None if one of them fails
            return None
        tops = {path for pattern in patterns for path in self.matched(pattern)}
        if True in kinds:
            return frozenset(self.below(tops))
        return frozenset(
            path for path in self.tree.below(tops, self.tree.everything) if path not in self.now
        )

    # Findings, and proofs of their fixes.

    def finding(
        self,
        code: str,
        line: Line | None,
        message: str,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        *,
        paths: Collection[str] = (),
        evidence: Texts = (),
        help: str = "",  # noqa: A002 - the name of the field
        fix: MaybeFix = None,
        at: int | None = None,
        shared: str = "",
    ) -> Finding:
        """Return a finding about `line`, or about one of its characters, with a sum of `paths`."""
        location = Location(self.file.path)
        added = []
        if line is not None:
            location = self._location(line, at)
        elif fix is not None:
            added = fix.added.split("\n")
        finding = Finding(
            code,
            severity or severity_of(code),
            message,
            location,
            confidence,
            evidence,
            help=help,
            fix=fix,
            lines=tuple(added),
            shared=shared,
        )
        if not paths:
            return finding
        if self.tree is None:
            return finding
        return replace(
            finding,
            **self.figures(paths, self.tree.everything)._asdict(),
            paths=self.tree.marked(paths),
            evidence=self.tree.shown(paths),
        )

    def _location(self, line: Line, at: int | None) -> Location:
        """Return the place of the line without blanks, or of its character `at`."""
        start = at
        length = 1
        if start is None:
            start = len(line.raw) - len(line.raw.lstrip())
            length = len(line.written)
        column = start + 1 + line.marked
        return Location(
            path=self.file.path,
            line=line.number,
            column=column,
            end_line=line.number,
            end_column=column + length,
            text=line.marked_raw,
        )

    def fix(
        self,
        message: str,
        changes: LineChanges = MappingProxyType({}),
        added: str = "",
        *,
        means: Meant = None,
    ) -> MaybeFix:
        """Return the fix that makes the changes of `with_lines`.

        It is certain if a trial shows that only the paths `means` change, and nothing that git
        tracks is hidden. Return None if it hides a source that a build takes by name, and after
        too many lines: each trial evaluates the whole file.
        """
        self.work[0] += len(self.lines)
        if self.is_long:
            return None
        if self.work[0] > MOST_WORK:
            return None
        then = self.with_data(self.with_lines(changes, added))
        is_certain = False
        effects = None
        if self.tree is not None and then.sent is not None:
            difference = SentDifference(self.now, then.sent)
            if self.tree.is_taken(difference.hidden):
                return None
            is_certain = means is not None and self._is_meant(means, difference)
            # If the lines fail the build together, it is unknown what they send.
            if self.sent is not None:
                effects = self.changes(difference, then)
        return Fix(
            message=message,
            edits=(Edit(self.file.path, self.file.data, then.file.data),),
            certain=is_certain,
            changes=effects,
            lines=tuple(changes.items()),
            added=added,
        )

    def removal(self, line: Line, *, means: Meant = None) -> MaybeFix:
        """Return the fix that removes a line."""
        return self.fix(REMOVE, {line.number: None}, means=means)

    def move_to_end(self, line: Line) -> MaybeFix:
        """Return the fix that moves an exception to the end of the file."""
        return self.fix("move the exception to the end", {line.number: None}, line.written)

    def rewriting(self, line: Line, text: str, *, means: Meant = None) -> MaybeFix:
        """Return the fix that writes `text` in place of a line."""
        return self.fix(f"write {shown(text)}", {line.number: text}, means=means)

    def exception_for(self, path: str) -> MaybeFix:
        """Return the fix that adds an exception for `path`; None if no pattern can name it."""
        text = pattern_for(path, pattern_class=self.spec.pattern_class)
        if text is None:
            return None
        return self.added_exception(text)

    def added_exception(self, text: str) -> MaybeFix:
        """Return the fix that adds the exception for the pattern `text`."""
        return self.fix(f"add {shown(f'!{text}')}", added=f"!{text}")

    def _is_meant(self, means: Set[str], difference: SentDifference) -> bool:
        """Return whether only `means` changes, and nothing is hidden that git tracks."""
        # Directories without other content change along with the intended paths.
        above = {parent for path in means for parent in up_to(path)[:-1]}
        beside = difference.paths - means
        if not means <= difference.paths:
            return False
        if not beside <= above & self.known_tree.everything.directories:
            return False
        return not self.known_tree.tracks(difference.hidden)

    def changes(self, difference: SentDifference, then: Case) -> Changes:
        """Return the difference in what is sent between this case and `then`."""
        return Changes(
            ignored=self._sum(difference.hidden),
            sent=then._sum(difference.shown),
            emptied=self._sum([path for path in difference.resized if not then.now.size(path)]),
            filled=then._sum([path for path in difference.resized if not self.now.size(path)]),
        )

    def _sum(self, paths: Collection[str]) -> Paths:
        """Return `paths` with the figures of what is sent of them now."""
        return Paths(self.known_tree.marked(paths), *self.figures(paths, self.now))
