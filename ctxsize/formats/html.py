"""The page of a context as one HTML file."""

from __future__ import annotations

import json

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(page: dict[str, object]) -> str:
    """Return the page, which needs no other file."""
    data = json.dumps(page, separators=(",", ":")).translate(_ESCAPED)
    return (
        "<!-- ctxsize --><!doctype html>\n"
        f'<script type="application/json" id="data">{data}</script>\n'
    )
