"""What the steps of a Dockerfile run, now or in a container, and what their words name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from ctxsize.dockerfile.stages import StageStep, tolerant
from ctxsize.recommender.knowledge.tools import has_verbs
from ctxsize.recommender.tree import is_glob, like
from ctxsize.shell import Command, commands, commands_of, in_directories, is_read_whole

_LONGEST = 64 * 1024
_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")
_SILENT = frozenset(
    [
        *("rm", "rmdir", "mkdir", "cd", "pushd", "popd", "touch", "unset"),
        *("apt", "apt-get", "apk", "dnf", "microdnf", "yum"),
    ]
)
"""Programs to which it makes no difference whether what they name is there."""


def running(step: StageStep) -> Iterator[tuple[str, Command]]:
    """Yield what a step runs, each command with its directory as far as WORKDIR tells it.

    A document that COPY or ADD writes may be a script, which is run later, and what is no script
    may be read. A shell of Windows is read like others, as a guess.
    """
    found = [*commands_of(step.instruction)]
    for text in (each.content for each in step.instruction.heredocs if step.is_copy):
        found += commands(text) if is_read_whole(text) else [Command(("cat", text))]
    known = (
        replace(each, words=tuple(valued(step, word) for word in each.words)) for each in found
    )
    return in_directories(known, step.state.directory.text)


def valued(step: StageStep, text: str) -> str:
    """Return a text of a step with what its variables stand for, as far as that is known.

    A shell does not see the arguments in front of the first FROM, but what they hold is meant.
    """
    if "$" not in text or len(text) > _LONGEST:
        return text
    known = step.expanded(text, quotes=False)
    return tolerant(step.state.outer, known, quotes=False) if "$" in known else known


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return whether a word of `text` names `name`, a name or the last components of a path.

    A word that is nothing but the name counts if it may stand there `bare`.

    >>> is_named("build", "/app/build/lib:$PATH"), is_named("build", "/usr/lib/build")
    (True, False)
    """
    return any(word and _is(word, name, bare) for word in _BETWEEN.split(text))


def _is(word: str, name: str, bare: bool) -> bool:
    if _OF_THE_SYSTEM.match(word) or ("/" not in word and not bare):
        return False
    parts = [part for part in word.split("/") if part not in ("", ".")]
    wanted = name.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(all(map(_agree, parts[at:], wanted)) for at in starts)


def _agree(part: str, wanted: str) -> bool:
    """Return whether a part of a path is `wanted`, or a pattern meant for more than anything."""
    return part == wanted or (part.strip("*") != "" and is_glob(part) and like(part, wanted))


def is_named_by(name: str, command: Command) -> bool:
    """Return whether a command names it where it has to be there for it; `-m` names a module."""
    if command.program in _SILENT:
        return False
    bare = not has_verbs(command.program)
    words = (word for before, word in pairwise(("", *command.words)) if before != "-m")
    return any(is_named(name, value) for _, value in command.assignments) or any(
        is_named(name, word, bare=bare) for word in words
    )


def is_named_beside(name: str, step: StageStep, found: Iterable[Command]) -> bool:
    """Return whether a RUN names it in no word of the commands `found`: `< it`, `for x in it/*`.

    That may also be a document which another program than a shell reads.
    """
    if any(is_named(name, word) for each in found for word in each.words):
        return False
    documents = (each.content for each in step.instruction.heredocs)
    texts = (*step.instruction.arguments, *documents)
    return any(is_named(name, valued(step, each), bare=False) for each in texts)
