"""The arguments of one `docker build`, the input of every function and command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

from ctxsize.hidden import Hidden, made_of, shown


@dataclass(frozen=True)
class Build:
    """The arguments of a `docker build`. Nothing is read before a request is made of it."""

    context: str = "."  # the directory; paths are relative to the working directory
    dockerfile: str | None = None  # None for the usual names, `-` for `dockerfile_inline`
    target: str = ""  # the last stage if empty
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    """The values are used and never printed, nor is anything that is made from them."""
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    """The directory, URL or image of each named context, by name."""
    platforms: tuple[str, ...] = ()  # by default `DOCKER_DEFAULT_PLATFORM` or this machine's
    builder: str = "buildkit"  # the builder whose behaviour applies, a key of `BUILDERS`
    dockerfile_inline: bytes | None = None
    """The text of the Dockerfile `-`, which has no file and no ignore file of its own."""
    dockerfile_written: bytes | None = None
    """`dockerfile_inline` with names in place of hidden values; None if it has none."""

    def words(self) -> tuple[str, ...]:
        """Return the same options as words of a command line, of arguments only the names."""
        words = ["--target", shown(self.target)] if self.target else []
        for name in self.build_arguments:
            words += ["--build-arg", shown(name)]
        for name, value in self.build_contexts.items():
            words += ["--build-context", f"{shown(name)}={shown(value)}"]
        for platform in self.platforms:
            words += ["--platform", shown(platform)]
        return tuple(words)

    def given(self) -> tuple[str, ...]:
        """Return the names of the given options, which affect only what the Dockerfile takes."""
        return tuple(dict.fromkeys(self.words()[::2]))


def with_inline(build: Build, dockerfile: str, errors: str = "replace") -> Build:
    """Return `build` with the text of a Dockerfile that a file contains, if it is not empty."""
    if not dockerfile:
        return build
    build = replace(build, dockerfile_inline=dockerfile.encode("utf-8", errors))
    if not isinstance(dockerfile, Hidden):
        return build
    return replace(build, dockerfile_written=dockerfile.written.encode("utf-8", errors))


def inline_of(build: Build) -> str:
    """Return the text that `with_inline` took; `""` without one."""
    text = (build.dockerfile_inline or b"").decode()
    written = build.dockerfile_written
    return text if written is None else Hidden(text, written.decode())


def is_reference(context: str) -> bool:
    """Return whether a context is a URL, an image, a service, a target or stdin."""
    remote = ("git@", "github.com/", "service:", "target:")
    return "://" in context or context == "-" or context.startswith(remote)


def placed(named: Mapping[str, str], directory: str) -> dict[str, str]:
    """Return named contexts with their paths joined to `directory`."""

    def joined(path: str) -> str:
        return os.path.normpath(os.path.join(directory, path))

    return {
        name: value if is_reference(value) else made_of(joined, value)
        for name, value in named.items()
    }


class Options(TypedDict, total=False):
    """The fields of `Build` except the context, as keywords."""

    dockerfile: str | None
    target: str
    build_arguments: Mapping[str, str]
    build_contexts: Mapping[str, str]
    platforms: tuple[str, ...]
    builder: str
    dockerfile_inline: bytes | None
    dockerfile_written: bytes | None


def build_of(build: Build | str | None, options: Options) -> Build | None:
    """Return the build with these options, None if neither is given."""
    if build is None:
        return Build(**options) if options else None
    return replace(build if isinstance(build, Build) else Build(build), **options)
