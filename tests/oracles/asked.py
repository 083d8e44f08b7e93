"""Those who know what Docker does with one ignore file, and what they say: listings by name.

docker-devtools lists the context. Where Docker's library fsutil runs here
(`GoLibrary`), it says which files arrive empty, and has the last word about
directories that the walk passes by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ctxsize.engine.plan import Plan
from ctxsize.lints.case import Case
from tests.oracles.devtools import DevtoolsError, Listed, list_context
from tests.oracles.golibrary import GoLibrary


@dataclass(frozen=True)
class Listing:
    """What is sent with some lines in the ignore file, by name; directories end in `/`."""

    sizes: Mapping[str, int]
    empty: frozenset[str] | None
    """The files that arrive without their content, None where nobody was asked."""


@dataclass
class Asked:
    """One ignore file and those who know what Docker does with it.

    The Dockerfile `copies` lies outside of the context and takes all of it.
    """

    case: Case
    file: Path
    copies: Path
    library: GoLibrary | None = None
    corrected: set[bytes] = field(default_factory=set)
    """The lines for which fsutil had the last word."""
    unasked: list[str] = field(default_factory=list)
    """What nobody could be asked about."""
    _known: dict[bytes, Listing] = field(default_factory=dict)
    _verdicts: dict[bytes, list[Listed]] = field(default_factory=dict)

    def by(self, library: GoLibrary) -> Asked:
        """Those who know with `library`; docker-devtools is not asked again what it has said."""
        return replace(self, library=library, corrected=set(), unasked=[], _known={})

    @property
    def root(self) -> Path:
        """The context."""
        assert self.case.tree is not None
        return Path(self.case.tree.plan.root)

    def listing(self, data: bytes) -> Listing:
        """What is sent with `data` in the ignore file, but for lines that fail the build."""
        asked = self._usable(data)
        if asked not in self._known:
            self._known[asked] = self._listing(asked)
        found = self._known[asked]
        own = {self._own: len(data)} if self._own in found.sizes else {}
        sizes = {**found.sizes, **own}
        return Listing(sizes, found.empty)

    def taken(self, plan: Plan) -> set[str]:
        """What the build of a Dockerfile takes, with the ignore file as it stands."""
        dockerfile, target = plan.dockerfile, plan.build.target or None
        with self._holding(self._usable(self.case.file.data)):
            listed = list_context(self.root, dockerfile=dockerfile, target=target, whole=False)
        return {each.name for each in listed}

    def would_send(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that would be sent if they were there; the tree is left as it was."""
        wanted, made = {*paths}, list[Path]()
        for path in sorted(wanted):
            for each in (*reversed((self.root / path).parents), self.root / path):
                if not os.path.lexists(each):
                    made.append(each)
                    each.touch() if each == self.root / path else each.mkdir()
        try:
            listed = self.listed(self._usable(self.case.file.data))
        finally:
            for each in reversed(made):
                each.rmdir() if each.is_dir() else each.unlink()
        return {each.name for each in listed if not each.ignored} & wanted

    def _usable(self, data: bytes) -> bytes:
        """`data` with a comment in place of each line that fails the build."""
        case = self.case.with_data(data)
        kept = [*case.texts]
        unchanged = kept == case.file.texts()
        return data if unchanged else "\n".join(kept).encode("utf-8", "surrogateescape")

    @contextmanager
    def _holding(self, data: bytes) -> Iterator[None]:
        """The ignore file holds `data` for a while."""
        before = self.file.read_bytes()
        self.file.write_bytes(data)
        try:
            yield
        finally:
            self.file.write_bytes(before)

    @property
    def _own(self) -> str:
        """The ignore file as a path of the context, `""` where it lies outside."""
        inside = self.root in self.file.parents
        return self.file.relative_to(self.root).as_posix() if inside else ""

    def _listing(self, data: bytes) -> Listing:
        if data not in self._verdicts:
            self._verdicts[data] = self.listed(data)
        listed = self._verdicts[data]
        sizes = {each.name: each.size_bytes for each in listed if not each.ignored}
        if self.library is None:
            return Listing(sizes, None)
        answer = self.library.ask(ignorefile=data, root=self.root)
        if answer.error or answer.walk_error:
            raise DevtoolsError(answer.error or answer.walk_error)
        if sizes.keys() != {*answer.listed}:
            self.corrected.add(data)
            every = {each.name: each.size_bytes for each in listed}
            sizes = {name: every[name] for name in answer.listed}
        return Listing(sizes, frozenset(name for name in answer.refused if sizes[name]))

    def listed(self, data: bytes) -> list[Listed]:
        """Every path with its verdict; the ignore file is left as it was."""
        with self._holding(data):
            return list_context(self.root, dockerfile=self.copies, ignored=True)

    @cached_property
    def now(self) -> Listing:
        """What is sent with the file as it stands."""
        return self.listing(self.case.file.data)

    @cached_property
    def everything(self) -> Mapping[str, int]:
        """All that is there."""
        sizes = self.listing(b"").sizes
        own = {self._own: len(self.case.file.data)} if self._own in sizes else {}
        return {**sizes, **own}
