"""Sections of `suggest --all`, and of `ctxsize` for several builds without one at the top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from os.path import dirname
from typing import TYPE_CHECKING

from ctxsize.build import path_argument
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    NextStep,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    Table,
    few,
    notes,
)
from ctxsize.formats.sections.found import named_rows
from ctxsize.formats.sections.suggested import lines_of, suggestions_table
from ctxsize.formats.styles import GLANCE, Look
from ctxsize.formats.wording import (
    change,
    directory_argument,
    quoted,
    typed,
    visible,
    writing_all,
)
from ctxsize.units import human, plural

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Suggestion
    from ctxsize.scanning.rows import Proposal, Proposals, Row

_LINES = 20
_MOST_FILES = 8  # number of ignore files to show
_MOST_TRIFLES = 1  # number of small suggestions to show for each of them
_MOST_NOTES = 4
_LINE = Fit(1)
_NOTE = Fit(2)


def sections(proposals: Proposals, look: Look) -> Iterator[ScreenPart]:
    """Yield the total and a block for each ignore file; if `look.only` is `GLANCE`, the builds."""
    if look.only == GLANCE and not look.full:
        yield from _first_screen(proposals, look)
        return
    if look.quiet:
        for proposal in _with_edits(proposals):
            lines = [f"    {visible(line)}" for line in lines_of(proposal.advice)]
            name = f"{quoted(proposal.advice.ignore_file)}:"
            yield Section([*map(Prose, [name, *lines])])
        return
    yield Section([*_head(proposals)])
    shown = [_block(proposal, look) for proposal in _with_edits(proposals)]
    most = len(shown) if look.full else _MOST_FILES
    yield from shown[:most]
    if shown[most:]:
        yield Section([Prose(f"and {plural(len(shown) - most, 'more ignore file')}: -v")])
    yield Section([Findings(proposals.findings if look.full else (), 0)], "Findings")
    yield Section(few([*_left_out(proposals), *notes(proposals.problems)], _MOST_NOTES, look))


def _with_edits(proposals: Proposals) -> list[Proposal]:
    return [proposal for proposal in proposals.proposals if proposal.advice.edit]


def _chosen(proposal: Proposal) -> list[Suggestion]:
    """Return the suggestions that are written, but for one about the new file itself."""
    return [suggestion for suggestion in proposal.advice.to_show if suggestion.chosen]


def _head(proposals: Proposals) -> Iterator[Prose | NextStep]:
    """Yield the total, and the command to type next."""
    edits = proposals.edits
    builds = plural(len(proposals.rows), "build")
    if not edits:
        yield Prose(f"Nothing safe to add: {builds}, {human(proposals.before.content_bytes)}")
        yield from _unsafe(proposals)
        return
    patterns = {
        (proposal.advice.ignore_file, line)
        for proposal in _with_edits(proposals)
        for suggestion in _chosen(proposal)
        for line in suggestion.patterns
    }
    verb = "Ignored" if proposals.written else "Can be ignored"
    head = f"{verb} with {plural(len(patterns), 'pattern')} in {plural(len(edits), 'ignore file')}"
    saved = f"{human(proposals.saving.content_bytes)} of {human(proposals.before.content_bytes)}"
    yield Prose(f"{head}: {saved} that {builds} would send", 0, head)
    directory = directory_argument(proposals.root)
    if proposals.written:
        yield NextStep(typed("scan", *directory), "shows every build")
    else:
        purpose = f"writes {plural(len(edits), 'ignore file')}; --diff shows how, -v why"
        yield NextStep(_writing(proposals), purpose)
    yield from _unsafe(proposals)


def _writing(proposals: Proposals) -> str:
    is_link = any(proposal.advice.is_link for proposal in _with_edits(proposals))
    return writing_all(proposals.root, is_link=is_link)


def _unsafe(proposals: Proposals) -> Iterator[NextStep]:
    """Yield the command that shows the suggestions which need a confirmation."""
    count = sum(
        not suggestion.chosen
        for proposal in proposals.proposals
        for suggestion in proposal.advice.suggestions
    )
    if count:
        command = typed("suggest", "--all", "--unsafe", *directory_argument(proposals.root))
        noun = plural(count, "suggestion")
        yield NextStep(command, f"shows {noun} more; each needs your confirmation", "Also")


def _block(proposal: Proposal, look: Look) -> Section:
    """Return the suggestions for an ignore file that are chosen."""
    advice = proposal.advice
    table = suggestions_table(_chosen(proposal), look, _MOST_TRIFLES)
    title = quoted(advice.ignore_file)
    if dirname(advice.ignore_file) != advice.context_path.removesuffix("."):
        title += f" for {quoted(advice.context_path)}"
    sizes = change(advice.before.counted, advice.after.counted)
    return Section([table], f"{title}: {sizes}", folded=True)


def _left_out(proposals: Proposals) -> Iterator[Prose]:
    for row in proposals.left_out:
        yield Prose(f"  {visible(_name(row))}: {visible(row.error or '')}", 4)


def _first_screen(proposals: Proposals, look: Look) -> Iterator[ScreenPart]:
    """Yield the builds, the most costly first, and what `suggest --all` would save."""
    rows = proposals.rows
    title = f"No Dockerfile here, and {plural(len(rows), 'build')} below"
    saved_bytes = proposals.saving.content_bytes
    saved = human(saved_bytes)
    text = f"{title}: {human(proposals.before.content_bytes)} would be sent"
    if saved_bytes > 0:
        text += f"; patterns would save {saved}"
    head = Prose(text, 0, title, "yellow", _NOTE)
    if look.quiet:
        yield Section([replace(head, fit=None)])
        return
    directory = directory_argument(proposals.root)
    if saved_bytes > 0:
        step = NextStep(_writing(proposals), f"saves {saved}")
    else:
        step = NextStep(typed("scan", *directory), "shows every build, and findings across them")
    cells = [[*_figures(row), visible(name)] for row, name in named_rows(rows, _name)]
    room = Room(len(cells), len(cells), "build", least=2)
    table = Table(("sends", "saving", "ignore", "build"), cells, room=room)
    problems = [replace(note, fit=_NOTE) for note in [*_left_out(proposals), *_problems(proposals)]]
    more = few(problems, 2, look)
    yield Screen(
        [
            Section([head, step]),
            Section([table]),
            Section(more),
            Section([Fact("More", " · ".join(_commands(rows, directory)), _LINE)]),
        ],
        _LINES + 1,
    )


def _problems(proposals: Proposals) -> list[Prose]:
    return notes(problem for problem in proposals.problems if not problem.skipped)


def _commands(rows: list[Row], directory: list[str]) -> Iterator[str]:
    """Yield the command for the most costly build that can be named, and that for all."""
    for row in rows:
        if row.found.inline is None:
            yield typed(*row.options, path_argument(row.build.context))
            break
    yield typed("scan", *directory)


def _figures(row: Row) -> tuple[str, str, str]:
    sends = "?"
    saving = "?"
    if row.error is None:
        sends = human(row.cost.content_bytes)
        saved_bytes = 0
        if row.saving:  # a new ignore file may add more bytes than it hides
            saved_bytes = max(0, row.saving.content_bytes)
        saving = human(saved_bytes)
    return sends, saving, "yes" if row.ignore_file else "none"


def _name(row: Row) -> str:
    """Return what names the build on a command line, or the place that contains it."""
    if row.found.inline is not None:
        return str(row.found.where)
    return typed(*row.options, path_argument(row.build.context)).removeprefix("ctxsize ")
