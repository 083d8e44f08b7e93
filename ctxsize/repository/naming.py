"""The words that distinguish a build from others of the same context, Dockerfile and target.

A command about such a build finds its arguments in the repository. Only where several of them take
different things, it needs words that say which one is meant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ctxsize.build import TextsByName
from ctxsize.engine.builders import builder_of
from ctxsize.engine.plan import ParsedDockerfiles, plan_of
from ctxsize.engine.transfer_requests import needs_of
from ctxsize.errors import CtxsizeError
from ctxsize.hidden import Hidden
from ctxsize.repository.search import FoundBuild

_MOST_COMPARED = 50  # number of builds of one name
_PLAIN = r"[A-Za-z0-9_.,:/+-]{1,40}"  # on at most 40 characters
_SECRET = r"(?i)token|pass|pwd|secret|key|auth|cred|private|salt|cert"

Arguments = list[TextsByName]


def with_words(builds: Iterable[FoundBuild], parsed_files: ParsedDockerfiles) -> list[FoundBuild]:
    """Return the builds in order, each with the words that its name alone does not imply."""
    groups = defaultdict[object, list[FoundBuild]](list)
    for found in builds:
        groups[found.named].append(found)
    named = []
    for group in groups.values():
        names = _deciding_names(group, parsed_files)
        for found in group:
            words = tuple(_words(found.build.build_arguments, names))
            named.append(replace(found, build=replace(found.build, needed_words=words)))
    return named


def _deciding_names(group: Sequence[FoundBuild], parsed_files: ParsedDockerfiles) -> set[str]:
    """Return the names of the arguments that decide what the builds of one name take."""
    if len(group) == 1 or group[0].inline is not None:
        return set()
    by_need = defaultdict[object, Arguments](list)
    for found in group[:_MOST_COMPARED]:
        by_need[_need(found, parsed_files)].append(found.build.build_arguments)
    if len(by_need) == 1:
        return set()
    arguments = [found.build.build_arguments for found in group]
    differing = {name for name in set().union(*arguments) if not _is_same(name, arguments)}
    deciding = {
        name for name in differing if all(_is_same(name, alike) for alike in by_need.values())
    }
    return deciding or differing


def _need(found: FoundBuild, parsed_files: ParsedDockerfiles) -> object:
    """Return what a build takes, or why that is not known."""
    build = found.build
    try:
        plan = plan_of(build, builder_of(build.builder), patterns=False, parsed_files=parsed_files)
        return frozenset(need.asked for need in needs_of(plan).values())
    except CtxsizeError as error:
        return str(error)


def _is_same(name: str, all_arguments: Arguments) -> bool:
    return len({arguments.get(name) for arguments in all_arguments}) == 1


def _words(arguments: TextsByName, names: Iterable[str]) -> Iterator[str]:
    """Yield these arguments as words, with the values that the repository shows to everybody."""
    for name in sorted(names):
        if name in arguments:
            yield "--build-arg"
            yield _word(name, arguments[name])


def _word(name: str, text: str) -> str:
    is_public = not isinstance(text, Hidden) and re.search(_SECRET, name) is None
    if is_public and re.fullmatch(_PLAIN, text):
        return f"{name}={text}"
    return name
