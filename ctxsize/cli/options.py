"""The arguments and options that commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial, wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

import click

from ctxsize.build import Build, hiding
from ctxsize.cli.output import Display, Format
from ctxsize.engine.builders import BUILDERS
from ctxsize.errors import InputError
from ctxsize.formats import FORMATS
from ctxsize.reader import MOST_BYTES, read_stream

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

flag = partial(click.option, is_flag=True)
number = partial(click.option, metavar="N", type=click.IntRange(min=1))


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

builder_option: Decorator = click.option(
    "--builder",
    type=click.Choice(list(BUILDERS)),
    default=next(iter(BUILDERS)),
    show_default=True,
    help="The builder whose rules apply.",
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
    builder_option,
)


def _build(
    *,
    context: str,
    dockerfile: str | None,
    target: str,
    build_arguments: tuple[str, ...],
    build_contexts: tuple[str, ...],
    platforms: tuple[str, ...],
    builder: str,
) -> Build:
    build = Build(
        context,
        dockerfile,
        target,
        _arguments(build_arguments),
        _contexts(build_contexts),
        platforms,
        builder,
        read_stdin("the Dockerfile") if dockerfile == "-" else None,
    )
    of_environment = {each for each in build_arguments if "=" not in each}
    return hiding(build, of_environment & build.build_arguments.keys())


def gathered(
    name: str, make: Callable[..., object], *options: Decorator, keys: Iterable[str] = ()
) -> Decorator:
    """Return what adds `options` to a command, which gets what `make` makes of them as `name`.

    The values have the names of its parameters, or `keys`.
    """
    keys = [*(keys or signature(make).parameters)]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_one_value(**given: Any) -> Any:
            made = make(**{key: given.pop(key) for key in keys})
            return command(**{name: made}, **given)

        decorated: Callable[..., Any] = with_one_value
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


build_options = gathered("build", _build, _context_argument, *_build_options)
"""CONTEXT and the options of `docker build`, as `build`.

For all commands that are about one build. Stands above the command's own
options, which then follow in its help.
"""
build_options_beside_paths = gathered("build", _build, _context_option, *_build_options)
"""The same for a command whose arguments are others: the context is `-C DIR`."""

named_option: Decorator = click.option(
    "--named",
    metavar="NAME",
    default="",
    help="The named context of this name instead of the build context.",
)


def _arguments(build_arguments: Iterable[str]) -> dict[str, str]:
    """Return the build arguments by name; None for one that the environment lacks."""
    found = {}
    for each in build_arguments:
        name, given, value = each.partition("=")
        if given or name in os.environ:
            found[name] = value if given else os.environ[name]
    return found


def _contexts(build_contexts: Iterable[str]) -> dict[str, str]:
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
    help="When to print colours; auto means on a terminal, and heeds NO_COLOR and FORCE_COLOR.",
)


def _formats(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[Format, ...]:
    """Return the formats that are asked for, each of which has a place of its own."""
    found: dict[str | None, Format] = {}
    for each in value or ("text",):
        name, named, path = each.partition("=")
        if name not in FORMATS:
            problem = f"no such format: {name!r} (one of {', '.join(FORMATS)})"
            raise click.BadParameter(problem, ctx, param)
        if named and not path:
            raise click.BadParameter(f"{each!r} names no file", ctx, param)
        place = os.path.abspath(path) if path not in ("", "-") else None
        if place in found:
            where = "stdout" if place is None else repr(found[place].path)
            problem = f"several formats for {where}: name files, as in --format sarif=FILE"
            raise click.BadParameter(problem, ctx, param)
        found[place] = Format(name, None if place is None else path)
    return tuple(found.values())


display_options = gathered(
    "display",
    Display,
    click.option(
        "--format",
        "formats",
        metavar="NAME[=FILE]",
        multiple=True,
        callback=_formats,
        shell_complete=lambda ctx, param, incomplete: [
            _completed(name) for name in FORMATS if name.startswith(incomplete)
        ],
        help=f"{', '.join(FORMATS)}; into a FILE, or to stdout. Several are possible.  "
        "[default: text]",
    ),
    colour_option,
)
"""How the outcome is shown, as `display`."""

exit_zero_option: Decorator = flag(
    "--exit-zero", help="Exit with 0 whatever is found; errors keep their codes."
)
