"""Prove that no build needs a match about which its rule alone proves too little.

What git ignores is not there where a workflow builds a checkout and nothing else. Where a command
of each Dockerfile makes the match again, it may go as soon as it would be foreseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from posixpath import basename

from ctxsize.engine.evaluate import up_to
from ctxsize.knowledge.rules import (
    SAFE_FROM,
    EntryType,
    Foresight,
    expression,
    is_source,
    listed,
    listed_names,
)
from ctxsize.recommender.build_files import BuildFile
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.grounds import mentions
from ctxsize.recommender.outcome import Clause, Match, Objection
from ctxsize.recommender.traps import MAY_NEED, objections
from ctxsize.recommender.tree import is_at_or_below, is_below

_ANSWERED = (MAY_NEED, " mentions it")  # doubts about what no image gets


def with_judgement(facts: Facts, match: Match) -> Match:
    """Return a match with the objections to it, or with the proof that no build needs it."""
    raised = tuple(objections(facts, match))
    spared: Clause = None
    if raised or match.rule.confidence < SAFE_FROM:
        spared = _spared(facts, match, raised)
    if spared:
        return replace(match, objections=(), spared=spared)
    if raised or match.objections or match.spared:
        return replace(match, objections=raised, spared="")
    return match


def _spared(facts: Facts, match: Match, raised: Sequence[Objection]) -> Clause:
    """Return why no build needs a match, as a clause; None if that is not proved."""
    path = match.path
    if match.rule.never or match.rule.is_secret or basename(path).startswith(".env"):
        return None
    for objection in raised:
        if not objection.soft or objection.trap not in listed("about_need"):
            return None
    spared: Clause = None
    if facts.git.ignores(path):
        spared = _left_out_by_git(facts, match, raised)
    if spared or raised:
        return spared
    if match.rule.kind is EntryType.FILE and any(
        path in paths for paths in facts.rewritten.values()
    ):
        builds = [*facts.taking(match)]
        if builds and all(path in facts.rewritten[id(build_file)] for build_file in builds):
            return f"a command of {builds[0].path} writes over it"
    return _foreseen(facts, match)


def _left_out_by_git(facts: Facts, match: Match, raised: Sequence[Objection]) -> Clause:
    """Return why no build needs what git ignores, as a clause; None if that is not proved."""
    builds = [*facts.taking(match)]
    if not builds:
        return None
    places = [build_file.built_alone_at for build_file in builds]
    if all(places):
        return f"git ignores it, so {places[0]} builds without it"
    is_unknown = any(not objection.reason.endswith(_ANSWERED) for objection in raised)
    if not is_unknown and _is_left_behind(facts, match.path, builds):
        return "git ignores it, and of the context the images have only what is compiled"
    return None


def _is_left_behind(facts: Facts, path: str, builds: Sequence[BuildFile]) -> bool:
    """Return whether a path is data that no image gets, and that no compiler takes in."""
    for build_file in builds:
        for moved in facts.carried[id(build_file)]:
            if moved == "." or is_at_or_below(path, {moved}) or is_below(moved, {path}):
                return False
    if any(map(facts.tree.is_vendored, up_to(path))):
        return False
    for file in facts.tree.files_below(path):
        if is_source(basename(file)) or file.endswith(listed("linked")):
            return False
        if any(file in reference.files for reference in facts.references):
            return False
    for source in chain.from_iterable(map(facts.mentioning, path.split("/"))):
        # What a program names is read when it runs, and so in the image.
        if not source.endswith(listed("compiled")) or listed_names("command_files")(
            basename(source)
        ):
            return False
        if expression("takes_in").search(facts.text(source)):
            return False
    name = basename(path)
    if any(mentions(name, build_file.commands) for build_file in builds):
        return False
    return facts.sources.is_all


def _foreseen(facts: Facts, match: Match) -> Clause:
    """Return what makes a match, as a clause, if it would be foreseen were it not there."""
    directory = match.path.removesuffix(match.find).rstrip("/")
    for foresight in match.rule.foreseen:
        if match.find not in foresight.names or not facts.tree.first(directory, foresight.beside):
            continue
        if foresight.git_ignored and not facts.git.ignores(match.path):
            continue
        if is_made_in(facts, directory, foresight):
            return f"{foresight.by} makes it"
    return None


def is_made_in(facts: Facts, directory: str, foresight: Foresight) -> bool:
    """Return whether what stands beside the manifest lets its command make a directory there."""
    tree = facts.tree
    if tree.first(directory, foresight.not_beside):
        return False
    if foresight.configured:
        settings = tree.first(directory, listed("output_settings"))
        named = expression("out_dir").search(facts.text(settings or ""))
        if named is not None:
            return named[1] in foresight.names
    if foresight.also_beside and not tree.first(directory, foresight.also_beside):
        return False
    return tree.holds_own(directory, foresight.of_files)
