"""Text in Markdown that means itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ctxsize.formats.names import visible

_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")


def code(text: str) -> str:
    """`text` in a code span, whatever it holds.

    >>> code("a`b"), code("x")
    ('``a`b``', '`x`')
    """
    text = visible(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    r"""A sentence of ours, whose code spans stay what they are.

    >>> prose("`*.log` keeps <b>")
    '`*.log` keeps \\<b\\>'
    """
    parts = visible(text).split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "`".join(part if at % 2 else _escaped(part) for at, part in enumerate(parts))


def plain(text: str) -> str:
    """`text` with no character that means anything."""
    return _escaped(visible(text))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: int) -> list[str]:
    """A table whose first `right` columns are numbers; cells are Markdown already."""
    from tabulate import tabulate

    sides = ["right" if at < right else "left" for at in range(len(headers))]
    # A bar ends a cell even inside a code span.
    cells = [[re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row] for row in rows]
    text = tabulate(
        cells, headers, tablefmt="pipe", colalign=sides, disable_numparse=True, colglobalalign=None
    )
    return text.splitlines()


def details(title: str, lines: Sequence[str]) -> list[str]:
    """`lines` to unfold under `title`, which is HTML."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>"]
