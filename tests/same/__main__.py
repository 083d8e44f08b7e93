"""Write what every command answers about every tree, one file a table: `python -m tests.same`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.isolation import isolate
from tests.same.answers import answered
from tests.same.trees import ROOT, tables

WRITTEN = ROOT / "tests/data/same"


def main(chosen: list[str]) -> None:
    """Write the chosen tables, or all."""
    asked = [
        (table, name)
        for table, trees in tables().items()
        if not chosen or table in chosen
        for name in trees
    ]
    texts: dict[str, list[str]] = {table: [] for table, _ in asked}
    with ProcessPoolExecutor() as workers:
        for (table, _), text in zip(asked, workers.map(_about, asked, chunksize=4), strict=True):
            texts[table].append(text)
    WRITTEN.mkdir(exist_ok=True)
    for table, found in texts.items():
        (WRITTEN / f"{table}.txt").write_text("".join(found))
    print(f"{len(asked)} trees answered; see `git diff {WRITTEN.relative_to(ROOT)}`")


def _about(asked: tuple[str, str]) -> str:
    table, name = asked
    with tempfile.TemporaryDirectory(prefix="ctxsize-same-") as place:
        base = Path(place).resolve()
        root = tables()[table][name](base)
        return "".join(f"{line}\n" for line in _block(table, name, root, base))


def _block(table: str, name: str, root: Path, base: Path) -> Iterator[str]:
    yield f"## {table}: {name!a}"
    yield from answered(root, base=base, table=table)
    yield ""


if __name__ == "__main__":
    clean_up = isolate()
    os.environ.update(NO_COLOR="1", COLUMNS="100")
    try:
        main(sys.argv[1:])
    finally:
        clean_up()
