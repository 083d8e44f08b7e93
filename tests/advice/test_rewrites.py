"""The laws of rewrites, over every case: each finding has one, and it mends what it is for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.advice.command import run
from ctxsize.advice.rewrite import Change, changed
from ctxsize.config import Config
from ctxsize.dockerfile import parse_dockerfile
from ctxsize.findings import Edit, Finding
from ctxsize.projects import discover
from tests.advice.cases import CASES, Case
from tests.oracles.trees import build_tree

WITHOUT_REWRITE = frozenset({("CTX223", "in a Compose file, with a variable in the line")})
"""Code and name of the cases in which no rewrite can be written: what would have to
change is known only as Compose or Bake make it, with variables replaced.
"""

ALL = [(code, name) for code, cases in CASES.items() for name in cases]
FOUND = [(code, name) for code, name in ALL if CASES[code][name].found]


def kind(finding: Finding) -> tuple[str, str, str]:
    """What a finding says, whatever line it is at."""
    message = re.sub(r"\d+", "N", finding.message).removesuffix(", from its cache mount")
    return finding.code, finding.location.path, message


def before(edit: Edit) -> bytes | None:
    path = Path(edit.path)
    return path.read_bytes() if path.exists() else None


def findings(root: Path) -> list[Finding]:
    return list(advise(discover(str(root))).findings)


@contextmanager
def applied(edits: tuple[Edit, ...]) -> Iterator[None]:
    """The files as `edits` make them, and afterwards as they were."""
    for edit in edits:
        Path(edit.path).write_bytes(edit.after)
    yield
    for edit in edits:
        if edit.before is None:
            Path(edit.path).unlink()
        else:
            Path(edit.path).write_bytes(edit.before)


@pytest.mark.parametrize(("code", "name"), ALL)
def test_every_finding_brings_a_rewrite(code: str, name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    lacking = [each for each in findings(root) if each.fix is None or not each.fix.edits]
    assert bool(lacking) == ((code, name) in WITHOUT_REWRITE), lacking


@pytest.mark.parametrize(("code", "name"), ALL)
def test_a_rewrite_mends_its_finding_and_brings_no_graver_one(
    code: str, name: str, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    found = findings(root)
    for finding in found:
        if finding.fix is None:
            assert (code, name) in WITHOUT_REWRITE
            continue
        for edit in finding.fix.edits:
            assert edit.before == before(edit)
            assert edit.after != edit.before
            if Path(edit.path).name.endswith("Dockerfile"):
                parse_dockerfile(edit.after)
        with applied(finding.fix.edits):
            after = findings(root)
        shown = "\n".join(each.after.decode() for each in finding.fix.edits)
        assert (
            Counter(map(kind, after))[kind(finding)] < Counter(map(kind, found))[kind(finding)]
        ), shown
        graver = {kind(each) for each in after} - {kind(each) for each in found}
        assert not {each for each in graver if each[0] != "CTX223"}, shown


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize(("code", "name"), FOUND)
def test_fixes_end_and_applied_twice_change_nothing(
    code: str, name: str, unsafe: bool, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    advice = run(discover(str(root)), fix=True, unsafe=unsafe, config=Config())
    left = [each for each in advice.findings if each.fix and (unsafe or each.fix.certain)]
    assert not left, left
    with applied(advice.edits):
        again = run(discover(str(root)), fix=True, unsafe=unsafe, config=Config())
    assert again.edits == ()
    assert list(map(kind, again.findings)) == list(map(kind, advice.findings))


@pytest.mark.parametrize(("code", "name"), FOUND)
def test_line_ends_stay_what_they_are(code: str, name: str, tmp_path: Path) -> None:
    case: Case = CASES[code][name]
    root = build_tree(tmp_path / "repository", case.nodes)
    unix = run(discover(str(root)), unsafe=True, config=Config()).edits
    for path in root.rglob("*Dockerfile*"):
        if not path.name.endswith("ignore"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    windows = run(discover(str(root)), unsafe=True, config=Config()).edits
    for one, other in zip(unix, windows, strict=True):
        if Path(one.path).name.endswith("Dockerfile"):
            assert other.after == one.after.replace(b"\n", b"\r\n")


def test_an_option_of_another_program_stays(tmp_path: Path) -> None:
    nodes = CASES["CTX222"]["no cache, in a script with others"].nodes
    root = build_tree(tmp_path / "repository", nodes)
    (edit,) = run(discover(str(root)), unsafe=True, config=Config()).edits
    assert b"'apk add --no-cache git && uv sync --locked'" in edit.after


def test_changes_of_one_line_are_refused() -> None:
    data = b"FROM a\nRUN b\nRUN c\n"
    assert changed(data, [Change(2, 1, ("ARG x",)), Change(2, 2, ("RUN d",))]) == (
        b"FROM a\nARG x\nRUN d\nRUN c\n"
    )
    for other in (Change(2, 2, ()), Change(1, 2, ()), Change(2, 3, ()), Change(3, 2, ("x",))):
        if other == Change(3, 2, ("x",)):
            assert changed(data, [Change(2, 2, ()), other]) == b"FROM a\nx\nRUN c\n"
            continue
        with pytest.raises(ValueError, match="two changes"):
            changed(data, [Change(2, 2, ("RUN x",)), other])
