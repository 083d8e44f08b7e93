"""`ctxsize init`: writes the ignore file and a budget, and prints what to add to CI."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from glob import escape
from typing import TYPE_CHECKING, NamedTuple

import click

from ctxsize import api
from ctxsize.cli import options, output
from ctxsize.config import NAMES, Config, builds, load
from ctxsize.dockerfile.shell import UNKNOWN
from ctxsize.engine.fates import breaking
from ctxsize.engine.plan import ParsedDockerfiles
from ctxsize.errors import CtxsizeError, InputError, InputErrors
from ctxsize.findings import Edit
from ctxsize.formats.wording import more, quoted
from ctxsize.model import Problem
from ctxsize.planning import plan_with_hint
from ctxsize.shipped import shipped_text
from ctxsize.units import human, plural
from ctxsize.version import __version__

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Advice

_MOST_LINES = 8  # number of ignore files to list
_LEAST_BYTES = 10_000  # smallest budget: a tiny one would refuse the next line of code
_TABLE_BYTES = 200  # of a table of the configuration, which may be in the context
_HEAD = "# Budgets of `ctxsize check`: the sizes of today and a quarter more, at least 10 kB.\n"
_SNIPPETS = "cli/snippets.txt"


class _Start(NamedTuple):
    """A build with the advice about its ignore file."""

    context: str
    dockerfile: str | None  # None for the usual one
    advice: Advice


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
    advised = {each.advice.edit.path: each.advice for each in starts if each.advice.edit}
    edits = [each.edit for each in advised.values() if each.edit is not None]
    if config.path is None:
        text = _text(root, starts, edits, _HEAD)
        edits.append(Edit(os.path.normpath(os.path.join(root, NAMES[0])), None, text.encode()))
    if dry_run:
        output.Display(colour=colour).patch(edits)
        return
    from ctxsize.writer.apply import apply

    output.warn(apply(edits, links="replace" if replace_link else "refuse"))
    lines = list[str]()
    for path, each in advised.items():
        patterns = sum(len(one.patterns) for one in each.suggestions if one.chosen)
        saved = human((each.before.context - each.after.context).content_bytes)
        lines.append(f"wrote {quoted(path)}: {plural(patterns, 'pattern')}, {saved} less to send")
    shown = [*lines[:_MOST_LINES], *filter(None, [more(len(lines) - _MOST_LINES)])]
    if config.path is None:
        budgets = f"{plural(len(starts), 'budget')}, a quarter above what is sent today"
        shown.append(f"wrote {quoted(edits[-1].path)}: {budgets}")
    elif bare := _without_budget(config, starts):
        tables = _text(config.directory, bare)
        lacks = f"{plural(len(bare), 'build')} without a budget; add to it:"
        shown.append(f"kept {quoted(config.path)}, which leaves {lacks}\n{tables}")
    else:
        shown.append(f"kept {quoted(config.path)}: it is the configuration")
    if any(not one.chosen for each in starts for one in each.advice.suggestions):
        shown.append("more patterns need your confirmation: ctxsize suggest")
    if edits:
        shown += []
    else:
        shown += ["nothing to write"]
    if not output.Display().look().quiet:
        snippets = shipped_text(_SNIPPETS).replace("VERSION", __version__)
        shown += ["next: commit this, and let CI check it"] * bool(edits) + ["", snippets.rstrip()]
    output.write("\n".join(shown) + "\n")


def _without_budget(config: Config, starts: Iterable[_Start]) -> list[_Start]:
    """Return the builds about which `config` has neither a budget nor a baseline."""
    if config.defaults.budget.limits or config.baseline:
        return []
    tables = (each for _, some in builds(config) for each in some if each.budget.limits)
    known = {os.path.realpath(each.build.context) for each in tables}
    return [each for each in starts if os.path.realpath(each.context) not in known]


def _starts(root: str) -> list[_Start]:
    """Return each build below `root`. Raises `InputErrors` if there are none that are usable."""
    discovery = api.discover(root)
    output.warn(discovery.problems)
    every = [each.build for each in discovery.builds]
    unique = {(os.path.realpath(each.context), each.dockerfile): each for each in every}
    if not unique:
        hint = "name the directory of a build; `ctxsize scan DIR` lists the builds below DIR"
        message = "nothing is built here: there is no Dockerfile, and no file that names one"
        raise InputError(message, path=root, hint=hint)
    parsed_files = ParsedDockerfiles()
    found = list[_Start]()
    errors = list[CtxsizeError]()
    known: dict[tuple[str, str | None], Advice] = {}
    failing: dict[Problem, None] = {}
    with output.progress() as progress:
        for build in unique.values():
            try:
                plan = plan_with_hint(build, parsed_files)
                failing |= dict.fromkeys(breaking(plan))
                unusual = plan.dockerfile_in_context != "Dockerfile" and plan.dockerfile
                _name(plan.context, root)
                key = plan.root, plan.ignore_file.path if plan.ignore_file else None
                if key not in known:
                    steps = progress and progress.step
                    known[key] = api.suggest(plan, progress=progress, steps=steps)
                found.append(_Start(plan.context, unusual or None, known[key]))
            except CtxsizeError as error:
                errors.append(error)
    if not found:
        raise InputErrors(errors)
    output.warn([*failing])
    output.warn([Problem("left-out", f"a build was left out: {each}") for each in errors])
    advised = dict.fromkeys(problem for each in found for problem in each.advice.problems)
    output.warn([each for each in advised if each.code == UNKNOWN.code])
    return found


def _name(path: str, root: str) -> str:
    """Return a path relative to `root`. Raises `InputError` if TOML cannot contain it."""
    try:
        return os.path.relpath(path, root).encode().decode()
    except UnicodeEncodeError:
        hint = "rename it, as a configuration is UTF-8"
        raise InputError("the name is not UTF-8", path=path, hint=hint) from None


def _text(root: str, starts: Sequence[_Start], edits: Iterable[Edit] = (), head: str = "") -> str:
    """Return the budgets for a configuration in `root`, with room for it and for `edits`."""
    # A context may contain those of others, and so their ignore files.
    new_bytes = sum(len(each.after) for each in edits) + _TABLE_BYTES * len(starts)
    text = head
    names = set[str]()
    for each in starts:
        budget = f'max = "{_budget(each.advice.after.context.content_bytes + new_bytes)}"\n'
        context = _name(each.context, root)
        if each.dockerfile:
            dockerfile = _name(each.dockerfile, root)
        else:
            dockerfile = ""
        if len(starts) == 1 and (context, dockerfile) == (".", ""):
            return text + budget
        if context not in names:
            name = context
        else:
            name = f"{context} {dockerfile}"
        names.add(name)
        keys = {"path": escape(context), "dockerfile": dockerfile}
        given = {key: value for key, value in keys.items() if value not in ("", name)}
        lines = (f"{key} = {_quoted(value)}\n" for key, value in given.items())
        text += f"\n[contexts.{_quoted(name)}]\n{''.join(lines)}{budget}"
    return text


def _quoted(text: str) -> str:
    """Return `text` as a string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", r"\u007F")


def _budget(today_bytes: int) -> str:
    """Return a quarter more, rounded up to two digits, and no tiny budget."""
    size = max(_LEAST_BYTES, today_bytes + (today_bytes + 3) // 4)
    step: int = 10 ** max(0, len(str(size)) - 2)
    return human(-(-size // step) * step).replace(".0 ", "").replace(" ", "")
