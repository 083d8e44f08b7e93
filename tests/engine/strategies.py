"""Ignore files and trees as nasty as a file system allows, for Hypothesis."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

NAMES = ["a", "b", "ab", "foo", "x1", "A", ".a", "a.b", "a-b", "é", "日本", "😀"]

_GLOBS = ["*", "*", "**", "**/", "/**", "?", "/", "/", "//", ".", "..", "/./", "/../"]
_CLASSES = [
    *("[", "]", "[ab]", "[^a]", "[!a]", "[a-c]", "[^/]", "[]a]", "[^]a]", "[a-", "[-a]", "[a-]"),
    *("[z-a]", "[a-b-c]", "[\\]]", "[\\d]", "[\\D]", "[^\\w]", "[*]", "[?]", "[^é]", "[é-日]"),
    *("[[:alpha:]]", "[[:^digit:]]", "[^[:word:]a]", "[[:nope:]]", "[:", ":]", "[\\x41-\\x{7a}]"),
]
_ESCAPES = [
    *("\\", "\\\\", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "\\A", "\\z", "\\Z"),
    *("\\Q", "\\E", "\\x41", "\\x{61}", "\\x{110000}", "\\x4", "\\141", "\\0", "\\07", "\\1"),
    *("\\12", "\\8", "\\n", "\\t", "\\a", "\\pL", "\\PL", "\\p{Lu}", "\\p{^Ll}", "\\P{^Nd}"),
    *("\\pZ", "\\p{", "\\C", "\\q", "\\*", "\\?", "\\[", "\\!", "\\#", "\\ ", "\\-", "\\_", "\\é"),
]
_OPERATORS = [
    *("{", "}", "{2}", "{1,}", "{0,2}", "{,2}", "{0}", "{1000}", "{1001}", "{2,1}", "{01}"),
    *("{a,b}", "|", "||", "^", "$", "+", "(", ")", "()", "(?i)", "-", ",", ":", "!", "#", "~"),
]
_BLANKS = [
    " ",
    "\t",
    "\r",
    "\v",
    "\f",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2028",
    "\u3000",
    "\u200b",
]
_BYTES = ["\ufeff", "\ufffd", "\udc80", "\udcff", "\udce9", "\x01", "\x7f", "\u212a", "ſ", "ß"]

_TOKENS = [*NAMES, *NAMES, *_GLOBS, *_GLOBS, *_CLASSES, *_ESCAPES, *_OPERATORS, *_BLANKS, *_BYTES]
_IN_NAMES = [*"ab1A._- :,~#!*?+()[]{}|^$\\", "é", "日", "😀", "\n", "\t", "\xa0", *_BYTES]


def _settled(text: str) -> str:
    """`text` as it comes back from its bytes: escaped bytes may form a character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


nasty_patterns = st.builds(
    lambda mark, parts: _settled(mark + "".join(parts)),
    st.sampled_from(["", "", "", "!", "! ", " ", "/", "#"]),
    st.lists(st.sampled_from(_TOKENS), max_size=6),
)
"""One line of an ignore file, without its end."""

nasty_files = st.builds(
    lambda mark, lines, end: (mark + end.join(lines)).encode("utf-8", "surrogateescape"),
    st.sampled_from(["", "", "", "\ufeff", "\ufeff\ufeff"]),
    st.lists(nasty_patterns, min_size=1, max_size=5),
    st.sampled_from(["\n", "\n", "\r\n", "\r\r\n"]),
)
"""The bytes of a whole ignore file."""

nasty_names = (
    st.one_of(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(_IN_NAMES), min_size=1, max_size=4).map("".join),
    )
    .map(_settled)
    .filter(lambda name: name not in (".", ".."))
)
"""A name that a file may have."""

nasty_paths = st.lists(nasty_names, min_size=1, max_size=4).map("/".join)
"""A clean relative path."""


def random_question(rng: Random) -> tuple[bytes, list[str]]:
    """An ignore file and paths of the same kind, a hundred times as fast as Hypothesis."""
    lines = [random_line(rng) for _ in range(rng.choice([1, 1, 2, 3, 4, 6]))]
    mark, end = rng.choice(["", "", "", "\ufeff"]), rng.choice(["\n", "\n", "\n", "\r\n"])
    data = (mark + end.join(lines)).encode("utf-8", "surrogateescape")
    return data, [_random_path(rng, lines) for _ in range(8)]


def random_line(rng: Random, *, tame: bool = False) -> str:
    """One line; a tame one has no more than names and stars in it."""
    mark = rng.choice(["", "", "", "", "!", "!", "! ", "/"])
    tokens = NAMES + _GLOBS if tame or rng.random() < 0.25 else _TOKENS
    return mark + "".join(rng.choice(tokens) for _ in range(rng.randint(1, 6)))


def _random_path(rng: Random, lines: list[str]) -> str:
    return _settled("/".join(_random_name(rng, lines) for _ in range(rng.randint(1, 4))))


def _random_name(rng: Random, lines: list[str]) -> str:
    """A name, often one with a part of some pattern in it, so that patterns match."""
    if rng.random() < 0.5:
        return rng.choice(NAMES)
    line = rng.choice(lines).replace("/", "")
    start = rng.randrange(len(line) + 1)
    name = line[start : start + rng.randint(0, 6)] if rng.random() < 0.5 else ""
    name += "".join(rng.choice(_IN_NAMES) for _ in range(rng.randint(0, 2)))
    return name if name not in ("", ".", "..") else "a"


@st.composite
def trees_with_ignore_files(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """Paths of files that fit into one tree, and an ignore file that is about them."""
    names = st.sampled_from(NAMES[:8]) | nasty_names
    paths = st.lists(names, min_size=1, max_size=4).map("/".join)
    drawn = draw(st.lists(paths, min_size=1, max_size=9, unique=True))
    files = [path for path in drawn if not any(other.startswith(f"{path}/") for other in drawn)]
    lines = draw(st.lists(nasty_patterns | _about(files), min_size=1, max_size=5))
    return files, "\n".join(lines).encode("utf-8", "surrogateescape")


@st.composite
def _about(draw: st.DrawFn, files: list[str]) -> str:
    """A pattern that matches one of `files` or nearly so."""
    parts = draw(st.sampled_from(files)).split("/")
    parts = parts[: draw(st.integers(1, len(parts)))]
    for at in draw(st.sets(st.integers(0, len(parts) - 1), max_size=2)):
        globs = ["*", "**", "?", f"*{parts[at][1:]}", f"{parts[at][:1]}*", f"[^{parts[at][0]}]*"]
        parts[at] = draw(st.sampled_from(globs))
    mark, end = draw(st.sampled_from(["", "", "!", "**/", "!**/", "*/"])), draw(_ENDS)
    return mark + "/".join(parts) + end


_ENDS = st.sampled_from(["", "", "", "/", "/*", "/**", "/*/**", "*", "**"])
