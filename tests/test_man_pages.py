"""The man pages: one for each command, complete, and readable by the programs that show them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

import man_pages
from ctxsize.cli.app import app
from ctxsize.cli.commands import COMMANDS
from tests.oracles.availability import require

PAGES = man_pages.pages()


def shown(page: str, tmp_path: Path) -> str:
    """What groff prints of `page`."""
    require("groff")
    path = tmp_path / "page.1"
    path.write_text(page, encoding="utf-8")
    command = ["groff", "-Kutf8", "-Tutf8", "-man", "-ww", "-P-cbou", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_there_is_a_page_for_each_command() -> None:
    assert {*PAGES} == {"ctxsize.1", *(f"ctxsize-{name}.1" for name in COMMANDS)}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_parts_and_no_date(name: str) -> None:
    text = PAGES[name]
    parts = re.findall(r"^\.SH (.+)$", text, re.MULTILINE)
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"]
    assert [each for each in parts if each != "COMMANDS"] == wanted
    assert re.match(r'\.TH "CTXSIZE(\\-[A-Z]+)?" 1 "" "ctxsize [\d.]+" "User Commands"\n', text)
    assert man_pages.pages()[name] == text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_every_option_and_example(name: str, tmp_path: Path) -> None:
    text = shown(PAGES[name], tmp_path)
    words = " ".join(text.split())
    command = app if name == "ctxsize.1" else app.get_command(click.Context(app), name[8:-2])
    assert command is not None
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert all(each in words for each in option.opts)
    for line in (command.help or "").partition("Examples:\n")[2].splitlines():
        assert line.strip() in text  # each character, to be copied
    assert "130 interrupted" in words


def test_a_table_of_keys_keeps_its_rows(tmp_path: Path) -> None:
    rows = shown(PAGES["ctxsize-explore.1"], tmp_path).partition("Keys:\n")[2].partition("\n\n")[0]
    assert all(re.match(r" {9}\S.{13} \S", row) and len(row) < 79 for row in rows.split("\n"))
    assert rows.count("\n") == 7


@pytest.mark.parametrize(
    "text", [".dockerignore", "'quoted' `code` --option", r"back\slash \n", "a^b ~/.zfunc …"]
)
def test_text_is_printed_as_it_is(text: str, tmp_path: Path) -> None:
    page = f'.TH "T" 1\n.SH NAME\n{man_pages.escaped(text)}\n'
    assert f"       {text}\n" in shown(page, tmp_path)


def test_man_shows_a_page(tmp_path: Path) -> None:
    require("man")
    man_pages.main(tmp_path)
    command = ["man", "--warnings", "-l", str(tmp_path / "ctxsize-measure.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "measure" in done.stdout
    assert done.stderr == ""
