"""`ctxsize explain`: shows which line decides about a path, as `git check-ignore -v` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from ctxsize.build import Build
from ctxsize.cli import completing, options, output
from ctxsize.engine import explanation as engine
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import SourceCheck, check_in_all
from ctxsize.engine.transfer_requests import plan_named
from ctxsize.engine.transfers import unread
from ctxsize.errors import InputError
from ctxsize.formats import Look, json, text
from ctxsize.formats.sections import explained as shown
from ctxsize.formats.wording import unquoted
from ctxsize.planning import plan_for

_MOST_BYTES = 1 << 30


@click.command("explain")
@click.argument("paths", metavar="PATH...", nargs=-1, shell_complete=completing.files)
@options.build_beside_paths
@options.named
@options.flag("-n", "--non-matching")
@options.flag("-z", "null")
@options.flag("--stdin")
@options.flag("-v", "--trace", "traced")
@options.value("--source SOURCE|LINE", "sources", multiple=True)
@options.as_json
@options.quiet
@options.colour
def explain(
    build: Build,
    named: str,
    paths: tuple[str, ...],
    non_matching: bool,
    null: bool,
    stdin: bool,
    traced: bool,
    sources: tuple[str, ...],
    as_json: bool,
    colour: str,
) -> int:
    """Explain which line of an ignore file decides about each PATH."""
    if sources and (paths or stdin or traced or null or non_matching):
        raise click.UsageError("--source cannot be combined with PATH, --stdin, --trace, -n or -z")
    if stdin and build.dockerfile == "-":
        raise click.UsageError("--stdin and -f - cannot both read stdin")
    if not sources and stdin == bool(paths):
        raise click.UsageError("give either PATH or --stdin")
    if null and (traced or as_json):
        raise click.UsageError("-z cannot be combined with --trace or --json")
    if build.given() and not (traced or named or sources or as_json):
        raise click.UsageError(f"{build.given()[0]} needs --trace, --source or --json")
    plan = plan_named(plan_for(build), named)
    look = output.Display(colour=colour).look()
    if sources:
        return _check(plan, sources, look, as_json=as_json)
    output.warn(plan.ignore_file_problems)
    if traced or as_json:
        takers = engine.Takers(plan)
    else:
        takers = None
    wanted = _from_stdin(null=null) if stdin else paths
    found = (engine.explain(plan, engine.in_context(plan, path)) for path in wanted)
    explanations = map(takers.added_to, found) if takers else found
    if as_json:
        output.write(json.explained(plan, explanations, traced=traced))
        return output.failing(unread(plan))
    unmatched = 0
    for explained in explanations:
        if traced:
            steps = shown.steps(explained, plan.builder, plan.dockerfile)
            output.write(text.render([steps], look), flushed=stdin)
        elif explained.verdict.by is None and not non_matching:
            unmatched += 1
        elif null:
            record = (*shown.fields(explained.verdict, explained.ignore_file), explained.path)
            output.write(os.fsencode("".join(f"{each}\0" for each in record)))
        else:
            output.write(shown.line(explained) + "\n", flushed=stdin)
    if unmatched and not stdin:
        nothing = "so nothing ignores them (-n lists them, --trace shows whether they are sent)"
        output.note(f"no pattern matches {unmatched} of the paths, {nothing}")
    return output.failing(unread(plan) if traced else ())


def _check(plan: Plan, wanted: tuple[str, ...], look: Look, *, as_json: bool) -> int:
    """Print the fate of each source, and return the exit code."""
    found = list[SourceCheck]()
    for each in wanted:
        checks = check_in_all(plan, each)
        found += checks
        if not checks:
            if plan.name:
                context = f"named context {plan.name}"
            else:
                context = "build context"
            output.note(f"line {each} takes nothing from the {context} in this build")
        elif not checks[0].source.line:
            output.note(f"no COPY or ADD of this build takes {each!r}: answering as if one did")
        for check in () if as_json else checks:
            output.write(text.render([shown.source(check, plan.dockerfile)], look))
    if as_json:
        output.write(json.explained(plan, sources=found))
    return output.found(not all(each.fate.is_found for each in found))


def _from_stdin(*, null: bool) -> Iterator[str]:
    """Yield the paths on stdin: lines, quoted as `ctxsize ls` and git do, or records."""
    if sys.stdin is None:
        raise InputError("there is no stdin to read paths from")
    # Lines are answered one by one, so that a program can ask and wait.
    lines = options.read_stdin("the paths", _MOST_BYTES).split(b"\0") if null else sys.stdin.buffer
    for each in lines:
        path = os.fsdecode(each if null else each.removesuffix(b"\n").removesuffix(b"\r"))
        if path:
            yield path if null else unquoted(path)
