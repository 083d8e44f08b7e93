"""Findings for other programs: SARIF, GitHub, GitLab, JUnit XML; edits as a diff, sizes as CSV."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import StringIO
from operator import attrgetter
from os.path import abspath, normpath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ctxsize.codes import Code, code_of
from ctxsize.findings import Edit, Finding, Location, Severity
from ctxsize.formats.styles import AnyOutcome, Look
from ctxsize.formats.wording import details, place, quoted, summary, visible
from ctxsize.version import __version__, address_of

if TYPE_CHECKING:
    from ctxsize.history.growth import GrowthLog

_STYLES = {"+": "green", "-": "red", "@": "blue"}
_Object = dict[str, object]


class _Level(NamedTuple):
    """The names of a severity in other programs."""

    sarif: str
    github: str
    gitlab: str


_LEVELS = {
    Severity.ERROR: _Level("error", "error", "major"),
    Severity.WARNING: _Level("warning", "warning", "minor"),
    Severity.INFO: _Level("note", "notice", "info"),
}


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a unique fingerprint of each finding: of no figures, and all lines of a group."""
    seen = Counter[str]()
    marks = []
    for finding in findings:
        words = re.sub(r"[0-9][0-9,.]*( [kMGT]?B)?", "#", finding.message)
        group = sorted(location.text or "" for location in finding.more_locations)
        identity = "\0".join([finding.code, finding.location.path, words, *group])
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        marks.append(f"{digest}:{seen[digest]}")
    return marks


def sarif(outcome: AnyOutcome) -> str:
    """Return the findings as SARIF 2.1.0, for code scanning.

    Paths are relative to the working directory (`%SRCROOT%`); columns count characters.
    """
    findings = outcome.findings
    codes = sorted({finding.code for finding in findings})
    results = [
        _result(finding, codes.index(finding.code), mark)
        for finding, mark in zip(findings, fingerprints(findings), strict=True)
    ]
    driver = {
        "name": "ctxsize",
        "semanticVersion": __version__,
        "rules": [_rule(code_of(name)) for name in codes],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"ctxsize/{outcome.kind}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The working directory of ctxsize."}}
        },
        "results": results,
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: Code) -> _Object:
    why = code.why
    markdown = why
    for title, example in (("Found", code.bad), ("Better", code.good)):
        if example:
            markdown += f"\n\n{title}:\n\n```\n{example}\n```"
    rule: _Object = {"id": code.name}
    address = address_of(f"ctxsize/codes/{code.name}.md")
    if address:
        rule["helpUri"] = address
    return rule | {
        "name": code.slug.title().replace("-", ""),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": why},
        "help": {"text": why, "markdown": markdown},
        "defaultConfiguration": {"level": _LEVELS[code.severity].sarif},
    }


def _result(finding: Finding, rule: int, mark: str) -> _Object:
    result: _Object = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity].sarif,
        "message": {"text": _full_message(finding)},
        "locations": [_place(finding.location)],
    }
    others = [*map(_place, finding.more_locations)]
    if others:
        result["relatedLocations"] = others
    result["partialFingerprints"] = {"ctxsize/v1": mark}
    return result


def _place(location: Location) -> _Object:
    """Return a place in a file with this URI: below `%SRCROOT%`, or else absolute."""
    path = normpath(location.path)
    if path.startswith("/") or path.split("/")[0] == "..":
        file = {"uri": f"file://{_uri(abspath(path))}"}
    else:
        file = {"uri": _uri(path), "uriBaseId": "%SRCROOT%"}
    numbers = {
        "startLine": location.line or 1,
        "startColumn": location.column,
        "endLine": location.end_line,
        "endColumn": location.end_column,
    }
    region = {name: number for name, number in numbers.items() if number is not None}
    return {"physicalLocation": {"artifactLocation": file, "region": region}}


def _uri(path: str) -> str:
    return quote(os.fsencode(path))


def github(outcome: AnyOutcome) -> str:
    """Return the findings as workflow commands, and a summary.

    The most severe come first: GitHub shows ten of each level, and the others in the log.
    """
    findings = sorted(outcome.findings, key=attrgetter("severity.rank"))
    annotations = "".join(map(_annotation, findings))
    return f"{annotations}ctxsize {outcome.kind}: {summary(findings)}\n"


def _annotation(finding: Finding) -> str:
    """Return a line with a workflow command."""
    location = finding.location
    code = code_of(finding.code)
    properties = {
        "file": normpath(location.path),
        "line": location.line,
        "endLine": location.end_line,
        "col": location.column,
        "title": f"{code.name} {code.slug}",
    }
    texts = [f"{name}={_property(value)}" for name, value in properties.items() if value]
    level = _LEVELS[finding.severity].github
    message = _data(_full_message(finding))
    return f"::{level} {','.join(texts)}::{message}\n"


def _full_message(finding: Finding) -> str:
    """Return the message, and on further lines the evidence and what to do."""
    lines = finding.message.split("\n")
    more = details(finding, lines=len(finding.more_locations))
    lines += [f"{label} {text}" for label, text in more]
    return "\n".join(map(visible, lines))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    text = str(value).encode("utf-8", "backslashreplace").decode()
    # GitHub has no escape for other control characters, and its log is a terminal.
    text = re.sub(r"[^\r\n]+", lambda line: visible(line[0]), text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(outcome: AnyOutcome) -> str:
    """Return the findings as a code quality report for GitLab: `artifacts:reports:codequality`."""
    findings = outcome.findings
    issues = [
        {
            "description": _full_message(finding).replace("\n", "; "),
            "check_name": finding.code,
            "fingerprint": mark,
            "severity": _LEVELS[finding.severity].gitlab,
            "location": {
                "path": visible(normpath(finding.location.path)),
                "lines": {"begin": finding.location.line or 1},
            },
        }
        for finding, mark in zip(findings, fingerprints(findings), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"


def junit(outcome: AnyOutcome) -> str:
    """Return JUnit XML: a failed test for each finding that is no info, others for what passes."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    kind = outcome.kind
    findings = outcome.findings
    names = []
    if outcome.kind == "check":
        names = [check.name for check in outcome.checks if check.passes]
    if not names and not findings:
        names = ["no findings"]
    failures = sum(finding.severity is not Severity.INFO for finding in findings)
    counts = {
        "tests": str(len(names) + len(findings)),
        "failures": str(failures),
        "errors": "0",
    }
    root = Element("testsuites", {"name": "ctxsize"}, **counts)
    suite = SubElement(root, "testsuite", {"name": f"ctxsize {kind}"}, **counts, skipped="0")
    for name in names:
        SubElement(suite, "testcase", classname=f"ctxsize.{kind}", name=visible(name))
    for finding in findings:
        code = finding.code
        severity = finding.severity
        where = place(finding)
        path = visible(finding.location.path)
        case = SubElement(suite, "testcase", classname=path, name=f"{code} {where}")
        if severity is Severity.INFO:
            body = SubElement(case, "system-out")
        else:
            body = SubElement(case, "failure", message=visible(finding.message), type=code)
        body.text = f"{where} {severity.value} {code} {_full_message(finding)}"
    indent(root)
    xml = tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n'


_SHEET = (
    "commit date subject context_files context_bytes transfer_files transfer_bytes "
    "growth_files growth_bytes grew_most grew_most_bytes reason"
)
"""The columns of a history; a new one comes last."""


def sheet(outcome: GrowthLog) -> str:
    """Return a history as CSV, with a line for each commit and empty cells for what is not known.

    Non-printable characters are escaped, so that a line holds a commit.
    """
    import csv

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_SHEET.split())
    for commit in outcome.commits:
        cells: list[object] = []
        cells += (commit.commit, commit.date)
        cells.append(visible(commit.subject))
        for amount in (commit.context, commit.transfer, commit.growth):
            cells += amount or (None, None)
        most = commit.most
        if most is None:
            cells += (None, None)
        else:
            cells.append(quoted(most.path))
            cells.append(most.content_bytes)
        reason = commit.unknown or ""
        cells.append(visible(reason))
        writer.writerow(cells)
    return text.getvalue()


WRITERS = {
    "github": github,
    "sarif": sarif,
    "junit": junit,
    "gitlab": gitlab,
}
"""The functions that write findings, by format."""


def diff(edits: Iterable[Edit], look: Look) -> str:
    """Return the changes of `edits` as a diff, which `patch -p0` and `git apply -p0` read.

    Names are quoted as `git` does it. Control characters in lines are escaped, except tabs
    and the carriage return of a line end.
    """
    return "".join(line for edit in edits for line in _diff(edit, look))


def diff_of(findings: Iterable[Finding], look: Look) -> str:
    """Return the fixes of `findings` as diffs, each below a comment that describes it."""
    parts = []
    for finding in findings:
        fix = finding.fix
        if fix:
            head = f"# {place(finding)} {finding.code}: {visible(fix.message)}"
            if not fix.certain:
                head += " (unsafe: review first)"
            head = look.paint(head, "dim")
            parts.append(f"{head}\n{diff(fix.edits, look)}")
    return "\n".join(parts)


def _diff(edit: Edit, look: Look) -> Iterator[str]:
    from difflib import unified_diff

    if edit.changes_nothing:
        return
    name = quoted(edit.path)
    old_name = name
    if edit.before is None:
        old_name = "/dev/null"
    if edit.old_path is not None:
        old_name = quoted(edit.old_path)
        yield look.paint(f"diff --git {old_name} {name}", "bold") + "\n"
        yield look.paint(f"rename from {old_name}", "bold") + "\n"
        yield look.paint(f"rename to {name}", "bold") + "\n"
    if edit.before == edit.after:
        return
    yield look.paint(f"--- {old_name}", "bold") + "\n"
    yield look.paint(f"+++ {name}", "bold") + "\n"
    before = lines(text_of(edit.before))
    after = lines(text_of(edit.after))
    for line in [*unified_diff(before, after)][2:]:
        text, line_feed, _ = line.partition("\n")
        is_crlf = text.endswith("\r")
        text = "\t".join(map(visible, text.removesuffix("\r").split("\t")))
        if is_crlf:
            text += "\r"
        style = _STYLES.get(text[:1])
        if style:
            text = look.paint(text, style)
        yield f"{text}\n"
        if not line_feed:
            yield "\\ No newline at end of file\n"


def text_of(data: bytes | None) -> str:
    """Return the text of a file, `""` for None; bytes that are not UTF-8 are lone surrogates."""
    return (data or b"").decode("utf-8", "surrogateescape")


def lines(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends a line."""
    return [*StringIO(text, newline="\n")]
