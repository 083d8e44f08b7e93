"""Names that turn up at many places of a tree, and what shows that such a place is one.

They are the rows in `recommender/knowledge/rules/` that say that the thing nests.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from ctxsize.engine.sent import Sent
from ctxsize.lints.tree import LintTree
from ctxsize.recommender.knowledge.rows import rows, texts

_MADE_UP = frozenset({"fixtures", "__fixtures__", "testdata", "test-data", "templates", "template"})
"""Directories whose projects are data of tests and generators, and are not built in place."""
_UNIQUE = frozenset(
    {"node_modules", "__pycache__", "*.pyc", "*.py[cod]", "*.py[co]", "_build", "deps"}
)
_WITHOUT_A_ROW = ("*.log", ".sass-cache")


@dataclass(frozen=True)
class Artefact:
    """What a tool or an editor makes wherever it is used."""

    pattern: str
    """As people write it at the top."""
    beside: tuple[str, ...] = ()
    """Names of files that show that it is made in their directory."""
    doubtful: bool = False
    """Whether directories of that name may just as well be sources."""

    @property
    def example(self) -> str:
        """Return where such a copy would lie, seen from its place."""
        return "__pycache__/a.cpython-312.pyc" if self.pattern.startswith("*.py") else self.pattern

    @property
    def is_unique(self) -> bool:
        """Return whether a place for it is worth a finding while no copy is there yet."""
        return self.pattern in _UNIQUE

    def places(self, tree: LintTree, sent: Sent) -> list[str]:
        """Return the directories below the top that are sent and where it would be made."""
        found = dict.fromkeys(
            path.rpartition("/")[0]
            for name in filter(self._is_beside, tree.by_name)
            for path in tree.by_name[name]
            if "/" in path and path in sent
        )
        return [path for path in found if not _MADE_UP.intersection(path.split("/"))]

    def proves(self, tree: LintTree, path: str) -> bool:
        """Return whether the entry at `path` is such an artefact, by what lies beside it."""
        held = tree.snapshot.folder(path.rpartition("/")[0])
        names = () if held is None else held.entries
        return not self.doubtful or any(map(self._is_beside, names))

    def _is_beside(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self.beside)


def _artefacts() -> dict[str, Artefact]:
    found = {name: Artefact(name) for name in _WITHOUT_A_ROW}
    for row in rows():
        for name in texts(row.nests.get("names", [])):
            known = found.get(name, Artefact(name))
            beside = (*known.beside, *texts(row.nests.get("beside", [])))
            found[name] = Artefact(name, beside, row.nests.get("ambiguous", False))
    return found


ARTEFACTS = _artefacts()
"""By the pattern as it stands in an ignore file."""
