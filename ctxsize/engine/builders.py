"""The differences between builders, as fields of a value; one value for each builder.

BuildKit is behind `docker build`, `docker buildx`, Bake and Compose. The classic builder has
the command line send a tar stream (`DOCKER_BUILDKIT=0`). Podman sends nothing.

No other code compares a builder's name: every difference is a field here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from functools import cached_property, lru_cache
from typing import Any, ClassVar
from urllib.parse import quote_plus

from ctxsize.engine.evaluate import DockerIgnoreSpec, Step, up_to
from ctxsize.engine.ignorefile import sent_text
from ctxsize.engine.patterns import (
    WILDCARDS,
    DockerIgnorePattern,
    SplitLine,
    as_matched,
    tokens,
)
from ctxsize.errors import IgnoreFileError, InputError
from ctxsize.go import GoRegexpError
from ctxsize.go.paths import clean
from ctxsize.model import Texts
from ctxsize.values import Value

_HEADER_LIMIT = 1_048_896
_HEADER_OVERHEAD = 48
UNPRINTABLE = 'header key "{}" contains value with non-printable ASCII characters'
_sent_text = lru_cache(maxsize=20_000)(sent_text)  # variants of a file share most lines


class Builder(Value):
    """The behaviour of one builder. Every default means "it does not"."""

    name: str  # the value of `--builder`
    title: str  # the name in messages
    spec_class: type[DockerIgnoreSpec]  # reads and evaluates the patterns

    # Names of the default Dockerfile, suffixes of its own ignore file, which are appended to its
    # name, and names of the ignore file in the context's root; the first choice comes first.
    dockerfile_names: Texts
    specific_suffixes: Texts
    ignore_file_names: Texts
    fetches_dockerfile: bool = False  # like a context, so that no link may leave its directory
    links_may_leave: bool = False  # a symlink in place of an ignore file may leave its directory
    must_read: bool = False  # an unreadable ignore file stops the build, and is not empty
    longest_line: bool = False  # the reader refuses a line of more than 65,535 bytes
    joins_to_context: bool = False  # looks for a relative `-f`, and its ignore file, in the context
    keeps_cr: bool = False  # a line keeps its CR until blanks are trimmed, after outer slashes
    mounts_unfiltered: bool = False  # a bind mount shows the context without the ignore file
    check_patterns: Callable[[Sequence[str]], None] | None = None
    """Raises an error for lines whose patterns the builder cannot send."""
    checks_as_written: bool = False  # before undecodable bytes of a pattern are replaced
    replaces_undecodable: bool = False  # bytes of a pattern that are not UTF-8 are sent as U+FFFD
    always_sends: Callable[[DockerIgnoreSpec, str | None], Sequence[str]] | None = None
    """Returns the exceptions that the builder adds, given the spec and the Dockerfile's path."""

    builds_all_stages: bool = False  # up to the target, also those that it does not need
    makes_volumes: bool = False  # VOLUME makes a directory in a stage
    ignores_heredocs: bool = False  # of COPY and ADD, as if they were not there
    needs_matches: bool = False  # wildcards that match nothing fail an instruction without more
    refused_flags: Mapping[str, Collection[str]] = field(default_factory=dict, hash=False)
    """Flags of instructions that only BuildKit accepts, by keyword."""

    asks_for_paths: bool = False  # only the files that the Dockerfile uses are sent
    sends_ignored_parents: bool = False  # an ignored directory precedes a re-included entry in it
    sends_only_utf8: bool = False  # any other path, link target or attribute's name stops the build
    unreadable_stops: bool = False  # an unreadable file stops the build, and does not arrive empty
    refuses_to_open: bool = False  # evaluates the patterns again before it opens a file (`refuses`)
    sends_sockets: bool = False  # as empty files
    links_symlinks: bool = False  # further names of a symlink are sent as hard links
    meter: str | None = None  # the format in which it sends: `buildkit`, `tar`, or nothing
    announces: str | None = None  # the text printed for the transfer, with `{}` for the size
    resends: bool = False  # every build sends all of it again


def check_header(lines: Sequence[str]) -> None:
    """Raise `IgnoreFileError` for patterns that do not fit in the header that carries them.

    The list goes to the client as gRPC metadata: printable ASCII as it is,
    anything else URL-encoded, but only if some pattern is not ASCII at all.
    """
    texts = {}
    for number, line in enumerate(lines, 1):
        text = _sent_text(line)
        if text is not None:
            texts[number] = text
    # `encodeStringForHeader` of BuildKit's filesync escapes only a list that is not ASCII.
    plain = all(map(str.isascii, texts.values()))
    size = 0
    for number, text in texts.items():
        if plain and not text.isprintable():
            message = UNPRINTABLE.format("exclude-patterns")
            hint = "remove the control character"
            raise IgnoreFileError(message, line=number, pattern=text, hint=f"{hint} from {text!r}")
        size += _HEADER_OVERHEAD + len(text if plain else quote_plus(text, safe=""))
    if size > _HEADER_LIMIT:
        raise IgnoreFileError(
            f"the patterns need {size:,} bytes in the request to BuildKit, which accepts at "
            f"most {_HEADER_LIMIT:,}",
            hint="use fewer patterns, for instance one directory instead of its files",
        )


class ClassicIgnoreSpec(DockerIgnoreSpec):
    """The same patterns with other pruning: exceptions count as paths, even with wildcards."""

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return the exceptions' texts as literal paths."""
        return self._exceptions

    def ignores_with_one_ancestor(self, path: str) -> bool:
        """Return whether moby's deprecated `Matches` ignores `path`.

        It tests the path and one ancestor: the one as deep as the pattern. The command
        line calls it only for the files that the build itself needs.
        """
        ignored = False
        for pattern in self.patterns:
            # `Matches` evaluates each path separately, without the results of its parents.
            if bool(pattern.include) != ignored:
                depth = pattern.text.count("/")
                tested = [path, *up_to(path)[depth:][:1]]
                ignored ^= any(pattern.match_file(each) is not None for each in tested)
        return ignored


def needed_files(spec: DockerIgnoreSpec, dockerfile: str | None) -> Sequence[str]:
    """Return the exceptions for the files that the daemon needs, and removes if ignored."""
    assert isinstance(spec, ClassicIgnoreSpec)
    if dockerfile is None:
        wanted = [".dockerignore"]
    else:
        wanted = [".dockerignore", dockerfile]
    return [f"!{path}" for path in wanted if spec.ignores_with_one_ancestor(path)]


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
            return SplitLine(clean(found.text).removeprefix("/"), exception=True)
        return found

    @classmethod
    def meaning(cls, text: str) -> tuple[str, str]:
        """Return Buildah's expression for `text`, which also matches everything below a match."""
        expression = "^"
        parts = tokens(text)
        for number, token in enumerate(parts, 1):
            if token == "\\":
                raise GoRegexpError("trailing backslash")
            if token[:2] == "**":
                if number < len(parts):
                    expression += "(.*/)?"
                else:
                    expression += ".*"
            elif token in (".", "$"):
                expression += f"\\{token}"
            else:
                expression += WILDCARDS.get(token, token)
        return "tree", expression + "(/.*)?$"


_STARS = r"[*?/]+"
_SPECIAL = r"[][\\+(){}|^$]|[^\0-\x7f]"  # may not stand for themselves


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
        tested = zip(self.patterns, self._tests, strict=True)
        for index, (pattern, (_, ignores, search)) in enumerate(tested):
            if pattern.fault:
                raise pattern.error()
            text = ""
            if not re.search(_SPECIAL, pattern.text):
                text = max(re.split(_STARS, pattern.text), key=len)
            found.append((index, text, ignores, search))
        return found[::-1]

    def enters(self, directory: str) -> bool:
        """Return whether an exception's text starts with `directory` (no separator between)."""
        return any(f"{text.strip('/')}/".startswith(directory) for text in self._exceptions)


BUILDKIT = Builder(
    name="buildkit",
    title="BuildKit",
    spec_class=DockerIgnoreSpec,
    dockerfile_names=("Dockerfile", "dockerfile"),
    fetches_dockerfile=True,
    specific_suffixes=(".dockerignore",),
    ignore_file_names=(".dockerignore",),
    longest_line=True,
    check_patterns=check_header,
    checks_as_written=True,
    replaces_undecodable=True,
    asks_for_paths=True,
    sends_ignored_parents=True,
    sends_only_utf8=True,
    refuses_to_open=True,
    sends_sockets=True,
    meter="buildkit",
    announces="transferring context: {}",
)

CLASSIC = Builder(
    name="classic",
    title="the classic builder",
    spec_class=ClassicIgnoreSpec,
    dockerfile_names=("Dockerfile", "dockerfile"),
    specific_suffixes=(),
    ignore_file_names=(".dockerignore",),
    links_may_leave=True,
    must_read=True,
    longest_line=True,
    always_sends=needed_files,
    builds_all_stages=True,
    ignores_heredocs=True,
    needs_matches=True,
    refused_flags={
        "RUN": ("mount", "network", "security", "device"),
        "COPY": ("chmod", "from=scratch"),
        "ADD": ("chmod",),
    },
    unreadable_stops=True,
    links_symlinks=True,
    meter="tar",
    announces="Sending build context to Docker daemon  {}",
    resends=True,
)

PODMAN = Builder(
    name="podman",
    title="Podman",
    spec_class=PodmanIgnoreSpec,
    dockerfile_names=("Containerfile", "Dockerfile"),
    specific_suffixes=(".dockerignore", ".containerignore"),
    ignore_file_names=(".containerignore", ".dockerignore"),
    joins_to_context=True,
    keeps_cr=True,
    mounts_unfiltered=True,
    must_read=True,
    makes_volumes=True,
    needs_matches=True,
    sends_ignored_parents=True,
    unreadable_stops=True,
)

BUILDERS = {builder.name: builder for builder in (BUILDKIT, CLASSIC, PODMAN)}
"""All builders, in the order of help and reports."""


def builder_of(name: str) -> Builder:
    """Return the builder of that name. Raises `InputError` for an unknown one."""
    if name not in BUILDERS:
        raise InputError(f"no such builder: {name!r}", hint=f"one of {', '.join(BUILDERS)}")
    return BUILDERS[name]
