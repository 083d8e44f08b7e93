"""The arguments and options that commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ctxsize.build import Build, hiding
from ctxsize.cli.output import Format
from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import InputError
from ctxsize.formats import FORMATS
from ctxsize.reader import MOST_BYTES, read_stream

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _entries(kind: str) -> Callable[..., list[CompletionItem]]:
    """Return what leaves completion to the shell: of files (`file`) or directories (`dir`)."""
    return lambda ctx, param, incomplete: [_completed(incomplete, type=kind)]


def _completed(word: str, **more: str) -> CompletionItem:
    from click.shell_completion import CompletionItem  # only a shell that completes needs it

    return CompletionItem(word, **more)


_context_argument: Decorator = click.argument(
    "context", default=".", required=False, shell_complete=_entries("dir")
)

_context_option: Decorator = click.option(
    "-C",
    "--context",
    metavar="DIR",
    default=".",
    show_default=True,
    help="The build context.",
    shell_complete=_entries("dir"),
)

_build_options: tuple[Decorator, ...] = (
    click.option(
        "-f",
        "--file",
        "dockerfile",
        metavar="PATH",
        shell_complete=_entries("file"),
        help="The Dockerfile, relative to the working directory, or - for stdin, as for "
        "`docker build`.",
    ),
    click.option(
        "--target", metavar="STAGE", default="", help="The stage to build, as for `docker build`."
    ),
    click.option(
        "--build-arg",
        "build_arguments",
        metavar="NAME[=VALUE]",
        multiple=True,
        help="The value of an ARG, as for `docker build`; without one, that of the environment.",
    ),
    click.option(
        "--build-context",
        "build_contexts",
        metavar="NAME=PATH",
        multiple=True,
        help="A further context, as for `docker build`.",
    ),
    click.option(
        "--platform",
        "platforms",
        metavar="OS/ARCH",
        multiple=True,
        help="The platforms to build for, as for `docker build`.  [default: this machine's]",
    ),
    click.option(
        "--builder",
        type=click.Choice(list(BUILDERS)),
        default=next(iter(BUILDERS)),
        show_default=True,
        help="Whose behaviour applies.",
    ),
)


def build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`command` with CONTEXT and the options of `docker build`: it gets them as `build`.

    For all commands that are about one build. Stands above the command's own
    options, which then follow in its help.
    """
    return _with_build(command, _context_argument)


def build_options_beside_paths(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same for a command whose arguments are others: the context is `-C DIR`."""
    return _with_build(command, _context_option)


def _with_build(command: Callable[..., Any], context: Decorator) -> Callable[..., Any]:
    @wraps(command)
    def with_one_value(
        *,
        context: str,
        dockerfile: str | None,
        target: str,
        build_arguments: tuple[str, ...],
        build_contexts: tuple[str, ...],
        platforms: tuple[str, ...],
        builder: str,
        **others: Any,
    ) -> Any:
        build = Build(
            context,
            dockerfile,
            target,
            values(build_arguments),
            contexts(build_contexts),
            platforms,
            builder,
            read_stdin("the Dockerfile") if dockerfile == "-" else None,
        )
        build = hiding(build, _of_environment(build_arguments) & build.build_arguments.keys())
        return command(build=build, **others)

    decorated: Callable[..., Any] = with_one_value
    for option in reversed((context, *_build_options)):
        decorated = option(decorated)
    return decorated


named_option: Decorator = click.option(
    "--named",
    metavar="NAME",
    default="",
    help="The named context of this name instead of the build context.",
)


def values(build_arguments: Iterable[str]) -> dict[str, str]:
    """Return the build arguments by name; None for one that the environment lacks."""
    found = {}
    for each in build_arguments:
        name, given, value = each.partition("=")
        if given or name in os.environ:
            found[name] = value if given else os.environ[name]
    return found


def _of_environment(build_arguments: Iterable[str]) -> set[str]:
    """Return the arguments whose values come from the environment."""
    return {each for each in build_arguments if "=" not in each}


def contexts(build_contexts: Iterable[str]) -> dict[str, str]:
    """Return the named contexts by name, the last of each."""
    found = {}
    for each in build_contexts:
        name, given, value = each.partition("=")
        if not given:
            raise click.UsageError(f"invalid context value: {each}, expected key=value")
        found[name] = value
    return found


def read_stdin(what: str, most: int = MOST_BYTES) -> bytes:
    """Return all that stdin holds, which is `what`. Raises `InputError` if it cannot be read."""
    if sys.stdin is None:
        raise InputError(f"there is no stdin to read {what} from")
    try:
        return read_stream(sys.stdin.buffer, most)
    except OSError as error:
        raise InputError(f"{what} on stdin cannot be read: {error.strerror}") from None


colour_option: Decorator = click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto is on a terminal only, and heeds NO_COLOR and FORCE_COLOR.",
)


if TYPE_CHECKING:
    _FormatParam = click.ParamType[Format]  # generic from click 8.4 on
else:
    _FormatParam = click.ParamType


class _FormatType(_FormatParam):
    """`NAME`, or `NAME=FILE`."""

    name = "format"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Format:
        if isinstance(value, Format):
            return value
        name, named, path = value.partition("=")
        if name not in FORMATS:
            self.fail(f"no such format: {name!r} (one of {', '.join(FORMATS)})", param, ctx)
        if named and not path:
            self.fail(f"{value!r} names no file", param, ctx)
        return Format(name, path if named and path != "-" else None)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [_completed(name) for name in FORMATS if name.startswith(incomplete)]


def _apart(
    ctx: click.Context, param: click.Parameter, value: tuple[Format, ...]
) -> tuple[Format, ...]:
    """Return the formats, if each of them has a place of its own."""
    places = [None if each.path is None else os.path.abspath(each.path) for each in value]
    for format_, place in zip(value, places, strict=True):
        if places.count(place) > 1:
            where = "stdout" if place is None else repr(format_.path)
            raise click.BadParameter(
                f"several formats for {where}: name files, as in --format sarif=FILE", ctx, param
            )
    return value or (Format("text"),)


format_option: Decorator = click.option(
    "--format",
    "formats",
    metavar="NAME[=FILE]",
    type=_FormatType(),
    multiple=True,
    callback=_apart,
    help=f"{', '.join(FORMATS)}; into a FILE, or to stdout. Several are possible.  [default: text]",
)
"""The formats of a report, as `formats` for `output.emit`."""

exit_zero_option: Decorator = click.option(
    "--exit-zero", is_flag=True, help="Exit with 0 whatever is found; errors keep their codes."
)


def choice_of_findings(example: str) -> Decorator:
    """Return the options that say which findings count: `select`, `ignore` and `severity`."""
    from ctxsize.findings import Severity

    options = (
        click.option(
            "--select",
            metavar="CODES",
            multiple=True,
            help=f"Only these codes, or those that begin so: {example}.",
        ),
        click.option("--ignore", metavar="CODES", multiple=True, help="All but these codes."),
        click.option(
            "--severity",
            type=click.Choice([each.value for each in Severity]),
            default=Severity.INFO.value,
            show_default=True,
            help="The lightest one to report.",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
