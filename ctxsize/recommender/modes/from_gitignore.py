"""What git ignores, kept out of the build too: translated, tried, and nothing else hidden."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ctxsize.engine import git
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.trial import Attempt
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Draft, Wrong
from ctxsize.recommender.modes.gitignore import CannotSayError, translate
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition

_NAME = ".gitignore"
_KEPT_BACK = ("no_install_step", "scm_version_in_build")
"""The traps of what an image takes from here without installing it, and of `.git`."""
_MOST_LINES = 2_000
"""Number of lines that are tried: each is held against all files."""
_MOST_KEPT = 5
"""How many tracked files an exception each is worth, rather than to leave out the pattern."""


@dataclass(frozen=True)
class GitIgnoreFile:
    """A `.gitignore` that says something about the context."""

    name: str
    """Relative to the context."""
    directory: str
    """In the context; `""` for one at its top or above it."""
    below: tuple[str, ...]
    """For one above the context: the names on the way down to it."""
    lines: tuple[str, ...]


def from_gitignore(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file with all that git ignores, as far as a builder has patterns for it.

    Just untracked files that git ignores disappear; what a Dockerfile takes stays, and so do
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
            impossible=f"The .gitignore files hold more than {_MOST_LINES:,} lines", hint=hint
        )
    translation = _Translation(draft)
    additions = draft.new([*translation.additions(files)])
    exceptions = translation.exceptions(draft.settled(additions, draft.needed)[0])
    all_lines, notes = [*additions, *exceptions], translation.notes
    change = draft.change(all_lines, translation.wrong, notes=notes, optional=exceptions)
    if not change.added:
        return change
    left = translation.still_sent(draft.attempt(change.added))
    return replace(change, notes=(*change.notes, *left))


def _files(draft: Draft) -> Iterator[GitIgnoreFile]:
    """Yield every `.gitignore` that counts, outermost first; none inside what git ignores."""
    root = draft.request.root
    found = git.find(root).repository
    if found is not None and root.startswith(f"{found.top.rstrip('/')}/"):
        names = os.path.relpath(root, found.top).split("/")
        for depth in range(len(names)):
            lines = _lines(small_file(found.top, "/".join([*names[:depth], _NAME])))
            if any(lines):
                name = "../" * (len(names) - depth) + _NAME
                yield GitIgnoreFile(name, "", tuple(names[depth:]), lines)
    pending = [draft.tree.root]
    while pending:
        held = pending.pop()
        if held.has(_NAME):
            name = held.prefix + _NAME
            yield GitIgnoreFile(name, held.path, (), _lines(small_file(root, name)))
        pending += (
            each
            for each in reversed(held.folders.values())
            if each.name != ".git" and not draft.git.ignores(each.path)
        )


def _lines(data: bytes) -> tuple[str, ...]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    return tuple(text.split("\n"))


class _Translation:
    """The lines of all files, translated, and what git says about each path."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._spec: DockerIgnoreSpec | None = None
        """All lines for a builder; None if it cannot read one, or has none for an exception."""
        self.notes: list[Note] = []

    def additions(self, files: list[GitIgnoreFile]) -> list[Addition]:
        """Return the lines for an ignore file, in the order in which git reads them."""
        added: dict[str, Addition] = {}
        for file in files:
            comment = ""
            for number, line in enumerate(file.lines, 1):
                if line.startswith("#"):
                    comment = line.strip("# \r")
                elif not line.strip():
                    comment = ""
                else:
                    text = self._translated(file, number, line)
                    # Of two that are the same the last one counts.
                    added.pop(text, None)
                    if text:
                        added[text] = Addition(text, f"From {file.name}", comment)
        if not any(note.subject.startswith("!") for note in self.notes):
            self._spec = self._draft.trial.spec([*added])
        return list(added.values())

    def _translated(self, file: GitIgnoreFile, number: int, line: str) -> str:
        path = os.path.normpath(os.path.join(self._draft.request.context, file.name))
        try:
            found = translate(
                line,
                directory=file.directory,
                below=file.below,
                pattern_class=self._draft.pattern_class,
            )
        except CannotSayError as error:
            self.notes.append(Note(line.strip(), f"left out: {error}", path, number))
            return ""
        if found is None:
            return ""
        if not (found.directories_only and self._names_a_file(found.line.removeprefix("!"))):
            return found.line
        # The content of such a directory; a file of that name has none.
        contents = f"{found.line}/**"
        why = (
            "no builder tells directories from files, and there is a file of that name: "
            f"{contents} takes what is in the directory"
        )
        self.notes.append(Note(line.strip(), why, path, number))
        return contents

    def _names_a_file(self, text: str) -> bool:
        pattern, before = self._draft.pattern_class(text), self._draft.before
        files = (path for path in before.paths if path not in before.directories)
        # A builder's pattern may match all that is below a match, too.
        return any(
            pattern.match_file(path) and not pattern.match_file(path.rpartition("/")[0] or ".")
            for path in files
        )

    def exceptions(self, additions: list[Addition]) -> list[Addition]:
        """Return an exception for each tracked file that a line would hide, where they are few."""
        attempt = self._draft.attempt(additions)
        strays: dict[str, list[str]] = {}
        for path in self._strays(attempt):
            strays.setdefault(attempt.decider(path) or "", []).append(path)
        few = (path for paths in strays.values() if len(paths) <= _MOST_KEPT for path in paths)
        patterns = (pattern_for(path, pattern_class=self._draft.pattern_class) for path in few)
        return [Addition(f"!{each}", "Tracked by git, so it stays") for each in patterns if each]

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do, and what disappears that git does not ignore."""
        yield from self._draft.wrong(attempt)
        for path in self._strays(attempt):
            word = "does not ignore" if self._draft.git.first(path) is None else "tracks"
            yield path, f"{path} would disappear, which git {word}"
        yield from self._draft.kept_back(attempt, _KEPT_BACK)

    def _strays(self, attempt: Attempt) -> list[str]:
        """Return the files that disappear and that git does not ignore."""
        directories = self._draft.before.directories
        files = (path for path in attempt.hidden if path not in directories)
        return [path for path in files if not self._is_ignored(path)]

    def _is_ignored(self, path: str) -> bool:
        """Return whether git ignores an untracked file.

        Where git says nothing of it, its lines do as a builder reads them. Git ignores as much
        or more: it brings nothing back that lies in an ignored directory.
        """
        known = self._draft.git
        if known.covers(path):
            return known.ignores(path) and known.first(path) is None
        return self._spec is not None and self._spec.match_file(path)

    def still_sent(self, attempt: Attempt) -> Iterator[Note]:
        """Yield a note if the builder is still sent what git ignores."""
        files = (path for path in attempt.sent.paths if path not in attempt.sent.directories)
        left = sorted(filter(self._is_ignored, files))
        if left:
            more = f" and {len(left) - 1:,} more files" if len(left) > 1 else ""
            why = f"is still sent{more}, though git ignores it: see what was left out"
            yield Note(left[0], why)
