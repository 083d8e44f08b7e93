"""One `docker build` as its command line says it: what every function and command is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict


@dataclass(frozen=True)
class Build:
    """What `docker build` is told. Nothing of it is looked at before a request is made of it.

    >>> Build("app", target="test").dockerfile is None
    True
    """

    context: str = "."
    """The directory; relative paths count from the working directory, here and below."""
    dockerfile: str | None = None
    """`-f`; None for the usual names in the context."""
    target: str = ""
    """`--target`; the last stage if empty."""
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    """`--build-arg`, by name."""
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    """`--build-context`: what each named context stands for."""
    platforms: tuple[str, ...] = ()
    """`--platform`; that of this machine if empty."""
    builder: str = "buildkit"
    """Whose behaviour applies, a key of `BUILDERS`."""

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
