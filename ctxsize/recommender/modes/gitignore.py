r"""A line of a `.gitignore` as patterns of an ignore file; pure.

Git matches a name at any depth, tells directories from files, negates a class
with `!` and takes a backslash for nothing but an escape. Docker does none of it.
Behaviour: git's `dir.c` and `wildmatch.c`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ctxsize.engine.dialect import compiled
from ctxsize.engine.golang import GoRegexpError
from ctxsize.engine.patterns import DockerIgnorePattern, escaped, is_plain

_TOKEN = re.compile(
    r"\\(?P<escaped>.)|\[(?P<negated>[!^]?)(?P<class>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]"
    r"|(?P<stars>\*+)|(?P<one>\?)|(?P<slash>/)|(?P<text>.)",
    re.DOTALL,
)
_IN_CLASS = re.compile(r"(\[:[a-z]+:\])|(?:\\(.)|(.))(?:-(?:\\(.)|([^\]\\])))?", re.DOTALL)
_UNFINISHED = {"[": "a class without an end", "\\": "a backslash at its end"}
_LONGEST = 8192
"""Number of characters of the longest line: twice a path, as each may be escaped."""


class CannotSayError(Exception):
    """A builder has no pattern for it; the message says what is meant, as a clause."""


class Translated(NamedTuple):
    """One pattern of git's as the builder reads it."""

    line: str
    """For an ignore file, with `!` for an exception."""
    directories_only: bool
    """Git means directories alone; no builder can say that."""


class _Token(NamedTuple):
    text: str
    is_literal: bool = False
    """Whether its characters stand for themselves; else it is a wildcard."""


_Part = list[_Token]
"""A component of a path."""
_STAR = _Token("*")
_ANYWHERE = [_Token("**")]
"""The component `**`."""


def translate(
    line: str,
    *,
    directory: str = "",
    below: Sequence[str] = (),
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> Translated | None:
    r"""Return what `line` of the `.gitignore` in `directory` comes to, None for nothing.

    For one above the context `below` are the names on the way down to it; a line
    that is about something beside the context comes to nothing. Raises
    `CannotSayError`.

    >>> [translate(line).line for line in ("foo", "/foo", "a/b", "*.py[cod]", "!x", r"\#a", "[!a]")]
    ['**/foo', 'foo', 'a/b', '**/*.py[cod]', '!**/x', '**/#a', '**/[^a/]']
    """
    if len(line) > _LONGEST:
        raise CannotSayError("it is longer than any path")
    text = _read(line)
    exception = text.startswith("!")
    text = text[exception:]
    directories_only = text.endswith("/")
    text = text[: len(text) - directories_only]
    if not text or (text == "/" and not directories_only):
        return None
    parts = _parts(text.removeprefix("/"), in_path="/" in text)
    if "/" not in text:
        parts = [_ANYWHERE, *parts]
    inside = _below(parts, below)
    if inside is None:
        return None
    above = [[_Token(name, is_literal=True)] for name in directory.split("/") if name]
    written = _written(above + inside, pattern_class)
    return Translated("!" * exception + written, directories_only)


def _read(line: str) -> str:
    """Return what git reads: nothing for a comment, no blanks at the end that are not escaped."""
    line = line.removesuffix("\r")
    if line.startswith("#"):
        return ""
    kept = line.rstrip(" ")
    is_escaped = (len(kept) - len(kept.rstrip("\\"))) % 2 == 1
    return line[: len(kept) + 1] if is_escaped else kept


def _parts(text: str, *, in_path: bool) -> list[_Part]:
    """Return the components of `text`, wildcards in the builder's language."""
    parts: list[_Part] = [[]]
    for found in _TOKEN.finditer(text):
        if found["slash"]:
            parts.append([])
        elif found["stars"]:
            several = in_path and len(found["stars"]) > 1
            parts[-1].append(_Token(found["stars"]) if several else _STAR)
        elif found["one"]:
            parts[-1].append(_Token("?"))
        elif found["class"] is not None:
            parts[-1].append(_Token(_class(found["negated"] != "", found["class"])))
        elif found["text"] in _UNFINISHED:
            raise CannotSayError(f"{_UNFINISHED[found['text']]} matches nothing")
        else:
            before = parts[-1].pop().text if parts[-1] and parts[-1][-1].is_literal else ""
            parts[-1].append(_Token(before + (found["escaped"] or found["text"]), is_literal=True))
    for part in parts:
        name = "".join(token.text for token in part)
        if name in ("", ".", ".."):
            raise CannotSayError(f"no file is called {name!r}, so it matches nothing")
        if part != _ANYWHERE and any(
            token.text[:2] == "**" for token in part if not token.is_literal
        ):
            raise CannotSayError("two stars beside a name, which git reads in two ways")
    return parts


def _class(negated: bool, inner: str) -> str:
    """Return a class as the builder writes it: `^` negates, and then it must not match a slash."""
    items = []
    for named, *ends in _IN_CLASS.findall(inner):
        if named:
            items.append(named)
            continue
        low, high = ends[0] or ends[1], ends[2] or ends[3]
        if (high and low <= "/" <= high) or (low == "/" and not negated):
            raise CannotSayError("a class that spans the slash, which it must not match")
        items.append(_in_class(low) + (f"-{_in_class(high)}" if high else ""))
    return f"[{'^' * negated}{''.join(items)}{'/' * negated}]"


def _in_class(char: str) -> str:
    return f"\\{char}" if char in "\\]^[-*?!" else char


def _below(parts: list[_Part], names: Sequence[str]) -> list[_Part] | None:
    """Return `parts` without those on the way to the context, None if they lead elsewhere."""
    for name in names:
        if parts[0] == _ANYWHERE:
            break
        if len(parts) < 2 or not _matches(parts[0], name):
            return None
        parts = parts[1:]
    return parts


def _matches(part: _Part, name: str) -> bool:
    wild = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(
        re.escape(each.text) if each.is_literal else wild.get(each.text, each.text) for each in part
    )
    try:
        return compiled(f"^{text}$").search(name) is not None
    except GoRegexpError:
        return False


def _written(parts: list[_Part], pattern_class: type[DockerIgnorePattern]) -> str:
    """Return the pattern: literal where the builder reads it so, else escaped as needed."""
    leading, trailing = parts[0] == _ANYWHERE, len(parts) > 1 and parts[-1] == _ANYWHERE
    middle = parts[leading : len(parts) - trailing]
    text = "/".join("".join(token.text for token in part) for part in middle)
    literal = all(token.is_literal for part in middle for token in part)
    edges = text[:1] + text[-1:]
    plain = literal and is_plain(text, pattern_class) and edges.strip() == edges
    if plain and not (leading and trailing) and (leading or text[0] not in "#!\ufeff"):
        return "**/" * leading + text + "/**" * trailing
    names = [
        "".join(
            escaped(
                token.text,
                pattern_class,
                starts=not leading and at == 0 and index == 0,
                ends=not trailing and at == len(middle) - 1 and index == len(part) - 1,
            )
            if token.is_literal
            else token.text
            for index, token in enumerate(part)
        )
        for at, part in enumerate(middle)
    ]
    return "/".join(["**"] * leading + names + ["**"] * trailing)
