"""The same sums, faster: a walk in C, with tables that Python makes of the patterns.

The core counts plain files, and calls Python for what bytes cannot match. Entries that builders
treat specially it hands back by name, in the order of the walk, for the Python walk.
"""

from __future__ import annotations

import os
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from itertools import accumulate, chain, islice
from types import ModuleType

from ctxsize.engine.automaton import Automaton, Program, fastest
from ctxsize.engine.directories import FOLDERS, MARKERS, SECRET_ENDS, SECRET_NAMES, SECRET_START
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import Progress
from ctxsize.engine.filesystem import Disk
from ctxsize.engine.plan import Plan
from ctxsize.engine.segments import CLASS, Segment
from ctxsize.engine.sums import WalkSums
from ctxsize.engine.walk import Walk
from ctxsize.version import core_path

_MOST_SEGMENTS = 4096
_MOST_LARGEST = 1000  # largest files that the core keeps at most, as it moves them one by one
_MOST_THREADS = 8
_READS_ATTRIBUTES = 1
_REFUSES = 2
_NO_SOCKETS = 4
_SENDS_PARENTS = 8
_ANYWHERE = 16
_METERS = {None: 0, "buildkit": 1, "tar": 2}
_MARK = 1
_SECRET = 2
_FOLDER = 4
_KINDS = ("files", "folder", "tree")
_TREE = 2
_END, _BYTE, _RUNE, _STAR, _CLASS, _CLUE = range(6)
Tokens = list[tuple[int, int]]


def core() -> ModuleType | None:
    """Return the compiled core; None if it was not built or is switched off."""
    path = core_path()
    if path is None:
        return None
    return _loaded(path)


@cache
def _loaded(path: str) -> ModuleType | None:
    loader = ExtensionFileLoader("ctxsize.engine.native._core", path)
    try:
        module = loader.create_module(ModuleSpec(loader.name, loader, origin=path))
    except ImportError:
        return None
    loader.exec_module(module)
    return module


def add_all(plan: Plan, sums: WalkSums, jobs: int | None, progress: Progress | None) -> Walk | None:
    """Add all that is sent; return the walk, None if the core cannot count. Raises as `Walk`."""
    module = core()
    python = Walk(plan)
    automaton = fastest(plan.spec)
    on_disk = type(python.source) is Disk  # the core reads nothing else
    if module is None or not on_disk or not isinstance(automaton, Automaton):
        return None
    program = automaton.program
    is_large = len(program.owner) > _MOST_SEGMENTS or sums.top > _MOST_LARGEST
    has_nul = any("\0" in pattern.text for pattern in plan.spec.patterns)
    if is_large or has_nul or sys.getfilesystemencoding() != "utf-8":
        return None
    builder = plan.builder
    options = (
        _READS_ATTRIBUTES * python.inspector.reads_xattrs
        | _REFUSES * builder.refuses_to_open
        | _NO_SOCKETS * (not builder.sends_sockets)
        | _SENDS_PARENTS * builder.sends_ignored_parents
        | _ANYWHERE * (plan.spec.reach is None)
    )
    root = os.fsencode(plan.root.rstrip("/") + "/")
    threads = min(jobs or len(os.sched_getaffinity(0)), _MOST_THREADS)
    numbers = (_METERS[builder.meter], sums.top, python.source.longest_path, len(program.parts))
    called = (_tables(program, plan.spec), partial(_matching, program), progress)
    try:
        found = module.add_up(root, threads, options, *numbers, *called)
    except OSError:
        return None
    try:
        _add_results(found, python, sums)
    finally:
        python.close()
    if progress is not None:
        progress(sums.entries, sums.content_bytes)
    return python


@cache
def _clue_tokens() -> list[Tokens]:
    """Return the tokens of names and endings that `Clues` records, each with its meaning."""
    tables = ((MARKERS, _MARK), (SECRET_NAMES, _SECRET), (FOLDERS, _FOLDER))
    kinds = sum((Counter(dict.fromkeys(*each)) for each in tables), Counter[str]())
    return [
        *([*_literal(name), (_CLUE, kind)] for name, kind in kinds.items()),
        *([(_STAR, 0), *_literal(end), (_CLUE, _SECRET)] for end in SECRET_ENDS),
        [*_literal(SECRET_START), (_STAR, 0), (_CLUE, _SECRET)],
    ]


def _tables(program: Program, spec: DockerIgnoreSpec) -> tuple[bytes, ...]:
    """Return the tables of patterns, in the order in which the core reads them."""
    bits = len(program.owner)
    words = (bits + 63) // 64
    size = 8 * words
    kept = (1 << 8 * size) - 1
    masks = (
        *(program.start, program.final, program.loop, program.loop & ~program.text_loops),
        *(program.advance, program.exceptions, program.whole_paths),
    )
    classes: dict[bytes, int] = {}
    names = [[*_tokens(part, classes), (_END, bit)] for bit, part in enumerate(program.parts)]
    names += _clue_tokens()
    tokens = [*chain.from_iterable(names)]
    first = [0, *accumulate(map(len, names))][:-1]
    after = [len(f"{-program.after(index):b}") - 1 for index in range(len(spec.patterns))]
    return (
        *((mask & kept).to_bytes(size, "little") for mask in masks),
        array("i", after).tobytes(),
        array("i", program.owner).tobytes(),
        bytes(program.exceptional),
        array("i", chain.from_iterable(tokens)).tobytes(),
        array("i", first).tobytes(),
        b"".join(classes),
        _columns(tokens, [*classes]),
        b"".join(os.fsencode(text) + b"\0" for text in spec.reach or ()),
    )


def _matching(program: Program, path: bytes, near: bytes, text: int) -> bytes:
    """Return those of `near` that match a path; with `text`, also those that match its name."""
    directory, slash, name = os.fsdecode(path).rpartition("/")
    if text:
        found = program.known[name] & (1 << 8 * len(near)) - 1
    else:
        found = 0
    if on_paths := int.from_bytes(near, "little"):
        found |= program.on_paths(on_paths, directory + slash, [name]).get(name, 0)
    return found.to_bytes(len(near), "little")


def _columns(tokens: Tokens, classes: list[bytes]) -> bytes:
    """Return a number for each byte; bytes that every token treats alike share one."""
    apart = {value for kind, value in tokens if kind == _BYTE}
    apart.update(byte for flags in classes for byte, flag in enumerate(flags) if flag)
    columns = {byte: number for number, byte in enumerate(sorted(apart), 1)}
    return bytes(columns.get(byte, 0) for byte in range(256))


def _literal(text: str) -> Tokens:
    return [(_BYTE, byte) for byte in os.fsencode(text)]


def _tokens(part: Segment, classes: dict[bytes, int]) -> Tokens:
    """Return the tokens of a segment; classes of characters are numbered in order of appearance."""
    if part.kind == "glob":
        return [*_of_glob(part.text, classes)]
    if part.kind == "path":  # names that may be part of a match: the core calls `_matching`
        return [(_STAR, 0), *_literal(part.text), (_STAR, 0)]
    if part.kind in ("suffix", "any", "below"):
        before = [(_STAR, 0)]
    else:
        before = []
    if part.kind in ("prefix", "opening"):
        behind = [(_STAR, 0)]
    else:
        behind = []
    return [*before, *_literal(part.text), *behind]


def _of_glob(glob: str, classes: dict[bytes, int]) -> Iterator[tuple[int, int]]:
    """Yield the tokens of a glob, whose classes contain only letters, digits, `_` and `.`."""
    for part in re.findall(rf"(?s){CLASS}|.", glob):
        if len(part) > 1:
            members = (re.match(part, chr(byte)) is not None for byte in range(128))
            yield _CLASS, classes.setdefault(bytes(members).ljust(256, b"\0"), len(classes))
        elif part in "*?":
            yield (_STAR if part == "*" else _RUNE), 0
        else:
            yield from _literal(part)


def _read(pair: tuple[bytes, bytes]) -> tuple[list[str], array[int]]:
    """Return the texts and the numbers of one of the core's lists."""
    texts, numbers = pair
    return os.fsdecode(texts).split("\0")[:-1], array("q", numbers)


def _add_results(found: tuple[tuple[bytes, bytes], ...], python: Walk, sums: WalkSums) -> None:
    """Add the core's results to `sums`, and those that it handed back between them, in order."""
    totals, direct, extensions, patterns, largest, clues, back, cut = map(_read, found[:-1])
    column = memoryview(found[-1][1]).cast("q")
    by_pattern = _groups(patterns[1], 3)
    rows = (_rows(*direct), _rows(*extensions), by_pattern, _rows(*largest))
    sums.add_found(totals[1], *rows)
    named = _rows(clues[0][1::2], clues[1])
    for prefix, (name, kinds, size) in zip(clues[0][::2], named, strict=True):
        if kinds & (_MARK | _FOLDER):
            sums.clues.names[name].add(prefix)
        if kinds & _SECRET:
            sums.clues.add_secret(prefix, name, size)
    texts = iter(back[0])
    at = 0
    entries = 0
    for run, before, kind, count in (*_groups(back[1], 4), (len(cut[1]) // 2, 0, -1, 0)):
        part = cut[1][2 * at : 2 * run]
        last = entries + sum(part[::2])
        sums.add_runs(column[entries:last], part, before)
        at = run
        entries = last
        if kind >= 0:
            directory = next(texts)
            names = [*islice(texts, count)]
            silent = max(0, kind - _TREE)
            for event in python.handed_back(_KINDS[kind - silent], directory, names, silent):
                sums.add(event)
            sums.settle()


def _groups(numbers: array[int], size: int) -> Iterator[tuple[int, ...]]:
    return zip(*(numbers[part::size] for part in range(size)), strict=True)


def _rows(texts: list[str], numbers: array[int]) -> Iterator[tuple[str, int, int]]:
    return zip(texts, numbers[::2], numbers[1::2], strict=True)
