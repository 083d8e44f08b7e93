"""Sheets that `ctxsize explore` lays over its tree: a text with a question, and choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

KEYS = """\
up down       move            right enter   open a directory
page up/down  move            left          close it
click         open or close; the wheel scrolls

/   show only entries with a text in their path; enter returns to the tree
i   add the pattern that ignores the entry, or sends an ignored one
I   add the pattern for every entry of that name
u   undo the last change
s   choose among the suggestions of `ctxsize suggest`
e   explain the entry: the lines that match, the instructions that take it
w   show the change of the ignore file; then y writes it
q   leave; Ctrl-C leaves at once

● in the transfer   ○ in the context only   ◐ in part   · ignored"""


class Sheet(ModalScreen[str]):
    """Shows a text until a key of `answers` or Esc is pressed, and returns it; `""` for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss('')", show=False)]

    def __init__(self, title: str, body: Content | Text, keys: str, answers: str = "") -> None:
        super().__init__()
        self._title, self._body, self._keys, self._answers = title, body, keys, answers

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as sheet:
            sheet.border_title = Content(self._title)
            with VerticalScroll():
                yield Static(self._body, id="text")
            yield Static(Content.styled(self._keys, "bold"), id="keys")

    def on_key(self, event: Key) -> None:
        """Answer with a key of `answers`, before the bindings."""
        if event.character and event.character in self._answers:
            event.stop()
            self.dismiss(event.character)


class Choices(ModalScreen[None]):
    """Shows lines to choose from; each change is reported at once, with its index."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,s", "dismiss(None)", show=False)]

    def __init__(self, lines: Iterable[tuple[Content, bool]], toggle: Callable[[int], None]) -> None:
        super().__init__()
        self._lines, self._toggle = [*lines], toggle

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as sheet:
            sheet.border_title = "suggestions"
            yield SelectionList[int](
                *(Selection(line, at, chosen) for at, (line, chosen) in enumerate(self._lines))
            )
            yield Static(Content.styled("space or a click chooses   Esc closes", "bold"), id="keys")

    def on_selection_list_selection_toggled(
        self, event: SelectionList.SelectionToggled[int]
    ) -> None:
        """Report the choice."""
        self._toggle(event.selection_index)
