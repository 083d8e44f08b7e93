"""`ctxsize ls`: lists every entry in the order in which the builder sends it."""

from __future__ import annotations

import os

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import options, output
from ctxsize.formats import json
from ctxsize.formats.names import quoted
from ctxsize.model import Entry, Kind


@click.command("ls")
@options.build
@options.flag("--transfer", help="List only the transfer: what the Dockerfile takes.")
@options.named
@options.flag("--ignored", help="List only what is ignored.")
@options.flag(
    "--all", "both", help="List both: `+ ` before what is sent, `- ` before what is ignored."
)
@options.flag(
    "--size", help="Print bytes of content before each entry; * marks a file that arrives empty."
)
@options.flag("-0", "--null", help="End each entry with NUL and escape nothing.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format; json is one object per line.",
)
def ls(
    build: Build,
    transfer: bool,
    named: str,
    ignored: bool,
    both: bool,
    size: bool,
    null: bool,
    format_name: str,
) -> None:
    """List every entry of CONTEXT that would be sent, in the builder's order.

    Directories end in `/`. Names with control characters, quotes or bytes that are
    not UTF-8 are printed in double quotes, as git does; -0 and json print them
    unchanged.

    \b
    Examples:
      ctxsize ls --size | sort -n | tail
      ctxsize ls --transfer --target builder
      ctxsize ls --build-context lib=../lib --named lib
      ctxsize ls -0 | xargs -0 -n1 basename
      ctxsize ls --all | grep secret
    """  # noqa: D301
    if both and ignored:
        raise click.UsageError("--all cannot be combined with --ignored")
    if transfer and (both or ignored):
        raise click.UsageError("--transfer cannot be combined with --all or --ignored")
    if not (transfer or named) and build.given():
        raise click.UsageError(f"{build.given()[0]} needs --transfer")
    if format_name == "json" and (null or size):
        raise click.UsageError("-0 and --size need --format text")
    listing = api.ls(
        build, sent=not ignored, ignored=ignored or both, transfer=transfer, named=named
    )
    emptied = 0
    for entry in listing:
        emptied += entry.arrives_empty is not None
        if format_name == "json":
            output.write(json.line(entry) + "\n")
            continue
        lead, path = _text(entry, signed=both, size=size)
        output.write(os.fsencode(f"{lead}{path}\0") if null else f"{lead}{quoted(path)}\n")
    if emptied and size:
        output.note(f"* arrives empty ({emptied:,}); ctxsize explain --trace shows why")
    output.warn(listing.problems)


def _text(entry: Entry, *, signed: bool, size: bool) -> tuple[str, str]:
    """Return the text before an entry, and its path.

    The size is that of the content sent; of an ignored file, that of the file.
    """
    ignored, path = entry.verdict.ignored, entry.path
    lead = ("- " if ignored else "+ ") if signed else ""
    if size:
        kept_out = entry.size_bytes if entry.kind is Kind.FILE else 0
        shown = kept_out if ignored else entry.content_bytes
        lead += f"{shown:>13}{'*' if entry.arrives_empty else ' '} "
    return lead, f"{path}/" if entry.kind is Kind.DIRECTORY else path
