"""Random small trees with symlinks, and what a Dockerfile may ask of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import strategies as st

from tests.trees import Node, build_tree, link

Plant = Callable[[Sequence[str], dict[str, str]], Path]

NAMES = ["a", "b", "c", "ab", "[a]", "é", "x*"]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
targets = st.builds(
    lambda lead, parts: lead + "/".join(parts) or ".",
    st.sampled_from(["", "", "/", "../", "./"]),
    st.lists(st.sampled_from([*NAMES, "..", "."]), max_size=3),
)
links = st.dictionaries(paths, targets, max_size=5)
patterns = st.lists(
    st.sampled_from([*NAMES, *NAMES, "*", "?", "a*", "[ab]", "[^a]", "**", "[", "\\a", "*?", "!a"]),
    min_size=1,
    max_size=4,
).map("/".join)


def plant_below(directory: Path, files: Sequence[str], symlinks: dict[str, str]) -> Path:
    """A new tree with as many of `symlinks` and `files` as have room beside one another."""
    taken: dict[str, str] = {}
    nodes: list[str | Node] = []
    for path in [*symlinks, *files]:
        parts = path.split("/")
        parents = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        if path in taken or "leaf" in (taken.get(parent) for parent in parents):
            continue
        taken |= dict.fromkeys(parents, "directory") | {path: "leaf"}
        nodes.append(link(path, symlinks[path]) if path in symlinks else path)
    return build_tree(Path(tempfile.mkdtemp(dir=directory)), nodes)
