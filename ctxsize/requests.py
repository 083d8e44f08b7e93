"""What every function begins with: the build that is meant, and the request for it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.dockerfiles import files_near
from ctxsize.engine.plan import Plans
from ctxsize.engine.request import Request, request_of, without_patterns
from ctxsize.errors import CtxsizeError, IgnoreFileError, InputError, UnknownPatternError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options

ELSEWHERE = "there is no Dockerfile at the top of this context; to name a build"


def build_of(build: Build | str | None, options: Options) -> Build | None:
    """Return the build that is meant, None where nothing is said of one."""
    if build is None and not options:
        return None
    if isinstance(build, Build):
        return replace(build, **options)
    return Build("." if build is None else build, **options)


def request_for(build: Build | str = ".", **options: Unpack[Options]) -> Request:
    """Return the request for a build, or for a context with fields of `Build` as keywords.

    Raises `InputError` for what is not there and for an unknown builder.

    >>> request_for("app", target="test") == request_for(Build("app", target="test"))
    ... # doctest: +SKIP
    True
    """
    return requested(build_of(build, options) or Build(), Plans())


def requested(build: Build, plans: Plans) -> Request:
    """Return the request for `build`, which shares `plans`. Raises as `request_for`."""
    builder = builder_of(build.builder)
    try:
        return _with_hint(request_of(build, builder, plans=plans))
    except IgnoreFileError as error:
        if _is_fine_if_unused(build, builder, plans):
            error.hint = f"{error.hint}; {builder.older} builds it, as it takes no file"
        raise


def _is_fine_if_unused(build: Build, builder: Builder, plans: Plans) -> bool:
    """Return whether older releases do not come to a faulty pattern: they take nothing."""
    from ctxsize.engine.need import asked_of

    request = without_patterns(build, builder, plans=plans)
    if builder.older is None or request.ignore_file is None or request.dockerfile is None:
        return False
    try:
        builder.spec_class.from_lines(request.ignore_file.texts())
    except UnknownPatternError:
        return False
    except IgnoreFileError:
        with suppress(CtxsizeError):
            return not asked_of(request)
    return False


def _with_hint(request: Request) -> Request:
    """Return `request` with what to type in place of the Dockerfile that it has not."""
    missing = any(each.code == "no-dockerfile" for each in request.problems)
    near = files_near(request.context) if missing else []
    if not near:
        return request
    from ctxsize.discovery import what_to_type

    typed = what_to_type(request.context, near)
    if typed is None:
        return request
    message = f"{ELSEWHERE}, type {typed}"
    return replace(
        request,
        problems=tuple(
            replace(each, message=message) if each.code == "no-dockerfile" else each
            for each in request.problems
        ),
    )


def builder_of(name: str) -> Builder:
    """Return the builder of that name. Raises `InputError` for an unknown one."""
    try:
        return BUILDERS[name]
    except KeyError:
        raise InputError(
            f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}"
        ) from None
