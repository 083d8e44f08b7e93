"""The named contexts of a build: what `--build-context` says, and a request for each directory.

A directory is a context of its own, with its own ignore file (`.dockerignore`
at its top and no other) and its own transfers. What is no directory is fetched
by the builder: nothing of it is sent. Behaviour: docker/buildx (`loadInputs`),
moby/buildkit (`NamedContext`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ctxsize.build import Build
from ctxsize.dockerfile.images import familiar_name
from ctxsize.engine.dockerfiles import is_remote
from ctxsize.engine.request import Request, request_of
from ctxsize.errors import DockerfileError, InputError

_SCHEMES = ("docker-image://", "oci-layout://", "target:")
_OWN_NAMES = ("context", "dockerfile")
EMPTY_IMAGE = "docker-image://scratch"


@dataclass(frozen=True)
class NamedSource:
    """A named context as the command line gives it."""

    name: str
    """As images are called in short, since it stands for an image of that name."""
    value: str
    kind: str
    """`local`, `docker-image`, `oci-layout`, `target`, `http`, `git` or `ssh`."""

    @property
    def local(self) -> bool:
        """Return whether it is a directory, so that it is sent."""
        return self.kind == "local"

    @property
    def image(self) -> bool:
        """Return whether an image's variables and triggers may come with it."""
        return self.kind in ("docker-image", "oci-layout", "target") and self.value != EMPTY_IMAGE

    @property
    def announced(self) -> str:
        """Return what the builder calls it where it shows the transfer."""
        return f"_{self.name}" if self.name in _OWN_NAMES else self.name


def named_contexts(build: Build) -> tuple[NamedSource, ...]:
    """Return the named contexts of `build` in the order of the command line, the last of each name.

    Raises `InputError` where the command line itself is refused: for a name that
    no image can have and a directory that is none, also if nothing uses it.
    """
    found: dict[str, NamedSource] = {}
    for name, value in build.build_contexts.items():
        try:
            familiar = familiar_name(name)
        except DockerfileError as error:
            raise InputError(f"invalid context name {name}: {error.message}") from None
        found[familiar] = _named(familiar, value)
    return tuple(found.values())


def _named(name: str, value: str) -> NamedSource:
    scheme = next((each for each in _SCHEMES if value.startswith(each)), None)
    if scheme is not None:
        return NamedSource(name, value, scheme.rstrip(":/"))
    if is_remote(value):
        found = re.match(r"(https?|ssh)://", value)
        kind = found[1].rstrip("s") if found and found[1] != "ssh" else "git"
        return NamedSource(name, value, kind)
    try:
        is_directory = os.path.isdir(value)
        reason = "not a directory" if os.path.lexists(value) else "no such file or directory"
    except ValueError as error:
        is_directory, reason = False, str(error)
    if not is_directory:
        raise InputError(
            f"failed to get build context {name}: stat {value}: {reason}",
            hint="--build-context takes NAME=DIRECTORY, or a URL, docker-image:// or oci-layout://",
        )
    return NamedSource(name, value, "local")


def named_request(request: Request, named: NamedSource) -> Request:
    """Return the request for a directory: another context and ignore file, the same Dockerfile.

    Raises `InputError` for what is no directory, `IgnoreFileError` if its ignore
    file would fail the build.
    """
    if not named.local:
        raise InputError(
            f"the named context {named.name} is {named.value}: the builder fetches it, so "
            "nothing is sent and no ignore file is read"
        )
    # Only the ignore file at its top counts, whatever Dockerfiles it holds.
    alone = request_of(
        Build(named.value, builder=request.builder.name), request.builder, alone=True
    )
    return replace(
        request,
        context=named.value,
        root=alone.root,
        ignore_file=alone.ignore_file,
        dockerfile_specific=False,
        spec=alone.spec,
        problems=alone.problems,
        name=named.name,
    )


def request_named(request: Request, name: str) -> Request:
    """Return the request for the named context `name` of a build; itself for `""`.

    Raises `InputError` for a name that the build does not have, and what `named_request` raises.
    """
    if not name:
        return request
    all_named: Mapping[str, NamedSource] = {
        each.name: each for each in named_contexts(request.build)
    }
    try:
        named = all_named[familiar_name(name)]
    except (KeyError, DockerfileError):
        raise InputError(
            f"no such named context: {name}",
            hint=f"one of {', '.join(all_named)}" if all_named else "give it by --build-context",
        ) from None
    return named_request(request, named)
