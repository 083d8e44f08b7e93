"""Sections of `ctxsize [DIR]`: the verdict, its largest parts and the next step on 20 lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from operator import attrgetter
from os.path import basename

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.directories import BY_PATH, FOLDERS
from ctxsize.engine.patterns import pattern_for
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    Items,
    LargePart,
    LargeParts,
    Prose,
    Room,
    Screen,
    ScreenPart,
    Section,
    folded,
)
from ctxsize.formats.sections.measured import head, ignore_text, printed, sources_of
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import command, more, quoted, sent, visible
from ctxsize.model import (
    Amount,
    Clue,
    Directory,
    Measurement,
    Report,
    Transfer,
)
from ctxsize.units import human, plural

_LINES = 20
_ROWS = Room(8, 8, least=2)
_VERDICT = Fit(2, on_narrow=3)
_LINE = Fit(1)
_HAZARD = Fit(3, on_narrow=4)
_SEVERAL = 4  # number of directories of one name above which `suggest` writes one pattern for all
_LEAST_SHARE = 1000  # part of the whole below which only an unneeded row is worth a line
_SPLIT = 4  # part of the whole from which a directory is replaced by the one that has most of it
_NOTES = {"secret": "possible secret", "large-file": "large file"}
_GIT = "git ignores it"
_WORDS = {*_NOTES.values(), _GIT}  # the notes that are no patterns

ClueGroup = list[Clue]


def sections(report: Report, look: Look) -> Iterator[ScreenPart]:
    """Yield the verdict, and unless `look.quiet` the parts of what is sent and who takes it."""
    answer = head(report, look, _VERDICT, short=True)
    if look.quiet:
        yield answer
        return
    largest = LargeParts(parts_of(report), sent(report), _ROWS)
    sections = [
        answer,
        Section([*_breaks(report)]),
        Section([Findings(report.findings, 1)]),
        Section([largest]),
        Section([*_facts(report)]),
    ]
    # A blank line would follow the last section.
    yield Screen(sections, _LINES + 1)


def _breaks(report: Report) -> Items:
    """Yield what breaks or spoils the build, whatever its size, and the number of the others."""
    if not report.hazards:
        return
    first, *others = report.hazards
    yield Prose(f"Breaks: {visible(first.message)}", 0, "Breaks", "red", _HAZARD)
    if others:
        yield Prose(f"{plural(len(others), 'hazard')} more: ctxsize lint", fit=_LINE)


def _facts(report: Report) -> Items:
    """Yield who takes the context, what governs it, and what the builder prints."""
    if report.context_path != ".":
        yield Fact("Context", "", _LINE, quoted(report.context_path))
    yield _taken_by(report)
    ignore_file = ignore_text(report.ignore_file) or "none"
    if report.unread_ignore_file is not None:
        ignore_file += f"; {quoted(report.unread_ignore_file)} is not read"
    yield Fact("Ignore file", ignore_file, _LINE)
    if report.dockerfile and not report.failing:
        yield Fact("Build prints", _printed(report), _LINE)
    details = command(report, "measure")
    entries = command(report, "ls", "--size")
    yield Fact("More", f"{details} · {entries}", _LINE, short=details)


def _printed(report: Report) -> str:
    """Return the figure of the largest transfer, and the number of the others."""
    text = printed(report, _largest(report), "context", short=True)
    platforms = len(report.more_transfers)
    if platforms:
        text += f" {more(platforms, 'platform')}"
    named = sum(bool(context.transfers) for context in report.named_contexts)
    if named:
        text += f" and {plural(named, 'named context')}"
    return text


def _taken_by(report: Report) -> Fact:
    """Return the instruction that takes most of what is sent, and the number of the others."""
    builder = BUILDERS[report.builder]
    dockerfile = report.dockerfile
    transfer = report.transfer
    path = ""
    if dockerfile is None:
        text = "not known without a Dockerfile"
    elif report.failing or (builder.asks_for_paths and not transfer):
        text = "not known"
    elif builder.announces is None:
        text = "COPY and ADD, which read it in place"
    elif not builder.asks_for_paths:
        text = "all of it, before the Dockerfile is read"
    else:
        text = _instruction(report)
        path = "stdin" if dockerfile == "-" else quoted(dockerfile)
        if not text and not (transfer and transfer.context_used):
            text = "nothing"
            path = ""
    return Fact("Taken by", text, _LINE, path)


def _instruction(report: Report) -> str:
    """Return the source that takes most, as it follows the Dockerfile; `""` if there is none."""
    sources = sources_of(report)
    if not sources:
        return ""
    largest, *others = sources
    size = human(largest.content_bytes)
    if Amount.of(largest) == sent(report) != Amount():
        size = "all of it"
    text = f":{largest.line} {visible(largest.name)} ({size})"
    if others:
        text += f" {more(len(others))}"
    return text


def parts_of(report: Report) -> list[LargePart]:
    """Return the parts of what is sent that are worth a line: secrets, then the largest."""
    transfer = _largest(report)
    suspects = defaultdict[str, ClueGroup](list)  # by each directory that has any
    parts = []
    for note, clues in _suspects(report, transfer.clues):
        name = _named(note, clues)
        is_pattern = note not in _WORDS
        parts.append(LargePart(name, *Amount.of(*clues), note, is_pattern))
        for clue in clues:
            for path in accumulate(clue.path.split("/"), "{}/{}".format):
                suspects[path].append(clue)
    if transfer.tree:
        parts += _directories(transfer.tree, suspects)
    for file in _top_files(report, transfer):
        if file.name not in suspects:
            parts.append(replace(file, name=quoted(file.name)))
    for named in report.named_contexts:
        name = f"{quoted(named.value)} (named context)"
        parts.append(LargePart(name, *Amount.of(*named.transfers)))
    least = sent(report).content_bytes // _LEAST_SHARE
    shown = [
        part for part in parts if part.files > 0 and (part.note or part.content_bytes >= least)
    ]
    return sorted(shown, key=_rank)


def _largest(report: Report) -> Transfer | Measurement:
    """Return the largest transfer, or the context if none is known."""
    transfers = report.transfers
    if transfers:
        return max(transfers, key=attrgetter("content_bytes"))
    return report.context


def _rank(part: LargePart) -> tuple[bool, int, int, str]:
    """Return a key: secrets are chosen first, then the largest."""
    return part.note != _NOTES["secret"], -part.content_bytes, -part.files, part.name


def _top_files(report: Report, transfer: Transfer | Measurement) -> list[LargePart]:
    """Return the known files at the top of the context that are sent."""
    if isinstance(transfer, Measurement) or transfer.everything:
        files = report.context.largest_files
        return [LargePart(file.name, *Amount.of(file)) for file in files if "/" not in file.name]
    directories: Sequence[Directory] = ()
    if transfer.tree:
        directories = transfer.tree.children
    names = {".", *(directory.path for directory in directories)}
    files_by_path = {}
    for source in transfer.sources:
        path = source.path
        if source.files == 1 and path not in names and "/" not in path:
            files_by_path[path] = LargePart(path, *Amount.of(source))
    top_files = [*files_by_path.values()]
    left = Amount.of(transfer) - Amount.of(*directories, *top_files)
    # Patterns and symlinks may stand for the same file.
    if min(left) < 0:
        return []
    return top_files


def _suspects(report: Report, clues: Iterable[Clue]) -> Iterator[tuple[str, ClueGroup]]:
    """Yield the parts that make the verdict, by the pattern that would ignore them, or a note.

    `clues` are those of one transfer. A part inside another is left out.
    """
    kinds = {clue.path: reason.kind for reason in report.reasons for clue in reason.parts}
    names = Counter(map(basename, kinds))
    groups = defaultdict[tuple[str, str], ClueGroup](list)
    last = "/"
    for clue in sorted(clues, key=lambda clue: f"{clue.path}/"):
        path = clue.path
        kind = kinds.get(path)
        if kind is None or f"{path}/".startswith(last):
            continue
        last = f"{path}/"
        note = _note(report, path, kind, names)
        row = path if kind == "large-file" else ""
        groups[note, row].append(clue)
    for (note, _), alike in groups.items():
        yield note, sorted(alike, key=lambda clue: (-clue.content_bytes, clue.path))


def _note(report: Report, path: str, kind: str, names: Mapping[str, int]) -> str:
    """Return the pattern that would ignore a part, or why it is worth a look.

    `names` has how many parts have each name.
    """
    if kind in _NOTES:
        return _NOTES[kind]
    name = basename(path)
    is_unneeded = kind == "unneeded"
    # A worktree of git has a name of its own.
    has_one_pattern = name not in BY_PATH or names[name] > _SEVERAL
    if is_unneeded and name in FOLDERS and has_one_pattern:
        note = f"**/{name}"
    else:
        pattern_class = BUILDERS[report.builder].spec_class.pattern_class
        note = visible(pattern_for(path, pattern_class=pattern_class) or _GIT)
    if not is_unneeded:
        return note
    end = BY_PATH.get(name, "")
    ignore_file = report.ignore_file
    if not end and ignore_file and any(pattern.exception for pattern in ignore_file.patterns):
        end = "/**"
    return note + end


def _named(note: str, clues: ClueGroup) -> str:
    """Return a name for parts with one note; the first is the largest."""
    first, *others = clues
    path = first.path
    if others and note.startswith("**/"):
        return f"{len(clues):,} × {quoted(basename(path))}/"
    name = quoted(path)
    if first.kind in ("unneeded", "directory"):
        name += "/"
    return f"{name} {more(len(others))}".rstrip()


def _directories(root: Directory, suspects: Mapping[str, ClueGroup]) -> Iterator[LargePart]:
    """Yield directories without suspects; of a large one, the one that has most of it."""

    def left(node: Directory) -> Amount:
        return Amount.of(node) - Amount.of(*suspects.get(node.path, ()))

    for node in root.children:
        size = left(node)
        while node.children and _SPLIT * size.content_bytes > root.content_bytes:
            child = max(node.children, key=lambda child: left(child).content_bytes)
            size_of_child = left(child)
            if 2 * size_of_child.content_bytes <= size.content_bytes:
                break
            others = size - size_of_child
            if others.files:
                yield LargePart(f"the rest of {quoted(node.path)}/", *others)
            node = child
            size = size_of_child
        name = f"{quoted(folded(node).path)}/"
        if size != Amount.of(node):
            name = f"the rest of {name}"
        if size.files:
            yield LargePart(name, *size)
