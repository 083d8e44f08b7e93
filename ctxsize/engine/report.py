"""The answers of a walk: a report of its sums, or the list of its entries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from heapq import merge
from itertools import chain
from stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK
from typing import TYPE_CHECKING

from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.events import (
    EventOfSent,
    Files,
    Folder,
    IgnoredEntries,
    IgnoredFolder,
    Progress,
    SentFolder,
    SentRun,
    order,
    public_pattern,
    reported,
)
from ctxsize.engine.inspect import UNREAD_IGNORED
from ctxsize.engine.plan import Plan
from ctxsize.engine.walk import Walk
from ctxsize.model import Entry, IgnoreFileInfo, Kind, Problem, Report, Verdict

if TYPE_CHECKING:
    from ctxsize.engine.memory_tree import MemoryTree
    from ctxsize.engine.sent_files import SentFiles

_FIRST_ENTRIES = 1000  # number that takes a walk of Python as long as the core needs to begin
_KINDS = {
    S_IFREG: Kind.FILE,
    S_IFDIR: Kind.DIRECTORY,
    S_IFLNK: Kind.SYMLINK,
    S_IFIFO: Kind.FIFO,
    S_IFSOCK: Kind.SOCKET,
    **dict.fromkeys((S_IFCHR, S_IFBLK), Kind.DEVICE),
}


def measure(
    plan: Plan,
    *,
    everything: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    jobs: int | None = None,
    evaluator: Evaluator | None = None,
    files: SentFiles | MemoryTree | None = None,
) -> Report:
    """Return a report of the files that `plan` would send, with the problems of the walk.

    `everything` also measures ignored entries. `top` limits each list of the largest, `depth`
    the size tree (None: no limit), `jobs` the threads of the compiled core, which counts if it
    can. `evaluator` decides instead of the ignore file alone. `files` gets the files that are sent.
    Raises what `Walk` raises.
    """
    from ctxsize.engine import native  # a listing needs neither of them
    from ctxsize.engine.sums import WalkSums

    sums = WalkSums(plan.builder, top)
    walk = None
    if not (everything or evaluator):
        walk = native.add_all(plan, sums, jobs, progress, files)
    if walk is None:
        walk = Walk(plan, everything=everything, evaluator=evaluator)
        for event in reported(walk, progress, lambda: (sums.entries, sums.content_bytes)):
            sums.add(event)
            if files is not None:
                files.add(event)
    if files is not None:
        files.problems = tuple(walk.problems)
    complete = everything and UNREAD_IGNORED not in {problem.code for problem in walk.problems}
    return Report(
        context_path=plan.context,
        dockerfile=plan.dockerfile,
        builder=plan.builder.name,
        ignore_file=ignore_file_info(plan),
        context=sums.measurement(plan, complete=complete, depth=depth),
        problems=(
            *plan.problems,
            *_faults(plan),
            *walk.problems,
            *walk.inspector.emptied(),
            *walk.inspector.not_utf8(),
        ),
        options=plan.build.words(),
    )


def ignore_file_info(plan: Plan) -> IgnoreFileInfo | None:
    """Return the ignore file that governs `plan`, as reports contain it."""
    if plan.ignore_file is None:
        return None
    return IgnoreFileInfo(
        path=plan.ignore_file.path,
        patterns=tuple(public_pattern(pattern) for pattern in plan.spec.patterns if pattern.line),
        dockerfile_specific=plan.dockerfile_specific,
    )


def _faults(plan: Plan) -> Iterator[Problem]:
    """Yield problems for the patterns that fail a build which reaches them; this one did not."""
    for pattern in plan.spec.patterns:
        if pattern.fault is not None:
            yield Problem(
                code="unreached-bad-pattern",
                message=f"the pattern {pattern.text!r} has a syntax error ({pattern.fault}): "
                "the build fails once Docker compares a path with it",
                path=plan.ignore_path,
                line=pattern.line,
            )


class Listing:
    """The `sent` entries of a plan's context, the `ignored` ones, or both, in order.

    Iterate it once. It streams; of a large context the compiled core lists what is sent, and keeps
    the names. With `ignored`, it opens the directories that the builder does not enter. What any of
    `evaluators` sends is listed once. `problems` is complete after the iteration; `unfound` returns
    further ones. Raises what `Walk` raises.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        sent: bool = True,
        ignored: bool = False,
        evaluators: Iterable[Evaluator | None] = (None,),
        unfound: Callable[[], Iterable[Problem]] = tuple,
    ) -> None:
        self._plan = plan
        self._unfound = unfound
        evaluators = [*evaluators]
        self._walks = [
            Walk(plan, everything=ignored, evaluator=evaluator) for evaluator in evaluators
        ]
        self._is_usual = evaluators == [None] and not ignored
        self._with_sent = sent
        self._with_ignored = ignored
        self._sent_parents: frozenset[str] = frozenset()
        """Ignored directories that are sent ahead of a re-included entry below them."""

        @cache
        def verdict(ignored: bool, decider: int | None) -> Verdict:
            if decider is None:
                return Verdict(ignored, None)
            return Verdict(ignored, public_pattern(plan.spec.patterns[decider]))

        self._verdict = verdict

    @property
    def problems(self) -> list[Problem]:
        """Return the problems that made the listing incomplete."""
        problems = [*self._plan.ignore_file_problems]
        for walk in self._walks:
            problems += walk.problems
            problems += walk.inspector.not_utf8()
        problems += self._unfound()
        return [*dict.fromkeys(problems)]

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(self.runs())

    def runs(self) -> Iterator[list[Entry]]:
        """Yield consecutive entries together, in order."""
        if self._is_usual:
            return self._begun()
        return self._walked()

    def _begun(self) -> Iterator[list[Entry]]:
        """Yield the first entries as a walk of Python meets them, and the others as the core does.

        So the first ones come at once, and a small context needs no core.
        """
        walked = self._runs_of(self._walks[0])
        yielded = 0
        behind = b""
        for run in walked:
            if run:
                yield run
                yielded += len(run)
                behind = _in_order(run[-1])
            if yielded >= _FIRST_ENTRIES:
                break
        else:
            return
        from ctxsize.engine import native

        again = Walk(self._plan)
        listed = native.listed(again, self._plan)
        if listed is None:
            yield from walked
            return
        self._walks[0].close()
        self._walks = [again]
        runs = self._runs_of(listed)
        for run in runs:
            new = run[bisect_right(run, behind, key=_in_order) :]
            if new:
                yield new
                break
        yield from runs

    def _walked(self) -> Iterator[list[Entry]]:
        """Yield the entries of Python's walks."""
        # Without exceptions there are no sent parents; else this needs a walk of its own.
        if self._with_ignored and self._plan.spec.reach != []:
            self._sent_parents = frozenset(
                event.path
                for event in Walk(self._plan)
                if isinstance(event, Folder) and event.mark.ignored
            )
        if len(self._walks) == 1:
            yield from self._runs_of(self._walks[0])
            return
        last = None
        for entry in merge(*map(self._entries_of, self._walks), key=_in_order):
            if entry.path != last:
                yield [entry]
            last = entry.path

    def _entries_of(self, walk: Walk) -> Iterator[Entry]:
        """Yield the entries of a walk in order."""
        return chain.from_iterable(self._runs_of(walk))

    def _runs_of(self, events: Iterable[EventOfSent]) -> Iterator[list[Entry]]:
        """Yield entries in order, those of an event together."""
        if not self._with_ignored:
            yield from map(self._sent, events)
            return
        before: list[Entry] = []
        for event in events:
            if isinstance(event, IgnoredEntries):  # sent ones of the same run precede it
                yield [*merge(before, self._ignored(event), key=_in_order)]
                before = []
                continue
            yield before
            before = self._sent(event)
        yield before

    def _sent(self, event: EventOfSent) -> list[Entry]:
        """Return the entries of an event, ignored files left out."""
        if isinstance(event, SentRun):
            return [*self._run(event.prefix, event.names, event.sizes, event.decider)]
        if isinstance(event, SentFolder):
            return [self._folder(event.path, event.decider)]
        if isinstance(event, Files):
            return [*self._files(event)]
        if isinstance(event, IgnoredEntries):
            return []
        return [*self._directory(event)]

    def _directory(self, event: Folder | IgnoredFolder) -> Iterator[Entry]:
        is_parent = event.path in self._sent_parents
        if isinstance(event, Folder) and is_parent:
            return  # it was yielded as an ignored one, ahead of all below it
        ignored = isinstance(event, IgnoredFolder) and not is_parent
        if ignored:
            wanted = self._with_ignored
        else:
            wanted = self._with_sent
        if wanted:
            yield self._folder(event.path, event.mark.decider, ignored=ignored)

    def _folder(self, path: str, decider: int | None, *, ignored: bool = False) -> Entry:
        return Entry(
            path=path,
            kind=Kind.DIRECTORY,
            size_bytes=0,
            content_bytes=0,
            verdict=self._verdict(ignored, decider),
        )

    def _run(
        self, prefix: str, names: list[str], sizes: Iterable[int], decider: int | None
    ) -> Iterator[Entry]:
        """Yield plain files of one directory, which one pattern lets in."""
        verdict = self._verdict(False, decider)
        for path, size in zip(map(prefix.__add__, names), sizes, strict=True):
            yield Entry(path, Kind.FILE, size, size, verdict)

    def _files(self, files: Files) -> Iterator[Entry]:
        if not self._with_sent:
            return
        if files.plain and not files.others:
            yield from self._run(files.prefix, files.names, files.sizes, files.mark.decider)
            return
        for (name, status), size in zip(files.pairs, files.sizes, strict=True):
            kind = _KINDS[S_IFMT(status.st_mode)]
            if name in files.linked and kind is not Kind.SYMLINK:
                kind = Kind.HARDLINK
            yield Entry(
                path=files.prefix + name,
                kind=kind,
                size_bytes=status.st_size,
                content_bytes=size,
                verdict=self._verdict(False, files.others.get(name, files.mark).decider),
                arrives_empty=files.empty.get(name),
            )

    def _ignored(self, ignored: IgnoredEntries) -> Iterator[Entry]:
        for name, status in zip(ignored.names, ignored.stats, strict=False):  # none if not wanted
            yield Entry(
                path=ignored.prefix + name,
                kind=_KINDS[S_IFMT(status.st_mode)],
                size_bytes=status.st_size,
                content_bytes=0,
                verdict=self._verdict(True, ignored.others.get(name, ignored.mark).decider),
            )


def _in_order(entry: Entry) -> bytes:
    return order(entry.path)
