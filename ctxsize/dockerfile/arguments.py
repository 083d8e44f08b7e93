"""What an instruction says behind its keyword: flags, then arguments in one of a few forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ctxsize.dockerfile.words import LONE_SURROGATE, SPACE, quoted
from ctxsize.errors import DockerfileError

_BLANKS = re.compile("[\t\v\f\r ]+")
_LISTS = ("ADD", "COPY", "EXPOSE", "FROM", "VOLUME")
"""The instructions with words between blanks, in which quotes and escapes mean nothing yet."""
_STRINGS = (
    *("CMD", "ENTRYPOINT", "HEALTHCHECK", "MAINTAINER", "RUN", "SHELL"),
    *("STOPSIGNAL", "USER", "WORKDIR"),
)
"""The instructions with one argument."""
_JSON = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
"""The instructions whose arguments may be a JSON array."""
KEYWORDS = {each.lower(): each for each in (*_LISTS, *_STRINGS, "ARG", "ENV", "LABEL", "ONBUILD")}
"""The instructions, by their names in lower case."""


def split_arguments(keyword: str, rest: str, escape: str) -> tuple[tuple[str, ...], bool]:
    """Return the arguments in `rest`, and whether they were a JSON array.

    An unknown keyword has none. Raises DockerfileError for a JSON array of
    anything but strings and for a pair that is none.
    """
    kind: list[str] = []
    if keyword == "HEALTHCHECK":
        # A type, and then what CMD may have.
        first, *others = re.split("[\t\n\v\f\r ]+", rest, maxsplit=1)
        kind, rest = [first] if first else [], "".join(others)
    array = _json_array(rest) if keyword in _JSON else None
    arguments = _split(keyword, rest, escape) if array is None else array
    return (*kind, *arguments), array is not None


def _split(keyword: str, rest: str, escape: str) -> Iterable[str]:
    if keyword == "ARG":
        return _words(rest, escape)
    if keyword in ("ENV", "LABEL"):
        return _pairs(keyword, rest, escape)
    if keyword in _LISTS and rest:
        return _BLANKS.split(rest)
    return [rest] if keyword in _STRINGS and rest else []


def partition(text: str) -> tuple[str, str]:
    """Split `text` around its first run of blanks."""
    first, *others = _BLANKS.split(text, maxsplit=1)
    return first, "".join(others)


def take_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the `--flag` words at the start, unquoted, and the rest of the line.

    The function of BuildKit is `extractBuilderFlags`.
    """
    # The builder goes through flags byte by byte and takes each for a character:
    # beyond ASCII they come out garbled, and so they must here.
    view = text.encode("utf-8", "surrogateescape").decode("latin-1")
    flags: list[str] = []
    position = 0
    while True:
        position = len(view) - len(view[position:].lstrip(SPACE))
        if not view.startswith("--", position):
            break
        word, position = _flag_word(view, position, escape)
        if word == "--":
            break
        flags.append(word)
    return tuple(flags), view[position:].encode("latin-1").decode("utf-8", "surrogateescape")


def _flag_word(view: str, position: int, escape: str) -> tuple[str, int]:
    """Return the word at `position` without quotes and escapes, and where it ends."""
    characters: list[str] = []
    quote = ""
    while position < len(view):
        character = view[position]
        if not quote and character in SPACE:
            break
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            if character == escape:
                position += 1
            characters.append(view[position : position + 1] if character == escape else character)
        position += 1
    return "".join(characters), min(position, len(view))


def _json_array(rest: str) -> tuple[str, ...] | None:
    """Return the strings of a JSON array, or None if `rest` is none."""
    if not rest.startswith("["):
        return None
    import json  # here, as not every Dockerfile has one

    try:
        array = json.loads(LONE_SURROGATE.sub("\ufffd", rest), parse_constant=_reject)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(element, str) for element in array):
        raise DockerfileError(
            "when using JSON array syntax, arrays must be comprised of strings only"
        )
    return tuple(LONE_SURROGATE.sub("\ufffd", element) for element in array)


def _reject(constant: str) -> None:
    """Refuse NaN and Infinity, which Python's JSON has and JSON has not."""
    raise ValueError(constant)


def _words(rest: str, escape: str) -> Iterator[str]:
    """Yield words; quotes and escapes protect blanks and are kept, but for one at the very end."""
    text = LONE_SURROGATE.sub("\ufffd", rest)
    characters: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if not quote and character in SPACE:
            if characters:
                yield "".join(characters)
            characters.clear()
        elif character == escape and quote != "'":
            position += 1
            if position < len(text):
                characters += (character, text[position])
        else:
            if not quote and character in "'\"":
                quote = character
            elif character == quote:
                quote = ""
            characters.append(character)
        position += 1
    if characters:
        yield "".join(characters)


def _pairs(keyword: str, rest: str, escape: str) -> Iterator[str]:
    """Yield name and value of each `name=value`, or of the old `name value`."""
    words = [*_words(rest, escape)]
    if words and "=" not in words[0]:
        words = []
        if not _BLANKS.search(rest):
            raise DockerfileError(f"{keyword} must have two arguments")
        yield from partition(rest)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise DockerfileError(
                f"Syntax error - can't find = in {quoted(word)}. Must be of the form: name=value"
            )
        yield from (name, value)
