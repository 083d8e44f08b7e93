"""Find the names of files in words of commands, and in the texts of sources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cache

from ctxsize.recommender.evidence import text_of
from ctxsize.recommender.tree import is_glob, like

_PLAIN_ENDING = re.compile(r"[A-Za-z0-9_.-]*(\.[A-Za-z0-9_-]*)")
_WORDS = re.compile(rb"[A-Za-z0-9_.-]+")
_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")


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


def mentions(name: str, text: str) -> bool:
    """Return True if a text names a file: in a path, in quotes or tags, or as an item of a list."""
    return _mention(name).search(text) is not None


@cache
def _mention(name: str) -> re.Pattern[str]:
    # The name goes first and what is in front of it last: then `re` skips to the next name.
    quoted = re.escape(name)
    in_path = rf"(?<![\w.-]{quoted})(?=[/\\])"
    in_quotes = rf"(?<=[\"'`/=(:>]{quoted})(?=[\"'`),<\s]|\Z)"
    in_tags = rf"(?<=>\s{quoted})(?=\s<)"
    item = rf"(?:(?<=\n-\s{quoted})|(?<=\s\s-\s{quoted}))(?![\w.-])"
    return re.compile(f"{quoted}(?:{in_path}|{in_quotes}|{in_tags}|{item})")


class Texts:
    """Texts with their paths, in which names of files are searched.

    A large tree has megabytes of sources and hundreds of names to search for, many with the same
    ending. So all words with an ending are collected once, and these words are searched.
    """

    def __init__(self, texts: Sequence[tuple[str, bytes]]) -> None:
        self._texts = texts
        self.mentioning = cache(self._mentioning)
        """Return the paths of the texts that contain a name."""
        self._words = cache(self._find_words)

    def _mentioning(self, name: str) -> list[str]:
        raw, ending = os.fsencode(name), _PLAIN_ENDING.fullmatch(name)
        searched: Iterable[tuple[int, bytes]] = (
            self._words(os.fsencode(ending[1]))
            if ending
            else ((at, data) for at, (_, data) in enumerate(self._texts))
        )
        found = (self._texts[at] for at, data in searched if raw in data)
        return [path for path, data in found if mentions(name, text_of(data))]

    def _find_words(self, ending: bytes) -> list[tuple[int, bytes]]:
        return [
            (at, b"\n".join({word for word in _WORDS.findall(data) if ending in word}))
            for at, (_, data) in enumerate(self._texts)
            if ending in data
        ]
