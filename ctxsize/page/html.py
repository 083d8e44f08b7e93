"""One HTML file that shows a build context and loads nothing from anywhere.

The values are data for its program, which sets them as text only. The policy names the digests
of our own script and style: markup that got into the page could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape

from ctxsize.shipped import shipped_text

_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
"""Characters that end a script element or a line of it, and halves of others: UTF-8 has none."""
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def render(page: dict[str, object]) -> str:
    """Return the page with these values, which are of the types that JSON has."""
    text = json.dumps(page, ensure_ascii=False, separators=(",", ":"))
    style = _part("page.css")
    script = _part("page.js")
    values = {
        "title": escape(str(page["title"]).encode("utf-8", "backslashreplace").decode()),
        "policy": f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "data": _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text),
    }
    return _SLOT.sub(lambda slot: values[slot[1]], _part("page.html"))


def _part(name: str) -> str:
    return shipped_text(f"page/{name}")


def _digest(text: str) -> str:
    """Return a source expression of a content security policy that allows `text`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
