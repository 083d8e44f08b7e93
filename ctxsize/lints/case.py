"""A case for lints: the lines of one ignore file, its builds, and its context."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from ctxsize.codes import severity_of
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import DockerIgnoreSpec, Mark, up_to
from ctxsize.engine.ignorefile import BOM, IgnoreFile, sent_text
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan
from ctxsize.engine.snapshot import Sent, SentDifference, differences
from ctxsize.engine.trial import Matcher, mark_of
from ctxsize.findings import Changes, Confidence, Edit, Finding, Fix, Location, Paths, Severity
from ctxsize.lints.lines import Line, read_line
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.model import Amount
from ctxsize.units import human, plural
from ctxsize.writer import edit_lines

MOST_COMPARED = 10_000
MOST_WORK = 1_000_000
"""Number of patterns up to which each is compared with the others, and of lines for proofs."""
REMOVE = "remove the line"
MOVE_TO_END = "move the exception to the end"
NOTHING: frozenset[str] = frozenset()  # the paths that a change of comments or idle lines affects


@dataclass(frozen=True)
class Case:
    """One ignore file to lint."""

    file: IgnoreFile
    builder: Builder
    target: Target
    plans: tuple[Plan, ...] = ()  # those of the builds that have a Dockerfile
    tree: LintTree | None = None
    work: list[int] = field(default_factory=lambda: [0], compare=False)
    """Number of lines evaluated to prove fixes, shared with the cases that fixes create."""

    def with_data(self, data: bytes) -> Case:
        """Return the same case with `data` as the file's content."""
        return replace(self, file=IgnoreFile.parse(self.file.path, data))

    def with_lines(self, changes: Mapping[int, str | None], added: str = "") -> bytes:
        """Return the file with other lines by number (None: removed), and more lines at its end."""
        texts = self.file.texts()
        if added and not texts:
            return f"{added}\n".encode("utf-8", "surrogateescape")
        if added:
            last = changes.get(len(texts), texts[-1].removeprefix(BOM))
            changes = {**changes, len(texts): added if last is None else f"{last}\n{added}"}
        return edit_lines(self.file, changes)

    # The lines of the file.

    @cached_property
    def _read(self) -> list[Line]:
        name = self.builder.name
        return [read_line(data, name, not at) for at, data in enumerate(self.file.lines)]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(each.numbered(number) for number, each in enumerate(self._read, 1))

    @cached_property
    def patterns(self) -> list[Line]:
        """Return the lines with a pattern that can be evaluated."""
        return [line for line in self.lines if line.pattern is not None]

    @cached_property
    def exceptions(self) -> frozenset[str]:
        return frozenset(line.text for line in self.patterns if line.exception)

    @cached_property
    def ignoring(self) -> frozenset[str]:
        return frozenset(line.text for line in self.patterns if line.ignores)

    def has_between(self, start: int, end: int, *, exceptions: bool) -> bool:
        """Return whether an exception, or another pattern, stands strictly between two lines."""
        numbers = self._numbers[exceptions]
        return bisect_right(numbers, start) < bisect_left(numbers, end)

    @cached_property
    def _numbers(self) -> tuple[list[int], list[int]]:
        ordinary = [line.number for line in self.patterns if not line.exception]
        return ordinary, [line.number for line in self.patterns if line.exception]

    @property
    def is_long(self) -> bool:
        return len(self.patterns) > MOST_COMPARED

    @cached_property
    def stops_at_controls(self) -> bool:
        """Return whether a control character stops the build."""
        # BuildKit sends the list as gRPC metadata: unchanged if all of it is ASCII, else encoded.
        texts = (sent_text(line.raw) or "" for line in self._read)
        return self.builder.check_patterns is not None and all(map(str.isascii, texts))

    # Verdicts of the patterns on a path, even where no builder looks.

    @cached_property
    def spec(self) -> DockerIgnoreSpec:
        known = (line.pattern for line in self.patterns)
        return self.builder.spec_class(each for each in known if each is not None)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def step(self, path: str) -> Mark:
        """Return the verdict on `path` by the patterns alone."""
        return mark_of(self.spec, path)

    def matching(self, path: str) -> list[Line]:
        """Return the lines whose patterns match `path` itself, in file order."""
        return [self.patterns[at] for at in self._matcher.indexes(path)]

    def decider(self, path: str) -> Line | None:
        """Return the line that decides about `path`, None if no pattern does."""
        index = self.step(path).decider
        if index is None:
            return None
        return self.patterns[index]

    def let_in_by(self, path: str) -> Line | None:
        """Return the exception that decides about `path`, None if no exception does."""
        if self.step(path).ignored:
            return None
        return self.decider(path)

    # Files of the tree that are sent.

    @property
    def known_tree(self) -> LintTree:
        assert self.tree is not None
        return self.tree

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Return the lines, with comments in place of those that fail the build."""
        strict = self.stops_at_controls
        return tuple(
            "#" if line.error or (strict and line.control) else BOM * line.marked + line.raw
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
        if of is None:
            sent = self.known_tree.everything
        else:
            sent = of
        files = {path for path in paths if path in sent and path not in sent.directories}
        return Amount(len(files), sum(map(sent.size, files)) + self._grown(sent, files))

    def _grown(self, sent: Sent, files: Sent | set[str]) -> int:
        """Return the bytes that the ignore file, if among `files`, has more than on disk."""
        own = self.known_tree.ignore_file
        if own is None or own not in files or own in sent.empty:
            return 0
        return len(self.file.data) - sent.size(own)

    def amount(self, paths: Iterable[str]) -> str:
        """Return the files among `paths` and their bytes as text: `3.4 MB in 12 files`."""
        figures = self.figures(paths)
        return f"{human(figures.content_bytes)} in {plural(figures.files, 'file')}"

    @property
    def total(self) -> Amount:
        return Amount(self.now.files, self.now.content_bytes + self._grown(self.now, self.now))

    def effect(self, line: Line) -> list[str]:
        """Return the paths that are sent or ignored only because of `line`."""
        if self.tree is None:
            return []
        without = self.with_data(self.with_lines({line.number: "#"}))
        if without.sent is None:
            return []
        return sorted(differences(self.now, without.sent).paths)

    def intended(self, texts: Sequence[str]) -> frozenset[str] | None:
        """Return what `texts`, without comments, would ignore or re-include; None if unknown."""
        lines = (each.encode("utf-8", "surrogateescape") for each in texts if each[:1] != "#")
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
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
        *,
        paths: Collection[str] = (),
        evidence: tuple[str, ...] = (),
        help: str = "",  # noqa: A002 - the name of the field
        fix: Fix | None = None,
        at: int | None = None,
        shared: str = "",
    ) -> Finding:
        """Return a finding about `line`, or about one of its characters, with a sum of `paths`."""
        where = Location(self.file.path)
        added = list[str]()
        if line is not None:
            blanks = len(line.raw) - len(line.raw.lstrip())
            if at is None:
                start = blanks
                length = len(line.written)
            else:
                start = at
                length = 1
            start += 1 + line.marked
            end = start + length
            text = BOM * line.marked + line.raw
            where = Location(self.file.path, line.number, start, line.number, end, text)
        elif fix is not None:
            added = IgnoreFile.parse("", fix.edits[0].after).texts()[len(self.lines) :]
        weight = severity or severity_of(code)
        found = Finding(code, weight, message, where, confidence, evidence, help=help, fix=fix)
        found = replace(found, lines=tuple(added), shared=shared)
        if not paths or self.tree is None:
            return found
        (files, content_bytes), marked = self.figures(paths), self.tree.marked(paths)
        found = replace(found, files=files, content_bytes=content_bytes, paths=marked)
        return replace(found, evidence=self.tree.shown(paths))

    def fix(
        self,
        message: str,
        changes: Mapping[int, str | None] = MappingProxyType({}),
        added: str = "",
        *,
        means: Set[str] | None = None,
    ) -> Fix | None:
        """Return the fix that makes the changes of `with_lines`.

        It is certain if a trial shows that only the paths `means` change, and nothing that git
        tracks is hidden. Return None if it hides a source that a build takes by name, and after
        too many lines: each trial evaluates the whole file.
        """
        self.work[0] += len(self.lines)
        if self.is_long or self.work[0] > MOST_WORK:
            return None
        then = self.with_data(self.with_lines(changes, added))
        edits = (Edit(self.file.path, self.file.data, then.file.data),)
        if self.tree is None or then.sent is None:
            return Fix(message, edits, False, None, tuple(changes.items()), added)
        found = differences(self.now, then.sent)
        if self.tree.is_taken(found.hidden):
            return None
        is_certain = means is not None and self._is_meant(means, found)
        # If the lines fail the build together, it is unknown what they send.
        if self.sent is None:
            changed = None
        else:
            changed = self._changes(found, then)
        return Fix(message, edits, is_certain, changed, tuple(changes.items()), added)

    def _is_meant(self, means: Set[str], found: SentDifference) -> bool:
        """Return whether only `means` changes, and nothing is hidden that git tracks."""
        # Directories without other content change along with the intended paths.
        above = {directory for path in means for directory in up_to(path)[:-1]}
        beside = found.paths - means
        known = means <= found.paths and beside <= above & self.known_tree.everything.directories
        return known and not self.known_tree.tracks(found.hidden)

    def _changes(self, found: SentDifference, then: Case) -> Changes:
        """Return the difference in what is sent between this case and `then`."""
        now = self.now
        sent = then.now
        marked = self.known_tree.marked
        emptied = [path for path in found.resized if not sent.size(path)]
        filled = [path for path in found.resized if not now.size(path)]
        return Changes(
            ignored=Paths(marked(found.hidden), *self.figures(found.hidden, of=now)),
            sent=Paths(marked(found.shown), *then.figures(found.shown, of=sent)),
            emptied=Paths(marked(emptied), *self.figures(emptied, of=now)),
            filled=Paths(marked(filled), *then.figures(filled, of=sent)),
        )
