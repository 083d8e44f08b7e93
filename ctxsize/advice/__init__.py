"""Advice on the Dockerfiles of a repository: order, caches, cargo; one small function per code.

`advise` is what `ctxsize advise` says. What hadolint and `docker build --check`
find is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ctxsize.advice import layers, lost, mounts, order, rust, sharing
from ctxsize.advice.ignoring import suggested
from ctxsize.advice.repository import Repository, Starter, masked, read_repository
from ctxsize.findings import Edit, Finding, in_order
from ctxsize.model import Problem
from ctxsize.projects import Discovery

Rule = Callable[[Repository], Iterator[Finding]]

RULES: dict[str, Rule] = {
    "CTX201": layers.no_ignore_file,
    "CTX202": order.copied_too_early,
    "CTX210": rust.rebuilt_dependencies,
    "CTX211": rust.mixed_chef,
    "CTX212": lost.swallowed,
    "CTX220": sharing.colliding_ids,
    "CTX221": sharing.shared_by_writers,
    "CTX222": mounts.unused_caches,
    "CTX223": mounts.missing_caches,
    "CTX250": layers.too_wide,
}
"""The function that finds each code."""


@dataclass(frozen=True)
class DockerfileAdvice:
    """Everything that `ctxsize advise` has to say."""

    kind: ClassVar[str] = "advise"

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
    """Return the advice that `findings` on the Dockerfiles of `repository` are."""
    return DockerfileAdvice(
        discovery.root,
        tuple(recipe.path for recipe in repository.recipes),
        findings,
        (*discovery.problems, *repository.problems),
    )


def examined(repository: Repository) -> tuple[Finding, ...]:
    """Return what all rules find in `repository`, without hidden values."""
    findings = [each for rule in RULES.values() for each in rule(repository)]
    # The pattern for cargo brings its cache mounts along.
    rebuilt = {each.location for each in findings if each.code == "CTX210"}
    early = [each for each in findings if each.code == "CTX202"]
    kept = [
        each
        for each in findings
        if each.code != "CTX223"
        or (each.location not in rebuilt and not any(_repeats(each, one) for one in early))
    ]
    return tuple(masked(repository, each) for each in in_order(kept))


def _repeats(finding: Finding, other: Finding) -> bool:
    """Return whether `other` advises what `finding` does, on the same Dockerfile."""
    return other.location.path == finding.location.path and other.help.endswith(finding.help)


__all__ = ["RULES", "DockerfileAdvice", "advice_of", "advise", "examined"]
