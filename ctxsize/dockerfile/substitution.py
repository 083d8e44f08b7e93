"""What the operators of `${…}` do to a value: trim, replace or require it.

Patterns know `*` and `?` only. The builder turns them into Go's regular
expressions, and the corners of those are part of its behaviour.
"""

from __future__ import annotations

import re

from ctxsize.errors import DockerfileError

_TEMPLATE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
# How Go prints "no more characters" as a character.
NO_CHARACTER = "\ufffd"
_PER_MATCH = 16
"""Number of characters that a replacement counts beyond its own."""


def unsupported(modifier: str) -> DockerfileError:
    """Return the error for an operator that the builder does not know."""
    return DockerfileError(f"unsupported modifier ({modifier}) in substitution")


def required(name: str, value: str | None, word: str, *, present: bool) -> str:
    """Return the value of `${name?word}`. Raises DockerfileError, with its message, without one."""
    if present and value is not None:
        return value
    state = "unset" if value is None else "empty"
    error = DockerfileError(f"{name}: {word or f'is not allowed to be {state}'}")
    error.variable = name
    raise error


def trim(value: str, pattern: str, operator: str) -> str:
    """Return `value` without the prefix (`#`) or suffix (`%`) that `pattern` matches."""
    greedy = pattern.startswith(operator)
    if greedy:
        pattern = pattern[1:]
    if operator == "#":
        match = _Glob(pattern, greedy=greedy).match(value)
        return value[match.end() :] if match else value
    # A regular expression finds the leftmost match; read backwards, that is the
    # rightmost, and shortest and longest keep their meaning.
    match = _Glob(_reversed_pattern(pattern), greedy=greedy).match(value[::-1])
    return value[: len(value) - match.end()] if match else value


def substitute(value: str, pattern: str, replacement: str, *, everywhere: bool, most: int) -> str:
    """Return `value` with the first match of `pattern`, or each, replaced.

    Raises DockerfileError for a pattern with an escape that it does not know,
    and for what replaces the matches if it is longer than `most` characters.
    """
    glob = _Glob(pattern, greedy=True)
    if everywhere:
        return _replace_all(glob, replacement, value, most)
    match = glob.search(value, 0)
    return value[: match.start()] + replacement + value[match.end() :] if match else value


def _reversed_pattern(pattern: str) -> str:
    """Return `pattern` backwards, with every escape still in front of its character."""
    return "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))


class _Glob:
    """A pattern of `*` and `?`, neither of which matches a line feed; brackets are literal.

    Each text between stars is looked for where it comes first (where it comes
    last, for the last one of a greedy pattern), and never elsewhere: what is
    behind it has the most room then. So this takes time linear in the value.
    """

    def __init__(self, pattern: str, *, greedy: bool) -> None:
        first, *others = _chunks(pattern)
        steps = [f"(?=(?P<g{at}>.*?{each}))(?P=g{at})" for at, each in enumerate(others)]
        if greedy and others:
            steps[-1] = f".*{others[-1]}"
        self._first = re.compile(first)
        self.match = re.compile(first + "".join(steps)).match

    def search(self, value: str, start: int) -> re.Match[str] | None:
        """Return the leftmost match at `start` or behind it."""
        while first := self._first.search(value, start):
            if found := self.match(value, first.start()):
                return found
            # A later beginning on this line has no more room behind it than this one.
            line_end = value.find("\n", first.end())
            if line_end < 0:
                break
            start = max(first.start() + 1, line_end + 1 - len(first.group()))
        return None


def _chunks(pattern: str) -> list[str]:
    """Return the texts between the stars of `pattern`, as expressions of a fixed length."""
    chunks = [""]
    characters = iter(pattern.removeprefix("\ufeff"))
    for character in characters:
        if character == "\\":
            character = next(characters, "")
            if character not in ("}", "/", "*", "?", "\\"):
                shown = character or NO_CHARACTER
                raise DockerfileError(
                    f"invalid pattern ({pattern}) in substitution: invalid escape '\\{shown}'"
                )
            chunks[-1] += re.escape(character)
        elif character == "*":
            chunks.append("")
        else:
            chunks[-1] += "." if character == "?" else re.escape(character)
    return chunks


def _replace_all(glob: _Glob, template: str, value: str, most: int) -> str:
    """Return `value` with every match replaced, as Go's ReplaceAllString does.

    Go skips an empty match right behind the previous one (Python does not), and
    reads `$0` in the replacement as the match and other `$name` as nothing.
    """
    pieces: list[str] = []
    copied = position = 0
    last_end = -1
    while position <= len(value) and (match := glob.search(value, position)):
        pieces.append(value[copied : match.start()])
        if match.end() > last_end:
            pieces.append(_fill_template(template, match.group()))
            most -= len(pieces[-1]) + _PER_MATCH
        if most < 0:
            raise DockerfileError("a substitution makes too many characters")
        copied = last_end = match.end()
        position = max(position + 1, match.end())
    return "".join((*pieces, value[copied:]))


def _fill_template(template: str, matched: str) -> str:
    """Return a replacement text with Go's `$` references filled in."""

    def fill(reference: re.Match[str]) -> str:
        if reference.group() == "$$":
            return "$"
        return matched if (reference[1] or reference[2]) == "0" else ""

    return _TEMPLATE.sub(fill, template)
