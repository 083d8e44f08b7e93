"""Trials that add lines to an ignore file: the base of all modes, and one of them.

A trial adds all lines together, and each fault is blamed on one line. An allow list ignores
everything except for the sources of the Dockerfiles, which is possible if they name them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from os.path import join, lexists
from posixpath import basename

from ctxsize.engine.narrow import follow
from ctxsize.engine.transfer_requests import Include
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import Hidden, shown
from ctxsize.knowledge.rules import Category
from ctxsize.recommender.build_files import BuildFiles, exceptions, letting_in
from ctxsize.recommender.context import BuildContext
from ctxsize.recommender.facts import is_named
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer import Addition, merge

Additions = Sequence[Addition]
_HEADING = "Everything is ignored except for the sources of the Dockerfiles"
WrongVerdicts = Iterator[tuple[str, str]]
"""Paths with a wrong verdict, each with the reason why it is wrong, as a clause."""
FindWrong = Callable[[Attempt], WrongVerdicts]


class Draft(BuildContext):
    """A context, and trials that add lines to its ignore file."""

    def attempt(self, additions: Additions, *, at_start: bool = False) -> Attempt:
        """Return the trial with `additions`. Raises `IgnoreFileError` if it fails a build."""
        data = merge(
            self.plan.ignore_file,
            additions,
            at_start=at_start,
            pattern_class=self.pattern_class,
        )
        return self.trial.attempt(data)

    def change(
        self, additions: Additions, wrong: FindWrong, notes: Iterable[Note]
    ) -> IgnoreFileChange:
        """Return the change that adds what is new and not `wrong`, and not exceptions alone."""
        noted = [*notes]
        lines = []
        if self.plan.ignore_file:
            lines = self.plan.ignore_file.texts()
        present = {self.pattern_class.split(line) for line in lines}
        added = []
        for addition in additions:
            if self.pattern_class(addition.line).fault is not None:
                noted.append(Note(addition.line, "the builder rejects it"))
            elif self.pattern_class.split(addition.line) not in present:
                added.append(addition)
        while added and (blamed := self._blame(added, wrong)):
            noted += [Note(line, why) for line, why in blamed.items()]
            added = [addition for addition in added if addition.line not in blamed]
        if all(addition.line.startswith("!") for addition in added):
            return IgnoreFileChange(notes=tuple(noted))
        return IgnoreFileChange(self.attempt(added).data, tuple(added), notes=tuple(noted))

    def _blame(self, additions: Additions, wrong: FindWrong) -> dict[str, str]:
        """Return the lines of the additions that do something wrong, with the reason."""
        attempt = self.attempt(additions)
        blamed = dict[str, str]()
        lines = {addition.line for addition in additions}
        for path, why in wrong(attempt):
            line = attempt.decider(path)
            # If an existing line decides, some addition caused it; blame the last one.
            if line not in lines:
                line = additions[-1].line
            blamed.setdefault(line, why)
        return blamed

    def wrong(self, attempt: Attempt) -> WrongVerdicts:
        """Yield what no mode may do: hide needed paths, empty files, send paths ignored now."""
        yield from self._ignored_sources(attempt)
        for path in attempt.lost(self.proof.needed):
            yield path, f"a Dockerfile takes {path} by a pattern"
        for reference in self.facts.references:
            if reference.breaks(attempt.sent.__contains__):
                path = reference.files[0]
                yield path, f"{reference.at} needs {path}"
        has_exceptions = bool(exceptions(self.plan))
        for path in attempt.hidden:
            for dockerfile, text in self.build_files.undecided:
                if is_named(basename(path), text):
                    yield path, f"{dockerfile} may take {path}"
            if has_exceptions and (reason := letting_in(self.plan, path)):
                yield path, f"{path} would disappear: {reason}"
        for path in attempt.emptied:
            yield path, f"{path} would be sent without its content"
        for path in attempt.shown:
            yield path, f"{path} is ignored now and would be sent"

    def _ignored_sources(self, attempt: Attempt) -> WrongVerdicts:
        """Yield named sources that would be ignored; a step outside of the build may make them."""
        for named in self.build_files.named:
            path = named.path
            if has_wildcards(path) or self.plan.spec.match_file(path):
                continue
            if attempt.plan.spec.match_file(path):
                yield path, f"{named} takes {shown(path)}"

    def kept_back(self, attempt: Attempt) -> WrongVerdicts:
        """Yield the paths that would be hidden and that a trap protects; of doubts few do."""
        for match in self.found:
            if match.path not in attempt.changes.hidden:
                continue
            # Without what a bundler reads, the build succeeds but makes another image.
            keeping = {"env_at_build", "no_install_step"}
            if match.rule.category is Category.TESTS:
                # A manifest may name them as a member of a workspace, whose install fails.
                keeping.add("mentioned")
            for objection in match.objections:
                if not objection.soft or objection.trap in keeping:
                    yield match.path, f"{match.path} must stay: {objection.reason}"
                    break


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that sends only what every build takes now, or why there is none."""
    notes = tuple(
        Note(path, f"all its sources are in {home}, so that is assumed to be its context")
        for path, home in draft.build_files.elsewhere
    )
    obstacle, hint = _obstacle(draft.plan.root, draft.build_files)
    if obstacle:
        return IgnoreFileChange(notes=notes, impossible=obstacle, hint=hint)
    includes, additions = _list_sources(draft)
    before = [draft.snapshot.sent(include=include) for include in includes]
    # All paths that any of the builds transfers now, and the files that the builder reads itself.
    wanted = set[str]().union(*(sent.paths for sent in before))
    if draft.plan.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.trial.before.paths):
        return IgnoreFileChange(notes=notes)
    with suppress(IgnoreFileError):
        attempt = draft.attempt(additions, at_start=True)
        after = [draft.snapshot.sent(attempt.plan.spec, include=include) for include in includes]
        if before == after and wanted.issuperset(attempt.sent.paths) and not attempt.shown:
            return IgnoreFileChange(attempt.data, tuple(additions), notes=notes)
    return IgnoreFileChange(
        notes=notes,
        impossible="The lines of the ignore file conflict with such a list",
        hint="remove its exceptions first, or start from an empty file",
    )


def _obstacle(root: str, build_files: BuildFiles) -> tuple[str, str]:
    """Return why the sources cannot be listed, and how to solve that; empty if they can."""
    if not build_files.all:
        return "There is no Dockerfile, so the sources of a build are unknown", "name it with -f"
    for path, _ in build_files.undecided:
        return (
            f"The sources of {path} are unknown, so they cannot be listed",
            "the same command without --allowlist says why",
        )
    for build_file in build_files.all:
        for unknown in build_file.unknown:
            return (
                f"{build_file.path}:{unknown.line} takes {unknown.source}, which has no value here",
                "set it with --build-arg",
            )
        for asked in build_file.asked:
            if asked.paths is None:
                where = build_file.path
                for source in asked.sources:
                    if source.path == ".":
                        where = f"{where}:{source.line}"
                        break
                return (
                    f"{where} takes the whole context, so nothing can be ignored",
                    "copy only what the build needs, or leave out --allowlist",
                )
            for path in asked.paths:
                if isinstance(path, Hidden) and not lexists(join(root, path)):
                    # A value that is not on disk as well is not written into a file.
                    return (
                        f"{build_file.path} takes {shown(path)}, which is not in the context",
                        "its name is made from a build argument, and is not written",
                    )
    return "", ""


def _list_sources(draft: Draft) -> tuple[list[Include], list[Addition]]:
    """Return what the builds ask for, and the lines that let in just that."""
    includes: dict[Include, None] = {}
    takers = defaultdict[str, dict[str, None]](dict)
    for build_file in draft.build_files.all:
        name = build_file.plan.dockerfile_in_context or "a Dockerfile elsewhere"
        sources = {asked.paths for asked in build_file.asked if asked.paths is not None}
        for paths in sorted(sources):
            include = follow(draft.plan.root, paths)
            includes[include] = None
            for pattern in include or ():
                takers[f"!{pattern}"][name] = None
    lines = sorted(takers, key=lambda line: ([*takers[line]], line))
    listed = [Addition(line, _HEADING, f"for {' and '.join(takers[line])}") for line in lines]
    return [*includes], [Addition("*", _HEADING), *listed]
