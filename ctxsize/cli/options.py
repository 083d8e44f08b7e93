"""The arguments and options that commands share."""

from __future__ import annotations

from collections.abc import Callable
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

builder_option: Decorator = click.option(
    "--builder",
    type=click.Choice(list(BUILDERS)),
    default=next(iter(BUILDERS)),
    show_default=True,
    help="Whose behaviour applies.",
)

colour_option: Decorator = click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto is on a terminal only, and heeds NO_COLOR and FORCE_COLOR.",
)
