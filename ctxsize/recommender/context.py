"""A build context with its facts, and the proof of a changed ignore file.

The proof tries an ignore file in memory, on the context and on every build of it. It passes if
exactly the matched paths disappear, every path that a Dockerfile takes by name is still there,
and every COPY, ADD and mount still finds its source. It uses the same code as `measure`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, cached_property, partial

from ctxsize.build import Build
from ctxsize.engine.events import Steps, order, step
from ctxsize.engine.golang import has_wildcards, match
from ctxsize.engine.need import Include, includes_of
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.source import MemoryDirectory
from ctxsize.engine.trial import Attempt, Taken, Trial, own_path, planned, with_lines
from ctxsize.errors import CtxsizeError
from ctxsize.model import Amount
from ctxsize.recommender.build_files import BuildFiles, Named, with_bases
from ctxsize.recommender.evidence import Evidence, Tracked
from ctxsize.recommender.facts import Facts, is_named
from ctxsize.recommender.governed import Discovering, read_build_files
from ctxsize.recommender.matches import Match, collect
from ctxsize.recommender.outcome import Size, Suggestion
from ctxsize.recommender.rules import all_rules
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import SumsByPath, Tree, is_below, travelling


class Proof:
    """Prove suggestions by a trial of one context."""

    def __init__(self, trial: Trial, build_files: BuildFiles) -> None:
        self._trial = trial
        self._build_files = build_files
        self.needed = frozenset(self._entries(build_files.named))
        """The entries that are sent and that a Dockerfile takes by name."""

    def fault(self, suggestions: Sequence[Suggestion], data: bytes | None = None) -> str:
        """Return why the lines of `suggestions` do not hide exactly their paths, as a clause.

        The lines are part of the ignore file `data`, or by default at the end of the current one.
        Return `""` if they hide exactly their paths.
        """
        if data is None:
            lines = [line for each in suggestions for line in each.patterns]
            data = with_lines(self._trial.request, lines)
        try:
            attempt = self._trial.attempt(data)
        except CtxsizeError as error:
            return f"the builder rejects the pattern: {error.message}"
        lost = attempt.lost(self.needed)
        return (
            _fault(attempt, suggestions)
            or (f"{lost[0]}, which a Dockerfile takes, would disappear" if lost else "")
            or self.unfound(attempt)
        )

    def holding(
        self,
        suggestions: list[Suggestion],
        steps: Steps | None,
        before: Sequence[Suggestion] = (),
    ) -> tuple[list[Suggestion], list[tuple[Suggestion, str]]]:
        """Return the suggestions that pass the proof together, and the others with their faults.

        Earlier suggestions have precedence. Those in `before` have already passed.
        """
        fault = self.fault([*before, *suggestions]) if suggestions else ""
        if not fault:
            return suggestions, []
        if len(suggestions) == 1:
            return [], [(suggestions[0], fault)]
        step(steps, ", ".join(suggestions[0].patterns))
        half = len(suggestions) // 2
        first, failed = self.holding(suggestions[:half], steps, before)
        second, more = self.holding(suggestions[half:], steps, [*before, *first])
        return [*first, *second], [*failed, *more]

    def _entries(self, names: Iterable[Named]) -> Iterator[str]:
        for named in names:
            wild = any(map(has_wildcards, named.parts))
            paths = self._matching(named.parts) if wild else (named.path,)
            yield from (path for path in paths if path in self._trial.before)

    def _matching(self, parts: Sequence[str]) -> Iterator[str]:
        level: list[MemoryDirectory] = [self._trial.snapshot.root]
        for part in parts[:-1]:
            folders = [folder for held in level for folder in held.folders.values()]
            level = [each for each in folders if match(part, each.name)]
        for held in level:
            for name in held.entries.keys() | held.folders.keys():
                if match(parts[-1], name):
                    yield held.prefix + name

    def unfound(self, attempt: Attempt) -> str:
        """Return a source that `attempt` no longer finds, as a clause; `""` if there is none."""
        lost = self._trial.lost_source(attempt, self._taken)
        return "" if lost is None else f"{lost.dockerfile}:{lost.line} would not find {lost.source}"

    @cached_property
    def _taken(self) -> list[Taken]:
        found: dict[tuple[int, str, int, str], Taken] = {}
        for at, build_file in enumerate(self._build_files.all):
            for request in build_file.requests():
                copied = (
                    Taken(request, build_file.path, target, source.source, source.line)
                    for target, need in build_file.needs
                    for source in need.sources
                    if source.context == request.name and source.kind in ("copy", "add")
                )
                for each in copied if request.builder.asks_for_paths else ():
                    found.setdefault((at, request.name, each.line, each.source), each)
        return [*found.values()]


def _fault(attempt: Attempt, suggestions: Iterable[Suggestion]) -> str:
    """Return the first fault in the order of the builder, `""` if there is none.

    A hidden directory itself may stay as an empty one; with `contents` it must stay.
    """
    hidden = {path for each in suggestions for path in each.paths}
    kept = {path for each in suggestions for path in each.keeps}
    stays = {path for each in suggestions if each.rule.contents for path in each.paths} | kept
    # There are few directories with many paths each, so the directories are cached.
    in_hidden = cache(lambda directory: directory in hidden or is_below(directory, hidden))

    def is_kept(path: str) -> bool:
        return path in stays or is_below(path, kept)

    must_stay = is_kept if kept else stays.__contains__
    changes, sent = attempt.changes, attempt.sent
    faults = {}
    for path in changes.hidden:
        if must_stay(path):
            faults[path] = f"{path} would disappear"
        elif path not in hidden and not in_hidden(path.rpartition("/")[0]):
            faults[path] = f"{path} would disappear too"
    left = [path for path in hidden if path in sent and path not in sent.directories]
    left += (f"{at}/{e}" for at, names in sent.names.items() if in_hidden(at) for e in names)
    faults |= {path: f"{path} would still be sent" for path in left if not must_stay(path)}
    if faults:
        return faults[min(faults, key=order)]
    if attempt.emptied:
        return f"{attempt.emptied[0]} would be sent without its content"
    return f"{min(changes.shown, key=order)} would be sent" if changes.shown else ""


class BuildContext:
    """Facts of one context for suggestions, modes and fixes, each computed on first use."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        also: Sequence[Build] = (),
        discovering: Discovering | None = None,
    ) -> None:
        """Create it; `also` are builds that share the ignore file but appear in no file here."""
        self.request, self.assumed = with_bases(snapshot.request)
        self._real = snapshot.asked(self.request)
        self._also, self._discovering = also, discovering
        self.own_path = own_path(self.request)
        self.trial = Trial(planned(self._real))
        self.snapshot = self.trial.snapshot
        self.tree = Tree(self.snapshot)

    @property
    def new_file(self) -> bool:
        return self.request.ignore_file is None

    @cached_property
    def git(self) -> Tracked:
        return Tracked(self.tree)

    @cached_property
    def build_files(self) -> BuildFiles:
        """Return the Dockerfiles that the ignore file governs. Raises as `read_build_files`."""
        return read_build_files(
            self.request, self.tree, self.git, self._also, discovering=self._discovering
        )

    @cached_property
    def proof(self) -> Proof:
        return Proof(self.trial, self.build_files)

    @cached_property
    def evidence(self) -> Evidence:
        own = {self.own_path} if self.own_path else set()
        return Evidence(self.tree, self.git, self.build_files.own_files | own)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.evidence, self.build_files, self.sums)

    @cached_property
    def found(self) -> list[Match]:
        """Return the matches of all rules among the sent entries, with their objections."""
        judge = partial(objections, self.facts)
        return collect(self.evidence, all_rules().values(), self.sums, judge)

    def takes(self, hidden: Collection[str]) -> bool:
        """Return True if an instruction takes one of these paths, or something below it, by name.

        A Dockerfile whose sources are unknown may take every path that its text names.
        """
        for named in self.build_files.named:
            if any(map(has_wildcards, named.parts)):
                found = any(map(named.is_at_or_below, hidden))
            else:
                parts = named.parts
                found = any("/".join(parts[:end]) in hidden for end in range(1, len(parts) + 1))
            if found:
                return True
        texts = [text for _, text in self.build_files.undecided]
        return any(is_named(each.rpartition("/")[2], text) for text in texts for each in hidden)

    def asks_git(self, sent: Sent) -> str | None:
        """Return why a build reads its version from git, as a clause; None if no build does."""
        sums = SumsByPath([sent], self.snapshot)
        return Facts(self.evidence, self.build_files, sums).version_from_git

    @cached_property
    def sums(self) -> SumsByPath:
        return SumsByPath([self.trial.before], self.snapshot)

    @cached_property
    def _includes(self) -> list[Include]:
        # Without a Dockerfile the transfer is unknown: it may be the whole context.
        return [None] if self.request.dockerfile is None else includes_of(self.request)

    @cached_property
    def transfer(self) -> SumsByPath:
        if self._includes == [None]:
            return self.sums
        sent = (self.snapshot.sent(include=each) for each in self._includes)
        return SumsByPath(sent, self.snapshot)

    @property
    def transfers(self) -> bool:
        """Return True if the transfer is known and not empty; podman transfers nothing."""
        known = self.request.dockerfile is not None and not self.assumed
        return known and self.request.builder.meter is not None

    @cached_property
    def size(self) -> Size:
        """Return the size with the ignore file on disk, not with a planned one."""
        return self._size(self._real, Amount.of(self._real.sent()))

    def size_after(self, attempt: Attempt) -> Size:
        """Return the size with the ignore file of `attempt`."""
        return self._size(self.trial.written(attempt), self.trial.amount_after(attempt))

    def _size(self, snapshot: Snapshot, context: Amount) -> Size:
        return Size(context, travelling(snapshot, self._includes) if self.transfers else None)
