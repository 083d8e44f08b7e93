"""What of a context arrives at the builder, asked entry by entry instead of walked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from ctxsize.engine.automaton import fastest
from ctxsize.engine.evaluate import Evaluator
from ctxsize.engine.explain import entry_at
from ctxsize.engine.goglob import has_wildcards, match
from ctxsize.engine.names import link_target, listing_at, names_in
from ctxsize.engine.request import Request
from ctxsize.errors import BuildFailsError

_MOST_LINKS = 255


class Arrivals:
    """The entries that a build gets. Paths are relative; `""` and `.` are the context itself."""

    def __init__(self, request: Request, evaluator: Evaluator[Any] | None) -> None:
        self._request = request
        self._evaluator: Evaluator[Any] = fastest(request.spec) if evaluator is None else evaluator

    def holds(self, path: str) -> bool:
        """Return whether the entry at `path` arrives; no symlink is followed."""
        if path in ("", "."):
            return True
        found = entry_at(self._request, path)
        if isinstance(found, str):
            return False
        state, prefix = self._evaluator.root(), ""
        *above, name = path.split("/")
        for part in above:
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                return False
        if stat.S_ISDIR(found.st_mode):
            return self._arrives(self._evaluator.enter(state, prefix, name), path)
        mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and not stat.S_ISSOCK(found.st_mode)

    def empties(self, path: str) -> bool:
        """Return whether the sender refuses to open the file at `path`, which is sent."""
        *above, name = path.split("/")
        state, prefix = self._evaluator.root(), ""
        for part in above:
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
        mark = self._evaluator.odd(state, prefix, [name]).get(name, state.mark)
        return not mark.ignored and mark.refused

    def links(self, path: str) -> Iterator[str]:
        """Yield the symlinks that arrive below the directory at `path`, which is no symlink."""
        state, prefix = self._evaluator.root(), ""
        for part in path.split("/"):
            state = self._evaluator.enter(state, prefix, part)
            prefix += f"{part}/"
        pending = [(state, prefix)]
        while pending:
            state, prefix = pending.pop()
            if state.mark.ignored and not self._evaluator.enters(state, prefix[:-1]):
                continue
            directories, others = listing_at(self._full(prefix))
            odd = self._evaluator.odd(state, prefix, others)
            for name in others:
                sent = not odd.get(name, state.mark).ignored
                if sent and self.is_link(prefix + name):
                    yield prefix + name
            pending += [
                (self._evaluator.enter(state, prefix, name), f"{prefix}{name}/")
                for name in reversed(directories)
            ]

    def is_link(self, path: str) -> bool:
        """Return whether there is a symlink at `path`. Raises `BuildFailsError` as Docker fails."""
        return self._link(path) is not None

    def _arrives(self, state: Any, path: str) -> bool:
        """Return whether a directory arrives: for itself, or for something below it."""
        if not state.mark.ignored:
            return True
        if not self._evaluator.enters(state, path):
            return False
        prefix = f"{path}/"
        directories, others = listing_at(self._full(path))
        odd = self._evaluator.odd(state, prefix, others)
        return any(not odd.get(name, state.mark).ignored for name in others) or any(
            self._arrives(self._evaluator.enter(state, prefix, name), prefix + name)
            for name in directories
        )

    def follow(self, path: str) -> tuple[str, bool]:
        """Return where `path` leads through symlinks, and whether that arrives.

        Absolute targets and `..` start at the context, as in a chroot. Where a
        symlink does not arrive, it is the end itself.
        """
        pending, at, links = path.split("/")[::-1], list[str](), 0
        while pending:
            part = pending.pop()
            if part in ("", ".", ".."):
                at = at[:-1] if part == ".." else at
                continue
            here = "/".join([*at, part])
            target = self._link(here)
            if target is None:
                at.append(part)
                continue
            links += 1
            if links > _MOST_LINKS or not self.holds(here):
                return here, False
            at = [] if target.startswith("/") else at
            pending += target.split("/")[::-1]
        end = "/".join(at) or "."
        return end, self.holds(end)

    def _link(self, path: str) -> str | None:
        """Return a symlink's target, else None. Raises `BuildFailsError` where Docker fails."""
        try:
            return None if "\0" in path else link_target(self._full(path))
        except OSError as error:  # a name that is too long
            reason = (error.strerror or str(error)).lower()
            raise BuildFailsError(f"error from sender: {path}: {reason}") from None

    def matching(self, pattern: str) -> tuple[str, list[str]]:
        """Return the entries of the context that match `pattern`, whether or not they arrive.

        Symlinks are followed in front of the first wildcard only; the first value
        is where that part leads.
        """
        parts = pattern.split("/")
        first = next(at for at, part in enumerate(parts) if has_wildcards(part))
        base, _ = self.follow("/".join(parts[:first]))
        found = ["" if base == "." else f"{base}/"]
        for part in parts[first:]:
            found = [
                f"{prefix}{name}/"
                for prefix in found
                for name in names_in(self._full(prefix.rstrip("/")))
                if match(part, name)
            ]
        return base, [path[:-1] for path in found]

    def _full(self, path: str) -> str:
        return os.path.join(self._request.root, path)
