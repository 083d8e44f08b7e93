"""The values that a parsed Dockerfile consists of, and the word that opens a heredoc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import takewhile
from typing import Any

from ctxsize.dockerfile.words import Words, split_words
from ctxsize.errors import DockerfileError
from ctxsize.go.strings import as_go_sees
from ctxsize.hidden import hidden_as
from ctxsize.values import Value

UNIX_SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")
_MARKER = re.compile(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]+)\Z")


class Directive(Value):
    """A `# name=value` comment at the top that the builder obeys; the name is lower case."""

    name: str
    value: str
    line: int


class Heredoc(Value):
    """An inline file: `<<NAME`, or `<<-NAME` to strip tabs. A quoted name is not expanded."""

    name: str
    expand: bool = True
    strip_tabs: bool = False
    content: str = ""


class Instruction(Value):
    """One instruction, split but not expanded.

    `keyword` is upper case (or as written, if the builder refuses it). `flags` are the leading
    `--name=value` words without their quotes. `arguments` are the elements of the JSON array
    (`json_form`); or the words as written; or one string for RUN, USER and their like; or name,
    value, name, value … for ENV and LABEL. `text` is the whole instruction with its continuations
    joined. Words are hidden that have hidden values. Lines include the bodies of heredocs.
    `trigger` is what follows ONBUILD.
    """

    keyword: str
    flags: Words
    arguments: Words
    json_form: bool
    text: str
    line: int
    end_line: int
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None

    def flag_values(self, name: str) -> Iterator[str]:
        """Yield the values of every `--name=…`, in order."""
        prefix = f"--{name}="
        for flag in self.flags:
            if flag.startswith(prefix):
                yield hidden_as(flag, flag.removeprefix(prefix))


Instructions = tuple[Instruction, ...]


class Stage(Value):
    """A FROM and what follows: `name` in lower case, `base` and `platform` as written, or ""."""

    index: int
    name: str
    base: str
    platform: str
    line: int
    instructions: Instructions

    @property
    def label(self) -> str:
        """Return the name, or what BuildKit prints for a stage that has none."""
        return self.name or f"stage-{self.index}"


class Dockerfile(Value):
    """A Dockerfile that the builder accepts.

    `instructions` are in file order; only ARG precedes the first FROM. `syntax` names
    another frontend that must read this file, if any.
    """

    directives: tuple[Directive, ...]
    instructions: Instructions
    escape: str = "\\"
    syntax: Directive | None = None

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages in file order; there is at least one."""
        stages = []
        bodies: list[list[Instruction]] = []
        for instruction in self.instructions:
            if instruction.keyword == "FROM":
                bodies.append([])
            if bodies:
                bodies[-1].append(instruction)
        for index, (beginning, *body) in enumerate(bodies):
            arguments = beginning.arguments
            name = ""
            if len(arguments) > 1:
                written = arguments[-1]
                name = hidden_as(written, written.lower())
            stage = Stage(
                index,
                name,
                base=arguments[0],
                platform=next(beginning.flag_values("platform"), ""),
                line=beginning.line,
                instructions=tuple(body),
            )
            stages.append(stage)
        return tuple(stages)

    @cached_property
    def derived(self) -> dict[object, Any]:
        """Return the cache of the stages as they are built, by what they depend on."""
        return {}

    @property
    def global_arguments(self) -> Instructions:
        """Return the ARG instructions before the first FROM."""
        return tuple(takewhile(lambda line: line.keyword != "FROM", self.instructions))


@contextmanager
def located(line: int) -> Iterator[None]:
    """Make a DockerfileError raised inside name `line` unless it has one, and printable."""
    try:
        yield
    except DockerfileError as error:
        message = as_go_sees(error.message)
        raise type(error)(message, line=error.line or line, hint=error.hint) from None


def parse_heredoc_word(word: str) -> Heredoc | None:
    """Return the heredoc that `word` opens, without a body, or None if it opens none."""
    match = _MARKER.match(word)
    if not match:
        return None
    names = split_words(match[2], raw_quotes=False)
    if len(names) != 1:
        return None
    # Quotes around any part of the name turn expansion off, as in a shell.
    is_plain = names == split_words(match[2], raw_quotes=True)
    return Heredoc(names[0], expand=is_plain, strip_tabs=bool(match[1]))
