"""A Dockerfile as the advice sees it: stages with the state in which each of their steps runs."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ctxsize.advice.images import environment_of, is_windows
from ctxsize.advice.rewrite import Change, changed
from ctxsize.advice.script import Script, read_script
from ctxsize.dockerfile import Dockerfile, Instruction, Stage, expand, parse_dockerfile
from ctxsize.dockerfile.environment import Environment
from ctxsize.dockerfile.heredocs import parse_heredoc_word
from ctxsize.dockerfile.mounts import Mount, parse_mount
from ctxsize.dockerfile.sources import path_from_root
from ctxsize.errors import DockerfileError
from ctxsize.findings import Edit, Fix
from ctxsize.projects import FoundBuild
from ctxsize.shell import Command, commands_of, is_known


@dataclass(frozen=True)
class Cache:
    """A cache mount of a RUN."""

    target: str
    """Absolute."""
    id: str
    """The one that counts: as given, or the cleaned target as it is written."""
    sharing: str
    """`shared`, `private` or `locked`."""
    written: str
    """The value of `--mount`."""
    named: bool
    """Whether the Dockerfile gives the id."""

    def holds(self, path: str) -> bool:
        """Return whether an absolute path lies in the cache, or is it."""
        return path == self.target or path.startswith(self.target.rstrip("/") + "/")


@dataclass(frozen=True, eq=False)
class Step:
    """A RUN or COPY, and the state of its stage at that point."""

    instruction: Instruction
    workdir: str
    user: str
    """The one that USER names, `""` if the base image decides."""
    environment: Mapping[str, str]
    """What ENV and ARG set, as far as the Dockerfile tells it."""
    commands: tuple[Command, ...] = ()
    caches: tuple[Cache, ...] = ()
    binds: tuple[str, ...] = ()
    """What is bound from the build context, relative; `.` for all of it."""
    sources: tuple[str, ...] = ()
    """Of a COPY or ADD from the build context: relative, `.` for all of it."""
    origin: str = ""
    """What a COPY is from: a stage, image or named context; `""` for the build context."""
    taken: tuple[str, ...] = ()
    """The absolute paths that a COPY takes from `origin`."""
    bound: tuple[tuple[str, str], ...] = ()
    """What a RUN binds from elsewhere than the build context: from what, and the absolute path."""

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.instruction.line

    @property
    def is_run(self) -> bool:
        """Whether it runs something."""
        return self.instruction.keyword == "RUN"

    @property
    def taken_from(self) -> tuple[tuple[str, str], ...]:
        """The absolute paths that it takes from stages and images, each behind its origin."""
        return (*((self.origin, path) for path in self.taken), *self.bound)

    @property
    def takes_all(self) -> bool:
        """Whether it copies the whole build context."""
        return "." in self.sources

    @property
    def destination(self) -> str:
        """Where a COPY or ADD puts what it takes: absolute."""
        return posixpath.normpath(posixpath.join(self.workdir, self.instruction.arguments[-1]))

    def inside(self, directory: str) -> str | None:
        """Return where an absolute directory lies in what a COPY brings; None if it does not."""
        relative = posixpath.relpath(directory, self.destination)
        if relative.startswith("..") or "$" in relative:
            return None
        return "" if relative == "." else relative

    @property
    def home(self) -> str | None:
        """The home directory of whoever runs; None if that is not known."""
        if home := self.environment.get("HOME"):
            return home
        user = self.user.partition(":")[0]
        if user in ("", "root", "0"):
            return "/root"
        return f"/home/{user}" if not user.isdecimal() and "$" not in user else None


@dataclass(frozen=True, eq=False)
class StageFacts:
    """A stage, what it is built on, and its own steps."""

    stage: Stage
    base: str
    """The image that it begins with in the end, variables replaced; `""` if not known."""
    platform: str
    """Of the FROM that names that image, as written; `""` if none is given."""
    parent: StageFacts | None
    steps: tuple[Step, ...]

    @property
    def label(self) -> str:
        """Its name, or what BuildKit prints for one without."""
        return self.stage.label

    @property
    def root(self) -> StageFacts:
        """The stage that it is built on in the end: itself, if it stands on an image."""
        return self.parent.root if self.parent else self

    @property
    def history(self) -> tuple[Step, ...]:
        """The steps of the stages that it is built on, and its own."""
        return (*(self.parent.history if self.parent else ()), *self.steps)

    def is_called(self, origin: str) -> bool:
        """Return whether `--from=origin` means this stage."""
        return origin.lower() == self.stage.name or origin == str(self.stage.index)


@dataclass(frozen=True, eq=False)
class Recipe:
    """A Dockerfile that can be read, and the builds that read it."""

    path: str
    data: bytes
    dockerfile: Dockerfile
    stages: tuple[StageFacts, ...]
    builds: tuple[FoundBuild, ...] = ()
    name: str = ""
    """Its service, or more where another Dockerfile builds a service of that name."""

    @property
    def runs(self) -> Iterator[tuple[StageFacts, Step]]:
        """Every RUN with its stage."""
        return ((stage, step) for stage in self.stages for step in stage.steps if step.is_run)

    @property
    def inline(self) -> bool:
        """Whether no file holds it."""
        return bool(self.builds) and self.builds[0].inline is not None

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts in which it is built, each once."""
        return tuple(dict.fromkeys(each.build.context for each in self.builds))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that one of its builds is for, if several at once."""
        return max((each.build.platforms for each in self.builds), key=len, default=())

    def runs_at_once(self, stage: StageFacts) -> bool:
        """Return whether one build runs the steps of a stage for several platforms at once."""
        pinned = "BUILDPLATFORM" in stage.platform or "/" in stage.platform
        return len(self.platforms) > 1 and not pinned

    @property
    def service(self) -> str:
        """A name for what it builds, to keep its caches apart from others."""
        for each in self.builds:
            for place in each.places:
                if place.how in ("compose", "bake") and place.name:
                    return slug(place.name)
        directory, _, name = self.path.rpartition("/")
        suffix = _suffix(name)
        above = os.path.basename(os.path.abspath(directory or "."))
        return slug(suffix or above) or "app"

    def script(self, step: Step) -> Script:
        """Return the text of a RUN, to change it."""
        return read_script(self.data, step.instruction, self.dockerfile.escape)

    def fix(self, message: str, changes: Iterable[Change], *, certain: bool = False) -> Fix | None:
        """Return the fix that `changes` are; None if they change nothing or no file holds it."""
        after = changed(self.data, changes)
        if self.inline or self.path == "-" or after == self.data:
            return None
        return Fix(message, (Edit(self.path, self.data, after),), certain)

    def stage_of(self, origin: str) -> StageFacts | None:
        """Return the stage that `--from=origin` means."""
        return next((each for each in self.stages if each.is_called(origin)), None)


def read_recipe(path: str, data: bytes, builds: tuple[FoundBuild, ...] = ()) -> Recipe:
    """Return the Dockerfile `data` that stands at `path`. Raises `DockerfileError`."""
    dockerfile = parse_dockerfile(data)
    arguments = _global_values(dockerfile, builds)
    stages: list[StageFacts] = []
    ends: list[_State] = []
    for stage in dockerfile.stages:
        base = _expanded(stage.base, arguments)
        below = [each for each in stages if each.stage.name and each.stage.name == base]
        parent = below[-1] if below else None
        environment = Environment(dockerfile.escape)
        state = _State(arguments, environment, environment_of(base))
        state.understood = not is_windows(base)
        if parent is not None:
            state = ends[parent.stage.index].inherited()
        steps = tuple(_steps(stage, state))
        image, platform = (parent.base, parent.platform) if parent else (base, stage.platform)
        stages.append(StageFacts(stage, image, platform, parent, steps))
        ends.append(state)
    return Recipe(path, data, dockerfile, tuple(stages), builds)


def _global_values(dockerfile: Dockerfile, builds: tuple[FoundBuild, ...]) -> dict[str, str]:
    """The arguments in front of the first FROM: those of the first build, else the defaults."""
    given = builds[0].build.build_arguments if builds else {}
    values: dict[str, str] = {}
    for instruction in dockerfile.global_arguments:
        for argument in instruction.arguments:
            name, has_default, default = argument.partition("=")
            if name in given:
                values[name] = given[name]
            elif has_default:
                values[name] = _expanded(default, values)
    return values


@dataclass
class _State:
    """What instructions change on the way through a stage."""

    arguments: Mapping[str, str]
    environment: Environment
    given: Mapping[str, str]
    """What the image sets."""
    workdir: str = "/"
    user: str = ""
    understood: bool = True
    """Whether its shell is one of Unix."""

    def inherited(self) -> _State:
        return replace(self, environment=self.environment.inherit())

    def values(self) -> Mapping[str, str]:
        """Return all that is set now."""
        return {**self.given, **self.environment.values}

    def obey(self, instruction: Instruction) -> None:
        keyword = instruction.keyword
        if keyword == "ENV":
            self.environment.obey_env(instruction)
        elif keyword == "ARG":
            self.environment.obey_arg(instruction, {}, Environment("", dict(self.arguments)))
        elif keyword == "WORKDIR" and instruction.arguments:
            self.workdir = posixpath.normpath(
                posixpath.join(self.workdir, self.value(instruction.arguments[0]))
            )
        elif keyword == "USER" and instruction.arguments:
            self.user = self.value(instruction.arguments[0])

    def value(self, word: str) -> str:
        """`word` expanded; variables without a value stay as they are written."""
        try:
            expanded = self.environment.expand(word)
        except DockerfileError:
            return word
        return word if expanded.doubts else expanded.text


def _steps(stage: Stage, state: _State) -> Iterator[Step]:
    for instruction in stage.instructions:
        try:
            state.obey(instruction)
        except DockerfileError:
            continue
        if instruction.keyword == "RUN":
            yield _run(instruction, state)
        elif instruction.keyword in ("COPY", "ADD"):
            yield _copy(instruction, state)


def _run(instruction: Instruction, state: _State) -> Step:
    mounts = [
        (text, mount) for text in instruction.flag_values("mount") for mount in _mount(text, state)
    ]
    return Step(
        instruction,
        state.workdir,
        state.user,
        state.values(),
        commands_of(instruction) if state.understood and is_known(instruction) else (),
        tuple(_cache(text, each, state) for text, each in mounts if each.type == "cache"),
        tuple(
            path_from_root(each.source)[1:] or "."
            for _, each in mounts
            if each.type == "bind" and not each.origin
        ),
        bound=tuple(
            (each.origin, path_from_root(each.source))
            for _, each in mounts
            if each.type == "bind" and each.origin
        ),
    )


def _mount(text: str, state: _State) -> Iterator[Mount]:
    try:
        yield parse_mount(text, state.value)
    except DockerfileError:
        return


def _cache(text: str, mount: Mount, state: _State) -> Cache:
    target = posixpath.normpath(posixpath.join(state.workdir, mount.target))
    identity = mount.id or posixpath.normpath(mount.target)
    return Cache(target, identity, mount.sharing or "shared", text, bool(mount.id))


def _copy(instruction: Instruction, state: _State) -> Step:
    *written, _ = instruction.arguments or ("",)
    words = [state.value(word) for word in written if not parse_heredoc_word(word)]
    local = [word for word in words if "://" not in word and not word.startswith("git@")]
    origin = next(instruction.flag_values("from"), "")
    paths = tuple(path_from_root(word) for word in local)
    sources = () if origin else tuple(path[1:] or "." for path in paths)
    return Step(
        instruction,
        state.workdir,
        state.user,
        state.values(),
        sources=sources,
        origin=origin,
        taken=paths if origin else (),
    )


def _expanded(word: str, values: Mapping[str, str]) -> str:
    """`word` expanded; as it is written where a variable has no value."""
    try:
        expanded = expand(word, values)
    except DockerfileError:
        return word
    return word if expanded.unset else expanded.text


def _suffix(name: str) -> str:
    """Return what distinguishes `Dockerfile.web` or `web.Dockerfile`, `""` for the plain name."""
    lower = name.lower()
    for word in ("dockerfile", "containerfile"):
        for joint in ".-_":
            if lower.startswith(word + joint):
                return name[len(word) + 1 :]
            if lower.endswith(joint + word):
                return name[: -len(word) - 1]
    return ""


def slug(name: str) -> str:
    """`name` as a part of the id of a cache."""
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in name).strip("-.")
