"""Tries another ignore file on a context in memory: entries hidden, shown, emptied and lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import order
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request, ignore_file_to_write, inside, with_ignore_file
from ctxsize.engine.rewalk import Basis
from ctxsize.engine.snapshot import Sent, SentDifference, Snapshot, differences
from ctxsize.engine.sourcing import Sources
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.model import Amount


class Taken(NamedTuple):
    """A source that an instruction copies or mounts from the context."""

    request: Request
    """The request of its build, which may use another name for the context."""
    dockerfile: str
    target: str
    """A target that reaches the instruction."""
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
        """Return the entries that are no longer sent, in the builder's order."""
        return sorted(self.changes.hidden, key=order)

    @cached_property
    def shown(self) -> list[str]:
        """Return the entries that are sent now but not before, in the builder's order."""
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
    """A context in memory, and the entries that any ignore file would send of it.

    Each pattern is parsed only once, even if many ignore files contain it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.request = snapshot.request
        self._patterns: dict[str, DockerIgnorePattern] = {}
        self._sent: dict[tuple[str, ...], Sent | None] = {}
        self._finders: dict[int, _Finder] = {}
        self._last: Attempt | None = None
        self._usual: Basis | None = None
        """The first list of lines that was tried; most others differ from it in a few lines."""

    @cached_property
    def _basis(self) -> Basis:
        return Basis(self.snapshot, self.request.spec)

    @property
    def before(self) -> Sent:
        """Return the entries sent with the present ignore file. Raises what a walk raises."""
        return self._basis.sent

    @cached_property
    def everything(self) -> Sent:
        """Return the entries sent without any pattern."""
        return self.snapshot.sent(self.request.builder.spec_class([]))

    def attempt(self, data: bytes) -> Attempt:
        """Return the attempt with the ignore file `data`. Raises `IgnoreFileError` if it fails."""
        if self._last is None or self._last.data != data:
            request = with_ignore_file(self.request, data, make=self._made)
            sent = self._basis.under(request.spec)
            self._last = Attempt(data, request, self.before, sent)
        return self._last

    def _made(self, line: str) -> DockerIgnorePattern:
        """Return a copy of a line's pattern, which can have its own line number."""
        return copy(self._pattern(line))

    def _pattern(self, line: str) -> DockerIgnorePattern:
        if line not in self._patterns:
            self._patterns[line] = self.request.builder.spec_class.pattern_class(line)
        return self._patterns[line]

    # Lists of lines, any of which may fail the build.

    def sent(self, texts: Iterable[str]) -> Sent | None:
        """Return the entries sent with these lines; None if the lines fail the build."""
        key = tuple(texts)
        if key not in self._sent:
            self._sent[key], spec = None, self.spec(key)
            with suppress(CtxsizeError):
                if spec is not None:
                    self._usual = self._usual or Basis(self.snapshot, spec)
                    self._sent[key] = self._usual.under(spec)
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
        after: dict[int, _Finder] = {}
        for each in sources:
            build = id(each.request)
            before = self._finders.setdefault(build, _Finder(each.request))
            if build not in after:
                after[build] = _Finder(self._with(each.request, attempt))
            if before.finds(each) and not after[build].finds(each):
                return each
        return None

    def _with(self, request: Request, attempt: Attempt) -> Request:
        """Return a build's request with the attempt's ignore file, without reading it again."""
        file, builder = attempt.request.ignore_file, request.builder
        alike = builder is self.request.builder and bool(request.name) is bool(self.request.name)
        if file is None or not alike or builder.always_sends is not None:
            return with_ignore_file(request, attempt.data, make=self._made)
        file = replace(file, path=ignore_file_to_write(request))
        return replace(request, ignore_file=file, spec=attempt.request.spec)


class _Finder:
    """Decides if a build finds its sources; the sources of each target are read once."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sources: dict[str, Sources] = {}
        self._found: dict[tuple[str, int, str], bool] = {}

    def finds(self, taken: Taken) -> bool:
        """Return whether the build finds a source; True if that is not known."""
        key = target, line, source = taken.target, taken.line, taken.source
        if key not in self._found:
            self._found[key] = True
            with suppress(CtxsizeError):
                if target not in self._sources:
                    build = replace(self._request.build, target=target)
                    self._sources[target] = Sources(replace(self._request, build=build))
                sources = self._sources[target]
                alike = (each for each in sources.on_line(line) if each.source == source)
                self._found[key] = all(sources.fate(each)[0].is_found for each in alike)
        return self._found[key]


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
