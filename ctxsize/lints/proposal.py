"""A change of some lines of an ignore file, before anything is proved about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctxsize.engine.ignorefile import BOM, IgnoreFile
from ctxsize.writer.merge import edit_lines

NOTHING: frozenset[str] = frozenset()
"""What a change means that moves comments or drops lines without effect."""


@dataclass(frozen=True)
class Proposal:
    """A change of some lines, and the paths that it means to change."""

    message: str
    """As an order: "write `**/node_modules`"."""
    lines: Mapping[int, str | None] = field(default_factory=dict)
    """New texts by line; None removes a line, and a line end separates several."""
    append: str | None = None
    """A line to add at the end, or several."""
    drops_bom: bool = False
    means: frozenset[str] | None = None
    """The paths that shall be sent no more, or sent from now on; None if that is not known."""
    without_tree: bool = False
    """Whether it follows from the text alone that it changes what it means to."""

    @classmethod
    def write(cls, number: int, text: str, *, means: frozenset[str] | None = None) -> Proposal:
        """Return the change that puts `text` in place of a line."""
        return cls(f"write {text}", {number: text}, means=means)

    @classmethod
    def remove(cls, number: int, *, means: frozenset[str] | None = None) -> Proposal:
        """Return the change that removes a line."""
        return cls("remove the line", {number: None}, means=means)

    @classmethod
    def last(cls, number: int, text: str) -> Proposal:
        """Return the change that moves an exception behind all that undoes it."""
        return cls("put the exception last", {number: None}, append=text)

    @property
    def added(self) -> tuple[str, ...]:
        """Return the lines at the end."""
        return () if self.append is None else tuple(self.append.split("\n"))

    def edited(self, file: IgnoreFile) -> bytes:
        """Return the bytes of `file` after the change."""
        changes, texts = dict(self.lines), file.texts()
        if self.append is not None:
            if not texts:
                return f"{self.append}\n".encode("utf-8", "surrogateescape")
            last = changes.get(len(texts), texts[-1].removeprefix(BOM))
            changes[len(texts)] = self.append if last is None else f"{last}\n{self.append}"
        data = edit_lines(file, changes)
        return data.removeprefix(BOM.encode()) if self.drops_bom else data
