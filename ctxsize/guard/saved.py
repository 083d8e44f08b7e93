"""Saved reports, read back for a comparison.

A report holds the directories down to a depth and the largest files; a listing
(`ctxsize ls --format json`) holds every file. Each is taken for what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ctxsize.errors import InputError
from ctxsize.guard import baseline as baselines
from ctxsize.guard.known import Known, of_files
from ctxsize.model import Amount
from ctxsize.reader import read_file

_MOST_BYTES = 1 << 30
"""Number of bytes of the largest report: a listing has a line for every file."""
_HINT = (
    "save one with ctxsize measure --format json=FILE, or with all files: "
    "ctxsize ls --format json > FILE"
)


def read(path: str, name: str | None = None) -> Known:
    """Return what the saved report in the file `path` knows.

    `name` chooses one of the contexts of a baseline or of the report of a check.
    Raises `InputError` if it is not there or is none.
    """
    try:
        data = read_file(path, _MOST_BYTES)
    except OSError as error:
        message = f"the report cannot be read: {error.strerror}"
        raise InputError(message, path=path, hint=_HINT) from None
    try:
        shapes = list(_shapes(data.decode("utf-8")))
        return _known(shapes, path, name)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError("is no saved report", path=path, hint=_HINT) from None


def _shapes(text: str) -> Iterator[Any]:
    """Yield the JSON values in `text`: one, or one a line."""
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
    entry: baselines.BaselineEntry = _one(baselines.read(path), path, name)
    return entry.context


def _one(found: Any, path: str, name: str | None) -> Any:
    """Return the context `name` of several, or the only one."""
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name is None or name not in found:
        wrong = "holds several contexts" if name is None else f"holds no context {name}"
        raise InputError(wrong, path=path, hint=f"--name with one of {', '.join(sorted(found))}")
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
        # Where the tree ends may be where it was cut.
        depth=max((path.count("/") + 1 for path in directories), default=0),
        files_from=0 if sum(files.values()) >= size else min(files.values(), default=0),
    )
