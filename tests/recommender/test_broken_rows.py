"""A broken row in a TOML file of `knowledge` is an error that names the file and the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ctxsize.errors import InputError
from ctxsize.knowledge import rules, tools
from ctxsize.recommender import mentions
from ctxsize.repository import recognisers
from ctxsize.shipped import shipped_text

READ: tuple[Callable[[], object], ...] = (
    rules.all_rules,
    tools.tools,
    mentions.starting_commands,
    mentions.read_kinds,
    recognisers.build_commands,
    recognisers.file_kinds,
)
"""They read all rows of all files but the lists."""


def read_all() -> None:
    for read in READ:
        assert read()
    assert rules.listed("locks")


def forget() -> None:
    for read in (*READ, rules.table, rules.listed):
        read.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Replaces a text in a file of knowledge, or adds one at its end, or its beginning for `^`."""

    def change(file: str, old: str, new: str) -> None:
        def changed(path: str) -> str:
            text = shipped_text(path)
            if path != f"knowledge/{file}":
                return text
            if not old:
                return f"{text}\n{new}\n"
            if old == "^":
                return f"{new}\n{text}"
            assert text.count(old) >= 1
            return text.replace(old, new, 1)

        monkeypatch.setattr(rules, "shipped_text", changed)
        forget()

    yield change
    monkeypatch.undo()
    forget()


def error_of(breaking: Callable[[str, str, str], None], file: str, old: str, new: str) -> str:
    breaking(file, old, new)
    with pytest.raises(InputError) as raised:
        read_all()
    return str(raised.value)


ROW = """
[gleam.more]
directory = "more"
exists = true
why = "one more row"
category = "cache"
confidence = 0.5
"""
BROKEN = {
    "no TOML": ("rules/rust.toml", "", "[rust.more", "rust.more", "not valid TOML"),
    "a row twice in a file": (
        "rules/languages.toml",
        "",
        ROW.replace("gleam.more", "gleam.build"),
        "gleam.build",
        "twice",
    ),
    "a key twice": (
        "rules/languages.toml",
        "",
        f'{ROW}why = "x"',
        "gleam.more.why",
        "overwrite a value",
    ),
    "a tool twice on lines": (
        "tools.toml",
        "[tool]\n",
        "[tool]\ngleam = {}\n",
        "tool.gleam",
        "overwrite a value",
    ),
    "a row in two files": (
        "rules/languages.toml",
        "",
        ROW.replace("gleam.more", "rust.target"),
        "rust.target",
        "another file",
    ),
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
    "a text for a row": ("rules/go.toml", "", "[x]\ny = 'z'", "x.y", "mapping"),
    "a text for an ecosystem": ("rules/go.toml", "^", "x = 'y'", "x", "items"),
    "a tool twice": ("tools.toml", "", "[tool.npm]\nrun = 'x'", "tool.npm", "twice"),
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
    "a list that is missing": ("lists.toml", 'rules = """', 'rows = """', "rules", "no key"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors_name_file_and_row(name: str, breaking: Callable[[str, str, str], None]) -> None:
    file, old, new, row, problem = BROKEN[name]
    message = error_of(breaking, file, old, new)
    assert message.startswith(f"ctxsize/knowledge/{file}")
    assert f"row `{row}`" in message
    assert problem in message


def test_all_rows_are_fine() -> None:
    read_all()


def test_an_error_of_syntax_has_its_line(breaking: Callable[[str, str, str], None]) -> None:
    lines = shipped_text("knowledge/rules/go.toml").count("\n")
    message = error_of(breaking, "rules/go.toml", "", "[go.x]\nwhy = ")
    assert message.startswith(f"ctxsize/knowledge/rules/go.toml:{lines + 3}: ")
    assert "the row `go.x.why` is not valid TOML" in message
