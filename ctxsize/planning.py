"""Plan the build that a user names, which may be one that is found nearby or configured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from os.path import isfile, join, normpath, realpath
from typing import TYPE_CHECKING

from ctxsize.build import Build, Options, StrPath, Unpack, build_of
from ctxsize.engine.builders import builder_of
from ctxsize.engine.dockerfiles import files_near, find_dockerfile
from ctxsize.engine.plan import ELSEWHERE, ParsedDockerfiles, Plan, plan_of, with_unsaved
from ctxsize.model import Problem
from ctxsize.values import Value

if TYPE_CHECKING:
    from ctxsize.config import Config
    from ctxsize.repository import Discovery, FoundBuild

BuildOrPlan = Build | StrPath | Plan
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
    groups: dict[object, list[FoundBuild]] = defaultdict(list)
    for found_build in found_builds:
        target = given.target or found_build.build.target
        found_build = replace(found_build, build=replace(found_build.build, target=target))
        place = found_build.dockerfile or found_build.where
        key = (realpath(found_build.build.context), place, str(target))
        groups[key].append(found_build)
    return [*groups.values()]


def _as_typed(builds: Sequence[FoundBuild]) -> FoundBuild:
    """Return the build that a command line names; several differ in what it does not say."""
    first = builds[0]
    if len(builds) == 1 or first.inline is not None:
        return first
    build = first.build
    plain = Build(build.context, build.dockerfile, build.target, builder=build.builder)
    return replace(first, build=plain)


def _with_options(found: Build, given: Build) -> Build:
    """Return a build that was found, with what the user said of it."""
    return replace(
        found,
        build_arguments={**found.build_arguments, **given.build_arguments},
        build_contexts={**found.build_contexts, **given.build_contexts},
        platforms=given.platforms or found.platforms,
    )
