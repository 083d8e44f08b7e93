"""The ignore file of a build: linted, and what it should hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from ctxsize.api.requests import ELSEWHERE, builder_of, request_for
from ctxsize.build import Build
from ctxsize.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ctxsize.build import Options
    from ctxsize.config import Config
    from ctxsize.engine.events import Progress
    from ctxsize.findings import Severity
    from ctxsize.lints.run import Linted
    from ctxsize.recommender.modes.plan import Plan as ModePlan
    from ctxsize.recommender.outcome import Advice


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
    **options: Unpack[Options],
) -> Linted:
    """What ignore files do that their authors did not mean, with the fixes; nothing is written.

    `paths` are ignore files, and directories for all ignore files below them. With
    a `build`, or its options, it is the file that governs this build, or `paths`
    for its context. `data` stands for the content of the one path; without a path
    it is linted by itself. `fix` applies what is proved to change just what it
    means to (`unsafe_fixes`: all the rest too): the outcome holds the edits.
    `config` is by default the one of the first path.
    Raises `InputError` for what is not there, and for codes that do not exist.
    """
    from ctxsize.lints.command import lint as run

    if build is None:
        given = Build(**options) if options else None
    else:
        given = replace(build, **options) if isinstance(build, Build) else Build(build, **options)
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
    )


def suggest(
    build: Build | str = ".",
    *,
    write: bool = False,
    unsafe: bool = False,
    only: Collection[str] = (),
    config: Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Advice:
    """What the ignore file of a build should hold; see `request_for` for `build` and `options`.

    Safe suggestions are chosen; with `unsafe` all, with `only` those of these
    rules or paths. What is chosen is written with `write`, and the size after it
    is measured again; else it is as predicted. `config`, by default that of the
    context, says which findings are accepted; suggestions are as without it.
    Raises what `measure` raises, `InputError` for a name that nothing is
    suggested by and for a file that changed meanwhile or cannot be written.
    """
    from ctxsize.api.accepting import Wanted, readable
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.codes import CODES
    from ctxsize.recommender.edit import merged
    from ctxsize.recommender.suggest import Advisor, Choice
    from ctxsize.writer import suggested

    request = request_for(build, **options)
    config, problems = readable(config, request.context)
    advisor = Advisor(Snapshot.take(request, progress=progress))
    advice = advisor.advise(lambda chosen: merged(request, chosen), Choice(only, unsafe))
    if config.suppress or config.select or config.ignore:
        wanted = Wanted(config)
        left = wanted.of(advice.findings)
        # Another build of the same context may have what this one has not.
        usual = not request.build.given() and not only
        unused = wanted.unused(CODES.keys() - {"CTX503"}, request.context) if usual else ()
        advice = replace(advice, findings=(*left, *unused))
    advice = replace(advice, problems=(*advice.problems, *problems))
    hints = (each for each in request.problems if each.message.startswith(ELSEWHERE))
    advice = replace(advice, problems=(*hints, *advice.problems))
    return suggested.written(request, advice) if write else advice


def plan_ignore_file(
    build: Build | str = ".",
    *,
    mode: str,
    like: str | None = None,
    write: bool = False,
    config: Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> ModePlan:
    """What the ignore file of a build becomes in a mode; see `request_for` for `build`, `options`.

    `mode` is `allowlist`, `from-gitignore` or `tidy`, or `like` with the path of
    another ignore file. With `write` it is written and the size after it measured.
    `config` says which findings are accepted, as for `suggest`.
    Raises what `suggest` raises.
    """
    from ctxsize.api.accepting import Wanted, readable
    from ctxsize.engine.request import read_ignore_file
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.modes import plans
    from ctxsize.writer import suggested

    sibling = None if like is None else read_ignore_file(like)
    if sibling is None and mode not in plans.MODES:
        raise InputError(f"no such mode: {mode!r}", hint=f"one of {', '.join(plans.MODES)}, like")
    request = request_for(build, **options)
    config, problems = readable(config, request.context)
    made = plans.make(Snapshot.take(request, progress=progress), mode, sibling=sibling)
    made = replace(
        made, findings=Wanted(config).of(made.findings), problems=(*made.problems, *problems)
    )
    return suggested.written(request, made) if write else made
