"""`ctxsize lint` and `advise`: mistakes in ignore files and Dockerfiles, and their fixes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from click import UsageError

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import completing, options, output
from ctxsize.cli.options import flag, value
from ctxsize.cli.output import Display, found
from ctxsize.errors import InputError
from ctxsize.findings import Severity
from ctxsize.guard.accepting import FindingChoice
from ctxsize.model import Texts

if TYPE_CHECKING:
    from ctxsize.lints import Linted


def _choice_of_findings(example: str) -> options.Decorator:
    """Return a decorator that adds the options on fixes, and those on findings as `choice`."""
    codes = {"multiple": True, "shell_complete": completing.codes(example[:4])}
    return options.gathered(
        "choice",
        FindingChoice,
        flag("--fix"),
        flag("--unsafe-fixes"),
        flag("--diff"),
        value("--select CODES", **codes),
        value("--ignore CODES", **codes),
        options.choice(
            [severity.value for severity in Severity],
            "--severity",
            default=Severity.INFO.value,
            callback=lambda ctx, param, name: Severity(name),
        ),
    )


@click.command("lint")
@click.argument("paths", metavar="[PATH]...", nargs=-1, shell_complete=completing.files)
@options.build_beside_paths
@_choice_of_findings("CTX101,CTX12")
@options.replace_link
@options.watch
@value("--stdin-filename PATH")
@options.exit_zero
@options.display
def lint(
    build: Build,
    paths: Texts,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    choice: FindingChoice,
    replace_link: bool,
    watch: bool,
    stdin_filename: str | None,
    exit_zero: bool,
    display: Display,
) -> int:
    """Find mistakes in the ignore files of this tree; --fix corrects them."""
    if replace_link and (diff or not (fix or unsafe_fixes)):
        raise UsageError("--replace-link needs --fix or --unsafe-fixes, without --diff")
    names = [*paths]
    data = None
    if "-" in paths:
        if len(paths) > 1 or watch or ((fix or unsafe_fixes) and not diff):
            raise InputError(
                "stdin (-) cannot be fixed, watched or one of several",
                hint="--diff shows the fixes",
            )
        names = []
        if stdin_filename is not None:
            names.append(stdin_filename)
        data = options.read_stdin("the ignore file")
    elif stdin_filename is not None:
        raise InputError("--stdin-filename needs PATH -, which reads stdin")

    def linted() -> Linted:
        with output.progress() as progress:
            return api.lint(
                names,
                build,
                data=data,
                unsafe_fixes=unsafe_fixes,
                fix=fix or diff,
                progress=progress,
                steps=progress and progress.step,
                **choice,
            )

    def show(outcome: Linted) -> int:
        if diff:
            display.patch(outcome.edits)
            return found(outcome.edits, exit_zero=exit_zero)
        output.apply(outcome.edits, links="replace" if replace_link else "refuse")
        display.emit(outcome)
        if output.failing(outcome.failures) or outcome.is_rejected:
            return output.USAGE
        return found(outcome.findings, exit_zero=exit_zero)

    if watch:
        from ctxsize.cli import watching

        watching.watch(linted, show, _files_of)
    return show(linted())


def _files_of(outcome: Linted) -> Iterator[str]:
    """Yield the files that decide about the findings."""
    for file in outcome.files:
        yield file.path
        yield from file.dockerfiles


@click.command("advise")
@options.directory("root")
@_choice_of_findings("CTX210,CTX22")
@options.exit_zero
@options.display
def advise(
    root: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    choice: FindingChoice,
    exit_zero: bool,
    display: Display,
) -> int:
    """Find what makes the Dockerfiles below ROOT slow, and what to write instead."""
    if diff:
        fix = unsafe_fixes = False
    advice = api.advise(root, fix=fix, unsafe_fixes=unsafe_fixes, **choice)
    if diff:
        from ctxsize.formats import exchange

        output.write(exchange.diff_of(advice.findings, display.look()))
    else:
        output.apply(advice.edits)
        display.emit(advice)
    return output.failing(advice.problems) or found(advice.findings, exit_zero=exit_zero)
