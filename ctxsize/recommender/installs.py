"""Which Dockerfiles install dependencies anew, and which get those of this machine along.

In a repository of several services one Dockerfile installs what is in a
directory, and others take the directory with `COPY . .` only because it is
there. That is a matter of evidence, and even then of a person's word: an image
may use what nothing in its Dockerfile names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ctxsize.recommender.building import builds_anything
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.managers import MANAGERS, Manager
from ctxsize.recommender.matches import Match, Objection
from ctxsize.recommender.recipes import Recipe
from ctxsize.recommender.tree import is_below
from ctxsize.shell import Command

USES = {
    "node": r"\b(node|nodejs|npm|npx|pnpm|bun|yarn|deno|corepack|nvm|node_modules)\b",
    "php": r"\b(php|php-fpm|composer|apache2?|wordpress|frankenphp|vendor)\b|php[0-9-]",
    "elixir": r"\b(elixir|erlang|mix|iex|deps)\b",
    "ruby": r"\b(ruby|j?rubygems|bundler?|rails|rake|puma|gem|vendor)\b",
    "crystal": r"\b(crystal|shards|lib)\b",
}
"""What a Dockerfile says that has anything to do with them."""
_IDLE = re.compile(
    r"^(apt|apt-get|apk|dnf|yum|corepack|chown|chmod|mkdir|rm|cp|ln)\b|\bmix local\."
    r"| (-g|--global|global|config)( |$)|\bgem install\b|--version\b"
)
"""Commands that do without the dependencies of the project."""
_DEVELOPING = re.compile(r"\b(dev|develop|watch)\b")
"""Commands that build what they need by themselves, again and again."""
_SCRIPTS = re.compile(
    r"\.sh\b|\b(make|just|task)\b|\b(npm|bun|composer)\s+(run|run-script|exec)\b"
    r"|\b(yarn|pnpm|mix)\s+\w"
)
"""What may install them in ways that the Dockerfile does not tell."""
_MOST_NAMED = 3


def taking(facts: Facts, match: Match) -> Iterator[Recipe]:
    """The Dockerfiles that take it along with a directory above."""
    for recipe in facts.recipes.recipes:
        above = any(named.contains(match.path) for named in recipe.named)
        if recipe.takes_everything or above:
            yield recipe


def installed_in(facts: Facts, match: Match, at: str, command: Command) -> str | None:
    """Where a command that is run in `at` installs what was matched, `""` if that is not told."""
    manager = MANAGERS[match.rule.ecosystem]
    there = manager.directory(command)
    if there is None:
        return None
    place = posixpath.join(at, there)
    package = facts.package_at(manager, place)
    if not _is_for(match, package):
        return None
    return place if package is None and not manager.is_global else ""


def works_with(ecosystem: str, text: str) -> bool:
    """Whether a command or an image works with the dependencies of an ecosystem."""
    if ecosystem not in USES or _IDLE.search(text):
        return False
    return re.search(USES[ecosystem], text, re.IGNORECASE) is not None


def starts_with(ecosystem: str, text: str) -> bool:
    """Whether a command starts a program of an ecosystem as it was built."""
    return works_with(ecosystem, text) and not _DEVELOPING.search(text)


def _is_for(match: Match, package: str | None) -> bool:
    """Whether an install for `package` brings what was matched; that may not be told."""
    beside = match.path.rpartition("/")[0]
    return package is None or beside == package or is_below(beside, {package})


def no_install_step(facts: Facts, match: Match) -> Objection | None:
    """A Dockerfile takes the dependencies and does not install them, so its image has these.

    A person may overrule it where a script may install them, and where they
    belong to another Dockerfile that does.
    """
    manager = MANAGERS.get(match.rule.ecosystem)
    if manager is None:
        return None
    installing = _Installing(facts, manager, match)
    bare = [each for each in taking(facts, match) if not installing.is_done_by(each)]
    owner = installing.owner()
    strangers, elsewhere, known = [], [], []
    for recipe in bare:
        if owner is not None and _is_stranger(facts, recipe, match):
            strangers.append(recipe)
        elif installing.is_done_elsewhere_by(recipe):
            elsewhere.append(recipe)
        elif not _SCRIPTS.search(recipe.commands):
            return Objection("no_install_step", _kept(recipe))
        else:
            known.append(recipe)
    if known:
        return Objection("no_install_step", _kept(known[0]), soft=True)
    if elsewhere:
        reason = f"{elsewhere[0].path} takes it and installs those of other directories"
        return Objection("no_install_step", reason, soft=True)
    if owner is None or not strangers:
        return None
    return Objection("no_install_step", _lost(strangers, owner), soft=True)


def _kept(recipe: Recipe) -> str:
    return f"{recipe.path} takes it and does not install it anew"


def _lost(strangers: list[Recipe], owner: Recipe) -> str:
    """Who would be without it, and who makes it: a clause."""
    paths = [*dict.fromkeys(each.path for each in strangers)]
    named = ", ".join(paths[:_MOST_NAMED])
    more = len(paths) - _MOST_NAMED
    if more > 0:
        named += f" and {more:,} more"
    return (
        f"{named} would no longer get it with what is copied; "
        f"it belongs to {owner.path}, which installs it anew"
    )


class _Installing:
    """Who installs the dependencies that were matched."""

    def __init__(self, facts: Facts, manager: Manager, match: Match) -> None:
        self._facts = facts
        self._manager = manager
        self._match = match

    def is_done_by(self, recipe: Recipe) -> bool:
        """Whether a command installs them, or where it does so is not told."""
        installed = self._facts.installed_by(recipe, self._manager)
        return any(_is_for(self._match, package) for package in installed)

    def is_done_elsewhere_by(self, recipe: Recipe) -> bool:
        """Whether there is a command that installs any."""
        return bool(self._facts.installed_by(recipe, self._manager))

    def owner(self) -> Recipe | None:
        """The Dockerfile that installs them, the nearest one of several."""
        found = [
            (distance, each.path, each)
            for each in self._facts.recipes.recipes
            if self.is_done_by(each)
            for distance in [_distance(each, self._match)]
            if distance is not None
        ]
        return min(found, key=lambda one: one[:2])[2] if found else None


def _distance(recipe: Recipe, match: Match) -> int | None:
    """How near to the dependencies a Dockerfile is, None if it does not take what is beside."""
    beside = match.path.rpartition("/")[0]
    if _directory(recipe) == beside and recipe.named:
        return 0
    if any(
        each.contains(match.path) or each.path.rpartition("/")[0] == beside for each in recipe.named
    ):
        return 1
    return 2 if recipe.takes_everything else None


def _is_stranger(facts: Facts, recipe: Recipe, match: Match) -> bool:
    """Whether nothing in the Dockerfile has to do with the dependencies.

    It builds something else, lies elsewhere, does not name their directory,
    and neither its images nor its commands are of their ecosystem.
    """
    beside = match.path.rpartition("/")[0]
    if beside and (
        _directory(recipe) == beside or any(each.is_at_or_below(beside) for each in recipe.named)
    ):
        return False
    if re.search(USES[match.rule.ecosystem], recipe.words, re.IGNORECASE):
        return False
    return builds_anything(facts, recipe)


def _directory(recipe: Recipe) -> str | None:
    """The directory of the context in which the Dockerfile is, None if it lies outside."""
    path = recipe.request.dockerfile_in_context
    return None if path is None else path.rpartition("/")[0]
