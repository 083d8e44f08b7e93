"""The transfers of a build: the paths that it requests from each of its contexts.

The Dockerfile is evaluated once for each platform; equal paths share a transfer. Behaviour:
docker/buildx (`loadInputs`), moby/buildkit (`NamedContext`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from ctxsize.build import Build, is_remote
from ctxsize.dockerfile.context_need import Asked, ContextNeed, Paths, context_need, other_frontend
from ctxsize.dockerfile.graph import StageRules
from ctxsize.dockerfile.images import familiar_name, machine_platform, parse_platform
from ctxsize.dockerfile.instructions import located
from ctxsize.dockerfile.sources import Source, Unknown
from ctxsize.engine.builders import UNPRINTABLE, Builder
from ctxsize.engine.narrow import follow, included
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.errors import CtxsizeError, DockerfileError, InputError, UndecidedError
from ctxsize.hidden import shown
from ctxsize.model import NamedContext, Problem

# The include patterns of a transfer; None if it has everything that is not ignored.
Include = tuple[str, ...] | None
TAKES_UNKNOWN = "what the Dockerfile takes is not known"
TAKEN_AWAY = "a source of the Dockerfile begins with `!`, which excludes it again"


def platforms_of(plan: Plan) -> tuple[str, ...]:
    """Return the platforms of the build, each once.

    Without `--platform` that is the one in `DOCKER_DEFAULT_PLATFORM`, which Docker's command line
    reads, or else this machine's. Raises `InputError` for a value that is no platform.
    """
    own = _own_platform()
    named = plan.build.platforms
    given = named or (os.environ.get("DOCKER_DEFAULT_PLATFORM") or "local",)
    texts = ",".join(given).split(",")
    try:
        found = [own if text.lower() == "local" else parse_platform(text, own) for text in texts]
    except DockerfileError as error:
        # The value of an environment variable may be a secret: do not print it.
        wrong = "DOCKER_DEFAULT_PLATFORM is no platform"
        if named:
            wrong = f"--platform: {error.message}"
        else:
            wrong = wrong
        raise InputError(wrong, hint="for instance linux/arm64") from None
    return tuple(dict.fromkeys(found))


def _own_platform() -> str:
    # Docker builds for Linux, also in a virtual machine.
    return machine_platform(os.uname().machine)


def named_contexts(build: Build) -> tuple[NamedContext, ...]:
    """Return the named contexts of `build` in the order of the command line.

    If a name is given twice, the last value counts. Raises `InputError` where buildx rejects the
    command line: for a name that no image can have, and for a missing directory, used or not.
    """
    found: dict[str, NamedContext] = {}
    for given, value in build.build_contexts.items():
        try:
            name = familiar_name(given)
        except DockerfileError as error:
            raise InputError(f"invalid context name {given}: {error.message}") from None
        # Buildx sends the contexts of these names as it does its own.
        if name in ("context", "dockerfile"):
            announced = f"_{name}"
        else:
            announced = name
        found[name] = NamedContext(name, value, _kind(name, value), announced, None)
    return tuple(found.values())


def _kind(name: str, value: str) -> str:
    scheme = re.match("docker-image(?=://)|oci-layout(?=://)|target(?=:)", value)
    if scheme is not None:
        return scheme[0]
    if is_remote(value):
        if value.startswith(("http://", "https://")):
            return "http"
        return "git"
    if not os.path.isdir(value):
        if os.path.lexists(value):
            reason = "not a directory"
        else:
            reason = "no such file or directory"
        message = f"failed to get build context {name}: stat {value}: {reason}"
        hint = "--build-context takes NAME=DIRECTORY, or a URL, docker-image:// or oci-layout://"
        raise InputError(message, hint=hint)
    return "local"


def named_plan(plan: Plan, named: NamedContext) -> Plan:
    """Return the plan for a named directory, with its ignore file. Raises `InputError`."""
    if not named.local:
        raise InputError(
            f"the named context {named.name} is {named.value}: the builder fetches it, so "
            "nothing is sent and no ignore file is read"
        )
    # Only the ignore file at its top counts, even if the directory contains Dockerfiles.
    build = Build(named.value, builder=plan.builder.name)
    alone = plan_of(build, plan.builder, alone=True)
    plan = replace(plan, name=named.name, context=alone.context, root=alone.root)
    plan = replace(plan, unsaved=False)
    plan = replace(plan, ignore_file=alone.ignore_file, dockerfile_specific=False)
    return replace(plan, spec=alone.spec, problems=alone.problems)


def plan_named(plan: Plan, name: str) -> Plan:
    """Return the plan for a named context, or `plan` for `""`. Raises `InputError`."""
    if not name:
        return plan
    known = {each.name: each for each in named_contexts(plan.build)}
    try:
        named = known[familiar_name(name)]
    except (KeyError, DockerfileError):
        if known:
            hint = f"one of {', '.join(known)}"
        else:
            hint = "give it by --build-context"
        raise InputError(f"no such named context: {name}", hint=hint) from None
    return named_plan(plan, named)


def needs_of(plan: Plan) -> dict[str, ContextNeed]:
    """Return what the Dockerfile of `plan` requests from its contexts, by platform.

    Raises `DockerfileError` for a Dockerfile that the builder rejects and for paths that it
    cannot request, `InputError` for a Dockerfile that cannot be read.
    """
    build = plan.build
    data = b""
    images = ("docker-image", "oci-layout", "target")
    try:
        platforms = platforms_of(plan)
        # An image may bring variables and ONBUILD triggers.
        named = {
            each.name: each.kind in images and each.value != "docker-image://scratch"
            for each in named_contexts(build)
        }
        data = plan.parsed.data
        return {each: _need(plan, each, named) for each in platforms}
    except InputError as error:
        if isinstance(error, DockerfileError) and plan.parsed.written is not None:
            error = _unquoted(plan, error)
        if not isinstance(error, DockerfileError):
            raise
        error.path = plan.dockerfile
        from ctxsize.dockerfile.concealed import find_frontend  # few Dockerfiles are wrong

        syntax = find_frontend(data, plan.parsed.written)
        if (frontend := other_frontend(syntax, build.build_arguments)) is None:
            raise
        hint = f"unless the frontend {shown(frontend.name)}, which reads it, accepts that"
        raise UndecidedError(error.message, path=error.path, line=error.line, hint=hint) from None


def _unquoted(plan: Plan, error: DockerfileError) -> DockerfileError:
    """Return the error without what a line of a Dockerfile with hidden values may show."""
    from ctxsize.dockerfile.concealed import unquoted  # few builds have such a Dockerfile

    with suppress(DockerfileError):
        return unquoted(error, plan.parsed.dockerfile)
    return error


def _need(plan: Plan, platform: str, named: Mapping[str, bool]) -> ContextNeed:
    build = plan.build
    known = plan.parsed.needs
    asking = (
        *(plan.builder.name, build.target, (*build.build_arguments.items(),)),
        *(platform, (*named.items(),)),
    )
    if asking in known:
        return known[asking]
    given = (build.target, build.build_arguments, platform, _own_platform(), named)
    need = context_need(plan.parsed.dockerfile, *given, _rules_of(plan.builder))
    for source in need.sources:
        with located(source.line):
            included(source.excludes, "excludepatterns")
    for each in need.asked:
        text = "".join(each.paths or ())
        if text.isascii() and not text.isprintable():
            # `encodeStringForHeader` of BuildKit's filesync escapes only a list that is not ASCII.
            message = UNPRINTABLE.format("followpaths")
            raise DockerfileError(message, hint="a source contains a control character")
    known[asking] = need
    return need


def _rules_of(builder: Builder) -> StageRules:
    """Return what a builder does otherwise than BuildKit with stages."""
    return StageRules(
        builds_all=builder.builds_all_stages,
        makes_volumes=builder.makes_volumes,
        ignores_heredocs=builder.ignores_heredocs,
        needs_matches=builder.needs_matches,
        refused=builder.refused_flags,
    )


def used_contexts(plan: Plan) -> frozenset[str]:
    """Return the names of the contexts from which the build transfers. Raises as `needs_of`."""
    needs = needs_of(plan).values()
    return frozenset(asked.context for each in needs for asked in each.asked)


def asked_of(plan: Plan) -> tuple[Asked, ...]:
    """Return the transfers of the context of `plan`; none if it is unused."""
    found: dict[Paths, Asked] = {}
    for platform, need in needs_of(plan).items():
        unknowns = () if plan.name else need.unknowns
        for each in need.of(plan.name):
            same = found.get(each.paths, replace(each, sources=()))
            sources = tuple(dict.fromkeys((*same.sources, *each.sources)))
            all_unknowns = tuple(dict.fromkeys((*same.unknowns, *unknowns)))
            same = replace(same, sources=sources, platforms=(*same.platforms, platform))
            found[each.paths] = replace(same, unknowns=all_unknowns)
    return tuple(found.values())


def mounts_of(plan: Plan) -> tuple[Source, ...]:
    """Return the bind mounts to which the builder does not apply the ignore file."""
    if not plan.builder.mounts_unfiltered or plan.dockerfile is None:
        return ()
    try:
        asked = asked_of(plan)
    except CtxsizeError:
        return ()
    found = (source for each in asked for source in each.sources if source.kind == "bind")
    return tuple(dict.fromkeys(found))


def includes_of(plan: Plan) -> list[Include]:
    """Return the include patterns of each transfer; one None if the builder requests no paths.

    Raises what `needs_of` raises, `BuildFailsError` if the sender cannot follow a link, and
    `InputError` without a Dockerfile.
    """
    if not plan.builder.asks_for_paths:
        return [None]
    if plan.dockerfile is None:
        message = "there is no Dockerfile, so what would be sent is not known"
        raise InputError(message, hint="name it with -f PATH")
    return [follow(plan.root, asked.paths) for asked in asked_of(plan)]


_UNKNOWNS = {  # messages by the kind of `Unknown`
    "syntax": "the frontend {name} reads this Dockerfile and may differ from BuildKit's own",
    "onbuild": "ctxsize assumes that no ONBUILD triggers are in the base image {name}",
    "environment": "${name} is assumed to be unset; the base image may set it",
    "argument": "ARG {name} has no value and is assumed to be empty; set it with "
    "--build-arg {name}=…",
}


def unknown_problem(unknown: Unknown) -> Problem:
    """Return the problem that states which assumption was made for an unknown."""
    kind = unknown.kind
    name = shown(unknown.name)
    return Problem(f"unknown-{kind}", _UNKNOWNS[kind].format(name=name), line=unknown.line or None)


def is_wrong_target(plan: Plan) -> bool:
    """Return whether the Dockerfile can be read and has no stage of the target's name."""
    target = plan.build.target.lower()
    try:
        return target not in {"", *(stage.name for stage in plan.parsed.dockerfile.stages)}
    except InputError:
        return False
