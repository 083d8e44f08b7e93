"""Where reports may be written: never through a symlink out, never over what is no report."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.errors import InputError
from ctxsize.formats import is_report
from ctxsize.writer.apply import write_output
from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, directory, file, link

GOLDEN = Path(__file__).parent.parent / "formats" / "golden"
OF_NO_COMMAND = {"findings.json", "suggest-explained.txt", "suggest-everything-explained.txt"}
"""What never goes into a file: a part of a report, and `--explain`."""


@pytest.mark.parametrize(
    "name",
    sorted(
        each.name
        for each in GOLDEN.iterdir()
        if each.name not in OF_NO_COMMAND and "colour" not in each.name
    ),
)
def test_every_report_is_known_as_one(name: str) -> None:
    assert is_report((GOLDEN / name).read_bytes()[:4096])


FOREIGN = {
    "package.json": b'{\n  "name": "x",\n  "version": "1.0.0"\n}\n',
    "map.json": b'{"version": 3, "sources": []}',
    "logging.json": b'{"version": 1, "handlers": {}}',
    "list.json": b'[{"name": "x"}]',
    "other.sarif": b'{"$schema": "https://x/sarif", "runs": [{"tool": {"name": "y"}}]}',
    "junit.xml": b'<?xml version="1.0"?>\n<testsuites name="pytest">',
    "README.md": b"# Build context\n\nHow to\n",
    "notes.txt": b"precious\n",
    "Dockerfile": b"FROM scratch\nCOPY . /\n",
    ".dockerignore": b"target\n",
    "bytes": b"\xff\xfe\x00\x01",
    "key": b"-----BEGIN PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("command", ["measure", "scan", "lint", "advise", "suggest", "clean"])
def test_what_is_no_report_is_not_replaced(
    command: str, name: str, cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "r", ["a", "Dockerfile"])
    path = tmp_path / name
    path.write_bytes(FOREIGN[name])
    for form in ("text", "json"):
        result = cli(command, "--format", f"{form}={path}", cwd=root)
        assert result.code == 2
        assert "holds something else than a report" in result.err
    assert path.read_bytes() == FOREIGN[name]


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github", "sarif", "junit", "gitlab"])
@pytest.mark.parametrize("command", ["measure", "scan", "lint", "advise", "suggest", "clean"])
def test_a_report_is_replaced(command: str, form: str, cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["a", file("Dockerfile", b"FROM scratch\nCOPY . /\n")])
    (tmp_path / "out").touch()
    for _ in range(2):
        cli(command, "--format", f"{form}={tmp_path / 'out'}", cwd=root)
    again = cli(command, "--format", f"json={tmp_path / 'out'}", cwd=root)
    assert again.code in (0, 1)
    assert again.err == "" or "error" not in again.err


LINKS: dict[str, tuple[list[str | Node], str]] = {
    "a link": ([link("r/out", "../precious/report")], "r/out"),
    "a link to nothing": ([link("r/out", "../precious/new")], "r/out"),
    "a directory": ([link("r/out", "../precious")], "r/out/report"),
    "a link behind a link": ([link("r/out", "b"), link("r/b", "../precious/report")], "r/out"),
    "a device": ([link("r/out", "/dev/full")], "r/out"),
}


@pytest.mark.parametrize("repository", [True, False])
@pytest.mark.parametrize("case", LINKS)
def test_no_report_goes_through_a_symlink_out(
    case: str, repository: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, path = LINKS[case]
    root = build_tree(
        tmp_path / "t",
        [*nodes, directory("r/.git" if repository else "r/x"), file("precious/report", b"{}")],
    )
    monkeypatch.chdir(root / "r")
    for given in (str(root / path), path.removeprefix("r/")):
        with pytest.raises(InputError, match="leads out of the repository"):
            write_output(given, b"report")
    assert (root / "precious/report").read_bytes() == b"{}"
    assert [each.name for each in (root / "precious").iterdir()] == ["report"]


def test_a_path_of_the_user_may_lie_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build_tree(tmp_path / "t", [directory("r/.git"), directory("far"), link("near", "far")])
    monkeypatch.chdir(root / "r")
    write_output("../far/a", b"1")
    write_output(str(root / "far/b"), b"2")
    assert (root / "far/a").read_bytes() + (root / "far/b").read_bytes() == b"12"


@pytest.mark.parametrize("named", ["option", "configuration"])
@pytest.mark.parametrize("update", [True, False])
def test_no_baseline_is_read_or_written_through_a_symlink_out(
    named: str, update: bool, cli: Cli, tmp_path: Path
) -> None:
    root = build_tree(
        tmp_path / "t",
        [
            *(directory("r/.git"), "r/a", link("r/b.json", "../precious.json")),
            file("precious.json", b'{\n  "version": 1,\n  "contexts": {}\n}\n'),
            *([file("r/ctxsize.toml", b'baseline = "b.json"\n')] if named != "option" else []),
        ],
    )
    before = (root / "precious.json").read_bytes()
    words = ["--baseline", "b.json"] if named == "option" else []
    result = cli("check", ".", *words, *(["--update-baseline"] * update), cwd=root / "r")
    assert result.code == 2
    assert "repository" in result.err
    assert (root / "precious.json").read_bytes() == before


def test_no_baseline_replaces_what_is_none(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", ["a", file("package.json", b'{"name": "x"}')])
    result = cli("check", "--baseline", "package.json", "--update-baseline", cwd=root)
    assert result.code == 2
    assert (root / "package.json").read_bytes() == b'{"name": "x"}'
