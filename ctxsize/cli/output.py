"""The only place that writes to stdout and stderr, and that knows what is behind them."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.errors import CtxsizeError
from ctxsize.formats import Look, is_report, render
from ctxsize.formats.names import fit, visible
from ctxsize.model import Problem

if TYPE_CHECKING:
    from ctxsize.findings import Edit
    from ctxsize.formats import Outcome

FINE, FOUND, USAGE, BUG, INTERRUPTED = 0, 1, 2, 3, 130
"""The exit codes."""
_LONGEST_MESSAGE = 500
_NARROWEST, _WIDEST, _FILE_WIDTH = 40, 120, 80
_SHOWN_WARNINGS = 10
_PROGRESS_AFTER, _PROGRESS_EVERY = 1.0, 0.1


class Format(NamedTuple):
    """A format that was asked for, and where its text shall go."""

    name: str
    path: str | None = None
    """A file; None for stdout."""


@dataclass(frozen=True)
class Display:
    """How a command shows its outcome: the formats, and the colours of text on stdout."""

    formats: tuple[Format, ...] = ()
    colour: str = "auto"
    """`auto`, `always` or `never`."""

    def look(self, *, top: int = 0, only: str | None = None, warm: bool = False) -> Look:
        """Return how text should look on this stdout."""
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        try:
            ascii_only = not "█├…".encode(encoding)
        except (UnicodeEncodeError, LookupError):
            ascii_only = True
        return Look(_width(), _wants_colour(self.colour), ascii_only, top, warm, only)

    def emit(
        self, outcome: Outcome, *, top: int = 0, only: str | None = None, warm: bool = False
    ) -> None:
        """Write `outcome` in each format: into their files first, then to stdout.

        A file gets no colour and the usual width, as nobody knows what will show it.
        Nothing is written unless every format could be made. Only earlier reports are replaced.
        Raises `InputError` for a file that cannot be written.
        """
        look = self.look(top=top, only=only, warm=warm)
        plain = replace(look, width=_FILE_WIDTH, colour=False, ascii=False)
        made = [
            (each.path, render(each.name, outcome, look if each.path is None else plain))
            for each in self.formats
        ]
        try:
            for path, text in sorted(made, key=lambda pair: pair[0] is None):
                if path is None:
                    write(text)
                    continue
                from ctxsize.writer.apply import write_output

                data = text.encode("utf-8", "backslashreplace")
                write_output(path, data, replaces=is_report)
        except BrokenPipeError:
            # Who has seen enough gets the same exit code: a refusal is no pass for `| head`.
            abandon()

    def patch(self, edits: Iterable[Edit | None]) -> None:
        """Write `edits` to stdout as a diff."""
        from ctxsize.formats import patch

        write(patch.render([each for each in edits if each is not None], self.look()))


def prepare() -> None:
    """Let no character make stdout or stderr fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(data: str | bytes) -> None:
    """Write data to stdout. Raises `BrokenPipeError` if nobody reads on."""
    if sys.stdout is not None:
        with _writing():
            sys.stdout.write(data) if isinstance(data, str) else sys.stdout.buffer.write(data)


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
        raise
    except OSError as error:
        raise cannot_write(error) from None


def cannot_write(error: OSError) -> CtxsizeError:
    """Return what to say where stdout takes no more."""
    abandon()
    return CtxsizeError(f"cannot write the output: {error.strerror}")


def clear() -> None:
    """Clear a terminal for what comes next; elsewhere nothing happens."""
    if sys.stdout is not None and sys.stdout.isatty():
        write("\x1b[H\x1b[2J\x1b[3J")


def abandon() -> None:
    """Send what is left in the buffer nowhere: the interpreter flushes once more at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


def error(message: str) -> None:
    """Report in one line what went wrong."""
    _say("error", message)


def failing(problems: Iterable[Problem]) -> int:
    """Print on which of `problems` the build fails, and return the exit code for that."""
    code = FINE
    for problem in dict.fromkeys(each for each in problems if each.fails):
        line = "" if problem.line is None else f":{problem.line}"
        error(f"{problem.path}{line}: {problem.message}" if problem.path else problem.message)
        code = USAGE
    return code


def found(things: object, *, exit_zero: bool = False) -> int:
    """Return the exit code where `things`, if there are any, are findings."""
    return FOUND if things and not exit_zero else FINE


def apply(edits: Sequence[Edit]) -> None:
    """Write `edits` into their files, and report it."""
    if not edits:
        return
    from ctxsize.writer import apply as writing

    warn(writing.apply(edits))
    for edit in edits:
        note(f"wrote {edit.path}")


def note(message: str) -> None:
    """Report something that is no data."""
    _say("note", message)


def warn(problems: Sequence[Problem]) -> None:
    """Report what made an answer incomplete."""
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


def _wants_colour(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and os.environ.get("TERM") != "dumb"


def _width() -> int:
    return max(_NARROWEST, min(_columns(), _WIDEST))


def _columns() -> int:
    """Return the width of the terminal as `shutil` does, whose import takes its time."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError):
        return os.get_terminal_size(1).columns or _FILE_WIDTH
    return _FILE_WIDTH


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
        if shown.begun:
            _overwrite("")


def steps(progress: _Progress | None) -> Callable[[str, int, int], None] | None:
    """Return what shows on the same line which part of the work comes next."""
    return None if progress is None else progress.step


class _Progress:
    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_AFTER
        self.begun = False

    def __call__(self, entries: int, content_bytes: int) -> None:
        """Show how much was walked over."""
        if self._is_due():
            from ctxsize import units

            _overwrite(f"{entries:,} entries, {units.human(content_bytes)} so far")

    def step(self, name: str, done: int, total: int) -> None:
        """Show what is looked at, and how many of how many that is."""
        if self._is_due():
            count = f" ({done + 1:,} of {total:,})" if total else ""
            _overwrite(fit(visible(name), _width() - len(count) - 1) + count)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next, self.begun = now + _PROGRESS_EVERY, True
        return True


def _overwrite(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
