"""The arguments and options that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_context_argument: Decorator = click.argument("context", default=".", required=False)

_context_option: Decorator = click.option(
    "-C", "--context", metavar="DIR", default=".", show_default=True, help="The build context."
)

_build_options: tuple[Decorator, ...] = (
    click.option(
        "-f",
        "--file",
        "dockerfile",
        metavar="PATH",
        help="The Dockerfile, relative to the working directory, as for `docker build`.",
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
    """The same for a command whose arguments are others: the context is `-C DIR`."""
    return _with_build(command, _context_option)


def _with_build(command: Callable[..., Any], context: Decorator) -> Callable[..., Any]:
    @wraps(command)
    def with_one_value(
        *,
        context: str,
        dockerfile: str | None,
        target: str,
        build_arguments: tuple[str, ...],
        builder: str,
        **others: Any,
    ) -> Any:
        build = Build(context, dockerfile, target, values(build_arguments), builder=builder)
        return command(build=build, **others)

    decorated: Callable[..., Any] = with_one_value
    for option in reversed((context, *_build_options)):
        decorated = option(decorated)
    return decorated


def values(build_arguments: Iterable[str]) -> dict[str, str]:
    """The build arguments by name; one without a value that the environment lacks is none."""
    found = {}
    for each in build_arguments:
        name, given, value = each.partition("=")
        if given or name in os.environ:
            found[name] = value if given else os.environ[name]
    return found


colour_option: Decorator = click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto is on a terminal only, and heeds NO_COLOR and FORCE_COLOR.",
)
