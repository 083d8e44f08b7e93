"""Patterns as openshift/imagebuilder reads them and containers/storage matches them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, ClassVar

from ctxsize.engine import golang
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine, as_matched, tokens


class PodmanIgnorePattern(DockerIgnorePattern):
    """One line with the meaning that Buildah gives it: an expression, which matches whole trees."""

    __slots__ = ()

    wildcards: ClassVar[str] = "*?[]\\+(){}|^"
    """More characters than for Docker, as every pattern is an expression here."""

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`; outer slashes are removed before blanks and `!`."""
        if line.startswith("#"):
            return None
        found = as_matched(line.strip("/"))
        if found is not None and found.exception and found.text:
            return SplitLine(golang.clean(found.text).removeprefix("/"), exception=True)
        return found

    @classmethod
    def meaning(cls, text: str) -> tuple[str, str]:
        """Return Buildah's expression for `text`, which also matches everything below a match."""
        expression, found = "^", tokens(text)
        for number, token in enumerate(found, 1):
            if token == "\\":
                raise golang.GoRegexpError("trailing backslash")
            if token[:2] == "**":
                expression += "(.*/)?" if number < len(found) else ".*"
            elif token in ("*", "?"):
                expression += "[^/]*" if token == "*" else "[^/]"
            else:
                expression += f"\\{token}" if token in (".", "$") else token
        return "tree", expression + "(/.*)?$"


_STARS = re.compile(r"[*?/]+")
_SPECIAL = frozenset("[]\\+(){}|^$\ufeff\ufffd")
"""Characters that may not stand for themselves."""


def _literal_text(text: str) -> str:
    """Return the longest text that every path matched by the pattern contains."""
    special = _SPECIAL & {*text} or not text.isascii()
    return "" if special else max(_STARS.split(text), key=len)


class PodmanIgnoreSpec(DockerIgnoreSpec):
    """The last pattern that matches decides. Directories above do not matter."""

    pattern_class = PodmanIgnorePattern
    remembers_parents = False
    strips_bom = False
    may_refuse = False

    def step(self, path: str, parent: int = 0) -> Step:
        """Return the fate of `path`; `parent` does not matter."""
        for index, text, ignores, search in self._latest_first:
            if text in path and search(path) is not None:
                return Step(ignores, parent, index)
        return Step(False, parent, None)

    @cached_property
    def _latest_first(self) -> list[tuple[int, str, bool, Any]]:
        """Return the patterns, last first, each with a text that every matched path contains."""
        found = []
        for index, (pattern, (_, ignores, search)) in enumerate(
            zip(self.patterns, self._tests, strict=True)
        ):
            if pattern.fault is not None:
                raise pattern.error()
            found.append((index, _literal_text(pattern.text), ignores, search))
        return found[::-1]

    def enters(self, directory: str) -> bool:
        """Return whether an exception's text starts with `directory` (no separator between)."""
        return any(
            (pattern.text.strip("/") + "/").startswith(directory)
            for pattern in self.patterns
            if pattern.include is False
        )
