"""The plan of a build in a commit, of the few files that a plan reads.

The Dockerfile, the ignore files and the symlinks of the context are laid into a directory of their
own, where they are found as in a checkout. Commits in which all of these are the same share a plan.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from os.path import abspath, dirname, isabs, join, lexists, normpath, realpath, relpath, split
from stat import S_IFLNK
from tempfile import TemporaryDirectory

from ctxsize.build import Build
from ctxsize.engine.build_options import platforms_of
from ctxsize.engine.builders import builder_of
from ctxsize.engine.dockerfiles import MOST_BYTES, STDIN, follow_links, ignore_file_paths
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.narrow import follow
from ctxsize.engine.objects import GitEntry, GitObjects
from ctxsize.engine.plan import Plan, inside, plan_of
from ctxsize.engine.transfer_requests import Include, asked_of
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.values import Value

_USUAL = ("Dockerfile", "dockerfile")  # what BuildKit looks for besides the names of the builder
_LINK_MODE = S_IFLNK | 0o777
_LONGEST_TARGET = 4096  # bytes; no symlink has a longer one

Laid = Mapping[str, GitEntry]  # by paths relative to the top of the work tree


class CommitPlan(Value):
    """The plan of a build in a commit, and what it takes of its context."""

    plan: Plan  # with the paths that the user knows
    includes: tuple[Include, ...]  # of each transfer; None for one of the whole context
    first: int | None = 0  # the transfer for the first platform; None if that takes nothing
    unknown: str | None = None  # why it is not known what the build takes; `""` without a transfer


class CommitPlans:
    """The plans of one build in the commits of its repository. Everything raises `GitError`."""

    def __init__(self, build: Build, repository: GitRepository, objects: GitObjects) -> None:
        """Raises `InputError` for a Dockerfile that cannot be found in commits."""
        self._build = build
        self._builder = builder_of(build.builder)
        self._objects = objects
        self._top = repository.top
        self.inner = relpath(realpath(build.context), repository.top)
        """The context, relative to the top of the work tree."""
        self._dockerfile = self._committed_dockerfile()
        self._read = self._paths_to_read()
        self._plans: dict[object, CommitPlan | CtxsizeError] = {}

    def _committed_dockerfile(self) -> str | None:
        """Return the path of the Dockerfile in commits; None if `-f` names none in there."""
        build = self._build
        named = build.dockerfile
        if named is None or named == STDIN:
            return None
        if self._builder.joins_to_context and not isabs(named):
            within = join(build.context, named)
            if lexists(named) and abspath(named) != abspath(within):
                raise InputError(
                    f"{self._builder.title} looks for the ignore file of a relative -f in the "
                    "context",
                    path=named,
                    hint="name the Dockerfile by an absolute path",
                )
            named = within
        return inside(self._top, named)

    def _paths_to_read(self) -> list[str]:
        """Return the paths at which a Dockerfile or an ignore file counts, relative to the top."""
        builder = self._builder
        dockerfiles = []
        if self._dockerfile is not None:
            directory, name = split(self._dockerfile)
            dockerfiles.append(self._dockerfile)
            if name in _USUAL:
                dockerfiles += (join(directory, usual) for usual in _USUAL)
        elif self._build.dockerfile is None:
            for name in (*builder.dockerfile_names, *_USUAL):
                path = join(self.inner, name)
                dockerfiles.append(normpath(path))
        paths = [*dockerfiles]
        for base in (None, *dockerfiles):
            for path, _ in ignore_file_paths(self.inner, base, builder):
                paths.append(path)
        return [*dict.fromkeys(paths)]

    def prepare(self, trees: list[str]) -> dict[str, str]:
        """Read at once what many commits need; return the contexts by the trees of the commits."""
        for directory in {dirname(path) for path in self._read}:
            self._objects.descend(trees, directory)
        contexts = self._objects.descend(trees, self.inner)
        self._objects.load(contexts.values())
        return contexts

    def of(self, tree: str, context: str) -> CommitPlan:
        """Return the plan in a commit with this tree; `context` is the tree of the context.

        Raises `CtxsizeError` for a plan that cannot be made.
        """
        laid = self._laid(tree, context)
        key = frozenset(laid.items())
        if key not in self._plans:
            self._plans[key] = self._planned(laid)
        plan = self._plans[key]
        if isinstance(plan, CtxsizeError):
            raise plan
        return plan

    def _laid(self, tree: str, context: str) -> Laid:
        """Return what a plan reads of a commit: files, the symlinks on the way, and directories."""
        laid = {}
        prefix = join(self.inner, "").removeprefix("./")
        for path, name in self._objects.links(context):
            link = GitEntry(_LINK_MODE, name)
            laid[prefix + path] = link
        for path in self._read:
            # BuildKit looks for a target in the directory of the file alone.
            directory, name = split(path)
            laid |= self._on_the_way(tree, "", path)
            laid |= self._on_the_way(tree, directory, name)
        return laid

    def _on_the_way(self, tree: str, base: str, path: str) -> dict[str, GitEntry]:
        """Return a file and the symlinks that lead to it, below the directory `base`."""
        laid = {}

        def target_of(link: str) -> str | None:
            place = normpath(join(base, link))
            entry = self._objects.entry(tree, place)
            if entry is None or not entry.is_link:
                return None
            laid[place] = entry
            return self._target(entry)

        end, is_end = follow_links(path, target_of)
        place = normpath(join(base, end))
        entry = self._objects.entry(tree, place)
        if is_end and entry is not None and place != ".":
            laid[place] = entry
        return laid

    def _target(self, link: GitEntry) -> str:
        """Return the target of a symlink, `""` for one that no system can have."""
        size = self._objects.size(link.name)
        if size is None or size > _LONGEST_TARGET:
            return ""
        return os.fsdecode(self._objects.content(link.name))

    def _planned(self, laid: Laid) -> CommitPlan | CtxsizeError:
        with self._directory(laid) as top:
            try:
                return self._plan_in(top)
            except CtxsizeError as error:
                error.message = error.message.replace(f"{top}/", "")
                return error

    @contextmanager
    def _directory(self, laid: Laid) -> Iterator[str]:
        """Yield a directory with some files of a commit, which is removed behind."""
        with TemporaryDirectory(prefix="ctxsize-") as directory:
            top = realpath(directory)
            try:
                os.makedirs(join(top, self.inner), exist_ok=True)
                self._lay(laid, top)
            except OSError as error:
                raise GitError(f"its files cannot be laid out: {error.strerror}") from None
            yield top

    def _lay(self, laid: Laid, top: str) -> None:
        links = []
        for path, entry in laid.items():
            # A name may be too long for this system, as it may be for a checkout.
            with suppress(OSError):
                full = join(top, path)
                os.makedirs(dirname(full), exist_ok=True)
                if entry.is_link:
                    links.append((full, entry))
                elif entry.is_file:
                    self._lay_file(full, entry)
                else:
                    os.makedirs(full, exist_ok=True)
        # Last, when each directory is there: nothing is written through one.
        for full, entry in links:
            target = self._target(entry)
            with suppress(OSError, ValueError):
                os.symlink(target, full)

    def _lay_file(self, path: str, entry: GitEntry) -> None:
        size = self._objects.size(entry.name)
        if size is None:
            raise GitError("its Dockerfile or its ignore file has not been fetched")
        with open(path, "xb") as file:
            if size > MOST_BYTES:
                file.truncate(size)  # it is refused for its size alone
            else:
                file.write(self._objects.content(entry.name))

    def _plan_in(self, top: str) -> CommitPlan:
        """Return the plan in the directory `top`; its Dockerfile is read at once."""
        build = self._build
        context = normpath(join(top, self.inner))
        dockerfile = build.dockerfile
        if self._dockerfile is not None:
            dockerfile = join(top, self._dockerfile)
        laid_build = replace(build, context=context, dockerfile=dockerfile)
        plan = plan_of(laid_build, self._builder)
        commit_plan = _with_what_it_takes(plan)
        return replace(commit_plan, plan=self._as_named(plan, context))

    def _as_named(self, plan: Plan, context: str) -> Plan:
        """Return a plan with paths as they are in the work tree, as the user names them."""
        build = self._build

        laid_dockerfile = plan.build.dockerfile

        def named(path: str) -> str:
            if laid_dockerfile is not None and build.dockerfile is not None:
                suffix = path.removeprefix(laid_dockerfile)
                if suffix != path:
                    return build.dockerfile + suffix
            inner = relpath(path, context)
            return normpath(join(build.context, inner))

        dockerfile = plan.dockerfile
        if dockerfile is not None and dockerfile != STDIN:
            dockerfile = named(dockerfile)
        ignore_file = plan.ignore_file
        if ignore_file is not None:
            ignore_file = IgnoreFile(named(ignore_file.path), ignore_file.lines)
        return replace(
            plan,
            build=build,
            context=build.context,
            root=realpath(build.context),
            dockerfile=dockerfile,
            ignore_file=ignore_file,
        )


def _with_what_it_takes(plan: Plan) -> CommitPlan:
    """Return a plan with what its build takes, on the first of its platforms."""
    builder = plan.builder
    if plan.dockerfile is None:
        return CommitPlan(plan, (), unknown="no Dockerfile")
    if not builder.asks_for_paths:
        unknown = None
        if builder.meter is None:
            unknown = ""
        return CommitPlan(plan, (None,), unknown=unknown)
    if plan.dockerfile_fault is not None:
        return CommitPlan(plan, (), unknown=plan.dockerfile_fault)
    includes = []
    first = None
    try:
        platform = platforms_of(plan.build)[0]
        for index, asked in enumerate(asked_of(plan)):
            includes.append(follow(plan.root, asked.paths))
            if platform in asked.platforms:
                first = index
    except CtxsizeError as error:
        return CommitPlan(plan, (), unknown=reason(error))
    return CommitPlan(plan, tuple(includes), first)


def reason(error: CtxsizeError) -> str:
    """Return why something of a commit is not known, with the line of the file."""
    if error.line is None:
        return error.message
    return f"line {error.line}: {error.message}"
