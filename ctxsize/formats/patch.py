"""Edits as a unified diff, which `patch -p0` and `git apply -p0` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxsize.findings import Edit, Finding
from ctxsize.formats import Look
from ctxsize.formats.wording import place, quoted, visible

_STYLES = {"+": "green", "-": "red", "@": "blue"}
_NO_END = "\\ No newline at end of file\n"


def render(edits: Iterable[Edit], look: Look) -> str:
    """Return the changes of `edits` as a diff, in their order.

    Names are quoted as `git` does it. Control characters in lines are escaped, except tabs
    and the carriage return of a line end.
    """
    return "".join(line for edit in edits for line in _diff(edit, look))


def of_findings(findings: Iterable[Finding], look: Look) -> str:
    """Return the fixes of `findings` as diffs, each below a comment that describes it."""
    parts: list[str] = []
    for each in findings:
        if each.fix is not None:
            sure = "" if each.fix.certain else " (unsafe: review first)"
            head = f"# {place(each)} {each.code}: {visible(each.fix.message)}{sure}"
            parts.append(f"{look.paint(head, 'dim')}\n{render(each.fix.edits, look)}")
    return "\n".join(parts)


def _diff(edit: Edit, look: Look) -> Iterator[str]:
    from difflib import unified_diff

    if edit.before == edit.after:
        return
    name = quoted(edit.path)
    yield look.paint(f"--- {'/dev/null' if edit.before is None else name}", "bold") + "\n"
    yield look.paint(f"+++ {name}", "bold") + "\n"
    before, after = lines(text_of(edit.before)), lines(text_of(edit.after))
    for line in [*unified_diff(before, after)][2:]:
        text = line.removesuffix("\n")
        end = "\r" if text.endswith("\r") else ""
        text = "\t".join(map(visible, text.removesuffix(end).split("\t"))) + end
        style = _STYLES.get(text[:1])
        yield look.paint(text, style) if style else text
        yield "\n" if line.endswith("\n") else f"\n{_NO_END}"


def text_of(data: bytes | None) -> str:
    """Return the text of a file, `""` for None; bytes that are not UTF-8 are lone surrogates."""
    return (data or b"").decode("utf-8", "surrogateescape")


def lines(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends a line."""
    *parts, last = text.split("\n")
    return [f"{part}\n" for part in parts] + ([last] if last else [])


def replaced(before: list[str], after: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the runs of lines that change: start, end (excluded), and the new text."""
    from difflib import SequenceMatcher

    for kind, start, end, first, last in SequenceMatcher(None, before, after, False).get_opcodes():
        if kind != "equal":
            yield start, end, "".join(after[first:last])
