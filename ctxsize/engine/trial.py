"""Tries other ignore files on a context in memory: entries hidden, shown, emptied and lost.

The fate of a path changes only if a pattern that was added or removed matches the path or a
directory above it. So only such paths are walked again, by the walk of `measure`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cache, cached_property

from ctxsize.engine.automaton import Automaton, Hits, Program, fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Mark, up_to
from ctxsize.engine.events import order
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.ignorefile import text_of
from ctxsize.engine.narrow import narrowed
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, own_path, with_ignore_file
from ctxsize.engine.snapshot import Answer, Names, Sent, SentDifference, Snapshot
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError, IgnoreFileError
from ctxsize.go.strings import encoded
from ctxsize.model import Texts
from ctxsize.values import Value

_MOST_CHANGED = 2_000  # patterns, up to which only the paths that they match are walked again
_MANY = 200  # from this many patterns on, skip those that match nothing in the part being re-walked


class Attempt(Value):
    """An ignore file and the entries it sends."""

    data: bytes
    plan: Plan
    before: Sent
    sent: Sent

    @cached_property
    def changes(self) -> SentDifference:
        """Return the difference to the entries sent before."""
        return SentDifference(self.before, self.sent)

    @cached_property
    def hidden(self) -> list[str]:
        """Return the entries that are no longer sent, in order."""
        return sorted(self.changes.hidden, key=order)

    @cached_property
    def shown(self) -> list[str]:
        """Return the entries that are sent now but not before, in order."""
        return sorted(self.changes.shown, key=order)

    @property
    def emptied(self) -> list[str]:
        """Return the files that arrive without content now but not before."""
        return sorted(self.sent.empty - self.before.empty)

    def lost(self, needed: Collection[str]) -> list[str]:
        """Return those of the entries `needed` that are not sent."""
        return sorted(path for path in needed if path not in self.sent)

    def decider(self, path: str) -> str | None:
        """Return the line that decides on `path`; None if no line matches."""
        spec = self.plan.spec
        file = self.plan.ignore_file
        index = mark_of(spec, path, all_entered=False).decider
        if file is None:
            return None
        if index is None:
            return None
        line = spec.patterns[index].line
        if line:
            return text_of(file.lines[line - 1])
        return None


class Trial:
    """A context in memory, and the entries that any ignore file would send of it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.plan = snapshot.plan
        self._pattern = cache(self.plan.builder.spec_class.pattern_class)  # each line parsed once
        self._sent: dict[Texts, Sent | None] = {}
        self._last: Attempt | None = None
        self._near: dict[Include, Answer] = {}

    @cached_property
    def before(self) -> Sent:
        """Return the entries sent with the present ignore file."""
        return self.under(self.plan.spec)

    @cached_property
    def everything(self) -> Sent:
        """Return the entries sent without any pattern, if all that is ignored can be read."""
        whole = self.snapshot.readable_beside(self.before)
        return self._all_of(whole, self.plan.builder.spec_class([]))

    def _all_of(self, snapshot: Snapshot, no_lines: DockerIgnoreSpec) -> Sent:
        return snapshot.sent(no_lines)

    def attempt(self, data: bytes) -> Attempt:
        """Return the attempt with the ignore file `data`. Raises `IgnoreFileError` if it fails."""
        if self._last is None or self._last.data != data:
            before = self.before
            # With copies: each line of a pattern that is written twice has its own number.
            plan = with_ignore_file(self.plan, data, make=lambda line: copy(self._pattern(line)))
            self._last = Attempt(data, plan, before, self.under(plan.spec))
        return self._last

    def sent(self, texts: Iterable[str]) -> Sent | None:
        """Return the entries sent with these lines; None if the lines fail the build."""
        key = tuple(texts)
        if key not in self._sent:
            self._sent[key] = None
            spec = self.spec(key)
            if spec is not None:
                with suppress(CtxsizeError):
                    self._sent[key] = self.under(spec)
        return self._sent[key]

    def spec(self, texts: Iterable[str]) -> DockerIgnoreSpec | None:
        """Return the patterns of these lines; None if they fail the build."""
        data = encoded("\n".join(texts))
        with suppress(IgnoreFileError):
            # Without copies: the line numbers of these patterns are never used.
            return with_ignore_file(self.plan, data, make=self._pattern).spec
        return None

    def written(self, attempt: Attempt) -> Snapshot:
        """Return the context after the attempt's ignore file is written."""
        snapshot = self.snapshot
        path = own_path(self.plan)
        if path is not None:
            snapshot = snapshot.with_file(path, len(attempt.data))
        return snapshot.asked(attempt.plan)

    def after(self, attempt: Attempt, includes: Iterable[Include]) -> list[Sent]:
        """Return everything, and what each of `includes` sends, once the file is written."""
        path = own_path(self.plan)
        old = self.plan.ignore_file
        is_new = attempt.data != self.plan.ignore_data
        if is_new:
            snapshot = self.written(attempt)
        else:
            snapshot = self.snapshot.asked(attempt.plan)
        file = None
        if old is not None or is_new:
            if path is not None:
                file = snapshot.file(path)
        sent = [self.everything]
        has_further_names = self.snapshot.has_further_names
        for include in includes:
            if has_further_names:
                sent.append(snapshot.sent(include=include))
            elif include is None:
                sent.append(attempt.sent)
            else:
                sent.append(self.under(attempt.plan.spec, include))
        if has_further_names and file is not None:
            return sent
        return [part.with_size(path or "", file) for part in sent]

    def under(self, spec: DockerIgnoreSpec, include: Include = None) -> Sent:
        """Return the entries that `spec` sends, limited by `include`. Raises what a walk raises."""
        snapshot = self.snapshot
        near = self._near.get(include)
        changed = None
        if near is not None:
            if not snapshot.has_further_names:
                changed = _changed_patterns(near.spec, spec)
        if near is None or changed is None:
            sent = snapshot.sent(spec, include=include)
            if near is not None:
                sent = sent.sharing(near.sent)
            self._near[include] = Answer(spec, sent)
            return sent
        paths = self._paths_to_rewalk(near.spec, changed)
        directories = snapshot.part_with(paths)
        part = directories[""]
        if not (part.entries or part.folders):
            return near.sent
        evaluator = narrowed(spec, include)
        if include is None and len(spec.patterns) >= _MANY:
            evaluator = _evaluator_of_few(spec, near.spec, part, changed)
        walked = snapshot.walked(evaluator, part)
        return _replace_part(snapshot, near.sent, directories, walked)

    def _paths_to_rewalk(
        self, before: DockerIgnoreSpec, changed: Sequence[DockerIgnorePattern]
    ) -> set[str]:
        """Return the outermost paths whose fate may differ if these patterns are changed."""
        spec = before.__class__(changed)
        matched = Matcher(spec).outermost(self.snapshot.root)

        @cache
        def is_end(path: str) -> bool:
            if path in matched:
                return True
            return mark_of(before, path).ignored

        # The builder enters an ignored directory if an exception may match in it, and then others
        # may match there too.
        touched = set()
        for path in (*matched, *(spec.reach or ())):
            touched.add(next(filter(is_end, up_to(path)), ""))
        return touched


class WideTrial(Trial):
    """A trial whose answers cost the same for any pattern, if the compiled core can judge.

    Their names are made when asked for: that is for those who look at few directories.
    """

    def under(self, spec: DockerIgnoreSpec, include: Include = None) -> Sent:
        """Return the entries that `spec` sends, limited by `include`. Raises what a walk raises."""
        judged = self.snapshot.judged(spec, include=include)
        return judged or super().under(spec, include)

    def _all_of(self, snapshot: Snapshot, no_lines: DockerIgnoreSpec) -> Sent:
        return snapshot.judged(no_lines) or super()._all_of(snapshot, no_lines)


def _evaluator_of_few(
    spec: DockerIgnoreSpec,
    before: DockerIgnoreSpec,
    part: MemoryDirectory,
    changed: Iterable[DockerIgnorePattern],
) -> Automaton:
    """Return the evaluator of the patterns that matter in this part of the context: few do."""
    texts = {pattern.text for pattern in changed}
    for _, indexes in Matcher(before).in_tree(part):
        texts.update(before.patterns[index].text for index in indexes)
    few = [pattern for pattern in spec.patterns if pattern.text in texts]
    return Automaton(spec.__class__(few), enters=spec.enters)


def planned(snapshot: Snapshot) -> Snapshot:
    """Return the context with its ignore file in it; with an empty one if there is none yet."""
    path = own_path(snapshot.plan)
    if path is None or snapshot.file(path) is not None:
        return snapshot
    return snapshot.with_file(path, 0)


def with_lines(plan: Plan, lines: Iterable[str]) -> bytes:
    """Return the ignore file that governs `plan` with `lines` appended."""
    before = plan.ignore_data
    if before and not before.endswith(b"\n"):
        before += b"\n"
    added = "".join(f"{line}\n" for line in lines)
    return before + encoded(added)


def _replace_part(
    snapshot: Snapshot, before: Sent, part: Mapping[str, MemoryDirectory], after: Sent
) -> Sent:
    """Return `before` with the entries of a part as they are sent after a change."""
    names = {**before.names}
    directories = {*before.directories, *after.directories}
    empty = {*before.empty}
    for folder in part[""].tree():
        path = folder.path
        entries = folder.entries
        old = names.pop(path, {})
        new: Names = {name: size for name, size in old.items() if name not in entries}
        new = {**new, **after.names.get(path, {})}
        if new == old:
            new = old  # shared, for memory, and to see at once what differs
        if new:
            names[path] = new
        if empty:
            empty.difference_update(map(folder.prefix.__add__, entries))
        if path not in after.directories:
            directories.discard(path)
    # A directory that a transfer does not ask for is sent with what is sent below it, also outside.
    for path in reversed([*part]):
        if path in before.directories:
            original = snapshot.folder(path) or part[path]
            below = (folder.path for folder in original.folders.values())
            if path in names or not directories.isdisjoint(below):
                directories.add(path)
    return Sent(
        names=names,
        directories=frozenset(directories),
        empty=frozenset(empty) | after.empty,
        links=before.links,
    )


def _changed_patterns(
    before: DockerIgnoreSpec, after: DockerIgnoreSpec
) -> list[DockerIgnorePattern] | None:
    """Return the patterns that differ, None if too many or if they depend on the others."""
    old = [*before.patterns]
    new = [*after.patterns]
    if not before.remembers_parents:
        return None
    if any(pattern.fault for pattern in old + new):
        return None
    for _ in range(2):  # drop what both end with; then, turned round, what both begin with
        while old and new and _are_equal(old[-1], new[-1]):
            del old[-1]
            del new[-1]
        old.reverse()
        new.reverse()
    changed = old + new
    if len(changed) > _MOST_CHANGED:
        return None
    # An exception with a wildcard makes the builder enter every directory, also this one.
    same_reach = before.enters("\0") == after.enters("\0")
    if same_reach or all(pattern.include for pattern in changed):
        return changed
    return None


def _are_equal(one: DockerIgnorePattern, other: DockerIgnorePattern) -> bool:
    return one.text == other.text and one.include == other.include


def mark_of(spec: DockerIgnoreSpec, path: str, *, all_entered: bool = True) -> Mark:
    """Return the mark of `path`, by default as if every directory above it were entered."""
    evaluator = fastest(spec)
    prefix = ""
    state = evaluator.root()
    for name in path.split("/"):
        state = evaluator.enter(state, prefix, name)
        if state.mark.ignored and not all_entered:
            if not evaluator.enters(state, prefix + name):
                break
        prefix += f"{name}/"
    return state.mark


class Matcher:
    """Finds the patterns that match a path, segment by segment, like the automaton."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self.spec = spec
        evaluator = fastest(spec)
        if isinstance(evaluator, Automaton):
            self._program = evaluator.program
        else:
            self._program = Program(spec.patterns)

    def indexes(self, path: str) -> list[int]:
        """Return the indexes of the patterns that match `path` itself, in order."""
        *_, hits = self._hits_along(path)
        return self._owners(hits)

    def along(self, path: str) -> Iterator[list[int]]:
        """Yield the same for each directory above `path`, topmost first, and for `path`."""
        return map(self._owners, self._hits_along(path))

    def _hits_along(self, path: str) -> Iterator[int]:
        program = self._program
        live = program.start
        prefix = ""
        for name in path.split("/"):
            hits = program.hits(live, prefix, [name])[name]
            yield hits
            live = program.follow(live, hits, name)
            prefix += f"{name}/"

    def in_tree(self, root: MemoryDirectory) -> Iterator[tuple[str, list[int]]]:
        """Yield each matched path below `root`, with the indexes of the patterns that match it."""
        for directory, matches in self._by_directory(root):
            for name, hits in matches.items():
                yield directory.prefix + name, self._owners(hits)

    def outermost(self, root: MemoryDirectory) -> set[str]:
        """Return the paths below `root` that a pattern matches, except those below another one."""
        paths: set[str] = set()
        for directory, matches in self._by_directory(root, topmost=True):
            paths.update(directory.prefix + name for name in matches)
        return paths

    def _owners(self, hits: int) -> list[int]:
        """Return the patterns whose last segments are among `hits`."""
        owners: dict[int, None] = {}
        last = hits & self._program.final
        while last:
            lowest = last & -last
            owner = self._program.owner_of(lowest)
            owners[owner] = None
            last ^= lowest
        return [*owners]

    def _by_directory(
        self, root: MemoryDirectory, *, topmost: bool = False
    ) -> Iterator[tuple[MemoryDirectory, Hits]]:
        """Yield each directory with matches, and the last segments that match each name there."""
        program = self._program
        pending = [(root, program.start)]
        while pending:
            directory, live = pending.pop()
            names = [*directory.entries, *directory.folders]
            hits = program.hits(live, directory.prefix, names)
            matches: Hits = defaultdict(int)
            for name, bits in hits.items():
                last = bits & program.final
                if last:
                    matches[name] = last
            if matches:
                yield directory, matches
            for name, folder in directory.folders.items():
                below = program.follow(live, hits[name], name)
                if below and not (topmost and name in matches):
                    pending.append((folder, below))
