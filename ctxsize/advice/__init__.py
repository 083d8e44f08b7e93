"""Advice on the Dockerfiles of a repository: order, caches, cargo; one small function per code.

What hadolint and `docker build --check` find is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ctxsize.accepting import Wanted
from ctxsize.advice import contexts, mounts, repeated, rust, sharing
from ctxsize.advice.repository import Repository, masked, read_repository
from ctxsize.codes import names
from ctxsize.config import Config
from ctxsize.discovery import Discovery
from ctxsize.findings import Edit, Finding, Severity, in_order
from ctxsize.model import Problem

RULES: dict[str, Callable[[Repository], Iterator[Finding]]] = {
    "CTX201": contexts.no_ignore_file,
    "CTX202": repeated.copied_too_early,
    "CTX210": rust.rebuilt_dependencies,
    "CTX211": rust.mixed_chef,
    "CTX212": mounts.swallowed,
    "CTX220": sharing.colliding_ids,
    "CTX221": sharing.shared_by_writers,
    "CTX222": mounts.unused_caches,
    "CTX223": repeated.missing_caches,
    "CTX250": contexts.too_wide,
}
"""The function that finds each code."""
_MOST_FIXES = 500
"""Number of fixes that are applied one after the other."""


@dataclass(frozen=True)
class DockerfileAdvice:
    """Everything that `ctxsize advise` has to say."""

    kind: ClassVar[Literal["advise"]] = "advise"

    root: str
    dockerfiles: tuple[str, ...]
    """Those that were read."""
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    edits: tuple[Edit, ...] = ()
    """What the applied fixes make of the files; nothing is written yet."""
    mended: tuple[Finding, ...] = ()
    """The findings whose fixes these are; they are not among `findings` any more."""


def advise(
    discovery: Discovery,
    config: Config | None = None,
    *,
    fix: bool = False,
    unsafe: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    severity: Severity | None = None,
) -> DockerfileAdvice:
    """Return the advice on all Dockerfiles of `discovery`, without what `config` accepts.

    `fix` applies the certain fixes, `unsafe` all of them, one after the other, each on what
    the last one left. The rest is as `ctxsize.api.advise` has it.
    """
    config = config or Config()
    codes = names("CTX2")
    wanted = Wanted(config, known=codes, select=select, ignore=ignore, severity=severity)
    repository = read_repository(discovery)
    everything = _examined(repository)
    unused = () if any((select, ignore)) else _unused(config, everything, discovery.root)
    found = wanted.of(everything)
    edits: dict[str, Edit] = {}
    fixed: list[Finding] = []
    seen: set[tuple[str, bytes]] = set()
    while (fix or unsafe) and len(fixed) < _MOST_FIXES:
        usable = _next_fix(found, seen, unsafe=unsafe)
        if usable is None:
            break
        finding, edit = usable
        fixed.append(finding)
        seen.add((edit.path, edit.after))
        edits[edit.path] = replace(edits.get(edit.path, edit), after=edit.after)
        repository = read_repository(discovery, {path: e.after for path, e in edits.items()})
        found = wanted.of(_examined(repository))
    return DockerfileAdvice(
        discovery.root,
        tuple(recipe.path for recipe in repository.recipes),
        in_order([*_grouped(found), *unused]),
        (*discovery.problems, *repository.problems),
        tuple(edits.values()),
        tuple(fixed),
    )


def _unused(config: Config, found: Iterable[Finding], root: str) -> tuple[Finding, ...]:
    """Return the tables that accept nothing of what was found."""
    wanted = Wanted(config)
    wanted.of(found)
    return wanted.unused(names("CTX2"), root)


def _examined(repository: Repository) -> tuple[Finding, ...]:
    """Return what all rules find in `repository`, without hidden values."""
    findings = [each for rule in RULES.values() for each in rule(repository)]
    # The pattern for cargo brings its cache mounts along.
    rebuilt = {each.location for each in findings if each.code == "CTX210"}
    kept = (each for each in findings if each.code != "CTX223" or each.location not in rebuilt)
    return in_order([masked(repository, each) for each in kept])


def _next_fix(
    findings: Iterable[Finding], seen: set[tuple[str, bytes]], *, unsafe: bool
) -> tuple[Finding, Edit] | None:
    """Return the first finding whose fix may be applied now, with its edit."""
    for finding in findings:
        if finding.fix is not None and (finding.fix.certain or unsafe):
            (edit,) = finding.fix.edits
            if (edit.path, edit.after) not in seen:
                return finding, edit
    return None


def _grouped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each finding once that says the same about several lines of a file."""
    alike: dict[object, list[Finding]] = {}
    for each in findings:
        # Those with a fix stay apart.
        line = each.location.line if each.fix else None
        key = (each.code, each.location.path, each.message, each.help, line)
        alike.setdefault(key, []).append(each)
    for first, *others in alike.values():
        lines = [str(each.location.line) for each in others if each.location != first.location]
        more = f"the same on line{'s' * (len(lines) > 1)} {', '.join(dict.fromkeys(lines))}"
        yield replace(first, evidence=(*first.evidence, more)) if lines else first
