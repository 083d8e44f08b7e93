"""The public functions: names of directories and builders in, values out.

Each imports what it needs when it is called: start-up is a good part of a small run.

>>> report = measure(".", builder="classic")        # doctest: +SKIP
>>> report.context.totals.content_bytes             # doctest: +SKIP
20214000000
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxsize.build import Build
from ctxsize.errors import InputError
from ctxsize.requests import build_of, builder_of, request_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.advice import DockerfileAdvice
    from ctxsize.build import Options
    from ctxsize.clean.values import CleanPlan, Result
    from ctxsize.config import Budget, Config
    from ctxsize.discovery import Discovery
    from ctxsize.engine.events import Progress, Steps
    from ctxsize.engine.listing import Listing, Union
    from ctxsize.engine.request import Request
    from ctxsize.explanations import Explanation
    from ctxsize.findings import Severity
    from ctxsize.guard.outcome import CheckReport, DiffReport
    from ctxsize.lints.run import Linted
    from ctxsize.model import Problem, Report
    from ctxsize.recommender.outcome import Advice, IgnoreFilePlan
    from ctxsize.scanning import Scan

__all__ = [
    "advise",
    "check",
    "clean_apply",
    "clean_plan",
    "diff",
    "discover",
    "explain",
    "lint",
    "ls",
    "measure",
    "plan_ignore_file",
    "request_for",
    "scan",
    "suggest",
]


def measure(
    build: Build | str = ".",
    *,
    ignored: bool = False,
    compare: bool = False,
    top: int = 10,
    depth: int | None = 3,
    thorough: bool = False,
    progress: Progress | None = None,
    jobs: int | None = None,
    config: Config | None = None,
    **options: Unpack[Options],
) -> Report:
    """Return what `docker build` would send; see `request_for` for `build` and `options`.

    `ignored` also measures what each pattern saves, `compare` says where other
    builders differ. `top` bounds the lists of the largest, `depth` the tree.
    `thorough` notices each directory that would stop the builder. `jobs` is how many threads
    the compiled core takes, by default one for each processor, at most eight.
    `config`, by default that of the context, says which problems and secrets are
    accepted: they are left out. It is read if there are any.
    Raises `InputError` for what is not there, `IgnoreFileError` for a pattern
    and `BuildFailsError` for a context on which the build itself would fail.
    """
    from ctxsize.reporting import report_of

    return report_of(
        request_for(build, **options),
        ignored=ignored,
        compare=compare,
        top=top,
        depth=depth,
        thorough=thorough,
        progress=progress,
        jobs=jobs,
        config=config,
    )


def ls(
    build: Build | str = ".",
    *,
    sent: bool = True,
    ignored: bool = False,
    transfer: bool = False,
    named: str = "",
    **options: Unpack[Options],
) -> Listing | Union:
    """Return the entries that `docker build` would send, in its order, as a stream.

    `ignored` adds those that it would not; `sent=False` leaves only them. With
    `transfer` it is only what the Dockerfile makes travel for the target.
    `named` is the named context to list instead of the build context.
    Raises what `measure` raises, some of it in the course of the iteration.
    """
    from ctxsize.engine.listing import Listing

    request = _named(request_for(build, **options), named)
    if not transfer:
        return Listing(request, sent=sent, ignored=ignored)
    from ctxsize.engine.listing import Union
    from ctxsize.engine.need import transfer_evaluators

    listings = [Listing(request, evaluator=each) for each in transfer_evaluators(request)]
    return Union(listings, lambda: _unfound(request))


def _unfound(request: Request) -> Iterable[Problem]:
    """Return the problems of the sources of `request` that the builder does not find."""
    from ctxsize.engine.need import asked_of
    from ctxsize.engine.unfound import unfound

    taken = (source for each in asked_of(request) for source in each.sources)
    return unfound(request, (source for source in taken if source.parents is None))


def explain(
    paths: Iterable[str],
    build: Build | str = ".",
    *,
    named: str = "",
    **options: Unpack[Options],
) -> list[Explanation]:
    """Return why each of `paths`, relative to the context, is ignored or sent, and what takes it.

    With `named` they are paths of that named context.
    Raises what `measure` raises, and `InputError` for a path outside the context.
    """
    from ctxsize.engine import explain as explaining
    from ctxsize.engine.arrivals import Takers

    request = _named(request_for(build, **options), named)
    takers = Takers(request)
    explained = (explaining.explain(request, explaining.in_context(request, p)) for p in paths)
    return [takers.added_to(each) for each in explained]


def lint(
    paths: Iterable[str] = (),
    build: Build | str | None = None,
    *,
    data: bytes | None = None,
    fix: bool = False,
    unsafe_fixes: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    severity: Severity | None = None,
    config: Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
    **options: Unpack[Options],
) -> Linted:
    """Return what ignore files do unintentionally, with the fixes; writes nothing.

    `paths` are ignore files, and directories for all ignore files below them. With
    a `build`, or its options, it is the file that governs this build, or `paths`
    for its context. `data` stands for the content of the one path; without a path
    it is linted by itself. `fix` applies what is proved to change just what it
    means to (`unsafe_fixes`: all the rest too): the outcome holds the edits.
    `config` is by default the one of the first path. `steps` is called with each code
    that is looked for in each file.
    Raises `InputError` for what is not there, and for codes that do not exist.
    """
    from ctxsize.lints.command import lint as run

    given = build_of(build, options)
    return run(
        [*paths],
        given,
        builder_of((given or Build()).builder),
        data=data,
        fix=fix or unsafe_fixes,
        unsafe=unsafe_fixes,
        select=select,
        ignore=ignore,
        severity=severity,
        config=config,
        progress=progress,
        steps=steps,
    )


def suggest(
    build: Build | str = ".",
    *,
    write: bool = False,
    unsafe: bool = False,
    only: Collection[str] = (),
    config: Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
    **options: Unpack[Options],
) -> Advice:
    """Return what the ignore file should hold; see `request_for` for `build`, `options`.

    Safe suggestions are chosen; with `unsafe` all, with `only` those of these
    rules or paths. What is chosen is written with `write`, and the size after it
    is measured again; else it is as predicted. `config`, by default that of the
    context, says which findings are accepted; suggestions are as without it.
    `steps` is called with each part of the work that comes next.
    Raises what `measure` raises, `InputError` for a name that nothing is
    suggested by and for a file that changed meanwhile or cannot be written.
    """
    from ctxsize.reporting import advice_of

    return advice_of(
        request_for(build, **options),
        write=write,
        unsafe=unsafe,
        only=only,
        config=config,
        progress=progress,
        steps=steps,
    )


def plan_ignore_file(
    build: Build | str = ".",
    *,
    mode: str,
    like: str | None = None,
    write: bool = False,
    config: Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> IgnoreFilePlan:
    """Return what the ignore file becomes in a mode; see `request_for` for the arguments.

    `mode` is `allowlist`, `from-gitignore` or `tidy`, or `like` with the path of
    another ignore file. With `write` it is written and the size after it measured.
    `config` says which findings are accepted, as for `suggest`.
    Raises what `suggest` raises.
    """
    from ctxsize.accepting import Wanted, readable
    from ctxsize.engine.request import read_ignore_file
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.modes import plans
    from ctxsize.reporting import written

    sibling = None if like is None else read_ignore_file(like)
    if sibling is None and mode not in plans.MODES:
        raise InputError(f"no such mode: {mode!r}", hint=f"one of {', '.join(plans.MODES)}, like")
    request = request_for(build, **options)
    config, problems = readable(config, request.context)
    made = plans.make(Snapshot.take(request, progress=progress), mode, sibling=sibling)
    made = replace(
        made, findings=Wanted(config).of(made.findings), problems=(*made.problems, *problems)
    )
    return written(request, made) if write else made


def discover(root: str = ".", *, ask_docker: bool = False) -> Discovery:
    """Return the builds that the files below `root` tell of, in the environment of this process.

    With `ask_docker`, `docker buildx bake --print` evaluates what is not evaluated here
    of Bake files: functions, conditions, `for`.
    Raises `InputError` for no directory.
    """
    from ctxsize import discovery

    return discovery.discover(root, environment=os.environ, ask_docker=ask_docker)


def scan(
    root: str = ".",
    *,
    ask_docker: bool = False,
    config: Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Scan:
    """Return every build below `root`, measured, the largest first, with joint findings.

    Contexts that lie in each other are walked once. `ask_docker` is as for `discover`.
    `config`, by default that of `root`, says which findings count. `steps` is called
    with each build that comes next.
    Raises `InputError` for no directory.
    """
    from ctxsize.accepting import Wanted, readable
    from ctxsize.codes import names
    from ctxsize.findings import in_order
    from ctxsize.scanning import scan as run

    discovery = discover(root, ask_docker=ask_docker)
    config, problems = readable(config, root)
    wanted = Wanted(config)
    scanned = run(discovery, left=wanted.of, progress=progress, steps=steps)
    unused = wanted.unused(names("CTX3"), root)
    return replace(
        scanned,
        findings=in_order([*scanned.findings, *unused]),
        problems=(*scanned.problems, *problems),
    )


def advise(
    root: str = ".",
    *,
    fix: bool = False,
    unsafe_fixes: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    severity: Severity | None = None,
    config: Config | None = None,
) -> DockerfileAdvice:
    """Return what the Dockerfiles below `root` could do better, with rewrites; nothing is written.

    `fix` applies what is certain to do only what it says (`unsafe_fixes`: all
    the rest too): the outcome holds the edits. `config` is by default that of `root`.
    Raises `InputError` for no directory, and for codes that do not exist.
    """
    from ctxsize.advice.command import run

    return run(
        discover(root),
        fix=fix,
        unsafe=unsafe_fixes,
        select=select,
        ignore=ignore,
        severity=severity,
        config=config,
    )


def check(
    build: Build | str | None = None,
    *,
    builds: Iterable[Build] | None = None,
    budget: Budget | None = None,
    baseline: str | None = None,
    update_baseline: bool = False,
    config: Config | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
    **options: Unpack[Options],
) -> CheckReport:
    """Return whether contexts keep their budgets: `build`, or all those of the configuration.

    With `builds` it is those, for instance all that `discover` finds; each has the
    budget of its own context in the configuration, or that of its top level.
    `config` is by default the one that is found from the context upward; what
    `budget` and `baseline` say counts for more. `update_baseline` writes the
    file before it is compared with. `jobs` has no effect.
    Raises `InputErrors` for what cannot be checked, and what `measure` raises.
    """
    from ctxsize import checking

    return checking.check(
        build_of(build, options),
        builds,
        budget,
        baseline=baseline,
        update_baseline=update_baseline,
        config=config,
        progress=progress,
    )


def diff(
    before: str, after: str | None = None, *, name: str | None = None, **options: Unpack[Options]
) -> DiffReport:
    """Return what was added, removed, grew and shrank between two saved reports.

    Either may be a directory instead, whose context is measured now with
    `options`; without `after` it is the working directory. `name` chooses one
    of several contexts in a file.
    Raises `InputError` for what is no report, and what `measure` raises.
    """
    from ctxsize import checking

    return checking.diff(before, after or ".", name=name, options=options)


def clean_plan(
    root: str = ".",
    *,
    ecosystems: Iterable[str] = (),
    deps: bool = False,
    incremental_only: bool = False,
    older_than_s: float | None = None,
    keep_bytes: int | None = None,
    recent_s: float = 600.0,
    progress: Progress | None = None,
) -> CleanPlan:
    """Return what could be deleted below `root` as it is proven regenerable, and what not and why.

    Changes nothing. `recent_s` leaves alone what was written so short a time ago.
    Raises `InputError` for a `root` that is `/`, a home directory or above one.
    """
    from ctxsize.clean.plan import planned_below
    from ctxsize.clean.values import CleanChoice

    choice = CleanChoice(
        frozenset(ecosystems), deps, incremental_only, older_than_s, keep_bytes, recent_s
    )
    return planned_below(root, choice, progress)


def clean_apply(
    plan: CleanPlan, *, progress: Progress | None = None, steps: Steps | None = None
) -> tuple[Result, ...]:
    """Return what became of each item of `plan`. Deletes, where all is still as it was planned.

    `steps` is called with each item that comes next.
    """
    from ctxsize.clean.delete import delete

    return tuple(delete(plan, progress=progress, steps=steps))


def _named(request: Request, name: str) -> Request:
    """Return the request for the named context `name`; itself for `""`."""
    if not name:
        return request
    from ctxsize.engine.named import request_named

    return request_named(request, name)
