"""What a format must know about the place where its text ends up."""

from __future__ import annotations

from dataclasses import dataclass

_STYLES = {
    "bold": "1",
    "dim": "2",
    "green": "1;32",
    "yellow": "1;33",
    "red": "1;31",
    "bar": "36",
}


@dataclass(frozen=True)
class Look:
    """How wide, how colourful and how much."""

    width: int = 80
    colour: bool = False
    ascii: bool = False
    """Whether the output cannot hold block and line characters."""
    top: int = 5
    """Rows of each table."""
    warm: bool = False
    """Whether to tell what the next build prints."""
    only: str | None = None
    """The one table to show, a key of `breakdowns.TABLES`; None for the whole report."""

    def paint(self, text: str, style: str) -> str:
        """`text` in a style, or as it is where there is no colour."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour and text else text
