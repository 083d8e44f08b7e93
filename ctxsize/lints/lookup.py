"""The builds of an ignore file, and its context in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from ctxsize.build import Build
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import order
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import GitError, find
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, own_path
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.engine.trial import Matcher, Trial
from ctxsize.errors import CtxsizeError
from ctxsize.reader import folded
from ctxsize.recommender.context import BuildContext, names_of
from ctxsize.recommender.references import Reference, References
from ctxsize.recommender.tree import Tree, outermost

_SHOWN = 3


@dataclass(frozen=True)
class Target:
    """An ignore file to lint, and what is known about its builds."""

    path: str
    context: str | None = None
    builds: tuple[Build, ...] = ()
    fallback: str | None = None  # the general ignore file that a Dockerfile-specific one replaces
    unread: str | None = None  # the reason for which no build can read it, or None
    likely_unread: str | None = None  # the reason for which no known build reads it, or None
    link: str | None = None  # what it leads to, if it is a symlink


class LintTree:
    """The context of `requests`, which read its ignore file, with a cache of all trials."""

    def __init__(self, snapshot: Snapshot, plans: Sequence[Plan]) -> None:
        self.trial, self.snapshot, self.plan = Trial(snapshot), snapshot, snapshot.plan
        self._plans = tuple(plans)
        self._matched: dict[str, list[str]] = {}

    @property
    def everything(self) -> Sent:
        """Return what would be sent without any pattern."""
        return self.trial.everything

    def is_directory(self, path: str) -> bool:
        return path in self.everything.directories

    def has_files(self, paths: Iterable[str]) -> bool:
        return not self.everything.directories.issuperset(paths)

    @cached_property
    def needed(self) -> BuildContext | None:
        """Return what the builds need; None if the Dockerfile cannot be read."""
        known = BuildContext(self.snapshot, also=[each.build for each in self._plans[1:]])
        with suppress(CtxsizeError):
            _ = known.build_files
            return known
        return None

    @cached_property
    def references(self) -> list[Reference]:
        """Return the places that name files without which a build fails."""
        found = list[Reference]()
        with suppress(CtxsizeError):
            finder = References(Tree(self.snapshot), self.snapshot.sent().__contains__)
            for each in self._plans:
                own = ("",) if each.root == self.plan.root else ()
                names = own if each.dockerfile_specific else names_of(each, self.plan.root)
                if names:
                    found += finder.of(each, names)
        return [*dict.fromkeys(found)]

    @cached_property
    def includes(self) -> list[Include] | None:
        """Return the include patterns of all transfers, None if no Dockerfile is known."""
        found: list[Include] | None = None
        for plan in self._plans:
            with suppress(CtxsizeError):
                found = [*(found or []), *includes_of(plan)]
        return found

    def travelling(self, paths: Iterable[str], spec: DockerIgnoreSpec) -> list[str]:
        """Return those of `paths` that a build may transfer with the patterns `spec`."""
        sought = [*paths]
        if not sought or self.includes is None or None in self.includes:
            return sought
        sent = [self.snapshot.sent(spec, include=each) for each in self.includes]
        return [path for path in sought if any(path in each for each in sent)]

    def idle(self, sent: Sent) -> list[MemoryDirectory]:
        """Return the directories without `sent` entries that one build may enter: the most."""

        def found(include: Include) -> list[MemoryDirectory]:
            asked = include_spec(include or ("**",))
            root = self.snapshot.root
            held = root.tree(lambda at: asked.enters(at.path) or not asked.match_file(at.path))
            return [at for at in held if at.path and at.path not in sent.directories]

        with suppress(CtxsizeError):  # a source may fail the build
            includes = [None] if self.includes is None else self.includes
            return max(map(found, includes), key=len, default=[])
        return []

    def is_taken(self, paths: Collection[str]) -> bool:
        """Return whether a build takes one of `paths` by name, or no Dockerfile is known."""
        return bool(paths) and (self.needed is None or self.needed.takes(paths))

    @cached_property
    def tracked(self) -> frozenset[str] | None:
        """Return the files that git tracks, None without a repository that git can read."""
        repository = find(self.plan.root).repository
        try:
            if repository is None:
                return None
            return repository.tracked
        except GitError:
            return None

    def tracks(self, paths: Iterable[str]) -> bool:
        return self.tracked is not None and not self.tracked.isdisjoint(paths)

    @cached_property
    def ignore_file(self) -> str | None:
        """Return the ignore file's path in the context, None if it is no plain file in it."""
        if self.plan.ignore_file is None:
            path = None
        else:
            path = own_path(self.plan)
        if path is None:
            found = None
        else:
            found = self.snapshot.file(path)
        if found is not None and isinstance(found.kept, int):
            return path
        return None

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self.everything.paths, key=order):
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def by_folded(self) -> dict[str, str]:
        """Return a path for each spelling without case and Unicode form."""
        return {folded(path): path for path in sorted(self.everything.paths, reverse=True)}

    def matched(
        self, pattern: DockerIgnorePattern, *, beside: Iterable[DockerIgnorePattern] = ()
    ) -> list[str]:
        """Return the entries that `pattern` alone matches, in order; `beside` is searched along."""
        if pattern.text not in self._matched:
            new = {each.text: each for each in (*beside, pattern) if each.text not in self._matched}
            texts = [*new]
            spec = self.plan.builder.spec_class(new.values())
            found: dict[str, list[str]] = {text: [] for text in texts}
            for path, indexes in Matcher(spec).in_tree(self.snapshot.root):
                for index in indexes:
                    found[texts[index]].append(path)
            for paths in found.values():
                paths.sort(key=order)
            self._matched |= found
        return self._matched[pattern.text]

    def below(self, tops: Collection[str], sent: Sent) -> list[str]:
        """Return `tops` and everything below them that is in `sent`, in order."""
        found = {top for top in tops if top in sent}
        for held in map(self.snapshot.folder, outermost(frozenset(tops))):
            for each in () if held is None else held.tree():
                found.update(each.prefix + name for name in sent.names.get(each.path, ()))
                if each.path in sent.directories:
                    found.add(each.path)
        return sorted(found, key=order)

    def marked(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return `paths` in the builder's order, directories with a trailing `/`."""
        return tuple(path + "/" * self.is_directory(path) for path in sorted(paths, key=order))

    def shown(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the first few of `paths`, without those below another one."""
        return self.marked(outermost(frozenset(paths)))[:_SHOWN]
