"""Advice as it is asked for: selected, without what the configuration accepts, fixes applied."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from ctxsize.advice import CODES, DockerfileAdvice, advise
from ctxsize.advice.ignoring import once, suggested
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
    before: dict[str, bytes | None] = {}
    mended: list[Finding] = []
    seen: set[tuple[str, bytes]] = set()
    starter = once(suggested)
    for _ in range(_MOST_FIXES):
        advice = advise(discovery, changed=changed, starter=starter)
        kept = [each for each in advice.findings if _wanted(each, chosen, config)]
        following = next(_fixable(kept, seen, unsafe=unsafe), None) if fix or unsafe else None
        if following is None:
            break
        finding, edit = following
        seen.add((edit.path, edit.after))
        before.setdefault(edit.path, edit.before)
        changed[edit.path] = edit.after
        mended.append(finding)
    edits = tuple(Edit(path, before[path], after) for path, after in changed.items())
    return replace(advice, findings=tuple(kept), edits=edits, mended=tuple(mended))


def left_by(config: Config, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those of `findings` that `config` selects and does not accept."""
    chosen = Selection(config.select, config.ignore)
    return tuple(each for each in findings if _wanted(each, chosen, config))


def _fixable(
    findings: Iterable[Finding], seen: set[tuple[str, bytes]], *, unsafe: bool
) -> Iterator[tuple[Finding, Edit]]:
    """The findings whose fix may be applied now, with its one edit."""
    for finding in findings:
        if finding.fix is not None and (finding.fix.certain or unsafe):
            (edit,) = finding.fix.edits
            if (edit.path, edit.after) not in seen:
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
