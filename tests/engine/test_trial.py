"""A trial says what a whole walk would say, however little of the context it walks again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine import trial as trials
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.ignorefile import text_of
from ctxsize.engine.plan import with_ignore_file
from ctxsize.engine.snapshot import Sent, SentDifference, Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.engine.trial import Matcher, Trial, mark_of, planned, with_lines
from ctxsize.errors import CtxsizeError
from tests.engine.strategies import nasty_patterns, trees_with_ignore_files
from tests.resolving import resolve
from tests.trees import build_tree, file, hardlink, link

TREE = ["src/a.rs", "src/b.log", "docs/a/deep.md", "docs/b.md", "target/x/y.o", "a.log"]


def all_of(sent: Sent) -> Any:
    return sent.sizes, sent.directories, sent.empty, sent.content_bytes, sent.files


def snapshot_of(root: Path, data: bytes = b"", builder: str = "buildkit") -> Snapshot:
    plan = with_ignore_file(resolve(str(root), builder=BUILDERS[builder]), data)
    return Snapshot(plan, Snapshot.take(plan).root, ())


def changes(lines: list[bytes], more: list[bytes]) -> Iterator[list[bytes]]:
    """The lines without one, with one more, in another order, and others altogether."""
    yield lines[:-1]
    yield lines[1:]
    yield [*lines, *more]
    yield [*more, *lines]
    yield [*lines[1:], *lines[:1]]
    yield more


@pytest.mark.parametrize("many", [0, 1_000])
@pytest.mark.parametrize("builder", BUILDERS)
@given(tree=trees_with_ignore_files(), more=st.lists(nasty_patterns, max_size=2))
def test_trial_equals_whole_walk(
    builder: str, many: int, tree: tuple[list[str], bytes], more: list[str]
) -> None:
    files, data = tree
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "_MANY", many)
        root = build_tree(Path(directory) / "ctx", files)
        try:
            snapshot = snapshot_of(root, data, builder)
            trial = Trial(snapshot)
            assert all_of(trial.before) == all_of(snapshot.sent())
        except CtxsizeError:
            return
        others = [line.encode("utf-8", "surrogateescape") for line in more]
        for lines in changes(data.split(b"\n"), others):
            holds(trial, b"\n".join(lines))


INCLUDES: tuple[Include, ...] = (None, ("a", "foo/*"), ("**/b", "!ab"))


def holds(trial: Trial, data: bytes) -> None:
    for include in INCLUDES:
        try:
            plan = with_ignore_file(trial.plan, data)
            expected = all_of(Snapshot(plan, trial.snapshot.root, ()).sent(include=include))
        except CtxsizeError as error:
            with pytest.raises(type(error)):
                tried(trial, data, include)
        else:
            assert all_of(tried(trial, data, include)) == expected


def tried(trial: Trial, data: bytes, include: Include) -> Sent:
    # A transfer may not reach a faulty pattern at which the walk of the context stops.
    if include is None:
        return trial.attempt(data).sent
    return trial.under(with_ignore_file(trial.plan, data).spec, include)


@pytest.mark.parametrize("data", [b"a-first-name\n", b"target/again\n", b"target\n!target/again\n"])
def test_further_names_are_walked_as_a_whole(data: bytes, tmp_path: Path) -> None:
    nodes = [file("target/again", size_bytes=70), hardlink("a-first-name", "target/again")]
    holds(Trial(snapshot_of(build_tree(tmp_path / "ctx", [*nodes, link("x", "target")]))), data)


@pytest.mark.parametrize("other", [b"!zz*", b"!**/zz", b"!zz", b"z*"])
def test_a_wildcard_in_an_exception_opens_every_directory(other: bytes, tmp_path: Path) -> None:
    """So the earlier exception has an effect in `d/e`, though the new line matches nothing."""
    lines = b"d\n!d/*/**\n"
    trial = Trial(snapshot_of(build_tree(tmp_path / "ctx", ["d/e/f", "g"]), lines))
    holds(trial, lines + other)
    holds(trial, other + b"\n" + lines)
    shown = trial.attempt(lines + other).shown
    assert shown == (["d", "d/e", "d/e/f"] if b"!" in other and b"*" in other else [])


def test_only_what_may_change_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(snapshot_of(build_tree(tmp_path / "ctx", TREE), b"docs\n!docs/a\n"))
    assert "docs/a/deep.md" in trial.before
    monkeypatch.delattr(Snapshot, "sent")
    attempt = trial.attempt(b"docs\n!docs/a\n**/*.log\ntarget\n")
    assert attempt.hidden == ["a.log", "src/b.log", "target", "target/x", "target/x/y.o"]
    assert attempt.shown == attempt.emptied == []
    assert attempt.decider("src/b.log") == "**/*.log"
    assert trial.attempt(b"docs\n!docs/a\nno/such\n").sent is trial.before


def test_below_one_directory_only_the_matching_paths_are_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = [f"app/{path}" for path in TREE]
    trial = Trial(snapshot_of(build_tree(tmp_path / "ctx", below), b"app/docs\n!app/docs/a\n"))
    assert len(trial.before.paths) == 11
    walked: list[str] = []
    walk = Snapshot.walked

    def noted(self: Snapshot, evaluator: Any, root: MemoryDirectory) -> Sent:
        walked.extend(f"{each.prefix}{name}" for each in root.tree() for name in each.entries)
        return walk(self, evaluator, root)

    monkeypatch.setattr(Snapshot, "walked", noted)
    attempt = trial.attempt(b"app/docs\n!app/docs/a\n**/*.log\n!app/docs/b.md\n")
    assert attempt.hidden == ["app/a.log", "app/src/b.log"]
    assert attempt.shown == ["app/docs/b.md"]
    assert sorted(walked) == ["app/a.log", "app/docs/a/deep.md", "app/docs/b.md", "app/src/b.log"]


def test_an_ignore_file_is_planned_where_a_directory_is(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [".dockerignore/readme", "a"])
    trial = Trial(planned(snapshot_of(root)))
    hidden = trial.attempt(b".dockerignore\n").hidden
    assert hidden == [".dockerignore", ".dockerignore/readme"]
    holds(trial, b".dockerignore\n")


def test_what_is_emptied(tmp_path: Path) -> None:
    trial = Trial(snapshot_of(build_tree(tmp_path / "ctx", ["vendor/keep"]), b"!vendor/keep\n"))
    attempt = trial.attempt(b"vendor\n!vendor/keep\n**/vendor\n")
    assert attempt.emptied == ["vendor/keep"]
    found = SentDifference(attempt.before, attempt.sent)
    assert found.paths == found.resized == {"vendor/keep"}


def test_each_line_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(snapshot_of(build_tree(tmp_path / "ctx", TREE)))
    lines = ["docs", "*.log", "docs"]
    first = trial.attempt(with_lines(trial.plan, lines))
    monkeypatch.delattr(trial.plan.builder.spec_class.pattern_class, "__init__")
    again = trial.attempt(with_lines(trial.plan, lines[1:]))
    numbers = [[each.line for each in attempt.plan.spec.patterns] for attempt in (first, again)]
    assert numbers == [[1, 2, 3], [1, 2]]


def test_the_ignore_file_is_part_of_the_context(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", TREE)
    trial = Trial(planned(snapshot_of(root)))
    assert trial.before.size(".dockerignore") == 0
    written = trial.written(trial.attempt(b"docs\n"))
    (root / ".dockerignore").write_bytes(b"docs\n")
    assert all_of(written.sent()) == all_of(Snapshot.take(resolve(str(root))).sent())


def test_no_tree_is_too_deep(tmp_path: Path) -> None:
    top = held = MemoryDirectory("")
    for _ in range(2_000):
        held.folders["d"] = MemoryDirectory(f"{held.prefix}d")
        held = held.folders["d"]
    held.entries["x.log"] = 5
    plan = with_ignore_file(resolve(str(tmp_path)), b"none\n")
    trial = Trial(Snapshot(plan, top, ()))
    attempt = trial.attempt(b"none\n**/*.log\n")
    assert attempt.hidden == [f"{held.prefix}x.log"]
    assert mark_of(attempt.plan.spec, f"{held.prefix}x.log").ignored


@pytest.mark.parametrize("builder", BUILDERS)
@given(tree=trees_with_ignore_files())
def test_patterns_found_in_one_pass(builder: str, tree: tuple[list[str], bytes]) -> None:
    files, data = tree
    with tempfile.TemporaryDirectory() as directory:
        root = build_tree(Path(directory) / "ctx", files)
        try:
            snapshot = snapshot_of(root, data, builder)
        except CtxsizeError:
            return
    spec = snapshot.plan.spec
    if any(each.fault for each in spec.patterns):
        return
    matcher, root = Matcher(spec), snapshot.root
    paths = [held.prefix + name for held in root.tree() for name in (*held.entries, *held.folders)]
    one_by_one = {
        path: [at for at, each in enumerate(spec.patterns) if each.matches(path)] for path in paths
    }
    assert dict(matcher.in_tree(root)) == {path: at for path, at in one_by_one.items() if at}
    for path in paths:
        assert matcher.indexes(path) == one_by_one[path]
        step, mark = [*spec.steps(path)][-1][1], mark_of(spec, path)
        assert (mark.ignored, mark.decider) == (step.ignored, step.decider)


@pytest.mark.parametrize("builder", BUILDERS)
@given(tree=trees_with_ignore_files())
def test_the_line_that_decides(builder: str, tree: tuple[list[str], bytes]) -> None:
    files, data = tree
    with tempfile.TemporaryDirectory() as directory:
        root = build_tree(Path(directory) / "ctx", files)
        try:
            attempt = Trial(snapshot_of(root, b"", builder)).attempt(data)
        except CtxsizeError:
            return
    spec, lines = attempt.plan.spec, data.split(b"\n")
    if any(each.fault for each in spec.patterns):
        return
    for path in {above for each in files for above in up_to(each)}:
        index = spec.check_file(path).index
        line = 0 if index is None else spec.patterns[index].line
        assert attempt.decider(path) == (text_of(lines[line - 1]) if line else None)
