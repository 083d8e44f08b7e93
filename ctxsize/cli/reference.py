"""`ctxsize rule`, `schema`, `completion` and `docker-plugin`: documentation and integration."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import sys

import click
from click.shell_completion import get_completion_class

from ctxsize.cli import options, output
from ctxsize.codes import Rules, all_codes
from ctxsize.errors import InputError, hint_at
from ctxsize.formats import json as shapes
from ctxsize.reader import read_file
from ctxsize.version import __version__


@click.command("rule")
@click.argument("names", metavar="[CODE]...", nargs=-1)
@options.display
def rule(names: tuple[str, ...], display: output.Display) -> None:
    """Explain what CODE means and what to write instead; without one, list all codes.

    CODE is `CTX101`, its name `root-only-name`, or `CTX1` for all with that prefix.

    \b
    Examples:
      ctxsize rule
      ctxsize rule CTX101
      ctxsize rule trailing-comment
    """  # noqa: D301
    chosen: set[str] = set()
    for name in names:
        found = {
            each.name
            for each in all_codes()
            if each.name.startswith(name.upper()) or each.slug == name
        }
        if not found:
            raise InputError(f"no such code: {name!r}", hint="`ctxsize rule` lists them")
        chosen |= found
    codes = tuple(each for each in all_codes() if each.name in chosen or not names)
    at_length = bool(names) and len(codes) <= len(names)
    display.emit(Rules(codes, at_length))


@click.command("schema")
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of the output of the command NAME with `--format json`.

    The schema needs no other file. Without NAME, the names are listed; `plan` is the
    output of the modes of `suggest`, `baseline` the file that `check` reads.

    \b
    Examples:
      ctxsize schema
      ctxsize schema measure > measure.schema.json
    """  # noqa: D301
    if name is None:
        output.write("".join(f"{each}\n" for each in shapes.SCHEMAS))
        return
    if name not in shapes.SCHEMAS:
        raise InputError(f"no such schema: {name!r}", hint=hint_at(name, shapes.SCHEMAS))
    output.write(json.dumps(shapes.schema(name), indent=2) + "\n")


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script for SHELL that completes ctxsize's commands, options and files.

    \b
    Examples:
      ctxsize completion bash > ~/.local/share/bash-completion/completions/ctxsize
      ctxsize completion zsh > ~/.zfunc/_ctxsize    with fpath+=~/.zfunc before compinit
      ctxsize completion fish > ~/.config/fish/completions/ctxsize.fish
    """  # noqa: D301
    from ctxsize.cli.app import COMPLETE, app

    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"no completion for {shell}")
    # `source()` would run bash to check its version, and this machine may not have it.
    script = maker(app, {}, "ctxsize", COMPLETE)
    output.write(script.source_template % script.source_vars() + "\n")


# Docker runs `docker-ctxsize` in one of its plugin directories, once with
# `docker-cli-plugin-metadata` to ask what it is, then with the whole command line.
_PLUGIN = "docker-ctxsize"
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


_dir_option = options.value(
    "--dir DIR",
    "directory",
    help="The directory for plugins.  [default: cli-plugins in DOCKER_CONFIG or ~/.docker]",
)


@click.group("docker-plugin")
def docker_plugin() -> None:
    """Install or remove the Docker plugin, so that `docker ctxsize` runs `ctxsize`.

    \b
    Examples:
      ctxsize docker-plugin install
      docker ctxsize measure .
      ctxsize docker-plugin uninstall
    """  # noqa: D301


@docker_plugin.command("install")
@_dir_option
def install(directory: str | None) -> None:
    """Write the plugin, which runs this ctxsize.

    \b
    Examples:
      ctxsize docker-plugin install
      ctxsize docker-plugin install --dir /usr/local/lib/docker/cli-plugins
    """  # noqa: D301
    from ctxsize.writer.apply import write_output

    path = _path(directory)
    _must_be_ours(path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        place = os.path.dirname(path)
        raise InputError(f"cannot be made: {error.strerror}", path=place) from None
    metadata = {
        "SchemaVersion": "0.1.0",
        "Vendor": "ctxsize",
        "Version": __version__,
        "ShortDescription": "What docker build will send, before you build",
    }
    script = _SCRIPT.format(
        mark=_MARK, metadata=shlex.quote(json.dumps(metadata)), python=shlex.quote(sys.executable)
    )
    write_output(path, script.encode(), executable=True)
    output.note(f"wrote {path}: `docker ctxsize` works now")


@docker_plugin.command("uninstall")
@_dir_option
def uninstall(directory: str | None) -> None:
    """Remove the plugin, if any version of ctxsize wrote it.

    \b
    Examples:
      ctxsize docker-plugin uninstall
      ctxsize docker-plugin uninstall --dir /usr/local/lib/docker/cli-plugins
    """  # noqa: D301
    from ctxsize.writer.apply import remove_output

    path = _path(directory)
    if remove_output(path, _is_ours):
        output.note(f"removed {path}, and with it `docker ctxsize`")
    else:
        output.note(f"{path} does not exist, so there is nothing to remove")


def _path(directory: str | None) -> str:
    config = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    return os.path.join(directory or os.path.join(config, "cli-plugins"), _PLUGIN)


def _is_ours(data: bytes) -> bool:
    """Return whether this is the script, with any metadata and any Python."""
    before, _, rest = _SCRIPT.format(mark=_MARK, metadata="\0", python="\0").partition("\0")
    middle, _, after = rest.partition("\0")
    pattern = rf"{re.escape(before)}.+{re.escape(middle)}.+{re.escape(after)}"
    return re.fullmatch(pattern, data.decode("utf-8", "replace")) is not None


def _must_be_ours(path: str) -> None:
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
        text = read_file(path).decode("utf-8", "replace") if is_file else ""
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"is in the way: {error.strerror}", path=path) from None
    if _MARK not in text:
        raise InputError("is another plugin", path=path, hint="remove it first")
