"""Translate what git ignores into patterns of Docker that hide nothing else.

The behaviour of git is in its `dir.c` and `wildmatch.c`. A line that has no exact translation, or
hides more in this tree, is left out with a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxsize.engine import git
from ctxsize.engine.patterns import DockerIgnorePattern, escaped
from ctxsize.engine.trial import Attempt
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Draft, Wrong, at_edges
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer import Addition

_NAME = ".gitignore"
_MOST_LINES = 2_000
"""Maximum number of lines: each is matched against all files."""
_LONGEST = 8192
"""Maximum number of characters of a line: twice a path, as each may be escaped."""
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<stars>\*+)|(?P<one>\?)|(?P<text>[^\\\[*?]+)"
    r"|\[(?P<negated>[!^]?)(?P<class>(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[A-Za-z0-9_.~])+)\]",
    re.DOTALL,
)


class GitIgnoreFile(NamedTuple):
    """A `.gitignore` that applies to the context, in it or above it."""

    name: str
    """Path relative to the context."""
    directory: str
    """Its directory in the context; `""` for a file at the top or above it."""
    below: tuple[str, ...]
    """For a file above the context: the names on the way down to the context."""
    lines: list[str]


class CannotSayError(Exception):
    """A builder cannot express the line. The message explains the line, as a clause."""


def from_gitignore(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file with all that git ignores, if the builder can express it.

    Only untracked files that git ignores disappear, and nothing that a trap protects.
    """
    files, hint = [*_files(draft)], "ctxsize suggest proposes patterns by evidence"
    if not files:
        why = "There is no .gitignore in the context or in the repository above it"
        return IgnoreFileChange(impossible=why, hint=hint)
    if sum(bool(line) for file in files for line in file.lines) > _MOST_LINES:
        why = f"The .gitignore files contain more than {_MOST_LINES:,} lines"
        return IgnoreFileChange(impossible=why, hint=hint)
    added: dict[str, Addition] = {}
    meant: list[str] = []
    notes: list[Note] = []
    for file in files:
        path = os.path.normpath(os.path.join(draft.request.context, file.name))
        comment = ""
        for number, line in enumerate(file.lines, 1):
            if line.startswith("#") or not line.strip():
                comment = line.strip("# \r")
                continue
            try:
                text = translate(line, file.directory, file.below, draft.pattern_class)
            except CannotSayError as error:
                notes.append(Note(line.strip(), f"left out: {error}", path, number))
                continue
            if text is not None:
                # If a line occurs twice, the last one counts.
                added.pop(text, None)
                added[text] = Addition(text, f"From {file.name}", comment)
                meant.append(f"{text}/**" if line.rstrip(" \r").endswith("/") else text)
    # Outside of a repository the translated lines decide, if no exception among them is missing.
    is_complete = not any(note.subject.startswith("!") for note in notes)
    spec = draft.trial.spec(meant) if is_complete else None

    def is_ignored(path: str) -> bool:
        if draft.git.covers(path):
            return draft.git.ignores(path)
        return spec is not None and bool(spec.match_file(path))

    def wrong(attempt: Attempt) -> Iterator[Wrong]:
        yield from draft.wrong(attempt)
        for path in attempt.hidden:
            if path not in draft.before.directories and not is_ignored(path):
                word = "does not ignore" if draft.git.first(path) is None else "tracks"
                yield path, f"git {word} {path}, which would disappear"
        yield from draft.kept_back(attempt)

    return draft.change([*added.values()], wrong, notes=notes)


def _files(draft: Draft) -> Iterator[GitIgnoreFile]:
    """Yield every `.gitignore` that applies, outermost first; none inside ignored directories."""
    root = draft.request.root
    found = git.find(root).repository
    if found is not None and root.startswith(f"{found.top.rstrip('/')}/"):
        names = os.path.relpath(root, found.top).split("/")
        for depth in range(len(names)):
            lines = _lines(found.top, "/".join([*names[:depth], _NAME]))
            if any(lines):
                name = "../" * (len(names) - depth) + _NAME
                yield GitIgnoreFile(name, "", tuple(names[depth:]), lines)
    ignores = draft.git.ignores
    for held in draft.tree.directories(lambda e: e.name != ".git" and not ignores(e.path)):
        if held.has(_NAME):
            name = held.prefix + _NAME
            yield GitIgnoreFile(name, held.path, (), _lines(root, name))


def _lines(root: str, path: str) -> list[str]:
    data = small_file(root, path).removeprefix(b"\xef\xbb\xbf")
    return data.decode("utf-8", "surrogateescape").split("\n")


def translate(
    line: str,
    directory: str = "",
    below: Sequence[str] = (),
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> str | None:
    r"""Return the translation of `line` of the `.gitignore` in `directory`; None for nothing.

    No builder distinguishes directories from files, so a `/` at the end is dropped. For a file
    above the context, `below` are the names on the way down to the context; a line for paths
    beside it becomes None. Raises `CannotSayError`.

    >>> [translate(line) for line in ("foo", "/foo", "a/b", "*.py[cod]", "!x", r"\#a", "[!a]")]
    ['**/foo', 'foo', 'a/b', '**/*.py[cod]', '!**/x', '**/#a', '**/[^a/]']
    """
    if len(line) > _LONGEST:
        raise CannotSayError("it is longer than any path")
    line = line.removesuffix("\r")
    kept = line.rstrip(" ")
    # trim_trailing_spaces of git keeps a blank behind a backslash.
    text = line[: len(kept) + (len(kept) - len(kept.rstrip("\\"))) % 2]
    exception = text.startswith("!")
    text = text[exception:].removesuffix("/")
    if not text or line.startswith("#"):
        return None
    in_path = "/" in text
    names = text.removeprefix("/").split("/")
    parts = [_translated(name, pattern_class, in_path=in_path) for name in names]
    if not in_path:
        parts = ["**", *parts]
    for name in below:
        if parts[0] == "**":
            break
        # The slash in front keeps `#` and blanks from being read as those of a line.
        top = pattern_class(f"/{parts[0]}")
        if top.fault is not None:
            raise CannotSayError("the builder rejects it")
        if len(parts) < 2 or top.match_file(name) is None:
            return None
        parts = parts[1:]
    above = [_literal(name, pattern_class) for name in directory.split("/") if name]
    return "!" * exception + at_edges("/".join([*above, *parts]), pattern_class)


def _translated(name: str, pattern_class: type[DockerIgnorePattern], *, in_path: bool) -> str:
    """Return a component of a path, with the wildcards of the builder."""
    if in_path and name == "**":
        return name
    written, at = "", 0
    while at < len(name):
        found = _TOKEN.match(name, at)
        if found is None:
            raise CannotSayError("a class or a backslash in it is unfinished or too complicated")
        if found["stars"]:
            if in_path and len(found["stars"]) > 1:
                raise CannotSayError("two stars beside a name, which git interprets in two ways")
            written += "*"
        elif found["one"]:
            written += "?"
        elif found["class"]:
            # A class of Docker may match a slash: its negation must not.
            written += f"[^{found['class']}/]" if found["negated"] else f"[{found['class']}]"
        else:
            written += _literal(found["escaped"] or found["text"], pattern_class)
        at = found.end()
    if written in ("", ".", ".."):
        raise CannotSayError(f"no file is called {written!r}, so it matches nothing")
    return written


def _literal(text: str, pattern_class: type[DockerIgnorePattern]) -> str:
    return escaped(text, pattern_class, starts=False, ends=False)
