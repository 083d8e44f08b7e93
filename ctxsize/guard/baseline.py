"""The known sizes in a context at one time, and the files that keep them.

A baseline has only what is needed to find growth, in a fixed order, as it is committed. A report
has the directories down to a depth and the largest files; a listing has every file.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from ctxsize.errors import InputError
from ctxsize.guard import fields
from ctxsize.model import Amount, Measurement
from ctxsize.reader import read_file

VERSION = 1
TOP, DEPTH = 200, 4  # numbers of largest files and of levels of directories to measure
_PAIR = re.compile(r"\[\n +([0-9]+),\n +([0-9]+)\n +\]")  # JSON escapes line feeds of names
NOT_SO = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # JSON of another shape
_EXPLAINED = 0.95  # share of a directory's change from which a single part of it is named
Held = tuple[Amount | None, int | None]
"""The size of a path, and the most bytes that it can have if it is not listed.

`(None, 0)` is a path that does not exist; the second is None if there is no such limit.
"""


@dataclass(frozen=True)
class Known:
    """The totals of a context, and its known directories and files."""

    content_bytes: int
    files: int
    directories: Mapping[str, Amount]  # sizes of whole directories, without the context itself
    largest_files: Mapping[str, int]
    depth: int | None = None  # number of levels that are known; None for all
    directories_from: int = 0  # most bytes of a directory that `directories` lacks
    files_from: int = 0  # most bytes of a file that `largest_files` lacks
    builder: str = ""  # the builder for which a baseline was measured
    transfer: Amount | None = None  # the transfer of a baseline; None if it was not known

    def held(self, path: str, *, is_directory: bool) -> Held:
        """Return the size of a directory or file; a directory without files counts as absent."""
        if not is_directory:
            size = self.largest_files.get(path)
            if size is None:
                return (None, self.files_from)
            return (Amount(0, size), 0)
        if (held := self.directories.get(path)) is not None:
            return (held if held.files else None), 0
        is_shallow = self.depth is None or path.count("/") < self.depth
        return None, self.directories_from if is_shallow else None


def of_measurement(context: Measurement) -> Known:
    """Return the known sizes in `context`, which was measured with `DEPTH` and `TOP`."""
    files = {each.name: each.content_bytes for each in context.largest_files}
    every = [*context.tree.children]
    for node in every:
        every += node.children
    directories = {each.path: Amount.of(each) for each in every}
    if len(files) >= TOP:
        least = min(files.values())
    else:
        least = 0
    totals = context.totals
    return Known(totals.content_bytes, totals.files, directories, files, DEPTH, files_from=least)


def of_files(files: Iterable[tuple[str, int]]) -> Known:
    """Return the sizes in a context with just these `files`, each with its bytes."""
    sizes = dict(files)
    counts = Counter[str]()
    totals = Counter[str]()
    for path, size in sizes.items():
        for directory in above(path):
            counts[directory] += 1
            totals[directory] += size
    directories = {path: Amount(counts[path], totals[path]) for path in counts}
    return Known(sum(sizes.values()), len(sizes), directories, sizes)


def above(path: str) -> list[str]:
    """Return the directories above `path`, except the context itself."""
    return [*accumulate(path.split("/")[:-1], "{}/{}".format)]


def worth_keeping(known: Known, *, directories: int, files: int) -> Known:
    """Return only the largest of `known`, for a file that people read."""
    sizes = {path: held.content_bytes for path, held in known.directories.items()}
    kept, most = _largest(sizes, directories)
    whole = {path: known.directories[path] for path in kept}
    known = replace(known, directories=whole, directories_from=max(most, known.directories_from))
    largest, most = _largest(known.largest_files, files)
    return replace(known, largest_files=largest, files_from=max(most, known.files_from))


def _largest(sizes: Mapping[str, int], count: int) -> tuple[dict[str, int], int]:
    """Return the largest by path, and the most bytes of any other."""
    ordered = sorted(sizes.items(), key=lambda each: (-each[1], each[0]))
    return dict(ordered[:count]), ordered[count][1] if len(ordered) > count else 0


Baseline = Mapping[str, Known]  # recorded contexts by name


def read(path: str) -> Baseline:
    """Read the baseline in the file `path`. Raises `InputError` if it is missing or invalid."""
    try:
        data = json.loads(read_file(path))
        if fields.number(data["version"]) > VERSION:
            message = f"is a baseline of version {data['version']}, which this ctxsize cannot read"
            raise InputError(message, path=path, hint="use a newer ctxsize")
        return {fields.text(name): _entry(each) for name, each in data["contexts"].items()}
    except FileNotFoundError:
        message = "no such baseline"
        hint = "write it with --update-baseline"
    except OSError as error:
        message = f"the baseline cannot be read: {error.strerror}"
        hint = None
    except NOT_SO as error:
        if isinstance(error, ValueError):
            why = str(error)
        else:
            why = "a part is missing or unknown"
        message = f"is no baseline: {why}"
        hint = "write a new one with --update-baseline"
    raise InputError(message, path=path, hint=hint)


def _entry(data: Any) -> Known:
    depth = data.get("depth")
    transfer = data.get("transfer")
    directories = fields.pairs_of(data["directories"])
    return Known(
        fields.number(data["content_bytes"]),
        fields.number(data["files"]),
        {fields.path(path): _amount(each) for path, each in directories},
        fields.sizes(fields.pairs_of(data["largest_files"])),
        None if depth is None else fields.number(depth),
        fields.number(data["directories_from"]),
        fields.number(data["files_from"]),
        fields.text(data["builder"]),
        None if transfer is None else _amount(transfer),
    )


def _amount(pair: Any) -> Amount:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("a value is no pair of bytes and files")
    content_bytes, files = map(fields.number, pair)
    return Amount(files, content_bytes)


def text(baseline: Baseline) -> str:
    """Return `baseline` as text, with a line for each directory and file."""
    contexts = {name: _shape(baseline[name]) for name in sorted(baseline)}
    shape = json.dumps({"version": VERSION, "contexts": contexts}, indent=2)
    return _PAIR.sub(r"[\1, \2]", shape) + "\n"


def _shape(known: Known) -> dict[str, Any]:
    amounts = {path: each[::-1] for path, each in sorted(known.directories.items())}
    return {
        "builder": known.builder,
        "content_bytes": known.content_bytes,
        "files": known.files,
        "transfer": known.transfer and known.transfer[::-1],
        "depth": known.depth,
        "directories_from": known.directories_from,
        "directories": amounts,
        "files_from": known.files_from,
        "largest_files": dict(sorted(known.largest_files.items())),
    }


@dataclass(frozen=True)
class SizeChange:
    """A change of a directory or a file."""

    path: str
    what: str  # `added`, `removed`, `grew` or `shrank`
    before_bytes: int | None  # None if it was absent, or too small to be listed
    after_bytes: int | None
    delta_bytes: int  # the change, or if not `exact` its minimum: it may have existed unlisted
    delta_files: int = 0  # the change of the number of files in a directory
    exact: bool = True
    is_directory: bool = False


@dataclass(frozen=True)
class SizeChanges:
    """All known changes, the greatest first."""

    directories: tuple[SizeChange, ...] = ()  # those that change by more than one of theirs
    files: tuple[SizeChange, ...] = ()

    def parts(self, sign: int = 1, *, by_files: bool = False) -> tuple[SizeChange, ...]:
        """Return the parts that grew, or for -1 shrank, the greatest first; none contains another.

        Each is as deep as a single part has nearly all of its change.
        """

        def weight(each: SizeChange) -> int:
            if each.is_directory:
                files = each.delta_files
            else:
                files = int("/" not in each.path)
            return sign * (files if by_files else each.delta_bytes)

        def order(each: SizeChange) -> tuple[int, int, int, str]:
            return -weight(each), *_order(each)

        found = [each for each in (*self.directories, *self.files) if weight(each) > 0]
        directories = {each.path for each in found if each.is_directory}
        inside = defaultdict[str, list[SizeChange]](list)
        for each in found:
            around = [path for path in above(each.path) if path in directories]
            inside[around[-1] if around else ""].append(each)
        parts = []
        for part in inside[""]:
            while most := min(inside.get(part.path, ()), key=order, default=None):
                if weight(most) < _EXPLAINED * weight(part):
                    break
                part = most
            parts.append(part)
        return tuple(sorted(parts, key=order))


def between(before: Known, after: Known) -> SizeChanges:
    """Return what changed from `before` to `after`."""

    def changes(paths: Iterable[str], *, is_directory: bool) -> list[SizeChange]:
        found = (_change(path, before, after, is_directory) for path in paths)
        return sorted(filter(None, found), key=_order)

    directories = changes({**before.directories, **after.directories}, is_directory=True)
    files = changes({**before.largest_files, **after.largest_files}, is_directory=False)
    # Omit a directory whose change is that of a directory in it.
    inner = {(e.path.rpartition("/")[0], e.delta_bytes, e.delta_files) for e in directories}
    deepest = (e for e in directories if (e.path, e.delta_bytes, e.delta_files) not in inner)
    return SizeChanges(tuple(deepest), tuple(files))


def _change(path: str, before: Known, after: Known, is_directory: bool) -> SizeChange | None:
    was, most_before = before.held(path, is_directory=is_directory)
    now, most_after = after.held(path, is_directory=is_directory)
    exact = True
    if was is not None and now is not None:
        delta = now - was
        if not any(delta):
            return None
    else:
        if was is None:
            held = now
            most = most_before
        else:
            held = was
            most = most_after
        if held is None or most is None or (most and held.content_bytes <= most):
            return None  # it may be what it was
        exact = most == 0
        delta = Amount(held.files if exact else 0, held.content_bytes - most)
        if was is None:
            delta = delta
        else:
            delta = Amount() - delta
    if (delta.content_bytes, delta.files) > (0, 0):
        what = "grew"
    else:
        what = "shrank"
    if exact:
        if was is None:
            what = "added"
        elif now is None:
            what = "removed"
        else:
            what = what
    old, new = (None if each is None else each.content_bytes for each in (was, now))
    return SizeChange(path, what, old, new, *delta[::-1], exact, is_directory)


def _order(change: SizeChange) -> tuple[int, int, str]:
    return -abs(change.delta_bytes), -abs(change.delta_files), change.path
