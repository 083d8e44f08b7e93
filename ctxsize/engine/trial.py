"""Tries other ignore files on a context in memory: entries hidden, shown, emptied and lost.

The fate of a path changes only if a pattern that was added or removed matches the path or a
directory above it. So only such paths are walked again, by the walk of `measure`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, cached_property

from ctxsize.engine.automaton import Automaton, Program, fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Mark, up_to
from ctxsize.engine.events import order
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.ignorefile import text_of
from ctxsize.engine.narrow import narrowed
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.engine.plan import Plan, own_path, with_ignore_file
from ctxsize.engine.snapshot import Names, Sent, SentDifference, Snapshot, differences
from ctxsize.engine.transfer_requests import Include
from ctxsize.errors import CtxsizeError, IgnoreFileError

_MOST_CHANGED = 2_000  # patterns, up to which only the paths that they match are walked again
_MANY = 200  # patterns, from which those without a match in the walked part are left out


@dataclass(frozen=True)
class Attempt:
    """An ignore file and the entries it sends."""

    data: bytes
    plan: Plan
    before: Sent
    sent: Sent

    @cached_property
    def changes(self) -> SentDifference:
        """Return the difference to the entries sent before."""
        return differences(self.before, self.sent)

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
        if index is None:
            line = 0
        else:
            line = spec.patterns[index].line
        if file and line:
            return text_of(file.lines[line - 1])
        return None


class Trial:
    """A context in memory, and the entries that any ignore file would send of it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.plan = snapshot.plan
        self._patterns: dict[str, DockerIgnorePattern] = {}  # by their lines, each parsed once
        self._sent: dict[tuple[str, ...], Sent | None] = {}
        self._last: Attempt | None = None
        self._near: dict[Include, tuple[Matcher, Sent]] = {}  # others differ in a few lines

    @cached_property
    def before(self) -> Sent:
        """Return the entries sent with the present ignore file."""
        return self.under(self.plan.spec)

    @cached_property
    def everything(self) -> Sent:
        """Return the entries sent without any pattern."""
        return self.snapshot.sent(self.plan.builder.spec_class([]))

    def attempt(self, data: bytes) -> Attempt:
        """Return the attempt with the ignore file `data`. Raises `IgnoreFileError` if it fails."""
        if self._last is None or self._last.data != data:
            before = self.before
            # With copies: each line of a pattern that is written twice has its own number.
            plan = with_ignore_file(self.plan, data, make=lambda e: copy(self._pattern(e)))
            self._last = Attempt(data, plan, before, self.under(plan.spec))
        return self._last

    def _pattern(self, line: str) -> DockerIgnorePattern:
        if line not in self._patterns:
            self._patterns[line] = self.plan.builder.spec_class.pattern_class(line)
        return self._patterns[line]

    def sent(self, texts: Iterable[str]) -> Sent | None:
        """Return the entries sent with these lines; None if the lines fail the build."""
        key = tuple(texts)
        if key not in self._sent:
            self._sent[key], spec = None, self.spec(key)
            with suppress(CtxsizeError):
                if spec is None:
                    self._sent[key] = None
                else:
                    self._sent[key] = self.under(spec)
        return self._sent[key]

    def spec(self, texts: Iterable[str]) -> DockerIgnoreSpec | None:
        """Return the patterns of these lines; None if they fail the build."""
        data = "\n".join(texts).encode("utf-8", "surrogateescape")
        with suppress(IgnoreFileError):
            # Without copies: the line numbers of these patterns are never used.
            return with_ignore_file(self.plan, data, make=self._pattern).spec
        return None

    def written(self, attempt: Attempt) -> Snapshot:
        """Return the context after the attempt's ignore file is written."""
        snapshot = self.snapshot
        own = own_path(self.plan)
        if own is None:
            snapshot = snapshot
        else:
            snapshot = snapshot.with_file(own, len(attempt.data))
        return snapshot.asked(attempt.plan)

    def after(self, attempt: Attempt, includes: Iterable[Include]) -> list[Sent]:
        """Return everything, and what each of `includes` sends, once the file is written."""
        own = own_path(self.plan)
        old = self.plan.ignore_file
        spec = attempt.plan.spec
        is_new = attempt.data != (b"" if old is None else old.data)
        if is_new:
            snapshot = self.written(attempt)
        else:
            snapshot = self.snapshot.asked(attempt.plan)
        if own is None or (old is None and not is_new):
            file = None
        else:
            file = snapshot.file(own)
        sent = [self.everything]
        is_whole = self.snapshot.has_further_names
        if is_whole:
            sent += [snapshot.sent(include=each) for each in includes]
        else:
            sent += [attempt.sent if each is None else self.under(spec, each) for each in includes]
        return [each if is_whole and file else each.with_size(own or "", file) for each in sent]

    def under(self, spec: DockerIgnoreSpec, include: Include = None) -> Sent:
        """Return the entries that `spec` sends, limited by `include`. Raises what a walk raises."""
        if self.snapshot.has_further_names:
            near = None
        else:
            near = self._near.get(include)
        changed = near and _changed(near[0].spec, spec)
        if near is None or changed is None:
            sent = self.snapshot.sent(spec, include=include)
            if near is None:
                names = sent.names
            else:
                names = _shared(sent.names, near[1].names)
            self._near[include] = Matcher(spec), replace(sent, names=names)
            return self._near[include][1]
        matcher, sent = near
        made = _above(self.snapshot, self._touched(matcher, changed))
        part = made[""]
        if not (part.entries or part.folders):
            return sent
        evaluator = narrowed(spec, include)
        if include is None and len(spec.patterns) >= _MANY:  # few of them matter here
            patterns = matcher.spec.patterns
            matching = matcher.in_tree(part)
            wanted = {*map(_key, changed)}
            wanted.update(_key(patterns[at]) for _, found in matching for at in found)
            few = spec.__class__(each for each in spec.patterns if _key(each) in wanted)
            evaluator = Automaton(few, enters=spec.enters)
        return _patched(self.snapshot, sent, made, self.snapshot.walked(evaluator, part))

    def _touched(self, matcher: Matcher, changed: Sequence[DockerIgnorePattern]) -> set[str]:
        """Return the outermost paths whose fate may differ if these patterns are changed."""
        spec = matcher.spec.__class__(changed)
        matched = Matcher(spec).outermost(self.snapshot.root)

        @cache
        def is_end(path: str) -> bool:
            return path in matched or mark_of(matcher.spec, path).ignored

        # The builder enters an ignored directory if an exception may match in it, and then others
        # may match there too.
        paths = (*matched, *(spec.reach or ()))
        return {next(filter(is_end, up_to(each)), "") for each in paths}


def planned(snapshot: Snapshot) -> Snapshot:
    """Return the context with its ignore file in it; with an empty one if there is none yet."""
    own = own_path(snapshot.plan)
    if own is None or snapshot.file(own) is not None:
        return snapshot
    return snapshot.with_file(own, 0)


def with_lines(plan: Plan, lines: Iterable[str]) -> bytes:
    """Return the ignore file that governs `plan` with `lines` appended."""
    if plan.ignore_file is None:
        before = b""
    else:
        before = plan.ignore_file.data
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _above(snapshot: Snapshot, touched: Iterable[str]) -> dict[str, MemoryDirectory]:
    """Return the context first, and all directories above `touched`, with only these paths."""
    made = {"": MemoryDirectory("")}
    for path in touched:
        above, _, name = path.rpartition("/")
        held = snapshot.folder(above)
        for at in up_to(above) if held and held.has(name) else ():
            if at not in made:
                new = made[at] = MemoryDirectory(at)
                made[at.rpartition("/")[0]].folders[new.name] = new
        if held and name in held.folders:
            made[above].folders[name] = held.folders[name]
        # An ignore file is planned also where a directory has its name.
        if held and name in held.entries:
            made[above].entries[name] = held.entries[name]
    return made


def _patched(
    snapshot: Snapshot, before: Sent, made: Mapping[str, MemoryDirectory], found: Sent
) -> Sent:
    """Return `before` with the entries of a part as they are found."""
    names = {**before.names}
    parts = [*made[""].tree()]
    for held in parts:
        others = before.names.get(held.path, {}).items()
        rest = {name: size for name, size in others if name not in held.entries}
        names[held.path] = {**rest, **found.names.get(held.path, {})}
    names = _shared({at: each for at, each in names.items() if each}, before.names)
    directories = {*before.directories.difference(e.path for e in parts), *found.directories}
    # A directory that a transfer does not ask for is sent with what is sent below it, also outside.
    for at in filter(before.directories.__contains__, reversed([*made])):
        below = snapshot.folder(at) or made[at]
        if at in names or any(each.path in directories for each in below.folders.values()):
            directories.add(at)
    again = {each.prefix + name for each in parts for name in each.entries if before.empty}
    return Sent(names, frozenset(directories), before.empty - again | found.empty, before.links)


def _shared(new: Mapping[str, Names], old: Mapping[str, Names]) -> dict[str, Names]:
    """Return `new` with the equal parts of `old`, for memory, and to see at once what differs."""
    return {at: old[at] if old.get(at) == each else each for at, each in new.items()}


def _changed(before: DockerIgnoreSpec, after: DockerIgnoreSpec) -> list[DockerIgnorePattern] | None:
    """Return the patterns that differ, None if too many or if they depend on the others."""
    old = [*before.patterns]
    new = [*after.patterns]
    if not before.remembers_parents or any(each.fault for each in (*old, *new)):
        return None
    while old and new and _key(old[-1]) == _key(new[-1]):
        del old[-1], new[-1]
    same = 0
    while same < min(len(old), len(new)) and _key(old[same]) == _key(new[same]):
        same += 1
    changed = [*old[same:], *new[same:]]
    # An exception with a wildcard makes the builder enter every directory, also this one.
    enters = {spec.enters("\0") for spec in (before, after)}
    is_known = len(enters) == 1 or all(each.include for each in changed)
    if is_known and len(changed) <= _MOST_CHANGED:
        return changed
    return None


def _key(pattern: DockerIgnorePattern) -> tuple[str, bool | None]:
    return pattern.text, pattern.include


def mark_of(spec: DockerIgnoreSpec, path: str, *, all_entered: bool = True) -> Mark:
    """Return the mark of `path`, by default as if every directory above it were entered."""
    evaluator = fastest(spec)
    prefix = ""
    state = evaluator.root()
    for name in path.split("/"):
        state = evaluator.enter(state, prefix, name)
        if not all_entered and state.mark.ignored and not evaluator.enters(state, prefix + name):
            break
        prefix += f"{name}/"
    mark: Mark = state.mark
    return mark


class Matcher:
    """Finds the patterns that match a path, a segment after the other as the automaton does."""

    def __init__(self, spec: DockerIgnoreSpec) -> None:
        self.spec = spec
        found = fastest(spec)
        if isinstance(found, Automaton):
            self._program = found.program
        else:
            self._program = Program(spec.patterns)

    def indexes(self, path: str) -> list[int]:
        """Return the indexes of the patterns that match `path` itself, in order."""
        live = self._program.start
        hits = 0
        for each in up_to(path):
            directory, _, name = each.rpartition("/")
            hits = self._hits(live, directory, [name]).get(name, 0)
            live = self._program.follow(live, hits, name)
        return self._owners(hits)

    def in_tree(self, root: MemoryDirectory) -> Iterator[tuple[str, list[int]]]:
        """Yield each matched path below `root`, with the indexes of the patterns that match it."""
        for held, found in self._by_directory(root):
            for name, hits in found.items():
                yield held.prefix + name, self._owners(hits)

    def outermost(self, root: MemoryDirectory) -> set[str]:
        """Return the paths below `root` that a pattern matches, except those below another one."""
        found = self._by_directory(root, topmost=True)
        return {held.prefix + name for held, names in found for name in names}

    def _hits(self, live: int, directory: str, names: Sequence[str]) -> dict[str, int]:
        """Return the matching ones of the `live` segments, for each name with any."""
        if not live:
            return {}
        known = self._program.known
        found = {name: hits for name in names if (hits := live & known[name])}
        whole = live & self._program.whole_paths
        if directory:
            prefix = f"{directory}/"
        else:
            prefix = ""
        if whole:
            more = self._program.on_paths(whole, prefix, names)
        else:
            more = {}
        for name, hits in more.items():
            found[name] = found.get(name, 0) | hits
        return found

    def _owners(self, hits: int) -> list[int]:
        """Return the patterns whose last segments are among `hits`."""
        owners = list[int]()
        last = hits & self._program.final
        while last:
            bit = last & -last
            owners.append(self._program.owner[bit.bit_length() - 1])
            last ^= bit
        return [*dict.fromkeys(owners)]

    def _by_directory(
        self, root: MemoryDirectory, *, topmost: bool = False
    ) -> Iterator[tuple[MemoryDirectory, dict[str, int]]]:
        """Yield each directory with matches, and the last segments that match each name there."""
        program = self._program
        pending = [(root, program.start)]
        while pending:
            held, live = pending.pop()
            hits = self._hits(live, held.path, [*held.entries, *held.folders])
            found = {name: last for name, each in hits.items() if (last := each & program.final)}
            if found:
                yield held, found
            for name, folder in held.folders.items():
                below = program.follow(live, hits.get(name, 0), name)
                if below and not (topmost and name in found):
                    pending.append((folder, below))
