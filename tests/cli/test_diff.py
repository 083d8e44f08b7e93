"""`ctxsize diff`: two saved reports, or one and now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import jsonschema
import pytest

from ctxsize.engine import git
from ctxsize.formats.json import schema
from tests.cli.conftest import Cli
from tests.engine.test_checkout import committed
from tests.formats.golden import held
from tests.formats.test_schema import closed
from tests.trees import COPY_ALL, build_tree, file

SAVED = {
    "measure": ["measure", "--top", "1000", "--depth", "9", "--format", "json=../before.json"],
    "check": ["check", "--max", "1TB", "--format", "json=../before.json"],
    "baseline": ["check", "--baseline", "../before.json", "--update-baseline"],
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    nodes = [
        file("Dockerfile", COPY_ALL),
        file("gone.bin", size_bytes=2_000),
        file("lib/grows", size_bytes=100),
        file("lib/same", size_bytes=100),
    ]
    return build_tree(tmp_path / "ctx", nodes)


def change(context: Path) -> None:
    (context / "gone.bin").unlink()
    build_tree(context, [file("data/raw/new.bin", size_bytes=60_000_000)])
    (context / "lib/grows").write_bytes(b"x" * 5_000)


def save(cli: Cli, how: str, context: Path) -> None:
    if how == "ls":
        out = cli("ls", "--format", "json", cwd=context).raw
        (context.parent / "before.json").write_bytes(out)
    else:
        assert cli(*SAVED[how], cwd=context).code == 0


@pytest.mark.parametrize("how", ["ls", *SAVED])
def test_since_a_saved_report(cli: Cli, context: Path, how: str) -> None:
    save(cli, how, context)
    change(context)
    result = cli("diff", "../before.json", "--format", "json", cwd=context)
    assert (result.code, result.err) == (0, "")
    shape = json.loads(result.out)
    jsonschema.validate(shape, closed(schema("diff")))
    assert shape["delta_bytes"] == 60_000_000 - 2_000 + 4_900
    files = {each["path"]: (each["what"], each["delta_bytes"]) for each in shape["files"]}
    assert files == {
        "data/raw/new.bin": ("added", 60_000_000),
        "lib/grows": ("grew", 4_900),
        "gone.bin": ("removed", -2_000),
    }
    directories = {each["path"]: each["delta_bytes"] for each in shape["directories"]}
    assert directories["lib"] == 4_900
    assert 60_000_000 in directories.values()


def test_two_directories_as_text_and_markdown(cli: Cli, context: Path, tmp_path: Path) -> None:
    save(cli, "ls", context)
    change(context)
    (tmp_path / "after.jsonl").write_bytes(cli("ls", "--format", "json", cwd=context).raw)
    sides = ["before.json", "after.jsonl"]
    held("diff.txt", cli("diff", *sides, cwd=tmp_path).out)
    held("diff-full.txt", cli("diff", *sides, "--full", cwd=tmp_path).out)
    held("diff.md", cli("diff", *sides, "--format", "markdown", cwd=tmp_path).out)
    assert (
        cli("diff", "ctx", "after.jsonl", cwd=tmp_path).out == "The same size: 60.0 MB in 4 files\n"
    )


def test_a_short_report_says_that_it_is_short(cli: Cli, context: Path) -> None:
    assert cli("measure", "--top", "1", "--format", "json=../before.json", cwd=context).code == 0
    change(context)
    assert "smaller changes" in cli("diff", "../before.json", cwd=context).out
    out = cli("diff", "../before.json", "--full", cwd=context).out
    assert "smaller changes" in out
    # They may have been there with up to 2,000 bytes, unlisted.
    assert "+60.0 MB         at least  data/raw/new.bin" in out
    assert "+3.0 kB         at least  lib/grows" in out


WRONG = [
    (b"", 0, "The same"),
    (b"{}", 2, "is no saved report"),
    (b"[]", 2, "is no saved report"),
    (b"hello", 2, "is no saved report"),
    (b"\xff", 2, "is no saved report"),
    (b'{"kind": "file"}', 2, "is no saved report"),
    (b'{"context": {"tree": 3}}', 2, "is no saved report"),
    (b'{"version": 1, "contexts": {"a": 3}}', 2, "is no baseline"),
]


@pytest.mark.parametrize(("data", "code", "said"), WRONG)
def test_what_is_no_report(cli: Cli, tmp_path: Path, data: bytes, code: int, said: str) -> None:
    context = build_tree(tmp_path / "ctx", [])
    (tmp_path / "r.json").write_bytes(data)
    result = cli("diff", "../r.json", cwd=context)
    assert result.code == code
    assert said in result.out + result.err


def configure_contexts(root: Path, names: Iterable[str]) -> Path:
    """Budget contexts that one Dockerfile outside of them builds; return the configuration."""
    (root / "Dockerfile").write_text("FROM scratch\n")
    tables = (f'[contexts.{name}]\ndockerfile = "Dockerfile"\n' for name in names)
    config = root / "ctxsize.toml"
    config.write_text('max = "1GB"\n' + "".join(tables))
    return config


def test_one_of_several_contexts(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repo", [file("a/x", size_bytes=3), file("b/y", size_bytes=5)])
    configure_contexts(root, ["a", "b"])
    assert cli("check", "--format", "json=r.json", cwd=root).code == 0
    result = cli("diff", "r.json", "a", cwd=root)
    assert (result.code, result.out) == (2, "")
    assert "r.json: has several contexts (add --name with one of a, b)" in result.err
    assert (
        cli("diff", "r.json", "b", "--name", "b", cwd=root).out == "The same size: 5 B in 1 file\n"
    )
    assert cli("diff", "r.json", "b", "--name", "c", cwd=root).code == 2


def test_a_report_that_is_missing_is_an_input_error(cli: Cli, tmp_path: Path) -> None:
    result = cli("diff", "nope", cwd=tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "nope: the report cannot be read: No such file" in result.err


def test_a_listing_has_empty_files_too(cli: Cli, context: Path) -> None:
    (context / "empty").touch()
    save(cli, "ls", context)
    assert cli("diff", "../before.json", cwd=context).out == "The same size: 2.2 kB in 5 files\n"


BEFORE = b"*.log\ntarget\nkept\n!kept/a\n"
DECISIONS = {
    "no-pattern": (BEFORE, BEFORE, "data/x", "No pattern ignores it."),
    "re-included": (
        BEFORE,
        BEFORE,
        "kept/a",
        "line 4 of c/.dockerignore re-includes it: `!kept/a`",
    ),
    "no-longer-ignored": (
        BEFORE,
        b"*.log\n",
        "target/x",
        "line 2 of c/.dockerignore ignored it before: `target`",
    ),
}


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("how", ["report", "directory"])
def test_what_decides_about_a_part_that_grew(
    cli: Cli, tmp_path: Path, decision: str, how: str
) -> None:
    before, after, path, line = DECISIONS[decision]
    where = build_tree(tmp_path / "c", [file("Dockerfile", COPY_ALL), file("a", size_bytes=5_000)])
    (where / ".dockerignore").write_bytes(before)
    check = ["check", "--max", "1kB", "--exit-zero", "--format"]
    assert cli(*check, "json=before.json", "c", cwd=tmp_path).code == 0
    (where / ".dockerignore").write_bytes(after)
    build_tree(where, [file(path, size_bytes=70_000)])
    assert cli(*check, "json=after.json", "c", cwd=tmp_path).code == 0
    sides = ["before.json", "c" if how == "directory" else "after.json"]
    out = cli("diff", *sides, cwd=tmp_path).out
    assert f"added  {path}" in out
    assert line in re.sub(r"\s+", " ", out)
    assert "Fix: " in out
    shape = json.loads(cli("diff", *sides, "--json", cwd=tmp_path).out)
    jsonschema.validate(shape, closed(schema("diff")))
    culprit = shape["contexts"][0]["culprits"][0]
    assert (culprit["path"], culprit["decision"]) == (path, decision)
    back = cli("diff", *sides[::-1], "--json", cwd=tmp_path)
    (culprit, *_) = json.loads(back.out)["contexts"][0]["culprits"]
    assert culprit["decision"] == ("now-ignored" if decision == "no-longer-ignored" else "")


def test_a_refusal_names_the_excess_and_the_proved_fix(cli: Cli, tmp_path: Path) -> None:
    nodes = [
        file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build\n"),
        file("Cargo.toml", b'[package]\nname = "x"\n'),
        file("src/main.rs", b"fn main() {}\n"),
    ]
    where = build_tree(tmp_path / "c", nodes)
    check = ["check", "--max", "1MB", "--exit-zero", "--format"]
    assert cli(*check, "json=before.json", "c", cwd=tmp_path).code == 0
    tag = b"Signature: 8a477f597d28d172789f06886806bc55\n"
    build_tree(where, [file("target/x", size_bytes=9_000_000), file("target/CACHEDIR.TAG", tag)])
    assert cli(*check, "json=after.json", "c", cwd=tmp_path).code == 0
    out = cli("diff", "before.json", "after.json", cwd=tmp_path).out
    assert "Refused: CTX401 the build sends 9.0 MB, 8.0 MB over its budget of 1.0 MB" in out
    assert "+9.0 MB         added  target/x" in out
    assert "Fix: ctxsize suggest --write c  saves 9.0 MB in 3 files\n" in out
    assert len(out.splitlines()) <= 24


def test_all_contexts_of_two_checks_by_their_names(cli: Cli, tmp_path: Path) -> None:
    names = ["gone", *(f"s{number}" for number in range(30))]
    root = build_tree(tmp_path / "repo", [file(f"{name}/x", size_bytes=1_000) for name in names])
    config = configure_contexts(root, names)
    assert cli("check", "--format", "json=before.json", cwd=root).code == 0
    build_tree(root, [file("new/x", size_bytes=70_000), file("s7/y", size_bytes=8_000)])
    config.write_text(config.read_text().replace("contexts.gone", "contexts.new"))
    assert cli("check", "--format", "json=after.json", cwd=root).code == 0
    sides = ["before.json", "after.json"]
    result = cli("diff", *sides, cwd=root)
    assert result.code == 0
    rows = [
        line.split() for line in result.out.splitlines() if re.search(r"  (new|s7|gone)$", line)
    ]
    assert [(row[-2], row[-1]) for row in rows] == [
        ("added", "new"),
        ("grew", "s7"),
        ("removed", "gone"),
    ]
    assert "29 contexts did not change" in result.out
    assert len(result.out.splitlines()) <= 24
    full = cli("diff", *sides, "--full", cwd=root).out
    assert "What grew in s7" in full
    assert "What shrank in gone" in full
    one = cli("diff", *sides, "--name", "s7", cwd=root).out
    assert one.startswith("Grew by 8.0 kB: 1.0 kB in 1 file -> 9.0 kB in 2 files\n")
    shape = json.loads(cli("diff", *sides, "--json", cwd=root).out)
    jsonschema.validate(shape, closed(schema("diff")))
    assert (shape["changed"], shape["delta_bytes"], len(shape["contexts"])) == (True, 77_000, 32)


def test_markdown_of_any_change_fits_into_a_comment(cli: Cli, tmp_path: Path) -> None:
    """A comment has 65,536 characters, and a name may have 4,096 bytes."""
    root = build_tree(tmp_path / "repo", [])
    tables = []
    for number in range(12):
        context = root / ("`|@a" * 60 + str(number))
        deep = context / "/".join(["e\u0301|`@" * 36] * 6)
        deep.mkdir(parents=True)
        for one in range(30):
            (deep / f"{'<`' * 90}{one}").write_bytes(b"x" * (1_000 + one))
        tables.append(f"[contexts.{json.dumps(context.name)}]\nmax = '1B'\n")
    (root / "ctxsize.toml").write_text("".join(tables))
    assert cli("check", "--format", "json=after.json", cwd=root).code == 1
    (root / "before.json").write_text('{"checks": []}')
    for full in ([], ["--full"]):
        text = cli("diff", "before.json", "after.json", "--format", "markdown", *full, cwd=root).out
        assert text.startswith("<!-- ctxsize -->\n### ctxsize: 🔴 ")
        assert len(text) <= 65_000
        assert "@a" not in re.sub("(`+)[^`].*?\\1", "", text)


@pytest.mark.parametrize("missing", ["ignore_file", "builder", "dockerfile", "context_path", "all"])
def test_a_report_of_an_old_version_lacks_the_build(
    cli: Cli, context: Path, tmp_path: Path, missing: str
) -> None:
    save(cli, "measure", context)
    shape = json.loads((tmp_path / "before.json").read_text())
    gone = ("ignore_file", "builder", "dockerfile", "context_path", "verdict")
    for key in gone if missing == "all" else (missing,):
        del shape[key]
    (tmp_path / "old.json").write_text(json.dumps(shape))
    change(context)
    out = cli("diff", "old.json", "ctx", cwd=tmp_path).out
    assert out.startswith("Grew by 60.0 MB: ")
    back = cli("diff", "ctx", "old.json", "--json", cwd=tmp_path)
    assert (back.code, json.loads(back.out)["delta_bytes"]) == (0, -60_002_900)


def test_patterns_and_names_with_backticks_stay_whole_in_markdown(cli: Cli, tmp_path: Path) -> None:
    where = build_tree(tmp_path / "c", [file("Dockerfile", COPY_ALL)])
    (where / ".dockerignore").write_text("a`b`c\n")
    cli("measure", "--format", "json=before.json", "c", cwd=tmp_path)
    (where / ".dockerignore").write_text("")
    build_tree(where, [file("a`b`c", size_bytes=9_000), file("x`www.evil.org", size_bytes=8_000)])
    out = cli("diff", "before.json", "c", "--format", "markdown", cwd=tmp_path).out
    assert "ignored it before: ``a`b`c``" in out
    assert "put ``a`b`c`` back into" in out
    assert "need ``x`www.evil.org``, add" in out


def test_what_is_below_a_table_is_wrapped(cli: Cli, context: Path, tmp_path: Path) -> None:
    save(cli, "ls", context)
    build_tree(context, [file(f"d{at}/x", size_bytes=9_000 + at) for at in range(9)])
    out = cli("diff", "before.json", "ctx", cwd=tmp_path, columns=40).out
    assert "No pattern ignores them." in out
    assert max(map(len, out.splitlines())) <= 40


def test_top_limits_each_table_and_full_shows_all(cli: Cli, context: Path, tmp_path: Path) -> None:
    save(cli, "ls", context)
    build_tree(context, [file(f"d{at}/x", size_bytes=9_000 + at) for at in range(30)])

    def rows(*words: str) -> list[int]:
        out = cli("diff", "before.json", "ctx", *words, cwd=tmp_path).out
        parts = re.split(r"changed (?=file|director)|What grew", out)
        return [len(re.findall(r"\+9\.0 kB", part)) for part in parts[1:]]

    assert rows() == [5, 0]
    assert rows("-v") == [20, 30, 30]
    assert rows("-v", "--top", "3") == [3, 3, 3]
    assert rows("--format", "markdown") == [5, 25, 25]
    assert rows("--format", "markdown", "-v") == [20, 30, 30]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree that sends 60 MB which git ignores, and lacks a file of HEAD."""
    nodes = [
        *(file("Dockerfile", COPY_ALL), file(".gitignore", b"target/\n")),
        *(file("gone.bin", size_bytes=2_000), file("secret\x1b[31m.txt", b"1")),
    ]
    root = committed(build_tree(tmp_path / "repo", nodes), {})
    (root / "gone.bin").unlink()
    build_tree(root, [file("target/debug/app", size_bytes=60_000_000)])
    return root


def test_a_checkout_as_text_json_markdown_and_page(cli: Cli, repository: Path) -> None:
    result = cli("diff", "--checkout", cwd=repository)
    assert (result.code, result.err) == (0, "")
    text = re.sub(r"\d+ files of .git not counted \([^)]*\)", "N files of .git (SIZE)", result.out)
    held("diff-checkout.txt", text)
    shape = json.loads(cli("diff", "--checkout", "--json", "repo", cwd=repository.parent).out)
    jsonschema.validate(shape, closed(schema("diff")))
    assert [
        (each["reason"], each["delta_bytes"], each["paths"]) for each in shape["differences"]
    ] == [
        ("ignored-by-git", 60_000_000, ["target/debug/app"]),
        ("missing-here", -2_000, ["gone.bin"]),
    ]
    assert shape["problems"][0]["path"] == ".git"
    assert shape["delta_bytes"] == sum(each["delta_bytes"] for each in shape["differences"])
    out = cli(
        "diff", "--checkout", "--format", "markdown", "--format", "html=../p.html", cwd=repository
    ).out
    assert "`ignored by git`" in out
    assert "target/debug" in (repository.parent / "p.html").read_text()


def test_a_file_that_a_checkout_has_too_is_not_to_be_ignored(cli: Cli, tmp_path: Path) -> None:
    root = committed(tmp_path / "repo", {"Dockerfile": "FROM scratch\nCOPY . /\n", "large": "1"})
    (root / "large").write_text("x" * 5_000)
    assert "Fix:" not in cli("diff", "--checkout", cwd=root).out
    (root / "new").write_text("x")
    assert "Fix: if the build does not need `new`" in cli("diff", "--checkout", cwd=root).out


def test_other_outcomes_of_diff_have_no_differences(cli: Cli, context: Path) -> None:
    save(cli, "ls", context)
    shape = json.loads(cli("diff", "../before.json", "--json", cwd=context).out)
    assert (shape["differences"], shape["problems"]) == (None, [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing argument 'BEFORE'"),
        (["a", "b", "c"], "two at most"),
        (["--checkout", "a", "b"], "--checkout takes one directory"),
        (["--checkout", "--name", "x"], "--checkout takes one directory"),
        (["--checkout", "nowhere"], "cannot read the context"),
    ],
)
def test_wrong_arguments_are_one_line(
    cli: Cli, tmp_path: Path, words: list[str], says: str
) -> None:
    result = cli("diff", *words, cwd=tmp_path)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert says in result.err


def test_without_git_there_is_one_line(
    cli: Cli, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(git, "_failures", {})
    result = cli("diff", "--checkout", cwd=repository)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "git is not installed" in result.err
