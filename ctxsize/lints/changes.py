"""What a lint would change, and the proof that it does just that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.sent import Sent, differences
from ctxsize.findings import Changes, Edit, Fix
from ctxsize.lints.tree import LintTree
from ctxsize.writer.merge import edit_lines

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Proposal:
    """A change of some lines, and the paths that it means to change."""

    message: str
    """As an order: "write `**/node_modules`"."""
    lines: Mapping[int, str | None] = field(default_factory=dict)
    """New texts by line; None removes a line, and a line end separates several."""
    append: str | None = None
    """A line to add at the end."""
    drops_bom: bool = False
    means: frozenset[str] | None = None
    """The paths that shall be sent no more, or sent from now on; None if that is not known."""
    without_tree: bool = False
    """Whether it follows from the text alone that it changes what it means to."""

    @classmethod
    def write(cls, number: int, text: str, *, means: frozenset[str] | None) -> Proposal:
        """Return the change that puts `text` in place of a line."""
        return cls(f"write {text}", {number: text}, means=means)

    @classmethod
    def remove(cls, number: int, *, means: frozenset[str] | None = None) -> Proposal:
        """Return the change that removes a line."""
        return cls("remove the line", {number: None}, means=means)

    @property
    def added(self) -> tuple[str, ...]:
        """Return the lines at the end."""
        return () if self.append is None else tuple(self.append.split("\n"))

    def edited(self, file: IgnoreFile) -> bytes:
        """Return the bytes of `file` after the change."""
        changes = dict(self.lines)
        texts = file.texts()
        if self.append is not None:
            if not texts:
                return f"{self.append}\n".encode("utf-8", "surrogateescape")
            last = changes.get(len(texts), texts[-1].removeprefix("\ufeff"))
            kept = [] if last is None else [last]
            changes[len(texts)] = "\n".join([*kept, self.append])
        data = edit_lines(file, changes)
        return data.removeprefix(_BOM) if self.drops_bom else data

    def proved(self, file: IgnoreFile, tree: LintTree | None) -> Fix:
        """Return the fix, certain if a simulation shows that just the intended paths change."""
        after = self.edited(file)
        edits = (Edit(file.path, file.data, after),)
        if tree is None:
            certain = self.means is not None and self.without_tree
            return Fix(self.message, edits, certain and not self._marks(file, after), None)
        then = tree.with_data(after)
        return Fix(self.message, edits, self._is_certain(tree, then.sent), simulated(tree, then))

    def _is_certain(self, tree: LintTree, sent: Sent | None) -> bool:
        if (
            self.means is None
            or sent is None
            or not _is_just(differences(tree.now, sent).paths, self.means, tree)
        ):
            return False
        hidden = {path for path in self.means if path not in sent}
        if tree.tracked is not None and not tree.tracked.isdisjoint(hidden):
            return False
        return not tree.is_taken(hidden)

    def _marks(self, file: IgnoreFile, after: bytes) -> bool:
        """Return whether a character in front of a line becomes the byte order mark of the file."""
        return after.startswith(_BOM) and (self.drops_bom or not file.data.startswith(_BOM))


def _is_just(found: frozenset[str], meant: frozenset[str], tree: LintTree) -> bool:
    """Return whether just what is meant changes, and with it directories that hold nothing else."""
    if not meant <= found:
        return False
    above = {path[:at] for path in meant for at, char in enumerate(path) if char == "/"}
    return all(path in above and tree.is_directory(path) for path in found - meant)


def simulated(tree: LintTree, then: LintTree) -> Changes | None:
    """Return what is sent otherwise once `tree` has the ignore file of `then`.

    None where that is not known: if the build fails for all lines together.
    """
    sent, now = then.sent, tree.now
    if sent is None or tree.sent is None:
        return None
    found = differences(now, sent)
    return Changes(
        ignored=tree.group(found.hidden, of=now),
        sent=then.group(found.shown, of=sent),
        emptied=tree.group([path for path in found.resized if not sent.size(path)], of=now),
        filled=then.group([path for path in found.resized if not now.size(path)], of=sent),
    )


NOTHING: frozenset[str] = frozenset()
"""What a change means that moves comments or drops lines without effect."""
