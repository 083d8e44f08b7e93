"""The engine of the explorer: lines proposed for an ignore file, and the exact figures with them.

Everything is computed on one snapshot, in memory; only `explain` looks at the disk again, and
`write` writes. One thread at a time uses a session, except that `suggestions` may run beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ctxsize.build import Build
from ctxsize.engine.events import Progress, Steps
from ctxsize.findings import Edit
from ctxsize.model import Amount, Problem
from ctxsize.recommender.outcome import Size, Suggestion

Kept = Literal["travels", "context", "ignored", "mixed"]
"""The fate of an entry under the present lines; for a directory, of all that is in it.

`context` stays in the context only: this build takes none of it, or what it takes is not known.
"""
Origin = Literal["file", "proposed", "suggested", "comment"]
"""Where a line comes from; `comment` is a comment or a blank line that would be new."""


class TreeEntry(NamedTuple):
    """An entry of the context under the present lines."""

    path: str  # relative to the context, `""` for the context itself
    is_directory: bool
    fate: Kept
    context: Amount  # what the present lines leave of it
    transfer: Amount | None  # what this build takes of that; None if that is not known
    on_disk: Amount  # ignored files included
    pattern: str  # that decides about the entry itself, as written; `""` if none matches
    line: int  # of the pattern, in `Session.lines`; 0 if the builder adds it or none matches

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]


class IgnoreLine(NamedTuple):
    """A line of the ignore file as it would be."""

    text: str  # without its end; undecodable bytes as surrogate escapes
    origin: Origin


class Offer(NamedTuple):
    """A proved suggestion, and whether its lines are on."""

    suggestion: Suggestion  # its `patterns`, `size`, `safe`, `doubts`, `comment`, `paths`
    chosen: bool


class Session:
    """A build's context, and an ignore file that is being edited in memory."""

    before: Size
    """The size at the opening: `context`, and `transfer`, which is None if that is not known."""
    now: Size
    """The size with the present lines."""
    lost: tuple[str, ...]
    """For each COPY, ADD or mount that loses its source by the present lines: a sentence."""
    lines: tuple[IgnoreLine, ...]
    """The ignore file as it would be."""
    problems: tuple[Problem, ...]
    """Problems: entries that could not be read, and figures that are not known."""
    ignore_file: str
    """The path of the ignore file that is used, or of the one that would be created."""

    @classmethod
    def open(
        cls, build: Build, *, progress: Progress | None = None, steps: Steps | None = None
    ) -> Session:
        """Return a session for `build`. It reads the whole context, which can take seconds.

        Raises what `measure` raises.
        """
        raise NotImplementedError

    # The tree.

    @property
    def root(self) -> TreeEntry:
        """Return the context itself."""
        raise NotImplementedError

    def entry(self, path: str) -> TreeEntry:
        """Return the entry at `path`. Raises `KeyError` if the context has none."""
        raise NotImplementedError

    def children(self, path: str) -> list[TreeEntry]:
        """Return the entries of a directory: by bytes in the context, then those ignored."""
        raise NotImplementedError

    def largest(self) -> str:
        """Return the path of the entry on which the tree starts: most of the bytes are in it."""
        raise NotImplementedError

    def matching(self, text: str, *, most: int = 200) -> tuple[list[TreeEntry], int]:
        """Return the outermost entries whose path contains `text`, in any case, and their number.

        Of more than `most` these are the largest. A `text` without `/` is searched in names.
        """
        raise NotImplementedError

    # The lines. Each of the next three raises `InputError` with the reason if it is refused; then
    # nothing has changed. Otherwise `now`, `lost`, `lines` and the tree show the new state.

    def propose(self, path: str, *, everywhere: bool = False) -> tuple[str, ...]:
        """Add the line that ignores the entry at `path`, or all entries of its name `everywhere`.

        If nothing of the entry is in the context, the line is an exception that brings it back.
        A line that was proposed before is taken back instead. Returns the lines added, or `()`.
        """
        raise NotImplementedError

    def toggle(self, index: int) -> None:
        """Switch the suggestion at `index` of `suggestions()` on, or off again."""
        raise NotImplementedError

    def undo(self) -> bool:
        """Take the last `propose` or `toggle` back; return False if there is none."""
        raise NotImplementedError

    def suggestions(self, *, steps: Steps | None = None) -> Sequence[Offer]:
        """Return the suggestions of `ctxsize suggest`, safe ones first, then by size.

        The first call takes longer and may run in another thread. None is on at first. Raises what
        `suggest` raises, for instance for a Dockerfile that the builder rejects.
        """
        raise NotImplementedError

    # The file.

    def edit(self) -> Edit | None:
        """Return the change of the ignore file; None if there is none. It has both contents."""
        raise NotImplementedError

    def write(self) -> tuple[Problem, ...]:
        """Write the ignore file, and return notes about it for the user.

        Its lines are then lines of the file, and those suggestions that are on are no longer
        offered; `before` stays. Raises `InputError` if the file changed or cannot be written.
        """
        raise NotImplementedError

    def explain(self, path: str, *, width: int = 80) -> str:
        """Return the text of `ctxsize explain --trace` for `path`, with the present lines."""
        raise NotImplementedError
