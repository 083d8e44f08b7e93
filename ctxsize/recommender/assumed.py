"""A Dockerfile whose FROM needs a build argument that is not given, and what is known of it."""

from __future__ import annotations

import re
from dataclasses import replace

from ctxsize.dockerfile import Dockerfile
from ctxsize.engine.need import needs_of
from ctxsize.engine.request import Request
from ctxsize.errors import CtxsizeError
from ctxsize.model import Problem

_IMAGE, _PLATFORM, _ARCHITECTURE = "argument-without-value", "linux/x86_64", "x86_64"
_NAME = re.compile(r"\$\{?(\w+)")
_PREDEFINED = re.compile(r"(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT|STAGE)")


def with_bases(request: Request) -> tuple[Request, tuple[Problem, ...]]:
    """Return `request` with a value for each build argument without which FROM fails.

    What instructions take does not depend on the image. The problems name the arguments; without
    any, the request is as it was.
    """
    if request.dockerfile is None or _is_accepted(request):
        return request, ()
    try:
        dockerfile = request.plan.dockerfile
    except (OSError, CtxsizeError):
        return request, ()
    values = _values(dockerfile, request)
    given = {**request.build.build_arguments, **values}
    assumed = replace(request, build=replace(request.build, build_arguments=given))
    if not values or not _is_accepted(assumed):
        return request, ()
    return assumed, tuple(_problem(request, dockerfile, name) for name in values)


def depends_on_assumed(text: str, request: Request) -> bool:
    """Return whether a word of the Dockerfile depends on a value that `with_bases` made up."""
    values = (request.build.build_arguments.get(name) for name in _NAME.findall(text))
    return not {_IMAGE, _PLATFORM, _ARCHITECTURE}.isdisjoint(values)


def _is_accepted(request: Request) -> bool:
    try:
        needs_of(request)
    except CtxsizeError:
        return False
    return True


def _values(dockerfile: Dockerfile, request: Request) -> dict[str, str]:
    """Return a value for each global ARG that has none."""
    names = {
        argument
        for instruction in dockerfile.global_arguments
        for argument in instruction.arguments
        if "=" not in argument and not _PREDEFINED.fullmatch(argument)
    }
    platforms = [stage.platform for stage in request.plan.dockerfile.stages]
    values = {}
    for name in sorted(names - request.build.build_arguments.keys()):
        whole = any(each in (f"${name}", f"${{{name}}}") for each in platforms)
        part = any(re.search(rf"\${{?{name}\b", each) for each in platforms)
        values[name] = _PLATFORM if whole else _ARCHITECTURE if part else _IMAGE
    return values


def _problem(request: Request, dockerfile: Dockerfile, name: str) -> Problem:
    declared = dockerfile.global_arguments
    line = next((each.line for each in declared if name in each.arguments), None)
    message = (
        f"ARG {name} has no value, and the build fails without it: add --build-arg {name}=… "
        "(what follows holds for any value that names an image)"
    )
    return Problem("unknown-argument", message, request.dockerfile, line=line)
