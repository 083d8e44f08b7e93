"""Sections of `ctxsize [DIR]`: the verdict, its largest parts and the next step on 20 lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.directories import BY_PATH
from ctxsize.engine.patterns import pattern_for
from ctxsize.formats import Look
from ctxsize.formats.sections import (
    FACT_INDENT,
    Fact,
    Findings,
    Item,
    Section,
    Table,
    bar,
    folded,
    height,
)
from ctxsize.formats.sections.measured import clauses, next_step, printed, verdict
from ctxsize.formats.wording import clipped, command, fit, more, quoted, sent, visible
from ctxsize.model import Amount, Clue, Directory, Measurement, Report, Transfer
from ctxsize.units import columns, human, plural

_LINES, _LEAST_ROWS, _MOST_ROWS = 20, 2, 8
_LONGEST_BAR = 20
_SEVERAL = 4
"""Number of directories of one name above which `suggest` writes one pattern for all."""
_LEAST_SHARE = 1000
"""Part of the whole below which no row is worth its line, unless it looks unneeded."""
_SPLIT = 4
"""Number of times that a directory is replaced by the one that has most of it."""
_LEAST_PATH = 20
"""Number of columns that a path has at least."""
_NOTES = {"secret": "possible secret", "large-file": "large file"}


class LargePart(NamedTuple):
    """A part of what is sent; none contains another."""

    name: str
    files: int
    content_bytes: int
    note: str = ""
    """The pattern that would ignore it if it looks unneeded, or why it is worth a look."""


def sections(report: Report, look: Look) -> Iterator[Section]:
    """Yield the verdict, and unless `look.quiet` the parts of what is sent and who takes it."""
    head: list[Item] = [verdict(report, look, clauses(report, short=True), 2)]
    if look.quiet:
        yield Section(head)
        return
    head.append(next_step(report))
    yield Section(head)
    room = look.width - FACT_INDENT
    facts = [Fact(label, clipped(text, room)) for label, text in _facts(report, room)]
    more_of_it = [command(report, "measure"), "ls --size", "explain PATH"]
    if columns(" · ".join(more_of_it)) > room:
        more_of_it[0] = "ctxsize measure"
    foot: list[Item] = [*facts, Fact("More", " · ".join(more_of_it))]
    problem = Findings(report.findings, 1)
    yield Section([problem])
    used = height([*head, problem, *foot], look.width) + (3 if report.findings else 2)
    count = max(_LEAST_ROWS, min(_MOST_ROWS, _LINES - used - 1))
    yield Section([_table(parts_of(report, count), sent(report), look)])
    yield Section(foot)


def _table(parts: Sequence[LargePart], whole: Amount, look: Look) -> Table:
    longest = min(_LONGEST_BAR, max(0, look.width - 68))
    rows = [
        (
            *(human(each.content_bytes), f"{each.files:,}"),
            *(bar(each.content_bytes / (whole.content_bytes or 1), longest), each.name, each.note),
        )
        for each in parts
    ]
    note = "looks unneeded" if any(each.note for each in parts) else ""
    return Table(("size", "files", "", "part", note), rows, names=2)


def _facts(report: Report, room: int) -> Iterator[tuple[str, str]]:
    """Yield who takes the context, what governs it, and what the builder prints."""
    if report.context_path != ".":
        yield "Context", fit(quoted(report.context_path), room)
    yield "Taken by", _takers(report, room)
    info = report.ignore_file
    count = f" ({plural(len(info.patterns), 'pattern')})" if info else ""
    yield "Ignore file", f"{fit(quoted(info.path), room - len(count))}{count}" if info else "none"
    if not report.failing:
        others = more(len(report.transfers) - 1, "platform")
        figure = printed(report, (report.transfer or report.context), "context").partition(" (")[0]
        yield "Build prints", f"{figure} {others}".rstrip()


def _takers(report: Report, room: int) -> str:
    """Return the instruction that takes most of the context, and the number of the others."""
    sources = dict.fromkeys(source for each in report.transfers for source in each.sources)
    if report.dockerfile is None:
        return "not known without a Dockerfile"
    if report.transfer is not None and not report.transfer.context_used:
        return "nothing"
    where = "stdin" if report.dockerfile == "-" else quoted(report.dockerfile)
    if not sources:
        return fit(where, room)
    most = max(sources, key=lambda each: each.content_bytes)
    whole = "all of it" if most.path == "." else human(most.content_bytes)
    what = visible(f"{most.instruction} {most.source if most.instruction != 'RUN' else most.path}")
    text = f":{most.line} {what} ({whole}) {more(len(sources) - 1)}".rstrip()
    return fit(where, max(_LEAST_PATH, room - columns(text))) + text


def parts_of(report: Report, most: int) -> list[LargePart]:
    """Return the largest parts of what is sent, at most so many; the last has all that is left."""
    transfers: tuple[Transfer | Measurement, ...] = report.transfers or (report.context,)
    transfer = max(transfers, key=_size)
    inner: dict[str, Amount] = {}
    parts: list[LargePart] = []
    for note, clues in _suspects(report, {each.path: each for each in transfer.clues}):
        parts.append(LargePart(_named(note, clues), *Amount.of(*clues), note))
        for each in clues:
            for at in (at for at, char in enumerate(f"{each.path}/") if char == "/"):
                inner[each.path[:at]] = Amount.of(inner.get(each.path[:at], Amount()), each)
    parts += _directories(transfer.tree, inner) if transfer.tree else ()
    if isinstance(transfer, Measurement) or transfer.everything:
        tops = (each for each in report.context.largest_files if "/" not in each.name)
        parts += (LargePart(quoted(e.name), *Amount.of(e)) for e in tops if e.name not in inner)
    for named in report.named_contexts:
        name = f"{quoted(named.value)} (named context)"
        parts.append(LargePart(name, *Amount.of(*named.transfers)))
    whole = sent(report)
    least = whole.content_bytes // _LEAST_SHARE
    parts = [each for each in parts if each.files and (each.note or each.content_bytes >= least)]
    parts.sort(key=_rank)
    is_all = len(parts) <= most and Amount.of(*parts) == whole
    shown = parts if is_all else parts[: most - 1]
    left = whole - Amount.of(*shown)
    rest = [] if is_all else [LargePart("the other files" if shown else "all files", *left)]
    return sorted(shown, key=lambda each: (-each.content_bytes, each.name)) + rest


def _size(part: Transfer | Measurement) -> int:
    return (part.totals if isinstance(part, Measurement) else part).content_bytes


def _rank(part: LargePart) -> tuple[bool, int, int, str]:
    """Return a key for the order in which parts are chosen: secrets, then by size."""
    return part.note != _NOTES["secret"], -part.content_bytes, -part.files, part.name


def _suspects(report: Report, own: Mapping[str, Clue]) -> Iterator[tuple[str, list[Clue]]]:
    """Yield the parts that make the verdict, by the pattern that would ignore them, or a note.

    `own` are the clues of one transfer. A part inside another is left out.
    """
    kinds = {part.path: each.kind for each in report.reasons for part in each.parts}
    names = Counter(path.rpartition("/")[2] for path in kinds)
    exceptions = report.ignore_file and any(each.exception for each in report.ignore_file.patterns)
    groups: dict[tuple[str, str], list[Clue]] = {}
    last = "/"
    for path in sorted(kinds.keys() & own.keys(), key=lambda path: f"{path}/"):
        if f"{path}/".startswith(last):
            continue
        last, name, is_unneeded = f"{path}/", path.rpartition("/")[2], kinds[path] == "unneeded"
        note = _NOTES.get(kinds[path], "")
        if is_unneeded and (name not in BY_PATH or names[name] > _SEVERAL):
            note = f"**/{name}"
        elif not note:
            pattern_class = BUILDERS[report.builder].spec_class.pattern_class
            note = visible(pattern_for(path, pattern_class=pattern_class) or "git ignores it")
        note += (BY_PATH.get(name, "") or ("/**" if exceptions else "")) if is_unneeded else ""
        groups.setdefault((note, path if kinds[path] == "large-file" else ""), []).append(own[path])
    for (note, _), clues in groups.items():
        yield note, sorted(clues, key=lambda each: (-each.content_bytes, each.path))


def _named(note: str, clues: Sequence[Clue]) -> str:
    """Return a name for parts with one note; the first is the largest."""
    first, slash = clues[0].path, "/" if clues[0].kind in ("unneeded", "directory") else ""
    if len(clues) > 1 and note.startswith("**/"):
        return f"{len(clues):,} × {quoted(first.rpartition('/')[2])}/"
    return f"{quoted(first)}{slash} {more(len(clues) - 1)}".rstrip()


def _directories(root: Directory, inner: Mapping[str, Amount]) -> Iterator[LargePart]:
    """Yield directories without the parts `inner`; of the largest, the one that has most of it."""

    def left(node: Directory) -> Amount:
        return Amount.of(node) - inner.get(node.path, Amount())

    pending = [(left(node), node) for node in root.children if left(node).files]
    for _ in range(_SPLIT):
        largest = max(pending, key=lambda each: each[0].content_bytes, default=None)
        if largest is None:
            break
        size, node = largest
        child = max(node.children, key=lambda each: left(each).content_bytes, default=None)
        if child is None or 2 * left(child).content_bytes <= size.content_bytes:
            break
        at = pending.index(largest)
        pending[at : at + 1] = [(left(child), child)]
        if (others := size - left(child)).files:
            yield LargePart(f"the rest of {quoted(node.path)}/", *others)
    for size, node in pending:
        lead = "the rest of " if size != Amount.of(node) else ""
        yield LargePart(f"{lead}{quoted(folded(node).path)}/", *size)
