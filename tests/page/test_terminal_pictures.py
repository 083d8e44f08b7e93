"""Every SVG of `docs`, drawn by a real browser: each letter is in its cell.

A browser that drops blanks stretches what is left over `textLength`, so that no letter is where
the terminal had it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from pyte.screens import Char

from tests.browser import Browser, Tab
from tests.examples import ROOT
from tests.terminal import CELL_WIDTH, Seen, Size, drawn

PICTURES = sorted(ROOT.glob("docs/**/*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
LETTERS = """
[...document.querySelectorAll('g > text')].map((text) =>
    [...Array(text.getNumberOfChars()).keys()].flatMap((index) => {
        const box = text.getExtentOfChar(index);
        return [[text.getStartPositionOfChar(index).x, box.width]];
    }))
"""
"""Yields the place and the width of each letter in each text, as they are drawn."""
_FRACTION = 0.2
"""Part of a cell by which a letter may be off: fonts differ a little."""


class Letter(NamedTuple):
    text: str
    x: float


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    opened = browser.open(PICTURES[0])
    yield opened
    opened.close()


def misplaced(tab: Tab, picture: Path) -> list[tuple[Letter, object]]:
    """Return the letters that are drawn outside their cells, each with what was drawn."""
    tab.call("Page.navigate", url=picture.as_uri())
    tab.wait(f"document.readyState === 'complete' && location.href === {picture.as_uri()!r}")
    texts = ElementTree.parse(picture).findall(f".//{SVG}g/{SVG}text")
    drawings: list[list[list[float]]] = tab.get(LETTERS)
    assert len(drawings) == len(texts) > 0
    wrong: list[tuple[Letter, object]] = []
    for text, drawing in zip(texts, drawings, strict=True):
        letters = _letters(text)
        drawing += [[-1.0, -1.0]] * (len(letters) - len(drawing))
        wrong += [
            (letter, place)
            for letter, place in zip(letters, drawing, strict=True)
            if not _is_in_cell(letter, *place)
        ]
    return wrong


def _letters(text: ElementTree.Element) -> list[Letter]:
    words = text.text or ""
    x = float(text.attrib["x"])
    return [Letter(letter, x + column * CELL_WIDTH) for column, letter in enumerate(words)]


def _is_in_cell(letter: Letter, x: float, width: float) -> bool:
    most = _FRACTION * CELL_WIDTH
    return abs(x - letter.x) < most and width < CELL_WIDTH + most


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_each_letter_is_in_its_cell(tab: Tab, picture: Path) -> None:
    assert misplaced(tab, picture) == []


def shown(line: str) -> Seen:
    return Seen([[Char(letter, fg="default") for letter in line]], 0)


def test_words_are_placed_by_themselves(tab: Tab, tmp_path: Path) -> None:
    """Also a run of the same colour that begins, ends and is filled with blanks."""
    line = "   20.2 GB       1  ─ target/   █▌  <&>  "
    picture = tmp_path / "words.svg"
    picture.write_text(drawn("words", shown(line), Size(len(line), 1)), encoding="utf-8")
    assert misplaced(tab, picture) == []


@pytest.mark.parametrize("space", ['xml:space="preserve"', ""])
def test_blanks_in_a_text_are_noticed(tab: Tab, tmp_path: Path, space: str) -> None:
    """The form of the pictures that browsers once drew right, and draw wrong today."""
    picture = tmp_path / "blanks.svg"
    picture.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="50" font-size="14"'
        f' font-family="monospace"><g transform="translate(12,12)" {space}>'
        '<text x="0" y="14" textLength="142.8">  20.2 GB  41,396</text></g></svg>'
    )
    assert len(misplaced(tab, picture)) > 5
