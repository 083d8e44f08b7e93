"""One Dockerfile, read once: what all that is asked about its builds begins with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxsize.dockerfile import ContextNeed, Dockerfile


class Asking(NamedTuple):
    """What a Dockerfile's answer depends on besides its text."""

    target: str
    build_arguments: tuple[tuple[str, str], ...]
    platform: str
    named: tuple[tuple[str, bool], ...]
    """Named contexts, and whether each is an image."""


class Plan:
    """A Dockerfile, read and parsed once, with what its builds take.

    Requests share it that differ only in the ignore file, the target, the arguments or
    the context they are about. `read` gives the text; it and each part of this raise
    `DockerfileError` for what the builder rejects, `InputError` for what cannot be read.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self.needs: dict[Asking, ContextNeed] = {}
        """What is known already."""

    @cached_property
    def data(self) -> bytes:
        """The text, empty without a Dockerfile."""
        return self._read()

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The instructions and stages."""
        from ctxsize.dockerfile import parse_dockerfile  # many runs need no Dockerfile

        return parse_dockerfile(self.data)
