"""Every claim of every code, path by path, against Docker's own code; and that lies are caught."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from ctxsize import api
from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.engine.builders import BUILDKIT
from ctxsize.findings import Changes, Finding, Paths
from ctxsize.lints import lint_case
from ctxsize.lints.targets import Cases
from tests.lints.cases import CATCHES, Case
from tests.lints.test_fixing import LINES, PATHS
from tests.oracles.asked import Asked
from tests.oracles.claims import composed, differences
from tests.oracles.golibrary import GoLibrary
from tests.trees import COPY_ALL, build_tree, file

TREE = [
    *("package.json", "README.md", "docs/guide.md", "docs/api/index.md", "web/package.json"),
    *("node_modules/a/index.js", "web/node_modules/b/index.js", "web/src/app.ts", "web/app.log"),
    *("tools/pyproject.toml", "tools/run.py", "tools/__pycache__/run.pyc", "debug.log", ".env"),
    *("services/a/Cargo.toml", "services/a/target/debug/x", "services/a/src/main.rs"),
    *("vendor/keep/b", "vendor/other/c", "composer.json", "compose.yaml", ".git/HEAD"),
]
OURS = {
    "much at once": "node_modules # deps\n__pycache__\n*.log\n*.log\n  docs \n!docs/api\nREADME\n",
    "an allow-list": "*\n!web\n!services\n!vendor/keep\n**/node_modules\n**/target\nvendor\n",
    "undone": "**/target\n**/node_modules\n*\n!services\n!web\n!./web/\n",
    "emptied": "vendor\n!vendor/keep\n**/vendor\n!docs/guide.md\n",
    "other tools": "*.{log,md}\nweb\\src\n[!d]*.log\n*.log|*.md\n// tools\n; note\n",
    "hidden": "comp*\n**/package.json\ndocs\n!docs/**/index.md\n*.md\n",
    "fails": "docs\n!\nweb[\nlogs\\\nnode_modules .env\n",
    "a mark": "\ufeffdocs\n*\n! web\nweb\n../x\n.\n",
    "nothing": "",
}
"""Ignore files of our own for one tree; what is found in them is not listed, but must be true."""

FIXED = [(code, case) for code, cases in CATCHES.items() for case in cases if case.tree is not None]
ROWS = [
    *FIXED,
    *((name, Case(lines, [*TREE, file("Dockerfile", COPY_ALL)])) for name, lines in OURS.items()),
]


AskedAndFound = tuple[Asked, list[Finding]]


def asked_about(case: Case, root: Path, library: GoLibrary | None = None) -> AskedAndFound:
    """Those to ask about `case`, and what is found in it; it is read as BuildKit does."""
    assert case.tree is not None
    build_tree(root, case.tree)
    path, copies = root / ".dockerignore", root.parent / "Dockerfile"
    path.write_bytes(case.lines.encode("utf-8", "surrogateescape"))
    copies.write_bytes(COPY_ALL)
    cases = Cases(Build(str(root)), BUILDKIT)
    made = cases.case(cases.layout(str(root)).target(str(path)))
    return Asked(made, path, copies, library), [*lint_case(made)]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], AskedAndFound]:
    """Return what `asked_about` tells of a case, whose tree is made once; no test changes it."""
    by_case: dict[str, AskedAndFound] = {}

    def ask(case: Case) -> AskedAndFound:
        if repr(case) not in by_case:
            by_case[repr(case)] = asked_about(case, tmp_path_factory.mktemp("case") / "ctx")
        return by_case[repr(case)]

    return ask


BEYOND = ("CTX108", "CTX120", "CTX125", "an allow-list", "emptied")
"""What docker-devtools does not know: files that arrive empty, directories that are passed by."""


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize(("name", "case"), [row for row in ROWS if row[0] not in BEYOND])
def test_what_is_said_is_so(name: str, case: Case, ask: Callable[[Case], AskedAndFound]) -> None:
    asked, found = ask(case)
    assert [*differences(asked, found)] == []


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize(("name", "case"), ROWS)
def test_and_by_the_library(
    name: str, case: Case, ask: Callable[[Case], AskedAndFound], golibrary: GoLibrary
) -> None:
    alone, found = ask(case)
    asked = alone.by(golibrary)
    assert [*differences(asked, found)] == []
    assert not asked.corrected or name == "CTX125"
    assert asked.unasked == []


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize(("name", "case"), ROWS)
def test_fixes_one_after_the_other(
    name: str, case: Case, ask: Callable[[Case], AskedAndFound], golibrary: GoLibrary
) -> None:
    asked = ask(case)[0].by(golibrary)
    for unsafe in (False, True):
        fixed = api.lint([str(asked.file)], config=Config(), fix=True, unsafe_fixes=unsafe)
        for edit in fixed.edits:
            fixes = [each.fix for each in fixed.files[0].mended]
            said = [fix.changes for fix in fixes if fix is not None and fix.changes is not None]
            assert len(said) == len(fixes)
            sent, wrong = composed(asked.now, said)
            assert wrong == []
            assert sent == asked.listing(edit.after).sizes.keys()


@pytest.mark.usefixtures("devtools")
@pytest.mark.fuzz
@given(LINES, PATHS)
def test_of_any_file(golibrary: GoLibrary, lines: list[str], paths: list[str]) -> None:
    tops = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "ctx"
        asked, found = asked_about(Case("\n".join(lines), [*tops]), root, golibrary)
        assert [*differences(asked, found)] == []


def test_every_code_with_a_fix_is_among_them(ask: Callable[[Case], AskedAndFound]) -> None:
    met = set()
    for _, case in ROWS:
        _, found = ask(case)
        met |= {each.code for each in found if each.fix is not None}
    assert met == CATCHES.keys() - {"CTX121", "CTX125"}


def more(group: Paths, path: str = "README.md") -> Paths:
    return replace(group, paths=(*group.paths, path))


def fewer(group: Paths) -> Paths:
    return replace(group, paths=group.paths[:-1])


def lying(finding: Finding, **groups: Paths) -> Finding:
    """The finding with a fix that says something else."""
    assert finding.fix is not None
    assert finding.fix.changes is not None
    return replace(
        finding, fix=replace(finding.fix, changes=replace(finding.fix.changes, **groups))
    )


def changes(finding: Finding) -> Changes:
    assert finding.fix is not None
    assert finding.fix.changes is not None
    return finding.fix.changes


WIDE = Case("node_modules\n", [*TREE, file("Dockerfile", COPY_ALL)])
PLACES = Case("node_modules\nc/node_modules\n", [f"{name}/package.json" for name in "abc"])
BACK = Case("*\n!README.md\n*.md\n", [*TREE])
EMPTIED = Case("vendor\n!vendor/keep\n**/vendor\n", [*TREE])
LINE = Case("*.md|*.txt\n", [*TREE, "a.txt"])
UNDONE = Case("**/target\n*\n!services\n", [*TREE])
LIES: dict[str, tuple[Case, str, Callable[[Finding], Finding], str]] = {
    "a path too few": (
        WIDE, "CTX101", lambda f: lying(f, ignored=fewer(changes(f).ignored)), "ignores: not said"),
    "a path too many": (
        WIDE, "CTX101", lambda f: lying(f, ignored=more(changes(f).ignored)), "ignores: said of"),
    "the other direction": (
        WIDE, "CTX101", lambda f: lying(f, sent=changes(f).ignored), "sends: said of"),
    "bytes of a fix": (
        WIDE, "CTX101",
        lambda f: lying(f, ignored=replace(changes(f).ignored, content_bytes=1)),
        "ignores: said ("),
    "files of a fix": (
        WIDE, "CTX101", lambda f: lying(f, ignored=replace(changes(f).ignored, files=9)),
        "ignores: said ("),
    "an uncertain fix": (
        BACK, "CTX107", lambda f: lying(f, sent=Paths()), "sends: not said"),
    "no word about it": (
        WIDE, "CTX101",
        lambda f: replace(f, fix=f.fix and replace(f.fix, changes=None)), "says nothing"),
    "content that comes": (
        EMPTIED, "CTX120", lambda f: lying(f, filled=Paths()), "fills: not said"),
    "content that goes": (
        EMPTIED, "CTX120", lambda f: lying(f, emptied=changes(f).filled), "empties: said of"),
    "a path of the finding": (
        WIDE, "CTX101", lambda f: replace(f, paths=(*(f.paths or ()), "node_modules/")),
        "is not sent"),
    "what is no copy": (
        WIDE, "CTX101", lambda f: replace(f, paths=(*(f.paths or ()), "README.md")),
        "is not named"),
    "what the line does not name": (
        UNDONE, "CTX130", lambda f: replace(f, paths=(*(f.paths or ()), "services/a/Cargo.toml")),
        "is not named"),
    "a part of a copy": (
        WIDE, "CTX101", lambda f: replace(f, paths=(f.paths or ())[:-1]), "left out"),
    "bytes of the finding": (
        WIDE, "CTX101", lambda f: replace(f, content_bytes=1), "figures: said"),
    "files of the finding": (
        WIDE, "CTX101", lambda f: replace(f, files=7), "figures: said"),
    "the sentence": (
        WIDE, "CTX101", lambda f: replace(f, message="1 B in 3 files"), "the sentence says 3"),
    "copies in the sentence": (
        WIDE, "CTX101",
        lambda f: replace(f, message=f.message.replace("1 other copy", "2 other copies")),
        "2 copies, of 1"),
    "a place": (
        PLACES, "CTX101", lambda f: replace(f, message=f.message.replace(" in a/", " in c/")),
        "but it would not"),
    "what shows it": (
        WIDE, "CTX101", lambda f: replace(f, evidence=("docs/",)), "shows docs/"),
    "what hangs on the line": (
        LINE, "CTX124", lambda f: replace(f, paths=(f.paths or ())[:-1]), "hangs on the line: not"),
    "figures that nobody knows": (
        WIDE, "CTX101", lambda f: replace(f, code="CTX106"), "nobody can check"),
    "without content": (
        EMPTIED, "CTX120", lambda f: replace(f, paths=("README.md",)), "arrives with its content"),
}  # fmt: skip


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize("name", LIES)
def test_lies_are_caught(
    name: str, ask: Callable[[Case], AskedAndFound], golibrary: GoLibrary
) -> None:
    case, code, spoil, words = LIES[name]
    alone, found = ask(case)
    asked = alone.by(golibrary)
    (finding,) = (each for each in found if each.code == code)
    assert [*differences(asked, [finding])] == []
    told = [*differences(asked, [spoil(finding)])]
    assert any(words in each for each in told), told


@pytest.mark.usefixtures("devtools")
def test_a_tree_that_is_another_one(tmp_path: Path) -> None:
    asked, found = asked_about(WIDE, tmp_path / "ctx")
    (tmp_path / "ctx" / "web/node_modules/more.js").write_bytes(b"")
    told = " ".join(differences(asked, found))
    assert "sent: not said of ['web/node_modules/more.js']" in told
    assert "ignores: not said of ['web/node_modules/more.js']" in told
