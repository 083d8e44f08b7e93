"""Sections of `ctxsize [DIR]`: the verdict, its largest parts and the next step on 20 lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.directories import BY_PATH, FOLDERS
from ctxsize.engine.patterns import pattern_for
from ctxsize.formats import Look
from ctxsize.formats.sections import Fact, Findings, Section, Table, bar, folded, measured
from ctxsize.formats.text import FACT_INDENT, brief, height
from ctxsize.formats.wording import command, fit, more, quoted, sent, visible
from ctxsize.model import Amount, Clue, Directory, Measurement, Report, Transfer
from ctxsize.units import columns, human, plural

_LINES = 20
_LEAST_ROWS = 2
_MOST_ROWS = 8
_LONGEST_BAR = 20
_SEVERAL = 4  # number of directories of one name above which `suggest` writes one pattern for all
_LEAST_SHARE = 1000  # part of the whole below which only an unneeded row is worth a line
_SPLIT = 4  # part of the whole from which a directory is replaced by the one that has most of it
_LEAST_PATH = 20  # number of columns that a path has at least
_NARROW, _WIDE = 60, 80  # columns below which rows have no notes; with patterns
_NOTES = {"secret": "possible secret", "large-file": "large file"}
_WORDS = {*_NOTES.values(), "git ignores it"}  # the notes that are no patterns


class LargePart(NamedTuple):
    """A part of what is sent; none contains another."""

    name: str
    files: int
    content_bytes: int
    note: str = ""  # the pattern that would ignore it, or why it is worth a look


def sections(report: Report, look: Look) -> Iterator[Section]:
    """Yield the verdict, and unless `look.quiet` the parts of what is sent and who takes it."""
    lines = 2 + (look.width < _NARROW)
    clauses = measured.clauses(report, short=True)
    head = measured.verdict(report, look, clauses, lines), measured.next_step(report)
    yield Section(head)
    if look.quiet:
        return
    room = look.width - FACT_INDENT
    whole = " · ".join([command(report, "measure"), "ls --size", "explain PATH"])
    problem = Findings(report.findings, 1)
    foot = [Fact(label, brief(text, room, 1)) for label, text in _facts(report, room)]
    foot.append(Fact("More", whole if columns(whole) <= room else "ctxsize measure"))
    used = height([*head, problem, *foot], look) + (4 if report.findings else 3)
    count = max(_LEAST_ROWS, min(_MOST_ROWS, _LINES - used))
    yield Section([problem])
    yield Section([_table(parts_of(report, count), sent(report), look)])
    yield Section(foot)


def _table(parts: Sequence[LargePart], whole: Amount, look: Look) -> Table:
    wordy = any(each.note in _WORDS for each in parts)
    narrow = look.width < _NARROW
    mixed = wordy and any(each.note and each.note not in _WORDS for each in parts)
    longest = min(_LONGEST_BAR, max(0, look.width - (80 if mixed else 68)))
    rows = []
    for part in parts:
        figures = (human(part.content_bytes), f"{part.files:,}")
        graph = bar(part.content_bytes / (whole.content_bytes or 1), longest)
        unneeded = wordy and part.note and part.note not in _WORDS
        if unneeded:
            note = "looks unneeded"
        else:
            note = part.note
        if unneeded and look.width >= _WIDE:
            note += f": {part.note}"
        if narrow:
            name = part.name.replace("the rest of ", "rest of ", 1)
        else:
            name = part.name
        rows.append((*figures, graph, name, "" if narrow else note))
    if any(row[-1] for row in rows):
        if wordy:
            header = "why"
        else:
            header = "looks unneeded"
    else:
        header = ""
    return Table(("size", "files", "", "part", header), rows, names=2)


def _facts(report: Report, room: int) -> Iterator[tuple[str, str]]:
    """Yield who takes the context, what governs it, and what the builder prints."""
    if report.context_path != ".":
        yield "Context", fit(quoted(report.context_path), room)
    yield "Taken by", _takers(report, room)
    yield "Ignore file", measured.ignore_text(report.ignore_file) or "none"
    if not report.failing and report.dockerfile is not None:
        part: Transfer | Measurement = max(report.transfers, key=_size, default=report.context)
        named = sum(bool(each.transfers) for each in report.named_contexts)
        figures = [measured.printed(report, part, "context", short=True)]
        if report.more_transfers:
            figures += [more(len(report.transfers) - 1, "platform")]
        if named:
            figures += [f"and {plural(named, 'named context')}"]
        yield "Build prints", " ".join(figures)


def _takers(report: Report, room: int) -> str:
    """Return the instruction that takes most of what is sent, and the number of the others."""
    builder = BUILDERS[report.builder]
    taken = measured.sources_of(report)
    if report.dockerfile is None:
        return "not known without a Dockerfile"
    if report.failing or (report.transfer is None and builder.asks_for_paths):
        return "not known"
    if builder.announces is None:
        return "COPY and ADD, which read it in place"
    if not builder.asks_for_paths:
        return "all of it, before the Dockerfile is read"
    if report.dockerfile == "-":
        where = "stdin"
    else:
        where = quoted(report.dockerfile)
    if not taken:
        if report.transfer and report.transfer.context_used:
            return fit(where, room)
        return "nothing"
    most, *others = taken
    if Amount.of(most) == sent(report) != Amount():
        size = "all of it"
    else:
        size = human(most.content_bytes)
    text = f":{most.line} {visible(most.name)} ({size}) {more(len(others))}".rstrip()
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
    if transfer.tree:
        parts += _directories(transfer.tree, inner)
    for name, size in _top_files(report, transfer).items():
        if name in inner:
            parts += []
        else:
            parts += [LargePart(quoted(name), *size)]
    for named in report.named_contexts:
        name = f"{quoted(named.value)} (named context)"
        parts.append(LargePart(name, *Amount.of(*named.transfers)))
    whole = sent(report)
    least = whole.content_bytes // _LEAST_SHARE
    parts = [each for each in parts if each.files and (each.note or each.content_bytes >= least)]
    # Secrets are chosen first, then the largest.
    parts.sort(key=lambda e: (e.note != _NOTES["secret"], -e.content_bytes, -e.files, e.name))
    is_all = len(parts) <= most and Amount.of(*parts) == whole
    if is_all:
        shown = parts
    else:
        shown = parts[: most - 1]
    left = whole - Amount.of(*shown)
    if is_all:
        rest = []
    else:
        rest = [LargePart("the other files" if shown else "all files", *left)]
    return sorted(shown, key=lambda each: (-each.content_bytes, each.name)) + rest


def _top_files(report: Report, transfer: Transfer | Measurement) -> dict[str, Amount]:
    """Return the size of known files at the top of the context that are sent."""
    if isinstance(transfer, Measurement) or transfer.everything:
        return {e.name: Amount.of(e) for e in report.context.largest_files if "/" not in e.name}
    if transfer.tree:
        below = transfer.tree.children
    else:
        below = ()
    names = {".", *(each.path for each in below)}
    one = {each.path: Amount.of(each) for each in transfer.sources if each.files == 1}
    tops = {path: size for path, size in one.items() if path not in names and "/" not in path}
    left = Amount.of(transfer) - Amount.of(*below, *tops.values())
    # Patterns and symlinks may stand for the same file.
    if min(left) >= 0:
        return tops
    return {}


def _size(part: Transfer | Measurement) -> int:
    return (part.totals if isinstance(part, Measurement) else part).content_bytes


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
        last = f"{path}/"
        name = path.rpartition("/")[2]
        is_unneeded = kinds[path] == "unneeded"
        note = _NOTES.get(kinds[path], "")
        # A worktree of git has a name of its own.
        if is_unneeded and name in FOLDERS and (name not in BY_PATH or names[name] > _SEVERAL):
            note = f"**/{name}"
        elif not note:
            pattern_class = BUILDERS[report.builder].spec_class.pattern_class
            note = visible(pattern_for(path, pattern_class=pattern_class) or "git ignores it")
        if is_unneeded:
            note += BY_PATH.get(name, "") or ("/**" if exceptions else "")
        groups.setdefault((note, path if kinds[path] == "large-file" else ""), []).append(own[path])
    for (note, _), clues in groups.items():
        yield note, sorted(clues, key=lambda each: (-each.content_bytes, each.path))


def _named(note: str, clues: Sequence[Clue]) -> str:
    """Return a name for parts with one note; the first is the largest."""
    first = clues[0].path
    if clues[0].kind in ("unneeded", "directory"):
        slash = "/"
    else:
        slash = ""
    if len(clues) > 1 and note.startswith("**/"):
        return f"{len(clues):,} × {quoted(first.rpartition('/')[2])}/"
    return f"{quoted(first)}{slash} {more(len(clues) - 1)}".rstrip()


def _directories(root: Directory, inner: Mapping[str, Amount]) -> Iterator[LargePart]:
    """Yield directories without the parts `inner`; of a large one, the one that has most of it."""

    def left(node: Directory) -> Amount:
        return Amount.of(node) - inner.get(node.path, Amount())

    for node in root.children:
        size = left(node)
        while _SPLIT * size.content_bytes > root.content_bytes:
            child = max(node.children, key=lambda each: left(each).content_bytes, default=None)
            if child is None or 2 * left(child).content_bytes <= size.content_bytes:
                break
            if (others := size - left(child)).files:
                yield LargePart(f"the rest of {quoted(node.path)}/", *others)
            node = child
            size = left(child)
        if size != Amount.of(node):
            lead = "the rest of "
        else:
            lead = ""
        if size.files:
            yield LargePart(f"{lead}{quoted(folded(node).path)}/", *size)
