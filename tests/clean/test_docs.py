"""The documentation names every kind with its proof, and every reason."""

from __future__ import annotations

import re
from pathlib import Path

from ctxsize.clean.kinds import KINDS
from ctxsize.formats.json import schema

REPOSITORY = Path(__file__).parents[2]
DOCS = (REPOSITORY / "docs" / "cleaning.md").read_text()


def test_every_kind_has_its_row() -> None:
    for kind in KINDS:
        start = f"| {kind.ecosystem} | {kind.title} |"
        (row,) = [line for line in DOCS.splitlines() if line.startswith(start)]
        marks = [mark.path for group in kind.inside for mark in group]
        around = [*kind.beside, *kind.also_beside, *kind.above]
        inner = [*kind.never_inside, *kind.only_inside]
        for name in (*marks, *around, *inner):
            assert f"`{name}`" in row, (kind.name, name)
        assert row.endswith(f"| {kind.category.value} |")


def test_every_reason_is_explained() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "ctxsize/clean").glob("*.py"))
    found = re.findall(r'(?:Objection|object)\(\s*"([a-z-]+)"', source)
    dangers = {*found, "symlink", "recent"} - {"changed"}
    described = schema("clean")["properties"]["left_alone"]["items"]["properties"]["code"]
    for code in dangers:
        assert f"`{code}`" in DOCS, code
        assert re.search(rf"[ :]{code}[,;.]", described["description"]), code
