"""Saved reports and baselines with any value in any field: a clear error or an answer, at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctxsize.cli.app import run
from ctxsize.errors import InputError
from ctxsize.formats import Look, render
from ctxsize.formats.json import schema
from ctxsize.guard.comparison import compare, saved
from ctxsize.scanning.fleet import merge
from tests.hostile.limits import processor_seconds
from tests.trees import build_tree, file

Keys = tuple[str | int, ...]
HUGE = 10**400
VALUES: list[object] = [
    "",
    "/",
    "a//b",
    "../a",
    "a\0b",
    "\x1b]0;x\x07",
    "x" * 100_000,
    "[",
    HUGE,
    -HUGE,
    -1,
    1 << 80,
    float("inf"),
    float("nan"),
    1.5,
    True,
    None,
    [],
    {},
    [HUGE],
    {"": HUGE},
    {"": [1, 1]},
]
COMMANDS = {
    "report": "measure --format json",
    "listing": "ls --format json",
    "check": "check --all --max 1kB --format json",
    "scan": "scan --format json",
}
SECONDS = 60


@pytest.fixture
def texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return one saved report of each kind, and a baseline."""
    tree = ["src/a.c", "src/deep/b.c", file("big.log", size_bytes=5000)]
    lines = file(".dockerignore", b"*.o\n!x.o\n")
    dockerfile = file("Dockerfile", b"FROM scratch\nCOPY . /\n")
    root = build_tree(tmp_path / "ctx", [*tree, lines, dockerfile])
    found: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for kind, command in COMMANDS.items():
            run(command.split())
            found[kind] = capsys.readouterr().out
        run(["check", "--baseline", "../base.json", "--update-baseline"])
        capsys.readouterr()
    found["baseline"] = (tmp_path / "base.json").read_text()
    return found


def fields_of(value: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Yield the keys that lead to each value; of a list, to its first one."""
    if keys:
        yield keys
    if isinstance(value, dict):
        for key, each in value.items():
            yield from fields_of(each, (*keys, key))
    elif isinstance(value, list) and value:
        yield from fields_of(value[0], (*keys, 0))


def changed(value: Any, keys: Keys, new: object) -> Any:
    """Return a copy in which the last key has another value; it shares all other values."""
    first, *rest = keys
    copy = value.copy()
    copy[first] = changed(value[first], tuple(rest), new) if rest else new
    return copy


def renamed(value: Any, keys: Keys, name: str) -> Any:
    """Return a copy in which the last key has another name; it shares all other values."""
    first, *rest = keys
    copy = value.copy()
    if rest:
        copy[first] = renamed(value[first], tuple(rest), name)
    else:
        copy[name] = copy.pop(first)
    return copy


def variants(text: str) -> Iterator[str]:
    """Yield the text with each value in each field, and with each text as each key."""
    lines = text.splitlines() if text.count("\n{") else [text]
    first, rest = json.loads(lines[0]), lines[1:]
    for keys in fields_of(first):
        for value in VALUES:
            yield "\n".join([json.dumps(changed(first, keys, value)), *rest])
        if isinstance(keys[-1], str):
            for name in (value for value in VALUES if isinstance(value, str)):
                yield "\n".join([json.dumps(renamed(first, keys, name)), *rest])


@pytest.mark.parametrize("kind", ["report", "listing", "check", "baseline"])
def test_a_comparison_ends(kind: str, texts: dict[str, str], tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(texts["report"])
    right = saved(str(good))
    count, refusals = 0, list[str]()
    with processor_seconds(SECONDS):
        for text in variants(texts[kind]):
            bad.write_text(text)
            count += 1
            try:
                wrong = saved(str(bad))
                reports = [compare("a", wrong, "b", right), compare("a", right, "b", wrong)]
            except InputError as error:
                refusals.append(str(error))
                continue
            for report in reports:
                for name in ("text", "json", "markdown"):
                    render(name, report, Look())
    assert count > len(refusals) > 50
    assert max(map(len, refusals)) < 1000


def test_merged_scans_end(texts: dict[str, str], tmp_path: Path) -> None:
    bad, refusals = tmp_path / "bad.json", list[str]()
    with processor_seconds(SECONDS):
        for text in variants(texts["scan"]):
            bad.write_text(text)
            try:
                outcome = merge([str(bad)], schema("scan"))
            except InputError as error:
                refusals.append(str(error))
                continue
            for name in ("text", "json", "markdown"):
                render(name, outcome, Look())
    assert len(refusals) > 50
    assert max(map(len, refusals)) < 1000


@pytest.mark.parametrize("command", ["diff base.json .", "check --baseline base.json ."])
@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("directories",), {"": [10**6, 1]}),
        (("largest_files",), {"": 10**6}),
        (("largest_files",), {"a//b": 10**6}),
        (("content_bytes",), HUGE),
        (("files",), HUGE),
        (("directories_from",), HUGE),
        (("depth",), HUGE),
        (("transfer",), [HUGE, HUGE]),
    ],
)
def test_a_hostile_baseline_is_a_wrong_input(
    command: str,
    keys: Keys,
    value: object,
    texts: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    baseline = json.loads(texts["baseline"])
    (name,) = baseline["contexts"]
    text = json.dumps(changed(baseline, ("contexts", name, *keys), value))
    monkeypatch.chdir(tmp_path / "ctx")
    Path("base.json").write_text(text)
    with processor_seconds(SECONDS):
        assert run(command.split()) == 2
    assert "base.json: is no baseline: " in capsys.readouterr().err


def test_the_largest_sizes_of_our_own_reports_are_read(
    texts: dict[str, str], tmp_path: Path
) -> None:
    report = json.loads(texts["report"])
    report["context"]["content_bytes"] = 3 * ((1 << 63) - 1)
    path = tmp_path / "large.json"
    path.write_text(json.dumps(report))
    (context,) = saved(str(path)).values()
    assert context.known.content_bytes == 3 * ((1 << 63) - 1)
    assert "27.7 EB" in render("text", compare("a", saved(str(path)), "b", {"": context}), Look())
