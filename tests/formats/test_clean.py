"""What `ctxsize clean` has to say, as text and JSON: golden files, and the schemas."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from ctxsize.clean import (
    CleanCandidate,
    Cleaning,
    CleanObjection,
    CleanPlan,
    DiskSize,
    Inventory,
    Part,
    Passed,
    Result,
)
from ctxsize.clean.proofs import BY_NAME
from ctxsize.formats import Look, render
from ctxsize.formats.json import schema
from ctxsize.model import Effect, Problem
from tests.formats.golden import held
from tests.formats.test_schema import closed

GB = 1_000_000_000


def item(path: str, service: str, *, kind: str, inventory: Inventory) -> CleanCandidate:
    evidence = ("CACHEDIR.TAG", "Cargo.toml beside it") if "cargo" in kind else ("x",)
    return CleanCandidate(path, BY_NAME[kind], service, evidence, inventory)


def inventory(**values: object) -> Inventory:
    return Inventory(place=(1, 2), times=(3, 4, 5), tokens=frozenset(), **values)  # type: ignore[arg-type]


def passed(
    path: str, kind: str, service: str, *why: object, size: DiskSize | None = None
) -> Passed:
    return Passed(path, BY_NAME[kind], service, CleanObjection(*why), size)  # type: ignore[arg-type]


RUST = item(
    "rask-log-aggregator/target",
    "rask-log-aggregator",
    kind="cargo-target",
    inventory=inventory(
        size=DiskSize(41_396, 202 * GB // 10, 204 * GB // 10),
        directories=14,
        newest_ns=1_700_000_000_000_000_000,
        parts=(
            Part("debug/deps", DiskSize(21_400, 13 * GB, 131 * GB // 10)),
            Part("debug/incremental", DiskSize(9_900, 43 * GB // 10, 43 * GB // 10)),
            Part("release", DiskSize(3_230, 18 * GB // 10, 18 * GB // 10)),
            Part("debug", DiskSize(6_000, GB, 11 * GB // 10)),
            Part("doc", DiskSize(864, GB // 1000, GB // 1000)),
            Part("", DiskSize(2, 1000, 8192)),
        ),
    ),
)
NODE = item(
    "web \x1b[31m/node_modules",
    "web \x1b[31m",
    kind="node-modules",
    inventory=inventory(size=DiskSize(30_000, GB, GB)),
)
PASSED = (
    passed(
        *("api/target", "cargo-target", "api", "tracked", "git tracks api/x"),
        size=DiskSize(5, 900, 4096),
    ),
    passed("lib/target", "cargo-target", "lib", "symlink", "it is a symlink"),
    passed(
        *(
            os.fsdecode(b"v\xff"),
            "venv",
            "",
            "deps",
            "it has installed packages; --deps deletes them too",
            True,
        ),
        size=DiskSize(900, 50_000_000, 60_000_000),
    ),
    *(
        passed(f"many/{n}/obj", "dotnet-obj", "", "not-proven", "not proven: no x in it")
        for n in range(15)
    ),
)
PLAN = CleanPlan("/srv/repository", (1, 2), (RUST, NODE), PASSED)
UNREAD = Problem("unreadable", "cannot be read: Permission denied", "x", effect=Effect.LOWER_BOUND)
FAILED = (
    Result(RUST.path, True, 41_396, 204 * GB // 10),
    Result(
        NODE.path,
        False,
        12,
        4096,
        "3 of its entries could not be deleted: a/b: Permission denied",
        ("web \x1b[31m/.ctxsize-trash-" + "0" * 32,),
    ),
)
OUTCOMES = {
    "clean-dry": Cleaning(".", PLAN, command="ctxsize clean --yes"),
    "clean-done": Cleaning(".", PLAN, applied=True, results=(FAILED[0],)),
    "clean-failed": Cleaning(".", PLAN, applied=True, results=FAILED),
    "clean-nothing": Cleaning("x", CleanPlan("/x", (1, 2), problems=(UNREAD,))),
    "clean-rust": Cleaning(
        ".",
        CleanPlan("/srv/repository", (1, 2), (RUST,)),
        command="ctxsize clean --ecosystem rust --yes",
    ),
}
TEXTS = {
    "clean-dry.txt": ("clean-dry", Look()),
    "clean-done.txt": ("clean-done", Look()),
    "clean-failed.txt": ("clean-failed", Look()),
    "clean-nothing.txt": ("clean-nothing", Look()),
    "clean-rust.txt": ("clean-rust", Look()),
    "clean-dry-60.txt": ("clean-dry", Look(width=60)),
    "clean-dry-colour.txt": ("clean-dry", Look(width=120, colour=True)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    outcome, look = TEXTS[name]
    held(name, render("text", OUTCOMES[outcome], look))


def test_verbose_lists_all_that_is_left_alone_and_quiet_nothing() -> None:
    usual, full, quiet = (
        render("text", OUTCOMES["clean-dry"], look)
        for look in (Look(), Look(full=True), Look(quiet=True))
    )
    assert "and 3 more: -v lists all (not-proven)" in usual
    assert "lists all" not in full
    assert full.count("not proven") == usual.count("not proven") + 3
    assert "Left alone" not in quiet
    assert RUST.path in quiet


def test_the_page_shows_the_text() -> None:
    """The sparse files of the examples have sizes on disk that depend on the file system."""
    shown = render("text", OUTCOMES["clean-rust"], Look())
    block = f"```text\n$ ctxsize clean --ecosystem rust\n{shown}```"
    assert block in (Path(__file__).parents[2] / "docs" / "cleaning.md").read_text()


@pytest.mark.parametrize("name", OUTCOMES)
def test_lines_fit_and_are_safe(name: str) -> None:
    for width in (60, 80, 120):
        for line in render("text", OUTCOMES[name], Look(width=width)).splitlines():
            assert line.isprintable()
            assert len(line) <= width or max(map(len, line.split())) > width - 6


@pytest.mark.parametrize("name", OUTCOMES)
def test_json_follows_its_schema(name: str) -> None:
    shape = json.loads(render("json", OUTCOMES[name], Look()))
    jsonschema.validate(shape, closed(schema("clean")))
    if name == "clean-failed":
        held("clean-failed.json", render("json", OUTCOMES[name], Look()))
    assert shape["complete"] == (name != "clean-failed")


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema("clean"))


def test_what_was_not_done_is_a_finding() -> None:
    """For the formats that know findings only."""
    for name, count in {
        "clean-dry": 0,
        "clean-done": 0,
        "clean-failed": 1,
        "clean-nothing": 1,
    }.items():
        assert len(OUTCOMES[name].findings) == count, name
    (found,) = OUTCOMES["clean-nothing"].findings
    assert (found.location.path, found.message) == ("x/x", "cannot be read: Permission denied")
    assert "could not be deleted" in render("github", OUTCOMES["clean-failed"], Look())
