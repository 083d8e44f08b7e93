"""Which builds a change touches: each case changes one repository, and names who is affected."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

import ctxsize
from ctxsize.errors import InputError
from ctxsize.formats.json import schema
from ctxsize.history import earlier
from tests.cli.conftest import Cli
from tests.history.repository import commit, git, planted
from tests.trees import Node, build_tree, file, link

COMPOSE = b"""\
services:
  api:
    build: ./api
  web:
    build:
      context: .
      dockerfile: web.Dockerfile
      args: {PORT: "80"}
  job:
    build: {context: job, additional_contexts: {base: "service:api"}}
"""
NODES: list[str | Node] = [
    file("compose.yaml", COMPOSE),
    file("api/Dockerfile", b"FROM a\nCOPY --exclude=*.txt lib current/bin /x/\n"),
    file("api/.dockerignore", b"**/*.md\n"),
    *("api/lib/l.py", "api/lib/l.txt", "api/v1/bin/a", "api/v2/bin/b", "api/other.py"),
    link("api/current", "v1"),
    file("web.Dockerfile", b"FROM a\nARG PORT\nCOPY web/*.js /x/\n"),
    *("web/a.js", "web/deep/b.js", "web/a.css", "README.md"),
    file("job/Dockerfile", b"FROM base\nRUN --mount=type=bind,source=run.sh,target=/r /r\n"),
    *("job/run.sh", "job/notes.txt"),
]
API = ["api", "job"]  # the second one stands on the first


class Case(NamedTuple):
    """What is done to the repository, and the contexts of the builds that it affects."""

    change: Callable[[Path], object]
    affected: list[str]
    because: str = ""  # the first reason of the first one


def write(path: str, text: str = "new") -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return change


def relinked(root: Path) -> None:
    (root / "api/current").unlink()
    (root / "api/current").symlink_to("v2")


def replaced(path: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return change


CASES = {
    "a file that is taken": Case(write("api/lib/l.py"), API, "api/lib/l.py COPY lib"),
    "a new file in a copied directory": Case(write("api/lib/d/n.py"), API, "api/lib/d COPY lib"),
    "a deleted one": Case(lambda root: (root / "api/lib/l.py").unlink(), API),
    "one that goes away with its directory": Case(
        lambda root: shutil.rmtree(root / "api/lib"), API, "api/lib COPY lib"
    ),
    "both names of a rename": Case(
        lambda root: git(root, "mv", "api/lib/l.py", "api/moved.py"), API, "api/lib/l.py COPY lib"
    ),
    "a mode": Case(lambda root: (root / "api/lib/l.py").chmod(0o755), API),
    "nothing that is taken": Case(write("api/other.py"), []),
    "what the ignore file hides": Case(write("api/lib/x.md"), []),
    "a directory of which all is hidden": Case(write("api/lib/d/x.md"), API, "api/lib/d COPY lib"),
    "what --exclude leaves out": Case(write("api/lib/l.txt"), []),
    "what a symlink leads to": Case(write("api/v1/bin/a"), API, "api/v1/bin/a COPY current/bin"),
    "what it does not lead to": Case(write("api/v2/bin/b"), []),
    "the symlink": Case(relinked, API, "api/current COPY current/bin"),
    "the symlink that goes away": Case(
        lambda root: (root / "api/current").unlink(), API, "api/current COPY current/bin"
    ),
    "a directory in place of the symlink": Case(
        lambda root: ((root / "api/current").unlink(), write("api/current/bin/c")(root)), API
    ),
    "what a wildcard matches": Case(write("web/n.js"), ["."], "web/n.js COPY web/*.js"),
    "what it does not match": Case(write("web/a.css"), []),
    "what is below what it matches": Case(write("web/deep/b.js"), []),
    "a bind mount": Case(write("job/run.sh"), ["job"], "job/run.sh RUN run.sh"),
    "beside a bind mount": Case(write("job/notes.txt"), []),
    "the Dockerfile": Case(
        replaced("web.Dockerfile", "FROM a", "FROM b"), ["."], "web.Dockerfile Dockerfile"
    ),
    "the ignore file": Case(write("api/.dockerignore"), API, "api/.dockerignore ignore file"),
    "a new one that wins": Case(
        write("api/Dockerfile.dockerignore"), API, "api/Dockerfile.dockerignore ignore file"
    ),
    "one that goes away": Case(
        lambda root: (root / "api/.dockerignore").unlink(), API, "api/.dockerignore ignore file"
    ),
    "the definition of one": Case(
        replaced("compose.yaml", '"80"', '"81"'), ["."], "compose.yaml defines it (compose)"
    ),
    "a comment in the file of definitions": Case(
        replaced("compose.yaml", "services:", "# all of them\nservices:"), []
    ),
    "a README that nobody takes": Case(write("README.md"), []),
    "nothing": Case(lambda root: None, []),
}

ELSEWHERE: list[str | Node] = [
    file(
        "compose.yaml",
        b"""\
services:
  out:
    build:
      context: ./current
      dockerfile: ../docker/out.Dockerfile
      additional_contexts: {shared: ./common}
  own:
    build: ./own
""",
    ),
    file("docker/out.Dockerfile", b"FROM a\nCOPY a /x/\nCOPY --from=shared lib /x/\n"),
    *("one/a", "other/a", "s1/lib/x", "more/lib/x", "docker/ignored"),
    *(link("current", "next"), link("next", "one"), link("common", "s1")),
    *(file("own/Dockerfile", b"FROM a\nCOPY a /x/\n"), "own/a"),
    *(file("own/dockerfile", b"FROM b\nCOPY a /x/\n"), file("own/.dockerignore", b"D*\nd*\n")),
]
"""A build whose files lie apart, behind symlinks, and one that ignores its Dockerfile."""


def led(path: str, target: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)

    return change


def without(*paths: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        for path in paths:
            (root / path).unlink()

    return change


def led_beside_an_ignore_file(root: Path) -> None:
    """Give the Dockerfile an ignore file of its own, so that none of the context is read."""
    write("docker/out.Dockerfile.dockerignore", "x")(root)
    commit(root)
    led("current", "other")(root)


APART = {
    "the symlink that is the context": (led("current", "other"), "current"),
    "that symlink alone": (led_beside_an_ignore_file, "current"),
    "a symlink on its way": (led("next", "other"), "current"),
    "the one to a named context": (led("common", "more"), "current"),
    "the same to nothing": (led("common", "gone"), "current"),
    "a named context that goes away": (without("s1/lib/x"), "current"),
    "the Dockerfile that goes away": (without("docker/out.Dockerfile"), "current"),
    "a Dockerfile that is no file": (
        lambda root: (
            without("docker/out.Dockerfile")(root),
            write("docker/out.Dockerfile/a")(root),
        ),
        "current",
    ),
    "another one, which is not there": (
        replaced("compose.yaml", "out.Docker", "no.Docker"),
        "current",
    ),
    "a wrong pattern in its ignore file": (
        write("docker/out.Dockerfile.dockerignore", "["),
        "current",
    ),
    "one in that of a named context": (write("s1/.dockerignore", "["), "current"),
    "an ignore file that leads to nothing": (led("one/.dockerignore", "../gone"), "current"),
    "the Dockerfile before the other one": (without("own/Dockerfile"), "own"),
    "both of them": (without("own/Dockerfile", "own/dockerfile"), "own"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return planted(tmp_path / "r", NODES)


def contexts(answer: ctxsize.Affected) -> list[str]:
    return [build.context for build in answer.builds if build.affected]


@pytest.mark.parametrize("name", CASES)
def test_a_change_affects_whom_it_touches(name: str, repository: Path) -> None:
    case = CASES[name]
    case.change(repository)
    uncommitted = ctxsize.affected(repository, "HEAD", dirty=True)
    commit(repository)
    answer = ctxsize.affected(repository, "HEAD~1")
    assert contexts(answer) == sorted(case.affected)
    assert contexts(uncommitted) == sorted(case.affected)
    if case.because:
        first = next(build for build in answer.builds if build.affected)
        path, instruction, _ = first.because[0]
        assert f"{path} {instruction}".startswith(case.because)


@pytest.mark.parametrize("name", CASES)
def test_a_commit_of_the_past_is_judged_as_it_was(name: str, repository: Path) -> None:
    """Neither what is here now nor what came later counts."""
    case = CASES[name]
    case.change(repository)
    later = commit(repository)
    shutil.rmtree(repository / "api")
    write("web.Dockerfile", "FROM a\nCOPY . /\n")(repository)
    answer = ctxsize.affected(repository, f"{later}~1..{later}")
    assert contexts(answer) == sorted(case.affected)
    commit(repository)
    again = ctxsize.affected(repository, f"{later}~1..{later}")
    assert [build.because for build in again.builds] == [build.because for build in answer.builds]


@pytest.mark.parametrize("name", APART)
def test_what_a_build_reads_elsewhere_counts_even_if_it_fails(name: str, tmp_path: Path) -> None:
    root = planted(tmp_path / "r", ELSEWHERE)
    change, expected = APART[name]
    change(root)
    uncommitted = ctxsize.affected(root, "HEAD", dirty=True)
    commit(root)
    for answer in (
        uncommitted,
        ctxsize.affected(root, "HEAD~1..HEAD"),
        ctxsize.affected(root, "HEAD..HEAD~1"),
    ):
        assert {*contexts(answer)} == {expected}
        assert str(tmp_path) not in str([build.because for build in answer.builds])


def test_a_value_of_the_definition_is_the_reason(repository: Path) -> None:
    write("compose.yaml", "services: {w: {build: {context: ., args: {P: '$P'}}}}")(repository)
    write("Dockerfile", "FROM a\nARG P\n")(repository)
    write(".env", "P=80\n")(repository)
    commit(repository)
    write(".env", "P=81\n")(repository)
    commit(repository)
    for revisions in ("HEAD~1", "HEAD~1..HEAD"):
        (build,) = ctxsize.affected(repository, revisions).touched
        assert build.because == ((".env", "defines it (compose)", None),)
    (build,) = ctxsize.affected(repository, paths=[".env"]).touched
    assert build.because[0].path == ".env"


def test_what_is_not_committed_counts_only_with_dirty(repository: Path) -> None:
    write("api/lib/new.py")(repository)
    assert contexts(ctxsize.affected(repository, "HEAD")) == []
    assert contexts(ctxsize.affected(repository, "HEAD", dirty=True)) == API


def test_a_branch_is_held_against_its_merge_base(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "topic")
    write("job/run.sh")(repository)
    commit(repository)
    git(repository, "checkout", "-q", "main")
    write("web/a.js")(repository)
    commit(repository)
    git(repository, "checkout", "-q", "topic")
    assert contexts(ctxsize.affected(repository, "main")) == ["job"]
    assert contexts(ctxsize.affected(repository, "main..topic")) == [".", "job"]


def test_what_is_not_known_counts_with_the_reason(repository: Path) -> None:
    write("job/Dockerfile", "FROM a\nCOPY [\n")(repository)
    commit(repository)
    write("job/notes.txt")(repository)
    commit(repository)
    (build,) = (each for each in ctxsize.affected(repository, "HEAD~1").builds if each.because)
    assert build.because[0].instruction.startswith("not known: ")
    assert build.because[0].path == "job/notes.txt"


def test_the_repository_itself_differs_with_each_commit(tmp_path: Path) -> None:
    root = planted(tmp_path / "r", [file("Dockerfile", b"FROM a\nCOPY . /\n"), "a", "x.md"])
    write(".dockerignore", "*.md\n")(root)
    commit(root)
    write("x.md")(root)
    commit(root)
    (build,) = ctxsize.affected(root, "HEAD~1").builds
    assert build.because == ((".git", "COPY .", 2),)
    write(".dockerignore", "*.md\n.git\n")(root)
    commit(root)
    write("x.md")(root)
    commit(root)
    assert contexts(ctxsize.affected(root, "HEAD~1")) == []


def test_no_repository_is_in_a_directory_without_one(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\nCOPY . .\n"), "a"])
    (build,) = ctxsize.affected(tmp_path, paths=["a"]).builds
    assert build.because == (("a", "COPY .", 2),)


def test_a_submodule_counts_where_it_is_taken(tmp_path: Path) -> None:
    inner = planted(tmp_path / "inner", ["a"])
    nodes: list[str | Node] = [
        file("Dockerfile", b"FROM a\nCOPY sub/a b /\n"),
        file(".dockerignore", b".git\n"),
        "b",
    ]
    root = planted(tmp_path / "r", nodes)
    git(root, "submodule", "add", "-q", str(inner), "sub")
    git(root, "submodule", "add", "-q", str(inner), "other")
    commit(root)
    for name, expected in (("sub", ["."]), ("other", [])):
        write("a", name)(root / name)
        commit(root / name)
        commit(root)
        assert contexts(ctxsize.affected(root, "HEAD~1")) == expected


def test_paths_may_be_given(repository: Path, cli: Cli) -> None:
    assert contexts(ctxsize.affected(repository, paths=["api/lib/gone.py"])) == API
    assert contexts(ctxsize.affected(repository / "job", paths=["job/run.sh"])) == ["."]
    assert contexts(ctxsize.affected(repository, paths=["README.md"])) == []
    done = cli("affected", "--stdin", "-q", cwd=repository, stdin=b"web/a.js\0job/notes.txt\0")
    assert done.lines == [". -f web.Dockerfile"]


def test_names_need_not_be_utf_8(repository: Path) -> None:
    name = os.fsdecode(b"api/lib/\xff\n.py")
    write(name)(repository)
    commit(repository)
    answer = ctxsize.affected(repository, "HEAD~1..HEAD")
    assert answer.builds[1].because[0].path == name


def test_a_commit_with_too_much_to_lay_is_an_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("compose.yaml", "services: {}")(repository)
    commit(repository)
    monkeypatch.setattr(earlier, "_MOST_IN_ALL", 10)
    with pytest.raises(InputError, match="more than 1 GiB"):
        ctxsize.affected(repository, "HEAD~1")


def test_a_hostile_tree_writes_nowhere_else(tmp_path: Path) -> None:
    """A tree may have a symlink and a directory of one name, which git itself never writes."""
    root = planted(tmp_path / "r", [file("Dockerfile", b"FROM a\nCOPY . /\n"), "a"])
    outside = tmp_path / "outside"
    outside.mkdir()
    blob = git(root, "hash-object", "-w", "--stdin", question=b"x")
    target = git(root, "hash-object", "-w", "--stdin", question=bytes(outside))
    inner = git(
        root, "mktree", question=f"100644 blob {blob}\tx\n120000 blob {target}\ty\n".encode()
    )
    entries = f"120000 blob {target}\td\n040000 tree {inner}\td\n"
    entries += git(root, "ls-tree", "HEAD") + "\n"
    tree = git(root, "mktree", question=entries.encode())
    bad = git(root, "commit-tree", "-m", "x", "-p", "HEAD", tree)
    assert contexts(ctxsize.affected(root, f"HEAD..{bad}")) == ["."]
    assert [*outside.iterdir()] == []


def test_nothing_of_the_configuration_runs(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    program = f"touch {mark}; cat"
    for name in ("clean", "smudge"):
        git(repository, "config", f"filter.x.{name}", program)
    git(repository, "config", "diff.x.command", program)
    git(repository, "config", "diff.x.textconv", program)
    git(repository, "config", "core.fsmonitor", program)
    git(repository, "config", "diff.external", program)
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/attributes").write_text("* filter=x diff=x\n")
    write("api/lib/l.py", "unlike")(repository)
    os.utime(repository / "web/a.js")
    for dirty in (False, True):
        ctxsize.affected(repository, "HEAD", dirty=dirty)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("revisions", "words"),
    [
        ("nope", "git knows no commit 'nope'"),
        ("--all", "git knows no commit '--all'"),
        ("HEAD...HEAD", "with two dots"),
        ("HEAD:README.md", "git knows no commit"),
        ("", "git knows no commit"),
    ],
)
def test_a_wrong_revision_is_one_line(revisions: str, words: str, repository: Path) -> None:
    with pytest.raises(InputError, match=words):
        ctxsize.affected(repository, revisions)


def test_a_shallow_clone_says_what_to_fetch(repository: Path, tmp_path: Path) -> None:
    write("api/lib/l.py")(repository)
    old = git(repository, "rev-parse", "HEAD")
    commit(repository)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(InputError) as caught:
        ctxsize.affected(tmp_path / "shallow", old)
    assert "git fetch --unshallow" in str(caught.value)


def test_without_git_it_is_an_error(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    done = cli("affected", "--since", "HEAD", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "there is no repository" in done.err


def test_the_screen_has_a_line_for_each_build(repository: Path, cli: Cli) -> None:
    write("api/lib/l.py")(repository)
    write("api/lib/m.py")(repository)
    commit(repository)
    done = cli("affected", "--since", "HEAD~1", cwd=repository)
    assert done.lines[0].startswith("2 of 3 builds are affected by 2 paths from ")
    assert done.lines[2].split() == ["api", "COPY", "lib", "api/lib/l.py", "and", "1", "more"]
    assert done.lines[3].split() == ["job", "stands", "on", "api", "api/lib/l.py"]
    left = cli("affected", "--since", "HEAD~1", "--not", cwd=repository)
    assert left.lines[0].startswith("1 of 3 builds is left alone by 2 paths")
    assert left.lines[1:] == ["  . -f web.Dockerfile"]
    assert (
        "COPY lib (line 2)  api/lib/m.py"
        in cli("affected", "--since", "HEAD~1", "-v", cwd=repository).out
    )


def test_programs_get_a_matrix_json_and_an_exit_code(repository: Path, cli: Cli) -> None:
    asked = ("affected", "--since", "HEAD~1")
    write("README.md")(repository)
    commit(repository)
    assert json.loads(cli(*asked, "--matrix", cwd=repository).out) == {"include": []}
    assert cli(*asked, "--exit-code", cwd=repository).code == 0
    write("job/run.sh")(repository)
    commit(repository)
    assert json.loads(cli(*asked, "--matrix", cwd=repository).out) == {
        "include": [{"name": "job", "context": "job", "dockerfile": "job/Dockerfile", "target": ""}]
    }
    assert cli(*asked, cwd=repository).code == 0
    done = cli(*asked, "--exit-code", "--json", cwd=repository)
    assert done.code == 1
    shape = json.loads(done.out)
    jsonschema.validate(shape, schema("affected"))
    assert [build["affected"] for build in shape["builds"]] == [False, False, True]


@pytest.mark.parametrize("arguments", [[], ["--since", "HEAD", "--stdin"], ["--stdin", "--dirty"]])
def test_wrong_usage(arguments: list[str], repository: Path, cli: Cli) -> None:
    assert cli("affected", *arguments, cwd=repository).code == 2
