"""A context in memory, asked what each pattern does to it; nothing here is theory."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from ctxsize.build import Build
from ctxsize.engine.golang import code_points
from ctxsize.engine.ignorefile import LONGEST_LINE, without_mark
from ctxsize.engine.listing import order
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec
from ctxsize.engine.request import Request, with_ignore_file
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.findings import Paths
from ctxsize.model import Amount
from ctxsize.recommender.needed import Needed

_SHOWN = 3
_WILD = frozenset("*?[\\")


class Tree:
    """The context of a request; remembers every simulation that was made.

    `tracked` are the files that git tracks, None where git does not say. `own_bytes`
    is the size of the ignore file with these lines, which may be other ones than on
    disk: it is part of the context itself. `builds` are further ones that read the file.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        request: Request,
        *,
        tracked: frozenset[str] | None = None,
        texts: Sequence[str] = (),
        own_bytes: int | None = None,
        builds: Sequence[Build] = (),
    ) -> None:
        self.snapshot = snapshot
        self.request = request
        self.tracked = tracked
        self._sent: dict[tuple[str, ...], Sent | None] = {}
        self._matched: dict[str, list[str]] = {}
        self._made: dict[str, DockerIgnorePattern] = {}
        self._failing: dict[str, bool] = {}
        self.texts = tuple(texts)
        self._own_bytes = own_bytes
        self._builds = tuple(builds)

    def with_texts(self, texts: Sequence[str], *, own_bytes: int) -> Tree:
        """The same context with other lines in its ignore file; what is known stays known."""
        other = Tree(
            self.snapshot,
            self.request,
            tracked=self.tracked,
            texts=texts,
            own_bytes=own_bytes,
            builds=self._builds,
        )
        other._sent, other._matched = self._sent, self._matched
        other._made, other._failing = self._made, self._failing
        for name in ("everything", "in_order", "by_name", "needed", "_own"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def everything(self) -> Sent:
        """What would be sent without any pattern."""
        return self.snapshot.sent(self.request.builder.spec_class([]))

    @cached_property
    def needed(self) -> Needed | None:
        """What the builds need; None if the Dockerfile cannot be read."""
        try:
            return Needed(self.snapshot, self._builds)
        except CtxsizeError:
            return None

    def is_taken(self, paths: Collection[str]) -> bool:
        """Whether a build takes one of `paths`, or something in it, by its name."""
        return bool(paths) and self.needed is not None and self.needed.taker(paths) is not None

    @cached_property
    def in_order(self) -> list[str]:
        """Every path, in the builder's order."""
        return sorted(self.everything.paths, key=order)

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """The paths by their last part."""
        found: dict[str, list[str]] = {}
        for path in self.in_order:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def now(self) -> Sent:
        """What is sent with the file as it stands, patterns that fail the build left out."""
        return self.sent(self.texts) or self.everything

    def sent(self, texts: Sequence[str]) -> Sent | None:
        """What would be sent with these lines; None if they fail the build."""
        key = tuple(texts)
        if key not in self._sent:
            spec = self.spec(key)
            try:
                self._sent[key] = None if spec is None else self.snapshot.sent(spec)
            except CtxsizeError:
                self._sent[key] = None
        return self._sent[key]

    def spec(self, texts: Sequence[str]) -> DockerIgnoreSpec | None:
        """The patterns of these lines, None where they fail the build."""
        builder = self.request.builder
        try:
            if builder.always_sends is not None:
                data = "\n".join(texts).encode("utf-8", "surrogateescape")
                return with_ignore_file(self.request, data).spec
            lines = self._read(texts)
            if builder.check_patterns is not None:
                builder.check_patterns(lines)
            return builder.spec_class([self._pattern(line) for line in lines])
        except IgnoreFileError:
            return None

    def _read(self, texts: Sequence[str]) -> list[str]:
        """The lines as the builder reads them: without a byte order mark, all of it text."""
        builder = self.request.builder
        lines = without_mark(texts) if builder.spec_class.strips_bom else list(texts)
        return (
            ["".join(code_points(line)) for line in lines]
            if builder.replaces_undecodable
            else lines
        )

    def _pattern(self, line: str) -> DockerIgnorePattern:
        """The pattern of a line; one that was read before is not read again."""
        if line not in self._made:
            self._made[line] = self.request.builder.spec_class.pattern_class(line)
        return self._made[line]

    def fails(self, text: str) -> bool:
        """Whether a line fails the build, at once or when the builder comes to it."""
        if text not in self._failing:
            self._failing[text] = self._fails(text)
        return self._failing[text]

    def _fails(self, text: str) -> bool:
        if len(text.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
            return True
        try:
            return self._pattern(text.removeprefix("\ufeff")).fault is not None
        except IgnoreFileError:
            return True

    def matched(self, pattern: DockerIgnorePattern) -> list[str]:
        """The entries that `pattern` matches by itself, in order."""
        text = pattern.text
        if text not in self._matched:
            self._matched[text] = self._search(pattern)
        return self._matched[text]

    def _search(self, pattern: DockerIgnorePattern) -> list[str]:
        text = pattern.text
        paths: Iterable[str] = self.in_order
        kind = pattern.kind
        if kind == "exact":
            paths = [text] if text in self.everything else []
        elif kind == "suffix" and text.startswith("**/") and not _WILD.intersection(text[3:]):
            paths = self.by_name.get(text.rpartition("/")[2], [])
        try:
            return [path for path in paths if pattern.match_file(path) is not None]
        except IgnoreFileError:
            return []

    def below(self, tops: Collection[str], *, of: Sent | None = None) -> list[str]:
        """`tops` and all below them that is sent in `of` (by default now), in order."""
        sent, found = self.now if of is None else of, []
        wanted = set(tops)
        if not wanted:
            return []
        for path in self.in_order:
            if path not in sent.sizes:
                continue
            if path in wanted or path.rpartition("/")[0] in wanted:
                wanted.add(path)
                found.append(path)
        return found

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory at `path`."""
        return path in self.everything.directories

    def figures(self, paths: Iterable[str], *, of: Sent | None = None) -> Amount:
        """How many files `paths` are, and the bytes of their content as they are sent."""
        sent = self.everything if of is None else of
        files = [path for path in paths if path in sent.sizes and not self.is_directory(path)]
        more = self._grown(sent) if self._own in files else 0
        return Amount(len(files), sum(sent.sizes[path] for path in files) + more)

    @property
    def total(self) -> Amount:
        """What is sent now."""
        more = self._grown(self.now) if self._own in self.now.sizes else 0
        return Amount(self.now.files, self.now.content_bytes + more)

    def _grown(self, sent: Sent) -> int:
        """How much larger the ignore file is than on disk, where it is sent with its content."""
        assert self._own is not None
        if self._own_bytes is None or self._own in sent.empty:
            return 0
        return self._own_bytes - sent.sizes[self._own]

    @cached_property
    def _own(self) -> str | None:
        """The ignore file as a path of the context, None where it is no plain file in it."""
        if self.request.ignore_file is None:
            return None
        directory, name = os.path.split(self.request.ignore_file.path)
        place = os.path.relpath(os.path.realpath(directory or "."), self.request.root)
        path = os.path.normpath(os.path.join(place, name))
        found = self.snapshot.file(path)
        if found is None or found.st_nlink > 1 or not found.readable:
            return None
        return path if stat.S_ISREG(found.st_mode) else None

    def marked(self, paths: Iterable[str]) -> tuple[str, ...]:
        """`paths` in the builder's order, directories with a trailing `/`."""
        return tuple(path + "/" * self.is_directory(path) for path in sorted(paths, key=order))

    def group(self, paths: Collection[str], *, of: Sent) -> Paths:
        """`paths` as a value, with what they are as they are sent in `of`."""
        return Paths(self.marked(paths), *self.figures(paths, of=of))

    def shown(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The first few of `paths` without what lies below another one of them."""
        kept: list[str] = []
        for path in sorted(paths, key=order):
            if kept and path.startswith(f"{kept[-1].rstrip('/')}/"):
                continue
            if len(kept) == _SHOWN:
                break
            kept.append(path + "/" * self.is_directory(path))
        return tuple(kept)

    def as_other(self, request: Request) -> Sent:
        """What another builder would send of the same context. Raises what a walk does."""
        snapshot = Snapshot(request, self.snapshot.root, self.snapshot.problems)
        return snapshot.sent(request.spec)


def changed(before: Sent, after: Sent) -> frozenset[str]:
    """The paths whose fate differs: sent or not, with or without content."""
    differing = before.sizes.keys() ^ after.sizes.keys()
    both = before.sizes.keys() & after.sizes.keys()
    differing |= {path for path in both if before.sizes[path] != after.sizes[path]}
    return frozenset(differing | ((before.empty ^ after.empty) & both))
