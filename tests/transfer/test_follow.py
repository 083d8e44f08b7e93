"""From the paths of a Dockerfile to include patterns, over trees with symlinks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctxsize.engine.narrow import follow
from ctxsize.errors import BuildFailsError
from ctxsize.go.wildcards import has_wildcards, match
from tests.oracles.golibrary import GoLibrary
from tests.transfer.planting import Plant, links, paths, patterns
from tests.trees import Node, build_tree, link

LINKS: list[str | Node] = [
    "src/a.py",
    "src/deep/b.py",
    "other/c",
    "file",
    link("to-dir", "src"),
    link("to-file", "src/a.py"),
    link("absolute", "/src/deep"),
    link("up", "../../../src"),
    link("root", "."),
    link("nowhere", "gone/away"),
    link("self", "self"),
    link("ping", "pong/x"),
    link("pong", "ping/y"),
    link("chain", "to-dir/deep"),
    link("src/back", "../other"),
    link("glob-1", "src"),
    link("glob-2", "other/c"),
    link("-early", "file"),
    link("[x]", "src"),
]

CASES = [
    (["src"], ["src"]),
    (["missing/deep"], ["missing/deep"]),
    (["file/below"], ["file/below"]),
    (["src/a.py", "src"], ["src"]),
    # "src-x" sorts between "src" and "src/a.py", which therefore stays.
    (["src", "src/a.py", "src-x"], ["src", "src-x", "src/a.py"]),
    (["to-dir"], ["src", "to-dir"]),
    (["to-dir/a.py"], ["src/a.py", "to-dir"]),
    (["to-file"], ["src/a.py", "to-file"]),
    (["absolute/b.py"], ["absolute", "src/deep/b.py"]),
    (["up/a.py"], ["src/a.py", "up"]),
    (["root/src"], ["root", "src"]),
    (["root"], None),
    (["."], None),
    (["nowhere/x"], ["gone/away/x", "nowhere"]),
    (["self"], ["self"]),
    (["self/x"], ["self"]),
    (["ping"], ["ping", "pong"]),
    (["chain/b.py"], ["chain", "src/deep/b.py", "to-dir"]),
    (["src/back/c"], ["other/c", "src/back"]),
    # What was met before is not followed again, so the second path stays behind.
    (["to-dir/a.py", "to-dir/deep"], ["src/a.py", "to-dir"]),
    (["glob-*"], ["glob-*", "other/c", "src"]),
    (["glob-*/a.py"], ["glob-*", "other/c/a.py", "src/a.py"]),
    (["glob-[1]"], ["glob-[1]", "src"]),
    (["sr?/back"], ["sr?/back"]),
    (["s*/*"], ["s*", "self"]),
    (["*.md"], ["*.md"]),
    (["src/*"], ["other", "src/*"]),
    ([r"\[x\]/a.py"], [r"\[x\]/a.py"]),
    (["[x]/a.py"], ["[x]/a.py"]),
    (["[/a"], ["[/a"]),
    (["src//./deep/../a.py"], ["src/a.py"]),
    (["é", "z", "a"], ["a", "z", "é"]),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("follow") / "context", LINKS)


@pytest.mark.parametrize(("paths", "patterns"), CASES)
def test_paths_become_the_patterns_that_fsutil_makes(
    tree: Path, paths: list[str], patterns: list[str] | None
) -> None:
    found = follow(str(tree), paths)
    assert found == (None if patterns is None else tuple(patterns))


@pytest.mark.parametrize("paths", [case[0] for case in CASES])
def test_the_library_says_the_same(tree: Path, golibrary: GoLibrary, paths: list[str]) -> None:
    answer = golibrary.ask(root=tree, follow=paths)
    assert follow(str(tree), paths) == answer.includes


def test_what_cannot_be_looked_at_stops_the_build(tree: Path) -> None:
    with pytest.raises(BuildFailsError, match=r"error from sender: n+: file name too long"):
        follow(str(tree), ["n" * 300])


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "", True),
        ("*", "a", True),
        ("a?c", "abc", True),
        ("a?c", "aéc", True),
        ("a??c", "aéc", False),
        ("*??", "日", True),
        ("?", "\udcff", True),
        ("[a-c]", "b", True),
        ("[^a-c]", "b", False),
        ("[^a-c]", "é", True),
        ("[!a]", "a", True),
        ("[à-ï]", "é", True),
        ("[\\]]", "]", True),
        ("[]a]", "]", False),
        ("[a-]", "a", False),
        ("[a", "a", False),
        ("[-a]", "a", False),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a\\", "a", False),
        ("[*]", "*", True),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXcYb", False),
    ],
)
def test_wildcards_match_as_in_go(pattern: str, name: str, matches: bool) -> None:
    assert match(pattern, name) is matches


@pytest.mark.parametrize(
    ("name", "wild"),
    [("a", False), ("a]", False), ("a\\*", False), ("\\\\*", True), ("[", True), ("a\\", False)],
)
def test_a_backslash_makes_a_wildcard_none(name: str, wild: bool) -> None:
    assert has_wildcards(name) is wild


@pytest.mark.fuzz
@given(files=st.lists(paths, max_size=5), symlinks=links, asked=st.lists(patterns, min_size=1))
@example(files=["b/c"], symlinks={"a": "b", "b/a": "/a"}, asked=["a/a/c", "a/c"])
def test_random_links(
    golibrary: GoLibrary,
    plant: Plant,
    files: list[str],
    symlinks: dict[str, str],
    asked: list[str],
) -> None:
    tree = plant(files, symlinks)
    answer = golibrary.ask(root=tree, follow=asked)
    try:
        assert follow(str(tree), asked) == answer.includes
    except BuildFailsError as error:
        assert answer.walk_error.endswith(error.message.rpartition(": ")[2])  # noqa: PT017
