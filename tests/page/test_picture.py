"""The picture of the README is a page of its example in the browser.

`CTXSIZE_UPDATE=1 pytest tests/page/test_picture.py` renews it. Fonts differ between machines, so
the test compares what the page says, not the points.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tests.cli.conftest import Cli
from tests.examples import ROOT
from tests.page.conftest import Show

PICTURE = ROOT / "docs" / "screens" / "page.png"
SIZE = (1200, 800)


def test_picture_shows_the_page_of_the_example(
    examples: Path, tmp_path: Path, cli: Cli, show: Show
) -> None:
    file = tmp_path / "page.html"
    service = "examples/rust-service"
    assert cli("suggest", "--format", f"html={file}", service, cwd=examples).code in (0, 1)
    tab = show(file, width=SIZE[0], height=SIZE[1], prefers_reduced_motion="reduce")
    assert "of 20.2 GB still sent" in tab.text("#figures")
    assert tab.texts("#rules code")[0] == "**/target"
    assert {"target/", "src/", "Cargo.toml"} <= set(tab.texts("#list .name"))
    if os.environ.get("CTXSIZE_UPDATE"):
        PICTURE.write_bytes(tab.picture())
    content = PICTURE.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == SIZE
    assert len(content) < 120_000
