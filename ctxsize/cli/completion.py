"""`ctxsize completion`: the script that teaches a shell ctxsize's words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ctxsize.cli import output

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
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
    # bash would be asked for its version first, on a machine that may have none.
    script = maker(app, {}, "ctxsize", COMPLETE)
    output.write(script.source_template % script.source_vars() + "\n")
