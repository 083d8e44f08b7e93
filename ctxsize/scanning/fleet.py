"""Reports of `scan --format json` about many repositories, joined into one scan.

A report may come from anywhere: it is checked against the schema before anything of it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from os.path import basename, normpath, realpath
from typing import Any

from ctxsize.build import Build
from ctxsize.errors import InputError
from ctxsize.findings import Location
from ctxsize.guard import fields
from ctxsize.model import Amount, Effect, Problem
from ctxsize.reader import read_file
from ctxsize.repository import FoundBuild, Place
from ctxsize.scanning.rows import Row, Scan
from ctxsize.version import __version__

_TYPES: dict[type, str] = {
    type(None): "null",
    dict: "object",
    list: "array",
    str: "string",
    int: "integer",
    bool: "boolean",
}


def merge(paths: Sequence[str], schema: Any) -> Scan:
    """Return the builds of the reports in the files `paths`, which follow `schema`.

    Each path begins with the name of its report. Raises `InputError` with the file and the key
    that is wrong.
    """
    unique = {realpath(path): path for path in paths}
    reports = {path: _report(path, schema) for path in unique.values()}
    stems = [basename(path).removesuffix(".json") for path in reports]
    rows = []
    problems = []
    advice = 0
    for stem, (path, report) in zip(stems, reports.items(), strict=True):
        name = stem
        if stems.count(stem) > 1:
            name = path.removesuffix(".json")
        rows += [_row(name, build) for build in report["builds"]]
        advice += report["advice"]
        if report["lower_bound"]:
            problems.append(
                Problem(
                    code="lower-bound",
                    message="the sizes of this report are at least",
                    path=path,
                    effect=Effect.LOWER_BOUND,
                )
            )
        version = report.get("ctxsize_version", "of unknown version")
        if version != __version__:
            problems.append(
                Problem(
                    code="other-version",
                    message=f"this report is by ctxsize {version}",
                    path=path,
                )
            )
    rows.sort(key=Row.order)
    return Scan(
        root="",
        rows=tuple(rows),
        advice=advice,
        problems=tuple(problems),
        merged=tuple(reports),
    )


def _row(name: str, build: Any) -> Row:
    """Return the row of a build in the report called `name`."""
    dockerfile = _below(name, build["dockerfile"])
    places = [
        Place(
            how=place["how"],
            name=place["name"],
            where=Location(place["path"], place["line"]),
        )
        for place in build["places"]
    ]
    places.append(Place("dockerfile", name="", where=Location(name)))
    return Row(
        found=FoundBuild(
            build=Build(
                context=str(_below(name, build["context"])),
                dockerfile=dockerfile,
                target=build["target"],
                builder=build["builder"],
            ),
            places=tuple(places),
            guessed=build["guessed"],
        ),
        dockerfile=dockerfile,
        ignore_file=_below(name, build["ignore_file"]),
        context=_amount(build["context_size"]),
        transfer=_amount(build["transfer"]),
        named_contexts=_amount(build.get("named_contexts")) or Amount(),
        saving=_amount(build["saving"]),
        findings=build["findings"],
        failures=tuple(_problem(name, failure) for failure in build.get("failures", ())),
        error=build["error"],
    )


def _problem(name: str, problem: Any) -> Problem:
    """Return a problem in the report called `name`."""
    return Problem(
        code=problem["code"],
        message=problem["message"],
        path=_below(name, problem["path"]),
        line=problem["line"],
        count=problem["count"],
        fails=problem["fails"],
    )


def _amount(size: Any) -> Amount | None:
    if size is None:
        return None
    return Amount(size["files"], size["content_bytes"])


def _below(name: str, path: str | None) -> str | None:
    """Return a path in a report; one that leads out of it still shows that."""
    if path is None:
        return None
    whole = f"{name}/{path}"
    normal = normpath(whole)
    if f"{normal}/".startswith(f"{normpath(name)}/"):
        return normal
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


def _faults(node: Any, schema: Any, root: Any, place: str) -> Iterator[str]:
    """Yield the keys at or below `place` that break the JSON Schema `schema`, and how."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = root["$defs"][name]
    if "$defs" in schema:
        root = schema
    kind = _TYPES.get(type(node), "number")
    fault = _fault(node, kind, schema, root)
    if fault:
        yield f"{place[1:] or 'it'} {fault}"
    if kind == "object":
        required = schema.get("required", ())
        for key, inner in schema.get("properties", {}).items():
            inner_place = f"{place}.{key}"
            if key in node:
                yield from _faults(node[key], inner, root, inner_place)
            elif key in required:
                yield f"{inner_place[1:]} is missing"
    if kind == "array" and "items" in schema:
        inner = schema["items"]
        for number, child in enumerate(node):
            yield from _faults(child, inner, root, f"{place}[{number}]")


def _fault(node: Any, kind: str, schema: Any, root: Any) -> str:
    """Return how a value itself breaks a schema, as a clause; `""` if it does not."""
    kinds = schema.get("type", kind)
    if isinstance(kinds, str):
        kinds = [kinds]
    if kind not in kinds:
        return f"is {kind}, not {' or '.join(kinds)}"
    choices = schema.get("enum", [schema.get("const", node)])
    if node not in choices:
        expected = " or ".join(map(repr, choices))
        return f"is {fields.quoted(node)}, not {expected}"
    if kind == "integer":
        if not schema.get("minimum", 0) <= node <= fields.MOST:
            return "is out of range"
    alternatives = schema.get("oneOf", ())
    for alternative in alternatives:
        if not any(_faults(node, alternative, root, "")):
            return ""
    if alternatives:
        return "has another shape"
    return ""
