"""What a Dockerfile asks for of a context, transfer by transfer, and evaluators for that.

A build of several platforms reads the Dockerfile once for each; platforms that
ask for the same share a transfer. So do, of a named context, the instructions
that ask for the same: each of the others has a transfer of its own.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cache
from typing import Any

from ctxsize.build import Build
from ctxsize.dockerfile.images import Platform, machine_platform, parse_platform
from ctxsize.dockerfile.instructions import located
from ctxsize.dockerfile.parse import find_syntax
from ctxsize.dockerfile.sources import Unknown
from ctxsize.dockerfile.taken import Asked, ContextNeed, Paths, context_need, other_frontend
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.named import named_contexts
from ctxsize.engine.narrow import Narrowed, check_excluded, follow
from ctxsize.engine.request import Asking, Plan, Request
from ctxsize.errors import (
    BuildFailsError,
    CtxsizeError,
    DockerfileError,
    InputError,
    UndecidedError,
)
from ctxsize.model import Problem

Include = tuple[str, ...] | None
"""The include patterns of a transfer; None for all that is not ignored."""

TAKES_UNKNOWN = "what the Dockerfile takes is not known"

BLAMED = "sources of the Dockerfile are patterns, of which one takes it away again"


def platforms_of(request: Request) -> tuple[str, ...]:
    """Return the platforms of the build, each once.

    Where none is given it is that of `DOCKER_DEFAULT_PLATFORM`, which Docker's
    command line heeds, or else this machine's. Raises `InputError` for what is no platform.
    """
    own, found = _own_platform(), []
    named = request.build.platforms
    given = named or (os.environ.get("DOCKER_DEFAULT_PLATFORM") or "local",)
    for text in ",".join(given).split(","):
        try:
            found.append(own if text.lower() == "local" else parse_platform(text, own))
        except DockerfileError as error:
            # The value of a variable of the environment may be anything: it is not printed.
            wrong = (
                f"--platform: {error.message}"
                if named
                else "DOCKER_DEFAULT_PLATFORM is no platform"
            )
            raise InputError(wrong, hint="for instance linux/arm64") from None
    return tuple(dict.fromkeys(map(str, found)))


@cache
def _own_platform() -> Platform:
    """Return the platform on which Docker builds here: Linux, also in a virtual machine."""
    return machine_platform("x86_64" if sys.platform == "win32" else os.uname().machine)


def needs_of(request: Request) -> dict[str, ContextNeed]:
    """Return what the Dockerfile of `request` asks of its contexts, by platform.

    Raises `DockerfileError` for a Dockerfile that the builder rejects, and for
    paths that it cannot ask for; `InputError` for one that cannot be read.
    """
    build = request.build
    data = b""
    try:
        platforms = platforms_of(request)
        arguments = tuple(build.build_arguments.items())
        named = tuple((each.name, bool(each.image)) for each in named_contexts(build))
        data = request.plan.data
        asking = [Asking(build.target, arguments, each, named) for each in platforms]
        needs = {each.platform: _need(request.plan, each) for each in asking}
    except DockerfileError as error:
        error.path = request.dockerfile
        error.message = build.masked(error.message)
        frontend = other_frontend(find_syntax(data), build.build_arguments)
        if frontend is None:
            raise
        hint = f"unless the frontend {frontend.name}, which reads it, accepts that"
        raise UndecidedError(error.message, path=error.path, line=error.line, hint=hint) from None
    except InputError as error:
        error.message = build.masked(error.message)
        raise
    return {each: _masked(build, need) for each, need in needs.items()}


def _masked(build: Build, need: ContextNeed) -> ContextNeed:
    """Return `need` with no hidden value of `build` in what it says of base images."""
    unknowns = [replace(each, name=build.masked(each.name)) for each in need.unknowns]
    return replace(need, unknowns=tuple(unknowns)) if build.hidden else need


def _need(plan: Plan, asking: Asking) -> ContextNeed:
    known = plan.needs.get(asking)
    if known is not None:
        return known
    need = context_need(
        plan.dockerfile,
        target=asking.target,
        build_arguments=dict(asking.build_arguments),
        platform=asking.platform,
        build_platform=str(_own_platform()),
        contexts=dict(asking.named),
    )
    for line, patterns in need.excluded:
        with located(line):
            check_excluded(patterns)
    for each in need.asked:
        _check_header(each.paths)
    plan.needs[asking] = need
    return need


def context_need_of(request: Request) -> ContextNeed:
    """Return what the Dockerfile asks of its contexts on the first platform; see `needs_of`."""
    return next(iter(needs_of(request).values()))


def asked_of(request: Request) -> tuple[Asked, ...]:
    """Return the transfers of the context of `request`, which may be named; none if unused.

    Raises what `needs_of` raises.
    """
    found: dict[Paths, list[Asked]] = {}
    for platform, need in needs_of(request).items():
        unknowns = () if request.name else need.unknowns
        for each in need.of(request.name):
            asked = replace(each, platforms=(platform,), unknowns=unknowns)
            found.setdefault(asked.paths, []).append(asked)
    return tuple(map(_joined, found.values()))


def _joined(asked: list[Asked]) -> Asked:
    """Return one transfer for all platforms that ask for the same."""
    return replace(
        asked[0],
        sources=tuple(dict.fromkeys(source for each in asked for source in each.sources)),
        unknowns=tuple(dict.fromkeys(unknown for each in asked for unknown in each.unknowns)),
        platforms=tuple(platform for each in asked for platform in each.platforms),
    )


def includes_of(request: Request) -> list[Include]:
    """Return the include patterns of each transfer; those of one of all if unfiltered.

    Raises what `needs_of` raises, `BuildFailsError` where the sender cannot follow a link, and
    `InputError` without a Dockerfile.
    """
    if not request.builder.asks_for_paths:
        return [None]
    if request.dockerfile is None:
        raise InputError(
            "there is no Dockerfile, so what travels is not known", hint="name it with -f PATH"
        )
    return [
        None if asked.paths is None else follow(request.root, asked.paths)
        for asked in asked_of(request)
    ]


def evaluator_of(request: Request, paths: Paths) -> Evaluator[Any] | None:
    """Return the evaluator of a transfer; None where it is that of the ignore file alone.

    Raises `DockerfileError` for a path that the builder rejects as a pattern,
    `BuildFailsError` where the sender cannot follow a link.
    """
    include = None if paths is None else follow(request.root, paths)
    return None if include is None else Narrowed(request.spec, include)


_UNKNOWNS = {
    "syntax": "the frontend {name} reads this Dockerfile, perhaps otherwise than BuildKit's own",
    "onbuild": "taken as having no ONBUILD triggers: the base image {name}",
    "environment": "taken as unset: ${name}, unless the base image sets it",
    "argument": "taken as empty: ARG {name}, which has no value; give it one with "
    "--build-arg {name}=…",
    "check": "taken as giving no warning of Docker's: # check={name} makes the build fail on each",
    "older-unset": "taken as a newer Docker does: {older} leaves ${name} unset",
    "older-flag": "taken as a newer Docker does: {older} refuses {name}",
}
"""What is assumed where the Dockerfile alone cannot tell, by the kind of `Unknown`."""


def unknown_problem(unknown: Unknown, builder: Builder) -> Problem:
    """Return what is assumed in place of something that the Dockerfile alone does not tell."""
    message = _UNKNOWNS[unknown.kind].format(name=unknown.name, older=builder.older)
    is_older = unknown.kind.startswith("older-")
    code = "older-dockerfile" if is_older else f"unknown-{unknown.kind}"
    return Problem(code, message, line=unknown.line or None)


def failure(error: CtxsizeError) -> str:
    """Return what the build does for certain where the builder meets `error`, or ""."""
    if isinstance(error, BuildFailsError):
        return "the build stops"
    rejected = isinstance(error, DockerfileError) and not isinstance(error, UndecidedError)
    return "the build fails" if rejected else ""


def is_wrong_target(request: Request) -> bool:
    """Return whether the Dockerfile can be read and has no stage of the asked name."""
    target = request.build.target.lower()
    try:
        return target not in {"", *(stage.name for stage in request.plan.dockerfile.stages)}
    except InputError:
        return False


def _check_header(paths: Paths) -> None:
    """Raise for paths that the builder cannot ask the client for: they travel as a header."""
    paths = paths or ()
    if all(path.isascii() for path in paths) and not all(path.isprintable() for path in paths):
        raise DockerfileError(
            'header key "followpaths" contains value with non-printable ASCII characters',
            hint="a source holds a control character",
        )
