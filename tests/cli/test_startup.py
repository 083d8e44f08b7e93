"""What a small run does not load: start-up is most of it, and only counts do not wander."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAVY = {
    *("importlib.metadata", "subprocess", "multiprocessing", "pickle", "mmap"),
    *("yaml", "jsonschema", "tomllib", "tomli", "email", "csv", "http", "ssl", "socket"),
    *("tree_sitter", "tree_sitter_bash"),
}
"""Modules that take long and that a measurement of a small context can do without."""

OF_OTHERS = {
    *("recommender", "lints", "guard", "discovery", "clean", "advice", "writer", "config"),
    *("engine.explanation", "engine.snapshot", "engine.git", "scanning", "checking"),
    *("engine.source_lookup", "engine.trial"),
    *("formats.text", "formats.sections"),
}
"""Parts of ctxsize that other commands need."""

MOST_MODULES = 78

MOST_EXPRESSIONS = 18
"""Expressions that are compiled when modules are imported, and not when they are first used."""

_SCRIPT = """
import sys
import click
theirs = set(sys.modules)
from ctxsize.cli.app import run
assert run(sys.argv[1:]) == 0
print(*(set(sys.modules) - theirs), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What measuring a small project loads besides click."""
    context = tmp_path_factory.mktemp("small")
    for number in range(20):
        (context / f"file{number}").write_text("text")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    (context / ".dockerignore").write_text("**/*.log\n.git\n")
    return loads("measure", "--format", "json", str(context))


def loads(*arguments: str) -> set[str]:
    """What `ctxsize ARGUMENTS` loads besides click."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_a_command_loads_nothing_heavy_that_it_does_not_need(loaded: set[str]) -> None:
    assert HEAVY & loaded == set()


def test_nothing_that_few_runs_need(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY . .\n")
    few = {"json", "click.shell_completion", "humanize"}
    assert few & loads("measure", str(tmp_path)) == set()


def test_a_finding_needs_the_configuration_but_not_discovery(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY missing .\n")
    loaded = loads("measure", str(tmp_path))
    assert "ctxsize.config" in loaded
    assert {"ctxsize.repository", "ctxsize.recommender", "ctxsize.lints"} & loaded == set()


def test_knowledge_is_parsed_when_ctxsize_is_built(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()  # so no configuration above is read
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY . .\n")
    assert {"tomllib", "tomli"} & loads("suggest", str(tmp_path)) == set()


def test_a_listing_needs_no_parser_of_dockerfiles(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY . .\n")
    loaded = loads("ls", str(tmp_path))
    assert {"ctxsize.dockerfile", "ctxsize.config"} & loaded == set()
    assert {"ctxsize.engine.sums", "ctxsize.engine.native", "ctxsize.engine.wire"} & loaded == set()


def test_the_front_door_loads_one_module_more_than_suggest(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY . .\n")
    others = loads("suggest", str(tmp_path)) | loads("measure", str(tmp_path))
    # Where a long line is cut, which depends on the path, decides whether widths are looked up.
    more = loads(str(tmp_path)) - others - {"unicodedata"}
    assert more == {"ctxsize.formats.sections.glance"}


_COUNTED = """
import re
import sys
import click
compiled = []
theirs = re.compile
def counted(expression, flags=0):
    if sys._getframe(1).f_globals["__name__"].startswith("ctxsize."):
        compiled.append(expression)
    return theirs(expression, flags)
re.compile = counted
from ctxsize.cli.app import run
assert run(sys.argv[1:]) == 0
print(len(compiled), file=sys.stderr)
"""


def test_few_expressions_are_compiled_before_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine\nCOPY . .\n")
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED, "measure", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stderr) <= MOST_EXPRESSIONS


def test_nothing_of_other_commands(loaded: set[str]) -> None:
    ours = {name.removeprefix("ctxsize.") for name in loaded if name.startswith("ctxsize.")}
    assert {
        name for name in ours if any(f"{name}.".startswith(f"{o}.") for o in OF_OTHERS)
    } == set()
    assert len(ours) <= MOST_MODULES
