"""What real engines did in recorded cases; ``tests/data/README.md`` describes the files."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.trees import build_tree

DATA = Path(__file__).parents[1] / "data"
BUILDERS = ("buildkit", "classic", "buildah")


@dataclass(frozen=True)
class Outcome:
    """What one builder did: the sorted list of what was in the image, or its error."""

    sent: tuple[str, ...] = ()
    emptied: frozenset[str] = frozenset()
    error: str | None = None


@dataclass(frozen=True)
class Case:
    """One context and what each builder that was asked made of it."""

    name: str
    ignorefile: bytes
    tree: tuple[str, ...]
    symlinks: Mapping[str, str]
    outcomes: Mapping[str, Outcome] = field(repr=False)

    def build(self, root: Path) -> Path:
        """The context on disk at ``root``."""
        contents = {".dockerignore": self.ignorefile}
        return build_tree(root, self.tree, contents=contents, symlinks=self.symlinks)


@dataclass(frozen=True)
class PatternCase:
    """One ignore file and the Go library's verdict (``ignored``, ``sent``, ``error``) by path.

    ``walk`` is what a build does; ``or_parent`` what MatchesOrParentMatches says.
    """

    ignorefile: str
    patterns: tuple[str, ...]
    new_error: str | None
    walk: Mapping[str, str]
    or_parent: Mapping[str, str]


@cache
def catalogue() -> tuple[Case, ...]:
    """Contexts that cover one rule each, with all of BUILDERS."""
    return _cases("catalogue.json")


@cache
def random_cases() -> tuple[Case, ...]:
    """Random ignore files over random trees, with ``buildkit`` only."""
    return _cases("random.json")


@cache
def pattern_cases() -> tuple[PatternCase, ...]:
    """Random ignore files given to the Go library."""
    return tuple(_pattern_case(row) for row in _load("patterns.json"))


def _load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def _cases(name: str) -> tuple[Case, ...]:
    data = _load(name)
    return tuple(_case(row, data["trees"]) for row in data["cases"])


def _case(row: dict[str, Any], trees: dict[str, Any]) -> Case:
    described = trees[row["tree"]] if isinstance(row["tree"], str) else row
    tree = tuple(described["tree"])
    return Case(
        name=row["name"],
        ignorefile=_ignorefile(row["ignorefile"]),
        tree=tree,
        symlinks=described.get("symlinks", {}),
        outcomes={name: _outcome(row, name, tree) for name in BUILDERS if name in row},
    )


def _ignorefile(described: str | dict[str, Any]) -> bytes:
    if isinstance(described, str):
        return described.encode()
    if "base64" in described:
        return base64.b64decode(described["base64"])
    text: str = described["repeat"] * described["times"] + described["then"]
    return text.encode()


def _outcome(row: dict[str, Any], builder: str, tree: tuple[str, ...]) -> Outcome:
    told = row[builder]
    if isinstance(told, str):
        return _outcome(row, told, tree)
    if "error" in told:
        return Outcome(error=told["error"])
    ignored = set(told.get("ignored", ()))
    sent = told.get("sent", [path for path in tree if path not in ignored])
    return Outcome(tuple(sent), frozenset(told.get("emptied", ())))


def _pattern_case(row: dict[str, Any]) -> PatternCase:
    verdicts = {path: verdict.split("/") for path, verdict in row.get("paths", {}).items()}
    return PatternCase(
        ignorefile=row["ignorefile"],
        patterns=tuple(row["patterns"]),
        new_error=row.get("new_error"),
        walk={path: both[0] for path, both in verdicts.items()},
        or_parent={path: both[-1] for path, both in verdicts.items()},
    )
