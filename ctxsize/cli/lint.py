"""`ctxsize lint`: what ignore files do that their authors did not mean."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import output
from ctxsize.cli.options import (
    FindingChoice,
    build_options_beside_paths,
    choice_of_findings,
    display_options,
    exit_zero_option,
    read_stdin,
)
from ctxsize.errors import InputError

if TYPE_CHECKING:
    from ctxsize.lints.run import Linted


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
@display_options
def command(
    *,
    build: Build,
    paths: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    choice: FindingChoice,
    watch: bool,
    stdin_filename: str | None,
    exit_zero: bool,
    display: output.Display,
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

    def linted() -> Linted:
        with output.progress() as progress:
            return api.lint(
                names,
                build,
                data=data,
                fix=fix or diff,
                unsafe_fixes=unsafe_fixes,
                progress=progress,
                steps=output.steps(progress),
                **choice,
            )

    def shown() -> int:
        found = linted()
        output.apply(found.edits)
        display.emit(found, top=len(found.findings))
        return output.found(found.findings, exit_zero=exit_zero)

    if diff:
        edits = linted().edits
        display.patch(edits)
        return output.found(edits, exit_zero=exit_zero)
    if watch:
        from ctxsize.cli.watch import watch as watching

        watching(shown, partial(_watched, names, build))
    return shown()


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


def _watched(paths: list[str], build: Build) -> list[str]:
    from ctxsize.engine.builders import BUILDERS
    from ctxsize.lints.run import watched

    return watched(paths, build, BUILDERS[build.builder])
