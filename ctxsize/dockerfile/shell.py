r"""Parse shell text into commands; nothing is run or expanded.

tree-sitter reads the text (`ctxsize.syntax`). Programs that only run another one (`sudo`, `env`)
are removed, and a command that starts a shell is replaced by the commands of its script.

>>> script = "cd /app && CI=1 sudo npm ci; echo 'a;b' | sh -c 'make -j4'"
>>> [command.words for command in commands(script)]
[('cd', '/app'), ('npm', 'ci'), ('echo', 'a;b'), ('make', '-j4')]
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from ctxsize.dockerfile.instructions import UNIX_SHELLS, Instruction, parse_heredoc_word
from ctxsize.knowledge.rules import listed, table
from ctxsize.model import Problem, Problems
from ctxsize.syntax import Command, can_read, read_commands
from ctxsize.values import Value

UNKNOWN = Problem(
    "commands-unknown",
    "tree-sitter cannot be imported here, so the commands of RUN and of scripts are not known, and "
    "nothing that depends on them is called proved (install tree-sitter and tree-sitter-bash)",
)
"""The problem of a run that needed commands and could not read them."""

_ASSIGNMENT = r"(?s)([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)"
_OPTIONAL = r"\$\{\w+:?\+(?:[^{}]|\{[^{}]*\})*\}"
"""Matches a first word that may be nothing, or a wrapper: `${X:+env A=b} make`."""
_ENDS = ("fi", "done", "esac", "}")
"""Words that end a loop or a condition; a line that is read by itself may begin with one."""
_RUNNING = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK")
_DEEPEST = 8  # largest number of nested shells whose scripts are read


ShellCommands = tuple[Command, ...]


class _Reading(Value):
    """The commands of a text, in the order in which they run, and whether they are all."""

    commands: ShellCommands
    is_whole: bool


def commands(text: str) -> ShellCommands:
    """Return the simple commands in `text`, as they run, up to what cannot be read."""
    return _read(text).commands


def is_read_whole(text: str) -> bool:
    """Return whether `commands` returns all commands in `text`: only then a missing one is none."""
    return _read(text).is_whole


def commands_of(instruction: Instruction) -> ShellCommands:
    """Return the commands of a RUN, CMD, ENTRYPOINT or HEALTHCHECK; none of other languages."""
    return _read_instruction(instruction).commands


def is_known(instruction: Instruction) -> bool:
    """Return whether all shell text of an instruction can be read.

    A document of COPY or ADD is shell text only if its first line names a shell.
    """
    if instruction.keyword in _RUNNING:
        return _read_instruction(instruction).is_whole
    for heredoc in instruction.heredocs:
        document = heredoc.content
        is_script = document.startswith("#!") and _is_script(document)
        if is_script and not is_read_whole(document):
            return False
    return True


def unknown_commands(instructions: Iterable[Instruction]) -> Problems:
    """Return `UNKNOWN` if the commands of a RUN are not known as there is no parser, else none."""
    runs = [*filter(_runs_commands, instructions)]
    # Without a RUN the parser is not even looked for: to import it takes a while.
    if not runs or can_read() or all(map(is_known, runs)):
        return ()
    return (UNKNOWN,)


def _runs_commands(instruction: Instruction) -> bool:
    """Return whether an instruction is a RUN, also as the trigger of an ONBUILD."""
    if instruction.trigger:
        return instruction.trigger.keyword == "RUN"
    return instruction.keyword == "RUN"


def in_directories(read: Iterable[Command], start: str) -> Iterator[tuple[str, Command]]:
    """Yield each command with the directory in which it runs, as far as that is known.

    The first command runs in `start`; a change in a subshell ends with it.

    >>> [at for at, _ in in_directories(commands("(cd a && b); c; cd d; e $(cd f)"), "/x")]
    ['/x/a', '/x/a', '/x', '/x/d', '/x/d/f', '/x/d']
    """
    directories: dict[tuple[int, ...], str] = {(): start}
    for command in read:
        shell = command.within
        while shell not in directories:
            shell = shell[:-1]
        directory = directories[shell]
        if command.program in ("cd", "pushd"):
            # The targets of `cd` and `cd -` are not known.
            target = next(iter(command.operands), "$OLDPWD")
            directory = posixpath.join(directory, target)
        directories[command.within] = directory
        yield directory, command


def _read_instruction(instruction: Instruction) -> _Reading:
    words = instruction.arguments
    if instruction.keyword == "HEALTHCHECK":
        words = words[1:]  # behind CMD or NONE
    if instruction.json_form:
        return _with_scripts([Command(words)], depth=0, is_whole=True)
    text = "".join(words[:1])
    heredocs = instruction.heredocs
    if heredocs and parse_heredoc_word(text.strip()):
        document = heredocs[0].content
        if _is_script(document):
            return _read(document)
        return _Reading((), is_whole=True)
    for heredoc in heredocs:
        text += f"\n{heredoc.content}{heredoc.name}"
    return _read(text)


def _is_script(document: str) -> bool:
    """Return whether a shell runs a document: its first line names no other program."""
    first_line = document.partition("\n")[0]
    return not first_line.startswith("#!") or "sh" in first_line


@lru_cache(maxsize=64)
def _read(text: str, depth: int = 0) -> _Reading:
    """Return the commands in `text`, which is inside so many other scripts."""
    read, is_whole = read_commands(text)
    return _with_scripts(read, depth, is_whole=is_whole)


def _with_scripts(read: Iterable[Command], depth: int, *, is_whole: bool) -> _Reading:
    """Return the commands with those of scripts in place of the shells that run them."""
    flat = []
    for number, wrapped in enumerate(read):
        command = _without_wrappers(wrapped)
        if not (command.words or command.assignments) or command.program in _ENDS:
            continue
        script = _script_of(command)
        if script is None or depth >= _DEEPEST:
            flat.append(command)
            is_whole &= script is None
            continue
        inner = _read(script.text, depth + 1)
        is_whole &= inner.is_whole
        for run in inner.commands:
            run = replace(
                run,
                assignments=(*command.assignments, *run.assignments),
                line=script.line + run.line,
                # Two scripts may use the same numbers for their subshells.
                within=(*command.within, -1 - number, *run.within),
            )
            flat.append(run)
    return _Reading(tuple(flat), is_whole)


def _without_wrappers(command: Command) -> Command:
    """Return a command without programs that only run another one."""
    assignments = [*command.assignments]
    words = [*command.words]
    while words:
        if match := re.fullmatch(_ASSIGNMENT, words[0]):
            assignments.append((match[1], match[2]))
            words = words[1:]
        elif words[1:] and re.fullmatch(_OPTIONAL, words[0]):
            words = words[1:]
        elif run := _run_by(words):
            words = run
        else:
            break
    return replace(command, words=tuple(words), assignments=tuple(assignments))


def _run_by(words: list[str]) -> list[str]:
    """Return the command that a wrapper runs, nothing for other programs."""
    program = words[0].rpartition("/")[2]
    if program not in listed("wrappers"):
        return []
    with_value = table("lists.toml")["wrapper_options"].get(program, "").split()
    start = 1
    while start < len(words) and words[start].startswith("-"):
        if words[start] in with_value:
            start += 1
        start += 1
    if program in listed("wrappers_with_argument"):
        start += 1
    return words[start:]


class _Script(Value):
    """A script in an argument or a document, and the number of lines before it."""

    line: int
    text: str


def _script_of(command: Command) -> _Script | None:
    """Return the script of a shell, behind `-c` or `<<`."""
    shell = command
    if command.program == "busybox":
        shell = Command(command.arguments)
    if shell.program != "su" and shell.program not in UNIX_SHELLS:
        return None
    for flag, following in pairwise(shell.arguments):
        if re.fullmatch(r"-[a-z]*c", flag):
            return _Script(command.line, following)
    for word in shell.arguments:
        if word != "pipefail" and not word.startswith("-"):
            return None
    if command.document is None:
        return None
    return _Script(*command.document)
