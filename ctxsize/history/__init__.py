"""Commits, and the builds that a change touches.

`commits` lists a line of commits, `plans` plans a build in each, `measures` has its sizes there,
and `growth` compares these. `changes` asks git for the paths that differ, `earlier` lays the files
of a commit into a directory of its own, and `affected` holds both against what each build takes.
`digest` makes one hash of what a build takes.
"""

from __future__ import annotations
