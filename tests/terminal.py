"""Screens of a terminal after a command: a real run in a pseudo-terminal, drawn as SVG."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import pyte
from pyte.screens import Char

from tests.examples import ROOT

_SCROLLBACK = 2000
CELL_WIDTH, _HEIGHT, _MARGIN, _BAR = 8.4, 18, 12, 32
"""Pixels of a cell, around the screen, and of the title bar."""
_COLOURS = {
    "default": "#c9d1d9",
    "black": "#0d1117",
    "white": "#c9d1d9",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "brightblack": "#8b949e",
}
_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_BLOCKS = {chr(0x2590 - eighths): eighths / 8 for eighths in range(1, 9)}
"""The blocks of a bar, drawn as rectangles: a font may leave gaps between them."""
_LINES = {"│": "M4,0V18", "├": "M4,0V18M4,9H8.4", "└": "M4,0V9H8.4", "─": "M0,9H8.4"}
_LEAVES = b"\x1b[?2004l"
"""The first sequence by which a full screen gives the terminal back."""
_PROMPT = "\x1b[32m$\x1b[0m "


class Size(NamedTuple):
    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


class Seen(NamedTuple):
    """The last rows of a terminal, and the number of those that scrolled away."""

    rows: list[list[Char]]
    scrolled: int


class _Screen(pyte.Screen):
    """A screen that knows faint text, which pyte ignores: it is grey."""

    def select_graphic_rendition(self, *attributes: int) -> None:
        is_grey = 2 in attributes and 30 not in attributes  # black on white remains black
        super().select_graphic_rendition(*attributes, *[90] * is_grey)


def recorded(command: str, *, cwd: Path, size: Size, keys: Sequence[tuple[str, str]] = ()) -> str:
    """What `command` writes to a terminal of that size; of a full screen, until it is left.

    `keys` are typed one after the other, each as soon as its text is shown and nothing moves.
    """
    mine, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
    function = f'ctxsize() {{ "{sys.executable}" -m ctxsize "$@"; }}'
    with subprocess.Popen(
        ["bash", "-c", f"{function}\n{command}"],
        cwd=cwd,
        env=_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ):
        os.close(theirs)
        start = b"".join(_typed(mine, keys, size))
        written = start + b"".join(_chunks(mine))
    os.close(mine)
    return (written.partition(_LEAVES)[0] if keys else written).decode()


def _typed(terminal: int, keys: Sequence[tuple[str, str]], size: Size) -> Iterator[bytes]:
    """Type the keys, and yield what the program writes meanwhile."""
    screen = pyte.Screen(*size)
    stream = pyte.ByteStream(screen)
    for text, key in keys:
        while select.select([terminal], [], [], 0.5)[0] or text not in "\n".join(screen.display):
            chunk = os.read(terminal, 65536)
            stream.feed(chunk)
            yield chunk
        os.write(terminal, key.encode())


def _environment() -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"HOME": "/nonexistent", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    return {**kept, **own, "PYTHONUTF8": "1"}


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            return
        if not chunk:
            return
        yield chunk


def seen(command: str, output: str, size: Size) -> Seen:
    """What a person sees who typed `command`, with the prompt that comes back."""
    screen = _Screen(size.columns, _SCROLLBACK)
    pyte.Stream(screen).feed(f"{_PROMPT}{command}\r\n{output}{_PROMPT}")
    end = screen.cursor.y + 1
    assert end < _SCROLLBACK, "the output is longer than the terminal remembers"
    first = max(0, end - size.rows)
    columns = range(size.columns)
    rows = [[screen.buffer[row][column] for column in columns] for row in range(first, end)]
    return Seen(rows, first)


def seen_full(output: str, size: Size) -> Seen:
    """What a person sees of a program that uses the whole screen."""
    screen = _Screen(*size)
    pyte.Stream(screen).feed(output)
    columns = range(size.columns)
    return Seen([[screen.buffer[row][each] for each in columns] for row in range(size.rows)], 0)


def drawn(title: str, shown: Seen, size: Size, *, is_full: bool = False) -> str:
    """The screen as SVG, without fonts or anything else from elsewhere."""
    width = round(size.columns * CELL_WIDTH + 2 * _MARGIN)
    height = size.rows * _HEIGHT + _BAR + 2 * _MARGIN
    lines = "line" if shown.scrolled == 1 else "lines"
    above = f" ({shown.scrolled} {lines} above)" if shown.scrolled else ""
    body = [each for row, cells in enumerate(shown.rows) for each in _row(cells, row)]
    cursor = len(shown.rows) - 1
    prompt = (
        f'<rect x="{2 * CELL_WIDTH:g}" y="{cursor * _HEIGHT + 1}" width="{CELL_WIDTH}"'
        f' height="{_HEIGHT - 2}" fill="#c9d1d9"/>'
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" font-family="{_FONT}" font-size="14">',
            f"<title>{escape(title)}, at {size}{above}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            f'<path d="M0,{_BAR}V8a8,8 0 0 1 8,-8H{width - 8}a8,8 0 0 1 8,8V{_BAR}z"'
            ' fill="#21262d"/>',
            *(
                f'<circle cx="{18 + 18 * place}" cy="16" r="5.5" fill="{colour}"/>'
                for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
            ),
            f'<text x="76" y="21" fill="#8b949e" font-size="12">{escape(title)}{above}</text>',
            f'<g transform="translate({_MARGIN},{_BAR + _MARGIN})">',
            *body,
            *([] if is_full else [prompt]),
            "</g>",
            "</svg>\n",
        )
    )


def _row(cells: list[Char], row: int) -> Iterator[str]:
    """The runs of equal cells in a row, each placed by itself."""
    x = 0.0
    for colour, run in groupby(cells, lambda cell: cell.bg):
        wide = len([*run]) * CELL_WIDTH
        if colour != "default":
            fill = f'width="{wide:g}" height="{_HEIGHT}" fill="{_COLOURS[colour]}"'
            yield f'<rect x="{x:g}" y="{row * _HEIGHT}" {fill}/>'
        x += wide
    column = 0
    for (colour, bold, kind), run in groupby(cells, _look):
        same = list(run)
        x, y = column * CELL_WIDTH, row * _HEIGHT
        if kind == "bar":
            wide = sum(_BLOCKS[cell.data] for cell in same) * CELL_WIDTH
            yield f'<rect x="{x:g}" y="{y + 2}" width="{wide:g}" height="14" fill="{colour}"/>'
        elif kind == "line":
            for cell in same:
                at = f"translate({x:g},{y})"
                line = _LINES[cell.data]
                yield f'<path d="{line}" transform="{at}" stroke="{colour}" fill="none"/>'
                x += CELL_WIDTH
        else:
            yield from _words(same, column, y + 14, colour, bold)
        column += len(same)


def _words(cells: list[Char], column: int, y: int, colour: str, bold: bool) -> Iterator[str]:
    """Yield each word at its own place: browsers do not agree on which blanks they keep."""
    weight = ' font-weight="bold"' if bold else ""
    for is_blank, run in groupby(cells, lambda cell: cell.data == " "):
        word = [cell.data for cell in run]
        if not is_blank:
            x, wide = column * CELL_WIDTH, len(word) * CELL_WIDTH
            style = f'fill="{colour}"{weight}'
            text = escape("".join(word))
            yield f'<text x="{x:g}" y="{y}" textLength="{wide:g}" {style}>{text}</text>'
        column += len(word)


def _look(cell: Char) -> tuple[str, bool, str]:
    kind = "bar" if cell.data in _BLOCKS else "line" if cell.data in _LINES else "text"
    return _COLOURS[cell.fg], cell.bold, kind
