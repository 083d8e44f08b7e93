"""Plan the build that a user names, which may be one that is found nearby or configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os.path import isfile, join, normpath, realpath
from typing import TYPE_CHECKING

from ctxsize.build import Build, Options, StrPath, Unpack, build_of
from ctxsize.engine.builders import builder_of
from ctxsize.engine.dockerfiles import files_near
from ctxsize.engine.plan import ELSEWHERE, ParsedDockerfiles, Plan, plan_of, with_unsaved
from ctxsize.model import Problem

if TYPE_CHECKING:
    from ctxsize.config import Config
    from ctxsize.repository import Discovery, FoundBuild

BuildOrPlan = Build | StrPath | Plan


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
