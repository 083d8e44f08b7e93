"""The values that a Dockerfile is read into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Directive:
    """A `# name=value` comment at the top that the builder obeys; the name is lower case."""

    name: str
    value: str
    line: int


@dataclass(frozen=True)
class Heredoc:
    """An inline file: `<<NAME` on the instruction, its body on the lines below.

    `expand` is False when the name was quoted, `strip_tabs` True for `<<-`.
    `content` is the body as it stands in the file, with its line ends.
    """

    name: str
    expand: bool = True
    strip_tabs: bool = False
    content: str = ""


@dataclass(frozen=True)
class Instruction:
    """One instruction, split but not expanded.

    `keyword` is upper case (as written, if the builder does not know it).
    `flags` are the leading `--name=value` words without their quotes.
    `arguments` are the elements of the JSON array (`json_form`); or the words
    as written; or one string for RUN, CMD, ENTRYPOINT, SHELL, USER and their
    like; or name, value, name, value … for ENV and LABEL. `text` is the whole
    instruction with its continuations joined. Lines are 1-based and include
    the bodies of heredocs. `trigger` is what follows ONBUILD.
    """

    keyword: str
    flags: tuple[str, ...]
    arguments: tuple[str, ...]
    json_form: bool
    text: str
    line: int
    end_line: int
    heredocs: tuple[Heredoc, ...] = ()
    trigger: Instruction | None = None

    def flag_values(self, name: str) -> Iterator[str]:
        """Yield the values of every `--name=…`, in order."""
        prefix = f"--{name}="
        return (flag.removeprefix(prefix) for flag in self.flags if flag.startswith(prefix))


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile that the builder accepts.

    `instructions` come in file order, the first FROM preceded by nothing but
    ARG. `syntax` names another frontend that is to read this file, if any.
    """

    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    syntax: Directive | None = None
