"""What of a context the Dockerfile makes travel, and which instruction takes how much of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ctxsize.dockerfile import (
    ContextNeed,
    Source,
    Unknown,
    context_need,
    parse_dockerfile,
    read_stages,
)
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.follow import follow
from ctxsize.engine.measure import measure
from ctxsize.engine.narrow import Narrowed
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError, CtxsizeError, DockerfileError, InputError
from ctxsize.model import Measurement, Problem, Report, SourceShare, Transfer


def with_transfer(request: Request, report: Report) -> Report:
    """`report`, which measures the whole context of `request`, with what of it travels.

    Where that is not known, a problem says why. Raises `InputError` for a target
    that the Dockerfile does not have.
    """
    if request.dockerfile is None or request.builder.meter is None:
        return report
    try:
        transfer = _transfer(request, report.context)
    except CtxsizeError as error:
        if is_wrong_target(request):
            raise
        return replace(report, problems=(*report.problems, _unknown_transfer(request, error)))
    return replace(report, transfer=transfer)


def context_need_of(request: Request) -> ContextNeed:
    """What the Dockerfile of `request` asks of its context.

    Raises `DockerfileError` for a Dockerfile that the builder rejects, and for
    paths that it cannot ask for; `InputError` for one that cannot be read.
    """
    try:
        dockerfile = parse_dockerfile(request.dockerfile_data())
        need = context_need(
            dockerfile,
            target=request.build.target,
            build_arguments=request.build.build_arguments,
        )
        _check_header(need)
    except OSError as error:
        raise InputError(
            f"the Dockerfile cannot be read: {error.strerror}", path=request.dockerfile
        ) from None
    except DockerfileError as error:
        error.path = request.dockerfile
        raise
    return need


def transfer_evaluator(request: Request) -> Evaluator[Any] | None:
    """The evaluator of what travels; None where all that is not ignored does.

    Raises what `context_need_of` and `evaluator_for` raise, and `InputError`
    without a Dockerfile.
    """
    if not request.builder.asks_for_paths:
        return None
    if request.dockerfile is None:
        raise InputError(
            "there is no Dockerfile, so what travels is not known", hint="name it with -f"
        )
    return evaluator_for(request, context_need_of(request))


def evaluator_for(request: Request, need: ContextNeed) -> Evaluator[Any] | None:
    """The evaluator of the transfer; None where it is that of the ignore file alone.

    Raises `DockerfileError` for a path that the builder rejects as a pattern,
    `BuildFailsError` where the sender cannot follow a link.
    """
    if not need.context_used:
        return Narrowed(request.spec, ())
    if need.follow_paths is None:
        return None
    return _evaluator(request, need.follow_paths)


def _evaluator(request: Request, paths: tuple[str, ...]) -> Narrowed | None:
    include = follow(request.root, paths)
    return None if include is None else Narrowed(request.spec, include)


def _transfer(request: Request, context: Measurement) -> Transfer:
    if not request.builder.asks_for_paths:
        return _made(ContextNeed(True, None, (), (), ()), context)
    need = context_need_of(request)
    if not need.context_used:
        return replace(
            _made(need, context), content_bytes=0, files=0, wire_bytes=None, printed=None
        )
    measured: dict[tuple[str, ...], Measurement] = {}
    whole = _measured(request, need.follow_paths, context, measured)
    shares = (
        _share(source, _measured(request, _asked(source), context, measured))
        for source in need.sources
        if not source.context
    )
    return replace(_made(need, whole), sources=tuple(shares))


def _made(need: ContextNeed, measurement: Measurement) -> Transfer:
    return Transfer(
        need.context_used,
        need.follow_paths,
        measurement.totals.content_bytes,
        measurement.totals.files,
        measurement.wire_bytes,
        measurement.printed,
        problems=tuple(map(unknown_problem, need.unknowns)),
    )


def _asked(source: Source) -> tuple[str, ...] | None:
    return None if source.path == "." else (source.path,)


def _measured(
    request: Request,
    paths: tuple[str, ...] | None,
    context: Measurement,
    measured: dict[tuple[str, ...], Measurement],
) -> Measurement:
    """What a build that asks for `paths` makes travel; each set is walked once."""
    if paths is None:
        return context
    if paths not in measured:
        evaluator = _evaluator(request, paths)
        measured[paths] = (
            context
            if evaluator is None
            else measure(request, top=1, depth=0, evaluator=evaluator).context
        )
    return measured[paths]


def _share(source: Source, measurement: Measurement) -> SourceShare:
    totals = measurement.totals
    return SourceShare(
        source.instruction,
        source.line,
        source.stage,
        source.source,
        source.path,
        source.kind,
        totals.files,
        totals.content_bytes,
    )


_UNKNOWNS = {
    "syntax": "the frontend {name} reads this Dockerfile, perhaps otherwise than BuildKit's own",
    "onbuild": "taken as having no ONBUILD triggers: the base image {name}",
    "environment": "taken as unset: ${name}, unless the base image sets it",
    "argument": "taken as empty: ARG {name}, which has no value; give it one with --build-arg",
}
"""What is assumed where the Dockerfile alone cannot tell, by the kind of `Unknown`."""


def unknown_problem(unknown: Unknown) -> Problem:
    """What is assumed in place of something that the Dockerfile alone does not tell."""
    message = _UNKNOWNS[unknown.kind].format(name=unknown.name)
    return Problem(f"unknown-{unknown.kind}", message, line=unknown.line or None)


def _unknown_transfer(request: Request, error: CtxsizeError) -> Problem:
    fails = "the build stops" if isinstance(error, BuildFailsError) else "the build fails"
    if isinstance(error, InputError) and not isinstance(error, DockerfileError):
        fails = "what the Dockerfile takes is not known"
    hint = f" ({error.hint})" if error.hint else ""
    path = request.dockerfile if error.path in (None, request.dockerfile) else error.path
    return Problem("transfer-unknown", f"{fails}: {error.message}{hint}", path, line=error.line)


def is_wrong_target(request: Request) -> bool:
    """Whether the Dockerfile can be read and has no stage of the asked name."""
    target = request.build.target
    if not target:
        return False
    try:
        stages = read_stages(parse_dockerfile(request.dockerfile_data()))
    except (OSError, DockerfileError):
        return False
    return target.lower() not in {stage.name for stage in stages}


def _check_header(need: ContextNeed) -> None:
    """Raise for paths that the builder cannot ask the client for: they travel as a header."""
    paths = need.follow_paths or ()
    if all(path.isascii() for path in paths) and not all(path.isprintable() for path in paths):
        raise DockerfileError(
            'header key "followpaths" contains value with non-printable ASCII characters',
            hint="a source holds a control character",
        )
