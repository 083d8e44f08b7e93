"""What git ignores, kept out of the build too: translated, tried, and nothing else hidden."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pathspec import GitIgnoreSpec

from ctxsize.engine import git
from ctxsize.engine.memory import Held
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.trial import Attempt
from ctxsize.recommender.evidence import small_file
from ctxsize.recommender.modes.draft import Draft, Wrong
from ctxsize.recommender.modes.gitignore import (
    CannotSayError,
    QuickGitPattern,
    Translated,
    translate,
)
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition

_NAME = ".gitignore"
_MOST_LINES = 2_000
"""Number of lines that are tried: each is held against all files."""
_MOST_KEPT = 5
"""How many tracked files an exception each is worth, rather than to leave out the pattern."""


@dataclass(frozen=True)
class GitIgnoreFile:
    """A `.gitignore` that says something about the context."""

    path: str
    """As a person would name it."""
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
    files = [*_files(draft)]
    if not files:
        return IgnoreFileChange(
            impossible="There is no .gitignore in the context or in the repository above it",
            hint="ctxsize suggest proposes patterns by evidence",
        )
    if sum(map(bool, (line for each in files for line in each.lines))) > _MOST_LINES:
        return IgnoreFileChange(
            impossible=f"The .gitignore files hold more than {_MOST_LINES:,} lines",
            hint="ctxsize suggest proposes patterns by evidence",
        )
    translation = _Translation(draft, files)
    additions = draft.new(translation.additions())
    if not additions:
        return IgnoreFileChange(notes=tuple(translation.notes))
    kept, dropped = _settled(draft, translation, additions)
    notes = [*translation.notes, *dropped]
    if not kept:
        return IgnoreFileChange(notes=tuple(notes))
    attempt = draft.attempt(kept)
    notes += _still_sent(draft, translation, attempt)
    return IgnoreFileChange(attempt.data, tuple(kept), notes=tuple(notes))


def _files(draft: Draft) -> Iterator[GitIgnoreFile]:
    """Yield every `.gitignore` that counts, outermost first; none inside what git ignores."""
    root = draft.request.root
    found = git.find(root).repository
    if found is not None and root.startswith(f"{found.top.rstrip('/')}/"):
        names = os.path.relpath(root, found.top).split("/")
        for depth in range(len(names)):
            at = "/".join([*names[:depth], _NAME])
            lines = _lines(small_file(found.top, at))
            if any(lines):
                up = "../" * (len(names) - depth)
                shown = os.path.normpath(os.path.join(draft.request.context, up, _NAME))
                yield GitIgnoreFile(shown, up + _NAME, "", tuple(names[depth:]), lines)
    pending = [draft.tree.root]
    while pending:
        held = pending.pop()
        if held.has(_NAME):
            lines = _lines(small_file(root, held.prefix + _NAME))
            shown = os.path.normpath(os.path.join(draft.request.context, held.prefix + _NAME))
            yield GitIgnoreFile(shown, held.prefix + _NAME, held.path, (), lines)
        pending += (each for each in reversed(held.folders) if _is_source(draft, each))


def _is_source(draft: Draft, held: Held) -> bool:
    return held.name != ".git" and not draft.git.ignores(held.path)


def _lines(data: bytes) -> tuple[str, ...]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    return tuple(text.split("\n"))


def _spec(lines: tuple[str, ...]) -> GitIgnoreSpec:
    """Return the patterns among `lines`; what is none, as `[z-a]`, matches nothing for git too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `re`, about `[[:foo:]]`
        try:
            return GitIgnoreSpec.from_lines(lines, QuickGitPattern)
        except (ValueError, re.error):
            return GitIgnoreSpec.from_lines(filter(_is_pattern, lines), QuickGitPattern)


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


class _Translation:
    """The lines of all files, translated, and what git says about each path."""

    def __init__(self, draft: Draft, files: list[GitIgnoreFile]) -> None:
        self._draft = draft
        self._files = files
        self.notes: list[Note] = []
        self._specs = [(each.directory, each.below, _spec(each.lines)) for each in files]

    def additions(self) -> list[Addition]:
        """Return the lines for an ignore file, in the order in which git reads them."""
        added: dict[str, Addition] = {}
        for file in self._files:
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
        return list(added.values())

    def _translated(self, file: GitIgnoreFile, number: int, line: str) -> str:
        pattern_class = self._draft.request.builder.spec_class.pattern_class
        try:
            found = translate(
                line, directory=file.directory, below=file.below, pattern_class=pattern_class
            )
        except CannotSayError as error:
            self.notes.append(Note(line.strip(), f"left out: {error}", file.path, number))
            return ""
        if found is None:
            return ""
        if found.directories_only and self._names_a_file(found):
            why = (
                "no builder tells directories from files, and there is a file of that name: "
                f"{found.contents} takes what is in the directory"
            )
            self.notes.append(Note(line.strip(), why, file.path, number))
            return found.contents
        return found.line

    def _names_a_file(self, found: Translated) -> bool:
        pattern = self._draft.request.builder.spec_class.pattern_class(found.line.removeprefix("!"))
        directories = self._draft.before.directories
        matching = (path for path in self._draft.before.paths if pattern.match_file(path))
        # A builder's pattern may match all that is below a match, too.
        return any(
            path not in directories and not pattern.match_file(path.rpartition("/")[0] or ".")
            for path in matching
        )

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Return the files that would be sent, that git ignores and does not track."""
        sent = self._draft.before
        return frozenset(
            path for path in sent.paths if path not in sent.directories and self.ignores(path)
        )

    def ignores(self, path: str) -> bool:
        """Return whether git ignores an untracked file: git's own word where there is one."""
        if self._draft.git.covers(path):
            return self._draft.git.first(path) is None and self._draft.git.ignores(path)
        ends = [at for at, char in enumerate(path) if char == "/"]
        return any(self._reads(f"{path[:end]}/") for end in ends) or self._reads(path)

    def _reads(self, path: str) -> bool:
        """Return whether the lines ignore a path (a directory with its slash); innermost decide."""
        for directory, below, spec in reversed(self._specs):
            prefix = f"{directory}/" if directory else ""
            if path.startswith(prefix):
                inner = "/".join([*below, path[len(prefix) :]])
                verdict = spec.check_file(inner).include
                if verdict is not None:
                    return verdict
        return False

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do, and what disappears that git does not ignore."""
        yield from self._draft.wrong(attempt)
        yield from ((path, self._why_not(path)) for path in self.strays(attempt))
        for path in attempt.hidden:
            if path in self._forbidden:
                yield path, f"{path} must stay: {self._forbidden[path]}"

    @cached_property
    def _forbidden(self) -> dict[str, str]:
        """Return what an image takes from here without installing it, and `.git` if it is asked."""
        return self._draft.forbidden(["no_install_step", "scm_version_in_build"])

    def strays(self, attempt: Attempt) -> list[str]:
        """Return the files that disappear and are none that git ignores."""
        directories = self._draft.before.directories
        hidden = attempt.hidden
        return [path for path in hidden if path not in self.ignored and path not in directories]

    def _why_not(self, path: str) -> str:
        tracked = self._draft.git.covers(path) and self._draft.git.first(path) is not None
        return f"{path} would disappear, which git {'tracks' if tracked else 'does not ignore'}"


def _settled(
    draft: Draft, translation: _Translation, additions: list[Addition]
) -> tuple[list[Addition], list[Note]]:
    """Return the lines that hide just what git ignores, with exceptions for a few tracked files."""
    whole = draft.settled(additions, lambda attempt: draft.needed(attempt))[0]
    exceptions = _exceptions(draft, translation, whole)
    kept, notes = draft.settled([*additions, *exceptions], translation.wrong)
    if all(each in exceptions for each in kept):
        return [], notes
    useful = [each for each in kept if each not in exceptions or draft.matters(kept, each)]
    proved = draft.either(useful, kept, translation.wrong)
    # A line that is there may have made exceptions necessary, which are there too.
    fresh = draft.either(draft.new(proved), proved, translation.wrong)
    return ([] if all(each in exceptions for each in fresh) else fresh), notes


def _exceptions(
    draft: Draft, translation: _Translation, additions: list[Addition]
) -> list[Addition]:
    """Return an exception for each tracked file that a line would hide, where they are few."""
    if not additions:
        return []
    attempt = draft.attempt(additions)
    strays: dict[str, list[str]] = {}
    for path in translation.strays(attempt):
        strays.setdefault(attempt.decider(path) or "", []).append(path)
    pattern_class = draft.request.builder.spec_class.pattern_class
    few = [path for paths in strays.values() if len(paths) <= _MOST_KEPT for path in paths]
    patterns = [pattern_for(path, pattern_class=pattern_class) for path in few]
    return [Addition(f"!{each}", "Tracked by git, so it stays") for each in patterns if each]


def _still_sent(draft: Draft, translation: _Translation, attempt: Attempt) -> Iterator[Note]:
    """Yield a note if the builder is still sent what git ignores."""
    left = sorted(path for path in translation.ignored if path in attempt.sent)
    if left:
        more = f" and {len(left) - 1:,} more files" if len(left) > 1 else ""
        yield Note(left[0], f"is still sent{more}, though git ignores it: see what was left out")
