"""The examples of `docs/library.md` run, and its tables name what there is."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import ctxsize
from tests.examples import copy_of_examples

PAGE = Path(__file__).parent.parent / "docs/library.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)
PROGRAM = "".join(EXAMPLES)
"""All examples, one after the other, as one program."""


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)", cell)


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_of_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(compile(example, str(PAGE), "exec"), values)
        assert capsys.readouterr().out.strip()
    assert values["lines"]
    assert values["linted"].files


def test_every_function_is_in_the_table() -> None:
    functions = {name for name in ctxsize.__all__ if inspect.isfunction(getattr(ctxsize, name))}
    named = {name for row in ROWS for name in names_in(row[0])}
    assert functions - named == {"plan_for"}  # which has an example
    assert named <= functions


@pytest.mark.parametrize("row", ROWS, ids=lambda row: names_in(row[0])[0])
def test_the_fields_are_there(row: tuple[str, str, str]) -> None:
    kinds = [getattr(ctxsize, name) for name in re.findall(r"[A-Z]\w+", row[1])]
    fields = {name for kind in kinds for name in dir(kind)}
    for kind in filter(dataclasses.is_dataclass, kinds):
        fields |= {each.name for each in dataclasses.fields(kind)}
    assert {name.partition(".")[0] for name in names_in(row[2])} <= fields


def test_all_errors_are_named() -> None:
    errors = {
        name
        for name in ctxsize.__all__
        if isinstance(value := getattr(ctxsize, name), type) and issubclass(value, Exception)
    }
    assert {*re.findall(r"^\| `(\w+)` \| [^|]+ \|$", TEXT, re.MULTILINE)} == errors - {
        "CtxsizeError"
    }
