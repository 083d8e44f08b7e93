"""`ctxsize docker-plugin`: makes `docker ctxsize` work.

Docker runs the executable `docker-ctxsize` in one of its plugin directories,
once with `docker-cli-plugin-metadata` to ask what it is, then with the whole
command line of `docker`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import sys
from pathlib import Path

import click

from ctxsize.cli import output
from ctxsize.errors import InputError
from ctxsize.reader import read_file
from ctxsize.version import __version__

NAME = "docker-ctxsize"
_MARK = "# Written by `ctxsize docker-plugin install`."
_SCRIPT = """\
#!/bin/sh
{mark}
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo {metadata}
    exit
fi
# The options of docker itself come before the name.
while [ $# -gt 0 ] && [ "$1" != ctxsize ]; do shift; done
[ $# -eq 0 ] || shift
exec {python} -m ctxsize "$@"
"""


_dir_option = click.option(
    "--dir",
    "directory",
    metavar="DIR",
    help="Where Docker looks for plugins.  [default: cli-plugins in DOCKER_CONFIG or ~/.docker]",
)


@click.group("docker-plugin")
def docker_plugin() -> None:
    """Make `docker ctxsize` work, which does what `ctxsize` does.

    \b
    Examples:
      ctxsize docker-plugin install
      docker ctxsize measure .
      ctxsize docker-plugin uninstall
    """  # noqa: D301


@docker_plugin.command("install")
@_dir_option
def install(directory: str | None) -> None:
    """Write the plugin, which runs this very ctxsize.

    \b
    Examples:
      ctxsize docker-plugin install
      ctxsize docker-plugin install --dir /usr/local/lib/docker/cli-plugins
    """  # noqa: D301
    from ctxsize.writer.apply import write_output

    path = _path(directory)
    place = path.parent
    _must_be_ours(path)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", path=str(place)) from None
    write_output(str(path), _script().encode(), executable=True)
    output.note(f"{path} is written: `docker ctxsize` works now")


@docker_plugin.command("uninstall")
@_dir_option
def uninstall(directory: str | None) -> None:
    """Remove the plugin that `install` wrote, by this version or another, and nothing else.

    \b
    Examples:
      ctxsize docker-plugin uninstall
      ctxsize docker-plugin uninstall --dir /usr/local/lib/docker/cli-plugins
    """  # noqa: D301
    from ctxsize.writer.apply import remove_output

    path = _path(directory)
    if remove_output(str(path), _is_ours):
        output.note(f"{path} is removed, and with it `docker ctxsize`")
    else:
        output.note(f"{path} is not there, so there is nothing to remove")


def _path(directory: str | None) -> Path:
    config = os.environ.get("DOCKER_CONFIG")
    usual = (Path(config) if config else Path.home() / ".docker") / "cli-plugins"
    return (Path(directory) if directory else usual) / NAME


def _is_ours(data: bytes) -> bool:
    """Return whether it is the script, whatever its metadata and its Python are."""
    before, _, rest = _SCRIPT.format(mark=_MARK, metadata="\0", python="\0").partition("\0")
    middle, _, after = rest.partition("\0")
    pattern = rf"{re.escape(before)}.+{re.escape(middle)}.+{re.escape(after)}"
    return re.fullmatch(pattern, data.decode("utf-8", "replace")) is not None


def _must_be_ours(path: Path) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        text = read_file(path).decode("utf-8", "replace") if regular else ""
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"is in the way: {error.strerror}", path=str(path)) from None
    if _MARK not in text:
        raise InputError("is another plugin", path=str(path), hint="remove it first")


def _script() -> str:
    metadata = {
        "SchemaVersion": "0.1.0",
        "Vendor": "ctxsize",
        "Version": __version__,
        "ShortDescription": "What docker build will send, before you build",
    }
    return _SCRIPT.format(
        mark=_MARK, metadata=shlex.quote(json.dumps(metadata)), python=shlex.quote(sys.executable)
    )
