"""What an instruction says behind its keyword: flags, then arguments in one of a few forms.

Which form an instruction takes is a table; each form is one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.words import LONE_SURROGATE, SPACE, quoted
from ctxsize.errors import DockerfileError

_BLANKS = re.compile("[\t\v\f\r ]+")

_Form = Callable[[str, str], Iterable[str]]
"""Splits the rest of a line; its second argument is the escape character."""


def is_keyword(word: str) -> bool:
    """Return whether `word` is an instruction's name, in any case."""
    return word.lower() in _FORMS


def split_arguments(keyword: str, rest: str, escape: str) -> tuple[tuple[str, ...], bool]:
    """Return the arguments in `rest`, and whether they were a JSON array.

    An unknown keyword has none. Raises DockerfileError for a JSON array of
    anything but strings and for a pair that is none.
    """
    name, kind = keyword.lower(), list[str]()
    if name == "healthcheck":
        # A type, and then what CMD may have.
        kind = re.split("[\t\n\v\f\r ]+", rest, maxsplit=1)
        rest = "".join(kind[1:])
    array = _json_array(rest) if name in _JSON else None
    form = _FORMS.get(name, _none)
    arguments = form(rest, escape) if array is None else array
    return (*filter(None, kind[:1]), *arguments), array is not None


def partition(text: str) -> tuple[str, str, str]:
    """Split `text` around its first run of blanks."""
    match = _BLANKS.search(text)
    if match is None:
        return text, "", ""
    return text[: match.start()], match.group(), text[match.end() :]


def take_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the `--flag` words at the start, unquoted, and the rest of the line."""
    # The builder goes through flags byte by byte and takes each for a character:
    # beyond ASCII they come out garbled, and so they must here.
    view = text.encode("utf-8", "surrogateescape").decode("latin-1")
    flags: list[str] = []
    position = 0
    while True:
        position = len(view) - len(view[position:].lstrip(SPACE))
        if not view.startswith("--", position):
            break
        word, position = flag_word(view, position, escape)
        if word == "--":
            break
        flags.append(word)
    return tuple(flags), view[position:].encode("latin-1").decode("utf-8", "surrogateescape")


def flag_word(view: str, position: int, escape: str) -> tuple[str, int]:
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


def _none(rest: str, escape: str) -> tuple[str, ...]:
    """Return nothing: the argument of ONBUILD is an instruction, which is split on its own."""
    return ()


def _string(rest: str, escape: str) -> tuple[str, ...]:
    return (rest,) if rest else ()


def _list(rest: str, escape: str) -> list[str]:
    """Return what stands between blanks; quotes and escapes mean nothing yet."""
    return _BLANKS.split(rest) if rest else []


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


def begins_with_array(instruction: Instruction) -> bool:
    """Return whether words begin with a JSON array of strings, and then go on.

    BuildKit of Docker 26.1 takes the array and drops the rest, that of 28.5 takes all for words.
    """
    if instruction.json_form or not instruction.arguments[0].startswith("["):
        return False
    import json  # as hardly any Dockerfile does this

    try:
        array, _ = json.JSONDecoder().raw_decode(" ".join(instruction.arguments))
    except (ValueError, RecursionError):
        return False
    return all(isinstance(element, str) for element in array)


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


def _pairs(keyword: str) -> _Form:
    """Return the form `name=value …`, or the old `name value` with the whole rest as value."""

    def split(rest: str, escape: str) -> tuple[str, ...]:
        words = [*_words(rest, escape)]
        if not words or "=" in words[0]:
            return tuple(part for word in words for part in _pair(word))
        name, blanks, value = partition(rest)
        if not blanks:
            raise DockerfileError(f"{keyword} must have two arguments")
        return name, value

    return split


def _pair(word: str) -> tuple[str, str]:
    """Return name and value of `name=value`."""
    name, equals, value = word.partition("=")
    if not equals:
        raise DockerfileError(
            f"Syntax error - can't find = in {quoted(word)}. Must be of the form: name=value"
        )
    return name, value


_JSON = frozenset(
    ("add", "cmd", "copy", "entrypoint", "healthcheck", "run", "shell", "volume"),
)
"""The instructions whose arguments may be a JSON array."""
_FORMS: dict[str, _Form] = {
    **dict.fromkeys(("add", "copy", "expose", "from", "volume"), _list),
    **dict.fromkeys(("cmd", "entrypoint", "healthcheck", "run", "shell"), _string),
    **dict.fromkeys(("maintainer", "stopsignal", "user", "workdir"), _string),
    "arg": _words,
    "env": _pairs("ENV"),
    "label": _pairs("LABEL"),
    "onbuild": _none,
}
