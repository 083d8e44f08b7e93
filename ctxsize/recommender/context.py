"""A build context, the Dockerfiles of all builds that use it, and its facts.

An ignore file applies to every build of its context: that of the given Dockerfile, and those of
all others in the tree, except for Dockerfiles with an ignore file of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from itertools import islice
from os.path import isabs, join, normpath, realpath, relpath
from posixpath import basename, dirname

from ctxsize.build import Build
from ctxsize.dockerfile.context_need import ContextNeed
from ctxsize.dockerfile.stages import built_stages
from ctxsize.engine.dockerfiles import is_dockerfile
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ParsedDockerfiles, Plan, ignore_file_to_write, own_path, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import Include, includes_of, needs_of
from ctxsize.engine.trial import Trial, planned
from ctxsize.errors import CtxsizeError, DockerfileError, UndecidedError
from ctxsize.findings import Edit, Location
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import shown
from ctxsize.knowledge.rules import FETCHED, is_build_input, listed
from ctxsize.model import Amount, Problem, Texts
from ctxsize.recommender.build_files import BuildFile, BuildFiles
from ctxsize.recommender.candidates import Proof
from ctxsize.recommender.evidence import Evidence, small_file
from ctxsize.recommender.facts import Facts, is_named
from ctxsize.recommender.outcome import UNREAD_DOCKERFILE, Matches, Neighbour, Size
from ctxsize.recommender.placed import names_of, needed_stages
from ctxsize.recommender.spared import with_judgement
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import PathSet, SumsByPath, Tree, is_at_or_below, sum_of
from ctxsize.repository import (
    ComposeMount,
    FileListing,
    FoundBuild,
    discover,
    others,
    recognisers,
    usual_context,
)
from ctxsize.values import Value
from ctxsize.writer import START

_IGNORE_FILES = (".dockerignore", ".containerignore")
_MOST = 200
_MOST_STAGES = 500
_MOST_MEASURED = 8  # number of other Dockerfiles whose transfers are measured


class BuildContext:
    """Facts of one context for suggestions, modes and fixes, each computed on first use."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        also: Sequence[Build] = (),
        repositories: Repositories | None = None,
        listing: FileListing | None = None,
    ) -> None:
        """Create it; `also` are builds that share the ignore file but appear in no file here.

        `repositories` know what git says of many contexts, `listing` has the files around them
        that may define builds.
        """
        self._repositories = repositories
        self._listing = listing
        self.plan = snapshot.plan
        self.new_file = self.plan.ignore_file is None
        self._real = snapshot
        self._also = also
        self.pattern_class = self.plan.builder.spec_class.pattern_class
        self.own_path = own_path(self.plan)
        self.trial = Trial(planned(self._real))
        self.snapshot = self.trial.snapshot
        self.tree = Tree(self.snapshot)

    @cached_property
    def git(self) -> Tracked:
        return Tracked(self.tree, self._repositories)

    @cached_property
    def build_files(self) -> BuildFiles:
        """Return the Dockerfiles that the ignore file governs. Raises for its own one only."""
        plan = self.plan
        paths = [*islice(self._dockerfiles(), _MOST)]
        # The directory of a Dockerfile may be a context with an ignore file of its own.
        above = {path[: path.rfind("/") + 1] for path in paths}
        beside = (path + ending for path in ("", *above, *paths) for ending in _IGNORE_FILES)
        ignore_files = (path for path in beside if self.tree.entry(path) and self._is_old(path))
        own = (*paths, *ignore_files, plan.dockerfile_in_context)
        build_files = BuildFiles(frozenset(filter(None, own)))
        if plan.dockerfile is not None:
            # An ignore file of a Dockerfile does not apply to named contexts.
            names: Texts = ("",)
            if not plan.dockerfile_specific:
                names = names_of(plan, plan.root)
            try:
                build_files.all.append(self._build_file(plan, plan.dockerfile, names))
            except DockerfileError as error:
                error.path = plan.dockerfile
                raise
        # The ignore file of one Dockerfile applies to no other build.
        if not plan.dockerfile_specific:
            self._read_others(build_files, paths)
        for build in self._also:
            self._read(build_files, build.dockerfile or "Dockerfile", build)
        return build_files

    def _is_old(self, path: str) -> bool:
        """Return whether an ignore file is older than what ctxsize writes below the context."""
        return "/" not in path or not small_file(self.plan.root, path).startswith(START)

    def may_be_needless(self, path: str) -> bool:
        """Return whether it makes sense to ask a person if a build needs `path`.

        Not if a Dockerfile names it, or if git tracks it below a manifest: that is the program.
        """
        if self.build_files.taking(path):
            return False
        tracked = self.git.at_or_below(path)
        if not tracked:
            return True
        names = [basename(name) for name in tracked]
        for directory in ("", *up_to(path)):
            names += self.tree.names(directory)
        return not any(map(is_build_input, names))

    @cached_property
    def _asked(self) -> AskedBuilds:
        # Reports show paths as the user does: relative, unless the given context is absolute.
        top = self.git.top
        if not isabs(self.plan.context):
            top = relpath(top)
        return asked_builds(top, self.plan.parsed_files, self._listing)

    @cached_property
    def _mounted(self) -> dict[str, str]:
        """Return the ground for each directory with data that Compose mounts into a service."""
        grounds = {}
        prefix = join(self.plan.root, "")
        for path, mount in self._asked.data.items():
            if path.startswith(prefix):
                name = path.removeprefix(prefix)
                target = shown(mount.target)
                grounds[name] = f"{mount.where} mounts it at {target}"
        return grounds

    def _read_others(self, build_files: BuildFiles, paths: Iterable[str]) -> None:
        """Read the Dockerfiles at `paths`, and those of builds that ask for this context."""
        plan = self.plan
        asked = self._asked
        for path in paths:
            if path == plan.dockerfile_in_context:
                continue
            if realpath(join(plan.root, path)) in asked.dockerfiles:
                continue
            if others.what_of(dirname(path), self.tree.names, unbuilt=True):
                continue
            build = replace(
                plan.build,
                dockerfile=join(plan.context, path),
                dockerfile_inline=None,
                target="",
            )
            self._read(build_files, path, build, is_asked=False)
        for asking in asked.by_directory.get(plan.root, ()):
            path = asking.build.dockerfile or asking.where.path
            self._read(build_files, path, replace(asking.build, builder=plan.build.builder))

    def _dockerfiles(self) -> Iterator[str]:
        def enters(directory: MemoryDirectory) -> bool:
            # The Dockerfiles of another worktree are built from there.
            path = directory.path
            if directory.name in FETCHED or path in self.git.worktrees:
                return False
            if self.tree.is_vendored(path):
                return False
            return not self.git.ignores(path)

        for directory in self.tree.root.tree(enters):
            for name in directory.entries:
                if is_dockerfile(name):
                    yield directory.prefix + name

    def _read(
        self, build_files: BuildFiles, path: str, build: Build, *, is_asked: bool = True
    ) -> None:
        """Add the Dockerfile at `path`, or the problem with it."""
        data = b""
        try:
            other = plan_of(build, self.plan.builder, parsed_files=self.plan.parsed_files)
            names = names_of(other, self.plan.root)
            if not names:
                return
            data = other.parsed.data
            build_file = self._build_file(other, path, names)
        except CtxsizeError as error:
            lead = "the build fails"
            if isinstance(error, UndecidedError):
                lead = "its sources are unknown"
                build_files.undecided.append((path, data.decode("utf-8", "replace")))
            elif isinstance(error, DockerfileError):
                lead = "the builder rejects this Dockerfile"
            message = f"{lead}: {error.message}"
            build_files.problems.append(Problem(UNREAD_DOCKERFILE, message, path=path))
            return
        home = ""
        if not is_asked:
            home = self._home_of(path, build_file.paths_here)
        if home:
            build_files.elsewhere.append((path, home))
        else:
            build_files.all.append(build_file)

    def _build_file(self, plan: Plan, path: str, names: Texts) -> BuildFile:
        """Return the Dockerfile of a plan, and where a workflow builds what git tracks of it."""
        build_file = _build_file(plan, path, names)
        stages = built_stages(build_file.dockerfile)
        left = needed_stages(stages, plan.build.target.lower())
        for found in self._asked.pristine:
            is_same = found.dockerfile == realpath(plan.dockerfile or "")
            if is_same and realpath(found.build.context) == plan.root:
                left -= needed_stages(stages, found.build.target.lower())
                if not left:
                    return replace(build_file, built_alone_at=str(found.where))
        return build_file

    def _home_of(self, dockerfile: str, named: PathSet) -> str:
        """Return the directory from which an unrequested Dockerfile is built; `""` for the context.

        That is a directory with more of the paths that it names than the context has, or one with
        as many and a manifest, unless Dockerfiles in it are usually built with the one above.
        Otherwise it is the context: a doubt is better than a broken build.
        """

        def count(directory: str) -> int:
            return sum(self.tree.find(directory, path) is not None for path in named)

        for directory in reversed(up_to(dockerfile)[:-1]):
            more = count(directory) - count("")
            if more > 0:
                return directory
            if more < 0 or usual_context(directory) != directory:
                continue
            if any(map(is_build_input, self.tree.names(directory))):
                return directory
        return ""

    @cached_property
    def proof(self) -> Proof:
        return Proof(self.trial, self.facts)

    @cached_property
    def evidence(self) -> Evidence:
        own = self.build_files.own_files
        if self.own_path:
            own |= {self.own_path}
        return Evidence(self.tree, self.git, own, self._mounted)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.tree, self.git, self.build_files, self.sums)

    @cached_property
    def found(self) -> Matches:
        """Return the matches of all rules among the sent entries, with their objections."""
        return self.evidence.found(self.sums, judge=partial(with_judgement, self.facts))

    def takes(self, hidden: PathSet) -> bool:
        """Return True if an instruction takes one of these paths, or something below it, by name.

        A Dockerfile whose sources are unknown may take every path that its text names.
        """
        for named in self.build_files.named:
            if has_wildcards(named.path):
                if any(map(named.is_at_or_below, hidden)):
                    return True
            elif any(path in hidden for path in up_to(named.path)):
                return True
        names = {basename(path) for path in hidden}
        texts = (text for _, text in self.build_files.undecided)
        return any(is_named(name, text) for text in texts for name in names)

    @cached_property
    def sums(self) -> SumsByPath:
        return SumsByPath([self.trial.before], self.snapshot)

    @cached_property
    def _includes(self) -> list[Include]:
        # Without a Dockerfile the transfer is unknown: it may be the whole context.
        if self.plan.dockerfile is None:
            return [None]
        return includes_of(self.plan)

    @cached_property
    def transfer(self) -> SumsByPath:
        if self._includes == [None]:
            return self.sums
        sent = (self.trial.under(self.plan.spec, include) for include in self._includes)
        return SumsByPath(sent, self.snapshot)

    def location_of(self, path: str) -> Location:
        """Return the location of a path of the context, as the user would write it."""
        return Location(normpath(join(self.plan.context, path)))

    @property
    def transfers(self) -> bool:
        """Return True if the transfer is known and not empty; podman transfers nothing."""
        if self.plan.dockerfile is None:
            return False
        return self.plan.builder.meter is not None

    def neighbours(self) -> tuple[Neighbour, ...]:
        """Return the builds of other Dockerfiles that send more, the largest first."""
        if not self.transfers:
            return ()
        found = []
        for build_file in self.build_files.all[1 : 1 + _MOST_MEASURED]:
            plan = build_file.plan
            if plan.dockerfile in (None, self.plan.dockerfile) or "" not in build_file.names:
                continue
            with suppress(CtxsizeError):
                sent = [self.trial.under(self.plan.spec, each) for each in includes_of(plan)]
                name = normpath(plan.dockerfile)
                options = tuple(plan.build.words())
                found.append(Neighbour(name, options, Amount.of(*sent)))
        own_bytes = self.transfer[""].content_bytes
        larger = [each for each in found if each.sends.content_bytes > own_bytes]
        return tuple(sorted(larger, key=lambda each: -each.sends.content_bytes))

    def untaken(self, secrets: Matches) -> Iterator[str]:
        """Yield the paths of secrets that only other builds of the context take."""
        if not self.transfers:
            return
        for match in secrets:
            if not sum_of(self.transfer, (match.path,)).files:
                yield match.path

    @property
    def _ignore_file_data(self) -> bytes | None:
        file = self.plan.ignore_file
        if file is None:
            return None
        return file.data

    def edit(self, data: bytes | None) -> Edit | None:
        """Return the edit that writes `data` into the ignore file; None if nothing changes."""
        before = self._ignore_file_data
        if data is None or data == before:
            return None
        return Edit(ignore_file_to_write(self.plan), before, data)

    @cached_property
    def size(self) -> Size:
        """Return the size with the ignore file on disk, not with a planned one."""
        return self.size_with(self._ignore_file_data or b"")

    def size_with(self, data: bytes) -> Size:
        """Return the size with the ignore file `data`."""
        includes: list[Include] = [None]
        if self.transfers:
            includes += self._includes
        _, context, *moved = self.trial.after(self.trial.attempt(data), includes)
        transfer = None
        if self.transfers:
            transfer = Amount.of(*moved)
        return Size(Amount.of(context), transfer)


class AskedBuilds(Value):
    """The builds that Compose, Bake, workflows and commands define."""

    by_directory: Mapping[str, list[FoundBuild]]  # by the real path of each of their contexts
    dockerfiles: frozenset[str]  # real paths
    pristine: Sequence[FoundBuild]  # of workflows, of what git tracks and nothing else
    data: Mapping[str, ComposeMount]  # what Compose mounts where services keep data, by real paths


@lru_cache(maxsize=8)  # the contexts of a command share the plans
def asked_builds(
    top: str, parsed_files: ParsedDockerfiles, listing: FileListing | None
) -> AskedBuilds:
    """Return the builds of a repository that its files ask for."""
    by_directory = defaultdict[str, list[FoundBuild]](list)
    dockerfiles: set[str] = set()
    pristine: Sequence[FoundBuild] = ()
    data: dict[str, ComposeMount] = {}
    recognisers.file_kinds()  # a broken row of it must not look like a repository without builds
    recognisers.build_commands()
    with suppress(CtxsizeError):
        asked = discover(top, parsed_files=parsed_files, listing=listing, guesses=False)
        pristine = asked.pristine
        for asking in asked.builds:
            build = asking.build
            dockerfiles.add(realpath(build.dockerfile or join(build.context, "Dockerfile")))
            directories = (build.context, *build.build_contexts.values())
            for directory in dict.fromkeys(map(realpath, directories)):
                by_directory[directory].append(asking)
        for mount in asked.mounts:
            target = mount.target.rstrip("/")
            if is_at_or_below(target, listed("data_paths")):
                source = realpath(mount.source)
                data[source] = mount
    return AskedBuilds(by_directory, frozenset(dockerfiles), pristine, data)


def _build_file(plan: Plan, path: str, names: Texts) -> BuildFile:
    needs_of(plan)  # raises `UndecidedError` if another frontend may accept a syntax error
    labels = [stage.name or str(stage.index) for stage in plan.parsed.dockerfile.stages]
    if len(labels) > _MOST_STAGES:
        raise UndecidedError(
            f"more than {_MOST_STAGES} stages: their sources are not evaluated",
            hint="ctxsize measure can read it",
        )
    needs: list[ContextNeed] = []
    for target in dict.fromkeys([plan.build.target, "", *labels]):
        try:
            needs += needs_of(replace(plan, build=replace(plan.build, target=target))).values()
        except DockerfileError:
            if target in ("", plan.build.target):
                raise
    return BuildFile(plan, path, tuple(needs), names)
