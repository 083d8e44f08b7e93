"""Pages, pictures and golden files that come from the program: compared with it, or renewed."""

from __future__ import annotations

import os
from pathlib import Path

IS_UPDATING = bool(os.environ.get("CTXSIZE_UPDATE"))
"""Whether tests write what they compare: the one switch for all such files."""


def compare(path: Path, text: str) -> None:
    """Assert that the file at `path` holds `text`, and write it first if `IS_UPDATING`."""
    if IS_UPDATING:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text
