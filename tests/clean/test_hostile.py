"""Hostile trees: nothing is lost that was not proven regenerable.

`carried_out` compares everything else byte by byte after each run.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from errno import EXDEV
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.clean.descent import Descent
from ctxsize.clean.inventory import RECORD, TRASH, is_trash
from ctxsize.errors import InputError
from tests.clean.cleaning import carried_out, codes, delete, paths, planned
from tests.clean.planting import CARGO_TAG, PLANTS, PYC, RUST
from tests.clean.snapshots import snapshot, without
from tests.oracles.availability import require
from tests.oracles.processes import clean_environment, run, without_root_powers
from tests.trees import Node, build_tree, deep_tree, fifo, file, hardlink, link, remove_tree

REPOSITORY = Path(__file__).parents[2]


def rust(root: Path, *more: str | Node) -> Path:
    """A tree with one target directory of Cargo, `app/target`."""
    return build_tree(root / "r", ["app/src/main.rs", *RUST.nodes("app"), *more])


def git(*arguments: str, cwd: Path) -> None:
    environment = clean_environment(
        GIT_AUTHOR_NAME="a",
        GIT_AUTHOR_EMAIL="a@b",
        GIT_COMMITTER_NAME="a",
        GIT_COMMITTER_EMAIL="a@b",
        GIT_CONFIG_GLOBAL=os.devnull,
        HOME=str(cwd),
    )
    subprocess.run(["git", *arguments], cwd=cwd, env=environment, check=True, capture_output=True)


def left_alone(root: Path, code: str, path: str = "app/target") -> None:
    """Assert that the plan leaves `path` alone for this reason, and that nothing is deleted."""
    plan = planned(root)
    assert codes(plan) == {path: code}
    assert carried_out(plan) == {}
    assert paths(plan) == []


# What is in the tree


def test_symlinks_are_deleted_and_not_followed(tmp_path: Path) -> None:
    outside = build_tree(tmp_path / "outside", ["precious", "more/precious"])
    links = [
        link("app/target/debug/out", str(outside)),
        link("app/target/debug/up", "../../src"),
        link("app/target/debug/file", str(outside / "precious")),
        link("app/target/debug/loop", "loop"),
    ]
    before = snapshot(outside)
    root = rust(tmp_path, *links)
    results = carried_out(planned(root))
    assert results["app/target"].done
    assert snapshot(outside) == before


def test_a_symlinked_candidate_is_left_alone(tmp_path: Path) -> None:
    elsewhere = build_tree(tmp_path / "elsewhere", RUST.nodes())
    before = snapshot(elsewhere)
    nodes = ["app/Cargo.toml", link("app/target", str(elsewhere / "target"))]
    root = build_tree(tmp_path / "r", nodes)
    left_alone(root, "symlink")
    assert snapshot(elsewhere) == before


def test_a_symlink_above_leads_nowhere(tmp_path: Path) -> None:
    outside = build_tree(tmp_path / "outside", RUST.nodes("x"))
    before = snapshot(outside)
    root = build_tree(tmp_path / "r", ["a", link("linked", str(outside))])
    assert paths(planned(root)) == []
    assert snapshot(outside) == before


def test_tracked_files_protect_what_they_are_in(tmp_path: Path) -> None:
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    git("add", "-f", "app/target/debug/deps/a.rlib", cwd=root)
    left_alone(root, "tracked")
    assert "git tracks app/target/debug/deps/a.rlib" in planned(root).passed[0].objection.message


def test_a_repository_above_root_counts_too(tmp_path: Path) -> None:
    top = rust(tmp_path)
    git("init", "-q", cwd=top)
    git("add", "-f", "app/target/release/app", cwd=top)
    left_alone(top / "app", "tracked", "target")


def test_every_repository_above_is_asked(tmp_path: Path) -> None:
    """The outer one tracks the file, the inner one was made later and does not."""
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    git("add", "-f", ".", cwd=root)
    git("init", "-q", cwd=root / "app")
    left_alone(root, "tracked")


def test_a_submodule_and_a_worktree_know_what_they_track(tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other", RUST.nodes())
    git("init", "-q", cwd=other)
    git("add", "-f", ".", cwd=other)
    git("commit", "-qm", "x", cwd=other)
    root = build_tree(tmp_path / "r", ["a"])
    git("init", "-q", cwd=root)
    allowed = ("-c", "protocol.file.allow=always")
    git(*allowed, "submodule", "--quiet", "add", str(other), "sub", cwd=root)
    git("worktree", "add", "-q", str(root / "tree"), "-b", "y", cwd=other)
    for name in ("sub", "tree"):
        os.utime(root / name / "target", (0, 0))
    plan = planned(root, recent_s=0)
    assert codes(plan) == {"sub/target": "tracked", "tree/target": "tracked"}
    assert carried_out(plan) == {}


def test_a_submodule_in_a_target(tmp_path: Path) -> None:
    """Not checked out: only the index of the outer repository knows of it."""
    root = rust(tmp_path, "app/target/debug/sub/")
    git("init", "-q", cwd=root)
    entry = "160000,4b825dc642cb6eb9a060e54bf8d69288fbee4904,app/target/debug/sub"
    git("update-index", "--add", "--cacheinfo", entry, cwd=root)
    left_alone(root, "tracked")


@pytest.mark.parametrize("name", [".git/HEAD", ".git", ".hg/store", ".jj/repo", ".svn/wc.db"])
def test_a_repository_below_protects_all_around_it(name: str, tmp_path: Path) -> None:
    left_alone(rust(tmp_path, f"app/target/debug/build/x/out/{name}"), "repository")


def test_a_bare_repository_below(tmp_path: Path) -> None:
    root = rust(tmp_path)
    git("init", "-q", "--bare", "app/target/mirror", cwd=root)
    plan = planned(root, recent_s=0)
    assert codes(plan) == {"app/target": "repository"}
    assert carried_out(plan) == {}


def test_git_that_cannot_answer_protects(tmp_path: Path) -> None:
    root = rust(tmp_path, file("app/.git", b"gitdir: /nowhere/at/all\n"))
    left_alone(root, "git")


def test_a_repository_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    monkeypatch.setenv("PATH", str(tmp_path))
    left_alone(root, "git")


def test_files_tracked_in_between(tmp_path: Path) -> None:
    root = rust(tmp_path)
    git("init", "-q", cwd=root)
    plan = planned(root)
    assert paths(plan) == ["app/target"]
    git("add", "-f", "app/target/release/app", cwd=root)
    result = carried_out(plan)["app/target"]
    assert (result.done, result.message) == (False, "git tracks app/target/release/app")


def test_entries_with_odd_names_and_types_are_deleted(tmp_path: Path) -> None:
    odd = [
        fifo("app/target/debug/pipe"),
        os.fsdecode(b"app/target/debug/\xff\xfe"),
        "app/target/debug/new\nline",
        "app/target/debug/esc\x1b[2J",
        "app/target/debug/-rf",
        hardlink("app/target/release/again", "app/target/release/app"),
        hardlink("app/kept", "app/target/debug/deps/a.rlib"),
    ]
    root = rust(tmp_path, *odd)
    (root / os.fsdecode(b"x\xff\ny")).mkdir()
    build_tree(root / os.fsdecode(b"x\xff\ny"), RUST.nodes())
    results = carried_out(planned(root))
    assert sorted(results) == ["app/target", os.fsdecode(b"x\xff\ny/target")]
    assert all(each.done for each in results.values())
    assert (root / "app/kept").read_bytes() == b"app/target/debug/deps/a.rlib\n"


def test_a_device_is_no_artefact(tmp_path: Path) -> None:
    require("root")
    root = rust(tmp_path)
    os.mknod(root / "app/target/debug/null", 0o20644, os.makedev(1, 3))
    plan = planned(root, recent_s=0)
    assert codes(plan) == {"app/target": "device"}
    assert carried_out(plan) == {}


def test_a_very_deep_tree(tmp_path: Path) -> None:
    root = rust(tmp_path)
    deep_tree(root / "app/target/debug/build", 6_000)
    deep_tree(root / "other", 3_000)
    try:
        plan = planned(root, recent_s=0)
        (item,) = plan.items
        assert item.inventory.directories > 6_000
        (result,) = delete(plan)
        assert result.done
        assert not (root / "app/target").exists()
        assert (root / "app/src/main.rs").exists()
        assert planned(root, recent_s=0).items == ()
    finally:
        remove_tree(root)


def test_a_candidate_at_the_end_of_a_path_that_is_too_long(tmp_path: Path) -> None:
    """Nobody can ask git about it, so it stays."""
    root = build_tree(tmp_path / "r", ["a"])
    here = os.open(root, os.O_RDONLY)
    for _ in range(2_500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.mkdir(".mypy_cache", dir_fd=here)
    tag = os.open(".mypy_cache/CACHEDIR.TAG", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(tag, CARGO_TAG)
    os.close(tag)
    os.close(here)
    try:
        plan = planned(root, recent_s=0)
        assert [each.objection.code for each in plan.passed] == ["too-deep"]
        assert plan.items == ()
    finally:
        remove_tree(root)


# Mounts


@contextmanager
def mounted(*arguments: str, at: Path) -> Iterator[None]:
    require("root")
    subprocess.run(["mount", *arguments, str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_bind_mount_of_the_same_file_system(tmp_path: Path) -> None:
    precious = build_tree(tmp_path / "precious", ["work/a", "b"])
    root = rust(tmp_path, "app/target/debug/mnt/")
    before = snapshot(precious)
    with mounted("--bind", str(precious), at=root / "app/target/debug/mnt"):
        left_alone(root, "mount")
        assert snapshot(precious) == before


def test_a_bind_mount_of_a_file(tmp_path: Path) -> None:
    precious = build_tree(tmp_path / "precious", ["a"])
    root = rust(tmp_path, "app/target/debug/one")
    with mounted("--bind", str(precious / "a"), at=root / "app/target/debug/one"):
        left_alone(root, "mount")
        assert (precious / "a").read_bytes() == b"a\n"


def test_another_file_system(tmp_path: Path) -> None:
    root = rust(tmp_path, "app/target/tmp/")
    with mounted("-t", "tmpfs", "none", at=root / "app/target/tmp"):
        (root / "app/target/tmp/precious").write_bytes(b"work")
        left_alone(root, "mount")
        assert (root / "app/target/tmp/precious").read_bytes() == b"work"


@pytest.mark.parametrize("app", ["app", "an app", "a\rb\n"])
def test_a_candidate_that_is_a_mount(app: str, tmp_path: Path) -> None:
    elsewhere = build_tree(tmp_path / "elsewhere", RUST.nodes())
    root = build_tree(tmp_path / "r", [f"{app}/Cargo.toml", f"{app}/target/"])
    before = snapshot(elsewhere)
    with mounted("--bind", str(elsewhere / "target"), at=root / app / "target"):
        left_alone(root, "mount", f"{app}/target")
        assert snapshot(elsewhere) == before


def test_a_mount_of_an_odd_name_elsewhere(tmp_path: Path) -> None:
    root = rust(tmp_path)
    point = build_tree(tmp_path / "a\rb\rc\n", [])
    with mounted("-t", "tmpfs", "none", at=point):
        assert paths(planned(root)) == ["app/target"]


@pytest.fixture
def unmounted(tmp_path: Path) -> Iterator[None]:
    """Takes away whatever a test mounted."""
    yield
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split(" ")[4]
        if point.startswith(f"{tmp_path}/"):
            subprocess.run(["umount", point], check=True)


@pytest.mark.usefixtures("unmounted")
@pytest.mark.parametrize("moment", ["checked", "renamed"])
def test_a_mount_that_comes_in_between(moment: str, tmp_path: Path) -> None:
    require("root")
    precious = build_tree(tmp_path / "precious", ["work/a", "b"])
    root = rust(tmp_path, "app/target/debug/mnt/")
    before = snapshot(precious)

    def mount(step: str, path: str) -> None:
        if step == moment:
            name = "target" if moment == "checked" else trash_in(root / "app").name
            point = root / "app" / name / "debug/mnt"
            subprocess.run(["mount", "--bind", str(precious), str(point)], check=True)

    (result,) = delete(planned(root), step=mount)
    assert not result.done
    assert "mount" in result.message
    assert result.left == ("app/target",)
    assert snapshot(precious) == before
    assert (root / "app/target/debug/deps/a.rlib").exists()


@pytest.mark.usefixtures("unmounted")
def test_a_mount_that_comes_at_the_last_moment(tmp_path: Path) -> None:
    """After the last comparison: it is not entered, and stays where it was."""
    require("root")
    precious = build_tree(tmp_path / "precious", ["work/a", "b"])
    root = rust(tmp_path, "app/target/debug/mnt/")
    before = snapshot(precious)

    def mount(step: str, path: str) -> None:
        if step == "compared":
            point = trash_in(root / "app") / "debug/mnt"
            subprocess.run(["mount", "--bind", str(precious), str(point)], check=True)

    (result,) = delete(planned(root), step=mount)
    assert not result.done
    assert result.left == ("app/target",)
    assert snapshot(precious) == before
    assert snapshot(root / "app/target/debug/mnt") == before


def trash_in(directory: Path) -> Path:
    (found,) = [each for each in directory.iterdir() if is_trash(each.name)]
    return found


# Use


def test_what_was_just_written_is_left_alone(tmp_path: Path) -> None:
    root = rust(tmp_path)
    (root / "app/target/debug/new.o").write_bytes(b"x")
    left_alone(root, "recent")
    assert paths(planned(root, recent_s=0)) == ["app/target"]


def test_writes_in_the_future(tmp_path: Path) -> None:
    root = rust(tmp_path, file("app/target/x", mtime_ns=time.time_ns() + 10**15))
    left_alone(root, "recent")


HOLD = """
import fcntl, sys
file = open(sys.argv[1])
getattr(fcntl, sys.argv[2])(file, fcntl.LOCK_EX if sys.argv[2] == "flock" else fcntl.LOCK_SH)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def child(script: str, *arguments: str, cwd: Path | None = None) -> Iterator[None]:
    """A process that has said `held` and goes on until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=cwd,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def test_a_process_that_holds_the_lock_of_a_build(tmp_path: Path) -> None:
    root = rust(tmp_path)
    with child(HOLD, str(root / "app/target/debug/.cargo-lock"), "flock"):
        left_alone(root, "in-use")
    assert carried_out(planned(root))["app/target"].done


@pytest.mark.parametrize("how", ["flock", "lockf"])
def test_any_lock_that_the_system_tells_of(how: str, tmp_path: Path) -> None:
    require("root")
    root = rust(tmp_path)
    with child(HOLD, str(root / "app/target/debug/deps/a.rlib"), how):
        left_alone(root, "in-use")


HIDE = """
import fcntl, socket, sys
with open(sys.argv[1][::-1]) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    ends = socket.socketpair()
    socket.send_fds(ends[0], [b"x"], [file.fileno()])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_whose_file_no_visible_process_has_open(tmp_path: Path) -> None:
    root = rust(tmp_path)
    # The open file is on its way through a socket, and the command names it backwards.
    with child(HIDE, str(root / "app/target/debug/deps/a.rlib")[::-1]):
        left_alone(root, "in-use")
    assert carried_out(planned(root))["app/target"].done


def test_a_lock_that_is_taken_in_between(tmp_path: Path) -> None:
    root = rust(tmp_path)
    plan = planned(root)
    with child(HOLD, str(root / "app/target/debug/.cargo-lock"), "flock"):
        result = carried_out(plan)["app/target"]
    assert not result.done
    assert "holds the lock" in result.message


def test_no_build_begins_while_it_is_deleted(tmp_path: Path) -> None:
    root = rust(tmp_path)
    held = []

    def step(name: str, path: str) -> None:
        at = root / "app" / ("target" if name == "checked" else trash_in(root / "app").name)
        with (at / "debug/.cargo-lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(name)

    assert carried_out(planned(root), step)["app/target"].done
    assert held == ["checked", "renamed", "compared"]


WAIT = "import sys; print('held', flush=True); sys.stdin.read()"
OPEN = "import sys; file = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_process_that_is_in_it(tmp_path: Path) -> None:
    root = rust(tmp_path)
    with child(WAIT, cwd=root / "app/target/debug"):
        left_alone(root, "in-use")


def test_a_process_that_has_a_file_open(tmp_path: Path) -> None:
    root = rust(tmp_path)
    with child(OPEN, str(root / "app/target/release/app")):
        left_alone(root, "in-use")
        assert "uses" in planned(root).passed[0].objection.message


def test_a_process_that_comes_in_between(tmp_path: Path) -> None:
    root = rust(tmp_path)
    running = []

    def step(name: str, path: str) -> None:
        if name == "checked":
            context = child(OPEN, str(root / "app/target/release/app"))
            context.__enter__()
            running.append(context)

    try:
        result = carried_out(planned(root), step)["app/target"]
    finally:
        running[0].__exit__(None, None, None)
    assert not result.done
    assert "uses" in result.message


MAP = """
import mmap, sys
file = open(sys.argv[1], "rb")
mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
file.close()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_that_has_a_file_mapped(tmp_path: Path) -> None:
    root = rust(tmp_path)
    with child(MAP, str(root / "app/target/release/app")):
        left_alone(root, "in-use")


@pytest.mark.parametrize("relative", [False, True])
def test_a_process_whose_command_names_it(relative: bool, tmp_path: Path) -> None:
    """As a server that was started from a virtual environment, whose Python is a symlink."""
    root = rust(tmp_path)
    name = "target/release/app" if relative else str(root / "app/target/release/app")
    with child(WAIT, name, cwd=root / "app"):
        left_alone(root, "in-use")


def test_a_command_that_names_what_is_around_it(tmp_path: Path) -> None:
    root = rust(tmp_path)
    with child(WAIT, str(root / "app"), f"--x={root}/app/target", cwd=root):
        assert paths(planned(root)) == ["app/target"]


def test_the_environment_that_runs_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build_tree(tmp_path / "r", PLANTS[9].nodes("app"))
    assert paths(planned(root)) == ["app/.venv"]
    monkeypatch.setattr(sys, "prefix", str(root / "app/.venv"))
    left_alone(root, "in-use", "app/.venv")


@pytest.mark.parametrize("inner", ["", "/debug"])
def test_a_container_that_shows_it(inner: str, tmp_path: Path) -> None:
    """Another mount namespace has a part of it mounted elsewhere."""
    require("root")
    root = rust(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    script = (
        f"mount --bind {root}/app/target{inner} {tmp_path}/elsewhere && cd / && echo held && cat"
    )
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"held\n"
        try:
            left_alone(root, "in-use")
        finally:
            process.stdin.close()
            process.wait(10)
    assert paths(planned(root)) == ["app/target"]


@pytest.mark.parametrize("name", [".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"])
def test_version_control_that_cannot_be_asked(name: str, tmp_path: Path) -> None:
    left_alone(rust(tmp_path, f"{name}/x"), "vcs")


def test_another_run_at_the_same_time(tmp_path: Path) -> None:
    """What the other has renamed is no leftover, and its record no orphan."""
    root = rust(tmp_path)
    seen = []

    def step(name: str, path: str) -> None:
        other = planned(root)
        seen.append((name, paths(other), sorted(codes(other).values()), other.records))

    (result,) = delete(planned(root), step=step)
    assert result.done
    assert seen == [
        # The other holds the lock of the build.
        ("checked", [], ["in-use"], ()),
        ("renamed", [], ["in-use"], ()),
        ("compared", [], ["in-use"], ()),
    ]


# What happens in between

CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda target: (target / "debug/deps/precious").write_bytes(b"work"),
    "a new directory": lambda target: (target / "debug/deps/precious").mkdir(),
    "a new file at the top": lambda target: (target / "precious").write_bytes(b"work"),
    "another content": lambda target: (target / "release/app").write_bytes(b"other"),
    "another file under the name": lambda target: _written(target.parent / "new").replace(
        target / "release/app"
    ),
    "a symlink": lambda target: (target / "debug/link").symlink_to("/"),
    "a repository": lambda target: (target / ".git").mkdir(),
    "a file gone": lambda target: (target / "release/app").unlink(),
    "a directory renamed": lambda target: (target / "debug").rename(target / "Debug"),
}


def _written(path: Path) -> Path:
    path.write_bytes(b"app/target/release/app\n")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    return path


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_plan(change: str, tmp_path: Path) -> None:
    root = rust(tmp_path)
    plan = planned(root)
    CHANGES[change](root / "app/target")
    result = carried_out(plan)["app/target"]
    assert not result.done
    assert "changed" in result.message or "repository" in result.message


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("moment", ["checked", "renamed"])
def test_a_change_while_it_is_renamed(change: str, moment: str, tmp_path: Path) -> None:
    root = rust(tmp_path)
    plan = planned(root)
    after = []

    def step(name: str, path: str) -> None:
        if name == moment:
            renamed = "target" if name == "checked" else trash_in(root / "app").name
            CHANGES[change](root / "app" / renamed)
            after.append(renamed_back(snapshot(root), renamed))

    (result,) = delete(plan, step=step)
    assert not result.done
    assert result.left == ("app/target",)
    assert snapshot(root) == without(after[0], [])


def renamed_back(found: dict[str, tuple[object, ...]], name: str) -> dict[str, tuple[object, ...]]:
    """The snapshot as it is when the renamed directory has its name again and no record."""
    return {
        path.replace(f"app/{name}", "app/target", 1): entry
        for path, entry in found.items()
        if not path.endswith(RECORD)
    }


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_at_the_last_moment(change: str, tmp_path: Path) -> None:
    """After the comparison: what was proven goes, what was not stays, where it was."""
    root = rust(tmp_path)
    plan = planned(root)

    def step(name: str, path: str) -> None:
        if name == "compared":
            CHANGES[change](trash_in(root / "app"))

    before = without(snapshot(root), ["app/target"])
    (result,) = delete(plan, step=step)
    after = snapshot(root)
    assert without(after, ["app/target", "app/new"]) == before
    if change == "a file gone":
        assert result.done
        return
    assert not result.done
    kept = {path for path in after if path.startswith("app/target/")}
    expected = {
        "a new file": {"debug", "debug/deps", "debug/deps/precious"},
        "a new directory": {"debug", "debug/deps", "debug/deps/precious"},
        "a new file at the top": {"precious"},
        "another content": {"release", "release/app"},
        "another file under the name": {"release", "release/app"},
        "a symlink": {"debug", "debug/link"},
        "a repository": {".git"},
        "a directory renamed": {
            *("Debug", "Debug/.cargo-lock", "Debug/deps", "Debug/deps/a.rlib"),
            *("Debug/incremental", "Debug/incremental/a", "Debug/incremental/a/b.o"),
        },
    }[change]
    assert kept == {f"app/target/{path}" for path in expected}


def test_a_file_that_appears_while_it_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file comes into a directory that was listed already: the directory stays."""
    root = rust(tmp_path)
    plan = planned(root)
    rmdir = os.rmdir

    def late(name: str, *, dir_fd: int | None = None) -> None:
        if name == "deps":
            fd = os.open("deps/precious", os.O_CREAT | os.O_WRONLY, dir_fd=dir_fd)
            os.write(fd, b"work")
            os.close(fd)
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", late)
    (result,) = delete(plan)
    assert not result.done
    assert (root / "app/target/debug/deps/precious").read_bytes() == b"work"
    assert result.left == ("app/target",)


@pytest.mark.parametrize("depth", [3, 200])
def test_a_directory_that_is_moved_away_while_it_is_emptied(
    depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way back up leads elsewhere then: nothing there is touched, and the rest is named."""
    root = rust(tmp_path, "app/work/precious", "app/work/d/precious")
    deep_tree(root / "app/target/d", depth)
    plan = planned(root, recent_s=0)
    unlink = os.unlink

    def moving(name: str, *, dir_fd: int | None = None) -> None:
        unlink(name, dir_fd=dir_fd)
        if name == "leaf":
            (trash_in(root / "app") / "d").rename(root / "app/work/moved")

    monkeypatch.setattr(os, "unlink", moving)
    (result,) = delete(plan)
    assert not result.done
    assert result.left == (f"app/{trash_in(root / 'app').name}",)
    assert (root / "app/work/precious").read_bytes() == b"app/work/precious\n"
    assert (root / "app/work/d/precious").read_bytes() == b"app/work/d/precious\n"
    monkeypatch.undo()
    (again,) = delete(planned(root, recent_s=0))
    assert again.done
    assert sorted(path.name for path in (root / "app").iterdir()) == ["Cargo.toml", "src", "work"]


def test_a_way_back_that_leads_elsewhere_is_not_taken(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 100)
    root = build_tree(tmp_path / "ctx", [f"{deep}/x", "other/x"])
    with Descent(str(root)) as descent:
        descent.follow(deep)
        (root / "d/d/d").rename(root / "other/d")
        for _ in range(97):
            descent.leave()
        with pytest.raises(OSError, match="was moved while it was walked"):
            descent.leave()
        assert descent.path == "d/d"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.stat("x", dir_fd=descent.fd)


def test_a_directory_that_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image's lower layer, where overlayfs says EXDEV."""
    root = rust(tmp_path)
    plan = planned(root)

    def refusing(*names: str, **directories: int) -> None:
        raise OSError(EXDEV, os.strerror(EXDEV))

    monkeypatch.setattr(os, "rename", refusing)
    result = carried_out(plan)["app/target"]
    assert not result.done
    assert result.message == "it cannot be renamed: Invalid cross-device link"


def test_a_build_that_makes_the_directory_anew(tmp_path: Path) -> None:
    """There is no way back then: what came is put aside and nothing is overwritten."""
    root = rust(tmp_path)
    plan = planned(root)

    def step(name: str, path: str) -> None:
        if name == "renamed":
            (trash_in(root / "app") / "precious").write_bytes(b"work")
            (root / "app/target").mkdir()
            (root / "app/target/new").write_bytes(b"new")

    (result,) = delete(plan, step=step)
    trash = trash_in(root / "app")
    assert not result.done
    assert result.left == (f"app/{trash.name}",)
    assert (trash / "precious").read_bytes() == b"work"
    assert (trash / "debug/deps/a.rlib").exists()
    assert (root / "app/target/new").read_bytes() == b"new"
    again = planned(root, recent_s=0)
    assert codes(again)[f"app/{trash.name}"] == "changed"
    assert paths(again) == []


@pytest.mark.parametrize("moment", ["plan", "checked"])
def test_a_candidate_that_becomes_a_symlink(moment: str, tmp_path: Path) -> None:
    precious = build_tree(tmp_path / "precious", RUST.nodes())
    before = snapshot(precious)
    root = rust(tmp_path)
    plan = planned(root)

    def swap(step: str = "plan", path: str = "") -> None:
        if step == moment:
            (root / "app/target").rename(root / "app/moved")
            (root / "app/target").symlink_to(precious / "target")

    swap()
    (result,) = delete(plan, step=swap)
    assert not result.done
    assert snapshot(precious) == before
    assert (root / "app/target").is_symlink()
    assert (root / "app/moved/release/app").exists()


def test_a_directory_above_that_becomes_a_symlink(tmp_path: Path) -> None:
    precious = build_tree(tmp_path / "precious", RUST.nodes())
    before = snapshot(precious)
    root = rust(tmp_path)
    plan = planned(root)
    (root / "app").rename(root / "moved")
    (root / "app").symlink_to(precious)
    (result,) = delete(plan)
    assert not result.done
    assert snapshot(precious) == before


def test_a_root_that_is_another_directory_now(tmp_path: Path) -> None:
    root = rust(tmp_path)
    plan = planned(root)
    root.rename(tmp_path / "moved")
    build_tree(tmp_path / "r", ["app/src/main.rs", *RUST.nodes("app")])
    result = carried_out(plan)["app/target"]
    assert not result.done
    assert result.message == "ROOT is another directory now"


def test_a_candidate_that_is_another_directory_now(tmp_path: Path) -> None:
    root = rust(tmp_path)
    plan = planned(root)
    (root / "app/target").rename(root / "app/old")
    build_tree(root / "app", RUST.nodes())
    result = carried_out(plan)["app/target"]
    assert not result.done


# Interruptions


def test_an_interruption_before_anything_is_deleted(tmp_path: Path) -> None:
    root = rust(tmp_path)
    before = snapshot(root)

    def step(name: str, path: str) -> None:
        if name == "renamed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(delete(planned(root), step=step))
    assert snapshot(root) == before


KILLED = """
import os, sys
from ctxsize import api
from tests.clean.cleaning import delete


left = [int(sys.argv[3])]
unlink = os.unlink

def die(*arguments, **named):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), 9)
    unlink(*arguments, **named)

def step(name, path):
    if name == sys.argv[2]:
        os.unlink = die
        if left[0] == 0:
            os.kill(os.getpid(), 9)

list(delete(api.clean_plan(sys.argv[1]), step=step))
"""


def killed(root: Path, moment: str, deletions: int) -> None:
    """A run that is killed after so many deletions."""
    arguments = [sys.executable, "-c", KILLED, str(root), moment, str(deletions)]
    done = subprocess.run(arguments, cwd=REPOSITORY, check=False)
    assert done.returncode == -9


@pytest.mark.parametrize(
    ("moment", "deletions"), [("compared", 1), ("compared", 4), ("renamed", 0)]
)
def test_what_a_killed_run_left_is_offered(moment: str, deletions: int, tmp_path: Path) -> None:
    root = rust(tmp_path)
    killed(root, moment, deletions)
    trash = trash_in(root / "app")
    plan = planned(root)
    (item,) = plan.items
    assert (item.path, item.kind.name, item.kind.ecosystem) == (
        f"app/{trash.name}",
        "leftover",
        "rust",
    )
    assert item.kind.title == "left of target by an interrupted run"
    (result,) = delete(plan)
    assert result.done
    assert sorted(path.name for path in (root / "app").iterdir()) == ["Cargo.toml", "src"]


def test_what_came_to_a_killed_run_is_kept(tmp_path: Path) -> None:
    root = rust(tmp_path)
    killed(root, "compared", 2)
    trash = trash_in(root / "app")
    (trash / "precious").write_bytes(b"work")
    plan = planned(root)
    assert codes(plan) == {f"app/{trash.name}": "changed"}
    assert carried_out(plan) == {}


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"ctxsize-trash": 1}\n', b"\xff\n1234567"])
def test_a_leftover_without_a_good_record_is_kept(content: bytes | None, tmp_path: Path) -> None:
    root = rust(tmp_path)
    killed(root, "compared", 2)
    trash = trash_in(root / "app")
    noted = trash.with_name(trash.name + RECORD)
    noted.unlink() if content is None else noted.write_bytes(content)
    plan = planned(root)
    assert codes(plan) == {f"app/{trash.name}": "not-proven"}
    assert carried_out(plan) == {}


def test_a_record_whose_directory_is_gone_goes_with_the_next_run(tmp_path: Path) -> None:
    root = rust(tmp_path)
    killed(root, "compared", 2)
    trash = trash_in(root / "app")
    noted = trash.with_name(trash.name + RECORD)
    remove_tree(trash)
    imitation = root / "app" / ((TRASH + "0" * 32) + RECORD)
    imitation.write_bytes(b"work")
    before = snapshot(root)
    plan = planned(root)
    assert (paths(plan), plan.records) == ([], (f"app/{noted.name}",))
    assert list(delete(plan)) == []
    assert snapshot(root) == without(before, [f"app/{noted.name}"])


def test_a_record_for_another_directory_proves_nothing(tmp_path: Path) -> None:
    root = rust(tmp_path, "work/a", "work/b")
    killed(root, "compared", 2)
    trash = trash_in(root / "app")
    remove_tree(trash)
    (root / "work").rename(trash)
    plan = planned(root)
    assert codes(plan) == {f"app/{trash.name}": "changed"}
    assert carried_out(plan) == {}


# Permissions


def test_read_only_directories(tmp_path: Path) -> None:
    """As an owner without the powers of root: it is said beforehand and nothing is begun."""
    root = rust(tmp_path)
    (root / "app/target/debug/deps").chmod(0o555)
    before = snapshot(root)
    done = _without_powers("clean", str(root), "--yes", "--format", "json")
    assert done.code == 0
    assert '"read-only"' in done.stdout
    assert snapshot(root) == before


def test_a_failure_in_the_middle_says_what_is_left(tmp_path: Path) -> None:
    """Made read-only after the last look: the rest stays where the report says, and is offered."""
    root = rust(tmp_path)
    script = (
        "import os, sys\n"
        "from ctxsize import api\n"
        "from tests.clean.cleaning import delete\n"
        "from pathlib import Path\n"
        "root = Path(sys.argv[1])\n"
        "def step(name, path):\n"
        "    if name == 'compared':\n"
        "        (trash,) = (root / 'app').glob('.ctxsize-trash-' + '?' * 32)\n"
        "        (trash / 'debug/deps').chmod(0o555)\n"
        "for each in delete(api.clean_plan(sys.argv[1]), step=step):\n"
        "    print(each.done, each.message, each.left)\n"
    )
    argv = without_root_powers([sys.executable, "-c", script, str(root)])
    done = run(argv, env=clean_environment(PYTHONPATH=str(REPOSITORY)))
    trash = next(each for each in (root / "app").iterdir() if is_trash(each.name))
    assert done.stdout.startswith("False 1 of its entries could not be deleted: debug/deps/a.rlib")
    assert trash.name in done.stdout
    left = sorted(path for path in snapshot(trash))
    assert left == ["debug", "debug/deps", "debug/deps/a.rlib"]
    (trash / "debug/deps").chmod(0o755)
    (result,) = delete(planned(root))
    assert result.done
    assert sorted(path.name for path in (root / "app").iterdir()) == ["Cargo.toml", "src"]


def test_a_directory_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    root = rust(tmp_path)
    (root / "app/target/debug/deps").chmod(0)
    done = _without_powers("clean", str(root), "--yes", "--format", "json")
    (root / "app/target/debug/deps").chmod(0o755)
    assert '"unreadable"' in done.stdout
    assert (root / "app/target/debug/deps/a.rlib").exists()


def _without_powers(*arguments: str):  # type: ignore[no-untyped-def]
    argv = without_root_powers([sys.executable, "-m", "ctxsize", *arguments])
    return run(argv, env=clean_environment(PYTHONPATH=str(REPOSITORY), HOME="/root"))


# ROOT


@pytest.mark.parametrize("name", ["home", "home/..", "link"])
def test_roots_that_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = build_tree(tmp_path / "users/home", RUST.nodes("app"))
    (tmp_path / "users/link").symlink_to(home)
    monkeypatch.setenv("HOME", str(home))
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="ROOT must not be"):
        api.clean_plan(str(tmp_path / "users" / name))
    assert snapshot(tmp_path) == before
    assert paths(planned(home / "app")) == ["target"]


@pytest.mark.parametrize("path", ["/", "//", "/..", "/proc/self/root"])
def test_the_root_of_the_file_system_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="ROOT must not be the root of the file system"):
        api.clean_plan(path)


def test_a_home_that_is_mounted_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = build_tree(tmp_path / "home", RUST.nodes("app"))
    other = build_tree(tmp_path / "other", [])
    monkeypatch.setenv("HOME", str(home))
    with mounted("--bind", str(home), at=other), pytest.raises(InputError, match="home"):
        api.clean_plan(str(other))


def test_the_insides_of_a_repository_are_refused(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", RUST.nodes(".git/modules/x"))
    with pytest.raises(InputError, match="repository"):
        api.clean_plan(str(root / ".git/modules"))
    assert planned(root).items == ()


def test_root_itself_is_never_a_candidate(tmp_path: Path) -> None:
    root = rust(tmp_path)
    assert paths(planned(root / "app/target")) == []


def test_a_plan_that_names_something_outside(tmp_path: Path) -> None:
    """Paths in a plan are taken one directory at a time; `..` leads to a name that is no item."""
    root = rust(tmp_path)
    plan = planned(root / "app")
    outside = rust(tmp_path / "x")
    (item,) = planned(outside).items
    forged = replace(plan, items=(replace(item, path="../../x/r/app/target"),))
    before = snapshot(tmp_path)
    (result,) = delete(forged)
    assert not result.done
    assert snapshot(tmp_path) == before


def test_a_file_with_names_in_several(tmp_path: Path) -> None:
    """Deleting the first changes the number of its names in the others, and nothing else."""
    links = [
        hardlink("b/target/debug/deps/a.rlib", "a/target/debug/deps/a.rlib"),
        hardlink("c/target/debug/deps/a.rlib", "a/target/debug/deps/a.rlib"),
    ]
    nodes = [node for name in "abc" for node in RUST.nodes(name)]
    taken = {each.path for each in links}
    kept = [node for node in nodes if not isinstance(node, str) or node not in taken]
    root = build_tree(tmp_path / "r", [*kept, *links])
    results = carried_out(planned(root))
    assert [each.done for each in results.values()] == [True, True, True]


def test_several_at_once_lose_nothing_else(tmp_path: Path) -> None:
    """One is changed in between, the others are deleted all the same."""
    nodes = [node for plant in PLANTS[::3] for node in plant.nodes(plant.kind)]
    root = build_tree(tmp_path / "r", [*nodes, file("p/__pycache__/a.x.pyc", PYC), "p/a.py"])
    plan = planned(root)
    assert len(plan.items) > 8
    odd = plan.items[3].path
    (root / odd / "precious").write_bytes(b"work")
    results = carried_out(plan)
    assert [path for path, each in results.items() if not each.done] == [odd]
