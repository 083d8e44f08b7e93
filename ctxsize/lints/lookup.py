"""The builds of an ignore file, and its context in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain
from os.path import relpath
from pathlib import PurePath
from posixpath import basename
from typing import NamedTuple

from ctxsize.build import Build
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import order
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import GitError, GitRepository, find
from ctxsize.engine.narrow import include_spec
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, own_path
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of
from ctxsize.engine.trial import Matcher, Trial, mark_of
from ctxsize.errors import CtxsizeError
from ctxsize.lints.judgement import Judgement
from ctxsize.model import Texts
from ctxsize.reader import border_of, folded
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.evidence import small_text
from ctxsize.recommender.placed import names_of
from ctxsize.recommender.references import Reference, References
from ctxsize.recommender.tree import Tree, outermost
from ctxsize.repository.readers import Unread

_SHOWN = 3
AnyPaths = Iterable[str]  # of a tree, in any order
OrderedPaths = list[str]  # of a tree, in the order of the builder


class Target(NamedTuple):
    """An ignore file to lint, and what is known about its builds."""

    path: str
    context: str | None = None
    builds: tuple[Build, ...] = ()
    fallback: str | None = None  # the general ignore file that a Dockerfile-specific one replaces
    unread: Unread | None = None  # the reason for which no build reads it, or None
    renamed: Target | None = None  # the same file once it has the name that a build reads
    link: str | None = None  # what it leads to, if it is a symlink


def asks_for(includes: Iterable[Include], path: str) -> bool:
    """Return whether a transfer with one of the include patterns may contain `path`."""
    return any(
        include is None or not mark_of(include_spec(include), path).ignored for include in includes
    )


def sending(plans: Sequence[Plan], paths: Iterable[str]) -> Plan:
    """Return the first build that may transfer one of `paths`, the very first if none does."""
    for plan in plans:
        with suppress(CtxsizeError):  # a Dockerfile may be faulty
            includes = includes_of(plan)
            if any(asks_for(includes, path.rstrip("/")) for path in paths):
                return plan
    return plans[0]


class LintTree:
    """The context of `plans`, which read its ignore file, with a cache of all trials."""

    def __init__(self, snapshot: Snapshot, plans: Sequence[Plan]) -> None:
        self.trial = Trial(snapshot)
        self.everything = self.trial.everything  # what would be sent without any pattern
        self.snapshot = snapshot
        self.plan = snapshot.plan
        self._plans = plans
        self._matched: dict[str, OrderedPaths] = {}
        self._judgements: dict[frozenset[str], Judgement] = {}

    def is_directory(self, path: str) -> bool:
        return path in self.everything.directories

    def has_files(self, paths: AnyPaths) -> bool:
        return not self.everything.directories.issuperset(paths)

    @cached_property
    def needed(self) -> BuildContext | None:
        """Return what the builds need; None if the Dockerfile cannot be read."""
        known = BuildContext(self.snapshot, also=[plan.build for plan in self._plans[1:]])
        with suppress(CtxsizeError):
            _ = known.build_files
            return known
        return None

    @cached_property
    def references(self) -> list[Reference]:
        """Return the places that name files without which a build fails."""
        references = list[Reference]()
        with suppress(CtxsizeError):
            finder = References(Tree(self.snapshot), self.snapshot.sent().__contains__)
            for plan in self._plans:
                # The names that the build has for the context that its ignore file governs.
                names: Texts = ()
                if not plan.dockerfile_specific:
                    names = names_of(plan, self.plan.root)
                elif plan.root == self.plan.root:
                    names = ("",)
                # A fault in a Dockerfile leaves what was found before it.
                if names:
                    references.extend(finder.of(plan, names))
        return [*dict.fromkeys(references)]

    @cached_property
    def includes(self) -> list[Include] | None:
        """Return the include patterns of all transfers, None if no Dockerfile is known."""
        includes = []
        is_known = False
        for plan in self._plans:
            with suppress(CtxsizeError):
                includes += includes_of(plan)
                is_known = True
        if is_known:
            return includes
        return None

    def travelling(self, paths: AnyPaths, spec: DockerIgnoreSpec) -> list[str]:
        """Return those of `paths` that a build may transfer with the patterns `spec`."""
        sought = [*paths]
        if not sought:
            return sought
        if self.includes is None or None in self.includes:
            return sought
        transfers = [self.snapshot.sent(spec, include=include) for include in self.includes]
        return [path for path in sought if any(path in sent for sent in transfers)]

    def would_travel(self, path: str) -> bool:
        """Return whether a build asks for `path`, there or not."""
        return asks_for(self.includes or [None], path)

    def idle(self, sent: Sent) -> list[MemoryDirectory]:
        """Return, for the build that enters most, the directories that it enters for nothing."""
        includes = self.includes
        if includes is None:
            includes = [None]
        with suppress(CtxsizeError):  # a source may fail the build
            return max(
                ([*self._entered_for_nothing(include, sent)] for include in includes),
                key=len,
                default=[],
            )
        return []

    def _entered_for_nothing(self, include: Include, sent: Sent) -> Iterator[MemoryDirectory]:
        """Yield the directories without `sent` entries that a transfer enters."""
        spec = include_spec(include or ("**",))

        def is_entered(directory: MemoryDirectory) -> bool:
            return spec.enters(directory.path) or not spec.match_file(directory.path)

        for directory in self.snapshot.root.tree(is_entered):
            if directory.path and directory.path not in sent.directories:
                yield directory

    def judgement(self, data: bytes, exceptions: frozenset[str]) -> Judgement:
        """Return what `suggest` says with the lines `data`: what depends on them are exceptions."""
        if exceptions not in self._judgements:
            self._judgements[exceptions] = Judgement(self.snapshot, self._plans, data)
        return self._judgements[exceptions]

    def is_taken(self, paths: Collection[str]) -> bool:
        """Return whether a build takes one of `paths` by name, or no Dockerfile is known."""
        if not paths:
            return False
        if self.needed is None:
            return True
        return self.needed.takes(paths)

    @cached_property
    def _repository(self) -> GitRepository | None:
        return find(self.plan.root).repository

    @cached_property
    def tracked(self) -> frozenset[str] | None:
        """Return the files that git tracks, None without a repository that git can read."""
        repository = self._repository
        with suppress(GitError):
            if repository is not None:
                return repository.tracked
        return None

    def is_ignored_by_git(self, path: str) -> bool:
        with suppress(GitError):
            return self._repository is not None and self._repository.ignores(path)
        return False

    @cached_property
    def names_in_gitignore(self) -> frozenset[str]:
        """Return the names that `.gitignore`, here and above, ignores at every depth."""
        names = set()
        above = PurePath(relpath(self.plan.root, border_of(self.plan.root))).parts
        for number in range(len(above) + 1):
            text = small_text(self.plan.root, "../" * number + ".gitignore")
            for line in text.split("\n"):
                name = line.strip().removeprefix("**/").rstrip("/")
                if "/" not in name and name.strip("*?"):
                    names.add(name)
        return frozenset(names)

    def tracks(self, paths: AnyPaths) -> bool:
        if self.tracked is None:
            return False
        return not self.tracked.isdisjoint(paths)

    @cached_property
    def ignore_file(self) -> str | None:
        """Return the ignore file's path in the context, None if it is no plain file in it."""
        path = own_path(self.plan)
        if path is None:
            return None
        file = self.snapshot.file(path)
        if file is None or not isinstance(file.kept, int):
            return None
        return path

    @cached_property
    def by_name(self) -> dict[str, OrderedPaths]:
        by_name = defaultdict(list)
        for path in sorted(self.everything.paths, key=order):
            by_name[basename(path)].append(path)
        return by_name

    def named(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the entries with these names."""
        return chain.from_iterable(self.by_name[name] for name in names)

    @cached_property
    def by_folded(self) -> dict[str, str]:
        """Return a path for each spelling without case and Unicode form."""
        return {folded(path): path for path in sorted(self.everything.paths, reverse=True)}

    def matched(
        self, pattern: DockerIgnorePattern, *, beside: Iterable[DockerIgnorePattern] = ()
    ) -> OrderedPaths:
        """Return the entries that `pattern` alone matches, in order; `beside` is searched along."""
        known = self._matched
        if pattern.text not in known:
            new = {other.text: other for other in (*beside, pattern) if other.text not in known}
            lists = [list[str]() for _ in new]
            matcher = Matcher(self.plan.builder.spec_class(new.values()))
            for path, indexes in matcher.in_tree(self.snapshot.root):
                for index in indexes:
                    lists[index].append(path)
            for text, paths in zip(new, lists, strict=True):
                known[text] = sorted(paths, key=order)
        return known[pattern.text]

    def below(self, tops: Collection[str], sent: Sent) -> OrderedPaths:
        """Return `tops` and everything below them that is in `sent`, in order."""
        paths = {top for top in tops if top in sent}
        for top in outermost(frozenset(tops)):
            folder = self.snapshot.folder(top)
            if folder is None:
                continue
            for directory in folder.tree():
                paths.update(directory.prefix + name for name in sent.names.get(directory.path, ()))
                if directory.path in sent.directories:
                    paths.add(directory.path)
        return sorted(paths, key=order)

    def marked(self, paths: AnyPaths) -> Texts:
        """Return `paths` in the builder's order, directories with a trailing `/`."""
        marked = []
        for path in sorted(paths, key=order):
            if self.is_directory(path):
                path += "/"
            marked.append(path)
        return tuple(marked)

    def shown(self, paths: AnyPaths) -> Texts:
        """Return the first few of `paths`, without those below another one."""
        return self.marked(outermost(frozenset(paths)))[:_SHOWN]
