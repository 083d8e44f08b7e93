"""The screen of `ctxsize explore` at its edges: late answers, deep trees, tiny terminals."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.pilot import Pilot

from ctxsize.build import Build
from ctxsize.engine.events import Steps
from ctxsize.explore.app import Explorer
from ctxsize.explore.session import Session
from ctxsize.recommender.outcome import Suggestion
from tests.explore.test_screen import played, shop, shown
from tests.trees import COPY_ALL, build_tree, file

__all__ = ["shop"]

SLOW: dict[str, tuple[list[str], list[str], list[str], bool]] = {
    "in the filter, typed letters stay letters": (
        ["i", "s", "slash"],
        [*"why"],
        [" why ", "0 entries found"],
        False,
    ),
    "Esc and s show them after that": (
        ["s", "slash"],
        ["escape", "s"],
        ["[ ]", "space or a click chooses"],
        False,
    ),
    "rows stay below an open diff": (["i", "s", "w"], ["y"], ["big.csv"], True),
    "rows stay below the help": (
        ["s", "question_mark"],
        ["escape"],
        ["big.csv", "suggestions are ready"],
        False,
    ),
    "a list of found entries is left at once": (
        ["slash", *"logo", "enter", "s"],
        [],
        ["[ ]", "space or a click chooses"],
        False,
    ),
}


@pytest.mark.parametrize("case", SLOW)
def test_suggestions_that_arrive_late_take_no_keys(
    shop: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    before, after, present, writes = SLOW[case]
    arrived, suggestions = threading.Event(), Session.suggestions

    def late(self: Session, *, steps: Steps | None = None) -> list[Suggestion]:
        assert arrived.wait(30)
        return suggestions(self, steps=steps)

    async def play(pilot: Pilot[int], app: Explorer) -> None:
        for key in before:
            await pilot.press(key)
        arrived.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        for key in after:
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()

    monkeypatch.setattr(Session, "suggestions", late)
    app, lines = played(shop, play=play)
    text = "\n".join(lines)
    assert [each for each in present if each not in text] == []
    assert bool(app.written) == writes
    assert (shop / ".dockerignore").read_bytes().startswith(b"*.log\n")
    assert ((shop / ".dockerignore").read_bytes() != b"*.log\n") == writes


@pytest.mark.parametrize("key", ["question_mark", "e", "w"])
def test_q_in_a_sheet_closes_only_the_sheet(shop: Path, key: str) -> None:
    app, lines = played(shop, "i", "home", key, "q")
    text = "\n".join(lines)
    assert app.return_value is None
    assert "q quit" in text
    assert "Esc" not in text


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [(None, "open Dockerfile: no such file"), (b"FRO x\n", "unknown instruction: FRO")],
)
def test_an_unknown_transfer_has_its_reason(
    tmp_path: Path, dockerfile: bytes | None, reason: str
) -> None:
    made = [] if dockerfile is None else [file("Dockerfile", dockerfile)]
    context = build_tree(tmp_path / "ctx", [*made, file("a", size_bytes=90)])
    _, lines = played(context)
    text = "\n".join(lines)
    assert "transfer  unknown: the build fails: " in text
    assert reason in text
    assert "○" not in text
    assert "◌" in text


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 14)], ids=str)
def test_names_and_the_path_stay_visible_in_deep_trees(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    levels = [f"level{at:02}" for at in range(60)]
    tree = [file("/".join([*levels[:at], "note"]), size_bytes=at) for at in range(1, 61)]
    context = build_tree(tmp_path / "ctx", [*tree, file("Dockerfile", COPY_ALL)])
    deepest = "/".join([*levels, "note"])

    async def play(pilot: Pilot[int], app: Explorer) -> None:
        app._reveal(deepest)
        await pilot.pause()

    app, lines = played(context, size=size, play=play)
    assert app._cursor() == deepest
    assert lines[0].rstrip().endswith("/level58/level59/note"[-(size[0] - 20) :])
    assert any("▾ level59/" in line for line in lines[3:])
    assert any("  note" in line for line in lines[3:])


def test_a_directory_says_how_many_more_entries_it_has(tmp_path: Path) -> None:
    tree = [file(f"{n:03}", size_bytes=1) for n in range(120)]
    ignored = [file("huge/x", size_bytes=1_000_000), file(".dockerignore", b"huge\n")]
    context = build_tree(tmp_path / "ctx", [*tree, *ignored, file("Dockerfile", COPY_ALL)])
    _, lines = played(context, "end")
    text = "\n".join(lines)
    assert "23 more" in text
    assert "smaller" not in text
    rows = [each.partition("│")[0] for each in played(context, "end", "enter", "end")[1][3:]]
    row = next(line for line in rows if "huge" in line)
    assert "1.0 MB" in row
    assert "█" not in row


def test_an_ignored_entry_shows_its_size_on_disk(shop: Path) -> None:
    _, lines = played(shop, "i", "home")
    row = next(line for line in lines[3:] if "raw/big.csv" in line or " big.csv" in line)
    assert "50.0 MB" in row
    assert "█" not in row


def test_a_directory_of_thousands_shows_at_most_a_thousand(tmp_path: Path) -> None:
    tree = [file(f"many/{n:04}", size_bytes=1) for n in range(1_200)]
    context = build_tree(tmp_path / "ctx", [*tree, file("Dockerfile", COPY_ALL)])

    async def play(pilot: Pilot[int], app: Explorer) -> None:
        for _ in range(2):
            app._list.highlighted = app._list.option_count - 2
            await pilot.press("enter")
            await pilot.pause()

    app, lines = played(context, "home", "right", play=play)
    assert app._list.option_count == 1 + 1_000 + 1 + 1
    assert "200 more: / finds them" in "\n".join(lines)


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (6, 9), (12, 6)], ids=str)
def test_a_tiny_terminal_ends_nothing(shop: Path, size: tuple[int, int]) -> None:
    app, _ = played(shop, "e", "escape", "i", "w", "escape", "slash", "x", "escape", size=size)
    assert app.failure is None


def test_leaving_at_once_fails_nothing(shop: Path) -> None:
    build = Build(str(shop))

    async def run() -> None:
        async with app.run_test() as pilot:
            await pilot.pause(0.05)

    for _ in range(3):
        app = Explorer(build, Session(build), keys="")
        asyncio.run(run())
        assert app.failure is None


@pytest.mark.parametrize("is_gone", [False, True], ids=["changed", "gone"])
def test_a_stale_file_names_the_way_on(shop: Path, is_gone: bool) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        if is_gone:
            (shop / ".dockerignore").unlink()
        else:
            (shop / ".dockerignore").write_bytes(b"*.tmp\n")
        await pilot.press("w", "y")

    _, lines = played(shop, "i", play=play)
    assert "leave and start again" in " ".join(" ".join(lines).split())
    (shop / ".dockerignore").write_bytes(b"*.log\n")
    (shop / ".dockerignore").chmod(0o444)
    assert "start again" not in " ".join(" ".join(played(shop, "i", "w", "y")[1]).split())


def test_the_help_begins_at_its_border(shop: Path) -> None:
    build = Build(str(shop))
    app = Explorer(build, Session(build), keys="      q  leave\n      w  write")

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("question_mark")
            await pilot.pause()
            lines.extend(shown(app))

    lines: list[str] = []
    asyncio.run(run())
    assert any(line.startswith("│ q  leave") for line in lines)


@pytest.mark.parametrize("keys", [["slash"], ["slash", "l"]], ids=str)
def test_the_filter_names_the_keys_that_leave_it(shop: Path, keys: list[str]) -> None:
    assert "Enter goes to those found, Esc to the tree" in "\n".join(played(shop, *keys)[1])


def test_an_empty_context_has_a_word(tmp_path: Path) -> None:
    (tmp_path / "ctx").mkdir()
    _, lines = played(tmp_path / "ctx")
    assert "the context is empty" in "\n".join(lines)
    assert "context   0 B in 0 files" in "\n".join(lines)


def test_a_request_to_end_leaves_as_a_key_does(shop: Path) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await pilot.pause(0.1)

    app, _ = played(shop, "i", play=play)
    assert (app.return_value, app.written) == (128 + signal.SIGTERM, "")


def test_grey_text_is_black_on_the_row_of_the_cursor(shop: Path) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        (row,) = [
            strip
            for strip in app.screen._compositor.render_strips()[3:]
            if any("build.log" in part.text for part in strip)
        ]
        used.update(str(part.style and part.style.color) for part in row if part.text.strip(" │"))

    used: set[str] = set()
    app, _ = played(shop, "end", play=play)
    assert app._cursor() == "build.log"
    assert used == {"Color('color(0)', ColorType.STANDARD, number=0)"}


@pytest.mark.parametrize(
    ("path", "words", "colour"),
    [("assets", "loses its source", 1), ("assets/logo.png", "finds nothing", 3)],
)
def test_only_a_lost_source_is_red(shop: Path, path: str, words: str, colour: int) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        app._reveal(path)
        await pilot.press("i")
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        found.extend(part for strip in strips for part in strip if words in part.text)

    found: list[Segment] = []
    played(shop, play=play)
    (part,) = found
    assert part.style is not None
    assert part.style.color is not None
    assert part.style.color.number == colour
