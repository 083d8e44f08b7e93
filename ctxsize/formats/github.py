"""Annotations for GitHub Actions: a workflow command for each finding, on stdout of a step.

GitHub shows ten of each level for a step. The most severe get them; the others
follow as plain lines, folded, where no text can be taken for a command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ctxsize.codes import slug_of
from ctxsize.findings import Finding, Severity
from ctxsize.formats.names import visible
from ctxsize.formats.wording import place, summary

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SHOWN = 10
"""Number of annotations of a level that GitHub shows for a step."""


def render(kind: str, findings: Sequence[Finding]) -> str:
    """Return `findings` of the command `kind` as workflow commands, and how many there are."""
    lines: list[str] = []
    rest: list[Finding] = []
    for severity in Severity:
        of_level = [each for each in findings if each.severity is severity]
        lines += map(_command, of_level[:SHOWN])
        rest += of_level[SHOWN:]
    lines += _folded(rest)
    lines.append(f"ctxsize {kind}: {summary(findings)}")
    return "\n".join(lines) + "\n"


def _command(finding: Finding) -> str:
    location = finding.location
    properties = {"file": os.path.normpath(location.path), "line": location.line}
    if location.line is not None:
        properties["endLine"] = location.end_line
        if location.end_line in (None, location.line):
            properties |= {"col": location.column, "endColumn": location.end_column}
    properties["title"] = f"{finding.code} {slug_of(finding.code)}".rstrip()
    said = ",".join(f"{key}={_value(value)}" for key, value in properties.items() if value)
    return f"::{_LEVELS[finding.severity]} {said}::{_data(_message(finding))}"


def _message(finding: Finding) -> str:
    parts = [finding.message]
    parts += [f"help: {finding.help}"] if finding.help else []
    parts += [f"fix: {finding.fix.message}"] if finding.fix else []
    return "\n".join("\n".join(map(visible, part.split("\n"))) for part in parts)


def _data(text: str) -> str:
    """Return `text` as the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(value: object) -> str:
    """Return `value` as a property of a workflow command."""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    # A log is shown on a terminal: what GitHub has no code for is escaped as in a message.
    text = "".join(char if char in "\r\n" else visible(char) for char in text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _folded(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield f"::group::{len(findings)} more that GitHub would not show as annotations"
    for each in findings:
        text = f"- {place(each)} {each.severity.value} {each.code} {visible(each.message)}"
        yield text.replace("##[", "# #[")
    yield "::endgroup::"
