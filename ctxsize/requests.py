"""Make the request with which a public function begins, and apply the configuration at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDERS, Builder
from ctxsize.engine.dockerfiles import files_near
from ctxsize.engine.request import Plans, Request, request_of
from ctxsize.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options
    from ctxsize.config import Config
    from ctxsize.model import Report
    from ctxsize.recommender.outcome import Suggested

    AnySuggested = TypeVar("AnySuggested", bound=Suggested)

ELSEWHERE = "there is no Dockerfile at the top of this context; to name a build"


def build_of(build: Build | str | None, options: Options) -> Build | None:
    """Return the build with these options, None if neither is given."""
    if build is None and not options:
        return None
    if isinstance(build, Build):
        return replace(build, **options)
    return Build("." if build is None else build, **options)


def request_for(build: Build | str | Request = ".", **options: Unpack[Options]) -> Request:
    """Return the request for a build, or for a context with fields of `Build` as keywords.

    A request is returned unchanged, or with options as one for its build with these.
    Raises `InputError` for a missing file or directory and for an unknown builder.

    >>> request_for("app", target="test") == request_for(Build("app", target="test"))
    ... # doctest: +SKIP
    True
    """
    if isinstance(build, Request):
        if not options:
            return build
        build = build.build
    return requested(build_of(build, options) or Build(), Plans())


def requested(build: Build, plans: Plans) -> Request:
    """Return the request for `build`, which shares `plans`. Raises as `request_for`.

    If it has no Dockerfile, its problem suggests a command for a build found nearby.
    """
    request = request_of(build, builder_of(build.builder), plans=plans)
    missing = any(each.code == "no-dockerfile" for each in request.problems)
    near = files_near(request.context) if missing else []
    if not near:
        return request
    from ctxsize.discovery import what_to_type

    typed = what_to_type(request.context, near)
    if typed is None:
        return request
    message = f"{ELSEWHERE}, type {typed}"
    problems = (
        replace(each, message=message) if each.code == "no-dockerfile" else each
        for each in request.problems
    )
    return replace(request, problems=tuple(problems))


def builder_of(name: str) -> Builder:
    """Return the builder of that name. Raises `InputError` for an unknown one."""
    if name not in BUILDERS:
        raise InputError(f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}")
    return BUILDERS[name]


def judged(request: Request, report: Report, config: Config | None) -> Report:
    """Return `report` without the problems that `config` accepts, and with its reasons.

    Without `config`, that of the context is read if there is anything that it may accept.
    """
    clues = [each for part in report.parts for each in part.clues]
    if report.findings or any(each.kind == "secret" for each in clues):
        from ctxsize.accepting import readable, without_accepted

        config, problems = readable(config, report.context_path)
        report = without_accepted(report, config)
        report = replace(report, problems=(*report.problems, *problems))
    if clues:
        from ctxsize.accepting import secret_test
        from ctxsize.engine.reasons import with_reasons  # small contexts have no clues

        report = with_reasons(request, report, is_accepted=secret_test(config))
    return report


def finished(
    request: Request,
    outcome: AnySuggested,
    config: Config | None,
    codes: Iterable[str] = (),
    *,
    write: bool,
) -> AnySuggested:
    """Return `outcome` without the findings that `config` accepts; `write` writes its edit.

    Tables about `codes` that accept nothing are findings too. A symlink is written through if its
    target is in the context. The size is measured after writing. Raises `InputError`.
    """
    from ctxsize.accepting import Wanted, readable

    config, unread = readable(config, request.context)
    wanted = Wanted(config)
    findings = (*wanted.of(outcome.findings), *wanted.unused(codes, request.context))
    problems = (*outcome.problems, *unread)
    outcome = replace(outcome, findings=findings, problems=problems)
    if not write or outcome.edit is None:
        return outcome
    from ctxsize.engine.report import measure
    from ctxsize.engine.transfers import with_transfers
    from ctxsize.model import Amount
    from ctxsize.recommender.outcome import Size
    from ctxsize.writer.apply import apply

    problems += apply([outcome.edit], within=request.root)
    now = request_of(request.build, request.builder, plans=request.plans)
    report = with_transfers(now, measure(now, top=1, depth=0))
    travels = None if report.transfer is None else Amount.of(*report.transfers)
    after = Size(Amount.of(report.context.totals), travels)
    return replace(outcome, written=True, after=after, problems=problems)
