"""Findings about ignore files: they say why, and what they print does what they say."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.cli.app import run
from ctxsize.findings import Finding
from ctxsize.formats import Look, render
from tests.trees import Node, build_tree, file

ALL = b"FROM scratch\nCOPY . /\n"


def only(code: str) -> Finding:
    """The only finding of a code in the repository here."""
    (finding,) = [each for each in api.scan().findings if each.code == code]
    return finding


def compose(**keys: str) -> Node:
    build = ", ".join(f"{key}: {text}" for key, text in keys.items())
    return file("compose.yaml", f"services:\n  a:\n    build: {{{build}}}\n".encode())


UNREAD: dict[str, tuple[list[str | Node], str, str]] = {
    "beside a Dockerfile of another context": (
        [
            compose(context=".", dockerfile="d/Dockerfile"),
            file("d/Dockerfile", ALL),
            file("d/.dockerignore", b"x\n"),
        ],
        "d/Dockerfile is built with the context ., by compose.yaml:3 (compose a)",
        "name it d/Dockerfile.dockerignore, with paths from .",
    ),
    "beside a Dockerfile of another context with an ignore file": (
        [
            compose(context=".", dockerfile="d/Dockerfile"),
            file("d/Dockerfile", ALL),
            file("d/.dockerignore", b"x\n"),
            file(".dockerignore", b"x\n"),
        ],
        "d/Dockerfile is built with the context ., by compose.yaml:3 (compose a)",
        "move its lines to .dockerignore, with paths from .",
    ),
    "replaced by that of the Dockerfile": (
        [
            file("Dockerfile", ALL),
            file("Dockerfile.dockerignore", b"x\n"),
            file(".dockerignore", b"x\n"),
        ],
        "Dockerfile.dockerignore replaces it for BuildKit",
        "remove it, or make both equal",
    ),
    "replaced for Podman": (
        [
            file("Dockerfile", ALL),
            file("build.sh", b"podman build .\n"),
            file(".dockerignore", b"x\n"),
            file(".containerignore", b"x\n"),
        ],
        ".containerignore replaces it for Podman",
        "remove it, or make both equal",
    ),
    "in a directory that is no context": (
        [file("Dockerfile", ALL), file(".dockerignore", b"x\n"), file("d/.dockerignore", b"x\n")],
        "no build has the context d",
        "remove it, unless something builds there",
    ),
    "in other letters": (
        [file("Dockerfile", ALL), file(".DockerIgnore", b"x\n")],
        "its name must be .dockerignore, in lower case",
        "rename it to .dockerignore",
    ),
    "without a dot": (
        [file("Dockerfile", ALL), file("dockerignore", b"x\n")],
        "its name must begin with a dot: .dockerignore",
        "rename it to .dockerignore",
    ),
    "of no Dockerfile": (
        [file("Dockerfile", ALL), file("dev.dockerignore", b"x\n")],
        "there is no dev beside it",
        "correct that, or remove the file",
    ),
}


@pytest.mark.parametrize("name", UNREAD)
def test_an_unread_ignore_file_has_its_true_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, reason, order = UNREAD[name]
    monkeypatch.chdir(build_tree(tmp_path / "r", nodes))
    finding = only("CTX302")
    assert finding.message == f"no build reads this ignore file: {reason}"
    assert finding.help == order


def sent_bytes() -> int:
    """The bytes of the largest build here, but for its ignore file."""
    return api.scan().rows[0].cost.content_bytes - Path("b/.dockerignore").stat().st_size


def test_the_command_for_a_sibling_does_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes: list[str | Node] = [file("a/Dockerfile", ALL), file("b/Dockerfile", ALL)]
    nodes += [file("a/.dockerignore", b"cache\nneeded\n"), file("b/.dockerignore", b"other\n")]
    nodes += [file("b/cache/x", size_bytes=5_000_000), file("b/needed/x", size_bytes=700_000)]
    nodes += [file("b/dev.Dockerfile", b"FROM scratch\nCOPY needed/x /\n")]
    monkeypatch.chdir(build_tree(tmp_path / "r", nodes))
    finding = only("CTX305")
    assert finding.message == "the patterns of a/.dockerignore would ignore 5.0 MB that b sends"
    assert finding.content_bytes == 5_000_000
    before = sent_bytes()
    program, *words = shlex.split(finding.help)
    assert program == "ctxsize"
    assert run([*words, "--write"]) == 0
    assert before - sent_bytes() == finding.content_bytes


def test_a_context_without_ignore_file_is_one_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes: list[str | Node] = [file("a/Dockerfile", b"FROM scratch\nCOPY src /\n"), "a/src/x"]
    nodes += [file("a/dev.Dockerfile", ALL), "a/package.json"]
    nodes += [file("a/.idea/workspace.xml", size_bytes=2**20)]
    monkeypatch.chdir(build_tree(tmp_path / "r", nodes))
    finding = only("CTX301")
    assert finding.location.path == "a/dev.Dockerfile"
    assert finding.help == "ctxsize suggest --write -f a/dev.Dockerfile a"
    shown = render("text", api.scan(), Look(width=120))
    assert shown.count("no ignore file governs") == 1
