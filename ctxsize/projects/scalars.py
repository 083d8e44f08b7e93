"""What an unquoted scalar of YAML becomes when Compose makes text of it: a Go value, printed.

`1.50` is the number 1.5 and so the text `1.5`; `010` is octal; `yes` stays `yes`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from ctxsize.projects.yaml import Text

_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS = {
    spelling: value
    for value in ("true", "false")
    for spelling in (value, value.capitalize(), value.upper())
}
_LARGEST = 1 << 64
_FIRST_EXPONENT, _LAST_EXPONENT = -4, 6


def as_text(value: object) -> str:
    """A scalar as Compose passes it on.

    >>> def plain(text):
    ...     scalar = Text(text)
    ...     scalar.plain = True
    ...     return as_text(scalar)
    >>> plain("1.50"), plain("010"), plain("yes"), plain("1000000.0"), as_text("1.50")
    ('1.5', '8', 'yes', '1e+06', '1.50')
    """
    text = str(value)
    if not (isinstance(value, Text) and value.plain):
        return text
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    try:
        if _INTEGER.fullmatch(text):
            return _integer(text)
        if _FLOAT.fullmatch(text):
            return _float(float(text))
    except (ValueError, OverflowError):  # no number for Go either: `0b_`, or beyond its floats
        return text
    return f"{text} 00:00:00 +0000 UTC" if _DATE.fullmatch(text) else text


def _integer(text: str) -> str:
    digits = text.replace("_", "").lstrip("+")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(f"0o{digits[1:]}" if octal else digits, 0)
    return f"{sign}{number}" if number < _LARGEST else _float(float(number))


def _float(number: float) -> str:
    """As Go prints it: the shortest digits, an exponent for the large and the tiny.

    Raises `OverflowError` for what is beyond its floats.
    """
    if math.isinf(number):
        raise OverflowError
    if number == 0:
        return "0"
    written = repr(abs(number))
    digits = written.partition("e")[0].replace(".", "").strip("0")
    power = Decimal(written).adjusted()
    sign = "-" if number < 0 else ""
    if _FIRST_EXPONENT <= power < _LAST_EXPONENT:
        return sign + written.removesuffix(".0")
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
