"""Rendered texts, held against the files in `golden/`.

`make pages` renews them; then read the difference.
"""

from __future__ import annotations

from pathlib import Path

from tests.pages import compare

GOLDEN = Path(__file__).parent / "golden"


def held(name: str, rendered: str) -> None:
    """Assert that `rendered` is what the file `name` holds."""
    compare(GOLDEN / name, rendered)
