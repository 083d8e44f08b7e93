"""The proof: an ignore file is tried on the context in memory, and every build with it.

What must hold: just the paths that were matched disappear and nothing else
changes; what a Dockerfile takes by name is still there; every COPY, ADD and
mount still finds its source. All of it with the code that decides in `measure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from ctxsize.engine.events import Steps, stepped
from ctxsize.engine.goglob import has_wildcards, match
from ctxsize.engine.listing import order
from ctxsize.engine.memory import Held
from ctxsize.engine.sent import Names, differing
from ctxsize.engine.trial import Attempt, Taken, Trial, with_lines
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.build_files import BuildFile, BuildFiles, Named
from ctxsize.recommender.candidates import Candidate
from ctxsize.recommender.tree import is_below

Fault = tuple[str, str]
"""A path, and what is wrong with it as a clause."""


class Proof:
    """Says what is wrong with candidates, by a trial of one context."""

    def __init__(self, trial: Trial, build_files: BuildFiles) -> None:
        self._trial = trial
        self._build_files = build_files
        self.needed = frozenset(self._entries(build_files.named))
        """The entries that are sent and that a Dockerfile takes by name."""

    def fault(self, candidates: Sequence[Candidate]) -> str:
        """Return what is wrong with the lines of `candidates` at the end of the ignore file.

        A clause, `""` if they do what they should.
        """
        lines = [line for each in candidates for line in each.lines]
        data = with_lines(self._trial.request, lines)
        hidden = [path for each in candidates for path in each.paths]
        contents = {path for each in candidates if each.rule.contents for path in each.paths}
        kept = {path for each in candidates for path in each.keeps}
        return self.fault_of_file(data, hidden, stays=contents, keeps=kept)

    def holding(
        self, candidates: list[Candidate], steps: Steps | None
    ) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
        """Return the candidates that hold together, and the others with what is wrong."""
        if not candidates or not self.fault(candidates):
            return candidates, []
        # Most often one fails, that with the most lines, and the others hold together.
        longest = max(candidates, key=lambda each: len(each.lines))
        others = [each for each in candidates if each is not longest]
        fault = self.fault([longest])
        if fault and not (others and self.fault(others)):
            return others, [(longest, fault)]
        tried = stepped(candidates, steps, lambda each: ", ".join(each.lines))
        faults = [(each, fault if each is longest else self.fault([each])) for each in tried]
        failed = [each for each in faults if each[1]]
        good = [each for each, fault in faults if not fault]
        return self._first_ones(good, failed)

    def _first_ones(
        self, good: list[Candidate], failed: list[tuple[Candidate, str]]
    ) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
        """Return as many of `good` as hold together, and the rest with `failed`."""
        fault = self.fault(good) if good else ""
        if not fault:
            return good, failed
        holds, fails = 0, len(good)
        while fails - holds > 1:
            middle = (holds + fails) // 2
            said = self.fault(good[:middle])
            holds, fails, fault = (holds, middle, said) if said else (middle, fails, fault)
        return good[:holds], [*failed, *((each, fault) for each in good[holds:])]

    def fault_of_file(
        self,
        data: bytes,
        hidden: Iterable[str],
        *,
        stays: Iterable[str] = (),
        keeps: Iterable[str] = (),
    ) -> str:
        """Return why the ignore file `data` does not hide all below `hidden` and nothing else.

        A directory in `hidden` may itself stay, empty; one in `stays` has to.
        What is in `keeps` has to stay with all that is below it.
        """
        try:
            attempt = self._trial.attempt(data)
        except CtxsizeError as error:
            return f"the builder rejects the pattern: {error.message}"
        change = _Change(attempt, frozenset(hidden), frozenset(stays), frozenset(keeps))
        return change.fault() or self._lost(attempt) or self.unfound(attempt)

    def _lost(self, attempt: Attempt) -> str:
        """Return what a Dockerfile takes by name, and no longer finds."""
        lost = self._trial.lost_entries(attempt, self.needed)
        return f"{lost[0]}, which a Dockerfile takes, would disappear" if lost else ""

    def taken_by(self, names: Iterable[Named]) -> tuple[str, ...]:
        """Return the entries that are sent and that `names` name, outermost ones."""
        found = frozenset(self._entries(names))
        return tuple(sorted(path for path in found if not is_below(path, found)))

    def _entries(self, names: Iterable[Named]) -> Iterator[str]:
        before = self._trial.before
        for named in names:
            wild = any(map(has_wildcards, named.parts))
            paths = self._matching(named.parts) if wild else (named.path,)
            yield from (path for path in paths if path in before)

    def _matching(self, parts: Sequence[str]) -> Iterator[str]:
        """Yield the paths whose components match `parts`, each in turn."""
        level: list[Held] = [self._trial.snapshot.root]
        for part in parts[:-1]:
            level = [each for held in level for each in held.folders if match(part, each.name)]
        for held in level:
            for name in held.entries.keys() | held.folder_by_name.keys():
                if match(parts[-1], name):
                    yield held.prefix + name

    def unfound(self, attempt: Attempt) -> str:
        """Return a source that was found before and is not any more, as a clause."""
        lost = self._trial.lost_source(attempt, self._taken)
        return "" if lost is None else f"{lost.dockerfile}:{lost.line} would not find {lost.source}"

    @cached_property
    def _taken(self) -> list[Taken]:
        return [
            Taken(request, build_file.path, target, source, line)
            for build_file in self._build_files.all
            if build_file.request.builder.asks_for_paths
            for request in build_file.requests()
            for target, source, line in _sources(build_file, request.name)
        ]


class _Change:
    """What an attempt changes, held against what it should change: a directory at a time."""

    def __init__(
        self,
        attempt: Attempt,
        hidden: frozenset[str],
        stays: frozenset[str],
        keeps: frozenset[str],
    ) -> None:
        self._attempt = attempt
        self._hidden = hidden
        self._stays = stays
        self._in_hidden, self._in_kept = _Within(hidden), _Within(keeps)

    def fault(self) -> str:
        """Return the first thing that is wrong in the order of the builder, `""` if none is."""
        faults = [*self._of_directories(), *self._gone(), *self._left()]
        if faults:
            return min(faults, key=lambda fault: order(fault[0]))[1]
        emptied, shown = self._attempt.emptied, self._attempt.shown
        if emptied:
            return f"{emptied[0]} would be sent without its content"
        return f"{shown[0]} would be sent" if shown else ""

    def _of_directories(self) -> Iterator[Fault]:
        before, sent = self._attempt.before, self._attempt.sent
        for path in before.directories - sent.directories:
            yield from self._vanished(path, within=self._in_hidden.has(path.rpartition("/")[0]))

    def _gone(self) -> Iterator[Fault]:
        """Yield what disappears though it should not."""
        for directory, old, new in differing(self._attempt.before, self._attempt.sent):
            within = self._in_hidden.has(directory)
            if within and not self._stays and not self._in_kept.has(directory, partly=True):
                continue
            for path in _paths(directory, old, without=new):
                yield from self._vanished(path, within=within)

    def _vanished(self, path: str, *, within: bool) -> Iterator[Fault]:
        if not within and path not in self._hidden:
            yield path, f"{path} would disappear too"
        elif self._must_stay(path):
            yield path, f"{path} would disappear"

    def _left(self) -> Iterator[Fault]:
        """Yield what stays though it should not."""
        before, sent = self._attempt.before, self._attempt.sent
        left = [path for path in self._hidden if path in sent and path in before]
        left = [path for path in left if path not in before.directories]
        for directory, old in before.names.items():
            new = sent.names.get(directory)
            if new and self._in_hidden.has(directory):
                left += [path for path in _paths(directory, old) if path in sent]
        for path in left:
            if not self._must_stay(path):
                yield path, f"{path} would still be sent"

    def _must_stay(self, path: str) -> bool:
        return path in self._stays or self._in_kept.has(path)


class _Within:
    """Says of directories and files whether they are some paths or lie below one."""

    def __init__(self, tops: frozenset[str]) -> None:
        self._tops = tops
        self._known = {"": False}
        self._above = {path[:at] for path in tops for at, char in enumerate(path) if char == "/"}

    def has(self, path: str, *, partly: bool = False) -> bool:
        """Return whether `path` is within; `partly`, whether something in it is."""
        if not self._tops:
            return False
        at, passed = path, []
        while at not in self._known:
            passed.append(at)
            if at in self._tops:
                break
            at = at.rpartition("/")[0]
        found = self._known.get(at, True)
        self._known.update(dict.fromkeys(passed, found))
        return found or (partly and (path in self._above or not path))


def _paths(directory: str, names: Names, without: Names | None = None) -> Iterator[str]:
    prefix = f"{directory}/" if directory else ""
    return (prefix + name for name in names if without is None or name not in without)


def _sources(build_file: BuildFile, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield what is taken from the context `name`: a target that reaches it, source, line."""
    seen = set()
    numbers: dict[object, int] = {}
    for target, need in build_file.needs:
        # The paths may be many: they are hashed once, not for each source.
        paths = numbers.setdefault(need.follow_paths, len(numbers))
        for source in need.sources:
            key = (paths, source.line, source.source)
            if source.context != name or source.kind not in ("copy", "add") or key in seen:
                continue
            seen.add(key)
            yield target, source.source, source.line
