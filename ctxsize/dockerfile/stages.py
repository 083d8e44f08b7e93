"""The stages of a Dockerfile as they are built: for each step, the state in which it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from functools import cached_property
from posixpath import join, normpath, relpath

from ctxsize.dockerfile.arguments import check_instruction
from ctxsize.dockerfile.images import ENVIRONMENTS, WINDOWS, repository_of
from ctxsize.dockerfile.instructions import Dockerfile, Instruction, Stage, parse_heredoc_word
from ctxsize.dockerfile.sources import Expanded, Mount, is_git, is_url, parse_mount, path_from_root
from ctxsize.dockerfile.state import Environment, StageState
from ctxsize.dockerfile.words import Variables, Words
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.hidden import hidden_as, made_of
from ctxsize.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.dockerfile.shell import ShellCommands
    from ctxsize.syntax import Command


def _join(directory: str, path: str) -> str:
    return normpath(join(directory, path))


class StageStep(Value, eq=False):
    """An instruction with its state, or the fault in it; an ONBUILD trigger is `is_inherited`."""

    instruction: Instruction
    state: StageState
    is_inherited: bool = False
    fault: DockerfileError | None = None

    @property
    def line(self) -> int:
        return self.instruction.line

    @property
    def keyword(self) -> str:
        return self.instruction.keyword

    @property
    def is_run(self) -> bool:
        return self.keyword == "RUN"

    @property
    def is_copy(self) -> bool:
        """Return whether it is a COPY or ADD."""
        return self.keyword in ("COPY", "ADD")

    @property
    def workdir(self) -> str:
        """Return the absolute directory; `/` if the unknown directory of an image decides."""
        return made_of(_join, "/", self.state.directory.text)

    @property
    def environment(self) -> Environment:
        return self.state.environment

    @property
    def home(self) -> str | None:
        """Return the home directory of the user; None if unknown."""
        if home := self.environment.get("HOME"):
            return home
        user = self.state.user.partition(":")[0]
        if user in ("", "root", "0"):
            return "/root"
        if user.isdecimal() or "$" in user:
            return None
        return hidden_as(self.state.user, f"/home/{user}")

    @cached_property
    def arguments(self) -> Words:
        """Return the arguments with variables replaced, as the builder does outside RUN."""
        words = self.instruction.arguments
        return tuple(tolerant(self.environment, word) for word in words)

    @cached_property
    def commands(self) -> ShellCommands:
        """Return the commands of a RUN as written; none if no Unix shell reads all of it."""
        from ctxsize.dockerfile.shell import commands_of, is_known  # only advice reads scripts

        if self.is_run and self.state.is_unix and is_known(self.instruction):
            return commands_of(self.instruction)
        return ()

    @cached_property
    def located(self) -> tuple[tuple[str, Command], ...]:
        """Return the commands, each with the directory in which it runs."""
        from ctxsize.dockerfile.shell import in_directories

        return tuple(
            (normpath(directory), command)
            for directory, command in in_directories(self.commands, self.workdir)
        )

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Return the mounts of a RUN that can be parsed."""
        mounts = []
        for text in self.instruction.flag_values("mount"):
            with suppress(DockerfileError):
                mounts.append(parse_mount(text, self.environment.expand))
        return tuple(mounts)

    @cached_property
    def caches(self) -> tuple[Mount, ...]:
        """Return the cache mounts of a RUN, with absolute targets."""
        return tuple(
            replace(mount, target=self._absolute(mount.target))
            for mount in self.mounts
            if mount.type == "cache"
        )

    def _absolute(self, path: str) -> str:
        return made_of(_join, self.workdir, path)

    @property
    def origin(self) -> str:
        """Return the origin of a COPY: stage, image or named context; `""` for the context."""
        return next(self.instruction.flag_values("from"), "")

    @cached_property
    def takes(self) -> tuple[tuple[str, str], ...]:
        """Return the origin (`""`: the context) and the absolute path of each local source."""
        taken = [
            (mount.origin, made_of(path_from_root, mount.source))
            for mount in self.mounts
            if mount.type == "bind"
        ]
        if self.is_copy:
            sources = self.instruction.arguments[:-1]
            for written, word in zip(sources, self.arguments, strict=False):
                if parse_heredoc_word(written) or is_url(word) or is_git(word):
                    continue
                taken.append((self.origin, made_of(path_from_root, word)))
        return tuple(taken)

    @property
    def sources(self) -> Words:
        """Return the relative paths that it takes from the context, `.` for all of it."""
        paths = [path for origin, path in self.takes if not origin]
        return tuple(hidden_as(path, path[1:] or ".") for path in paths)

    @property
    def taken(self) -> Words:
        """Return the absolute paths that a COPY takes from its `origin`."""
        if not self.is_copy:
            return ()
        return tuple(path for origin, path in self.takes if origin)

    @property
    def destination(self) -> str:
        """Return the absolute path to which a COPY or ADD copies."""
        return self._absolute(self.arguments[-1])

    def inside(self, directory: str) -> str | None:
        """Return an absolute directory relative to the `destination`; None if it lies outside."""
        relative = relpath(directory, self.destination)
        if relative.startswith("..") or "$" in relative:
            return None
        if relative == ".":
            return ""
        return relative


StageSteps = tuple[StageStep, ...]


class BuiltStage(Value, eq=False):
    """A stage as it is built, on another one (`parent`) or on an image.

    `base` is the image at the root of its ancestry, variables replaced, and `platform` that of its
    FROM, as written. `steps` are the triggers of the stage below, and its own instructions without
    ONBUILD; `fault` leaves the state in which these begin unknown. `by_name` has all stages of the
    Dockerfile, by name and by number, if they are for advice.
    """

    stage: Stage
    base: str
    platform: str
    parent: BuiltStage | None
    steps: StageSteps
    end: StageState
    fault: DockerfileError | None = None
    by_name: Mapping[str, list[BuiltStage]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.stage.label

    @cached_property
    def own(self) -> StageSteps:
        return tuple(step for step in self.steps if not step.is_inherited)

    @property
    def ancestry(self) -> list[BuiltStage]:
        """Return the stages that it is built on, the first one first, and itself."""
        stages = [self]
        while stages[-1].parent:
            stages.append(stages[-1].parent)
        return stages[::-1]

    @property
    def history(self) -> StageSteps:
        """Return the steps of the stages that it is built on, and its own."""
        return tuple(step for stage in self.ancestry for step in stage.steps)

    def origin(self, name: str) -> BuiltStage | None:
        """Return the earlier stage that `--from=name` means, None if it means none."""
        for stage in reversed(self.by_name.get(name.lower(), ())):
            if stage.stage.index < self.stage.index:
                return stage
        return None


def build_stage(
    stage: Stage, base: str | BuiltStage, state: StageState, *, is_replaced: bool = False
) -> BuiltStage:
    """Return a stage with the state in which each step runs.

    It begins with `state` on an image, or if a named context has replaced the stage below. An
    instruction with a fault changes no state: its step keeps the fault, on which BuildKit
    stops if the target needs the stage.
    """
    inherited = []
    parent = None
    platform = stage.platform
    fault = None
    if isinstance(base, BuiltStage):
        parent = base
        base = parent.base
        platform = parent.platform
        triggers = (instruction.trigger for instruction in parent.stage.instructions)
        inherited = [*filter(None, triggers)]
        try:
            environment = parent.end.environment.inherit(len(inherited))
            if not is_replaced:
                state = replace(parent.end, environment=environment)
        except UndecidedError as error:
            fault = error
            inherited = []
    steps: list[StageStep] = []
    for instruction in (*inherited, *stage.instructions):
        if instruction.trigger:
            continue
        is_inherited = len(steps) < len(inherited)
        step = StageStep(instruction, state, is_inherited)
        try:
            if is_inherited:
                check_instruction(instruction)  # `dispatchOnBuildTriggers` parses it only now
            state = state.obey(instruction)
        except DockerfileError as error:
            step = replace(step, fault=error)
        steps.append(step)
    return BuiltStage(
        stage,
        base=base,
        platform=platform,
        parent=parent,
        steps=tuple(steps),
        end=state,
        fault=fault,
    )


def built_stages(
    dockerfile: Dockerfile,
    build_arguments: Variables | None = None,
    *,
    to_show: bool = False,
) -> tuple[BuiltStage, ...]:
    """Return the stages in file order for advice, built once for each Dockerfile.

    Unknown values stay as written. Of the build arguments, only those count that are declared
    before the first FROM: they decide on which images the stages are built. With `to_show`, they
    decide only that: all other words may be printed, with names for the values.
    """
    build_arguments = build_arguments or {}
    key = frozenset(build_arguments.items()), to_show
    derived = dockerfile.derived
    if key not in derived:
        stages = _build_stages(dockerfile, build_arguments, to_show=to_show)
        derived[key] = tuple(stages)
    built: tuple[BuiltStage, ...] = derived[key]
    return built


def _build_stages(
    dockerfile: Dockerfile, build_arguments: Variables, *, to_show: bool
) -> Iterator[BuiltStage]:
    """Build the stages for `built_stages`."""
    of_images = _outer(dockerfile, build_arguments)
    outer = of_images
    if to_show and build_arguments:
        names = {name: f"${{{name}}}" for name in build_arguments}
        outer = _outer(dockerfile, names, is_hidden=False)
    by_name: dict[str, list[BuiltStage]] = {}
    for stage in dockerfile.stages:
        base = tolerant(of_images, stage.base)
        state = _state_on(base, outer)
        below: str | BuiltStage = base
        # BuildKit compares a base as written with lower-case names; a number names no stage.
        if base in by_name and not base.isdecimal():
            below = by_name[base][-1]
        built = replace(build_stage(stage, below, state), by_name=by_name)
        for name in filter(None, (stage.name, str(stage.index))):
            by_name.setdefault(name, []).append(built)
        yield built


def _state_on(image: str, outer: Environment) -> StageState:
    """Return the state in which a stage on an image begins."""
    environment = Environment(
        outer.escape,
        open_ended=True,
        keeps_unset=True,
        spent=outer.spent,
    )
    for name, text in ENVIRONMENTS.get(repository_of(image), {}).items():
        environment = environment.set(name, Expanded(text), in_image=True)
    is_unix = not any(word in image for word in WINDOWS)
    return StageState(
        environment=environment,
        outer=outer,
        build_arguments={},
        directory=Expanded(""),
        is_unix=is_unix,
    )


def _outer(
    dockerfile: Dockerfile, build_arguments: Variables, *, is_hidden: bool = True
) -> Environment:
    """Return the arguments before the first FROM; unknown values stay as written."""
    outer = Environment(dockerfile.escape, open_ended=True, keeps_unset=True)
    for instruction in dockerfile.global_arguments:
        with suppress(DockerfileError):
            outer = outer.obey_arg(instruction, build_arguments, outer, is_hidden=is_hidden)
    return outer


def tolerant(environment: Environment, word: str, *, quotes: bool = True) -> str:
    """Return a word expanded, or as written if the builder refuses it."""
    try:
        return environment.expand(word, quotes=quotes).text
    except DockerfileError:
        return word
