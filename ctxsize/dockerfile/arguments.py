"""Flags and arguments of instructions: how they are split, and which of them BuildKit accepts.

Checks that need variables or other stages run later, when the stage is followed. Behaviour
and most messages are those of Docker 28.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from ctxsize.dockerfile.instructions import Instruction, located, parse_heredoc_word
from ctxsize.dockerfile.sources import mount_origin
from ctxsize.dockerfile.words import Words, quoted
from ctxsize.errors import DockerfileError
from ctxsize.go.strings import WHITE_SPACE, as_go_sees
from ctxsize.hidden import hidden_as

_BLANKS = re.compile("[\t\v\f\r ]+")
_FLAG = re.compile(f"[{WHITE_SPACE}]*--")
_LISTS = ("ADD", "COPY", "EXPOSE", "FROM", "VOLUME")
"""Instructions with blank-separated words, whose quotes and escapes are kept as written."""
_ONE = ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR")
_STRINGS = (*_ONE, "CMD", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL")  # with one text
_JSON = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
"""Instructions whose arguments may be a JSON array."""
_ANY = ("CMD", "ENTRYPOINT", "FROM", "RUN")
"""Instructions that need no argument, or whose arguments are counted elsewhere."""
_OTHERS = ("ARG", "ENV", "LABEL", "ONBUILD")
KEYWORDS = {keyword.lower(): keyword for keyword in (*_LISTS, *_STRINGS, *_OTHERS)}
"""All instructions, by their names in lower case."""

_FLAGS = {
    "ADD": "chown chmod link? keep-git-dir? checksum unpack? exclude*",
    "COPY": "chown from chmod link? parents?! exclude*",
    "FROM": "platform",
    "HEALTHCHECK": "interval timeout start-period start-interval retries",
    "RUN": "mount* device* network security!",
}
"""Flags of each instruction: `?` marks a switch, `*` a flag that may be repeated, and only a
frontend in a `# syntax=` line accepts `!`."""
_UNREAD_FLAGS = ("ARG", "STOPSIGNAL")  # instructions whose flags BuildKit ignores

_STAGE_NAME = r"[a-z][a-z0-9_.-]*"
_RANGE = r"\+?0*[0-9]{1,5}(?:-\+?0*[0-9]{1,5})?"
_PORT = rf"(?i)(?:(?:.*:)?(?:{_RANGE})?:)?{_RANGE}(?:/(?:tcp|udp|sctp)?)?"
"""`[[address:]host-port:]port[/protocol]`, as `nat.ParsePortSpec` of docker/go-connections reads
it; addresses and the order of ranges are not checked."""


def split_arguments(keyword: str, rest: str, escape: str) -> tuple[Words, bool]:
    """Return the arguments, and whether they were JSON. Raises DockerfileError for wrong ones."""
    kind = []
    if keyword == "HEALTHCHECK" and rest:
        # A type, then the arguments of a CMD.
        first, rest = split_first(rest)
        kind = [first]
    if keyword in _JSON:
        array = _json_array(rest)
        if array is not None:
            return (*kind, *array), True
    arguments = _plain_arguments(keyword, rest, escape)
    return (*kind, *arguments), False


def _plain_arguments(keyword: str, rest: str, escape: str) -> Iterable[str]:
    """Return the arguments of an instruction that are no JSON."""
    if keyword == "ARG":
        return _words(rest, escape)
    if keyword in ("ENV", "LABEL"):
        return _pairs(keyword, rest, escape)
    if rest and keyword in _LISTS:
        return _BLANKS.split(rest)
    if rest and keyword in _STRINGS:
        return [rest]
    return ()


def split_first(text: str) -> tuple[str, str]:
    """Split `text` around its first run of blanks."""
    first, *others = _BLANKS.split(text, maxsplit=1)
    return first, "".join(others)


def take_flags(text: str, escape: str) -> tuple[Words, str]:
    """Return the `--flag` words at the start, unquoted, and the rest of the line."""
    # `extractBuilderFlags` of BuildKit treats each byte as a character, so text beyond ASCII
    # comes out garbled.
    view = text.encode("utf-8", "surrogateescape").decode("latin-1")
    flags = []
    position = 0
    while match := _FLAG.match(view, position):
        word, position = _flag_word(view, match.end(), escape)
        if not word:  # `--` ends the flags
            break
        flags.append(f"--{word}")
    rest = view[position:].encode("latin-1")
    return tuple(flags), rest.decode("utf-8", "surrogateescape")


def _flag_word(view: str, position: int, escape: str) -> tuple[str, int]:
    """Return the word at `position` without quotes and escapes, and where it ends."""
    word = ""
    quote = ""
    mark = re.escape(escape)
    pieces = re.compile(f"{mark}?(.?)", re.DOTALL)  # at the end, an escape has nothing to protect
    for piece in pieces.finditer(view, position):
        character = piece[0]
        if not quote and character in WHITE_SPACE:
            return word, piece.start()
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word += piece[1]
    return word, len(view)


def _json_array(rest: str) -> Words | None:
    """Return the strings of a JSON array, or None if `rest` is no array (`parseJSON`)."""
    if not rest.startswith("["):
        return None
    import json  # as few Dockerfiles need it

    try:
        array = json.loads(as_go_sees(rest))
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(element, str) for element in array):
        raise DockerfileError("a JSON array must have strings only")
    return tuple(as_go_sees(element) for element in array)


def _words(rest: str, escape: str) -> list[str]:
    """Return words with quotes and escapes, which protect blanks, as `parseWords` of BuildKit."""
    return re.findall(word_of(escape), as_go_sees(rest), re.DOTALL)


def word_of(escape: str) -> str:
    """Return the expression for a word, in which this character escapes."""
    mark = re.escape(escape)
    in_quotes = rf"""'[^']*'?|"(?:{mark}.|[^"{mark}])*"?"""
    return rf"""(?:{mark}.|{in_quotes}|[^{WHITE_SPACE}'"{mark}])+"""


def _pairs(keyword: str, rest: str, escape: str) -> Iterator[str]:
    """Yield name and value of each `name=value`, or of the old `name value` (`parseNameVal`)."""
    words = _words(rest, escape)
    if words and "=" not in words[0]:
        words = []
        if not _BLANKS.search(rest):
            raise DockerfileError(f"{keyword} must have two arguments")
        yield from split_first(rest)
    for word in words:
        name, equals, setting = word.partition("=")
        if not equals:
            raise DockerfileError(f"{quoted(word)} must be of the form name=value")
        yield name
        yield setting


def check_instruction(instruction: Instruction) -> None:
    """Raise DockerfileError, with the line, if the builder does not accept `instruction`."""
    keyword = instruction.keyword
    arguments = instruction.arguments
    with located(instruction.line):
        if keyword not in KEYWORDS.values():
            raise DockerfileError(f"unknown instruction: {keyword}")
        if keyword not in _UNREAD_FLAGS:
            _check_flags(instruction)
        if keyword in ("ADD", "COPY") and len(arguments) < 2:
            raise DockerfileError(f"{keyword} requires at least two arguments")
        if keyword in _ONE and len(arguments) != 1:
            raise DockerfileError(f"{keyword} requires exactly one argument")
        if not (arguments or instruction.trigger or keyword in _ANY):
            raise DockerfileError(f"{keyword} requires at least one argument")
        _check_text(instruction)


@cache
def _flags_of(keyword: str) -> dict[str, str]:
    """Return the marks of each flag that an instruction may have."""
    marks = {}
    for flag in _FLAGS.get(keyword, "").split():
        name = flag.rstrip("?*!")
        marks[f"--{name}"] = flag.removeprefix(name)
    return marks


def _check_flags(instruction: Instruction) -> None:
    known = _flags_of(instruction.keyword)
    seen = set()
    for flag in instruction.flags:
        name, equals, setting = flag.partition("=")
        if name not in known:
            raise DockerfileError(f"unknown flag: {name}")
        marks = known[name]
        is_switch = "?" in marks
        is_incomplete = not equals
        if is_switch:
            is_incomplete = bool(equals) and not setting
        if is_incomplete:
            raise DockerfileError(f"missing a value on flag: {name}")
        if is_switch and setting.lower() not in ("", "true", "false"):
            raise DockerfileError(f"expecting boolean value for flag {name}, not: {setting}")
        if name in seen and "*" not in marks:
            raise DockerfileError(f"duplicate flag specified: {name}")
        seen.add(name)


def check_built_in(instruction: Instruction) -> None:
    """Raise DockerfileError for a flag that the frontend built into Docker refuses."""
    known = _flags_of(instruction.keyword)
    for flag in instruction.flags:
        name = flag.partition("=")[0]
        if "!" in known.get(name, ""):
            hint = (
                "name a frontend that accepts it in the first line, such as "
                "# syntax=docker/dockerfile:1-labs"
            )
            raise DockerfileError(f"unknown flag: {name}", hint=hint)


def _check_text(instruction: Instruction) -> None:
    """Raise for what arguments may not be, and for faults of mounts that need no variables."""
    keyword = instruction.keyword
    arguments = instruction.arguments
    if keyword in ("ADD", "COPY") and parse_heredoc_word(arguments[-1]):
        raise DockerfileError(f"{keyword} cannot accept a heredoc as a destination")
    if keyword == "ARG" and any(name.startswith("=") for name in arguments):
        raise DockerfileError("ARG names can not be blank")
    if keyword == "SHELL" and not instruction.json_form:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    if keyword == "FROM":
        _check_from(arguments)
    if keyword == "HEALTHCHECK":
        expected = "NONE"
        if len(arguments) > 1:
            expected = "CMD"
        if arguments[0].upper() != expected:
            raise DockerfileError("HEALTHCHECK requires NONE, or CMD and a command")
    if keyword == "RUN":
        for mount in instruction.flag_values("mount"):
            mount_origin(mount)
    if instruction.trigger:
        _check_trigger(instruction.trigger)


def _check_trigger(trigger: Instruction) -> None:
    name = trigger.keyword.strip(WHITE_SPACE).upper()
    if name in ("ONBUILD", "MAINTAINER", "FROM"):
        raise DockerfileError(f"{name} isn't allowed as an ONBUILD trigger")


def _check_from(arguments: Words) -> None:
    if len(arguments) == 1:
        return
    # BuildKit (`parseBuildStageName`) folds case as Unicode does.
    if len(arguments) != 3 or arguments[1].casefold() != "as":
        raise DockerfileError("FROM requires either one or three arguments")
    if not re.fullmatch(_STAGE_NAME, arguments[2].lower()):
        raise DockerfileError(f"invalid name for build stage: {quoted(arguments[2])}")


def check_value(keyword: str, text: str) -> None:
    """Raise DockerfileError if an instruction may not have `text`, its variables replaced."""
    if keyword != "EXPOSE":
        return
    for port in text.split():  # a variable may contain several
        if not re.fullmatch(_PORT, port):
            raise DockerfileError(f"invalid port: {quoted(hidden_as(text, port))}")
