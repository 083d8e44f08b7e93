"""A build context, the Dockerfiles of all builds that use it, and its facts.

An ignore file applies to every build of its context: that of the given Dockerfile, and those of
all others in the tree, except for Dockerfiles with an ignore file of their own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from itertools import islice
from typing import NamedTuple

from ctxsize.build import Build
from ctxsize.discovery import FoundBuild, discover
from ctxsize.dockerfile.taken import ContextNeed
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.git import Repositories
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.need import Include, includes_of, named_contexts, needs_of
from ctxsize.engine.request import Plans, Request, own_path, request_of
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.source import MemoryDirectory
from ctxsize.engine.trial import Attempt, Trial, planned
from ctxsize.errors import CtxsizeError, DockerfileError, UndecidedError
from ctxsize.model import Amount, Problem
from ctxsize.recommender.build_files import BuildFile, BuildFiles, with_bases
from ctxsize.recommender.candidates import Proof
from ctxsize.recommender.evidence import Evidence, Tracked
from ctxsize.recommender.facts import Facts, is_named
from ctxsize.recommender.outcome import Match, Size
from ctxsize.recommender.rules import FETCHED, all_rules, is_build_input
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import SumsByPath, Tree

_IGNORE_FILES = (".dockerignore", ".containerignore")
_MOST, _MOST_STAGES = 200, 500


class BuildContext:
    """Facts of one context for suggestions, modes and fixes, each computed on first use."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        also: Sequence[Build] = (),
        repositories: Repositories | None = None,
    ) -> None:
        """Create it; `also` are builds that share the ignore file but appear in no file here.

        `repositories` know what git says of many contexts.
        """
        self._repositories = repositories
        self.request, self.assumed = with_bases(snapshot.request)
        self.new_file = self.request.ignore_file is None
        self._real = snapshot.asked(self.request)
        self._also = also
        self.pattern_class = self.request.builder.spec_class.pattern_class
        self.own_path = own_path(self.request)
        self.trial = Trial(planned(self._real))
        self.snapshot = self.trial.snapshot
        self.tree = Tree(self.snapshot)

    @cached_property
    def git(self) -> Tracked:
        return Tracked(self.tree, self._repositories)

    @cached_property
    def build_files(self) -> BuildFiles:
        """Return the Dockerfiles that the ignore file governs. Raises for its own one only."""
        request, files = self.request, [*islice(self._dockerfiles(), _MOST)]
        beside = (path + ending for path in ("", *files) for ending in _IGNORE_FILES)
        own = (*files, *filter(self.tree.entry, beside), request.dockerfile_in_context)
        found = BuildFiles(frozenset(filter(None, own)))
        if request.dockerfile is not None:
            # An ignore file of a Dockerfile does not apply to named contexts.
            names = ("",) if request.dockerfile_specific else names_of(request, request.root)
            try:
                found.all.append(_build_file(request, request.dockerfile, names))
            except DockerfileError as error:
                error.path = request.dockerfile
                raise
        # The ignore file of one Dockerfile applies to no other build.
        if not request.dockerfile_specific:
            # Reports show paths as the user does: relative, unless the given context is absolute.
            top = self.git.top if os.path.isabs(request.context) else os.path.relpath(self.git.top)
            asked = asked_builds(top, request.plans)
            for path, build in self._unasked(asked.dockerfiles, files):
                self._read(found, path, build, is_asked=False)
            for each in asked.by_directory.get(request.root, ()):
                path = each.build.dockerfile or each.where.path
                self._read(found, path, replace(each.build, builder=request.build.builder))
        for further in self._also:
            self._read(found, further.dockerfile or "Dockerfile", further)
        return found

    def _dockerfiles(self) -> Iterator[str]:
        def enters(directory: MemoryDirectory) -> bool:
            # The Dockerfiles of another worktree are built from there.
            is_other = directory.name in FETCHED or directory.path in self.git.worktrees
            return not (is_other or self.git.ignores(directory.path))

        for held in self.tree.root.tree(enters):
            yield from (held.prefix + name for name in held.entries if is_dockerfile(name))

    def _unasked(self, used: Collection[str], files: Iterable[str]) -> Iterator[tuple[str, Build]]:
        """Yield builds of the Dockerfiles at `files` but the `used`, with this context."""
        request = self.request
        for path in files:
            full = os.path.realpath(os.path.join(request.root, path))
            if path != request.dockerfile_in_context and full not in used:
                here = os.path.join(request.context, path)
                one = replace(request.build, dockerfile=here, dockerfile_inline=None, target="")
                yield path, one

    def _read(self, found: BuildFiles, path: str, build: Build, *, is_asked: bool = True) -> None:
        """Add the Dockerfile at `path` to `found`, or the problem with it."""
        data = b""
        try:
            other = request_of(build, self.request.builder, plans=self.request.plans)
            if not (names := names_of(other, self.request.root)):
                return
            data = other.plan.data
            build_file = _build_file(other, path, names)
        except CtxsizeError as error:
            lead = "the builder rejects this Dockerfile"
            if isinstance(error, UndecidedError):
                lead = "its sources are unknown"
                found.undecided.append((path, data.decode("utf-8", "replace")))
            message = f"{lead}: {error.message}"
            found.problems.append(Problem("unread-dockerfile", message, path=path))
            return
        if not is_asked and (home := self._home_of(path, build_file.paths_here)):
            found.elsewhere.append((path, home))
        else:
            found.all.append(build_file)

    def _home_of(self, dockerfile: str, named: Collection[str]) -> str:
        """Return the directory from which an unrequested Dockerfile is built; `""` for the context.

        That is a directory with more of the paths that it names than the context has, or one with
        as many and a manifest. Otherwise it is the context: a doubt is better than a broken build.
        """

        def count(directory: str) -> int:
            return sum(self.tree.find(directory, each) is not None for each in named)

        for directory in reversed(up_to(dockerfile)[:-1]):
            more = count(directory) - count("")
            is_project = any(map(is_build_input, self.tree.names(directory)))
            if more > 0 or (more == 0 and is_project):
                return directory
        return ""

    @cached_property
    def proof(self) -> Proof:
        return Proof(self.trial, self.facts)

    @cached_property
    def evidence(self) -> Evidence:
        own = {self.own_path} if self.own_path else set()
        return Evidence(self.tree, self.git, self.build_files.own_files | own)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.evidence, self.build_files, self.sums)

    @cached_property
    def found(self) -> list[Match]:
        """Return the matches of all rules among the sent entries, with their objections."""
        judge = partial(objections, self.facts)
        return self.evidence.found(all_rules().values(), self.sums, judge)

    def takes(self, hidden: Collection[str]) -> bool:
        """Return True if an instruction takes one of these paths, or something below it, by name.

        A Dockerfile whose sources are unknown may take every path that its text names.
        """
        for named in self.build_files.named:
            wild, above = any(map(has_wildcards, named.parts)), up_to(named.path)
            if any(map(named.is_at_or_below, hidden) if wild else (e in hidden for e in above)):
                return True
        texts = [text for _, text in self.build_files.undecided]
        return any(is_named(each.rpartition("/")[2], text) for text in texts for each in hidden)

    def asks_git(self, sent: Sent) -> str | None:
        """Return why a build reads its version from git, as a clause; None if no build does."""
        sums = SumsByPath([sent], self.snapshot)
        return Facts(self.evidence, self.build_files, sums).version_from_git

    @cached_property
    def sums(self) -> SumsByPath:
        return SumsByPath([self.trial.before], self.snapshot)

    @cached_property
    def _includes(self) -> list[Include]:
        # Without a Dockerfile the transfer is unknown: it may be the whole context.
        return [None] if self.request.dockerfile is None else includes_of(self.request)

    @cached_property
    def transfer(self) -> SumsByPath:
        sent = (self.trial.under(self.request.spec, each) for each in self._includes)
        return self.sums if self._includes == [None] else SumsByPath(sent, self.snapshot)

    @property
    def transfers(self) -> bool:
        """Return True if the transfer is known and not empty; podman transfers nothing."""
        known = self.request.dockerfile is not None and not self.assumed
        return known and self.request.builder.meter is not None

    @cached_property
    def size(self) -> Size:
        """Return the size with the ignore file on disk, not with a planned one."""
        file = self.request.ignore_file
        return self.size_after(self.trial.attempt(b"" if file is None else file.data))

    def size_after(self, attempt: Attempt) -> Size:
        """Return the size with the ignore file of `attempt`."""
        includes = self._includes if self.transfers else []
        _, context, *moved = self.trial.after(attempt, [None, *includes])
        return Size(Amount.of(context), Amount.of(*moved) if self.transfers else None)


class AskedBuilds(NamedTuple):
    """The builds that Compose, Bake, workflows and commands define."""

    by_directory: Mapping[str, list[FoundBuild]]  # by the real path of each of their contexts
    dockerfiles: frozenset[str]  # real paths


@lru_cache(maxsize=8)  # the contexts of a command share the plans
def asked_builds(top: str, plans: Plans) -> AskedBuilds:
    """Return the builds of a repository that its files ask for."""
    by_directory: dict[str, list[FoundBuild]] = {}
    dockerfiles: set[str] = set()
    with suppress(CtxsizeError):
        for found in discover(top, plans=plans).builds:
            if found.guessed:
                continue
            build = found.build
            written = build.dockerfile or os.path.join(build.context, "Dockerfile")
            dockerfiles.add(os.path.realpath(written))
            directories = (build.context, *build.build_contexts.values())
            for directory in dict.fromkeys(map(os.path.realpath, directories)):
                by_directory.setdefault(directory, []).append(found)
    return AskedBuilds(by_directory, frozenset(dockerfiles))


def names_of(request: Request, root: str) -> tuple[str, ...]:
    """Return the names of the contexts of a request that are `root` and use its ignore file."""
    again = (each for each in named_contexts(request.build) if each.local)
    names = [each.name for each in again if os.path.realpath(each.value) == root]
    own = [""] if request.root == root and not request.dockerfile_specific else []
    return (*own, *names)


def _build_file(request: Request, path: str, names: tuple[str, ...]) -> BuildFile:
    request, _ = with_bases(request)
    needs_of(request)  # raises `UndecidedError` if another frontend may accept a syntax error
    labels = [stage.name or str(stage.index) for stage in request.plan.dockerfile.stages]
    if len(labels) > _MOST_STAGES:
        message = f"more than {_MOST_STAGES} stages: their sources are not evaluated"
        raise UndecidedError(message, hint="ctxsize measure can read it")
    needs: list[ContextNeed] = []
    for target in dict.fromkeys([request.build.target, "", *labels]):
        asked = replace(request, build=replace(request.build, target=target))
        try:
            needs += needs_of(asked).values()
        except DockerfileError:
            if target in ("", request.build.target):
                raise
    return BuildFile(request, path, tuple(needs), names)
