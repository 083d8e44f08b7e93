"""Trials that add lines to an ignore file: the base of all modes, and one of them.

A trial adds all lines together, and each fault is blamed on one line. An allow list ignores
everything except for the sources of the Dockerfiles, which is possible if they name them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from ctxsize.dockerfile.context_need import Asked
from ctxsize.engine.narrow import follow
from ctxsize.engine.transfer_requests import Include
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import Hidden, shown
from ctxsize.knowledge.rules import Category
from ctxsize.recommender.build_files import BuildFile, BuildFiles, exceptions, letting_in
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.facts import is_named
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer import Addition, merge

_HEADING = "Everything is ignored except for the sources of the Dockerfiles"
Wrong = tuple[str, str]  # a path with a wrong verdict, and the reason why it is wrong, as a clause
Judge = Callable[[Attempt], Iterable[Wrong]]


class Draft(BuildContext):
    """A context, and trials that add lines to its ignore file."""

    def attempt(self, additions: Iterable[Addition], *, at_start: bool = False) -> Attempt:
        """Return the trial with `additions`. Raises `IgnoreFileError` if it fails a build."""
        file = self.plan.ignore_file
        data = merge(file, [*additions], at_start=at_start, pattern_class=self.pattern_class)
        return self.trial.attempt(data)

    def change(
        self, additions: Sequence[Addition], wrong: Judge, notes: Iterable[Note] = ()
    ) -> IgnoreFileChange:
        """Return the change that adds what is new and not `wrong`, and not exceptions alone."""
        file = self.plan.ignore_file
        noted = [*notes]
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
        attempt = self.attempt(additions)
        blamed = dict[Addition, str]()
        by_line = {each.line: each for each in additions}
        for path, why in wrong(attempt):
            # If an existing line decides, some addition caused it; blame the last one.
            guilty = by_line.get(attempt.decider(path) or "", additions[-1])
            blamed.setdefault(guilty, why)
        return blamed

    def wrong(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield what no mode may do: hide needed paths, empty files, send paths ignored now."""
        now = self.plan.spec
        then = attempt.plan.spec
        for named in self.build_files.named:
            path = named.path
            # Also a path that does not exist now: a step outside of the build may make it.
            if not has_wildcards(path) and then.match_file(path) and not now.match_file(path):
                yield path, f"{named} takes {shown(path)}"
        for path in attempt.lost(self.proof.needed):
            yield path, f"a Dockerfile takes {path} by a pattern"
        for each in self.facts.references:
            if each.breaks(attempt.sent.__contains__):
                yield each.files[0], f"{each.at} needs {each.files[0]}"
        has_exceptions = bool(exceptions(self.plan))
        for path in attempt.hidden:
            for dockerfile, text in self.build_files.undecided:
                if is_named(path.rpartition("/")[2], text):
                    yield path, f"{dockerfile} may take {path}"
            if has_exceptions:
                reason = letting_in(self.plan, path)
            else:
                reason = None
            if reason is not None:
                yield path, f"{path} would disappear: {reason}"
        for path in attempt.emptied:
            yield path, f"{path} would be sent without its content"
        for path in attempt.shown:
            yield path, f"{path} is ignored now and would be sent"

    def kept_back(self, attempt: Attempt) -> Iterator[Wrong]:
        """Yield the paths that would be hidden and that a trap protects; of doubts few do."""
        hidden = set(attempt.hidden)
        for match in self.found:
            # Without what a bundler reads, the build succeeds but makes another image. Tests that a
            # manifest names may be a member of a workspace, whose install fails without them.
            tests = ("mentioned",) if match.rule.category is Category.TESTS else ()
            keeping = ("env_at_build", "no_install_step", *tests)
            hard = [e for e in match.objections if not e.soft or e.trap in keeping]
            if hard and match.path in hidden:
                yield match.path, f"{match.path} must stay: {hard[0].reason}"


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that sends only what every build takes now, or why there is none."""
    why = "all its sources are in {}, so that is assumed to be its context"
    notes = tuple(Note(path, why.format(home)) for path, home in draft.build_files.elsewhere)
    obstacle, hint = _obstacle(draft.plan.root, draft.build_files)
    if obstacle:
        return IgnoreFileChange(notes=notes, impossible=obstacle, hint=hint)
    includes, additions = _listed(draft)
    travels = [draft.snapshot.sent(include=include) for include in includes]
    # All paths that any of the builds transfers now, and the files that the builder reads itself.
    wanted = {path for sent in travels for path in sent.paths}
    if draft.plan.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.trial.before.paths):
        return IgnoreFileChange(notes=notes)
    with suppress(IgnoreFileError):
        attempt = draft.attempt(additions, at_start=True)
        then = [draft.snapshot.sent(attempt.plan.spec, include=include) for include in includes]
        is_exact = travels == then and wanted.issuperset(attempt.sent.paths)
        if is_exact and not attempt.shown:
            return IgnoreFileChange(attempt.data, tuple(additions), notes=notes)
    conflict = "The lines of the ignore file conflict with such a list"
    hint = "remove its exceptions first, or start from an empty file"
    return IgnoreFileChange(notes=notes, impossible=conflict, hint=hint)


def _obstacle(root: str, build_files: BuildFiles) -> tuple[str, str]:
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
            if made := [e for e in asked.paths or () if _is_made(root, e)]:
                # A value that is not on disk as well is not written into a file.
                reason = f"{build_file.path} takes {shown(made[0])}, which is not in the context"
                return reason, "its name is made from a build argument, and is not written"
            if asked.paths is None:
                lines = [f":{each.line}" for each in asked.sources if each.path == "."]
                where = build_file.path + "".join(lines[:1])
                reason = f"{where} takes the whole context, so nothing can be ignored"
                hint = "copy only what the build needs, or use ctxsize suggest without --allowlist"
                return reason, hint
    return "", ""


def _is_made(root: str, path: str) -> bool:
    """Return True if a path is made from a hidden value, and nothing on disk has its name."""
    return isinstance(path, Hidden) and not os.path.lexists(os.path.join(root, path))


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    for need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _listed(draft: Draft) -> tuple[list[Include], list[Addition]]:
    """Return what the builds ask for, and the lines that let in just that."""
    includes: dict[Include, None] = {}
    takers: dict[str, dict[str, None]] = {}
    for build_file in draft.build_files.all:
        name = build_file.plan.dockerfile_in_context or "a Dockerfile elsewhere"
        for paths in sorted({each.paths for each in _asked(build_file) if each.paths is not None}):
            include = follow(draft.plan.root, paths)
            includes[include] = None
            for pattern in include or ():
                takers.setdefault(f"!{pattern}", {})[name] = None
    lines = sorted(takers.items(), key=lambda item: ([*item[1]], item[0]))
    additions = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [*includes], [Addition("*", _HEADING), *additions]
