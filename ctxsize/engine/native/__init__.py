"""The same sums, faster: a walk in C over what Python says that patterns mean.

The core counts what is plain. What it does not judge (links, odd modes, attributes, what
cannot be read, patterns about whole paths) it hands back by name, in the order of the walk,
and the Python walk looks at it. So the sums are the same; where the core is missing, or an
answer needs more than sums, the Python walk does it all.
"""

from __future__ import annotations

import os
import stat
import sys
from array import array
from collections.abc import Iterator
from importlib import import_module
from struct import pack
from types import ModuleType
from typing import Any, NamedTuple

from ctxsize.engine import directories
from ctxsize.engine.automaton import Program
from ctxsize.engine.builders import Builder
from ctxsize.engine.directories import GITIGNORE
from ctxsize.engine.events import Progress
from ctxsize.engine.request import Request
from ctxsize.engine.segments import Segment
from ctxsize.engine.sums import CoreSums, WalkSums
from ctxsize.engine.walk import Walk

_MOST_SEGMENTS = 4096
_MOST_LARGEST = 1000
"""Number of the largest files that the core keeps, which it moves one by one."""
_MOST_THREADS = 8
_READS_ATTRIBUTES, _REFUSES, _NO_SOCKETS, _SENDS_PARENTS = 1, 2, 4, 8
_METERS = {None: 0, "buildkit": 1, "tar": 2}
_MARK, _SECRET, _FOLDER, _END_MARK, _END_SECRET, _ENDING_SHIFT = 1, 2, 4, 8, 16, 8
_END, _BYTE, _RUNE, _STAR, _CLASS = range(5)
_CORE: list[ModuleType | None] = []
"""The core once it was looked for."""


def core() -> ModuleType | None:
    """Return the compiled core, None where it was not built or is not wanted."""
    if not _CORE:
        _CORE.append(_loaded())
    return _CORE[0] if os.environ.get("CTXSIZE_NATIVE") != "0" else None


def _loaded() -> ModuleType | None:
    path = os.environ.get("CTXSIZE_NATIVE_CORE")
    if sys.byteorder != "little":  # as the words of the tables are
        return None
    try:
        if not path:
            return import_module("ctxsize.engine.native._core")
        from importlib.util import module_from_spec, spec_from_file_location

        spec = spec_from_file_location("ctxsize.engine.native._core", path)
        if spec is None or spec.loader is None:
            return None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except ImportError:
        return None


class _Patterns(NamedTuple):
    """Patterns as the core takes them."""

    masks: tuple[bytes, ...]
    after: bytes
    owner: bytes
    exceptional: bytes
    tokens: bytes
    first: bytes
    classes: bytes


def add_all(
    request: Request, sums: WalkSums, threads: int, progress: Progress | None
) -> Walk | None:
    """Add all that is sent to `sums`; return what walked, None if the core cannot.

    Raises what `Walk` raises.
    """
    module = core()
    python = Walk(request)
    if module is None or python.by_inode or not request.spec.remembers_parents:
        return None
    if any(pattern.fault or "\0" in pattern.text for pattern in request.spec.patterns):
        return None
    if sums.top > _MOST_LARGEST or sys.getfilesystemencoding() != "utf-8":
        return None
    program = Program(request.spec.patterns)
    if len(program.owner) > _MOST_SEGMENTS or program.start & program.whole_paths:
        return None
    found = _walked(module, python, request, sums.top, program, threads, progress)
    if found is None:
        return None
    try:
        _take(found, python, request, sums)
    finally:
        python.close()
    if progress is not None:
        progress(sums.entries, sums.content_bytes)
    return python


def _walked(
    module: Any,
    python: Walk,
    request: Request,
    top: int,
    program: Program,
    threads: int,
    progress: Progress | None,
) -> tuple[Any, ...] | None:
    """Return what the core found. What cannot be judged below what is ignored is left to Python."""
    reach = request.spec.reach
    handed: set[bytes] = set()
    while True:
        try:
            found = module.add_up(
                os.fsencode(request.root.rstrip("/") + "/"),
                threads or min(_MOST_THREADS, len(os.sched_getaffinity(0))),
                _options(request.builder, python),
                _METERS[request.builder.meter],
                top,
                python.longest_path,
                *_tables(program, len(request.spec.patterns)),
                None if reach is None else [*map(os.fsencode, reach)],
                _TELLING,
                directories.SECRET_START.encode(),
                sorted(handed),
                progress,
            )
        except OSError:
            return None
        if isinstance(found, tuple):
            return found
        handed.update(found)


def _options(builder: Builder, python: Walk) -> int:
    return (
        _READS_ATTRIBUTES * python.reads_xattrs
        | _REFUSES * builder.refuses_to_open
        | _NO_SOCKETS * (not builder.sends_sockets)
        | _SENDS_PARENTS * builder.sends_ignored_parents
    )


def _telling() -> list[tuple[bytes, int]]:
    """Return the names and the ends of names that tell something, and what."""
    tells: dict[str, int] = {}
    kinds = (
        (directories.MARKERS, _MARK),
        (directories.SECRET_NAMES, _SECRET),
        (directories.FOLDERS, _FOLDER),
        (directories.SECRET_ENDS, _END_SECRET),
    )
    for names, kind in kinds:
        for name in names:
            tells[name] = tells.get(name, 0) | kind
    for number, end in enumerate(sorted(directories.MARKER_ENDS)):
        tells[end] = tells.get(end, 0) | _END_MARK | number << _ENDING_SHIFT
    return [(name.encode(), kinds_) for name, kinds_ in tells.items()]


_TELLING = _telling()


# What patterns mean.


def _tables(program: Program, patterns: int) -> _Patterns:
    bits = len(program.owner)
    words = (bits + 63) // 64
    size = 8 * words
    kept = (1 << 8 * size) - 1
    masks = (
        *(program.start, program.final, program.loop, program.advance),
        *(program.exceptions, program.whole_paths),
    )
    tokens: list[tuple[int, int]] = []
    first: list[int] = []
    classes: dict[bytes, int] = {}
    for bit, part in enumerate(program.parts):
        if part.kind != "path":  # the core never gets there
            first.append(len(tokens))
            tokens += [*_tokens(part, classes), (_END, bit)]
    after = [len(f"{-program.after(index):b}") - 1 for index in range(patterns)]
    return _Patterns(
        tuple((mask & kept).to_bytes(size, "little") for mask in masks),
        array("i", after).tobytes(),
        array("i", program.owner).tobytes(),
        bytes(program.exceptional),
        b"".join(pack("ii", *each) for each in tokens),
        array("i", first).tobytes(),
        b"".join(classes),
    )


def _tokens(part: Segment, classes: dict[bytes, int]) -> list[tuple[int, int]]:
    """Return a segment byte by byte; classes of characters are numbered as they come."""
    if part.kind == "regexp":
        return [*_of_glob(part.glob, classes)]
    text = [(_BYTE, byte) for byte in os.fsencode(part.text)]
    before = [(_STAR, 0)] if part.kind in ("suffix", "any", "below") else []
    behind = [(_STAR, 0)] if part.kind in ("prefix", "opening") else []
    return [*before, *text, *behind]


def _of_glob(glob: str, classes: dict[bytes, int]) -> Iterator[tuple[int, int]]:
    """Yield the tokens of a name with wildcards, whose classes hold nothing but ASCII."""
    at = 0
    while at < len(glob):
        char = glob[at]
        if char == "[":
            end = glob.index("]", at)
            flags = _members(glob[at + 1 : end])
            yield _CLASS, classes.setdefault(flags, len(classes))
            at = end
        elif char in "*?":
            yield (_STAR, 0) if char == "*" else (_RUNE, 0)
        else:
            for byte in os.fsencode(char):
                yield _BYTE, byte
        at += 1


def _members(body: str) -> bytes:
    """Return for each byte whether it is in the class that is written `[body]`."""
    members: set[int] = set()
    at = 0
    while at < len(body):
        last = body[at + 2] if body[at + 1 : at + 2] == "-" else body[at]
        members.update(range(ord(body[at]), ord(last) + 1))
        at += 3 if body[at + 1 : at + 2] == "-" else 1
    return bytes(byte in members for byte in range(256))


# What comes back.


def _take(found: tuple[Any, ...], python: Walk, request: Request, sums: WalkSums) -> None:
    """Add what the core found to `sums`, and in between, in order, what it handed back."""
    totals, direct, endings, by_pattern, largest, marks, folders, secrets, column, cut, odd = found
    prefixes, content_bytes, files = direct
    if _ignores_gitignore(request):
        marks.setdefault(GITIGNORE, []).append("")
    pairs = list(zip(content_bytes, files, strict=True))
    sums.add_found(
        CoreSums(
            *(totals[:6], totals[6], totals[7], prefixes, pairs),
            *(endings, by_pattern, largest, marks, folders, secrets),
        )
    )
    sizes, runs = memoryview(column), memoryview(cut)
    at = entries = 0
    for run, before, kind, directory, names in (*odd, (len(runs) // 16, 0, "", "", ())):
        part = runs[16 * at : 16 * run]
        last = entries + 8 * sum(part.cast("q")[::2])
        sums.add_runs(sizes[entries:last], part)
        at, entries = run, last
        if kind:
            sums.stand_at(before)
            for event in python.handed_back(kind, directory, names):
                sums.add(event)
            sums.settle()


def _ignores_gitignore(request: Request) -> bool:
    """Return whether the context has a `.gitignore` at its top that is not sent."""
    if not request.spec.match_file(GITIGNORE):
        return False
    try:
        return not stat.S_ISDIR(os.lstat(os.path.join(request.root, GITIGNORE)).st_mode)
    except OSError:
        return False
