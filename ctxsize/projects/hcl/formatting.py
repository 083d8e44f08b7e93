"""What `format` of HCL makes of its verbs. Behaviour: zclconf/go-cty (`FormatFunc`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ctxsize.projects.hcl.effort import LONGEST
from ctxsize.projects.hcl.values import UnknownError, as_bool, as_int, as_number, as_text, encoded

_VERB = re.compile(r"%(?:%|([-+ 0]*)(\d+)?(?:\.(\d+))?(?:\[(\d+)\])?([A-Za-z]))")
_WIDEST = 1024


def formatted(template: Any, *values: Any) -> str:
    """The template with each verb replaced by its value. Raises `UnknownError`."""
    text, used = as_text(template), set[int]()
    following = length = 0

    def replaced(verb: re.Match[str]) -> str:
        nonlocal following, length
        if verb[0] == "%%":
            return "%"
        following = int(verb[4]) - 1 if verb[4] else following
        if not 0 <= following < len(values):
            raise UnknownError("format has too few values")
        used.add(following)
        value, following = values[following], following + 1
        said = _padded(_said(verb[5], value, verb), verb)
        length += len(said)
        if length > LONGEST:
            raise UnknownError("a text that is too long")
        return said

    if "%" in _VERB.sub("", text):
        raise UnknownError("a verb that format does not have")
    made = _VERB.sub(replaced, text)
    if not any(verb[4] for verb in _VERB.finditer(text)) and len(used) < len(values):
        raise UnknownError("format has too many values")
    return made


def _said(letter: str, value: Any, verb: re.Match[str]) -> str:
    say = _VERBS.get(letter)
    if say is None or (value is None and letter != "v"):
        raise UnknownError(f"the verb %{letter} of format")
    precision = None if verb[3] is None else min(int(verb[3]), LONGEST)
    if letter == "f" and precision and precision > _WIDEST:
        raise UnknownError("a verb of format that is too wide")
    text = say(value, precision)
    sign = "+" if "+" in verb[1] else " " if " " in verb[1] else ""
    positive = letter in "bdofxX" and not text.startswith("-")
    return sign + text if sign and positive else text


def _padded(text: str, verb: re.Match[str]) -> str:
    width = int(verb[2] or 0)
    if width > _WIDEST:
        raise UnknownError("a verb of format that is too wide")
    if "-" in verb[1]:
        return text.ljust(width)
    if "0" in verb[1] and verb[5] in "bdofxX":
        return text.zfill(width)
    return text.rjust(width)


def _any(value: Any, _: int | None) -> str:
    return encoded(value) if value is None or isinstance(value, list | dict) else as_text(value)


def _text(value: Any, precision: int | None) -> str:
    return as_text(value)[:precision]


def _fixed(value: Any, precision: int | None) -> str:
    return f"{float(as_number(value)):.{6 if precision is None else precision}f}"


def _quoted(value: Any, _: int | None) -> str:
    text = as_text(value)
    if not (text.isascii() and text.isprintable()):
        raise UnknownError("the verb %q of format for what is not plain text")
    return json.dumps(text)


def _based(letter: str) -> Callable[[Any, int | None], str]:
    return lambda value, _: format(as_int(value), letter)


_VERBS: dict[str, Callable[[Any, int | None], str]] = {
    "v": _any,
    "s": _text,
    "q": _quoted,
    "t": lambda value, _: as_text(as_bool(value)),
    "f": _fixed,
    **{letter: _based(letter) for letter in "bdoxX"},
}
