"""Patterns of `*` and `?` in `${…}`: remove what they match from a value, or replace it.

The builder makes Go's regular expressions of them, with their corner cases.
"""

from __future__ import annotations

import re

from ctxsize.errors import DockerfileError, UndecidedError

# How Go prints "no more characters" as a character.
NO_CHARACTER = "\ufffd"
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")
_LONGEST = 2**12
"""Number of characters of a value: a search for a pattern takes quadratic time."""


def trim(value: str, pattern: str, operator: str) -> str:
    """Return `value` without the prefix (`#`) or suffix (`%`) that `pattern` matches."""
    greedy = pattern.startswith(operator)
    if greedy:
        pattern = pattern[1:]
    if operator == "#":
        match = _compiled(pattern, value, greedy=greedy).match(value)
        return value[match.end() :] if match else value
    # A regular expression finds the leftmost match; read backwards, that is the
    # rightmost, and shortest and longest keep their meaning.
    backwards = "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))
    match = _compiled(backwards, value, greedy=greedy).match(value[::-1])
    return value[: len(value) - match.end()] if match else value


def substitute(value: str, pattern: str, replacement: str, *, everywhere: bool, most: int) -> str:
    """Return `value` with the first match of `pattern`, or each, replaced.

    Raises DockerfileError for an unknown escape, and for a result of over `most` characters.
    """
    compiled = _compiled(pattern, value, greedy=True)
    if everywhere:
        if len(value) * len(replacement) > most:
            raise UndecidedError("a substitution makes too many characters")
        return _replace_all(compiled, replacement, value)
    match = compiled.search(value)
    return value[: match.start()] + replacement + value[match.end() :] if match else value


def _compiled(pattern: str, value: str, *, greedy: bool) -> re.Pattern[str]:
    """Return the expression for `pattern`, whose `*` and `?` match no line feed.

    Each text between stars matches only at its first occurrence (the last one of a greedy
    pattern at its last), so a match takes time linear in the value.
    """
    if len(value) > _LONGEST:
        message = f"ctxsize looks for patterns in values of no more than {_LONGEST:,} characters"
        raise UndecidedError(message)
    first, *others = _chunks(pattern)
    steps = [f"(?=(?P<g{at}>.*?{each}))(?P=g{at})" for at, each in enumerate(others)]
    if greedy and others:
        steps[-1] = f".*{others[-1]}"
    return re.compile(first + "".join(steps))


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


def _replace_all(compiled: re.Pattern[str], template: str, value: str) -> str:
    """Return `value` with every match replaced, as Go's ReplaceAllString does.

    Go skips an empty match right behind the previous one (Python does not), and
    reads `$0` in the replacement as the match and other `$name` as nothing.
    """
    last_end = -1

    def replaced(match: re.Match[str]) -> str:
        nonlocal last_end
        is_skipped = match.end() == last_end
        last_end = match.end()
        if is_skipped:
            return ""
        return _REFERENCE.sub(
            lambda each: each[1] or (match[0] if "0" in each.groups() else ""), template
        )

    return compiled.sub(replaced, value)
