"""The builds that a change touches, by the files that their instructions take.

The old state needs no plan of its own. Where its Dockerfile, ignore file or definition was another
one, that is the reason; where these are the same, an instruction took then what it takes now, but
for symlinks, and a symlink that differs is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from itertools import product
from os.path import abspath, basename, dirname, isabs, join, lexists, normpath, realpath, relpath
from typing import ClassVar, Literal, NamedTuple

from ctxsize.build import Build, is_named_reference
from ctxsize.dockerfile.sources import Source
from ctxsize.engine.builders import builder_of
from ctxsize.engine.dockerfiles import (
    STDIN,
    follow_links,
    ignore_file_base,
    ignore_file_paths,
    leads_out,
    link_at,
)
from ctxsize.engine.evaluate import DirectoryStates, up_to
from ctxsize.engine.explanation import selects
from ctxsize.engine.git import GitError, GitRepository
from ctxsize.engine.narrow import ends, may_send, narrowed
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.engine.transfer_requests import sent_contexts, sources_of, taken_by
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.findings import FrozenFindings
from ctxsize.go.wildcards import match
from ctxsize.hidden import made_of
from ctxsize.history.changes import Changed, Span, uncommitted
from ctxsize.history.earlier import laid_out
from ctxsize.model import Problems
from ctxsize.repository import Discovery, FoundBuild, is_wanted
from ctxsize.values import Value
from ctxsize.version import __version__

_ENV = ".env"
"""A part of the names of files whose values Compose takes."""


class Because(NamedTuple):
    """A reason why a build is affected."""

    path: str  # what differs, relative to ROOT
    instruction: str  # what takes it, or what it is for the build
    line: int | None = None  # of the Dockerfile; None if no instruction takes it


class BuildChange(Value):
    """A build of the repository, and why the change touches it."""

    found: FoundBuild  # with paths relative to ROOT
    dockerfile: str | None  # relative to ROOT; None without one, and if another file contains it
    because: tuple[Because, ...] = ()  # in order of their paths; none if it is left alone

    @property
    def context(self) -> str:
        """Return the path of its context, relative to ROOT."""
        return self.found.build.context

    @property
    def target(self) -> str:
        """Return the stage that it builds, `""` for the last one."""
        return self.found.build.target

    @property
    def affected(self) -> bool:
        """Return whether the change touches it, or may do so."""
        return bool(self.because)

    @property
    def name(self) -> str:
        """Return its context, with the options that distinguish it from others there."""
        return self.found.name


class Affected(Value):
    """The answer of `ctxsize affected`."""

    kind: ClassVar[Literal["affected"]] = "affected"

    root: str
    old: str | None  # the name of the commit before the change; None if it is not known
    new: str | None  # the one after it; None for the work tree
    changed: int  # number of paths that differ
    builds: tuple[BuildChange, ...]
    problems: Problems = ()
    ctxsize_version: str = __version__

    @property
    def findings(self) -> FrozenFindings:
        """Return nothing: an affected build is no finding."""
        return ()

    @property
    def touched(self) -> list[BuildChange]:
        """Return the builds that the change touches."""
        return [build for build in self.builds if build.affected]


def affected(root: str, change: Span, find: Callable[[str], Discovery]) -> Affected:
    """Return which builds below `root` a change touches, and why.

    `find` returns the builds below a directory. They are those of the state after the change.
    Raises `InputError`.
    """
    repository = change.repository
    here = realpath(root)
    top = here
    if repository is not None:
        top = repository.top
    inner = relpath(here, top)
    with ExitStack() as stack:
        here_top = top
        new = change.new
        if repository is not None and new is not None and not _is_here(repository, new):
            here_top = stack.enter_context(laid_out(repository, new))
            here = normpath(join(here_top, inner))
        discovery = find(here)
        earlier: Discovery | None = None
        if repository is not None and change.old:
            if any(map(_may_define, change.changed.paths)):
                before = stack.enter_context(laid_out(repository, change.old))
                with suppress(InputError):
                    where = normpath(join(before, inner))
                    earlier = find(where)
        builds = _Builds(here, here_top, change.changed, discovery, earlier)
        return Affected(
            root=root,
            old=change.old,
            new=change.new,
            changed=len(change.changed.paths),
            builds=tuple(builds.all()),
            problems=_relative_problems(discovery.problems, here),
        )


def _relative_problems(problems: Problems, root: str) -> Problems:
    """Return problems with paths relative to `root`."""
    relative = []
    for problem in problems:
        path = problem.path
        if path is not None:
            problem = replace(problem, path=made_of(relpath, realpath(path), root))
        relative.append(problem)
    return tuple(relative)


def _may_define(path: str) -> bool:
    """Return whether a file may decide how something is built, besides Dockerfiles."""
    if is_wanted(path):
        return True
    return _ENV in basename(path)


def _is_here(repository: GitRepository, commit: str) -> bool:
    """Return whether the work tree has the files of a commit, as far as git knows."""
    with suppress(GitError):
        return not uncommitted(repository.top, commit).paths
    return False


class _Builds:
    """The builds of a repository, as a change touches them."""

    def __init__(
        self,
        root: str,
        top: str,
        changed: Changed,
        discovery: Discovery,
        earlier: Discovery | None,
    ) -> None:
        self._root = root
        self._top = top
        self._changed = changed
        self._found = discovery.builds
        self._parsed_files = discovery.parsed_files
        self._earlier: set[object] | None = None
        if earlier is not None:
            self._earlier = {_definition(found, earlier.root) for found in earlier.builds}

    def all(self) -> Iterator[BuildChange]:
        """Yield them in order, each with its reasons."""
        reasons = [[*self._reasons(found)] for found in self._found]
        # A build may stand on another one that stands on a third.
        for _ in self._found:
            if not self._add_inherited(reasons):
                break
        for found, because in zip(self._found, reasons, strict=True):
            dockerfile = found.shown_dockerfile
            if dockerfile is not None:
                dockerfile = made_of(self._below_root, dockerfile)
            relative = found.relative_to(self._root)
            yield BuildChange(relative, dockerfile, tuple(dict.fromkeys(because)))

    def _add_inherited(self, reasons: list[list[Because]]) -> bool:
        """Add the reasons of builds that others stand on; return whether there are new ones."""
        names = {}
        for found, because in zip(self._found, reasons, strict=True):
            for place in found.places:
                if because and place.name:
                    names[place.how, place.name] = because
        is_new = False
        for found, because in zip(self._found, reasons, strict=True):
            if because:
                continue
            for place, value in product(found.places, found.build.build_contexts.values()):
                scheme, _, name = value.partition(":")
                below = names.get((place.how, name))
                if below and scheme == "target":
                    because.append(Because(below[0].path, f"stands on {name}"))
                    is_new = True
        return is_new

    def _below_root(self, path: str) -> str:
        return relpath(path, self._root)

    def _reasons(self, found: FoundBuild) -> Iterator[Because]:
        """Yield why a build is affected by itself."""
        yield from self._definitions(found)
        try:
            plan = plan_of(
                found.build, builder_of(found.build.builder), parsed_files=self._parsed_files
            )
        except CtxsizeError as error:
            why = _not_known(error, self._top)
            reasons = _of_unplanned(self._top, self._changed, found.build, why)
        else:
            reasons = _TakenOfChange(self._top, self._changed, plan).reasons()
        for path, instruction, line in reasons:
            yield Because(relpath(join(self._top, path), self._root), instruction, line)

    def _definitions(self, found: FoundBuild) -> Iterator[Because]:
        """Yield the files that define a build, if they define it otherwise than before."""
        places = [place for place in found.places if place.how != "dockerfile"]
        if not places:
            return
        if self._earlier is not None and _definition(found, self._root) in self._earlier:
            return
        for place in places:
            changed = self._changed_for(relpath(place.where.path, self._top))
            path = join(self._top, changed or place.where.path)
            if self._earlier is not None or changed is not None:
                yield Because(self._below_root(path), f"defines it ({place.how})")

    def _changed_for(self, path: str) -> str | None:
        """Return what differs of a file of definitions: itself, or a file of values beside it."""
        if path in self._changed.paths:
            return path
        for other, _ in self._changed.within(dirname(path) or "."):
            if dirname(other) == dirname(path) and _ENV in basename(other):
                return other
        return None


def _definition(found: FoundBuild, root: str) -> object:
    """Return what is the same for two builds that are one, wherever their repository is."""
    return found.relative_to(root).build.values


_Reason = tuple[str, str, int | None]  # a path below the top, what takes it, and the line


def _not_known(error: CtxsizeError, root: str) -> str:
    """Return the words for an error, without the directory where a commit is laid out."""
    return f"not known: {error.message}".replace(f"{root}/", "")


def _of_unplanned(top: str, changed: Changed, build: Build, why: str) -> Iterator[_Reason]:
    """Yield what differs of all that a build may read that has no plan."""
    builder = builder_of(build.builder)
    dockerfile = build.dockerfile
    files = [path for path, _ in ignore_file_paths(build.context, dockerfile, builder)]
    if dockerfile not in (None, STDIN):
        files.append(str(dockerfile))
    for file in files:
        for path in _leading(top, changed, file):
            yield path, why, None
    for directory in (build.context, *_named_paths(build)):
        yield from _of_directory(top, changed, directory, why)


def _of_directory(top: str, changed: Changed, directory: str, why: str) -> Iterator[_Reason]:
    """Yield what leads elsewhere to a directory, and the first path that differs in it."""
    for path in _leading(top, changed, directory):
        yield path, why, None
    for path, _ in changed.within(relpath(realpath(directory), top)):
        yield path, why, None
        return


def _named_paths(build: Build) -> list[str]:
    """Return the directories that a build names as contexts, whether they are there or not."""
    return [path for path in build.build_contexts.values() if not is_named_reference(path)]


def _leading(top: str, changed: Changed, path: str) -> Iterator[str]:
    """Yield a path if it differs, and each symlink on the way to it that does."""
    way = []

    def target_of(here: str) -> str | None:
        way.append(here)
        target = link_at(top, here)
        if target is not None and isabs(target):
            return ""  # no commit has what is there
        return target

    inner = relpath(abspath(path), top)
    if leads_out(inner):
        return
    end, _ = follow_links(inner, target_of)
    for here in way:
        if here in changed.deep or (here == end and here in changed.paths):
            yield here


class _TakenOfChange:
    """The paths that differ, relative to the work tree's top, as a plan takes them."""

    def __init__(self, top: str, changed: Changed, plan: Plan) -> None:
        self._top = top
        self._changed = changed
        self._plan = plan

    def reasons(self) -> Iterator[_Reason]:
        """Yield each path that a plan reads or takes, with what does so."""
        yield from self._files()
        sources_by_context = []
        try:
            for plan in sent_contexts(self._plan):
                sources_by_context.append((plan, sources_of(plan)))
        except CtxsizeError as error:
            yield from self._unknown(_not_known(error, self._top))
            return
        for plan, sources in sources_by_context:
            yield from self._of_context(plan, sources)

    def _files(self) -> Iterator[_Reason]:
        """Yield the Dockerfile and the ignore file if they differ."""
        plan = self._plan
        if plan.dockerfile != STDIN:
            yield from self._dockerfiles()
        base = ignore_file_base(plan.context, plan.build.dockerfile, plan.dockerfile, plan.builder)
        yield from self._ignore_files(plan, base)

    def _dockerfiles(self) -> Iterator[_Reason]:
        """Yield the Dockerfile, and places of others that would be read in its place."""
        plan = self._plan
        paths = [plan.build.dockerfile]
        if plan.build.dockerfile is None:
            paths = [join(plan.context, name) for name in plan.builder.dockerfile_names]
        for path in dict.fromkeys((*paths, plan.dockerfile)):
            if path is not None:
                yield from self._read(path, "Dockerfile")
            if path == plan.dockerfile:
                return

    def _ignore_files(self, plan: Plan, base: str | None) -> Iterator[_Reason]:
        """Yield the ignore file, and places of others that would govern in its place."""
        for path, _ in ignore_file_paths(plan.context, base, plan.builder):
            yield from self._read(path, "ignore file")
            if path == plan.ignore_path:
                return

    def _read(self, path: str, what: str) -> Iterator[_Reason]:
        """Yield a file that is read, or a symlink on the way to it, if it differs."""
        for inner in _leading(self._top, self._changed, path):
            yield inner, what, None

    def _of_context(self, plan: Plan, sources: Sequence[Source]) -> Iterator[_Reason]:
        """Yield what the sources of one context take."""
        inner = relpath(realpath(plan.root), self._top)
        if leads_out(inner):
            return
        if plan.name:
            yield from self._ignore_files(plan, None)
        for path in _leading(self._top, self._changed, plan.context):
            if path in self._changed.deep:
                yield path, "leads to the context", None
        paths = [*self._changed.within(inner)]
        for source in sources:
            if source.doubts:
                why = f"not known: {_written(source)} depends on an argument"
                yield from self._sent(plan, why)
                continue
            try:
                look = _SourceLook(plan, source)
                yield from self._of_source(look, source, paths)
                if paths and look.takes(".git/HEAD") and lexists(join(plan.root, ".git")):
                    yield join(inner, ".git"), _written(source), source.line  # another one always
            except CtxsizeError as error:
                yield from self._sent(plan, _not_known(error, self._top))

    def _of_source(
        self, look: _SourceLook, source: Source, paths: Sequence[tuple[str, str]]
    ) -> Iterator[_Reason]:
        """Yield what a source takes of `paths`, each below the top and below the context."""
        for full, path in paths:
            if look.takes(path, is_deep=full in self._changed.deep):
                yield full, _written(source), source.line

    def _unknown(self, why: str) -> Iterator[_Reason]:
        """Yield what differs of all that the build may take from its contexts."""
        yield from self._read(self._plan.context, why)
        yield from self._sent(self._plan, why)
        for directory in _named_paths(self._plan.build):
            yield from _of_directory(self._top, self._changed, directory, why)

    def _sent(self, plan: Plan, why: str) -> Iterator[_Reason]:
        """Yield the first path that differs and that the ignore file leaves."""
        inner = relpath(realpath(plan.root), self._top)
        states = DirectoryStates(narrowed(plan.spec, None))
        for full, path in self._changed.within(inner):
            if selects(states, path):
                yield full, why, None
                return


def _written(source: Source) -> str:
    return f"{source.instruction} {source.written}"


class _SourceLook:
    """The entries that one source takes of a context, whether they are there or not."""

    def __init__(self, plan: Plan, source: Source) -> None:
        self._states = DirectoryStates(taken_by(plan, source))
        self._plan = plan
        self._source = source

    @cached_property
    def _ways(self) -> tuple[set[str], frozenset[str]]:
        """Return what the source names, with all directories above, and the links on its way."""
        found = ends(self._plan.root, self._source.path)
        above = set(up_to(self._source.path))
        for end in found.paths:
            above.update(up_to(end))
        return above, found.links

    def takes(self, path: str, *, is_deep: bool = False) -> bool:
        """Return whether the source takes the entry at `path`; or what it leads to, if deep."""
        if selects(self._states, path):
            return True
        if not is_deep:
            return False
        above, links = self._ways
        if path in links:
            return True
        if any(match(pattern, path) for pattern in above):
            return True
        state = self._states.state(path)
        return state is not None and may_send(self._states.evaluator, state, path)
