"""Rendered texts, held against the files in `golden/`.

`GOLDEN=update pytest tests/formats` writes them anew; then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def held(name: str, rendered: str) -> None:
    """Assert that `rendered` is what the file `name` holds."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "update":
        path.write_text(rendered, encoding="utf-8", newline="")
    assert rendered == path.read_bytes().decode("utf-8")
