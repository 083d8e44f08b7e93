"""The paths that a Dockerfile takes from its contexts, for one target and one platform.

BuildKit follows every stage that the target depends on, and requests only the paths that these
take; none if the result of the target is made without the context.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter

from ctxsize.dockerfile.arguments import check_built_in
from ctxsize.dockerfile.following import Following
from ctxsize.dockerfile.graph import BUILDKIT, Graph, Node, SharedStages, StageRules
from ctxsize.dockerfile.images import parse_platform, platform_arguments
from ctxsize.dockerfile.instructions import Directive, Dockerfile, located
from ctxsize.dockerfile.sources import Expanded, Failure, Lack, Source, Unknown
from ctxsize.dockerfile.state import Environment
from ctxsize.dockerfile.words import Variables, Words
from ctxsize.hidden import Hidden, hidden_as
from ctxsize.values import Value

_OWN_FRONTENDS = r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?"
RequestedPaths = Words | None  # sorted patterns; None for all that is not ignored


class Asked(Value):
    """One transfer of a context: the requested paths, and the sources that need them.

    `context` is `""` for the build context. A stage on a named one needs all of it, without
    sources, as the target or for a command. `platforms` are those of the build that need this
    transfer, and `unknowns` those of the Dockerfile on them.
    """

    context: str
    paths: RequestedPaths
    sources: tuple[Source, ...]
    platforms: Words = ()
    unknowns: tuple[Unknown, ...] = ()


class ContextNeed(Value):
    """The transfers that a build requests, its sources (also of unused stages) and unknowns.

    `failures` are the reasons, besides its sources, why the build fails after the transfers. It
    fails before them for `lacks`, which decide nothing about them.
    """

    asked: tuple[Asked, ...]
    sources: tuple[Source, ...]
    unknowns: tuple[Unknown, ...]
    failures: tuple[Failure, ...] = ()
    lacks: tuple[Lack, ...] = ()

    def of(self, context: str) -> Iterator[Asked]:
        """Yield the transfers of a context; nothing if it is unused."""
        return (asked for asked in self.asked if asked.context == context)


def context_need(
    dockerfile: Dockerfile,
    target: str = "",
    build_arguments: Variables | None = None,
    platform: str = "linux/amd64",
    build_platform: str = "linux/amd64",
    contexts: Mapping[str, bool] | None = None,
    rules: StageRules = BUILDKIT,
) -> ContextNeed:
    """Return the transfers that `docker build` requests from the client.

    `contexts` are the names given to `--build-context`, and whether each is an image. `rules` are
    those of another builder than BuildKit.
    Raises DockerfileError if BuildKit would fail before it requests any.
    """
    build_arguments = build_arguments or {}
    own_frontend = not dockerfile.syntax and "BUILDKIT_SYNTAX" not in build_arguments
    if own_frontend:
        # BuildKit checks the flags of all stages, also of those that the target does not need.
        for instruction in dockerfile.instructions:
            with located(instruction.line):
                check_built_in(instruction)
    predefined = platform_arguments(
        parse_platform(platform),
        parse_platform(build_platform),
        target or dockerfile.stages[-1].name,
    )
    stages = _shared_stages(dockerfile, build_arguments, predefined, contexts or {})

    graph = Graph(dockerfile, stages, rules)
    following = Following(graph, rules, built_in=own_frontend)
    used = following.follow(target)
    unknowns = dict.fromkeys(following.unknowns)
    for lack in graph.lacks:
        for name in lack.arguments:  # of which more is known
            unknowns.pop(Unknown("argument", name, lack.line), None)
    if frontend := other_frontend(dockerfile.syntax, build_arguments):
        unknowns = {frontend: None, **unknowns}
    failures = [failure for node in used for failure in node.failures]
    failures.sort(key=attrgetter("line"))
    return ContextNeed(
        asked=_transfers_from(used),
        sources=tuple(following.sources),
        unknowns=tuple(unknowns),
        failures=tuple(failures),
        lacks=tuple(graph.lacks),
    )


def _shared_stages(
    dockerfile: Dockerfile,
    build_arguments: Variables,
    predefined: dict[str, str],
    contexts: Mapping[str, bool],
) -> SharedStages:
    """Return the stages for all targets of a Dockerfile, if none of its words names the target."""
    names_target = any("TARGETSTAGE" in line.text for line in dockerfile.instructions)
    if not names_target:
        del predefined["TARGETSTAGE"]
    key = (
        frozenset(build_arguments.items()),
        frozenset(predefined.items()),
        frozenset(contexts.items()),
    )
    derived = dockerfile.derived
    if key not in derived:
        outer = _global_environment(dockerfile, build_arguments, predefined)
        derived[key] = SharedStages(outer, build_arguments, contexts)
    shared: SharedStages = derived[key]
    return shared


def _global_environment(
    dockerfile: Dockerfile, build_arguments: Variables, predefined: Variables
) -> Environment:
    """Return the values of the ARGs before the first FROM, and the predefined ones."""
    environment = Environment(dockerfile.escape)
    for name, text in predefined.items():
        if name in build_arguments:
            text = Hidden(build_arguments[name], f"${name}")
        environment = environment.set(name, Expanded(text))
    for instruction in dockerfile.global_arguments:
        with located(instruction.line):
            environment = environment.obey_arg(instruction, build_arguments, environment)
    return environment


def other_frontend(syntax: Directive | None, build_arguments: Variables) -> Unknown | None:
    """Return the requested frontend if it is not BuildKit's own."""
    line = 0
    name = build_arguments.get("BUILDKIT_SYNTAX", "").strip().partition(" ")[0]
    name = Hidden(name, "$BUILDKIT_SYNTAX")
    if not name and syntax:
        line = syntax.line
        name = syntax.value
    if name and not re.fullmatch(_OWN_FRONTENDS, name):
        return Unknown("syntax", name, line)
    return None


def _transfers_from(used: Collection[Node]) -> tuple[Asked, ...]:
    """Return the transfers of the contexts among `used`; those of equal paths are one."""
    sources: dict[Asked, dict[Source, None]] = {}
    for node in used:
        if node.context is None:
            continue
        taken = node.paths
        requested: RequestedPaths = None
        # Without any path, everything is planned for.
        if taken and "/" not in taken:
            relative = [hidden_as(path, path[1:]) for path in taken]
            requested = tuple(sorted(relative))
        transfer = Asked(node.context, requested, sources=())
        of_transfer = sources.setdefault(transfer, {})
        of_transfer |= dict.fromkeys(node.sources)
    transfers = []
    for transfer, of_transfer in sources.items():
        in_order = sorted(of_transfer, key=attrgetter("line"))
        transfers.append(replace(transfer, sources=tuple(in_order)))
    # A transfer of everything comes first.
    return tuple(sorted(transfers, key=lambda transfer: (transfer.context, transfer.paths or ())))
