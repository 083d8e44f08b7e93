"""One `docker build` as its command line says it: what every function and command is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TypedDict

from ctxsize.values import dataclass


@dataclass(frozen=True)
class Build:
    """What `docker build` is told. Nothing of it is looked at before a request is made of it.

    >>> Build("app", target="test").dockerfile is None
    True
    """

    context: str = "."
    """The directory; relative paths count from the working directory, here and below."""
    dockerfile: str | None = None
    """`-f`; None for the usual names in the context, `-` for `dockerfile_inline`."""
    target: str = ""
    """`--target`; the last stage if empty."""
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    """`--build-arg`, by name."""
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    """`--build-context`: what each named context stands for."""
    platforms: tuple[str, ...] = ()
    """`--platform`; if empty that of `DOCKER_DEFAULT_PLATFORM`, or else this machine's."""
    builder: str = "buildkit"
    """Whose behaviour applies, a key of `BUILDERS`."""
    dockerfile_inline: bytes | None = None
    """What is read for the Dockerfile `-`: it has no file, and no ignore file of its own."""

    def words(self) -> tuple[str, ...]:
        """The same options as words of a command line."""
        words = ["--target", self.target] if self.target else []
        for option, values in (
            ("--build-arg", self.build_arguments),
            ("--build-context", self.build_contexts),
        ):
            words += [word for name in values for word in (option, f"{name}={values[name]}")]
        return (*words, *(word for each in self.platforms for word in ("--platform", each)))

    def given(self) -> tuple[str, ...]:
        """The options in it that decide only about what the Dockerfile takes."""
        options = {
            "--target": self.target,
            "--build-arg": self.build_arguments,
            "--build-context": self.build_contexts,
            "--platform": self.platforms,
        }
        return tuple(name for name, value in options.items() if value)


class Options(TypedDict, total=False):
    """The fields of `Build` but for the context, as keywords."""

    dockerfile: str | None
    target: str
    build_arguments: Mapping[str, str]
    build_contexts: Mapping[str, str]
    platforms: tuple[str, ...]
    builder: str
    dockerfile_inline: bytes | None
