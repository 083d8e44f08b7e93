"""Prove that no build needs a match about which its rule alone proves too little.

What git ignores is not there where a workflow builds a checkout and nothing else. Where a command
of each Dockerfile makes the match again, it may go as soon as it would be foreseen.
"""

from __future__ import annotations

from dataclasses import replace
from posixpath import basename

from ctxsize.knowledge.rules import SAFE_FROM, EntryType, Foresight
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.outcome import Clause, Match, Objection
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import Tree

Objections = tuple[Objection, ...]

_ABOUT_NEED = frozenset(
    (
        "mentioned",
        "prebuilt_pipeline",
        "no_install_step",
        "site_generator",
        "own_package",
        "not_initialised",
    )
)
"""Traps whose doubts a build without the match answers."""


def with_judgement(facts: Facts, match: Match) -> Match:
    """Return a match with the objections to it, or with the proof that no build needs it."""
    raised = tuple(objections(facts, match))
    if not raised and match.rule.confidence >= SAFE_FROM:
        return _with(match, raised, "")
    spared = _spared(facts, match, raised)
    if spared is None:
        return _with(match, raised, "")
    return _with(match, (), spared)


def _with(match: Match, raised: Objections, spared: str) -> Match:
    if (match.objections, match.spared) == (raised, spared):
        return match
    return replace(match, objections=raised, spared=spared)


def _spared(facts: Facts, match: Match, raised: Objections) -> Clause:
    """Return why no build needs a match, as a clause; None if that is not proved."""
    if match.rule.never or match.rule.is_secret or basename(match.path).startswith(".env"):
        return None
    for objection in raised:
        if not objection.soft or objection.trap not in _ABOUT_NEED:
            return None
    builds = [*facts.taking(match)]
    if facts.build_files.is_built_alone and facts.git.ignores(match.path):
        places = [build_file.built_alone_at for build_file in builds]
        if places and all(places):
            return f"git ignores it, so {places[0]} builds without it"
    if raised:
        return None
    if match.rule.kind is EntryType.FILE and builds:
        if all(match.path in facts.rewritten[id(build_file)] for build_file in builds):
            return f"a command of {builds[0].path} writes over it"
    return _foreseen(facts, match)


def _foreseen(facts: Facts, match: Match) -> Clause:
    """Return what makes a match, as a clause, if it would be foreseen were it not there."""
    directory = match.path.removesuffix(match.find).rstrip("/")
    for foresight in match.rule.foreseen:
        if match.find not in foresight.names or not facts.tree.first(directory, foresight.beside):
            continue
        if foresight.git_ignored and not facts.git.ignores(match.path):
            continue
        if is_made_in(facts.tree, directory, foresight):
            return f"{foresight.by} makes it"
    return None


def is_made_in(tree: Tree, directory: str, foresight: Foresight) -> bool:
    """Return whether what stands beside the manifest lets its command make a directory there."""
    if tree.first(directory, foresight.not_beside):
        return False
    also = foresight.also_beside
    return not also or tree.first(directory, also) is not None
