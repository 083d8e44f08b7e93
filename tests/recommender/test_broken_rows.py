"""The rows of the TOML files of `knowledge` are right, and a mistake in one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_build
from ctxsize.knowledge import rules
from ctxsize.shipped import shipped_text
from ctxsize.toml import trusted_table
from tests.rows import problems

KNOWLEDGE = Path(rules.__file__).parent
FILES = sorted(path.relative_to(KNOWLEDGE).as_posix() for path in KNOWLEDGE.rglob("*.toml"))


@pytest.mark.parametrize("file", FILES)
def test_all_rows_are_fine(file: str) -> None:
    assert [*problems(file, trusted_table(shipped_text(f"knowledge/{file}")))] == []


ROW = """
[gleam.more]
directory = "more"
exists = true
why = "one more row"
category = "cache"
confidence = 0.5
"""
BROKEN = {
    "an unknown key": ("rules/go.toml", "", f"{ROW}besides = 'x'", "gleam.more", "`besides`"),
    "a text for a number": (
        "rules/go.toml",
        "",
        ROW.replace("0.5", '"0.5"'),
        "gleam.more",
        "`confidence` has the wrong type",
    ),
    "true for a number": (
        "rules/go.toml",
        "",
        ROW.replace("0.5", "true"),
        "gleam.more",
        "`confidence` has the wrong type",
    ),
    "a number for a text": (
        "rules/go.toml",
        "",
        ROW.replace('"one more row"', "1"),
        "gleam.more",
        "`why` has the wrong type",
    ),
    "numbers for names": (
        "rules/go.toml",
        "",
        ROW.replace('"more"', '["more", 1]'),
        "gleam.more",
        "`directory` has the wrong type",
    ),
    "no reason": (
        "rules/go.toml",
        "",
        ROW.replace("why", "again"),
        "gleam.more",
        "needs a `why`",
    ),
    "no marker": (
        "rules/go.toml",
        "",
        ROW.replace("exists = true", ""),
        "gleam.more",
        "needs a marker",
    ),
    "a marker of the wrong type": (
        "rules/go.toml",
        "",
        ROW.replace("exists = true", "inside = 3"),
        "gleam.more",
        "`inside` has the wrong type",
    ),
    "an unknown category": (
        "rules/go.toml",
        "",
        ROW.replace('"cache"', '"caches"'),
        "gleam.more",
        "caches",
    ),
    "a text for a row": ("rules/go.toml", "", "[x]\ny = 'z'", "x.y", "not a table"),
    "a text for an ecosystem": ("rules/go.toml", "^", "x = 'y'", "x", "not a table"),
    "an unknown key of a tool": ("tools.toml", "", "[tool.x]\nruns = 'y'", "tool.x", "`runs`"),
    "a number for a tool's text": ("tools.toml", "", "[tool.x]\nmakes = 1", "tool.x", "`makes`"),
    "a text for a flag": ("tools.toml", "", "[tool.x]\nis_locked = 'y'", "tool.x", "`is_locked`"),
    "an unknown key of a job": (
        "tools.toml",
        "",
        "[tool.x]\njobs = [{ make = 'y' }]",
        "tool.x",
        "`make`",
    ),
    "like no tool": ("tools.toml", "", "[tool.x]\nlike = 'y'", "tool.x", "no tool `y`"),
    "an unknown key of a command": (
        "builds.toml",
        "",
        "[[command]]\nword = 'x'",
        "command 7",
        "`word`",
    ),
    "a text for a list": (
        "builds.toml",
        "",
        "[[command]]\nwords = 'x'\nvalued = 'y'",
        "command 7",
        "`valued` has the wrong type",
    ),
    "a file without a name": (
        "builds.toml",
        "",
        "[[file]]\nreader = 'script'",
        "file 31",
        "needs a `name`",
    ),
    "an unknown key of a form": (
        "builds.toml",
        "",
        "[[file]]\nreader = 'script'\nname = 'x'\n[[file.build]]\nonce = 1",
        "file 31.build",
        "`once`",
    ),
    "an unknown key of a start": (
        "reads.toml",
        "",
        "[starts.x]\nprogram = 'y'\nrunning = 'z'",
        "starts.x",
        "`running`",
    ),
    "a start without a program": ("reads.toml", "", "[starts.x]\nrun = 'y'", "starts.x", "program"),
    "an unknown key of a kind": (
        "reads.toml",
        "",
        "[reads.x]\nrows = []\nroot = 'y'",
        "reads.x",
        "`root`",
    ),
    "a mention without paths": (
        "reads.toml",
        "",
        "[reads.x]\nrows = [{ find = 'y' }]",
        "reads.x",
        "needs a `paths`",
    ),
    "a list that is none": (
        "lists.toml",
        'locks = "',
        'locks = 3\nunlocked = "',
        "locks",
        "wrong type",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_found_in_its_row(name: str) -> None:
    file, old, new, row, problem = BROKEN[name]
    text = shipped_text(f"knowledge/{file}")
    if not old:
        text = f"{text}\n{new}\n"
    elif old == "^":
        text = f"{new}\n{text}"
    else:
        assert old in text
        text = text.replace(old, new, 1)
    found, *_ = problems(file, trusted_table(text))
    found, *_ = problems(file, trusted_table(text))
    assert found.startswith(f"{row}: ")
    assert problem in found


def test_a_file_that_is_not_toml_ends_the_build(tmp_path: Path) -> None:
    directory = tmp_path / "ctxsize" / "knowledge"
    directory.mkdir(parents=True)
    (directory / "tools.toml").write_text("[tool.npm]\n[tool.npm]\n")
    with pytest.raises(SystemExit, match=r"ctxsize/knowledge/tools\.toml: .*line 2"):
        hatch_build.parsed_knowledge(tmp_path)
