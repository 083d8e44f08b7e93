"""The stages, images and contexts that a build consists of, and what each takes from others."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ctxsize.dockerfile import instructions, sources
from ctxsize.dockerfile.arguments import check_built_in, check_value
from ctxsize.dockerfile.images import familiar_name, parse_platform
from ctxsize.dockerfile.instructions import Dockerfile, Instruction, Stage, located
from ctxsize.dockerfile.sources import Doubt, Expanded, Failure, Mount, Source, Unknown, resting_on
from ctxsize.dockerfile.stages import BuiltStage, StageStep, build_stage
from ctxsize.dockerfile.state import Environment, StageState
from ctxsize.dockerfile.words import expand, quoted
from ctxsize.errors import DockerfileError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import hidden_as, shown

SCRATCH = "scratch"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INDEX = re.compile("[-+]?[0-9]{1,18}")
_WRITING = ("ADD", "COPY", "RUN", "WORKDIR")  # instructions that add files to a result


@dataclass(frozen=True)
class StageRules:
    """Ways in which a builder follows the stages of a Dockerfile otherwise than BuildKit."""

    builds_all: bool = False  # every stage up to the target, needed or not
    makes_volumes: bool = False  # VOLUME makes a directory
    ignores_heredocs: bool = False  # of COPY and ADD
    needs_matches: bool = False  # a COPY fails if none of its wildcards matches anything
    refused: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Flags that it refuses, without their dashes, by the keyword of their instruction."""


@dataclass(eq=False)
class Node:
    """A stage, an image or a context that is taken from.

    A stage has the `name` of its base, which may depend on `doubts`. `context` is the one that it
    is, or that replaces it or its base; `""` is the build context. Only a stage whose steps are
    followed has an `index`.
    """

    name: str
    line: int = 0
    label: str = ""
    context: str | None = None
    base: Node | None = None
    doubts: frozenset[Doubt] = frozenset()
    built: BuiltStage | None = None
    index: int = -1
    origins: list[tuple[Node, ...]] = field(default_factory=list)
    """For each step, the nodes of its `--from` and `from=`; `scratch` for a mount without one."""
    paths: set[str] = field(default_factory=set)  # taken from it; shared with stages based on it
    sources: list[Source] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)  # what its result is made from, not all needs
    is_empty: bool = False  # True if its result is known to have no files
    failures: list[Failure] = field(default_factory=list)
    """Reasons why the build fails if its result is needed, found in its own steps."""

    @property
    def steps(self) -> tuple[StageStep, ...]:
        if self.built:
            return self.built.steps
        return ()

    @property
    def image(self) -> str:
        """Return the name of the image, or named context, at the root of its ancestry."""
        node = self
        while node.base is not None:
            node = node.base
        return node.name

    @property
    def title(self) -> str:
        """Return what messages call it."""
        if self.built:
            return f"the stage {shown(self.label)}"
        return shown(self.name)


class Graph:
    """The nodes of one build, and what its stages take once they are followed."""

    _node: Node  # the stage that is followed at the moment
    _step: StageStep

    def __init__(
        self,
        dockerfile: Dockerfile,
        outer: Environment,
        given: Mapping[str, str],
        contexts: Mapping[str, bool],
        *,
        built_in: bool,
        rules: StageRules,
    ) -> None:
        """Add the stages; `contexts` are the named ones, and whether each is an image.

        `built_in` is True if the frontend built into Docker reads the Dockerfile.
        """
        self._rules = rules
        self._outer = outer
        self._given = given
        self._built_in = built_in
        self._contexts = {familiar_name(name): is_image for name, is_image in contexts.items()}
        self._by_name: dict[str, Node] = {}
        self._context = Node("", context="")
        self._stages: list[Node] = []
        self.sources: list[Source] = []
        self.unknowns: list[Unknown] = []
        self._caches: set[str] = set()  # ids of the cache mounts of the steps so far
        self._resolved: dict[StageStep, tuple[Node, ...]] = {}
        for stage in dockerfile.stages:
            with located(stage.line):
                node = self._stage(stage)
            self._stages.append(node)
            if stage.name:
                self._by_name[stage.name] = node

    def _stage(self, stage: Stage) -> Node:
        """Return the node of a stage; only global arguments count in a FROM."""
        base = self._outer.expand(stage.base)
        if not base.text:
            with resting_on(base.doubts):
                raise DockerfileError(f"base name ({shown(stage.base)}) should not be blank")
        if stage.platform:
            platform = self._outer.expand(stage.platform)
            with resting_on(platform.doubts):
                parse_platform(platform.text)
        node = Node(base.text, stage.line, stage.label, doubts=base.doubts)
        if stage.name not in ("", SCRATCH, "context"):
            node.context = self._named(stage.name)
        # BuildKit compares a base as written with lower-case names.
        below = self._by_name.get(base.text)
        if node.context is None:
            node.index = stage.index
            node.base = below
            if not below and base.text != SCRATCH:
                with resting_on(base.doubts):  # an invalid name fails any build
                    node.context = self._named(base.text)
        # A stage that a named context replaces leaves its triggers (BuildKit reads them off its
        # `commands`), but no state.
        is_replaced = below is not None and below.index < 0
        if below:
            on = below.built
        else:
            on = None
        begin = self._begin(below or node)
        node.built = build_stage(stage, on or base.text, begin, is_replaced=is_replaced)
        starts_empty = base.text == SCRATCH
        if below:
            starts_empty = below.is_empty
        writing: tuple[str, ...] = _WRITING
        if self._rules.makes_volumes:
            writing = (*_WRITING, "VOLUME")
        writes = any(step.instruction.keyword in writing for step in node.steps)
        node.is_empty = starts_empty and not writes and node.context is None
        return node

    def _named(self, name: str) -> str | None:
        """Return the named context that is the same image as `name`."""
        familiar = familiar_name(name)
        if familiar in self._contexts:
            return familiar
        return None

    def _is_known(self, node: Node) -> bool:
        """Return whether a base is known to have no variables and triggers of its own."""
        if node.context is None:
            return node.name == SCRATCH
        return not self._contexts[node.context]

    def _begin(self, base: Node) -> StageState:
        """Return the state in which a stage on an image or a named context begins."""
        outer = self._outer
        unknown = not self._is_known(base)
        path = Expanded(_PATH, frozenset({("environment", "PATH")} if unknown else ()))
        environment = Environment(outer.escape, open_ended=unknown, made=outer.made)
        environment = environment.set("PATH", path, in_image=True)
        return StageState(environment, outer, self._given, Expanded("" if unknown else "/"))

    def follow(self, target: str) -> Collection[Node]:
        """Follow the stages that a target (`""`: the last) needs; return the nodes that make it."""
        if target:
            node = self._by_name.get(target.lower())
        else:
            node = self._stages[-1]
        if node is None:
            names = ", ".join(map(shown, self._by_name))
            if names:
                hint = f"one of {names}"
            else:
                hint = None
            raise DockerfileError(f"target stage {quoted(target)} could not be found", hint=hint)
        self._resolve_origins()
        built = [node]
        if self._rules.builds_all:
            built = self._stages[: self._stages.index(node) + 1]
        needed = _closure(built, self._dependencies)
        for each in (stage for stage in self._stages if stage in needed):
            self.unknowns += (Unknown(*doubt, each.line) for doubt in sorted(each.doubts))
            if each.index >= 0 and each.base is None and not self._is_known(each):
                self.unknowns.append(Unknown("onbuild", each.name, each.line))
            if each.index >= 0:
                self._follow(each)
        node.paths.add("/")
        return _closure(built, lambda each: each.inputs)

    def _resolve_origins(self) -> None:
        """Find the origins of all stages, as BuildKit does before it looks at the target.

        Raises DockerfileError for a wrong one, and for stages that take from each other. The
        origins of triggers are found only if the stage is built.
        """
        positions = {node: position for position, node in enumerate(self._stages)}
        may_circle = False
        for node, position in positions.items():
            for step in node.steps:
                if step.is_inherited:
                    continue
                with located(step.line):
                    self._resolved[step] = tuple(self._origins(step.instruction))
                may_circle |= any(positions.get(e, -1) >= position for e in self._resolved[step])
        if may_circle:
            self._check_circles()

    def _check_circles(self) -> None:
        """Raise DockerfileError if stages take from each other in a circle; bases do not count."""
        from graphlib import CycleError, TopologicalSorter  # few Dockerfiles need it

        sorter: TopologicalSorter[Node] = TopologicalSorter()  # Python 3.10 has no subscript
        for node in self._stages:
            sorter.add(node, *self._origins_of_own(node))
        try:
            sorter.prepare()
        except CycleError as error:
            circle: list[Node] = error.args[1]
            first = next(node for node in self._stages if node in circle)
            raise _circular(first) from None

    def _origins_of_own(self, node: Node) -> Iterator[Node]:
        """Yield the origins of a stage's own steps."""
        for step in node.steps:
            yield from self._resolved.get(step, ())

    def _dependencies(self, node: Node) -> Iterator[Node]:
        """Yield the nodes that a node depends on, and keep those of each step."""
        if node.base:
            yield node.base
        for step in node.steps:
            with located(step.line):
                origins = self._resolved.get(step)
                if origins is None:
                    origins = tuple(self._origins(step.instruction))
                node.origins.append(origins)
            yield from node.origins[-1]

    def _origins(self, instruction: Instruction) -> Iterator[Node]:
        if instruction.keyword == "RUN":
            for mount in instruction.flag_values("mount"):
                # BuildKit (`detectRunMount`) looks up `scratch` for a mount without an
                # origin, so a stage with that name counts as reached.
                yield self._origin(sources.mount_origin(mount) or SCRATCH)
        for name in filter(None, instruction.flag_values("from")):
            if expand(name, {}, escape=self._outer.escape)[0] != name:
                raise DockerfileError(
                    "variable expansion is not supported for --from, define a new stage with FROM"
                    " using ARG from global scope as a workaround"
                )
            # For BuildKit, anything that `strconv.Atoi` refuses is the name of an image.
            if not _INDEX.fullmatch(name):
                yield self._origin(name)
            elif 0 <= int(name) < len(self._stages):
                yield self._stages[int(name)]
            else:
                raise DockerfileError(f"invalid stage index {int(name)}")

    def _origin(self, name: str) -> Node:
        if stage := self._by_name.get(name.lower()):
            return stage
        if name == SCRATCH:
            return Node(name, is_empty=True)
        return Node(name, context=self._named(name))

    def _follow(self, node: Node) -> None:
        """Collect the paths that one stage takes; its base must have been followed before."""
        if node.built and node.built.fault is not None:
            with located(node.line):
                raise node.built.fault
        if node.base:
            node.paths, node.sources = node.base.paths, node.base.sources
            node.inputs.append(node.base)
        self._node = node
        for self._step, origins in zip(node.steps, node.origins, strict=True):
            with located(self._step.line):
                if self._step.is_inherited and self._step.fault is not None:
                    raise self._step.fault  # a trigger that is parsed only now may have no words
                self._obey(self._step.instruction, origins)
                if self._step.fault is not None:
                    raise self._step.fault

    def _obey(self, instruction: Instruction, origins: Sequence[Node]) -> None:
        if self._built_in:
            check_built_in(instruction)
        self._refuse(instruction)
        if self._step.is_copy:
            self._copy(origins[0] if origins else self._context)
        elif self._step.is_run:
            self._run(origins)
        elif instruction.keyword in ("EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL"):
            for value in self._expanded(instruction.arguments):
                with resting_on(value.doubts):
                    check_value(instruction.keyword, value.text)

    def _refuse(self, instruction: Instruction) -> None:
        """Record the flags of an instruction that the builder refuses."""
        refused = self._rules.refused.get(instruction.keyword, ())
        for flag in dict.fromkeys(each.removeprefix("--") for each in instruction.flags):
            for text in (flag, flag.partition("=")[0]):
                if text in refused:
                    message = f"{instruction.keyword} --{text}: only BuildKit accepts this option"
                    self._fail(message, Expanded(""))

    def _expanded(self, words: Iterable[str]) -> list[Expanded]:
        return [self._step.environment.expand(word) for word in words]

    def _copy(self, origin: Node) -> None:
        instruction = self._step.instruction
        *written, destination = instruction.arguments
        files = [word for word in written if not instructions.parse_heredoc_word(word)]
        if not files and self._rules.ignores_heredocs:
            message = (
                f"{instruction.keyword} has no source, as only BuildKit and Podman read heredocs"
            )
            self._fail(message, Expanded(""))
        # An error in a word fails the build, also where the value does not matter here.
        for flag in ("chmod", "chown", "checksum"):
            self._expanded(instruction.flag_values(flag))
        *values, _ = self._expanded((*files, destination))
        for heredoc in instruction.heredocs:
            if heredoc.expand:
                self._step.environment.expand(heredoc.content, quotes=False)
        self._check_order(origin, self._step.origin)
        for word, value in zip(files, values, strict=True):
            is_url = sources.is_url(value.text)
            if sources.is_git(value.text):
                kind = "git"
            else:
                kind = instruction.keyword.lower()
            if instruction.keyword == "COPY" and (is_url or kind == "git"):
                raise DockerfileError("COPY fetches neither URLs nor git repositories: use ADD")
            if not is_url:
                self._take(origin, word, value, kind)
        if origin.is_empty and instruction.keyword == "COPY" and not _keeps_parents(instruction):
            self._lack(origin, [*zip(files, values, strict=True)])

    def _lack(self, origin: Node, words: Sequence[tuple[str, Expanded]]) -> None:
        """Record which sources of a COPY, as written and expanded, an empty origin lacks."""
        missing = f"not found, as {origin.title} is empty"
        is_wild = []
        for word, value in words:
            path = sources.path_from_root(value.text)[1:]
            # BuildKit looks up a directory without wildcards, also one before them.
            part = path
            if not self._rules.needs_matches:
                part = path.partition("/")[0]
            is_wild.append(has_wildcards(part))
            if part and not is_wild[-1]:
                self._fail(f"COPY {shown(word)}: {missing}", value)
        if is_wild and all(is_wild) and self._rules.needs_matches:
            doubts = frozenset(doubt for _, value in words for doubt in value.doubts)
            texts = " ".join(shown(word) for word, _ in words)
            self._fail(f"COPY {texts}: {missing}", Expanded("", doubts))

    def _check_order(self, origin: Node, name: str) -> None:
        """Raise for an origin that is this stage or a later one."""
        if origin is self._node:
            raise _circular(self._node)
        if origin.index > self._node.index:
            raise DockerfileError(f"stage {quoted(name)} must be defined before it is used")

    def _run(self, origins: Sequence[Node]) -> None:
        """Follow a RUN. Its command may read all of its stage; its mounts take from others."""
        self._node.paths.add("/")
        instruction = self._step.instruction
        if self._built_in and any(instruction.flag_values("device")):
            message = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
            raise DockerfileError(message)
        expanded = self._step.environment.expand
        written = instruction.flag_values("mount")
        mounts = [sources.parse_mount(each, expanded) for each in written]
        for mount, origin in zip(mounts, origins, strict=True):
            with resting_on(mount.doubts):
                self._mount(mount, origin)

    def _mount(self, mount: Mount, origin: Node) -> None:
        """Collect the path that a mount of a RUN takes."""
        # A cache without an origin starts empty. For a tmpfs, BuildKit (`dispatchRunMounts`)
        # adds `/` to the filter as for a bind mount, though it takes nothing.
        if mount.origin or mount.type == "cache":
            origin = origin
        else:
            origin = self._context
        self._check_order(origin, mount.origin)
        if mount.type in ("secret", "ssh"):
            return
        # BuildKit (`dispatchRunMounts`) cleans a target when it makes it absolute, and then
        # compares the text: `/.`, `//` and `/x/..` pass.
        target = Expanded(mount.target)
        if not mount.target.startswith("/"):
            target = self._step.state.below(target)
        if target.text == "/":
            with resting_on(target.doubts):
                raise DockerfileError('invalid mount target "/"')
        if not target.text:
            # Only the directory of the image, which is not known, is left.
            self._fail("invalid mount target", target, image=self._node.image)
        (value,) = self._expanded([mount.source_written])
        if mount.type == "cache":
            # An earlier step may have written into this cache.
            starts_empty = origin.is_empty and mount.id not in self._caches
            self._caches.add(mount.id)
        else:
            starts_empty = origin.is_empty or mount.type == "tmpfs"
        if starts_empty and sources.path_from_root(value.text) != "/":
            if mount.type == "cache":
                what = "a cache starts"
            else:
                what = "a tmpfs is"
            if mount.type == "bind":
                what = f"{origin.title} is"
            self._fail(f"RUN {shown(mount.source_written)}: not found, as {what} empty", value)
        self._take(origin, mount.source_written, value, mount.type)

    def _fail(self, message: str, value: Expanded, *, image: str = "") -> None:
        """Record why the build fails at the present step, unless the doubts of `value` decide."""
        line = self._step.instruction.line
        self._node.failures.append(Failure(message, line, value.doubts, image))

    def _take(self, origin: Node, written: str, value: Expanded, kind: str) -> None:
        """Record a path that is taken from a node."""
        path = sources.path_from_root(value.text)
        instruction = self._step.instruction
        path = hidden_as(value.text, path)
        origin.paths.add(path)
        if kind not in ("tmpfs", "git"):
            self._node.inputs.append(origin)
        if origin.context is None:
            return
        keeps = _keeps_parents(instruction)
        if keeps:
            parents = sources.around_pivot(value.text)
        else:
            parents = None
        excludes = tuple(instruction.flag_values("exclude"))
        below = hidden_as(path, path[1:] or ".")
        taken = (below, kind, origin.context, parents, excludes, value.doubts)
        source = Source(instruction.keyword, instruction.line, self._node.label, written, *taken)
        self.sources.append(source)
        origin.sources.append(source)
        self.unknowns += (Unknown(*doubt, instruction.line) for doubt in sorted(value.doubts))


def _keeps_parents(instruction: Instruction) -> bool:
    """Return whether an instruction has `--parents`."""
    flags = (flag.partition("=") for flag in instruction.flags)
    return any(name == "--parents" and value.lower() != "false" for name, _, value in flags)


def _circular(node: Node) -> DockerfileError:
    """Return the error for a stage that takes from itself, also through others."""
    # The function of BuildKit is `hasCircularDependency`.
    message = f"circular dependency detected on stage: {shown(node.label)}"
    return DockerfileError(message, line=node.line)


def _closure(
    starts: Sequence[Node], following: Callable[[Node], Iterable[Node]]
) -> Collection[Node]:
    """Return `starts` and all nodes reachable from them; `following` is called once for each."""
    seen = dict.fromkeys(starts)
    pending = [*starts]
    while pending:
        fresh = dict.fromkeys(node for node in following(pending.pop()) if node not in seen)
        seen |= fresh
        pending += fresh
    return seen
