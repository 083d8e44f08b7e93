"""`--format html=FILE`: which commands have it, where it goes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ctxsize.writer import apply
from tests.cli.conftest import Cli
from tests.trees import build_tree, file

FILES = [
    file("Dockerfile", b"FROM rust\nCOPY src src\nRUN cargo build\n"),
    *("Cargo.toml", "src/main.rs", file("target/x", size_bytes=3_000_000)),
    file(".dockerignore", b"*.md\n"),
    file("a.md", size_bytes=500),
]


def data_of(path: Path) -> Any:
    found = re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", FILES)


@pytest.mark.parametrize("command", ["measure", "suggest", "scan"])
def test_page_is_written_beside_the_text(command: str, context: Path, cli: Cli) -> None:
    page = context.parent / "page.html"
    arguments = (command, "--format", "text", "--format", f"html={page}", str(context))
    assert cli(*arguments).out == cli(command, str(context)).out
    assert data_of(page)["kind"] == command
    first = page.read_bytes()
    cli(*arguments)
    assert page.read_bytes() == first, "it replaces its own earlier page"


def test_ignored_files_are_shown_if_they_were_measured(context: Path, cli: Cli) -> None:
    page = context.parent / "page.html"
    for option, fates in (((), {"travels", "context"}), (("--ignored",), {"ignored"})):
        cli("measure", *option, "--format", f"html={page}", str(context))
        found = {each["fate"] for each in data_of(page)["maps"][0]["classes"]}
        assert fates <= found
        assert ("ignored" in found) is bool(option)


def test_diff_shows_what_is_new(context: Path, cli: Cli) -> None:
    old, page = context.parent / "old.json", context.parent / "page.html"
    cli("measure", "--format", f"json={old}", str(context))
    (context / "new").write_bytes(b"n" * 1000)
    cli("diff", "--format", f"html={page}", str(old), str(context))
    shown = data_of(page)["maps"][0]
    assert shown["after"]["context"][0] - shown["before"]["context"][0] == 1000
    assert ["new", "f", [[1, 1000, 1]], [], 0] in shown["tree"][3]


def test_page_needs_a_file(context: Path, cli: Cli) -> None:
    for value in ("html", "html=-"):
        done = cli("measure", "--format", value, str(context))
        assert done.code == 2
        assert "a page needs a file: --format html=FILE" in done.err


@pytest.mark.parametrize("command", ["measure", "suggest", "scan", "diff"])
def test_help_of_a_command_with_a_page_names_it(command: str, cli: Cli) -> None:
    assert "html=FILE" in cli(command, "--help").out


@pytest.mark.parametrize("command", [".", "check", "lint", "advise", "clean", "rule"])
def test_help_of_other_commands_names_no_page(command: str, cli: Cli) -> None:
    assert "html" not in cli(command, "--help").out


@pytest.mark.parametrize("command", ["check", "lint", "advise", "clean"])
def test_other_commands_have_no_page(command: str, context: Path, cli: Cli) -> None:
    done = cli(command, "--format", "html=page.html", str(context))
    assert (done.code, "no such format: 'html'" in done.err) == (2, True)


@pytest.mark.parametrize("option", ["--allowlist", "--diff"])
def test_other_answers_of_suggest_have_no_page(option: str, context: Path, cli: Cli) -> None:
    page = context.parent / "page.html"
    done = cli("suggest", option, "--format", f"html={page}", str(context))
    assert (done.code, f"{option} has no page" in done.err) == (2, True)
    assert not page.exists()


@pytest.mark.parametrize("start", ["<!doctype html>", "<!-- ctxsize was here -->"])
def test_other_files_are_not_replaced(start: str, context: Path, cli: Cli) -> None:
    page = context.parent / "page.html"
    page.write_text(f"{start}\n<p>mine\n")
    done = cli("measure", "--format", f"html={page}", str(context))
    assert (done.code, page.read_text()) == (2, f"{start}\n<p>mine\n")


@pytest.mark.parametrize("name", ["html", "json"])
@pytest.mark.parametrize("place", ["directory", "other file", "no directory"])
def test_nothing_is_written_if_a_file_cannot_be(
    place: str, name: str, context: Path, cli: Cli
) -> None:
    path = context.parent / ("far/away" if place == "no directory" else "here")
    if place == "directory":
        path.mkdir()
    elif place == "other file":
        path.write_text("mine\n")
    for command in (("suggest", "--write"), ("lint", "--fix")):
        if command[0] == "lint" and name == "html":
            continue
        done = cli(*command, "--format", f"{name}={path}", str(context))
        assert done.code == 2
        assert (context / ".dockerignore").read_bytes() == b"*.md\n"


def test_page_goes_into_no_pipe(context: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for no reader either."""
    pipe = context.parent / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(apply, "time", None)
    done = cli("measure", "--format", f"html={pipe}", str(context))
    assert (done.code, "a page needs a file" in done.err) == (2, True)


def test_page_shows_what_was_there_before_the_lines_are_written(context: Path, cli: Cli) -> None:
    page = context.parent / "page.html"
    before = cli("suggest", "--json", str(context)).out
    cli("suggest", "--write", "--format", f"html={page}", str(context))
    shown = data_of(page)["maps"][0]
    assert shown["before"]["context"][0] == json.loads(before)["before"]["context"]["content_bytes"]
