"""Commands in the steps of a Dockerfile, and the file names in commands and in sources."""

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
"""Number of searched names that share an ending before all words with it are collected."""
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
"""Programs that work in the same way whether or not the files that they name exist."""


def running(step: StageStep) -> Iterator[tuple[str, Command]]:
    """Yield the commands of a step, each with its directory if WORKDIR determines it.

    A heredoc of COPY or ADD may be a script that runs later; other heredocs may be read by a
    command. Commands for a shell of Windows are parsed like others, as a guess.
    """
    found = [*commands_of(step.instruction)]
    for text in (each.content for each in step.instruction.heredocs if step.is_copy):
        found += commands(text) if is_read_whole(text) else [Command(("cat", text))]
    known = (
        replace(each, words=tuple(valued(step, word) for word in each.words)) for each in found
    )
    return in_directories(known, step.state.directory.text)


def valued(step: StageStep, text: str) -> str:
    """Return a text of a step with the values of its variables, as far as they are known.

    A shell does not see the arguments before the first FROM, but authors mean their values.
    """
    if "$" not in text or len(text) > _LONGEST:
        return text
    known = tolerant(step.environment, text, quotes=False)
    return tolerant(step.state.outer, known, quotes=False) if "$" in known else known


def is_named(name: str, text: str, *, bare: bool = True) -> bool:
    """Return True if a word of `text` names `name`, a name or the last components of a path.

    A word that is equal to the name counts only with `bare`.

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
    """Return True if a part of a path is `wanted`, or a pattern for it that is more than stars."""
    return part == wanted or (part.strip("*") != "" and is_glob(part) and like(part, wanted))


def is_named_by(name: str, command: Command) -> bool:
    """Return True if a command names the file in a way that needs it; `-m` names a module."""
    if command.program in _SILENT:
        return False
    bare = not has_verbs(command.program)
    words = (word for before, word in pairwise(("", *command.words)) if before != "-m")
    return any(is_named(name, value) for _, value in command.assignments) or any(
        is_named(name, word, bare=bare) for word in words
    )


def is_named_beside(name: str, step: StageStep, found: Iterable[Command]) -> bool:
    """Return True if a RUN names it only outside of the commands `found`: `< it`, `for x in it/*`.

    That includes a heredoc that another program than a shell reads.
    """
    if any(is_named(name, word) for each in found for word in each.words):
        return False
    documents = (each.content for each in step.instruction.heredocs)
    texts = (*step.instruction.arguments, *documents)
    return any(is_named(name, valued(step, each), bare=False) for each in texts)


def mentions(name: str, text: str) -> bool:
    """Return True if a text names a file: in a path, in quotes, or as an item of a list."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if after in ("/", "\\") and not (_is_word(before) or before in (".", "-")):
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
    """Texts with their paths, indexed for searches of file names.

    A large tree has megabytes of sources and hundreds of names to search for, many with the same
    ending. So all words with an ending are collected once, and these words are searched.
    """

    def __init__(self, texts: Sequence[tuple[str, bytes]]) -> None:
        self._texts = texts
        self._mentions: dict[str, tuple[list[str], Iterator[str]]] = {}
        self._asked: dict[str, int] = {}
        self._picked: dict[str, list[tuple[int, bytes]]] = {}

    def mentioning(self, name: str) -> Iterator[str]:
        """Yield the paths of the texts that contain the name; each text is searched once."""
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
        """Return the data to search for `name`: whole texts, or their words with its ending."""
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
