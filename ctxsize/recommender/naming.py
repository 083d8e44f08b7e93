"""Whether a value or a command names a thing: as a part of a path, or as a word that is one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.recommender.tools import has_verbs
from ctxsize.recommender.tree import is_glob, like
from ctxsize.shell import Command

_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")
_SILENT = frozenset(
    [
        *("rm", "rmdir", "mkdir", "cd", "pushd", "popd", "touch", "unset"),
        *("apt", "apt-get", "apk", "dnf", "microdnf", "yum"),
    ]
)
"""Programs to which it makes no difference whether what they name is there."""
_LEFT_OUT = re.compile(r"--(exclude|ignore)[\w-]*(=.*)?|-m")
"""Options whose value is no path that has to be there; `-m` is followed by a module."""
_PATHS = re.compile(r"(PATH|DIR|HOME|ROOT|LIBS?|FILE|PREFIX)$", re.IGNORECASE)


def naming(text: str, name: str, *, bare: bool = True) -> Iterator[str]:
    """Yield the words of `text` that name `name`, a name or the last components of a path.

    A word that is nothing but the name counts if it may stand there `bare`.

    >>> [*naming("/app/build/lib:$PATH", "build")], [*naming("/usr/lib/build", "build")]
    (['/app/build/lib'], [])
    """
    return (word for word in _BETWEEN.split(text) if word and _is(word, name, bare))


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


def named_by_value(variable: str, value: str, name: str) -> Iterator[str]:
    """Yield the words that name it in what a variable is set to."""
    return naming(value, name, bare=_PATHS.search(variable) is not None)


def named_by(command: Command, name: str) -> Iterator[str]:
    """Yield the words that name it in a command, where it has to be there for it."""
    if command.program in _SILENT:
        return
    for variable, value in command.assignments:
        yield from named_by_value(variable, value, name)
    left_out = False
    for word in command.words:
        option = _LEFT_OUT.fullmatch(word) is not None
        if not left_out and not option:
            yield from naming(word, name, bare=not has_verbs(command.program))
        left_out = option and "=" not in word
