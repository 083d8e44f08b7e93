"""Whether a build asks git for its version, so that `.git` may be there on purpose."""

from __future__ import annotations

import os
import re

from ctxsize.lints.tree import Tree
from ctxsize.reader import read_start

_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "build.rs", "build.gradle")
_ASKS = re.compile(
    rb"setuptools[_-]scm|setuptools-git-versioning|hatch-vcs|versioningit|versioneer|dunamai"
    rb"|(?:poetry|uv)-dynamic-versioning|source *= *[\"']scm|vergen|git[_-]version|shadow-rs"
    rb"|^built *=|git describe|rev-parse|gradle-git",
    re.MULTILINE,
)
_MOST_FILES, _MOST_BYTES = 50, 65_536


def asks_git(tree: Tree) -> str | None:
    """The manifest that takes the version from git, None if none is known to."""
    found = [path for name in _MANIFESTS for path in tree.by_name.get(name, ()) if path in tree.now]
    for path in found[:_MOST_FILES]:
        try:
            start = read_start(os.path.join(tree.request.root, path), _MOST_BYTES)  # noqa: PTH118
            if _ASKS.search(start):
                return path
        except OSError:
            continue
    return None
