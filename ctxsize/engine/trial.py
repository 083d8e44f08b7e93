"""Tries other ignore files on a context in memory: entries hidden, shown, emptied and lost.

The fate of a path changes only if a pattern that was added or removed matches the path or a
directory above it. So only such paths are walked again, by the walk of `measure`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import chain
from typing import Any, NamedTuple

from ctxsize.engine.automaton import Automaton, fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.events import order
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request, ignore_file_to_write, inside, with_ignore_file
from ctxsize.engine.snapshot import Names, Sent, SentDifference, Snapshot, differences
from ctxsize.engine.source import MemoryDirectory
from ctxsize.engine.sourcing import Sources
from ctxsize.engine.trace import Matcher
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.model import Amount

_MOST_CHANGED = 2_000
"""Number of changed patterns up to which only the paths they match are walked again."""
_MANY = 200
"""Number of patterns from which those without a match in the walked part are left out."""
_NOWHERE = "\0"
"""A directory that no exception leads to, unless exceptions lead to every directory."""


class Taken(NamedTuple):
    """A source that an instruction copies or mounts from the context."""

    request: Request
    dockerfile: str
    target: str
    source: str
    line: int


@dataclass(frozen=True)
class Attempt:
    """An ignore file and the entries it sends."""

    data: bytes
    request: Request
    before: Sent
    sent: Sent

    @cached_property
    def changes(self) -> SentDifference:
        """Return the difference to the entries sent before."""
        return differences(self.before, self.sent)

    @cached_property
    def hidden(self) -> list[str]:
        """Return the entries that are no longer sent, in order."""
        return sorted(self.changes.hidden, key=order)

    @cached_property
    def shown(self) -> list[str]:
        """Return the entries that are sent now but not before, in order."""
        return sorted(self.changes.shown, key=order)

    @property
    def emptied(self) -> list[str]:
        """Return the files that arrive without content now but not before."""
        return sorted(self.sent.empty - self.before.empty)

    def lost(self, needed: Collection[str]) -> list[str]:
        """Return those of the entries `needed` that are not sent."""
        return sorted(path for path in needed if path not in self.sent)

    def decider(self, path: str) -> str | None:
        """Return the line that decides on `path`; None if no line matches."""
        index = self.request.spec.check_file(path).index
        line = 0 if index is None else self.request.spec.patterns[index].line
        return IgnoreFile.parse("", self.data).texts()[line - 1] if line else None


class Trial:
    """A context in memory, and the entries that any ignore file would send of it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.request = snapshot.request
        self._patterns: dict[str, DockerIgnorePattern] = {}  # by their lines, each parsed once
        self._sent: dict[tuple[str, ...], Sent | None] = {}
        self._finders: dict[int, Finder] = {}
        self._last: Attempt | None = None
        self._basis: Basis | None = None
        """The first list of patterns that was tried; most others differ from it in a few."""

    @cached_property
    def before(self) -> Sent:
        """Return the entries sent with the present ignore file."""
        return self._under(self.request.spec)

    def _under(self, spec: DockerIgnoreSpec) -> Sent:
        self._basis = self._basis or Basis(self.snapshot, spec)
        return self._basis.under(spec)

    @cached_property
    def everything(self) -> Sent:
        """Return the entries sent without any pattern."""
        return self.snapshot.sent(self.request.builder.spec_class([]))

    def attempt(self, data: bytes) -> Attempt:
        """Return the attempt with the ignore file `data`. Raises `IgnoreFileError` if it fails."""
        if self._last is None or self._last.data != data:
            before = self.before
            request = with_ignore_file(self.request, data, make=self._made)
            self._last = Attempt(data, request, before, self._under(request.spec))
        return self._last

    def _made(self, line: str) -> DockerIgnorePattern:
        """Return a copy of a line's pattern, which can have its own line number."""
        return copy(self._pattern(line))

    def _pattern(self, line: str) -> DockerIgnorePattern:
        if line not in self._patterns:
            self._patterns[line] = self.request.builder.spec_class.pattern_class(line)
        return self._patterns[line]

    def sent(self, texts: Iterable[str]) -> Sent | None:
        """Return the entries sent with these lines; None if the lines fail the build."""
        key = tuple(texts)
        if key not in self._sent:
            self._sent[key], spec = None, self.spec(key)
            with suppress(CtxsizeError):
                self._sent[key] = None if spec is None else self._under(spec)
        return self._sent[key]

    def spec(self, texts: Iterable[str]) -> DockerIgnoreSpec | None:
        """Return the patterns of these lines; None if they fail the build."""
        data = "\n".join(texts).encode("utf-8", "surrogateescape")
        try:
            # Without copies: the line numbers of these patterns are never used.
            return with_ignore_file(self.request, data, make=self._pattern).spec
        except IgnoreFileError:
            return None

    def written(self, attempt: Attempt) -> Snapshot:
        """Return the context after the attempt's ignore file is written."""
        snapshot, own = self.snapshot, own_path(self.request)
        if own is not None:
            snapshot = snapshot.with_file(own, len(attempt.data))
        return snapshot.asked(attempt.request)

    def amount_after(self, attempt: Attempt) -> Amount:
        """Return the amount sent after the ignore file is written, which may itself be sent."""
        own, sent = own_path(self.request), attempt.sent
        if own is None or own not in sent:
            return Amount.of(sent)
        written = self.written(attempt)
        file = written.file(own)
        if file is None or self.snapshot.has_further_names:
            return Amount.of(written.sent())
        return Amount(sent.files, sent.content_bytes + file.content_bytes - sent.size(own))

    def lost_source(self, attempt: Attempt, sources: Iterable[Taken]) -> Taken | None:
        """Return the first of `sources` that its build found before but no longer finds."""
        after: dict[int, Finder] = {}
        for each in sources:
            build, question = id(each.request), (each.target, each.line, each.source)
            if build not in self._finders:
                self._finders[build] = _finder(each.request)
            if build not in after:
                request = with_ignore_file(each.request, attempt.data, make=self._made)
                after[build] = _finder(request)
            if self._finders[build](*question) and not after[build](*question):
                return each
        return None


Finder = Callable[[str, int, str], bool]
"""Returns whether a build finds a source, by its target, line and text; True if not known."""


def _finder(request: Request) -> Finder:
    """Return the finder of a build; the sources of each target are read once."""

    @cache
    def read(target: str) -> Sources:
        return Sources(replace(request, build=replace(request.build, target=target)))

    @cache
    def finds(target: str, line: int, source: str) -> bool:
        try:
            alike = (each for each in read(target).on_line(line) if each.source == source)
            return all(read(target).fate(each)[0].is_found for each in alike)
        except CtxsizeError:
            return True

    return finds


def own_path(request: Request) -> str | None:
    """Return the path in the context of the ignore file to write; None if it is outside."""
    return inside(request.root, ignore_file_to_write(request))


def planned(snapshot: Snapshot) -> Snapshot:
    """Return the context with its ignore file in it; with an empty one if there is none yet."""
    own = own_path(snapshot.request)
    if own is None or snapshot.file(own) is not None:
        return snapshot
    return snapshot.with_file(own, 0)


def with_lines(request: Request, lines: Iterable[str]) -> bytes:
    """Return the ignore file that governs `request` with `lines` appended."""
    before = b"" if request.ignore_file is None else request.ignore_file.data
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


class Basis:
    """A list of patterns and its answer, from which answers for other lists are computed."""

    def __init__(self, snapshot: Snapshot, spec: DockerIgnoreSpec) -> None:
        """Compute the first answer. Raises what a walk raises."""
        self._snapshot = snapshot
        self.spec = spec
        self.sent = snapshot.sent(spec)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.spec)

    def under(self, spec: DockerIgnoreSpec) -> Sent:
        """Return the entries that `spec` sends. Raises what a walk raises."""
        changed = None if self._snapshot.has_further_names else _changed(self.spec, spec)
        names = None if changed is None else self._touched(changed, spec)
        if changed is None or names is None:
            return self._snapshot.sent(spec)
        if not names:
            return self.sent
        root = self._snapshot.root
        part = MemoryDirectory(
            "",
            {name: each for name, each in root.entries.items() if name in names},
            {name: each for name, each in root.folders.items() if name in names},
        )
        return self._patched(names, self._snapshot.walked(self._few(part, changed, spec), part))

    def _touched(
        self, changed: list[DockerIgnorePattern], spec: DockerIgnoreSpec
    ) -> set[str] | None:
        """Return the entries at the top at or below which fates may change; None if any may."""
        tops = Matcher(spec.__class__(changed)).tops(self._snapshot.root)
        touched = {at.partition("/")[0] for at in tops if at} | tops.get("", set())
        exceptions = [each for each in changed if not each.include]
        if not exceptions:
            return touched
        if spec.__class__.reach is not DockerIgnoreSpec.reach:
            return None
        everywhere = self.spec.enters(_NOWHERE)
        if spec.enters(_NOWHERE) != everywhere:
            return None
        if not everywhere:
            # The builder enters ignored directories for them, where other exceptions may match.
            touched.update(each.text.split("/")[0] for each in exceptions)
        return touched

    def _few(
        self, part: MemoryDirectory, changed: list[DockerIgnorePattern], spec: DockerIgnoreSpec
    ) -> Evaluator[Any]:
        """Return an evaluator for `part` of the context. Few of many patterns matter there."""
        if len(spec.patterns) < _MANY:
            return fastest(spec)
        patterns = self.spec.patterns
        wanted = {_key(patterns[at]) for _, found in self._matcher.in_tree(part) for at in found}
        wanted.update(map(_key, changed))
        few = spec.__class__(each for each in spec.patterns if _key(each) in wanted)
        return Automaton(few, enters=spec.enters)

    def _patched(self, touched: set[str], found: Sent) -> Sent:
        """Return the sent entries, with those at and below `touched` replaced by `found`."""

        def is_other(path: str) -> bool:
            return path.partition("/")[0] not in touched

        before, new = self.sent, {**found.names}
        top = {name: size for name, size in before.names.get("", {}).items() if is_other(name)}
        if top:
            new[""] = {**top, **new.get("", {})}
        names: dict[str, Names] = {}
        for at, old in before.names.items():
            each = old if at and is_other(at) else new.pop(at, None)
            if each:
                names[at] = old if each == old else each  # equal ones are shared, for memory
        names.update(new)
        directories = frozenset(filter(is_other, before.directories)) | found.directories
        if directories == before.directories:
            directories = before.directories
        empty = frozenset(filter(is_other, before.empty)) | found.empty
        return Sent(names, directories, empty, before.links)


def _changed(before: DockerIgnoreSpec, after: DockerIgnoreSpec) -> list[DockerIgnorePattern] | None:
    """Return the patterns between the common beginning and the common end of two lists.

    None if they are too many, or if the patterns cannot be evaluated independently.
    """
    old, new = [*before.patterns], [*after.patterns]
    if not (before.remembers_parents and after.remembers_parents):
        return None
    if any(each.fault for each in chain(old, new)):
        return None
    while old and new and _key(old[-1]) == _key(new[-1]):
        del old[-1], new[-1]
    same = 0
    while same < min(len(old), len(new)) and _key(old[same]) == _key(new[same]):
        same += 1
    changed = [*old[same:], *new[same:]]
    return None if len(changed) > _MOST_CHANGED else changed


def _key(pattern: DockerIgnorePattern) -> tuple[str, bool | None]:
    return pattern.text, pattern.include
