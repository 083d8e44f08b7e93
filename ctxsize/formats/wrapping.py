"""Wrap and shorten lines to a number of columns."""

from __future__ import annotations

from ctxsize.formats.wording import clipped, fit
from ctxsize.units import columns

_PAD = "\ue000"  # stands for the second column of a wide character


def wrapped(text: str, width: int, hang: int) -> list[str]:
    """Wrap `text`, with `hang` blanks before each line except the first; not at all if negative."""
    if hang < 0:
        return [text]
    wide = text
    if not text.isascii():
        # `wrap` counts characters: each wide one becomes two.
        wide = "".join(char + _PAD * (columns(char) - 1) for char in text)
    if len(wide) <= width and text == " ".join(text.split()):
        return [text]
    from textwrap import wrap  # as most lines are short enough

    lines = wrap(
        wide,
        width,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_PAD, "") for line in lines] or [text]


def brief(text: str, width: int, lines: int, hang: int = 0) -> str:
    """Return `text` in at most so many lines: wide words are cut, then some are left out."""

    def fits(text: str) -> bool:
        if len(text) > lines * width:
            return False
        rows = wrapped(text, width, hang)
        return len(rows) <= lines and max(map(columns, rows)) <= width

    # A word without directories is cut only if it is wider than a line.
    room = width - hang
    words = [fit(word, room) for word in text.split(" ")]
    for most in (room, room - 5, width // 2, width // 3):
        words = [_path_within(word, most) for word in words]
        short = " ".join(words)
        if fits(short):
            return short
    room = lines * width
    text = clipped(short, room)
    while not fits(text) and room > width // 2:
        room -= 4
        text = clipped(short, room)
    return text


def _path_within(word: str, width: int) -> str:
    if "/" in word:
        return fit(word, width)
    return word
