"""What one builder does differently from another, as fields of a value.

Nothing in ctxsize compares a builder's name: a difference is a field here, or
it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ctxsize.engine.patterns import DockerIgnoreSpec


@dataclass(frozen=True)
class Builder:
    """One builder's behaviour."""

    name: str
    """As `--builder` takes it."""
    title: str
    """As a person would call it."""
    spec_class: type[DockerIgnoreSpec]
    """Reads and evaluates the patterns."""

    dockerfile_names: tuple[str, ...]
    """The Dockerfile's names where the user gives none, first choice first."""
    fetches_dockerfile: bool
    """Whether the Dockerfile is sent like a context, so that no link may leave its directory."""
    specific_suffixes: tuple[str, ...]
    """What follows the Dockerfile's name in a Dockerfile-specific ignore file."""
    ignore_file_names: tuple[str, ...]
    """The names in the context's root, first choice first."""
    links_may_leave: bool
    """Whether an ignore file that is a symlink is followed out of its directory."""
    must_read: bool
    """Whether an ignore file that cannot be read stops the build instead of being empty."""
    longest_line: bool
    """Whether the reader gives up on a line of more than 65,535 bytes."""
    check_patterns: Callable[[Sequence[str]], None] | None
    """Raises for lines whose patterns the builder cannot transport."""
    checks_as_written: bool
    """Whether patterns are checked with the bytes of the file, before any is replaced."""
    replaces_undecodable: bool
    """Whether bytes of a pattern that are not UTF-8 become U+FFFD on the way."""
    always_sends: Callable[[DockerIgnoreSpec, str | None], Sequence[str]] | None
    """The exceptions that the builder adds, given the spec and the Dockerfile's path."""

    asks_for_paths: bool
    """Whether only what the Dockerfile takes from the context is sent."""
    sends_ignored_parents: bool
    """Whether an ignored directory arrives ahead of a re-included entry below it."""
    sends_only_utf8: bool
    """Whether a path, link target or attribute's name that is not UTF-8 stops the build."""
    unreadable_stops: bool
    """Whether a file that cannot be read stops the build instead of arriving empty."""
    refuses_to_open: bool
    """Whether the sender has a second opinion on opening (`DockerIgnoreSpec.refuses`)."""
    sends_sockets: bool
    """Whether a socket is sent, as an empty file."""
    confuses_file_systems: bool
    """Whether a file with several names is taken for any other one with its inode's number."""
    links_symlinks: bool
    """Whether a symlink with several names is sent as a hard link from the second on."""
    meter: str | None
    """How it counts what it sends: `"buildkit"`, `"tar"`, or None if it sends nothing."""
    announces: str | None
    """What it prints about it, with `{}` for the size; None if nothing."""
    resends: bool
    """Whether every build sends all of it again, not just the first."""
    older: str | None = None
    """The releases that behave otherwise where a report says so; None if there are none."""
