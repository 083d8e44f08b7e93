"""The console blocks of the README and of `docs` are what the program prints.

`CTXSIZE_UPDATE=1 pytest tests/test_readme.py` renews them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples import ROOT, restore_examples
from tests.pages import compare

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted((README, *DOCS.glob("*.md")))
LINKING = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "ctxsize/codes/*.md")
    for path in ROOT.glob(pattern)
)
BLOCK = re.compile(r"```console\n(?P<session>.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def run(command: str, examples: Path) -> str:
    """What `command` prints in a shell, with `ctxsize` as this checkout's."""
    function = f'ctxsize() {{ "{sys.executable}" -m ctxsize "$@"; }}'
    plain = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", f"{function}\n{command}"],
        cwd=examples,
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: the command has findings
    return done.stdout


def session(block: re.Match[str], examples: Path) -> str:
    """The block with what its commands print, one after the other, on fresh examples."""
    commands = COMMAND.findall(block["session"])
    shown = "".join(f"$ {each}\n{run(each, examples)}" for each in commands)
    restore_examples(examples)
    return f"```console\n{shown}```"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_is_what_the_program_prints(page: Path, examples: Path) -> None:
    text = page.read_text()
    fresh = BLOCK.sub(lambda block: session(block, examples), text)
    compare(page, fresh)


def test_readme_shows_five_jobs() -> None:
    assert len(BLOCK.findall(README.read_text())) >= 5


def test_readme_is_read_in_four_minutes() -> None:
    """At 220 words a minute; a reader skims the blocks of output."""
    text = README.read_text()
    assert len(text.splitlines()) <= 200
    assert len(FENCED.sub("", text).split()) <= 4 * 220


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_names_no_address_that_may_not_exist(page: Path) -> None:
    """Examples have ADDRESS and OWNER; a release on PyPI is not promised."""
    invented = re.compile(r"pipx? install '?ctxsize|uvx ctxsize|/ctxsize(\.git)?$|org/ctxsize")
    assert [line for line in page.read_text().splitlines() if invented.search(line)] == []


def test_there_are_two_set_up_commands() -> None:
    commands = re.findall(r"^make \w+", README.read_text(), re.MULTILINE)
    assert commands == ["make demo", "make test"]
    assert "make --no-print-directory test" in (ROOT / ".ci" / "run").read_text()


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.finditer(FENCED.sub("", page.read_text())):
        path, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link["target"]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_index_names_each_page() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.glob("*.md")}
    inner = {path.relative_to(DOCS).as_posix() for path in DOCS.glob("*/README.md")}
    linked = {link["target"] for link in LINK.finditer(index)}
    assert (pages | inner) - {"README.md"} <= linked
