"""Draft an ignore file, and the mode that needs nothing else: the allow list.

A trial adds all lines together, and each fault is blamed on one line. An allow list ignores
everything except for the sources of the Dockerfiles, which is possible if they name them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ctxsize.dockerfile.taken import Asked
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.narrow import follow
from ctxsize.engine.need import Include
from ctxsize.engine.patterns import pattern_for
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.build_files import BuildFile, BuildFiles
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.facts import is_named
from ctxsize.recommender.matches import Match, exceptions, letting_in
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.recommender.rules import Category
from ctxsize.writer.merge import Addition, merge

_HEADING = "Everything is ignored except for the sources of the Dockerfiles"
_IGNORED = "Ignored before, and inside these sources"
_MOST_IGNORED = 40
_READ = "env_at_build"
"""Name of the trap for files that a bundler reads."""
Wrong = tuple[str, str]
"""A path with a wrong verdict, and the reason why it is wrong, as a clause."""
Judge = Callable[[Attempt], Iterable[Wrong]]
Taking = tuple[str, Include]
"""A Dockerfile as a comment names it, and the patterns that one of its builds asks for."""


class Draft(BuildContext):
    """A context, and trials that add lines to its ignore file."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self.before = self.trial.before
        self.pattern_class = self.request.builder.spec_class.pattern_class

    def attempt(self, additions: Iterable[Addition], *, at_start: bool = False) -> Attempt:
        """Return the trial with `additions`. Raises `IgnoreFileError` if it fails a build."""
        file = self.request.ignore_file
        data = merge(file, [*additions], at_start=at_start, pattern_class=self.pattern_class)
        return self.trial.attempt(data)

    def change(
        self, additions: Sequence[Addition], wrong: Judge, *, notes: Iterable[Note] = ()
    ) -> IgnoreFileChange:
        """Return the change that adds all of `additions` which do nothing `wrong`.

        Exceptions are added only together with a pattern.
        """
        kept, dropped = self.settled(self.new(additions), wrong)
        noted = (*notes, *dropped)
        if all(each.line.startswith("!") for each in kept):
            return IgnoreFileChange(notes=noted)
        return IgnoreFileChange(self.attempt(kept).data, tuple(kept), notes=noted)

    def settled(
        self, additions: Sequence[Addition], wrong: Judge
    ) -> tuple[list[Addition], list[Note]]:
        """Return the `additions` that do nothing `wrong`, and notes on the others."""
        kept, notes = [*additions], list[Note]()
        while kept:
            found = self._blamed(kept, wrong)
            if not found:
                break
            notes += [Note(each.line, why) for each, why in found.items()]
            kept = [each for each in kept if each not in found]
        return kept, notes

    def _blamed(self, additions: Sequence[Addition], wrong: Judge) -> dict[Addition, str]:
        try:
            attempt = self.attempt(additions)
            found = [*wrong(attempt)]
        except IgnoreFileError as error:
            return {self._rejected(additions, error): f"the builder rejects it: {error.message}"}
        by_line = {each.line: each for each in additions}
        blamed: dict[Addition, str] = {}
        for path, why in found:
            # If an existing line decides, some addition caused it; blame the last one.
            guilty = by_line.get(attempt.decider(path) or "", additions[-1])
            blamed.setdefault(guilty, why)
        fault = "" if blamed else self.proof.unfound(attempt)
        return {additions[-1]: fault} if fault else blamed

    def _rejected(self, additions: Sequence[Addition], error: IgnoreFileError) -> Addition:
        for each in additions:
            try:
                self.attempt([each])
            except IgnoreFileError:
                return each
        raise error

    def new(self, additions: Sequence[Addition]) -> list[Addition]:
        """Return `additions` without the lines of the file, unless their order matters."""
        split, file = self.pattern_class.split, self.request.ignore_file
        there = set(map(split, () if file is None else file.texts()))
        fresh = [each for each in additions if split(each.line) not in there]
        try:
            same = self.attempt(fresh).hidden == self.attempt(additions).hidden
        except IgnoreFileError:
            return [*additions]
        return fresh if same else [*additions]

    def needed(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield the paths that a Dockerfile takes by name and would not get, existing or not."""
        now, then = self.request.spec, attempt.request.spec
        for named in self.build_files.named:
            path = named.path
            if not has_wildcards(path) and then.match_file(path) and not now.match_file(path):
                yield path, f"{named} takes {path}"
        for path in attempt.lost(self.proof.needed):
            yield path, f"a Dockerfile takes {path} by a pattern"
        for dockerfile, text in self.build_files.undecided:
            for path in attempt.hidden:
                if is_named(path.rpartition("/")[2], text):
                    yield path, f"{dockerfile} may take {path}"

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do: hide needed paths, empty files, send paths ignored now."""
        yield from self.needed(attempt)
        for path in attempt.hidden if exceptions(self.request) else ():
            reason = letting_in(self.request, path)
            if reason is not None:
                yield path, f"{path} would disappear: {reason}"
        for path in attempt.emptied:
            yield path, f"{path} would be sent without its content"
        for path in attempt.shown:
            yield path, f"{path} is ignored now and would be sent"

    def kept_back(self, attempt: Attempt, traps: tuple[str, ...] = ()) -> Iterator[Wrong]:
        """Yield the paths that would be hidden and that a trap protects.

        With `traps`, only their objections count. Objections that the user may overrule do not
        count, except for three kinds (`_keeps`).
        """
        hidden = set(attempt.hidden)
        for match in self.found:
            if match.path not in hidden:
                continue
            hard = [each for each in match.objections if not each.soft or _keeps(match, each.trap)]
            is_named = any(each.trap in (*traps, _READ) for each in hard)
            if is_named or (hard and not traps):
                reason = next((each.reason for each in hard), match.rule.why)
                yield match.path, f"{match.path} must stay: {reason}"


def _keeps(match: Match, trap: str) -> bool:
    """Return True if a doubt protects a match.

    Without a file that a bundler reads, the build succeeds but makes a different image.
    Dependencies that no command installs may be needed. Tests that a manifest names may be a
    member of a workspace, whose install fails without them.
    """
    tests = match.rule.category is Category.TESTS
    return trap in (_READ, "no_install_step") or (trap == "mentioned" and tests)


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that sends only what the builds take, or why there is none.

    The transfer of every Dockerfile and target stays the same, and every path that is ignored now
    stays ignored.
    """
    why = "all its sources are in {}, so that is assumed to be its context"
    notes = tuple(Note(path, why.format(home)) for path, home in draft.build_files.elsewhere)
    obstacle = _obstacle(draft.build_files)
    if obstacle is not None:
        return IgnoreFileChange(notes=notes, impossible=obstacle[0], hint=obstacle[1])
    takings = [*_takings(draft)]
    travels = [draft.snapshot.sent(include=include) for _, include in takings]
    # All paths that any of the builds transfers now, and the files that the builder reads itself.
    wanted = {path for sent in travels for path in sent.paths}
    if draft.request.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.before.paths):
        return IgnoreFileChange(notes=notes)
    for additions, attempt in _attempts(draft, _listed(takings)):
        spec = attempt.request.spec
        then = [draft.snapshot.sent(spec, include=include) for _, include in takings]
        if travels == then and wanted.issuperset(attempt.sent.paths):
            return IgnoreFileChange(attempt.data, tuple(additions), notes=notes)
    return IgnoreFileChange(
        notes=notes,
        impossible="The lines of the ignore file conflict with such a list: "
        "in a trial, other files are sent",
        hint="tidy its exceptions first, or start from an empty file",
    )


def _obstacle(build_files: BuildFiles) -> tuple[str, str] | None:
    """Return why the sources cannot be listed, and how to solve that; None if they can."""
    if not build_files.all:
        reason = "There is no Dockerfile, so the sources of a build are unknown"
        return reason, "name it with -f"
    for path, _ in build_files.undecided:
        reason = f"The sources of {path} are unknown, so they cannot be listed"
        return reason, "ctxsize suggest without --allowlist says why"
    for build_file in build_files.all:
        for unknown in build_file.unknown:
            reason = f"{build_file.path}:{unknown.line} takes {unknown.source}"
            return f"{reason}, which has no value here", "set it with --build-arg"
        for asked in _asked(build_file):
            if asked.paths is None:
                source = next((each for each in asked.sources if each.path == "."), None)
                line, what = "", "all of the context"
                if source is not None:
                    line, what = f":{source.line}", f"{source.instruction} {source.source}"
                return (
                    f"{build_file.path}{line} takes the whole context ({what}), "
                    "so nothing can be ignored",
                    "copy only what the build needs, or use ctxsize suggest without --allowlist",
                )
    return None


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    for _, need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _takings(draft: Draft) -> Iterator[Taking]:
    """Yield the paths that the builds of each Dockerfile ask for."""
    for build_file in draft.build_files.all:
        name = build_file.request.dockerfile_in_context or "a Dockerfile elsewhere"
        asked = {each.paths for each in _asked(build_file) if each.paths is not None}
        yield from ((name, follow(draft.request.root, paths)) for paths in sorted(asked))


def _listed(takings: list[Taking]) -> list[Addition]:
    takers: dict[str, dict[str, None]] = {}
    for name, include in takings:
        for pattern in include or ():
            takers.setdefault(f"!{pattern}", {})[name] = None
    lines = sorted(takers.items(), key=lambda item: ([*item[1]], item[0]))
    exceptions = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [Addition("*", _HEADING), *exceptions]


def _attempts(draft: Draft, additions: list[Addition]) -> Iterator[tuple[list[Addition], Attempt]]:
    """Yield trials of the list in front of the file, and of more patterns behind it."""
    for at_start in (True, False):
        try:
            attempt = draft.attempt(additions, at_start=at_start)
            if not at_start:
                additions = [*additions, *_ignored_inside(draft, attempt)]
                attempt = draft.attempt(additions)
        except IgnoreFileError:
            continue
        if not attempt.shown and not draft.proof.unfound(attempt):
            yield additions, attempt


def _ignored_inside(draft: Draft, attempt: Attempt) -> list[Addition]:
    """Return patterns for the ignored paths that would be sent; none if there are too many."""
    below = set(attempt.shown)
    tops = [path for path in attempt.shown if path.rpartition("/")[0] not in below]
    patterns = (pattern_for(path, pattern_class=draft.pattern_class) for path in tops)
    found = [Addition(each, _IGNORED) for each in patterns if each is not None]
    return found if len(found) <= _MOST_IGNORED else []
