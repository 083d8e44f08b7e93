"""The public functions: names of directories and builders in, values out.

Each imports what it alone needs: start-up is a good part of a small run.

>>> report = measure(".", builder="classic")        # doctest: +SKIP
>>> report.context.totals.content_bytes             # doctest: +SKIP
20214000000
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.request import Request, request_of
from ctxsize.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options
    from ctxsize.engine.listing import Listing
    from ctxsize.engine.parallel import Progress
    from ctxsize.model import Explanation, Report


def request_for(build: Build | str = ".", **options: Unpack[Options]) -> Request:
    """The request for a build, or for a context with the other fields of `Build` as keywords.

    Raises `InputError` for what is not there and for an unknown builder.

    >>> request_for("app", target="test") == request_for(Build("app", target="test"))
    ... # doctest: +SKIP
    True
    """
    build = replace(build, **options) if isinstance(build, Build) else Build(build, **options)
    return request_of(build, _builder(build.builder))


def measure(
    build: Build | str = ".",
    *,
    ignored: bool = False,
    compare: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    jobs: int = 1,
    **options: Unpack[Options],
) -> Report:
    """What `docker build` would send; see `request_for` for `build` and `options`.

    `ignored` also measures what each pattern saves, `compare` says where other
    builders differ. `top` bounds the lists of the largest, `depth` the tree.
    With more `jobs`, forked processes help with a large tree.
    Raises `InputError` for what is not there, `IgnoreFileError` for a pattern
    and `BuildFailsError` for a context on which the build itself would fail.
    """
    from ctxsize.engine import measure as measuring
    from ctxsize.engine.need import with_transfer

    request = request_for(build, **options)
    report = measuring.measure(
        request, everything=ignored, top=top, depth=depth, progress=progress, jobs=jobs
    )
    report = with_transfer(request, report)
    if not compare:
        return report
    from ctxsize.engine import compare as comparing

    return replace(report, differences=comparing.compare(request))


def ls(
    build: Build | str = ".",
    *,
    sent: bool = True,
    ignored: bool = False,
    transfer: bool = False,
    **options: Unpack[Options],
) -> Listing:
    """The entries that `docker build` would send, in its order, as a stream.

    `ignored` adds those that it would not; `sent=False` leaves only them. With
    `transfer` it is only what the Dockerfile makes travel for the target.
    Raises what `measure` raises, some of it in the course of the iteration.
    """
    from ctxsize.engine.listing import Listing

    request = request_for(build, **options)
    evaluator = None
    if transfer:
        from ctxsize.engine.need import transfer_evaluator

        evaluator = transfer_evaluator(request)
    return Listing(request, sent=sent, ignored=ignored, evaluator=evaluator)


def explain(
    paths: Iterable[str], build: Build | str = ".", **options: Unpack[Options]
) -> list[Explanation]:
    """Why each of `paths`, relative to the context, is ignored or sent, and what takes it.

    Raises what `measure` raises, and `InputError` for a path outside the context.
    """
    from ctxsize.engine import explain as explaining
    from ctxsize.engine.takers import Takers

    request = request_for(build, **options)
    takers = Takers(request)
    explained = (explaining.explain(request, explaining.in_context(request, p)) for p in paths)
    return [takers.added_to(each) for each in explained]


def _builder(name: str) -> Builder:
    try:
        return BUILDERS[name]
    except KeyError:
        raise InputError(
            f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}"
        ) from None
