"""What a fix changes of what is sent, in words for all formats that a person reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ctxsize.findings import Fix, Paths
from ctxsize.units import human

EXAMPLES = 3
"""How many paths of a change are named."""
_VERBS = {
    "ignored": "ignores",
    "sent": "sends",
    "emptied": "empties",
    "filled": "gives content to",
}


def effect(fix: Fix, *, told: Collection[str] = ()) -> str:
    """What `fix` changes, `""` where that is not known; paths in `told` are not named again.

    >>> from ctxsize.findings import Changes
    >>> effect(Fix("", (), True, Changes(ignored=Paths(("a/", "a/b", "c"), 2, 1500))))
    'ignores 2 files, 1.5 kB (a/, c)'
    """
    if fix.changes is None:
        return ""
    if fix.changes.nothing:
        return "changes nothing that is sent"
    groups = ((verb, getattr(fix.changes, name)) for name, verb in _VERBS.items())
    return ", ".join(f"{verb} {_amount(each, told)}" for verb, each in groups if each.paths)


def _amount(group: Paths, told: Collection[str]) -> str:
    directories = len(group.paths) - group.files
    count, noun = (group.files, "file") if group.files else (directories, "directory")
    plural = {"file": "files", "directory": "directories"}
    text = f"{count:,} {noun if count == 1 else plural[noun]}"
    text += f", {human(group.content_bytes)}" if group.files else ""
    tops = [*_topmost(group.paths)]
    shown = tops[:EXAMPLES]
    if all(each in told for each in shown):
        return text
    more = f" and {len(tops) - EXAMPLES:,} more" if len(tops) > EXAMPLES else ""
    return f"{text} ({', '.join(shown)}{more})"


def _topmost(paths: Collection[str]) -> Iterator[str]:
    """`paths` in their order without what lies below a directory among them."""
    last = ""
    for path in paths:
        if not last or not path.startswith(last):
            yield path
            last = path if path.endswith("/") else ""
