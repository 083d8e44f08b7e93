"""Everything ignored but for what the Dockerfiles take: possible if they name it all."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.dockerfile import Asked
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.narrow import follow
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.sent import Sent
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.build_files import BuildFile
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition

_HEADING = "Everything stays out but for what the Dockerfiles take"
_IGNORED = "Ignored before, and inside of what they take"
_MOST_IGNORED = 40
Taking = tuple[str, tuple[str, ...]]
"""A Dockerfile as a comment names it, and the paths that one of its builds asks for."""


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that lets in just what the builds take, or why there is none.

    What travels is the same before and after, for every Dockerfile and target;
    what is ignored now stays ignored.
    """
    build_files, notes = _concerned(draft)
    obstacle = _obstacle(draft, build_files)
    if obstacle is not None:
        return IgnoreFileChange(notes=notes, impossible=obstacle[0], hint=obstacle[1])
    takings = [taking for build_file in build_files for taking in _takings(build_file)]
    # What travels in any of the builds now, and what the builder needs for itself.
    wanted = {path for _, paths in takings for path in _travels(draft, None, paths).paths}
    if draft.request.builder.always_sends is not None:
        wanted |= draft.build_files.own_files
    if wanted.issuperset(draft.before.paths):
        return IgnoreFileChange(notes=notes)
    for at_start in (True, False):
        tried = _tried(draft, takings, at_start=at_start)
        if tried is not None and wanted.issuperset(tried[1].sent.paths):
            added, attempt = tried
            return IgnoreFileChange(attempt.data, tuple(added), notes=notes)
    return IgnoreFileChange(
        notes=notes,
        impossible="What the ignore file holds already does not go with such a list: "
        "a trial shows that other files would be sent",
        hint="tidy its exceptions first, or start from an empty file",
    )


def _concerned(draft: Draft) -> tuple[list[BuildFile], tuple[Note, ...]]:
    """Return the Dockerfiles whose context this is, and notes about those with another one."""
    kept: list[BuildFile] = []
    left = dict(draft.build_files.elsewhere)
    for build_file in draft.build_files.all:
        directory = build_file.path.rpartition("/")[0]
        top = build_file.path == draft.request.dockerfile or not directory
        if top or build_file.asked_for or _takes_from_above(draft, build_file, directory):
            kept.append(build_file)
        else:
            left[build_file.path] = directory
    why = "all it takes is in {}, so that is taken for its context"
    return kept, tuple(Note(path, why.format(directory)) for path, directory in left.items())


def _takes_from_above(draft: Draft, build_file: BuildFile, directory: str) -> bool:
    """Return whether it names something that is here, and not beside it."""
    return any(
        draft.tree.entry(source.path) is not None
        and draft.tree.entry(f"{directory}/{source.path}") is None
        for source in build_file.sources
        if source.path != "." and not has_wildcards(source.path)
    )


def _obstacle(draft: Draft, build_files: list[BuildFile]) -> tuple[str, str] | None:
    """Return why what the builds take cannot be listed, and what to do; None if it can."""
    if not build_files:
        reason = "There is no Dockerfile, so nobody knows what a build takes"
        return reason, "name it with -f"
    for path, _ in draft.build_files.undecided:
        reason = f"What {path} takes is not known, so it cannot be listed"
        return reason, "ctxsize suggest without --allowlist says why"
    for build_file in build_files:
        for unknown in build_file.unknown:
            reason = f"{build_file.path}:{unknown.line} takes {unknown.source}"
            return f"{reason}, which has no value here", "give it one with --build-arg"
        for asked in _asked(build_file):
            if asked.paths is None:
                source = next((each for each in asked.sources if each.path == "."), None)
                line, what = "", "all of the context"
                if source is not None:
                    line, what = f":{source.line}", f"{source.instruction} {source.source}"
                return (
                    f"{build_file.path}{line} takes the whole context ({what}), "
                    "so nothing can be denied to it",
                    "name there what the build needs, or use ctxsize suggest without --allowlist",
                )
    return None


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    """Yield what the builds of a Dockerfile ask for, under each name of the context."""
    for _, need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _takings(build_file: BuildFile) -> list[Taking]:
    """Return what the builds of a Dockerfile ask for, each once."""
    name = build_file.request.dockerfile_in_context or "a Dockerfile elsewhere"
    asked = {each.paths for each in _asked(build_file) if each.paths is not None}
    return [(name, paths) for paths in sorted(asked)]


def _travels(draft: Draft, attempt: Attempt | None, paths: tuple[str, ...]) -> Sent:
    """Return what a build that asks for `paths` makes travel: now, or by an attempt."""
    spec = draft.request.spec if attempt is None else attempt.request.spec
    return draft.snapshot.sent(spec, include=follow(draft.request.root, paths))


def _additions(draft: Draft, takings: list[Taking]) -> list[Addition]:
    takers: dict[str, dict[str, None]] = {}
    for name, paths in takings:
        for pattern in follow(draft.request.root, paths) or ():
            takers.setdefault(f"!{pattern}", {})[name] = None
    lines = sorted(takers.items(), key=lambda item: ([*item[1]], item[0]))
    exceptions = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [Addition("*", _HEADING), *exceptions]


def _tried(
    draft: Draft, takings: list[Taking], *, at_start: bool
) -> tuple[list[Addition], Attempt] | None:
    """Return the proved list: in front of what is there, or behind it with more patterns."""
    additions = _additions(draft, takings)
    try:
        attempt = draft.attempt(additions, at_start=at_start)
        if not at_start:
            additions += _ignored_inside(draft, attempt)
            attempt = draft.attempt(additions)
    except IgnoreFileError:
        return None
    if attempt.shown or draft.proof.unfound(attempt):
        return None
    same = all(
        _travels(draft, None, paths).same(_travels(draft, attempt, paths)) for _, paths in takings
    )
    return (additions, attempt) if same else None


def _ignored_inside(draft: Draft, attempt: Attempt) -> list[Addition]:
    """Return patterns for what is ignored now and would be let in; none if that takes too many."""
    below = set(attempt.shown)
    tops = [path for path in attempt.shown if path.rpartition("/")[0] not in below]
    patterns = (pattern_for(path, pattern_class=draft.pattern_class) for path in tops)
    found = [Addition(each, _IGNORED) for each in patterns if each is not None]
    return found if len(found) <= _MOST_IGNORED else []
