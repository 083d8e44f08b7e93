"""Advice on the Dockerfiles of a repository: order, caches, cargo; one small function per code.

`advise` is what `ctxsize advise` says. What hadolint and `docker build --check`
find is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ctxsize.advice import contexts, lost, missing, mounts, order, rust, sharing
from ctxsize.advice.contexts import suggested
from ctxsize.advice.repository import Repository, Starter, masked, read_repository
from ctxsize.discovery import Discovery
from ctxsize.findings import Edit, Finding, in_order
from ctxsize.model import Problem

Rule = Callable[[Repository], Iterator[Finding]]

RULES: dict[str, Rule] = {
    "CTX201": contexts.no_ignore_file,
    "CTX202": order.copied_too_early,
    "CTX210": rust.rebuilt_dependencies,
    "CTX211": rust.mixed_chef,
    "CTX212": lost.swallowed,
    "CTX220": sharing.colliding_ids,
    "CTX221": sharing.shared_by_writers,
    "CTX222": mounts.unused_caches,
    "CTX223": missing.missing_caches,
    "CTX250": contexts.too_wide,
}
"""The function that finds each code."""


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


def advise(discovery: Discovery, *, starter: Starter = suggested) -> DockerfileAdvice:
    """Return the advice on all Dockerfiles of `discovery`.

    `starter` makes the ignore file for a build without one, which takes a walk over its context.
    """
    repository = read_repository(discovery, {}, starter)
    return advice_of(discovery, repository, examined(repository))


def advice_of(
    discovery: Discovery, repository: Repository, findings: tuple[Finding, ...]
) -> DockerfileAdvice:
    """Return the advice that `findings` on the Dockerfiles of `repository` are, equal ones once."""
    return DockerfileAdvice(
        discovery.root,
        tuple(recipe.path for recipe in repository.recipes),
        tuple(_grouped(findings)),
        (*discovery.problems, *repository.problems),
    )


def examined(repository: Repository) -> tuple[Finding, ...]:
    """Return what all rules find in `repository`, without hidden values."""
    findings = [each for rule in RULES.values() for each in rule(repository)]
    # The pattern for cargo brings its cache mounts along.
    rebuilt = {each.location for each in findings if each.code == "CTX210"}
    kept = (each for each in findings if each.code != "CTX223" or each.location not in rebuilt)
    return tuple(masked(repository, each) for each in in_order([*kept]))


def _grouped(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """Yield each finding once that says the same about several lines of a file."""
    lines: dict[object, dict[int | None, None]] = {}
    for each in findings:
        lines.setdefault(_saying(each), {})[each.location.line] = None
    for each in findings:
        first, *others = lines.pop(_saying(each), {None: None})
        if others:
            more = f"the same on line{'s' * (len(others) > 1)} {', '.join(map(str, others))}"
            each = replace(each, evidence=(*each.evidence, more))
        if first is not None or each.location.line is None:
            yield each


def _saying(finding: Finding) -> object:
    """Return what two findings have in common that are one; those with a fix stay apart."""
    line = finding.location.line if finding.fix else None
    return finding.code, finding.location.path, finding.message, finding.help, line


__all__ = ["RULES", "DockerfileAdvice", "advice_of", "advise", "examined"]
