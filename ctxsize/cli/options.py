"""The arguments and options that commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from os.path import abspath, exists, isfile
from typing import Any

import click

from ctxsize.build import Build
from ctxsize.cli import completing, output
from ctxsize.cli.output import Display, Format
from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import InputError
from ctxsize.formats import PAGE, formats_of, is_report
from ctxsize.model import Texts
from ctxsize.reader import MOST_BYTES, read_stream

Callback = Callable[..., Any]  # the function of a command
Decorator = Callable[[Callback], Callback]

flag = partial(click.option, is_flag=True)
number = partial(click.option, metavar="N", type=click.IntRange(min=1))


def value(shown: str, *name: str, **settings: Any) -> Decorator:
    """Return an option from its form in the help, as in `-f, --file PATH`."""
    *names, metavar = shown.replace(",", "").split()
    if metavar == "DIR":
        settings["shell_complete"] = completing.directories
    elif metavar in ("PATH", "FILE"):
        settings["shell_complete"] = completing.files
    return click.option(*names, *name, metavar=metavar, **settings)


def choice(values: Sequence[str], *names: str, **settings: Any) -> Decorator:
    """Return an option with one of `values`, by default the first."""
    settings = {"default": values[0], "show_default": True, **settings}
    return click.option(*names, type=click.Choice(values), **settings)


def gathered(name: str, make: Callback, *options: Decorator) -> Decorator:
    """Return a decorator that adds `options`, and passes `make(**values)` to the command as `name`.

    `values` have the names of the parameters or fields of `make`.
    """

    def decorate(command: Callback) -> Callback:
        @wraps(command)
        def with_one_value(**arguments: Any) -> Any:
            keys = make.__annotations__.keys() & arguments.keys()
            parts = {key: arguments.pop(key) for key in keys}
            return command(**arguments, **{name: make(**parts)})

        decorated: Callback = with_one_value
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


builder = choice([*BUILDERS], "--builder")
replace_link = flag("--replace-link")


def _build(
    *,
    context: str,
    dockerfile: str | None,
    target: str,
    build_arguments: Texts,
    build_contexts: Texts,
    platforms: Texts,
    builder: str,
) -> Build:
    named = {}
    for option in build_contexts:
        name, equals, path = option.partition("=")
        if not equals:
            raise click.UsageError(f"invalid context value: {option}, expected key=value")
        named[name] = path
    arguments = {}
    for option in build_arguments:
        name, equals, text = option.partition("=")
        if equals:
            arguments[name] = text
        elif name in os.environ:
            arguments[name] = os.environ[name]
    inline = None
    if dockerfile == "-":
        inline = read_stdin("the Dockerfile")
    return Build(context, dockerfile, target, arguments, named, platforms, builder, inline)


def _one_build(context: Decorator) -> Decorator:
    """Return a decorator that adds `context` and the options of `docker build`, as `build`."""
    return gathered(
        "build",
        _build,
        context,
        value("-f, --file PATH", "dockerfile"),
        value("--target STAGE", default="", shell_complete=completing.stages),
        value("--build-arg NAME[=VALUE]", "build_arguments", multiple=True),
        value("--build-context NAME=PATH", "build_contexts", multiple=True),
        value("--platform OS/ARCH", "platforms", multiple=True),
        builder,
    )


directory = partial(click.argument, default=".", shell_complete=completing.directories)
build = _one_build(directory("context"))
"""For commands about one build. The help lists these options before those of the command."""
build_beside_paths = _one_build(value("-C, --context DIR", default=".", show_default=True))
"""For a command with arguments of its own: the context is `-C DIR`."""
named = value("--named NAME", default="", shell_complete=completing.named)


def read_stdin(what: str, most: int = MOST_BYTES) -> bytes:
    """Return the content of stdin; `what` names it in an `InputError`."""
    if sys.stdin is None:
        raise InputError(f"there is no stdin to read {what} from")
    try:
        return read_stream(sys.stdin.buffer, most)
    except OSError as error:
        raise InputError(f"{what} on stdin cannot be read: {error.strerror}") from None


colour = choice(["auto", "always", "never"], "--color", "colour")
quiet = flag(
    "-q",
    "--quiet",
    expose_value=False,
    callback=lambda ctx, param, is_quiet: ctx.meta.update({output.QUIET: is_quiet}),
)


def _display(formats: Texts, as_json: bool, colour: str, full: bool = False) -> Display:
    if as_json:
        formats = (*formats, "json")
    return Display(_formats(formats or ["text"]), colour, full)


def _formats(wanted: Iterable[str]) -> tuple[Format, ...]:
    """Parse the values of `--format`. Each needs a destination of its own."""
    format_of = {}
    known = _known(click.get_current_context().info_name)
    for text in dict.fromkeys(wanted):
        name, equals, path = text.partition("=")
        destination = ""
        where = "stdout"
        if path not in ("", "-"):
            destination = abspath(path)
            where = repr(path)
        if name not in known:
            problem = f"no such format: {name!r} (one of {', '.join(known)})"
        elif equals and not path:
            problem = f"{text!r} has no file name"
        elif name == PAGE and not _may_be_file(destination):
            problem = "a page needs a file: --format html=FILE"
        elif destination in format_of:
            problem = f"several formats for {where}: name files, as in --format sarif=FILE"
        else:
            format_of[destination] = Format(name, path if destination else None)
            continue
        raise click.BadParameter(problem, param_hint="'--format'")
    for wanted_format in format_of.values():
        if wanted_format.path is not None:
            from ctxsize.writer.apply import write_output

            # Check it before anything is changed.
            write_output(wanted_format.path, None, replaces=is_report)
    return tuple(format_of.values())


def _may_be_file(path: str) -> bool:
    return path != "" and (isfile(path) or not exists(path))


STREAMING = ("ls", "explain")  # commands that print while they read
STREAMED = ("text", "json")  # their formats


def _known(command: str | None) -> Texts:
    if command in STREAMING:
        return STREAMED
    return formats_of(command)


_json = flag("--json", "as_json")


def _formats_of_output(command: Callback) -> Callback:
    """Add `--format` with the formats of `command`."""
    complete = click.Choice(_known(command.__name__)).shell_complete
    return value("--format NAME[=FILE]", "formats", multiple=True, shell_complete=complete)(command)


_full = flag("-v", "--verbose", "--full", "full")
display = gathered("display", _display, _formats_of_output, _json, _full, quiet, colour)
"""Options on the output, as `display`."""
display_as_is = gathered("display", _display, _formats_of_output, _json, colour)
"""Those of a command that always shows everything."""


def as_json(command: Callback) -> Callback:
    """Add the choice of JSON, as `as_json`, to a command whose text streams.

    With a FILE the command writes into that, once it is complete.
    """

    @wraps(command)
    def with_choice(*, format_name: str, as_json: bool, **arguments: Any) -> Any:
        if as_json:
            format_name = "json"
        (chosen,) = _formats([format_name])
        with output.into(chosen.path):
            return command(as_json=chosen.name == "json", **arguments)

    complete = click.Choice(STREAMED).shell_complete
    return value("--format NAME[=FILE]", "format_name", default="text", shell_complete=complete)(
        _json(with_choice)
    )


watch = flag("--watch")
exit_zero = flag("--exit-zero")
