"""`ctxsize measure` and `ls`: what would be sent, in sums and entry by entry."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import options, output
from ctxsize.errors import CtxsizeError
from ctxsize.formats import GLANCE, TABLES
from ctxsize.formats.wording import quoted, sent
from ctxsize.model import Entry, Kind, Report

if TYPE_CHECKING:
    from ctxsize.engine.request import Request
    from ctxsize.engine.trace import Taker

_MOST_DIRECTORIES = 200  # number of rows of a size tree with `--depth`


class _FrontDoor(click.Command):
    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("ctxsize", " ".join(self.collect_usage_pieces(ctx)))


@click.command("", cls=_FrontDoor)
@options.build
@options.watch
@options.display
def glance(build: Build, watch: bool, display: output.Display) -> int:
    """Show on 20 lines what `docker build CONTEXT` would send, and what to do about it."""
    measured = partial(api.measure, build, top=5)
    return _answer(measured, partial(display.emit, top=5, only=GLANCE), display, watch=watch)


def _answer(
    measured: Callable[..., Report],
    emit: Callable[[Report], None],
    display: output.Display,
    *,
    watch: bool,
) -> int:
    """Show what `measured` returns, until the user interrupts if this is a `watch`."""

    def answer() -> Report:
        with output.progress() as progress:
            return measured(progress=progress)

    def show(report: Report) -> int:
        emit(report)
        return output.failing(report.failing)

    if watch:
        from ctxsize.cli import watching

        watching.measure_again(answer, show, display, lambda each: [("", each, sent(each))])
    return show(answer())


@click.command("measure")
@options.build
@options.number("--top")
@options.number("--depth", type=click.IntRange(min=0))
@options.value(
    f"--by [{'|'.join(TABLES)}]",
    type=click.Choice([*TABLES, "rule"]),
    # The table of patterns was once named after rules.
    callback=lambda ctx, param, value: "pattern" if value == "rule" else value,
)
@options.flag("--ignored")
@options.number("--jobs", envvar="CTXSIZE_JOBS")
@options.watch
@options.display
def measure(
    build: Build,
    top: int | None,
    depth: int | None,
    by: str | None,
    ignored: bool,
    jobs: int | None,
    watch: bool,
    display: output.Display,
) -> int:
    """Show what `docker build CONTEXT` would send, how big it is, and why."""
    rows, ignored = top or (30 if by else 5), ignored or by == "pattern"
    levels, tree = (3, 0) if depth is None else (depth, _MOST_DIRECTORIES)
    measured = partial(api.measure, build, ignored=ignored, top=rows, depth=levels, jobs=jobs)
    emit = partial(replace(display, build=build).emit, top=rows, only=by, tree=tree)
    return _answer(measured, emit, display, watch=watch)


@click.command("ls")
@options.build
@options.flag("--transfer")
@options.named
@options.flag("--ignored")
@options.flag("--all", "both")
@options.flag("--size")
@options.flag("-v", "--why")
@options.flag("-0", "--null")
@options.as_json
@options.quiet
def ls(
    build: Build,
    transfer: bool,
    named: str,
    ignored: bool,
    both: bool,
    size: bool,
    why: bool,
    null: bool,
    as_json: bool,
) -> int:
    """List every entry of CONTEXT that would be sent, in the builder's order."""
    if transfer + ignored + both > 1:
        raise click.UsageError("--all, --ignored and --transfer cannot be combined")
    if not (transfer or named or why) and build.given():
        raise click.UsageError(f"{build.given()[0]} needs --transfer or --why")
    if as_json and (null or size):
        raise click.UsageError("-0 and --size need --format text")
    from ctxsize.formats import json  # `measure` seldom needs it

    request = api.request_for(build)
    listing = api.ls(
        request, sent=not ignored, ignored=ignored or both, transfer=transfer, named=named
    )
    reasons = _Reasons(request, named) if why else None
    emptied = 0
    for entry in listing:
        emptied += entry.arrives_empty is not None
        if as_json:
            more = {"takers": reasons.takers(entry)} if reasons else {}
            output.write(json.line(entry, **more) + "\n")
            continue
        lead = ["-" if entry.verdict.ignored else "+"] if both else []
        if size:
            is_sent, is_file = not entry.verdict.ignored, entry.kind is Kind.FILE
            size_bytes = entry.content_bytes if is_sent else entry.size_bytes * is_file
            lead.append(f"{size_bytes:>13}{'*' if entry.arrives_empty else ' '}")
        start = "".join(f"{each} " for each in lead)
        if reasons:
            start = "".join(f"{each}\t" for each in (*lead, *reasons.of(entry)))
        path = f"{entry.path}/" if entry.kind is Kind.DIRECTORY else entry.path
        output.write(os.fsencode(f"{start}{path}\0") if null else f"{start}{quoted(path)}\n")
    if emptied and size:
        output.note(f"* arrives empty ({emptied:,}); ctxsize explain --trace shows why")
    output.warn(listing.problems)
    return output.failing(reasons.unread) if reasons else output.FINE


class _Reasons:
    """Finds the pattern that decides about an entry, and the instructions that take it."""

    def __init__(self, request: Request, named: str) -> None:
        """Read the Dockerfile; print why it is unknown what it takes, if so."""
        from ctxsize.engine.need import request_named
        from ctxsize.engine.trace import Takers
        from ctxsize.engine.transfers import unread
        from ctxsize.formats.sections import explained

        self.unread = unread(request)  # problems of a Dockerfile that the builder rejects
        request = request_named(request, named)
        ignore_file = request.ignore_file.path if request.ignore_file else None
        self._takers = Takers(request)
        self._decided = cache(lambda verdict: explained.decided(verdict, ignore_file))
        self._taken = cache(lambda takers: explained.taken(takers, request.dockerfile))
        if self._takers.unknown:
            output.note(f"which instruction takes an entry: {self._takers.unknown}")

    def takers(self, entry: Entry) -> tuple[Taker, ...] | None:
        """Return the instructions that take an entry; None if they are not known."""
        if entry.verdict.ignored:
            return ()
        if self._takers.unknown:
            return None
        with suppress(CtxsizeError):
            return self._takers.of(entry.path, is_directory=entry.kind is Kind.DIRECTORY)
        return None

    def of(self, entry: Entry) -> tuple[str, str]:
        """Return both as text, `-` if there is none, `?` if it is not known."""
        takers = self.takers(entry)
        decided = "-" if entry.verdict.by is None else self._decided(entry.verdict)
        return decided, "?" if takers is None else self._taken(takers)
