"""The stages, images and named contexts that a build of one target consists of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ctxsize.dockerfile.images import familiar_name, parse_platform
from ctxsize.dockerfile.instructions import Dockerfile, Instruction, Stage, located
from ctxsize.dockerfile.sources import Source, Unknown, mount_origin
from ctxsize.dockerfile.stages import BuiltStage, StageStep, follow
from ctxsize.dockerfile.state import Doubt, Environment, Expanded, StageState, resting_on
from ctxsize.dockerfile.words import expand, quoted
from ctxsize.errors import DockerfileError

SCRATCH = "scratch"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INDEX = re.compile("[-+]?[0-9]{1,18}")


@dataclass(eq=False)
class Node:
    """A stage, or an image or named context that is copied from."""

    base_name: str
    line: int
    index: int = -1
    """The index of a stage whose steps are followed, else -1."""
    built: BuiltStage | None = None
    doubts: frozenset[Doubt] = frozenset()
    """The unknown values that the name of its base depends on."""
    base: Node | None = None
    context: str = ""
    """The named context that replaces it or its base."""
    steps: list[tuple[StageStep, tuple[Node, ...]]] = field(default_factory=list)
    """The steps, each with the nodes of its `--from` and `from=`. A RUN has one node per mount:
    the empty image if the mount has no `from=`."""
    paths: set[str] = field(default_factory=set)
    """Paths taken from it: shared, like `sources`, with the stages based on it."""
    sources: list[Source] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    """Nodes that its result is made from: fewer than it depends on."""
    uses_context: bool = False

    @property
    def label(self) -> str:
        """Return the label of a stage that is followed."""
        return self.built.stage.label if self.built else ""


class Graph:
    """The nodes of one build."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        outer: Environment,
        given: Mapping[str, str],
        contexts: Mapping[str, bool],
    ) -> None:
        """Add the stages; `contexts` are the named ones, and whether each is an image."""
        self._outer = outer
        self._given = given
        self._contexts = {familiar_name(name): is_image for name, is_image in contexts.items()}
        self._by_name: dict[str, Node] = {}
        self.stages: list[Node] = []
        for stage in dockerfile.stages:
            node = self._stage(stage)
            self.stages.append(node)
            if stage.name:
                self._by_name[stage.name] = node
        replaced = {name for name, node in self._by_name.items() if node.index < 0}
        for at, built in enumerate(follow(dockerfile, outer, self._begin, replaced)):
            self.stages[at].built = built

    def _stage(self, stage: Stage) -> Node:
        """Return the node of a stage; only global arguments count in a FROM."""
        with located(stage.line):
            base = self._outer.expand(stage.base)
            if not base.text:
                with resting_on(base.doubts):
                    raise DockerfileError(f"base name ({stage.base}) should not be blank")
            if stage.platform:
                self._check_platform(stage)
            context = ""
            if stage.name not in ("", SCRATCH, "context"):
                context = self._context(stage.name, f"invalid context name {stage.name}")
            # BuildKit compares a base as written with lower-case names.
            below = None if context else self._by_name.get(base.text)
            index = -1 if context else stage.index
            if not (context or below or base.text == SCRATCH):
                # An invalid name fails any build.
                with resting_on(base.doubts):
                    context = self._context(base.text)
        return Node(base.text, stage.line, index, None, base.doubts, below, context)

    def _check_platform(self, stage: Stage) -> None:
        platform = self._outer.expand(stage.platform)
        with resting_on(platform.doubts):
            if not platform.text:
                raise DockerfileError(f"empty platform value from expression {stage.platform}")
            try:
                parse_platform(platform.text)
            except DockerfileError as error:
                message = f"failed to parse platform {stage.platform}: {error.message}"
                raise DockerfileError(message) from None

    def _context(self, name: str, problem: str = "failed to parse stage name {}") -> str:
        """Return the named context that is the same image as `name`, or ""."""
        try:
            familiar = familiar_name(name)
        except DockerfileError as error:
            raise DockerfileError(f"{problem.format(quoted(name))}: {error.message}") from None
        return familiar if familiar in self._contexts else ""

    def _begin(self, base: str) -> StageState:
        """Return the state in which a stage on an image or a named context begins."""
        context, outer = "", self._outer
        with suppress(DockerfileError):
            context = "" if base == SCRATCH else self._context(base)
        is_known = self._is_known(base, context)
        path = Expanded(_PATH, frozenset(() if is_known else {("environment", "PATH")}))
        environment = Environment(outer.escape, open_ended=not is_known, made=outer.made)
        environment = environment.set_in_image("PATH", path)
        return StageState(environment, outer, self._given, Expanded("/" if is_known else ""))

    def _is_known(self, base: str, context: str) -> bool:
        """Return whether a base is known to have no variables and triggers of its own."""
        return not self._contexts[context] if context else base == SCRATCH

    def target(self, name: str) -> Node:
        """Return the stage with a name, upper or lower case; the last stage for `""`."""
        node = self._by_name.get(name.lower()) if name else self.stages[-1]
        if node is None:
            hint = f"one of {', '.join(self._by_name)}" if self._by_name else None
            raise DockerfileError(f"target stage {quoted(name)} could not be found", hint=hint)
        return node

    def connected(self, node: Node) -> list[Node]:
        """Give a node its steps, and return the nodes that it depends on."""
        for step in node.built.steps if node.built else ():
            with located(step.line):
                node.steps.append((step, tuple(self._origins(step.instruction))))
        origins = [origin for _, found in node.steps for origin in found]
        return [node.base, *origins] if node.base else origins

    def _origins(self, instruction: Instruction) -> Iterator[Node]:
        """Yield the nodes that an instruction takes from."""
        if instruction.keyword == "COPY":
            for name in filter(None, instruction.flag_values("from")):
                yield self._copy_origin(name, instruction.line)
        elif instruction.keyword == "RUN":
            for mount in instruction.flag_values("mount"):
                # BuildKit (`detectRunMount`) looks up `scratch` for a mount without an
                # origin, so a stage with that name counts as reached.
                yield self._origin(mount_origin(mount) or SCRATCH, instruction.line)

    def _copy_origin(self, name: str, line: int) -> Node:
        if expand(name, {}, escape=self._outer.escape).text != name:
            raise DockerfileError(
                "variable expansion is not supported for --from, define a new stage with FROM"
                " using ARG from global scope as a workaround"
            )
        # For BuildKit, anything that `strconv.Atoi` refuses is the name of an image.
        if not _INDEX.fullmatch(name):
            return self._origin(name, line)
        if not 0 <= int(name) < len(self.stages):
            raise DockerfileError(f"invalid stage index {int(name)}")
        return self.stages[int(name)]

    def _origin(self, name: str, line: int) -> Node:
        if stage := self._by_name.get(name.lower()):
            return stage
        return Node(name, line, context="" if name == SCRATCH else self._context(name))

    def unknowns(self, node: Node) -> Iterator[Unknown]:
        """Yield the unknowns in the name of a stage's base and in the triggers of that image."""
        for kind, name in sorted(node.doubts):
            yield Unknown(kind, name, node.line)
        is_image = node.index >= 0 and node.base is None
        if is_image and not self._is_known(node.base_name, node.context):
            yield Unknown("onbuild", node.base_name, node.line)


def closure(start: Node, following: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Return `start` and all nodes reachable from it; `following` is called once for each."""
    seen = {start}
    pending = [start]
    while pending:
        fresh = dict.fromkeys(node for node in following(pending.pop()) if node not in seen)
        seen.update(fresh)
        pending += fresh
    return seen
