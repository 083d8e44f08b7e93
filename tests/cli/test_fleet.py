"""Reports of many repositories as one table; a report is checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ctxsize import api
from ctxsize.errors import InputError
from ctxsize.formats import Look, render
from ctxsize.formats.json import schema
from ctxsize.page import picture
from ctxsize.scanning import Scan, fleet
from tests.cli.conftest import Cli
from tests.formats.test_schema import closed
from tests.trees import COPY_ALL, build_tree, file


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the reports `web.json` and `api.json`."""
    web = [
        file("Dockerfile", COPY_ALL),
        file("node_modules/x.js", size_bytes=5_000_000),
        file(".idea/workspace.xml", size_bytes=20_000),
    ]
    api_ = [
        *(file("a/Dockerfile", COPY_ALL), file("a/data", size_bytes=2_000_000)),
        *(file("b/Dockerfile.dev", COPY_ALL), file("b/data", size_bytes=9_000_000)),
        file("compose.yaml", b"services: {b: {build: {context: b, dockerfile: Dockerfile.dev}}}"),
        file("c/Dockerfile", b"FROM scratch\nCOPY missing /\n"),
    ]
    for name, nodes in (("web", web), ("api", api_)):
        monkeypatch.chdir(build_tree(tmp_path / name, nodes))
        (tmp_path / f"{name}.json").write_text(render("json", api.scan(), Look()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def merged(*paths: str) -> Scan:
    return fleet.merge(paths, schema("scan"))


def test_builds_of_all_reports_come_in_one_order(reports: Path) -> None:
    scan = merged("web.json", "api.json")
    assert [(row.build.context, row.options) for row in scan.rows if row.error is None] == [
        ("api/b", ["-f", "api/b/Dockerfile.dev"]),
        ("web", []),
        ("api/a", []),
        ("api/c", []),
    ]
    own = {name: json.loads((reports / f"{name}.json").read_text()) for name in ("web", "api")}
    costs = [
        each["transfer"]["content_bytes"]
        for r in own.values()
        for each in r["builds"]
        if each["transfer"]
    ]
    assert sum(row.cost.content_bytes for row in scan.rows) == sum(costs)
    assert scan.advice == sum(each["advice"] for each in own.values())
    assert merged("api.json", "web.json").rows == scan.rows
    assert scan.problems == ()


def test_text_has_the_sums_and_no_command_for_files_elsewhere(reports: Path, cli: Cli) -> None:
    result = cli("scan", "--merge", "web.json", "api.json")
    assert (result.code, result.err) == (0, "")
    first, headers, *rows = result.out.splitlines()
    assert first == "4 builds in 2 repositories: 16.0 MB, safe suggestions save 20.0 kB"
    assert headers.split() == ["sends", "saving", "findings", "ignore", "build"]
    assert rows[1].split()[:2] == ["5.0", "MB"]
    assert "Next" not in result.out
    assert cli("scan", "--merge", "--top", "1", "web.json", "api.json").out.count("none") == 1


@pytest.mark.parametrize("name", ["json", "markdown", "html=page.html"])
def test_other_formats_have_the_same_builds(name: str, reports: Path, cli: Cli) -> None:
    result = cli("scan", "--merge", "web.json", "api.json", "--format", name)
    assert (result.code, result.err) == (0, "")
    text = (reports / "page.html").read_text() if "html" in name else result.out
    assert "api/b" in text
    assert "Dockerfile.dev" in text


def test_json_follows_the_schema_and_can_be_merged_again(reports: Path) -> None:
    (reports / "all.json").write_text(render("json", merged("web.json", "api.json"), Look()))
    shape = json.loads((reports / "all.json").read_text())
    jsonschema.validate(shape, closed(schema("scan")))
    assert shape["merged"] == ["web.json", "api.json"]
    assert {each["context"] for each in shape["builds"]} == {
        "web",
        "api/a",
        "api/b",
        "api/c",
    }
    assert {row.build.context for row in merged("all.json").rows} >= {"all/web", "all/api/b"}


def test_the_page_reads_nothing_here(reports: Path) -> None:
    (reports / "ctxsize.toml").write_text('max = "1B"\n')
    maps: Any = picture.page(merged("web.json", "api.json"), None)["maps"]
    assert [each["name"] for each in maps][:2] == ["api/b -f api/b/Dockerfile.dev", "web"]
    assert maps[1]["before"] == {"context": (5_020_022, 3), "transfer": (5_020_022, 3)}
    assert not any("budget" in each for each in maps)


def test_reports_of_one_name_are_told_apart_by_their_paths(reports: Path) -> None:
    for name in ("x", "y"):
        (reports / name).mkdir()
        (reports / "web.json").replace(reports / name / "scan.json")
        (reports / "web.json").write_bytes((reports / name / "scan.json").read_bytes())
    contexts = [row.build.context for row in merged("x/scan.json", "y/scan.json").rows]
    assert contexts == ["x/scan", "y/scan"]


def test_a_report_counts_once_and_shows_what_leads_out_of_it(reports: Path) -> None:
    changed(reports / "web.json", lambda data: data["builds"][0].update(context="../api/a"))
    rows = merged("web.json", str(reports / "web.json")).rows
    assert [row.build.context for row in rows] == ["web/../api/a"]


def test_reports_without_builds_say_so(reports: Path, cli: Cli) -> None:
    changed(reports / "web.json", lambda data: data.update(builds=[]))
    assert cli("scan", "--merge", "web.json").lines[0] == "no build in these reports"


def changed(path: Path, change: Callable[[Any], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_reports_that_differ_in_version_or_are_incomplete_are_noted(reports: Path) -> None:
    changed(
        reports / "web.json", lambda data: data.update(ctxsize_version="9.9\x1b", lower_bound=True)
    )
    changed(reports / "api.json", lambda data: data.pop("ctxsize_version"))
    scan = merged("web.json", "api.json")
    assert scan.lower_bound
    assert [(each.path, each.message) for each in scan.problems] == [
        ("web.json", "the sizes of this report are at least"),
        ("web.json", "this report is by ctxsize 9.9\x1b"),
        ("api.json", "this report is by ctxsize of unknown version"),
    ]
    assert "\x1b" not in render("text", scan, Look())


FAULTS: dict[str, Callable[[Any], object]] = {
    "version is 2, not 1": lambda data: data.update(version=2),
    "root is missing": lambda data: data.pop("root"),
    "builds is object, not array": lambda data: data.update(builds={}),
    "builds[0].context is integer, not string": lambda data: data["builds"][0].update(context=3),
    "builds[0].dockerfile is array, not string or null": lambda data: data["builds"][0].update(
        dockerfile=[]
    ),
    "builds[0].transfer has another shape": lambda data: data["builds"][0].update(
        transfer={"files": 1}
    ),
    "builds[0].findings is number, not integer": lambda data: data["builds"][0].update(
        findings=1.5
    ),
    "builds[0].findings is out of range": lambda data: data["builds"][0].update(findings=-1),
    "builds[0].context_size has another shape": lambda data: data["builds"][0][
        "context_size"
    ].update(files=10**400),
    "builds[0].builder is 'x', not 'buildkit' or 'classic' or 'podman'": lambda data: data[
        "builds"
    ][0].update(builder="x"),
    "builds[0].places[0].path is missing": lambda data: data["builds"][0]["places"][0].pop("path"),
    "findings[0].location.line is boolean, not integer or null": lambda data: data["findings"][0][
        "location"
    ].update(line=True),
    "findings[0].severity is 'bad', not 'error' or 'warning' or 'info'": lambda data: data[
        "findings"
    ][0].update(severity="bad"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_file_and_key(fault: str, reports: Path, cli: Cli) -> None:
    changed(reports / "web.json", FAULTS[fault])
    result = cli("scan", "--merge", "api.json", "web.json")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"ctxsize: error: web.json: {fault} (save one with")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "it is array, not object"),
        (b'{"version": ' + b"9" * 10_000 + b"}", "is not JSON"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_report_is_an_input_error(
    data: bytes | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=says):
        merged(str(path))


def test_hostile_names_are_escaped(reports: Path, cli: Cli) -> None:
    evil = "\x1b[31m\n::error::x\u202e\udcff"

    def change(data: Any) -> None:
        build = data["builds"][0]
        build.update(context=evil, dockerfile=f"/etc/{evil}", target=evil, error=evil)
        build["places"] = []

    changed(reports / "web.json", change)
    for name in ("text", "markdown", "json", "html=page.html"):
        result = cli("scan", "--merge", "web.json", "--format", name)
        assert (result.code, result.err) == (0, "")
        assert "\x1b" not in result.out
        assert "\n::error" not in result.out


@pytest.mark.parametrize("words", [["--merge"], ["a", "b"]])
def test_a_wrong_number_of_arguments_is_a_usage_error(words: list[str], cli: Cli) -> None:
    assert cli("scan", *words).code == 2
