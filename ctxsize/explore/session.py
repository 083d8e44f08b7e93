"""The engine of the explorer: an ignore file that is edited in memory, and the exact figures.

One thread at a time uses a session, but the first call of `suggestions` may run beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from heapq import nlargest
from itertools import zip_longest
from os.path import commonprefix
from posixpath import basename, split
from typing import NamedTuple

from ctxsize.api import explain
from ctxsize.build import Build
from ctxsize.engine.events import Progress, Steps, step
from ctxsize.engine.fates import lacking, unknown_transfer
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.plan import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of, is_wrong_target
from ctxsize.engine.trial import WideTrial
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.findings import Edit
from ctxsize.formats import Look, text
from ctxsize.formats.sections import explained
from ctxsize.formats.wording import visible
from ctxsize.go.wildcards import fixed_part
from ctxsize.model import Amount, Problems, Texts
from ctxsize.planning import plan_for
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.build_files import exceptions
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.recommender.tree import JudgedSums, Sums, SumsByPath, moved
from ctxsize.writer import Addition, merge
from ctxsize.writer.apply import Links, apply

_HEADING = "Chosen by hand"


class TreeEntry(NamedTuple):
    """An entry of the context under the present lines."""

    path: str  # relative to the context, `""` for the context itself
    is_directory: bool
    fate: str  # `travels`, `context` (only), `sent` (one of both), `ignored`, `mixed`
    context: Amount
    transfer: Amount | None  # None if it is not known what the build takes
    on_disk: Amount  # ignored files included; like a builder, it counts hard links once


class IgnoreLine(NamedTuple):
    """A line of the ignore file as it would be; undecodable bytes are surrogate escapes."""

    text: str
    origin: str  # `file`, `proposed`, `suggested`, or `comment` for a new one without a pattern


class Session:
    """A context and its ignore file: `before` is the size at the opening, `now` with `lines`."""

    def __init__(
        self,
        build: Build,
        *,
        replace_link: bool = False,
        progress: Progress | None = None,
        steps: Steps | None = None,
    ) -> None:
        """Read the whole context. Raises what `measure` raises.

        `write` puts a file in the place of an ignore file that is a symlink if `replace_link`.
        """
        self._links: Links = "replace" if replace_link else "refuse"
        self._snapshot = Snapshot.take(plan_for(build), progress=progress)
        step(steps, "reading the Dockerfiles")
        context = BuildContext(self._snapshot)
        self._trial = WideTrial(context.snapshot)
        plan = context.plan
        self.folder = self._trial.snapshot.folder
        self._file = plan.ignore_file
        self.ignore_file = ignore_file_to_write(plan)
        self._pattern_class = plan.builder.spec_class.pattern_class
        self.problems = (*plan.problems, *self._snapshot.problems, *lacking(plan))
        self._offered: list[Suggestion] | None = None
        self._needed: dict[tuple[str, str], list[str]] = {}
        self._history: list[Texts] = []
        self._sums: list[SumsByPath | JudgedSums] = []
        with suppress(CtxsizeError):  # which becomes a problem below
            self._find_sources(context)
        try:
            self._includes = includes_of(plan) if context.transfers else None
            self._show(())
        except CtxsizeError as error:
            if is_wrong_target(plan):
                raise
            self._includes = None
            self.problems += (unknown_transfer(plan, error),)
            self._show(())  # it raises again what is not about the transfer
        self.before = self.now

    def _find_sources(self, context: BuildContext) -> None:
        """Record what each instruction takes by its name if no line hides it."""
        self.problems = tuple(dict.fromkeys((*self.problems, *context.build_files.problems)))
        everything = context.trial.everything
        for source in context.build_files.named:
            start = fixed_part(source.path)
            paths = [*context.proof.entries([source], everything)]
            if paths or start in everything:
                instruction = re.sub("^RUN ", "RUN --mount … source=", visible(str(source)))
                self._needed[instruction, start] = paths

    def _sums_at(self, path: str) -> list[Sums]:
        """Return what an entry has on disk, in the context, and in each transfer."""
        return [part.at(path) for part in self._sums]

    def entry(self, path: str = "") -> TreeEntry:
        """Return the entry at `path`, by default the context itself."""
        sums = self._sums_at(path)
        on_disk, in_context, *in_transfers = sums
        counts = [part.entries for part in sums]
        if not on_disk.entries:  # an empty directory is counted as one
            counts = [int(path in sent) for sent in self._sent]
        all_count, context_count, *transfer_counts = counts
        requested = max(transfer_counts, default=0)
        if 0 < context_count < all_count or 0 < requested < context_count:
            fate = "mixed"
        elif not context_count:
            fate = "ignored"
        elif self._includes is None:
            fate = "sent"
        elif requested:
            fate = "travels"
        else:
            fate = "context"
        transfer = None
        if self._includes is not None:
            transfer = Amount.of(*in_transfers)
        return TreeEntry(
            path,
            is_directory=self.folder(path) is not None,
            fate=fate,
            context=Amount.of(in_context),
            transfer=transfer,
            on_disk=Amount.of(on_disk),
        )

    def decider(self, path: str) -> str:
        """Return the line that decides about an entry; empty if none of the file does."""
        return self._attempt.decider(path) or ""

    def paths(self, directory: str) -> list[str]:
        """Return the entries of a directory: by bytes in the context, then those ignored."""
        folder = self.folder(directory)
        if folder is None:
            return []
        return sorted(self._entries_of(folder), key=self._rank)

    def _entries_of(self, folder: MemoryDirectory, text: str = "") -> Iterator[str]:
        """Yield the paths with `text`, in any case, of the entries that the walk has met."""
        for name in (*folder.entries, *folder.folders):
            path = f"{folder.prefix}{name}"
            if text in path.casefold() and path in self._sent[0]:
                yield path

    def _rank(self, path: str) -> tuple[int, int, int, str]:
        directory, name = split(path)
        on_disk = self._sent[0].names.get(directory, {})
        in_context = self._sent[1].names.get(directory, {})
        if name in on_disk:
            sent_bytes = in_context.get(name, 0)
            return -sent_bytes, -(name in in_context), -on_disk[name], path
        all_below, below, *_ = self._sums_at(path)
        return -below.content_bytes, -below.files, -all_below.content_bytes, path

    def _content_bytes(self, path: str) -> int:
        return self._sums[1].at(path).content_bytes

    def largest(self) -> str:
        """Return the path of the entry on which the tree starts: most of the bytes are in it."""
        largest = ""
        least = 0
        paths = self.paths("")
        while paths and self._content_bytes(paths[0]) >= least:
            largest = paths[0]
            least = self._content_bytes(largest) // 2
            paths = self.paths(largest)
        return largest

    def matching(self, text: str, *, most: int = 200) -> tuple[list[TreeEntry], int]:
        """Return the largest outermost entries with `text`, in any case, in the path; a count."""
        wanted = text.casefold()
        paths = list[str]()
        for folder in self._trial.snapshot.folders:
            if wanted not in folder.path.casefold():
                paths += self._entries_of(folder, wanted)
        largest = nlargest(most, paths, key=self._content_bytes)
        return [*map(self.entry, largest)], len(paths)

    def propose(self, path: str, *, everywhere: bool = False) -> Texts:
        """Add a line that ignores the entry at `path`, or all of its name `everywhere`.

        For an ignored entry it is an exception, or its line among those added is taken back.
        Returns the line added, if any. Raises `InputError` with the reason if there is none.
        """
        pattern = self._pattern(path)
        if everywhere:
            pattern = self._pattern(basename(path))
        if pattern is None:
            raise InputError("no pattern matches this name alone", path=path)
        if everywhere:
            pattern = f"**/{pattern}"
        exception = f"!{pattern}"
        added = self._added
        is_ignored = self.entry(path).fate == "ignored"
        narrower = _without(added, self._pattern(path))
        tries = []
        if everywhere and is_ignored and narrower != added:  # the line of one place is replaced
            is_ignored = False
            added = narrower
        else:
            opposite = exception
            if is_ignored:
                opposite = pattern
            others = _without(added, opposite)
            if others != added:
                tries.append(others)  # which is not enough if another line decides
        line = pattern
        if is_ignored:
            line = exception
        new_lines = [line, f"{line}/**"]
        # After an exception, the bare name can leave files of a directory in the context.
        if exceptions(self._attempt.plan):
            new_lines.reverse()
        tries += [(*added, new_line) for new_line in new_lines]
        for lines in tries:
            self._do(lines)
            if (self.entry(path).fate == "ignored") != is_ignored:
                return lines[len(added) :]
            self.undo()
        raise InputError("no line changes what happens to it", path=path)

    def toggle(self, index: int) -> None:
        """Switch a suggestion on, or off again. Raises `InputError` if a build would fail."""
        suggestion = self.suggestions()[index]
        lines = tuple(line for line in self._added if line not in suggestion.patterns)
        if not suggestion.chosen:
            lines += suggestion.patterns
        self._do(lines)

    def undo(self) -> bool:
        """Take the last change back; return False if there is none."""
        if not self._history:
            return False
        self._show(self._history.pop())
        return True

    def suggestions(self, *, steps: Steps | None = None) -> list[Suggestion]:
        """Return those of `suggest` that are not written, with `chosen` if they are on.

        The first call takes longer and may run in another thread. Raises what `suggest` raises.
        """
        if self._offered is None:
            self._offered = [*Advisor(self._snapshot, steps=steps).advise().suggestions]
        chosen = self._chosen(self._added)
        return [replace(suggestion, chosen=suggestion in chosen) for suggestion in self._offered]

    def _chosen(self, added: Iterable[str]) -> list[Suggestion]:
        """Return the suggestions whose patterns are all among the lines `added`."""
        lines = {*added}
        return [offer for offer in self._offered or () if lines.issuperset(offer.patterns)]

    def _pattern(self, path: str) -> str | None:
        return pattern_for(path, pattern_class=self._pattern_class)

    def _do(self, added: Texts) -> None:
        before = self._added
        self._show(added)
        self._history.append(before)

    def _show(self, added: Texts) -> None:
        """Compute everything with these lines. Raises `IgnoreFileError` if they fail a build."""
        chosen = self._chosen(added)
        chosen.sort(key=lambda suggestion: suggestion.patterns[-1].startswith("!"))
        additions = []
        for suggestion in chosen:  # in the order of `suggest`
            additions += suggestion.additions
        known = {addition.line for addition in additions}
        additions += [Addition(line, _HEADING) for line in added if line not in known]
        merged = merge(self._file, additions, pattern_class=self._pattern_class)
        attempt = self._trial.attempt(merged)
        self._sent = self._trial.after(attempt, [None, *(self._includes or ())])
        self._added = added
        self._attempt = attempt
        snapshot = self._trial.snapshot
        self._sums = [
            moved(sums, sent, snapshot) for sums, sent in zip_longest(self._sums, self._sent)
        ]
        root = self.entry()
        self.now = Size(root.context, root.transfer)
        self.lines = tuple(self._read())
        self._find_losses()

    def _find_losses(self) -> None:
        """Set `lost`, a sentence for each COPY, ADD or mount without source: the build fails.

        `emptied` has the same for those that find nothing, though the build goes on.
        """
        sent = self._sent[1]
        goes_on = self._attempt.plan.builder.asks_for_paths
        lost = dict[str, None]()
        emptied = dict[str, None]()
        for (instruction, start), paths in self._needed.items():
            left = [path for path in paths if path in sent]
            if not left and not (goes_on and (not start or start in sent)):
                lost[f"{instruction} loses its source"] = None
            elif paths and all(map(self._is_emptied, left)):
                emptied[f"{instruction} finds nothing left in its source"] = None
        self.lost = tuple(lost)
        self.emptied = tuple(emptied)

    def _is_emptied(self, path: str) -> bool:
        """Return whether an entry has something on disk and nothing of that in the context."""
        on_disk, in_context, *_ = self._sums_at(path)
        return in_context == Sums() != on_disk

    def _read(self) -> Iterator[IgnoreLine]:
        """Yield the lines; `merge` adds new ones in one place."""
        old_file = self._file or IgnoreFile("", lines=())
        old = old_file.texts()
        new = IgnoreFile.parse("", self._attempt.data).texts()
        start = len(commonprefix([old, new]))  # noqa: RUF071 - of lists, not of paths
        end = start + len(new) - len(old)
        chosen = self._chosen(self._added)
        suggested = set[str]().union(*(suggestion.patterns for suggestion in chosen))
        for index, line in enumerate(new):
            if not start <= index < end:
                origin = "file"
            elif line in suggested:
                origin = "suggested"
            elif line in self._added:
                origin = "proposed"
            else:
                origin = "comment"
            yield IgnoreLine(line, origin)

    def edit(self) -> Edit | None:
        """Return the change of the ignore file, with both contents; None if there is none."""
        before = None
        if self._file is not None:
            before = self._file.data
        after = self._attempt.data
        if after == (before or b""):
            return None
        return Edit(self.ignore_file, before, after)

    def write(self) -> Problems:
        """Write the file, so that its lines are no longer new, and return notes; `before` stays.

        Raises `InputError` if the file has changed on disk, cannot be written, or is a symlink.
        """
        edit = self.edit()
        if edit is None:
            return ()
        notes = apply([edit], within=self._snapshot.plan.root, links=self._links)
        if self._offered:
            offers = self.suggestions()
            self._offered = [suggestion for suggestion in offers if not suggestion.chosen]
        self._file = IgnoreFile.parse(edit.path, edit.after)
        self._history.clear()
        self._show(())
        return notes

    def explain(self, path: str, *, width: int = 80) -> str:
        """Return the text of `ctxsize explain --trace`, under the present lines."""
        plan = self._attempt.plan
        steps = (
            explained.steps(explanation, plan.builder, plan.dockerfile)
            for explanation in explain([path], plan)
        )
        return text.render(steps, Look(width))


def _without(added: Texts, pattern: str | None) -> Texts:
    return tuple(line for line in added if line.removesuffix("/**") != pattern)
