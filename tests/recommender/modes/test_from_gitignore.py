"""What git ignores disappears from the build, and nothing else."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.model import Kind
from ctxsize.recommender.modes import from_gitignore
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.outcome import IgnoreFileChange
from ctxsize.writer import Addition
from tests.oracles.availability import require
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
    plan = resolve(str(root / context), builder=builder)
    change = from_gitignore(Draft(Snapshot.take(plan)))
    if change.after is not None:
        (root / context / ".dockerignore").write_bytes(change.after)
    return change


DEEP = ("a.log", "a.txt", "d/b.log", "d/b.txt", "d/e/c.log", "d/e/c.txt", "keep/f", "keep/g.log")
DIRECTORIES = {
    "*\n!*/\n!*.log\n": ["**/*", "!**/*.log", "!.git"],
    "*\n!**/\n!*.log\n": ["**/*", "!**/*.log", "!.git"],
    "*\n!*/\n!*.log\n!*.txt\n": ["**/*", "!**/*.log", "!**/*.txt", "!.git"],
    "*\n!d*/\n!*.log\n": ["**/*", "!**/*.log", "!.git"],
    "*\n!keep/\n!*.log\n": ["**/*", "!**/*.log", "!.git"],
    "keep*\n!keep/\n": ["**/keep*", "!**/keep"],
    "*.txt\n!d/\n": ["**/*.txt", "!**/d"],
}
"""What becomes of exceptions for directories alone."""


def untracked(root: Path) -> set[str]:
    """The files that git ignores."""
    command = ["git", "ls-files", "-z", "--others", "--ignored", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()
    return {*filter(None, listed.split("\0"))}


def sent_of(root: Path) -> set[str]:
    entries = api.ls(str(root))
    return {each.path for each in entries if each.kind is not Kind.DIRECTORY}


def unborn(root: Path, gitignore: str) -> Path:
    """A repository without a commit, whose `.gitignore` says this."""
    own = [file(".gitignore", gitignore.encode()), file("Dockerfile", COPY_ALL)]
    build_tree(root, [*DEEP, *own])
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


@pytest.mark.parametrize("gitignore", DIRECTORIES)
def test_an_exception_for_directories_does_not_bring_back_their_files(
    gitignore: str, tmp_path: Path
) -> None:
    require("git")
    root = unborn(tmp_path / "c", gitignore)
    before, ignored = sent_of(root), untracked(root)
    change = from_gitignore(Draft(Snapshot.take(resolve(str(root)))))
    assert change.after is not None
    assert lines(change) == DIRECTORIES[gitignore]
    gone = {each for each in gitignore.split() if each.endswith("/")}
    said = {note.subject for note in change.notes if "re-includes directories alone" in note.why}
    kept = {f"{each.replace('**/', '')}/" for each in DIRECTORIES[gitignore]}
    assert said == gone - kept
    (root / ".dockerignore").write_bytes(change.after)
    hidden = before - sent_of(root)
    assert hidden <= ignored
    # Git does not enter a directory that it ignores; a builder does, and sends more.
    assert not {each for each in ignored - hidden if not each.endswith(".log")}


def test_many_exceptions_for_directories_take_few_trials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require("git")
    root = unborn(tmp_path / "c", "".join(f"!d{number}/\n" for number in range(300)) + "*\n!*/\n")
    trials = list[int]()
    attempt = Draft.attempt

    def counted(draft: Draft, additions: Iterable[Addition]) -> Attempt:
        trials.append(0)
        return attempt(draft, additions)

    monkeypatch.setattr(Draft, "attempt", counted)
    change = from_gitignore(Draft(Snapshot.take(resolve(str(root)))))
    assert "!*/" in {note.subject for note in change.notes}
    assert len(trials) < 150


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            (
                *("*", "!*/", "!**/", "!*.log", "*.txt", "d", "!d/", "!d*/", "e/", "!e/", "keep*"),
                *("!keep/", "!d/**", "d/*", "/*", "!/*/", "!/d", "!d/e/", "**/e/*", "!Dockerfile"),
            )
        ),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_but_what_git_ignores_is_hidden(chosen: list[str]) -> None:
    require("git")
    with tempfile.TemporaryDirectory() as place:
        root = unborn(Path(place) / "c", "".join(f"{line}\n" for line in chosen))
        before, ignored = sent_of(root), untracked(root)
        change = from_gitignore(Draft(Snapshot.take(resolve(str(root)))))
        if change.after is not None:
            (root / ".dockerignore").write_bytes(change.after)
            assert before - sent_of(root) <= ignored


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
    plan = resolve(str(tmp_path))
    assert from_gitignore(Draft(Snapshot.take(plan))).after is None
