"""The screen of `ctxsize explore`, driven without a terminal."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ctxsize import api
from ctxsize.build import Build
from ctxsize.explore.app import Explorer
from ctxsize.explore.session import Session
from ctxsize.formats.wording import amount, visible
from ctxsize.model import Amount
from tests.contexts import CONTEXTS
from tests.trees import COPY_ALL, Node, build_tree, file

PACKAGE = Path(__file__).parents[2] / "ctxsize"
SHOP: list[str | Node] = [
    file("Dockerfile", b"FROM scratch\nCOPY assets /assets\nCOPY . /app\n"),
    file(".dockerignore", b"*.log\n"),
    file("src/main.py", size_bytes=4_000),
    file("src/deep/er/only.py", size_bytes=3_000),
    file("assets/logo.png", size_bytes=9_000),
    file("build.log", size_bytes=70_000),
    file("data/raw/big.csv", size_bytes=50_000_000),
    file("data/raw/small.csv", size_bytes=2_000),
    file("data/.cache/x", size_bytes=1_000),
    file(".git/config", b"[core]\n"),
    file(".git/objects/aa/bb", size_bytes=600_000),
    file(".git/HEAD", b"ref: refs/heads/main\n"),
]
Play = Callable[[Pilot[int], Explorer], Awaitable[None]]


def played(
    context: Path, *keys: str, size: tuple[int, int] = (120, 40), play: Play | None = None
) -> tuple[Explorer, list[str]]:
    """The application after these keys, and the lines of its last screen."""
    build = Build(str(context))
    app = Explorer(build, Session(build), keys="  q  leave")
    lines: list[str] = []

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            for key in keys:
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
            if play is not None:
                await play(pilot, app)
            await pilot.pause()
            if app.is_running:
                lines.extend(shown(app))

    asyncio.run(run())
    return app, lines


def shown(app: Explorer) -> list[str]:
    """The lines on the screen, as a person sees them."""
    return [
        "".join(part.text for part in strip) for strip in app.screen._compositor.render_strips()
    ]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # a long path would break the lines that name it
    return build_tree(Path("shop"), SHOP)


def measured(context: Path) -> tuple[Amount, Amount]:
    """The context and the transfer as `ctxsize measure` has them."""
    report = api.measure(Build(str(context)))
    (transfer,) = report.transfers
    totals = report.context.totals
    sent = Amount(totals.files, totals.content_bytes)
    return sent, Amount(transfer.files, transfer.content_bytes)


def test_only_the_screen_imports_textual() -> None:
    users = {
        module.relative_to(PACKAGE).as_posix()
        for module in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", None) or node.names[0].name]
        if name.partition(".")[0] in ("textual", "rich")
    }
    assert users == {"explore/app.py"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_first_screen_shows_figures_and_starts_on_the_largest_entry(
    shop: Path, size: tuple[int, int]
) -> None:
    app, lines = played(shop, size=size)
    assert app._cursor() == "data/raw/big.csv"
    assert len(lines) == size[1]
    context, transfer = measured(shop)
    text = "\n".join(lines)
    assert f"context   {amount(context)}" in text
    assert f"transfer  {amount(transfer)}" in text
    assert "*.log" in text
    assert "/ find" in lines[-1]
    assert "q quit" in lines[-1]
    rows = played(shop, "i", "end", size=size)[1][3:]
    row = next(line for line in rows if "build.log" in line)
    assert "*.log" in row, "the deciding pattern has room"


@pytest.mark.parametrize("name", CONTEXTS)
def test_figures_are_those_of_measure_for_every_kind_of_tree(name: str, tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", CONTEXTS[name])
    _, lines = played(context)
    report = api.measure(Build(str(context)))
    text = "\n".join(lines)
    assert f"context   {amount(Amount.of(report.context.totals))}" in text
    if report.transfer is not None:
        assert f"transfer  {amount(Amount.of(*report.transfers))}" in text
    else:
        assert "transfer  unknown: " in text


KEYS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "i ignores the entry": (["i"], ["+ data/raw/big.csv", "· "], []),
    "i goes on to the next entry": (["i", "i"], ["+ data/raw/big.csv", "+ src"], []),
    "u takes it back": (["i", "u"], [], ["+ data"]),
    "u without a change says so": (["u"], ["nothing to undo"], []),
    "I ignores every entry of the name": (["I"], ["+ **/big.csv"], []),
    "enter opens and closes": (["home", "enter"], [], ["small.csv"]),
    "left closes": (["home", "left"], [], ["small.csv"]),
    "right opens": (["home", "left", "right"], [".cache"], []),
    "a chain of directories is one row": (["home", "left", "end", "up"], [], []),
    "e explains": (["e"], ["data/raw/big.csv: sent", "=> sent: no pattern matches"], []),
    "e closes with Esc": (["e", "escape"], [], ["no pattern matches"]),
    "? shows the keys": (["question_mark"], ["q  leave"], []),
    "w without a change says so": (["w"], ["nothing to write"], []),
    "w shows the diff": (["i", "w"], ["+data/raw/big.csv", "y writes"], []),
    "Esc cancels the diff": (["i", "w", "escape"], ["+ data/raw/big.csv"], ["y writes"]),
    "/ finds": (["slash", "l", "o", "g", "o"], ["assets/logo.png", "1 entry found"], ["big.csv"]),
    "enter goes to what was found": (
        ["slash", "l", "o", "g", "o", "enter", "enter"],
        ["logo.png", "big.csv"],
        ["entry found"],
    ),
    "Esc leaves the filter": (["slash", "l", "escape"], ["big.csv"], ["found"]),
    "an entry that is found can be ignored": (
        ["slash", *"assets", "enter", "i"],
        ["+ assets", "loses its source"],
        [],
    ),
    "q asks": (["i", "q"], ["Leave without these lines?"], []),
    "Esc stays": (["i", "q", "escape"], ["+ data/raw/big.csv"], ["Leave"]),
    "s lists suggestions": (
        ["s"],
        ["[ ]", "Dockerfile  a file that only builders read", "space or a click chooses"],
        [],
    ),
    "space chooses one": (["s", "space"], ["[x]", "+ "], []),
    "space drops it again": (["s", "space", "space"], [], ["[x]", "+ "]),
    "Esc returns to the tree": (["s", "space", "escape"], ["big.csv", "+ "], ["[x]"]),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys(shop: Path, case: str) -> None:
    keys, present, absent = KEYS[case]
    _, lines = played(shop, *keys)
    text = "\n".join(lines)
    assert [each for each in present if each not in text] == []
    assert [each for each in absent if each in text] == []


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_leaving_without_a_change(shop: Path, key: str) -> None:
    app, _ = played(shop, key)
    assert (app.return_value, app.written) == (0 if key == "q" else None, "")


def test_leaving_without_new_lines_writes_nothing(shop: Path) -> None:
    app, _ = played(shop, "i", "q", "q")
    assert (app.return_value, app.written) == (0, "")
    assert (shop / ".dockerignore").read_bytes() == b"*.log\n"


def test_figures_are_those_of_measure_after_writing(shop: Path) -> None:
    app, lines = played(shop, "i", "w", "y")
    context, transfer = measured(shop)
    text = "\n".join(lines)
    assert f"-> {amount(context)}" in text
    assert amount(transfer) in text
    assert b"data/raw/big.csv\n" in (shop / ".dockerignore").read_bytes()
    assert app.written.startswith(f"wrote {shop}/.dockerignore: context ")
    assert amount(context) in app.written


def test_all_safe_suggestions_write_what_suggest_writes(shop: Path, tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other" / "shop", SHOP)
    advice = api.suggest(Build(str(other)), write=True)
    safe = [each.safe for each in api.suggest(Build(str(shop))).suggestions]
    keys = [key for each in safe for key in (["space", "down"] if each else ["down"])]
    _, lines = played(shop, "s", *keys)
    assert amount(advice.after.context) in "\n".join(lines)
    played(shop, "s", *keys, "w", "y")
    assert (shop / ".dockerignore").read_bytes() == (other / ".dockerignore").read_bytes()


def test_a_file_that_changed_is_not_overwritten(shop: Path) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        (shop / ".dockerignore").write_bytes(b"*.tmp\n")
        await pilot.press("w", "y")

    app, lines = played(shop, "i", play=play)
    assert "the file has changed since it was read" in " ".join(" ".join(lines).split())
    assert (shop / ".dockerignore").read_bytes() == b"*.tmp\n"
    assert app.written == ""


def test_a_file_that_is_read_only_is_not_overwritten(shop: Path) -> None:
    (shop / ".dockerignore").chmod(0o444)
    app, lines = played(shop, "i", "w", "y")
    assert "is read-only" in "\n".join(lines)
    assert app.written == ""


def test_a_click_opens_a_directory_and_chooses_a_suggestion(shop: Path) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        await pilot.click("#tree", offset=(40, 0))
        await pilot.pause()
        assert app._cursor() == "data"
        assert not any("small.csv" in line for line in shown(app))
        await pilot.press("s")
        await app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.click("#tree", offset=(2, 0))
        await pilot.pause()

    _, lines = played(shop, play=play)
    assert "[x]" in "\n".join(lines)


def test_large_directories_show_their_largest_entries_first(tmp_path: Path) -> None:
    tree = [file(f"many/{n:04}", size_bytes=n + 1) for n in range(250)]
    context = build_tree(tmp_path / "ctx", [*tree, file("Dockerfile", COPY_ALL)])
    app, _ = played(context, "home", "right")
    assert app._list.option_count == 1 + 100 + 1 + 1
    app, _ = played(context, "home", "right", *["pagedown"] * 5, "up", "enter")
    assert app._list.option_count == 1 + 250 + 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 20)], ids=str)
def test_hostile_names_are_data(tmp_path: Path, size: tuple[int, int]) -> None:
    names = [
        *(str(each) for each in CONTEXTS["names"]),
        "[bold red]markup[]",
        "[@click=app.quit]x",
        "$(reboot)",
    ]
    tree = [file(f"[b]dir/{name}", size_bytes=10) for name in names]
    context = build_tree(tmp_path / "[i]ctx", [*tree, file("Dockerfile", COPY_ALL)])
    _, lines = played(context, "home", "right", "e", "escape", "i", "w", "escape", size=size)
    assert all(line == visible(line) for line in lines)
    if size[0] > 40:
        text = "\n".join(played(context, "home", "right", size=size)[1])
        assert "[bold red]markup[]" in text
        assert r"esc\033[31mred" in text


def test_every_hostile_name_can_be_tried_and_explained(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [*CONTEXTS["names"], file("Dockerfile", COPY_ALL)])
    keys = [key for _ in range(9) for key in ("i", "e", "escape", "u", "down")]
    app, lines = played(context, "home", *keys)
    assert app.failure is None
    assert all(line == visible(line) for line in lines)


def test_a_bug_ends_the_screen_and_is_left_to_the_command(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "undo", lambda self: 1 // 0)
    build = Build(str(shop))
    app = Explorer(build, Session(build), keys="")

    async def run() -> None:
        async with app.run_test() as pilot:
            await pilot.press("u")
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert isinstance(app.failure, ZeroDivisionError)


def test_no_color_is_obeyed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(pilot: Pilot[int], app: Explorer) -> None:
        styles = [
            part.style
            for strip in app.screen._compositor.render_strips()
            for part in strip
            if part.style is not None
        ]
        used.update(each.color.name for each in styles if each.color is not None)
        used.update(each.bgcolor.name for each in styles if each.bgcolor is not None)

    used: set[str] = set()
    played(shop, "i", "w", play=play)
    assert used > {"default"}
    used.clear()
    monkeypatch.setenv("NO_COLOR", "1")
    played(shop, "i", "w", play=play)
    assert used == {"default"}
