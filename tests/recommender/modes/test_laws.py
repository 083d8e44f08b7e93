"""Laws of the modes over random trees, Dockerfiles and ignore files.

No mode hides what a Dockerfile takes by name; what was planned is what is
measured after writing; a second run has nothing to do; nothing that is ignored
comes back.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.errors import CtxsizeError
from tests.oracles.availability import require
from tests.recommender.test_laws import PATTERNS, dockerfiles, everything, nodes, taken_by_name
from tests.recommender.test_suggest import measured
from tests.resolving import resolve
from tests.trees import Node, build_tree, file

GIT_PATTERNS = [
    *("target/", "/target", "node_modules", "*.log", "!app.log", "a/*", "!a/b", "docs/**"),
    *("**/debug", ".env", "build/", "*.[ls]o*", "!README.md", "[!a]*.rs", "b/"),
]
ignore_files = st.none() | st.lists(st.sampled_from(PATTERNS), max_size=4).map("\n".join)
git_files = st.lists(st.sampled_from(GIT_PATTERNS), min_size=1, max_size=5).map("\n".join)


def plant(
    place: str, tree: list[str | Node], dockerfile: str, own: str | None, *more: Node
) -> Path | None:
    """The tree on disk; None if there is no such tree."""
    nodes = [*tree, file("Dockerfile", dockerfile.encode()), *more]
    nodes += [] if own is None else [file(".dockerignore", own.encode())]
    try:
        return build_tree(Path(place) / "ctx", nodes)
    except (OSError, ValueError):
        event("no such tree")
        return None


def sent(root: Path) -> Sent:
    return Snapshot.take(resolve(str(root))).sent()


def check(root: Path, mode: str, dockerfile: str, like: str | None = None) -> set[str]:
    """What the plan of `mode` hides once it is written; everything that must hold does."""
    try:
        planned = api.plan_ignore_file(str(root), mode=mode, like=like)
    except CtxsizeError as error:
        event(f"no build: {type(error).__name__}")
        return set()
    if planned.edit is None:
        event("impossible" if planned.change.impossible else "nothing to do")
        return set()
    event("a plan")
    before = everything(root)
    written = api.plan_ignore_file(str(root), mode=mode, like=like, write=True)
    after = everything(root)
    assert taken_by_name(root, dockerfile) & before - after == set()
    assert after - before <= {".dockerignore"}
    assert written.after == planned.after
    assert (written.after.context, written.after.transfer) == measured(root)
    again = api.plan_ignore_file(str(root), mode=mode, like=like)
    assert again.edit is None, again.change
    return before - after


@pytest.mark.fuzz
@given(nodes(), dockerfiles(), ignore_files)
def test_an_allow_list_leaves_the_transfer_alone(
    tree: list[str | Node], dockerfile: str, own: str | None
) -> None:
    with tempfile.TemporaryDirectory() as place:
        dockerfile = dockerfile.replace("COPY . ", "COPY a ").replace("COPY * ", "COPY b ")
        root = plant(place, tree, dockerfile, own)
        if root is None:
            return
        travels = api.measure(str(root)).transfer
        hidden = check(root, "allowlist", dockerfile)
        after = api.measure(str(root))
        if hidden and travels is not None and after.transfer is not None:
            assert after.transfer.content_bytes == travels.content_bytes
            assert after.transfer.wire_bytes == travels.wire_bytes


@pytest.mark.fuzz
@given(nodes(), dockerfiles(), ignore_files, st.lists(st.sampled_from(PATTERNS), max_size=5))
def test_parity_breaks_no_build(
    tree: list[str | Node], dockerfile: str, own: str | None, other: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = plant(place, tree, dockerfile, own)
        if root is not None:
            build_tree(Path(place) / "other", [file(".dockerignore", "\n".join(other).encode())])
            check(root, "like", dockerfile, str(Path(place) / "other/.dockerignore"))


@pytest.mark.fuzz
@given(nodes(), dockerfiles(), ignore_files, git_files, st.sets(st.integers(0, 20)))
def test_just_what_git_ignores_disappears(
    tree: list[str | Node], dockerfile: str, own: str | None, lines: str, tracked: set[int]
) -> None:
    require("git")
    with tempfile.TemporaryDirectory() as place:
        ignored = file(".gitignore", lines.encode())
        root = plant(place, tree, dockerfile, own, ignored)
        if root is None:
            return
        files = sorted(path for path in sent(root).paths if path not in sent(root).directories)
        added = [path for at, path in enumerate(files) if at in tracked]
        run(root, "init", "-q")
        run(root, "add", "-f", "--", *added)
        others = run(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard")
        allowed = set(filter(None, others.split("\0")))
        hidden = check(root, "from-gitignore", dockerfile)
        assert {path for path in hidden if path in files} <= allowed


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)
    return done.stdout.decode()
