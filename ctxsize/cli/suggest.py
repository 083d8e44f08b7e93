"""`ctxsize suggest`: what the ignore file should hold, proved; and into the file with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import options, output
from ctxsize.errors import InputError, hint_at

if TYPE_CHECKING:
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan

_ALL = "all"


@click.command("suggest")
@options.build
@options.flag("--write", help="Write what is chosen into the ignore file.")
@options.flag("--diff", help="Show that change, and write nothing.")
@options.flag("--check", help="Exit with 1 if anything safe is missing.")
@options.flag("--unsafe", help="Choose the unsafe suggestions too.")
@options.value(
    "--only RULE|PATH",
    multiple=True,
    help="Choose the suggestions of this rule, or about this path, and no others.",
)
@options.value(
    "--explain RULE",
    multiple=True,
    help="Explain what a rule looks for, what it found and what blocked it; `all` explains "
    "everything that was found and is not suggested.",
)
@options.flag("--allowlist", help="Instead: ignore everything but what the Dockerfiles take.")
@options.value(
    "--like FILE", help="Instead: what this other ignore file keeps out, translated to CONTEXT."
)
@options.flag(
    "--from-gitignore", help="Instead: what git ignores, translated to the builder's patterns."
)
@options.flag("--tidy", help="Instead: drop the lines that the ignore file can do without.")
@options.display
def suggest(
    build: Build,
    write: bool,
    diff: bool,
    check: bool,
    unsafe: bool,
    only: tuple[str, ...],
    explain: tuple[str, ...],
    allowlist: bool,
    like: str | None,
    from_gitignore: bool,
    tidy: bool,
    display: output.Display,
) -> int:
    """Propose what the ignore file of CONTEXT should hold, so that only what is needed is sent.

    A rule speaks where its evidence is (a CACHEDIR.TAG, a Cargo.toml beside
    target), never about a name alone. Each suggestion is tried on the context in
    memory: nothing that a Dockerfile takes by name disappears, every COPY finds
    its source, and what is saved is measured. Nothing is written without --write.

    \b
    Examples:
      ctxsize suggest
      ctxsize suggest --write
      ctxsize suggest --diff services/api
      ctxsize suggest --write --only docs.directory --only data/raw
      ctxsize suggest --check                    for CI: 1 if something is missing
      ctxsize suggest --explain rust.target
      ctxsize suggest --allowlist --diff
      ctxsize suggest --like ../worker/.dockerignore --write
      ctxsize suggest --from-gitignore --write
      ctxsize suggest --tidy --check             for CI: exit 1 if lines are redundant
    """  # noqa: D301
    if write and (diff or check):
        raise click.UsageError("--write goes with neither --diff nor --check")
    modes = {"allowlist": allowlist, "from-gitignore": from_gitignore, "tidy": tidy}
    mode = _mode({**modes, "like": like is not None}, alone=not (unsafe or only or explain))
    if mode:
        with output.progress() as progress:
            plan = api.plan_ignore_file(build, mode=mode, like=like, write=write, progress=progress)
        _show(plan, display, diff=diff and not plan.change.impossible)
        return output.found(plan.change.impossible or (check and plan.edit is not None))
    rules = _known(explain)
    with output.progress() as progress:
        advice = api.suggest(
            build,
            write=write,
            unsafe=unsafe,
            only=only,
            progress=progress,
            steps=output.steps(progress),
        )
    if explain and not diff and all(each.name == "text" for each in display.formats):
        from ctxsize.formats import text
        from ctxsize.formats.sections import suggested

        output.write(text.render(suggested.rules(advice, rules), display.look()))
    else:
        _show(advice, display, diff=diff)
    return output.found(check and any(each.safe for each in advice.suggestions))


def _show(outcome: Advice | IgnoreFilePlan, display: output.Display, *, diff: bool) -> None:
    if diff:
        display.patch([outcome.edit])
    else:
        display.emit(outcome)
    if outcome.written:
        output.note(f"{outcome.ignore_file} is written")


def _mode(asked: Mapping[str, bool], *, alone: bool) -> str:
    modes = [mode for mode, given in asked.items() if given]
    if len(modes) > 1:
        raise click.UsageError(f"--{modes[0]} does not go with --{modes[1]}")
    if modes and not alone:
        raise click.UsageError(f"--{modes[0]} goes with none of --only, --unsafe and --explain")
    return modes[0] if modes else ""


def _known(names: Iterable[str]) -> tuple[str, ...]:
    """Return the rules of these names, none for all. Raises `InputError` for an unknown one."""
    from ctxsize.recommender.rules import all_rules

    for name in names:
        if name not in all_rules() and name != _ALL:
            hint = hint_at(name, all_rules(), "docs/ecosystems.md lists them")
            raise InputError(f"no such rule: {name!r}", hint=hint)
    return tuple(name for name in names if name != _ALL)
