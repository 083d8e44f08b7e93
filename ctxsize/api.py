"""The public functions except `check`, `diff`, `digest` and `log`: they take directories.

Each imports its modules when it is called, as start-up is a large part of a small run. For
`build` and `options` see `plan_for`. `config`, by default that of the context or of the root,
names accepted findings. `steps` is called with each part of the work, `progress` with counts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace

import ctxsize
from ctxsize.build import (
    Build,
    Options,
    StrPath,
    StrPaths,
    Unpack,
    build_of,
    path_of,
    paths_of,
    words_of,
)
from ctxsize.engine.events import Progress, Steps
from ctxsize.engine.plan import ELSEWHERE
from ctxsize.errors import CtxsizeError, InputError
from ctxsize.planning import BuildOrPlan, plan_for


def measure(
    build: BuildOrPlan = ".",
    *,
    data: bytes | None = None,
    ignored: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    jobs: int | None = None,
    config: ctxsize.Config | None = None,
    **options: Unpack[Options],
) -> ctxsize.Report:
    """Return what `docker build` would send.

    `data` is the text of the ignore file that is not saved yet; that file counts with its size.
    `ignored` also measures how much each pattern saves. `top` limits the lists of the largest,
    `depth` the tree, `jobs` the threads of the compiled core.
    Raises `InputError` for a missing file or directory, `BuildFailsError` if the build fails.
    """
    from ctxsize.engine import report as measuring

    plan = plan_for(build, data=data, **options)
    report = measuring.measure(
        plan, everything=ignored, top=top, depth=depth, progress=progress, jobs=jobs
    )
    return _completed(plan, report, config, progress)


def _completed(
    plan: ctxsize.Plan,
    report: ctxsize.Report,
    config: ctxsize.Config | None,
    progress: Progress | None,
) -> ctxsize.Report:
    """Return a report with its transfers, without the problems that the configuration accepts."""
    from ctxsize.engine.transfers import with_transfers

    report = with_transfers(plan, report, progress=progress)
    if report.findings:
        from ctxsize.guard.accepting import without_accepted  # most reports need no configuration

        report = without_accepted(report, config)
    return report


def glance(
    build: BuildOrPlan = ".",
    *,
    ignored: bool = False,
    top: int = 10,
    depth: int | None = 3,
    progress: Progress | None = None,
    steps: Steps | None = None,
    jobs: int | None = None,
    config: ctxsize.Config | None = None,
    **options: Unpack[Options],
) -> ctxsize.Glance:
    """Return what `measure` returns, and what `suggest` does if the builder accepts a Dockerfile.

    Both are about the tree that one walk read, unless an ignore file makes them read different
    parts of it. Raises what `measure` raises.
    """
    from ctxsize.engine import report as measuring
    from ctxsize.engine.dockerfiles import unread_beside
    from ctxsize.engine.memory_tree import MemoryTree
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.recommender.hazards import hazards
    from ctxsize.recommender.outcome import Glance

    plan = plan_for(build, **options)
    tree = None
    if not (ignored or plan.spec.patterns):
        tree = MemoryTree()
    report = measuring.measure(
        plan, everything=ignored, top=top, depth=depth, progress=progress, jobs=jobs, files=tree
    )
    if tree is None:
        snapshot = Snapshot.take(plan, progress=progress)
    else:
        snapshot = Snapshot(plan, tree.finish(), tree.problems)
    report = _completed(plan, report, config, progress)
    unread_path = unread_beside(
        report.context_path, plan.build.dockerfile, report.dockerfile, plan.builder
    )
    seen = Glance(report, None, snapshot, unread_ignore_file=unread_path)
    if report.dockerfile is None or report.failing:
        return seen
    problems = (hazard.problem(plan) for hazard in hazards(plan))
    seen = replace(seen, hazards=tuple(problems))
    with suppress(CtxsizeError):  # `suggest` says why there is no advice
        return replace(seen, advice=_suggest(plan, snapshot, config=config, steps=steps))
    return seen


def ls(
    build: BuildOrPlan = ".",
    *,
    sent: bool = True,
    ignored: bool = False,
    transfer: bool = False,
    named: str = "",
    **options: Unpack[Options],
) -> ctxsize.Listing:
    """Yield the entries that `docker build` would send, in its order.

    `ignored` adds ignored entries; `sent=False` leaves only these. `transfer` yields only entries
    that the Dockerfile requests for the target; `named` names another context.
    Raises what `measure` raises, some of it during the iteration.
    """
    from ctxsize.engine.report import Listing

    plan = plan_for(build, **options)
    if named or transfer:
        # This imports the parser of Dockerfiles.
        from ctxsize.engine.transfer_requests import plan_named
        from ctxsize.engine.transfers import transfer_listing

        plan = plan_named(plan, named)
        if transfer:
            return transfer_listing(plan)
    return Listing(plan, sent=sent, ignored=ignored)


def explain(
    paths: StrPaths,
    build: BuildOrPlan = ".",
    *,
    named: str = "",
    **options: Unpack[Options],
) -> list[ctxsize.Explanation]:
    """Return why each of `paths` in the context, or the `named` one, is sent, and its takers.

    Raises what `measure` raises, and `InputError` for a path outside the context.
    """
    from ctxsize.engine import explanation
    from ctxsize.engine.transfer_requests import plan_named

    plan = plan_named(plan_for(build, **options), named)
    add = explanation.Takers(plan).added_to
    return [
        add(explanation.explain(plan, explanation.in_context(plan, path)))
        for path in paths_of(paths)
    ]


def lint(
    paths: StrPaths = (),
    build: Build | StrPath | None = None,
    *,
    data: bytes | None = None,
    fix: bool = False,
    unsafe_fixes: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    severity: ctxsize.Severity | None = None,
    config: ctxsize.Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
    **options: Unpack[Options],
) -> ctxsize.Linted:
    """Return findings about ignore files, with fixes; writes nothing.

    `paths` are ignore files, and directories for all ignore files below them. With a `build` or
    its options, the file that governs this build is checked, or `paths` for its context.
    `data` replaces the content of the one path, or is that of a file without a path. `fix` makes
    edits of the fixes that are proved to change only what they intend, `unsafe_fixes` of all.
    Raises `InputError` for a missing path, and for codes that do not exist.
    """
    from ctxsize.lints import lint as run

    return run(
        paths_of(paths),
        build_of(build, options),
        data=data,
        fix=fix or unsafe_fixes,
        unsafe=unsafe_fixes,
        choice={"select": select, "ignore": ignore, "severity": severity},
        config=config,
        progress=progress,
        steps=steps,
    )


def suggest(
    build: BuildOrPlan = ".",
    *,
    write: bool = False,
    replace_link: bool = False,
    unsafe: bool = False,
    only: Iterable[str] = (),
    config: ctxsize.Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
    **options: Unpack[Options],
) -> ctxsize.Advice:
    """Return suggested lines for the ignore file.

    Safe suggestions are chosen; with `unsafe` all, with `only` those of these rules,
    paths or patterns. `write` writes the chosen lines; the size with them is predicted. An ignore
    file that is a symlink is not written, unless `replace_link` puts a file in its place.
    Raises what `measure` raises, and `InputError` for a name without suggestions and for a file
    that changed in between or cannot be written.
    """
    from ctxsize.engine.snapshot import Snapshot

    plan = plan_for(build, **options)
    return _suggest(
        plan,
        Snapshot.take(plan, progress=progress, tolerant=True),
        write=write,
        replace_link=replace_link,
        unsafe=unsafe,
        only=words_of(only),
        config=config,
        steps=steps,
    )


def _suggest(
    plan: ctxsize.Plan,
    snapshot: ctxsize.Snapshot,
    *,
    write: bool = False,
    replace_link: bool = False,
    unsafe: bool = False,
    only: Collection[str] = (),
    config: ctxsize.Config | None = None,
    steps: Steps | None = None,
) -> ctxsize.Advice:
    """Return suggested lines for the ignore file of a context that was read."""
    from ctxsize.codes import names
    from ctxsize.guard.accepting import finished
    from ctxsize.recommender.advisor import Advisor

    advisor = Advisor(snapshot, steps=steps)
    advice = advisor.advise(only, unsafe=unsafe)
    hints = [problem for problem in plan.problems if problem.message.startswith(ELSEWHERE)]
    advice = replace(advice, problems=(*hints, *advice.problems))
    codes = set()
    if not plan.build.given() and not only:
        # Otherwise a table may be about another build of the same context.
        codes = {*names("CTX5")} - {"CTX503"}
    return finished(plan, advice, config, codes, write=write, replace_link=replace_link)


def suggest_all(
    root: StrPath = ".",
    *,
    write: bool = False,
    replace_link: bool = False,
    unsafe: bool = False,
    config: ctxsize.Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> ctxsize.Proposals:
    """Return suggested lines for the ignore file of every build below `root`.

    Builds that share an ignore file get one proposal, which holds for each of them. `write`
    writes all files or none. See `suggest` for the other arguments. Raises `InputError` where
    nothing is built, and `InputErrors` if nothing can be proposed for any build.
    """
    from ctxsize.errors import CtxsizeError, InputErrors
    from ctxsize.guard.accepting import finished
    from ctxsize.planning import NO_DOCKERFILE
    from ctxsize.scanning.proposing import propose

    root = path_of(root)
    discovery = discover(root, config=config)
    unread = [
        InputError(problem.message, path=problem.path, line=problem.line)
        for problem in discovery.problems
        if problem.fails or problem.skipped
    ]
    if unread and not discovery.builds:
        raise InputErrors(unread)
    if not discovery.builds:
        raise InputError(NO_DOCKERFILE, path=root, hint="nothing below names a build either")
    proposed = propose(discovery, unsafe=unsafe, progress=progress, steps=steps)
    if not proposed.proposals:
        raise InputErrors([CtxsizeError(row.error or "") for row in proposed.left_out])
    proposals = []
    for proposal in proposed.proposals:
        advice = proposal.advice
        if advice.snapshot is not None:
            advice = finished(
                advice.snapshot.plan, advice, config, write=False, replace_link=replace_link
            )
        written = write and advice.edit is not None
        proposals.append(replace(proposal, advice=replace(advice, written=written)))
    proposed = replace(proposed, proposals=tuple(proposals), written=write)
    if not write:
        return proposed
    from ctxsize.writer.apply import apply

    notes = apply(proposed.edits, links="replace" if replace_link else "refuse")
    return replace(proposed, problems=(*proposed.problems, *notes))


def plan_ignore_file(
    build: BuildOrPlan = ".",
    *,
    mode: str,
    like: StrPath | None = None,
    write: bool = False,
    replace_link: bool = False,
    config: ctxsize.Config | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> ctxsize.IgnoreFilePlan:
    """Return the new ignore file in a mode: `allowlist`, `from-gitignore` or `like`.

    `like` is the path of another ignore file. See `suggest` for the other arguments.
    """
    from ctxsize.engine.dockerfiles import read_ignore_file
    from ctxsize.engine.snapshot import Snapshot
    from ctxsize.guard.accepting import finished
    from ctxsize.recommender import modes

    sibling = None
    if like is not None:
        sibling = read_ignore_file(path_of(like))
    if sibling is None and mode not in modes.MODES:
        raise InputError(f"no such mode: {mode!r}", hint=f"one of {', '.join(modes.MODES)}, like")
    plan = plan_for(build, **options)
    return finished(
        plan,
        modes.make(Snapshot.take(plan, progress=progress), mode, sibling=sibling),
        config,
        write=write,
        replace_link=replace_link,
    )


def discover(
    root: StrPath = ".", *, everywhere: bool = False, config: ctxsize.Config | None = None
) -> ctxsize.Discovery:
    """Return the builds that files below `root` define, in our environment. Raises `InputError`.

    A build of `config` replaces a guess about its Dockerfile. `everywhere` includes dependencies
    (`node_modules`, `vendor`), worktrees, and what git ignores, and heeds no configuration.
    """
    from ctxsize import repository
    from ctxsize.guard.accepting import readable
    from ctxsize.planning import configured_builds, with_configured

    root = path_of(root)
    discovery = repository.discover(root, environment=os.environ, everywhere=everywhere)
    if everywhere:
        return discovery
    config, _ = readable(config, root)
    return with_configured(discovery, configured_builds(config, root))


def scan(
    root: StrPath = ".",
    *,
    config: ctxsize.Config | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> ctxsize.Scan:
    """Return every build below `root`, measured, the largest first. Raises `InputError`."""
    from ctxsize.codes import names
    from ctxsize.findings import in_order
    from ctxsize.guard.accepting import Wanted, readable
    from ctxsize.scanning import scan as run

    root = path_of(root)
    config, problems = readable(config, root)
    repository = discover(root, config=config)
    wanted = Wanted(config)
    scanned = run(repository, left=wanted.of, progress=progress, steps=steps)
    return replace(
        scanned,
        findings=in_order([*scanned.findings, *wanted.unused(names("CTX3"), root)]),
        problems=(*scanned.problems, *problems),
    )


def affected(
    root: StrPath = ".",
    revisions: str = "",
    *,
    dirty: bool = False,
    paths: StrPaths | None = None,
) -> ctxsize.Affected:
    """Return the builds below `root`, each with the reasons why a change touches it.

    `revisions` is `A`, for the change from the merge base of A and HEAD to HEAD, or `A..B`. With
    `dirty` the change goes on to the work tree. `paths` are those that differ, in place of both,
    relative to the top of the work tree. Raises `InputError` for what git does not know.
    """
    from ctxsize.history.affected import affected as run
    from ctxsize.history.changes import of_paths, span

    root = path_of(root)
    if paths is None:
        change = span(root, revisions, dirty=dirty)
    else:
        change = of_paths(root, paths_of(paths))
    return run(root, change, discover)


def advise(
    root: StrPath = ".",
    *,
    fix: bool = False,
    unsafe_fixes: bool = False,
    config: ctxsize.Config | None = None,
    **choice: Unpack[ctxsize.FindingChoice],
) -> ctxsize.DockerfileAdvice:
    """Return findings about the Dockerfiles below `root`, with rewrites; writes nothing.

    `fix` makes edits of the rewrites that are certain, `unsafe_fixes` of all. Raises
    `InputError` for no directory, and for codes that do not exist.
    """
    from ctxsize.advice import advise as run

    root = path_of(root)
    if config is None:
        config = load_config(root)
    return run(discover(root, config=config), config, fix=fix, unsafe=unsafe_fixes, **choice)


def load_config(directory: StrPath = ".") -> ctxsize.Config:
    """Return the configuration that is used for a directory, an empty one if there is none.

    It is the nearest `ctxsize.toml`, or `[tool.ctxsize]` of `pyproject.toml`, up to the top of
    the repository. Raises `InputErrors` for all its mistakes at once.
    """
    from ctxsize.config import load

    return load(path_of(directory))


def clean_plan(
    root: StrPath = ".",
    *,
    ecosystems: Iterable[str] = (),
    deps: bool = False,
    older_than_s: float | None = None,
    recent_s: float = 600.0,
    progress: Progress | None = None,
) -> ctxsize.CleanPlan:
    """Return the directories below `root` that are proved regenerable; deletes nothing.

    Directories written to within the last `recent_s` seconds are skipped.
    Raises `InputError` for a `root` that is `/`, a home directory or above one.
    """
    from ctxsize.clean.look import CleanChoice, look

    return look(
        path_of(root),
        CleanChoice(frozenset(words_of(ecosystems)), deps, older_than_s, recent_s),
        progress,
    )


def clean_apply(
    plan: ctxsize.CleanPlan, *, steps: Steps | None = None
) -> tuple[ctxsize.Result, ...]:
    """Delete each item of `plan` that has not changed since, and return the results."""
    from ctxsize.clean.delete import delete

    return tuple(delete(plan, steps=steps))
