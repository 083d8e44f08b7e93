"""The documentation names every kind with its proof, and every reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ctxsize.clean.proofs import KINDS, ArtefactKind
from ctxsize.formats.json import schema
from tests.pages import compare

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "cleaning.md"
DOCS = PAGE.read_text()
CHECKS = {"": "", "compiled": "; every file compiled, its source beside"}


def test_the_table_is_that_of_the_kinds() -> None:
    """`CTXSIZE_UPDATE=1` writes the table."""
    before, rule, rest = DOCS.partition("|---|---|---|---|---|---|\n")
    after = rest[rest.index("\n\n") :]
    page = before + rule + "\n".join(map(row_of, KINDS)) + after
    compare(PAGE, page)


def row_of(kind: ArtefactKind) -> str:
    groups = (" with ".join(f"`{mark.path}`" for mark in group) for group in kind.inside)
    inside = " or ".join(groups) + CHECKS[kind.check]
    if kind.never_inside:
        inside += f"; never with {one_of(kind.never_inside)}"
    if kind.only_inside:
        inside += "; nothing but " + ", ".join(f"`{name}`" for name in kind.only_inside)
    around = [f"{one_of(names)} beside" for names in (kind.beside, kind.also_beside) if names]
    around += [f"{one_of(kind.above)} above"] if kind.above else []
    names = "any name" if kind.names == ("*",) else ", ".join(f"`{name}`" for name in kind.names)
    cells = (
        *(kind.ecosystem, kind.title, names),
        *(inside, "; ".join(around) or "nothing", kind.category.value),
    )
    return "| " + " | ".join(cells) + " |"


def one_of(names: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def test_every_reason_is_explained() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "ctxsize/clean").glob("*.py"))
    found = re.findall(r'(?:Objection|object)\(\s*"([a-z-]+)"', source)
    dangers = {*found, "symlink", "recent"} - {"changed"}
    described = schema("clean")["properties"]["left_alone"]["items"]["properties"]["code"]
    for code in dangers:
        assert f"`{code}`" in DOCS, code
        assert re.search(rf"[ :]{code}[,;.]", described["description"]), code
