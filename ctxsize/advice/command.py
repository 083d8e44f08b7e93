"""Advice as it is asked for: selected, without what the configuration accepts, fixes applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from ctxsize.accepting import Wanted
from ctxsize.advice import DockerfileAdvice, advice_of, examined
from ctxsize.advice.contexts import once, suggested
from ctxsize.advice.repository import Repository, Starter, read_repository
from ctxsize.codes import names
from ctxsize.config import Config, load
from ctxsize.discovery import Discovery
from ctxsize.findings import Edit, Finding, Severity, in_order

_MOST_FIXES = 500


def run(
    discovery: Discovery,
    *,
    fix: bool = False,
    unsafe: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    severity: Severity | None = None,
    config: Config | None = None,
) -> DockerfileAdvice:
    """See `ctxsize.api.advise`."""
    config = load(discovery.root) if config is None else config
    codes = names("CTX2")
    wanted = Wanted(config, known=codes, select=select, ignore=ignore, severity=severity)
    changed: dict[str, bytes] = {}
    mended: list[Finding] = []
    seen: set[tuple[str, bytes]] = set()
    starter = once(partial(suggested, plans=discovery.plans))
    for _ in range(_MOST_FIXES):
        repository = read_repository(discovery, {**changed}, starter)
        kept = wanted.of(examined(repository))
        fixable = _fixable(kept, seen, unsafe=unsafe) if fix or unsafe else iter(())
        following = next(fixable, None)
        if following is None:
            break
        finding, edit = following
        seen.add((edit.path, edit.after))
        changed[edit.path] = edit.after
        mended.append(finding)
    advice = advice_of(discovery, repository, tuple(kept))
    unused = () if any((select, ignore)) else _unused(discovery, config, starter)
    return replace(
        advice,
        findings=in_order([*advice.findings, *unused]),
        edits=_edits(repository),
        mended=tuple(mended),
    )


def _unused(discovery: Discovery, config: Config, starter: Starter) -> tuple[Finding, ...]:
    """Return the tables about Dockerfiles that accept nothing; look once more if there are any."""
    if not any(each.code in names("CTX2") for each in config.suppress):
        return ()
    wanted = Wanted(config)
    wanted.of(examined(read_repository(discovery, {}, starter)))
    return wanted.unused(names("CTX2"), discovery.root)


def _edits(repository: Repository) -> tuple[Edit, ...]:
    """Return all changes together, a file each."""
    as_it_is = replace(repository, changed={})
    return tuple(
        Edit(path, as_it_is.content(path), data) for path, data in repository.changed.items()
    )


def _fixable(
    findings: Iterable[Finding], seen: set[tuple[str, bytes]], *, unsafe: bool
) -> Iterator[tuple[Finding, Edit]]:
    """Yield the findings whose fix may be applied now, each with its one edit."""
    for finding in findings:
        if finding.fix is not None and (finding.fix.certain or unsafe):
            (edit,) = finding.fix.edits
            if (edit.path, edit.after) not in seen:
                yield finding, edit
