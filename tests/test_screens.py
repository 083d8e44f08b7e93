"""The screens of `docs/screens` are what the commands show on a terminal.

`CTXSIZE_UPDATE=1 pytest tests/test_screens.py` renews them.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.examples import ROOT, restore_examples
from tests.pages import compare
from tests.terminal import Size, drawn, recorded, seen, seen_full

SCREENS = ROOT / "docs" / "screens"
SIZES = (Size(80, 24), Size(120, 40))
COMMANDS = {
    "front-door": ("examples/rust-service", "ctxsize"),
    "help": ("", "ctxsize --help"),
    "measure": ("examples/rust-service", "ctxsize measure"),
    "ls": ("examples/node-workspace", "ctxsize ls"),
    "ls-why": ("examples/services/aggregator", "ctxsize ls --why"),
    "suggest": ("examples/rust-service", "ctxsize suggest"),
    "suggest-diff": ("examples/rust-service", "ctxsize suggest --diff"),
    "explore": ("story/rask-log-aggregator", "ctxsize explore"),
    "explore-suggest": ("examples/rust-service", "ctxsize explore"),
    "explain": (
        "examples/node-workspace",
        "ctxsize explain -n node_modules/react packages/web/access.log",
    ),
    "explain-trace": ("examples/arrives-empty", "ctxsize explain --trace vendor/keep/licence.txt"),
    "explain-source": ("examples/node-workspace", "ctxsize explain --source node_modules/react"),
    "scan": ("", "ctxsize scan examples"),
    "lint": ("", "ctxsize lint examples"),
    "advise": ("examples", "ctxsize advise services"),
    "check-kept": ("examples/node-workspace", "ctxsize check --max 50MB"),
    "check-refused": ("examples/rust-service", "ctxsize check --max 50MB"),
    "init": ("examples/rust-service", "ctxsize init"),
    "diff": ("grown", "ctxsize diff ../before.jsonl"),
    "clean": ("shop", "ctxsize clean"),
    "rule": ("", "ctxsize rule CTX101"),
    "schema": ("", "ctxsize schema"),
    "completion": ("", "ctxsize completion bash"),
}
"""A name for each screen, the working directory, and what is typed there."""
KEYS = {
    "explore": [("q quit", "\x1b[H"), ("target", "i"), ("->", "\x03")],
    "explore-suggest": [("q quit", "s"), ("space or", " "), ("[x]", "\x03")],
}
"""The keys that are typed into a full screen, each with the text that is awaited before."""
WRITING = {"init"}


@pytest.fixture(scope="module")
def directory(examples: Path, story: Path) -> Path:
    """The examples, a repository to clean, and a report of a tree that has grown since."""
    _save_report(examples)
    _build_shop(examples / "shop")
    (examples / "story").symlink_to(story)
    return examples


def _save_report(here: Path) -> None:
    workspace = here / "grown"
    shutil.copytree(here / "examples" / "node-workspace", workspace)
    command = [sys.executable, "-m", "ctxsize", "ls", "--format", "json", str(workspace)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    (here / "before.jsonl").write_bytes(done.stdout)
    (workspace / "packages" / "web" / "dump.bin").write_bytes(bytes(5000))


def _build_shop(shop: Path) -> None:
    """A Cargo project whose files have the same size on disk on every file system."""
    for name, size in {"debug/deps": 3, "debug/incremental": 2, "release/deps": 1}.items():
        (shop / "target" / name).mkdir(parents=True)
        for number in range(4):
            content = random.Random(number).randbytes(size * 2**20)
            (shop / "target" / name / f"unit-{number}.rlib").write_bytes(content)
    (shop / "Cargo.toml").write_text('[package]\nname = "shop"\nversion = "0.1.0"\n')
    (shop / "target" / ".rustc_info.json").write_text("{}")
    tag = "Signature: 8a477f597d28d172789f06886806bc55\n# created by cargo.\n"
    (shop / "target" / "CACHEDIR.TAG").write_text(tag)
    for path in (shop, *shop.rglob("*")):
        os.utime(path, (1_760_000_000, 1_760_000_000))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", COMMANDS)
def test_screen_is_what_the_command_shows(
    name: str, size: Size, directory: Path, story: Path
) -> None:
    (where, command), path = COMMANDS[name], SCREENS / f"{name}-{size}.svg"
    keys = KEYS.get(name, ())
    output = recorded(command, cwd=directory / where, size=size, keys=keys)
    if name in WRITING:
        restore_examples(directory)
    shown = seen_full(output, size) if keys else seen(command, output, size)
    picture = drawn(command, shown, size, is_full=bool(keys))
    ElementTree.fromstring(picture)
    assert len(picture) < 40_000
    assert str(directory) not in output
    assert str(story) not in output
    compare(path, picture)


def title(name: str) -> str:
    """The command, and the keys that are typed into a full screen until it is left."""
    keys = ["space" if key == " " else key for _, key in KEYS.get(name, ())[1:-1]]
    return COMMANDS[name][1] + "".join(f", {key}" for key in keys)


def page() -> str:
    """The page that shows all screens."""
    shown = (
        f"## {title(name)}\n\n" + "\n".join(f"![{size}]({name}-{size}.svg)" for size in SIZES)
        for name in COMMANDS
    )
    intro = (
        "What a terminal of 80×24 and one of 120×40 shows after each command, from real runs.\n"
        "`CTXSIZE_UPDATE=1 pytest tests/test_screens.py` renews the pictures."
    )
    return f"# Screens\n\n{intro}\n\n" + "\n\n".join(shown) + "\n"


def test_page_shows_each_screen() -> None:
    compare(SCREENS / "README.md", page())


def test_no_screen_is_left_over() -> None:
    expected = {f"{name}-{size}.svg" for name in COMMANDS for size in SIZES}
    assert {path.name for path in SCREENS.glob("*.svg")} == expected
