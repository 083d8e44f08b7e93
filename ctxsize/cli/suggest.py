"""`ctxsize suggest`: proposes proved patterns for the ignore file, and writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from click import UsageError

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import choosing, completing, options, output
from ctxsize.cli.options import flag, value
from ctxsize.cli.output import Display
from ctxsize.errors import InputError
from ctxsize.formats import PAGE
from ctxsize.model import Texts

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan


@click.command("suggest")
@options.build
@flag("--all", "whole")
@flag("--write")
@options.replace_link
@flag("--diff")
@flag("--check")
@flag("--unsafe")
@value("--only RULE|PATH|PATTERN", multiple=True, shell_complete=completing.rules_or_files)
@value("--explain RULE", multiple=True, shell_complete=completing.rules)
@flag("--allowlist")
@value("--like FILE")
@flag("--from-gitignore")
@options.display
def suggest(
    build: Build,
    whole: bool,
    write: bool,
    replace_link: bool,
    diff: bool,
    check: bool,
    unsafe: bool,
    only: Texts,
    explain: Texts,
    allowlist: bool,
    like: str | None,
    from_gitignore: bool,
    display: Display,
) -> int:
    """Propose patterns for the ignore file of CONTEXT, so that only what is needed is sent."""
    if replace_link and not write:
        raise UsageError("--replace-link needs --write")
    if write and (diff or check):
        raise UsageError("--write cannot be combined with --diff or --check")
    flags = {"allowlist": allowlist, "from-gitignore": from_gitignore, "like": like is not None}
    modes = [mode for mode, is_given in flags.items() if is_given]
    if len(modes) > 1 or (modes and (unsafe or only or explain)):
        raise UsageError(
            f"--{modes[0]} cannot be combined with another mode, --only, --unsafe or --explain"
        )
    without_page = [*modes]
    if diff:
        without_page.append("diff")
    if without_page and PAGE in display.names:
        raise UsageError(f"--{without_page[0]} has no page: leave out --format html")
    if whole:
        if modes or only or explain:
            raise UsageError("--all cannot be combined with a mode, --only or --explain")
        return _all(
            build,
            display,
            write=write,
            unsafe=unsafe,
            replace_link=replace_link,
            diff=diff,
            check=check,
        )
    rules = _known(explain)
    build = choosing.chosen_to_write(build)
    outcome: Advice | IgnoreFilePlan
    with output.progress() as progress:
        if modes:
            outcome = plan = api.plan_ignore_file(
                build,
                mode=modes[0],
                like=like,
                write=write,
                replace_link=replace_link,
                progress=progress,
            )
            diff = diff and not plan.change.impossible
            fails = bool(plan.change.impossible) or (check and plan.edit is not None)
        else:
            outcome = advice = api.suggest(
                build,
                write=write,
                unsafe=unsafe,
                only=only,
                replace_link=replace_link,
                progress=progress,
                steps=progress and progress.step,
            )
            fails = check and advice.is_lacking
    if diff:
        display.patch([outcome.edit])
    elif explain and display.names == {"text"}:
        from ctxsize.formats import text
        from ctxsize.formats.sections import suggested

        look = display.look()
        output.write(text.render(suggested.rules(advice, rules, look), look))
    else:
        display.emit(outcome)
    if outcome.written:
        output.note(f"wrote {outcome.ignore_file}")
    return output.found(fails)


def _all(
    build: Build,
    display: Display,
    *,
    write: bool,
    unsafe: bool,
    replace_link: bool,
    diff: bool,
    check: bool,
) -> int:
    """Propose the ignore files of all builds below the context of `build`."""
    given = [*build.given()]
    if build.dockerfile:
        given.append("--file")
    if choosing.is_given("builder"):
        given.append("--builder")
    if given:
        raise UsageError(f"{given[0]} cannot be combined with --all")
    if PAGE in display.names:
        raise UsageError("--all has no page: leave out --format html")
    with output.progress() as progress:
        outcome = api.suggest_all(
            build.context,
            write=write,
            unsafe=unsafe,
            replace_link=replace_link,
            progress=progress,
            steps=progress and progress.step,
        )
    if diff:
        display.patch(outcome.edits)
    else:
        display.emit(outcome)
    if outcome.written:
        for edit in outcome.edits:
            output.note(f"wrote {edit.path}")
    if output.failing(outcome.problems) or any(row.is_unread for row in outcome.left_out):
        return output.USAGE
    return output.found(check and any(advice.is_lacking for advice in outcome.advice))


def _known(names: Iterable[str]) -> Texts:
    """Return the rules with these names, without `all`. Raises `InputError` for an unknown one."""
    from ctxsize.knowledge.rules import all_rules

    for name in names:
        if name not in all_rules() and name != "all":
            raise InputError(f"no such rule: {name!r}", hint="docs/ecosystems.md lists them")
    return tuple(name for name in names if name != "all")
