"""The public names as mypy shows them to a caller of the installed package."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import ctxsize

NAMES = [f"ctxsize.{name}" for name in dir(ctxsize)]
CALLER = """\
import ctxsize
from ctxsize import Build, Report, suggest

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
    (directory / "names.py").write_text(f"import ctxsize\n{revealed}\n")
    (directory / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    argv = [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "caller.py", "names.py"]
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
