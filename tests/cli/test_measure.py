"""`ctxsize measure`: options, widths and colours. What it prints in full is in tests/formats."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ctxsize.formats.wording import columns
from tests.cli.conftest import Cli
from tests.contexts import CONTEXTS
from tests.trees import build_tree, deep_tree, link, remove_tree

pytestmark = pytest.mark.usefixtures("each_walk")


@pytest.fixture(params=["rust", "node", "traps", "names", "hidden", "empty"])
def context(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", CONTEXTS[request.param])


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_fits_the_terminal(cli: Cli, context: Path, width: int) -> None:
    out = cli("measure", "--ignored", cwd=context, columns=width).out
    too_wide = [line for line in out.splitlines() if columns(line) > width]
    # A command is one line, and a single word, such as a path, is not broken.
    assert [line for line in too_wide if len(line.split()) > 2 and line[:4] != "Next"] == []


def test_no_name_reaches_the_terminal_unescaped(cli: Cli, context: Path) -> None:
    for options in (
        [],
        ["--by", "file"],
        ["--by", "ext"],
        ["--by", "dir"],
        ["--by", "pattern"],
        ["--by", "rule"],
    ):
        assert cli("measure", *options, cwd=context).out.replace("\n", "").isprintable()


ESCAPE = "\x1b["
COLOURS = [
    ({}, [], False),
    ({"FORCE_COLOR": "1"}, [], True),
    ({"FORCE_COLOR": "0"}, [], False),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
    ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
]


@pytest.mark.parametrize(("env", "options", "coloured"), COLOURS)
def test_colour_follows_the_option_and_the_environment(
    cli: Cli, tmp_path: Path, env: dict[str, str], options: list[str], coloured: bool
) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["traps"])
    plain = cli("measure", ".", cwd=context).out
    painted = cli("measure", ".", *options, cwd=context, env=env).out
    assert (ESCAPE in painted) is coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    traced = cli("explain", "-C", ".", "--trace", *options, "foo/bar", cwd=context, env=env).out
    assert (ESCAPE in traced) is coloured


def test_by_shows_one_table(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["node"])
    for by, title in (("dir", "directories"), ("ext", "extension"), ("file", "Largest files")):
        out = cli("measure", "--by", by, cwd=context).out
        assert title in out
        assert "Size tree" not in out
        assert "Taken by" not in out
    saved = cli("measure", "--by", "pattern", cwd=context).lines
    assert cli("measure", "--by", "rule", cwd=context).lines == saved
    assert next(line for line in saved if line.endswith("node_modules")).split() == [
        "1.2",
        "MB",
        "30",
        "1",
        "node_modules",
    ]


def test_top_and_depth(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["rust"])
    report = json.loads(
        cli("measure", "--top", "2", "--depth", "1", "--format", "json", cwd=context).out
    )
    assert len(report["context"]["largest_files"]) == 2
    assert [node["path"] for node in report["context"]["tree"]] == ["", "target", "src"]


def test_no_tree_is_too_deep(cli: Cli, tmp_path: Path) -> None:
    context = deep_tree(tmp_path / "ctx", 1900)
    try:
        for options in ([], ["--format", "json"], ["--ignored"]):
            result = cli("measure", ".", "--depth", "10000", *options, cwd=context)
            assert (result.code, result.err) == (0, "")
    finally:
        remove_tree(context)


def test_the_next_command_can_be_typed(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "a b", CONTEXTS["node"])
    (context / "other.Dockerfile").write_text("FROM scratch\n")
    options = ["-f", "a b/other.Dockerfile", "--builder", "classic", "a b"]
    step = cli("measure", *options, cwd=tmp_path).lines[1:3]
    assert " ".join(" ".join(step).split()).startswith(
        "Next: ctxsize measure --ignored --builder classic -f 'a b/other.Dockerfile' 'a b'"
    )


def test_podman_sends_nothing(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["node"])
    report = json.loads(cli("measure", "--builder", "podman", "--format", "json", cwd=context).out)
    assert report["context"]["wire_bytes"] is None
    assert report["context"]["printed"] is None
    assert "sends nothing" in cli("measure", "--builder", "podman", cwd=context).out


def test_a_figure_by_chance_is_not_told_as_one(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", ["a"])
    outside = tmp_path / "Other"
    options = ["--builder", "classic", "-f", str(outside)]
    outside.write_text("FROM scratch\nCOPY . /\n")  # 22 bytes; those of the ignore file are 47
    report = json.loads(cli("measure", *options, "--format", "json", cwd=context).out)
    assert report["problems"] == []
    assert report["transfer"]["printed"] == "2.582kB or 2.607kB"
    assert report["transfer"]["wire_bytes"] == 2582
    text = cli("measure", *options, cwd=context).lines
    assert text[0] == "Fine: 2 B in 1 file would be sent"
    (context / ".dockerignore").write_text("b")
    report = json.loads(cli("measure", *options, "--format", "json", cwd=context).out)
    assert report["problems"] == []
    assert " or " not in report["transfer"]["printed"]


@pytest.mark.parametrize(
    ("command", "option", "instead"),
    [
        ("measure", "--thorough", "find CONTEXT -type d ! -readable"),
        ("measure", "--compare", "type `diff <(ctxsize ls) <(ctxsize ls --builder podman)`"),
        ("measure", "--warm", "sends no content again"),
    ],
)
def test_an_option_that_is_gone_names_what_to_type(
    command: str, option: str, instead: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli(command, option, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert instead in " ".join(done.err.split())


def test_a_broken_link_named_dockerfile_fails_the_build(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", ["a", link("dockerfile", "nope")])
    report = cli("measure", "--format", "json", cwd=root)
    assert report.code == 2
    shown = json.loads(report.out)
    assert (shown["verdict"]["level"], shown["dockerfile"]) == ("build-fails", "dockerfile")
