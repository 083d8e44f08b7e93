"""Several fixes on one file, in tables, and as laws over files that Hypothesis thinks of."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.engine.builders import BUILDKIT
from ctxsize.engine.snapshot import SentDifference
from ctxsize.findings import Finding, Location, Severity
from ctxsize.lints import apply_fixes, lint_case
from ctxsize.lints.case import Case
from ctxsize.lints.lookup import Target
from ctxsize.lints.targets import Cases
from tests.lints.cases import REPOSITORY
from tests.trees import Node, build_tree, file

FIXES = {
    "one after the other": (
        b"node_modules # deps\n  *.log\n*.log\n",
        ["web/package.json", "web/node_modules/a", "node_modules/b", "a.log"],
        b"# deps\n**/node_modules\n  *.log\n",
    ),
    "ends and marks stay": (
        b"\xef\xbb\xbf# a\r\ndist\r\n/dist\r\n",
        ["dist/a"],
        b"\xef\xbb\xbf# a\r\ndist\r\n",
    ),
    "no last end": (b"dist\ndist", ["dist/a"], b"dist"),
    "undone and redundant": (
        b"**/target\n*\n!src\ntarget\n",
        ["src/a", file("src/target/b", size_bytes=3)],
        b"*\n!src\n**/target\n",
    ),
    "a copy that an exception names": (
        b"node_modules\n*.log\n!web/node_modules/keep\n!web/a.log\n",
        ["web/package.json", "web/node_modules/keep/a", "web/node_modules/b", "web/a.log", "a.log"],
        b"**/node_modules\n*.log\n!web/node_modules/keep\n!web/a.log\n",
    ),
    "nothing certain": (b".\n*.md|*.txt\n", ["a.md", "b"], b".\n*.md|*.txt\n"),
}


@pytest.mark.parametrize("name", FIXES)
def test_certain_fixes_change_the_file_as_shown(name: str, tmp_path: Path) -> None:
    before, nodes, after = FIXES[name]
    build_tree(tmp_path, [*nodes, file(".dockerignore", before)])
    path = tmp_path / ".dockerignore"
    linted = api.lint([str(path)], fix=True)
    assert path.read_bytes() == before, "only the command writes"
    assert (linted.edits[0].after if linted.edits else before) == after
    again = api.lint([str(path)], data=after, fix=True)
    assert again.edits == ()


def test_unsafe_fixes_wait_to_be_asked_for(tmp_path: Path) -> None:
    before = b"*\n!README.md\n*.md\n../x\n"
    build_tree(tmp_path, ["README.md", "a.md", file(".dockerignore", before)])
    path = str(tmp_path / ".dockerignore")
    assert api.lint([path], fix=True, select=["CTX107", "CTX114"]).edits == ()
    (edit,) = api.lint([path], unsafe_fixes=True, select=["CTX107", "CTX114"]).edits
    assert edit.after == b"*\n*.md\n!README.md\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_left_alone(encoding: str, tmp_path: Path) -> None:
    before = "\ufeffdist # café\r\nnode_modules\r\n".encode(encoding)
    build_tree(tmp_path, ["package.json", "web/package.json", "web/node_modules/a", ".env"])
    (tmp_path / ".dockerignore").write_bytes(before)
    linted = api.lint([str(tmp_path / ".dockerignore")], unsafe_fixes=True)
    assert linted.edits == ()
    (finding,) = linted.findings
    assert (finding.code, finding.severity) == ("CTX123", Severity.ERROR)
    assert "UTF-16" in finding.message


def test_git_stays_out_also_below_exceptions(tmp_path: Path) -> None:
    nodes = [*REPOSITORY, "Dockerfile", "a/b", file(".dockerignore", b"*\n!*/*\n")]
    build_tree(tmp_path, nodes)
    (edit,) = api.lint([str(tmp_path / ".dockerignore")], fix=True).edits
    assert edit.after == b"*\n!*/*\n**/.git/**\n"


@pytest.mark.parametrize("lines", [b"a\n**/\\\n", b"a\n*\\\n"])
def test_no_fix_ignores_all_that_there_is(lines: bytes, tmp_path: Path) -> None:
    build_tree(tmp_path, ["a", "b/c", file(".dockerignore", lines)])
    linted = api.lint([str(tmp_path / ".dockerignore")], unsafe_fixes=True)
    assert linted.edits == ()


def test_a_fix_that_mends_nothing_is_not_applied(tmp_path: Path) -> None:
    build_tree(tmp_path, ["src/x", file(".dockerignore", b"src\n")])
    path = str(tmp_path / ".dockerignore")
    case = Cases(Build(), BUILDKIT).case(Target(path, str(tmp_path)))
    told = Finding("CTX999", Severity.INFO, "told for ever", Location(path))
    found = (replace(told, fix=case.fix("add a comment", added="# a")),)
    after, _, applied = apply_fixes(case, found, lambda each: found, unsafe=True)
    assert applied == []
    assert after.file.data == b"src\n"


def test_a_fix_does_not_hide_what_a_dockerfile_takes(tmp_path: Path) -> None:
    dockerfile = file("Dockerfile", b"FROM scratch\nCOPY web/node_modules /\n")
    nodes: list[str | Node] = [dockerfile, "web/package.json", "web/node_modules/a"]
    build_tree(tmp_path, [*nodes, file(".dockerignore", b"node_modules\n")])
    path = str(tmp_path / ".dockerignore")
    (finding,) = api.lint([path], select=["CTX101"]).findings
    assert finding.fix is None
    for unsafe in (False, True):
        assert api.lint([path], fix=True, unsafe_fixes=unsafe).edits == (), (
            "it would fail the build"
        )


def test_a_fix_of_another_file_of_the_same_context(tmp_path: Path) -> None:
    nodes = [
        file("a/.dockerignore", b"x\nx\n"),
        file("b/.dockerignore", b"y\ny\n"),
        "a/x",
    ]
    build_tree(tmp_path, nodes)
    linted = api.lint([str(tmp_path)], fix=True)
    assert [each.after for each in linted.edits] == [b"x\n", b"y\n"]


WORDS = st.sampled_from(
    ["a", "b", "*", "**", "*.c", "**/a", "a/b", "a/*", "b/**", "a|b", "{a,b}", "?", "[!a]", "..",
     "node_modules", "*/node_modules", "x.c", "#", "//", "\t", "\ufeff", "\u200b", "A", "a/./b"]
)  # fmt: skip
ENDS = st.sampled_from(["", " ", " # c", " b"])
LINES = st.lists(
    st.tuples(st.sampled_from(["", "!", "! ", "  ", "/"]), WORDS, ENDS).map("".join), max_size=6
)
PATHS = st.lists(
    st.sampled_from(
        ["a", "b/a", "a/b/c", "b/b", "x.c", "a/x.c", "node_modules/a", "a/node_modules/b", "b/c/a",
         "b/node_modules/x.c", "a/package.json", "a/node_modules/node_modules/a"]
    ),
    max_size=8,
    unique=True,
)  # fmt: skip


def case_of(lines: list[str], paths: list[str], root: Path) -> Case:
    nodes = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    build_tree(root, nodes)
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    (root / ".dockerignore").write_bytes(data)
    return Cases(Build(), BUILDKIT).case(Target(str(root / ".dockerignore"), str(root)))


@pytest.mark.fuzz
@given(LINES, PATHS)
def test_certain_fixes_change_what_they_mean_to(lines: list[str], paths: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        case = case_of(lines, paths, Path(scratch) / "ctx")
        tree = case.tree
        assert tree is not None
        for finding in lint_case(case):
            if finding.fix is None or not finding.fix.certain:
                continue
            after = case.with_data(finding.fix.edits[0].after)
            assert after.tree is not None
            found = {
                p for p in SentDifference(case.now, after.now).paths if not tree.is_directory(p)
            }
            assert len(found) == (finding.files or 0) or finding.code in (
                "CTX115",
                "CTX123",
                "CTX124",
            )


@pytest.mark.fuzz
@given(LINES, PATHS, st.booleans())
def test_fixed_files_are_fixed(lines: list[str], paths: list[str], unsafe: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        case = case_of(lines, paths, Path(scratch) / "ctx")
        path = case.file.path
        once = api.lint([path], fix=True, unsafe_fixes=unsafe, config=Config())
        data = once.edits[0].after if once.edits else case.file.data
        twice = api.lint([path], data=data, fix=True, unsafe_fixes=unsafe, config=Config())
        assert twice.edits == ()


@pytest.mark.fuzz
@given(LINES)
def test_without_a_tree_nothing_changes_in_any(lines: list[str]) -> None:
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    linted = api.lint(data=data, fix=True)
    after = linted.edits[0].after if linted.edits else data
    paths = ["a", "b/a", "x.c", "b/x.c", "node_modules/a", "b/node_modules/a", "c", "#", "b/c/a"]
    with tempfile.TemporaryDirectory() as scratch:
        case = case_of(lines, paths, Path(scratch) / "ctx")
        other = case.with_data(after)
        assert case.tree is not None
        assert other.tree is not None
        assert SentDifference(case.now, other.now).paths == frozenset()


NAMED = {
    "a name for the top": b".DS_Store\n!assets/.DS_Store\n",
    "wildcards": b"*.log\n!a/*.log\n",
    "nothing to take back": b"b\n!.env\n!assets/.DS_Store\n!a/k.log\n",
}


@pytest.mark.parametrize("name", NAMED)
def test_no_fix_hides_what_an_exception_names(name: str, tmp_path: Path) -> None:
    before = NAMED[name]
    named = ["assets/.DS_Store", "a/k.log", ".env"]
    env = file(".env", b"A=b\n")
    build_tree(tmp_path, [*named[:2], env, "b/.DS_Store", "c/k.log", file(".dockerignore", before)])
    path = tmp_path / ".dockerignore"
    for unsafe in (False, True, True):
        for edit in api.lint([str(path)], fix=True, unsafe_fixes=unsafe).edits:
            path.write_bytes(edit.after)
    sent = {each.path for each in api.ls(str(tmp_path))}
    wanted = [line[1:].replace("*", "k") for line in before.decode().split() if line[0] == "!"]
    assert sent >= set(wanted)
