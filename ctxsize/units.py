"""Sizes as people write them and as builders print them, and back to bytes."""

from __future__ import annotations

import re

from ctxsize.errors import InputError

_FACTORS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_SIZE = re.compile(r"\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes for a size with a unit, decimal unless it has an `i`.

    Raises `InputError` for anything else.

    >>> parse_size("50MB"), parse_size("1.5 GiB"), parse_size("300")
    (50000000, 1610612736, 300)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InputError(f"not a size: {text!r}", hint="write for instance 50MB, 1.5GB or 64MiB")
    whole, _, fraction = found[1].partition(".")
    factor = _FACTORS[(found[2] or "").lower()]
    scale: int = 10 ** len(fraction)
    return int(whole) * factor + int(fraction or 0) * factor // scale


_SECONDS = {
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "day": 86400,
    "days": 86400,
    "w": 604800,
    "week": 604800,
    "weeks": 604800,
}
_AGE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", re.IGNORECASE)


def parse_age(text: str) -> float:
    """Seconds for a length of time with a unit; `0` needs none.

    Raises `InputError` for anything else.

    >>> parse_age("30d"), parse_age("12 h"), parse_age("1.5min"), parse_age("0")
    (2592000.0, 43200.0, 90.0, 0.0)
    """
    if text.strip() == "0":
        return 0.0
    found = _AGE.fullmatch(text)
    unit = None if found is None else _SECONDS.get(found[2].lower())
    if found is None or unit is None:
        raise InputError(f"not a length of time: {text!r}", hint="write for instance 30d or 12h")
    return float(found[1]) * unit


def human_age(seconds: float) -> str:
    """Return a length of time for a person, in its largest unit.

    >>> human_age(42), human_age(150), human_age(86400 * 3.5)
    ('42 seconds', '2 minutes', '3 days')
    """
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {noun}" + ("s" if count != 1 else "")
    count = int(seconds)
    return f"{count} second" + ("s" if count != 1 else "")


def human(size_bytes: int) -> str:
    """`size_bytes` for a person, in decimal units as Docker shows them.

    >>> human(20_214_000_000), human(999), human(1500)
    ('20.2 GB', '999 B', '1.5 kB')
    """
    import humanize

    if size_bytes < 1000:
        return f"{size_bytes} B"
    return humanize.naturalsize(size_bytes, format="%.1f").replace(" KB", " kB")


def printed_by_buildkit(size_bytes: int) -> str:
    """`size_bytes` as BuildKit shows a transfer.

    >>> printed_by_buildkit(2), printed_by_buildkit(20_214_000_000)
    ('2B', '20.21GB')
    """
    if size_bytes < 1000:
        return f"{size_bytes}B"
    size, unit = _scaled(size_bytes, 1000.0)
    return f"{size:.2f}{unit}"


def printed_by_classic(size_bytes: int) -> str:
    """`size_bytes` as the classic builder shows a context.

    >>> printed_by_classic(2048), printed_by_classic(512)
    ('2.048kB', '512B')
    """
    size, unit = _scaled(size_bytes, 1000.0)
    return f"{size:.4g}{unit}"


def _scaled(size_bytes: int, base: float) -> tuple[float, str]:
    size, step = float(size_bytes), 0
    names = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
    while size >= base and step < len(names) - 1:
        size, step = size / base, step + 1
    return size, names[step]


def percent(share: float) -> str:
    """Return a share for a person.

    >>> percent(0.123), percent(0.001), percent(0), percent(1)
    ('12%', '<1%', '0%', '100%')
    """
    if 0 < share < 0.005:
        return "<1%"
    return f"{min(share, 0.99 if share < 1 else 1):.0%}"


def plural(count: int, noun: str) -> str:
    """Return `count` things, for a person.

    >>> plural(1, "file"), plural(1200, "directory")
    ('1 file', '1,200 directories')
    """
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else many}"
