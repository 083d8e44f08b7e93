"""Requests for contexts, as most tests of the engine need them."""

from __future__ import annotations

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.plan import Plan, plan_of


def resolve(
    context: str = ".", *, dockerfile: str | None = None, builder: Builder = BUILDKIT
) -> Plan:
    return plan_of(Build(context, dockerfile, builder=builder.name), builder)
