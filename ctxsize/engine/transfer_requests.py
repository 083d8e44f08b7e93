"""The transfers of a build: the paths that it requests from each of its contexts.

The Dockerfile is evaluated once for each platform; equal paths share a transfer. Behaviour:
docker/buildx (`loadInputs`), moby/buildkit (`NamedContext`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.dockerfile.context_need import (
    Asked,
    ContextNeed,
    RequestedPaths,
    context_need,
    other_frontend,
)
from ctxsize.dockerfile.graph import StageRules
from ctxsize.dockerfile.images import familiar_name
from ctxsize.dockerfile.instructions import located
from ctxsize.dockerfile.sources import Source, Unknown
from ctxsize.engine.build_options import own_platform, platforms_of
from ctxsize.engine.builders import UNPRINTABLE
from ctxsize.engine.copied import copied
from ctxsize.engine.evaluate import DockerIgnoreSpec, Evaluator
from ctxsize.engine.narrow import follow, included, narrowed
from ctxsize.engine.plan import Plan, plan_of
from ctxsize.errors import CtxsizeError, DockerfileError, InputError, UndecidedError
from ctxsize.hidden import shown
from ctxsize.model import NamedContext, Problem

# The include patterns of a transfer; None if it has everything that is not ignored.
Include = tuple[str, ...] | None
TAKES_UNKNOWN = "what the Dockerfile takes is not known"
TAKEN_AWAY = "a source of the Dockerfile begins with `!`, which excludes it again"


def named_plan(plan: Plan, named: NamedContext) -> Plan:
    """Return the plan for a named directory, with its ignore file. Raises `InputError`."""
    if not named.local:
        raise InputError(
            f"the named context {named.name} is {named.value}: the builder fetches it, so "
            "nothing is sent and no ignore file is read"
        )
    # Only the ignore file at its top counts, even if the directory contains Dockerfiles.
    alone = plan_of(Build(named.value, builder=plan.builder.name), plan.builder, alone=True)
    return replace(
        alone,
        name=named.name,
        build=plan.build,
        dockerfile=plan.dockerfile,
        dockerfile_fault=plan.dockerfile_fault,
        parsed=plan.parsed,
        parsed_files=plan.parsed_files,
    )


def sent_contexts(plan: Plan) -> Iterator[Plan]:
    """Yield `plan`, and the plan for each named context that is a directory and used."""
    yield plan
    for named in plan.named_contexts:
        if named.local and named.name in used_contexts(plan):
            yield named_plan(plan, named)


def plan_named(plan: Plan, name: str) -> Plan:
    """Return the plan for a named context, or `plan` for `""`. Raises `InputError`."""
    if not name:
        return plan
    contexts = {context.name: context for context in plan.named_contexts}
    try:
        named = contexts[familiar_name(name)]
    except (KeyError, DockerfileError):
        hint = "give it by --build-context"
        if contexts:
            hint = f"one of {', '.join(contexts)}"
        raise InputError(f"no such named context: {name}", hint=hint) from None
    return named_plan(plan, named)


def needs_of(plan: Plan) -> dict[str, ContextNeed]:
    """Return what the Dockerfile of `plan` requests from its contexts, by platform.

    Raises `DockerfileError` for a Dockerfile that the builder rejects and for paths that it
    cannot request, `InputError` for a Dockerfile that cannot be read.
    """
    build = plan.build
    data = b""
    try:
        platforms = platforms_of(build)
        are_images = {context.name: _is_image(context) for context in plan.named_contexts}
        data = plan.parsed.data
        return {platform: _need(plan, platform, are_images) for platform in platforms}
    except InputError as error:
        if isinstance(error, DockerfileError) and plan.parsed.written is not None:
            error = _unquoted(plan, error)
        if not isinstance(error, DockerfileError):
            raise
        error.path = plan.dockerfile
        from ctxsize.dockerfile.concealed import find_frontend  # few Dockerfiles are wrong

        syntax = find_frontend(data, plan.parsed.written)
        frontend = other_frontend(syntax, build.build_arguments)
        if frontend is None:
            raise
        raise UndecidedError(
            error.message,
            path=error.path,
            line=error.line,
            hint=f"unless the frontend {shown(frontend.name)}, which reads it, accepts that",
        ) from None


def _is_image(context: NamedContext) -> bool:
    """Return whether a named context is an image, with its variables and ONBUILD triggers."""
    if context.value == "docker-image://scratch":
        return False
    return context.kind in ("docker-image", "oci-layout", "target")


def _unquoted(plan: Plan, error: DockerfileError) -> DockerfileError:
    """Return the error without what a line of a Dockerfile with hidden values may show."""
    from ctxsize.dockerfile.concealed import unquoted  # few builds have such a Dockerfile

    with suppress(DockerfileError):
        return unquoted(error, plan.parsed.dockerfile)
    return error


def _need(plan: Plan, platform: str, are_images: Mapping[str, bool]) -> ContextNeed:
    """Return what the build needs for one platform; `are_images` says it of named contexts."""
    build = plan.build
    builder = plan.builder
    needs = plan.parsed.needs
    key = (
        builder.name,
        build.target,
        tuple(build.build_arguments.items()),
        platform,
        tuple(are_images.items()),
    )
    if key in needs:
        return needs[key]
    need = context_need(
        plan.parsed.dockerfile,
        build.target,
        build.build_arguments,
        platform,
        build_platform=own_platform(),
        contexts=are_images,
        rules=StageRules(
            builds_all=builder.builds_all_stages,
            makes_volumes=builder.makes_volumes,
            ignores_heredocs=builder.ignores_heredocs,
            needs_matches=builder.needs_matches,
            refused=builder.refused_flags,
        ),
    )
    for source in need.sources:
        with located(source.line):
            included(source.excludes, "excludepatterns")
    for asked in need.asked:
        text = "".join(asked.paths or ())
        if text.isascii() and not text.isprintable():
            # `encodeStringForHeader` of BuildKit's filesync escapes only a list that is not ASCII.
            raise DockerfileError(
                UNPRINTABLE.format("followpaths"),
                hint="a source contains a control character",
            )
    needs[key] = need
    return need


def used_contexts(plan: Plan) -> frozenset[str]:
    """Return the names of the contexts from which the build transfers. Raises as `needs_of`."""
    return frozenset(asked.context for need in needs_of(plan).values() for asked in need.asked)


def asked_of(plan: Plan) -> tuple[Asked, ...]:
    """Return the transfers of the context of `plan`; none if it is unused."""
    by_paths: dict[RequestedPaths, Asked] = {}
    for platform, need in needs_of(plan).items():
        unknowns = need.unknowns
        if plan.name:
            unknowns = ()
        for asked in need.of(plan.name):
            same = by_paths.get(asked.paths, asked)
            by_paths[asked.paths] = replace(
                same,
                sources=tuple(dict.fromkeys((*same.sources, *asked.sources))),
                platforms=(*same.platforms, platform),
                unknowns=tuple(dict.fromkeys((*same.unknowns, *unknowns))),
            )
    return tuple(by_paths.values())


def sources_of(plan: Plan) -> tuple[Source, ...]:
    """Return the sources of all transfers of the context of `plan`, each once."""
    return tuple(dict.fromkeys(source for asked in asked_of(plan) for source in asked.sources))


def taken_by(plan: Plan, source: Source) -> Evaluator:
    """Return the evaluator of what a source takes: a mount may show what the ignore file hides.

    Raises `BuildFailsError` if the sender cannot follow a link.
    """
    spec = plan.spec
    if source in mounts_of(plan):
        spec = DockerIgnoreSpec([])
    include = follow(plan.root, (source.path,))
    return copied(narrowed(spec, include), source, plan.root, include)


def mounts_of(plan: Plan) -> tuple[Source, ...]:
    """Return the bind mounts to which the builder does not apply the ignore file."""
    if not plan.builder.mounts_unfiltered:
        return ()
    if plan.dockerfile is None:
        return ()
    try:
        return tuple(source for source in sources_of(plan) if source.kind == "bind")
    except CtxsizeError:
        return ()


def includes_of(plan: Plan) -> list[Include]:
    """Return the include patterns of each transfer; one None if the builder requests no paths.

    Raises what `needs_of` raises, `BuildFailsError` if the sender cannot follow a link, and
    `InputError` without a Dockerfile.
    """
    if not plan.builder.asks_for_paths:
        return [None]
    if plan.dockerfile is None:
        raise InputError(
            "there is no Dockerfile, so what would be sent is not known",
            hint="name it with -f PATH",
        )
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
    return Problem(
        f"unknown-{unknown.kind}",
        _UNKNOWNS[unknown.kind].format(name=shown(unknown.name)),
        line=unknown.line or None,
    )


def is_wrong_target(plan: Plan) -> bool:
    """Return whether the Dockerfile can be read and has no stage of the target's name."""
    target = plan.build.target.lower()
    try:
        stages = plan.parsed.dockerfile.stages
    except InputError:
        return False
    return target not in {"", *(stage.name for stage in stages)}
