"""What git is asked about a directory, with the real git and real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctxsize.engine import git
from ctxsize.engine.git import Repository

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
WHO = ("-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "protocol.file.allow=always")


def run(where: Path, *arguments: str) -> None:
    subprocess.run(["git", *WHO, *arguments], cwd=where, env=CLEAN, check=True, capture_output=True)


def planted(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree with tracked, ignored and unknown files."""
    top = planted(
        tmp_path / "top",
        {
            ".gitignore": "target/\n*.log\n/local\n",
            "src/main.rs": "",
            "services/api/main.rs": "",
            "services/api/target/debug/api": "",
            "services/api/deep/er/target/x": "",
            "services/api/only/x.log": "",
            "services/api/new.txt": "",
            "local/cache": "",
        },
    )
    run(top, "init", "-q")
    run(top, "add", ".gitignore", "src", "services/api/main.rs")
    return top


def test_tracked_and_ignored_are_those_below_the_directory(repository: Path) -> None:
    found = Repository.at(str(repository / "services" / "api"))
    assert found is not None
    assert found.top == str(repository.resolve())
    assert found.tracked == {"main.rs"}
    assert found.ignored == {"target/", "deep/er/target/", "only/x.log"}
    at_top = Repository.at(str(repository))
    assert at_top is not None
    assert at_top.tracked == {".gitignore", "src/main.rs", "services/api/main.rs"}
    assert "local/" in at_top.ignored


def test_nothing_tracked_and_nothing_ignored(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    found = Repository.at(str(tmp_path))
    assert found is not None
    assert (found.tracked, found.ignored, found.submodules) == (set(), set(), set())


def test_a_directory_that_is_ignored_itself(repository: Path) -> None:
    found = Repository.at(str(repository / "local"))
    assert found is not None
    assert found.ignored == {"./"}


def test_names_are_bytes(repository: Path) -> None:
    odd = b"caf\xe9 \n\"tab\t'.log"
    (repository / os.fsdecode(odd)).touch()
    run(repository, "add", "-f", os.fsdecode(odd))
    found = Repository.at(str(repository))
    assert found is not None
    assert os.fsdecode(odd) in found.tracked


def test_submodules_and_worktrees(repository: Path, tmp_path: Path) -> None:
    other = planted(tmp_path / "other", {"README": ""})
    run(other, "init", "-q")
    run(other, "add", ".")
    run(other, "commit", "-qm", "first")
    run(repository, "submodule", "--quiet", "add", str(other), "libs/other")
    run(repository, "commit", "-qm", "first")
    run(repository, "worktree", "add", "-q", ".worktrees/topic")
    found = Repository.at(str(repository))
    assert found is not None
    assert found.submodules == {"libs/other"}
    assert str(repository.resolve() / ".worktrees/topic") in found.worktrees
    inside = Repository.at(str(repository / "libs/other"))
    assert inside is not None
    assert inside.tracked == {"README"}


def test_no_repository_is_no_problem(tmp_path: Path) -> None:
    assert git.find(str(tmp_path)) == git.Found(None, None)


def test_the_variables_of_a_hook_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = planted(tmp_path / "elsewhere", {"a": ""})
    run(elsewhere, "init", "-q")
    run(elsewhere, "add", ".")
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere / ".git/index"))
    found = Repository.at(str(repository / "src"))
    assert found is not None
    assert found.tracked == {"main.rs"}


def test_without_git_the_repository_is_a_problem(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    found = git.find(str(repository / "src"))
    assert found.repository is None
    assert found.problem is not None
    assert found.problem.path == str(repository.resolve())
    assert "not installed" in found.problem.message


def test_an_owner_that_git_distrusts(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    if os.geteuid():
        pytest.skip("only root can give a directory away")
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    found = git.find(str(repository))
    assert found.repository is None
    assert found.problem is not None
    assert "safe.directory" in found.problem.message


def test_a_broken_index_is_an_error_with_git_s_words(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"no index")
    found = Repository.at(str(repository))
    assert found is not None
    with pytest.raises(git.GitError, match="index"):
        _ = found.tracked


def test_git_that_hangs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = planted(tmp_path / "bin", {"git": "#!/bin/sh\nexec sleep 60\n"})
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "_SECONDS", 0.2)
    found = git.find(str(repository))
    assert found.problem is not None
    assert "did not answer" in found.problem.message


def test_nothing_of_the_repository_runs_and_nothing_is_written(
    repository: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    hook = planted(tmp_path, {"monitor": f"#!/bin/sh\ntouch {witness}\n"}) / "monitor"
    hook.chmod(0o755)
    run(repository, "config", "core.fsmonitor", str(hook))
    before = {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")}
    found = Repository.at(str(repository))
    assert found is not None
    assert found.tracked
    assert found.ignored
    assert not witness.exists()
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")} == before


def test_inside_git_itself_there_is_no_work_tree(repository: Path) -> None:
    assert git.find(str(repository / ".git" / "refs")) == git.Found(None, None)
