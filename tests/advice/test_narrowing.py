"""The narrower context that CTX250 proposes: its instructions are tried, or not shown."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.cli.app import run
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.fates import failures
from ctxsize.engine.plan import plan_of
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

OWN = "let in only what the Dockerfile takes: `ctxsize suggest --allowlist -f a/Dockerfile .`"
BUILD = "podman build -f a/Dockerfile .\n"
TREE = ("a/src/x", "a/x", "b/y", "c/z")


def help_of(root: Path, text: str, *others: str | Node) -> str:
    """Return what CTX250 says to do about `a/Dockerfile`, built by a script at the top."""
    nodes = [file("make.sh", BUILD.encode()), file("a/Dockerfile", text.encode())]
    build_tree(root, [*nodes, *TREE, *others])
    (finding,) = [each for each in advise(discover(".")).findings if each.code == "CTX250"]
    return finding.help


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


SHOWN = {
    "COPY a/src /\nCOPY a/x /a/x\n": "`COPY src /` (line 2), `COPY x /a/x` (line 3)",
    "COPY a /a\n": "`COPY . /a` (line 2)",
    "COPY a a\n": "`COPY . a` (line 2)",
    'COPY ["./a/src", "a/x", "/"]\n': '`COPY ["src", "x", "/"]` (line 2)',
    "COPY --chown=1:1 a/sr* /\n": "`COPY --chown=1:1 sr* /` (line 2)",
    "RUN --mount=type=bind,source=a/src,target=/m ls /m\nCOPY a/x /\n": "`RUN "
    "--mount=type=bind,source=src,target=/m ls /m` (line 2), `COPY x /` (line 3)",
    "FROM a\nCOPY a/x /\nCOPY a/x /1\nCOPY a/x /2\nCOPY a/x /3\n": "`COPY x /` (line 3), "
    "`COPY x /1` (line 4), `COPY x /2` (line 5) and so on",
}


@pytest.mark.parametrize("text", SHOWN)
def test_the_sources_change_with_the_context(text: str, tmp_path: Path) -> None:
    shown = help_of(tmp_path, f"FROM alpine AS a\n{text}")
    lead = "build with the context a, and write "
    assert shown == f"{lead}{SHOWN[text]}, or {OWN}"


OTHERWISE: dict[str, tuple[str, tuple[str | Node, ...]]] = {
    "a pattern that the other context does not read": (
        "COPY a/src /\n",
        ("a/src/y", file(".dockerignore", b"a/src/y\n")),
    ),
    "an ignore file that only the other context reads": (
        "COPY a/src /\n",
        (file("a/src/.dockerignore", b"x\n"),),
    ),
    "what keeps its path": ("COPY --parents a/src /\n", ()),
    "what is excluded by a path": ("COPY --exclude=y a/src /\n", ()),
    "a name made of a variable": ("ARG D=a\nCOPY $D/src /\n", ()),
    "a heredoc beside it": ("COPY a/x <<E /d/\ny\nE\n", ()),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_takes_other_files_is_not_shown(name: str, tmp_path: Path) -> None:
    text, others = OTHERWISE[name]
    labs = "# syntax=docker/dockerfile:1-labs\n"
    assert help_of(tmp_path, f"{labs}FROM scratch\n{text}", *others) == OWN


def test_a_dockerfile_of_two_contexts_keeps_its_sources(tmp_path: Path) -> None:
    script = file("build.sh", b"podman build -f a/Dockerfile other\n")
    text = "FROM scratch\nCOPY a/src /\n"
    assert help_of(tmp_path, text, script, "other/a/src/x") == OWN


def test_what_is_shown_builds(tmp_path: Path) -> None:
    help_of(tmp_path, "FROM scratch\nCOPY a/src a/x /\n")
    (tmp_path / "make.sh").write_text("podman build a\n")
    text = b"FROM scratch\nCOPY src x /\n"
    parse_dockerfile(text)
    (tmp_path / "a/Dockerfile").write_bytes(text)
    discovery = discover(".")
    (build,) = [each.build for each in discovery.builds]
    assert not failures(plan_of(build, BUILDERS[build.builder]))
    assert "CTX250" not in {each.code for each in advise(discovery).findings}


def test_the_command_lets_in_only_what_is_taken(tmp_path: Path) -> None:
    shown = help_of(tmp_path, "FROM scratch\nCOPY a/src /\n")
    program, *words = shlex.split(shown.split("`")[-2])
    assert program == "ctxsize"
    assert run([*words, "--write"]) == 0
    assert "!a/src\n" in (tmp_path / ".dockerignore").read_text()
    assert "CTX250" not in {each.code for each in advise(discover(".")).findings}


def test_nothing_is_gained_where_only_what_is_named_travels(tmp_path: Path) -> None:
    help_of(tmp_path, "FROM scratch\nCOPY a/src /\n")
    (tmp_path / "make.sh").write_text(BUILD.replace("podman", "docker"))
    assert not [each for each in advise(discover(".")).findings if each.code == "CTX250"]


def test_no_allowlist_is_proposed_where_another_build_takes_the_whole_context(
    tmp_path: Path,
) -> None:
    whole = file("b/Dockerfile", b"FROM scratch\nCOPY . /\n")
    build = file("b.sh", b"podman build -f b/Dockerfile .\n")
    shown = help_of(tmp_path, "FROM scratch\nCOPY a/src /\n", whole, build)
    assert shown == "build with the context a/src, and write `COPY . /` (line 2)"
    refused = "FROM scratch\nCOPY a/src a/none /\n"
    (tmp_path / "a/Dockerfile").write_text(refused)
    assert not [each for each in advise(discover(".")).findings if each.code == "CTX250"]
