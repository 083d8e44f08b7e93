"""The known sizes in a context at one time, and the files that keep them.

A baseline has only what is needed to find growth, in a fixed order, as it is committed. A report
has the directories down to a depth and the largest files; a listing has every file.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from heapq import nsmallest
from posixpath import dirname, join
from typing import Any, NamedTuple

from ctxsize.engine.evaluate import up_to
from ctxsize.engine.sent_files import FilesByDirectory, Sizes
from ctxsize.errors import InputError
from ctxsize.guard import fields
from ctxsize.guard.fields import number
from ctxsize.model import Amount, Measurement, Share
from ctxsize.reader import read_file
from ctxsize.values import Value

VERSION = 1
TOP = 200  # number of largest files to measure
DEPTH = 4  # number of levels of directories to measure
_PAIR = r"\[\n +([0-9]+),\n +([0-9]+)\n +\]"  # JSON escapes line feeds of names
NOT_SO = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # JSON of another shape
_EXPLAINED = 0.95  # share of a directory's change from which a single part of it is named


FileSizes = Mapping[str, int]  # bytes by path


class PathSize(NamedTuple):
    """The size of a path, and the most bytes that it can have if it is not listed.

    `(None, 0)` is a path that does not exist.
    """

    size: Amount | None
    most_bytes: int | None = 0  # None without a limit

    @property
    def content_bytes(self) -> int | None:
        """Return the bytes of a path that is listed."""
        if self.size is None:
            return None
        return self.size.content_bytes

    def least_growth(self, size: Amount) -> Amount:
        """Return the growth of this path to `size` at least; 0 if it may have been as large."""
        if self.size is not None:
            return size - self.size
        if self.most_bytes == 0:
            return size
        if self.most_bytes is None or self.most_bytes >= size.content_bytes:
            return Amount()
        return Amount(0, size.content_bytes - self.most_bytes)


class Known(Value):
    """The totals of a context, and its known directories and files."""

    content_bytes: int
    files: int
    directories: Mapping[str, Amount]  # sizes of whole directories, without the context itself
    largest_files: FileSizes
    depth: int | None = None  # number of levels that are known; None for all
    directories_from: int = 0  # most bytes of a directory that `directories` lacks
    files_from: int = 0  # most bytes of a file that `largest_files` lacks
    builder: str = ""  # the builder for which a baseline was measured
    transfer: Amount | None = None  # the transfer of a baseline; None if it was not known
    since: str = ""  # the commit that it is of; `""` for the baseline
    apart: Amount = Amount()  # what is sent now of `.git` and submodules, which no commit has
    compared: Known | None = None  # the files of the commit that are compared with `now`
    now: Known | None = None  # those that are sent now, without what is `apart`
    untracked: Share | None = None  # files among them that git does not track, by the largest

    def held(self, path: str, *, is_directory: bool) -> PathSize:
        """Return the size of a directory or file; a directory without files counts as absent."""
        if not is_directory:
            content_bytes = self.largest_files.get(path)
            if content_bytes is None:
                return PathSize(None, self.files_from)
            return PathSize(Amount(0, content_bytes))
        size = self.directories.get(path)
        if size is not None:
            return PathSize(size if size.files else None)
        if self.depth is None or path.count("/") < self.depth:
            return PathSize(None, self.directories_from)
        return PathSize(None, None)


NOTHING_KNOWN = Known(0, 0, {}, {})  # an empty context


def of_measurement(context: Measurement) -> Known:
    """Return the known sizes in `context`, which was measured with `DEPTH` and `TOP`."""
    files = {share.name: share.content_bytes for share in context.largest_files}
    nodes = [*context.tree.children]
    for node in nodes:
        nodes += node.children
    files_from = 0
    if len(files) >= TOP:
        files_from = min(files.values())
    return Known(
        content_bytes=context.totals.content_bytes,
        files=context.totals.files,
        directories={node.path: Amount.of(node) for node in nodes},
        largest_files=files,
        depth=DEPTH,
        files_from=files_from,
    )


def of_files(files: FileSizes) -> Known:
    """Return the sizes in a context with just these `files`."""
    sent = FilesByDirectory.of(files)
    counts = Counter[str]()
    totals = Counter[str]()
    content_bytes = 0
    for directory, sizes in sent.by_directory.items():
        count = len(sizes)
        total = sum(sizes.values())
        content_bytes += total
        if directory:
            for path in up_to(directory):
                counts[path] += count
                totals[path] += total
    return Known(
        content_bytes=content_bytes,
        files=len(sent),
        directories={path: Amount(counts[path], totals[path]) for path in counts},
        largest_files=sent,
    )


def above(path: str) -> list[str]:
    """Return the directories above `path`, except the context itself."""
    return up_to(path)[:-1]


def worth_keeping(known: Known, *, directories: int, files: int) -> Known:
    """Return only the largest of `known`, for a file that people read."""
    paths, directories_from = _largest(
        {path: size.content_bytes for path, size in known.directories.items()}, directories
    )
    largest_files, files_from = _largest(known.largest_files, files)
    return replace(
        known,
        directories={path: known.directories[path] for path in paths},
        directories_from=max(directories_from, known.directories_from),
        largest_files=largest_files,
        files_from=max(files_from, known.files_from),
    )


def _largest(sizes: FileSizes, count: int) -> tuple[dict[str, int], int]:
    """Return the largest by path, and the most bytes of any other."""
    paths = sorted(sizes, key=lambda path: (-sizes[path], path))
    largest = {path: sizes[path] for path in paths[:count]}
    others = (sizes[path] for path in paths[count:])
    return largest, next(others, 0)


Baseline = Mapping[str, Known]  # recorded contexts by name


def read(path: str) -> Baseline:
    """Read the baseline in the file `path`. Raises `InputError` if it is missing or invalid."""
    try:
        data = json.loads(read_file(path))
        if number(data["version"]) > VERSION:
            message = f"is a baseline of version {data['version']}, which this ctxsize cannot read"
            raise InputError(message, path=path, hint="use a newer ctxsize")
        return {fields.text(name): _known(shape) for name, shape in data["contexts"].items()}
    except FileNotFoundError:
        message = "no such baseline"
        hint = "write it with --update-baseline"
    except OSError as error:
        message = f"the baseline cannot be read: {error.strerror}"
        hint = None
    except NOT_SO as error:
        why = "a part is missing or unknown"
        if isinstance(error, ValueError):
            why = str(error)
        message = f"is no baseline: {why}"
        hint = "write a new one with --update-baseline"
    raise InputError(message, path=path, hint=hint)


def _known(shape: Any) -> Known:
    return Known(
        content_bytes=number(shape["content_bytes"]),
        files=number(shape["files"]),
        directories={
            fields.path(path): _amount(pair) for path, pair in fields.pairs_of(shape["directories"])
        },
        largest_files=fields.sizes(fields.pairs_of(shape["largest_files"])),
        depth=fields.optional(shape.get("depth"), number),
        directories_from=number(shape["directories_from"]),
        files_from=number(shape["files_from"]),
        builder=fields.text(shape["builder"]),
        transfer=fields.optional(shape.get("transfer"), _amount),
    )


def _amount(pair: Any) -> Amount:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("a value is no pair of bytes and files")
    content_bytes, files = map(number, pair)
    return Amount(files, content_bytes)


def text(baseline: Baseline) -> str:
    """Return `baseline` as text, with a line for each directory and file."""
    shape = json.dumps(
        {
            "version": VERSION,
            "contexts": {name: _shape(baseline[name]) for name in sorted(baseline)},
        },
        indent=2,
    )
    return re.sub(_PAIR, r"[\1, \2]", shape) + "\n"


def _shape(known: Known) -> dict[str, Any]:
    return {
        "builder": known.builder,
        "content_bytes": known.content_bytes,
        "files": known.files,
        "transfer": known.transfer and known.transfer.bytes_and_files,
        "depth": known.depth,
        "directories_from": known.directories_from,
        "directories": {
            path: size.bytes_and_files for path, size in sorted(known.directories.items())
        },
        "files_from": known.files_from,
        "largest_files": dict(sorted(known.largest_files.items())),
    }


class SizeChange(Value):
    """A change of a directory or a file."""

    path: str
    what: str  # `added`, `removed`, `grew` or `shrank`
    before_bytes: int | None  # None if it was absent, or too small to be listed
    after_bytes: int | None
    delta_bytes: int  # the change, or if not `exact` its minimum: it may have existed unlisted
    delta_files: int = 0  # the change of the number of files in a directory
    exact: bool = True
    is_directory: bool = False


RankedChanges = tuple[SizeChange, ...]  # the greatest first


class _Part(NamedTuple):
    """A part of a context that changed, in the order of what it changed."""

    negative_weight: int
    negative_bytes: int
    negative_files: int
    path: str
    is_file: bool


class _Direction(Value):
    """The direction of a change: growth, or for -1 its opposite, in bytes or in files."""

    sign: int
    by_files: bool

    def part(self, path: str, delta: Amount, *, is_file: bool) -> _Part:
        """Return a part with its weight."""
        weight = delta.content_bytes
        if self.by_files:
            weight = delta.files
            if is_file:
                weight = int("/" not in path)
        return _Part(
            negative_weight=-self.sign * weight,
            negative_bytes=-abs(delta.content_bytes),
            negative_files=-abs(delta.files),
            path=path,
            is_file=is_file,
        )


class SizeChanges(Value):
    """All known changes between two times. Lists are made when asked for, the greatest first."""

    before: Known
    after: Known

    @cached_property
    def directories(self) -> RankedChanges:
        """Return those directories that change by more than one of theirs."""
        return self._in_order(self._directories, is_directory=True)

    @cached_property
    def files(self) -> RankedChanges:
        """Return the files that changed."""
        return self._in_order(FilesByDirectory(self._files), is_directory=False)

    @property
    def changed_files(self) -> int:
        """Return the number of files that changed."""
        return len(FilesByDirectory(self._files))

    def parts(
        self, sign: int = 1, *, by_files: bool = False, most: int | None = None
    ) -> RankedChanges:
        """Return the parts that grew, or for -1 shrank, the greatest first; none contains another.

        Each is as deep as a single part has nearly all of its change.
        """
        direction = _Direction(sign, by_files)
        parts = []
        for part in self._inside("", direction):
            while not part.is_file:
                largest = min(self._inside(part.path, direction), default=None)
                if largest is None:
                    break
                if largest.negative_weight > _EXPLAINED * part.negative_weight:
                    break
                part = largest
            parts.append(part)
        if most is None:
            parts.sort()
        else:
            parts = nsmallest(most, parts)
        return tuple(self._change(part.path, is_directory=not part.is_file) for part in parts)

    def _inside(self, part: str, direction: _Direction) -> Iterator[_Part]:
        """Yield the outermost parts of a directory that changed in a direction."""
        pending = [part]
        while pending:
            directory = pending.pop()
            prefix = join(directory, "")
            for name, content_bytes in self._files.get(directory, {}).items():
                file = direction.part(prefix + name, Amount(0, content_bytes), is_file=True)
                if file.negative_weight < 0:
                    yield file
            for path in self._subdirectories.get(directory, ()):
                below = direction.part(path, self._directories.get(path, Amount()), is_file=False)
                if below.negative_weight < 0:
                    yield below
                else:
                    pending.append(path)

    @cached_property
    def _directories(self) -> dict[str, Amount]:
        """Return the changes of `directories`."""
        old = self.before.directories
        new = self.after.directories
        deltas = {}
        for path in {**old, **new}:
            if old.get(path) != new.get(path):
                delta = self._delta(path, is_directory=True)
                if delta is not None:
                    deltas[path] = delta
        # Omit a directory whose change is that of a directory in it.
        explained = {(dirname(path), delta) for path, delta in deltas.items()}
        return {path: delta for path, delta in deltas.items() if (path, delta) not in explained}

    @cached_property
    def _files(self) -> dict[str, Sizes]:
        """Return the changed bytes of files by directory."""
        before = FilesByDirectory.of(self.before.largest_files).by_directory
        after = FilesByDirectory.of(self.after.largest_files).by_directory
        by_directory = {}
        for directory in {**before, **after}:
            old = before.get(directory, {})
            new = after.get(directory, {})
            if old is new or old == new:
                continue
            if not old and not self.before.files_from:
                by_directory[directory] = new  # all of it was added
                continue
            prefix = join(directory, "")
            deltas = {}
            for name in {**old, **new}:
                if old.get(name) != new.get(name):
                    delta = self._delta(prefix + name, is_directory=False)
                    if delta is not None:
                        deltas[name] = delta.content_bytes
            if deltas:
                by_directory[directory] = deltas
        return by_directory

    @cached_property
    def _subdirectories(self) -> dict[str, list[str]]:
        """Return the directories with changes by the one that they are in."""
        seen = {""}
        inside = defaultdict(list)
        for path in (*self._directories, *self._files):
            while path not in seen:
                seen.add(path)
                above = dirname(path)
                inside[above].append(path)
                path = above
        return inside

    def _delta(self, path: str, *, is_directory: bool) -> Amount | None:
        """Return the change of a path; None if it may be the same."""
        was = self.before.held(path, is_directory=is_directory)
        now = self.after.held(path, is_directory=is_directory)
        if now.size is not None:
            delta = was.least_growth(now.size)
        elif was.size is not None:
            delta = Amount() - now.least_growth(was.size)
        else:
            return None
        is_new_or_gone = was.size is None or now.size is None
        is_exact = was.most_bytes == now.most_bytes == 0
        if any(delta) or (is_exact and is_new_or_gone):
            return delta
        return None

    def _in_order(self, paths: Iterable[str], *, is_directory: bool) -> RankedChanges:
        changes = (self._change(path, is_directory=is_directory) for path in paths)
        return tuple(sorted(changes, key=_order))

    def _change(self, path: str, *, is_directory: bool) -> SizeChange:
        """Return the change of a path that changed."""
        was = self.before.held(path, is_directory=is_directory)
        now = self.after.held(path, is_directory=is_directory)
        delta = self._delta(path, is_directory=is_directory) or Amount()
        is_exact = was.most_bytes == now.most_bytes == 0
        what = "shrank"
        if is_exact and was.size is None:
            what = "added"
        elif is_exact and now.size is None:
            what = "removed"
        elif delta.bytes_and_files > (0, 0):
            what = "grew"
        return SizeChange(
            path=path,
            what=what,
            before_bytes=was.content_bytes,
            after_bytes=now.content_bytes,
            delta_bytes=delta.content_bytes,
            delta_files=delta.files,
            exact=is_exact,
            is_directory=is_directory,
        )


def _order(change: SizeChange) -> tuple[int, int, str]:
    return -abs(change.delta_bytes), -abs(change.delta_files), change.path
