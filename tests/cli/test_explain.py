"""`ctxsize explain`: the deciding line, and every step to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from ctxsize.formats.json import schema
from tests.cli.conftest import Cli, unprivileged
from tests.contexts import CONTEXTS
from tests.formats.test_schema import closed
from tests.trees import build_tree, file, link


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", CONTEXTS["traps"])


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A context where exceptions do not reach as far as they look."""
    lines = b"*\n!foo/*/**\n!Dockerfile\n"
    return build_tree(tmp_path / "wide", [file(".dockerignore", lines), "foo/sub/x", "Dockerfile"])


SHAPE = [
    ("foo/bar", ".dockerignore:4:foo/*\tfoo/bar"),
    ("node_modules/keep/", ".dockerignore:2:!node_modules/keep\tnode_modules/keep"),
    ("./node_modules//x/../new.js", ".dockerignore:1:node_modules\tnode_modules/new.js"),
    ("app.py", "::\tapp.py"),
    (".", "::\t."),
]


@pytest.mark.parametrize(("path", "line"), SHAPE)
def test_shape_of_check_ignore(cli: Cli, traps: Path, path: str, line: str) -> None:
    result = cli("explain", "-C", ".", "-n", path, cwd=traps)
    assert (result.code, result.out) == (0, f"{line}\n")


def test_what_no_pattern_matches_is_only_noted(cli: Cli, traps: Path) -> None:
    result = cli("explain", "-C", ".", "app.py", "foo/bar", cwd=traps)
    assert result.lines == [".dockerignore:4:foo/*\tfoo/bar"]
    assert "no pattern matches 1 of the paths" in result.err


def test_z_writes_records_that_end_in_nul(cli: Cli, traps: Path) -> None:
    result = cli("explain", "-C", ".", "-z", "-n", "--stdin", cwd=traps, stdin=b"foo/bar\0app.py\0")
    assert result.raw == b".dockerignore\x004\x00foo/*\x00foo/bar\x00\0\0\0app.py\0"


def test_what_ls_prints_can_be_explained(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["names"])
    listed = cli("ls", cwd=context)
    result = cli("explain", "-C", ".", "-n", "--stdin", cwd=context, stdin=listed.raw)
    assert [line.removeprefix("::\t") for line in result.lines] == listed.lines


def test_each_line_of_stdin_is_answered_before_the_next(traps: Path) -> None:
    command = [sys.executable, "-m", "ctxsize", "explain", "-C", ".", "-n", "--stdin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=traps, stdin=pipe, stdout=pipe) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for path, answer in (
            ("app.py", "::\tapp.py"),
            ("foo/bar", ".dockerignore:4:foo/*\tfoo/bar"),
        ):
            program.stdin.write(f"{path}\n".encode())
            program.stdin.flush()
            assert program.stdout.readline() == f"{answer}\n".encode()
        program.stdin.close()


def test_paths_from_the_working_directory_and_absolute_ones(cli: Cli, traps: Path) -> None:
    expected = f"{traps.name}/.dockerignore:4:foo/*\tfoo/bar"
    for path in ("foo/bar", f"{traps.name}/foo/bar", str(traps / "foo/bar")):
        assert cli("explain", "-C", traps.name, path, cwd=traps.parent).lines == [expected]


def test_a_path_may_lead_through_a_link_to_the_context(cli: Cli, traps: Path) -> None:
    (traps.parent / "alias").symlink_to(traps)
    for path in (traps / "foo/bar", traps.parent / "alias/foo/bar"):
        assert cli("explain", "-C", "alias", str(path), cwd=traps.parent).out.endswith(
            "\tfoo/bar\n"
        )


@pytest.mark.parametrize("path", ["../x", "/", "", "a/../../b"])
def test_outside_is_an_error(cli: Cli, traps: Path, path: str) -> None:
    result = cli("explain", path, cwd=traps)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1


TRACE = """\
foo/bar: ignored
  foo
    5 patterns without effect here
    => sent: no pattern matches
  foo/bar
    .dockerignore:4 `foo/*` matches
    4 patterns without effect here
    => ignored by .dockerignore:4 `foo/*`
  ! Which instruction takes it: not known, as there is no Dockerfile.
  ! .dockerignore:5 `!foo` seems to decide, as it matches foo. But BuildKit
    skips it there, as that was not ignored, and so for the entries below.
"""


def test_trace_shows_each_step_and_what_only_looks_like_a_match(cli: Cli, traps: Path) -> None:
    assert cli("explain", "-C", ".", "--trace", "foo/bar", cwd=traps).out == TRACE


def test_trace_wraps_at_blanks(cli: Cli, tmp_path: Path) -> None:
    nodes = ["out/a/b", file(".dockerignore", b"out\n!out/a/b/c\n")]
    context = build_tree(tmp_path / "ctx", nodes)
    lines = cli("explain", "-C", ".", "--trace", "out/a/b", cwd=context, columns=50).lines
    assert "    => ignored by .dockerignore:1 `out`; entered," in lines
    assert "       as an exception may reach below it" in lines
    assert max(map(len, lines)) <= 50


def test_trace_of_a_file_that_arrives_empty(cli: Cli, traps: Path) -> None:
    out = cli("explain", "-C", ".", "--trace", "node_modules/keep/deep/f.js", cwd=traps).out
    assert out.startswith("node_modules/keep/deep/f.js: arrives empty\n")
    assert ".dockerignore:2 `!node_modules/keep` matches above" in out
    assert "`**/node_modules` seems to decide, as it matches" in out
    assert "arrives empty: the sender refuses to open it" in " ".join(out.split())


def test_trace_stops_at_a_directory_that_is_not_entered(cli: Cli, wide: Path) -> None:
    out = " ".join(cli("explain", "--trace", "foo/sub/x", cwd=wide).out.split())
    assert "foo/sub is ignored and BuildKit does not enter it" in out
    assert "`!foo/*/**` seems to decide, as it matches foo/sub/x. But BuildKit never" in out


def test_trace_of_an_ignored_directory_that_may_be_sent(cli: Cli, traps: Path) -> None:
    out = " ".join(cli("explain", "-C", ".", "--trace", "node_modules", cwd=traps).out.split())
    assert "sent with what is re-included below it" in out


def test_trace_of_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", ["a/b", link("to-a", "a")])
    assert (
        "path does not exist now (nope:"
        in cli("explain", "-C", ".", "--trace", "nope/x", cwd=context).out
    )
    below = " ".join(cli("explain", "-C", ".", "--trace", "to-a/b", cwd=context).out.split())
    assert "to-a is a symlink, which no builder follows" in below


def test_what_is_not_there_is_not_said_to_be_sent(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM scratch\nCOPY a no /x/\n"), "a", file(".dockerignore", b"b")]
    context = build_tree(tmp_path / "ctx", nodes)
    out = cli("explain", "--trace", "no", cwd=context).out
    assert out.startswith("no: does not exist; it would be sent\n")
    assert "=> would be sent: no pattern matches" in out
    assert "would be taken by\n    COPY no (Dockerfile:2)\n" in out
    ignored = cli("explain", "--trace", "b", cwd=context).out
    assert ignored.startswith("b: does not exist; it would be ignored\n")
    noted = cli("explain", "a", "no", "none", cwd=context).err
    assert "matches 3 of the paths, so nothing ignores them (-n" in noted


def test_what_may_not_be_read_is_not_said_to_be_sent(cli: Cli, readable_by_all: Path) -> None:
    nodes = [file("f", mode=0), "d/a", link("l", "f"), "ok", "Dockerfile"]
    context = build_tree(readable_by_all / "ctx", nodes)
    (context / "d").chmod(0)
    with unprivileged():
        traced = {each: cli("explain", "--trace", each, cwd=context).out for each in "fdl"}
        noted = cli("explain", *"fdl", "ok", cwd=context).err
        classic = cli("explain", "--trace", "--builder", "classic", "f", cwd=context).out
    (context / "d").chmod(0o755)
    assert traced["f"].startswith("f: arrives empty\n")
    assert traced["d"].startswith("d: stops the build\n")
    assert "BuildKit stops here: no permission to read it." in traced["d"]
    assert traced["l"].startswith("l: sent\n")
    assert "matches 4 of the paths, so nothing ignores them" in noted
    assert classic.startswith("f: stops the build\n")


def test_patterns_without_effect_share_a_line(cli: Cli, tmp_path: Path) -> None:
    lines = b"".join(b"f%d\n" % n for n in range(50)) + b"x\n"
    context = build_tree(tmp_path / "ctx", [file(".dockerignore", lines), "x"])
    out = cli("explain", "-C", ".", "--trace", "x", cwd=context).out
    assert "50 patterns without effect here" in out
    assert ".dockerignore:51 `x` matches" in out


def test_podman_tests_every_pattern_and_the_last_one_decides(cli: Cli, traps: Path) -> None:
    out = cli("explain", "-C", ".", "--trace", "--builder", "podman", "foo/bar", cwd=traps).out
    assert out.startswith("foo/bar: sent\n")
    assert "skipped" not in out


def test_exceptions_that_the_classic_builder_adds(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [file(".dockerignore", b"*\n"), "Dockerfile"])
    result = cli("explain", "--builder", "classic", "Dockerfile", cwd=context)
    assert result.out == "<builder>:0:!Dockerfile\tDockerfile\n"


def test_a_pattern_that_fails_when_reached(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [file(".dockerignore", b"a\n[z-a]\n"), "x"])
    result = cli("explain", "-C", ".", "x", cwd=context)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("ctxsize: error: .dockerignore:2:1: the build fails: syntax error")


def test_paths_and_stdin_exclude_each_other(cli: Cli) -> None:
    assert cli("explain").code == 2
    assert cli("explain", "--stdin", "x").code == 2


def test_a_path_that_is_not_utf8_is_quoted(cli: Cli, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff")
    context = build_tree(tmp_path / "ctx", [file(".dockerignore", b"?\n"), name])
    assert cli("explain", "-C", ".", name, cwd=context).out == '.dockerignore:1:?\t"\\377"\n'


def test_json_has_a_line_a_taker_and_with_trace_each_level(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        file(".dockerignore", b"*\n!src\n**/secret\n"),
        file("Dockerfile", b"FROM scratch\nCOPY src /src/\n"),
        *("src/a", "src/secret", "other/x"),
    ]
    context = build_tree(tmp_path / "ctx", nodes)
    paths = ["src/a", "src/secret", "other/x", "gone", "."]
    known = closed(schema("explain"))
    shapes = {}
    for option in ("--json", "--format=json", "-v"):
        result = cli("explain", option, "--json", *paths, cwd=context)
        assert (result.code, result.err) == (0, "")
        shapes[option] = json.loads(result.out)
        jsonschema.validate(shapes[option], known)
    assert shapes["--json"] == shapes["--format=json"]
    a, secret, other, gone, root = shapes["--json"]["explanations"]
    assert (a["ignored"], a["by"]) == (False, {"line": 2, "text": "src", "exception": True})
    assert a["takers"] == [
        {
            "instruction": "COPY",
            "line": 2,
            "stage": "stage-0",
            "source": "src",
            "kind": "copy",
            "below": False,
        }
    ]
    assert (secret["ignored"], secret["ignore_file"], secret["by"]["line"]) == (
        True,
        ".dockerignore",
        3,
    )
    assert (other["pruned_at"], other["takers"]) == ("other", [])
    assert gone["not_there"] is not None
    assert (root["path"], root["ignored"], root["by"]) == (".", False, None)
    traced = shapes["-v"]["explanations"][0]
    assert [each["path"] for each in traced["levels"]] == ["src", "src/a"]
    assert traced["levels"][0]["checks"][1]["outcome"] == "matched"
    assert {**a, "levels": traced["levels"], "near_misses": []} == traced


def test_json_answers_for_a_target_and_for_stdin(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM scratch AS one\nCOPY a /\nFROM scratch\nCOPY b /\n"
    context = build_tree(tmp_path / "ctx", [file("Dockerfile", text), "a", "b"])
    result = cli("explain", "--json", "--target", "one", "--stdin", cwd=context, stdin=b"a\nb\n")
    shape = json.loads(result.out)
    assert [len(each["takers"]) for each in shape["explanations"]] == [1, 0]
    assert cli("explain", "--target", "one", "a", cwd=context).code == 2
    assert cli("explain", "-z", "--json", "a", cwd=context).code == 2


def test_quiet_prints_no_notes(cli: Cli, traps: Path) -> None:
    assert cli("explain", "-C", ".", "app.py", cwd=traps).err != ""
    quiet = cli("explain", "-C", ".", "-q", "app.py", "foo/bar", cwd=traps)
    assert (quiet.lines, quiet.err) == ([".dockerignore:4:foo/*\tfoo/bar"], "")


def test_each_command_says_what_a_copy_leaves_out(cli: Cli, tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY --exclude=docs . /o/\n"
    root = build_tree(tmp_path / "c", ["docs/x.md", "src/m.py", file("Dockerfile", text)])
    shape = json.loads(cli("explain", "--json", "docs/x.md", "src/m.py", cwd=root).out)
    takers = [each["takers"] for each in shape["explanations"]]
    assert (takers[0], len(takers[1])) == ([], 1)
    trace = cli("explain", "--trace", "docs/x.md", cwd=root, columns=200).out
    reason = "not copied by COPY . (Dockerfile:2), for which it is transferred"
    assert f"no instruction: {reason}" in trace
    listed = cli("ls", "--why", cwd=root).lines
    assert "-\t-\tdocs/x.md" in listed
    assert "-\tCOPY . (Dockerfile:2)\tsrc/m.py" in listed
    assert "docs/x.md" in cli("ls", "--transfer", cwd=root).lines
