"""A path as the pattern that matches it and nothing else."""

from __future__ import annotations

from ctxsize.engine import golang
from ctxsize.engine.patterns import DockerIgnorePattern

_IN_EXPRESSIONS = "|{}^"
"""What the builders forget to escape as soon as a pattern is an expression."""
_LEADING = {"#": "\\#", "!": "\\!", "\ufeff": "[\ufeff]"}
"""What means something else at the beginning of a line."""


def pattern_for(
    path: str, *, pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern
) -> str | None:
    r"""Return the line that matches just `path`, None where the builder has no such pattern.

    There is none for bytes that are not UTF-8: they all look like U+FFFD.

    >>> [pattern_for(path) for path in ("a b", "[id].ts", "#a", " a ", "a\nb", "a|b", "a|[b]")]
    ['a b', '\\[id\\].ts', '\\#a', '[ ]a[ ]', 'a\\nb', 'a|b', 'a\\|\\[b\\]']
    """
    if any("\udc80" <= char <= "\udcff" or char == "\ufffd" for char in path):
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    if (
        is_plain(path, pattern_class)
        and path[0] not in _LEADING
        and path == golang.trim_space(path)
    ):
        return path
    return escaped(path, pattern_class)


def is_plain(text: str, pattern_class: type[DockerIgnorePattern]) -> bool:
    """Return whether each character of `text` stands for itself outside expressions."""
    return _printable(text) and not set(pattern_class.wildcards) & set(text)


def escaped(
    text: str,
    pattern_class: type[DockerIgnorePattern],
    *,
    starts: bool = True,
    ends: bool = True,
) -> str:
    """Return `text` so that it stands for itself in a pattern that is an expression.

    `starts` and `ends` tell whether it comes first and last in its line.
    """
    special = {*pattern_class.wildcards, *_IN_EXPRESSIONS}
    last = len(text) - 1
    edges = {at for at, is_edge in ((0, starts), (last, ends)) if is_edge}
    return "".join(
        _quoted(char, special, at in edges, starts and at == 0) for at, char in enumerate(text)
    )


def _quoted(char: str, special: set[str], at_edge: bool, first: bool) -> str:
    if char in special:
        return "\\" + char
    if not _printable(char):
        return "\\n" if char == "\n" else f"\\x{ord(char):02x}"
    if first and char in _LEADING:
        return _LEADING[char]
    return f"[{char}]" if at_edge and char in golang.WHITE_SPACE else char


def _printable(text: str) -> bool:
    """Return whether `text` can travel in a header: control characters cannot."""
    return all(char >= " " and char != "\x7f" for char in text)
