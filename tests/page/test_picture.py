"""The picture of the README is a page of its example in the browser.

`CTXSIZE_UPDATE=1 pytest tests/page/test_picture.py` renews it. Fonts differ between machines, so
the test compares what the page says, not the points.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.cli.conftest import Cli
from tests.examples import ROOT
from tests.page.conftest import Show
from tests.pages import IS_UPDATING

PICTURE = ROOT / "docs" / "screens" / "page.png"
SIZE = (1200, 900)


def smaller(png: bytes) -> bytes:
    """Return the picture without filters: its hatches repeat, and zlib finds that."""
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks.append(png[at + 4 : at + 8 + length])
        at += length + 12
    points = zlib.decompress(b"".join(each[4:] for each in chunks if each[:4] == b"IDAT"))
    rows = unfiltered(points, 3 * SIZE[0])
    content = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return png[:8] + b"".join(
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each))
        for each in (chunks[0], b"IDAT" + content, b"IEND")
    )


def unfiltered(points: bytes, width: int) -> Iterator[bytes]:
    """Yield the rows of a picture with three bytes for each point."""
    above = bytearray(width)
    for start in range(0, len(points), width + 1):
        kind, row = points[start], bytearray(points[start + 1 : start + 1 + width])
        for at in range(width):
            left, corner = (row[at - 3], above[at - 3]) if at > 2 else (0, 0)
            up = above[at]
            near = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
            row[at] = (row[at] + (0, left, up, (left + up) // 2, near)[kind]) & 255
        above = row
        yield bytes(row)


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
    if IS_UPDATING:
        PICTURE.write_bytes(smaller(tab.picture()))
    content = PICTURE.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == SIZE
    assert len(content) < 150_000
