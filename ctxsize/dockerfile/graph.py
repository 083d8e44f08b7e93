"""The stages, images and contexts that a build consists of, and which of them needs which."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from graphlib import CycleError, TopologicalSorter

from ctxsize.dockerfile.images import familiar_name, parse_platform
from ctxsize.dockerfile.instructions import Dockerfile, Instruction, Stage, located
from ctxsize.dockerfile.sources import (
    Doubts,
    Expanded,
    Failure,
    Lack,
    Source,
    UnknownName,
    mount_origin,
    resting_on,
)
from ctxsize.dockerfile.stages import BuiltStage, StageStep, StageSteps, build_stage
from ctxsize.dockerfile.state import Environment, StageState
from ctxsize.dockerfile.words import Variables
from ctxsize.dockerfile.words import expand as expand_word
from ctxsize.errors import DockerfileError, UndecidedError
from ctxsize.hidden import shown
from ctxsize.values import Mutable, Value

SCRATCH = "scratch"
_PATH = Expanded("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
_INDEX = "[-+]?[0-9]{1,18}"
_WRITING = frozenset(("ADD", "COPY", "RUN", "WORKDIR"))  # instructions that add files to a result


class StageRules(Value):
    """Ways in which a builder follows the stages of a Dockerfile otherwise than BuildKit."""

    builds_all: bool = False  # every stage up to the target, needed or not
    makes_volumes: bool = False  # VOLUME makes a directory
    ignores_heredocs: bool = False  # of COPY and ADD
    needs_matches: bool = False  # a COPY fails if none of its wildcards matches anything
    refused: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Flags that it refuses, without their dashes, by the keyword of their instruction."""


BUILDKIT = StageRules()


class Node(Mutable):
    """A stage, an image or a context that is taken from.

    A stage has the `name` of its base, which may depend on `doubts`. `context` is the one that it
    is, or that replaces it or its base; `""` is the build context. Only a stage whose steps are
    followed has an `index`.
    """

    name: str
    line: int = 0
    label: str = ""
    context: str | None = None
    is_named: bool = True  # False if arguments without a value are the name of its base
    base: Node | None = None
    doubts: Doubts = frozenset()
    built: BuiltStage | None = None
    index: int = -1
    paths: set[str] = field(default_factory=set)  # taken from it; shared with stages based on it
    sources: list[Source] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    """Nodes whose content ends up in this one's result (a subset of its dependencies)."""
    is_empty: bool = False  # True if its result is known to have no files
    failures: list[Failure] = field(default_factory=list)
    """Reasons why the build fails if its result is needed, found in its own steps."""

    @property
    def steps(self) -> StageSteps:
        if self.built:
            return self.built.steps
        return ()

    @property
    def image(self) -> str:
        """Return the name of the image, or named context, at the root of its ancestry."""
        node = self
        while node.base:
            node = node.base
        return node.name

    @property
    def title(self) -> str:
        """Return the name of the node in messages."""
        if self.built:
            return f"the stage {shown(self.label)}"
        return shown(self.name)


class SharedStages(Mutable):
    """The stages of a Dockerfile as they are built, for all targets, and what they depend on.

    `outer` has the arguments before the first FROM, `build_arguments` the values of `--build-arg`.
    `contexts` are the named ones in the short spelling, and whether each is an image.
    """

    outer: Environment
    build_arguments: Variables
    contexts: Mapping[str, bool]
    _stages: list[BuiltStage] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Characters expanded before each stage, and after all.
        self._expanded = [*self.outer.spent]

    def start(self) -> None:
        """Count expanded characters again as for the first build."""
        self.outer.spent[0] = self._expanded[0]

    def built(
        self, stage: Stage, base: str | BuiltStage, state: StageState, *, is_replaced: bool
    ) -> BuiltStage:
        """Return a stage as `build_stage` does, which builds it only for the first build."""
        stages = self._stages
        index = stage.index
        if index == len(stages):
            stages.append(build_stage(stage, base, state, is_replaced=is_replaced))
            self._expanded.append(self.outer.spent[0])
        self.outer.spent[0] = self._expanded[index + 1]
        return stages[index]

    def named(self, name: str) -> str | None:
        """Return the named context that is the same image as `name`."""
        familiar = familiar_name(name)
        if familiar in self.contexts:
            return familiar
        return None

    def knows(self, base: Node) -> bool:
        """Return whether a base is known to have no variables and triggers of its own."""
        if base.context is None:
            return base.name == SCRATCH
        return not self.contexts[base.context]

    def beginning(self, base: Node) -> StageState:
        """Return the state in which a stage on an image or a named context begins."""
        path = _PATH
        directory = "/"
        is_unknown = not self.knows(base)
        if is_unknown:
            path = replace(path, doubts=frozenset((UnknownName("environment", "PATH"),)))
            directory = ""
        outer = self.outer
        environment = Environment(outer.escape, open_ended=is_unknown, spent=outer.spent)
        environment = environment.set("PATH", path, in_image=True)
        return StageState(
            environment=environment,
            outer=outer,
            build_arguments=self.build_arguments,
            directory=Expanded(directory),
        )


class Graph:
    """The nodes of one build: its `stages`, and those that they depend on."""

    def __init__(self, dockerfile: Dockerfile, shared: SharedStages, rules: StageRules) -> None:
        """Add the stages, and find what each of them takes from."""
        self.shared = shared
        self.stages: list[Node] = []
        self.by_name: dict[str, Node] = {}
        self._writing = _WRITING
        if rules.makes_volumes:
            self._writing |= {"VOLUME"}
        self.origins: dict[StageStep, tuple[Node, ...]] = {}
        self.lacks: dict[Lack, None] = {}  # each once
        shared.start()
        for stage in dockerfile.stages:
            with located(stage.line):
                node = self._stage(stage)
            self.stages.append(node)
            if stage.name:
                self.by_name[stage.name] = node

    def _stage(self, stage: Stage) -> Node:
        """Return the node of a stage; only global arguments count in a FROM."""
        shared = self.shared
        node = self._unbuilt(stage)
        # BuildKit compares a base as written with lower-case names.
        below = self.by_name.get(node.name)
        if node.context is None:
            node.index = stage.index
            node.base = below
            if node.is_named and not below and node.name != SCRATCH:
                with self.noting(stage.line, node.doubts):  # an invalid name fails any build
                    node.context = shared.named(node.name)
        base: str | BuiltStage = node.name
        begin = shared.beginning(below or node)
        starts_empty = node.name == SCRATCH
        is_replaced = False
        if below:
            base = below.built or base
            starts_empty = below.is_empty
            # A stage that a named context replaces leaves its triggers (BuildKit reads them off
            # its `commands`), but no state.
            is_replaced = below.index < 0
        node.built = shared.built(stage, base, begin, is_replaced=is_replaced)
        writes = any(step.keyword in self._writing for step in node.steps)
        node.is_empty = starts_empty and not writes and node.context is None
        return node

    def _unbuilt(self, stage: Stage) -> Node:
        """Return the node of a stage with the name of its base and the context that replaces it."""
        expand = self.shared.outer.expand
        node = Node(stage.base, stage.line, stage.label, is_named=False)
        with self.noting(stage.line):
            base = expand(stage.base)
            with resting_on(base.doubts):
                if not base.text:
                    raise DockerfileError(f"base name ({shown(stage.base)}) should not be blank")
            node.name = base.text
            node.doubts = base.doubts
            node.is_named = True
        if stage.platform:
            with self.noting(stage.line):
                platform = expand(stage.platform)
                with resting_on(platform.doubts):
                    parse_platform(platform.text)
        if stage.name not in ("", SCRATCH, "context"):
            node.context = self.shared.named(stage.name)
        return node

    @contextmanager
    def noting(self, line: int, doubts: Doubts = frozenset()) -> Iterator[None]:
        """Keep an error raised inside as a `Lack` if arguments without a value decide it.

        It must say nothing of what is taken from the contexts.
        """
        try:
            with resting_on(doubts):
                yield
        except UndecidedError as error:
            if not error.arguments:
                raise
            self.lacks[Lack(error.arguments, error.message, line)] = None

    def needed_by(self, targets: Sequence[Node]) -> list[Node]:
        """Return the stages that `targets` need, in file order, and find what triggers take from.

        `resolve_origins` comes first.
        """
        needed = closure(targets, self._dependencies)
        return [stage for stage in self.stages if stage in needed]

    def resolve_origins(self) -> None:
        """Find the origins of all stages, as BuildKit does before it looks at the target.

        Raises DockerfileError for a wrong one, and for stages that take from each other. The
        origins of triggers are found only if the stage is built.
        """
        sorter: TopologicalSorter[Node] = TopologicalSorter()  # Python 3.10 has no subscript
        for node in self.stages:
            sorter.add(node)
            for step in node.steps:
                if not step.is_inherited:
                    self._resolve(step)
                    sorter.add(node, *self.origins[step])
        try:
            sorter.prepare()
        except CycleError as error:
            circle = error.args[1]
            first = next(node for node in self.stages if node in circle)
            raise circular(first) from None

    def _resolve(self, step: StageStep) -> None:
        with located(step.line):
            self.origins[step] = tuple(self._origins(step.instruction))

    def _dependencies(self, node: Node) -> Iterator[Node]:
        """Yield the nodes that a node depends on, and keep those of its triggers."""
        if node.base:
            yield node.base
        for step in node.steps:
            if step.is_inherited:
                self._resolve(step)
            yield from self.origins[step]

    def _origins(self, instruction: Instruction) -> Iterator[Node]:
        """Yield the nodes that an instruction names in `from=` and `--from`."""
        if instruction.keyword == "RUN":
            for mount in instruction.flag_values("mount"):
                # BuildKit (`detectRunMount`) looks up `scratch` for a mount without an
                # origin, so a stage with that name counts as reached.
                yield self._origin(mount_origin(mount) or SCRATCH)
        for name in filter(None, instruction.flag_values("from")):
            expanded, _ = expand_word(name, {}, escape=self.shared.outer.escape)
            if expanded != name:
                raise DockerfileError(
                    "variable expansion is not supported for --from, define a new stage with FROM"
                    " using ARG from global scope as a workaround"
                )
            # For BuildKit, anything that `strconv.Atoi` refuses is the name of an image.
            if not re.fullmatch(_INDEX, name):
                yield self._origin(name)
                continue
            index = int(name)
            if not 0 <= index < len(self.stages):
                raise DockerfileError(f"invalid stage index {index}")
            yield self.stages[index]

    def _origin(self, name: str) -> Node:
        """Return the stage of that name, else a node for the image or context."""
        if stage := self.by_name.get(name.lower()):
            return stage
        if name == SCRATCH:
            return Node(name, is_empty=True)
        return Node(name, context=self.shared.named(name))


def circular(node: Node) -> DockerfileError:
    """Return the error for a stage that takes from itself, also through others."""
    # The function of BuildKit is `hasCircularDependency`.
    message = f"circular dependency detected on stage: {shown(node.label)}"
    return DockerfileError(message, line=node.line)


def closure(
    starts: Sequence[Node], neighbours: Callable[[Node], Iterable[Node]]
) -> Collection[Node]:
    """Return `starts` and all nodes reachable from them; `neighbours` is called once for each."""
    seen = dict.fromkeys(starts)
    pending = [*starts]
    while pending:
        for node in neighbours(pending.pop()):
            if node not in seen:
                seen[node] = None
                pending.append(node)
    return seen
