"""A context in memory under one ignore file: its paths, their sizes, what a pattern matches."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from ctxsize.build import Build
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.listing import order
from ctxsize.engine.matched import matcher
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.sent import Sent
from ctxsize.engine.trial import Trial, own_path
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Paths
from ctxsize.model import Amount
from ctxsize.recommender.context import BuildContext
from ctxsize.units import human, plural

_SHOWN = 3


class LintTree:
    """The context of a request; remembers every trial that was made.

    `data` is the ignore file, which may be another one than on disk and is part of the
    context itself. `tracked` are the files that git tracks, None where git does not say.
    `builds` are further ones that read the file.
    """

    def __init__(
        self,
        trial: Trial,
        data: bytes,
        *,
        tracked: frozenset[str] | None = None,
        builds: Sequence[Build] = (),
    ) -> None:
        self.trial = trial
        self.snapshot = trial.snapshot
        self.request = trial.request
        self.tracked = tracked
        self._matched: dict[str, list[str]] = {}
        self.texts = tuple(trial.usable(IgnoreFile.parse("", data).texts()))
        """The lines, with comments in place of those that fail the build."""
        self._own_bytes = len(data)
        self._builds = tuple(builds)

    def with_data(self, data: bytes) -> LintTree:
        """Return the same context with another ignore file; keeps what is known."""
        other = LintTree(self.trial, data, tracked=self.tracked, builds=self._builds)
        other._matched = self._matched
        for name in ("in_order", "by_name", "by_folded", "needed", "_own", "_places"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    @property
    def everything(self) -> Sent:
        """Return what would be sent without any pattern."""
        return self.trial.everything

    @cached_property
    def needed(self) -> BuildContext | None:
        """Return what the builds need; None if the Dockerfile cannot be read."""
        known = BuildContext(self.snapshot, also=self._builds)
        try:
            _ = known.build_files
        except CtxsizeError:
            return None
        return known

    def is_taken(self, paths: Collection[str]) -> bool:
        """Return whether a build takes one of `paths` by its name, or may, as nobody knows."""
        return bool(paths) and (self.needed is None or self.needed.takes(paths))

    @cached_property
    def in_order(self) -> list[str]:
        """Return every path, in the builder's order."""
        return sorted(self.everything.paths, key=order)

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Return where each path stands in that order, and where what is below it ends."""
        places: dict[str, tuple[int, int]] = {}
        above: list[tuple[str, int]] = []
        for at, path in enumerate([*self.in_order, ""]):
            while above and not path.startswith(f"{above[-1][0]}/"):
                name, start = above.pop()
                places[name] = start, at
            above.append((path, at))
        return places

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Return the paths by their last part."""
        found: dict[str, list[str]] = {}
        for path in self.in_order:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def by_folded(self) -> dict[str, str]:
        """Return one path for each of those that only upper and lower case tell apart."""
        found: dict[str, str] = {}
        for paths in self.by_name.values():
            for path in paths:
                found.setdefault(path.casefold(), path)
        return found

    @cached_property
    def now(self) -> Sent:
        """Return what is sent with the file as it stands, patterns that fail the build left out."""
        return self.sent or self.everything

    @property
    def sent(self) -> Sent | None:
        """Return what is sent with these lines; None if they fail the build together."""
        return self.trial.sent(self.texts)

    def matched(self, pattern: DockerIgnorePattern) -> list[str]:
        """Return the entries that `pattern` matches by itself, in order."""
        text = pattern.text
        if text not in self._matched:
            spec = self.trial.spec(self.texts)
            known = [] if spec is None else [*spec.patterns]
            # All patterns of the file are looked for in one pass, as each is asked about.
            wanted = known if any(each.text == text for each in known) else [pattern]
            self._matched |= self._search(wanted)
        return self._matched[text]

    def _search(self, patterns: list[DockerIgnorePattern]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {each.text: [] for each in patterns}
        texts = [*found]
        one_each = {each.text: each for each in patterns}.values()
        spec = self.request.builder.spec_class(one_each)
        for path, indexes in matcher(spec).in_tree(self.snapshot.root):
            for index in indexes:
                found[texts[index]].append(path)
        for paths in found.values():
            paths.sort(key=self._places.__getitem__)
        return found

    def below(self, tops: Collection[str], *, of: Sent | None = None) -> list[str]:
        """Return `tops` and all below them that is sent in `of` (by default now), in order."""
        sent, found, end = self.now if of is None else of, list[str](), 0
        wanted = set(tops)
        for start, stop in sorted(self._places[top] for top in wanted if top in self._places):
            for path in self.in_order[max(start, end) : stop]:
                if path in sent and (path in wanted or path.rpartition("/")[0] in wanted):
                    wanted.add(path)
                    found.append(path)
            end = max(end, stop)
        return found

    def is_directory(self, path: str) -> bool:
        """Return whether there is a directory at `path`."""
        return path in self.everything.directories

    def has_files(self, paths: Iterable[str]) -> bool:
        """Return whether one of `paths` is no directory."""
        return not self.everything.directories.issuperset(paths)

    def amount(self, paths: Collection[str]) -> str:
        """Return the files among `paths` and their bytes: `12 files, 3.4 MB`."""
        figures = self.figures(paths)
        return f"{plural(figures.files, 'file')}, {human(figures.content_bytes)}"

    def figures(self, paths: Iterable[str], *, of: Sent | None = None) -> Amount:
        """Return how many files `paths` are, and the bytes of their content as they are sent."""
        sent = self.everything if of is None else of
        files = [path for path in paths if path in sent and not self.is_directory(path)]
        more = self._grown(sent) if self._own in files else 0
        return Amount(len(files), sum(map(sent.size, files)) + more)

    @property
    def total(self) -> Amount:
        """Return what is sent now."""
        more = self._grown(self.now) if self._own is not None and self._own in self.now else 0
        return Amount(self.now.files, self.now.content_bytes + more)

    def _grown(self, sent: Sent) -> int:
        """Return how many bytes the ignore file grew since it was read, where it is sent."""
        assert self._own is not None
        return 0 if self._own in sent.empty else self._own_bytes - sent.size(self._own)

    @cached_property
    def _own(self) -> str | None:
        """Return the ignore file as a path of the context, None where it is no plain file in it."""
        path = None if self.request.ignore_file is None else own_path(self.request)
        found = None if path is None else self.snapshot.file(path)
        if found is None or found.st_nlink > 1 or not found.readable:
            return None
        return path if stat.S_ISREG(found.st_mode) else None

    def marked(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return `paths` in the builder's order, directories with a trailing `/`."""
        return tuple(path + "/" * self.is_directory(path) for path in sorted(paths, key=order))

    def group(self, paths: Collection[str], *, of: Sent) -> Paths:
        """Return `paths` as a value, with their files and bytes as sent in `of`."""
        return Paths(self.marked(paths), *self.figures(paths, of=of))

    def shown(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the first few of `paths` without what lies below another one of them."""
        kept: list[str] = []
        for path in sorted(paths, key=order):
            if kept and path.startswith(f"{kept[-1].rstrip('/')}/"):
                continue
            if len(kept) == _SHOWN:
                break
            kept.append(path + "/" * self.is_directory(path))
        return tuple(kept)
