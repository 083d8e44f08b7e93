"""The only place that writes to stdout and stderr, and that knows what is behind them."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from errno import ENOSPC
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.errors import CtxsizeError
from ctxsize.formats import Look, is_report, render
from ctxsize.formats.names import fit, visible
from ctxsize.model import Problem

if TYPE_CHECKING:
    from ctxsize.formats import Outcome

_FINE, _FAILS = 0, 2
_LONGEST_MESSAGE = 500
_NARROWEST, _WIDEST, _FILE_WIDTH = 40, 120, 80
_SHOWN_WARNINGS = 10
_PROGRESS_AFTER, _PROGRESS_EVERY = 1.0, 0.1


class Format(NamedTuple):
    """A format that was asked for, and where its text shall go."""

    name: str
    path: str | None = None
    """A file; None for stdout."""


class ClosedPipeError(Exception):
    """The reader of our output closed the pipe."""


def prepare() -> None:
    """Let no character make stdout or stderr fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def closed_pipes() -> Iterator[None]:
    """Turn what click's own writes raise into what ours do."""
    try:
        yield
    except BrokenPipeError:
        raise ClosedPipeError from None
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        raise _cannot_write(error) from None


def write(text: str) -> None:
    """Write data to stdout."""
    if sys.stdout is not None:
        with _writing():
            sys.stdout.write(text)


def emit(outcome: Outcome, formats: Iterable[Format], look: Look) -> None:
    """Write `outcome` in each of `formats`: into their files first, then to stdout.

    A file gets no colour and the usual width, as nobody knows what will show it.
    Nothing is written unless every format could be made. Only earlier reports are replaced.
    Raises `InputError` for a file that cannot be written.
    """
    plain = replace(look, width=_FILE_WIDTH, colour=False, ascii=False)
    made = [
        (each.path, render(each.name, outcome, look if each.path is None else plain))
        for each in formats
    ]
    for path, text in made:
        if path is not None:
            from ctxsize.writer.apply import write_output

            data = text.encode("utf-8", "backslashreplace")
            write_output(path, data, replaces=is_report)
    try:
        for path, text in made:
            if path is None:
                write(text)
    except ClosedPipeError:
        # Who has seen enough gets the same exit code: a refusal is no pass for `| head`.
        abandon()


def clear() -> None:
    """Clear a terminal for what comes next; elsewhere nothing happens."""
    if sys.stdout is not None and sys.stdout.isatty():
        write("\x1b[H\x1b[2J\x1b[3J")


def write_raw(data: bytes) -> None:
    """Write data to stdout as it is."""
    if sys.stdout is not None:
        with _writing():
            sys.stdout.buffer.write(data)


def flush() -> None:
    """Write out what is still buffered, so that nothing can fail after the exit code is known."""
    if sys.stdout is not None:
        with _writing():
            sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ClosedPipeError from None
    except OSError as error:
        raise _cannot_write(error) from None


def _cannot_write(error: OSError) -> CtxsizeError:
    abandon()
    return CtxsizeError(f"cannot write the output: {error.strerror}")


def abandon() -> None:
    """Send what is left in the buffer nowhere: the interpreter flushes once more at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


def error(message: str) -> None:
    """Say in one line what went wrong."""
    _say("error", message)


def failing(problems: Iterable[Problem]) -> int:
    """Print on which of `problems` the build fails, and return the exit code for that."""
    code = _FINE
    for problem in dict.fromkeys(each for each in problems if each.fails):
        line = "" if problem.line is None else f":{problem.line}"
        error(f"{problem.path}{line}: {problem.message}" if problem.path else problem.message)
        code = _FAILS
    return code


def note(message: str) -> None:
    """Say something that is no data."""
    _say("note", message)


def warn(problems: list[Problem]) -> None:
    """Say what made an answer incomplete."""
    for problem in problems[:_SHOWN_WARNINGS]:
        where = f"{problem.path}: " if problem.path else ""
        _say("warning", f"{where}{problem.message}")
    if len(problems) > _SHOWN_WARNINGS:
        _say("warning", f"and {len(problems) - _SHOWN_WARNINGS:,} more problems")


def _say(level: str, message: str) -> None:
    text = visible(message)
    if len(text) > _LONGEST_MESSAGE:
        half = _LONGEST_MESSAGE // 2
        text = f"{text[:half]} … {text[-half:]}"
    try:
        # Data first, where both streams go to the same place.
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        abandon()
    try:
        print(f"ctxsize: {level}: {text}", file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, AttributeError):
        return


def look(colour: str, *, top: int, only: str | None = None, warm: bool = False) -> Look:
    """Return how text should look on this stdout; `colour` is auto, always or never."""
    return Look(
        width=max(_NARROWEST, min(_columns(), _WIDEST)),
        colour=_wants_colour(colour),
        ascii=not _holds("█├…"),
        top=top,
        only=only,
        warm=warm,
    )


def _wants_colour(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and os.environ.get("TERM") != "dumb"


def _columns() -> int:
    """Return the width of the terminal, as `shutil` tells it, whose import takes its time."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError):
        return os.get_terminal_size(1).columns or _FILE_WIDTH
    return _FILE_WIDTH


def _holds(text: str) -> bool:
    """Return whether stdout's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


@contextmanager
def progress() -> Iterator[_Progress | None]:
    """Yield what shows on a terminal how far the work is, once it takes over a second."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    shown = _Progress()
    try:
        yield shown
    finally:
        shown.clear()


def steps(progress: _Progress | None) -> Callable[[str, int, int], None] | None:
    """Return what shows on the same line which part of the work comes next."""
    return None if progress is None else progress.step


class _Progress:
    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_AFTER
        self._shown = False

    def __call__(self, entries: int, content_bytes: int) -> None:
        """Show how much was walked over."""
        if self._is_due():
            from ctxsize import units

            self._show(f"{entries:,} entries, {units.human(content_bytes)} so far")

    def step(self, name: str, done: int, total: int) -> None:
        """Show what is looked at, and how many of how many that is."""
        if self._is_due():
            count = f" ({done + 1:,} of {total:,})" if total else ""
            room = max(_NARROWEST, min(_columns(), _WIDEST)) - len(count) - 1
            self._show(fit(visible(name), room) + count)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next, self._shown = now + _PROGRESS_EVERY, True
        return True

    def _show(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}")

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
