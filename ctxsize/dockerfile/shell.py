r"""Parse shell text into commands; nothing is run or expanded.

tree-sitter reads the text (`ctxsize.syntax`). Programs that only run another one (`sudo`, `env`)
are removed, and a command that starts a shell is replaced by the commands of its script.

>>> [each.words for each in commands("cd /app && CI=1 sudo npm ci; echo 'a;b' | sh -c 'make -j4'")]
[('cd', '/app'), ('npm', 'ci'), ('echo', 'a;b'), ('make', '-j4')]
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile

from ctxsize.dockerfile.instructions import UNIX_SHELLS, Instruction, parse_heredoc_word
from ctxsize.model import Problem
from ctxsize.syntax import Command, can_read, read_commands

UNKNOWN = Problem(
    "commands-unknown",
    "tree-sitter cannot be imported here, so the commands of RUN and of scripts are not known, and "
    "nothing that depends on them is called proved (install tree-sitter and tree-sitter-bash)",
)
"""The problem of a run that needed commands and could not read them."""

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)", re.DOTALL)
_ENDS = frozenset(("fi", "done", "esac", "}"))
"""Words that end a loop or a condition; a line that is read by itself may begin with one."""
_RUNNING = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK")
_DEEPEST = 8  # largest number of nested shells whose scripts are read


def commands(text: str) -> tuple[Command, ...]:
    """Return the simple commands in `text`, as they run, up to what cannot be read."""
    return _read(text, 0)[0]


def is_read_whole(text: str) -> bool:
    """Return whether `commands` returns all commands in `text`: only then a missing one is none."""
    return _read(text, 0)[1]


def commands_of(instruction: Instruction) -> tuple[Command, ...]:
    """Return the commands of a RUN, CMD, ENTRYPOINT or HEALTHCHECK; none of other languages."""
    return _read_instruction(instruction)[0]


def is_known(instruction: Instruction) -> bool:
    """Return whether all shell text of an instruction can be read.

    A document of COPY or ADD is shell text only if its first line names a shell.
    """
    if instruction.keyword in _RUNNING:
        return _read_instruction(instruction)[1]
    documents = (each.content for each in instruction.heredocs)
    return all(is_read_whole(e) for e in documents if e.startswith("#!") and _is_script(e))


def unknown_commands(instructions: Iterable[Instruction]) -> tuple[Problem, ...]:
    """Return `UNKNOWN` if the commands of a RUN are not known as there is no parser, else none."""
    runs = [each for each in instructions if _runs_commands(each)]
    if not runs or can_read() or all(map(is_known, runs)):
        return ()
    return (UNKNOWN,)


def _runs_commands(instruction: Instruction) -> bool:
    """Return whether an instruction is a RUN, also as the trigger of an ONBUILD."""
    trigger = instruction.trigger
    return instruction.keyword == "RUN" or (trigger is not None and trigger.keyword == "RUN")


def in_directories(found: Iterable[Command], at: str) -> Iterator[tuple[str, Command]]:
    """Yield each command with the directory in which it runs, as far as that is known.

    The first of `found` runs `at` a directory; a change in a subshell ends with it.

    >>> [at for at, _ in in_directories(commands("(cd a && b); c; cd d; e $(cd f)"), "/x")]
    ['/x/a', '/x/a', '/x', '/x/d', '/x/d/f', '/x/d']
    """
    directories: dict[tuple[int, ...], str] = {(): at}
    for command in found:
        around = (command.within[:end] for end in range(len(command.within), -1, -1))
        here = next(directories[each] for each in around if each in directories)
        if command.program in ("cd", "pushd"):
            # The targets of `cd` and `cd -` are not known.
            here = posixpath.join(here, next(iter(command.operands), "$OLDPWD"))
        directories[command.within] = here
        yield here, command


def _read_instruction(instruction: Instruction) -> tuple[tuple[Command, ...], bool]:
    # The first argument of a HEALTHCHECK is CMD or NONE.
    words = instruction.arguments[instruction.keyword == "HEALTHCHECK" :]
    if instruction.json_form:
        return _unfolded((Command(words),), True, 0)
    if words:
        text = words[0]
    else:
        text = ""
    documents = [each.content for each in instruction.heredocs]
    if documents and parse_heredoc_word(text.strip()):
        if _is_script(documents[0]):
            return _read(documents[0], 0)
        return ((), True)
    return _read(text + "".join(f"\n{e.content}{e.name}" for e in instruction.heredocs), 0)


def _is_script(document: str) -> bool:
    """Return whether a shell runs a document: its first line names no other program."""
    return not document.startswith("#!") or "sh" in document.partition("\n")[0]


@lru_cache(maxsize=64)
def _read(text: str, depth: int) -> tuple[tuple[Command, ...], bool]:
    """Return the commands in `text`, and whether they are complete."""
    return _unfolded(*read_commands(text), depth)


def _unfolded(
    pieces: Iterable[Command], is_whole: bool, depth: int
) -> tuple[tuple[Command, ...], bool]:
    """Return the commands with those of scripts in place of their shells, and if all are read."""
    found: list[Command] = []
    for number, command in enumerate(map(_unwrapped, pieces)):
        if not (command.words or command.assignments) or command.program in _ENDS:
            continue
        script = _script(command)
        if script is None or depth >= _DEEPEST:
            is_whole &= script is None
            found.append(command)
            continue
        line, inner = script
        given, is_all = _read(inner, depth + 1)
        is_whole &= is_all
        for each in given:
            # Two scripts may use the same numbers for their subshells.
            within = (*command.within, -1 - number, *each.within)
            own = (*command.assignments, *each.assignments)
            found.append(replace(each, assignments=own, line=line + each.line, within=within))
    return tuple(found), is_whole


def _unwrapped(command: Command) -> Command:
    """Return a command without programs that only run another one."""
    assignments = [*command.assignments]
    words = [*command.words]
    while words:
        if match := _ASSIGNMENT.fullmatch(words[0]):
            assignments.append((match[1], match[2]))
            words = words[1:]
        elif run := _run_by(words):
            words = run
        else:
            break
    return replace(command, words=tuple(words), assignments=tuple(assignments))


_WRAPPERS: dict[str, tuple[int, tuple[str, ...]]] = {
    **dict.fromkeys(("command", "nohup", "xvfb-run"), (0, ())),
    **dict.fromkeys(("gosu", "su-exec"), (1, ())),
    "sudo": (0, ("-u", "-g", "--user", "--group")),
    "doas": (0, ("-u",)),
    "env": (0, ("-u", "-C", "--unset", "--chdir")),
    "exec": (0, ("-a",)),
    "nice": (0, ("-n",)),
    "time": (0, ("-f", "-o")),
    "timeout": (1, ("-s", "-k", "--signal", "--kill-after")),
    # A line that is read by itself may begin inside a loop.
    **dict.fromkeys(("if", "then", "elif", "else", "do", "while", "until", "!", "{"), (0, ())),
}
"""Programs that run another one: their number of arguments, and options with a value."""


def _run_by(words: list[str]) -> list[str]:
    """Return the command that a program of `_WRAPPERS` runs, nothing for other programs."""
    own, taking = _WRAPPERS.get(words[0].rpartition("/")[2], (-1, ()))
    if own < 0:
        return []
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] in taking:
            at += 2
        else:
            at += 1
    return words[at + own :]


def _script(command: Command) -> tuple[int, str] | None:
    """Return the script of a shell, behind `-c` or `<<`, and the number of lines before it."""
    if command.program == "busybox":
        words = command.words[1:]
    else:
        words = command.words
    if not words or words[0].rpartition("/")[2] not in (*UNIX_SHELLS, "su"):
        return None
    for at, flag in enumerate(words):
        if at and re.fullmatch(r"-[a-z]*c", flag) and at + 1 < len(words):
            return command.line, words[at + 1]
    flags = list(takewhile(lambda word: word.startswith("-") or word == "pipefail", words[1:]))
    if len(flags) == len(words) - 1:
        return command.document
    return None
