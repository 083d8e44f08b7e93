"""The screen of `ctxsize explore`: figures, the tree, and the ignore file as it would be.

Names of files are data: each text is a `Content`, never markup, and has passed `wording.visible`.
"""

from __future__ import annotations

from asyncio import CancelledError, get_running_loop
from collections.abc import Callable, Sequence
from functools import partial
from os.path import abspath, basename
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
from ctxsize.guard.baseline import above
from ctxsize.recommender.outcome import Suggestion
from ctxsize.shipped import shipped_text
from ctxsize.units import columns, human, plural

_FIRST = 100  # number of entries of a directory that are shown at first
_MOST_SHOWN = 1_000  # number of entries of a directory that are ever shown
_MOST_FOUND = 200  # number of entries that a filter shows
_MOST_LOSSES = 3  # number of lost sources that are named
_NAME = 20  # columns left for a name that is deep in the tree
_WIDE = 50  # columns from which there are a bar and a number of files
_FINDING = "Enter goes to those found, Esc to the tree"
_FAINT = "dim"
_RED = "ansi_red"
_BLUE = "ansi_blue"
_YELLOW = "ansi_yellow"
_MARKS = {"travels": "●", "context": "○", "sent": "◌", "mixed": "◐", "ignored": "·"}
_COLOURS = {"travels": "ansi_green", "ignored": _FAINT}  # yellow for the others
_UNKNOWN = ("no-dockerfile", "transfer-unknown")  # problems that leave the transfer unknown


class _Row(NamedTuple):
    entry: TreeEntry
    depth: int
    label: str
    left: int = 0  # entries of the directory `entry` that are not shown


class Sheet(ModalScreen[str]):
    """Shows a text above the tree until Esc or a key of `answers`, which it returns."""

    def __init__(self, title: str, body: Content | Text, keys: str, answers: str = "") -> None:
        super().__init__()
        self._answers = answers
        self._sheet = VerticalScroll(Static(body), id="sheet")
        self._sheet.border_title = Content(title)
        self._sheet.border_subtitle = Content(keys)

    def compose(self) -> ComposeResult:
        yield self._sheet

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "q", "enter", *self._answers):
            event.stop()  # or the application handles it too
            answer = ""
            if event.key in self._answers:
                answer = event.key
            self.dismiss(answer)


class Explorer(App[int]):
    """The application. `run` returns an exit code, None after Ctrl-C."""

    CSS = shipped_text("explore/explore.tcss")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - so typed
    BINDINGS: ClassVar[list[BindingType]] = [
        ("slash", "filter", "find"),
        ("i", "propose(False)", "ignore"),
        ("I", "propose(True)", "each"),
        ("u", "undo", "undo"),
        ("s", "suggestions", "suggest"),
        ("w", "write", "write"),
        ("e", "explain", "explain"),
        ("question_mark", "keys", "help"),
        ("q", "write('leave')", "quit"),
        Binding("ctrl+c", "quit", priority=True, show=False),
        Binding("ctrl+z", "suspend_process", priority=True, show=False),
        Binding("escape", "back", show=False),
        Binding("space", "simulate_key('enter')", show=False),
        Binding("right", "open(True)", show=False),
        Binding("left", "open(False)", show=False),
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
        self._rows: list[_Row] = []
        self._open: set[str] = set()
        self._most: dict[str, int] = {}
        self._offers: Sequence[Suggestion] = ()

    def compose(self) -> ComposeResult:
        self._head = Static(id="head")
        self._loss = Static(id="loss")
        self._status = Static(id="status")
        self._box = Input(placeholder=f"part of a name; {_FINDING}", id="filter", compact=True)
        self._list = OptionList(id="tree", markup=False, compact=True)
        self._lines = Static()
        yield self._head
        yield self._loss
        yield self._box
        yield Horizontal(self._list, VerticalScroll(self._lines, id="file", can_focus=False))
        yield self._status
        yield Footer(compact=True)

    def on_mount(self) -> None:
        get_running_loop().add_signal_handler(SIGTERM, self.exit, 128 + SIGTERM)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.set_interval(0.2, self._show_step)
        self._reveal(self.session.largest())

    def _note(self, name: str, done: int = 0, total: int = 0) -> None:
        if get_current_worker().is_cancelled:
            raise CancelledError  # the screen was left
        self._step = name
        if total:
            self._step = f"{name} ({done + 1:,} of {total:,})"

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
        self._box.display = False
        self._offers = ()
        self._list.focus()
        if not path:
            message = "the context is empty"
        self._report(message)
        self._open.update(above(path))
        self._refresh(path)

    def _refresh(self, path: str | None = None) -> None:
        """Show the present figures and lines, with the cursor on `path` or where it was."""
        session = self.session
        losses = []
        for sentences, style in ((session.lost, _RED), (session.emptied, _YELLOW)):
            shown = (*sentences[:_MOST_LOSSES], more(len(sentences) - _MOST_LOSSES))
            losses += [Content.styled(visible(text), style) for text in shown if text]
        self._loss.update(Content("\n").join(losses))
        self._loss.display = bool(losses)
        lines = [Content.styled(quoted(session.ignore_file), "bold")]
        for line in session.lines:
            text = visible(line.text)
            if line.origin == "file":
                lines.append(Content(f"  {text}"))
            else:
                lines.append(Content.styled(f"+ {text}", "ansi_green"))
        self._lines.update(Content("\n").join(lines))
        self._show_rows(path)

    def on_option_list_option_highlighted(self) -> None:
        """Show the figures, and the path of the entry under the cursor."""
        session = self.session
        before = session.before
        now = session.now
        name = quoted(basename(abspath(self._build.context)))
        room = max(self.size.width - columns(name) - 4, 8)
        path = fit(visible(self._cursor()), room)
        head = f"  {path}\ncontext   {change(before.context, now.context)}\ntransfer  "
        if before.transfer and now.transfer:
            head += change(before.transfer, now.transfer)
        else:
            reasons = (problem.message for problem in session.problems if problem.code in _UNKNOWN)
            reason, _, _ = next(reasons, "").partition(" (")
            head += f"unknown: {visible(reason)}"
        self._head.update(Content.assemble((name, "bold"), head))

    def _show_rows(self, path: str | None = None) -> None:
        if path is None:
            path = self._cursor()
        shown_list = self._list
        highlighted = shown_list.highlighted or 0
        top = shown_list.scroll_y
        if self._offers:
            prompts = [_prompt_of(suggestion) for suggestion in self._offers]
        else:
            self._rows = self._search() if self._box.display else self._tree()
            prompts = [self._prompt(row) for row in self._rows]
            for index, row in enumerate(self._rows):
                if f"{row.entry.path}/".startswith(f"{path}/"):
                    highlighted = index
                    break
        shown_list.set_options(prompts)
        shown_list.scroll_to(y=top, animate=False, immediate=True)
        shown_list.highlighted = None
        if prompts:
            shown_list.highlighted = min(highlighted, len(prompts) - 1)
        self.call_after_refresh(shown_list.scroll_to_highlight)
        self.on_option_list_option_highlighted()

    def _search(self) -> list[_Row]:
        entries, count = self.session.matching(self._box.value, most=_MOST_FOUND)
        result = f"{plural(count, 'entry')} found"
        if count > len(entries):
            result = f"{result}, largest shown"
        self._report(f"{result}; {_FINDING}")
        return [_Row(match, 0, match.path) for match in entries]

    def _tree(self) -> list[_Row]:
        rows = []
        pending = self._below("", 0)
        while pending:
            row = pending.pop()
            rows.append(row)
            entry = row.entry
            if entry.path in self._open and entry.is_directory and not row.left:
                pending += self._below(entry.path, row.depth + 1)
        return rows

    def _below(self, path: str, depth: int) -> list[_Row]:
        """Return the rows of a directory, the last first; a chain of directories is one row."""
        session = self.session
        paths = session.paths(path)
        most = self._most.get(path, _FIRST)
        left = len(paths) - most
        rows = []
        if left > 0:
            label = f"{left:,} more"
            if most >= _MOST_SHOWN:
                label = f"{label}: / finds them"
            rows.append(_Row(session.entry(path), depth, label, left))
        for child in reversed(paths[:most]):
            folder = session.folder(child)
            while folder and not folder.entries and len(folder.folders) == 1:
                (folder,) = folder.folders.values()
                child = folder.path
            label = child[len(path) :].lstrip("/")
            rows.append(_Row(session.entry(child), depth, label))
        return rows

    def _prompt(self, row: _Row) -> Content:
        """Return size, bar, files, fate, name and deciding pattern in the width of the list."""
        entry = row.entry
        width = self._list.scrollable_content_region.width
        is_wide = width >= _WIDE
        figures = 33 if is_wide else 14  # columns of all that stands beside the name
        room = max(width - figures, 8)
        indent = "  " * min(row.depth, max(room - _NAME, 0) // 2)
        room -= len(indent)
        if row.left:
            return Content.styled(" " * (width - room - 2) + row.label, _BLUE)
        size = entry.context
        style = ""
        if entry.fate == "ignored":
            size = entry.on_disk
            style = _FAINT
        lead = f"{human(size.content_bytes):>9} "
        if is_wide:
            whole = max(self.session.now.context.content_bytes, 1)
            bar = "█" * round(10 * entry.context.content_bytes / whole)
            lead = f"{lead}{bar:10}{size.files:>8,} "
        arrow = "  "
        name = quoted(row.label)
        if entry.is_directory:
            arrow = "▾ " if entry.path in self._open else "▸ "
            name = f"{name}/"
        decider = visible(self.session.decider(entry.path))
        decider_room = min(columns(decider), room // 3)
        name = fit(name, room - 1 - decider_room)
        if decider:
            decider = fit(decider, room - 1 - columns(name))
        name += " " * (room - columns(name) - columns(decider))
        content = Content.assemble(
            (lead, style),
            (f"{_MARKS[entry.fate]} ", _COLOURS.get(entry.fate, _YELLOW)),
            (f"{indent}{arrow}{name}", style),
            (decider, _FAINT),
        )
        if is_wide:
            return content.stylize(_BLUE, 10, 20)  # the bar
        return content

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_rows)

    def _cursor(self) -> str:
        index = self._list.highlighted
        if index is None or self._offers or index >= len(self._rows):
            return ""
        row = self._rows[index]
        if row.left:
            return ""
        return row.entry.path

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self._offers:
            self._change(partial(self.session.toggle, event.option_index))
            return
        row = self._rows[event.option_index]
        path = row.entry.path
        if self._box.display:
            self._reveal(path)
        elif row.left:
            self._most[path] = _MOST_SHOWN
            self._show_rows()
        else:
            self.action_open(path not in self._open)

    def action_open(self, wanted: bool) -> None:
        path = self._cursor()
        if not path or self._box.display:
            return
        if wanted:
            self._open.add(path)
        else:
            self._open.discard(path)
        self._show_rows()

    def action_filter(self) -> None:
        self._offers = ()
        box = self._box
        box.value = ""
        box.display = True
        box.focus()

    def on_input_changed(self) -> None:
        self._show_rows()

    def on_input_submitted(self) -> None:
        self._list.focus()

    async def action_back(self) -> None:
        self._reveal(self._cursor() or self.session.largest())

    def action_propose(self, everywhere: bool) -> None:
        path = self._cursor()
        if path:
            self._change(partial(self.session.propose, path, everywhere=everywhere))

    def action_undo(self) -> None:
        self._change(self.session.undo)

    def _change(self, change: Callable[[], object]) -> None:
        self._report("")
        try:
            if change() is False:
                self._report("there is nothing to undo")
        except CtxsizeError as error:
            message = str(error)
            if error.message.startswith("the file "):
                message = f"{message}: leave and start again"
            self._report(message, _RED)
        if self._offers:
            self._offers = self.session.suggestions()
        self._refresh(".")  # the cursor stays in its row
        lines = enumerate(self.session.lines, 1)
        new_lines = [number for number, line in lines if line.origin != "file"]
        last_new = max(new_lines, default=0)
        self.query_one("#file").scroll_to(y=last_new, animate=False)

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
        message = "there is nothing to suggest"
        if offers:
            message = "space or a click chooses, Esc returns to the tree"
        self._reveal(self.session.largest(), message)
        self._offers = offers
        self._list.highlighted = 0
        self._show_rows()

    def action_explain(self) -> None:
        path = self._cursor()
        if path:
            shown = self.session.explain(path, width=max(self.size.width - 6, 20))
            self.push_screen(Sheet(quoted(path), Content(shown), "Esc closes"))

    def action_keys(self) -> None:
        self.push_screen(Sheet("Keys", Content(dedent(self._keys)), "Esc closes"))

    def action_write(self, then: str = "stay") -> None:
        edit = self.session.edit()
        if edit is None and then == "leave":
            self.exit(0)
        elif edit is None:
            self._report("there is nothing to write")
        else:
            diff = Text.from_ansi(exchange.diff([edit], Look(colour=True)))
            sheet = Sheet(quoted(edit.path), diff, "y writes, Esc cancels", "y")
            if then == "leave":
                sheet = Sheet(
                    title="Leave without these lines?",
                    body=diff,
                    keys="y writes, q leaves, Esc stays",
                    answers="yq",
                )
            self.push_screen(sheet, self._obey)

    def _obey(self, answer: str | None) -> None:
        if answer == "q":
            self.exit(0)
        elif answer == "y":
            self._change(self._write)

    def _write(self) -> None:
        session = self.session
        notes = [note.message for note in session.write()]
        size = change(session.before.context, session.now.context)
        wrote = f"wrote {quoted(session.ignore_file)}: context {size}"
        done = "; ".join([wrote, *notes])
        self.written += f"{done}\n"
        self._report(done)


def _prompt_of(suggestion: Suggestion) -> Content:
    box = "[ ]"
    if suggestion.chosen:
        box = "[x]"
    why = suggestion.reason
    if not suggestion.safe:
        why = f"review first: {suggestion.doubts[0]}"
    return Content.assemble(
        f"{box} {human(suggestion.size.context.content_bytes):>9}  ",
        (visible("  ".join(suggestion.patterns)), "bold"),
        f"  {visible(why)}",
    )
