"""Lines that can go, and those that only look so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from ctxsize.engine.builders import BUILDERS, BUILDKIT, Builder
from ctxsize.engine.snapshot import Snapshot
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.modes.draft import tidy
from ctxsize.recommender.outcome import IgnoreFileChange
from tests.engine.strategies import trees_with_ignore_files
from tests.resolving import resolve
from tests.trees import build_tree, file, remove_tree


def tidied(
    root: Path, lines: list[str], tree: list[str] | None = None, builder: Builder = BUILDKIT
) -> IgnoreFileChange:
    build_tree(root, [file(".dockerignore", "\n".join([*lines, ""]).encode()), *(tree or ["x"])])
    return tidy(Snapshot.take(resolve(str(root), builder=builder)))


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["a", "b", "a"], ["a", "b"]),
        (["a/", "./a"], ["a/"]),
        (["a", "!a/x", "a"], ["a", "!a/x", "a"]),
        (["# why", "a", "", "**/a"], ["# why", "", "**/a"]),
        (["**/*.log", "debug.log", "logs/x.log"], ["**/*.log"]),
        (["a", "a/b"], ["a"]),
        (["a/b", "a"], ["a"]),
        (["*", "!b", "a", "a/b"], ["*", "!b", "a", "a/b"]),
        (["*", "!b", "**/a", "a"], ["*", "!b", "**/a"]),
        (["a/**", "a"], ["a"]),
        (["*", "!b", "a/**", "a"], ["*", "!b", "a/**", "a"]),
        (["../x", "/", "a"], ["a"]),
        (["!b", "a"], ["!b", "a"]),
        (["a", "!b"], ["a", "!b"]),
        (["a", "!a/b", "c"], ["a", "!a/b", "c"]),
        (["*", "!a", "a"], ["*", "!a", "a"]),
        (["*", "!a", "!b", "a"], ["*", "!a", "!b", "a"]),
        (["a/x", "!a/x", "a/x"], ["a/x", "!a/x", "a/x"]),
        (["**/x", "!**/y"], ["**/x", "!**/y"]),
        (["a", "!*.md"], ["a", "!*.md"]),
        (["*", "!b", "!b"], ["*", "!b"]),
        (["../x", "!../*"], ["!../*"]),
        (["*", "!a/b", "!**/x", "!a/b"], ["*", "!a/b", "!**/x"]),
        (["!b", "a", "!**/x"], ["!b", "a", "!**/x"]),
        (["*", "*", "a*["], ["*", "*", "a*["]),
        (["*", "!x", "../y", "!x"], ["*", "!x"]),
    ],
)
def test_tidy_keeps_just_the_lines_that_matter(
    tmp_path: Path, lines: list[str], kept: list[str]
) -> None:
    plan = tidied(tmp_path, lines, ["a/b", "a/x/c", "b", "debug.log", "x/a/b"])
    assert plan.after is not None
    assert plan.after.decode().splitlines() == kept


def test_it_says_why(tmp_path: Path) -> None:
    plan = tidied(tmp_path, ["node_modules", "**/node_modules", "!README.md", "absent"])
    assert [(each.line, each.text, each.why) for each in plan.removed] == [
        (1, "node_modules", "**/node_modules on line 2 ignores all that it matches"),
    ]
    assert [(note.line, note.subject) for note in plan.notes] == [
        (2, "**/node_modules"),
        (3, "!README.md"),
        (4, "absent"),
    ]


def test_a_mistake_in_the_proof_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctxsize.recommender.modes.draft._why", lambda *_: "a mistake")
    plan = tidied(tmp_path, ["x"])
    assert (plan.after, plan.removed) == (b"x\n", ())


def test_line_ends_and_comments_stay(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfa\r\n# b\r\n**/a\r\n\r\nz"
    build_tree(tmp_path, [file(".dockerignore", data), "x"])
    plan = tidy(Snapshot.take(resolve(str(tmp_path))))
    assert plan.after == b"\xef\xbb\xbf# b\r\n**/a\r\n\r\nz"


def test_without_a_file(tmp_path: Path) -> None:
    plan = tidy(Snapshot.take(resolve(str(tmp_path))))
    assert plan.impossible
    assert plan.after is None


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
@given(case=trees_with_ignore_files(), other=trees_with_ignore_files())
def test_a_tidy_file_means_the_same_on_another_tree(
    builder: Builder,
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[list[str], bytes],
    other: tuple[list[str], bytes],
) -> None:
    """The proof is for every tree: what is tidied here is tried on a tree that it never saw."""
    files, data = case
    root = tmp_path_factory.mktemp("tidy")
    try:
        build_tree(root, [name for name in files if name != ".dockerignore"])
        (root / ".dockerignore").write_bytes(data + b"\n" + data)
        plan = tidy(Snapshot.take(resolve(str(root), builder=builder)))
        assert plan.after is not None
        again = tmp_path_factory.mktemp("again")
        build_tree(again, [name for name in other[0] if name != ".dockerignore"])
        (again / ".dockerignore").write_bytes(data + b"\n" + data)
        before = Snapshot.take(resolve(str(again), builder=builder)).sent()
        (again / ".dockerignore").write_bytes(plan.after)
        after = Snapshot.take(resolve(str(again), builder=builder)).sent()
    except (CtxsizeError, OSError):
        return
    finally:
        remove_tree(root)
    assert before.paths - {".dockerignore"} == after.paths - {".dockerignore"}
    assert before.empty == after.empty
