"""`ctxsize schema`: the JSON Schema of a report, for programs that read one."""

from __future__ import annotations

import json

import click

from ctxsize.cli import output
from ctxsize.errors import InputError, hint_at
from ctxsize.formats.json import SCHEMAS, schema


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """Print the JSON Schema of what `--format json` of the command NAME prints.

    It refers to no other file. Without NAME the names are listed; `plan` is what the
    modes of `suggest` print, `baseline` what `check --baseline` reads.

    \b
    Examples:
      ctxsize schema
      ctxsize schema measure > measure.schema.json
    """  # noqa: D301
    if name is None:
        output.write("".join(f"{each}\n" for each in SCHEMAS))
        return
    if name not in SCHEMAS:
        raise InputError(f"no such schema: {name!r}", hint=hint_at(name, SCHEMAS))
    output.write(json.dumps(schema(name), indent=2) + "\n")
