"""What a mode would make of an ignore file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ctxsize.findings import Edit
from ctxsize.writer.merge import Addition


@dataclass(frozen=True)
class Removed:
    """A line that goes, and why nothing is lost with it."""

    line: int
    """1-based."""
    text: str
    why: str


@dataclass(frozen=True)
class Note:
    """Something that stays as it is, or was left out, and why."""

    subject: str
    """A pattern, a line or a path."""
    why: str
    line: int | None = None
    """In the file that `subject` was read from."""


@dataclass(frozen=True)
class Plan:
    """An ignore file before and after, with the reasons; proved on the tree at hand."""

    kind: ClassVar[str] = "plan"

    mode: str
    path: str
    """The ignore file, as the user would name it."""
    before: bytes | None
    after: bytes | None
    """Equal to `before` where nothing is to be done."""
    added: tuple[Addition, ...] = ()
    removed: tuple[Removed, ...] = ()
    notes: tuple[Note, ...] = ()
    impossible: str = ""
    """Why there is no such plan."""
    hint: str = ""
    """What would make it possible."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edit that carries it out, none where nothing changes."""
        if self.after is None or self.after == self.before:
            return ()
        return (Edit(self.path, self.before, self.after),)
