"""What the steps of a Dockerfile run, and which words of commands and of sources name a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ctxsize.dockerfile.stages import StageStep, tolerant
from ctxsize.recommender.evidence import text_of
from ctxsize.recommender.knowledge.tools import has_verbs
from ctxsize.recommender.tree import is_glob, like
from ctxsize.shell import commands, commands_of, in_directories, is_read_whole
from ctxsize.syntax import Command

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_WORDS = re.compile(rb"[A-Za-z0-9_.-]+")
_WORTH_PICKING = 3
"""How many names have to share an ending before its words are picked out."""
_OPENING, _CLOSING = "\"'`/=(:>", "\"'`),<"
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
    known = tolerant(step.environment, text, quotes=False)
    return tolerant(step.state.outer, known, quotes=False) if "$" in known else known


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return whether a word of `text` names `name`, a name or the last components of a path.

    A word that is nothing but the name counts if it may stand there `bare`.

    >>> is_named("build", "/app/build/lib:$PATH"), is_named("build", "/usr/lib/build")
    (True, False)
    """
    wanted = name.split("/")
    for word in _BETWEEN.split(text):
        if _OF_THE_SYSTEM.match(word) or ("/" not in word and not bare):
            continue
        parts = [part for part in word.split("/") if part not in ("", ".")]
        starts = range(len(parts) - len(wanted) + 1)
        if any(all(map(_agree, parts[at:], wanted)) for at in starts):
            return True
    return False


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


def mentions(name: str, text: str) -> bool:
    """Return whether a text names a file: in a path, in quotes, or in a list of its own lines."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if after == "/" and not (_is_word(before) or before in (".", "-")):
            return True
        if before and before in _OPENING and (after in _CLOSING or after.isspace()):
            return True
        if before == "-" or before.isspace():
            line = text[text.rfind("\n", 0, at) + 1 : at]
            if line.strip() == "-" and _is_word(name[-1:]) != _is_word(after):
                return True
        at = text.find(name, at + 1)
    return False


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class Texts:
    """Texts with their paths, to look for the names of files in.

    A large tree has megabytes of sources and hundreds of names to look for, many with the same
    ending. So the words with an ending are picked out of the sources once, and names are looked
    for among these.
    """

    def __init__(self, texts: Sequence[tuple[str, bytes]]) -> None:
        self._texts = texts
        self._mentions: dict[str, tuple[list[str], Iterator[str]]] = {}
        self._asked: dict[str, int] = {}
        self._picked: dict[str, list[tuple[int, bytes]]] = {}

    def mentioning(self, name: str) -> Iterator[str]:
        """Yield the paths of the texts that name anything of that name; each is searched once."""
        if name not in self._mentions:
            self._mentions[name] = [], self._search(name)
        found, search = self._mentions[name]
        yield from found
        for each in search:
            found.append(each)
            yield each

    def _search(self, name: str) -> Iterator[str]:
        raw = os.fsencode(name)
        for at, searched in self._searched(name):
            path, data = self._texts[at]
            if raw in searched and mentions(name, text_of(data)):
                yield path

    def _searched(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Return what is searched for the bytes of `name`: texts, or their words of its ending."""
        ending = name[name.rfind(".") :] if "." in name and _PLAIN.fullmatch(name) else ""
        if not ending:
            return ((at, data) for at, (_, data) in enumerate(self._texts))
        self._asked[ending] = self._asked.get(ending, 0) + 1
        if self._asked[ending] < _WORTH_PICKING:
            return ((at, data) for at, (_, data) in enumerate(self._texts))
        if ending not in self._picked:
            self._picked[ending] = [*self._words(os.fsencode(ending))]
        return iter(self._picked[ending])

    def _words(self, ending: bytes) -> Iterator[tuple[int, bytes]]:
        for at, (_, data) in enumerate(self._texts):
            if ending in data:
                yield at, b"\n".join({word for word in _WORDS.findall(data) if ending in word})
