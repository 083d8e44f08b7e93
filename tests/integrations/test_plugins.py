"""The plugins for other linters follow their published schemas, and their commands run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ctxsize.version import __version__
from tests.cli.conftest import Cli
from tests.oracles.schemas import published, sarif

ROOT = Path(__file__).parents[2]
MEGALINTER = "integrations/mega-linter-plugin-ctxsize/ctxsize.megalinter-descriptor.yml"
SCHEMAS = {
    MEGALINTER: "http://github.com/megalinter/megalinter-descriptor.json",
    "plugin.yaml": "https://static.trunk.io/pub/trunk-yaml-schema.json",
}
NAMES = {
    ".dockerignore": True,
    "services/api/.dockerignore": True,
    "docker/api.Dockerfile.dockerignore": True,
    ".containerignore": True,
    ".gitignore": False,
    "dockerignore.md": False,
}


def plugin(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_each_plugin_has_its_schema() -> None:
    found = [path for path in (ROOT / "integrations").rglob("*") if path.is_file()]
    assert {*map(str, (path.relative_to(ROOT) for path in found)), "plugin.yaml"} == {*SCHEMAS}


@pytest.mark.parametrize(
    "start", ["https://raw.githubusercontent.com/OWNER/ctxsize/v1/", "file://"]
)
def test_megalinter_loads_the_descriptor(start: str) -> None:
    """`load_plugin` of MegaLinter refuses other places and names."""
    named = start + MEGALINTER
    assert "/mega-linter-plugin-" in named
    assert named.endswith(".megalinter-descriptor.yml")
    text = (ROOT / MEGALINTER).read_text()
    shown = re.findall(r"(?:https|file)://\S*\.yml", text)
    assert len(shown) == 2
    assert all(MEGALINTER in each for each in shown)


def test_trunk_finds_its_plugin_at_the_root() -> None:
    assert (ROOT / "plugin.yaml").is_file()


@pytest.mark.parametrize("name", SCHEMAS)
def test_plugins_follow_their_schemas(name: str) -> None:
    jsonschema.validate(plugin(name), published(SCHEMAS[name]))
    assert f"@v{__version__}" in (ROOT / name).read_text()


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two ignore files, with one finding each."""
    monkeypatch.chdir(tmp_path)
    for name in (".dockerignore", "api/.dockerignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("*.log # a comment\n")
    return [".dockerignore", "api/.dockerignore"]


def test_megalinter_counts_the_findings(names: list[str], cli: Cli) -> None:
    descriptor = plugin(MEGALINTER)
    (linter,) = descriptor["linters"]
    assert linter["cli_lint_mode"] == "list_of_files"
    result = cli(*linter["cli_lint_extra_args"], *names)
    assert result.code == 1
    found = re.search(linter["cli_lint_errors_regex"], result.out)
    assert found is not None
    assert int(found[1]) == 2
    fixed = [linter["cli_lint_extra_args"][0], linter["cli_lint_fix_arg_name"], *names]
    assert cli(*fixed).code in (0, 1)
    assert [cli(linter[key]).code for key in ("cli_version_arg_name", "cli_help_arg_name")] == [
        0,
        0,
    ]
    (pattern,) = descriptor["file_names_regex"]
    matched = {name: bool(re.fullmatch(pattern, Path(name).name)) for name in NAMES}
    assert matched == NAMES


def test_trunk_gets_sarif(names: list[str], cli: Cli) -> None:
    lint = plugin("plugin.yaml")["lint"]
    (definition,), (kind,) = lint["definitions"], lint["files"]
    (command,) = definition["commands"]
    assert definition["files"] == [kind["name"]]
    program, *words, target = command["run"].split()
    assert (program, target, command["output"]) == ("ctxsize", "${target}", "sarif")
    result = cli(*words, *names)
    assert result.code in command["success_codes"]
    shape = json.loads(result.out)
    jsonschema.validate(shape, sarif())
    assert len(shape["runs"][0]["results"]) == 2
    (pattern,) = kind["regexes"]
    assert {name: bool(re.search(pattern, name)) for name in NAMES} == NAMES
