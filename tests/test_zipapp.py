"""The library and the command line in a zip, without site packages: no compiled module is there."""

from __future__ import annotations

import compileall
import importlib.util
import json
import os
import py_compile
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import ctxsize
from ctxsize.cli.app import COMMANDS
from ctxsize.codes import all_codes
from ctxsize.formats.json import SCHEMAS
from tests.trees import build_tree, file

PACKAGE = Path(ctxsize.__file__).parent
PURE = ["click", "humanize", "pathspec", "tabulate", "yaml"]
if sys.version_info < (3, 11):
    PURE.append("tomli")
VERSION = f"ctxsize {ctxsize.__version__} (Python walk)\n"
LIBRARY = """\
import sys
sys.path.insert(0, sys.argv[1])
import ctxsize
report = ctxsize.measure(sys.argv[2])
linted = ctxsize.lint(sys.argv[2])
advice = ctxsize.suggest(sys.argv[2])
names = [name for name in ctxsize.__all__ if getattr(ctxsize, name) is None]
places = [ctxsize.__file__.startswith(sys.argv[1]), names]
print(report.context.totals.files, len(linted.files), len(advice.suggestions), places)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zipapp with the package and its pure dependencies, compiled once for all runs."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.pyd")
    shutil.copytree(PACKAGE, source / "ctxsize", ignore=ignored)
    for name in PURE:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        if spec.submodule_search_locations is None:
            shutil.copy(origin, source / origin.name)
        else:
            shutil.copytree(origin.parent, source / name, ignore=ignored)
    never = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(source, quiet=2, legacy=True, invalidation_mode=never)
    target = tmp_path_factory.mktemp("app") / "ctxsize.pyz"
    zipapp.create_archive(source, target, main="ctxsize.__main__:main", compressed=True)
    return target


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nodes = [
        file("Dockerfile", b"FROM node:20\nCOPY package.json .\nRUN npm ci\nCOPY . .\n"),
        *(file(".dockerignore", b"*.log\nlogs\n"), file("package.json", b"{}"), "a.log"),
        *(file("node_modules/.package-lock.json", b"{}"), "node_modules/x/index.js"),
        file("compose.yaml", b"services:\n  web:\n    build: .\n"),
    ]
    return build_tree(tmp_path_factory.mktemp("tree") / "ctx", nodes)


def run(app: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-S", str(app), *arguments]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


def output(app: Path, *arguments: str, cwd: Path, code: int = 0) -> str:
    done = run(app, *arguments, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.stdout


def test_it_is_no_other_package(app: Path, tmp_path: Path) -> None:
    assert (
        output(app, "--version", cwd=tmp_path) == f"ctxsize {ctxsize.__version__} (Python walk)\n"
    )


def test_it_measures_as_the_package_does(app: Path, context: Path) -> None:
    found = json.loads(output(app, "measure", "--json", cwd=context))
    report = ctxsize.measure(str(context))
    assert found["context"]["content_bytes"] == report.context.totals.content_bytes
    assert "node_modules" in output(app, cwd=context)


def test_it_suggests_with_all_rules(app: Path, context: Path) -> None:
    found = json.loads(output(app, "suggest", "--json", cwd=context))
    own = {line for each in ctxsize.suggest(context).suggestions for line in each.patterns}
    assert {line for each in found["suggestions"] for line in each["patterns"]} == own
    assert "**/node_modules" in own


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        (["lint"], ".dockerignore: 2 patterns", 0),
        (["ls"], "package.json", 0),
        (["explain", "a.log"], "*.log", 0),
        (["scan"], "1 build", 0),
        (["advise"], "", 0),
        (["diff", ".", "."], "", 0),
        (["init", "--dry-run"], "ctxsize.toml", 0),
        (["clean", "--dry-run"], "node_modules", 0),
        (["check", "--max", "1GB"], "", 0),
        (["measure", "--format", "html=page.html"], "", 0),
        (["completion", "bash"], "ctxsize", 0),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_each_command_runs(
    app: Path, context: Path, tmp_path: Path, arguments: list[str], expected: str, code: int
) -> None:
    copy = tmp_path / "ctx"
    shutil.copytree(context, copy)
    assert expected in output(app, *arguments, cwd=copy, code=code)


def test_init_writes(app: Path, context: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ctx"
    shutil.copytree(context, copy)
    output(app, "init", cwd=copy)
    assert "Dockerfile\n" in (copy / ".dockerignore").read_text()
    assert "max" in (copy / "ctxsize.toml").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_there(app: Path, tmp_path: Path, name: str) -> None:
    text = output(app, name, "--help", cwd=tmp_path)
    assert text.startswith(f"Usage: ctxsize {name}")


def test_schemas_and_codes_are_there(app: Path, tmp_path: Path) -> None:
    for name in SCHEMAS[:3]:
        assert json.loads(output(app, "schema", name, cwd=tmp_path))["$schema"]
    found = json.loads(output(app, "rule", "--json", cwd=tmp_path))
    assert [each["code"] for each in found["codes"]] == [each.name for each in all_codes()]


def test_the_library_works(app: Path, context: Path) -> None:
    argv = [sys.executable, "-I", "-S", "-c", LIBRARY, str(app), str(context)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    suggestions = len(ctxsize.suggest(str(context)).suggestions)
    assert done.stdout == f"6 1 {suggestions} [True, []]\n", done.stderr


def test_it_runs_as_a_module(app: Path, context: Path) -> None:
    argv = [sys.executable, "-S", "-m", "ctxsize", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(app)}
    done = subprocess.run(argv, cwd=context, env=environment, capture_output=True, text=True)
    assert done.stdout == VERSION, done.stderr
