"""Follow the stages that a target needs, and collect the paths that they take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ctxsize.dockerfile.arguments import check_built_in, check_value
from ctxsize.dockerfile.graph import Graph, Node, StageRules, circular, closure
from ctxsize.dockerfile.instructions import Instruction, located, parse_heredoc_word
from ctxsize.dockerfile.sources import (
    Doubts,
    Expanded,
    Failure,
    Mount,
    Source,
    Unknown,
    around_pivot,
    is_git,
    is_url,
    parse_mount,
    path_from_root,
    resting_on,
)
from ctxsize.dockerfile.stages import StageStep
from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import hidden_as, shown


class Following:
    """Follows the stages of one build; `sources` and `unknowns` are what it meets there."""

    _node: Node  # the stage that is followed at the moment
    _step: StageStep

    def __init__(self, graph: Graph, rules: StageRules, *, built_in: bool) -> None:
        """Follow nothing yet; `built_in` if the frontend built into Docker reads the file."""
        self._graph = graph
        self._rules = rules
        self._built_in = built_in
        self._context = Node("", context="")
        self._caches: set[str] = set()  # ids of the cache mounts of the steps so far
        self.sources: list[Source] = []
        self.unknowns: list[Unknown] = []

    def follow(self, target: str) -> Collection[Node]:
        """Follow the stages that a target (`""`: the last) needs; return the nodes that make it."""
        graph = self._graph
        node = self._target(target)
        graph.resolve_origins()
        targets = [node]
        if self._rules.builds_all:
            end = graph.stages.index(node) + 1
            targets = graph.stages[:end]
        for stage in graph.needed_by(targets):
            self._add_unknowns(stage.doubts, stage.line)
            if stage.index < 0:
                continue
            if not stage.base and not graph.shared.knows(stage):
                triggers = Unknown("onbuild", stage.name, stage.line)
                self.unknowns.append(triggers)
            self._follow(stage)
        node.paths.add("/")
        return closure(targets, lambda stage: stage.inputs)

    def _target(self, target: str) -> Node:
        """Return the stage of that name. Raises DockerfileError."""
        if not target:
            return self._graph.stages[-1]
        by_name = self._graph.by_name
        if node := by_name.get(target.lower()):
            return node
        hint = None
        if by_name:
            hint = f"one of {', '.join(map(shown, by_name))}"
        raise DockerfileError(f"target stage {quoted(target)} could not be found", hint=hint)

    def _add_unknowns(self, doubts: Doubts, line: int) -> None:
        for doubt in sorted(doubts):
            self.unknowns.append(Unknown(*doubt, line))

    def _follow(self, node: Node) -> None:
        """Collect the paths that one stage takes; its base must have been followed before."""
        built = node.built
        if built and built.fault:
            with located(node.line):
                raise built.fault
        base = node.base
        if base:
            node.paths = base.paths
            node.sources = base.sources
            node.inputs.append(base)
        self._node = node
        for step in node.steps:
            self._step = step
            with located(step.line):
                if step.fault:
                    raise step.fault  # a trigger that is parsed only now may have no words
                self._obey(step.instruction, self._graph.origins[step])

    def _obey(self, instruction: Instruction, origins: Sequence[Node]) -> None:
        if self._built_in:
            check_built_in(instruction)
        self._refuse(instruction)
        if self._step.is_copy:
            origin = self._context
            if origins:
                origin = origins[0]
            self._copy(instruction, origin)
        elif self._step.is_run:
            self._run(instruction, origins)
        elif instruction.keyword in ("EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL"):
            for word in instruction.arguments:
                with self._graph.noting(instruction.line):
                    value = self._step.environment.expand(word)
                    with resting_on(value.doubts):
                        check_value(instruction.keyword, value.text)

    def _refuse(self, instruction: Instruction) -> None:
        """Record the flags of an instruction that the builder refuses."""
        refused = self._rules.refused.get(instruction.keyword, ())
        for flag in dict.fromkeys(instruction.flags):
            whole = flag.removeprefix("--")
            for text in (whole, whole.partition("=")[0]):
                if text in refused:
                    self._fail(f"{instruction.keyword} --{text}: only BuildKit accepts this option")

    def _copy(self, instruction: Instruction, origin: Node) -> None:
        """Follow a COPY or ADD from a node."""
        *words, destination = instruction.arguments
        files = [word for word in words if not parse_heredoc_word(word)]
        if not files and self._rules.ignores_heredocs:
            self._fail(
                f"{instruction.keyword} has no source, as only BuildKit and Podman read heredocs"
            )
        expand = self._step.environment.expand
        # An error in a word fails the build, also where the value does not matter here.
        for flag in ("chmod", "chown", "checksum"):
            for word in instruction.flag_values(flag):
                expand(word)
        expanded = {word: expand(word) for word in files}
        expand(destination)
        for heredoc in instruction.heredocs:
            if heredoc.expand:
                expand(heredoc.content, quotes=False)
        self._check_order(origin, self._step.origin)
        for word in files:
            self._copy_word(origin, word, expanded[word])
        is_copy = instruction.keyword == "COPY"
        if is_copy and origin.is_empty and not _keeps_parents(instruction):
            self._lack(origin, files, expanded)

    def _copy_word(self, origin: Node, word: str, expanded: Expanded) -> None:
        """Take one source of a COPY or ADD, unless it is a URL, which comes from elsewhere."""
        source = expanded.text
        kind = self._step.keyword.lower()
        is_downloaded = is_url(source)
        is_cloned = is_git(source)
        if kind == "copy" and (is_downloaded or is_cloned):
            raise DockerfileError("COPY fetches neither URLs nor git repositories: use ADD")
        if is_cloned:
            kind = "git"
        if not is_downloaded:
            self._take(origin, word, expanded, kind)

    def _lack(self, origin: Node, files: Iterable[str], expanded: Mapping[str, Expanded]) -> None:
        """Record which sources of a COPY, by the words as written, an empty origin lacks."""
        missing = f"not found, as {origin.title} is empty"
        needs_matches = self._rules.needs_matches
        doubts: Doubts = frozenset()
        all_wild = bool(expanded)
        for word, expansion in expanded.items():
            doubts |= expansion.doubts
            # BuildKit looks up a directory without wildcards, also one before them.
            part = path_from_root(expansion.text)[1:]
            if not needs_matches:
                part = part.partition("/")[0]
            if has_wildcards(part):
                continue
            all_wild = False
            if part:
                self._fail(f"COPY {shown(word)}: {missing}", expansion.doubts)
        if all_wild and needs_matches:
            sources = " ".join(map(shown, files))
            self._fail(f"COPY {sources}: {missing}", doubts)

    def _check_order(self, origin: Node, name: str) -> None:
        """Raise for an origin that is this stage or a later one."""
        node = self._node
        if origin is node:
            raise circular(node)
        if origin.index > node.index:
            raise DockerfileError(f"stage {quoted(name)} must be defined before it is used")

    def _run(self, instruction: Instruction, origins: Sequence[Node]) -> None:
        """Follow a RUN. Its command may read all of its stage; its mounts take from others."""
        self._node.paths.add("/")
        devices = instruction.flag_values("device")
        if self._built_in and any(devices):
            message = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
            raise DockerfileError(message)
        expand = self._step.environment.expand
        mounts = [parse_mount(text, expand) for text in instruction.flag_values("mount")]
        for mount, origin in zip(mounts, origins, strict=True):
            with resting_on(mount.doubts):
                self._mount(mount, origin)

    def _mount(self, mount: Mount, origin: Node) -> None:
        """Collect the path that a mount of a RUN takes."""
        # A cache without an origin starts empty. For a tmpfs, BuildKit (`dispatchRunMounts`)
        # adds `/` to the filter as for a bind mount, though it takes nothing.
        if not mount.origin and mount.type != "cache":
            origin = self._context
        self._check_order(origin, mount.origin)
        if mount.type in ("secret", "ssh"):
            return
        self._check_mount_target(mount)
        written = mount.source_written
        path = self._step.environment.expand(written)
        emptiness = self._emptiness(mount, origin)
        if emptiness and path_from_root(path.text) != "/":
            message = f"RUN {shown(written)}: not found, as {emptiness} empty"
            self._fail(message, path.doubts)
        self._take(origin, written, path, mount.type)

    def _check_mount_target(self, mount: Mount) -> None:
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
            self._fail("invalid mount target", target.doubts, image=self._node.image)

    def _emptiness(self, mount: Mount, origin: Node) -> str:
        """Return the start of a clause that a mount is empty, `""` if it may have files."""
        if mount.type == "tmpfs":
            return "a tmpfs is"
        if mount.type == "cache":
            # An earlier step may have written into this cache.
            is_new = mount.id not in self._caches
            self._caches.add(mount.id)
            if is_new and origin.is_empty:
                return "a cache starts"
        elif origin.is_empty:
            return f"{origin.title} is"
        return ""

    def _fail(
        self,
        message: str,
        doubts: Doubts = frozenset(),
        *,
        image: str = "",
    ) -> None:
        """Record why the build fails at the present step, unless `doubts` decide."""
        failure = Failure(message, self._step.line, doubts, image)
        self._node.failures.append(failure)

    def _take(self, origin: Node, written: str, expanded: Expanded, kind: str) -> None:
        """Record a path that is taken from a node."""
        text = expanded.text
        path = hidden_as(text, path_from_root(text))
        instruction = self._step.instruction
        origin.paths.add(path)
        if kind not in ("tmpfs", "git"):
            self._node.inputs.append(origin)
        if origin.context is None:
            return
        parents = None
        if _keeps_parents(instruction):
            parents = around_pivot(text)
        source = Source(
            instruction.keyword,
            instruction.line,
            self._node.label,
            written,
            path=hidden_as(path, path[1:] or "."),
            kind=kind,
            context=origin.context,
            parents=parents,
            excludes=tuple(instruction.flag_values("exclude")),
            doubts=expanded.doubts,
        )
        self.sources.append(source)
        origin.sources.append(source)
        self._add_unknowns(expanded.doubts, instruction.line)


def _keeps_parents(instruction: Instruction) -> bool:
    """Return whether an instruction has `--parents`."""
    for flag in instruction.flags:
        name, _, setting = flag.partition("=")
        if name == "--parents" and setting.lower() != "false":
            return True
    return False
