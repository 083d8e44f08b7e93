"""What the builds of a context need of it, for a command that would hide something."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ctxsize.build import Build
from ctxsize.engine.goglob import has_wildcards
from ctxsize.engine.sent import Sent
from ctxsize.engine.snapshot import Snapshot
from ctxsize.recommender.evidence import Evidence
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.governed import read_recipes
from ctxsize.recommender.recipes import Named
from ctxsize.recommender.tracked import Tracked
from ctxsize.recommender.tree import Tree, sums_of


class Needed:
    """What `ctxsize suggest` knows of the builds that read an ignore file.

    `also` are builds that nothing in the context tells of.
    """

    def __init__(self, snapshot: Snapshot, also: Sequence[Build] = ()) -> None:
        """Raise what `read_recipes` raises."""
        self._tree = Tree(snapshot)
        self._git = Tracked(self._tree)
        self._recipes = read_recipes(snapshot.request, self._tree, self._git, also)

    def taker(self, hidden: Collection[str]) -> Named | None:
        """Return an instruction that takes one of these paths, or what is in it, by name."""
        for named in self._recipes.named:
            if any(map(has_wildcards, named.parts)):
                found = any(map(named.is_at_or_below, hidden))
            else:
                parts = named.parts
                found = any("/".join(parts[:end]) in hidden for end in range(1, len(parts) + 1))
            if found:
                return named
        return None

    def asks_git(self, sent: Sent) -> str | None:
        """Return what makes a build ask git for a version, as a clause; None if nothing does."""
        evidence = Evidence(self._tree, self._git, self._recipes.own_files)
        return Facts(evidence, self._recipes, sums_of(sent, self._tree)).version_from_git
