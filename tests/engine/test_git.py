"""What git is asked about a directory, with the real git and real repositories."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from ctxsize.engine import git
from ctxsize.engine.head import Head
from ctxsize.errors import InputError
from ctxsize.guard.differences import diff_checkout

WHO = ("-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "protocol.file.allow=always")


def run(where: Path, *arguments: str) -> None:
    subprocess.run(["git", *WHO, *arguments], cwd=where, check=True, capture_output=True)


def planted(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_failures", {})


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
    (top / ".git/info").mkdir()
    run(top, "add", ".gitignore", "src", "services/api/main.rs")
    return top


def test_tracked_and_ignored_are_those_below_the_directory(repository: Path) -> None:
    found = git.find(str(repository / "services" / "api")).repository
    assert found is not None
    assert found.top == str(repository.resolve())
    assert found.tracked == {"main.rs"}
    assert found.ignored == {"target/", "deep/er/target/", "only/x.log"}
    at_top = git.find(str(repository)).repository
    assert at_top is not None
    assert at_top.tracked == {".gitignore", "src/main.rs", "services/api/main.rs"}
    assert "local/" in at_top.ignored


def test_nothing_tracked_and_nothing_ignored(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    found = git.find(str(tmp_path)).repository
    assert found is not None
    assert (found.tracked, found.ignored) == (set(), set())


def test_a_directory_that_is_ignored_itself(repository: Path) -> None:
    found = git.find(str(repository / "local")).repository
    assert found is not None
    assert found.ignored == {"./"}


def test_names_are_bytes(repository: Path) -> None:
    odd = b"caf\xe9 \n\"tab\t'.log"
    (repository / os.fsdecode(odd)).touch()
    run(repository, "add", "-f", os.fsdecode(odd))
    found = git.find(str(repository)).repository
    assert found is not None
    assert os.fsdecode(odd) in found.tracked


def test_submodules(repository: Path, tmp_path: Path) -> None:
    other = planted(tmp_path / "other", {"README": ""})
    run(other, "init", "-q")
    run(other, "add", ".")
    run(other, "commit", "-qm", "first")
    run(repository, "submodule", "--quiet", "add", str(other), "libs/other")
    run(repository, "commit", "-qm", "first")
    found = git.find(str(repository)).repository
    assert found is not None
    assert "libs/other" in found.tracked
    inside = git.find(str(repository / "libs/other")).repository
    assert inside is not None
    assert inside.tracked == {"README"}


def test_no_repository_is_no_problem(tmp_path: Path) -> None:
    assert git.find(str(tmp_path)) == git.GitLookup(None, None)


def test_the_variables_of_a_hook_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = planted(tmp_path / "elsewhere", {"a": ""})
    run(elsewhere, "init", "-q")
    run(elsewhere, "add", ".")
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere / ".git/index"))
    found = git.find(str(repository / "src")).repository
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
    found = git.find(str(repository)).repository
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
    found = git.find(str(repository)).repository
    assert found is not None
    assert found.tracked
    assert found.ignored
    assert not witness.exists()
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")} == before


def test_inside_git_itself_there_is_no_work_tree(repository: Path) -> None:
    assert git.find(str(repository / ".git" / "refs")) == git.GitLookup(None, None)


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.parametrize("path", [".", "", "bin", "./bin:", "{top}", "{top}/bin", "{top}/src/.."])
def test_a_git_of_the_repository_is_never_run(
    path: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    for place in ("git", "bin/git"):
        program(repository / place, f"touch {witness}; echo {repository}")
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", f"{path.format(top=repository)}:{os.environ['PATH']}")
    for name in (".", "src"):
        found = git.find(name).repository
        assert found is not None
        assert {"src/main.rs", "main.rs"} & found.tracked
    assert not witness.exists()


def test_a_git_of_the_working_directory_is_never_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    program(tmp_path / "work/git", f"touch {witness}")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", f"{tmp_path / 'work'}:{os.environ['PATH']}")
    assert git.find(str(repository)).repository is not None
    assert not witness.exists()


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("exit 1", "without a message"),
        ("exit 0", "printed nothing"),
        ("echo", "printed nothing"),
        ("exec sleep 60", "did not answer"),
        ("sleep 60", "did not answer"),
        ("echo /elsewhere", "core.worktree"),
    ],
)
def test_a_git_that_is_of_no_use_is_asked_once(
    does: str, says: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    program(tmp_path / "bin/git", f"echo >> {starts}; {does}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "_SECONDS", 0.5)
    for name in ("", "src", "services", "services/api", "local"):
        problem = git.find(str(repository / name)).problem
        assert problem is not None
        assert says in problem.message
    assert lines(starts) == (1 if "elsewhere" not in does else 5)


def test_a_question_that_git_cannot_answer_is_asked_once(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    program(
        tmp_path / "bin/git",
        f'case "$*" in *ls-files*) echo >> {starts}; exit 1;; esac; echo {repository.resolve()}',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name in ("", "src", "services"):
        found = git.find(str(repository / name)).repository
        assert found is not None
        for _ in range(3):
            with pytest.raises(git.GitError):
                _ = found.tracked
    assert lines(starts) == 1


def test_after_some_repositories_in_which_it_hangs_git_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    program(tmp_path / "bin/git", f"echo >> {starts}; exec sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + ":/usr/bin:/bin")
    monkeypatch.setattr(git, "_SECONDS", 0.2)
    for number in range(6):
        (tmp_path / f"r{number}/.git").mkdir(parents=True)
        assert git.find(str(tmp_path / f"r{number}")).problem is not None
    assert lines(starts) == 3


QUESTIONS = (
    *map(attrgetter, ("tracked", "ignored", "index")),
    lambda repository: Head(repository).files,
)


def ask_everything(repository: Path) -> list[str]:
    """Ask git everything in several directories; return what it does not answer, and why."""
    said: list[str] = []
    for name in ("", "src", "services/api", "local"):
        found = git.find(str(repository / name))
        if found.problem is not None:
            said.append(found.problem.message)
        for question in QUESTIONS if found.repository else ():
            try:
                question(found.repository)
            except git.GitError as error:
                said.append(str(error))
    return said


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return how each started git ended: `answered`, or why it was stopped."""
    ends: list[str] = []
    real = git._answer

    def recorded(*arguments: Any) -> Any:
        try:
            answer = real(*arguments)
        except git.GitError as error:
            ends.append("late" if error.is_stopped else "odd")
            raise
        ends.append("answered")
        return answer

    monkeypatch.setattr(git, "_answer", recorded)
    return ends


ODD = (
    *(".gitignore", ".gitattributes", ".gitmodules", "src/.gitignore", "src/.gitattributes"),
    *(".git/HEAD", ".git/index", ".git/config", ".git/commondir", ".git/packed-refs"),
    *(".git/info/exclude", ".git/info/attributes", ".git/objects/info/alternates"),
    *(".git/shallow", ".git/refs/heads/main", ".git/config.worktree"),
)


def made_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def made_link_to_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def made_link_to_zeros(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [made_fifo, made_link_to_fifo, made_link_to_zeros])
@pytest.mark.parametrize("path", ODD)
def test_no_git_is_left_waiting_for_an_odd_file(
    path: str, make: Callable[[Path], None], repository: Path, ends: list[str]
) -> None:
    make(repository / path)
    said = ask_everything(repository)
    assert "late" not in ends
    assert ends.count("odd") <= 1
    if make is made_fifo and path.startswith((".git/HEAD", ".git/index", ".git/config", ".gitig")):
        assert "answered" not in ends
        assert all("is a FIFO or a device, for which git would wait" in each for each in said)
        assert len(said) == 4


def test_git_that_waits_for_a_fifo_further_down_is_stopped_at_once(
    repository: Path, ends: list[str]
) -> None:
    """It is found by opening it to write, which only a waiting reader allows."""
    os.mkfifo(repository / "services/.gitignore")
    os.mkfifo(repository / "services/api/other.fifo")
    said = ask_everything(repository)
    assert ends[-1] == "odd"
    assert "late" not in ends
    assert "services/.gitignore is a FIFO or a device" in said[0]


@pytest.mark.parametrize("kind", ["socket", "directory", "null", "loop"])
@pytest.mark.parametrize("path", [".gitignore", "services/.gitignore", ".git/info/exclude"])
def test_git_answers_beside_what_it_does_not_wait_for(
    path: str, kind: str, repository: Path, ends: list[str]
) -> None:
    at = repository / path
    at.unlink(missing_ok=True)
    if kind == "socket":
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(os.path.relpath(at))
    elif kind == "directory":
        at.mkdir()
    else:
        at.symlink_to("/dev/null" if kind == "null" else at.name)
    ask_everything(repository)
    assert set(ends) == {"answered"}


def test_a_fifo_that_the_configuration_includes_costs_the_time_of_one_question(
    repository: Path, ends: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(repository, "config", "include.path", str(repository / "fifo"))
    os.mkfifo(repository / "fifo")
    monkeypatch.setattr(git, "_SECONDS", 1.0)
    assert ask_everything(repository)
    assert ends == ["late"]


@pytest.mark.parametrize("worktree", ["/", "../..", "../../other", "{tmp}/other"])
def test_a_worktree_that_leads_elsewhere_is_not_followed(
    worktree: str, repository: Path, tmp_path: Path
) -> None:
    other = planted(tmp_path / "other", {"secret": ""})
    run(tmp_path, "init", "-q")
    run(repository, "config", "core.worktree", worktree.format(tmp=tmp_path))
    for name in ("", "src"):
        found = git.find(str(repository / name))
        assert found.repository is None
        assert found.problem is not None
        assert "core.worktree" in found.problem.message
    assert [*other.iterdir()] == [other / "secret"]


FOREIGN = [
    # what the hostile repository has as `.git`; `{victim}` is the other one
    *("file", "file of a worktree", "link", "common directory", "fake worktree"),
    *("fake submodule", "linked index", "linked references"),
    *("linked branch", "linked directory of branches", "branch that names a linked one"),
]


def hostile(kind: str, root: Path, victim: Path) -> Path:
    """A directory whose `.git` leads to the repository `victim` in one of the ways of FOREIGN."""
    root.mkdir()
    own, git_directory = root / ".git", victim / ".git"
    if kind == "file":
        own.write_text(f"gitdir: {git_directory}\n")
    elif kind == "file of a worktree":
        run(victim, "worktree", "add", "-q", str(victim.parent / "tree"))
        own.write_text(f"gitdir: {git_directory}/worktrees/tree\n")
    elif kind == "link":
        own.symlink_to(git_directory)
    elif kind == "fake worktree":
        planted(root, {"fake/HEAD": "ref: refs/heads/main\n", "fake/commondir": f"{git_directory}"})
        planted(root, {"fake/gitdir": f"{own}\n", ".git": "gitdir: fake\n"})
    else:
        run(root, "init", "-q", "-b", "main")
    if kind == "common directory":
        (own / "commondir").write_text(f"{git_directory}\n")
    elif kind == "fake submodule":
        own.rename(root / "fake")
        run(root / "fake", "config", "core.worktree", str(root))
        (root / "fake/commondir").write_text(f"{git_directory}\n")
        own.write_text("gitdir: fake\n")
    elif kind == "linked index":
        (own / "index").symlink_to(git_directory / "index")
    elif kind == "linked references":
        for name in ("refs", "objects"):
            shutil.rmtree(own / name)
            (own / name).symlink_to(git_directory / name)
    elif "branch" in kind:
        (own / "objects/info/alternates").write_text(f"{git_directory}/objects\n")
        if kind == "linked branch":
            (own / "refs/heads/main").symlink_to(git_directory / "refs/heads/main")
        elif kind == "linked directory of branches":
            (own / "refs/heads/all").symlink_to(git_directory / "refs/heads")
            (own / "HEAD").write_text("ref:refs/heads/all/main\n")
        else:
            (own / "refs/heads/main").write_text("ref: other/main\n")
            (own / "other").symlink_to(git_directory / "refs/heads")
    return root


@pytest.mark.parametrize("kind", FOREIGN)
def test_the_repository_of_another_work_tree_is_not_asked(kind: str, tmp_path: Path) -> None:
    victim = planted(tmp_path / "victim", {"hunter2.txt": "", "src/x": ""})
    run(victim, "init", "-q", "-b", "main")
    run(victim, "add", ".")
    run(victim, "commit", "-qm", "first")
    root = hostile(kind, tmp_path / "root", victim)
    planted(root, {"sub/x": ""})
    for where in (root, root / "sub"):
        found = git.find(str(where))
        assert found.repository is None
        assert found.problem is not None
        assert "another" in found.problem.message, found.problem.message
    build = planted(root, {"Dockerfile": "FROM scratch\nCOPY . /\n", ".gitignore": "*.txt\n"})
    with pytest.raises(InputError, match="another") as caught:
        diff_checkout(str(build))
    assert "hunter2" not in str(caught.value)


def test_a_worktree_and_a_submodule_are_asked(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(repository, "commit", "-qm", "first")
    run(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    run(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere.git"), "apart")
    planted(tmp_path / "apart", {"own": ""})
    run(tmp_path / "apart", "add", ".")
    run(tmp_path / "apart", "commit", "-qm", "first")
    main = tmp_path / "main"
    main.mkdir()
    run(main, "init", "-q")
    run(main, "submodule", "--quiet", "add", str(repository), "libs/sub")
    run(main / "libs/sub", "worktree", "add", "-q", str(tmp_path / "of-submodule"))
    (tmp_path / "link to it").symlink_to(tmp_path / "tree")
    problem = git.find(str(tmp_path / "apart")).problem
    assert problem is not None
    assert (
        f"git -C {tmp_path}/elsewhere.git config core.worktree {tmp_path}/apart" in problem.message
    )
    run(tmp_path / "elsewhere.git", "config", "core.worktree", str(tmp_path / "apart"))
    monkeypatch.setattr(git, "_failures", {})  # no answer of this process counts any longer
    tracked = {
        name: found.repository.tracked
        for name in ("tree", "apart", "main/libs/sub", "of-submodule", "link to it")
        if (found := git.find(str(tmp_path / name))).repository is not None
    }
    service = {".gitignore", "src/main.rs", "services/api/main.rs"}
    assert tracked == {
        "tree": service,
        "apart": {"own"},
        "main/libs/sub": service,
        "of-submodule": service,
        "link to it": service,
    }


def test_a_moved_worktree_is_not_asked_until_it_is_repaired(
    repository: Path, tmp_path: Path
) -> None:
    run(repository, "commit", "-qm", "first")
    run(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    (tmp_path / "tree").rename(tmp_path / "moved")
    assert git.find(str(tmp_path / "moved")).repository is None
    run(tmp_path / "moved", "worktree", "repair")
    assert git.find(str(tmp_path / "moved")).repository is not None


def test_a_git_directory_that_is_none_leaves_the_outer_repository(repository: Path) -> None:
    (repository / "services/.git").mkdir()
    found = git.find(str(repository / "services/api")).repository
    assert found is not None
    assert (found.top, found.tracked) == (str(repository.resolve()), {"main.rs"})


def test_a_bare_repository_that_was_committed_is_not_asked(repository: Path) -> None:
    """It would list what it likes as tracked, and its configuration names programs."""
    app = repository / "services/api"
    run(app, "init", "-q", "--bare", ".")
    (app / "config").write_text(f"[core]\nbare = false\nworktree = {repository.resolve()}\n")
    found = git.find(str(app))
    assert found.repository is None
    assert found.problem is not None
    assert "safe.bareRepository" in found.problem.message


def test_settings_of_the_repository_run_nothing(repository: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    evil = program(tmp_path / "evil", f"touch {witness}; cat")
    for name in (
        *("core.fsmonitor", "core.pager", "pager.ls-files", "core.sshCommand", "core.editor"),
        *("core.askPass", "diff.external", "filter.x.clean", "filter.x.smudge", "diff.x.textconv"),
        *("gpg.program", "core.alternateRefsCommand", "core.gitProxy", "credential.helper"),
    ):
        run(repository, "config", name, str(evil))
    run(repository, "config", "alias.ls-files", f"!{evil}")
    run(repository, "config", "alias.rev-parse", f"!{evil}")
    (repository / ".gitattributes").write_text("* filter=x diff=x\n")
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        program(repository / ".git/hooks" / hook, f"touch {witness}")
    witness.unlink(missing_ok=True)
    found = git.find(str(repository)).repository
    assert found is not None
    assert found.tracked
    assert found.ignored
    assert not witness.exists()


def test_parts_of_a_repository_have_git_s_own_answers(repository: Path, ends: list[str]) -> None:
    """Of every directory, also of ignored, unknown and nested ones, and below a fake bare one."""
    more = {
        "unknown/a.log": "",
        "unknown/b": "",
        "only/a.log": "",
        "deep/er/x/y.log": "",
        "deep/.gitignore": "*.tmp\n!keep.log\n",
        "deep/er/keep.log": "",
        "deep/er/x/a.tmp": "",
        "bare/HEAD": "ref: refs/heads/main\n",
        "bare/inner/x.log": "",
    }
    planted(repository, more)
    run(repository, "add", "-f", "deep/er/x/y.log")
    (repository / "own").mkdir()
    run(repository / "own", "init", "-q")
    planted(repository / "own", {"sub/a.log": "", "sub/b": ""})
    parts = git.Repositories(str(repository))
    shared = 0
    directories = sorted(path for path in repository.rglob("*") if path.is_dir())
    for path in (path for path in directories if ".git" not in path.parts):
        whole, part = git.find(str(path)), parts.find(str(path))
        assert part.problem == whole.problem
        if whole.repository is None or part.repository is None:
            assert whole.repository is part.repository is None
            continue
        assert part.repository.top == whole.repository.top
        assert part.repository.tracked == whole.repository.tracked, path
        with contextlib.suppress(git.GitError):  # an internal error of git's own, in some of them
            assert part.repository.ignored == whole.repository.ignored, path
        shared += isinstance(part.repository, git.PartOfRepository)
    assert shared >= 5
