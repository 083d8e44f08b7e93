"""Lines of git's in the builder's language, held against git's own answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.builders import BUILDERS, Builder, check_header
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.recommender.modes import CannotSayError, translate
from tests.oracles.availability import require
from tests.trees import build_tree, directory


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("foo", "**/foo"),
        ("/foo", "foo"),
        ("foo/bar", "foo/bar"),
        ("foo/bar/", "foo/bar"),
        ("foo/", "**/foo"),
        ("**/foo", "**/foo"),
        ("foo/**", "foo/**"),
        ("a/**/b", "a/**/b"),
        ("**/a/**", "**/a/**"),
        ("*.log", "**/*.log"),
        ("*", "**/*"),
        ("**", "**/*"),
        ("a**b", "**/a*b"),
        ("foo?", "**/foo?"),
        ("[!a]", "**/[^a/]"),
        ("[^a-c]x", "**/[^a-c/]x"),
        ("\\#x", "**/#x"),
        ("\\!x", "**/!x"),
        ("/\\#x", "\\#x"),
        ("/\\!x", "\\!x"),
        ("!keep", "!**/keep"),
        ("!/keep", "!keep"),
        ("a\\*b", "**/a\\*b"),
        ("a\\bc", "**/abc"),
        ("x\\ ", "**/x[ ]"),
        ("x  ", "**/x"),
        ("x\r", "**/x"),
        (" x", "**/ x"),
        ("/ x", "[ ]x"),
        ("a|b", "**/a\\|b"),
        ("a|b*", "**/a\\|b*"),
        ("{a,b}*", "**/\\{a,b\\}*"),
        ("c++", "**/c++"),
        ("a.b+c*", "**/a.b+c*"),
        ("tab\there", "**/tab\\x09here"),
    ],
)
def test_a_line_of_gitignore_becomes_one_of_docker(line: str, expected: str) -> None:
    assert translate(line) == expected


@pytest.mark.parametrize("line", ["", "# comment", "   ", "/", "!"])
def test_a_line_without_a_pattern_becomes_nothing(line: str) -> None:
    assert translate(line) is None


@pytest.mark.parametrize(
    "line",
    [
        *("[a", "a\\", "[+-9]", "[/]", "a//b", "./a", "a/..", "/a**b/c"),
        *("!*/", "!**/", "!/*/", "!a/*/", "!**/*/", "!*/ ", "!*/\r"),
        *("[[:alpha:]_]", "[]a]", "[*?]", "[-a]", r"[\]a]"),
    ],
)
def test_what_cannot_be_said(line: str) -> None:
    with pytest.raises(CannotSayError):
        translate(line)


@pytest.mark.parametrize(
    ("line", "directory", "expected"),
    [
        ("foo", "web", "web/**/foo"),
        ("/foo", "web", "web/foo"),
        ("!foo/x", "a/b", "!a/b/foo/x"),
        ("x", "a[1]", "a\\[1\\]/**/x"),
        ("x", "#a", "\\#a/**/x"),
    ],
)
def test_a_line_of_a_nested_file_holds_below_it(line: str, directory: str, expected: str) -> None:
    assert translate(line, directory=directory) == expected


@pytest.mark.parametrize(("line", "expected"), [("foo", "**/foo"), ("**/x/y", "**/x/y")])
def test_names_in_files_above_the_context(line: str, expected: str) -> None:
    assert translate(line, directory=None) == expected


@pytest.mark.parametrize("line", ["/services/api/foo", "services/**/foo", "/foo"])
def test_paths_in_files_above_the_context_are_left_out(line: str) -> None:
    with pytest.raises(CannotSayError):
        translate(line, directory=None)


TREE = [
    *("a", "b", "ab", "a.o", "foo/a", "foo/b.o", "foo/bar/a", "foo/bar/c|d", "x/foo", "x/a/foo/b"),
    *("#x", "!x", "a*b", "a|b", "a|c", "{a,b}", "sp ", " sp", "c++", "x/a|b", "abc", "a-b", "A"),
    *("x/]a", "a^", "[a]", "x/y/z/a", "foo/x/y/a.o", "foo/.a", ".a", "a\\b", "a+b", "a.b"),
]
_TEXTS = ["a", "b", "foo", "x", ".o", "ab", *"|{},+^-.#! "]
_WILD = ["*", "**", "?", "/", "/", "/**/", "**/", "/**", r"\*", r"\a", r"\ ", r"\#", r"\\", r"\["]
_CLASSES = [
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-z]",
    "[]a]",
    "[[:alpha:]]",
    r"[\]a]",
    r"[a\-z]",
    "[|]",
    "[*]",
]
pieces = st.sampled_from(_TEXTS + _WILD + _CLASSES)
lines = st.lists(pieces, min_size=1, max_size=5).map("".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("git")
    root = tmp_path_factory.mktemp("repository")
    build_tree(root, [*TREE, directory("empty")])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def entries(root: Path) -> list[tuple[str, bool]]:
    found = [path for path in root.rglob("*") if ".git" not in path.parts]
    names = [(str(path.relative_to(root)), path.is_dir()) for path in found]
    return [(name, is_directory) for name, is_directory in names if name != ".gitignore"]


def ignored_by_git(root: Path, line: str, paths: list[tuple[str, bool]]) -> set[str]:
    """The entries that the line alone matches, by git; those below them do not count."""
    (root / ".gitignore").write_text(line + "\n")
    asked = "\0".join(name for name, _ in paths)
    answer = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin", "--no-index", "--verbose", "--non-matching"],
        cwd=root,
        input=asked.encode(),
        capture_output=True,
        check=False,
    ).stdout.decode()
    records = answer.split("\0")[:-1]
    hits = {records[at + 3] for at in range(0, len(records), 4) if records[at]}
    return {name for name, _ in paths if name in hits}


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@given(line=lines)
def test_git_and_the_builder_agree(builder: Builder, repository: Path, line: str) -> None:
    pattern_class = builder.spec_class.pattern_class
    try:
        translated = translate(line, pattern_class=pattern_class)
    except CannotSayError:
        return
    if translated is None:
        return
    paths = entries(repository)
    rest = line.removeprefix("!")
    by_git = ignored_by_git(
        repository, f"\\{rest}" if rest != line and rest[0] in "!#" else rest, paths
    )
    positive = translated.removeprefix("!")
    check_header([positive])
    spec = builder.spec_class.from_lines(["", positive])
    kinds = dict(paths)
    if not line.rstrip(" ").endswith("/"):
        kinds = dict.fromkeys(kinds, True)
    by_us = {name for name in kinds if _hidden(spec, name, kinds)}
    assert by_us == by_git, (positive, line)


def _hidden(spec: DockerIgnoreSpec, name: str, may: dict[str, bool]) -> bool:
    """Whether the builder ignores it, by those of its directories and itself that may decide."""
    at = [name[:end] for end, char in enumerate(f"{name}/") if char == "/"]
    return any(spec.match_file(each) for each in at if may[each])
