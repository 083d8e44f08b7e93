"""What the walk asks the file system for is what the answer needs, and nothing else.

Counts do not wander with the load of a machine, so they are held here, on small
copies of the benchmark's trees. What is needed is worked out with the plain
evaluation and a matcher of this module's own.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ctxsize.engine import filesystem, walk
from ctxsize.engine.evaluate import PatternByPattern
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.plan import Plan
from tests.resolving import resolve

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
SCALES = {"service": 0.02, "javascript": 0.01, "million": 0.005, "flat": 0.01}
IGNORE_FILES = ("none", "typical", "hard", "allow")


class Counted:
    """The module `os`, with its calls counted."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in ("open", "scandir", "lstat", "fstat", "listxattr", "getxattr", "access"):
            return found

        def counted(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return found(*arguments, **named)

        return counted


class Needed(NamedTuple):
    """What the answer takes."""

    opened: int
    """Directories: the sent ones, and the ignored ones below which an exception may match."""
    files: int
    folders: int
    """The entries that are sent."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import ignorefiles
        import trees

        base = tmp_path_factory.mktemp("bench")
        for name, scale in SCALES.items():
            trees.ensure(trees.TREES[name], base, scale)
        ignorefiles.write(base)
        yield base
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("ignore_file", IGNORE_FILES)
@pytest.mark.parametrize("tree", SCALES)
def test_nothing_is_asked_in_vain(
    bench: Path, tree: str, ignore_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bench / f"{tree}-{SCALES[tree]:g}"
    plan = resolve(str(root), dockerfile=str(bench / "ignore" / ignore_file / "Dockerfile"))
    counted = Counted()
    monkeypatch.setattr(filesystem, "os", counted)
    events = list(walk.Walk(plan))
    monkeypatch.undo()
    need = needed(plan)
    batches = [event for event in events if isinstance(event, Files)]
    assert sum(len(event.names) for event in batches) == need.files
    assert sum(isinstance(event, Folder) for event in events) == need.folders
    assert counted.calls == {
        "open": need.opened,
        "scandir": need.opened,
        "fstat": need.opened,
        "lstat": need.files,
        "listxattr": need.files + need.folders,
    }


def needed(plan: Plan) -> Needed:
    """What of the context must be looked at, pattern by pattern, with an os.scandir of its own."""
    evaluator = PatternByPattern(plan.spec)
    opened = files = 0
    folders: set[str] = set()
    pending = [("", evaluator.root())]
    while pending:
        prefix, state = pending.pop()
        opened += 1
        for entry in os.scandir(f"{plan.root}/{prefix}"):
            path = prefix + entry.name
            inner = evaluator.enter(state, prefix, entry.name)
            if not inner.mark.ignored:
                files += not entry.is_dir(follow_symlinks=False)
                ends = [at for at, char in enumerate(path) if char == "/"]
                folders.update(path[:end] for end in ends)
            if entry.is_dir(follow_symlinks=False):
                if not inner.mark.ignored:
                    folders.add(path)
                if not inner.mark.ignored or comes_back(plan, path, inner.mark.decider):
                    pending.append((f"{path}/", inner))
    return Needed(opened, files, len(folders))


def comes_back(plan: Plan, directory: str, decider: int | None) -> bool:
    """Whether an exception after the pattern that ignored `directory` may match below it."""
    assert decider is not None
    return plan.spec.enters(directory) and any(
        reaches(pattern.text.split("/"), directory.split("/"))
        for pattern in plan.spec.patterns[decider + 1 :]
        if pattern.include is False
    )


def reaches(parts: list[str], path: list[str]) -> bool:
    """Whether a pattern of these parts can match something that lies deeper than `path`."""
    if not parts or not path:
        return bool(parts)
    if parts[0] == "**":
        return reaches(parts, path[1:]) or reaches(parts[1:], path)
    glob = parts[0].replace("[^", "[!")
    return fnmatch.fnmatchcase(path[0], glob) and reaches(parts[1:], path[1:])
