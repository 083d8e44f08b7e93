"""Follows the instructions of a stage and collects what they take, and from where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ctxsize.dockerfile.arguments import begins_with_array
from ctxsize.dockerfile.complaints import located, quoted
from ctxsize.dockerfile.graph import SCRATCH, ImageConfig, Node, NodeStep
from ctxsize.dockerfile.instructions import Instruction, parse_heredoc_word
from ctxsize.dockerfile.mounts import Mount, csv_fields
from ctxsize.dockerfile.sources import (
    Source,
    Unknown,
    around_pivot,
    check_heredocs,
    check_sources,
    is_git,
    path_from_root,
)
from ctxsize.dockerfile.state import Doubt, Environment, Expanded, StageState, resting_on
from ctxsize.errors import DockerfileError, UndecidedError

_REPLACED = frozenset("'\"$\\`")
"""The characters that may make a word stand for another one."""
_NEW_FLAGS = {"COPY": ("--exclude",), "ADD": ("--exclude", "--unpack"), "RUN": ("--device",)}
"""The flags that the BuildKit of Docker 28.5 knows and that of 26.1 does not."""
_LABS_FLAGS = {"COPY": ("--parents",), "RUN": ("--security",)}
"""The flags that only a frontend of a `# syntax=` line knows."""
_LABS_LINE = "# syntax=docker/dockerfile:1-labs"
_MOST_INHERITED = 2_000_000
"""Number of variables that all stages together begin with: each looks at those of its base."""


@dataclass()
class StageWalk:
    """Follows stages in order and collects what they take."""

    escape: str
    build_arguments: Mapping[str, str]
    global_arguments: Environment
    image_contexts: Collection[str] = ()
    built_in: bool = True
    """Whether the frontend that the engine comes with reads the Dockerfile."""
    paths: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    unknowns: dict[Unknown, None] = field(default_factory=dict)
    excluded: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    made: list[int] = field(default_factory=lambda: [0])
    inherited: int = 0

    def follow(self, node: Node) -> None:
        """Follow the instructions of one stage, whose base was followed before."""
        node.done = True
        node.state = self._first_state(node)
        self.inherited += len(node.state.environment.variables)
        if self.inherited > _MOST_INHERITED:
            message = f"ctxsize follows no more than {_MOST_INHERITED:,} inherited variables"
            raise UndecidedError(message, line=node.line)
        if node.base:
            node.paths, node.sources = node.base.paths, node.base.sources
            node.inputs.append(node.base)
        for step in node.steps:
            with located(step.instruction.line):
                self._obey(node, step)

    def _first_state(self, node: Node) -> StageState:
        base = node.base or node
        if node.base and not base.replaced:
            return base.state.inherit()
        image = ImageConfig() if self._has_no_image(base) else node.image
        environment = Environment(self.escape, made=self.made)
        return StageState(
            environment.start(None if image is None else image.env),
            self.global_arguments,
            self.build_arguments,
            Expanded("" if image is None else image.directory),
        )

    def _has_no_image(self, base: Node) -> bool:
        """Return whether no image's variables are behind `base`, so that those it has are known."""
        if base.context:
            return base.context not in self.image_contexts
        return base.base_name == SCRATCH

    def _obey(self, node: Node, step: NodeStep) -> None:
        """Follow one instruction, with its effect on variables and paths."""
        instruction = step.instruction
        if self.built_in:
            check_flags(instruction)
        if instruction.keyword == "ARG":
            older = (
                Unknown("older-name", each, instruction.line)
                for each in _names_replaced(node, instruction)
            )
            self.unknowns.update(dict.fromkeys(older))
        elif instruction.keyword in ("COPY", "ADD"):
            self._copy(node, step)
        elif instruction.keyword == "RUN":
            self._run(node, step)
        elif instruction.keyword == "EXPOSE":
            self._expose(node, instruction)
        elif instruction.keyword in ("LABEL", "VOLUME", "STOPSIGNAL"):
            for value in map(node.state.environment.expand, instruction.arguments):
                with resting_on(value.doubts):
                    _check_value(instruction.keyword, value.text)
        node.state = node.state.obey(instruction)

    @staticmethod
    def _expose(node: Node, instruction: Instruction) -> None:
        """Check the ports of an EXPOSE, of which a variable may hold several."""
        from ctxsize.dockerfile.settings import check_port  # as not every Dockerfile has one

        expand = node.state.environment.expand
        for value in [expand(argument, splits=True) for argument in instruction.arguments]:
            with resting_on(value.doubts):
                for word in value.words:
                    check_port(word)

    def _copy(self, node: Node, step: NodeStep) -> None:
        """Follow a COPY or ADD."""
        instruction = step.instruction
        self.unknowns.update(dict.fromkeys(newer_flags(instruction)))
        if patterns := tuple(instruction.flag_values("exclude")):
            self.excluded.append((instruction.line, patterns))
        if begins_with_array(instruction):
            self.unknowns[Unknown("older-array", instruction.keyword, instruction.line)] = None
        given = {
            name: node.state.environment.expand(flag)
            for name in ("chown", "chmod", "checksum")
            for flag in instruction.flag_values(name)
        }
        *written, destination = instruction.arguments
        files = [word for word in written if not parse_heredoc_word(word)]
        values = [node.state.environment.expand(word) for word in files]
        node.state.environment.expand(destination)
        check_heredocs(instruction, written, node.state.environment)
        origin = step.origins[0] if step.origins else None
        if origin and not origin.done:
            name = next(instruction.flag_values("from"))
            raise DockerfileError(
                f"cannot copy from stage {quoted(name)}, it needs to be defined before current"
                f" stage {quoted(node.label)}"
            )
        texts = [value.text for value in values]
        check_sources(instruction, texts)
        for name, value in given.items():
            with resting_on(value.doubts):
                _check_flag_value(name, value.text, texts)
        for word, value in zip(files, values, strict=True):
            self._take(node, instruction, origin, word, value)

    def _take(
        self, node: Node, instruction: Instruction, origin: Node | None, word: str, value: Expanded
    ) -> None:
        """Note one source of a COPY or ADD."""
        if not value.text.startswith(("http://", "https://")):
            kind = "git" if is_git(value.text) else instruction.keyword.lower()
            self._note(node, instruction, origin, word, value, kind)

    def _run(self, node: Node, step: NodeStep) -> None:
        """Follow a RUN: any command may read all of its stage; mounts take from others."""
        node.paths.add("/")
        instruction = step.instruction
        if self.built_in and any(flag.startswith("--device=") for flag in instruction.flags):
            message = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
            raise DockerfileError(message)
        if instruction.json_form and not instruction.arguments:
            raise DockerfileError("failed to marshal LLB definition: arguments are required")
        for text in instruction.flag_values("mount"):
            if any(each.lower().startswith("env=") for each in csv_fields(text)):
                self.unknowns[Unknown("older-flag", "RUN --mount=…,env=…", instruction.line)] = None
        mounts = [node.state.mount(text) for text in instruction.flag_values("mount")]
        for (mount, doubts), origin in zip(mounts, step.origins, strict=True):
            with resting_on(doubts):
                self._mount(node, instruction, mount, origin)

    def _mount(self, node: Node, instruction: Instruction, mount: Mount, origin: Node) -> None:
        """Note one mount of a RUN."""
        # A cache without an origin starts empty; a tmpfs was forgotten here, so
        # that it counts as taking the whole context, though it takes nothing.
        from_context = not mount.origin and mount.type != "cache"
        if not from_context and not origin.done:
            raise DockerfileError(
                f"cannot mount from stage {quoted(mount.origin or SCRATCH)} to"
                f" {quoted(mount.target)}, stage needs to be defined before current command"
            )
        if mount.type == "ssh" and mount.source:
            raise DockerfileError("ssh does not support source")
        if mount.type in ("secret", "ssh"):
            if mount.target == "/":
                raise DockerfileError(f"invalid mount type {mount.type.upper()} for /")
            return
        self._check_target(node, mount)
        value = node.state.environment.expand(mount.written)
        place = None if from_context else origin
        self._note(node, instruction, place, mount.written, value, mount.type)

    @staticmethod
    def _check_target(node: Node, mount: Mount) -> None:
        """Raise for a mount on `/`, which only a relative target or `/` itself is taken for.

        BuildKit (`dispatchRunMounts`) cleans a target when it makes it absolute, and then
        compares the text: `/.`, `//` and `/x/..` pass.
        """
        target = Expanded(mount.target)
        if not mount.target.startswith("/"):
            target = node.state.below(target)
        if target.text == "/":
            with resting_on(target.doubts):
                raise DockerfileError('invalid mount target "/"')

    def _note(
        self,
        node: Node,
        instruction: Instruction,
        origin: Node | None,
        written: str,
        value: Expanded,
        kind: str,
    ) -> None:
        """Record a path that is taken from the context (`origin` None) or another node."""
        path = path_from_root(value.text)
        (self.paths if origin is None else origin.paths).add(path)
        if kind not in ("tmpfs", "git"):
            node.uses_context = node.uses_context or origin is None
            node.inputs += [origin] if origin else []
        context = origin.context if origin else ""
        if origin is None or context:
            keyword, line = instruction.keyword, instruction.line
            parents = around_pivot(value.text) if _keeps_parents(instruction) else None
            place = path[1:] or "."
            source = Source(
                keyword,
                line,
                node.label,
                written,
                place,
                kind,
                context,
                parents,
                tuple(instruction.flag_values("exclude")),
                value.doubts,
            )
            self.sources.append(source)
            if origin is not None:
                origin.sources.append(source)
            self._doubt(line, value.doubts)

    def _doubt(self, line: int, doubts: frozenset[Doubt]) -> None:
        """Record the unknown variables that a source depends on."""
        for kind, name in sorted(doubts, key=lambda doubt: doubt[::-1]):
            self.unknowns[Unknown(kind, name, line)] = None


def check_flags(instruction: Instruction) -> None:
    """Raise DockerfileError for a flag that the frontend of the engine does not know."""
    for flag in instruction.flags:
        name = flag.partition("=")[0]
        if name in _LABS_FLAGS.get(instruction.keyword, ()):
            hint = "a frontend that knows it is named in a first line such as " + _LABS_LINE
            raise DockerfileError(f"unknown flag: {name}", hint=hint)


def _check_value(keyword: str, text: str) -> None:
    """Raise for a value that an instruction may not have."""
    if keyword == "STOPSIGNAL":
        from ctxsize.dockerfile.settings import check_signal  # as few Dockerfiles need it

        check_signal(text)
    elif keyword == "VOLUME" and not text:
        raise DockerfileError("VOLUME specified can not be an empty string")


def _check_flag_value(name: str, text: str, sources: Sequence[str]) -> None:
    """Raise for a mode or checksum that a COPY or ADD of `sources` may not have."""
    from ctxsize.dockerfile.settings import check_checksum, check_mode

    if name == "chmod":
        check_mode(text)
    elif name == "checksum" and text and not any(map(is_git, sources)):
        check_checksum(text)


def newer_flags(instruction: Instruction) -> Iterator[Unknown]:
    """Yield the flags of an instruction that an older BuildKit refuses."""
    names = {flag.partition("=")[0] for flag in instruction.flags}
    for flag in sorted(names.intersection(_NEW_FLAGS.get(instruction.keyword, ()))):
        yield Unknown("older-flag", f"{instruction.keyword} {flag}", instruction.line)


def _names_replaced(node: Node, instruction: Instruction) -> Iterator[str]:
    """Yield the names in an ARG that an older BuildKit reads otherwise, or refuses."""
    for argument in instruction.arguments:
        name = argument.partition("=")[0]
        if _REPLACED.isdisjoint(name):
            continue
        try:
            same = node.state.environment.expand(name).text == name
        except DockerfileError:
            same = False
        if not same:
            yield name


def _keeps_parents(instruction: Instruction) -> bool:
    """Return whether it is a COPY with `--parents`, which it may also deny."""
    return instruction.keyword == "COPY" and (
        "--parents" in instruction.flags
        or any(value.lower() != "false" for value in instruction.flag_values("parents"))
    )
