"""The values of the page of `--format html`: docs/pictures.md describes the JSON object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import sub
from typing import TYPE_CHECKING

from ctxsize import config
from ctxsize.build import path_argument
from ctxsize.engine.events import Progress
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.git import Repositories
from ctxsize.engine.plan import ParsedDockerfiles, Plan, ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Trial, planned
from ctxsize.findings import Location
from ctxsize.formats import AnyOutcome, Look, render
from ctxsize.formats.sections import measured
from ctxsize.formats.wording import command, typed, visible
from ctxsize.guard import checking
from ctxsize.guard.accepting import readable
from ctxsize.guard.baseline import above
from ctxsize.model import Amount, Problem
from ctxsize.page.classes import Fates, PageValues, ShownSuggestions, in_file_order
from ctxsize.page.nodes import ROOM, Amounts, ClassAmount, Leaf, nodes
from ctxsize.planning import plan_with_hint
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.scanning import Row, Scan, Snapshots
from ctxsize.version import __version__
from ctxsize.writer import Addition, block_lines, merge

if TYPE_CHECKING:
    from ctxsize.guard.comparison import ContextChange, DiffReport
    from ctxsize.recommender.outcome import Advice, Glance

_ROOM_OF_ROW = 600  # number of characters of a build without its tree
_LEAST_ROOM = 200  # number of characters of one tree
_MOST_SOURCES = 100
_LONG_LINE = Look(1_000)


def page(outcome: AnyOutcome, progress: Progress | None) -> PageValues:
    """Return the page of an outcome. Raises what `measure` raises."""
    maps = []
    if outcome.kind == "scan":
        maps = [*_of_scan(outcome, progress)]
    elif outcome.kind == "diff":
        maps = [_of_change(outcome, change) for change in outcome.contexts]
    elif outcome.kind == "suggest" and outcome.snapshot is not None:
        maps = [_of_advice(outcome, outcome.snapshot)]
    elif outcome.kind == "glance":
        maps = [_of_glance(outcome)]
    kind = outcome.kind
    if kind == "glance":
        kind = "measure"
    title: object = kind
    if len(maps) == 1:
        title = maps[0]["name"]
    return PageValues(version=1, kind=kind, title=title, made=f"ctxsize {__version__}", maps=maps)


def _of_advice(advice: Advice, snapshot: Snapshot) -> PageValues:
    shape = _map(snapshot, advice.before, advice.suggestions)
    return shape | PageValues(
        after=_figures(advice.after),
        failures=_texts(advice.failures),
        **_answer(advice),
        command=command(advice, "suggest"),
        lower_bound=advice.lower_bound,
    )


def _of_glance(glance: Glance) -> PageValues:
    report = glance.report
    advice = glance.advice
    whole = report.context
    transfers = report.transfers
    transferred = None
    if transfers:
        transferred = Amount.of(*transfers)
    size = Size(Amount.of(whole.totals), transferred)
    suggestions: ShownSuggestions = ()
    after = None
    if advice is not None:
        suggestions = advice.suggestions
        after = _figures(advice.after)
    shape = _map(glance.snapshot, size, suggestions, ignored=whole.ignored.complete)
    parts = transfers or [whole]
    lines = dict.fromkeys(measured.printed(report, part, "context") for part in parts)
    return shape | PageValues(
        command=command(report, "measure"),
        lower_bound=report.lower_bound,
        failures=_texts(report.failures),
        printed="; ".join(lines),
        after=after,
        **_answer(glance),
    )


def _verdict(outcome: AnyOutcome) -> str:
    return render("text", outcome, _LONG_LINE).partition("\n")[0]


def _answer(outcome: AnyOutcome) -> PageValues:
    """Return the verdict of the text, and its next step."""
    verdict, step, *_ = [*render("text", outcome, _LONG_LINE).split("\n"), ""]
    if not step.startswith("Next: "):
        step = ""
    return PageValues(verdict=verdict, next=step)


def _texts(problems: Iterable[Problem]) -> list[str]:
    return [*dict.fromkeys(visible(problem.message) for problem in problems)]


def _of_scan(scan: Scan, progress: Progress | None) -> Iterator[PageValues]:
    settings = readable(None, scan.root)[0]
    snapshots = Snapshots(progress, Repositories(scan.root))
    parsed_files = ParsedDockerfiles()
    tables = [*config.builds(settings)]
    most = ROOM // (len(scan.rows) or 1) - _ROOM_OF_ROW
    for row in scan.rows:
        build = row.build
        shape = _row(row)
        if scan.merged:  # its files are elsewhere
            size = Size(row.context or row.cost, row.transfer)
            yield shape | PageValues(before=_figures(size))
            continue
        if row.context is not None and row.error is None:
            snapshot = snapshots.of(plan_with_hint(build, parsed_files))
            size = Size(row.context, row.transfer)
            shape = _map(snapshot, size, most=max(most, _LEAST_ROOM)) | shape
        limits = next(iter(checking.of_builds(settings, tables, [build]))).budget
        yield shape | PageValues(
            budget=limits.max_bytes,
            budget_of=limits.of or ("transfer" if row.transfer else "context"),
            command=typed("measure", *row.options, path_argument(build.context)),
        )
    for problem in scan.problems:
        if problem.code == "dockerfile":
            yield _unreadable(problem)


def _row(row: Row) -> PageValues:
    name = visible(" ".join([row.build.context, *row.options]))
    error = row.error
    if error:
        error = visible(error)
    return PageValues(name=name, error=error, failures=_texts(row.failures))


def _unreadable(problem: Problem) -> PageValues:
    place = Location(f"{problem.path}", problem.line or None)
    return PageValues(name=visible(str(place)), error=visible(problem.message))


def _of_change(outcome: DiffReport, change: ContextChange) -> PageValues:
    """Return the map of a change: what both sides know, and the rest of each directory."""
    before = change.before
    after = change.after
    alone = replace(
        outcome,
        before=outcome.before._replace(**before._asdict()),
        after=outcome.after._replace(**after._asdict()),
        contexts=(change,),
    )
    return PageValues(
        before=PageValues(context=before.bytes_and_files),
        after=PageValues(context=after.bytes_and_files),
        name=visible(change.name),
        context_path=visible(change.new.context_path),
        classes=[PageValues(fate=fate) for fate in ("same", "added", "removed")],
        verdict=_verdict(alone),
        tree=_tree_of_change(change),
    )


def _tree_of_change(change: ContextChange) -> object:
    old = change.old.known
    new = change.new.known
    directories = {**old.directories, **new.directories}
    folders = {"": MemoryDirectory("")}
    leaves = defaultdict(list)
    rest = {"": [change.before, change.after]}  # of each directory, before and after
    for path in sorted({**directories, **old.largest_files, **new.largest_files}):
        is_directory = path in directories
        sides = [side.held(path, is_directory=is_directory) for side in (old, new)]
        # A path that is not listed has no bytes, or nobody knows them.
        if any(side.size is None and side.most_bytes != 0 for side in sides):
            continue
        sizes = [_as_file(side.size) for side in sides]
        parent = next(known for known in reversed(["", *above(path)]) if known in folders)
        rest[parent] = [*map(sub, rest[parent], sizes)]
        if is_directory:
            folders[path] = MemoryDirectory(path)
            folders[parent].folders[path] = folders[path]
            rest[path] = sizes
        else:
            name = path[len(folders[parent].prefix) :]
            leaves[parent].append(Leaf(name, "f", _changed(*sizes)))
    for path, sizes in rest.items():
        amounts = _changed(*sizes)
        if amounts:
            leaves[path].append(Leaf("other files", "r", amounts))
    return nodes(folders[""], lambda directory: leaves[directory.path])


def _as_file(size: Amount | None) -> Amount:
    """Return the size of a directory or of one file, nothing for None."""
    if size is None:
        return Amount()
    return size._replace(files=size.files or 1)


def _changed(was: Amount, now: Amount) -> Amounts:
    """Return what is the same, what is new and what is gone."""
    same = Amount(*map(min, was, now))
    amounts = []
    for index, part in enumerate((same, now - same, was - same)):
        if any(part):
            amounts.append(ClassAmount(index, *part.bytes_and_files))
    return amounts


def _map(
    snapshot: Snapshot,
    size: Size,
    suggestions: ShownSuggestions = (),
    *,
    most: int = ROOM,
    ignored: bool = False,
) -> PageValues:
    """Return the map of a context under the suggestions."""
    plan = snapshot.plan
    if suggestions:
        snapshot = planned(snapshot)
    trial = Trial(snapshot)
    sources = min(_MOST_SOURCES, most // 500)
    fates = Fates(trial, suggestions, sources, travels=size.transfer is not None, ignored=ignored)
    name = plan.context
    if plan.context == ".":
        name = plan.root.rpartition("/")[2]
    dockerfile = plan.dockerfile
    if dockerfile:
        dockerfile = visible(dockerfile)
    tree = nodes(trial.snapshot.root, fates.leaves, most, fates.amounts)
    ignore_file = None
    if suggestions:
        ignore_file = _file(plan, suggestions) | PageValues(own=fates.own)
    return PageValues(
        name=visible(name),
        context_path=visible(plan.context),
        before=_figures(size),
        dockerfile=dockerfile,
        builder=plan.builder.name,
        tree=tree,
        rules=[_rule(suggestion) for suggestion in suggestions],
        ignore_file=ignore_file,
        patterns=[*fates.patterns],
        instructions=fates.instructions,
        classes=fates.classes,
    )


def _figures(size: Size) -> PageValues:
    """Return the pairs of bytes and files of a page."""
    transfer = None
    if size.transfer:
        transfer = size.transfer.bytes_and_files
    return PageValues(context=size.context.bytes_and_files, transfer=transfer)


def _rule(suggestion: Suggestion) -> PageValues:
    why = suggestion.rule.why
    if suggestion.prevents:
        why = suggestion.reason
    return PageValues(
        chosen=suggestion.chosen,
        saves=suggestion.size.counted.bytes_and_files,
        doubts=[visible(doubt) for doubt in suggestion.doubts],
        text=[visible(pattern) for pattern in suggestion.patterns],
        why=visible(why),
        safe=suggestion.safe,
    )


def _file(plan: Plan, suggestions: ShownSuggestions) -> PageValues:
    """Return the parts of the ignore file, from which the page makes the text for any choice."""
    file = plan.ignore_file
    data = plan.ignore_data
    lines = []
    additions = []
    exceptional = []
    for index, has_exceptions in in_file_order(suggestions):
        if has_exceptions:
            exceptional.append(index)
        for addition in suggestions[index].additions:
            lines.append((index, addition.line, addition.heading, addition.reason))
            additions.append(addition)
    around = []
    if len(exceptional) < len(suggestions):
        # The first one has no exception, and stands where all such would.
        around.append(_around(plan, data, additions[:1]))
    if exceptional:
        around.append(_around(plan, data, additions))
    return PageValues(
        path=visible(ignore_file_to_write(plan)),
        new=file is None,
        exceptional=exceptional,
        lines=lines,
        copyable=data.decode("utf-8", "replace").encode() == data,
        around=around,
    )


def _around(plan: Plan, before: bytes, additions: Sequence[Addition]) -> list[str]:
    """Return the file before the block, what opens and closes that, the rest, and a line end."""
    data = merge(plan.ignore_file, additions, pattern_class=plan.builder.spec_class.pattern_class)
    end = b"\n"
    if b"".join(block_lines(additions, end)) not in data:
        end = b"\r\n"
    head, tail = data.rsplit(b"".join(block_lines(additions, end)), 1)
    first = before.removesuffix(tail)
    closing = b""
    if first == before:
        closing = tail
    opening = head[len(first) :]
    rest = before[len(first) :]
    return [part.decode("utf-8", "replace") for part in (first, opening, closing, rest, end)]
