"""Translate what git ignores into patterns of Docker that hide nothing else.

Git matches a name at any depth, distinguishes directories from files, negates a class with `!`
and reads a backslash only as an escape. Docker does none of this. The behaviour of git is in its
`dir.c` and `wildmatch.c`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ctxsize.engine import git
from ctxsize.engine.golang import GoRegexpError
from ctxsize.engine.patterns import DockerIgnorePattern, compiled, escaped, is_plain, pattern_for
from ctxsize.engine.trial import Attempt
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Draft, Wrong
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition

_NAME = ".gitignore"
_HEADING = "Not ignored by git, so it stays"
_KEPT_BACK = ("no_install_step", "scm_version_in_build")
"""Names of the traps for dependencies that an image does not install, and for `.git`."""
_MOST_LINES = 2_000
"""Maximum number of lines: each is matched against all files."""
_MOST_KEPT = 5
"""Maximum number of tracked files with exceptions; with more, the pattern is left out."""
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|\[(?P<negated>[!^]?)(?P<class>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]"
    r"|(?P<stars>\*+)|(?P<one>\?)|(?P<slash>/)|(?P<text>.)",
    re.DOTALL,
)
_IN_CLASS = re.compile(r"(\[:[a-z]+:\])|(?:\\(.)|(.))(?:-(?:\\(.)|([^\]\\])))?", re.DOTALL)
_UNFINISHED = {"[": "a class without an end", "\\": "a backslash at its end"}
_LONGEST = 8192
"""Maximum number of characters of a line: twice a path, as each may be escaped."""


@dataclass(frozen=True)
class GitIgnoreFile:
    """A `.gitignore` that applies to the context."""

    name: str
    """Path relative to the context."""
    directory: str
    """Its directory in the context; `""` for a file at the top or above it."""
    below: tuple[str, ...]
    """For a file above the context: the names on the way down to the context."""
    lines: tuple[str, ...]


def from_gitignore(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file with all that git ignores, if the builder can express it.

    Only untracked files that git ignores disappear. The sources of Dockerfiles stay, and so do
    dependencies that no Dockerfile installs.
    """
    files, hint = [*_files(draft)], "ctxsize suggest proposes patterns by evidence"
    if not files:
        return IgnoreFileChange(
            impossible="There is no .gitignore in the context or in the repository above it",
            hint=hint,
        )
    if sum(map(bool, (line for each in files for line in each.lines))) > _MOST_LINES:
        return IgnoreFileChange(
            impossible=f"The .gitignore files contain more than {_MOST_LINES:,} lines", hint=hint
        )
    translation = _Translation(draft, files)
    additions = translation.additions
    exceptions = translation.exceptions(draft.settled(additions, translation.lacking)[0])
    return draft.change([*additions, *exceptions], translation.wrong, notes=translation.notes)


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


def _lines(root: str, path: str) -> tuple[str, ...]:
    data = small_file(root, path).removeprefix(b"\xef\xbb\xbf")
    return tuple(data.decode("utf-8", "surrogateescape").split("\n"))


class _Translation:
    """The translated lines of all files, and the verdict of git on each path."""

    def __init__(self, draft: Draft, files: list[GitIgnoreFile]) -> None:
        self._draft = draft
        self.notes: list[Note] = []
        added: dict[str, Addition] = {}
        meant: dict[str, str] = {}
        for file in files:
            comment = ""
            for number, line in enumerate(file.lines, 1):
                if line.startswith("#"):
                    comment = line.strip("# \r")
                elif not line.strip():
                    comment = ""
                elif text := self._translated(file, number, line):
                    # If a line occurs twice, the last one counts.
                    added.pop(text, None)
                    meant.pop(text, None)
                    added[text] = Addition(text, f"From {file.name}", comment)
                    meant[text] = f"{text}/**" if line.rstrip(" \r").endswith("/") else text
        self.additions = draft.new([*added.values()])
        """The lines for an ignore file, in the order in which git reads them."""
        all_translated = not any(note.subject.startswith("!") for note in self.notes)
        self._spec = draft.trial.spec(meant.values()) if all_translated else None
        """All lines as a spec; None if an exception has no translation, or the spec is invalid."""

    def _translated(self, file: GitIgnoreFile, number: int, line: str) -> str:
        kind = self._draft.pattern_class
        try:
            found = translate(line, directory=file.directory, below=file.below, pattern_class=kind)
        except CannotSayError as error:
            path = os.path.normpath(os.path.join(self._draft.request.context, file.name))
            self.notes.append(Note(line.strip(), f"left out: {error}", path, number))
            return ""
        return found or ""

    def exceptions(self, additions: list[Addition]) -> list[Addition]:
        """Return exceptions for the paths that only the builder would ignore, if they are few."""
        attempt = self._draft.attempt(additions)
        strays: dict[str, list[str]] = {}
        for path in self._strays(attempt):
            strays.setdefault(attempt.decider(path) or "", []).append(path)
        few = (path for paths in strays.values() if len(paths) <= _MOST_KEPT for path in paths)
        patterns = (pattern_for(path, pattern_class=self._draft.pattern_class) for path in few)
        return [Addition(f"!{each}", _HEADING) for each in patterns if each]

    def lacking(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield the paths that a build would miss and that get no exception."""
        yield from self._draft.needed(attempt)
        yield from self._draft.kept_back(attempt, _KEPT_BACK)

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do, and hidden paths that git does not ignore."""
        yield from self._draft.wrong(attempt)
        for path in self._strays(attempt):
            word = "does not ignore" if self._draft.git.first(path) is None else "tracks"
            yield path, f"git {word} {path}, which would disappear"
        yield from self._draft.kept_back(attempt, _KEPT_BACK)

    def _strays(self, attempt: Attempt) -> Iterator[str]:
        for path in attempt.hidden:
            if path not in self._draft.before.directories and not self._is_ignored(path):
                yield path

    def _is_ignored(self, path: str) -> bool:
        # Outside of a repository the translated lines decide. Git itself would ignore as much or
        # more: it never re-includes a path in an ignored directory.
        if self._draft.git.covers(path):
            return self._draft.git.ignores(path)
        return self._spec is not None and self._spec.match_file(path)


class CannotSayError(Exception):
    """A builder cannot express the line. The message explains the line, as a clause."""


class _Token(NamedTuple):
    text: str
    is_literal: bool = False
    """True if its characters are literal; False for a wildcard."""


_Part = list[_Token]
"""A component of a path."""
_STAR = _Token("*")
_ANYWHERE = [_Token("**")]
"""The component `**`."""


def translate(
    line: str,
    *,
    directory: str = "",
    below: Sequence[str] = (),
    pattern_class: type[DockerIgnorePattern] = DockerIgnorePattern,
) -> str | None:
    r"""Return the translation of `line` of the `.gitignore` in `directory`; None for nothing.

    The result is a line of an ignore file, with `!` for an exception. No builder distinguishes
    directories from files, so a `/` at the end is dropped. For a file above the context, `below`
    are the names on the way down to the context; a line for paths beside it becomes None.
    Raises `CannotSayError`.

    >>> [translate(line) for line in ("foo", "/foo", "a/b", "*.py[cod]", "!x", r"\#a", "[!a]")]
    ['**/foo', 'foo', 'a/b', '**/*.py[cod]', '!**/x', '**/#a', '**/[^a/]']
    """
    if len(line) > _LONGEST:
        raise CannotSayError("it is longer than any path")
    text = _read(line)
    exception = text.startswith("!")
    text = text[exception:]
    directories_only = text.endswith("/")
    text = text[: len(text) - directories_only]
    if not text or (text == "/" and not directories_only):
        return None
    parts = _parts(text.removeprefix("/"), in_path="/" in text)
    if "/" not in text:
        parts = [_ANYWHERE, *parts]
    inside = _below(parts, below)
    if inside is None:
        return None
    above = [[_Token(name, is_literal=True)] for name in directory.split("/") if name]
    return "!" * exception + _written(above + inside, pattern_class)


def _read(line: str) -> str:
    """Return the line as git reads it: no comments, no unescaped blanks at the end."""
    line = line.removesuffix("\r")
    if line.startswith("#"):
        return ""
    kept = line.rstrip(" ")
    is_escaped = (len(kept) - len(kept.rstrip("\\"))) % 2 == 1
    return line[: len(kept) + 1] if is_escaped else kept


def _parts(text: str, *, in_path: bool) -> list[_Part]:
    """Return the components of `text`, with the wildcards of the builder."""
    parts: list[_Part] = [[]]
    for found in _TOKEN.finditer(text):
        if found["slash"]:
            parts.append([])
        elif found["stars"]:
            several = in_path and len(found["stars"]) > 1
            parts[-1].append(_Token(found["stars"]) if several else _STAR)
        elif found["one"]:
            parts[-1].append(_Token("?"))
        elif found["class"] is not None:
            parts[-1].append(_Token(_class(found["negated"] != "", found["class"])))
        elif found["text"] in _UNFINISHED:
            raise CannotSayError(f"{_UNFINISHED[found['text']]} matches nothing")
        else:
            before = parts[-1].pop().text if parts[-1] and parts[-1][-1].is_literal else ""
            parts[-1].append(_Token(before + (found["escaped"] or found["text"]), is_literal=True))
    for part in parts:
        name = "".join(token.text for token in part)
        if name in ("", ".", ".."):
            raise CannotSayError(f"no file is called {name!r}, so it matches nothing")
        if part != _ANYWHERE and any(
            token.text[:2] == "**" for token in part if not token.is_literal
        ):
            raise CannotSayError("two stars beside a name, which git interprets in two ways")
    return parts


def _class(negated: bool, inner: str) -> str:
    """Return a class in the syntax of the builder: `^` negates, and must not match a slash."""
    items = []
    for named, *ends in _IN_CLASS.findall(inner):
        if named:
            items.append(named)
            continue
        low, high = ends[0] or ends[1], ends[2] or ends[3]
        if (high and low <= "/" <= high) or (low == "/" and not negated):
            raise CannotSayError("a class that includes the slash, which it must not match")
        items.append(_in_class(low) + (f"-{_in_class(high)}" if high else ""))
    return f"[{'^' * negated}{''.join(items)}{'/' * negated}]"


def _in_class(char: str) -> str:
    return f"\\{char}" if char in "\\]^[-*?!" else char


def _below(parts: list[_Part], names: Sequence[str]) -> list[_Part] | None:
    """Return `parts` relative to the context; None if they lead elsewhere."""
    for name in names:
        if parts[0] == _ANYWHERE:
            break
        if len(parts) < 2 or not _matches(parts[0], name):
            return None
        parts = parts[1:]
    return parts


def _matches(part: _Part, name: str) -> bool:
    wild = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(
        re.escape(each.text) if each.is_literal else wild.get(each.text, each.text) for each in part
    )
    try:
        return compiled(f"^{text}$").search(name) is not None
    except GoRegexpError:
        return False


def _written(parts: list[_Part], pattern_class: type[DockerIgnorePattern]) -> str:
    """Return the pattern: literal if the builder reads it so, else escaped as needed."""
    leading, trailing = parts[0] == _ANYWHERE, len(parts) > 1 and parts[-1] == _ANYWHERE
    middle = parts[leading : len(parts) - trailing]
    text = "/".join("".join(token.text for token in part) for part in middle)
    literal = all(token.is_literal for part in middle for token in part)
    edges = text[:1] + text[-1:]
    plain = literal and is_plain(text, pattern_class) and edges.strip() == edges
    if plain and not (leading and trailing) and (leading or text[0] not in "#!\ufeff"):
        return "**/" * leading + text + "/**" * trailing
    names = [
        "".join(
            escaped(
                token.text,
                pattern_class,
                starts=not leading and at == 0 and index == 0,
                ends=not trailing and at == len(middle) - 1 and index == len(part) - 1,
            )
            if token.is_literal
            else token.text
            for index, token in enumerate(part)
        )
        for at, part in enumerate(middle)
    ]
    return "/".join(["**"] * leading + names + ["**"] * trailing)
