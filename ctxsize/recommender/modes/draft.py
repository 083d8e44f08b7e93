"""Draft an ignore file: an allow list, or lines like those of another service.

A trial adds all lines together, and each fault is blamed on one line. An allow list ignores
everything except for the sources of the Dockerfiles, which is possible if they name them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile

from ctxsize.dockerfile.taken import Asked
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.narrow import follow
from ctxsize.engine.need import Include
from ctxsize.engine.patterns import DockerIgnorePattern, escaped
from ctxsize.engine.segments import covers, is_literal
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.build_files import BuildFile, BuildFiles
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.facts import is_named
from ctxsize.recommender.matches import Match, exceptions, letting_in
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.recommender.rules import Category, is_build_input
from ctxsize.recommender.tree import is_below
from ctxsize.writer import Addition, merge

_HEADING = "Everything is ignored except for the sources of the Dockerfiles"
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
        file, noted = self.request.ignore_file, [*notes]
        there = set(map(self.pattern_class.split, () if file is None else file.texts()))
        kept = []
        for each in additions:
            if self.pattern_class(each.line).fault is not None:
                noted.append(Note(each.line, "the builder rejects it"))
            elif self.pattern_class.split(each.line) not in there:
                kept.append(each)
        while kept and (blamed := self._blamed(kept, wrong)):
            noted += [Note(each.line, why) for each, why in blamed.items()]
            kept = [each for each in kept if each not in blamed]
        if all(each.line.startswith("!") for each in kept):
            return IgnoreFileChange(notes=tuple(noted))
        return IgnoreFileChange(self.attempt(kept).data, tuple(kept), notes=tuple(noted))

    def _blamed(self, additions: Sequence[Addition], wrong: Judge) -> dict[Addition, str]:
        """Return the additions that do something wrong, with the reason."""
        attempt, blamed = self.attempt(additions), dict[Addition, str]()
        by_line = {each.line: each for each in additions}
        for path, why in wrong(attempt):
            # If an existing line decides, some addition caused it; blame the last one.
            guilty = by_line.get(attempt.decider(path) or "", additions[-1])
            blamed.setdefault(guilty, why)
        fault = "" if blamed else self.proof.unfound(attempt)
        return {additions[-1]: fault} if fault else blamed

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

    def kept_back(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield the paths that would be hidden and that a trap protects.

        Objections that the user may overrule do not count, except for three kinds (`_keeps`).
        """
        hidden = set(attempt.hidden)
        for match in self.found:
            hard = [e for e in match.objections if not e.soft or _keeps(match, e.trap)]
            if hard and match.path in hidden:
                yield match.path, f"{match.path} must stay: {hard[0].reason}"


def _keeps(match: Match, trap: str) -> bool:
    """Return True if a doubt protects a match.

    Without a file that a bundler reads, the build succeeds but makes a different image.
    Dependencies that no command installs may be needed. Tests that a manifest names may be a
    member of a workspace, whose install fails without them.
    """
    tests = match.rule.category is Category.TESTS
    return trap in ("env_at_build", "no_install_step") or (trap == "mentioned" and tests)


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
    includes, additions = _listed(draft)
    travels = [draft.snapshot.sent(include=include) for include in includes]
    # All paths that any of the builds transfers now, and the files that the builder reads itself.
    wanted = {path for sent in travels for path in sent.paths}
    if draft.request.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.before.paths):
        return IgnoreFileChange(notes=notes)
    with suppress(IgnoreFileError):
        attempt = draft.attempt(additions, at_start=True)
        then = [draft.snapshot.sent(attempt.request.spec, include=include) for include in includes]
        is_exact = travels == then and wanted.issuperset(attempt.sent.paths)
        if is_exact and not attempt.shown and not draft.proof.unfound(attempt):
            return IgnoreFileChange(attempt.data, tuple(additions), notes=notes)
    return IgnoreFileChange(
        notes=notes,
        impossible="The lines of the ignore file conflict with such a list: "
        "in a trial, other files are sent",
        hint="remove its exceptions first, or start from an empty file",
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
                lines = [f":{each.line}" for each in asked.sources if each.path == "."]
                where = build_file.path + "".join(lines[:1])
                return (
                    f"{where} takes the whole context, so nothing can be ignored",
                    "copy only what the build needs, or use ctxsize suggest without --allowlist",
                )
    return "", ""


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    for _, need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _listed(draft: Draft) -> tuple[list[Include], list[Addition]]:
    """Return what the builds ask for, and the lines that let in just that."""
    includes: dict[Include, None] = {}
    takers: dict[str, dict[str, None]] = {}
    for build_file in draft.build_files.all:
        name = build_file.request.dockerfile_in_context or "a Dockerfile elsewhere"
        asked = {each.paths for each in _asked(build_file) if each.paths is not None}
        for paths in sorted(asked):
            include = follow(draft.request.root, paths)
            includes[include] = None
            for pattern in include or ():
                takers.setdefault(f"!{pattern}", {})[name] = None
    lines = sorted(takers.items(), key=lambda item: ([*item[1]], item[0]))
    exceptions = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [*includes], [Addition("*", _HEADING), *exceptions]


def like(draft: Draft, other: IgnoreFile) -> IgnoreFileChange:
    """Return the ignore file with the patterns of `other`, translated to this context.

    Raises `IgnoreFileError` if `other` would fail a build.
    """
    try:
        patterns = draft.request.builder.spec_class.from_lines(other.texts()).patterns
    except IgnoreFileError as error:
        error.path = other.path
        raise
    theirs = os.path.realpath(os.path.dirname(other.path) or ".")
    heading = f"As in {os.path.relpath(theirs, draft.request.root)}/{os.path.basename(other.path)}"
    added: dict[str, Addition] = {}
    notes = []
    for pattern in patterns:
        text, why = _translated(draft, pattern, theirs)
        if why:
            written = other.texts()[pattern.line - 1].strip()
            notes.append(Note(written, f"left out: {why}", other.path, pattern.line))
        elif not (pattern.include and _is_covered(draft, text)):
            line = "!" * (not pattern.include) + text
            added.pop(line, None)
            added[line] = Addition(line, heading)

    def wrong(attempt: Attempt) -> Iterator[Wrong]:
        yield from draft.wrong(attempt)
        # Only the top of a hidden directory is judged, not the paths below it.
        hidden = frozenset(attempt.hidden)
        tops = dict.fromkeys(path for path in attempt.hidden if not is_below(path, hidden))
        yield from ((path, why) for path, why in draft.kept_back(attempt) if path in tops)
        for path in tops:
            untracked = draft.git.covers(path) and draft.git.first(path) is None
            if is_build_input(path.rpartition("/")[2]) and not untracked:
                yield path, f"builds read {path}, which would disappear"

    return draft.change([*added.values()], wrong, notes)


def _translated(draft: Draft, pattern: DockerIgnorePattern, theirs: str) -> tuple[str, str]:
    """Return the text of `pattern` for this context, and why it does not apply here, if so."""
    # The name of their directory in a pattern becomes the name of ours.
    names = {os.path.basename(theirs): os.path.basename(draft.request.root)}
    parts = [names.get(part, part) for part in pattern.text.split("/")]
    if pattern.fault is not None or parts[0] in ("", ".", ".."):
        return "", "it matches nothing"
    if parts[0] == "**":
        return "/".join(parts), ""
    if theirs.startswith(f"{draft.request.root.rstrip('/')}/"):
        below = os.path.relpath(theirs, draft.request.root)
        parts = [*escaped(below, draft.pattern_class).split("/"), *parts]
    if draft.request.root.startswith(f"{theirs.rstrip('/')}/"):
        for name in os.path.relpath(draft.request.root, theirs).split("/"):
            fits = False
            with suppress(IgnoreFileError):  # what a slash in a class leaves is no pattern
                fits = draft.pattern_class(f"/{parts[0]}").match_file(name) is not None
            if not fits and "/" not in pattern.text:
                break
            if not fits or len(parts) == 1:
                return "", "it is about another directory"
            parts = parts[1:]
    text = at_edges("/".join(parts), draft.pattern_class)
    may_come = pattern.include and len(parts) == 1
    if not may_come and is_literal(draft.pattern_class(text)) and draft.tree.entry(text) is None:
        return "", "there is no such path here"
    return text, ""


def at_edges(text: str, pattern_class: type[DockerIgnorePattern]) -> str:
    """Escape what the builder reads as a comment, as an exception or as a blank to trim."""
    first, rest = text[0], text[1:]
    if first in "#!\ufeff" or first.isspace():
        first = escaped(first, pattern_class)
    if rest[-1:].isspace():
        rest = rest[:-1] + escaped(rest[-1], pattern_class)
    return first + rest


def _is_covered(draft: Draft, text: str) -> bool:
    """Return True if one of our patterns after our last exception covers `text`."""
    ours = takewhile(lambda each: each.include, reversed([*draft.request.spec.patterns]))
    return any(covers(each, draft.pattern_class(text)) is not None for each in ours)
