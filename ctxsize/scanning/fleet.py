"""Reports of `scan --format json` about many repositories, joined into one scan.

A report may come from anywhere: it is checked against the schema before anything of it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ctxsize.build import Build
from ctxsize.codes import names
from ctxsize.discovery import FoundBuild, Place
from ctxsize.errors import InputError
from ctxsize.findings import Confidence, Finding, Location, Severity, in_order
from ctxsize.model import Amount, Effect, Problem
from ctxsize.reader import read_file
from ctxsize.scanning import Row, Scan, most_costly_first

_TYPES = {dict: "object", list: "array", str: "string", int: "integer", bool: "boolean"}
_HINT = "save one with ctxsize scan --format json=FILE"


@dataclass(frozen=True)
class Repository:
    """The sums of the builds of one report."""

    name: str
    builds: int
    cost: Amount
    saving: Amount
    findings: int
    failed: int  # number of builds that were not measured


def repositories(scan: Scan) -> list[Repository]:
    """Return the sums of each repository of a merged scan, the most costly first."""
    rows: dict[str, list[Row]] = {name: [] for name in scan.repositories}
    for row in scan.rows if rows else ():
        rows[row.repository].append(row)
    found = [_sums(name, each) for name, each in rows.items()]
    return sorted(found, key=lambda each: (-each.cost.content_bytes, -each.cost.files, each.name))


def _sums(name: str, rows: Sequence[Row]) -> Repository:
    saving = Amount.of(*(row.saving for row in rows if row.saving is not None))
    findings, failed = sum(row.findings for row in rows), sum(row.error is not None for row in rows)
    cost = Amount.of(*(row.cost for row in rows))
    return Repository(name, len(rows), cost, saving, findings, failed)


def merge(paths: Sequence[str], schema: Any) -> Scan:
    """Return the reports in the files `paths`, which follow `schema`, as one scan.

    Raises `InputError` with the file and the key that is wrong.
    """
    stems = [os.path.basename(path).removesuffix(".json") for path in paths]
    called = [
        path.removesuffix(".json") if stems.count(stem) > 1 else stem
        for stem, path in zip(stems, paths, strict=True)
    ]
    reports = [_report(path, schema) for path in paths]
    versions = [each.get("ctxsize_version", "an older version") for each in reports]
    problems = [
        Problem("other-version", f"made by ctxsize {each}, other reports by {versions[0]}", path)
        for path, each in zip(paths, versions, strict=True)
        if each != versions[0]
    ]
    named = [_Named(name, each) for name, each in zip(called, reports, strict=True)]
    return Scan(
        "",
        most_costly_first(row for each in named for row in each.rows),
        in_order([finding for each in named for finding in each.findings]),
        sum(each["advice"] for each in reports),
        (*problems, *(problem for each in named for problem in each.problems)),
        tuple(dict.fromkeys(called)),
    )


def _report(path: str, schema: Any) -> Any:
    """Return the content of the file `path`, checked."""
    try:
        report = json.loads(read_file(path))
        fault = next(_faults(report, schema, schema, ""), None)
    except OSError as error:
        message = f"the report cannot be read: {error.strerror}"
        raise InputError(message, path=path, hint=_HINT) from None
    except (ValueError, RecursionError):
        raise InputError("is not JSON", path=path, hint=_HINT) from None
    if fault is not None:
        raise InputError(f"is no report of scan: {fault}", path=path, hint=_HINT)
    return report


def _faults(value: Any, rule: Any, root: Any, at: str) -> Iterator[str]:
    """Yield the keys at or below `at` that break the JSON Schema `rule`, and how."""
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    root = rule if "$defs" in rule else root
    kind = "null" if value is None else _TYPES.get(type(value), "number")
    kinds, choices = rule.get("type", kind), rule.get("enum", [rule.get("const", value)])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kind not in kinds:
        yield f"{at[1:] or 'it'} is {kind}, not {' or '.join(kinds)}"
    elif value not in choices:
        yield f"{at[1:]} is {value!r}, not {' or '.join(map(repr, choices))}"
    elif "oneOf" in rule and all(any(_faults(value, e, root, at)) for e in rule["oneOf"]):
        yield f"{at[1:]} has another shape"
    if at.endswith(".code") and at.startswith(".findings") and value not in names():
        yield f"{at[1:]} is {value!r}, which this ctxsize does not know"
    for key in rule.get("required", ()) if kind == "object" else ():
        if key not in value:
            yield f"{at[1:]}{'.' * bool(at)}{key} is missing"
    for key, each in rule.get("properties", {}).items() if kind == "object" else ():
        if key in value:
            yield from _faults(value[key], each, root, f"{at}.{key}")
    for number, each in enumerate(value) if "items" in rule and kind == "array" else ():
        yield from _faults(each, rule["items"], root, f"{at}[{number}]")


class _Named:
    """A checked report as values, with the name of its repository before each path."""

    def __init__(self, name: str, report: Any) -> None:
        self._name, self._root = name, report["root"].rstrip("/")
        self.rows = [*map(self._row, report["builds"])]
        self.findings = [*map(self._finding, report["findings"])]
        self.problems = [*map(self._problem, report["problems"])]

    def _path(self, path: str) -> str:
        inner = "." if path == self._root else path.removeprefix(f"{self._root}/")
        return self._name if inner in ("", ".") else f"{self._name}/{inner}"

    def _location(self, each: Any) -> Location:
        numbers = (each[name] for name in ("line", "column", "end_line", "end_column"))
        return Location(self._path(each["path"]), *numbers)

    def _row(self, each: Any) -> Row:
        context, dockerfile, ignore_file = (
            each[key] and self._path(each[key]) for key in ("context", "dockerfile", "ignore_file")
        )
        arguments, platforms = dict.fromkeys(each["build_arguments"], ""), tuple(each["platforms"])
        build = Build(
            *(context, dockerfile, each["target"], arguments, {}, platforms, each["builder"])
        )
        places = [
            Place(one["how"], one["name"], Location(self._path(one["path"]), one["line"]))
            for one in each["places"]
        ]
        found = FoundBuild(
            build, tuple(places) or (Place("", "", Location(context)),), each["guessed"]
        )
        whole, transfer, saving = (
            each[key] and Amount(each[key]["files"], each[key]["content_bytes"])
            for key in ("context_size", "transfer", "saving")
        )
        row = Row(found, dockerfile, ignore_file, whole, transfer, saving)
        return replace(row, findings=each["findings"], error=each["error"], repository=self._name)

    def _finding(self, each: Any) -> Finding:
        return Finding(
            each["code"],
            Severity(each["severity"]),
            each["message"],
            self._location(each["location"]),
            Confidence(each["confidence"]),
            tuple(each["evidence"]),
            each["content_bytes"],
            each["files"],
            each["help"],
            more_locations=tuple(map(self._location, each["more_locations"])),
        )

    def _problem(self, each: Any) -> Problem:
        path, effect = each["path"] and self._path(each["path"]), Effect(each["effect"])
        return Problem(
            each["code"], each["message"], path, each["line"], effect, each["count"], each["fails"]
        )
