"""Follows the instructions of stages, and collects the paths that they take and their origins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ctxsize.dockerfile.arguments import check_mode, check_value
from ctxsize.dockerfile.graph import SCRATCH, Node
from ctxsize.dockerfile.instructions import Instruction, located, parse_heredoc_word
from ctxsize.dockerfile.sources import (
    Mount,
    Source,
    Unknown,
    around_pivot,
    csv_fields,
    is_git,
    path_from_root,
)
from ctxsize.dockerfile.stages import StageStep
from ctxsize.dockerfile.state import Expanded, resting_on
from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError

_NEW_FLAGS = {"COPY": ("--exclude",), "ADD": ("--exclude", "--unpack"), "RUN": ("--device",)}
"""Flags that the BuildKit of Docker 28.5 accepts and that of 26.1 refuses."""
_LABS_FLAGS = {"COPY": ("--parents",), "RUN": ("--security",)}
"""Flags that only a frontend in a `# syntax=` line accepts."""
_LABS_LINE = "# syntax=docker/dockerfile:1-labs"


class StageWalk:
    """Follows stages in order and collects the paths that they take."""

    _node: Node
    """The stage that is followed at the moment."""
    _step: StageStep

    def __init__(self, *, built_in: bool) -> None:
        """Begin; `built_in` is True if the frontend built into Docker reads the Dockerfile."""
        self._built_in = built_in
        self.paths: set[str] = set()
        self.sources: list[Source] = []
        self.unknowns: dict[Unknown, None] = {}

    def follow(self, node: Node) -> None:
        """Collect the paths that one stage takes; its base must have been followed before."""
        assert node.built is not None
        if node.built.fault is not None:
            with located(node.line):
                raise node.built.fault
        if node.base:
            node.paths, node.sources = node.base.paths, node.base.sources
            node.inputs.append(node.base)
        self._node = node
        for self._step, origins in node.steps:
            with located(self._step.line):
                self._obey(origins)
                if self._step.fault is not None:
                    raise self._step.fault

    def _obey(self, origins: Sequence[Node]) -> None:
        """Check the instruction and collect the paths that it takes."""
        instruction = self._step.instruction
        if self._built_in:
            check_flags(instruction)
        self._note(newer_flags(instruction))
        if self._step.is_copy:
            self._copy(origins[0] if origins else None)
        elif self._step.is_run:
            self._run(origins)
        elif instruction.keyword in ("EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL"):
            for value in self._expanded(instruction.arguments):
                with resting_on(value.doubts):
                    check_value(instruction.keyword, value.text)

    def _note(self, unknowns: Iterable[Unknown]) -> None:
        self.unknowns.update(dict.fromkeys(unknowns))

    def _expanded(self, words: Iterable[str]) -> list[Expanded]:
        return [self._step.environment.expand(word) for word in words]

    def _copy(self, origin: Node | None) -> None:
        instruction = self._step.instruction
        *written, destination = instruction.arguments
        files = [word for word in written if not parse_heredoc_word(word)]
        # An error in a word fails the build, also where the value does not matter here.
        modes = self._expanded(instruction.flag_values("chmod"))
        self._expanded((*instruction.flag_values("chown"), *instruction.flag_values("checksum")))
        values = self._expanded(files)
        self._expanded([destination])
        for heredoc in instruction.heredocs:
            if heredoc.expand:
                self._step.environment.expand(heredoc.content, quotes=False)
        self._check_order(
            origin,
            "cannot copy from stage {}, it needs to be defined before current stage {}",
            *(self._step.origin, self._node.label),
        )
        for mode in modes:
            with resting_on(mode.doubts):
                check_mode(mode.text)
        for word, value in zip(files, values, strict=True):
            is_url = value.text.startswith(("http://", "https://"))
            kind = "git" if is_git(value.text) else instruction.keyword.lower()
            if instruction.keyword == "COPY" and (is_url or kind == "git"):
                remote = "git ref" if kind == "git" else "URL"
                raise DockerfileError(f"source can't be a {remote} for COPY")
            if not is_url:
                self._take(origin, word, value, kind)

    def _check_order(self, origin: Node | None, problem: str, *names: str) -> None:
        """Raise for an origin that is this stage, and with `problem` for a later stage."""
        if origin is self._node:
            # The function of BuildKit is `validateCircularDependency`.
            message = f"circular dependency detected on stage: {self._node.label}"
            raise DockerfileError(message, line=self._node.line)
        if origin and origin.index > self._node.index:
            raise DockerfileError(problem.format(*map(quoted, names)))

    def _run(self, origins: Sequence[Node]) -> None:
        """Follow a RUN. Its command may read all of its stage; its mounts take from others."""
        self._node.paths.add("/")
        instruction = self._step.instruction
        if self._built_in and any(instruction.flag_values("device")):
            message = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
            raise DockerfileError(message)
        if instruction.json_form and not instruction.arguments:
            raise DockerfileError("failed to marshal LLB definition: arguments are required")
        texts = [*instruction.flag_values("mount")]
        if any(each.lower().startswith("env=") for text in texts for each in csv_fields(text)):
            self._note([Unknown("older-flag", "RUN --mount=…,env=…", instruction.line)])
        mounts = [self._step.state.mount(text) for text in texts]
        for (mount, doubts), origin in zip(mounts, origins, strict=True):
            with resting_on(doubts):
                self._mount(mount, origin)

    def _mount(self, mount: Mount, origin: Node) -> None:
        """Collect the path that a mount of a RUN takes."""
        # A cache without an origin starts empty. For a tmpfs, BuildKit (`dispatchRunMounts`)
        # adds `/` to the filter as for a bind mount, though it takes nothing.
        from_context = not mount.origin and mount.type != "cache"
        self._check_order(
            None if from_context else origin,
            "cannot mount from stage {} to {}, stage needs to be defined before current command",
            *(mount.origin or SCRATCH, mount.target),
        )
        if mount.type == "ssh" and mount.source:
            raise DockerfileError("ssh does not support source")
        if mount.type in ("secret", "ssh"):
            if mount.target == "/":
                raise DockerfileError(f"invalid mount type {mount.type.upper()} for /")
            return
        # BuildKit (`dispatchRunMounts`) cleans a target when it makes it absolute, and then
        # compares the text: `/.`, `//` and `/x/..` pass.
        target = Expanded(mount.target)
        if not mount.target.startswith("/"):
            target = self._step.state.below(target)
        if target.text == "/":
            with resting_on(target.doubts):
                raise DockerfileError('invalid mount target "/"')
        (value,) = self._expanded([mount.source_written])
        self._take(None if from_context else origin, mount.source_written, value, mount.type)

    def _take(self, origin: Node | None, written: str, value: Expanded, kind: str) -> None:
        """Record a path that is taken from the context (`origin` None) or from another node."""
        path, instruction, node = path_from_root(value.text), self._step.instruction, self._node
        (self.paths if origin is None else origin.paths).add(path)
        if kind not in ("tmpfs", "git"):
            node.uses_context = node.uses_context or origin is None
            node.inputs += [origin] if origin else []
        if origin is not None and not origin.context:
            return
        source = Source(
            instruction.keyword,
            instruction.line,
            node.label,
            written,
            path[1:] or ".",
            kind,
            origin.context if origin else "",
            around_pivot(value.text) if _keeps_parents(instruction) else None,
            tuple(instruction.flag_values("exclude")),
            value.doubts,
        )
        self.sources.append(source)
        if origin is not None:
            origin.sources.append(source)
        doubts = sorted(value.doubts, key=lambda each: each[::-1])
        self._note(Unknown(kind, name, instruction.line) for kind, name in doubts)


def check_flags(instruction: Instruction) -> None:
    """Raise DockerfileError for a flag that the frontend built into Docker refuses."""
    for flag in instruction.flags:
        name = flag.partition("=")[0]
        if name in _LABS_FLAGS.get(instruction.keyword, ()):
            hint = "name a frontend that accepts it in the first line, such as " + _LABS_LINE
            raise DockerfileError(f"unknown flag: {name}", hint=hint)


def newer_flags(instruction: Instruction) -> Iterator[Unknown]:
    """Yield the flags of an instruction that an older BuildKit refuses."""
    names = {flag.partition("=")[0] for flag in instruction.flags}
    for flag in sorted(names.intersection(_NEW_FLAGS.get(instruction.keyword, ()))):
        yield Unknown("older-flag", f"{instruction.keyword} {flag}", instruction.line)


def _keeps_parents(instruction: Instruction) -> bool:
    """Return whether it is a COPY with `--parents` that is not false."""
    return instruction.keyword == "COPY" and (
        "--parents" in instruction.flags
        or any(value.lower() != "false" for value in instruction.flag_values("parents"))
    )
