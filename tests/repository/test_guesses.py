"""The context of a Dockerfile that no file builds: one guess, which each command takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.cli.app import run
from ctxsize.repository import discover
from ctxsize.repository.search import _MOST_NAMES
from tests.trees import Node, build_tree, file, link

ALL = b"FROM scratch\nCOPY . .\n"
NODE = b"FROM node:20\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n"
NEXT = (
    b"FROM node:20\nCOPY package.json yarn.lock* package-lock.json* pnpm-lock.yaml* ./\nCOPY . .\n"
)
GUESSES: dict[str, tuple[str, list[str | Node], str]] = {
    # case: (the Dockerfile, the tree, the context)
    "everything": ("docker/Dockerfile", [file("docker/Dockerfile", ALL), "a"], "."),
    "wildcards": ("docker/Dockerfile", [file("docker/Dockerfile", NODE), "package.json"], "."),
    "wildcards alone": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", b"FROM scratch\nCOPY *.csproj go.* /\n"), "a.csproj"],
        ".",
    ),
    "wildcards in directories": (
        "ci/img/Dockerfile",
        [file("ci/img/Dockerfile", b"FROM scratch\nCOPY src/*/*.csproj /\n"), "src/a/a.csproj"],
        ".",
    ),
    "wildcards that match here": (
        "web/Dockerfile",
        [file("web/Dockerfile", NODE), "web/package.json", "package.json"],
        "web",
    ),
    "wildcards that match above": (
        "web/Dockerfile",
        [file("web/Dockerfile", NODE), "web/a.js", "package.json"],
        ".",
    ),
    "wildcards that match nothing": (
        "web/Dockerfile",
        [file("web/Dockerfile", b"FROM scratch\nCOPY target/*.jar /\n"), "a"],
        "web",
    ),
    "what is not built yet": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", b"FROM scratch\nCOPY target/*.jar /\n"), "pom.xml"],
        ".",
    ),
    "optional wildcards": (
        "web/Dockerfile",
        [file("web/Dockerfile", NEXT), "web/package.json", "package.json", "yarn.lock"],
        "web",
    ),
    "optional wildcards, above": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", NEXT), "package.json"],
        ".",
    ),
    "most of what it names": (
        "web/Dockerfile",
        [
            file("web/Dockerfile", b"FROM scratch\nCOPY web/package.json dist /\n"),
            "web/package.json",
        ],
        ".",
    ),
    "what it names is beside it": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", b"FROM scratch\nCOPY run.sh /\nCOPY . /\n"), "docker/run.sh"],
        "docker",
    ),
    "wildcards match beside it": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", b"FROM scratch\nCOPY *.conf /\n"), "docker/a.conf", "b"],
        "docker",
    ),
    "the same names in both": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", NODE), "docker/package.json", "package.json"],
        ".",
    ),
    "below a project of a repository": (
        "sub/docker/Dockerfile",
        [file("sub/docker/Dockerfile", ALL), "sub/a", "b"],
        "sub",
    ),
    "several such directories": (
        "sub/deploy/Docker/Dockerfile",
        [file("sub/deploy/Docker/Dockerfile", ALL), "sub/a", "b"],
        "sub",
    ),
    "a bind mount": (
        "build/Dockerfile",
        [file("build/Dockerfile", b"FROM scratch\nRUN --mount=type=bind,target=/x ls\n"), "a"],
        ".",
    ),
    "a mount has no wildcards": (
        "web/Dockerfile",
        [
            file(
                "web/Dockerfile",
                b"FROM a\nRUN --mount=type=bind,source=a*,target=/x ls /x\n",
            ),
            "ab",
        ],
        "web",
    ),
    "parents of any depth": (
        "web/img/Dockerfile",
        [
            file(
                "web/img/Dockerfile",
                b"# syntax=docker/dockerfile:1\nFROM a\nCOPY --parents src/**/x.mod /\n",
            ),
            "web/src/a/b/x.mod",
        ],
        "web",
    ),
    "a missing argument": (
        "docker/Dockerfile",
        [file("docker/Dockerfile", b"ARG IMAGE\nFROM $IMAGE\nCOPY . /\n"), "a"],
        ".",
    ),
    "Quarkus, not built yet": (
        "src/main/docker/Dockerfile.jvm",
        [
            file(
                "src/main/docker/Dockerfile.jvm",
                b"FROM scratch\nCOPY target/quarkus-app/lib/ /deployments/lib/\n",
            ),
            *("src/main/java/A.java", "pom.xml"),
        ],
        ".",
    ),
    "a directory of its own": (
        "web/Dockerfile",
        [file("web/Dockerfile", ALL), "web/a", "b"],
        "web",
    ),
    "nothing beside it, and a manifest above": (
        "extras/docker/dev/Dockerfile",
        [
            file("extras/docker/dev/Dockerfile", ALL),
            *("extras/docker/dev/README.md", "extras/docker/base/run.sh", "package.json"),
        ],
        ".",
    ),
    "nothing beside it, and no manifest": (
        "sub/docker/dev/Dockerfile",
        [file("sub/docker/dev/Dockerfile", ALL), "sub/a", "b"],
        "sub",
    ),
    "files beside it": (
        "docker/nginx/Dockerfile",
        [file("docker/nginx/Dockerfile", ALL), "docker/nginx/html/a", "package.json"],
        "docker/nginx",
    ),
    "no directory of the repository": (
        "web/Dockerfile",
        [
            file("web/Dockerfile", b"FROM scratch\nCOPY out/* /\n"),
            link("out", "/usr/bin"),
        ],
        "web",
    ),
}


@pytest.mark.parametrize("case", GUESSES)
def test_the_context_is_guessed_from_sources_and_directory(case: str, tmp_path: Path) -> None:
    _, nodes, expected = GUESSES[case]
    root = build_tree(tmp_path / "r", nodes)
    (build,) = discover(str(root)).builds
    assert build.guessed
    assert os.path.relpath(build.build.context, root) == expected


@pytest.mark.parametrize("case", GUESSES)
def test_a_guess_elsewhere_is_reported_with_the_line_that_states_it(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dockerfile, nodes, context = GUESSES[case]
    monkeypatch.chdir(build_tree(tmp_path / "r", nodes))
    problems = [problem for problem in discover().problems if problem.code == "guess"]
    usual = os.path.dirname(dockerfile)
    if context == usual and usual != "docker":
        assert problems == []
        return
    (problem,) = problems
    assert problem.path == dockerfile
    line = f"docker build -f {dockerfile} {context}"
    assert problem.message.endswith(
        f"so {context} is a guess; a line in a Makefile, a script or a workflow states it: {line}"
    )
    Path("Makefile").write_text(f"image:\n\t{line}\n")
    stated = discover()
    assert stated.problems == ()
    assert [(build.guessed, build.build.context) for build in stated.builds] == [(False, context)]


STORY: list[str | Node] = [
    file("docker/Dockerfile", NODE),
    file("package.json", b"{}\n"),
    file("src/i.js", b"1\n"),
    file("node_modules/.package-lock.json", b"{}\n"),
    file("node_modules/x/a.node", size_bytes=52_428_800),
]
"""A newcomer's repository: Node with its Dockerfile in `docker`."""
GUESS = (
    "docker/Dockerfile: no file here says with which context it is built, so . is a guess; a line "
    "in a Makefile, a script or a workflow states it: docker build -f docker/Dockerfile ."
)


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = build_tree(tmp_path / "r", STORY)
    monkeypatch.chdir(root)
    return root


def joined(text: str) -> str:
    """The text of a screen without its line ends."""
    return " ".join(text.split())


@pytest.mark.usefixtures("story")
def test_scan_leads_to_the_ignore_file_that_the_build_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["scan"]) in (0, 1)
    screen = joined(capsys.readouterr().out)
    assert "52.4 MB 52.4 MB" in screen
    assert "none ." in screen
    assert f"note: {GUESS}" in screen
    assert "Next: ctxsize suggest --write -f docker/Dockerfile saves 52.4 MB of 52.4 MB" in screen
    assert run(["suggest", "--write", "-f", "docker/Dockerfile"]) == 0
    assert Path(".dockerignore").exists()
    assert not Path("docker/.dockerignore").exists()
    capsys.readouterr()
    run(["scan"])
    screen = joined(capsys.readouterr().out)
    assert "52.4 MB" not in screen
    assert "no build reads this ignore file" not in screen
    assert "suggest --write docker" not in screen


@pytest.mark.usefixtures("story")
def test_check_of_all_refuses_what_the_build_sends(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--all", "--max", "1MB"]) == 1
    out, err = capsys.readouterr()
    assert "52.4 MB" in out
    assert joined(err) == f"ctxsize: warning: {GUESS}"


@pytest.mark.usefixtures("story")
def test_init_writes_the_ignore_file_that_the_build_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["init", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "+++ .dockerignore" in out
    assert "+**/node_modules" in out
    assert "docker/.dockerignore" not in out
    assert '+dockerfile = "docker/Dockerfile"' in out
    assert '[contexts."docker"]' not in out
    assert joined(err) == f"ctxsize: warning: {GUESS}"


@pytest.mark.usefixtures("story")
def test_an_ignore_file_beside_the_dockerfile_is_the_unread_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in (".dockerignore", "docker/.dockerignore"):
        Path(path).write_text("**/node_modules\n")
    unread = [finding for finding in api.scan().findings if finding.code == "CTX302"]
    assert [(finding.location.path, finding.message) for finding in unread] == [
        (
            "docker/.dockerignore",
            "no build reads this ignore file: docker/Dockerfile is built with the context ., as "
            "its sources and its directory suggest",
        )
    ]
    run(["lint"])
    screen = joined(capsys.readouterr().out)
    assert (
        "docker/Dockerfile is built with the context ., as its sources and its directory suggest"
        in screen
    )


def test_the_work_of_others_is_guessed_without_a_word(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", [file("node_modules/x/docker/Dockerfile", ALL)])
    discovery = discover(str(root), everywhere=True)
    assert [build.build.context for build in discovery.builds] == [str(root / "node_modules/x")]
    assert discovery.problems == ()


def test_wildcards_are_compared_with_so_many_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile Dockerfile may ask for the names of all directories, many times."""
    compared = []
    monkeypatch.setattr("ctxsize.repository.search.match", lambda *each: compared.append(each))
    copies = b"".join(b"COPY %d*/*/*/x /\n" % number for number in range(1000))
    names = [f"d/e/{name}" for name in range(2000)]
    root = build_tree(tmp_path / "r", [file("d/e/f/Dockerfile", b"FROM a\n" + copies), *names])
    discover(str(root))
    assert 0 < len(compared) <= _MOST_NAMES + 2000


@pytest.mark.usefixtures("story")
def test_what_init_writes_states_the_context(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init"]) == 0
    assert Path(".dockerignore").exists()
    assert not Path("docker/.dockerignore").exists()
    (row,) = api.scan().rows
    assert not row.found.guessed
    assert [place.how for place in row.places] == ["configuration"]
    capsys.readouterr()
    assert run(["check", "--all"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["scan"]) in (0, 1)
    screen = joined(capsys.readouterr().out)
    assert "52.4 MB" not in screen
    assert "guess" not in screen


@pytest.mark.usefixtures("story")
def test_a_table_outranks_a_guess_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    table = '[contexts.image]\npath = "docker"\ndockerfile = "docker/Dockerfile"\n'
    Path("ctxsize.toml").write_text(table)
    assert [build.build.context for build in api.discover().builds] == ["docker"]
    assert [row.build.context for row in api.scan().rows] == ["docker"]
    assert run(["check", "--all", "--max", "1MB"]) == 0
    assert run(["init", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "guess" not in out + err
    everywhere = api.discover(everywhere=True)
    assert [build.build.context for build in everywhere.builds] == ["."]
