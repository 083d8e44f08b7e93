"""The digest of a build: what it is made of, what it is blind to, and its definition by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import ctxsize
from ctxsize.errors import DockerfileError, InputError
from ctxsize.history.digest import Contents
from tests.cli.conftest import Cli
from tests.history.repository import git, planted
from tests.trees import Node, build_tree, file, link

DOCKERFILE = b"FROM a\nARG X\nCOPY --exclude=*.txt lib top.py current /x/\n"
NODES: list[str | Node] = [
    file("Dockerfile", DOCKERFILE),
    file(".dockerignore", b"*.md\n**/*.log\n"),
    file("lib/a.py", b"a"),
    file("lib/deep/b.py", b"bb"),
    file("lib/c.txt", b"left out"),
    file("lib/d.log", b"ignored"),
    file("top.py", b"top"),
    file("other.py", b"not taken"),
    link("current", "lib/a.py"),
]


def write(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text(text)


def relinked(root: Path) -> None:
    (root / "current").unlink()
    (root / "current").symlink_to("lib/deep/b.py")


CHANGES = {
    "content of the same size": write("lib/a.py", "z"),
    "a new file": write("lib/n.py", ""),
    "a new directory": lambda root: (root / "lib/e").mkdir(),
    "a name": lambda root: (root / "lib/a.py").rename(root / "lib/z.py"),
    "a mode": lambda root: (root / "lib/a.py").chmod(0o755),
    "a symlink": relinked,
    "the Dockerfile": write("Dockerfile", DOCKERFILE.decode() + "RUN x\n"),
    "what the ignore file hides": write(".dockerignore", "*.md\n"),
}
BLIND_TO = {
    "what no instruction takes": write("other.py", "new"),
    "what is ignored": write("lib/d.log", "new"),
    "what --exclude leaves out": write("lib/c.txt", "new"),
    "a comment of the ignore file": write(".dockerignore", "# x\n*.md\n**/*.log\n"),
    "times": lambda root: os.utime(root / "lib/a.py", (1, 1)),
    "permissions of others": lambda root: (root / "lib/a.py").chmod(0o600),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return planted(tmp_path / "r", NODES)


def digest(root: Path, **options: object) -> str:
    answer = ctxsize.digest(root, **options)  # type: ignore[arg-type]
    assert answer.stable
    return answer.digest


@pytest.mark.parametrize("name", CHANGES)
def test_another_input_is_another_digest(name: str, repository: Path) -> None:
    before = digest(repository)
    CHANGES[name](repository)
    assert digest(repository) != before


@pytest.mark.parametrize("name", BLIND_TO)
def test_the_same_input_is_the_same_digest(name: str, repository: Path) -> None:
    before = digest(repository)
    BLIND_TO[name](repository)
    assert digest(repository) == before


def test_each_checkout_has_the_same(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "elsewhere")
    assert digest(tmp_path / "elsewhere") == digest(repository)


def test_options_count(repository: Path) -> None:
    answers = [
        digest(repository),
        digest(repository, build_arguments={"X": "1"}),
        digest(repository, build_arguments={"X": "2"}),
        digest(repository, platforms=["linux/arm64"]),
        digest(repository, build_contexts={"a": "docker-image://b"}),
    ]
    assert len(set(answers)) == len(answers)


def test_the_definition_by_hand(repository: Path) -> None:
    """The page has this definition: a change needs another number."""

    def hashed(data: bytes) -> str:
        return sha256(data).hexdigest()

    lines: list[list[object]] = [
        ["ctxsize digest", 1],
        ["dockerfile", hashed(DOCKERFILE)],
        ["target", ""],
        ["platform", "linux/amd64"],
        ["argument", hashed(b"X=1")],
        ["entry", "", "120000", hashed(b"lib/a.py"), "current"],
        ["entry", "", "040000", "", "lib"],
        ["entry", "", "100644", hashed(b"a"), "lib/a.py"],
        ["entry", "", "040000", "", "lib/deep"],
        ["entry", "", "100644", hashed(b"bb"), "lib/deep/b.py"],
        ["entry", "", "100644", hashed(b"top"), "top.py"],
    ]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    expected = f"sha256:{hashed(text.encode())}"
    assert digest(repository, platforms=["linux/amd64"], build_arguments={"X": "1"}) == expected


def test_named_contexts_count_where_they_are_taken(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        [
            file("Dockerfile", b"FROM a\nCOPY --from=more x /\nCOPY x /\n"),
            *("x", "more/x", "more/y"),
        ],
    )
    named = {"build_contexts": {"more": str(tmp_path / "more")}}
    before = digest(tmp_path, **named)
    write("more/y", "new")(tmp_path)
    assert digest(tmp_path, **named) == before
    write("more/x", "new")(tmp_path)
    assert digest(tmp_path, **named) != before


def test_what_depends_on_an_argument_is_all_that_is_sent(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\nARG X\nCOPY a${X} /\n"), "a", "b"])
    before = digest(tmp_path)
    write("b", "new")(tmp_path)
    assert digest(tmp_path) != before


def test_a_repository_that_is_taken_is_not_stable(tmp_path: Path, cli: Cli) -> None:
    root = planted(tmp_path / "r", [file("Dockerfile", b"FROM a\nCOPY . .\n")])
    assert not ctxsize.digest(root).stable
    done = cli("digest", cwd=root)
    assert done.out.startswith(b"sha256:") if isinstance(done.out, bytes) else "sha256:" in done.out
    assert "write .git into the ignore file" in done.err
    write(".dockerignore", ".git\n")(root)
    assert digest(root)


def test_names_need_not_be_utf_8(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\nCOPY . .\n")])
    before = digest(tmp_path)
    name = os.fsencode(tmp_path) + b"/\xff"
    with open(name, "wb"):
        pass
    assert digest(tmp_path) != before


def test_all_builds_of_a_repository(repository: Path, cli: Cli) -> None:
    build_tree(
        repository,
        [
            file("api/Dockerfile", b"FROM a\nCOPY a /\n"),
            "api/a",
            file("bad/Dockerfile", b"FROM a\nCOPY\n"),
            file("compose.yaml", b"services: {x: {build: bad}}"),
        ],
    )
    done = cli("digest", "--all", cwd=repository)
    assert done.code == 2
    assert done.lines[:2] == [
        f"{ctxsize.digest(repository).digest}  .",
        f"{ctxsize.digest(repository / 'api').digest}  api",
    ]
    assert done.lines[2].startswith("not known  bad: ")
    shape = json.loads(cli("digest", "--all", "--json", cwd=repository).out)
    assert [build["context"] for build in shape["builds"]] == [".", "api", "bad"]
    assert shape["builds"][2]["digest"] is None
    (repository / "compose.yaml").unlink()
    assert cli("digest", "--all", cwd=repository).code == 2
    (repository / "bad/Dockerfile").unlink()
    assert cli("digest", "--all", cwd=repository).code == 0


def test_a_source_that_is_not_found_is_said(tmp_path: Path, cli: Cli) -> None:
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\nCOPY nope /\n")])
    done = cli("digest", cwd=tmp_path)
    assert done.lines[0].startswith("sha256:")
    assert "COPY nope: not found" in done.err


def test_a_value_may_be_no_text(tmp_path: Path, cli: Cli) -> None:
    bake = b'{"target": {"a": {"args": {"X": "\\ud800"}}}}'
    build_tree(tmp_path, [file("Dockerfile", b"FROM a\n"), file("docker-bake.json", bake)])
    assert cli("digest", "--all", cwd=tmp_path).code == 0


def test_nothing_is_read_further_once_nobody_listens(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a large file does not wait for its end."""
    build_tree(tmp_path, [f"a{number:03}" for number in range(150)])
    with open(tmp_path / "z", "wb") as large:
        large.truncate(1 << 40)  # it would take minutes
    taken = Contents().of(str(tmp_path), ctxsize.ls(tmp_path))
    assert next(taken).path == "a000"
    taken.close()


def test_without_a_build_there_is_no_digest(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="a digest is that of a build"):
        ctxsize.digest(tmp_path)
    (tmp_path / "Dockerfile").write_text("NOPE\n")
    with pytest.raises(DockerfileError):
        ctxsize.digest(tmp_path)


def listing(root: Path, cli: Cli, to: Path, *options: str) -> Path:
    to.write_bytes(cli("ls", "--digest", "--json", *options, cwd=root).raw)
    return to


def test_two_listings_tell_which_file_missed_the_cache(
    repository: Path, tmp_path: Path, cli: Cli
) -> None:
    before = listing(repository, cli, tmp_path / "before.jsonl")
    write("lib/a.py", "z")(repository)
    (repository / "top.py").chmod(0o755)
    relinked(repository)
    write("other.py", "longer than it was")(repository)
    after = listing(repository, cli, tmp_path / "after.jsonl")
    done = cli("diff", str(before), str(after), "--json")
    (context,) = json.loads(done.out)["contexts"]
    assert context["rewritten"] == ["current", "lib/a.py", "top.py"]
    shown = cli("diff", str(before), str(after))
    assert "Other content of the same size" in shown.out
    assert "\n  lib/a.py\n" in shown.out


def test_a_listing_has_the_hashes_of_the_definition(repository: Path, cli: Cli) -> None:
    build_tree(repository, [file("more/m", b"")])
    lines = cli("ls", "--digest", "--transfer", cwd=repository).lines
    assert f"100644 {sha256(b'bb').hexdigest()} lib/deep/b.py" in lines
    assert f"040000 {'':64} lib/deep/" in lines
    named = ("--build-context", "a=more", "--named", "a")
    assert cli("ls", "--digest", *named, cwd=repository).lines == [
        f"100644 {sha256(b'').hexdigest()} m"
    ]
