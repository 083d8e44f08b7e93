"""`ctxsize ls`: the entries, in order, in every shape."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.cli import output
from ctxsize.engine.filesystem import DiskDirectory
from ctxsize.formats import json as shapes
from ctxsize.formats import wording
from ctxsize.formats.wording import unquoted
from tests.cli.conftest import Cli, unprivileged
from tests.contexts import CONTEXTS
from tests.engine.native.both import native_walk
from tests.trees import build_tree, file, link

ALL = """\
+ .dockerignore
+ app.py
+ foo/
- foo/bar
+ node_modules/
- node_modules/drop.js
+ node_modules/keep/
+ node_modules/keep/deep/
+ node_modules/keep/deep/f.js
+ z-again.py
"""


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", CONTEXTS["traps"])


def test_all_shows_each_entry_once_in_the_order_of_sending(cli: Cli, traps: Path) -> None:
    result = cli("ls", "--all", cwd=traps)
    assert (result.code, result.out, result.err) == (0, ALL, "ctxsize: note: no Dockerfile here\n")


def test_sent_and_ignored_share_all_between_them(cli: Cli, traps: Path) -> None:
    both = [line[2:] for line in ALL.splitlines() if line.startswith("+ ")]
    assert cli("ls", str(traps)).lines == both
    assert cli("ls", "--ignored", str(traps)).lines == ["foo/bar", "node_modules/drop.js"]


def test_classic_does_not_send_ignored_parents(cli: Cli, traps: Path) -> None:
    lines = cli("ls", "--all", "--builder", "classic", cwd=traps).lines
    assert "- node_modules/" in lines
    assert "+ node_modules/keep/deep/f.js" in lines


def test_size_marks_a_file_that_arrives_empty(cli: Cli, traps: Path) -> None:
    result = cli("ls", "--size", cwd=traps)
    sizes = {line[15:]: line[:15].strip() for line in result.lines}
    assert sizes["app.py"] == "7"
    assert sizes["z-again.py"] == "0"
    assert sizes["node_modules/keep/deep/f.js"] == "0*"
    assert "arrives empty (1)" in result.err


def test_size_of_an_ignored_file_is_what_is_saved(cli: Cli, traps: Path) -> None:
    line = cli("ls", "--ignored", "--size", cwd=traps).lines[0]
    assert line.split() == ["8", "foo/bar"]


def test_json_is_one_entry_a_line(cli: Cli, traps: Path) -> None:
    entries = [json.loads(line) for line in cli("ls", "--format", "json", cwd=traps).lines]
    last = entries[-1]
    assert (last["path"], last["kind"], last["size_bytes"], last["content_bytes"]) == (
        "z-again.py",
        "hardlink",
        7,
        0,
    )
    emptied = next(entry for entry in entries if entry["arrives_empty"])
    assert emptied["path"] == "node_modules/keep/deep/f.js"
    assert emptied["content_bytes"] == 0
    assert emptied["by"] == {"line": 2, "text": "node_modules/keep", "exception": True}


def test_odd_names_print_safely_and_losslessly(cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS["names"])
    names = sorted(os.fsencode(path.name) for path in context.iterdir())
    shown = cli("ls", cwd=context)
    assert shown.out.replace("\n", "").isprintable()
    assert [os.fsencode(unquoted(line)) for line in shown.lines] == names
    assert cli("ls", "-0", cwd=context).raw == b"".join(name + b"\0" for name in names)
    parsed = [json.loads(line)["path"] for line in cli("ls", "--format", "json", cwd=context).lines]
    assert [os.fsencode(name) for name in parsed] == names


def test_unreadable_below_an_ignored_directory_is_a_warning(
    cli: Cli, readable_by_all: Path
) -> None:
    context = build_tree(readable_by_all / "ctx", [file(".dockerignore", b"x\n"), "x/y/z"])
    (context / "x/y").chmod(0)
    with unprivileged():
        result = cli("ls", "--ignored", cwd=context)
    (context / "x/y").chmod(0o755)
    assert result.code == 0
    assert "ctxsize: warning: x/y" in result.err


@pytest.mark.parametrize("options", [["--all", "--ignored"], ["-0", "--format", "json"]])
def test_contradictions_are_usage_errors(cli: Cli, options: list[str]) -> None:
    result = cli("ls", *options)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("ctxsize: error: ")


STAGES = b"""\
FROM scratch AS base
COPY src/*.py link /a/
RUN --mount=source=lib,target=/lib true
FROM scratch
COPY --from=base /a /a
COPY lib/keep* /b/
"""
SOURCES = [
    file("Dockerfile", STAGES),
    file(".dockerignore", b"*\n!src\n!lib/keep\n!link\n**/*.log\n"),
    *("src/a.py", "src/b.txt", "src/c.log", "src/deep/d.py", "lib/keep", "lib/drop", "other/x"),
    link("link", "other"),
]
WHY = """\
.dockerignore:1:*\tRUN --mount, bind of lib (Dockerfile:3), COPY lib/keep* (Dockerfile:6): perhaps \
something below it\tlib/
.dockerignore:3:!lib/keep\tRUN --mount, bind of lib (Dockerfile:3), COPY lib/keep* (Dockerfile:6)\
\tlib/keep
.dockerignore:4:!link\tCOPY link (Dockerfile:2)\tlink
.dockerignore:2:!src\tCOPY src/*.py (Dockerfile:2): perhaps something below it\tsrc/
.dockerignore:2:!src\tCOPY src/*.py (Dockerfile:2)\tsrc/a.py
.dockerignore:2:!src\t-\tsrc/b.txt
.dockerignore:2:!src\t-\tsrc/deep/
.dockerignore:2:!src\t-\tsrc/deep/d.py
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "ctx", SOURCES)


def test_why_shows_the_pattern_and_the_instructions(cli: Cli, sources: Path) -> None:
    result = cli("ls", "--why", cwd=sources)
    assert (result.code, result.out, result.err) == (0, WHY, "")
    assert cli("ls", "-v", cwd=sources).out == WHY


def test_why_separates_all_fields_by_tabs(cli: Cli, sources: Path) -> None:
    lines = cli("ls", "--why", "--all", "--size", cwd=sources).lines
    fields = [[each.strip() for each in line.split("\t")] for line in lines]
    assert ["-", "32", ".dockerignore:1:*", "-", ".dockerignore"] in fields
    assert {len(each) for each in fields} == {5}
    records = cli("ls", "--why", "-0", cwd=sources).raw.split(b"\0")
    assert records[2] == b".dockerignore:4:!link\tCOPY link (Dockerfile:2)\tlink"


def test_why_considers_the_target_and_the_named_context(cli: Cli, sources: Path) -> None:
    lines = cli("ls", "--why", "--target", "base", cwd=sources).lines
    assert ".dockerignore:3:!lib/keep\tRUN --mount, bind of lib (Dockerfile:3)\tlib/keep" in lines
    assert cli("ls", "--target", "base", cwd=sources).code == 2


def test_why_reports_that_takers_are_unknown(cli: Cli, traps: Path) -> None:
    result = cli("ls", "--why", cwd=traps)
    assert "-\t?\tapp.py" in result.lines
    assert "takes an entry: not known, as there is no Dockerfile" in result.err
    assert cli("ls", "--why", "-q", cwd=traps).err == ""
    assert {json.loads(each)["takers"] for each in cli("ls", "-v", "--json", cwd=traps).lines} == {
        None
    }


@pytest.mark.parametrize("name", [*CONTEXTS, "sources"])
def test_why_agrees_with_explain(name: str, cli: Cli, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", {**CONTEXTS, "sources": SOURCES}[name])
    entries = [json.loads(line) for line in cli("ls", "--why", "--json", cwd=context).lines]
    explained = api.explain([each["path"] for each in entries], str(context))
    for entry, reason in zip(entries, explained, strict=True):
        assert entry["takers"] == shapes.to_json(reason.takers)
        assert entry["by"] == shapes.to_json(reason.verdict.by)


@pytest.mark.parametrize("command", [["ls"], ["explain", "Dockerfile"]])
def test_json_goes_into_a_file(command: list[str], cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["Dockerfile", 'a"b', "src/x"])
    shown = cli(*command, "--json", cwd=root).out
    for _ in range(2):  # the second run replaces what the first one wrote
        result = cli(*command, "--format", "json=../out.json", cwd=root)
        assert (result.code, result.out) == (0, "")
        assert (tmp_path / "out.json").read_text() == shown
    (tmp_path / "notes").write_text("mine")
    result = cli(*command, "--format", "json=../notes", cwd=root)
    assert result.code == 2
    assert (tmp_path / "notes").read_text() == "mine"
    result = cli(*command, "--format", "sarif", cwd=root)
    assert (result.code, "no such format: 'sarif' (one of text, json)" in result.err) == (2, True)


@pytest.mark.parametrize("pattern", ["!a%s", '!b"size_bytes": 0', "!c%(path)s", "x"])
def test_a_line_of_json_has_each_field(pattern: str, tmp_path: Path) -> None:
    names = ["a%s", 'b"size_bytes": 0', "c%(path)s", "d%%", 'e"', "f\udcff", "x/y"]
    ignore_file = file(".dockerignore", f"*\n{pattern}\n".encode())
    context = build_tree(tmp_path / "ctx", [*names, ignore_file, link("link", "x")])
    for entry in api.ls(str(context), ignored=True):
        expected = json.dumps(shapes.to_json(entry))
        assert shapes.line(entry) == expected
        assert shapes.line(entry, takers=()) == f'{expected[:-1]}, "takers": []}}'


def test_plain_names_cost_little_each(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = build_tree(tmp_path / "ctx", [f"d{number % 3}/{number}" for number in range(1_500)])
    calls = Counter[str]()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(wording, "quoted", counted("quoted", wording.quoted))
    monkeypatch.setattr(output, "write", counted("write", output.write))
    monkeypatch.setattr(shapes, "to_json", counted("to_json", shapes.to_json))
    assert len(cli("ls", cwd=context).lines) == 1_503
    runs = 3 * (1 + 2)  # of each directory, and of its 500 names, 256 at once
    assert calls["quoted"] == 0
    assert calls["write"] <= runs + 2  # with empty ones at both ends
    cli("ls", "--format", "json", cwd=context)
    fields = 7
    assert calls["to_json"] <= 1_503 + 2 * fields


def opened_by_python(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the name of each directory that Python opens below the top."""
    opened: list[str] = []
    enter = DiskDirectory.enter

    def entered(directory: DiskDirectory, name: str) -> DiskDirectory:
        opened.append(name)
        return enter(directory, name)

    monkeypatch.setattr(DiskDirectory, "enter", entered)
    return opened


def test_the_core_lists_most_of_a_large_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = build_tree(tmp_path / "ctx", [f"{number}/a" for number in range(2000)])
    opened = opened_by_python(monkeypatch)
    with native_walk():
        assert sum(1 for _ in api.ls(str(context))) == 4000
    assert len(opened) == 500  # each of them is listed with one file


def test_a_listing_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = build_tree(tmp_path / "ctx", [f"{letter}/{letter}" for letter in "abcdefgh"])
    opened = opened_by_python(monkeypatch)
    listed = iter(api.ls(str(context)))
    assert [next(listed).path for _ in range(3)] == ["a", "a/a", "b"]
    assert opened == ["a", "b"]
