"""All builds of a repository: found, measured, advised on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from ctxsize.findings import in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctxsize.advice import DockerfileAdvice
    from ctxsize.config import Config
    from ctxsize.engine.events import Progress
    from ctxsize.findings import Finding, Severity
    from ctxsize.projects import Discovery
    from ctxsize.scan import Scan


def discover(root: str = ".") -> Discovery:
    """The builds that the files below `root` tell of, in the environment of this process.

    Raises `InputError` for no directory.
    """
    from ctxsize import projects

    return projects.discover(root, environment=os.environ)


def scan(
    root: str = ".", *, config: Config | None = None, progress: Progress | None = None
) -> Scan:
    """Every build below `root` measured, the most costly first, with the findings across them.

    Contexts that lie in each other are walked once. `config`, by default that of
    `root`, says which findings count. Raises `InputError` for no directory.
    """
    from ctxsize.api.accepting import Wanted, readable
    from ctxsize.projects.codes import CODES
    from ctxsize.recommender.edit import merged
    from ctxsize.scan import scan as run

    discovery = discover(root)
    config, problems = readable(config, root)
    wanted = Wanted(config)
    scanned = run(discovery, merged, left=wanted.of, progress=progress)
    unused = wanted.unused(CODES, root)
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
    """What the Dockerfiles below `root` could do better, with rewrites; nothing is written.

    `fix` applies what is certain to do only what it says (`unsafe_fixes`: all
    the rest too): the outcome holds the edits. `config` is by default that of `root`.
    Raises `InputError` for no directory, and for codes that do not exist.
    """
    from ctxsize.advice.command import run
    from ctxsize.config import load

    discovery = discover(root)
    config = load(root) if config is None else config
    outcome = run(
        discovery,
        fix=fix,
        unsafe=unsafe_fixes,
        select=select,
        ignore=ignore,
        severity=severity,
        config=config,
    )
    unused = () if any((select, ignore)) else _unused_advice(discovery, config)
    return replace(outcome, findings=in_order([*outcome.findings, *unused]))


def _unused_advice(discovery: Discovery, config: Config) -> tuple[Finding, ...]:
    """The tables about Dockerfiles that accept nothing; looks once more if there are any."""
    from ctxsize.advice import CODES, advise
    from ctxsize.api.accepting import Wanted

    if not any(each.code in CODES for each in config.suppress):
        return ()
    wanted = Wanted(config)
    wanted.of(advise(discovery).findings)
    return wanted.unused(CODES, discovery.root)
