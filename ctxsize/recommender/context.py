"""A build context with all that is known of it: names, git, Dockerfiles, what is sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property, partial

from ctxsize.build import Build
from ctxsize.engine.golang import has_wildcards
from ctxsize.engine.need import Include, includes_of
from ctxsize.engine.snapshot import Sent, Snapshot
from ctxsize.engine.trial import Attempt, Trial, own_path, planned
from ctxsize.model import Amount
from ctxsize.recommender.build_files import BuildFiles, with_bases
from ctxsize.recommender.evidence import Evidence, Tracked
from ctxsize.recommender.facts import Facts
from ctxsize.recommender.governed import Discovering, read_build_files
from ctxsize.recommender.knowledge.rows import all_rules
from ctxsize.recommender.matches import Match, collect
from ctxsize.recommender.mentions import is_named
from ctxsize.recommender.outcome import Size
from ctxsize.recommender.proof import Proof
from ctxsize.recommender.traps import objections
from ctxsize.recommender.tree import SumsByPath, Tree, travelling


class BuildContext:
    """What suggestions, modes and fixes know of one context; each part is read when asked for."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        also: Sequence[Build] = (),
        discovering: Discovering | None = None,
    ) -> None:
        """`also` are builds that nothing in the context tells of."""
        self.request, self.assumed = with_bases(snapshot.request)
        self._real = snapshot.asked(self.request)
        self._also, self._discovering = also, discovering
        self.own_path = own_path(self.request)
        self.trial = Trial(planned(self._real))
        self.snapshot = self.trial.snapshot
        self.tree = Tree(self.snapshot)

    @property
    def new_file(self) -> bool:
        """Return whether there is no ignore file yet."""
        return self.request.ignore_file is None

    @cached_property
    def git(self) -> Tracked:
        """Return what git knows of the context."""
        return Tracked(self.tree)

    @cached_property
    def build_files(self) -> BuildFiles:
        """Return the Dockerfiles that the ignore file governs. Raises as `read_build_files`."""
        return read_build_files(
            self.request, self.tree, self.git, self._also, discovering=self._discovering
        )

    @cached_property
    def proof(self) -> Proof:
        """Return what the Dockerfiles need of the context."""
        return Proof(self.trial, self.build_files)

    @cached_property
    def evidence(self) -> Evidence:
        """Return what the tree and git show."""
        own = {self.own_path} if self.own_path else set()
        return Evidence(self.tree, self.git, self.build_files.own_files | own)

    @cached_property
    def facts(self) -> Facts:
        """Return what manifests, sources and Dockerfiles say of it."""
        return Facts(self.evidence, self.build_files, self.sums)

    @cached_property
    def found(self) -> list[Match]:
        """Return what the rules find among what is sent, with all that speaks against it."""
        return collect(
            self.evidence, tuple(all_rules().values()), self.sums, partial(objections, self.facts)
        )

    def takes(self, hidden: Collection[str]) -> bool:
        """Return whether an instruction takes one of these paths, or what is in it, by name.

        A Dockerfile that is not understood may take whatever its text names.
        """
        for named in self.build_files.named:
            if any(map(has_wildcards, named.parts)):
                found = any(map(named.is_at_or_below, hidden))
            else:
                parts = named.parts
                found = any("/".join(parts[:end]) in hidden for end in range(1, len(parts) + 1))
            if found:
                return True
        texts = [text for _, text in self.build_files.undecided]
        return any(is_named(each.rpartition("/")[2], text) for text in texts for each in hidden)

    def asks_git(self, sent: Sent) -> str | None:
        """Return what makes a build ask git for a version, as a clause; None if nothing does."""
        sums = SumsByPath([sent], self.snapshot)
        return Facts(self.evidence, self.build_files, sums).version_from_git

    # What is sent, and what of it travels.

    @cached_property
    def sums(self) -> SumsByPath:
        """Return what is sent of each entry, and below each directory."""
        return SumsByPath([self.trial.before], self.snapshot)

    @cached_property
    def _includes(self) -> list[Include]:
        # Without a Dockerfile nobody knows what travels, which may be all of it.
        return [None] if self.request.dockerfile is None else includes_of(self.request)

    @cached_property
    def transfer(self) -> SumsByPath:
        """Return what travels of each entry, and below each directory."""
        if self._includes == [None]:
            return self.sums
        sent = (self.snapshot.sent(include=each) for each in self._includes)
        return SumsByPath(sent, self.snapshot)

    @property
    def transfers(self) -> bool:
        """Return whether it is known what travels, and anything does: podman reads it in place."""
        known = self.request.dockerfile is not None and not self.assumed
        return known and self.request.builder.meter is not None

    @cached_property
    def size(self) -> Size:
        """Return the size with the ignore file as it is; a planned one does not count."""
        return self._size(self._real, Amount.of(self._real.sent()))

    def size_after(self, attempt: Attempt) -> Size:
        """Return the size once the ignore file of `attempt` is written."""
        return self._size(self.trial.written(attempt), self.trial.amount_after(attempt))

    def _size(self, snapshot: Snapshot, context: Amount) -> Size:
        return Size(context, travelling(snapshot, self._includes) if self.transfers else None)
