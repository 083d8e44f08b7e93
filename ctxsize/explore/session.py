"""The engine of the explorer: an ignore file that is edited in memory, and the exact figures.

One thread at a time uses a session, but the first call of `suggestions` may run beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from heapq import nlargest
from typing import NamedTuple

from ctxsize.api import explain
from ctxsize.build import Build
from ctxsize.engine.events import Progress, Steps, step
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.plan import ignore_file_to_write
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of, is_wrong_target
from ctxsize.engine.transfers import unknown_transfer
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.findings import Edit
from ctxsize.formats import Look, text
from ctxsize.formats.sections import explained
from ctxsize.formats.wording import visible
from ctxsize.go.wildcards import fixed_part
from ctxsize.model import Amount, Problem
from ctxsize.planning import plan_for
from ctxsize.recommender.advisor import Advisor
from ctxsize.recommender.build_files import exceptions
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.recommender.tree import Sums, SumsByPath
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

    now: Size
    lost: tuple[str, ...]  # a sentence for each COPY, ADD or mount without source: the build fails
    emptied: tuple[str, ...]  # the same for those that find nothing, though the build goes on
    lines: tuple[IgnoreLine, ...]

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
        self._context = context = BuildContext(self._snapshot)
        self._trial, plan = context.trial, context.plan
        self.folder = self._trial.snapshot.folder
        self._file, self.ignore_file = plan.ignore_file, ignore_file_to_write(plan)
        self._make = plan.builder.spec_class.pattern_class
        self.problems = (*plan.problems, *self._snapshot.problems, *context.assumed)
        self._offered: list[Suggestion] | None = None
        self._needed: dict[tuple[str, str], list[str]] = {}
        self._history, self._sums = list[tuple[str, ...]](), list[SumsByPath]()
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
        everything = self._trial.everything
        for named in context.build_files.named:
            start = fixed_part(named.path)
            taken = [*context.proof.entries([named], everything)]
            text = re.sub("^RUN ", "RUN --mount … source=", visible(str(named)))
            if taken or start in everything:
                self._needed |= {(text, start): taken}
            else:
                self._needed |= {}

    def _here(self, path: str) -> Sums:
        return self._sums[1].get(path, Sums())

    def entry(self, path: str = "") -> TreeEntry:
        """Return the entry at `path`, by default the context itself."""
        disk, here, *moved = sums = [each.get(path, Sums()) for each in self._sums]
        # An empty directory is counted as one.
        if disk.entries:
            counts = [e.entries for e in sums]
        else:
            counts = [path in e for e in self._sent]
        taken = max(counts[2:], default=0)
        if self._includes is None:
            here_is = "sent"
        elif taken:
            here_is = "travels"
        else:
            here_is = "context"
        if counts[1]:
            fate = here_is
        else:
            fate = "ignored"
        if 0 < counts[1] < counts[0] or 0 < taken < counts[1]:
            fate = "mixed"
        else:
            fate = fate
        if self._includes is None:
            transfer = None
        else:
            transfer = Amount.of(*moved)
        is_directory = self.folder(path) is not None
        return TreeEntry(path, is_directory, fate, Amount.of(here), transfer, Amount.of(disk))

    def decider(self, path: str) -> str:
        """Return the line that decides about an entry; empty if none of the file does."""
        return self._attempt.decider(path) or ""

    def paths(self, directory: str) -> list[str]:
        """Return the entries of a directory: by bytes in the context, then those ignored."""
        held = self.folder(directory)
        there = self._sent[0]
        found = () if held is None else map(held.prefix.__add__, (*held.entries, *held.folders))
        return sorted((each for each in found if each in there), key=self._rank)

    def _rank(self, path: str) -> tuple[int, int, int, str]:
        directory, _, name = path.rpartition("/")
        disk, here, *_ = (each.names.get(directory, {}) for each in self._sent)
        if name in disk:
            return -here.get(name, 0), -(name in here), -disk[name], path
        below = self._here(path)
        all_below = self._sums[0].get(path, Sums())
        return -below.content_bytes, -below.files, -all_below.content_bytes, path

    def largest(self) -> str:
        """Return the path of the entry on which the tree starts: most of the bytes are in it."""
        path = ""
        least = 0
        while (found := self.paths(path)) and self._here(found[0]).content_bytes >= least:
            path = found[0]
            least = self._here(found[0]).content_bytes // 2
        return path

    def matching(self, text: str, *, most: int = 200) -> tuple[list[TreeEntry], int]:
        """Return the largest outermost entries with `text`, in any case, in the path; a count."""
        wanted = text.casefold()
        hits = list[str]()
        there = self._sent[0]
        for held in self._trial.snapshot.folders:
            if wanted not in held.path.casefold():
                paths = map(held.prefix.__add__, (*held.entries, *held.folders))
                hits += [each for each in paths if wanted in each.casefold() and each in there]
        found = nlargest(most, hits, key=lambda each: self._here(each).content_bytes)
        return [*map(self.entry, found)], len(hits)

    def propose(self, path: str, *, everywhere: bool = False) -> tuple[str, ...]:
        """Add a line that ignores the entry at `path`, or all of its name `everywhere`.

        For an ignored entry it is an exception, or its line among those added is taken back.
        Returns the line added, if any. Raises `InputError` with the reason if there is none.
        """
        added = self._added
        if everywhere:
            name = path.rpartition("/")[2]
        else:
            name = path
        if (pattern := pattern_for(name, pattern_class=self._make)) is None:
            raise InputError("no pattern matches this name alone", path=path)
        pattern = "**/" * everywhere + pattern
        is_there = self.entry(path).fate != "ignored"
        narrower = _without(added, pattern_for(path, pattern_class=self._make))
        tries: list[tuple[str, ...]] = []
        if everywhere and not is_there and narrower != added:  # the line of one place is replaced
            is_there = True
            added = narrower
        elif (kept := _without(added, "!" * is_there + pattern)) != added:
            tries = [kept]  # which is not enough if another line decides
        # After an exception, the bare name can leave files of a directory in the context.
        endings = ["", "/**"][:: -1 if exceptions(self._attempt.plan) else 1]
        tries += [(*added, "!" * (not is_there) + pattern + each) for each in endings]
        for lines in tries:
            self._do(lines)
            if (self.entry(path).fate != "ignored") != is_there:
                return lines[len(added) :]
            self.undo()
        raise InputError("no line changes what happens to it", path=path)

    def toggle(self, index: int) -> None:
        """Switch a suggestion on, or off again. Raises `InputError` if a build would fail."""
        each = self.suggestions()[index]
        added = self._added
        kept = tuple(line for line in added if line not in each.patterns)
        self._do(kept if each.chosen else kept + each.patterns)

    def undo(self) -> bool:
        """Take the last change back; return False if there is none."""
        if is_done := bool(self._history):
            self._show(self._history.pop())
        return is_done

    def suggestions(self, *, steps: Steps | None = None) -> list[Suggestion]:
        """Return those of `suggest` that are not written, with `chosen` if they are on.

        The first call takes longer and may run in another thread. Raises what `suggest` raises.
        """
        if self._offered is None:
            self._offered = [*Advisor(self._snapshot, steps=steps).advise().suggestions]
        on = self._on(self._added)
        return [replace(each, chosen=each in on) for each in self._offered]

    def _on(self, added: Iterable[str]) -> list[Suggestion]:
        return [each for each in self._offered or () if {*each.patterns} <= {*added}]

    def _do(self, added: tuple[str, ...]) -> None:
        before = self._added
        self._show(added)
        self._history.append(before)

    def _show(self, added: tuple[str, ...]) -> None:
        """Compute everything with these lines. Raises `IgnoreFileError` if they fail a build."""
        on = sorted(self._on(added), key=lambda each: each.patterns[-1].startswith("!"))
        lines = [each for one in on for each in one.additions]  # in the order of `suggest`
        known = {each.line for each in lines}
        lines += [Addition(each, _HEADING) for each in added if each not in known]
        attempt = self._trial.attempt(merge(self._file, lines, pattern_class=self._make))
        self._sent = self._trial.after(attempt, [None, *(self._includes or ())])
        self._added = added
        self._attempt = attempt
        self._sums = self._sums or [SumsByPath([e], self._trial.snapshot) for e in self._sent]
        for sums, sent in zip(self._sums, self._sent, strict=True):
            sums.move([sent])
        self.now = Size((root := self.entry()).context, root.transfer)
        self.lines, found = tuple(self._read()), dict(self._losses())
        self.lost, self.emptied = (tuple(e for e in found if found[e] is f) for f in (True, False))

    def _losses(self) -> Iterator[tuple[str, bool]]:
        disk = self._sums[0]
        sent = self._sent[1]
        none = Sums()
        goes_on = self._attempt.plan.builder.asks_for_paths
        for (named, start), taken in self._needed.items():
            left = [each for each in taken if each in sent]
            if not left and not (goes_on and (not start or start in sent)):
                yield f"{named} loses its source", True
            elif taken and all(self._here(e) == none != disk.get(e, none) for e in left):
                yield f"{named} finds nothing left in its source", False

    def _read(self) -> Iterator[IgnoreLine]:
        """Yield the lines; `merge` adds new ones in one place."""
        if self._file is None:
            old = []
        else:
            old = self._file.texts()
        new = IgnoreFile.parse("", self._attempt.data).texts()
        added = self._added
        start = next((at for at, each in enumerate(old) if each != new[at]), len(old))
        on = {line for each in self._on(added) for line in each.patterns}
        for at, each in enumerate(new):
            is_new = start <= at < start + len(new) - len(old)
            if each in on:
                origin = "suggested"
            elif each in added:
                origin = "proposed"
            else:
                origin = "comment"
            yield IgnoreLine(each, origin if is_new else "file")

    def edit(self) -> Edit | None:
        """Return the change of the ignore file, with both contents; None if there is none."""
        if self._file is None:
            before = None
        else:
            before = self._file.data
        after = self._attempt.data
        if after == (before or b""):
            return None
        return Edit(self.ignore_file, before, after)

    def write(self) -> tuple[Problem, ...]:
        """Write the file, so that its lines are no longer new, and return notes; `before` stays.

        Raises `InputError` if the file has changed on disk, cannot be written, or is a symlink.
        """
        if (edit := self.edit()) is None:
            return ()
        notes = apply([edit], within=self._context.plan.root, links=self._links)
        self._offered = self._offered and [e for e in self.suggestions() if not e.chosen]
        self._file = IgnoreFile.parse(edit.path, edit.after)
        self._history.clear()
        self._show(())
        return notes

    def explain(self, path: str, *, width: int = 80) -> str:
        """Return the text of `ctxsize explain --trace`, under the present lines."""
        plan = self._attempt.plan
        found = explain([path], plan)
        steps = (explained.steps(each, plan.builder, plan.dockerfile) for each in found)
        return text.render(steps, Look(width))


def _without(added: tuple[str, ...], pattern: str | None) -> tuple[str, ...]:
    return tuple(each for each in added if each.removesuffix("/**") != pattern)
