"""`ctxsize explain`: shows which line decides about a path, as `git check-ignore -v` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

import click
from click import UsageError

from ctxsize.build import Build
from ctxsize.cli import choosing, completing, options, output
from ctxsize.cli.options import flag, value
from ctxsize.cli.output import Display, failing, note
from ctxsize.engine import explanation as engine
from ctxsize.engine.fates import unread
from ctxsize.engine.plan import Plan
from ctxsize.engine.source_lookup import check_in_all
from ctxsize.engine.transfer_requests import plan_named
from ctxsize.errors import InputError
from ctxsize.formats import Look, json, text
from ctxsize.formats.sections import explained as shown
from ctxsize.formats.wording import unquoted
from ctxsize.model import Texts
from ctxsize.planning import plan_for

_MOST_BYTES = 1 << 30


@click.command("explain")
@click.argument("paths", metavar="PATH...", nargs=-1, shell_complete=completing.files)
@options.build_beside_paths
@options.named
@flag("-n", "--non-matching")
@flag("-z", "null")
@flag("--stdin")
@flag("-v", "--trace", "traced")
@value("--source SOURCE|LINE", "sources", multiple=True)
@options.as_json
@options.quiet
@options.colour
def explain(
    build: Build,
    named: str,
    paths: Iterable[str],
    non_matching: bool,
    null: bool,
    stdin: bool,
    traced: bool,
    sources: Texts,
    as_json: bool,
    colour: str,
) -> int:
    """Explain which line of an ignore file decides about each PATH."""
    if sources and (paths or stdin or traced or null or non_matching):
        raise UsageError("--source cannot be combined with PATH, --stdin, --trace, -n or -z")
    if stdin and build.dockerfile == "-":
        raise UsageError("--stdin and -f - cannot both read stdin")
    if not sources and stdin == bool(paths):
        raise UsageError("give either PATH or --stdin")
    if null and (traced or as_json):
        raise UsageError("-z cannot be combined with --trace or --json")
    is_about_takers = bool(traced or named or sources or as_json)
    if build.given() and not is_about_takers:
        raise UsageError(f"{build.given()[0]} needs --trace, --source or --json")
    build = choosing.chosen_for(build, [*paths], is_about_takers=is_about_takers)
    plan = plan_named(plan_for(build), named)
    look = Display(colour=colour).look()
    if sources:
        return _check(plan, sources, look, as_json=as_json)
    output.warn(plan.ignore_file_problems)
    if stdin:
        paths = _from_stdin(null=null)
    # Each is explained as soon as its path is read.
    explanations = (engine.explain(plan, engine.in_context(plan, path)) for path in paths)
    if not traced and not as_json:
        _print_lines(explanations, non_matching=non_matching, null=null, stdin=stdin)
        output.note_no_dockerfile(plan.problems)
        return output.FINE
    with_takers = map(engine.Takers(plan).added_to, explanations)
    if as_json:
        output.write(json.explained(plan, with_takers, traced=traced))
    else:
        for explained in with_takers:
            output.write(
                text.render([shown.steps(explained, plan.builder, plan.dockerfile)], look),
                flushed=stdin,
            )
    return failing(unread(plan))


def _print_lines(
    explanations: Iterable[engine.Explanation], *, non_matching: bool, null: bool, stdin: bool
) -> None:
    """Print the line that decides about each path, as `git check-ignore -v` does."""
    unmatched = 0
    for explained in explanations:
        if explained.verdict.by is None and not non_matching:
            unmatched += 1
        elif null:
            record = (*shown.fields(explained.verdict, explained.ignore_file), explained.path)
            output.write(os.fsencode("".join(f"{field}\0" for field in record)))
        else:
            output.write(shown.line(explained) + "\n", flushed=stdin)
    if unmatched and not stdin:
        note(
            f"no pattern matches {unmatched} of the paths, so nothing ignores them "
            "(-n lists them, --trace shows whether they are sent)"
        )


def _check(plan: Plan, wanted: Texts, look: Look, *, as_json: bool) -> int:
    """Print the fate of each source, and return the exit code."""
    all_checks = []
    for source in wanted:
        checks = check_in_all(plan, source)
        all_checks += checks
        if not checks:
            context = "build context"
            if plan.name:
                context = f"named context {plan.name}"
            note(f"line {source} takes nothing from the {context} in this build")
        elif not checks[0].source.line:
            note(f"no COPY or ADD of this build takes {source!r}: answering as if one did")
        if not as_json:
            for check in checks:
                output.write(text.render([shown.source(check, plan.dockerfile)], look))
    if as_json:
        output.write(json.explained(plan, sources=all_checks))
    return output.found(not all(check.fate.is_found for check in all_checks))


def _from_stdin(*, null: bool) -> Iterator[str]:
    """Yield the paths on stdin: lines, quoted as `ctxsize ls` and git do, or records."""
    if sys.stdin is None:
        raise InputError("there is no stdin to read paths from")
    if null:
        records = options.read_stdin("the paths", _MOST_BYTES).split(b"\0")
        yield from map(os.fsdecode, filter(None, records))
        return
    # Lines are answered one by one, so that a program can ask and wait.
    for line in sys.stdin.buffer:
        path = os.fsdecode(line.removesuffix(b"\n").removesuffix(b"\r"))
        if path:
            yield unquoted(path)
