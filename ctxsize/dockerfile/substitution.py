"""What the pattern operators of `${…}` do to a value: trim an end, or replace.

Patterns know `*` and `?` only. The builder turns them into Go's regular
expressions, and the corners of those are part of its behaviour.
"""

from __future__ import annotations

import re

from ctxsize.errors import DockerfileError
from ctxsize.regexps import regexp

_TEMPLATE = regexp(r"\$(?:\$|\{(\w+)\}|(\w+))")
# How Go prints "no more characters" as a character.
NO_CHARACTER = "\ufffd"


def trim(value: str, pattern: str, operator: str) -> str:
    """Return `value` without the prefix (`#`) or suffix (`%`) that `pattern` matches."""
    greedy = pattern.startswith(operator)
    if greedy:
        pattern = pattern[1:]
    if operator == "#":
        match = _pattern_to_regex(pattern, greedy=greedy).match(value)
        return value[match.end() :] if match else value
    # A regular expression finds the leftmost match; read backwards, that is the
    # rightmost, and shortest and longest keep their meaning.
    match = _pattern_to_regex(_reversed_pattern(pattern), greedy=greedy).match(value[::-1])
    return value[: len(value) - match.end()] if match else value


def substitute(value: str, pattern: str, replacement: str, *, everywhere: bool) -> str:
    """Return `value` with the first match of `pattern`, or each, replaced.

    Raises DockerfileError for a pattern with an escape that it does not know.
    """
    expression = _pattern_to_regex(pattern, greedy=True)
    if everywhere:
        return _replace_all(expression, replacement, value)
    return expression.sub(lambda _: replacement, value, count=1)


def _reversed_pattern(pattern: str) -> str:
    """Return `pattern` backwards, with every escape still in front of its character."""
    return "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))


def _pattern_to_regex(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    """Return the expression for a pattern of `*` and `?`; brackets are literal."""
    pieces: list[str] = []
    characters = iter(pattern.removeprefix("\ufeff"))
    for character in characters:
        if character == "\\":
            character = next(characters, "")
            if character not in ("}", "/", "*", "?", "\\"):
                shown = character or NO_CHARACTER
                raise DockerfileError(
                    f"invalid pattern ({pattern}) in substitution: invalid escape '\\{shown}'"
                )
            pieces.append(re.escape(character))
        elif character == "*":
            pieces.append(".*" if greedy else ".*?")
        else:
            pieces.append("." if character == "?" else re.escape(character))
    return re.compile("".join(pieces))


def _replace_all(expression: re.Pattern[str], template: str, value: str) -> str:
    """Return `value` with every match replaced, as Go's ReplaceAllString does.

    Go skips an empty match right behind the previous one (Python does not), and
    reads `$0` in the replacement as the match and other `$name` as nothing.
    """
    pieces: list[str] = []
    copied = position = 0
    last_end = -1
    while position <= len(value) and (match := expression.search(value, position)):
        pieces.append(value[copied : match.start()])
        if match.end() > last_end:
            pieces.append(_fill_template(template, match.group()))
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
