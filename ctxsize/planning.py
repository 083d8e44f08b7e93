"""Plan the build that a user names, which may be one that is found nearby or configured."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from os.path import isabs, isfile, join, normpath, realpath, relpath
from typing import TYPE_CHECKING

from ctxsize.build import Build, Options, StrPath, Unpack, build_of
from ctxsize.engine.builders import builder_of
from ctxsize.engine.dockerfiles import STDIN, files_near, find_dockerfile
from ctxsize.engine.plan import ELSEWHERE, ParsedDockerfiles, Plan, plan_of, with_unsaved
from ctxsize.errors import CtxsizeError
from ctxsize.model import Problem
from ctxsize.reader import border_of, is_in
from ctxsize.values import Value

if TYPE_CHECKING:
    from ctxsize.config import Config
    from ctxsize.repository import Discovery, FoundBuild

BuildOrPlan = Build | StrPath | Plan
_CONTINUED = r"[\\`][ \t]*\r?\n"
_VARIABLE = r"(?im)^[ \t]*(?:ONBUILD[ \t]+)?(?:FROM|COPY|ADD|RUN[ \t]+--mount)\b[^\n]*\$"
_STAGE = r"(?im)^[ \t]*FROM[ \t][^\n]*[ \t]AS[ \t]+(\S+)"
_ORIGIN = r"\bfrom=([\w.-]+)(?![\w.:/@-])"
NO_DOCKERFILE = "No Dockerfile here."


def plan_for(
    build: BuildOrPlan = ".",
    *,
    data: bytes | None = None,
    **options: Unpack[Options],
) -> Plan:
    """Return the plan for a build, or for a context with fields of `Build` as keywords.

    A plan is returned unchanged, or with options as one for its build with these. `data` is
    the text of the ignore file, in place of the one on disk: answers are those once it is saved.
    Raises `InputError` for a missing file or directory and for an unknown builder, and
    `IgnoreFileError` for an ignore file that fails the build.
    """
    if isinstance(build, Plan) and not options:
        plan = build
    else:
        if isinstance(build, Plan):
            build = build.build
        plan = plan_with_hint(build_of(build, options) or Build(), ParsedDockerfiles())
    if data is None:
        return plan
    return with_unsaved(plan, data)


def plan_with_hint(build: Build, parsed_files: ParsedDockerfiles) -> Plan:
    """Return the plan for `build`, which reads no Dockerfile of `parsed_files` again.

    Raises as `plan_for`.

    If it has no Dockerfile, its problem suggests a command for a build found nearby.
    """
    plan = plan_of(build, builder_of(build.builder), parsed_files=parsed_files)
    others = [problem for problem in plan.problems if problem.code != "no-dockerfile"]
    nearby = None
    if len(others) < len(plan.problems):
        nearby = files_near(plan.context)
    if nearby:
        from ctxsize.repository import what_to_type

        command = what_to_type(plan.context, nearby)
        if command:
            hint = Problem("no-dockerfile", f"{ELSEWHERE} {command}")
            return replace(plan, problems=(*others, hint))
    return plan


def configured_builds(config: Config, root: str) -> list[FoundBuild]:
    """Return the builds that `config` defines with a context or a Dockerfile below `root`."""
    from ctxsize.config import builds
    from ctxsize.findings import Location
    from ctxsize.reader import holds
    from ctxsize.repository import FoundBuild, Place

    configured = []
    top = realpath(root)
    for _, budgeted_builds in builds(config):
        for budgeted in budgeted_builds:
            build = budgeted.build
            usual = normpath(join(build.context, "Dockerfile"))
            if build.dockerfile is None and isfile(usual):
                build = replace(build, dockerfile=usual)
            if any(holds(top, path) for path in (build.context, build.dockerfile) if path):
                place = Place("configuration", budgeted.name, Location(config.path or ""))
                configured.append(FoundBuild(build, (place,)))
    return configured


def with_configured(discovery: Discovery, configured: Sequence[FoundBuild]) -> Discovery:
    """Return `discovery` with configured builds in place of guesses for their Dockerfiles."""
    from ctxsize.repository import merged, with_problem

    found = [*discovery.builds, *discovery.left_out]
    guessed = {build.dockerfile for build in found if build.guessed}
    stated = guessed & {build.dockerfile for build in configured}
    if not stated:
        return discovery
    builds = [build for build in discovery.builds if build.dockerfile not in stated]
    builds += (build for build in configured if build.dockerfile in stated)
    problems = [
        problem
        for problem in discovery.problems
        if problem.code != "guess" or realpath(problem.path or "") not in stated
    ]
    left_out = [build for build in discovery.left_out if build.dockerfile not in stated]
    others = {path: what for path, what in discovery.others.items() if path not in stated}
    return replace(
        discovery,
        builds=merged(builds),
        left_out=tuple(left_out),
        others=others,
        problems=tuple(with_problem(problems, others)),
    )


class Choice(Value):
    """The builds that a command may mean if neither a directory nor a Dockerfile is named."""

    build: Build | None = None  # the one that it means; None if there are several or none
    discovery: Discovery | None = None  # None with a Dockerfile at the top: nothing was searched
    builds: Sequence[FoundBuild] = ()  # those found


def choice_of(build: Build, discover: Callable[[str], Discovery]) -> Choice:
    """Return the build at the top of the context of `build`, else the only one that is found.

    That one gets the options of `build`, but keeps its builder. A build whose Dockerfile stands
    in another file is never the only one, as no command line can name it.
    """
    at_top = find_dockerfile(build.context, None, builder_of(build.builder))
    if at_top.path is not None:
        return Choice(build)
    discovery = discover(build.context)
    return replace(with_only(build, discovery.builds), discovery=discovery)


def with_only(build: Build, builds: Sequence[FoundBuild]) -> Choice:
    """Return the choice among `builds`: the only one with the options of `build`, if it is one."""
    groups = groups_apart(builds, build)
    if len(groups) != 1 or builds[0].inline is not None:
        return Choice(builds=builds)
    return Choice(_with_options(_as_typed(groups[0]).build, build), builds=builds)


def groups_apart(found_builds: Iterable[FoundBuild], given: Build) -> list[list[FoundBuild]]:
    """Return the builds, those together that a command line does not distinguish.

    `given` may choose their target.
    """
    groups = defaultdict(list)
    for found_build in found_builds:
        target = given.target or found_build.build.target
        found_build = replace(found_build, build=replace(found_build.build, target=target))
        groups[found_build.named, found_build.build.needed_words].append(found_build)
    return [*groups.values()]


def _as_typed(builds: Sequence[FoundBuild]) -> FoundBuild:
    """Return the build that a command line names; several differ in what it does not say."""
    first = builds[0]
    build = first.build
    if len(builds) == 1 or first.inline is not None or build.is_complete:
        return first
    plain = Build(build.context, build.dockerfile, build.target, builder=build.builder)
    return replace(first, build=plain)


def _with_options(found: Build, given: Build) -> Build:
    """Return a build that was found, with what the user said of it."""
    return replace(
        _completed(given, found),
        context=found.context,
        dockerfile=found.dockerfile,
        target=found.target,
        builder=found.builder,
    )


def as_found(build: Build, discover: Callable[[str], Discovery]) -> FoundBuild | None:
    """Return a build that the user named with what the repository states of it.

    None if that states nothing, or several things, or nothing that the Dockerfile depends on.
    """
    if not _may_depend(build):
        return None
    from ctxsize.repository import FoundBuild

    named = FoundBuild(build, ()).named
    arguments = build.build_arguments.items()
    alike = []
    for found_build in discover(top_around(build)).builds:
        found = found_build.build.build_arguments
        agrees = all(found.get(name, text) == text for name, text in arguments)
        if found_build.named == named and agrees:
            alike.append(found_build)
    if len({found_build.build.needed_words for found_build in alike}) != 1:
        return None
    first = _as_typed(alike)
    completed = _completed(build, first.build)
    if completed == build:
        return None
    return replace(first, build=completed)


def _completed(given: Build, found: Build) -> Build:
    """Return a build with the options that the repository states beside those that are given."""
    needed_words = found.needed_words or ()
    known = {word.partition("=")[0] for word in needed_words[1::2]}
    arguments = {name: text for name, text in given.build_arguments.items() if name not in known}
    others = replace(given, target="", build_arguments=arguments)
    return replace(
        given,
        build_arguments={**found.build_arguments, **given.build_arguments},
        build_contexts={**found.build_contexts, **given.build_contexts},
        platforms=given.platforms or found.platforms,
        needed_words=(*needed_words, *others.words()),
    )


def top_around(build: Build) -> str:
    """Return the directory whose files may state how a build is made."""
    top = border_of(build.context)
    if is_in(top, realpath(".")):
        return "."
    if isabs(build.context):
        return top
    return relpath(top)


def _may_depend(build: Build) -> bool:
    """Return whether the Dockerfile may take something else with other options.

    Nothing is parsed for that: a variable in an instruction, or a context that is no stage.
    """
    plan = plan_of(build, builder_of(build.builder), patterns=False)
    if plan.dockerfile in (None, STDIN):
        return False
    try:
        data = plan.parsed.data
    except CtxsizeError:
        return False
    text = re.sub(_CONTINUED, " ", data.decode("utf-8", "replace"))
    if re.search(_VARIABLE, text):
        return True
    stages = {name.lower() for name in re.findall(_STAGE, text)}
    names = {name.lower() for name in re.findall(_ORIGIN, text)}
    return any(not name.isdigit() for name in names - stages)
