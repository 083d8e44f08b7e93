"""The arguments and options that commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click

from ctxsize.engine.builders import BUILDERS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

context_argument: Decorator = click.argument("context", default=".", required=False)

file_option: Decorator = click.option(
    "-f",
    "--file",
    "dockerfile",
    metavar="PATH",
    help="The Dockerfile, relative to the working directory, as for `docker build`.",
)

target_option: Decorator = click.option(
    "--target", metavar="STAGE", default="", help="The stage to build, as for `docker build`."
)

build_argument_option: Decorator = click.option(
    "--build-arg",
    "build_arguments",
    metavar="NAME[=VALUE]",
    multiple=True,
    help="The value of an ARG, as for `docker build`; without one, that of the environment.",
)

builder_option: Decorator = click.option(
    "--builder",
    type=click.Choice(list(BUILDERS)),
    default=next(iter(BUILDERS)),
    show_default=True,
    help="Whose behaviour applies.",
)


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
