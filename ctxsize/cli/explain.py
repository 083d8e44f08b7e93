"""`ctxsize explain`: which line decided, in the shape of `git check-ignore -v`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from ctxsize import api
from ctxsize.cli import output
from ctxsize.cli.options import builder_option, colour_option, file_option
from ctxsize.engine import explain as engine
from ctxsize.errors import InputError
from ctxsize.formats import trace
from ctxsize.formats.names import unquoted


@click.command("explain")
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option(
    "-C", "--context", metavar="DIR", default=".", show_default=True, help="The build context."
)
@file_option
@builder_option
@click.option("-n", "--non-matching", is_flag=True, help="Show paths that no pattern matches too.")
@click.option(
    "-z", "null", is_flag=True, help="NUL instead of colon, tab and newline, also on stdin."
)
@click.option("--stdin", is_flag=True, help="Read the paths from stdin, one a line.")
@click.option("--trace", "traced", is_flag=True, help="Show each step of the evaluation in order.")
@colour_option
def command(
    paths: tuple[str, ...],
    context: str,
    dockerfile: str | None,
    builder: str,
    non_matching: bool,
    null: bool,
    stdin: bool,
    traced: bool,
    colour: str,
) -> None:
    """Which line of which ignore file decides about each PATH.

    Prints `FILE:LINE:PATTERN<tab>PATH` as `git check-ignore -v` does: the path is
    ignored, or sent if the pattern starts with `!`. A path need not exist; it
    is relative to the context, or to the working directory if it is only there.
    The exit code is 0 whatever the answer is.

    \b
    Examples:
      ctxsize explain node_modules/left-pad/index.js
      ctxsize explain --trace src/secret.key
      ctxsize ls | ctxsize explain --stdin -n
    """  # noqa: D301
    if stdin == bool(paths):
        raise click.UsageError("name paths, or read them with --stdin; not both")
    if traced and null:
        raise click.UsageError("-z does not go with --trace")
    request = api.request_for(context, dockerfile=dockerfile, builder=builder)
    look, silent = output.look(colour, top=0), 0
    for path in _from_stdin(null=null) if stdin else paths:
        explained = engine.explain(request, engine.in_context(request, path))
        if traced:
            output.write(trace.render(explained, look, builder=request.builder))
        elif explained.verdict.by is None and not non_matching:
            silent += 1
        elif null:
            output.write_raw(os.fsencode(trace.record(explained)))
        else:
            output.write(trace.line(explained) + "\n")
    if silent and not stdin:
        output.note(f"no pattern matches {silent} of the paths, so they are sent (-n lists them)")


def _from_stdin(*, null: bool) -> Iterator[str]:
    """The paths on stdin: lines, quoted ones as `ctxsize ls` and git quote them, or records."""
    if sys.stdin is None:
        raise InputError("there is no stdin to read paths from")
    stream = sys.stdin.buffer
    if null:
        yield from (os.fsdecode(each) for each in stream.read().split(b"\0") if each)
    else:
        for line in stream:
            text = os.fsdecode(line.removesuffix(b"\n").removesuffix(b"\r"))
            if text:
                yield unquoted(text)
