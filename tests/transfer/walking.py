"""What our walk over a transfer tells, as plain lists."""

from __future__ import annotations

from pathlib import Path

from ctxsize import api
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.narrow import Narrowed, follow
from ctxsize.engine.plan import Plan
from ctxsize.engine.transfer_requests import needs_of
from ctxsize.engine.walk import Walk


def names_sent(plan: Plan, evaluator: object = None) -> tuple[list[str], set[str]]:
    """The names that are sent, directories with a trailing `/`, and those refused on opening."""
    names: list[str] = []
    refused: set[str] = set()
    for event in Walk(plan, evaluator=evaluator):  # type: ignore[arg-type]
        if isinstance(event, Folder):
            names.append(f"{event.path}/")
        elif isinstance(event, Files):
            names += [event.prefix + name for name in event.names]
            # The sender opens no symlink.
            marks = {
                n: event.others.get(n, event.mark) for n in event.names if n not in event.links
            }
            refused |= {event.prefix + name for name, mark in marks.items() if mark.refused}
    return names, refused


def names_transferred(
    context: Path,
    dockerfile: Path | None = None,
    *,
    target: str = "",
    arguments: dict[str, str] | None = None,
) -> list[str]:
    """The names that a build makes travel, in order."""
    plan = api.plan_for(
        str(context),
        dockerfile=None if dockerfile is None else str(dockerfile),
        target=target,
        build_arguments=arguments or {},
    )
    need = next(iter(needs_of(plan).values()))
    include = follow(plan.root, next((each.paths for each in need.of("")), ()))
    return names_sent(plan, None if include is None else Narrowed(plan.spec, include))[0]
