"""Convert sizes and ages between numbers, text for people and the text of builders."""

from __future__ import annotations

import re

from ctxsize.errors import InputError

_SIZE = re.compile(r"\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Return the bytes of a size with a unit, decimal unless the unit has an `i`.

    Raises `InputError` for anything else.

    >>> parse_size("50MB"), parse_size("1.5 GiB"), parse_size("300")
    (50000000, 1610612736, 300)
    """
    found = _SIZE.fullmatch(text)
    if found is None or (found[3] and not found[2]):
        raise InputError(f"not a size: {text!r}", hint="write for instance 50MB, 1.5GB or 64MiB")
    whole, _, fraction = found[1].partition(".")
    factor: int = (1024 if found[3] else 1000) ** " kmgt".index(found[2].lower() or " ")
    scale: int = 10 ** len(fraction)
    return int(whole) * factor + int(fraction or 0) * factor // scale


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(s|sec|m|min|h|d|days?|w|weeks?)\s*", re.IGNORECASE)


def parse_age(text: str) -> float:
    """Return the seconds of a length of time with a unit; `0` needs none.

    Raises `InputError` for anything else.

    >>> parse_age("30d"), parse_age("12 h"), parse_age("1.5min"), parse_age("0")
    (2592000.0, 43200.0, 90.0, 0.0)
    """
    if text.strip() == "0":
        return 0.0
    found = _AGE.fullmatch(text)
    if found is None:
        raise InputError(f"not a length of time: {text!r}", hint="write for instance 30d or 12h")
    return float(found[1]) * _SECONDS[found[2][0].lower()]


def human_age(seconds: float) -> str:
    """Return a length of time for a person, in its largest unit.

    >>> human_age(42), human_age(150), human_age(86400 * 3.5)
    ('42 seconds', '2 minutes', '3 days')
    """
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(int(seconds // size), noun)
    return plural(int(seconds), "second")


def human(size_bytes: int) -> str:
    """Return `size_bytes` for a person, in decimal units as Docker shows them.

    >>> human(20_214_000_000), human(999), human(1500)
    ('20.2 GB', '999 B', '1.5 kB')
    """
    import humanize

    if size_bytes < 1000:
        return f"{size_bytes} B"
    return humanize.naturalsize(size_bytes, format="%.1f").replace(" KB", " kB")


def printed_by_buildkit(size_bytes: int) -> str:
    """Return `size_bytes` as `progressui` of BuildKit shows a transfer, in `units.Bytes`.

    >>> printed_by_buildkit(2), printed_by_buildkit(20_214_000_000)
    ('2B', '20.21GB')
    """
    if size_bytes < 1000:
        return f"{size_bytes}B"
    size, unit = _scaled(size_bytes)
    return f"{size:.2f}{unit}"


def printed_by_classic(size_bytes: int) -> str:
    """Return `size_bytes` as the classic builder shows a context: `HumanSize` of docker/go-units.

    >>> printed_by_classic(2048), printed_by_classic(512)
    ('2.048kB', '512B')
    """
    size, unit = _scaled(size_bytes)
    return f"{size:.4g}{unit}"


def _scaled(size_bytes: int) -> tuple[float, str]:
    size, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    while size >= 1000 and len(units) > 1:
        size = size / 1000
        del units[0]
    return size, units[0]


def percent(part: float, whole: float = 1) -> str:
    """Return the share of `part` in `whole` for a person.

    >>> percent(123, 1000), percent(0.001), percent(0, 0), percent(1)
    ('12%', '<1%', '0%', '100%')
    """
    share = part / whole if whole else 0.0
    if 0 < share < 0.005:
        return "<1%"
    return f"{min(share, 0.99 if share < 1 else 1):.0%}"


def plural(count: int, noun: str) -> str:
    """Return `count` with a noun in its right form.

    >>> plural(1, "file"), plural(1200, "directory"), plural(2, "day")
    ('1 file', '1,200 directories', '2 days')
    """
    many = noun[:-1] + "ies" if re.search("[^aeiou]y$", noun) else noun + "s"
    return f"{count:,} {noun if count == 1 else many}"
