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
from ctxsize.recommender.matches import Match, exceptions, letting_in
from ctxsize.recommender.mentions import is_named
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
        self, additions: Sequence[Addition], wrong: Judge, notes: Iterable[Note] = ()
    ) -> IgnoreFileChange:
        """Return the change that adds all of `additions` which are new and do nothing `wrong`.

        Exceptions are added only together with a pattern.
        """
        split, file = self.pattern_class.split, self.request.ignore_file
        there = set(map(split, () if file is None else file.texts()))
        kept, noted = [each for each in additions if split(each.line) not in there], [*notes]
        while kept and (found := self._blamed(kept, wrong)):
            noted += [Note(each.line, why) for each, why in found.items()]
            kept = [each for each in kept if each not in found]
        if all(each.line.startswith("!") for each in kept):
            return IgnoreFileChange(notes=tuple(noted))
        return IgnoreFileChange(self.attempt(kept).data, tuple(kept), notes=tuple(noted))

    def _blamed(self, additions: Sequence[Addition], wrong: Judge) -> dict[Addition, str]:
        """Return the additions that do something wrong, with the reason."""
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

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do: hide needed paths, empty files, send paths ignored now."""
        now, then = self.request.spec, attempt.request.spec
        for named in self.build_files.named:
            path = named.path
            # Also a path that does not exist now: a step outside of the build may make it.
            if not has_wildcards(path) and then.match_file(path) and not now.match_file(path):
                yield path, f"{named} takes {path}"
        for path in attempt.lost(self.proof.needed):
            yield path, f"a Dockerfile takes {path} by a pattern"
        has_exceptions = bool(exceptions(self.request))
        for path in attempt.hidden:
            for dockerfile, text in self.build_files.undecided:
                if is_named(path.rpartition("/")[2], text):
                    yield path, f"{dockerfile} may take {path}"
            reason = letting_in(self.request, path) if has_exceptions else None
            if reason is not None:
                yield path, f"{path} would disappear: {reason}"
        for path in attempt.emptied:
            yield path, f"{path} would be sent without its content"
        for path in attempt.shown:
            yield path, f"{path} is ignored now and would be sent"

    def kept_back(self, attempt: Attempt, traps: tuple[str, ...] = ()) -> Iterator[Wrong]:
        """Yield the paths that would be hidden and that a trap protects.

        With `traps`, only their objections count. Objections that the user may overrule do not
        count, except for two kinds (`_keeps`).
        """
        hidden = set(attempt.hidden)
        for match in self.found:
            if match.path in hidden:
                hard = [e for e in match.objections if not e.soft or _keeps(match, e.trap)]
                wanted = [e for e in hard if not traps or e.trap in (*traps, _READ)]
                if wanted:
                    yield match.path, f"{match.path} must stay: {hard[0].reason}"


def _keeps(match: Match, trap: str) -> bool:
    """Return True if a doubt protects a match.

    Without a file that a bundler reads, the build succeeds but makes a different image. Tests
    that a manifest names may be a member of a workspace, whose install fails without them.
    """
    return trap == _READ or (trap == "mentioned" and match.rule.category is Category.TESTS)


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that sends only what the builds take, or why there is none.

    The transfer of every Dockerfile and target stays the same, and every path that is ignored now
    stays ignored.
    """
    why = "all its sources are in {}, so that is assumed to be its context"
    notes = tuple(Note(path, why.format(home)) for path, home in draft.build_files.elsewhere)
    impossible, hint = _obstacle(draft.build_files)
    if impossible:
        return IgnoreFileChange(notes=notes, impossible=impossible, hint=hint)
    takers = _takers(draft)
    travels = [draft.snapshot.sent(include=include) for include in takers]
    # All paths that any of the builds transfers now, and the files that the builder reads itself.
    wanted = {path for sent in travels for path in sent.paths}
    if draft.request.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.before.paths):
        return IgnoreFileChange(notes=notes)
    for additions, attempt in _attempts(draft, _listed(takers)):
        spec = attempt.request.spec
        then = [draft.snapshot.sent(spec, include=include) for include in takers]
        if travels == then and wanted.issuperset(attempt.sent.paths):
            return IgnoreFileChange(attempt.data, tuple(additions), notes=notes)
    return IgnoreFileChange(
        notes=notes,
        impossible="The lines of the ignore file conflict with such a list: "
        "in a trial, other files are sent",
        hint="tidy its exceptions first, or start from an empty file",
    )


def _obstacle(build_files: BuildFiles) -> tuple[str, str]:
    """Return why the sources cannot be listed, and how to solve that; empty if they can."""
    if not build_files.all:
        return "There is no Dockerfile, so the sources of a build are unknown", "name it with -f"
    for path, _ in build_files.undecided:
        reason = f"The sources of {path} are unknown, so they cannot be listed"
        return reason, "ctxsize suggest without --allowlist says why"
    for build_file in build_files.all:
        for unknown in build_file.unknown:
            reason = f"{build_file.path}:{unknown.line} takes {unknown.source}"
            return f"{reason}, which has no value here", "set it with --build-arg"
        for asked in _asked(build_file):
            if asked.paths is None:
                whole = [each for each in asked.sources if each.path == "."]
                what = [f"({each.instruction} {each.source}), " for each in whole]
                where = f"{build_file.path}:{whole[0].line}" if whole else build_file.path
                return (
                    f"{where} takes the whole context {what[0] if what else ''}"
                    "so nothing can be ignored",
                    "copy only what the build needs, or use ctxsize suggest without --allowlist",
                )
    return "", ""


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    for _, need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _takers(draft: Draft) -> dict[Include, list[str]]:
    """Return what any build asks for, with the Dockerfiles of these builds."""
    takers: dict[Include, list[str]] = {}
    for build_file in draft.build_files.all:
        name = build_file.request.dockerfile_in_context or "a Dockerfile elsewhere"
        asked = {each.paths for each in _asked(build_file) if each.paths is not None}
        for paths in sorted(asked):
            takers.setdefault(follow(draft.request.root, paths), []).append(name)
    return takers


def _listed(takers: dict[Include, list[str]]) -> list[Addition]:
    by_pattern: dict[str, dict[str, None]] = {}
    for include, names in takers.items():
        for pattern in include or ():
            by_pattern.setdefault(f"!{pattern}", {}).update(dict.fromkeys(names))
    lines = sorted(by_pattern.items(), key=lambda item: ([*item[1]], item[0]))
    listed = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [Addition("*", _HEADING), *listed]


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
