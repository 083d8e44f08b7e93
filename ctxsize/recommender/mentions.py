"""Which texts name a file: found in two steps, a quick one over bytes and an exact one.

A large tree has megabytes of sources and hundreds of names to look for, many with
the same ending. So the words with an ending are picked out of the sources once, and
names are looked for among these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from ctxsize.recommender.evidence import text_of

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_WORDS = re.compile(rb"[A-Za-z0-9_.-]+")
_WORTH_PICKING = 3
"""How many names have to share an ending before its words are picked out."""


class Mention:
    """How a text names a file: at the head of a path, in quotes, or in a list of its own lines."""

    def __init__(self, name: str) -> None:
        self._name = name

    def is_in(self, text: str) -> bool:
        """Return whether `text` names it."""
        name, at = self._name, text.find(self._name)
        while at >= 0:
            end = at + len(name)
            before, after = text[at - 1 : at] if at else "", text[end : end + 1]
            if after == "/" and not (_is_word(before) or before in (".", "-")):
                return True
            if before in _OPENING and (after in _CLOSING or after.isspace()) and before and after:
                return True
            if before == "-" or before.isspace():
                line = text[text.rfind("\n", 0, at) + 1 : at]
                if line.strip() == "-" and _is_word(name[-1:]) != _is_word(after):
                    return True
            at = text.find(name, at + 1)
        return False


_OPENING, _CLOSING = "\"'`/=(", "\"'`),"


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class Texts:
    """Texts with their paths, to look for the names of files in."""

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
        mention, raw = Mention(name), os.fsencode(name)
        for at, searched in self._searched(name):
            path, data = self._texts[at]
            if raw in searched and mention.is_in(text_of(data)):
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
        """Yield the words that hold `ending`, text by text, each once; no texts without one."""
        for at, (_, data) in enumerate(self._texts):
            if ending in data:
                yield at, b"\n".join({word for word in _WORDS.findall(data) if ending in word})
