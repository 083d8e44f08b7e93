"""The verdicts of a transfer: files that the Dockerfile uses and the ignore file leaves.

BuildKit's sender evaluates include patterns as it evaluates an ignore file, with the opposite
meaning (`filterFS` of fsutil). So they become one here that ignores all but exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from posixpath import join, split
from typing import NamedTuple

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator, HasMark, Mark, Marks, up_to
from ctxsize.engine.filesystem import link_target
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine, as_matched
from ctxsize.errors import (
    BuildFailsError,
    DockerfileError,
    IgnoreFileError,
    InputError,
    UnknownPatternError,
)
from ctxsize.go.paths import clean as clean_path
from ctxsize.go.strings import encoded
from ctxsize.go.wildcards import has_wildcards, match
from ctxsize.hidden import Hidden, hidden_as, shown
from ctxsize.model import Texts
from ctxsize.reader import entries_in

# For an entry that the ignore file leaves. No other mark is ignored without a decider.
NOT_ASKED_FOR = Mark(ignored=True, decider=None, refused=False)
Includes = Iterable[str] | None  # include patterns; None for no filter
LinkTargets = dict[str, str]  # symlinks by their paths, with their targets
_HINT = "sources of COPY, ADD and mounts are patterns, like the lines of an ignore file"


def follow(root: str, paths: Includes) -> Texts | None:
    """Return the include patterns for `paths` below `root`, in byte order; None for no filter.

    There is no filter without `paths`, or if one, or the target of a link, is the root itself.
    A pattern is hidden if its path is. Raises `BuildFailsError` if the sender would stop.
    """
    if paths is None:
        return None
    # `FollowLinks` of fsutil disregards the ignore file. At a symlink it continues at the target,
    # inside the root, but only once, even if the second path continues behind the link.
    reached = set()
    pending = [*paths][::-1]
    while pending:
        path = pending.pop()
        way = _way(root, path)
        if way.here not in reached:
            reached.add(hidden_as(path, way.here))
            pending += [hidden_as(path, target) for target in reversed(way.targets)]
    outermost = []  # `dedupePaths` of fsutil drops what lies below another path
    last = "/"
    for path in sorted(reached, key=encoded):
        if path == ".":
            return None
        if not path.startswith(last):
            outermost.append(path)
            last = f"{path}/"
    return tuple(outermost)


def followed(root: str, path: str) -> Texts | None:
    """Return the include patterns for one source of a build, which need not follow links."""
    try:
        return follow(root, (path,))
    except BuildFailsError:  # a loop of links, in a build that takes all and follows none
        return (path,)


class Ends(NamedTuple):
    """The entries that one source of a build names in the end, and the symlinks on the way."""

    paths: Texts  # patterns, `.` for the context itself
    links: frozenset[str]


def ends(root: str, path: str) -> Ends:
    """Return what the source `path` names through all symlinks below `root`.

    `follow` drops a part of this: what lies below another path, and all behind a wildcard that
    matches a symlink, as it then asks for whole trees.
    """
    paths = dict[str, None]()
    links = set[str]()
    pending = [path]
    while pending:
        end = clean_path(f"./{pending.pop()}")
        if end in paths:
            continue
        paths[end] = None
        with suppress(BuildFailsError):
            way = _way(root, end)
            # `Wildcard` of `contenthash` follows only the entries that a whole pattern matches.
            if not way.rest or not has_wildcards(way.here):
                links.update(way.links)
                pending += way.targets
    return Ends(tuple(paths), frozenset(links))


class Way(NamedTuple):
    """The part of a path up to the first symlinks, or all of it, and the part behind them."""

    here: str
    rest: str
    links: LinkTargets

    @property
    def targets(self) -> list[str]:
        """Return where the whole path leads."""
        return [join(target, self.rest) for target in self.links.values()]


def _way(root: str, path: str) -> Way:
    """Return the way of `path` up to its first symlinks. Raises `BuildFailsError`."""
    whole = clean_path(f"./{path}")
    for here in up_to(whole):
        links = _links(root, hidden_as(path, here))
        if links:
            break
    return Way(here, whole[len(here) + 1 :], links)


def _links(root: str, path: str) -> LinkTargets:
    """Return the symlinks that `path` names, or matches with its last part, and their targets."""
    directory, name = split(path)
    full = join(root, directory)
    names = [name]
    links: LinkTargets = {}
    try:
        if has_wildcards(name):
            names = [entry.name for entry in entries_in(full) if match(name, entry.name)]
        for name in names:
            if "\0" in name:
                continue
            target = link_target(join(full, name))
            if target:
                link = join(directory, name)
                links[link] = clean_path(join("/", directory, target))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BuildFailsError(f"error from sender: {shown(path)}: {reason}") from None
    return links


class IncludePattern(DockerIgnorePattern):
    """An include pattern, read as an exception that includes the same entries."""

    __slots__ = ()

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`: no comment, and one with `!` excludes again."""
        split = as_matched(line)
        if split is None:
            return None
        return split._replace(exception=not split.exception)


class ExcludePattern(DockerIgnorePattern):
    """A pattern of `--exclude`, which no reader of files cleans: `/docs` matches nothing."""

    __slots__ = ()

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`: no comment, and one with `!` copies again."""
        return as_matched(line)


class ExcludeSpec(DockerIgnoreSpec):
    """The excludes of an instruction. BuildKit passes by no directory if some may be copied."""

    pattern_class = ExcludePattern

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return None, for any path, if there is an exception."""
        if self._exceptions:
            return None
        return ()


def included(patterns: Sequence[str], header: str) -> list[IncludePattern]:
    """Return the patterns of a header of the plan.

    Raises `DockerfileError` for a pattern that fails the build, and `InputError` for one that
    ctxsize cannot evaluate.
    """
    try:
        return [*map(IncludePattern, patterns)]
    except IgnoreFileError as error:
        # In Docker 26.1 the list in this message is empty (`fsutil.NewFilterFS`).
        texts = " ".join(map(shown, patterns))
        raise _refusal(error, f"invalid {header}: [{texts}]") from None


def include_spec(patterns: Iterable[str]) -> DockerIgnoreSpec:
    """Return the spec that ignores what `patterns` do not include. Raises as `included`."""
    return DockerIgnoreSpec([DockerIgnorePattern("**"), *included([*patterns], "includepatterns")])


def _refusal(error: IgnoreFileError, lead: str) -> InputError:
    """Return the error for a pattern of the Dockerfile, not of the ignore file."""
    pattern = error.pattern or ""
    hint = f"{shown(pattern)!r}: {_HINT}"
    if isinstance(error, UnknownPatternError):
        message = error.message
        if isinstance(pattern, Hidden):
            message = "ctxsize cannot evaluate this pattern"
        return InputError(message, hint=hint)
    return DockerfileError(f"{lead}: {error.message}", hint=hint)


def may_send(evaluator: Evaluator, state: HasMark, path: str) -> bool:
    """Return whether an evaluator sends the directory at `path`, or may send entries below it."""
    if not state.mark.ignored:
        return True
    return evaluator.enters(state, path)


def is_entered(spec: DockerIgnoreSpec, directory: str, include: Includes = None) -> bool:
    """Return whether the builder opens a directory, maybe for nothing: it stops if it may not.

    A walk here opens no directory in which nothing can match an exception; the builder does.
    """
    specs = [spec]
    if include is not None:
        specs.append(include_spec(include))
    for one in specs:
        for path, step in one.steps(directory):
            if step.ignored and not one.enters(path):
                return False
    return True


class NarrowState(NamedTuple):
    """The state of a directory."""

    asked: HasMark
    left: HasMark
    mark: Mark


class Narrowed:
    """An evaluator for entries that include patterns select and an ignore file leaves.

    Raises `DockerfileError` for an include pattern that fails the build, maybe in the walk.
    """

    def __init__(self, spec: DockerIgnoreSpec, include: Iterable[str]) -> None:
        self._asked = fastest(include_spec(include))
        self._left = fastest(spec)

    def root(self) -> NarrowState:
        return self._state(self._asked.root(), self._left.root())

    def others(self, state: NarrowState, prefix: str, names: Sequence[str]) -> Marks:
        try:
            asked = self._asked.others(state.asked, prefix, names)
        except IgnoreFileError as error:
            raise _refusal(error, "failed to match includepatterns") from None
        left = self._left.others(state.left, prefix, names)
        usual_asked = state.asked.mark
        usual_left = state.left.mark
        marks: Marks = {}
        for name in asked | left:
            mark = self._both(asked.get(name, usual_asked), left.get(name, usual_left))
            if mark != state.mark:
                marks[name] = mark
        return marks

    def enter(self, state: NarrowState, prefix: str, name: str) -> NarrowState:
        try:
            asked = self._asked.enter(state.asked, prefix, name)
        except IgnoreFileError as error:
            raise _refusal(error, "failed to match includepatterns") from None
        return self._state(asked, self._left.enter(state.left, prefix, name))

    def enters(self, state: NarrowState, path: str) -> bool:
        """Return whether anything below `path`, which itself is not sent, can be sent."""
        if not may_send(self._asked, state.asked, path):
            return False
        return may_send(self._left, state.left, path)

    def _state(self, asked: HasMark, left: HasMark) -> NarrowState:
        return NarrowState(asked, left, self._both(asked.mark, left.mark))

    def _both(self, asked: Mark, left: Mark) -> Mark:
        """Return the mark of an entry from its mark by each list."""
        if left.ignored:
            return left
        if asked.ignored:
            return NOT_ASKED_FOR
        if asked.refused:
            return left._replace(refused=True)
        return left


def narrowed(spec: DockerIgnoreSpec, include: Includes) -> Evaluator:
    """Return the evaluator for `include`; without any, for all that the ignore file leaves."""
    if include is None:
        return fastest(spec)
    return Narrowed(spec, include)
