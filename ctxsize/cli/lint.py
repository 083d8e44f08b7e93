"""`ctxsize lint`: what ignore files do that their authors did not mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import output
from ctxsize.cli.options import (
    build_options_beside_paths,
    choice_of_findings,
    colour_option,
    exit_zero_option,
    format_option,
    read_stdin,
)
from ctxsize.errors import InputError
from ctxsize.findings import Severity
from ctxsize.lints.run import Linted

FINE, FOUND = 0, 1


@click.command("lint")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@build_options_beside_paths
@click.option(
    "--fix", is_flag=True, help="Apply the fixes that are proved to do just what they say."
)
@click.option("--unsafe-fixes", is_flag=True, help="Apply all fixes; look at the result.")
@click.option("--diff", is_flag=True, help="Show what the fixes would change, and write nothing.")
@choice_of_findings("CTX101,CTX12")
@click.option("--watch", is_flag=True, help="Lint and measure again whenever a file is saved.")
@click.option(
    "--stdin-filename",
    metavar="PATH",
    help="With - for PATH: the file that standard input stands for, with the tree around it.",
)
@exit_zero_option
@format_option
@colour_option
def command(
    *,
    build: Build,
    paths: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: str,
    watch: bool,
    stdin_filename: str | None,
    exit_zero: bool,
    formats: tuple[output.Format, ...],
    colour: str,
) -> int:
    """Find what ignore files do unintentionally in this tree, with the fix.

    PATH is an ignore file, a directory for every ignore file below it, or - for
    standard input; by default the working directory. With -f or -C it is the file
    that governs this build. Figures are simulated by the rules of the builder.

    \b
    Examples:
      ctxsize lint
      ctxsize lint --diff
      ctxsize lint --fix --select CTX101,CTX112 services/api
      ctxsize lint -f docker/Dockerfile -C .
      ctxsize lint --watch .dockerignore
      ctxsize lint - --stdin-filename .dockerignore --format json < buffer
    """  # noqa: D301
    names, data = _input(paths, stdin_filename, watch=watch, fix=(fix or unsafe_fixes) and not diff)
    run = partial(
        api.lint,
        names,
        build,
        data=data,
        fix=fix or diff,
        unsafe_fixes=unsafe_fixes,
        select=select,
        ignore=ignore,
        severity=Severity(severity),
    )
    if diff:
        return _show(run, colour, exit_zero=exit_zero)
    shown = partial(_report, run, formats, colour)
    if watch:
        from ctxsize.cli.watch import watch as watching

        watching(shown, partial(_watched, names, build))
    linted = shown()
    return FINE if exit_zero or not linted.findings else FOUND


def _input(
    paths: tuple[str, ...], stdin_filename: str | None, *, watch: bool, fix: bool
) -> tuple[list[str], bytes | None]:
    """Return the paths to lint, and what stands for the content of the one of them."""
    if "-" not in paths:
        if stdin_filename is not None:
            raise InputError("--stdin-filename goes with - for standard input")
        return [*paths], None
    if len(paths) > 1 or watch or fix:
        what = "other paths" if len(paths) > 1 else "--watch" if watch else "--fix"
        raise InputError(f"standard input does not go with {what}", hint="--diff shows the fixes")
    data = read_stdin("the ignore file")
    return [] if stdin_filename is None else [stdin_filename], data


def _report(run: Callable[..., Linted], formats: tuple[output.Format, ...], colour: str) -> Linted:
    """Lint, write what the fixes make of the files, and show what is left."""
    with output.progress() as progress:
        linted = run(progress=progress, steps=output.steps(progress))
    if linted.edits:
        from ctxsize.writer.apply import apply

        output.warn(list(apply(linted.edits)))
        for edit in linted.edits:
            output.note(f"wrote {edit.path}")
    output.emit(linted, formats, output.look(colour, top=len(linted.findings)))
    return linted


def _show(run: Callable[..., Linted], colour: str, *, exit_zero: bool) -> int:
    """Show what the fixes would change."""
    from ctxsize.formats import patch

    with output.progress() as progress:
        linted = run(progress=progress, steps=output.steps(progress))
    output.write(patch.render(linted.edits, output.look(colour, top=0)))
    return FINE if exit_zero or not linted.edits else FOUND


def _watched(paths: list[str], build: Build) -> list[str]:
    from ctxsize.engine.builders import BUILDERS
    from ctxsize.lints.run import watched

    return watched(paths, build, BUILDERS[build.builder])
