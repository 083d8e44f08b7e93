"""Reports of `scan --format json` about many repositories, joined into one scan.

A report may come from anywhere: it is checked against the schema before anything of it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ctxsize.build import Build
from ctxsize.errors import InputError
from ctxsize.findings import Location
from ctxsize.guard import fields
from ctxsize.model import Amount, Effect, Problem
from ctxsize.reader import read_file
from ctxsize.repository import FoundBuild, Place
from ctxsize.scanning import Row, Scan
from ctxsize.version import __version__

_TYPES = {dict: "object", list: "array", str: "string", int: "integer", bool: "boolean"}


def merge(paths: Sequence[str], schema: Any) -> Scan:
    """Return the builds of the reports in the files `paths`, which follow `schema`.

    Each path begins with the name of its report. Raises `InputError` with the file and the key
    that is wrong.
    """
    unique = {os.path.realpath(path): path for path in paths}
    reports = {path: _report(path, schema) for path in unique.values()}
    stems = [os.path.basename(path).removesuffix(".json") for path in reports]
    rows = list[Row]()
    problems = list[Problem]()
    for stem, (path, report) in zip(stems, reports.items(), strict=True):
        if stems.count(stem) == 1:
            name = stem
        else:
            name = path.removesuffix(".json")
        rows += [_row(name, each) for each in report["builds"]]
        if report["lower_bound"]:
            message = "the sizes of this report are at least"
            problems.append(Problem("lower-bound", message, path, effect=Effect.LOWER_BOUND))
        if (made := report.get("ctxsize_version", "of unknown version")) != __version__:
            problems.append(Problem("other-version", f"this report is by ctxsize {made}", path))
    advice = sum(each["advice"] for each in reports.values())
    return Scan("", tuple(sorted(rows, key=Row.order)), (), advice, tuple(problems), tuple(reports))


def _row(name: str, each: Any) -> Row:
    paths = [each[key] for key in ("context", "dockerfile", "ignore_file")]
    context, dockerfile, ignore_file = (e if e is None else _below(name, e) for e in paths)
    sizes = [each[key] for key in ("context_size", "transfer", "saving")]
    whole, transfer, saving = (e and Amount(e["files"], e["content_bytes"]) for e in sizes)
    build = Build(str(context), dockerfile, each["target"], builder=each["builder"])
    how = [Place(e["how"], e["name"], Location(e["path"], e["line"])) for e in each["places"]]
    found = FoundBuild(build, (*how, Place("dockerfile", "", Location(name))), each["guessed"])
    known = whole, transfer, saving
    return Row(found, dockerfile, ignore_file, *known, each["findings"], each["error"])


def _below(name: str, path: str) -> str:
    """Return a path in a report; one that leads out of it still shows that."""
    whole = f"{name}/{path}"
    is_inside = f"{os.path.normpath(whole)}/".startswith(f"{os.path.normpath(name)}/")
    if is_inside:
        return os.path.normpath(whole)
    return whole


def _report(path: str, schema: Any) -> Any:
    """Return the checked content of a report."""
    try:
        report = json.loads(read_file(path))
        fault = next(_faults(report, schema, schema, ""), "")
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        fault = "is not JSON"
    if fault:
        raise InputError(fault, path=path, hint="save one with ctxsize scan --format json=FILE")
    return report


def _faults(value: Any, rule: Any, root: Any, at: str) -> Iterator[str]:
    """Yield the keys at or below `at` that break the JSON Schema `rule`, and how."""
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    if "$defs" in rule:
        root = rule
    else:
        root = root
    if value is None:
        kind = "null"
    else:
        kind = _TYPES.get(type(value), "number")
    kinds = rule.get("type", kind)
    choices = rule.get("enum", [rule.get("const", value)])
    if isinstance(kinds, str):
        kinds = [kinds]
    else:
        kinds = kinds
    if kind not in kinds:
        yield f"{at[1:] or 'it'} is {kind}, not {' or '.join(kinds)}"
    elif value not in choices:
        yield f"{at[1:]} is {fields.quoted(value)}, not {' or '.join(map(repr, choices))}"
    elif kind == "integer" and not rule.get("minimum", 0) <= value <= fields.MOST:
        yield f"{at[1:]} is out of range"
    elif "oneOf" in rule and all(any(_faults(value, e, root, at)) for e in rule["oneOf"]):
        yield f"{at[1:]} has another shape"
    for key, each in rule.get("properties", {}).items() if kind == "object" else ():
        if key in value:
            yield from _faults(value[key], each, root, f"{at}.{key}")
        elif key in rule.get("required", ()):
            yield f"{at}.{key}"[1:] + " is missing"
    for number, each in enumerate(value) if "items" in rule and kind == "array" else ():
        yield from _faults(each, rule["items"], root, f"{at}[{number}]")
