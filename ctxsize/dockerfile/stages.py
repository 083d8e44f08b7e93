"""The stages of a Dockerfile as they are built: for each step, the state in which it runs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from ctxsize.dockerfile.arguments import check_instruction
from ctxsize.dockerfile.images import ENVIRONMENTS, WINDOWS, repository_of
from ctxsize.dockerfile.instructions import Dockerfile, Instruction, Stage, parse_heredoc_word
from ctxsize.dockerfile.sources import Expanded, Mount, is_git, is_url, parse_mount, path_from_root
from ctxsize.dockerfile.state import Environment, StageState
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.hidden import hidden_as, made_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.syntax import Command


def _joined(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))


@dataclass(frozen=True, eq=False)
class StageStep:
    """An instruction with its state, or the fault in it; an ONBUILD trigger is `is_inherited`."""

    instruction: Instruction
    state: StageState
    is_inherited: bool = False
    fault: DockerfileError | None = None

    @property
    def line(self) -> int:
        return self.instruction.line

    @property
    def is_run(self) -> bool:
        return self.instruction.keyword == "RUN"

    @property
    def is_copy(self) -> bool:
        """Return whether it is a COPY or ADD."""
        return self.instruction.keyword in ("COPY", "ADD")

    @property
    def workdir(self) -> str:
        """Return the absolute directory; `/` if the unknown directory of an image decides."""
        return made_of(_joined, "/", self.state.directory.text)

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
    def arguments(self) -> tuple[str, ...]:
        """Return the arguments with variables replaced, as the builder does outside RUN."""
        return tuple(tolerant(self.environment, each) for each in self.instruction.arguments)

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Return the commands of a RUN as written; none if no Unix shell reads all of it."""
        from ctxsize.dockerfile.shell import commands_of, is_known  # only advice reads scripts

        is_read = self.is_run and self.state.is_unix and is_known(self.instruction)
        if is_read:
            return commands_of(self.instruction)
        return ()

    @cached_property
    def located(self) -> tuple[tuple[str, Command], ...]:
        """Return the commands, each with the directory in which it runs."""
        from ctxsize.dockerfile.shell import in_directories

        found = in_directories(self.commands, self.workdir)
        return tuple((posixpath.normpath(at), command) for at, command in found)

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Return the mounts of a RUN that can be parsed."""
        found = list[Mount]()
        for text in self.instruction.flag_values("mount"):
            with suppress(DockerfileError):
                found.append(parse_mount(text, self.environment.expand))
        return tuple(found)

    @cached_property
    def caches(self) -> tuple[Mount, ...]:
        """Return the cache mounts of a RUN, with absolute targets."""
        found = (each for each in self.mounts if each.type == "cache")
        return tuple(replace(each, target=self._absolute(each.target)) for each in found)

    def _absolute(self, path: str) -> str:
        return made_of(_joined, self.workdir, path)

    @property
    def origin(self) -> str:
        """Return the origin of a COPY: stage, image or named context; `""` for the context."""
        return next(self.instruction.flag_values("from"), "")

    @cached_property
    def takes(self) -> tuple[tuple[str, str], ...]:
        """Return the origin (`""`: the context) and the absolute path of each local source."""
        taken = [(each.origin, each.source) for each in self.mounts if each.type == "bind"]
        if self.is_copy:
            written = zip(self.instruction.arguments[:-1], self.arguments, strict=False)
            words = (word for each, word in written if not parse_heredoc_word(each))
            local = (word for word in words if not is_url(word) and not is_git(word))
            taken += [(self.origin, word) for word in local]
        return tuple((origin, made_of(path_from_root, path)) for origin, path in taken)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the relative paths that it takes from the context, `.` for all of it."""
        paths = (path for origin, path in self.takes if not origin)
        return tuple(hidden_as(path, path[1:] or ".") for path in paths)

    @property
    def taken(self) -> tuple[str, ...]:
        """Return the absolute paths that a COPY takes from its `origin`."""
        return tuple(path for origin, path in self.takes if origin and self.is_copy)

    @property
    def destination(self) -> str:
        """Return the absolute path to which a COPY or ADD copies."""
        return self._absolute(self.arguments[-1])

    def inside(self, directory: str) -> str | None:
        """Return an absolute directory relative to the `destination`; None if it lies outside."""
        relative = posixpath.relpath(directory, self.destination)
        if relative.startswith("..") or "$" in relative:
            return None
        if relative == ".":
            return ""
        return relative


@dataclass(frozen=True, eq=False)
class BuiltStage:
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
    steps: tuple[StageStep, ...]
    end: StageState
    fault: DockerfileError | None = None
    by_name: Mapping[str, list[BuiltStage]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.stage.label

    @cached_property
    def own(self) -> tuple[StageStep, ...]:
        return tuple(step for step in self.steps if not step.is_inherited)

    @property
    def ancestry(self) -> list[BuiltStage]:
        """Return the stages that it is built on, the first one first, and itself."""
        found = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found[::-1]

    @property
    def history(self) -> tuple[StageStep, ...]:
        """Return the steps of the stages that it is built on, and its own."""
        return tuple(step for stage in self.ancestry for step in stage.steps)

    def origin(self, name: str) -> BuiltStage | None:
        """Return the earlier stage that `--from=name` means, None if it means none."""
        found = self.by_name.get(name.lower(), ())
        return next((each for each in reversed(found) if each.stage.index < self.stage.index), None)


def build_stage(
    stage: Stage, base: str | BuiltStage, state: StageState, *, is_replaced: bool = False
) -> BuiltStage:
    """Return a stage with the state in which each step runs.

    It begins with `state` on an image, or if a named context has replaced the stage below. An
    instruction with a fault changes no state: its step keeps the fault, on which BuildKit
    stops if the target needs the stage.
    """
    inherited: list[Instruction] = []
    parent: BuiltStage | None = None
    platform = stage.platform
    fault = None
    if isinstance(base, BuiltStage):
        parent = base
        base = parent.base
        platform = parent.platform
        inherited = [each.trigger for each in parent.stage.instructions if each.trigger]
        try:
            environment = parent.end.environment.inherit(len(inherited))
            if not is_replaced:
                state = replace(parent.end, environment=environment)
        except UndecidedError as error:
            fault = error
            inherited = []
    steps: list[StageStep] = []
    own = (each for each in stage.instructions if each.trigger is None)
    for at, instruction in enumerate((*inherited, *own)):
        before = state
        is_inherited = at < len(inherited)
        wrong = None
        try:
            if is_inherited:
                check_instruction(instruction)  # `dispatchOnBuildTriggers` parses it only now
            state = before.obey(instruction)
        except DockerfileError as error:
            wrong = error
        steps.append(StageStep(instruction, before, is_inherited, wrong))
    return BuiltStage(stage, base, platform, parent, tuple(steps), state, fault)


def built_stages(
    dockerfile: Dockerfile, given: Mapping[str, str] | None = None, *, to_show: bool = False
) -> tuple[BuiltStage, ...]:
    """Return the stages in file order for advice, followed once for each Dockerfile.

    Unknown values stay as written. Of the build arguments `given`, only those count that are
    declared before the first FROM: they decide on which images the stages are built. With
    `to_show`, they decide only that: all other words may be printed, with names for the values.
    """
    given = given or {}
    key = frozenset(given.items()), to_show
    if key not in dockerfile.derived:
        dockerfile.derived[key] = tuple(_built(dockerfile, given, to_show=to_show))
    found: tuple[BuiltStage, ...] = dockerfile.derived[key]
    return found


def _built(
    dockerfile: Dockerfile, given: Mapping[str, str], *, to_show: bool
) -> Iterator[BuiltStage]:
    of_images = outer = _outer(dockerfile, given)
    if to_show and given:
        outer = _outer(dockerfile, {name: f"${{{name}}}" for name in given}, is_hidden=False)
    by_name: dict[str, list[BuiltStage]] = {}
    for stage in dockerfile.stages:
        base = tolerant(of_images, stage.base)
        environment = Environment(outer.escape, open_ended=True, keeps_unset=True, made=outer.made)
        for name, value in ENVIRONMENTS.get(repository_of(base), {}).items():
            environment = environment.set(name, Expanded(value), in_image=True)
        state = StageState(environment, outer, {}, Expanded(""), "", not WINDOWS.search(base))
        # BuildKit compares a base as written with lower-case names; a number names no stage.
        if base.isdecimal():
            below = None
        else:
            below = by_name.get(base)
        built = replace(build_stage(stage, below[-1] if below else base, state), by_name=by_name)
        for name in filter(None, (stage.name, str(stage.index))):
            by_name.setdefault(name, []).append(built)
        yield built


def _outer(
    dockerfile: Dockerfile, given: Mapping[str, str], *, is_hidden: bool = True
) -> Environment:
    """Return the arguments before the first FROM; unknown values stay as written."""
    outer = Environment(dockerfile.escape, open_ended=True, keeps_unset=True)
    for instruction in dockerfile.global_arguments:
        with suppress(DockerfileError):
            outer = outer.obey_arg(instruction, given, outer, is_hidden=is_hidden)
    return outer


def tolerant(environment: Environment, word: str, *, quotes: bool = True) -> str:
    """Return a word expanded, or as written if the builder refuses it."""
    try:
        return environment.expand(word, quotes=quotes).text
    except DockerfileError:
        return word
