"""`ctxsize explore`: a screen to walk through a context and to try patterns on it."""

from __future__ import annotations

import gc
from importlib.util import find_spec

import click

from ctxsize.build import Build
from ctxsize.cli import choosing, options, output
from ctxsize.errors import InputError


@click.command("explore")
@options.build
@options.replace_link
def explore(build: Build, replace_link: bool) -> int:
    """Walk through CONTEXT on a screen, and try patterns of its ignore file on it."""
    if find_spec("textual") is None:
        raise InputError(
            "explore needs textual: install ctxsize with its extra tui, "
            "as in pipx install --force '.[tui]' in its checkout"
        )
    if not output.is_interactive():
        raise InputError("explore needs a terminal", hint="ctxsize measure prints the figures")
    build = choosing.chosen(build)
    from ctxsize.explore.app import Explorer
    from ctxsize.explore.session import Session

    gc.enable()  # `__main__` disables it, as other runs are short
    keys = (explore.help or "").partition("Keys:\n")[2].partition("\n\n")[0]
    with output.progress() as progress:
        session = Session(
            build,
            replace_link=replace_link,
            progress=progress,
            steps=progress and progress.step,
        )
    output.warn(session.problems)
    explorer = Explorer(build, session, keys=keys)
    code = explorer.run()
    if explorer.failure:
        raise explorer.failure
    output.write(explorer.written or "nothing was written\n")
    if code is None:
        return output.INTERRUPTED
    return code
