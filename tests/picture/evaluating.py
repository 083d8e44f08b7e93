"""What a page shows, computed as its program does it: figures and text under a choice of rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

Pair = tuple[int, int]


def leaves(node: Any) -> Iterator[Any]:
    """The nodes without children."""
    pending = [node]
    while pending:
        each = pending.pop()
        pending += each[3]
        if not each[3]:
            yield each


def is_gone(hidden_by: Any, chosen: Collection[int]) -> bool:
    """Whether all chains hide; in each the last rule that is on decides."""
    signs = [[sign for rule, sign in chain if rule in chosen] for chain in hidden_by]
    return bool(signs) and all(each and each[-1] == "-" for each in signs)


def figures(shown: Any, chosen: Collection[int] = ()) -> dict[str, Pair | None]:
    """Bytes and files of the context and of the transfer."""
    classes, file, found = shown["classes"], shown.get("ignore_file"), dict[str, Pair | None]()
    gone = [is_gone(each["hidden_by"], chosen) for each in classes]
    for kind, fates in (("context", ("travels", "context")), ("transfer", ("travels", "transfer"))):
        counts = [each["fate"] in fates and not gone[at] for at, each in enumerate(classes)]
        amounts = [one for leaf in leaves(shown["tree"]) for one in leaf[2] if counts[one[0]]]
        size, files = (sum(each[at] for each in amounts) for at in (1, 2))
        if chosen and file["own"] is not None and counts[file["own"]]:
            size += len(text(shown, chosen).encode()) - len(text(shown, ()).encode())
            files += file["new"]
        found[kind] = None if shown["before"][kind] is None else (size, files)
    return found


def text(shown: Any, chosen: Collection[int]) -> str:
    """The ignore file with the lines of the rules that are on."""
    file = shown["ignore_file"]
    mixed = any(each in chosen for each in file["exceptional"])
    before, opening, closing, behind, end = file["around"][-1 if mixed else 0]
    lines = [each for each in file["lines"] if each[0] in chosen]
    if not lines:
        return str(before + behind)
    if not mixed:
        headings = [each[2] for each in lines]
        lines.sort(key=lambda each: headings.index(each[2]))
    found, last, why = opening, "", ""
    for number, (_, line, heading, reason) in enumerate(lines):
        if heading != last:
            found += (end if number else "") + f"# {heading}{end}"
            last, why = heading, ""
        if reason != why:
            found += f"# {reason}{end}" if reason not in ("", heading) else ""
            why = reason
        found += line + end
    return f"{before}{found}{closing}{behind}"
