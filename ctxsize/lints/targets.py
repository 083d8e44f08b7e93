"""The ignore files below given paths, with their builds and contexts, as cases to lint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ctxsize.build import Build
from ctxsize.config import Config, builds
from ctxsize.dockerfile.shell import unknown_commands
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.dockerfiles import is_dockerfile, is_ignore_file, read_ignore_file
from ctxsize.engine.events import Progress
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.plan import ParsedDockerfiles, Plan, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError, DockerfileError, InputError
from ctxsize.findings import Location
from ctxsize.lints.case import MOST_COMPARED, MOST_WORK, Case
from ctxsize.lints.lookup import LintTree, Target
from ctxsize.model import Problem
from ctxsize.reader import border_of, holds, top_of
from ctxsize.repository import FoundBuild, Place, discover, merged

STDIN = "<stdin>"
_ENDINGS = (".dockerignore", ".containerignore")


@dataclass
class Cases:
    """A maker of cases that reads each context once, even if several files govern it.

    The options of `build` apply to all builds, but not its context and Dockerfile.
    """

    build: Build
    builder: Builder
    parsed_files: ParsedDockerfiles = field(default_factory=ParsedDockerfiles)
    progress: Progress | None = None
    problems: list[Problem] = field(default_factory=list)
    _snapshots: dict[str, Snapshot] = field(default_factory=dict)

    def case(self, target: Target, data: bytes | None = None) -> Case:
        """Return the case of `target`, with `data` as its content. Raises `InputError`."""
        path = target.path
        suffix = "." + target.path.rpartition(".")[2]
        if target.unread is not None:
            data = data or b""
        if os.path.islink(path):
            target = replace(target, link=os.readlink(path))
        if data is None:
            file = read_ignore_file(path)
        else:
            file = IgnoreFile.parse(path, data)
        readers = [each for each in BUILDERS.values() if suffix in each.ignore_file_names]
        if self.builder in readers:
            builder = self.builder
        else:
            builder = next(iter(readers), self.builder)
        case = Case(file, builder, target, tuple(self._plans(target, builder)))
        if case.is_long:
            return case
        return replace(case, tree=self._tree(case))

    def _plans(self, target: Target, builder: Builder) -> Iterator[Plan]:
        """Yield the builds that read the file and have a Dockerfile, with the options for all."""
        given = self.build
        for build in target.builds if target.context is not None else ():
            asked = replace(
                build,
                target=given.target or build.target,
                build_arguments={**build.build_arguments, **given.build_arguments},
                build_contexts={**build.build_contexts, **given.build_contexts},
                platforms=given.platforms or build.platforms,
                builder=builder.name,
            )
            plan = self._plan(asked)
            if plan is not None and plan.dockerfile is not None:
                yield plan

    def _plan(self, build: Build, *, alone: bool = False) -> Plan | None:
        """Return the plan of a build, `alone` without a Dockerfile; None if it fails."""
        builder = BUILDERS[build.builder]
        parsed_files = self.parsed_files
        try:
            return plan_of(build, builder, alone=alone, patterns=False, parsed_files=parsed_files)
        except CtxsizeError as error:
            self._note(error)
            return None

    def _tree(self, case: Case) -> LintTree | None:
        context = case.target.context
        plans = case.plans
        if context is None or case.target.unread is not None:
            return None
        build = replace(self.build, context=context, dockerfile=None, builder=case.builder.name)
        plan = plans[0] if plans else self._plan(build, alone=True)
        if plan is None:
            return None
        plan = replace(plan, ignore_file=case.file)
        try:
            if plan.root not in self._snapshots:
                self._snapshots[plan.root] = Snapshot.take(plan, progress=self.progress)
        except CtxsizeError as error:
            self._note(error)
            return None
        return LintTree(self._snapshots[plan.root].asked(plan), plans)

    def without_ignore_file(self, builds: Iterable[Build]) -> Iterator[Plan]:
        """Yield those of `builds` that have a Dockerfile and no ignore file."""
        for build in builds:
            for plan in self._plans(Target("", build.context, (build,)), self.builder):
                if plan.ignore_file is None:
                    yield plan

    def note_limits(self, case: Case) -> None:
        """Add a problem if some checks are incomplete: a long file, or commands not known."""
        for plan in case.plans if case.tree is not None else ():
            with suppress(CtxsizeError):  # which `LintTree` reports as far as it matters
                self.problems += unknown_commands(plan.parsed.dockerfile.instructions)
        if case.is_long or case.work[0] > MOST_WORK:
            most = f"{MOST_COMPARED:,} patterns or {MOST_WORK:,} evaluated lines"
            what = f"the file is too long for some checks, which end after {most}"
            self.problems.append(Problem("too-many-patterns", what, path=case.file.path))

    def _note(self, error: CtxsizeError) -> None:
        self.problems.append(Problem("tree-unknown", error.message, error.path, error.line))


def targets_of(
    paths: Sequence[str],
    build: Build | None,
    builder: Builder,
    layout: Callable[[str], Layout],
    *,
    parsed_files: ParsedDockerfiles,
) -> Iterator[Target]:
    """Yield the ignore files of `paths`, each once: files, or all those below a directory.

    `layout` returns what is below a directory. Without `paths` it is the file that governs
    `build`, if the user named a build.
    Raises `InputError` for a missing path, and if no ignore file governs `build`.
    """
    if has_options_only(build):
        build = None
    if build is not None and not paths:
        plan = plan_of(build, builder, patterns=False, parsed_files=parsed_files)
        if plan.ignore_file is None:
            hint = "`ctxsize suggest` proposes one"
            raise InputError("no ignore file governs this build", path=build.context, hint=hint)
        if plan.dockerfile_specific:
            fallback = _general_in(build.context)
        else:
            fallback = None
        yield Target(plan.ignore_file.path, build.context, (build,), fallback)
        return
    found = (target for path in paths or (".",) for target in _at(path, build, layout))
    yield from {os.path.normpath(target.path): target for target in found}.values()


def has_options_only(build: Build | None) -> bool:
    """Return whether the user gave options of builds, but no build."""
    return build is not None and build.context == "." and build.dockerfile is None


def _at(path: str, build: Build | None, layout: Callable[[str], Layout]) -> list[Target]:
    """Return the ignore file at `path`, or those below it."""
    has_name = is_ignore_file(path)
    if os.path.isdir(path) and not has_name:
        return layout(path).targets()
    if not os.path.lexists(path):
        raise InputError("does not exist", path=path, hint="name an ignore file or a directory")
    if not has_name and is_dockerfile(path):
        hint = f"-f {path} lints the ignore file of its build"
        raise InputError("is a Dockerfile, no ignore file", path=path, hint=hint)
    if build is not None:
        return [Target(path, build.context, (build,))]
    return [layout(_root_of(path)).target(path) if has_name else Target(path)]


def check_dockerfile(build: Build, builder: Builder, parsed_files: ParsedDockerfiles) -> None:
    """Raise `DockerfileError` if the Dockerfile of `build` is one that cannot be parsed."""
    try:
        plan = plan_of(build, builder, patterns=False, parsed_files=parsed_files)
    except InputError:
        return  # other builds may be all that is here
    if plan.dockerfile is None or plan.dockerfile_fault is not None:
        return
    try:
        _ = plan.parsed.dockerfile
    except DockerfileError as error:
        error.path = plan.dockerfile
        raise


def _root_of(path: str) -> str:
    """Return the directory to search for builds: the repository around `path`, or its own.

    It is never above the working directory: that could be a whole home directory.
    """
    own = os.path.dirname(path) or "."
    here = os.path.realpath(".")
    directory = top_of(own)
    if directory is None or not holds(here, own):
        return own
    if directory.startswith(f"{here}/"):
        return os.path.relpath(directory)
    return "."


class Layout:
    """The ignore files below a directory, and the builds that its files and `config` define."""

    def __init__(
        self, root: str, config: Config | None = None, parsed_files: ParsedDockerfiles | None = None
    ) -> None:
        """Search `root`; raise `InputError` if it is no directory."""
        self._found = discover(root, environment=os.environ, parsed_files=parsed_files)
        if config is None:
            configured = []
        else:
            configured = [*_configured(config, root)]
        dockerfiles = {_real(each.build.dockerfile) for each in configured}
        # A configured build replaces a guessed one with the same Dockerfile.
        found = self._found.builds
        kept = (e for e in found if not e.guessed or _real(e.build.dockerfile) not in dockerfiles)
        self._builds = [
            (_real(each.build.context), _real(each.build.dockerfile), each)
            for each in merged([*kept, *configured])
        ]
        """The builds with the real paths of their contexts and Dockerfiles."""

    @property
    def builds(self) -> list[Build]:
        """Return the builds, with and without an ignore file."""
        return [each.build for *_, each in self._builds]

    def targets(self) -> list[Target]:
        """Return every ignore file with its builds, and any other entry at its usual path."""
        contexts = [self._found.root, *(each.build.context for *_, each in self._builds)]
        usual = [os.path.normpath(os.path.join(each, _ENDINGS[0])) for each in contexts]
        others = [path for path in usual if os.path.isdir(path) or os.path.islink(path)]
        return [self.target(path) for path in sorted({*self._found.ignore_files, *others})]

    def target(self, path: str) -> Target:
        """Return the ignore file at `path` with its builds."""
        directory, name = os.path.split(path)
        if not os.path.isfile(path):
            return Target(path, unread="it is no regular file")
        if name.casefold() in _ENDINGS:
            return self._general(path, directory or ".", name)
        return self._specific(path, name)

    def _general(self, path: str, directory: str, name: str) -> Target:
        if name not in _ENDINGS:
            return Target(path, unread=f"its name must be {name.casefold()}, in lower case")
        if _leaves(path, directory):
            return Target(path, unread="it is a symlink that leaves the context")
        real = _real(directory)
        likely_unread = None
        here = [each for context, _, each in self._builds if context == real]
        # A Dockerfile with its own ignore file is built with that one instead.
        own = (each for each in here if each.inline is None)
        here_only = (
            e for e in own if not e.dockerfile or not os.path.isfile(e.dockerfile + _ENDINGS[0])
        )
        mine = tuple(each.build for each in here_only)
        beside = (e for _, at, e in self._builds if os.path.dirname(at) == real)
        others = (each for each in beside if each.build.dockerfile)
        if not here and (each := next(others, None)):
            if each.guessed:
                how = "as its sources suggest"
            else:
                how = f"by {each.places[0]}"
            context = f"the context {each.build.context}"
            likely_unread = f"{each.build.dockerfile} is built with {context}, {how}"
        return Target(path, directory, mine, likely_unread=likely_unread)

    def _specific(self, path: str, name: str) -> Target:
        dockerfile = path.removesuffix(f".{name.rpartition('.')[2]}")
        if not name.casefold().endswith(_ENDINGS):
            return Target(path, unread=f"its name must begin with a dot: .{name}")
        if not os.path.isfile(dockerfile):
            return Target(path, unread=f"there is no {dockerfile} beside it")
        if not holds(border_of(self._found.root), path):
            return Target(path, unread="it is a symlink that leaves the repository")
        real = _real(dockerfile)
        if not (found := [each.build for _, path_, each in self._builds if path_ == real]):
            return Target(path)
        context = found[0].context
        mine = tuple(build for build in found if build.context == context)
        return Target(path, context, mine, _general_in(context))


def _configured(config: Config, root: str) -> Iterator[FoundBuild]:
    """Yield the builds that `config` defines with a context or a Dockerfile below `root`."""
    for name, build in ((each.name, each.build) for _, found in builds(config) for each in found):
        usual = os.path.normpath(os.path.join(build.context, "Dockerfile"))
        if build.dockerfile is None and os.path.isfile(usual):
            build = replace(build, dockerfile=usual)
        if any(holds(_real(root), each) for each in (build.context, build.dockerfile) if each):
            place = Place("configuration", name, Location(config.path or ""))
            yield FoundBuild(build, (place,))


def _general_in(context: str) -> str | None:
    """Return the general ignore file of `context`, which a Dockerfile-specific one replaces."""
    path = os.path.normpath(os.path.join(context, _ENDINGS[0]))
    if os.path.isfile(path) and not _leaves(path, context):
        return path
    return None


def _leaves(path: str, directory: str) -> bool:
    """Return whether the ignore file is a symlink that leads out of its directory."""
    return os.path.islink(path) and not holds(_real(directory), path)


def _real(path: str | None) -> str:
    return os.path.realpath(path or "")
