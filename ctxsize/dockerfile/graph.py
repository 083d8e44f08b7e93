"""Which stages, images and named contexts a build consists of, and what reaches what.

The rules are those of BuildKit's Dockerfile frontend, in its order, since the
order decides which of several complaints is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ctxsize.dockerfile.complaints import did_you_mean, located, quoted
from ctxsize.dockerfile.images import familiar_name, parse_platform
from ctxsize.dockerfile.instructions import Instruction, Stage
from ctxsize.dockerfile.mounts import mount_origin
from ctxsize.dockerfile.parse import parse_trigger
from ctxsize.dockerfile.sources import Source
from ctxsize.dockerfile.state import Doubt, Environment, StageState, resting_on
from ctxsize.dockerfile.words import expand
from ctxsize.errors import DockerfileError, UndecidedError

SCRATCH = "scratch"
_INDEX = re.compile("([-+]?)0*([0-9]{1,19})")
_MOST_TRIGGERED = 100_000
"""Number of instructions that triggers may add: each stage adds all those of its base."""
_ONBUILD = re.compile(r"^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE)


@dataclass(frozen=True)
class ImageConfig:
    """What matters of a base image's configuration: its variables and ONBUILD triggers."""

    env: Mapping[str, str] = field(default_factory=dict)
    onbuild: tuple[str, ...] = ()
    directory: str = "/"
    """Where WORKDIR led."""


@dataclass(frozen=True, eq=False)
class NodeStep:
    """An instruction in its stage, with the nodes that `--from` and `from=` name.

    A RUN has one origin per mount, in order; without a `from=` it is the
    empty image, whatever the mount then takes.
    """

    instruction: Instruction
    origins: tuple[Node, ...]


@dataclass(eq=False)
class Node:
    """A stage, or an image or named context that is copied from.

    `context` is the named context that stands in for it; `paths` what is taken
    from it and `sources` by what, both shared with the stages based on it;
    `doubts` are the unknown values on which its base rests; `inputs` the nodes
    that its result is really made from, which are fewer than it depends on.
    """

    base_name: str
    line: int
    name: str = ""
    label: str = ""
    doubts: frozenset[Doubt] = frozenset()
    is_stage: bool = False
    base: Node | None = None
    context: str = ""
    replaced: bool = False
    done: bool = False
    image: ImageConfig | None = None
    steps: list[NodeStep] = field(default_factory=list)
    triggered: bool = False
    paths: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    uses_context: bool = False
    state: StageState = field(default_factory=StageState)

    def dependencies(self) -> Iterator[Node]:
        """Yield what this node cannot be built without."""
        if self.base:
            yield self.base
        for step in self.steps:
            yield from step.origins


class Graph:
    """The nodes of one build, stages first and in file order."""

    def __init__(
        self, escape: str, images: Mapping[str, ImageConfig], named_contexts: Collection[str]
    ) -> None:
        self.escape = escape
        self.images = images
        self.named_contexts = frozenset(map(familiar_name, named_contexts))
        self.nodes: list[Node] = []
        self._known: set[Node] = set()
        self._triggered = 0
        self.by_name: dict[str, Node] = {}

    def add_stage(self, stage: Stage, arguments: Environment) -> None:
        """Add the node of a stage; only global arguments count in a FROM."""
        with located(stage.line):
            base = arguments.expand(stage.base)
            if not base.text:
                with resting_on(base.doubts):
                    raise DockerfileError(f"base name ({stage.base}) should not be blank")
            self._check_platform(stage, arguments)
            node = Node(base.text, stage.line, stage.name, stage.label, base.doubts, is_stage=True)
            node.context = self._named_context(stage.name)
        node.replaced = bool(node.context)
        self._add(node)
        if node.replaced:
            node.base = None

    @staticmethod
    def _check_platform(stage: Stage, arguments: Environment) -> None:
        if not stage.platform:
            return
        platform = arguments.expand(stage.platform)
        with resting_on(platform.doubts):
            if not platform.text:
                raise DockerfileError(f"empty platform value from expression {stage.platform}")
            try:
                parse_platform(platform.text)
            except DockerfileError as error:
                message = f"failed to parse platform {stage.platform}: {error.message}"
                raise DockerfileError(message) from None

    def _named_context(self, stage_name: str) -> str:
        """Return the named context that replaces a stage, or ""; two names never are replaced."""
        if not stage_name or stage_name in (SCRATCH, "context"):
            return ""
        return self._replacement(stage_name, "invalid context name", shown=str)

    def _replacement(self, name: str, problem: str, *, shown: Callable[[str], str]) -> str:
        """Return the named context that is the same image as `name`, or ""."""
        try:
            familiar = familiar_name(name)
        except DockerfileError as error:
            raise DockerfileError(f"{problem} {shown(name)}: {error.message}") from None
        return familiar if familiar in self.named_contexts else ""

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self._known.add(node)
        # A base is compared as written, while names are lower case.
        node.base = self.by_name.get(node.base_name)
        if node.name:
            self.by_name[node.name] = node

    def find_target(self, target: str) -> Node:
        """Return the stage called `target`, in any case; the last one if it is empty."""
        if not target:
            return self.nodes[-1]
        node = self.by_name.get(target.lower())
        if node is None:
            labels = [node.label for node in self.nodes]
            hint = did_you_mean(target, labels)
            raise DockerfileError(f"target stage {quoted(target)} could not be found", hint=hint)
        return node

    def connect(self, stages: Iterable[Stage]) -> None:
        """Give every stage its steps, adding nodes for what is no stage."""
        for node, stage in zip(tuple(self.nodes), stages, strict=True):
            node.steps = [self.step(each) for each in stage.instructions]
        self._check_cycles()

    def step(self, instruction: Instruction) -> NodeStep:
        """Return the instruction with the nodes that it takes from."""
        origins: tuple[Node, ...] = ()
        with located(instruction.line):
            if instruction.keyword == "COPY":
                names = [name for name in instruction.flag_values("from") if name]
                origins = tuple(self._copy_origin(name, instruction.line) for name in names)
            elif instruction.keyword == "RUN":
                mounts = map(mount_origin, instruction.flag_values("mount"))
                # BuildKit (`detectRunMount`) looks up even the origin that a mount does
                # not have, so a stage that is called scratch counts as reached.
                origins = tuple(self._origin(name or SCRATCH, instruction.line) for name in mounts)
        # New nodes join in only now: within an instruction they are not found.
        for origin in origins:
            if origin not in self._known:
                self._add(origin)
        return NodeStep(instruction, origins)

    def _copy_origin(self, name: str, line: int) -> Node:
        if expand(name, {}, escape=self.escape).text != name:
            raise DockerfileError(
                "variable expansion is not supported for --from, define a new stage with FROM"
                " using ARG from global scope as a workaround"
            )
        # What is beyond 64 bits is no number for `strconv.Atoi`, and so the name of an image.
        digits = _INDEX.fullmatch(name)
        index = int(digits[1] + digits[2]) if digits else None
        if index is None or not -(1 << 63) <= index < 1 << 63:
            return self._origin(name, line)
        if not 0 <= index < len(self.nodes):
            raise DockerfileError(f"invalid stage index {index}")
        return self.nodes[index]

    def _origin(self, name: str, line: int) -> Node:
        return self.by_name.get(name.lower()) or Node(name, line)

    def _check_cycles(self) -> None:
        """Raise if a stage copies, through others or not, from itself.

        The function of BuildKit is `validateCircularDependency`.
        """
        finished: set[Node] = set()
        for start in self.nodes:
            trail, on_trail = [(start, _origins(start))], {start}
            while trail:
                node, origins = trail[-1]
                following = next((each for each in origins if each not in finished), None)
                if following is None:
                    finished.add(node)
                    on_trail.remove(node)
                    trail.pop()
                elif following in on_trail:
                    message = f"circular dependency detected on stage: {start.label}"
                    raise DockerfileError(message, line=start.line)
                else:
                    on_trail.add(following)
                    trail.append((following, _origins(following)))

    def resolve(self, target: Node) -> set[Node]:
        """Return the nodes that `target` needs, with base images and ONBUILD worked in."""
        while True:
            reachable = closure(target, Node.dependencies)
            for node in tuple(self.nodes):
                self._resolve_base(node, reached=node in reachable)
            stages = [node for node in self.nodes if node.is_stage and node in reachable]
            if sum(self._pull_triggers(node) for node in stages) == 0:
                return reachable

    def _resolve_base(self, node: Node, *, reached: bool) -> None:
        """Find out what an image name stands for; a name that is none fails any build."""
        if node.base or node.done or (node.base_name == SCRATCH and not node.replaced):
            node.done = node.done or not (node.is_stage or node.base)
            return
        with located(node.line), resting_on(node.doubts):
            problem = "failed to parse stage name"
            context = self._replacement(node.base_name, problem, shown=quoted)
        if reached and not node.replaced:
            node.context = context
        if reached and not node.context:
            node.image = self.images.get(node.base_name)
        node.done = not node.is_stage or (reached and node.replaced)

    def _pull_triggers(self, node: Node) -> bool:
        """Put the base's ONBUILD triggers in front; return whether they need further nodes."""
        if node.triggered:
            return False
        node.triggered = True
        triggers = [(text, node.line) for text in (node.image.onbuild if node.image else ())]
        if node.base:
            triggers += _triggers_of(node.base)
        self._triggered += len(triggers)
        if self._triggered > _MOST_TRIGGERED:
            message = f"ctxsize follows no more than {_MOST_TRIGGERED:,} instructions from ONBUILD"
            raise UndecidedError(message, line=node.line)
        steps: list[NodeStep] = []
        for text, line in triggers:
            with located(line, outermost=True):
                instruction = replace(parse_trigger(text), line=line, end_line=line)
                steps.append(self.step(instruction))
        node.steps = steps + node.steps
        return any(step.origins for step in steps)


def _triggers_of(base: Node) -> list[tuple[str, int]]:
    """Return the texts and lines of a stage's ONBUILD instructions."""
    triggers: list[tuple[str, int]] = []
    for step in base.steps:
        instruction = step.instruction
        if instruction.keyword == "ONBUILD":
            text = _ONBUILD.sub("", instruction.text)
            bodies = (f"\n{each.content}{each.name}" for each in instruction.heredocs)
            triggers.append(("".join((text, *bodies)), instruction.line))
    return triggers


def _origins(node: Node) -> Iterator[Node]:
    for step in node.steps:
        yield from step.origins


def closure(start: Node, following: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Return `start` and every node that `following` leads to from there."""
    seen = {start}
    pending = [start]
    while pending:
        fresh = [node for node in following(pending.pop()) if node not in seen]
        seen.update(fresh)
        pending += fresh
    return seen
