"""Instructions → stages: what each FROM begins, and how a stage is called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from ctxsize.dockerfile.instructions import Dockerfile, Instruction


@dataclass(frozen=True)
class Stage:
    """A FROM and what follows it.

    `name` is lower case, empty without AS. `base` and `platform` are as
    written, variables and all; `platform` is empty if not given.
    """

    index: int
    name: str
    base: str
    platform: str
    line: int
    instructions: tuple[Instruction, ...]

    @property
    def label(self) -> str:
        """The name, or what BuildKit prints for a stage that has none."""
        return self.name or f"stage-{self.index}"


def read_stages(dockerfile: Dockerfile) -> tuple[Stage, ...]:
    """Return the stages in file order; there is at least one."""
    starts = [i for i, instruction in enumerate(dockerfile.instructions) if _begins(instruction)]
    ends = [*starts[1:], len(dockerfile.instructions)]
    return tuple(
        _stage(index, dockerfile.instructions[start:end])
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def global_arguments(dockerfile: Dockerfile) -> tuple[Instruction, ...]:
    """Return the ARG instructions in front of the first FROM."""
    return tuple(takewhile(lambda each: not _begins(each), dockerfile.instructions))


def _begins(instruction: Instruction) -> bool:
    return instruction.keyword == "FROM"


def _stage(index: int, instructions: tuple[Instruction, ...]) -> Stage:
    beginning, *body = instructions
    arguments = beginning.arguments
    return Stage(
        index=index,
        name=arguments[2].lower() if len(arguments) == 3 else "",
        base=arguments[0],
        platform=next(beginning.flag_values("platform"), ""),
        line=beginning.line,
        instructions=tuple(body),
    )
