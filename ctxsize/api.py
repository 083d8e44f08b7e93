"""The public functions: names of directories and builders in, values out.

>>> report = measure(".", builder="classic")        # doctest: +SKIP
>>> report.context.totals.content_bytes             # doctest: +SKIP
20214000000
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ctxsize.engine import compare as comparing
from ctxsize.engine import explain as explaining
from ctxsize.engine import measure as measuring
from ctxsize.engine import need as needing
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.listing import Listing
from ctxsize.engine.request import Request, resolve
from ctxsize.engine.takers import Takers
from ctxsize.errors import InputError
from ctxsize.model import Explanation, Report


def request_for(
    context: str = ".", *, dockerfile: str | None = None, builder: str = "buildkit"
) -> Request:
    """The request for `context`; `dockerfile` is relative to the working directory.

    Raises `InputError` for what is not there and for an unknown builder.
    """
    return resolve(context, dockerfile=dockerfile, builder=_builder(builder))


def measure(
    context: str = ".",
    *,
    dockerfile: str | None = None,
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
    builder: str = "buildkit",
    ignored: bool = False,
    compare: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: measuring.Progress | None = None,
    jobs: int = 1,
) -> Report:
    """What `docker build context` would send.

    `target` and `build_arguments` are those of the build and decide about its
    transfer. `ignored` also measures what each pattern saves, `compare` says where other
    builders differ. `top` bounds the lists of the largest, `depth` the tree.
    With more `jobs`, forked processes help with a large tree.
    Raises `InputError` for what is not there, `IgnoreFileError` for a pattern
    and `BuildFailsError` for a context on which the build itself would fail.
    """
    request = request_for(context, dockerfile=dockerfile, builder=builder)
    report = measuring.measure(
        request, everything=ignored, top=top, depth=depth, progress=progress, jobs=jobs
    )
    build = needing.Build(target, build_arguments)
    report = needing.with_transfer(request, report, build)
    if not compare:
        return report
    return replace(report, differences=comparing.compare(request, dockerfile=dockerfile))


def ls(
    context: str = ".",
    *,
    dockerfile: str | None = None,
    builder: str = "buildkit",
    sent: bool = True,
    ignored: bool = False,
    transfer: bool = False,
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
) -> Listing:
    """The entries that `docker build context` would send, in its order, as a stream.

    `ignored` adds those that it would not; `sent=False` leaves only them. With
    `transfer` it is only what the Dockerfile makes travel for `target`.
    Raises what `measure` raises, some of it in the course of the iteration.
    """
    request = request_for(context, dockerfile=dockerfile, builder=builder)
    build = needing.Build(target, build_arguments)
    evaluator = needing.transfer_evaluator(request, build) if transfer else None
    return Listing(request, sent=sent, ignored=ignored, evaluator=evaluator)


def explain(
    paths: Iterable[str],
    *,
    context: str = ".",
    dockerfile: str | None = None,
    builder: str = "buildkit",
    target: str = "",
    build_arguments: Mapping[str, str] | None = None,
) -> list[Explanation]:
    """Why each of `paths`, relative to the context, is ignored or sent, and what takes it.

    `target` and `build_arguments` decide which instructions do.
    Raises what `measure` raises, and `InputError` for a path outside the context.
    """
    request = request_for(context, dockerfile=dockerfile, builder=builder)
    takers = Takers(request, needing.Build(target, build_arguments))
    explained = (explaining.explain(request, explaining.in_context(request, p)) for p in paths)
    return [takers.added_to(each) for each in explained]


def _builder(name: str) -> Builder:
    try:
        return BUILDERS[name]
    except KeyError:
        raise InputError(
            f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}"
        ) from None
