"""Patterns as Podman and Buildah have them: another reader, another matcher.

Behaviour: openshift/imagebuilder's reader, containers/storage's matcher and
Buildah's copier.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import ClassVar

from ctxsize.engine import golang
from ctxsize.engine.evaluate import DockerIgnoreSpec, Step
from ctxsize.engine.patterns import DockerIgnorePattern, SplitLine


class PodmanIgnorePattern(DockerIgnorePattern):
    """One line with the meaning that Buildah gives it: always an expression, for whole trees."""

    __slots__ = ()

    wildcards: ClassVar[str] = "*?[]\\+(){}|^"
    """All are expressions here, so that more characters have a meaning."""

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """Return the pattern of `line`; outer slashes are cut before blanks and `!` are read."""
        if line.startswith("#"):
            return None
        text = golang.trim_space(line.strip("/"))
        if not text:
            return None
        text = golang.clean(text)
        exception = text.startswith("!")
        if exception and len(text) > 1:
            return SplitLine(golang.clean(text[1:]).removeprefix("/"), exception=True)
        return SplitLine(text[exception:], exception)

    @classmethod
    def meaning(cls, text: str) -> tuple[str, str]:
        """Return Buildah's expression for `text`, which also matches everything below a match."""
        expression, at = "^", int(text.startswith("\ufeff"))
        while at < len(text):
            char = text[at]
            at += 1
            if char == "*" and text[at : at + 1] == "*":
                at += 1 + (text[at + 1 : at + 2] == "/")
                expression += "(.*/)?" if at < len(text) else ".*"
            elif char in "*?":
                expression += "[^/]*" if char == "*" else "[^/]"
            elif char in ".$":
                expression += "\\" + char
            elif char == "\\":
                if at == len(text):
                    raise golang.GoRegexpError("trailing backslash")
                expression += "\\" + text[at]
                at += 1
            else:
                expression += char
        return "tree", expression + "(/.*)?$"


_STARS = re.compile(r"[*?/]+")
_ODD = frozenset("[]\\+(){}|^$\ufeff\ufffd")
"""What may stand for something else than itself, or for nothing."""


def _literal_text(text: str) -> str:
    """Return the longest text that is in each path which a pattern matches."""
    odd = _ODD & {*text} or not text.isascii()
    return "" if odd else max(_STARS.split(text), key=len)


def _literal_parts(text: str) -> list[str]:
    """Return the components that each path has which a pattern matches."""
    if _ODD & {*text} or not text.isascii():
        return []
    parts = text.split("/")
    # `**` takes along the slash behind it: `a**/b` matches `ab`.
    open_ended = [False, *(part.endswith("**") and part != "**" for part in parts)]
    return [
        part
        for part, joined in zip(parts, open_ended, strict=False)
        if part and not joined and not {"*", "?"} & {*part}
    ]


class PodmanIgnoreSpec(DockerIgnoreSpec):
    """The last pattern that matches decides, and each path is looked at alone."""

    pattern_class = PodmanIgnorePattern
    remembers_parents = False
    strips_bom = False
    may_refuse = False
    """Whatever is sent, Podman opens: nothing is asked a second time."""

    def step(self, path: str, parent: int = 0) -> Step:
        """Return the fate of `path`; `parent` does not matter."""
        tests = self._tests
        for index in sorted(self._candidates(path), reverse=True):
            _, ignores, search = tests[index]
            if search(path) is not None:
                return Step(ignores, parent, index)
        return Step(False, parent, None)

    def _candidates(self, path: str) -> list[int]:
        """Return the patterns that may match `path`: those that do are among them."""
        by_part, others = self._index
        found = [at for at, text in others if text in path]
        for part in {*path.split("/")}:
            found += by_part.get(part, ())
        return found

    @cached_property
    def _index(self) -> tuple[dict[str, list[int]], list[tuple[int, str]]]:
        """Return patterns by a component of each path that they match; others with a text."""
        for pattern in self.patterns:
            if pattern.fault is not None:
                raise pattern.error()
        parts = [_literal_parts(pattern.text) for pattern in self.patterns]
        often = Counter(part for each in parts for part in each)
        by_part: dict[str, list[int]] = {}
        others: list[tuple[int, str]] = []
        for at, (each, pattern) in enumerate(zip(parts, self.patterns, strict=True)):
            if each:
                by_part.setdefault(min(each, key=often.__getitem__), []).append(at)
            else:
                others.append((at, _literal_text(pattern.text)))
        return by_part, others

    def enters(self, directory: str) -> bool:
        """Return whether an exception's text starts with `directory` (no separator between)."""
        return any(
            (pattern.text.strip("/") + "/").startswith(directory)
            for pattern in self.patterns
            if pattern.include is False
        )
