"""`ctxsize init`: writes the ignore file and a budget, and prints what to add to CI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from glob import escape
from os.path import realpath, relpath
from typing import TYPE_CHECKING, NamedTuple

import click

from ctxsize import api
from ctxsize.build import Build, joined
from ctxsize.cli import options, output
from ctxsize.cli.output import warn
from ctxsize.config import NAMES, Config, builds, load
from ctxsize.dockerfile.shell import UNKNOWN
from ctxsize.errors import InputError, InputErrors
from ctxsize.findings import Edit
from ctxsize.formats.wording import directory_argument, more, quoted, typed
from ctxsize.model import Problem
from ctxsize.shipped import shipped_text
from ctxsize.units import human, plural
from ctxsize.version import __version__

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Advice
    from ctxsize.writer.apply import Links

_MOST_LINES = 8  # number of ignore files to list
_LEAST_BYTES = 1_000_000  # smallest budget: a tiny one would refuse the next line of code
_TABLE_BYTES = 200  # of a table of the configuration, which may be in the context
_HEAD = "# Budgets of `ctxsize check`: the sizes of today and a quarter more, at least 1 MB.\n"


class _Start(NamedTuple):
    """A build with the advice about its ignore file."""

    context: str
    dockerfile: str | None  # None for the usual one
    advice: Advice
    size_bytes: int  # what `check` will measure: what the build sends with the ignore file


@click.command("init")
@options.directory("root", metavar="[DIR]")
@options.flag("--dry-run")
@options.replace_link
@options.quiet
@options.colour
def init(root: str, dry_run: bool, replace_link: bool, colour: str) -> None:
    """Write the ignore file and the budget of DIR, and show what to add to CI."""
    config = load(root)
    starts = _starts(root)
    edits = {}
    lines = {}
    for start in starts:
        edit = start.advice.edit
        if edit:
            edits[edit.path] = edit
            lines[edit.path] = _written(edit, start.advice)
    if config.path is None:
        path = joined(root, NAMES[0])
        edits[path] = Edit(path, None, _text(root, starts, edits.values(), _HEAD).encode())
    if dry_run:
        output.Display(colour=colour).patch(edits.values())
        return
    from ctxsize.writer.apply import apply

    links: Links = "replace" if replace_link else "refuse"
    warn(apply([*edits.values()], links=links))
    shown = [*lines.values()]
    left_out = len(shown) - _MOST_LINES
    if left_out > 0:
        shown[_MOST_LINES:] = [more(left_out)]
    shown.append(_about_configuration(config, root, starts))
    if any(not offer.chosen for start in starts for offer in start.advice.suggestions):
        command = typed("suggest", "--all", *directory_argument(root))
        shown.append(f"more patterns need your confirmation: {command}")
    if not edits:
        shown.append("nothing to write")
    if not output.is_quiet():
        if edits:
            shown.append("next: commit this, and let CI check it")
        shown += ["", shipped_text("cli/snippets.txt").replace("VERSION", __version__).rstrip()]
    output.write("\n".join(shown) + "\n")


def _written(edit: Edit, advice: Advice) -> str:
    """Return the line about an ignore file that was written."""
    chosen = [offer for offer in advice.suggestions if offer.chosen]
    patterns = sum(len(offer.patterns) for offer in chosen)
    saved_bytes = max(0, advice.saving.content_bytes)
    changes = f"{plural(patterns, 'pattern')}, {human(saved_bytes)} less to send"
    foreseen = sum(len(offer.patterns) for offer in chosen if offer.prevents)
    if foreseen:
        changes += f", {foreseen} for what is not there yet"
    return f"wrote {quoted(edit.path)}: {changes}"


def _about_configuration(config: Config, root: str, starts: Sequence[_Start]) -> str:
    """Return the line about the configuration; below it, the tables that `config` lacks."""
    if config.path is None:
        budgets = f"{plural(len(starts), 'budget')}, a quarter above what is sent today"
        return f"wrote {quoted(joined(root, NAMES[0]))}: {budgets}"
    kept = f"kept {quoted(config.path)}"
    bare = _without_budget(config, starts)
    if not bare:
        return f"{kept}: it is the configuration"
    lacks = f"{plural(len(bare), 'build')} without a budget; add to it:"
    return f"{kept}, which leaves {lacks}\n{_text(config.directory, bare)}"


def _without_budget(config: Config, starts: Iterable[_Start]) -> list[_Start]:
    """Return the builds about which `config` has neither a budget nor a baseline."""
    if config.defaults.budget.limits or config.baseline:
        return []
    known = set()
    for _, described in builds(config):
        for budgeted in described:
            if budgeted.budget.limits:
                known.add(realpath(budgeted.build.context))
    return [start for start in starts if realpath(start.context) not in known]


def _starts(root: str) -> list[_Start]:
    """Return each build below `root`. Raises `InputError` if there are none that are usable."""
    from ctxsize.recommender.outcome import UNREAD_DOCKERFILE
    from ctxsize.scanning.proposing import sent_once_written as sent

    with output.progress() as progress:
        proposals = api.suggest_all(root, progress=progress, steps=progress and progress.step)
    left_out = [(row.error or "", row.where.path) for row in proposals.left_out]
    places = {place for _, place in left_out}
    unknown = []
    others = []
    for problem in proposals.problems:
        if problem.code == UNKNOWN.code:
            unknown.append(problem)
        elif problem.code != UNREAD_DOCKERFILE or problem.path not in places:  # told once
            others.append(problem)
    warn(others)
    starts_by_build: dict[tuple[str, str | None], _Start] = {}
    for proposal in proposals.proposals:
        for row in proposal.rows:
            dockerfile = None
            if row.options[:1] == ["-f"]:
                dockerfile = row.dockerfile
            context = row.build.context
            try:
                _name(context, root)
            except InputError as error:
                left_out.append((str(error), ""))
                continue
            key = (realpath(context), dockerfile)
            start = starts_by_build.get(key)
            if start is None:
                # A table names no target and no arguments.
                size_bytes = sent(proposal, Build(context, dockerfile)).content_bytes
                start = _Start(context, dockerfile, proposal.advice, size_bytes)
            largest_bytes = max(start.size_bytes, row.after.content_bytes)
            starts_by_build[key] = start._replace(size_bytes=largest_bytes)
    starts = [*starts_by_build.values()]
    if not starts:
        raise InputErrors([InputError(error) for error, _ in left_out])
    lead = "a build was left out"
    warn([Problem("left-out", f"{lead}: {error}", path=place) for error, place in left_out])
    warn(unknown)
    starts.sort(key=lambda start: (start.context, start.dockerfile or ""))
    return starts


def _name(path: str, root: str) -> str:
    """Return a path relative to `root`. Raises `InputError` if TOML cannot contain it."""
    try:
        return relpath(path, root).encode().decode()
    except UnicodeEncodeError:
        raise InputError(
            "the name is not UTF-8", path=path, hint="rename it, as a configuration is UTF-8"
        ) from None


def _text(root: str, starts: Sequence[_Start], edits: Iterable[Edit] = (), head: str = "") -> str:
    """Return the budgets for a configuration in `root`, with room for it and for `edits`."""
    # A context may contain those of others, and so their ignore files.
    new_bytes = _TABLE_BYTES * len(starts)
    for edit in edits:
        new_bytes += len(edit.after)
    text = head
    names = set()
    for start in starts:
        budget = f'max = "{_budget(start.size_bytes + new_bytes)}"\n'
        context = _name(start.context, root)
        dockerfile = ""
        if start.dockerfile:
            dockerfile = _name(start.dockerfile, root)
        if len(starts) == 1 and context == "." and not dockerfile:
            return text + budget
        name = context
        if name in names:
            name = f"{context} {dockerfile}"
        names.add(name)
        text += f"\n[contexts.{_quoted(name)}]\n"
        path = escape(context)
        if path != name:
            text += f"path = {_quoted(path)}\n"
        if dockerfile:
            text += f"dockerfile = {_quoted(dockerfile)}\n"
        text += budget
    return text


def _quoted(text: str) -> str:
    """Return `text` as a string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", r"\u007F")


def _budget(today_bytes: int) -> str:
    """Return a quarter more, rounded up to two digits, and no tiny budget."""
    size = max(_LEAST_BYTES, today_bytes + (today_bytes + 3) // 4)
    step: int = 10 ** max(0, len(str(size)) - 2)
    rounded_up = -(-size // step) * step
    return human(rounded_up).replace(".0 ", "").replace(" ", "")
