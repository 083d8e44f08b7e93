"""Advice as it is asked for: selected, without what the configuration accepts, fixes applied."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from ctxsize.advice import CODES, DockerfileAdvice, advice_of, examined
from ctxsize.advice.ignoring import once, suggested
from ctxsize.advice.inline import changed_files, in_file, shown
from ctxsize.advice.repository import Repository, read_repository
from ctxsize.config import Config, load
from ctxsize.findings import Edit, Finding, Severity
from ctxsize.lints.selection import Selection, checked
from ctxsize.projects import Discovery

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
    chosen = Selection(
        checked(select, CODES) or config.select,
        (*checked(ignore, CODES), *config.ignore),
        severity or Severity.INFO,
    )
    changed: dict[str, bytes] = {}
    mended: list[Finding] = []
    seen: set[tuple[str, bytes]] = set()
    starter = once(suggested)
    for _ in range(_MOST_FIXES):
        repository = read_repository(discovery, {**changed}, starter)
        kept = [each for each in examined(repository) if _wanted(each, chosen, config)]
        fixable = _fixable(repository, kept, seen, unsafe=unsafe) if fix or unsafe else iter(())
        following = next(fixable, None)
        if following is None:
            break
        finding, edit = following
        seen.add((edit.path, edit.after))
        changed[edit.path] = edit.after
        mended.append(shown(repository, finding))
    left = tuple(shown(repository, each) for each in kept)
    advice = advice_of(discovery, repository, left)
    return replace(advice, edits=_edits(repository), mended=tuple(mended))


def _edits(repository: Repository) -> tuple[Edit, ...]:
    """All changes together, a file each."""
    as_it_is = replace(repository, changed={})
    files = changed_files(repository).items()
    return tuple(Edit(path, as_it_is.content(path), data) for path, data in files)


def left_by(config: Config, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those of `findings` that `config` selects and does not accept."""
    chosen = Selection(config.select, config.ignore)
    return tuple(each for each in findings if _wanted(each, chosen, config))


def _fixable(
    repository: Repository,
    findings: Iterable[Finding],
    seen: set[tuple[str, bytes]],
    *,
    unsafe: bool,
) -> Iterator[tuple[Finding, Edit]]:
    """The findings whose fix may be applied now, with its one edit."""
    for finding in findings:
        if finding.fix is not None and (finding.fix.certain or unsafe):
            (edit,) = finding.fix.edits
            if (edit.path, edit.after) not in seen and in_file(repository, edit) is not None:
                yield finding, edit


def _wanted(finding: Finding, chosen: Selection, config: Config) -> bool:
    return chosen.wants(finding) and not any(
        each.code == finding.code and _is_about(each.path, finding, config)
        for each in config.suppress
        if each.pattern is None or each.pattern.strip() == _line(finding)
    )


def _is_about(path: str | None, finding: Finding, config: Config) -> bool:
    if path is None:
        return True
    here = os.path.relpath(finding.location.path, config.directory)
    return fnmatchcase(here, os.path.normpath(path))


def _line(finding: Finding) -> str:
    """The line that a finding is about, as a suppression quotes it."""
    from ctxsize.advice.repository import lines_at

    lines = lines_at(Path(finding.location.path))
    number = finding.location.line or 0
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
