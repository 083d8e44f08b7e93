"""Builds that are none of the team: fixtures, templates, vendored code. One line counts them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctxsize.cli.app import run
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

BUILD = b"FROM scratch\nCOPY . /\n"
OURS = file("app/Dockerfile", BUILD)
CASES: dict[str, tuple[list[str | Node], list[str], str]] = {
    # case: (the tree, the contexts of builds besides `app`, what was left out)
    "fixtures": (
        [file("test/fixtures/a/Dockerfile", BUILD), file("pkg/testdata/Dockerfile", BUILD)],
        [],
        "2 Dockerfiles in fixtures were left out",
    ),
    "more names of fixtures": (
        [file(f"{name}/Dockerfile", BUILD) for name in ("__fixtures__", "test-data", "fixture")],
        [],
        "3 Dockerfiles in fixtures were left out",
    ),
    "names that begin so": (
        [file(f"{name}/a/Dockerfile", BUILD) for name in ("testfiles-negative", "test_file")],
        [],
        "2 Dockerfiles in fixtures were left out",
    ),
    "what lies beside the tests of a package of Go": (
        [
            "p/p_test.go",
            *(file(f"{name}/a/Dockerfile", BUILD) for name in ("p/testcases", "p/app")),
        ],
        ["p/app/a"],
        "1 Dockerfile in test data was left out",
    ),
    "tests that CI may build": (
        [file("tests/Dockerfile", BUILD), file("e2e/Dockerfile", BUILD)],
        ["e2e", "tests"],
        "",
    ),
    "a fixture that a script builds": (
        [file("testdata/a/Dockerfile", BUILD), file("run.sh", b"docker build testdata/a\n")],
        ["testdata/a"],
        "",
    ),
    "a fixture that only a fixture builds": (
        [
            file("testdata/a/Dockerfile", BUILD),
            file("testdata/compose.yaml", b"services: {a: {build: a}}\n"),
        ],
        [],
        "1 Dockerfile in fixtures was left out",
    ),
    "a fixture that nobody can parse": (
        [file("fixtures/bad/Dockerfile", b"FORM scratch\n")],
        [],
        "1 Dockerfile in fixtures was left out",
    ),
    "a directory to be filled in": (
        [
            file("{{cookiecutter.slug}}/Dockerfile", BUILD),
            file("{{cookiecutter.slug}}/compose.yaml", b"services: {a: {build: .}}\n"),
        ],
        [],
        "1 Dockerfile in templates was left out",
    ),
    "templates": (
        [
            file("templates/web/Dockerfile", b"FROM a:{{ version }}\nCOPY . /\n"),
            file("x/Dockerfile.linux", b"{{ARG x}}\nFROM {{image}}\n"),
        ],
        [],
        "2 Dockerfiles in templates were left out",
    ),
    "what is no template": (
        [
            file("templates/Dockerfile", BUILD),
            file("web/Dockerfile", b"FROM a\nRUN go list -f '{{.Dir}}'\nCOPY . /\n"),
        ],
        ["templates", "web"],
        "",
    ),
    "vendored code": (
        [
            file("third_party/lib/docker/Dockerfile", BUILD),
            "third_party/lib/LICENSE",
            file("vendor/crate/Dockerfile", BUILD),
            "vendor/crate/.cargo-checksum.json",
        ],
        [],
        "2 Dockerfiles in vendored code were left out",
    ),
    "code of one's own": (
        [
            file("third_party/Dockerfile", BUILD),
            "third_party/LICENSE",
            file("vendor/own/Dockerfile", BUILD),
        ],
        ["third_party", "vendor/own"],
        "",
    ),
    "a package cache": (
        [file(".yarn/unplugged/x/Dockerfile", BUILD), file("go/pkg/mod/x/Dockerfile", BUILD)],
        [],
        "2 Dockerfiles in vendored code were left out",
    ),
    "all kinds": (
        [
            file("testdata/Dockerfile", BUILD),
            file("{{x}}/Dockerfile", BUILD),
            file("Pods/x/Dockerfile", BUILD),
        ],
        [],
        "3 Dockerfiles in fixtures, templates and vendored code were left out",
    ),
}
MIXED = [OURS, *CASES["all kinds"][0]]
LINE = CASES["all kinds"][2]


@pytest.mark.parametrize("case", CASES)
def test_builds_of_others_are_left_out(case: str, tmp_path: Path) -> None:
    tree, contexts, words = CASES[case]
    root = build_tree(tmp_path / "r", [OURS, *tree])
    discovery = discover(str(root))
    found = [os.path.relpath(each.build.context, root) for each in discovery.builds]
    assert found == sorted(["app", *contexts])
    messages = [problem.message for problem in discovery.problems if problem.code != "guess"]
    assert messages == [f"{words}; name a directory to measure it"] * bool(words)
    everywhere = discover(str(root), everywhere=True)
    assert len(everywhere.builds) >= len(found)
    assert "left-out" not in {problem.code for problem in everywhere.problems}


def test_what_git_tracks_of_fetched_code_is_counted(tmp_path: Path) -> None:
    nodes = [
        OURS,
        file("node_modules/x/Dockerfile", BUILD),
        file("vendor/x/Dockerfile", BUILD),
        file("vendor/modules.txt", b"# x\n"),
    ]
    root = build_tree(tmp_path / "r", nodes)
    assert discover(str(root)).problems == ()
    subprocess.run(["git", "init", "-q", root], check=True)
    (problem,) = discover(str(root)).problems
    assert problem.message.startswith("2 Dockerfiles in vendored code were left out")
    (root / ".gitignore").write_text("node_modules\n")
    (problem,) = discover(str(root)).problems
    assert problem.message.startswith("1 Dockerfile in vendored code was left out")


@pytest.mark.parametrize(
    "command", [["scan"], ["init"], ["check", "--all", "--max", "1GB"], ["advise"]]
)
def test_commands_say_once_how_many(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build_tree(tmp_path, MIXED)
    monkeypatch.chdir(tmp_path)
    run(command)
    printed = capsys.readouterr()
    lines = " ".join((printed.out + printed.err).split())
    assert lines.count(LINE) == 1
    assert "testdata" not in lines


def test_the_first_screen_names_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path, MIXED)
    monkeypatch.chdir(tmp_path)
    assert run([]) == 0
    printed = capsys.readouterr()
    assert "this is about the only build:\n  ctxsize app\n" in printed.err
    assert "testdata" not in printed.out


def test_a_policy_looks_at_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path, MIXED)
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text('max = "1B"\n')
    assert run(["check", "--all", "--policy", "policy.toml"]) == 1
    printed = capsys.readouterr().out
    for context in ("app", "testdata", "{{x}}", "Pods/x"):
        assert f"{context} (policy)" in printed


@pytest.mark.parametrize("directory", ["testdata", "p/app/a"])
def test_an_ignore_file_of_others_is_no_unread_one(
    directory: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nodes = [*MIXED, "p/p_test.go", file("p/app/a/Dockerfile", BUILD)]
    build_tree(tmp_path, [*nodes, file(f"{directory}/.dockerignore", b"*\n")])
    monkeypatch.chdir(tmp_path)
    run(["scan"])
    assert "CTX302" not in capsys.readouterr().out
    assert run(["lint", f"{directory}/.dockerignore"]) == 0


def test_a_named_directory_is_searched(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", MIXED)
    discovery = discover(str(root / "testdata"))
    assert len(discovery.builds) == 1
    assert discovery.problems == ()


def test_a_configured_fixture_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path, MIXED)
    monkeypatch.chdir(tmp_path)
    Path("ctxsize.toml").write_text('[contexts.testdata]\ndockerfile = "testdata/Dockerfile"\n')
    run(["scan"])
    printed = capsys.readouterr().out
    assert "testdata" in printed
    assert "2 Dockerfiles in templates and vendored code were left out" in " ".join(printed.split())


def test_nothing_is_found_or_written_among_test_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests of a parser read every entry of such a directory."""
    nodes = [
        file("Dockerfile", b"FROM scratch\nCOPY m /\n"),
        file("m", b"m\n"),
        file("p/testfiles/a/Dockerfile", b"FROM busybox\nADD nofile /\n"),
        file("p/testfiles/b/Dockerfile", b"FROM busybox\nUSR x\n"),
        file("p/testfiles/c/Dockerfile", b"FROM busybox\nCOPY . /go\n"),
        file("p/testfiles/c/result", b"r\n"),
    ]
    monkeypatch.chdir(build_tree(tmp_path / "r", nodes))
    line = "3 Dockerfiles in fixtures were left out"
    assert run(["lint"]) == 0
    assert "CTX411" not in capsys.readouterr().out
    assert run(["suggest", "--all", "--write"]) == 0
    assert line in capsys.readouterr().out
    assert not [*Path("p").rglob(".dockerignore")]
    assert run(["init", "--dry-run"]) == 0
    screen = capsys.readouterr()
    assert line in screen.err
    assert "testfiles" not in screen.out
