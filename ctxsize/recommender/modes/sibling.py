"""The same coverage as another service's ignore file, as far as it is safe here."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxsize.engine.covers import covers, is_literal
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.modes.draft import Draft, Wrong
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.recommender.sources import is_build_input
from ctxsize.writer.merge import Addition


def like(draft: Draft, other: IgnoreFile) -> IgnoreFileChange:
    """Return the ignore file with what `other` keeps out of its context, translated to this one.

    Raises `IgnoreFileError` if `other` would fail a build.
    """
    parity = _Parity(draft, other)
    additions = parity.additions()
    optional = [each for each in additions if each.line.startswith("!")]
    return draft.change(additions, parity.wrong, notes=parity.notes, optional=optional)


class _Parity:
    """Another file's lines, in the words of this context."""

    def __init__(self, draft: Draft, other: IgnoreFile) -> None:
        self._draft = draft
        self._other = other
        self.notes: list[Note] = []
        spec_class = draft.request.builder.spec_class
        self._pattern_class = spec_class.pattern_class
        try:
            self._patterns = list(spec_class.from_lines(other.texts()).patterns)
        except IgnoreFileError as error:
            error.path = other.path
            raise
        self._theirs = os.path.realpath(os.path.dirname(other.path) or ".")
        self._ours = draft.request.root

    def additions(self) -> list[Addition]:
        """Return the lines to add, in the order of the other file."""
        added: dict[str, Addition] = {}
        name = os.path.basename(self._other.path)
        at = os.path.join(self._theirs, name)
        heading = f"As in {os.path.relpath(at, self._ours)}"
        for pattern in self._patterns:
            text = self._translated(pattern)
            if text and not self._is_there(pattern, text):
                line = "!" * (not pattern.include) + text
                added.pop(line, None)
                added[line] = Addition(line, heading)
        return list(added.values())

    def _note(self, pattern: DockerIgnorePattern, why: str) -> None:
        text = self._other.texts()[pattern.line - 1].strip()
        self.notes.append(Note(text, why, self._other.path, pattern.line))

    def _translated(self, pattern: DockerIgnorePattern) -> str:
        """Return the text of `pattern` for this context, `""` where it is about something else."""
        text = self._renamed(pattern.text)
        if pattern.fault is not None or text.startswith("../") or text in (".", "..", "/"):
            self._note(pattern, "left out: it matches nothing")
            return ""
        if text.startswith("**"):
            return text
        moved = self._moved(text)
        if moved is None:
            self._note(pattern, "left out: it is about another directory")
            return ""
        made = self._pattern_class(moved)
        absent = "/" in moved and is_literal(made) and self._draft.tree.entry(moved) is None
        if absent and not moved.startswith("**"):
            self._note(pattern, "left out: there is no such path here")
            return ""
        return moved

    def _renamed(self, text: str) -> str:
        """Return `text` with the name of our directory where the other one's stands."""
        theirs, ours = os.path.basename(self._theirs), os.path.basename(self._ours)
        parts = [ours if part == theirs else part for part in text.split("/")]
        return "/".join(parts)

    def _moved(self, text: str) -> str | None:
        """Return `text` as seen from our directory, where one of the two contains the other."""
        if self._ours.startswith(f"{self._theirs.rstrip('/')}/"):
            names = os.path.relpath(self._ours, self._theirs).split("/")
            parts = text.split("/")
            for name in names:
                if len(parts) < 2 or not self._names(parts[0], name):
                    return text if len(parts) == 1 and not self._names(parts[0], name) else None
                parts = parts[1:]
            return "/".join(parts)
        if self._theirs.startswith(f"{self._ours.rstrip('/')}/"):
            return f"{os.path.relpath(self._theirs, self._ours)}/{text}"
        return text

    def _names(self, part: str, name: str) -> bool:
        return part == name or self._pattern_class(part).match_file(name) is not None

    def _is_there(self, pattern: DockerIgnorePattern, text: str) -> bool:
        """Return whether a pattern of ours covers it, behind all our exceptions."""
        if not pattern.include:
            return False
        ours = self._draft.request.spec.patterns
        last = max((at for at, each in enumerate(ours) if not each.include), default=-1)
        made = self._pattern_class(text)
        return any(covers(each, made) is not None for each in ours[last + 1 :])

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do, and what disappears that builds need."""
        yield from self._draft.wrong(attempt)
        hidden = frozenset(attempt.hidden)
        # What is in a directory that goes as a whole belongs to it.
        top_level = (path for path in attempt.hidden if path.rpartition("/")[0] not in hidden)
        tops = dict.fromkeys(top_level)
        for path, why in self._draft.kept_back(attempt):
            if path in tops:
                yield path, why
        for path in tops:
            if is_build_input(path.rpartition("/")[2]) and self._is_tracked(path):
                yield path, f"{path} would disappear, which builds read"

    def _is_tracked(self, path: str) -> bool:
        """Return whether git tracks it, or there is no git to say so."""
        git = self._draft.git
        return not git.covers(path) or git.first(path) is not None
