"""Choose the build that a command is about if neither a directory nor a Dockerfile is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from os.path import join, lexists, realpath
from typing import TYPE_CHECKING, NoReturn

import click
from click.core import ParameterSource

from ctxsize import api, planning
from ctxsize.build import Build, path_argument
from ctxsize.cli import output
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.formats.wording import more, typed
from ctxsize.planning import (
    NO_DOCKERFILE,
    Choice,
    choice_of,
    groups_apart,
    plan_for,
    with_only,
)
from ctxsize.units import plural

if TYPE_CHECKING:
    from ctxsize.repository import Discovery, FoundBuild

_MOST = 8  # number of commands that an error lists
_NAMED = {"explain": "-C"}  # the option of a command that takes the context as no argument
_WITH_ALL = ("check", "suggest")  # commands with `--all`
_ABOUT_ONE = ("allowlist", "like", "from_gitignore", "only", "explain")  # not with `--all`
_TAKERS = ("traced", "named", "sources", "as_json", "format_name")  # what needs a Dockerfile
_SECRET = "--build-arg"  # the option whose values are not repeated


def is_given(*names: str) -> bool:
    """Return whether the user gave one of these parameters on the command line."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names)


def chosen(build: Build) -> Build:
    """Return the build of the present command; leave it with exit code 2 if none is the only one.

    Without DIR and `-f` it is the build at the top, else the only one.
    """
    made = choice(build)
    if made:
        return only(build, made)
    return as_found(build)


def chosen_for(build: Build, paths: Sequence[str], *, is_about_takers: bool) -> Build:
    """Return the build whose context holds `paths`, or leave the command as `chosen` does.

    Several that read one ignore file give one answer, unless that `is_about_takers`.
    """
    made = choice(build)
    if made:
        if made.build is None:
            made = _choice_for(build, made, paths, is_about_takers=is_about_takers)
        return only(build, made)
    if is_about_takers:
        return as_found(build)
    return build


def _choice_for(
    build: Build, made: Choice, paths: Sequence[str], *, is_about_takers: bool
) -> Choice:
    from ctxsize.engine.explanation import in_context  # most commands name no paths

    holding = []
    files = set()
    for found in made.builds:
        with suppress(CtxsizeError):
            plan = plan_for(found.build)
            if all(lexists(join(plan.root, in_context(plan, path))) for path in paths):
                holding.append(found)
                files.add((plan.root, plan.ignore_file, plan.builder.name))
    if holding:
        made = replace(with_only(build, holding), discovery=made.discovery)
    if len(files) == 1 and not is_about_takers:
        made = replace(made, build=holding[0].build)
    return made


def below(build: Build) -> Discovery:
    """Return every build below the context of `build`, which has no options of its own."""
    given = [*build.given()]
    if build.dockerfile:
        given.append("--file")
    if given:
        raise click.UsageError(f"{given[0]} cannot be combined with --all")
    return api.discover(build.context)


def as_found(build: Build) -> Build:
    """Return the build that the user named, with what the repository states of it."""
    found_build = planning.as_found(build, api.discover)
    if found_build is None:
        return build
    output.note(f"options that are not typed are those of {found_build.places[0]}")
    return found_build.build


def chosen_to_write(build: Build) -> Build:
    """Return the build of a command that writes the ignore file, which some build must read.

    Leave it where none does, unless nothing is built and the user named the directory.
    """
    is_named = is_given("context", "dockerfile")
    build = chosen(build)
    if build.dockerfile is not None or plan_for(build).dockerfile is not None:
        return build
    builds = api.discover(planning.top_around(build)).builds
    here = [other for other in builds if realpath(other.build.context) == realpath(build.context)]
    if not builds and not is_named:
        raise InputError(NO_DOCKERFILE, hint=f"for the directory itself: {_itself(build)}")
    if builds:
        made = with_only(build, here)
        if made.build is None:
            reason = f"no build has the context {build.context}"
            if here:
                reason = f"no Dockerfile in {build.context}"
            refuse(reason, build, here or builds)
        _note_only(build, made.builds[0])
        return made.build
    return build


def choice(build: Build) -> Choice | None:
    """Return the builds that the present command may be about; None if the user named one."""
    if is_given("context", "dockerfile"):
        return None
    made = choice_of(build, api.discover)
    if made.build and is_given("builder"):
        return replace(made, build=replace(made.build, builder=build.builder))
    return made


def only(build: Build, made: Choice) -> Build:
    """Return the build that was chosen; leave the command with exit code 2 without one."""
    if made.discovery:
        output.warn(made.discovery.problems)
    if made.build is None and not made.builds:
        raise InputError(NO_DOCKERFILE, hint=f"for the directory itself: {_itself(build)}")
    if made.build is None:
        refuse("no Dockerfile here", build, made.builds)
    if made.builds:
        _note_only(build, made.builds[0])
        return made.build
    return as_found(made.build)


def _note_only(build: Build, found_build: FoundBuild) -> None:
    which = "the only build"
    if click.get_current_context().info_name == "explain":
        which = "the only context that may hold it"
    output.note(f"no Dockerfile here; this is about {which}:")
    if not output.is_quiet():
        output.explain([_typed(build, found_build)])


def refuse(reason: str, build: Build, builds: Sequence[FoundBuild]) -> NoReturn:
    """Print for each of `builds` the command that is about it, and leave the command with 2."""
    command = click.get_current_context().info_name or ""
    groups = [group for group in groups_apart(builds, build) if group[0].inline is None]
    shown = groups[:_MOST]
    lines = [*dict.fromkeys(_typed(build, group[0]) for group in shown)]
    left_out = len(builds) - sum(map(len, shown))
    if left_out:
        lines.append(f"{more(left_out)}: {typed('scan', *_directory(build))}")
    if command in _WITH_ALL and not is_given(*_ABOUT_ONE):
        lines.append(f"all of them: {typed(*_again(build), '--all', *_directory(build))}")
    output.error(f"{reason}; {plural(len(builds), 'build')} found: name one")
    output.explain(lines)
    raise click.exceptions.Exit(output.USAGE)


def _directory(build: Build) -> list[str]:
    if build.context == ".":
        return []
    return [path_argument(build.context)]


def _typed(build: Build, found_build: FoundBuild) -> str:
    """Return the present command for a build that was found."""
    command = click.get_current_context().info_name or ""
    found = found_build.build
    is_about_takers = command != "explain" or is_given(*_TAKERS)
    if build.target or not is_about_takers:  # it is one of the words that are repeated
        found = replace(found, target="")
    if not is_about_takers:
        found = replace(found, needed_words=None)
    options = replace(found_build, build=found).options
    return typed(*_again(build), *options, *_naming(command, found_build.build.context))


def _itself(build: Build) -> str:
    """Return the present command with the directory named."""
    command = click.get_current_context().info_name or ""
    return typed(*_again(build), *_naming(command, build.context))


def _naming(command: str, context: str) -> Iterator[str]:
    """Yield the words that name a context."""
    option = _NAMED.get(command)
    if option:
        yield option
    yield path_argument(context)


def _again(build: Build) -> list[str]:
    """Return the words that the user typed, without the directory and values of arguments."""
    words = []
    before = ""
    for word in click.get_current_context().obj:
        name, equals, text = word.partition("=")
        if before == _SECRET:
            words.append(name)
        elif name == _SECRET and equals:
            words.append(f"{name}={text.partition('=')[0]}")
        elif word != "--":
            words.append(word)
        before = word
    if is_given("context") and build.context in words:
        last = len(words) - words[::-1].index(build.context) - 1
        del words[last]
    return words
