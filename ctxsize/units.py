"""Convert sizes and ages between numbers, text for people and the text of builders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ctxsize.errors import InputError

_SMALLEST_BARE = 10_000  # smallest number of bytes that is read without a unit: `50` may mean 50 MB
_SIZE = r"(?i)([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([kmgtpe]?)(i?)b?"


def parse_size(text: str, *, forms: Sequence[str] = ("{}B", "{}MB")) -> int:
    """Return the bytes of a size: 50MB is decimal, 50MiB binary.

    Raises `InputError`, also for a small number other than 0 without a unit, with `forms` as hint.
    """
    match = re.fullmatch(_SIZE, text.strip())
    if match is None or (match[3] and not match[2]):
        raise InputError(f"not a size: {text!r}", hint="write for instance 50MB, 1.5GB or 64MiB")
    number, letter, binary = match.groups()
    base = 1000
    if binary:
        base = 1024
    exponent = " kmgtpe".index(letter.lower() or " ")
    whole, _, fraction = number.partition(".")
    scaled_up = int(whole + fraction) * base**exponent
    size: int = scaled_up // 10 ** len(fraction)
    if number == text.strip() and scaled_up and size < _SMALLEST_BARE:
        raise InputError(
            f"{number} has no unit, and {number} bytes would be tiny",
            hint=f"write {' or '.join(form.format(number) for form in forms)}",
        )
    return size


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNIT_OF_TIME = "s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?"
_AGE = rf"(?i)\s*([0-9]+(?:\.[0-9]+)?)\s*({_UNIT_OF_TIME})\s*"


def parse_age(text: str) -> float:
    """Return the seconds of a length of time with a unit; `0` needs none. Raises `InputError`."""
    if text.strip() == "0":
        return 0.0
    match = re.fullmatch(_AGE, text)
    if match is None:
        raise InputError(f"not a length of time: {text!r}", hint="write for instance 30d or 12h")
    return float(match[1]) * _SECONDS[match[2][0].lower()]


def human_age(seconds: float) -> str:
    """Return a length of time for a person, in its largest unit."""
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(int(seconds // size), noun)
    return plural(int(seconds), "second")


def human(size_bytes: int) -> str:
    """Return a size for a person, in decimal units as Docker shows them."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    import humanize

    return humanize.naturalsize(size_bytes, format="%.1f").replace(" KB", " kB")


def signed(delta_bytes: int) -> str:
    """Return a difference of sizes for a person."""
    if delta_bytes < 0:
        return f"-{human(-delta_bytes)}"
    return f"+{human(delta_bytes)}"


class Tolerance(NamedTuple):
    """The tolerated difference from a baseline: bytes, or a share of the baseline."""

    content_bytes: int = 0
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Return the tolerance in `text`: `5%`, `2MB`. Raises `InputError` for anything else."""
        share = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%\s*", text)
        if share:
            return cls(percent=float(share[1]))
        if not re.fullmatch(_SIZE, text.strip()):
            raise InputError(
                f"neither a size nor a percentage: {text!r}", hint="write for instance 5MB or 10%"
            )
        return cls(parse_size(text, forms=("{}%", "{}MB")))

    def limit(self, baseline: int) -> int:
        """Return the tolerated difference from `baseline` in bytes, rounded down."""
        if self.percent is None:
            return self.content_bytes
        return int(baseline * self.percent / 100)

    def __str__(self) -> str:
        if self.percent is None:
            return human(self.content_bytes)
        return f"{self.percent:g}%"


def printed_by_buildkit(size_bytes: int) -> str:
    """Return a size as `progressui` of BuildKit shows a transfer, in `units.Bytes`."""
    size, unit = _scaled(size_bytes)
    if size_bytes >= 1000:
        return f"{size:.2f}{unit}"
    return f"{size_bytes}B"


def printed_by_classic(size_bytes: int) -> str:
    """Return a size as the classic builder shows it: `HumanSize` of docker/go-units."""
    size, unit = _scaled(size_bytes)
    return f"{size:.4g}{unit}"


def _scaled(size_bytes: int) -> tuple[float, str]:
    size = float(size_bytes)
    units = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        del units[0]
    return size, units[0]


def percent(part: float, whole: float = 1) -> str:
    """Return the share of `part` in `whole` for a person."""
    share = 0.0
    if whole:
        share = part / whole
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"


def plural(count: int, noun: str) -> str:
    """Return `count` with a noun in its right form."""
    if count == 1:
        return f"1 {noun}"
    if re.search("[^aeiou]y$", noun):
        return f"{count:,} {noun[:-1]}ies"
    return f"{count:,} {noun}s"


def columns(text: str) -> int:
    """Return the width of `text` on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    import unicodedata

    if unicodedata.combining(char):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 1


def prefix(text: str, width: int) -> str:
    """Return as much of the start of `text` as `width` columns hold."""
    for index, char in enumerate(text):
        width -= _columns(char)
        if width < 0:
            return text[:index]
    return text


def as_code(text: str) -> str:
    """Return `text` in a code span, with a fence that is long enough.

    >>> as_code("a"), as_code("a`b"), as_code("`")
    ('`a`', '``a`b``', '`` ` ``')
    """
    fence = "`"
    while fence in text:
        fence = f"{fence}`"
    if text.startswith("`") or text.endswith("`") or not text.strip():
        text = f" {text} "
    return f"{fence}{text}{fence}"


def cut(text: str, width: int) -> str:
    """Return the start of `text` within `width` columns."""
    if columns(text) <= width:
        return text
    return prefix(text, width - 1) + "…"
