"""The page of a context as one HTML file."""

from __future__ import annotations

import json

from ctxsize.picture import Page

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(page: Page) -> str:
    """Return the page, which needs no other file."""
    data = json.dumps(page, default=vars, separators=(",", ":")).translate(_ESCAPED)
    return (
        "<!-- ctxsize --><!doctype html>\n"
        f'<script type="application/json" id="data">{data}</script>\n'
    )
