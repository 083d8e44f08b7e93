"""Everything ignored but for what the Dockerfiles take: possible if they name it all."""

from __future__ import annotations

from collections.abc import Iterator

from ctxsize.dockerfile import Asked
from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.narrow import follow
from ctxsize.engine.quoting import pattern_for
from ctxsize.engine.trial import Attempt
from ctxsize.errors import IgnoreFileError
from ctxsize.recommender.build_files import BuildFile
from ctxsize.recommender.modes.draft import Draft
from ctxsize.recommender.outcome import IgnoreFileChange, Note
from ctxsize.writer.merge import Addition

_HEADING = "Everything stays out but for what the Dockerfiles take"
_IGNORED = "Ignored before, and inside of what they take"
_MOST_IGNORED = 40


def allowlist(draft: Draft) -> IgnoreFileChange:
    """Return the ignore file that lets in just what the builds take, or why there is none.

    What travels is the same before and after, for every Dockerfile and target;
    what is ignored now stays ignored.
    """
    build_files, notes = _concerned(draft)
    if not build_files:
        return IgnoreFileChange(
            impossible="There is no Dockerfile, so nobody knows what a build takes",
            hint="name it with -f",
        )
    for path, _ in draft.build_files.undecided:
        return IgnoreFileChange(
            notes=tuple(notes),
            impossible=f"What {path} takes is not known, so it cannot be listed",
            hint="ctxsize suggest without --allowlist says why",
        )
    for build_file in build_files:
        obstacle = _obstacle(build_file)
        if obstacle:
            return IgnoreFileChange(notes=tuple(notes), impossible=obstacle[0], hint=obstacle[1])
    wanted = _union(draft, build_files)
    if wanted.issuperset(draft.before.paths):
        return IgnoreFileChange(notes=tuple(notes))
    additions = _additions(draft, build_files)
    for at_start in (True, False):
        tried = _tried(draft, build_files, additions, at_start=at_start)
        if tried is not None and wanted.issuperset(tried[1].sent.paths):
            added, attempt = tried
            return IgnoreFileChange(attempt.data, tuple(added), notes=tuple(notes))
    return IgnoreFileChange(
        notes=tuple(notes),
        impossible="What the ignore file holds already does not go with such a list: "
        "a trial shows that other files would be sent",
        hint="tidy its exceptions first, or start from an empty file",
    )


def _concerned(draft: Draft) -> tuple[list[BuildFile], list[Note]]:
    """Return the Dockerfiles whose context this is, and notes about those with another one."""
    kept: list[BuildFile] = []
    left = dict(draft.build_files.elsewhere)
    own = draft.request.dockerfile
    for build_file in draft.build_files.all:
        directory = build_file.path.rpartition("/")[0]
        top = build_file.path == own or not directory
        if top or build_file.asked_for or _takes_from_above(draft, build_file, directory):
            kept.append(build_file)
        else:
            left[build_file.path] = directory
    why = "all it takes is in {}, so that is taken for its context"
    return kept, [Note(path, why.format(directory)) for path, directory in left.items()]


def _takes_from_above(draft: Draft, build_file: BuildFile, directory: str) -> bool:
    """Return whether it names something that is here, and not beside it."""
    return any(
        draft.tree.entry(source.path) is not None
        and draft.tree.entry(f"{directory}/{source.path}") is None
        for source in build_file.sources
        if source.path != "." and not has_wildcards(source.path)
    )


def _obstacle(build_file: BuildFile) -> tuple[str, str] | None:
    """Return why what a Dockerfile takes cannot be listed, and what to do; None if it can."""
    for unknown in build_file.unknown:
        return (
            f"{build_file.path}:{unknown.line} takes {unknown.source}, which has no value here",
            "give it one with --build-arg",
        )
    for asked in _asked(build_file):
        if asked.paths is not None:
            continue
        source = next((each for each in asked.sources if each.path == "."), None)
        where = build_file.path if source is None else f"{build_file.path}:{source.line}"
        what = "all of the context" if source is None else f"{source.instruction} {source.source}"
        return (
            f"{where} takes the whole context ({what}), so nothing can be denied to it",
            "name there what the build needs, or use ctxsize suggest without --allowlist",
        )
    return None


def _asked(build_file: BuildFile) -> Iterator[Asked]:
    """Yield what the builds of a Dockerfile ask for, under each name of the context."""
    for _, need in build_file.needs:
        for name in build_file.names:
            yield from need.of(name)


def _paths(build_file: BuildFile) -> Iterator[tuple[str, ...]]:
    """Yield what the builds of a Dockerfile ask for, each once."""
    yield from sorted({each.paths for each in _asked(build_file) if each.paths is not None})


def _union(draft: Draft, build_files: list[BuildFile]) -> set[str]:
    """Return all that travels in any of the builds now, and what the builder needs for itself."""
    needs = draft.request.builder.always_sends is not None
    return {
        *(draft.build_files.own_files if needs else ()),
        *(
            path
            for build_file in build_files
            for paths in _paths(build_file)
            for path in draft.travels(None, paths).paths
        ),
    }


def _additions(draft: Draft, build_files: list[BuildFile]) -> list[Addition]:
    takers: dict[str, list[str]] = {}
    for build_file in build_files:
        name = build_file.request.dockerfile_in_context or "a Dockerfile elsewhere"
        for paths in _paths(build_file):
            for pattern in follow(draft.request.root, paths) or ():
                known = takers.setdefault(f"!{pattern}", [])
                known += [name] * (name not in known)
    lines = sorted(takers.items(), key=lambda item: (item[1], item[0]))
    exceptions = [Addition(line, _HEADING, f"for {' and '.join(who)}") for line, who in lines]
    return [Addition("*", _HEADING), *exceptions]


def _tried(
    draft: Draft, build_files: list[BuildFile], additions: list[Addition], *, at_start: bool
) -> tuple[list[Addition], Attempt] | None:
    """Return the proved list: in front of what is there, or behind it with more patterns."""
    try:
        attempt = draft.attempt(additions, at_start=at_start)
        if not at_start:
            more = _ignored_inside(draft, attempt)
            if more is None:
                return None
            additions = [*additions, *more]
            attempt = draft.attempt(additions)
    except IgnoreFileError:
        return None
    if attempt.shown or draft.proof.unfound(attempt):
        return None
    for build_file in build_files:
        for paths in _paths(build_file):
            if not draft.travels(None, paths).same(draft.travels(attempt, paths)):
                return None
    return additions, attempt


def _ignored_inside(draft: Draft, attempt: Attempt) -> list[Addition] | None:
    """Return patterns for what is ignored now and would be let in; None if that takes too many."""
    shown = attempt.shown
    below = set(shown)
    tops = [path for path in shown if path.rpartition("/")[0] not in below]
    pattern_class = draft.request.builder.spec_class.pattern_class
    patterns = [pattern_for(path, pattern_class=pattern_class) for path in tops]
    if len(patterns) > _MOST_IGNORED or None in patterns:
        return None
    return [Addition(str(each), _IGNORED) for each in patterns]
