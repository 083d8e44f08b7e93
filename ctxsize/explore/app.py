"""The screen of `ctxsize explore`: figures, the tree, and the ignore file as it would be.

Names of files are data: each text is a `Content`, never markup, and has passed `wording.visible`.
"""

from __future__ import annotations

import os
from asyncio import CancelledError, get_running_loop
from collections.abc import Callable, Sequence
from functools import partial
from signal import SIGTERM
from textwrap import dedent
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.worker import get_current_worker

from ctxsize.build import Build
from ctxsize.errors import CtxsizeError
from ctxsize.explore.session import Session, TreeEntry
from ctxsize.formats import Look, exchange
from ctxsize.formats.wording import change, fit, more, quoted, visible
from ctxsize.recommender.outcome import Suggestion
from ctxsize.shipped import shipped_text
from ctxsize.units import columns, human, plural

_FIRST = 100
_MOST_SHOWN = 1_000
_MOST_FOUND = 200
_MOST_LOSSES = 3
_NAME = 20
_WIDE = 50
"""Numbers of entries shown of a directory, a long one, a filter, and of losses; then columns."""
_FINDING = "Enter goes to those found, Esc to the tree"
_FAINT = "dim"
_RED = "ansi_red"
_BLUE = "ansi_blue"
_YELLOW = "ansi_yellow"
_MARKS = {"travels": "●", "context": "○", "sent": "◌", "mixed": "◐", "ignored": "·"}
_COLOURS = {"travels": "ansi_green", "ignored": _FAINT}  # yellow for the others
_UNKNOWN = ("no-dockerfile", "transfer-unknown")  # problems that leave the transfer unknown
_HIDDEN = {"space": "simulate_key('enter')", "right": "open(True)", "left": "open(False)"}


class _Row(NamedTuple):
    entry: TreeEntry
    depth: int
    label: str
    left: int = 0  # entries of the directory `entry` that are not shown


class Sheet(ModalScreen[str]):
    """Shows a text above the tree until Esc or a key of `answers`, which it returns."""

    def __init__(self, title: str, body: Content | Text, keys: str, answers: str = "") -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._keys = keys
        self._answers = answers

    def compose(self) -> ComposeResult:
        sheet = VerticalScroll(Static(self._body), id="sheet")
        sheet.border_title, sheet.border_subtitle = Content(self._title), Content(self._keys)
        yield sheet

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "q", "enter", *self._answers):
            event.stop()  # or the application handles it too
            self.dismiss(event.key if event.key in self._answers else "")


class Explorer(App[int]):
    """The application. `run` returns an exit code, None after Ctrl-C."""

    CSS = shipped_text("explore/explore.tcss")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - so typed
    BINDINGS: ClassVar[list[BindingType]] = [
        *[("slash", "filter", "find"), ("i", "propose(False)", "ignore")],
        *[("I", "propose(True)", "each"), ("u", "undo", "undo")],
        *[("s", "suggestions", "suggest"), ("w", "write", "write"), ("e", "explain", "explain")],
        *[("question_mark", "keys", "help"), ("q", "write('leave')", "quit")],
        Binding("ctrl+c", "quit", priority=True, show=False),
        Binding("ctrl+z", "suspend_process", priority=True, show=False),
        Binding("escape", "back", show=False),
        *(Binding(key, action, show=False) for key, action in _HIDDEN.items()),
    ]

    def __init__(self, build: Build, session: Session, *, keys: str) -> None:
        super().__init__(ansi_color=True)  # the colours of the terminal
        self.theme = "ansi-dark"
        self.failure: BaseException | None = None  # the error that ended the screen
        self.written = ""  # what was written, for stdout
        self.session = session
        self._build = build
        self._keys = keys
        self._step = ""
        self._rows, self._open, self._most = list[_Row](), set[str](), dict[str, int]()
        self._offers: Sequence[Suggestion] = ()

    def compose(self) -> ComposeResult:
        self._head, self._loss, self._status = [Static(id=i) for i in ("head", "loss", "status")]
        self._box = Input(placeholder=f"part of a name; {_FINDING}", id="filter", compact=True)
        self._list, self._lines = OptionList(id="tree", markup=False, compact=True), Static()
        yield from (self._head, self._loss, self._box)
        yield Horizontal(self._list, VerticalScroll(self._lines, id="file", can_focus=False))
        yield from (self._status, Footer(compact=True))

    def on_mount(self) -> None:
        get_running_loop().add_signal_handler(SIGTERM, self.exit, 128 + SIGTERM)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.set_interval(0.2, self._show_step)
        self._reveal(self.session.largest())

    def _note(self, name: str, done: int = 0, total: int = 0) -> None:
        if get_current_worker().is_cancelled:
            raise CancelledError  # the screen was left
        if total:
            self._step = f"{name} ({done + 1:,} of {total:,})"
        else:
            self._step = name

    def _show_step(self) -> None:
        if self._step:
            self._report(f"{self._step} …", _BLUE)

    def _fatal_error(self) -> None:
        """Leave a bug to the caller, who reports it as that of any command."""
        self.failure = getattr(self._exception, "error", self._exception)  # in a thread or not
        self._close_messages_no_wait()

    def _report(self, message: str, style: str = "") -> None:
        self._status.update(Content.styled(visible(message), style))

    def _reveal(self, path: str, message: str = "") -> None:
        """Show the tree with the directories above an entry open, and the cursor on it."""
        self._box.display, self._offers = False, ()
        self._list.focus()
        self._report(message if path else "the context is empty")
        names = path.split("/")[:-1]
        self._open.update("/".join(names[: at + 1]) for at in range(len(names)))
        self._refresh(path)

    def _refresh(self, path: str | None = None) -> None:
        """Show the present figures and lines, with the cursor on `path` or where it was."""
        losses = list[Content]()
        for found, style in ((self.session.lost, _RED), (self.session.emptied, _YELLOW)):
            lost = filter(None, (*found[:_MOST_LOSSES], more(len(found) - _MOST_LOSSES)))
            losses += [Content.styled(visible(e), style) for e in lost]
        self._loss.update(Content("\n").join(losses))
        self._loss.display = bool(losses)
        lines = [Content.styled(quoted(self.session.ignore_file), "bold")]
        for each in self.session.lines:
            if each.origin == "file":
                sign = "  "
                style = ""
            else:
                sign = "+ "
                style = "ansi_green"
            lines.append(Content.styled(sign + visible(each.text), style))
        self._lines.update(Content("\n").join(lines))
        self._show_rows(path)

    def on_option_list_option_highlighted(self) -> None:
        """Show the figures, and the path of the entry under the cursor."""
        session = self.session
        before = self.session.before
        now = self.session.now
        name = quoted(os.path.basename(os.path.abspath(self._build.context)))
        path = fit(visible(self._cursor()), max(self.size.width - columns(name) - 4, 8))
        head = f"  {path}\ncontext   {change(before.context, now.context)}\ntransfer  "
        why = next((each.message for each in session.problems if each.code in _UNKNOWN), "")
        why = f"unknown: {visible(why.partition(' (')[0])}"
        if before.transfer and now.transfer:
            head += change(before.transfer, now.transfer)
        else:
            head += why
        self._head.update(Content.assemble((name, "bold"), head))

    def _show_rows(self, path: str | None = None) -> None:
        if path is None:
            path = self._cursor()
        else:
            path = path
        at = self._list.highlighted or 0
        top = self._list.scroll_y
        if self._offers:
            prompts = [_offered(each) for each in self._offers]
        else:
            if self._box.display:
                self._rows = self._found()
            else:
                self._rows = self._tree()
            prompts = [self._prompt(row) for row in self._rows]
            within = (f"{row.entry.path}/".startswith(f"{path}/") for row in self._rows)
            at = next((at for at, found in enumerate(within) if found), at)
        self._list.set_options(prompts)
        self._list.scroll_to(y=top, animate=False, immediate=True)
        if prompts:
            self._list.highlighted = min(at, len(prompts) - 1)
        else:
            self._list.highlighted = None
        self.call_after_refresh(self._list.scroll_to_highlight)
        self.on_option_list_option_highlighted()

    def _found(self) -> list[_Row]:
        entries, count = self.session.matching(self._box.value, most=_MOST_FOUND)
        cut = ", largest shown" * (count > len(entries))
        self._report(f"{plural(count, 'entry')} found{cut}; {_FINDING}")
        return [_Row(each, 0, each.path) for each in entries]

    def _tree(self) -> list[_Row]:
        rows = list[_Row]()
        pending = self._below("", 0)
        while pending:
            rows.append(row := pending.pop())
            if row.entry.path in self._open and row.entry.is_directory and not row.left:
                pending += self._below(row.entry.path, row.depth + 1)
        return rows

    def _below(self, path: str, depth: int) -> list[_Row]:
        """Return the rows of a directory, the last first; a chain of directories is one row."""
        paths = self.session.paths(path)
        most = self._most.get(path, _FIRST)
        left = len(paths) - most
        start = len(path) + bool(path)
        label = f"{left:,} more" + ": / finds them" * (most >= _MOST_SHOWN)
        rows = [_Row(self.session.entry(path), depth, label, left)] * (left > 0)
        for each in reversed(paths[:most]):
            held = self.session.folder(each)
            while held and not held.entries and len(held.folders) == 1:
                (held,) = held.folders.values()
            entry = self.session.entry(held.path if held else each)
            rows.append(_Row(entry, depth, entry.path[start:]))
        return rows

    def _prompt(self, row: _Row) -> Content:
        """Return size, bar, files, fate, name and deciding pattern in the width of the list."""
        entry = row.entry
        width = self._list.scrollable_content_region.width
        if entry.fate == "ignored":
            dim = _FAINT
        else:
            dim = ""
        is_wide = width >= _WIDE
        room = max(width - (33 if is_wide else 14), 8)
        indent = "  " * min(row.depth, max(room - _NAME, 0) // 2)
        room -= len(indent)
        if row.left:
            return Content.styled(" " * (width - room - 2) + row.label, _BLUE)
        by = visible(self.session.decider(entry.path))
        size = entry.context
        bar = "█" * round(10 * size.content_bytes / max(self.session.now.context.content_bytes, 1))
        if dim:
            size = entry.on_disk
        else:
            size = size
        lead = f"{human(size.content_bytes):>9} " + f"{bar:10}{size.files:>8,} " * is_wide
        name = quoted(row.label) + "/" * entry.is_directory
        name = fit(name, room - 1 - min(columns(by), room // 3))
        if by:
            by = fit(by, room - 1 - columns(name))
        else:
            by = ""
        name += " " * (room - columns(name) - columns(by))
        if entry.is_directory:
            if entry.path in self._open:
                arrow = "▾ "
            else:
                arrow = "▸ "
        else:
            arrow = "  "
        parts = [(lead, dim), (_MARKS[entry.fate] + " ", _COLOURS.get(entry.fate, _YELLOW))]
        parts += [(indent + arrow + name, dim), (by, _FAINT)]
        return Content.assemble(*parts).stylize(_BLUE, 10, 20 if is_wide else 10)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_rows)

    def _cursor(self) -> str:
        at = self._list.highlighted
        if at is None or self._offers or at >= len(self._rows):
            row = None
        else:
            row = self._rows[at]
        if row is None or row.left:
            return ""
        return row.entry.path

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self._offers:
            self._change(partial(self.session.toggle, event.option_index))
            return
        (path, *_), _, _, left = self._rows[event.option_index]
        if self._box.display:
            self._reveal(path)
        elif left:
            self._most[path] = _MOST_SHOWN
            self._show_rows()
        else:
            self.action_open(path not in self._open)

    def action_open(self, wanted: bool) -> None:
        if (path := self._cursor()) and not self._box.display:
            (self._open.add if wanted else self._open.discard)(path)
            self._show_rows()

    def action_filter(self) -> None:
        self._offers = ()
        self._box.value = ""
        self._box.display = True
        self._box.focus()

    def on_input_changed(self) -> None:
        self._show_rows()

    def on_input_submitted(self) -> None:
        self._list.focus()

    async def action_back(self) -> None:
        self._reveal(self._cursor() or self.session.largest())

    def action_propose(self, everywhere: bool) -> None:
        if path := self._cursor():
            self._change(partial(self.session.propose, path, everywhere=everywhere))

    def action_undo(self) -> None:
        self._change(self.session.undo)

    def _change(self, change: Callable[[], object]) -> None:
        self._report("")
        try:
            if change() is False:
                self._report("there is nothing to undo")
        except CtxsizeError as error:
            again = ": leave and start again" * error.message.startswith("the file ")
            self._report(f"{error}{again}", _RED)
        if self._offers:
            self._offers = self.session.suggestions()
        else:
            self._offers = ()
        self._refresh(".")  # the cursor stays in its row
        new = [at for at, line in enumerate(self.session.lines, 1) if line.origin != "file"]
        self.query_one("#file").scroll_to(y=new[-1] if new else 0, animate=False)

    async def action_suggestions(self) -> None:
        if not self._step:
            self._step = "looking for what no build needs"
            await self.action_back()
            self._suggest()

    @work(thread=True)
    def _suggest(self) -> None:
        try:
            shown = partial(self._choose, self.session.suggestions(steps=self._note))
        except CtxsizeError as error:
            shown = partial(self._report, str(error), _RED)
        self._step = ""
        self.call_from_thread(shown)

    def _choose(self, offers: Sequence[Suggestion]) -> None:
        if self._box.display or isinstance(self.screen, Sheet):
            self._report("suggestions are ready: s in the tree shows them")
            return  # or the next keys would change other things than they were typed for
        keys = "space or a click chooses, Esc returns to the tree"
        self._reveal(self.session.largest(), keys if offers else "there is nothing to suggest")
        self._offers = offers
        self._list.highlighted = 0
        self._show_rows()

    def action_explain(self) -> None:
        if path := self._cursor():
            shown = self.session.explain(path, width=max(self.size.width - 6, 20))
            self.push_screen(Sheet(quoted(path), Content(shown), "Esc closes"))

    def action_keys(self) -> None:
        self.push_screen(Sheet("Keys", Content(dedent(self._keys)), "Esc closes"))

    def action_write(self, then: str = "stay") -> None:
        if (edit := self.session.edit()) is None:
            self.exit(0) if then == "leave" else self._report("there is nothing to write")
            return
        diff = Text.from_ansi(exchange.diff([edit], Look(colour=True)))
        sheet = Sheet(quoted(edit.path), diff, "y writes, Esc cancels", "y")
        if then == "leave":
            sheet = Sheet("Leave without these lines?", diff, "y writes, q leaves, Esc stays", "yq")
        self.push_screen(sheet, self._answered)

    def _answered(self, answer: str | None) -> None:
        if answer == "q":
            self.exit(0)
        elif answer == "y":
            self._change(self._write)

    def _write(self) -> None:
        notes = [each.message for each in self.session.write()]
        size = change(self.session.before.context, self.session.now.context)
        done = "; ".join((f"wrote {quoted(self.session.ignore_file)}: context {size}", *notes))
        self.written += f"{done}\n"
        self._report(done)


def _offered(each: Suggestion) -> Content:
    lead = f"[{'x' if each.chosen else ' '}] {human(each.size.context.content_bytes):>9}  "
    if each.safe:
        why = each.rule.reason
    else:
        why = f"review first: {each.doubts[0]}"
    return Content.assemble(lead, (visible("  ".join(each.patterns)), "bold"), f"  {visible(why)}")
