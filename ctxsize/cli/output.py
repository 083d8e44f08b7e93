"""Write to stdout and stderr. No other module does, or checks whether they are terminals."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, final

import click

from ctxsize.engine.plan import ELSEWHERE
from ctxsize.errors import BuildFailsErrors, CtxsizeError, InputErrors, with_fate
from ctxsize.formats import PAGE, AnyOutcome, Look, is_report, render
from ctxsize.formats.wording import clipped, fit, visible
from ctxsize.model import Problem
from ctxsize.values import Value

if TYPE_CHECKING:
    from ctxsize.findings import Edit
    from ctxsize.writer.apply import Links

QUIET = "ctxsize.quiet"  # the key of `--quiet` in the context of click
FINE = 0  # the exit codes
FOUND = 1
USAGE = 2
BUG = 3
INTERRUPTED = 130
_LONGEST_MESSAGE = 500  # number of characters
_NARROWEST = 40  # columns of a text
_WIDEST = 120
_FILE_WIDTH = 80
_LOWEST = 20  # lines of a screen
_HIGHEST = 40
_SHOWN_WARNINGS = 10
_PROGRESS_AFTER = 1.0  # seconds
_PROGRESS_EVERY = 0.1


class Format(NamedTuple):
    """A requested format, and the path of its file; None for stdout."""

    name: str
    path: str | None = None


class Display(Value):
    """The requested formats, the choice of colours (`auto`, `always`, `never`), and the length."""

    formats: tuple[Format, ...] = ()
    colour: str = "auto"
    full: bool = False

    @property
    def shows_text(self) -> bool:
        """Return whether stdout gets text."""
        return Format("text") in self.formats

    @property
    def names(self) -> set[str]:
        """Return the names of the formats."""
        return {wanted.name for wanted in self.formats}

    def look(self, *, top: int = 0, only: str | None = None, tree: int = 0) -> Look:
        """Return the style of text on this stdout."""
        # The line after the last one is for the prompt; a watch adds the change since the start.
        lines = _HIGHEST + 1
        if _on_terminal():
            lines = _dimension("LINES", 1, lines)
            if isinstance(sys.stdout, _Block):
                lines -= 1
        height = max(_LOWEST, min(lines - 1, _HIGHEST))
        colour = self.colour == "always"
        if self.colour == "auto" and not os.environ.get("NO_COLOR"):
            colour = _is_capable() or os.environ.get("FORCE_COLOR", "0") not in ("", "0")
        return Look(_width(), colour, top, only, tree, self.full, is_quiet(), height=height)

    def emit(
        self,
        outcome: AnyOutcome,
        *,
        top: int = 0,
        only: str | None = None,
        tree: int = 0,
        page: AnyOutcome | None = None,
    ) -> None:
        """Write `outcome` in each format, all rendered before: into files first, then to stdout.

        A file has no colours and the default width. Only earlier reports are overwritten. `page` is
        the outcome that a page shows, if it is another one.
        Raises `InputError` for a file that cannot be written.
        """
        look = self.look(top=top, only=only, tree=tree)
        html_text = ""
        if PAGE in self.names:
            from ctxsize.page import html, picture

            with progress() as shown:
                html_text = html.render(picture.page(page or outcome, shown))
        plain = replace(look, width=_FILE_WIDTH, height=_HIGHEST, colour=False)
        files = {}
        text = ""
        for name, path in self.formats:
            if path is None:
                text = render(name, outcome, look)
            elif name == PAGE:
                files[path] = html_text
            else:
                files[path] = render(name, outcome, plain)
        try:
            for path, rendered in files.items():
                from ctxsize.writer.apply import write_output

                write_output(path, rendered.encode("utf-8", "backslashreplace"), replaces=is_report)
            write(text)
        except BrokenPipeError:
            # The exit code stays the same: `check | head` must not pass a refused context.
            abandon()

    def patch(self, edits: Iterable[Edit | None]) -> None:
        """Write `edits` to stdout as a diff."""
        from ctxsize.formats import exchange

        write(exchange.diff([edit for edit in edits if edit], self.look()))


def is_quiet() -> bool:
    """Return whether the command has `--quiet`: it prints neither notes nor progress."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def prepare() -> None:
    """Let no character make stdout or stderr fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(data: str | bytes, *, flushed: bool = False) -> None:
    """Write data to stdout. Raises `BrokenPipeError` if its reader is gone.

    After a write that is `flushed`, none can fail when the exit code is determined.
    """
    if sys.stdout is None:
        return
    try:
        if isinstance(data, str):
            sys.stdout.write(data)
        else:
            sys.stdout.buffer.write(data)
        if flushed:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(error) from None


@contextmanager
def into(path: str | None) -> Iterator[None]:
    """Collect what is written inside, and put it into the file at `path`, if it is not None.

    Only an earlier report is overwritten. Raises `InputError` for a file that cannot be written.
    """
    if path is None:
        yield
        return
    from ctxsize.writer.apply import write_output

    collected = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    with redirect_stdout(collected):
        yield
    write_output(path, collected.buffer.getvalue(), replaces=is_report)


def cannot_write(error: OSError) -> CtxsizeError:
    """Discard the rest of the output, and return the error to report."""
    abandon()
    return CtxsizeError(f"cannot write the output: {error.strerror}")


class _Block(io.StringIO):
    """Text that is collected, to be written at once."""

    drawn = False

    def isatty(self) -> bool:
        """Return whether the text is for a terminal."""
        return self.drawn


@contextmanager
def redrawn() -> Iterator[None]:
    """Write everything at once: on a terminal in place of what it shows. Report an error."""
    block = _Block()
    block.drawn = _is_capable()
    together = block.drawn and sys.stderr is not None and sys.stderr.isatty()
    with redirect_stdout(block), redirect_stderr(block) if together else nullcontext():
        try:
            yield
        except CtxsizeError as error:
            failed(error)
    text = block.getvalue()
    if text and block.drawn:
        from ctxsize.formats.text import screen

        lines = _dimension("LINES", 1, _HIGHEST + 1)
        text = screen(text, _dimension("COLUMNS", 0, _FILE_WIDTH), lines - 1)
    write(text, flushed=True)


def abandon() -> None:
    """Discard buffered output, which the interpreter would flush at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def found(findings: object, *, exit_zero: bool = False) -> int:
    """Return the exit code for `findings`, 0 if there are none or `exit_zero`."""
    if findings and not exit_zero:
        return FOUND
    return FINE


def failing(problems: Iterable[Problem]) -> int:
    """Report the `problems` that make the build fail, and return the exit code."""
    code = FINE
    for problem in dict.fromkeys(problems):
        if problem.fails:
            error(_in_its_place(problem))
            code = USAGE
    return code


def apply(edits: Sequence[Edit], *, links: Links = "follow") -> None:
    """Write `edits` into their files, and report each file."""
    if edits:
        from ctxsize.writer import apply as writing

        warn(writing.apply(edits, links=links))
        for edit in edits:
            if edit.old_path is None:
                note(f"wrote {edit.path}")
            else:
                note(f"renamed {edit.old_path} to {edit.path}")


def warn(problems: Sequence[Problem]) -> None:
    """Print warnings about problems that make the answer incomplete."""
    for problem in problems[:_SHOWN_WARNINGS]:
        _say("warning", _in_its_place(problem))
    if len(problems) > _SHOWN_WARNINGS:
        _say("warning", f"and {len(problems) - _SHOWN_WARNINGS:,} more problems")


def _in_its_place(problem: Problem) -> str:
    line = problem.line if problem.path else None
    return str(CtxsizeError(problem.message, path=problem.path, line=line))


def error(message: str) -> None:
    """Report an error in one line on stderr."""
    _say("error", message)


def explain(lines: Iterable[str]) -> None:
    """Print lines below an error on stderr; as they may be commands, none is wrapped."""
    with suppress(OSError, AttributeError):
        for line in lines:
            print(f"  {line}", file=sys.stderr, flush=True)  # noqa: T201


def failed(failure: CtxsizeError) -> None:
    """Report an error, or each of several, in one line."""
    parts: Sequence[CtxsizeError] = [failure]
    if isinstance(failure, (InputErrors, BuildFailsErrors)):
        parts = failure.errors
    for part in parts:
        error(with_fate(part))


def note(message: str) -> None:
    """Print a note on stderr, unless the command is quiet."""
    if not is_quiet():
        _say("note", message)


def note_no_dockerfile(problems: Iterable[Problem]) -> None:
    """Print a note if one of `problems` is that the context has no Dockerfile."""
    for problem in problems:
        if problem.code == "no-dockerfile":
            hint = ""
            if problem.message.startswith(ELSEWHERE):
                hint = f"; name the build with {problem.message.removeprefix(ELSEWHERE).strip()}"
            note(f"no Dockerfile here{hint}")


def _say(level: str, message: str) -> None:
    try:
        # Data first, if both streams have the same destination.
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        abandon()
    with suppress(OSError, AttributeError):
        text = f"ctxsize: {level}: {clipped(visible(message), _LONGEST_MESSAGE)}"
        if sys.stderr.isatty():
            from ctxsize.formats.wrapping import wrapped

            width = _dimension("COLUMNS", 0, _FILE_WIDTH, stream=2)
            text = "\n".join(wrapped(text, max(_NARROWEST, width), 2))
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def is_interactive() -> bool:
    """Return whether a person can use a full screen: stdin and stdout are a capable terminal."""
    return (
        sys.stdin is not None
        and sys.stdin.isatty()
        and _is_capable()
        and bool(os.environ.get("TERM"))
    )


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _is_dumb() -> bool:
    """Return whether the terminal takes no escape sequences."""
    return os.environ.get("TERM") == "dumb"


def _is_capable() -> bool:
    """Return whether stdout is a terminal that takes escape sequences."""
    return _on_terminal() and not _is_dumb()


def _width() -> int:
    """Return the width of a text: that of the terminal within limits."""
    return max(_NARROWEST, min(_dimension("COLUMNS", 0, _FILE_WIDTH), _WIDEST))


def _dimension(variable: str, index: int, usual: int, *, stream: int = 1) -> int:
    """Return the width or height of the terminal. `shutil` imports slowly."""
    text = os.environ.get(variable, "").strip()
    with suppress(OSError, ValueError):
        if text.isdecimal() and int(text):
            return int(text)
        return os.get_terminal_size(stream)[index] or usual
    return usual


@contextmanager
def progress() -> Iterator[_Progress | None]:
    """Yield a callable that shows progress on a terminal after the first second, or None."""
    if sys.stderr is None or not sys.stderr.isatty() or _is_dumb() or is_quiet():
        yield None
        return
    shown = _Progress()
    try:
        yield shown
    finally:
        if shown.begun:
            shown.overwrite("")


@final
class _Progress:
    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_AFTER
        self.begun = False

    def __call__(self, entries: int, content_bytes: int) -> None:
        """Show how many entries and bytes were counted."""
        if self._is_due():
            from ctxsize import units

            self.overwrite(f"{entries:,} entries, {units.human(content_bytes)} so far")

    def step(self, name: str, done: int, total: int) -> None:
        """Show the current step on the same line, and its position among `total`."""
        if self._is_due():
            count = ""
            if total:
                count = f" ({done + 1:,} of {total:,})"
            room = _width() - len(count) - 1
            self.overwrite(fit(visible(name), room) + count)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _PROGRESS_EVERY
        self.begun = True
        return True

    def overwrite(self, text: str) -> None:
        """Replace the line."""
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
