"""What git ignores disappears from the build, and nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.snapshot import Snapshot
from ctxsize.recommender.modes import from_gitignore
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.outcome import IgnoreFileChange
from tests.resolving import resolve
from tests.trees import COPY_ALL, build_tree, file

TREE = [
    *("app.py", "pkg/m.py", "pkg/__pycache__/m.pyc", "a.pyc", "build/out.o", "web/build/x.js"),
    *("logs/a.log", "logs/keep.log", "web/dist/x", "web/dist.txt", "data/big", "dist/app"),
]
GITIGNORE = """\
# Bytecode
__pycache__/
*.py[cod]

# Output
build/
*.log
!keep.log
/data
"""


def changed(
    root: Path,
    gitignore: str = GITIGNORE,
    *nodes: object,
    git: bool = True,
    dockerfile: bytes = COPY_ALL,
    context: str = ".",
    tracked: tuple[str, ...] = ("app.py", "pkg/m.py"),
    builder: Builder = BUILDERS["buildkit"],
) -> IgnoreFileChange:
    build_tree(root, [*TREE, *nodes, file(".gitignore", gitignore.encode())])  # type: ignore[list-item]
    (root / context / "Dockerfile").write_bytes(dockerfile)
    if git:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        subprocess.run(["git", "add", "-f", *tracked], cwd=root, check=True)
    request = resolve(str(root / context), builder=builder)
    change = from_gitignore(Draft(Snapshot.take(request)))
    if change.after is not None:
        (root / context / ".dockerignore").write_bytes(change.after)
    return change


def lines(change: IgnoreFileChange) -> list[str]:
    return [each.line for each in change.added]


def files_sent(root: Path, builder: Builder = BUILDERS["buildkit"]) -> set[str]:
    sent = Snapshot.take(resolve(str(root), builder=builder)).sent()
    found = set(sent.paths) - sent.directories - {".dockerignore"}
    return {path for path in found if not path.startswith(".git/")}


def not_ignored(root: Path) -> set[str]:
    """What git tracks, or would if it were asked to add everything."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=root, capture_output=True, check=True).stdout
    return {os.fsdecode(path) for path in listed.split(b"\0") if path} - {".dockerignore"}


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
def test_exactly_what_git_ignores(tmp_path: Path, builder: Builder) -> None:
    change = changed(tmp_path, builder=builder)
    assert lines(change) == [
        *("**/__pycache__", "**/*.py[cod]", "**/build", "**/*.log", "!**/keep.log", "data")
    ]
    assert change.notes == ()
    assert files_sent(tmp_path, builder) == not_ignored(tmp_path)


def test_comments_come_along(tmp_path: Path) -> None:
    change = changed(tmp_path)
    assert change.after is not None
    assert "# Output\n**/build\n" in change.after.decode()


def test_nested_files_and_files_above(tmp_path: Path) -> None:
    inner = file("web/.gitignore", b"/dist\n!build/\n")
    change = changed(tmp_path, GITIGNORE, inner, context=".")
    assert lines(change)[-2:] == ["web/dist", "!web/**/build"]
    assert files_sent(tmp_path) == not_ignored(tmp_path)
    above = tmp_path / "above"
    change = changed(above, "/web/dist\n/pkg\nbuild/\n", context="web")
    assert lines(change) == ["**/build"]
    assert [(note.subject, note.line) for note in change.notes] == [("/web/dist", 1), ("/pkg", 2)]
    assert files_sent(above / "web") == {"Dockerfile", "dist.txt", "dist/x"}


def test_a_line_that_hides_tracked_files_is_left_out(tmp_path: Path) -> None:
    change = changed(tmp_path, "*.pyc\nbuild/\n", tracked=("app.py", "build/out.o"))
    assert lines(change) == ["**/*.pyc"]
    (note,) = change.notes
    assert (note.subject, note.why[:24]) == ("**/build", "git tracks build/out.o, ")
    assert "build/out.o" in files_sent(tmp_path)


def test_what_a_dockerfile_takes_is_left_out(tmp_path: Path) -> None:
    dockerfile = b"FROM scratch\nCOPY dist /\nCOPY later/x.jar /\nCOPY web/*.txt /\n"
    change = changed(tmp_path, "dist\nlater/\n*.txt\n*.pyc\n", dockerfile=dockerfile)
    assert lines(change) == ["**/*.pyc"]
    assert {note.subject for note in change.notes} >= {"**/dist", "**/later", "**/*.txt"}


@pytest.mark.parametrize("git", [True, False])
def test_a_file_of_a_directorys_name_stays(git: bool, tmp_path: Path) -> None:
    change = changed(tmp_path, "dist/\n", "pkg/dist", git=git)
    assert lines(change) == []
    (note,) = change.notes
    assert note.why == "git does not ignore pkg/dist, which would disappear"
    assert "pkg/dist" in files_sent(tmp_path)


def test_gitignore_files_count_without_a_repository(tmp_path: Path) -> None:
    inner = file("web/.gitignore", b"/dist\n")
    change = changed(tmp_path, GITIGNORE, inner, git=False)
    assert "web/dist" in lines(change)
    assert {"app.py", "pkg/m.py", "logs/keep.log", "dist/app"} <= files_sent(tmp_path)
    assert not {"a.pyc", "logs/a.log", "web/dist/x", "data/big"} & files_sent(tmp_path)


def test_what_cannot_be_said_is_said(tmp_path: Path) -> None:
    change = changed(tmp_path, "*.pyc\n[\n/a**b/c\n")
    assert [(note.subject, note.line) for note in change.notes] == [("[", 2), ("/a**b/c", 3)]


def test_no_gitignore_is_said_to_be_missing(tmp_path: Path) -> None:
    build_tree(tmp_path, ["a"])
    change = from_gitignore(Draft(Snapshot.take(resolve(str(tmp_path)))))
    assert "There is no .gitignore" in change.impossible


def test_twice_is_once(tmp_path: Path) -> None:
    first = changed(tmp_path).after
    again = from_gitignore(Draft(Snapshot.take(resolve(str(tmp_path)))))
    assert again.after in (None, first)


@pytest.mark.parametrize(("command", "goes"), [("true", False), ("npm ci", True)])
def test_dependencies_that_nothing_installs_stay(command: str, goes: bool, tmp_path: Path) -> None:
    packages = ("package.json", "node_modules/.package-lock.json", "node_modules/x/index.js")
    dockerfile = f"FROM node\nCOPY . .\nRUN {command}\n".encode()
    change = changed(tmp_path, "node_modules\n*.pyc\n", *packages, dockerfile=dockerfile)
    assert ("**/node_modules" in lines(change)) is goes
    assert "**/*.pyc" in lines(change)
    reasons = [each.why for each in change.notes if "no command there makes it" in each.why]
    assert bool(reasons) is not goes


@pytest.mark.parametrize("git", [True, False])
@pytest.mark.parametrize(
    ("line", "names"),
    [
        (".env.production", [".env.production"]),
        (".env*", [".env", ".env.local"]),
        ("*.local", [".env.production.local"]),
        ("web/", ["web/.env.production"]),
    ],
)
def test_what_a_bundler_reads_stays(line: str, names: list[str], git: bool, tmp_path: Path) -> None:
    values = [file(name, b"VITE_URL=https://example.org\n") for name in names]
    scripts = b'{"scripts": {"build": "vite build"}}'
    manifests = [file(name, scripts) for name in ("package.json", "web/package.json")]
    change = changed(
        tmp_path,
        f"{line}\n*.log\n",
        *values,
        *manifests,
        git=git,
        dockerfile=b"FROM node\nCOPY . .\nRUN npm ci && npm run build\n",
    )
    assert line.rstrip("/") not in {each.removeprefix("**/") for each in lines(change)}
    assert lines(change) == ["**/*.log"]
    assert any("vite of" in each.why for each in change.notes), change.notes


def test_second_run_adds_no_line_that_is_there(tmp_path: Path) -> None:
    own = file(".dockerignore", b"!**/*.rs\n!a\n**/node_modules\n")
    tracked = ("app.py", "target/main.rs")
    lines = "node_modules\n[!a]*.o\n"
    first = changed(tmp_path, lines, own, "target/main.rs", tracked=tracked)
    assert [each.line for each in first.added] == ["**/[^a/]*.o"]
    request = resolve(str(tmp_path))
    assert from_gitignore(Draft(Snapshot.take(request))).after is None
