"""Names that turn up at many places of a tree, and what shows that such a place is one.

They are the rows in `recommender/knowledge/rules/` that say that the thing nests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ctxsize.lints.tree import LintTree
from ctxsize.recommender.knowledge.rows import rows, texts

_MADE_UP = frozenset({"fixtures", "__fixtures__", "testdata", "test-data", "templates", "template"})
"""Directories whose projects are data of tests and generators, and are not built in place."""


@dataclass(frozen=True)
class Artefact:
    """What a tool or an editor makes wherever it is used."""

    pattern: str
    """As people write it at the top."""
    beside: tuple[str, ...] = ()
    """Names of files that show that it is made in their directory."""
    doubtful: bool = False
    """Whether directories of that name may just as well be sources."""

    def places(self, tree: LintTree) -> list[str]:
        """Return the directories below the top that are sent and where it would be made."""
        found = dict.fromkeys(
            path.rpartition("/")[0]
            for name in self._names_beside(tree)
            for path in tree.by_name[name]
            if "/" in path and path in tree.now
        )
        return [path for path in found if not _MADE_UP.intersection(path.split("/"))]

    @property
    def example(self) -> str:
        """Return where such a copy would lie, seen from its place."""
        return "__pycache__/a.cpython-312.pyc" if self.pattern.startswith("*.py") else self.pattern

    def proves(self, tree: LintTree, path: str) -> bool:
        """Return whether the entry at `path` is such an artefact, by what lies beside it."""
        if not self.doubtful:
            return True
        directory = path.rpartition("/")[0]
        prefix = f"{directory}/" if directory else ""
        held = tree.snapshot.folder(directory)
        names = [each.name for each in held.files] if held is not None else []
        return any(
            prefix + name in tree.everything
            for name in names
            if any(fnmatchcase(name, beside) for beside in self.beside)
        )

    def _names_beside(self, tree: LintTree) -> Iterator[str]:
        for name in tree.by_name:
            if any(fnmatchcase(name, beside) for beside in self.beside):
                yield name


_WITHOUT_A_ROW = ("*.log", ".sass-cache")


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

_UNIQUE = frozenset(
    {"node_modules", "__pycache__", "*.pyc", "*.py[cod]", "*.py[co]", "_build", "deps"}
)
"""Those whose mere place is worth a word: a place is enough for a copy to come."""


def worth_a_word(artefact: Artefact) -> bool:
    """Return whether a place for it is worth a finding while no copy is there yet."""
    return artefact.pattern in _UNIQUE


def is_known(text: str) -> bool:
    """Return whether the last part of a pattern is the name of something that comes and goes."""
    name = text.rstrip("/*").rpartition("/")[2] or text.rpartition("/")[2]
    return name in ARTEFACTS or text.rpartition("/")[2] in ARTEFACTS
