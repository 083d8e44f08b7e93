"""`ctxsize init`: an ignore file, a budget that holds, and snippets; nothing on a second run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from ctxsize import api, repository
from ctxsize.cli.init import _budget
from ctxsize.config import load
from ctxsize.units import parse_size
from tests.clean.snapshots import snapshot
from tests.cli.conftest import Cli
from tests.trees import Node, build_tree, file, link

NODE: list[str | Node] = [
    file("Dockerfile", b"FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"),
    file("package.json", b'{"name": "x", "version": "1.0.0"}\n'),
    file("package-lock.json", b'{"lockfileVersion": 3}\n'),
    file("node_modules/.package-lock.json", b'{"lockfileVersion": 3}'),
    file("node_modules/a/index.js", size_bytes=500_000),
    file("src/index.js", size_bytes=40_000),
]
COPY = b"FROM scratch\nCOPY . .\n"


def files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "node", NODE)


def test_it_writes_an_ignore_file_and_a_budget_that_holds(cli: Cli, node: Path) -> None:
    result = cli("init", cwd=node)
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].startswith("wrote .dockerignore: ")
    assert result.lines[1].startswith("wrote ctxsize.toml: 1 budget, a quarter above what is ")
    assert b"\n**/node_modules\n" in (node / ".dockerignore").read_bytes()
    assert len(result.lines) <= 30
    checked = cli("check", cwd=node)
    assert (checked.code, checked.lines[0][:5]) == (0, "ok .:")
    sent = api.measure(str(node)).context.totals.content_bytes
    assert load(str(node)).defaults.budget.max_bytes == parse_size(_budget(sent))


def test_the_ignore_file_is_that_of_suggest(cli: Cli, node: Path, tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other", NODE)
    cli("suggest", "--write", cwd=other)
    cli("init", cwd=node)
    assert (node / ".dockerignore").read_bytes() == (other / ".dockerignore").read_bytes()


def test_a_second_run_changes_nothing(cli: Cli, node: Path) -> None:
    cli("init", cwd=node)
    before = snapshot(node)
    again = cli("init", cwd=node)
    assert (again.code, snapshot(node)) == (0, before)
    assert again.lines[:2] == ["kept ctxsize.toml: it is the configuration", "nothing to write"]
    assert cli("init", "--dry-run", cwd=node).out == ""


def test_a_dry_run_is_a_diff_of_the_same(cli: Cli, node: Path, tmp_path: Path) -> None:
    before = snapshot(node)
    shown = cli("init", "--dry-run", node.name, cwd=tmp_path)
    assert (shown.code, snapshot(node)) == (0, before)
    patched = build_tree(tmp_path / "patched" / "node", NODE)
    subprocess.run(["git", "apply", "-p0", "-"], input=shown.raw, cwd=patched.parent, check=True)
    cli("init", cwd=node)
    assert files(patched) == files(node)


def test_each_build_of_a_repository_gets_a_table(cli: Cli, tmp_path: Path) -> None:
    odd = 'odd [1] "q" \x7f'
    nodes = [
        file("services/api/Dockerfile", COPY),
        file("services/api/main.py", size_bytes=90_000),
        file("services/api/docker/dev.Dockerfile", COPY),
        file(
            "compose.yaml",
            b"services:\n  dev:\n    build:\n      context: services/api\n"
            b"      dockerfile: docker/dev.Dockerfile\n",
        ),
        file(f"{odd}/Dockerfile", COPY),
        file(f"{odd}/data", size_bytes=7_000),
    ]
    root = build_tree(tmp_path / "root", nodes)
    result = cli("init", cwd=root)
    assert result.code == 0
    assert len(result.lines) <= 30
    config = load(str(root))
    names = {each.name: each.build for each in config.contexts}
    assert {odd, "services/api", "services/api services/api/docker/dev.Dockerfile"} == names.keys()
    assert cli("check", cwd=root).code == 0
    before = snapshot(root)
    assert cli("init", cwd=root).code == 0
    assert snapshot(root) == before


def test_a_budget_counts_the_ignore_files_of_contexts_inside(cli: Cli, tmp_path: Path) -> None:
    inner = list[Node]()
    for number in range(30):
        service = f"services/s{number}"
        inner.append(file(f"{service}/Dockerfile", COPY))
        inner.append(file(f"{service}/.idea/workspace.xml", b"<project/>"))
    root = build_tree(
        tmp_path / "root", [file("Dockerfile", COPY), file("a", b"x" * 9_000), *inner]
    )
    assert cli("init", cwd=root).code == 0
    assert len([*root.glob("services/*/.dockerignore")]) == 30
    checked = cli("check", cwd=root)
    assert (checked.code, len(checked.lines)) == (0, 31)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ctxsize.toml", 'max = "1GB"\n'),
        ("pyproject.toml", '[tool.ctxsize]\nmax = "1GB"\n'),
        ("../ctxsize.toml", 'max = "1GB"\n'),
    ],
)
def test_a_configuration_stays_as_it_is(name: str, text: str, cli: Cli, node: Path) -> None:
    (node / name).write_text(text)
    result = cli("init", cwd=node)
    assert result.lines[0].startswith("wrote .dockerignore: ")
    assert result.lines[1] == f"kept {name}: it is the configuration"
    assert (node / name).read_text() == text
    assert (node / "ctxsize.toml").exists() == (name == "ctxsize.toml")


def test_a_configuration_without_the_budget_gets_lines_to_add(cli: Cli, node: Path) -> None:
    (node.parent / "ctxsize.toml").write_text('[contexts."other"]\nmax = "1MB"\n')
    build_tree(node.parent / "other", [file("Dockerfile", COPY)])
    out = cli("init", "-q", cwd=node).out
    assert "kept ../ctxsize.toml, which leaves 1 build without a budget; add to it:\n" in out
    table = out.partition("add to it:\n")[2]
    assert table.strip().splitlines()[0] == '[contexts."node"]'
    with (node.parent / "ctxsize.toml").open("a") as config:
        config.write(table)
    assert cli("check", cwd=node).code == 0
    assert "without a budget" not in cli("init", cwd=node).out


def test_the_builds_of_all_services_are_discovered_once(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = [file(f"s{number}/Dockerfile", COPY) for number in range(9)]
    root = build_tree(tmp_path / "root", [".git/HEAD", *inner])
    calls = []
    really = repository.discover
    monkeypatch.setattr(
        repository, "discover", lambda *top, **rest: calls.append(top) or really(*top, **rest)
    )
    assert cli("init", cwd=root).code == 0
    assert len(calls) <= 2


def test_a_project_without_our_table_gets_a_file(cli: Cli, node: Path) -> None:
    (node / "pyproject.toml").write_text("[project]\n")
    assert "wrote ctxsize.toml: 1 budget" in cli("init", cwd=node).out
    assert (node / "pyproject.toml").read_text() == "[project]\n"


def test_a_directory_where_nothing_is_built_is_refused(cli: Cli, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "bare", [file("data", size_bytes=2_000)])
    result = cli("init", str(root))
    assert (result.code, result.out) == (2, "")
    assert f"{root}: No Dockerfile here." in result.err
    assert [*root.iterdir()] == [root / "data"]


def test_a_build_that_must_fail_is_named(cli: Cli, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM scratch\nCOPY dist /\n"), file(".dockerignore", b"dist\n")]
    result = cli("init", cwd=build_tree(tmp_path, [*nodes, "dist/x"]))
    assert result.code == 0
    message = "the build fails: COPY dist: not found, as it is ignored (.dockerignore:1)"
    assert message in result.err


@pytest.mark.parametrize("name", [".dockerignore", "ctxsize.toml"])
def test_nothing_is_written_through_a_link_that_leads_out(
    name: str, cli: Cli, node: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("x\n")
    build_tree(node, [link(name, "../outside")])
    before = snapshot(node)
    result = cli("init", cwd=node)
    assert (result.code, result.out) == (2, "")
    assert snapshot(node) == before
    assert (tmp_path / "outside").read_text() == "x\n"


def test_a_build_that_cannot_be_used_is_left_out(cli: Cli, tmp_path: Path) -> None:
    odd = os.fsdecode(b"latin-\xe9")
    nodes = [
        *(file(f"{each}/Dockerfile", COPY) for each in ("good", "bad", odd)),
        file("bad/.dockerignore", b"a\n!\n"),
        file("good/data", size_bytes=500),
    ]
    root = build_tree(tmp_path / "root", nodes)
    result = cli("init", cwd=root)
    assert result.code == 0
    assert "left out: bad/.dockerignore:2" in result.err
    assert "warning: a build was left out: latin-\\351: the name is not UTF-8" in result.err
    assert cli("check", cwd=root).lines[0].startswith("ok good: ")
    refused = cli("init", "bad", cwd=root)
    assert (refused.code, refused.out) == (2, "")


def test_the_snippets_are_yaml_without_an_address(cli: Cli, node: Path) -> None:
    out = cli("init", cwd=node).out
    assert "://" not in out
    assert out.startswith("wrote ")
    assert len(cli("init", "-q", cwd=node).lines) == 2
    parts = [part.split(":\n", 1)[1] for part in out.split("\n\n")[1:]]
    github, gitlab, commit = (yaml.safe_load(part) for part in parts)
    assert [each["uses"].partition("@")[0] for each in github] == [
        "actions/checkout",
        "OWNER/ctxsize",
    ]
    assert gitlab["build context"]["script"][-1] == "ctxsize check"
    assert [each["id"] for each in commit[0]["hooks"]] == ["ctxsize-check", "ctxsize-lint"]


@pytest.mark.parametrize(
    "size", [0, 1, 79, 80, 81, 799, 1_000, 79_200, 79_201, 12_345_678_901, 9 * 10**18]
)
def test_a_budget_is_a_quarter_more_rounded_up(size: int) -> None:
    budget = parse_size(_budget(size))
    assert size * 1.25 <= budget <= max(1_000_000, size * 1.25 * 1.1)
    assert budget >= 10_000
    assert len(str(budget).rstrip("0")) <= 2
