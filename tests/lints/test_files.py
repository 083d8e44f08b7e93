"""Ignore files that are not read, or not alone; and files that are no files of lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.errors import DockerfileError, InputError
from ctxsize.findings import Finding, Severity
from ctxsize.writer.apply import apply
from tests.oracles.devtools import list_context
from tests.trees import COPY_ALL, Node, build_tree, file, link


def lint(root: Path, nodes: list[str | Node], *paths: str, select: str) -> list[Finding]:
    """The findings of one code below `root`, or at `paths` in it."""
    build_tree(root, nodes)
    names = [str(root / path) for path in paths] or [str(root)]
    return [*api.lint(names, select=[select]).findings]


def named(findings: list[Finding], root: Path) -> list[tuple[str, str]]:
    return [(os.path.relpath(each.location.path, root), each.message) for each in findings]


SPECIFIC = [
    file("Dockerfile", COPY_ALL),
    file("Dockerfile.dockerignore", b"docs\n"),
    file(".dockerignore", b"node_modules\n"),
    file("node_modules/a.js", size_bytes=30),
    "src/a",
]


@pytest.mark.usefixtures("devtools")
def test_two_files_for_one_dockerfile(tmp_path: Path) -> None:
    (found,) = lint(tmp_path, [*SPECIFIC], select="CTX117")
    assert found.message.endswith(
        ".dockerignore, and lacks what that ignores: the build sends node_modules/: 30 B in 1 file"
    )
    assert "node_modules/a.js" in {each.name for each in list_context(tmp_path)}
    (tmp_path / "Dockerfile.dockerignore").unlink()
    assert "node_modules/a.js" not in {each.name for each in list_context(tmp_path)}


@pytest.mark.parametrize(
    "nodes",
    [
        [file("Dockerfile", COPY_ALL), file(".dockerignore", b"docs\n"), "a"],
        # A choice: the build takes what the other builds do not.
        [*SPECIFIC[1:], file("Dockerfile", b"FROM scratch\nCOPY node_modules /\n")],
        # Another build has a list of what it needs, and this one needs more.
        [*SPECIFIC[:2], file(".dockerignore", b"*\n!app\n"), "src/a"],
        [*SPECIFIC[:3], "docs/a"],
        [file("Dockerfile", COPY_ALL), file("Dockerfile.dockerignore", b"docs\n"), "a"],
    ],
)
def test_one_file_alone(nodes: list[str | Node], tmp_path: Path) -> None:
    assert lint(tmp_path, nodes, select="CTX117") == []


UNREAD = {
    "no Dockerfile": (
        [file("web.Dockerfile.dockerignore", b"a\n")],
        "web.Dockerfile.dockerignore",
        "there is no",
    ),
    "no dot": ([file("dockerignore", b"a\n")], "dockerignore", "begin with a dot"),
    "a directory": ([".dockerignore/a"], ".dockerignore", "no regular file"),
    "a link out": (
        [link("ctx/.dockerignore", "../shared"), "shared", "ctx/a"],
        "ctx/.dockerignore",
        "a symlink that leaves the context",
    ),
    "a link to nothing": ([link(".dockerignore", "no")], ".dockerignore", "no regular file"),
    "the context is above": (
        [
            file("docker/Dockerfile", b"FROM scratch\nCOPY src/main.c /\n"),
            file("docker/.dockerignore", b"a\n"),
            "src/main.c",
        ],
        "docker/.dockerignore",
        "is built with the context",
    ),
    "Compose says so": (
        [
            file("compose.yaml", b"services:\n  a:\n    build:\n      context: .\n"
                 b"      dockerfile: docker/Dockerfile\n"),
            file("docker/Dockerfile", b"FROM scratch\nCOPY . /\n"),
            file("docker/.dockerignore", b"a\n"),
        ],
        "docker/.dockerignore",
        "compose.yaml",
    ),
}  # fmt: skip


MISNAMED = {
    ".dockerIgnore": "Dockerfile",
    "dockerignore": "Dockerfile",
    "Dockerfile.DockerIgnore": "Dockerfile",
    "images/gadget.dockerignore": "images/gadget.Dockerfile",
    "Dockerfile.dockerignore": "images/Dockerfile",
}
"""Names of ignore files, and the Dockerfile for which each is meant."""


@pytest.mark.usefixtures("devtools")
@pytest.mark.parametrize("name", MISNAMED)
def test_docker_reads_a_misnamed_file_once_it_is_renamed(name: str, tmp_path: Path) -> None:
    dockerfile = MISNAMED[name]
    build_tree(tmp_path, [file(dockerfile, b"FROM scratch\nCOPY . /\nCOPY src /s\n"), "src/a"])
    build_tree(tmp_path, [file(name, b"logs\n"), "logs/a"])

    def sent() -> set[str]:
        return {each.name for each in list_context(tmp_path, dockerfile=tmp_path / dockerfile)}

    assert "logs/a" in sent()
    linted = api.lint([str(tmp_path)], fix=True)
    assert [edit.old_path for edit in linted.edits] == [str(tmp_path / name)]
    apply(linted.edits)
    assert "logs/a" not in sent()


@pytest.mark.parametrize("name", UNREAD)
def test_an_ignore_file_that_no_build_reads_is_found(name: str, tmp_path: Path) -> None:
    nodes, path, words = UNREAD[name]
    build_tree(tmp_path, nodes)
    target = [str(tmp_path)] if "the" in name or "says" in name else [str(tmp_path / path)]
    found = list(api.lint(target, select=["CTX127"]).findings)
    if name in ("a directory", "a link out", "a link to nothing"):
        whole = list(api.lint([str(tmp_path / Path(path).parent)], select=["CTX127"]).findings)
        found = [*api.lint([str(tmp_path / path)], select=["CTX127"]).findings]
        assert whole == found
    ((where, message),) = named(found, tmp_path)
    assert where == path
    assert words in message


@pytest.mark.parametrize(
    "nodes",
    [
        [file("Dockerfile", COPY_ALL), file(".dockerignore", b"a\n")],
        [file("api/Dockerfile", COPY_ALL), file("api/.dockerignore", b"a\n"), "b"],
        [file("api/Dockerfile", COPY_ALL), file("api/Dockerfile.dockerignore", b"a\n")],
        [file(".dockerignore", b"a\n"), "b"],
        [link(".dockerignore", "shared"), file("shared", b"a\n")],
    ],
)
def test_an_ignore_file_that_a_build_reads_is_fine(nodes: list[str | Node], tmp_path: Path) -> None:
    assert lint(tmp_path, nodes, select="CTX127") == []


LINKED = {
    "git": ([link(".dockerignore", ".gitignore"), file(".gitignore", b"a\n")], ".gitignore"),
    "another name": ([link(".dockerignore", "etc/lines"), "etc/lines"], "etc/lines"),
    "of one Dockerfile": (
        [link("Dockerfile.dockerignore", ".gitignore"), file(".gitignore", b"a\n")],
        ".gitignore",
    ),
    "of podman": ([link(".containerignore", ".gitignore"), ".gitignore"], ".gitignore"),
    "another ignore file": (
        [link(".containerignore", ".dockerignore"), file(".dockerignore", b"a\n")],
        None,
    ),
    "a link to nothing": ([link(".dockerignore", "gone")], None),
    "a file": ([file(".dockerignore", b"a\n")], None),
}
"""Files of a repository, and the target of the link that CTX134 names."""


@pytest.mark.parametrize("name", LINKED)
def test_an_ignore_file_that_is_a_symlink_is_reported(name: str, tmp_path: Path) -> None:
    nodes, target = LINKED[name]
    found = lint(tmp_path, [file("Dockerfile", COPY_ALL), *nodes], select="CTX134")
    assert len(found) == (0 if target is None else 1)
    for finding in found:
        assert f"is a symbolic link to {target}: " in finding.message
        assert finding.severity is Severity.WARNING


WEIRD = {
    "empty": b"",
    "a line feed": b"\n",
    "NUL": b"a\0b\n",
    "a long line": b"x" * 1_000_000 + b"\n",
    "a mark alone": b"\xef\xbb\xbf",
    "Windows": b"node_modules\r\n*.log\r\n",
    "no text": bytes(range(256)),
    "no last end": b"dist",
}


@pytest.mark.parametrize("tree", [True, False])
@pytest.mark.parametrize("name", WEIRD)
def test_a_weird_file_ends_in_findings(name: str, tree: bool, tmp_path: Path) -> None:
    data = WEIRD[name]
    path = tmp_path / ".dockerignore"
    path.write_bytes(data)
    (tmp_path / "a").write_text("a")
    paths = [str(path)] if tree else []
    linted = api.lint(paths, data=None if tree else data, unsafe_fixes=True)
    assert path.read_bytes() == data
    again = api.lint(paths, data=linted.edits[0].after if linted.edits else data, unsafe_fixes=True)
    assert again.edits == ()
    (file_,) = linted.files
    assert (file_.content_bytes is not None) == tree


@pytest.mark.parametrize(
    ("name", "codes"),
    [("empty", []), ("NUL", ["CTX122"]), ("a long line", ["CTX121"]), ("a mark alone", []),
     ("Windows", ["CTX101"]), ("no last end", [])],
)  # fmt: skip
def test_what_is_said_of_weird_files(name: str, codes: list[str]) -> None:
    linted = api.lint(data=WEIRD[name])
    assert [each.code for each in linted.findings] == codes


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        api.lint([str(tmp_path / "no")])
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="is no regular file"):
        api.lint([str(tmp_path / "fifo")])
    with pytest.raises(InputError):
        api.lint(["a\0b"])
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(InputError, match="is a Dockerfile"):
        api.lint([str(tmp_path / "Dockerfile")])


@pytest.mark.parametrize("text", [b"NONSENSE\n", b"", b"FROM\n", b"FROM a\nCOPY a\n", b"\xff"])
def test_a_dockerfile_that_cannot_be_read_stops_only_its_directory(
    text: bytes, tmp_path: Path
) -> None:
    nodes = [file("Dockerfile", text), file(".dockerignore", b"node_modules\n")]
    build_tree(tmp_path, [*nodes, "web/node_modules/a"])
    with pytest.raises(DockerfileError):
        api.lint([str(tmp_path)])
    # An ignore file that is named is linted by itself.
    found = api.lint([str(tmp_path / ".dockerignore")]).findings
    assert [(each.code, each.files) for each in found if each.code != "CTX411"] == [("CTX101", 1)]


def test_a_build_that_fails_has_what_can_be_said(tmp_path: Path) -> None:
    build_tree(tmp_path, [file(".dockerignore", b"node_modules\n[\n"), "web/node_modules/a.js"])
    found = api.lint([str(tmp_path)]).findings
    assert [(each.code, each.files) for each in found] == [("CTX101", 1), ("CTX121", None)]


def test_an_ignore_file_that_is_a_link_is_linted(tmp_path: Path) -> None:
    build_tree(tmp_path, [link(".dockerignore", "shared"), file("shared", b"a\na\n")])
    found = api.lint([str(tmp_path)]).findings
    assert [each.code for each in found] == ["CTX134", "CTX113"]


def test_a_containerignore_is_read_as_podman_reads_it(tmp_path: Path) -> None:
    nodes: list[str | Node] = [file(".containerignore", b"*\n! a\n"), "a", "b"]
    build_tree(tmp_path, nodes)
    (one,) = api.lint([str(tmp_path)]).files
    assert one.files == 0, "to Podman it is a name that begins with a blank"
    (tmp_path / ".containerignore").rename(tmp_path / ".dockerignore")
    (one,) = api.lint([str(tmp_path)]).files
    assert one.files == 1


@pytest.mark.parametrize("repository", [True, False])
def test_builds_of_one_file_are_looked_for_in_its_repository(
    repository: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = b"services:\n  a:\n    build:\n      context: api\n      dockerfile: ../D\n"
    nodes = [
        file("repo/compose.yaml", compose),
        file("repo/D", b"FROM scratch\nCOPY hidden /\n"),
        file("repo/api/.dockerignore", b"hidden\n"),
        "repo/api/hidden",
    ]
    build_tree(tmp_path, [*nodes, *(["repo/.git/HEAD"] if repository else [])])
    for directory, path in (("", "repo/api"), ("repo", "api"), ("repo/api", "")):
        monkeypatch.chdir(tmp_path / directory)
        name = str(Path(path) / ".dockerignore")
        found = api.lint([name], select=["CTX111"]).findings
        assert bool(found) == (repository and directory != "repo/api")


TABLE = '[contexts.api]\npath = "api"\ndockerfile = "docker/Dockerfile"\ntarget = "dev"\n'
BUILT = [
    file("docker/Dockerfile", b"FROM scratch AS dev\nCOPY dist /\nFROM scratch\nCOPY a /\n"),
    "api/a",
    "api/dist/b",
    file("api/.dockerignore", b"dist\n"),
    file("docker/.dockerignore", b"x\n"),
    "a",
]


def test_the_configuration_tells_of_builds_too(tmp_path: Path) -> None:
    alone = named(lint(tmp_path / "a", [*BUILT], select="CTX111,CTX127"), tmp_path / "a")
    (api_path, api_message), (docker_path, docker_message) = alone
    assert (api_path, docker_path) == ("api/.dockerignore", "docker/.dockerignore")
    assert "no build has the context " in api_message
    assert "is built with the context " in docker_message
    nodes: list[str | Node] = [*BUILT, file("ctxsize.toml", TABLE.encode())]
    found = named(lint(tmp_path / "b", nodes, select="CTX111,CTX127"), tmp_path / "b")
    assert [(path, message[:29]) for path, message in found] == [
        ("api/.dockerignore", "`dist` ignores the source of "),
        ("docker/.dockerignore", "no build seems to read this i"),
    ]


def test_a_table_about_another_directory_adds_nothing(tmp_path: Path) -> None:
    nodes: list[str | Node] = [*BUILT, file("ctxsize.toml", TABLE.encode()), "web/a"]
    build_tree(tmp_path, [*nodes, file("web/.dockerignore", b"a\n")])
    assert [each.path for each in api.lint([str(tmp_path / "web")]).files] == [
        str(tmp_path / "web" / ".dockerignore")
    ]


@pytest.mark.parametrize(
    ("builder", "stops"), [("buildkit", True), ("classic", False), ("podman", False)]
)
def test_a_control_character_stops_the_build_for_buildkit_alone(builder: str, stops: bool) -> None:
    linted = api.lint(data=b"a\tb\n", builder=builder, select=["CTX122"])
    assert [each.severity is Severity.ERROR for each in linted.findings] == [stops]
