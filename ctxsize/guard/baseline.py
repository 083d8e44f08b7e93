"""Read and write the baseline file, and read saved reports.

A baseline is committed. So it has a fixed order, with a directory or a file on each line, and
only what is needed to find growth. A report has the directories down to a depth and the
largest files; a listing has every file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ctxsize.errors import InputError
from ctxsize.guard.known import Known, of_files
from ctxsize.model import Amount
from ctxsize.reader import read_file

VERSION = 1
DIRECTORIES, FILES = 60, 20
"""Numbers of the largest directories and files that a baseline keeps."""
DEPTH = 4
_PAIR = re.compile(r"\[\n +([0-9]+),\n +([0-9]+)\n +\]")
"""A list of two numbers. Names cannot match, as JSON escapes line feeds."""
_HINT = "correct it, or remove it and write a new one with --update-baseline"
_MOST_BYTES = 1 << 30
"""Number of bytes of the largest report; a listing has a line for every file."""
_HOW_TO_SAVE = (
    "save one with ctxsize measure --format json=FILE, or with all files: "
    "ctxsize ls --format json > FILE"
)


Baseline = Mapping[str, Known]
"""Recorded contexts by name."""


def read(path: str) -> Baseline:
    """Read the baseline in the file `path`. Raises `InputError` if it is missing or invalid."""
    try:
        return _baseline(json.loads(read_file(path)), path)
    except FileNotFoundError:
        raise InputError(
            "no such baseline", path=path, hint="write it with --update-baseline"
        ) from None
    except OSError as error:
        raise InputError(f"the baseline cannot be read: {error.strerror}", path=path) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no baseline: {error}", path=path, hint=_HINT) from None


def _baseline(data: Any, path: str) -> Baseline:
    """Parse a baseline. Raises `ValueError` if it is invalid."""
    _must(isinstance(data, dict), "must be an object")
    version, contexts = data.get("version"), data.get("contexts")
    if isinstance(version, int) and version > VERSION:
        message = f"is a baseline of version {version}, which this ctxsize does not support"
        raise InputError(message, path=path, hint="use a newer ctxsize")
    _must(version == VERSION and type(version) is int, "lacks its version")
    _must(isinstance(contexts, dict), "lacks its contexts")
    return {name: _entry(name, each) for name, each in contexts.items()}


def _entry(name: str, data: Any) -> Known:
    _must(isinstance(data, dict), f"{name!r} must be an object")
    for key, kind in (("directories", dict), ("largest_files", dict), ("builder", str)):
        _must(isinstance(data.get(key), kind), f"{name!r} lacks its {key.replace('_', ' ')}")
    transfer, depth = data.get("transfer"), data.get("depth")
    return Known(
        _number(name, data.get("content_bytes")),
        _number(name, data.get("files")),
        {path: _amount(name, each) for path, each in data["directories"].items()},
        {path: _number(name, each) for path, each in data["largest_files"].items()},
        depth=None if depth is None else _number(name, depth),
        directories_from=_number(name, data.get("directories_from")),
        files_from=_number(name, data.get("files_from")),
        builder=data["builder"],
        transfer=None if transfer is None else _amount(name, transfer),
    )


def _amount(name: str, data: Any) -> Amount:
    is_pair = isinstance(data, list) and len(data) == 2
    _must(is_pair, f"{name!r} has {data!r} instead of bytes and files")
    content_bytes, files = (_number(name, each) for each in data)
    return Amount(files, content_bytes)


def _number(name: str, data: Any) -> int:
    is_number = type(data) is int and data >= 0
    _must(is_number, f"{name!r} has {data!r} instead of a number")
    return int(data)


def _must(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def text(baseline: Baseline) -> str:
    """Return `baseline` as text, with a line for each directory and file."""
    contexts = {name: _shape(baseline[name]) for name in sorted(baseline)}
    shape = json.dumps({"version": VERSION, "contexts": contexts}, indent=2)
    return _PAIR.sub(r"[\1, \2]", shape) + "\n"


def _shape(known: Known) -> dict[str, Any]:
    return {
        "builder": known.builder,
        "content_bytes": known.content_bytes,
        "files": known.files,
        "transfer": None if known.transfer is None else _pair(known.transfer),
        "depth": known.depth,
        "directories_from": known.directories_from,
        "directories": {path: _pair(known.directories[path]) for path in sorted(known.directories)},
        "files_from": known.files_from,
        "largest_files": {path: known.largest_files[path] for path in sorted(known.largest_files)},
    }


def _pair(amount: Amount) -> list[int]:
    return [amount.content_bytes, amount.files]


def read_report(path: str, name: str | None = None) -> Known:
    """Read the saved report in the file `path`.

    `name` chooses a context of a baseline or of the report of a check.
    Raises `InputError` if it is missing or invalid.
    """
    try:
        data = read_file(path, _MOST_BYTES)
    except OSError as error:
        message = f"the report cannot be read: {error.strerror}"
        raise InputError(message, path=path, hint=_HOW_TO_SAVE) from None
    try:
        return _known([*_shapes(data.decode("utf-8"))], path, name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError("is no saved report", path=path, hint=_HOW_TO_SAVE) from None


def _shapes(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value


def _known(shapes: list[Any], path: str, name: str | None) -> Known:
    first = shapes[0] if shapes else {}
    if not shapes or "kind" in first:
        return _of_listing(shapes)
    if "context" in first:
        return _of_report(first)
    if isinstance(first.get("checks"), list):
        checks = {each["name"]: each["report"] for each in first["checks"]}
        return _of_report(_one(checks, path, name))
    if "contexts" not in first:
        raise ValueError
    entry: Known = _one(read(path), path, name)
    return entry


def _one(found: Any, path: str, name: str | None) -> Any:
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name is None or name not in found:
        wrong = "has several contexts" if name is None else f"has no context {name}"
        raise InputError(
            wrong, path=path, hint=f"add --name with one of {', '.join(sorted(found))}"
        )
    return found[name]


def _of_listing(shapes: list[Any]) -> Known:
    if not all(set(each) >= {"path", "kind", "ignored", "content_bytes"} for each in shapes):
        raise ValueError
    return of_files(
        (str(each["path"]), int(each["content_bytes"]))
        for each in shapes
        if each["kind"] not in ("directory", "symlink") and not each["ignored"]
    )


def _of_report(shape: Any) -> Known:
    context = shape["context"]
    directories = {
        str(each["path"]): Amount(int(each["files"]), int(each["content_bytes"]))
        for each in context["tree"]
        if each["path"]
    }
    files = {str(each["path"]): int(each["content_bytes"]) for each in context["largest_files"]}
    size = int(context["content_bytes"])
    if len(files) == int(context["files"]) and sum(files.values()) == size:
        return of_files(files.items())
    return Known(
        size,
        int(context["files"]),
        directories,
        files,
        # The deepest level may be where the tree was cut.
        depth=max((path.count("/") + 1 for path in directories), default=0),
        files_from=0 if sum(files.values()) >= size else min(files.values(), default=0),
    )
