"""`ctxsize measure` and `ls`: what would be sent, in sums and entry by entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click
from click import UsageError

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import choosing, options, output
from ctxsize.cli.options import flag, number, value
from ctxsize.cli.output import Display, failing, note
from ctxsize.errors import CtxsizeError
from ctxsize.formats import GLANCE, PAGE, TABLES
from ctxsize.formats.wording import all_quoted, sent
from ctxsize.model import Entry, Kind, Report
from ctxsize.planning import plan_for

if TYPE_CHECKING:
    from ctxsize.engine.explanation import Taker
    from ctxsize.engine.plan import Plan
    from ctxsize.history.digest import TakenEntry
    from ctxsize.recommender.outcome import Glance

T = TypeVar("T")
_HASH_WIDTH = 64  # digits of a SHA-256
_MOST_DIRECTORIES = 200  # number of rows of a size tree with `--depth`


class _FrontDoor(click.Command):
    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("ctxsize", " ".join(self.collect_usage_pieces(ctx)))


@click.command("", cls=_FrontDoor)
@options.build
@options.watch
@options.display
def glance(build: Build, watch: bool, display: Display) -> int:
    """Show on 20 lines what `docker build CONTEXT` would send, and what to do about it."""
    choice = choosing.choice(build)
    if choice and choice.builds and not choice.build and display.names == {"text"} and not watch:
        return _table(build, display)
    if choice:
        build = choosing.only(build, choice)
    else:
        build = choosing.as_found(build)

    def answer() -> Glance:
        with output.progress() as progress:
            return api.glance(build, top=5, progress=progress, steps=progress and progress.step)

    def show(glance: Glance) -> int:
        display.emit(glance, top=5)
        return failing(glance.report.failing)

    return _shown(answer, show, lambda glance: glance.report, display, watch=watch)


def _table(build: Build, display: Display) -> int:
    """Show the builds below a directory without a Dockerfile, the most costly first."""
    with output.progress() as progress:
        proposals = api.suggest_all(
            build.context, progress=progress, steps=progress and progress.step
        )
    display.emit(proposals, only=GLANCE)
    if output.failing(proposals.problems) or any(row.is_unread for row in proposals.left_out):
        return output.USAGE
    return output.FINE


def _shown(
    answer: Callable[[], T],
    show: Callable[[T], int],
    report_of: Callable[[T], Report],
    display: Display,
    *,
    watch: bool,
) -> int:
    """Show an answer, until the user interrupts if this is a `watch`."""
    if watch:
        from ctxsize.cli import watching

        def sizes(outcome: T) -> list[watching.BuildSize]:
            report = report_of(outcome)
            return [watching.BuildSize("", report, sent(report))]

        watching.measure_again(answer, show, display, sizes)
    return show(answer())


@click.command("measure")
@options.build
@number("--top")
@number("--depth", type=click.IntRange(min=0))
@value(
    f"--by [{'|'.join(TABLES)}]",
    type=click.Choice([*TABLES, "rule"]),
    # The table of patterns was once named after rules.
    callback=lambda ctx, param, value: "pattern" if value == "rule" else value,
)
@flag("--ignored")
@number("--jobs", envvar="CTXSIZE_JOBS")
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
    display: Display,
) -> int:
    """Show what `docker build CONTEXT` would send, how big it is, and why."""
    build = choosing.chosen(build)
    rows = top or (30 if by else 5)
    ignored = ignored or by == "pattern"
    levels = 3
    tree = 0
    if depth is not None:
        levels = depth
        tree = _MOST_DIRECTORIES

    def answer() -> Report | Glance:
        with output.progress() as progress:
            measuring: Callable[..., Report | Glance] = api.measure
            if PAGE in display.names:  # it also shows what is proved to be unneeded
                measuring = partial(api.glance, steps=progress and progress.step)
            return measuring(
                build, ignored=ignored, top=rows, depth=levels, jobs=jobs, progress=progress
            )

    def show(outcome: Report | Glance) -> int:
        report = _report_of(outcome)
        display.emit(report, top=rows, only=by, tree=tree, page=outcome)
        return failing(report.failing)

    return _shown(answer, show, _report_of, display, watch=watch)


def _report_of(outcome: Report | Glance) -> Report:
    if outcome.kind == "glance":
        return outcome.report
    return outcome


@click.command("ls")
@options.build
@flag("--transfer")
@options.named
@flag("--ignored")
@flag("--all", "both")
@flag("--size")
@flag("--digest")
@flag("-v", "--why")
@flag("-0", "--null")
@options.as_json
@options.quiet
def ls(
    build: Build,
    transfer: bool,
    named: str,
    ignored: bool,
    both: bool,
    size: bool,
    digest: bool,
    why: bool,
    null: bool,
    as_json: bool,
) -> int:
    """List every entry of CONTEXT that would be sent, in the builder's order."""
    if transfer + ignored + both > 1:
        raise UsageError("--all, --ignored and --transfer cannot be combined")
    if not (transfer or named or why) and build.given():
        raise UsageError(f"{build.given()[0]} needs --transfer or --why")
    if as_json and (null or size):
        raise UsageError("-0 and --size need --format text")
    from ctxsize.formats import json  # `measure` seldom needs it

    if transfer or named or why:
        build = choosing.as_found(build)
    plan = plan_for(build)
    listing = api.ls(
        plan, sent=not ignored, ignored=ignored or both, transfer=transfer, named=named
    )
    reasons = None
    if why:
        reasons = _Reasons(plan, named)
    emptied = 0
    columns = _Columns(both, size, reasons)
    runs: Iterable[list[Entry]] = listing.runs()
    if digest:
        columns, runs = _hashed(columns, plan, named, runs)
    for run in runs:
        if as_json:
            lines = [json.line(entry, **columns.fields(entry)) for entry in run]
        else:
            lines = columns.beside(run, null=null)
            emptied += sum(entry.arrives_empty is not None for entry in run)
        if null:
            output.write(os.fsencode("".join([f"{line}\0" for line in lines])))
        else:
            output.write("".join([f"{line}\n" for line in lines]))
    if emptied and size:
        note(f"* arrives empty ({emptied:,}); ctxsize explain --trace shows why")
    output.warn(listing.problems)
    output.note_no_dockerfile(plan.problems)
    if reasons:
        return failing(reasons.unread)
    return output.FINE


class _Columns(NamedTuple):
    """The columns before the path of an entry."""

    both: bool  # whether it is sent
    size: bool
    reasons: _Reasons | None
    contents: Mapping[str, TakenEntry] | None = None  # by path

    def beside(self, run: list[Entry], *, null: bool) -> list[str]:
        """Return the lines of entries; `null` writes their paths as they are."""
        paths = [f"{entry.path}/" if entry.kind is Kind.DIRECTORY else entry.path for entry in run]
        if not null:
            paths = all_quoted(paths)
        if any(self):
            return [*map(self._line, run, paths)]
        return paths

    def _line(self, entry: Entry, path: str) -> str:
        columns = []
        if self.both:
            columns.append("-" if entry.verdict.ignored else "+")
        if self.size:
            columns.append(_size(entry))
        if self.contents is not None:
            content = self.contents[entry.path]
            columns.append(f"{content.mode} {content.sha256:{_HASH_WIDTH}}")
        if self.reasons:
            columns += self.reasons.of(entry)
        return ("\t" if self.reasons else " ").join([*columns, path])

    def fields(self, entry: Entry) -> dict[str, object]:
        """Return what an entry has in JSON beside its own fields."""
        fields: dict[str, object] = {}
        if self.contents is not None:
            content = self.contents[entry.path]
            fields |= {"mode": content.mode, "sha256": content.sha256}
        if self.reasons:
            fields["takers"] = self.reasons.takers(entry)
        return fields


def _hashed(
    columns: _Columns, plan: Plan, named: str, runs: Iterable[list[Entry]]
) -> tuple[_Columns, Iterable[list[Entry]]]:
    """Return the columns with the hashes of all entries, and the runs, which are read before."""
    from ctxsize.engine.transfer_requests import plan_named
    from ctxsize.history.digest import Contents

    read = [*runs]
    with output.progress() as progress:
        taken = Contents(progress).of(plan_named(plan, named).root, chain.from_iterable(read))
        contents = {content.path: content for content in taken}
    return columns._replace(contents=contents), read


def _size(entry: Entry) -> str:
    """Return the bytes that are sent of an entry, or that an ignored file has."""
    size_bytes = 0
    if not entry.verdict.ignored:
        size_bytes = entry.content_bytes
    elif entry.kind is Kind.FILE:
        size_bytes = entry.size_bytes
    if entry.arrives_empty:
        return f"{size_bytes:>13}*"
    return f"{size_bytes:>13} "


class _Reasons:
    """Finds the pattern that decides about an entry, and the instructions that take it."""

    def __init__(self, plan: Plan, named: str) -> None:
        """Read the Dockerfile; print why it is unknown what it takes, if so."""
        from ctxsize.engine.explanation import Takers
        from ctxsize.engine.fates import unread
        from ctxsize.engine.transfer_requests import plan_named
        from ctxsize.formats.sections import explained

        self.unread = unread(plan)  # problems of a Dockerfile that the builder rejects
        plan = plan_named(plan, named)
        ignore_file = plan.ignore_path
        self._takers = Takers(plan)
        self._decided = cache(lambda verdict: explained.decided(verdict, ignore_file))
        self._taken = cache(lambda takers: explained.taken(takers, plan.dockerfile))
        if self._takers.unknown:
            note(f"which instruction takes an entry: {self._takers.unknown}")

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
        decider = "-"
        if entry.verdict.by:
            decider = self._decided(entry.verdict)
        takers = self.takers(entry)
        if takers is None:
            return decider, "?"
        return decider, self._taken(takers)
