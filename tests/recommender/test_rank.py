"""The order of suggestions, and which are worth a line."""

from __future__ import annotations

from pathlib import Path

from ctxsize import api
from ctxsize.knowledge.rules import all_rules
from ctxsize.recommender.outcome import Doubt, Match, Objection, Suggestion
from ctxsize.recommender.ranking import ranked
from ctxsize.recommender.tree import Sums
from tests.trees import Node, build_tree, file

MB = 1_000_000


DOUBT = Objection("tracked", Doubt("git tracks it"))


def suggestion(
    rule: str, *paths: str, safe: bool = True, keeps: tuple[str, ...] = ()
) -> Suggestion:
    matches = tuple(Match(all_rules()[rule], "", path, "it") for path in paths)
    return Suggestion(matches, paths, () if safe else (DOUBT,), keeps)


def order(*suggestions: Suggestion, sums: dict[str, Sums]) -> list[tuple[str, int]]:
    found = ranked(suggestions, sums, sums)
    return [(each.rule.name, each.size.context.content_bytes) for each in found]


def test_most_bytes_first_safe_before_unsafe() -> None:
    sums = {
        "": Sums(3, 111 * MB),
        "a": Sums(1, 1 * MB),
        "b": Sums(1, 10 * MB),
        "c": Sums(1, 100 * MB),
    }
    found = order(
        suggestion("rust.target", "a"),
        suggestion("ml.data", "c", safe=False),
        suggestion("node.modules", "b"),
        sums=sums,
    )
    assert found == [("node.modules", 10 * MB), ("rust.target", 1 * MB), ("ml.data", 100 * MB)]


def test_what_is_covered_counts_once() -> None:
    sums = {"": Sums(9, 9 * MB), "a": Sums(8, 8 * MB), "a/b": Sums(5, 5 * MB), "c": Sums(1, MB)}
    inner, outer = suggestion("python.bytecode", "a/b", "c"), suggestion("rust.target", "a")
    assert order(inner, outer, sums=sums) == [
        ("rust.target", 8 * MB),
        ("python.bytecode", 1 * MB),
    ]
    doubtful = suggestion("rust.target", "a", safe=False)
    assert order(inner, doubtful, sums=sums) == [
        ("python.bytecode", 6 * MB),
        ("rust.target", 3 * MB),
    ]
    covered = suggestion("python.bytecode", "a/b")
    assert order(outer, covered, sums=sums) == [("rust.target", 8 * MB)]


def test_small_and_inert_is_not_worth_a_line_but_volatile_and_secret_is() -> None:
    sums = {"": Sums(3, 300 * MB), "a": Sums(1, 900), "b": Sums(1, 900), "c": Sums(1, 900)}
    found = order(
        suggestion("rust.crash", "a"),
        suggestion("vcs.git", "b"),
        suggestion("secrets.env", "c"),
        sums=sums,
    )
    assert {name for name, _ in found} == {"vcs.git", "secrets.env"}


def test_volatile_counts_only_where_it_travels() -> None:
    context = {"": Sums(2, 300 * MB), "a": Sums(1, 900)}
    assert ranked([suggestion("vcs.git", "a")], context, {"": Sums(1, MB)}) == []


def test_many_files_weigh_as_bytes_do() -> None:
    sums = {"": Sums(10_001, 2 * MB), "a": Sums(10_000, 0), "b": Sums(1, 2 * MB)}
    few, many = suggestion("rust.target", "b"), suggestion("node.modules", "a")
    assert [name for name, _ in order(few, many, sums=sums)] == [
        "node.modules",
        "rust.target",
    ]


def test_what_stays_of_a_directory_is_not_saved() -> None:
    sums = {"": Sums(9, 9 * MB), "a": Sums(9, 9 * MB), "a/app": Sums(1, 4 * MB)}
    kept = suggestion("rust.target", "a", keeps=("a/app",))
    assert order(kept, sums=sums) == [("rust.target", 5 * MB)]


def test_a_size_equal_to_the_limit_is_worth_a_line() -> None:
    """256 KiB, of which a file weighs as much as 16 KiB of bytes."""
    equal = 240 * 1024
    for content_bytes, shown in ((equal, [("rust.crash", equal)]), (equal - 1, [])):
        sums = {"": Sums(2, MB), "a": Sums(1, content_bytes)}
        assert order(suggestion("rust.crash", "a"), sums=sums) == shown


def test_the_share_is_of_what_is_left_once_the_others_are_written(tmp_path: Path) -> None:
    """Else a second run finds worth a line what the first one did not."""
    nodes: list[str | Node] = [
        file("Dockerfile", b"FROM alpine\nCOPY src /src\n"),
        "src/a",
        file(".claude/settings.json", b"{}"),
        file(".claude/history", size_bytes=400 * MB),
        file(".idea/workspace.xml", b"<project/>"),
        file(".idea/x.xml", size_bytes=300_000),
    ]
    root = str(build_tree(tmp_path / "ctx", nodes))
    first = api.suggest(root, write=True)
    assert "**/.idea" in {pattern for each in first.suggestions for pattern in each.patterns}
    assert api.suggest(root).edit is None
