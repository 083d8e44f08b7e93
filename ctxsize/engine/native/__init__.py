"""The same sums, faster: a walk in C, with tables that Python makes of the patterns.

The core counts plain files, and calls Python for what bytes cannot match. Entries that builders
treat specially it hands back by name, in the order of the walk, for the Python walk.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cache, partial
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from itertools import chain, islice
from os import fsdecode, fsencode
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ctxsize.engine.automaton import Automaton, Program, fastest
from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import RunningSum
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.events import Event, EventOfSent, Files, Folder, Progress, SentFolder, SentRun
from ctxsize.engine.filesystem import Disk, MemoryDirectory
from ctxsize.engine.memory_tree import MemoryTree
from ctxsize.engine.native.tables import tables, terminated
from ctxsize.engine.plan import Plan
from ctxsize.engine.sums import CoreSums, LargeFile, WalkSums
from ctxsize.engine.walk import Walk
from ctxsize.engine.wire import Run
from ctxsize.version import core_path

if TYPE_CHECKING:
    from ctxsize.engine.sent_files import SentFiles

_MOST_SEGMENTS = 4096
_MOST_LARGEST = 1000  # largest files that the core keeps at most, as it moves them one by one
_MOST_THREADS = 8
_METERS = {None: 0, "buildkit": 1, "tar": 2}
_KINDS = ("files", "folder", "tree")
_TREE = 2
IGNORED = 1
PASSED_BY = 2  # nothing in the directory is sent
REFUSED = 2
_CHARACTER_BYTES = 4  # at most
_NAMES = 64  # the option that asks for all names
_EVERYTHING = 32 | _NAMES  # also those of what is ignored
_LISTED = 128  # the option that asks for all names in the order of the walk
_ITSELF = -1  # the number of files for a directory itself
_LISTS_OF_NAMES = (5, 6, 7)  # directories, names, and what is handed back
K = TypeVar("K")


def core() -> ModuleType | None:
    """Return the compiled core; None if it was not built or is switched off."""
    path = core_path()
    if path is None:
        return None
    return _load(path)


@cache
def _load(path: str) -> ModuleType | None:
    loader = ExtensionFileLoader("ctxsize.engine.native._core", path)
    try:
        module = loader.create_module(ModuleSpec(loader.name, loader, origin=path))
    except ImportError:
        return None
    loader.exec_module(module)
    return module


def add_all(
    plan: Plan,
    sums: WalkSums,
    jobs: int | None,
    progress: Progress | None,
    files: SentFiles | MemoryTree | None = None,
) -> Walk | None:
    """Add all that is sent; return the walk, None if the core cannot count. Raises as `Walk`."""
    if sums.top > _MOST_LARGEST:
        return None
    python = Walk(plan)
    wanted = _Inquiry(_METERS[plan.builder.meter], sums.top)
    if files is not None:
        wanted = wanted._replace(flags=_NAMES)
    results = _results(python, plan, wanted, jobs, progress)
    if results is None:
        return None
    try:
        _add_results(results, python, sums, files)
        python.inspector.stop()
    finally:
        python.close()
    if progress is not None:
        progress(sums.entries, sums.content_bytes)
    return python


def add_everything(
    plan: Plan, tree: MemoryTree, progress: Progress | None, *, tolerant: bool = False
) -> Walk | None:
    """Add all that there is, ignored or not; return the walk, None without the core.

    Raises as a `Walk` of everything.
    """
    python = Walk(plan, everything=True, tolerant=tolerant)
    wanted = _Inquiry(flags=_EVERYTHING)
    results = _results(python, plan, wanted, None, progress)
    if results is None:
        return None
    folders, names, back = (_CoreList.read(*results[at]) for at in _LISTS_OF_NAMES)
    try:
        for path, sizes in _folders(folders, names):
            tree.add_folder(path, sizes)
        for part in _handed_back(back):
            for event in part.events(python):
                tree.add(event)
        python.inspector.stop()
    finally:
        python.close()
    return python


def listed(python: Walk, plan: Plan) -> Iterator[EventOfSent] | None:
    """Return all that a walk sends, in its order, read by the core; None if it cannot list.

    The problems are those of the walk. The iteration raises as the walk does.
    """
    results = _results(python, plan, _Inquiry(flags=_LISTED), None, None)
    if results is None:
        return None
    return _ahead_of_sent(_in_order(python, results), plan.spec)


def _in_order(python: Walk, results: _Results) -> Iterator[EventOfSent]:
    """Yield what the core lists, and what it handed back where that belongs."""
    folders, (names, sizes), back = (results[at] for at in _LISTS_OF_NAMES)
    rows = _CoreList.read(*folders)
    all_sizes = array("q", sizes)
    left = _handed_back(_CoreList.read(*back))
    start = first = backs_before = 0
    try:
        for prefix, files, size, number, backs in rows.rows(4, rows.texts):
            for part in islice(left, backs - backs_before):
                yield from filter(_is_sent, part.events(python))
            backs_before = backs
            decider = None if number < 0 else number
            if files == _ITSELF:
                yield SentFolder(prefix[:-1], decider)
                continue
            # Each is decoded when it is its turn: that takes less memory.
            end = start + size
            last = first + files
            run = fsdecode(names[start:end]).split("\0")[:-1]
            yield SentRun(prefix, run, all_sizes[first:last], decider)
            start = end
            first = last
        for part in left:
            yield from filter(_is_sent, part.events(python))
        python.inspector.stop()
    finally:
        python.close()


def _is_sent(event: Event) -> bool:
    return isinstance(event, Files | Folder)


def _ahead_of_sent(events: Iterator[EventOfSent], spec: DockerIgnoreSpec) -> Iterator[EventOfSent]:
    """Yield `events`, each ignored directory only before something in it is sent.

    So none is listed that a build which fails did not send.
    """

    def is_ignored(event: EventOfSent) -> bool:
        if isinstance(event, SentFolder) and event.decider is not None:
            return bool(spec.patterns[event.decider].include)
        return isinstance(event, Folder) and event.mark.ignored

    waiting = []
    for event in events:
        waiting.append(event)
        if not is_ignored(event):
            yield from waiting
            waiting.clear()


class TreeArrays(NamedTuple):
    """A tree in memory for the core: directories in a walk's order, and the names of all files."""

    parents: bytes  # by directory, the number of the one above it, in 32 bits
    counts: bytes  # by directory, the number of its names, in 32 bits
    folders: bytes  # the last names of directories, each with a NUL
    names: bytes  # by directory, the names of its files, each with a NUL
    longest: int  # number of bytes that is enough for each path

    @classmethod
    def of(cls, folders: Collection[MemoryDirectory]) -> TreeArrays:
        """Return the arrays of all directories of a tree."""
        numbers = {folder.path: number for number, folder in enumerate(folders)}
        parents = [numbers[folder.path.rpartition("/")[0]] for folder in folders]
        names = [*chain.from_iterable(folder.entries for folder in folders)]
        longest = max(map(len, numbers)) + 1 + max(map(len, names), default=0)
        return cls(
            parents=array("i", parents).tobytes(),
            counts=array("i", [len(folder.entries) for folder in folders]).tobytes(),
            folders=terminated([folder.name for folder in folders]),
            names=terminated(names),
            longest=_CHARACTER_BYTES * longest,
        )


class TreeVerdicts(NamedTuple):
    """The verdicts of patterns on a tree, a byte for each directory and for each file."""

    folders: bytes  # with the bits `IGNORED` and `PASSED_BY`
    files: bytes  # with the bit `IGNORED`, or `REFUSED` for one that would arrive empty

    def either(self, other: TreeVerdicts) -> TreeVerdicts:
        """Return the verdicts on what the patterns of either ignore."""
        return TreeVerdicts(
            _bits_of_both(self.folders, other.folders), _bits_of_both(self.files, other.files)
        )


def _bits_of_both(one: bytes, other: bytes) -> bytes:
    bits = int.from_bytes(one, "little") | int.from_bytes(other, "little")
    return bits.to_bytes(len(one), "little")


def verdicts(plan: Plan, spec: DockerIgnoreSpec, tree: TreeArrays) -> TreeVerdicts | None:
    """Return the verdicts of `spec` on a tree in memory; None if the core cannot judge."""
    module = core()
    program = _program(spec)
    if module is None or program is None:
        return None
    options = _options(plan.builder, spec)
    judge = partial(_matching, program)
    answer = module.judge(options, len(program.parts), tables(program, spec), judge, *tree)
    return TreeVerdicts(*answer)


class _Inquiry(NamedTuple):
    """A question to the core."""

    meter: int = 0  # how the builder counts bytes on the wire
    top: int = 0  # number of the largest files
    flags: int = 0


_Results = tuple[tuple[bytes, bytes], ...]  # the core's lists: texts, and numbers


def _results(
    python: Walk, plan: Plan, wanted: _Inquiry, jobs: int | None, progress: Progress | None
) -> _Results | None:
    """Return the core's answer about the tree of a walk; None if it cannot answer."""
    module = core()
    program = _program(plan.spec)
    on_disk = type(python.source) is Disk  # the core reads nothing else
    if module is None or program is None or not on_disk:
        return None
    reads_xattrs = python.inspector.reads_xattrs
    options = _options(plan.builder, plan.spec, reads_xattrs=reads_xattrs)
    threads = min(jobs or len(os.sched_getaffinity(0)), _MOST_THREADS)
    try:
        results: _Results = module.add_up(
            fsencode(plan.root.rstrip("/") + "/"),
            threads,
            options | wanted.flags,
            wanted.meter,
            wanted.top,
            python.source.longest_path,
            len(program.parts),
            tables(program, plan.spec),
            partial(_matching, program),
            progress,
        )
    except OSError:
        return None
    return results


def _program(spec: DockerIgnoreSpec) -> Program | None:
    """Return the patterns as bits, None if the core cannot match them."""
    automaton = fastest(spec)
    if not isinstance(automaton, Automaton):
        return None
    if sys.getfilesystemencoding() != "utf-8":
        return None
    if any("\0" in pattern.text for pattern in spec.patterns):
        return None
    if len(automaton.program.owner) > _MOST_SEGMENTS:
        return None
    return automaton.program


def _options(builder: Builder, spec: DockerIgnoreSpec, *, reads_xattrs: bool = False) -> int:
    """Return the flags for the core: how the builder sends, and whether it enters everything."""
    flags = (  # in the order of their bits
        reads_xattrs,
        builder.refuses_to_open,
        not builder.sends_sockets,
        builder.sends_ignored_parents,
        spec.reach is None,
    )
    return sum(1 << bit for bit, is_set in enumerate(flags) if is_set)


def _matching(program: Program, path: bytes, near: bytes, text: int) -> bytes:
    """Return those of `near` that match a path; with `text`, also those that match its name."""
    directory, slash, name = fsdecode(path).rpartition("/")
    matching = 0
    if text:
        matching = program.known[name] % (1 << 8 * len(near))
    matching |= program.hits(int.from_bytes(near, "little"), directory + slash, [name])[name]
    return matching.to_bytes(len(near), "little")


class _CoreList(NamedTuple):
    """One of the core's lists: texts, and numbers that belong to them."""

    texts: list[str]
    numbers: array[int]

    @classmethod
    def read(cls, texts: bytes, numbers: bytes) -> _CoreList:
        """Return the list whose texts end with NUL and whose numbers have 64 bits."""
        return cls(fsdecode(texts).split("\0")[:-1], array("q", numbers))

    def rows(self, size: int, *texts: list[str]) -> Iterator[Any]:
        """Yield the numbers, so many together, each time behind the next one of all `texts`."""
        columns = [self.numbers[start::size] for start in range(size)]
        return zip(*texts, *columns, strict=True)


def _add_results(
    results: _Results, python: Walk, sums: WalkSums, files: SentFiles | MemoryTree | None
) -> None:
    """Add the core's results to `sums`, and those that it handed back between them, in order."""
    lists = [_CoreList.read(*pair) for pair in results[:-1]]
    totals, direct, extensions, patterns, largest, folders, names, back, runs = lists
    if files is not None:
        for path, sizes in _folders(folders, names):
            files.add_folder(path, sizes)
    sums.add_core(
        CoreSums(*totals.numbers),
        _sums(direct.rows(2, direct.texts)),
        _sums(extensions.rows(2, extensions.texts)),
        _sums(patterns.rows(3)),
        [LargeFile(*row) for row in largest.rows(2, largest.texts)],
    )
    left = _runs(memoryview(results[-1][1]).cast("q"), runs)
    added = 0
    for part in _handed_back(back):
        sums.add_runs(islice(left, part.runs_before - added), part.files_before)
        added = part.runs_before
        for event in part.events(python):
            sums.add(event)
            if files is not None:
                files.add(event)
        sums.settle()
    sums.add_runs(left, 0)


class _HandedBack(NamedTuple):
    """Entries of a directory that the core leaves to Python, and what came before them."""

    runs_before: int
    files_before: int
    kind: str
    silent: int
    directory: str
    names: list[str]

    def events(self, python: Walk) -> Iterator[Event]:
        """Yield the events of these entries."""
        return python.handed_back(self.kind, self.directory, self.names, self.silent)


def _handed_back(back: _CoreList) -> Iterator[_HandedBack]:
    """Yield what the core handed back, in the order of the walk."""
    texts = iter(back.texts)
    for run, files_before, number, count in back.rows(4):
        silent = max(0, number - _TREE)
        directory = next(texts)
        names = [*islice(texts, count)]
        yield _HandedBack(run, files_before, _KINDS[number - silent], silent, directory, names)


def _folders(folders: _CoreList, names: _CoreList) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the directories that the core read, with their plain files."""
    known = dict[str, str]()  # many files have the same name
    names.texts[:] = map(known.setdefault, names.texts, names.texts)
    known.clear()
    sizes = names.numbers.tolist()
    start = 0
    for prefix, count in folders.rows(1, folders.texts):
        end = start + count
        yield prefix[:-1], dict(zip(names.texts[start:end], sizes[start:end], strict=True))
        start = end


def _runs(sizes: memoryview[int], runs: _CoreList) -> Iterator[Run]:
    """Yield runs of entries: their sizes, and the number of their packets."""
    start = 0
    for entries, packets in runs.rows(2):
        yield sizes[start : start + entries], packets
        start += entries


def _sums(rows: Iterator[tuple[K, int, int]]) -> dict[K, RunningSum]:
    """Return files and bytes by key; each thread of the core counted a part of a sum."""
    sums = defaultdict[K, RunningSum](RunningSum)
    for key, size, files in rows:
        sums[key].add(files, size)
    return sums
