"""Sections of `ctxsize [DIR]`: the verdict, its largest parts and the next step on 20 lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.directories import BY_PATH, FOLDERS
from ctxsize.engine.patterns import pattern_for
from ctxsize.formats.sections import (
    Fact,
    Findings,
    Fit,
    LargePart,
    LargeParts,
    Room,
    Screen,
    ScreenPart,
    Section,
    folded,
    measured,
)
from ctxsize.formats.styles import Look
from ctxsize.formats.wording import command, counted, more, quoted, sent, visible
from ctxsize.model import Amount, Clue, Directory, Measurement, Report, Transfer
from ctxsize.units import human, plural

_LINES = 20
_ROWS = Room(8, least=2)
_VERDICT = Fit(2, on_narrow=3)
_LINE = Fit(1)
_SEVERAL = 4  # number of directories of one name above which `suggest` writes one pattern for all
_LEAST_SHARE = 1000  # part of the whole below which only an unneeded row is worth a line
_SPLIT = 4  # part of the whole from which a directory is replaced by the one that has most of it
_NOTES = {"secret": "possible secret", "large-file": "large file"}
_GIT = "git ignores it"
_WORDS = {*_NOTES.values(), _GIT}  # the notes that are no patterns


def sections(report: Report, look: Look) -> Iterator[ScreenPart]:
    """Yield the verdict, and unless `look.quiet` the parts of what is sent and who takes it."""
    clauses = measured.clauses(report, short=True)
    verdict = measured.verdict(report, look, clauses, _VERDICT)
    head = Section([verdict, measured.next_step(report)])
    if look.quiet:
        yield head
        return
    problem = Section([Findings(report.findings, 1)])
    largest = LargeParts(parts_of(report), sent(report), _ROWS)
    parts = Section([largest])
    facts = Section([*_facts(report)])
    # A blank line would follow the last section.
    yield Screen([head, problem, parts, facts], _LINES + 1)


def _facts(report: Report) -> Iterator[Fact]:
    """Yield who takes the context, what governs it, and what the builder prints."""
    if report.context_path != ".":
        yield Fact("Context", "", _LINE, quoted(report.context_path))
    yield _taken_by(report)
    yield Fact("Ignore file", measured.ignore_text(report.ignore_file) or "none", _LINE)
    if not report.failing and report.dockerfile is not None:
        yield Fact("Build prints", _printed(report), _LINE)
    commands = [command(report, "measure"), "ls --size", "explain PATH"]
    yield Fact("More", " · ".join(commands), _LINE, short="ctxsize measure")


def _printed(report: Report) -> str:
    """Return the figure of the largest transfer, and the number of the others."""
    figures = [measured.printed(report, _largest(report), "context", short=True)]
    if report.more_transfers:
        figures.append(more(len(report.transfers) - 1, "platform"))
    named = sum(bool(context.transfers) for context in report.named_contexts)
    if named:
        figures.append(f"and {plural(named, 'named context')}")
    return " ".join(figures)


def _taken_by(report: Report) -> Fact:
    """Return the instruction that takes most of what is sent, and the number of the others."""
    builder = BUILDERS[report.builder]
    path = ""
    if report.dockerfile is None:
        text = "not known without a Dockerfile"
    elif report.failing or (report.transfer is None and builder.asks_for_paths):
        text = "not known"
    elif builder.announces is None:
        text = "COPY and ADD, which read it in place"
    elif not builder.asks_for_paths:
        text = "all of it, before the Dockerfile is read"
    else:
        text, path = _instruction(report, report.dockerfile)
    return Fact("Taken by", text, _LINE, path)


def _instruction(report: Report, dockerfile: str) -> tuple[str, str]:
    """Return what takes most, and before it the Dockerfile, if anything takes something."""
    path = "stdin" if dockerfile == "-" else quoted(dockerfile)
    sources = measured.sources_of(report)
    if sources:
        largest, *others = sources
        size = human(largest.content_bytes)
        if Amount.of(largest) == sent(report) != Amount():
            size = "all of it"
        name = visible(largest.name)
        text = f":{largest.line} {name} ({size})"
        if others:
            text += f" {more(len(others))}"
        return text, path
    if report.transfer and report.transfer.context_used:
        return "", path
    return "nothing", ""


def parts_of(report: Report) -> list[LargePart]:
    """Return the parts of what is sent that are worth a line: secrets, then the largest."""
    transfer = _largest(report)
    clues_by_path = {clue.path: clue for clue in transfer.clues}
    suspects: dict[str, Amount] = {}  # by each directory that has any
    parts: list[LargePart] = []
    for note, clues in _suspects(report, clues_by_path):
        size = Amount.of(*clues)
        is_pattern = note not in _WORDS
        parts.append(LargePart(_named(note, clues), *size, note, is_pattern))
        for clue in clues:
            for path in _paths_to(clue.path):
                suspects[path] = Amount.of(suspects.get(path, Amount()), clue)
    if transfer.tree:
        parts += _directories(transfer.tree, suspects)
    for name, size in _top_files(report, transfer).items():
        if name not in suspects:
            parts.append(LargePart(quoted(name), *size))
    for named in report.named_contexts:
        name = f"{quoted(named.value)} (named context)"
        parts.append(LargePart(name, *Amount.of(*named.transfers)))
    least = sent(report).content_bytes // _LEAST_SHARE
    parts = [part for part in parts if part.note or part.content_bytes >= least]
    return sorted(filter(_has_files, parts), key=_rank)


def _largest(report: Report) -> Transfer | Measurement:
    """Return the largest transfer, or the context if none is known."""
    if report.transfers:
        return max(report.transfers, key=_size)
    return report.context


def _has_files(part: LargePart) -> bool:
    return part.files > 0


def _rank(part: LargePart) -> tuple[bool, int, int, str]:
    """Return a key: secrets are chosen first, then the largest."""
    return part.note != _NOTES["secret"], -part.content_bytes, -part.files, part.name


def _paths_to(path: str) -> Iterator[str]:
    """Yield the directories above a path, and the path."""
    for index, char in enumerate(path):
        if char == "/":
            yield path[:index]
    yield path


def _top_files(report: Report, transfer: Transfer | Measurement) -> dict[str, Amount]:
    """Return the size of known files at the top of the context that are sent."""
    if isinstance(transfer, Measurement) or transfer.everything:
        files = report.context.largest_files
        return {file.name: Amount.of(file) for file in files if "/" not in file.name}
    directories: Sequence[Directory] = ()
    if transfer.tree:
        directories = transfer.tree.children
    names = {".", *(directory.path for directory in directories)}
    files_by_path = {}
    for source in transfer.sources:
        if source.files == 1 and source.path not in names and "/" not in source.path:
            files_by_path[source.path] = Amount.of(source)
    known = Amount.of(*directories, *files_by_path.values())
    left = Amount.of(transfer) - known
    # Patterns and symlinks may stand for the same file.
    if min(left) >= 0:
        return files_by_path
    return {}


def _size(part: Transfer | Measurement) -> int:
    return counted(part).content_bytes


def _suspects(
    report: Report, clues_by_path: Mapping[str, Clue]
) -> Iterator[tuple[str, list[Clue]]]:
    """Yield the parts that make the verdict, by the pattern that would ignore them, or a note.

    `clues_by_path` are those of one transfer. A part inside another is left out.
    """
    kinds: dict[str, str] = {}
    for reason in report.reasons:
        for clue in reason.parts:
            kinds[clue.path] = reason.kind
    names = Counter(path.rpartition("/")[2] for path in kinds)
    groups: dict[tuple[str, str], list[Clue]] = {}
    last = "/"
    for path in sorted(kinds.keys() & clues_by_path.keys(), key=lambda path: f"{path}/"):
        if f"{path}/".startswith(last):
            continue
        last = f"{path}/"
        key = (_note(report, path, kinds[path], names), "")
        if kinds[path] == "large-file":
            key = (key[0], path)  # each has a row
        groups.setdefault(key, []).append(clues_by_path[path])
    for (note, _), clues in groups.items():
        yield note, sorted(clues, key=lambda clue: (-clue.content_bytes, clue.path))


def _note(report: Report, path: str, kind: str, names: Mapping[str, int]) -> str:
    """Return the pattern that would ignore a part, or why it is worth a look.

    `names` has how many parts have each name.
    """
    name = path.rpartition("/")[2]
    is_unneeded = kind == "unneeded"
    note = _NOTES.get(kind, "")
    # A worktree of git has a name of its own.
    has_one_pattern = name not in BY_PATH or names[name] > _SEVERAL
    if is_unneeded and name in FOLDERS and has_one_pattern:
        note = f"**/{name}"
    elif not note:
        pattern_class = BUILDERS[report.builder].spec_class.pattern_class
        note = visible(pattern_for(path, pattern_class=pattern_class) or _GIT)
    if is_unneeded and BY_PATH.get(name):
        note += BY_PATH[name]
    elif is_unneeded and _has_exceptions(report):
        note += "/**"
    return note


def _has_exceptions(report: Report) -> bool:
    if report.ignore_file is None:
        return False
    return any(pattern.exception for pattern in report.ignore_file.patterns)


def _named(note: str, clues: Sequence[Clue]) -> str:
    """Return a name for parts with one note; the first is the largest."""
    first = clues[0]
    if len(clues) > 1 and note.startswith("**/"):
        name = first.path.rpartition("/")[2]
        return f"{len(clues):,} × {quoted(name)}/"
    name = quoted(first.path)
    if first.kind in ("unneeded", "directory"):
        name += "/"
    return f"{name} {more(len(clues) - 1)}".rstrip()


def _directories(root: Directory, suspects: Mapping[str, Amount]) -> Iterator[LargePart]:
    """Yield directories without suspects; of a large one, the one that has most of it."""

    def left(node: Directory) -> Amount:
        return Amount.of(node) - suspects.get(node.path, Amount())

    for node in root.children:
        size = left(node)
        while _SPLIT * size.content_bytes > root.content_bytes:
            child = max(node.children, key=lambda child: left(child).content_bytes, default=None)
            if child is None or 2 * left(child).content_bytes <= size.content_bytes:
                break
            others = size - left(child)
            if others.files:
                yield LargePart(f"the rest of {quoted(node.path)}/", *others)
            node = child
            size = left(child)
        name = f"{quoted(folded(node).path)}/"
        if size != Amount.of(node):
            name = f"the rest of {name}"
        if size.files:
            yield LargePart(name, *size)
