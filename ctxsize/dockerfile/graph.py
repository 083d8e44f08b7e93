"""Which stages, images and named contexts a build consists of, and what reaches what.

The rules are those of BuildKit's Dockerfile frontend, in its order, since the
order decides which of several complaints is made.
"""

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
_INDEX = re.compile("([-+]?)0*([0-9]{1,19})")


@dataclass(eq=False)
class Node:
    """A stage, or an image or named context that is copied from.

    `context` is the named context that stands in for it; `paths` what is taken
    from it and `sources` by what, both shared with the stages based on it;
    `doubts` are the unknown values on which its base rests; `inputs` the nodes
    that its result is really made from, which are fewer than it depends on.
    Each step comes with the nodes that `--from` and `from=` name: a RUN has one per
    mount, which without a `from=` is the empty image, whatever the mount then takes.
    """

    base_name: str
    line: int
    stage: Stage | None = None
    doubts: frozenset[Doubt] = frozenset()
    base: Node | None = None
    context: str = ""
    replaced: bool = False
    """Whether its named context stands in for a stage."""
    done: bool = False
    """Whether others can take from it."""
    steps: list[tuple[StageStep, tuple[Node, ...]]] = field(default_factory=list)
    triggered: bool = False
    paths: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    uses_context: bool = False

    def origins(self) -> Iterator[Node]:
        """Yield what its instructions take from."""
        for _, origins in self.steps:
            yield from origins

    def dependencies(self) -> Iterator[Node]:
        """Yield what this node cannot be built without."""
        if self.base:
            yield self.base
        yield from self.origins()


class Graph:
    """The nodes of one build, stages first and in file order."""

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
        self.nodes: list[Node] = []
        self._known: set[Node] = set()
        self._by_name: dict[str, Node] = {}
        for stage in dockerfile.stages:
            self._add_stage(stage)
        replaced = {name for name, node in self._by_name.items() if node.replaced}
        self.built = [*follow(dockerfile, outer, self._begin, replaced)]

    def _add_stage(self, stage: Stage) -> None:
        """Add the node of a stage; only global arguments count in a FROM."""
        with located(stage.line):
            base = self._outer.expand(stage.base)
            if not base.text:
                with resting_on(base.doubts):
                    raise DockerfileError(f"base name ({stage.base}) should not be blank")
            self._check_platform(stage)
            node = Node(base.text, stage.line, stage, base.doubts)
            if stage.name not in ("", SCRATCH, "context"):
                node.context = self._context(stage.name, "invalid context name", shown=str)
        node.replaced = node.done = bool(node.context)
        if not node.replaced:
            # A base is compared as written, while names are lower case.
            node.base = self._by_name.get(node.base_name)
        self._add(node)
        if stage.name:
            self._by_name[stage.name] = node

    def _check_platform(self, stage: Stage) -> None:
        if not stage.platform:
            return
        platform = self._outer.expand(stage.platform)
        with resting_on(platform.doubts):
            if not platform.text:
                raise DockerfileError(f"empty platform value from expression {stage.platform}")
            try:
                parse_platform(platform.text)
            except DockerfileError as error:
                message = f"failed to parse platform {stage.platform}: {error.message}"
                raise DockerfileError(message) from None

    def _context(self, name: str, problem: str, *, shown: Callable[[str], str]) -> str:
        """Return the named context that is the same image as `name`, or ""."""
        try:
            familiar = familiar_name(name)
        except DockerfileError as error:
            raise DockerfileError(f"{problem} {shown(name)}: {error.message}") from None
        return familiar if familiar in self._contexts else ""

    def _begin(self, base: str) -> StageState:
        """Return the state in which a stage on an image or a named context begins."""
        context = ""
        with suppress(DockerfileError):
            context = "" if base == SCRATCH else self._context(base, "", shown=str)
        is_known = self._is_known(base, context)
        environment = Environment(self._outer.escape, made=self._outer.made).start(is_known)
        directory = Expanded("/" if is_known else "")
        return StageState(environment, self._outer, self._given, directory)

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self._known.add(node)

    def find_target(self, target: str) -> Node:
        """Return the stage called `target`, in any case; the last one if it is empty."""
        if not target:
            return self.nodes[-1]
        node = self._by_name.get(target.lower())
        if node is None:
            hint = f"one of {', '.join(self._by_name)}" if self._by_name else None
            raise DockerfileError(f"target stage {quoted(target)} could not be found", hint=hint)
        return node

    def connect(self) -> None:
        """Give every stage its steps, adding nodes for what is no stage."""
        for node, built in zip(tuple(self.nodes), self.built, strict=True):
            node.steps = [self._connected(each) for each in built.own]
        self._check_cycles()

    def _connected(self, step: StageStep) -> tuple[StageStep, tuple[Node, ...]]:
        with located(step.line):
            origins = tuple(self._origins(step.instruction))
        # New nodes join in only now: within an instruction they are not found.
        for origin in origins:
            if origin not in self._known:
                self._add(origin)
        return step, origins

    def _origins(self, instruction: Instruction) -> Iterator[Node]:
        """Yield the nodes that an instruction takes from."""
        if instruction.keyword == "COPY":
            for name in filter(None, instruction.flag_values("from")):
                yield self._copy_origin(name, instruction.line)
        elif instruction.keyword == "RUN":
            for mount in instruction.flag_values("mount"):
                # BuildKit (`detectRunMount`) looks up even the origin that a mount does
                # not have, so a stage that is called scratch counts as reached.
                yield self._origin(mount_origin(mount) or SCRATCH, instruction.line)

    def _copy_origin(self, name: str, line: int) -> Node:
        if expand(name, {}, escape=self._outer.escape).text != name:
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
        return self._by_name.get(name.lower()) or Node(name, line, done=True)

    def _check_cycles(self) -> None:
        """Raise if a stage copies, through others or not, from itself.

        The function of BuildKit is `validateCircularDependency`.
        """
        finished: set[Node] = set()
        for start in self.nodes:
            trail, on_trail = [(start, start.origins())], {start}
            while trail:
                node, origins = trail[-1]
                following = next((each for each in origins if each not in finished), None)
                if following is None:
                    finished.add(node)
                    on_trail.remove(node)
                    trail.pop()
                elif following in on_trail:
                    label = start.stage.label if start.stage else start.base_name
                    message = f"circular dependency detected on stage: {label}"
                    raise DockerfileError(message, line=start.line)
                else:
                    on_trail.add(following)
                    trail.append((following, following.origins()))

    def resolve(self, target: Node) -> set[Node]:
        """Return the nodes that `target` needs, with base images and ONBUILD worked in."""
        resolved = 0
        while True:
            for node in self.nodes[resolved:]:
                self._resolve_base(node)
            resolved = len(self.nodes)
            reachable = closure(target, Node.dependencies)
            stages = zip(tuple(self.nodes), self.built, strict=False)
            if not sum(self._trigger(*each) for each in stages if each[0] in reachable):
                return reachable

    def _resolve_base(self, node: Node) -> None:
        """Find out what an image name stands for; a name that is none fails any build."""
        if node.base or (node.base_name == SCRATCH and not node.replaced):
            return
        problem = "failed to parse stage name"
        with located(node.line), resting_on(node.doubts):
            context = self._context(node.base_name, problem, shown=quoted)
        node.context = node.context or context

    def unknowns(self, node: Node) -> Iterator[Unknown]:
        """Yield what is not known of the name of a stage's base, or of that image's triggers."""
        if node.stage is None:
            return
        for kind, name in sorted(node.doubts):
            yield Unknown(kind, name, node.line)
        if not (node.base or node.replaced or self._is_known(node.base_name, node.context)):
            yield Unknown("onbuild", node.base_name, node.line)

    def _is_known(self, base: str, context: str) -> bool:
        """Return whether no image with variables and triggers of its own is behind a base."""
        return not self._contexts[context] if context else base == SCRATCH

    def _trigger(self, node: Node, built: BuiltStage) -> bool:
        """Put the base's ONBUILD triggers in front; return whether they need further nodes."""
        if node.triggered:
            return False
        node.triggered = True
        steps = [self._connected(each) for each in built.steps if each.is_inherited]
        node.steps = steps + node.steps
        return any(origins for _, origins in steps)


def closure(start: Node, following: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Return `start` and every node that `following` leads to from there."""
    seen = {start}
    pending = [start]
    while pending:
        fresh = [node for node in following(pending.pop()) if node not in seen]
        seen.update(fresh)
        pending += fresh
    return seen
