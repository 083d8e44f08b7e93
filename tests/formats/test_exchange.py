"""The formats for other programs: golden files, and what those programs make of them."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ctxsize import api
from ctxsize.findings import Finding, Location, Severity
from ctxsize.formats import Look, markdown, render
from ctxsize.formats.exchange import fingerprints
from ctxsize.formats.sections import Findings, Section
from tests.contexts import CONTEXTS
from tests.formats.findings import FINDINGS, AnyOutcome
from tests.formats.golden import held
from tests.oracles.schemas import sarif
from tests.trees import build_tree

GOLDEN = {
    "exchange.md": "markdown",
    "exchange.github": "github",
    "exchange.sarif": "sarif",
    "exchange.junit.xml": "junit",
    "exchange.gitlab.json": "gitlab",
}
FORMATS = sorted(set(GOLDEN.values()))
TEXT = st.text(st.characters(), max_size=12)
PATHS = st.binary(max_size=9).map(lambda name: "x" + os.fsdecode(name).replace("\0", "/"))
SOME = st.builds(
    Finding,
    code=st.sampled_from(["CTX001", "CTX101", "CTX130"]),
    severity=st.sampled_from(Severity),
    message=TEXT,
    location=st.builds(
        Location,
        st.binary(min_size=1, max_size=9).map(lambda b: "x" + b.decode("utf-8", "surrogateescape")),
    ),
    evidence=st.tuples(TEXT),
    help=TEXT,
)


def shown(format_name: str, findings: tuple[Finding, ...]) -> str:
    if format_name == "markdown":
        sections = [Section([Findings(findings)])] if findings else []
        return markdown.render("ctxsize sample", sections)
    return render(format_name, AnyOutcome(findings), Look())


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    held(name, shown(GOLDEN[name], FINDINGS))


@pytest.mark.parametrize("context", ["rust", "names", "empty", "traps"])
def test_reports_in_markdown(context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(build_tree(tmp_path / "ctx", CONTEXTS[context]))
    rendered = render("markdown", api.measure(), Look())
    held(f"measure-{context}.md", rendered)


_NAMES = ("measure-rust.md", "measure-names.md", "measure-empty.md", "measure-traps.md")


@pytest.mark.parametrize("format_name", FORMATS)
def test_nothing_found(format_name: str) -> None:
    text = shown(format_name, ())
    assert text.endswith("\n")
    if format_name == "junit":
        suite = next(iter(junitparser.JUnitXml.fromstring(text.encode())))
        assert (suite.tests, suite.failures) == (1, 0)


# --- SARIF


def sarif_of(findings: Any) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(render("sarif", AnyOutcome(tuple(findings)), Look()))
    jsonschema.validate(log, sarif())
    run: dict[str, Any] = log["runs"][0]
    return run


def test_the_schema_of_sarif_refuses_what_is_none() -> None:
    log = json.loads(render("sarif", AnyOutcome(FINDINGS), Look()))
    log["runs"][0]["results"][0]["level"] = "grave"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, sarif())


@given(st.lists(SOME, max_size=4))
def test_sarif_of_anything(findings: list[Finding]) -> None:
    run = sarif_of(findings)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result, finding in zip(run["results"], findings, strict=True):
        assert rules[result["ruleIndex"]] == finding.code
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", uri)
    assert len({r["partialFingerprints"]["ctxsize/v1"] for r in run["results"]}) == len(findings)


URIS = [
    ("a b/c%.txt", "a%20b/c%25.txt", "%SRCROOT%"),
    ("./x:y", "x%3Ay", "%SRCROOT%"),
    ("ü\udcff", "%C3%BC%FF", "%SRCROOT%"),
    ("/srv/a#b", "file:///srv/a%23b", None),
    ("../up", "file://", None),
]


@pytest.mark.parametrize(("path", "uri", "base"), URIS)
def test_artifact_uris(path: str, uri: str, base: str | None) -> None:
    run = sarif_of([Finding("CTX001", Severity.ERROR, "m", Location(path))])
    found = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert found.get("uriBaseId") == base
    if path == "../up":
        assert unquote_to_bytes(found["uri"][7:]) == bytes(Path.cwd().parent / "up")
    else:
        assert found["uri"] == uri


def test_fingerprints_outlive_lines_and_figures() -> None:
    old = Finding("CTX101", Severity.ERROR, "30 files, 60.0 MB", Location("f", 3))
    new = Finding("CTX101", Severity.ERROR, "1,031 files, 9 kB", Location("f", 4))
    other = Finding("CTX101", Severity.ERROR, "30 files, 60.0 MB", Location("g", 3))
    assert fingerprints([old]) == fingerprints([new]) != fingerprints([other])
    assert len(set(fingerprints([old, new]))) == 2


# --- GitHub

COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>[^:]*)::(?P<data>.*)")


def told(value: str) -> str:
    """A value as the runner reads it."""
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        value = value.replace(code, char)
    return value


def annotations(text: str) -> list[dict[str, str]]:
    """The commands in `text` as a runner takes them: at the beginning of a line."""
    found = []
    for line in text.splitlines():
        command = COMMAND.fullmatch(line)
        if command is not None:
            pairs = (pair.split("=", 1) for pair in command["properties"].split(","))
            properties = {key: told(value) for key, value in pairs}
            found.append({**properties, "level": command["level"], "said": told(command["data"])})
    return found


def test_annotations_read_back() -> None:
    found = annotations(render("github", AnyOutcome(FINDINGS), Look()))
    hard = next(each for each in found if each["level"] == "error")
    assert hard["file"] == "a, b:c%\n<x>.txt"
    assert "100%, a colon: a comma" in hard["said"]
    placed = next(each for each in found if each["title"].startswith("CTX130"))
    assert (placed["line"], placed["endLine"]) == ("2", "2")


@given(st.lists(SOME, max_size=30))
def test_no_name_becomes_a_command(findings: list[Finding]) -> None:
    text = render("github", AnyOutcome(tuple(findings)), Look())
    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
    found = [line.split(" ")[0] for line in text.split("\n") if line.lstrip().startswith("::")]
    in_order = sorted(findings, key=lambda each: each.severity.rank)
    assert found == [f"::{levels[each.severity]}" for each in in_order]
    assert all(line.startswith("::") for line in text.split("\n") if "##[" in line)


# --- JUnit


@given(st.lists(SOME, max_size=5))
def test_junit_of_anything(findings: list[Finding]) -> None:
    data = render("junit", AnyOutcome(tuple(findings)), Look()).encode("utf-8")
    parsed = junitparser.JUnitXml.fromstring(data)
    (suite,) = parsed
    cases = list(suite)
    failed = [each for each in cases if not each.is_passed]
    grave = [each for each in findings if each.severity is not Severity.INFO]
    assert len(failed) == len(grave) == suite.failures == parsed.failures
    assert len(cases) == suite.tests == max(1, len(findings))
    assert ElementTree.parse(io.BytesIO(data)).getroot().tag == "testsuites"


# --- GitLab

CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer"}},
                    },
                },
            },
        },
    },
}
"""What GitLab's documentation asks of a code quality report; it publishes no schema."""


@given(st.lists(SOME, max_size=5))
def test_code_quality_of_anything(findings: list[Finding]) -> None:
    text = render("gitlab", AnyOutcome(tuple(findings)), Look())
    assert not text.startswith("\ufeff")
    issues = json.loads(text)
    jsonschema.validate(issues, CODE_QUALITY)
    assert len({each["fingerprint"] for each in issues}) == len(findings)


# --- Markdown


@given(st.lists(SOME, max_size=5))
def test_markdown_of_anything_is_text(findings: list[Finding]) -> None:
    text = shown("markdown", tuple(findings))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inner = [child for token in tokens for child in token.children or []]
    assert {each.type for each in inner} <= {
        "text",
        "code_inline",
        "strong_open",
        "strong_close",
        "softbreak",
    }
    html = "".join(each.content for each in tokens if each.type == "html_block")
    grave = any(each.severity is Severity.ERROR for each in findings)
    opening = "<details open>" if grave else "<details>"
    tags = [opening, "<summary>", "</summary>", "</details>"] if findings else []
    assert re.findall(r"<[^>]*>", html) == tags


@example("``` <b>`")
@given(st.text("`<b>\\ *", max_size=16))
def test_markdown_of_any_fences_holds_no_html(message: str) -> None:
    finding = Finding("CTX001", Severity.INFO, f"a {message} z", Location("f"))
    text = shown("markdown", (finding,))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inner = {child.type for token in tokens for child in token.children or []}
    assert inner <= {"text", "text_special", "code_inline", "strong_open", "strong_close"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("www.evil.org", "www&#8203;.evil.org"),
        ("see HTTPS://evil.org/a", "see HTTPS:&#8203;//evil.org/a"),
        ("a@b.org", "a@&#8203;b.org"),
        ("`https://b.org` is ``a`b``", "`https://b.org` is ``a`b``"),
        ("`docker-image://x", "\\`docker-image://x"),
        ("``a` `b", "\\`\\`a` `b"),
    ],
)
def test_prose_has_no_links_and_keeps_code(text: str, shown: str) -> None:
    assert markdown.prose(text) == shown


def test_tables_hold_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a|b", "c`d", "e\\|f", "<b>", "g" * 200]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", names))
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(
        render("markdown", api.measure(), Look(top=10))
    )
    inner = [child for token in tokens for child in token.children or []]
    shown = {each.content for each in inner if each.type == "code_inline"}
    assert {"a|b", "c`d", "<b>", "g" * 200} <= shown
