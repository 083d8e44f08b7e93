"""The screen of `ctxsize explore`: figures, the tree, and the ignore file as it would be.

Names of files are data: each text is a `Content` or comes from `wording.visible`, never markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple, TypeVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Input, OptionList, SelectionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState, get_current_worker

from ctxsize.build import Build
from ctxsize.errors import CtxsizeError
from ctxsize.explore.session import Offer, Session, TreeEntry
from ctxsize.explore.sheets import KEYS, Choices, Sheet
from ctxsize.formats import Look, exchange, text
from ctxsize.formats.wording import change, fit, quoted, visible
from ctxsize.units import columns, human, plural

_Result = TypeVar("_Result")
_FIRST, _FOUND = 100, 500
"""Numbers of entries of a directory to show at first, and of those that a filter finds."""
_DEEPEST = 20
"""Number of levels to indent; deeper ones stand below each other."""
_SHOWN_LOSSES = 2
_MARKS = {
    "travels": ("●", "ansi_green"),
    "context": ("○", "ansi_yellow"),
    "mixed": ("◐", "ansi_yellow"),
    "ignored": ("·", "ansi_bright_black"),
}
"""A mark for each fate, and its colour."""


class Row(NamedTuple):
    """A line of the tree: an entry, or the number of smaller ones that are not shown yet."""

    node: TreeEntry
    depth: int
    label: str
    left: int = 0


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Ends the work of a thread when the person leaves."""


class Explorer(App[int]):
    """The application. `run` returns the exit code; None if it was interrupted."""

    CSS_PATH = "explore.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("i", "propose(False)", "ignore"),
        Binding("I", "propose(True)", "each"),
        Binding("u", "undo", "undo"),
        Binding("s", "suggestions", "suggest"),
        Binding("w", "write", "write"),
        Binding("e", "explain", "explain"),
        Binding("question_mark", "keys", "help", key_display="?"),
        Binding("q,ctrl+q", "leave", "quit", key_display="q"),
        Binding("ctrl+c", "exit(None)", priority=True, show=False),
        Binding("right", "open(True)", show=False),
        Binding("left", "open(False)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("escape", "close_filter", show=False),
    ]

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.theme = "ansi-dark"
        self.failure: Exception | None = None
        """The error that ended the screen, None without one."""
        self.written: list[str] = []
        """A sentence for each file that was written."""
        self._build = build
        self._session: Session | None = None
        self._rows: list[Row] = []
        self._open: set[str] = set()
        self._most: dict[str, int] = {}
        self._then: Callable[[], None] | None = None
        self._step = ""

    @property
    def session(self) -> Session:
        """Return the session, which exists when the context has been read."""
        assert self._session is not None
        return self._session

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="loss")
        yield Input(placeholder="text in a path", id="filter", compact=True)
        with Horizontal(id="body"):
            yield OptionList(id="tree", markup=False, compact=True)
            with VerticalScroll(id="file", can_focus=False):
                yield Static(id="lines")
        yield Static(id="status")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to read the context."""
        self.set_interval(0.2, self._show_step)
        opened = partial(Session.open, self._build, progress=self._count, steps=self._count_steps)
        self._start("reading the context", opened, self._opened)

    def _fatal_error(self) -> None:
        """Leave a bug to the caller, who reports it in the line of all commands."""
        self.failure = self._exception
        self._close_messages_no_wait()

    # Work in a thread, while the screen goes on.

    def _start(
        self, step: str, work: Callable[[], _Result], then: Callable[[_Result], None]
    ) -> None:
        """Run `work` in a thread, and `then` with its result on the screen."""
        self._step = step
        self.run_worker(lambda: partial(then, work()), thread=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Go on with the result of a thread; leave if the context cannot be read."""
        error = event.worker.error
        if event.state is WorkerState.SUCCESS:
            self._step = ""
            event.worker.result()
        elif event.state is WorkerState.ERROR and isinstance(error, Exception):
            self._step = ""
            if self._session is not None and isinstance(error, CtxsizeError):
                self._report(str(error), "ansi_red")
                return
            self.failure = error
            self.exit(0)

    def _count(self, entries: int, content_bytes: int) -> None:
        """Note the progress of reading. Raises `Cancelled` in a thread that nobody awaits."""
        self._count_steps(f"{entries:,} entries, {human(content_bytes)} so far", 0, 0)

    def _count_steps(self, name: str, done: int, total: int) -> None:
        if get_current_worker().is_cancelled:
            raise Cancelled
        self._step = f"{name} ({done + 1:,} of {total:,})" if total else name

    def _show_step(self) -> None:
        if self._step:
            self._report(f"{self._step} …", "ansi_blue")

    def _report(self, message: str, style: str = "") -> None:
        self.query_one("#status", Static).update(Content.styled(visible(message), style))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse what changes or reads the session while a thread uses it."""
        if action in ("exit", "leave", "keys", "dismiss"):
            return True
        return self._session is not None and not (action == "suggestions" and self._step)

    # What is shown.

    def _opened(self, session: Session) -> None:
        self._session = session
        self._reveal(session.largest())
        self.query_one("#tree", OptionList).focus()
        self._report("")

    def _reveal(self, path: str) -> None:
        """Open the directories above an entry, and set the cursor on it."""
        above = path.split("/")[:-1]
        self._open.update("/".join(above[: at + 1]) for at in range(len(above)))
        self._refresh(path)

    def _refresh(self, path: str | None = None) -> None:
        """Show the present lines and figures, with the cursor on `path` or where it was."""
        session, before, now = self.session, self.session.before, self.session.now
        build = " ".join(self._build.given())
        lines = [Content.styled(quoted(os.path.abspath(self._build.context)), "bold")]
        lines.append(Content(f"context   {change(before.context, now.context)}"))
        if before.transfer and now.transfer:
            lines.append(Content(f"transfer  {change(before.transfer, now.transfer)}"))
        self.query_one("#head", Static).update(Content("\n").join(lines))
        lost = [visible(each) for each in session.lost]
        more = [f"and {plural(len(lost) - _SHOWN_LOSSES, 'more loss')}"]
        shown = lost if len(lost) <= _SHOWN_LOSSES else lost[:_SHOWN_LOSSES] + more
        loss = self.query_one("#loss", Static)
        loss.update(Content("\n".join(shown)))
        loss.display = bool(lost)
        self._show_file()
        self._show_rows(path)

    def _show_file(self) -> None:
        """Show the lines of the ignore file, new ones marked and in view."""
        session = self.session
        lines = [
            Content.styled(f"+ {visible(line.text)}", "ansi_green")
            if line.origin != "file"
            else Content(f"  {visible(line.text)}")
            for line in session.lines
        ]
        title = Content.styled(quoted(session.ignore_file), "bold")
        self.query_one("#lines", Static).update(Content("\n").join([title, *lines]))
        new = [at for at, line in enumerate(session.lines, 1) if line.origin != "file"]
        if new:
            self.query_one("#file").scroll_to(y=new[-1] - 2, animate=False)

    def _show_rows(self, path: str | None = None) -> None:
        tree, cursor = self.query_one("#tree", OptionList), self._cursor()
        path = path if path is not None or cursor is None else cursor.node.path
        index = tree.highlighted or 0
        self._rows = self._found() if self._filter else self._tree()
        tree.set_options(Option(self._line(row)) for row in self._rows)
        for at, row in enumerate(self._rows):
            if path is not None and not row.left and f"{row.node.path}/".startswith(f"{path}/"):
                index = at
                break
        if self._rows:
            tree.highlighted = min(index, len(self._rows) - 1)

    @property
    def _filter(self) -> str:
        box = self.query_one("#filter", Input)
        return box.value if box.display else ""

    def _found(self) -> list[Row]:
        """Return a row for each entry that the filter finds, the largest first."""
        nodes, count = self.session.matching(self._filter, most=_FOUND)
        shown = "" if count == len(nodes) else f", the {len(nodes)} largest are shown"
        self._report(f"{plural(count, 'entry')} found{shown}")
        return [Row(node, 0, node.path) for node in nodes]

    def _tree(self) -> list[Row]:
        """Return a row for each entry whose directory is open, without recursion."""
        rows, pending = list[Row](), self._below(self.session.root, 0)
        while pending:
            row = pending.pop()
            rows.append(row)
            if row.node.path in self._open and not row.left:
                pending += self._below(row.node, row.depth + 1)
        return rows

    def _below(self, node: TreeEntry, depth: int) -> list[Row]:
        """Return the rows of a directory in reverse; a chain of single directories is one."""
        children = self.session.children(node.path)
        most = self._most.get(node.path, _FIRST)
        left = len(children) - most
        rows = [Row(node, depth, f"… {left:,} smaller", left)] if left > 0 else []
        start = len(node.path) + 1 if node.path else 0
        for child in reversed(children[:most]):
            while len(only := self.session.children(child.path)) == 1 and only[0].is_directory:
                child = only[0]
            rows.append(Row(child, depth, child.path[start:]))
        return rows

    def _line(self, row: Row) -> Content:
        """Return size, bar, files, fate, name and deciding pattern in the width of the tree."""
        width = self.query_one("#tree").scrollable_content_region.width or self.size.width
        node, wide = row.node, width >= 70
        indent = "  " * min(row.depth, _DEEPEST)
        if row.left:
            return Content.styled(" " * (30 if wide else 19) + indent + row.label, "ansi_blue")
        whole = self.session.now.context.content_bytes
        share = node.context.content_bytes / whole if whole else 0
        bar = ("█" * round(share * 10)).ljust(10) + " " if wide else ""
        sign = "" if not node.is_directory else "▾ " if node.path in self._open else "▸ "
        name = quoted(row.label) + ("/" if node.is_directory else "")
        mark, colour = _MARKS[node.fate]
        lead = f"{human(node.context.content_bytes):>9} "
        count = f"{node.context.files:>8,} "
        by = visible(node.pattern)
        room = width - columns(lead + bar + count + indent) - 4
        by = fit(by, room // 3) if by and wide else ""
        name = fit(name, room - (columns(by) + 2 if by else 0))
        pad = " " * (room - columns(name) - columns(by))
        dim = "ansi_bright_black" if node.fate == "ignored" else ""
        return Content.assemble(
            (lead, dim), (bar, "ansi_blue"), (count, dim), (f"{mark} ", colour),
            (f"{indent}{sign or '  '}{name}", dim), (f"{pad}{by}", "ansi_bright_black"),
        )

    def on_resize(self) -> None:
        """Fit the rows into the new width."""
        if self._session is not None:
            self.call_after_refresh(self._show_rows)

    # Moving about.

    def _cursor(self) -> Row | None:
        index = self.query_one("#tree", OptionList).highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open or close a directory, show more of one, or return from a filter to the tree."""
        row = self._rows[event.option_index]
        if self._filter:
            self._end_filter(row.node.path)
        elif row.left:
            self._most[row.node.path] = self._most.get(row.node.path, _FIRST) * 10
            self._show_rows()
        else:
            self.action_open(row.node.path not in self._open)

    def action_open(self, wanted: bool) -> None:
        """Open or close the directory under the cursor; a closed one leads to the one above."""
        row = self._cursor()
        if row is None or self._filter:
            return
        path = row.node.path
        if wanted and row.node.is_directory:
            self._open.add(path)
        elif path in self._open:
            self._open.discard(path)
        elif not wanted and "/" in path:
            path = path.rpartition("/")[0]
        self._show_rows(path)

    def action_move(self, step: int) -> None:
        """Move the cursor while a filter is typed."""
        tree = self.query_one("#tree", OptionList)
        tree.action_cursor_down() if step > 0 else tree.action_cursor_up()

    def action_filter(self) -> None:
        """Ask for a text."""
        box = self.query_one("#filter", Input)
        box.value, box.display = "", True
        box.focus()

    def on_input_changed(self) -> None:
        """Show what the filter finds."""
        if self._session is not None:
            self._show_rows()

    def on_input_submitted(self) -> None:
        """Return to the tree, with the cursor on the entry found."""
        self.action_close_filter()

    def action_close_filter(self) -> None:
        """Return to the tree, with the cursor where it is."""
        row = self._cursor()
        self._end_filter(row.node.path if row else self.session.largest())

    def _end_filter(self, path: str) -> None:
        self.query_one("#filter").display = False
        self.query_one("#tree").focus()
        self._report("")
        self._reveal(path)

    # Changing and writing.

    def action_propose(self, everywhere: bool) -> None:
        """Try the pattern for the entry under the cursor."""
        row = self._cursor()
        if row is not None and not row.left:
            propose = partial(self.session.propose, row.node.path, everywhere=everywhere)
            self._change(lambda: f"added {visible(' '.join(propose()))}")

    def action_undo(self) -> None:
        """Take the last change back."""
        self._change(lambda: "undone" if self.session.undo() else "there is nothing to undo")

    def _change(self, change: Callable[[], str]) -> None:
        """Carry out a change and show its figures, or the reason why it is refused."""
        try:
            self._report(change())
        except CtxsizeError as error:
            self._report(str(error), "ansi_red")
        self._refresh()

    def action_suggestions(self) -> None:
        """Show the suggestions, which are computed at the first time."""
        find = partial(self.session.suggestions, steps=self._count_steps)
        self._start("looking for what no build needs", find, self._choose)

    def _choose(self, offers: Sequence[Offer]) -> None:
        self._report("" if offers else "there is nothing to suggest")
        if offers:
            toggle = self.session.toggle
            lines = [(_offered(each), each.chosen) for each in offers]
            self.push_screen(Choices(lines, lambda at: self._change(lambda: toggle(at) or "")))

    def action_explain(self) -> None:
        """Explain the entry under the cursor."""
        row = self._cursor()
        if row is not None:
            found = self.session.explain(row.node.path, width=self.size.width - 6)
            self.push_screen(Sheet(quoted(row.node.path), Content(found), "Esc closes"))

    def action_keys(self) -> None:
        """Show all keys."""
        self.push_screen(Sheet("keys", Content(KEYS), "Esc closes"))

    def action_write(self) -> None:
        """Show what would be written, and ask."""
        edit = self.session.edit()
        if edit is None:
            self._report("there is nothing to write")
            return
        shown = Text.from_ansi(exchange.diff([edit], Look(colour=True)))
        keys = "y writes it   Esc cancels"
        self.push_screen(Sheet(quoted(edit.path), shown, keys, "y"), self._write)

    def _write(self, answer: str | None) -> None:
        if answer != "y":
            self._report("nothing was written")
            return
        try:
            notes = self.session.write()
        except CtxsizeError as error:
            self._report(str(error), "ansi_red")
            return
        size = change(self.session.before.context, self.session.now.context)
        done = f"wrote {quoted(self.session.ignore_file)}: context {size}"
        self.written.append("; ".join((done, *(each.message for each in notes))))
        self._report(self.written[-1], "ansi_green")
        self._refresh()

    def action_leave(self) -> None:
        """Leave, after a question if a change was not written."""
        if self._session is None or self.session.edit() is None:
            self.exit(0)
            return
        question = Content("The new lines of the ignore file are not written.")
        keys = "w shows and writes them   q leaves without them   Esc stays"
        self.push_screen(Sheet("leave?", question, keys, "wq"), self._leave)

    def _leave(self, answer: str | None) -> None:
        if answer == "w":
            self.action_write()
        elif answer == "q":
            self.exit(0)

    def summary(self) -> str:
        """Return what was written, a sentence for each time, for stdout."""
        return "".join(f"{each}\n" for each in self.written or ["nothing was written"])


def _offered(offer: Offer) -> Content:
    """Return a suggestion in one line: what it saves, its patterns, and why or why not."""
    each = offer.suggestion
    saved = f"{human(each.size.context.content_bytes):>9}  "
    why = each.comment if each.safe else f"review first: {each.doubts[0]}"
    return Content.assemble(
        saved,
        (visible("  ".join(each.patterns)), "bold"),
        (f"  {visible(why)}", "" if each.safe else "ansi_yellow"),
    )
