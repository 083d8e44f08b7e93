"""The context of a checkout of HEAD, held against a real clone; nothing is checked out for it."""

from __future__ import annotations

import os
import stat
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.build import Build
from ctxsize.engine import checkout, git
from ctxsize.engine.checkout import Checkout
from ctxsize.engine.events import Files
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.walk import Walk
from ctxsize.errors import InputError
from ctxsize.guard import differences
from tests.engine.test_git import WHO, planted, program, run

FILES = {
    "Dockerfile": "FROM scratch\nCOPY . /\n",
    ".gitignore": "target/\n",
    ".dockerignore": "*.log\ndocs\n!docs/keep.md\n",
    "src/main.rs": "fn main() {}\n",
    "src/a.log": "kept\n",
    "top.log": "hidden\n",
    "docs/big.md": "x" * 500,
    "docs/keep.md": "keep",
    "a-b/x": "1",
    "a/x": "22",
    "a.b": "333",
    "target-not/x": "4444",
    "services/api/Dockerfile": "FROM scratch\nCOPY . /\n",
    "services/api/.dockerignore": "tmp\n",
    "services/api/main.go": "package main\n",
    "services/api/tmp/x": "y" * 50,
    "build/Dockerfile.dev": "FROM scratch\nCOPY . /\n",
    "build/Dockerfile.dev.dockerignore": "src\n",
}


def committed(root: Path, files: dict[str, str], *options: str) -> Path:
    """Return a repository with one commit of `files`."""
    planted(root, files)
    run(root, "init", "-q", *options)
    run(root, "add", "-A", "-f")
    run(root, "commit", "-q", "-m", "x")
    return root


def sent_sizes(walk: Walk) -> dict[str, int]:
    """Return the bytes of each file that is sent, without symlinks."""
    return {
        event.prefix + name: size
        for event in walk
        if isinstance(event, Files)
        for name, size in zip(event.names, event.sizes, strict=True)
        if name not in event.links
    }


def noted(root: Path) -> list[tuple[str | None, str]]:
    problems = Checkout(api.plan_for(str(root))).problems
    return [(each.path, each.message) for each in problems]


def commit(root: Path) -> None:
    run(root, "add", "-A", "-f")
    run(root, "commit", "-q", "--allow-empty", "-m", "y")


def symlinks(root: Path) -> None:
    (root / ".dockerignore").unlink()
    (root / ".dockerignore").symlink_to("docs/keep.md")
    (root / "docs/keep.md").write_text("src\n")
    (root / "link").symlink_to("src")
    (root / "services/api/.dockerignore").unlink()
    (root / "services/api/.dockerignore").symlink_to("../../docs/keep.md")
    commit(root)


def dirty(root: Path) -> None:
    """Change nearly everything after the commit, as people do."""
    planted(root, {"target/debug/app": "b" * 9_000, "notes": "n", "src/main.rs": "changed"})
    (root / ".dockerignore").write_text("a\n")
    (root / "a.b").unlink()
    (root / "services/api/new").write_text("new")
    run(root, "add", "notes")


def submodule(root: Path) -> None:
    other = committed(root.parent / "other", {"inner": "12345"})
    run(root, "submodule", "--quiet", "add", str(other), "vendor/other")
    commit(root)


def modes(root: Path) -> None:
    (root / "src/main.rs").chmod(0o755)
    Path(os.fsdecode(os.fsencode(root) + b"/na\xffme")).write_text("12")
    planted(root, {"with blank \t": "1", " leading": "12", 'quo"ted\n': "123", "empty": ""})
    commit(root)


def sparse(root: Path) -> None:
    run(root, "sparse-checkout", "set", "src", "services", "build")


def replaced(root: Path) -> None:
    """Let this machine see another object in place of that of the commit."""
    (root / "other").write_text("another size\n")
    run(root, "replace", "HEAD:src/main.rs", blob(root, "other"))


def blob(root: Path, name: str) -> str:
    words = ["git", "hash-object", "-w", name]
    return subprocess.run(
        words, cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def no_ignore_file(root: Path) -> None:
    (root / ".dockerignore").unlink()
    commit(root)
    (root / ".dockerignore").write_text("src\n")


CASES: dict[str, Callable[[Path], None]] = {
    "clean": lambda root: None,
    "symlinks": symlinks,
    "dirty": dirty,
    "submodule": submodule,
    "modes": modes,
    "sparse": sparse,
    "replaced": replaced,
    "no ignore file": no_ignore_file,
}
BUILDS = {
    "top": Build(""),
    "subdirectory": Build("services/api"),
    "own ignore file": Build("", "build/Dockerfile.dev"),
    "Dockerfile elsewhere": Build("services/api", "build/Dockerfile.dev"),
    "classic": Build("", builder="classic"),
    "podman": Build("", builder="podman"),
}


def at(root: Path, build: Build) -> Build:
    """Return the build below `root`."""
    file = build.dockerfile and str(root / build.dockerfile)
    return Build(str(root / build.context), file, builder=build.builder)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("case", CASES)
def test_a_checkout_has_the_files_of_a_clone(case: str, build: str, tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", FILES)
    CASES[case](root)
    run(tmp_path, "clone", "-q", "repo", "clone")
    clone = api.plan_for(at(tmp_path / "clone", BUILDS[build]))
    expected = sent_sizes(Walk(clone))
    own = [path for path in expected if path.startswith(".git/")]
    for path in own:
        del expected[path]
    read = Checkout(api.plan_for(at(root, BUILDS[build])))
    assert read.sizes == expected
    assert sum(each.content_bytes for each in read.differences) == sum(read.here.values()) - sum(
        expected.values()
    )


def test_a_clean_tree_does_not_differ(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", FILES)
    run(tmp_path, "clone", "-q", "repo", "clone")
    outcome = differences.diff_checkout(str(tmp_path / "clone"))
    report = api.measure(str(tmp_path / "clone"))
    assert " of .git not counted " in outcome.problems[0].message
    assert outcome.changed == []
    assert outcome.differences == ()
    git_bytes = sum(e.content_bytes for e in report.context.tree.children if e.path == ".git")
    assert outcome.after.content_bytes == report.context.totals.content_bytes - git_bytes
    assert root.exists()


def test_shallow_clones_and_other_hashes_have_a_head(tmp_path: Path) -> None:
    committed(tmp_path / "repo", {"x": "12"}, "--object-format=sha256")
    run(tmp_path, "clone", "-q", "--depth=1", f"file://{tmp_path}/repo", "shallow")
    assert Checkout(api.plan_for(str(tmp_path / "shallow"))).sizes == {"x": 2}


def test_each_difference_has_its_reason(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", FILES)
    submodule(root)
    dirty(root)
    reasons = {each.kind: each for each in Checkout(api.plan_for(str(root))).differences}
    assert {kind: set(each.paths) for kind, each in reasons.items()} == {
        "ignored-by-git": {"target/debug/app"},
        "not-committed": {"notes", "services/api/new"},
        "in-submodule": {"vendor/other/.git", "vendor/other/inner"},
        "ignored-in-head": {"docs/big.md", "top.log"},
        "ignored-here": {"a/x"},
        "missing-here": {"a.b"},
        "resized": {"src/main.rs", ".dockerignore"},
    }
    assert (
        reasons["ignored-by-git"].content_bytes,
        reasons["missing-here"].content_bytes,
    ) == (9_000, -3)


def test_a_symlink_in_place_of_a_file_is_not_committed(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"file": "123"})
    (root / "link").symlink_to("file")
    commit(root)
    (root / "link").unlink()
    (root / "link").write_text("12")
    (root / "file").unlink()
    (root / "file").symlink_to("link")
    found = Checkout(api.plan_for(str(root))).differences
    assert [(each.kind, each.paths) for each in found] == [
        ("missing-here", ("file",)),
        ("not-committed", ("link",)),
    ]


ATTRIBUTES = {
    "*.bin filter=lfs diff=lfs merge=lfs -text": ("of git-lfs", "x.bin"),
    "*.crypt filter=git-crypt": ("with a filter", "x.crypt"),
    "*.bat text eol=crlf": ("with CRLF", "x.bat"),
    "*.txt working-tree-encoding=latin-1": ("with another encoding", "x.txt"),
    "*.txt ident": ("with $Id$ filled in", "x.txt"),
    "* text=auto": None,
    "*.none filter=lfs": None,
    "*.large filter=lfs": None,
}


@pytest.mark.parametrize("line", ATTRIBUTES)
def test_files_that_a_checkout_converts_are_noted(line: str, tmp_path: Path) -> None:
    names = ["x.bin", "x.crypt", "x.bat", "x.txt"]
    files = dict.fromkeys(names, "1\n") | {"x.large": "x" * 2_000, ".gitattributes": line}
    root = committed(tmp_path / "repo", files)
    (root / ".gitattributes").write_text("")  # HEAD's count
    found = noted(root)[1:]  # the first is about .git
    expected = ATTRIBUTES[line]
    if expected is None:
        assert found == []
    else:
        assert [path for path, _ in found] == [expected[1]]
        assert f"1 file {expected[0]}" in found[0][1]


def test_submodules_and_files_that_are_not_fetched_are_noted(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", FILES)
    submodule(root)
    run(root, "config", "uploadpack.allowFilter", "true")
    url = f"file://{root}"
    run(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", url, "bare")
    with pytest.raises(InputError, match="dockerignore of HEAD has not been fetched"):
        Checkout(api.plan_for(str(tmp_path / "bare")))
    run(tmp_path, "clone", "-q", "--sparse", "--filter=blob:none", url, "partial")
    found = noted(tmp_path / "partial")
    assert found[1][0] == "vendor/other"
    assert "1 file of other repositories (submodules)" in found[1][1]
    assert "10 files counted as empty" in found[2][1]


def test_other_ignore_files_and_dockerfiles_are_noted(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"x": ""})
    planted(root, {".dockerignore": "x\n", "Dockerfile": "FROM scratch\n"})
    ignore_file, dockerfile = str(root / ".dockerignore"), str(root / "Dockerfile")
    assert noted(root)[1:] == [
        (ignore_file, "HEAD lacks this file"),
        (dockerfile, "HEAD lacks this file"),
    ]
    commit(root)
    assert noted(root)[1:] == []
    planted(root, {".dockerignore": "y\n", "Dockerfile": "FROM alpine\n"})
    assert noted(root)[1:] == [
        (ignore_file, "HEAD has another version of this file"),
        (dockerfile, "HEAD has another version of this file"),
    ]
    (root / ".dockerignore").unlink()
    assert noted(root)[1] == (ignore_file, "HEAD alone has this file")


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda root: None, "git finds none here"),
        (lambda root: run(root, "init", "-q"), "Not a valid object name HEAD"),
        (
            lambda root: committed(root, {"other/x": ""}),
            "there is no checkout of HEAD: it has no directory context",
        ),
    ],
)
def test_without_a_head_there_is_no_checkout(
    made: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    (tmp_path / "repo/context").mkdir(parents=True)
    made(tmp_path / "repo")
    with pytest.raises(InputError, match=says):
        Checkout(api.plan_for(str(tmp_path / "repo/context")))


def head_of(root: Path, *entries: str) -> None:
    """Let HEAD have these entries, in the words of `git mktree`."""
    made = ""
    for words in (["mktree"], [*WHO, "commit-tree", "-m", "z"]):
        made = subprocess.run(
            ["git", *words, *([made] if made else [])],
            cwd=root,
            input="\n".join(entries),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    run(root, "update-ref", "HEAD", made)


def raw_tree(root: Path, name: bytes) -> str:
    """Write a tree with a name that git would refuse, and return its hash."""
    data = b"100644 " + name + b"\0" + bytes.fromhex(blob(root, "x"))
    words = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    done = subprocess.run(words, cwd=root, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.mark.parametrize("name", ["/etc/x", ".", "..", ".git", ".GIT"])
def test_a_tree_that_no_checkout_can_have_is_an_error(name: str, tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"x": "1"})
    head_of(root, f"040000 tree {raw_tree(root, os.fsencode(name))}\ta")
    with pytest.raises(InputError, match="no file can have the path 'a/"):
        Checkout(api.plan_for(str(root)))


def test_a_directory_in_place_of_a_file_is_no_submodule(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"data": "1", "x": "1"})
    (root / "data").unlink()
    planted(root, {"data/new": "22"})
    kinds = {each.kind for each in Checkout(api.plan_for(str(root))).differences}
    assert kinds == {"not-committed", "missing-here"}


def test_a_huge_ignore_file_of_head_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = committed(tmp_path / "repo", {".dockerignore": "x" * 100})
    monkeypatch.setattr("ctxsize.engine.checkout.MOST_BYTES", 99)
    with pytest.raises(InputError, match="dockerignore of HEAD is too large"):
        Checkout(api.plan_for(str(root)))


def test_no_program_of_the_repository_runs(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"x": "1", ".gitattributes": "* filter=f diff=f text\n"})
    (root / "y").write_text("2")
    trap = tmp_path / "trap"
    program(tmp_path / "hook", f"echo >> {trap}")
    for key in (
        *("filter.f.smudge", "filter.f.clean", "filter.f.process", "diff.f.textconv"),
        *("core.fsmonitor", "core.pager", "core.sshCommand", "uploadpack.packObjectsHook"),
    ):
        run(root, "config", key, str(tmp_path / "hook"))
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        program(root / ".git/hooks" / name, f"echo >> {trap}")
    before = {path: path.lstat().st_mtime_ns for path in (root / ".git").rglob("*")}
    assert Checkout(api.plan_for(str(root))).sizes == {"x": 1, ".gitattributes": 23}
    assert not trap.exists()
    assert before == {path: path.lstat().st_mtime_ns for path in (root / ".git").rglob("*")}


def test_a_tree_that_names_itself_many_times_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten levels of ten names each are ten objects, and ten thousand million files."""
    root = committed(tmp_path / "repo", {"x": "1"})
    monkeypatch.setattr(git, "_SECONDS", 0.5)
    entry, kind = blob(root, "x"), "100644 blob"
    for _ in range(10):
        tree = "".join(f"{kind} {entry}\t{name}\n" for name in "abcdefghij")
        words = ["git", "mktree"]
        made = subprocess.run(
            words, cwd=root, input=tree, capture_output=True, text=True, check=True
        )
        entry, kind = made.stdout.strip(), "040000 tree"
    words = ["git", *WHO, "commit-tree", "-m", "z", entry]
    made = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    run(root, "update-ref", "HEAD", made.stdout.strip())
    with pytest.raises(InputError, match="git did not answer within"):
        Checkout(api.plan_for(str(root)))


def test_a_symlink_out_of_head_is_no_ignore_file(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"x": "1", "context/y": "2"})
    (tmp_path / "outside").write_text("y\n")
    (root / "context/.dockerignore").symlink_to("../../outside")
    commit(root)
    found = Checkout(api.plan_for(str(root / "context")))
    assert found.sizes == {"y": 1}
    assert stat.S_ISLNK((root / "context/.dockerignore").lstat().st_mode)


def test_the_context_is_read_once_and_git_asked_by_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = committed(tmp_path / "repo", FILES)
    for directory in range(3):
        planted(root, {f"target/d{directory}/{name}": "1" * name for name in range(1, 200)})
    planted(root, {f"new/{name}": "22" for name in range(200)})
    counts = Counter[str]()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **named)

        return call

    ignores = counted("ignores", git.GitRepository.ignores)
    monkeypatch.setattr(git.GitRepository, "ignores", ignores)
    monkeypatch.setattr("ctxsize.engine.checkout.measure", counted("walks", checkout.measure))
    monkeypatch.setattr(Snapshot, "sent", counted("looks at HEAD", Snapshot.sent))
    differences = Checkout(api.plan_for(str(root))).differences
    assert {each.kind: each.files for each in differences} == {
        "ignored-by-git": 597,
        "not-committed": 200,
    }
    assert differences[0].paths[:2] == ("target/d0/199", "target/d1/199")
    assert len(differences[0].paths) == 10
    # Three directories that git ignores are asked about as such, and each file of another one.
    assert counts == {"walks": 1, "looks at HEAD": 1, "ignores": 3 + 1 + 200}


def test_attributes_of_the_index_do_not_count(tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"x.bin": "1"})
    planted(root, {".gitattributes": "* ident\n"})
    run(root, "add", ".gitattributes")
    assert len(noted(root)) == 1
