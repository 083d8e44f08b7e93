"""One walk for all contexts that lie in each other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from ctxsize.engine.events import Progress
from ctxsize.engine.request import Request
from ctxsize.engine.snapshot import Held, Snapshot
from ctxsize.model import Problem


class Trees:
    """Snapshots of contexts; what lies in a context that was walked is not walked again."""

    def __init__(self, roots: Iterable[str], *, progress: Progress | None = None) -> None:
        """`roots` are the real paths of all contexts that will be asked for."""
        self._outermost = _outermost(roots)
        self._progress = progress
        self._taken: dict[str, Snapshot] = {}
        self.walks = 0
        """How many there were."""

    def of(self, request: Request) -> Snapshot:
        """Return the context of `request`. Raises what `Snapshot.take` raises."""
        outer = next(each for each in self._outermost if _lies_in(request.root, each))
        if outer not in self._taken:
            self._taken[outer] = Snapshot.take(
                replace(request, root=outer), progress=self._progress
            )
            self.walks += 1
        walked = self._taken[outer]
        prefix = "" if request.root == outer else os.path.relpath(request.root, outer)
        held = walked.folder(prefix)
        if held is None:  # it could not be read from above
            return Snapshot.take(request, progress=self._progress)
        problems = tuple(_below(walked.problems, prefix))
        return Snapshot(request, _rerooted(held, prefix) if prefix else held, problems)


def _outermost(roots: Iterable[str]) -> list[str]:
    found: list[str] = []
    for root in sorted(set(roots)):
        if not any(_lies_in(root, each) for each in found):
            found.append(root)
    return found


def _lies_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _below(problems: Iterable[Problem], prefix: str) -> Iterable[Problem]:
    """Yield the problems of a directory, with paths as seen from it."""
    for each in problems:
        if not prefix or each.path is None:
            yield each
        elif each.path.startswith(prefix + "/"):
            yield replace(each, path=each.path[len(prefix) + 1 :])


def _rerooted(top: Held, prefix: str) -> Held:
    """Return the directory at `prefix` as a context of its own."""
    made: dict[str, Held] = {}
    nodes = list(top.tree())
    for each in nodes:
        path = each.path[len(prefix) + 1 :]
        made[each.path] = Held(path, each.entries, [], each.content_bytes, each.count)
    for each in nodes:
        made[each.path].folders = [made[folder.path] for folder in each.folders]
    return made[top.path]
