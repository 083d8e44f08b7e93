"""What engines answered, kept in `tests/data/answers.jsonl`: one question a line."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tests.oracles.archives import TarEntry
from tests.oracles.buildah import BuildahResult
from tests.oracles.buildkit import BuildResult, Transfer
from tests.oracles.classic import ClassicResult
from tests.oracles.installed import AGES
from tests.oracles.questions import Question

FILE = Path(__file__).parents[1] / "data" / "answers.jsonl"
SPOOL = Path(__file__).parents[2] / ".recording"
MOST_ENTRIES = 2000
"""An answer with more is not kept: such a question is always asked."""

Result = BuildResult | ClassicResult | BuildahResult
Row = dict[str, Any]


@cache
def recorded() -> dict[str, Row]:
    """Return the rows of the file by their keys."""
    if not FILE.exists():
        return {}
    rows = (json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines())
    return {row["key"]: row for row in rows}


def answer(key: str, age: str, question: Question) -> Result | None:
    """Return what the engine of that age answered, or None if it was not asked."""
    told = recorded().get(key, {}).get(age)
    if told is None:
        return None
    return _decoded(question, recorded()[key][told] if isinstance(told, str) else told)


def row(key: str, test: str, age: str, question: Question, result: Result) -> Row | None:
    """Return the line for one answer, or None if it is too long to be kept."""
    encoded = _encoded(question, result)
    if len(encoded.get("entries", ())) > MOST_ENTRIES:
        return None
    return {"key": key, "test": test, age: encoded}


def spool(rows: Iterable[Row], tests: Iterable[str]) -> None:
    """Leave what this process recorded for `merge`."""
    SPOOL.mkdir(exist_ok=True)
    told = json.dumps({"rows": [*rows], "tests": [*tests]})
    (SPOOL / f"{os.getpid()}.json").write_text(told, encoding="utf-8")


def merge() -> None:
    """Write the file with what was spooled in place of all that those tests asked before."""
    spooled = [json.loads(each.read_text(encoding="utf-8")) for each in SPOOL.glob("*.json")]
    tests = {test for each in spooled for test in each["tests"]}
    rows = {key: dict(row) for key, row in recorded().items() if row["test"] not in tests}
    new = [row for each in spooled for row in each["rows"]]
    for each in sorted(new, key=lambda row: (row["test"], row["key"])):
        rows.setdefault(each["key"], {"test": each["test"], "key": each["key"]}).update(
            {age: each[age] for age in AGES if age in each}
        )
    lines = []
    for row in sorted(rows.values(), key=lambda row: (row["test"], row["key"])):
        newer, older = (row.get(age) for age in AGES)
        same = newer is not None and newer == older
        told = {**row, "older": "newer"} if same else row
        lines.append(json.dumps(told, separators=(",", ":")))
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    shutil.rmtree(SPOOL)


def _encoded(question: Question, result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {}
    entries = result.sent if isinstance(result, ClassicResult) else result.entries
    found["entries"] = [_entry(each) for each in entries]
    if result.error is not None:
        found["error"] = _renamed(result.error, question.places)
    if isinstance(result, BuildResult):
        kept = [each for each in result.transfers if each.is_of_context]
        found["transfers"] = [[each.step, each.status, each.bytes, each.done] for each in kept]
    if isinstance(result, ClassicResult):
        found |= {"bytes": result.sent_bytes, "printed": result.printed}
    return found


def _decoded(question: Question, told: dict[str, Any]) -> Result:
    entries = tuple(_as_entry(each) for each in told["entries"])
    error = told.get("error")
    if error is not None:
        error = _renamed(error, {name: path for path, name in question.places.items()})
    if question.builder == "buildkit":
        return BuildResult(entries, tuple(Transfer(*each) for each in told["transfers"]), error)
    if question.builder == "classic":
        return ClassicResult(entries, told["bytes"], told["printed"], error)
    return BuildahResult(entries, error)


def _renamed(text: str, names: dict[str, str]) -> str:
    for before, after in names.items():
        text = text.replace(before, after)
    return text


def _entry(entry: TarEntry) -> Any:
    """Return the entry in short: name, `[name, size(, mode)]`, or all fields that say something."""
    if entry == TarEntry(entry.name, "directory", 0, mode=0o755):
        return entry.name
    if entry == TarEntry(entry.name, "file", entry.size_bytes, mode=entry.mode):
        return [entry.name, entry.size_bytes, entry.mode][: 2 if entry.mode == 0o644 else 3]
    fields = dataclasses.asdict(entry)
    return {name: value for name, value in fields.items() if value}


def _as_entry(told: Any) -> TarEntry:
    if isinstance(told, str):
        return TarEntry(told, "directory", 0, mode=0o755)
    if isinstance(told, list):
        return TarEntry(told[0], "file", told[1], mode=told[2] if told[2:] else 0o644)
    fields = {"size_bytes": 0, "mode": 0, **told, "device": tuple(told.get("device", (0, 0)))}
    return TarEntry(**fields)


if __name__ == "__main__":
    merge()
