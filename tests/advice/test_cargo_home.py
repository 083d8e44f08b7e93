"""Cargo's home is one directory for every code: by variable, by image, else the user's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.repository import discover
from tests.trees import build_tree, file

HOMES = {
    "the official image": ("FROM rust:1\n", "", "/usr/local/cargo"),
    "the official image, by digest": (
        "FROM docker.io/library/rust:1@sha256:" + 64 * "0" + "\n",
        "",
        "/usr/local/cargo",
    ),
    "nightly": ("FROM rustlang/rust:nightly\n", "", "/usr/local/cargo"),
    "cargo-chef's image": (
        "FROM lukemathwalker/cargo-chef:latest-rust-1\n",
        "",
        "/usr/local/cargo",
    ),
    "the official image, as another user": ("FROM rust:1\nUSER app\n", "", "/usr/local/cargo"),
    "a version by argument": ("ARG V=1\nFROM rust:${V}\n", "", "/usr/local/cargo"),
    "Debian": ("FROM debian:12\n", "", "/root/.cargo"),
    "Alpine, as another user": ("FROM alpine\nUSER app\n", "", "/home/app/.cargo"),
    "an image of a company": ("FROM example.org/builder\n", "", "/root/.cargo"),
    "HOME": ("FROM debian:12\nENV HOME=/h\n", "", "/h/.cargo"),
    "CARGO_HOME": ("FROM debian:12\nENV CARGO_HOME=/c\n", "", "/c"),
    "CARGO_HOME with a slash": ("FROM rust:1\nENV CARGO_HOME=/c/\n", "", "/c"),
    "CARGO_HOME of the command": ("FROM rust:1\n", "CARGO_HOME=/c ", "/c"),
    "CARGO_HOME of the RUN": ("FROM debian:12\n", "export CARGO_HOME=/c && ", "/c"),
    "an inherited stage": ("FROM rust:1 AS base\nFROM base\n", "", "/usr/local/cargo"),
}


@pytest.mark.parametrize("name", HOMES)
def test_every_code_means_the_same_home(name: str, tmp_path: Path) -> None:
    head, front, home = HOMES[name]
    wanted = {f"{home}/registry", f"{home}/git"}

    def text(*lines: str) -> Path:
        body = head + "WORKDIR /app\n" + "".join(f"{each}\n" for each in lines)
        nodes = [file("Dockerfile", body.encode()), file(".dockerignore", b"x\n"), "Cargo.toml"]
        return build_tree(tmp_path / str(len(list(tmp_path.iterdir()))), nodes)

    build = text("COPY . .", f"RUN {front}cargo build")
    (finding,) = [each for each in advise(discover(str(build))).findings if each.code == "CTX210"]
    mounted = {*re.findall(r"target=([^,\s]+)", finding.help)}
    assert mounted == {*wanted, "/app/target"}

    fetch = text("COPY . .", f"RUN {front}cargo fetch")
    (finding,) = [each for each in advise(discover(str(fetch))).findings if each.code == "CTX223"]
    assert {*re.findall(r"target=([^,\s]+)", finding.help)} == wanted

    mounts = " ".join(f"--mount=type=cache,target={each}" for each in sorted(wanted))
    right = text("COPY . .", f"RUN {mounts} {front}cargo fetch")
    assert {each.code for each in advise(discover(str(right))).findings} == set()


def test_a_home_that_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    text = b"FROM debian:12\nUSER 1000\nWORKDIR /app\nCOPY . .\nRUN cargo build\n"
    root = build_tree(tmp_path / "r", [file("Dockerfile", text), "Cargo.toml"])
    (finding,) = [each for each in advise(discover(str(root))).findings if each.code == "CTX210"]
    assert "registry" not in finding.help
