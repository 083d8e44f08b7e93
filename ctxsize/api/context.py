"""What a build would send: measured, listed and explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ctxsize.api.requests import request_for
from ctxsize.build import Build
from ctxsize.engine.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options
    from ctxsize.config import Config
    from ctxsize.engine.events import Progress
    from ctxsize.engine.listing import Listing
    from ctxsize.engine.union import Union
    from ctxsize.explanations import Explanation
    from ctxsize.model import Report


def measure(
    build: Build | str = ".",
    *,
    ignored: bool = False,
    compare: bool = False,
    top: int = 10,
    depth: int | None = 3,
    thorough: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    config: Config | None = None,
    **options: Unpack[Options],
) -> Report:
    """What `docker build` would send; see `request_for` for `build` and `options`.

    `ignored` also measures what each pattern saves, `compare` says where other
    builders differ. `top` bounds the lists of the largest, `depth` the tree.
    `thorough` notices each directory that would stop the builder. `jobs` has no effect: the
    walk is one process.
    `config`, by default that of the context, says which problems and secrets are
    accepted: they are left out. It is read if there are any.
    Raises `InputError` for what is not there, `IgnoreFileError` for a pattern
    and `BuildFailsError` for a context on which the build itself would fail.
    """
    from ctxsize.engine import measure as measuring
    from ctxsize.engine.transfers import with_transfers

    request = request_for(build, **options)
    report = measuring.measure(
        request,
        everything=ignored,
        thorough=thorough,
        top=top,
        depth=depth,
        progress=progress,
    )
    report = with_transfers(request, report, progress=progress)
    clues = [each for part in report.parts for each in part.clues]
    if report.findings or any(each.kind == "secret" for each in clues):
        from ctxsize.api.accepting import readable

        config, problems = readable(config, report.context_path)
        report = _without_accepted(report, config)
        report = replace(report, problems=(*report.problems, *problems))
    if clues:
        from ctxsize.engine.reasons import with_reasons  # small contexts have no clues

        report = with_reasons(request, report, is_accepted=_secret_test(config))
    if not compare:
        return report
    from ctxsize.engine import compare as comparing

    return replace(report, differences=comparing.compare(request))


def _without_accepted(report: Report, config: Config) -> Report:
    """Return `report` without the problems that are accepted."""
    if not config.suppress:
        return report
    from ctxsize.config.accepted import Acceptance

    acceptance = Acceptance(config)
    return report.without(lambda each: acceptance.reason(each) is not None)


def _secret_test(config: Config | None) -> Callable[[str], bool]:
    """Return a test for paths of secrets that `suggest` reports and `config` accepts.

    `select` is about what other commands are asked for, so it accepts nothing.
    """
    if config is None or not (config.suppress or config.ignore):
        return lambda _: False
    from ctxsize.api.accepting import Wanted
    from ctxsize.findings import Finding, Location, Severity

    wanted = Wanted(replace(config, select=()))

    def is_accepted(path: str) -> bool:
        finding = Finding("CTX511", Severity.WARNING, "a secret is in the context", Location(path))
        return not wanted.of([finding])

    return is_accepted


def ls(
    build: Build | str = ".",
    *,
    sent: bool = True,
    ignored: bool = False,
    transfer: bool = False,
    named: str = "",
    **options: Unpack[Options],
) -> Listing | Union:
    """The entries that `docker build` would send, in its order, as a stream.

    `ignored` adds those that it would not; `sent=False` leaves only them. With
    `transfer` it is only what the Dockerfile makes travel for the target.
    `named` is the named context to list instead of the build context.
    Raises what `measure` raises, some of it in the course of the iteration.
    """
    from ctxsize.engine.listing import Listing

    request = _named(request_for(build, **options), named)
    if not transfer:
        return Listing(request, sent=sent, ignored=ignored)
    from ctxsize.engine.need import transfer_evaluators
    from ctxsize.engine.union import Union

    return Union([Listing(request, evaluator=each) for each in transfer_evaluators(request)])


def explain(
    paths: Iterable[str],
    build: Build | str = ".",
    *,
    named: str = "",
    **options: Unpack[Options],
) -> list[Explanation]:
    """Why each of `paths`, relative to the context, is ignored or sent, and what takes it.

    With `named` they are paths of that named context.
    Raises what `measure` raises, and `InputError` for a path outside the context.
    """
    from ctxsize.engine import explain as explaining
    from ctxsize.engine.takers import Takers

    request = _named(request_for(build, **options), named)
    takers = Takers(request)
    explained = (explaining.explain(request, explaining.in_context(request, p)) for p in paths)
    return [takers.added_to(each) for each in explained]


def _named(request: Request, name: str) -> Request:
    """The request for the named context `name`; itself for `""`."""
    if not name:
        return request
    from ctxsize.engine.named import request_named

    return request_named(request, name)
