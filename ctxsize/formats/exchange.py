"""Findings for other programs: SARIF, GitHub, GitLab and JUnit XML; edits as a unified diff."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import StringIO
from urllib.parse import quote

from ctxsize.codes import Code, code_of
from ctxsize.findings import Edit, Finding, Location, Severity
from ctxsize.formats import Look, Outcome
from ctxsize.formats.wording import details, place, quoted, summary, visible
from ctxsize.version import __version__, address_of

_LEVELS = {
    Severity.ERROR: ("error", "error", "major"),
    Severity.WARNING: ("warning", "warning", "minor"),
    Severity.INFO: ("note", "notice", "info"),
}
"""The names of each severity in SARIF, at GitHub and at GitLab."""
_STYLES = {"+": "green", "-": "red", "@": "blue"}
_Object = dict[str, object]


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a unique fingerprint of each finding: of no figures, and all lines of a group."""
    seen: Counter[str] = Counter()
    found = []
    for each in findings:
        words = re.sub(r"[0-9][0-9,.]*( [kMGT]?B)?", "#", each.message)
        group = sorted(other.text or "" for other in each.more_locations)
        identity = "\0".join((each.code, each.location.path, words, *group))
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        found.append(f"{digest}:{seen[digest]}")
    return found


def sarif(outcome: Outcome) -> str:
    """Return the findings as SARIF 2.1.0, for code scanning.

    Paths are relative to the working directory (`%SRCROOT%`); columns count characters.
    """
    findings = outcome.findings
    codes = sorted({each.code for each in findings})
    rules = [_rule(code_of(each)) for each in codes]
    marks = zip(findings, fingerprints(findings), strict=True)
    run = {
        "tool": {"driver": {"name": "ctxsize", "semanticVersion": __version__, "rules": rules}},
        "automationDetails": {"id": f"ctxsize/{outcome.kind}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The working directory of ctxsize."}}
        },
        "results": [_result(each, codes.index(each.code), mark) for each, mark in marks],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: Code) -> _Object:
    examples = ((title, text) for title, text in (("Found", code.bad), ("Better", code.good)))
    shown = "".join(f"\n\n{title}:\n\n```\n{text}\n```" for title, text in examples if text)
    address = address_of(f"ctxsize/codes/{code.name}.md")
    return {
        "id": code.name,
        **({"helpUri": address} if address else {}),
        "name": "".join(part.capitalize() for part in code.slug.split("-")),
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": code.why},
        "help": {"text": code.why, "markdown": code.why + shown},
        "defaultConfiguration": {"level": _LEVELS[code.severity][0]},
    }


def _result(finding: Finding, rule: int, mark: str) -> _Object:
    others = [*map(_place, finding.more_locations)]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity][0],
        "message": {"text": _told(finding)},
        "locations": [_place(finding.location)],
        **({"relatedLocations": others} if others else {}),
        "partialFingerprints": {"ctxsize/v1": mark},
    }


def _place(location: Location) -> _Object:
    """Return a place in a file with this URI: below `%SRCROOT%`, or else absolute."""
    path = os.path.normpath(location.path)
    file = {"uri": quote(os.fsencode(path)), "uriBaseId": "%SRCROOT%"}
    if path.startswith("/") or path.split("/")[0] == "..":
        file = {"uri": "file://" + quote(os.fsencode(os.path.abspath(path)))}
    region = {"startLine": location.line or 1, "startColumn": location.column}
    region |= {"endLine": location.end_line, "endColumn": location.end_column}
    known = {key: value for key, value in region.items() if value is not None}
    return {"physicalLocation": {"artifactLocation": file, "region": known}}


def github(outcome: Outcome) -> str:
    """Return the findings as workflow commands, and a summary.

    The most severe come first: GitHub shows ten of each level, and the others in the log.
    """
    findings = sorted(outcome.findings, key=lambda each: each.severity.rank)
    last = f"ctxsize {outcome.kind}: {summary(findings)}"
    return "\n".join([*map(_annotation, findings), last, ""])


def _annotation(finding: Finding) -> str:
    at = finding.location
    title = f"{finding.code} {code_of(finding.code).slug}"
    properties = {"file": os.path.normpath(at.path), "line": at.line, "endLine": at.end_line}
    properties |= {"col": at.column, "title": title}
    said = ",".join(f"{key}={_value(value)}" for key, value in properties.items() if value)
    return f"::{_LEVELS[finding.severity][1]} {said}::{_data(_told(finding))}"


def _told(finding: Finding) -> str:
    """Return the message, and on further lines the evidence and what to do."""
    every = len(finding.more_locations)
    more = (f"{label} {text}" for label, text in details(finding, lines=every))
    return "\n".join(map(visible, (*finding.message.split("\n"), *more)))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(value: object) -> str:
    text = str(value).encode("utf-8", "backslashreplace").decode()
    # GitHub has no escape for other control characters, and its log is a terminal.
    text = "".join(char if char in "\r\n" else visible(char) for char in text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(outcome: Outcome) -> str:
    """Return the findings as a code quality report for GitLab: `artifacts:reports:codequality`."""
    issues = [
        {
            "description": _told(each).replace("\n", "; "),
            "check_name": each.code,
            "fingerprint": mark,
            "severity": _LEVELS[each.severity][2],
            "location": {
                "path": visible(os.path.normpath(each.location.path)),
                "lines": {"begin": each.location.line or 1},
            },
        }
        for each, mark in zip(outcome.findings, fingerprints(outcome.findings), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"


def junit(outcome: Outcome) -> str:
    """Return JUnit XML: a failed test for each finding that is no info, others for what passes."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    kind = outcome.kind
    findings = outcome.findings
    if outcome.kind == "check":
        passed = outcome.checks
    else:
        passed = ()
    names = [each.name for each in passed if each.passes]
    if names or findings:
        names = names
    else:
        names = ["no findings"]
    failures = sum(each.severity is not Severity.INFO for each in findings)
    counts = {"tests": str(len(names) + len(findings)), "failures": str(failures), "errors": "0"}
    root = Element("testsuites", {"name": "ctxsize", **counts})
    suite = SubElement(root, "testsuite", {"name": f"ctxsize {kind}", **counts, "skipped": "0"})
    for name in names:
        SubElement(suite, "testcase", classname=f"ctxsize.{kind}", name=visible(name))
    for each in findings:
        path = visible(each.location.path)
        name = f"{each.code} {place(each)}"
        case = SubElement(suite, "testcase", classname=path, name=name)
        said = {"message": visible(each.message), "type": each.code}
        is_info = each.severity is Severity.INFO
        if is_info:
            body = SubElement(case, "system-out")
        else:
            body = SubElement(case, "failure", said)
        body.text = f"{place(each)} {each.severity.value} {each.code} {_told(each)}"
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, "unicode")}\n'


WRITERS = {"sarif": sarif, "github": github, "gitlab": gitlab, "junit": junit}


def diff(edits: Iterable[Edit], look: Look) -> str:
    """Return the changes of `edits` as a diff, which `patch -p0` and `git apply -p0` read.

    Names are quoted as `git` does it. Control characters in lines are escaped, except tabs
    and the carriage return of a line end.
    """
    return "".join(line for edit in edits for line in _diff(edit, look))


def diff_of(findings: Iterable[Finding], look: Look) -> str:
    """Return the fixes of `findings` as diffs, each below a comment that describes it."""
    parts: list[str] = []
    for each in findings:
        if each.fix is not None:
            if each.fix.certain:
                sure = ""
            else:
                sure = " (unsafe: review first)"
            head = f"# {place(each)} {each.code}: {visible(each.fix.message)}{sure}"
            parts.append(f"{look.paint(head, 'dim')}\n{diff(each.fix.edits, look)}")
    return "\n".join(parts)


def _diff(edit: Edit, look: Look) -> Iterator[str]:
    from difflib import unified_diff

    if edit.before == edit.after:
        return
    name = quoted(edit.path)
    yield look.paint(f"--- {'/dev/null' if edit.before is None else name}", "bold") + "\n"
    yield look.paint(f"+++ {name}", "bold") + "\n"
    before = lines(text_of(edit.before))
    after = lines(text_of(edit.after))
    for line in [*unified_diff(before, after)][2:]:
        text = line.removesuffix("\n")
        if text.endswith("\r"):
            end = "\r"
        else:
            end = ""
        text = "\t".join(map(visible, text.removesuffix(end).split("\t"))) + end
        style = _STYLES.get(text[:1])
        yield look.paint(text, style) if style else text
        yield "\n" if line.endswith("\n") else "\n\\ No newline at end of file\n"


def text_of(data: bytes | None) -> str:
    """Return the text of a file, `""` for None; bytes that are not UTF-8 are lone surrogates."""
    return (data or b"").decode("utf-8", "surrogateescape")


def lines(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends a line."""
    return [*StringIO(text, newline="\n")]
