"""Dockerfiles, each read and parsed once: what all that is asked about builds begins with."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ctxsize.errors import DockerfileError

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
        """Return the text, empty without a Dockerfile."""
        return self._read()

    @property
    def dockerfile(self) -> Dockerfile:
        """Return the instructions and stages."""
        if isinstance(self._parsed, DockerfileError):
            # The caller adds to an error where it was met.
            raise copy(self._parsed)
        return self._parsed

    @cached_property
    def _parsed(self) -> Dockerfile | DockerfileError:
        from ctxsize.dockerfile import parse_dockerfile  # many runs need no Dockerfile

        data = self.data
        try:
            return parse_dockerfile(data)
        except DockerfileError as error:
            return error


class Plans:
    """The plans of a command, one for each file: what it asks of many builds shares them."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}

    def of(self, path: str, read: Callable[[], bytes]) -> Plan:
        """Return the plan of the Dockerfile at `path`, which `read` reads if nobody has yet."""
        return self._plans.setdefault(os.path.realpath(path), Plan(read))
