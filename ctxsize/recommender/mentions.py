"""Which texts name a file: found in two steps, a quick one over bytes and an exact one.

A large tree has megabytes of sources and hundreds of names to look for, many with
the same ending. So the words with an ending are picked out of the sources once, and
names are looked for among these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from ctxsize.recommender import look

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_WORDS = re.compile(rb"[A-Za-z0-9_.-]+")
_WORTH_PICKING = 3
"""How many names have to share an ending before its words are picked out."""


class Mention:
    """How a text names a file: at the head of a path, in quotes, or in a list of its own lines."""

    def __init__(self, name: str) -> None:
        quoted = re.escape(name)
        # The name comes first, so that only the places are looked at where it stands.
        self._pattern = re.compile(
            rf"{quoted}(?:(?=/)(?<![\w.-]{quoted})|(?=[\"'`),\s])(?<=[\"'`/=(]{quoted})"
            rf"|(?P<item>(?<=[-\s]{quoted})\b))"
        )

    def is_in(self, text: str) -> bool:
        """Whether `text` names it."""
        for found in self._pattern.finditer(text):
            if found.lastgroup is None:
                return True
            line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            if line.strip() == "-":
                return True
        return False


class Texts:
    """Texts with their paths, to look for the names of files in."""

    def __init__(self, texts: Sequence[tuple[str, bytes]]) -> None:
        self._texts = texts
        self._mentions: dict[str, tuple[list[str], Iterator[str]]] = {}
        self._asked: dict[str, int] = {}
        self._picked: dict[str, list[tuple[int, bytes]]] = {}

    def mentioning(self, name: str) -> Iterator[str]:
        """The paths of the texts that name anything of that name; each is searched once for it."""
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
            if raw in searched and mention.is_in(look.text(data)):
                yield path

    def _searched(self, name: str) -> Iterator[tuple[int, bytes]]:
        """What is searched for the bytes of `name`: texts, or the words of its ending in them."""
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
        """The words that hold `ending`, text by text, each once; texts without one are left out."""
        for at, (_, data) in enumerate(self._texts):
            if ending in data:
                yield at, b"\n".join({word for word in _WORDS.findall(data) if ending in word})
