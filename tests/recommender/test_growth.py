"""What `suggest` does for many files grows with what rules ask: counted, and not timed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctxsize.recommender import facts
from ctxsize.recommender.grounds import may_read, without_remarks
from tests.counting import Counts, counts
from tests.engine.native.both import core
from tests.trees import Node, build_tree, directory, file

FEW, MANY = 20, 100
NODE = [
    file("Dockerfile", b"FROM node\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"),
    file("package.json", b'{"dependencies": {"p0": "1"}}'),
    file("package-lock.json", b"{}"),
]


REPOSITORY = [
    file(".git/HEAD", b"ref: refs/heads/main\n"),
    directory(".git/objects"),
    directory(".git/refs"),
]


def counted(base: Path, layout: Callable[[int], list[Node]]) -> tuple[Counts, Counts]:
    """Return the counts of `suggest` with few and with many directories."""
    core()  # skips, or fails in CI, without it
    sizes = (FEW, MANY)
    for size in (1, *sizes):
        build_tree(base / str(size) / "context", layout(size))
    few, many = counts(base, ["suggest", "1/context"], ["suggest", "context"], map(str, sizes))
    return few, many


def proved(count: int) -> list[Node]:
    names = ("package.json", "index.js", "index.js.map", "a.log", ".env", "README.md")
    packages = [f"node_modules/p{number}/{name}" for number in range(count) for name in names]
    return [*NODE, *(file(path, b"a" * 500) for path in packages)]


def unknown(count: int, size_bytes: int = 20_000) -> list[Node]:
    # A name without an ending may be that of a script; `test_any_name.py` bounds how many are read.
    names = ("a.zzz", "b.yyy", "c.xxx", "d.rb.x")
    paths = [f"data/p{number}/{name}{number}" for number in range(count) for name in names]
    return [*NODE, *(file(path, size_bytes=size_bytes) for path in paths)]


def asked(count: int) -> list[Node]:
    """Files that three rules know: one look at the content answers all of them."""
    paths = [f"data/p{number}/a.o" for number in range(count)]
    return [*NODE, *(file(path, b"a" * 500) for path in paths)]


def unproved(count: int) -> list[Node]:
    """Large files and directories that git ignores, and nothing else is known of them."""
    names = ("a.rlib", "b.rmeta", "c.d", "d")
    paths = [f"target/p{number}/{name}{number}" for number in range(count) for name in names]
    files = [file(path, size_bytes=1_100_000) for path in paths]
    dockerfile = file("Dockerfile", b"FROM debian\nWORKDIR /app\nCOPY . .\nRUN make\n")
    return [dockerfile, file(".gitignore", b"/target/\n"), *REPOSITORY, *files]


def extensions(count: int) -> list[Node]:
    """Files that git ignores and that could be extension modules, without sources beside them."""
    files = [file(f"target/p{number}/a.so", b"a" * 500) for number in range(count)]
    return [*NODE, file(".gitignore", b"/target/\n"), *REPOSITORY, *files]


@pytest.mark.parametrize("layout", [proved, unknown, extensions])
def test_nothing_is_opened_that_no_rule_asks_for(
    layout: Callable[[int], list[Node]], tmp_path: Path
) -> None:
    """Below a proved directory, files whose names no rule knows, and those that lie elsewhere."""
    few, many = counted(tmp_path, layout)
    assert many["open"] == few["open"]


def test_nothing_is_listed_or_matched_below_a_proved_directory(tmp_path: Path) -> None:
    few, many = counted(tmp_path, proved)
    assert many["os.scandir"] == few["os.scandir"]
    # Each directory has 6 files, and there are 370 rules.
    assert (many["calls"] - few["calls"]) / (MANY - FEW) < 170


def test_an_unknown_name_costs_few_calls(tmp_path: Path) -> None:
    few, many = counted(tmp_path, unknown)
    # Each directory has 4 files, and is looked through for manifests of tools.
    assert (many["calls"] - few["calls"]) / (MANY - FEW) < 600


def test_a_file_is_opened_once_for_all_rules(tmp_path: Path) -> None:
    few, many = counted(tmp_path, asked)
    assert many["open"] - few["open"] <= MANY - FEW


def test_a_small_file_of_unknown_kind_is_opened_once(tmp_path: Path) -> None:
    """Its first bytes may be those of a private key."""
    few, many = counted(tmp_path, lambda count: unknown(count, 500))
    assert many["open"] - few["open"] == 4 * (MANY - FEW)
    assert (many["calls"] - few["calls"]) / (MANY - FEW) < 1000


def test_what_git_ignores_costs_few_calls_for_each_match(tmp_path: Path) -> None:
    few, many = counted(tmp_path, unproved)
    # Each directory is a match, and so is each of its 4 files.
    assert (many["calls"] - few["calls"]) / (MANY - FEW) / 5 < 420


def test_the_words_of_a_long_text_are_found_once_for_all_names() -> None:
    """Thousands of matches asked a Compose file of 59 kB for its words, each anew."""
    text = "\n".join(f"word{number}: &anchor path/{number}" for number in range(3000))
    facts._words_of_long.cache_clear()
    for number in range(MANY):
        assert facts.is_named(f"path/{number}", text)
    assert facts._words_of_long.cache_info().misses == 1


def test_comments_are_found_once_for_all_names_in_a_source() -> None:
    text = "".join(f"open('dir{number}/x')  # dir{number}\n" for number in range(MANY))
    without_remarks.cache_clear()
    for number in range(2 * MANY):
        assert may_read("src/a.py", text, f"dir{number}") is (number < MANY)
    assert without_remarks.cache_info().misses == 1


def test_only_words_that_may_name_a_match_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script has thousands of words, and a project thousands of matches."""
    looked_at = []
    agree = facts._agree
    monkeypatch.setattr(facts, "_agree", lambda *parts: looked_at.append(parts) or agree(*parts))
    text = " ".join(f"some/path{number}/x" for number in range(500)) + " build/*.o *"
    assert facts.is_named("path7", text)
    assert not facts.is_named("missing", text)
    assert facts.is_named("a.o", text)
    assert len(looked_at) < 10
