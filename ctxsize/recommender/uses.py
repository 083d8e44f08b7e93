"""What a Dockerfile needs of its context as it is, though it makes such a thing elsewhere."""

from __future__ import annotations

from functools import partial

from ctxsize.recommender.building import made_in
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.installs import installed_in, starts_with, taking, works_with
from ctxsize.recommender.matches import Match, Objection
from ctxsize.recommender.trail import Thing, first_use


def used_as_it_is(facts: Facts, match: Match) -> Objection | None:
    """An instruction uses it as it came with the context: nothing there makes it anew."""
    thing = _thing(facts, match)
    for recipe in taking(facts, match):
        line = first_use(recipe, facts.phases(recipe), thing)
        if line is not None:
            reason = f"{recipe.path}:{line} uses it as it is, and nothing there makes it anew"
            return Objection("used_as_it_is", reason, soft=True)
    return None


def _thing(facts: Facts, match: Match) -> Thing:
    """What was matched, with what makes it and what needs it."""
    rule, parts = match.rule, match.path.split("/")
    name = "/".join(parts[-1 - match.find.strip("/").count("/") :])
    if "no_install_step" in rule.traps:
        works = partial(works_with, rule.ecosystem)
        return Thing(match.path, name, partial(installed_in, facts, match), works, works)
    # What was built is needed to run the program, not to check or to build it.
    starts = partial(starts_with, rule.ecosystem) if rule.built_by else None
    return Thing(
        match.path,
        name,
        partial(made_in, rule.makers),
        starts=starts,
        stays=rule.contents,
        of_sources=rule.of_sources,
    )
