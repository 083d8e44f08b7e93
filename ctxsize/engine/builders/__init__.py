"""What one builder does differently from another, as fields of a value; one value for each.

BuildKit is behind `docker build`, `docker buildx`, Bake and Compose. The classic builder has
the command line send a tar stream (`DOCKER_BUILDKIT=0`). Podman sends nothing.

Nothing in ctxsize compares a builder's name: a difference is a field here, or
it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import quote_plus

from ctxsize.engine.builders.podman import PodmanIgnoreSpec
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import sent_text
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import IgnoreFileError

_HEADER_LIMIT = 1_048_896
_HEADER_OVERHEAD = 48
_MOST_LINES = 20_000
_sent_text = lru_cache(maxsize=_MOST_LINES)(sent_text)
"""Of one file many variants are tried, which share most of their lines."""


@dataclass(frozen=True)
class Builder:
    """One builder's behaviour; what is not said of one it does not do."""

    name: str
    """As `--builder` takes it."""
    title: str
    """As a person would call it."""
    spec_class: type[DockerIgnoreSpec]
    """Reads and evaluates the patterns."""

    dockerfile_names: tuple[str, ...]
    """The Dockerfile's names where the user gives none, first choice first."""
    specific_suffixes: tuple[str, ...]
    """What follows the Dockerfile's name in a Dockerfile-specific ignore file."""
    ignore_file_names: tuple[str, ...]
    """The names in the context's root, first choice first."""
    fetches_dockerfile: bool = False
    """Whether the Dockerfile is sent like a context, so that no link may leave its directory."""
    links_may_leave: bool = False
    """Whether an ignore file that is a symlink is followed out of its directory."""
    must_read: bool = False
    """Whether an ignore file that cannot be read stops the build instead of being empty."""
    longest_line: bool = False
    """Whether the reader gives up on a line of more than 65,535 bytes."""
    check_patterns: Callable[[Sequence[str]], None] | None = None
    """Raises for lines whose patterns the builder cannot transport."""
    checks_as_written: bool = False
    """Whether patterns are checked with the bytes of the file, before any is replaced."""
    replaces_undecodable: bool = False
    """Whether bytes of a pattern that are not UTF-8 become U+FFFD on the way."""
    always_sends: Callable[[DockerIgnoreSpec, str | None], Sequence[str]] | None = None
    """The exceptions that the builder adds, given the spec and the Dockerfile's path."""

    asks_for_paths: bool = False
    """Whether only what the Dockerfile takes from the context is sent."""
    sends_ignored_parents: bool = False
    """Whether an ignored directory arrives ahead of a re-included entry below it."""
    sends_only_utf8: bool = False
    """Whether a path, link target or attribute's name that is not UTF-8 stops the build."""
    unreadable_stops: bool = False
    """Whether a file that cannot be read stops the build instead of arriving empty."""
    refuses_to_open: bool = False
    """Whether the sender has a second opinion on opening (`DockerIgnoreSpec.refuses`)."""
    sends_sockets: bool = False
    """Whether a socket is sent, as an empty file."""
    confuses_file_systems: bool = False
    """Whether a file with several names is taken for any other one with its inode's number."""
    links_symlinks: bool = False
    """Whether a symlink with several names is sent as a hard link from the second on."""
    meter: str | None = None
    """How it counts what it sends: `"buildkit"`, `"tar"`, or None if it sends nothing."""
    announces: str | None = None
    """What it prints about it, with `{}` for the size; None if nothing."""
    resends: bool = False
    """Whether every build sends all of it again, not just the first."""
    older: str | None = None
    """The releases that behave otherwise where a report says so; None if there are none."""


def check_header(lines: Sequence[str]) -> None:
    """Raise `IgnoreFileError` for lines whose patterns do not fit the header they travel in.

    The list goes to the client as gRPC metadata: printable ASCII as it is,
    anything else URL-encoded, but only if some pattern is not ASCII at all.
    """
    sent = [(number, _sent_text(line)) for number, line in enumerate(lines, 1)]
    texts = [(number, text) for number, text in sent if text is not None]
    plain = all(text.isascii() for _, text in texts)
    size = 0
    for number, text in texts:
        if plain and not text.isprintable():
            raise IgnoreFileError(
                'header key "exclude-patterns" contains value with non-printable ASCII characters',
                line=number,
                pattern=text,
                hint=f"remove the control character from {text!r}",
            )
        size += _HEADER_OVERHEAD + len(text if plain else quote_plus(text, safe=""))
    if size > _HEADER_LIMIT:
        raise IgnoreFileError(
            f"the patterns take {size:,} bytes in the request to BuildKit, which accepts at "
            f"most {_HEADER_LIMIT:,}",
            hint="use fewer patterns, for instance one directory instead of its files",
        )


class ClassicIgnoreSpec(DockerIgnoreSpec):
    """The same patterns with other pruning: exceptions are paths, even those with wildcards."""

    @cached_property
    def reach(self) -> Sequence[str] | None:
        """Return the exceptions' texts, taken literally."""
        return [pattern.text for pattern in self.patterns if pattern.include is False]

    def ignores_with_one_ancestor(self, path: str) -> bool:
        """Return whether moby's deprecated `Matches` calls `path` ignored.

        It looks at the path and at one ancestor, the one as deep as the pattern.
        The command line asks it, and only it, about the files it needs itself.
        """
        parents = path.split("/")[:-1]
        ignored = False
        for pattern in self.patterns:
            # Each looks for itself: what one matched does not hold for what comes below.
            if bool(pattern.include) == ignored:
                continue
            if self._matches_with_ancestor(pattern, path, parents):
                ignored = not ignored
        return ignored

    @staticmethod
    def _matches_with_ancestor(pattern: DockerIgnorePattern, path: str, parents: list[str]) -> bool:
        if pattern.match_file(path) is not None:
            return True
        depth = pattern.text.count("/") + 1
        return depth <= len(parents) and pattern.match_file("/".join(parents[:depth])) is not None


def needed_files(spec: DockerIgnoreSpec, dockerfile: str | None) -> Sequence[str]:
    """Return the exceptions that keep the ignore file and the Dockerfile in the stream.

    The daemon needs both and removes them again if the patterns ignore them.
    """
    assert isinstance(spec, ClassicIgnoreSpec)
    wanted = [".dockerignore"] if dockerfile is None else [".dockerignore", dockerfile]
    return [f"!{path}" for path in wanted if spec.ignores_with_one_ancestor(path)]


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
    confuses_file_systems=True,
    meter="buildkit",
    announces="transferring context: {}",
    older="Docker 26.1",
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
    must_read=True,
    sends_ignored_parents=True,
    unreadable_stops=True,
)

BUILDERS = {builder.name: builder for builder in (BUILDKIT, CLASSIC, PODMAN)}
"""In the order in which help and reports name them."""
