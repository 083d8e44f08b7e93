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
from ctxsize.hidden import SECRET_NAME, Hidden, shown
from ctxsize.repository.found_builds import FoundBuild

_MOST_COMPARED = 50  # number of builds of one name
_PLAIN = r"[A-Za-z0-9_.,:/+-]{1,40}"  # on at most 40 characters


def with_words(builds: Iterable[FoundBuild], parsed_files: ParsedDockerfiles) -> list[FoundBuild]:
    """Return the builds, each with the words that its name alone does not imply."""
    groups = defaultdict(list)
    for found in builds:
        groups[found.named].append(found)
    named = list[FoundBuild]()
    for group in groups.values():
        named += _distinguished(group, parsed_files)
    return named


def _distinguished(
    group: Sequence[FoundBuild], parsed_files: ParsedDockerfiles
) -> Iterator[FoundBuild]:
    """Yield the builds of one name, those that take the same with the same words."""
    alike = defaultdict(list)
    for found in group:
        need: object = None
        if 1 < len(group) <= _MOST_COMPARED and found.inline is None:
            need = _need(found, parsed_files)
        alike[need].append(found)
    firsts = [builds[0].build.build_arguments for builds in alike.values()]
    differing = {name for name in set[str]().union(*firsts) if not _is_same(name, firsts)}
    deciding = {*differing}
    for builds in alike.values():
        arguments_of_all = [found.build.build_arguments for found in builds]
        deciding = {name for name in deciding if _is_same(name, arguments_of_all)}
    names = deciding or differing
    for arguments, builds in zip(firsts, alike.values(), strict=True):
        words = tuple(_words(arguments, names))
        for found in builds:
            yield replace(found, build=replace(found.build, needed_words=words))


def _need(found: FoundBuild, parsed_files: ParsedDockerfiles) -> object:
    """Return what a build takes, or why that is not known."""
    build = found.build
    try:
        plan = plan_of(build, builder_of(build.builder), patterns=False, parsed_files=parsed_files)
        return frozenset(need.asked for need in needs_of(plan).values())
    except CtxsizeError as error:
        return str(error)


def _is_same(name: str, all_arguments: Iterable[TextsByName]) -> bool:
    return len({arguments.get(name) for arguments in all_arguments}) == 1


def _words(arguments: TextsByName, names: Iterable[str]) -> Iterator[str]:
    """Yield these arguments as words, with the values that the repository shows to everybody."""
    for name in sorted(arguments):
        if name in names:
            yield "--build-arg"
            yield _word(name, arguments[name])


def _word(name: str, text: str) -> str:
    is_public = not isinstance(text, Hidden) and not isinstance(name, Hidden)
    if is_public and re.fullmatch(_PLAIN, text) and not re.search(SECRET_NAME, name):
        return f"{name}={text}"
    return shown(name)
