"""What surrounds an ignore file: its builds, and its context in memory, whatever the file says."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from ctxsize.build import Build
from ctxsize.engine.listing import order
from ctxsize.engine.matched import Matcher
from ctxsize.engine.need import Include, includes_of
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Sent
from ctxsize.engine.trial import Trial, own_path
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.context import BuildContext

_SHOWN = 3


@dataclass(frozen=True)
class Target:
    """An ignore file to lint, and what is known about its builds."""

    path: str
    """As the user would name it."""
    context: str | None = None
    """The directory whose context it governs, None if that is not known."""
    builds: tuple[Build, ...] = ()
    """Those that read it."""
    fallback: str | None = None
    """The general ignore file that a Dockerfile-specific one replaces."""
    unread: str | None = None
    """Why no build can read it, or None."""
    likely_unread: str | None = None
    """Why none of the known builds reads it, or None."""


class LintTree:
    """The context of a request; remembers every trial that was made.

    `requests` are those of the builds that read its ignore file.
    `tracked` are the files that git tracks, None where git does not say.
    """

    def __init__(
        self, trial: Trial, requests: Sequence[Request], *, tracked: frozenset[str] | None = None
    ) -> None:
        self.trial = trial
        self.snapshot = trial.snapshot
        self.request = trial.request
        self.tracked = tracked
        self._requests = tuple(requests)
        self._matched: dict[str, list[str]] = {}

    @property
    def everything(self) -> Sent:
        """Return what would be sent without any pattern."""
        return self.trial.everything

    @cached_property
    def needed(self) -> BuildContext | None:
        """Return what the builds need; None if the Dockerfile cannot be read."""
        known = BuildContext(self.snapshot, also=[each.build for each in self._requests[1:]])
        try:
            _ = known.build_files
        except CtxsizeError:
            return None
        return known

    @cached_property
    def includes(self) -> list[Include] | None:
        """Return the include patterns of all transfers, None where no Dockerfile is known."""
        found: list[Include] | None = None
        for request in self._requests:
            with suppress(CtxsizeError):
                found = [*(found or []), *includes_of(request)]
        return found

    def is_taken(self, paths: Collection[str]) -> bool:
        """Return whether a build takes one of `paths` by its name, or may, as nobody knows."""
        return bool(paths) and (self.needed is None or self.needed.takes(paths))

    def tracks(self, paths: Iterable[str]) -> bool:
        """Return whether git is known to track one of `paths`."""
        return self.tracked is not None and not self.tracked.isdisjoint(paths)

    @cached_property
    def ignore_file(self) -> str | None:
        """Return the ignore file as a path of the context, None where it is no plain file in it."""
        path = None if self.request.ignore_file is None else own_path(self.request)
        found = None if path is None else self.snapshot.file(path)
        if found is None or found.st_nlink > 1 or not found.readable:
            return None
        return path if stat.S_ISREG(found.st_mode) else None

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Return the paths by their last part."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.everything.paths, key=order):
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def by_folded(self) -> dict[str, str]:
        """Return one path for each of those that only upper and lower case tell apart."""
        return {
            path.casefold(): path for path in sorted(self.everything.paths, key=order, reverse=True)
        }

    def matched(
        self, pattern: DockerIgnorePattern, *, beside: Iterable[DockerIgnorePattern] = ()
    ) -> list[str]:
        """Return the entries that `pattern` matches by itself, in order.

        All patterns `beside` it are looked for in the same pass, if it is new.
        """
        if pattern.text not in self._matched:
            new = {each.text: each for each in (*beside, pattern) if each.text not in self._matched}
            texts, spec = [*new], self.request.builder.spec_class(new.values())
            found: dict[str, list[str]] = {text: [] for text in texts}
            for path, indexes in Matcher(spec).in_tree(self.snapshot.root):
                for index in indexes:
                    found[texts[index]].append(path)
            for paths in found.values():
                paths.sort(key=order)
            self._matched |= found
        return self._matched[pattern.text]

    def below(self, tops: Collection[str], sent: Sent) -> list[str]:
        """Return `tops` and all below them that is in `sent`, in order."""
        found, last = set[str](), None
        for top in sorted(tops, key=order):
            if last is not None and top.startswith(f"{last}/"):
                continue
            last, held = top, self.snapshot.folder(top)
            if top in sent:
                found.add(top)
            for each in () if held is None else held.tree():
                found.update(each.prefix + name for name in sent.names.get(each.path, ()))
                if each.path in sent.directories:
                    found.add(each.path)
        return sorted(found, key=order)

    def is_directory(self, path: str) -> bool:
        """Return whether there is a directory at `path`."""
        return path in self.everything.directories

    def has_files(self, paths: Iterable[str]) -> bool:
        """Return whether one of `paths` is no directory."""
        return not self.everything.directories.issuperset(paths)

    def marked(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return `paths` in the builder's order, directories with a trailing `/`."""
        return tuple(path + "/" * self.is_directory(path) for path in sorted(paths, key=order))

    def shown(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the first few of `paths` without what lies below another one of them."""
        kept: list[str] = []
        for path in self.marked(paths):
            if not kept or not path.startswith(f"{kept[-1].rstrip('/')}/"):
                kept.append(path)
        return tuple(kept[:_SHOWN])
