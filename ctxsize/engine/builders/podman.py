"""Podman and Buildah: another reader, another matcher, and nothing is sent.

Behaviour: openshift/imagebuilder's reader, containers/storage's matcher and
Buildah's copier.
"""

from __future__ import annotations

from typing import ClassVar

from ctxsize.engine import golang, goregexp
from ctxsize.engine.builders.builder import Builder
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec, SplitLine, Step


class PodmanIgnorePattern(DockerIgnorePattern):
    """One line with the meaning that Buildah gives it: always an expression, for whole trees."""

    __slots__ = ()

    wildcards: ClassVar[str] = "*?[]\\+(){}|^"
    """All are expressions here, so that more characters have a meaning."""

    @classmethod
    def split(cls, line: str) -> SplitLine | None:
        """The pattern of `line`; slashes at both ends go before blanks and `!` are looked at."""
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
        """Buildah's expression for `text`, which also matches everything below a match."""
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
                    raise goregexp.GoRegexpError("trailing backslash")
                expression += "\\" + text[at]
                at += 1
            else:
                expression += char
        return "regexp", expression + "(/.*)?$"


class PodmanIgnoreSpec(DockerIgnoreSpec):
    """The last pattern that matches decides, and each path is looked at alone."""

    pattern_class = PodmanIgnorePattern
    remembers_parents = False
    strips_bom = False
    may_refuse = False
    """Whatever is sent, Podman opens: nothing is asked a second time."""

    def step(self, path: str, parent: int = 0) -> Step:
        """The fate of `path`; `parent` does not matter."""
        decider = None
        for index, (_, _, search) in enumerate(self._tests):
            if search(path) is not None:
                decider = index
        ignored = decider is not None and self._tests[decider][1]
        return Step(ignored, parent, decider)

    def enters(self, directory: str) -> bool:
        """Whether some exception's text starts as `directory` does (no separator between)."""
        return any(
            (pattern.text.strip("/") + "/").startswith(directory)
            for pattern in self.patterns
            if pattern.include is False
        )


PODMAN = Builder(
    name="podman",
    title="Podman",
    spec_class=PodmanIgnoreSpec,
    dockerfile_names=("Containerfile", "Dockerfile"),
    fetches_dockerfile=False,
    specific_suffixes=(".dockerignore", ".containerignore"),
    ignore_file_names=(".containerignore", ".dockerignore"),
    links_may_leave=False,
    must_read=True,
    longest_line=False,
    check_patterns=None,
    checks_as_written=False,
    replaces_undecodable=False,
    always_sends=None,
    asks_for_paths=False,
    sends_ignored_parents=True,
    sends_only_utf8=False,
    unreadable_stops=True,
    refuses_to_open=False,
    sends_sockets=False,
    confuses_file_systems=False,
    links_symlinks=False,
    meter=None,
    announces=None,
    resends=False,
)
