"""Commits, and the builds that a change touches.

`changes` asks git for the paths that differ, `earlier` lays the files of a commit into a directory
of its own, and `affected` holds both against what each build takes. `digest` makes one
hash of what it takes.
"""

from __future__ import annotations
