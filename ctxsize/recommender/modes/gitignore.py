r"""A line of a `.gitignore` as patterns of an ignore file; pure.

Git matches a name at any depth, tells directories from files, negates a class
with `!` and takes a backslash for nothing but an escape. Docker does none of it.
Behaviour: git's `dir.c` and `wildmatch.c`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from ctxsize.engine import goregexp
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.quoting import escaped, is_plain

_CLASS = re.compile(r"\[([!^]?)(\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_IN_CLASS = re.compile(r"(\[:[a-z]+:\])|(?:\\(.)|(.))(?:-(?:\\(.)|([^\]\\])))?", re.DOTALL)


_LONGEST = 8192
"""Number of characters of the longest line: twice a path, as each may be escaped."""


class CannotSayError(Exception):
    """A builder has no pattern for it; the message says what is meant, as a clause."""


@dataclass(frozen=True)
class Translated:
    """One pattern of git's as the builder reads it."""

    line: str
    """For an ignore file, with `!` for an exception."""
    exception: bool
    directories_only: bool
    """Git means directories alone; no builder can say that."""

    @property
    def contents(self) -> str:
        """Return the line for the content of such a directory; a file of that name has none."""
        return f"{self.line}/**"


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
    in_path = "/" in text
    parts = [_tokens(part, in_path=in_path) for part in _components(text.removeprefix("/"))]
    if not in_path:
        parts = [_ANYWHERE, [_STAR] if parts[0] is _ANYWHERE else parts[0]]
    elif below:
        inside = _below(parts, below)
        if inside is None:
            return None
        parts = inside
    above: list[list[str]] = [[_Text(name)] for name in directory.split("/") if name]
    parts = above + parts
    return Translated("!" * exception + _written(parts, pattern_class), exception, directories_only)


class _Text(str):
    """Characters that stand for themselves; what is no `_Text` is a wildcard."""

    __slots__ = ()


_STAR = "*"
_ANY_DEPTH = "**"
_ANYWHERE: list[str] = [_ANY_DEPTH]
"""The component `**`; known by being itself, as two stars that are escaped are text."""


def _read(line: str) -> str:
    """Return what git reads: nothing for a comment, no blanks at the end that are not escaped."""
    line = line.removesuffix("\r")
    if line.startswith("#"):
        return ""
    kept = line.rstrip(" ")
    is_escaped = (len(kept) - len(kept.rstrip("\\"))) % 2 == 1
    return line[: len(kept) + 1] if is_escaped else kept


def _components(text: str) -> list[str]:
    """Return `text` split at slashes, but for those in classes."""
    parts, at, start = [], 0, 0
    while at < len(text):
        found = _class_at(text, at)
        if text[at] == "\\":
            at += 2
        elif found:
            at = found.end()
        else:
            if text[at] == "/":
                parts.append(text[start:at])
                start = at + 1
            at += 1
    return [*parts, text[start:]]


def _class_at(text: str, at: int) -> re.Match[str] | None:
    # Looked for first, as a file of `[` would take quadratic time.
    return _CLASS.match(text, at) if text[at] == "[" and text.find("]", at) > 0 else None


def _tokens(part: str, *, in_path: bool) -> list[str]:
    """Return a component as text and wildcards, those in the builder's language."""
    if part in ("", ".", ".."):
        raise CannotSayError(f"no file is called {part!r}, so it matches nothing")
    if part == _ANY_DEPTH:
        return _ANYWHERE
    tokens: list[str] = []
    at = 0
    while at < len(part):
        char = part[at]
        found = _class_at(part, at)
        if found:
            tokens.append(_class(found[1] != "", found[2]))
            at = found.end()
            continue
        if char == "[":
            raise CannotSayError("a class without an end matches nothing")
        if char in "*?":
            again = char == "*" and bool(tokens) and tokens[-1] is _STAR
            if again and in_path:
                raise CannotSayError("two stars beside a name, which git reads in two ways")
            tokens += [] if again else [_STAR if char == "*" else char]
            at += 1
            continue
        if char == "\\":
            at += 1
            if at == len(part):
                raise CannotSayError("a backslash at its end matches nothing")
            char = part[at]
        before = tokens.pop() if tokens and isinstance(tokens[-1], _Text) else ""
        tokens.append(_Text(before + char))
        at += 1
    return tokens


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


def _below(parts: list[list[str]], names: Sequence[str]) -> list[list[str]] | None:
    """Return `parts` without those on the way to the context, None if they lead elsewhere."""
    if parts[0] is _ANYWHERE:
        return parts
    for name in names:
        if len(parts) < 2 or not _matches(parts[0], name):
            return None
        parts = parts[1:]
        if parts[0] is _ANYWHERE:
            return parts
    return parts


def _matches(part: list[str], name: str) -> bool:
    wild = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(re.escape(t) if isinstance(t, _Text) else wild.get(t, t) for t in part)
    try:
        return goregexp.compiled(f"^{text}$").search(name) is not None
    except goregexp.GoRegexpError:
        return False


class QuickGitPattern(GitIgnoreSpecPattern):
    """A line of a `.gitignore` that takes little time, whatever it is and whatever the path.

    One that is longer than any path, or has more wildcards than that allows, ignores
    nothing, and as an exception lets everything in, so that at worst fewer files are taken
    for ignored.
    """

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        """Return pathspec's expression, with each star's match fixed where that is enough."""
        if len(pattern) > _LONGEST:
            return (".", False) if pattern.startswith("!") else (None, None)
        regex, include = super().pattern_to_regex(pattern)
        if regex is None:
            return regex, include
        numbers = count()
        regex = _STAR_AND_TEXT.sub(
            lambda found: f"(?=(?P<s{(at := next(numbers))}>[^/]*?{found[1]}))(?P=s{at})", regex
        )
        if len(_VARIABLE.findall(regex)) <= _MOST_VARIABLE:
            return regex, include
        return (None, None) if include else (".", False)


_STAR_AND_TEXT = re.compile(r"\[\^/\]\*((?:\\.|\w|\[\^/\](?![*+]))+)(?=\[\^/\]\*)")
"""A star of pathspec's expression, and the text up to the next one."""
_VARIABLE = re.compile(r"(?:\]|\.)[*+](?!\?)")
_MOST_VARIABLE = 3


def _written(parts: list[list[str]], pattern_class: type[DockerIgnorePattern]) -> str:
    """Return the pattern: literal where the builder reads it so, else escaped as needed."""
    leading, trailing = parts[0] is _ANYWHERE, len(parts) > 1 and parts[-1] is _ANYWHERE
    middle = parts[leading : len(parts) - trailing]
    text = "/".join("".join(part) for part in middle)
    literal = all(isinstance(token, _Text) for part in middle for token in part)
    edges = text[:1] + text[-1:]
    plain = literal and is_plain(text, pattern_class) and edges.strip() == edges
    if plain and not (leading and trailing) and (leading or text[0] not in "#!\ufeff"):
        return "**/" * leading + text + "/**" * trailing
    names = [
        "".join(
            escaped(
                token,
                pattern_class,
                starts=not leading and at == 0 and index == 0,
                ends=not trailing and at == len(middle) - 1 and index == len(part) - 1,
            )
            if isinstance(token, _Text)
            else token
            for index, token in enumerate(part)
        )
        for at, part in enumerate(middle)
    ]
    return "/".join(["**"] * leading + names + ["**"] * trailing)
