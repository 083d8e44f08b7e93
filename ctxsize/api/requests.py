"""What every function begins with: the request for a build."""

from __future__ import annotations

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.request import Request, request_of
from ctxsize.errors import InputError
from ctxsize.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options


def request_for(build: Build | str = ".", **options: Unpack[Options]) -> Request:
    """The request for a build, or for a context with the other fields of `Build` as keywords.

    Raises `InputError` for what is not there and for an unknown builder.

    >>> request_for("app", target="test") == request_for(Build("app", target="test"))
    ... # doctest: +SKIP
    True
    """
    build = replace(build, **options) if isinstance(build, Build) else Build(build, **options)
    return request_of(build, builder_of(build.builder))


def builder_of(name: str) -> Builder:
    """The builder of that name. Raises `InputError` for an unknown one."""
    try:
        return BUILDERS[name]
    except KeyError:
        raise InputError(
            f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}"
        ) from None
