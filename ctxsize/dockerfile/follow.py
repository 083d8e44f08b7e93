"""Follows the instructions of a stage and collects what they take, and from where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ctxsize.dockerfile.arguments import begins_with_array
from ctxsize.dockerfile.graph import SCRATCH, Node
from ctxsize.dockerfile.instructions import (
    Instruction,
    located,
    parse_heredoc_word,
    strip_leading_tabs,
)
from ctxsize.dockerfile.sources import (
    Mount,
    Source,
    Unknown,
    around_pivot,
    check_sources,
    csv_fields,
    is_git,
    path_from_root,
)
from ctxsize.dockerfile.stages import BuiltStage, StageStep
from ctxsize.dockerfile.state import Environment, Expanded, resting_on
from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError

_REPLACED = frozenset("'\"$\\`")
"""The characters that may make a word stand for another one."""
_NEW_FLAGS = {"COPY": ("--exclude",), "ADD": ("--exclude", "--unpack"), "RUN": ("--device",)}
"""The flags that the BuildKit of Docker 28.5 knows and that of 26.1 does not."""
_LABS_FLAGS = {"COPY": ("--parents",), "RUN": ("--security",)}
"""The flags that only a frontend of a `# syntax=` line knows."""
_LABS_LINE = "# syntax=docker/dockerfile:1-labs"


@dataclass()
class StageWalk:
    """Follows stages in order and collects what they take."""

    built_in: bool = True
    """Whether the frontend that the engine comes with reads the Dockerfile."""
    paths: set[str] = field(default_factory=set)
    sources: list[Source] = field(default_factory=list)
    unknowns: dict[Unknown, None] = field(default_factory=dict)
    excluded: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def follow(self, node: Node, built: BuiltStage) -> None:
        """Collect what one stage takes, whose base was followed before."""
        node.done = True
        if built.fault is not None:
            with located(node.line):
                raise built.fault
        if node.base:
            node.paths, node.sources = node.base.paths, node.base.sources
            node.inputs.append(node.base)
        for step, origins in node.steps:
            with located(step.line):
                _StepWalk(self, node, built.label, step).obey(origins)
                if step.fault is not None:
                    raise step.fault


@dataclass(frozen=True)
class _StepWalk:
    """One step of a stage, and what it takes."""

    walk: StageWalk
    node: Node
    label: str
    step: StageStep

    @property
    def instruction(self) -> Instruction:
        return self.step.instruction

    def expand(self, word: str) -> Expanded:
        return self.step.environment.expand(word)

    def obey(self, origins: Sequence[Node]) -> None:
        """Check the instruction and collect what it takes."""
        instruction = self.instruction
        if self.walk.built_in:
            check_flags(instruction)
        if instruction.keyword == "ARG":
            self._doubt("older-name", *_names_replaced(instruction, self.step.environment))
        elif instruction.keyword in ("COPY", "ADD"):
            self._copy(origins[0] if origins else None)
        elif instruction.keyword == "RUN":
            self._run(origins)
        elif instruction.keyword == "EXPOSE":
            self._expose()
        elif instruction.keyword in ("LABEL", "VOLUME", "STOPSIGNAL"):
            for value in map(self.expand, instruction.arguments):
                with resting_on(value.doubts):
                    _check_value(instruction.keyword, value.text)

    def _doubt(self, kind: str, *names: str) -> None:
        line = self.instruction.line
        self.walk.unknowns.update(dict.fromkeys(Unknown(kind, name, line) for name in names))

    def _expose(self) -> None:
        """Check the ports of an EXPOSE, of which a variable may hold several."""
        from ctxsize.dockerfile.accepted import check_port  # as not every Dockerfile has one

        expand = self.step.environment.expand
        for value in [expand(each, splits=True) for each in self.instruction.arguments]:
            with resting_on(value.doubts):
                for word in value.words:
                    check_port(word)

    def _copy(self, origin: Node | None) -> None:
        """Follow a COPY or ADD."""
        instruction = self.instruction
        self.walk.unknowns.update(dict.fromkeys(newer_flags(instruction)))
        if patterns := tuple(instruction.flag_values("exclude")):
            self.walk.excluded.append((instruction.line, patterns))
        if begins_with_array(instruction):
            self._doubt("older-array", instruction.keyword)
        given = {
            name: self.expand(flag)
            for name in ("chown", "chmod", "checksum")
            for flag in instruction.flag_values(name)
        }
        *written, destination = instruction.arguments
        files = [word for word in written if not parse_heredoc_word(word)]
        values = [self.expand(word) for word in files]
        self.expand(destination)
        _check_heredocs(instruction, written, self.step.environment)
        if origin and not origin.done:
            name = next(instruction.flag_values("from"))
            raise DockerfileError(
                f"cannot copy from stage {quoted(name)}, it needs to be defined before current"
                f" stage {quoted(self.label)}"
            )
        texts = [value.text for value in values]
        check_sources(instruction, texts)
        for name, value in given.items():
            with resting_on(value.doubts):
                _check_flag_value(name, value.text, texts)
        for word, value in zip(files, values, strict=True):
            if not value.text.startswith(("http://", "https://")):
                kind = "git" if is_git(value.text) else instruction.keyword.lower()
                self._take(origin, word, value, kind)

    def _run(self, origins: Sequence[Node]) -> None:
        """Follow a RUN: any command may read all of its stage; mounts take from others."""
        self.node.paths.add("/")
        instruction = self.instruction
        if self.walk.built_in and any(flag.startswith("--device=") for flag in instruction.flags):
            message = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
            raise DockerfileError(message)
        if instruction.json_form and not instruction.arguments:
            raise DockerfileError("failed to marshal LLB definition: arguments are required")
        texts = [*instruction.flag_values("mount")]
        if any(each.lower().startswith("env=") for text in texts for each in csv_fields(text)):
            self._doubt("older-flag", "RUN --mount=…,env=…")
        mounts = [self.step.state.mount(text) for text in texts]
        for (mount, doubts), origin in zip(mounts, origins, strict=True):
            with resting_on(doubts):
                self._mount(mount, origin)

    def _mount(self, mount: Mount, origin: Node) -> None:
        """Note one mount of a RUN."""
        # A cache without an origin starts empty; BuildKit (`dispatchRunMounts`) forgot a
        # tmpfs here, so that it counts as taking the whole context, though it takes nothing.
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
        self._check_target(mount)
        value = self.expand(mount.written)
        self._take(None if from_context else origin, mount.written, value, mount.type)

    def _check_target(self, mount: Mount) -> None:
        """Raise for a mount on `/`, which only a relative target or `/` itself is taken for.

        BuildKit (`dispatchRunMounts`) cleans a target when it makes it absolute, and then
        compares the text: `/.`, `//` and `/x/..` pass.
        """
        target = Expanded(mount.target)
        if not mount.target.startswith("/"):
            target = self.step.state.below(target)
        if target.text == "/":
            with resting_on(target.doubts):
                raise DockerfileError('invalid mount target "/"')

    def _take(self, origin: Node | None, written: str, value: Expanded, kind: str) -> None:
        """Record a path that is taken from the context (`origin` None) or another node."""
        path, instruction, node = path_from_root(value.text), self.instruction, self.node
        (self.walk.paths if origin is None else origin.paths).add(path)
        if kind not in ("tmpfs", "git"):
            node.uses_context = node.uses_context or origin is None
            node.inputs += [origin] if origin else []
        context = origin.context if origin else ""
        if origin is not None and not context:
            return
        source = Source(
            instruction.keyword,
            instruction.line,
            self.label,
            written,
            path[1:] or ".",
            kind,
            context,
            around_pivot(value.text) if _keeps_parents(instruction) else None,
            tuple(instruction.flag_values("exclude")),
            value.doubts,
        )
        self.walk.sources.append(source)
        if origin is not None:
            origin.sources.append(source)
        for doubt, name in sorted(value.doubts, key=lambda each: each[::-1]):
            self._doubt(doubt, name)


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
        from ctxsize.dockerfile.accepted import check_signal  # as few Dockerfiles need it

        check_signal(text)
    elif keyword == "VOLUME" and not text:
        raise DockerfileError("VOLUME specified can not be an empty string")


def _check_flag_value(name: str, text: str, sources: Sequence[str]) -> None:
    """Raise for a mode or checksum that a COPY or ADD of `sources` may not have."""
    from ctxsize.dockerfile.accepted import check_checksum, check_mode

    if name == "chmod":
        check_mode(text)
    elif name == "checksum" and text and not any(map(is_git, sources)):
        check_checksum(text)


def newer_flags(instruction: Instruction) -> Iterator[Unknown]:
    """Yield the flags of an instruction that an older BuildKit refuses."""
    names = {flag.partition("=")[0] for flag in instruction.flags}
    for flag in sorted(names.intersection(_NEW_FLAGS.get(instruction.keyword, ()))):
        yield Unknown("older-flag", f"{instruction.keyword} {flag}", instruction.line)


def _names_replaced(instruction: Instruction, environment: Environment) -> Iterator[str]:
    """Yield the names in an ARG that an older BuildKit reads otherwise, or refuses."""
    for argument in instruction.arguments:
        name = argument.partition("=")[0]
        if _REPLACED.isdisjoint(name):
            continue
        try:
            same = environment.expand(name).text == name
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


def _check_heredocs(instruction: Instruction, written: list[str], environment: Environment) -> None:
    """Raise for a heredoc whose body cannot be expanded."""
    bodies = {heredoc.name: heredoc.content for heredoc in instruction.heredocs}
    for word in written:
        heredoc = parse_heredoc_word(word)
        if heredoc and heredoc.expand:
            body = bodies.get(heredoc.name, "")
            if heredoc.strip_tabs:
                body = strip_leading_tabs(body)
            environment.expand(body, quotes=False)
