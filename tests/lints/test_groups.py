"""Findings of one cause are one finding, with all its places and one fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxsize import api
from ctxsize.findings import Finding
from ctxsize.formats import Look, render
from ctxsize.lints import Linted
from tests.trees import Node, build_tree, file

IDEA = [f".idea/f{number}.xml" for number in range(14)]
COPIES = file("Dockerfile", b"FROM scratch\n" + b"".join(b"COPY f%d /\n" % n for n in range(5)))


class Group(NamedTuple):
    """An ignore file in its tree, and its one finding."""

    lines: list[str]
    tree: list[str | Node]
    message: str
    at: list[int]
    fix: str
    after: list[str]
    """The lines that the fix leaves."""


GROUPS = {
    "CTX106": Group(
        ["x", "!a", "!b", "!c", "!d"],
        ["a", "x"],
        "4 exceptions do nothing: no pattern above ignores them",
        [2, 3, 4, 5],
        "remove these 4 lines",
        ["x"],
    ),
    "CTX107": Group(
        ["!a", "!b", "!c", "!d", "# all", "*"],
        ["a", "b", "c", "d"],
        "4 exceptions do nothing: line 6 (`*`) ignores again all that they re-include",
        [1, 2, 3, 4],
        "move these 4 lines to the end",
        ["# all", "*", "!a", "!b", "!c", "!d"],
    ),
    "CTX111": Group(
        ["*"],
        [COPIES, *(f"f{number}" for number in range(5))],
        "5 sources of COPY and ADD are ignored by `*`, so the build fails",
        [1],
        "add `!f0`, `!f1` and 3 more",
        ["*", *(f"!f{number}" for number in range(5))],
    ),
    "CTX112": Group(
        ["# editors", "**/.idea", *IDEA, "target"],
        IDEA,
        "14 lines match only what line 2 (`**/.idea`) already ignores",
        [*range(3, 17)],
        "remove these 14 lines",
        ["# editors", "**/.idea", "target"],
    ),
    "CTX113": Group(
        ["a", "b", "c", "d", "/a", "b/", "./c", "d"],
        ["a"],
        "4 patterns repeat earlier ones",
        [5, 6, 7, 8],
        "remove these 4 lines",
        ["a", "b", "c", "d"],
    ),
}


def linted(group: Group, root: Path, code: str, **options: bool) -> Linted:
    build_tree(root, [*group.tree, file(".dockerignore", "\n".join(group.lines).encode() + b"\n")])
    return api.lint([str(root / ".dockerignore")], select=[code], **options)  # type: ignore[arg-type]


def places(finding: Finding) -> list[int | None]:
    return [each.line for each in (finding.location, *finding.more_locations)]


@pytest.mark.parametrize("code", GROUPS)
def test_one_cause_is_one_finding_with_one_fix(code: str, tmp_path: Path) -> None:
    group = GROUPS[code]
    (found,) = linted(group, tmp_path, code).findings
    assert found.message == group.message
    assert places(found) == group.at
    assert found.fix is not None
    assert found.fix.message == group.fix
    assert found.fix.edits[0].after.decode().splitlines() == group.after


@pytest.mark.parametrize("code", GROUPS)
def test_its_fix_does_what_the_fixes_of_each_do(code: str, tmp_path: Path) -> None:
    group = GROUPS[code]
    (found,) = linted(group, tmp_path, code).findings
    fixed = linted(group, tmp_path, code, unsafe_fixes=True)
    assert found.fix is not None
    assert fixed.edits[0].after == found.fix.edits[0].after
    assert all(each.fix and each.fix.certain == found.fix.certain for each in fixed.files[0].mended)
    assert fixed.findings == ()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_stand_alone(count: int, tmp_path: Path) -> None:
    group = GROUPS["CTX112"]._replace(lines=["**/.idea", *IDEA[:count]])
    found = linted(group, tmp_path, "CTX112").findings
    assert [places(each) for each in found] == [[line] for line in range(2, count + 2)]


def test_an_accepted_line_is_not_in_the_group(tmp_path: Path) -> None:
    (tmp_path / "ctxsize.toml").write_text(
        '[[suppress]]\ncode = "CTX112"\npattern = ".idea/f3.xml"\nreason = "for people"\n'
    )
    outcome = linted(GROUPS["CTX112"], tmp_path, "CTX112")
    (found,) = outcome.findings
    assert places(found) == [line for line in range(3, 17) if line != 6]
    assert found.message.startswith("13 lines")
    assert found.fix is not None
    assert b".idea/f3.xml" in found.fix.edits[0].after
    assert outcome.files[0].suppressed == 1


def test_each_cause_has_its_own_group(tmp_path: Path) -> None:
    lines = ["**/.idea", "docs", *IDEA[:4], *(f"docs/{name}.md" for name in "abcd")]
    found = linted(GROUPS["CTX112"]._replace(lines=lines), tmp_path, "CTX112").findings
    assert [places(each) for each in found] == [[3, 4, 5, 6], [7, 8, 9, 10]]


def test_json_and_sarif_have_one_finding_with_all_places(tmp_path: Path) -> None:
    outcome = linted(GROUPS["CTX112"], tmp_path, "CTX112")
    (shape,) = json.loads(render("json", outcome, Look()))["findings"]
    assert [each["line"] for each in shape["more_locations"]] == [*range(4, 17)]
    assert "text" not in shape["location"]
    (result,) = json.loads(render("sarif", outcome, Look()))["runs"][0]["results"]
    related = [each["physicalLocation"]["region"] for each in result["relatedLocations"]]
    assert [each["startLine"] for each in related] == [*range(4, 17)]


def test_the_fix_of_a_large_group_is_applied_in_one_step(tmp_path: Path) -> None:
    redundant = [f"d{at % 30}/{at}.pyc" for at in range(300)]
    lines = ["*.log", "**/*.pyc", *redundant, *(f"!keep/{at}.txt" for at in range(101))]
    group = Group(lines, ["Dockerfile", "x"], "", [], "", [])
    codes = ("CTX106", "CTX112")
    build_tree(tmp_path, [*group.tree, file(".dockerignore", "\n".join(lines).encode() + b"\n")])
    path = str(tmp_path / ".dockerignore")
    found = api.lint([path], select=codes)
    assert sorted(len(places(each)) for each in found.findings) == [101, 300]
    assert "401 fixable with --fix" in render("text", found, Look())
    fixed = api.lint([path], select=codes, fix=True)
    assert fixed.edits[0].after == b"*.log\n**/*.pyc\n"
    text = render("text", fixed, Look())
    assert text.splitlines()[-1] == "401 fixed, none left"
    words = " ".join(text.split())  # the length of the path decides where the lines break
    assert "fixed CTX112 remove these 300 lines" in words


def test_other_programs_get_all_lines_and_a_new_fingerprint(tmp_path: Path) -> None:
    marks = list[str]()
    for count in (8, 8, 9):
        group = GROUPS["CTX112"]._replace(lines=["**/.idea", *IDEA[:count]])
        outcome = linted(group, tmp_path, "CTX112")
        (issue,) = json.loads(render("gitlab", outcome, Look()))
        marks.append(issue["fingerprint"])
        listed = ", ".join(map(str, range(3, count + 2)))
        assert f"also on lines {listed};" in issue["description"]
        assert f"also on lines {listed}%0A" in render("github", outcome, Look())
        (result,) = json.loads(render("sarif", outcome, Look()))["runs"][0]["results"]
        assert result["partialFingerprints"]["ctxsize/v1"] == marks[-1]
    assert marks[0] == marks[1] != marks[2]


def test_a_group_shows_more_evidence(tmp_path: Path) -> None:
    text = render("text", linted(GROUPS["CTX111"], tmp_path, "CTX111"), Look(width=300))
    assert sum(line.startswith("    - ") for line in text.splitlines()) == 5


def test_a_fix_that_is_refused_is_not_offered_again(tmp_path: Path) -> None:
    case = GROUPS["CTX107"]._replace(lines=["*", "!README.md", "*.md", "../x"], tree=["README.md"])
    (waiting,) = linted(case, tmp_path, "CTX107", fix=True).findings
    assert waiting.fix is not None
    assert linted(case, tmp_path, "CTX107", unsafe_fixes=True).findings == ()
