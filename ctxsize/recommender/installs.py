"""Which Dockerfiles install dependencies, and which get those of this machine along.

In a repository of several services one Dockerfile installs what is in a directory, and others
take the directory with `COPY . .` only because it is there. Even then a person decides: an image
may use what nothing in its Dockerfile names.
"""

from __future__ import annotations

import re

from ctxsize.recommender.build_files import BuildFile, Named
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.knowledge.tools import manager_of, speaks, works
from ctxsize.recommender.made import is_for, taking
from ctxsize.recommender.matches import Doubt, Match

_SCRIPTS = re.compile(
    r"\.sh\b|\b(make|just|task)\b|\b(npm|bun|composer)\s+(run|run-script|exec)\b"
    r"|\b(yarn|pnpm|mix)\s+\w"
)
"""What may install them in ways that the Dockerfile does not tell."""
_MOST_NAMED = 3


def no_install_step(facts: Facts, match: Match) -> str | None:
    """Object if a Dockerfile takes the dependencies and does not install them: it needs these.

    A person may overrule it where a script may install them, where the Dockerfile installs those
    of other directories, and where they belong to another Dockerfile, which installs them.
    """
    if manager_of(match.rule) is None:
        return None
    bare = [each for each in taking(facts, match) if not _installs(facts, each, match)]
    owner = _owner(facts, match)
    strangers = [each for each in bare if owner is not None and _is_stranger(facts, each, match)]
    others = [(_may_install(facts, e, match), e.path) for e in bare if e not in strangers]
    if others:
        soft, path = min(others, key=lambda each: each[0])
        reason = f"{path} takes it and does not install it"
        return Doubt(reason) if soft else reason
    return None if owner is None or not strangers else Doubt(_lost(strangers, owner))


def _installs(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    """Return whether a command installs them, or installs nobody knows where."""
    return any(is_for(match, package) for package in facts.installed_by(build_file, match.rule))


def _may_install(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    """Return whether a script may install them, or a command does so in other directories.

    A RUN that cannot be read may do either.
    """
    by_script = _SCRIPTS.search(build_file.commands) is not None
    unread = build_file.unread_at is not None
    return by_script or unread or bool(facts.installed_by(build_file, match.rule))


def _lost(strangers: list[BuildFile], owner: BuildFile) -> str:
    """Return which Dockerfiles would lose the directory, and which one installs it: a clause."""
    paths = [*dict.fromkeys(each.path for each in strangers)]
    more = len(paths) - _MOST_NAMED
    named = ", ".join(paths[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return (
        f"{named} would no longer get it with what is copied; "
        f"it belongs to {owner.path}, which installs it itself"
    )


def _owner(facts: Facts, match: Match) -> BuildFile | None:
    """Return the Dockerfile that takes what is beside them and installs them, the nearest first."""
    beside = match.path.rpartition("/")[0]
    found = [
        each
        for each in facts.build_files.all
        if (each.takes_everything or any(_is_beside(named, match) for named in each.named))
        and _installs(facts, each, match)
    ]
    return min(found, key=lambda each: (_directory(each) != beside, each.path), default=None)


def _is_beside(named: Named, match: Match) -> bool:
    """Return whether an instruction takes a file beside them, or a directory that holds them."""
    beside = match.path.rpartition("/")[0]
    return named.contains(match.path) or named.path.rpartition("/")[0] == beside


def _is_stranger(facts: Facts, build_file: BuildFile, match: Match) -> bool:
    """Return whether nothing in the Dockerfile has to do with the dependencies.

    It builds something else, lies elsewhere, does not name their directory, and neither its
    images nor its commands are of their ecosystem.
    """
    beside = match.path.rpartition("/")[0]
    named = any(each.is_at_or_below(beside) for each in build_file.named)
    if beside and (named or _directory(build_file) == beside):
        return False
    if speaks(match.rule, build_file.words):
        return False
    return any(works(command) for _, command in facts.commands(build_file))


def _directory(build_file: BuildFile) -> str | None:
    """Return the directory of the context that holds the Dockerfile, None if it lies outside."""
    path = build_file.request.dockerfile_in_context
    return None if path is None else path.rpartition("/")[0]
