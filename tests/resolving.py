"""Requests for contexts, as most tests of the engine need them."""

from __future__ import annotations

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.request import Request, request_of


def resolve(
    context: str = ".", *, dockerfile: str | None = None, builder: Builder = BUILDKIT
) -> Request:
    return request_of(Build(context, dockerfile, builder=builder.name), builder)
