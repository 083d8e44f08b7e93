"""`docs/environment.md` lists each of our environment variables, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "environment.md"
USED = re.compile(r"_?CTXSIZE_[A-Z]+(?:_[A-Z]+)*")
SOURCES = ("ctxsize", "action", "tests", "benchmarks", ".ci", ".github")
FILES = ("action.yml", "hatch_build.py", "man_pages.py", "Makefile", "pyproject.toml")


def used(*places: str) -> set[str]:
    """Return the variables that sources name; this file, pages and recorded answers are none."""
    paths = [path for name in places for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    found = set[str]()
    for path in paths:
        is_ours = path != Path(__file__) and not {"data", "__pycache__"} & {
            *path.relative_to(ROOT).parts
        }
        if is_ours and path.is_file() and path.suffix not in (".so", ".pyc", ".svg", ".md"):
            found.update(USED.findall(path.read_text(errors="replace")))
    return found


def rows() -> dict[str, str]:
    """Return the text of each row by its variable."""
    return dict(re.findall(r"(?m)^\| `(\w+)` \|(.*)\|$", PAGE.read_text()))


def test_each_variable_has_a_row() -> None:
    assert used(*SOURCES, *FILES) == {*rows()}


@pytest.mark.parametrize("variable", sorted(used("ctxsize", "hatch_build.py")))
def test_what_the_program_reads_is_not_among_those_for_work_on_it(variable: str) -> None:
    first = PAGE.read_text().partition("For [work on ctxsize]")[0]
    assert f"| `{variable}` |" in first
