"""The ignore files below given paths, with their builds and contexts, as cases to lint."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import cache, partial
from os.path import (
    dirname,
    isdir,
    isfile,
    islink,
    join,
    lexists,
    normpath,
    realpath,
    relpath,
    split,
)

from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.dockerfiles import (
    ENDINGS,
    dockerfile_of,
    is_dockerfile,
    is_ignore_file,
    read_ignore_file,
)
from ctxsize.engine.events import Progress
from ctxsize.engine.fates import lacking
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import ParsedDockerfiles, Plan, ignore_file_to_write, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import needs_of
from ctxsize.errors import CtxsizeError, DockerfileError, InputError, UndecidedError
from ctxsize.lints.case import MOST_COMPARED, MOST_WORK, Case
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.model import Problem
from ctxsize.planning import configured_builds, with_configured
from ctxsize.reader import border_of, holds, top_of
from ctxsize.repository import FoundBuild, discover, merged
from ctxsize.repository.readers import IgnoreFileReaders
from ctxsize.values import Mutable

STDIN = "<stdin>"


class Cases(Mutable):
    """A maker of cases that reads each context once, even if several files govern it.

    The options of `build` apply to all builds, but not its context and Dockerfile.
    """

    build: Build
    builder: Builder
    config: Config = field(default_factory=Config)
    progress: Progress | None = None
    parsed_files: ParsedDockerfiles = field(default_factory=ParsedDockerfiles)
    problems: list[Problem] = field(default_factory=list)
    _snapshots: dict[str, Snapshot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layout = cache(partial(Layout, config=self.config, parsed_files=self.parsed_files))

    def case(self, target: Target, data: bytes | None = None) -> Case:
        """Return the case of `target`, with `data` as its content. Raises `InputError`."""
        path = target.path
        if target.unread is not None:
            return self._unread_case(target, data)
        if islink(path):
            target = target._replace(link=os.readlink(path))
        if data is None:
            file = read_ignore_file(path)
        else:
            file = IgnoreFile.parse(path, data)
        builder = self._reader_of(path)
        case = Case(
            file=file,
            builder=builder,
            target=target,
            plans=tuple(self.plans(target.builds, builder)),
        )
        if case.is_long:
            return case
        return replace(case, tree=self._tree(case))

    def without_file(self, plans: Iterable[Plan]) -> Iterator[Case]:
        """Yield a case for each context of `plans`, as if their ignore file were empty."""
        builds = defaultdict(list)
        for plan in plans:
            builds[ignore_file_to_write(plan), plan.context].append(plan.build)
        for (path, context), of_file in builds.items():
            yield self.case(Target(path, context, tuple(of_file)), b"")

    def _unread_case(self, target: Target, data: bytes | None) -> Case:
        """Return the case of a file that no build reads, and of the same once it is renamed."""
        path = target.path
        if data is None:
            data = b""
            if isfile(path) and not islink(path):
                data = read_ignore_file(path).data
        renamed = None
        if target.renamed is not None:
            renamed = self.case(target.renamed, data)
        return Case(
            file=IgnoreFile.parse(path, data),
            builder=self._reader_of(path),
            target=target,
            renamed=renamed,
        )

    def _reader_of(self, path: str) -> Builder:
        """Return the builder to lint for: the one asked for, if it reads a file of this name."""
        suffix = "." + path.rpartition(".")[2]
        for reader in (self.builder, *BUILDERS.values()):
            if suffix in reader.ignore_file_names:
                return reader
        return self.builder

    def plans(self, builds: Iterable[Build], builder: Builder) -> Iterator[Plan]:
        """Yield those of `builds` that have a Dockerfile, with the options for all."""
        options = self.build
        for build in builds:
            plan = self._plan(
                replace(
                    build,
                    target=options.target or build.target,
                    build_arguments={**build.build_arguments, **options.build_arguments},
                    build_contexts={**build.build_contexts, **options.build_contexts},
                    platforms=options.platforms or build.platforms,
                    builder=builder.name,
                )
            )
            if plan is None:
                continue
            if plan.dockerfile is not None:
                yield plan

    def _plan(self, build: Build, *, alone: bool = False) -> Plan | None:
        """Return the plan of a build, `alone` without a Dockerfile; None if it fails."""
        try:
            return self.plan_of(build, BUILDERS[build.builder], alone=alone)
        except CtxsizeError as error:
            self._note(error)
            return None

    def plan_of(self, build: Build, builder: Builder | None = None, *, alone: bool = False) -> Plan:
        """Return the plan of a build, by default for the builder asked for. Raises `InputError`."""
        return plan_of(
            build,
            builder or self.builder,
            alone=alone,
            patterns=False,
            parsed_files=self.parsed_files,
        )

    def _tree(self, case: Case) -> LintTree | None:
        context = case.target.context
        if context is None:
            return None
        plan = next(iter(case.plans), None) or self._plan(
            replace(self.build, context=context, dockerfile=None, builder=case.builder.name),
            alone=True,
        )
        if plan is None:
            return None
        plan = replace(plan, ignore_file=case.file)
        snapshots = self._snapshots
        try:
            if plan.root not in snapshots:
                snapshots[plan.root] = Snapshot.take(plan, progress=self.progress, tolerant=True)
        except CtxsizeError as error:
            self._note(error)
            return None
        return LintTree(snapshots[plan.root].asked(plan), case.plans)

    def note_limits(self, case: Case) -> None:
        """Add problems with what is not known: commands, arguments, and the end of a long file."""
        for plan in case.plans:
            self.problems += lacking(plan)
        if case.tree is not None:
            for plan in case.plans:
                with suppress(CtxsizeError):  # which `LintTree` reports as far as it matters
                    self.problems += unknown_commands(plan.parsed.dockerfile.instructions)
        if case.is_long or case.work[0] > MOST_WORK:
            self.problems.append(
                Problem(
                    "too-many-patterns",
                    "the file is too long for some checks, which end after "
                    f"{MOST_COMPARED:,} patterns or {MOST_WORK:,} evaluated lines",
                    path=case.file.path,
                )
            )

    def _note(self, error: CtxsizeError) -> None:
        self.problems.append(
            Problem("tree-unknown", error.message, path=error.path, line=error.line)
        )


def targets_of(paths: Sequence[str], build: Build | None, cases: Cases) -> list[Target]:
    """Return the ignore files of `paths`, each once: files, or all those below a directory.

    Without `paths` it is the file that governs `build`, if the user named a build.
    Raises `InputError` for a missing path, and if `build` has neither a Dockerfile nor such a file.
    """
    if build is not None and not paths:
        plan = cases.plan_of(build)
        if plan.ignore_file is None and plan.dockerfile is not None:
            return []  # it is judged as if the file were empty
        if plan.ignore_file is None:
            raise InputError(
                "no ignore file governs this build",
                path=build.context,
                hint="`ctxsize suggest` proposes one",
            )
        fallback = None
        if plan.dockerfile_specific:
            fallback = _general_in(build.context)
        return [
            Target(
                path=plan.ignore_file.path,
                context=build.context,
                builds=(build,),
                fallback=fallback,
            )
        ]
    targets = {
        normpath(target.path): target
        for path in paths or (".",)
        for target in _targets_at(path, build, cases)
    }
    return [*targets.values()]


def _targets_at(path: str, build: Build | None, cases: Cases) -> list[Target]:
    """Return the ignore file at `path`, or those below it."""
    has_name = is_ignore_file(path)
    if isdir(path) and not has_name:
        return cases.layout(path).targets()
    if not lexists(path):
        raise InputError("does not exist", path=path, hint="name an ignore file or a directory")
    if not has_name and is_dockerfile(path):
        raise InputError(
            "is a Dockerfile, no ignore file",
            path=path,
            hint=f"-f {path} lints the ignore file of its build",
        )
    if build is not None:
        return [Target(path, build.context, (build,))]
    if has_name:
        return [cases.layout(_root_of(path)).target(path)]
    return [Target(path)]


def check_dockerfile(build: Build, cases: Cases) -> None:
    """Raise `DockerfileError` if the builder rejects the Dockerfile of `build`."""
    try:
        plan = cases.plan_of(build)
    except InputError:
        return  # other builds may be all that is here
    if plan.dockerfile is None or plan.dockerfile_fault is not None:
        return
    try:
        needs_of(plan)
    except UndecidedError:
        return
    except DockerfileError as error:
        error.path = plan.dockerfile
        raise


def _root_of(path: str) -> str:
    """Return the directory to search for builds: the repository around `path`, or its own.

    It is never above the working directory: that could be a whole home directory.
    """
    directory = dirname(path) or "."
    here = realpath(".")
    repository = top_of(directory)
    if repository is None or not holds(here, directory):
        return directory
    if repository.startswith(f"{here}/"):
        return relpath(repository)
    return "."


class Layout:
    """The ignore files below a directory, and the builds that its files and `config` define."""

    def __init__(self, root: str, config: Config, parsed_files: ParsedDockerfiles) -> None:
        """Search `root`; raise `InputError` if it is no directory."""
        configured = configured_builds(config, root)
        found = discover(root, environment=os.environ, parsed_files=parsed_files)
        self._discovery = with_configured(found, configured)
        self._real = cache(_real)  # many ignore files are compared with the same builds
        ours = merged([*self._discovery.builds, *configured])
        self._builds = merged([*ours, *self._discovery.left_out])
        self._readers = IgnoreFileReaders(
            [*self._builds, *self._discovery.outside], border_of(root), parsed_files
        )
        self.builds = [discovered.build for discovered in ours]

    def targets(self) -> list[Target]:
        """Return every ignore file with its builds, and any other entry at its usual path."""
        paths = set(self._discovery.ignore_files)
        for context in (self._discovery.root, *(build.context for build in self.builds)):
            path = normpath(join(context, ENDINGS[0]))
            if isdir(path) or islink(path):
                paths.add(path)
        targets = [self.target(path) for path in sorted(paths)]
        # Of several files that should have one name, none is renamed.
        wanted = Counter(target.renamed.path for target in targets if target.renamed)
        for index, target in enumerate(targets):
            if target.renamed and wanted[target.renamed.path] > 1:
                targets[index] = target._replace(renamed=None)
        return targets

    def target(self, path: str) -> Target:
        """Return the ignore file at `path` with its builds, or why there are none."""
        unread = self._readers.why_unread(path)
        if unread is None:
            return self._read(path)
        renamed = None
        if unread.new_path is not None:
            renamed = self._read(unread.new_path)
        return Target(path, unread=unread, renamed=renamed)

    def _read(self, path: str) -> Target:
        """Return an ignore file that builds read, or would read if it existed."""
        directory, name = split(path)
        if name in ENDINGS:
            return self._general(path, directory or ".")
        return self._specific(path)

    def _general(self, path: str, directory: str) -> Target:
        real = self._real(directory)
        here = [
            discovered.build
            for discovered in self._builds
            if self._real(discovered.build.context) == real and _reads_general(discovered)
        ]
        return Target(path=path, context=directory, builds=tuple(here))

    def _specific(self, path: str) -> Target:
        real = self._real(dockerfile_of(path))
        builds = [build for build in self.builds if self._real(build.dockerfile) == real]
        if not builds:
            return Target(path)
        context = builds[0].context
        return Target(
            path=path,
            context=context,
            builds=tuple(build for build in builds if build.context == context),
            fallback=_general_in(context),
        )


def _reads_general(build: FoundBuild) -> bool:
    """Return whether a build reads the general ignore file: its Dockerfile has no other one."""
    if build.inline is not None:
        return False
    if not build.dockerfile:
        return True
    return not isfile(build.dockerfile + ENDINGS[0])


def _general_in(context: str) -> str | None:
    """Return the general ignore file of `context`, which a Dockerfile-specific one replaces."""
    path = normpath(join(context, ENDINGS[0]))
    if isfile(path) and not _leaves(path, context):
        return path
    return None


def _leaves(path: str, directory: str) -> bool:
    """Return whether the ignore file is a symlink that leads out of its directory."""
    if not islink(path):
        return False
    return not holds(_real(directory), path)


def _real(path: str | None) -> str:
    return realpath(path or "")
