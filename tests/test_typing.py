"""The public names as mypy and pyright show them to a caller of the installed package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ctxsize
from tests.test_library_page import PROGRAM

NAMED = dir(ctxsize)
NAMES = [f"ctxsize.{name}" for name in NAMED]
CALLER = """\
import ctxsize
from pathlib import Path

from ctxsize import Build, Report, suggest

names: list[str] = ctxsize.__all__
config: ctxsize.Config = ctxsize.load_config(Path("."))
progress: ctxsize.Progress = lambda done, total: print(done, total)
place: ctxsize.StrPath = Path("x")
plan: ctxsize.Plan = ctxsize.plan_for(Build(place, place), data=b"*")
again: Report = ctxsize.measure(Path("."), dockerfile=Path("x"), build_contexts={"a": Path("b")})
unsaved: Report = ctxsize.measure(plan, data=b"", progress=progress, config=config)
explained: list[ctxsize.Explanation] = ctxsize.explain(Path("a"), Path("."))
linted: ctxsize.Linted = ctxsize.lint([Path("a"), "b"], select=["CTX1"], data=None)
found: tuple[ctxsize.Finding, ...] = linted.findings
fixes: list[ctxsize.Fix] = [each.fix for each in found if each.fix is not None]
edits: list[ctxsize.Edit] = [edit for fix in fixes for edit in fix.edits]
severity: ctxsize.Severity = found[0].severity
planned: ctxsize.IgnoreFilePlan = ctxsize.plan_ignore_file(".", mode="like", like=Path("a"))
discovery: ctxsize.Discovery = ctxsize.discover(Path("."))
builds: list[Build] = [each.build for each in discovery.builds]
budget = ctxsize.Budget(max_bytes=1000)
checked: ctxsize.CheckReport = ctxsize.check(builds=builds, budget=budget, baseline=Path("b"))
compared: ctxsize.DiffReport = ctxsize.diff(Path("a"), "b")
head: ctxsize.DiffReport = ctxsize.diff_checkout(Path("."))
scanned: ctxsize.Scan = ctxsize.scan(Path("."))
advised: ctxsize.DockerfileAdvice = ctxsize.advise(Path("."), select=["CTX2"], fix=True)
cleaning: ctxsize.CleanPlan = ctxsize.clean_plan(Path("."), deps=True)
deleted: tuple[ctxsize.Result, ...] = ctxsize.clean_apply(cleaning)
report: Report = ctxsize.measure(Build("."), ignored=True)
total: int = report.context.totals.content_bytes
printed: list[str] = [each.path for each in ctxsize.ls(".") if not each.verdict.ignored]
advice = suggest(".", unsafe=True, only=["vcs.git"])
lines: list[str] = [line for each in advice.suggestions for line in each.patterns]
written: bool = ctxsize.plan_ignore_file(".", mode="allowlist").written
builder: ctxsize.Builder = ctxsize.BUILDERS["buildkit"]
ignored: bool = ctxsize.DockerIgnoreSpec.from_lines(["*"]).match_file("a")
suggest(1)
advice.nothing
ctxsize.nothing
"""
"""What a person may write; the last three lines are mistakes."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that mypy prints about a caller, as strict as it can be."""
    directory = tmp_path_factory.mktemp("caller")
    revealed = "\n".join(f"reveal_type({name})" for name in NAMES)
    (directory / "caller.py").write_text(CALLER)
    (directory / "page.py").write_text(PROGRAM)
    (directory / "names.py").write_text(f"import ctxsize\n{revealed}\n")
    (directory / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    argv = [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "caller.py", "names.py"]
    argv.append("page.py")
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_every_public_name_has_a_type(shown: list[str]) -> None:
    found = {
        NAMES[int(line.split(":")[1]) - 2]: re.findall(r'"(.*)"', line)[0]
        for line in shown
        if line.startswith("names.py") and "Revealed type is" in line
    }
    assert found.keys() == {*NAMES}, shown
    vague = re.compile(r"(?:^|-> )(?:builtins\.)?(?:object|Any)\??$")
    assert {name: each for name, each in found.items() if vague.search(each)} == {}


def test_a_caller_is_checked(shown: list[str]) -> None:
    errors = [line for line in shown if line.startswith("caller.py") and " error: " in line]
    count = CALLER.count("\n")
    assert [int(line.split(":")[1]) for line in errors] == [count - 2, count - 1, count], errors


def test_the_examples_of_the_documentation_are_typed(shown: list[str]) -> None:
    assert [line for line in shown if line.startswith("page.py")] == []


def pyright(directory: Path, *files: str) -> list[str]:
    """Return the lines that pyright prints. Its package has all of it, and node a wheel."""
    (directory / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    # Its wrapper looks for newer versions, and for its caches in the home directory.
    environment = {
        **os.environ,
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
        "PYRIGHT_PYTHON_CACHE_DIR": str(directory / "cache"),
        "HOME": str(directory),
    }
    argv = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *files]
    done = subprocess.run(
        argv, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert "errors" in done.stdout or "error" in done.stdout, done.stderr
    return done.stdout.splitlines()


def test_pyright_checks_a_caller(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "page.py").write_text(PROGRAM)
    (tmp_path / "all.py").write_text("".join(f"from ctxsize import {each}\n" for each in NAMED))
    lines = pyright(tmp_path, "caller.py", "page.py", "all.py")
    errors = [line for line in lines if re.search(r"caller\.py:\d+:\d+ - error", line)]
    count = CALLER.count("\n")
    numbers = {int(line.split(":")[1]) for line in errors}
    assert numbers == {count - 2, count - 1, count}, lines
    others = [line for line in lines if re.search(r"(page|all)\.py:\d+:\d+ - error", line)]
    assert [line for line in others if "is not accessed" not in line] == []
    assert not (tmp_path / "cache").exists()  # nothing was downloaded
