"""Read the platforms and the named contexts of a build, as buildx reads its command line."""

from __future__ import annotations

import os
import re
from os.path import isdir, lexists

from ctxsize.build import Build, is_remote
from ctxsize.dockerfile.images import familiar_name, machine_platform, parse_platform
from ctxsize.errors import DockerfileError, InputError
from ctxsize.model import NamedContext, Texts


def platforms_of(build: Build) -> Texts:
    """Return the platforms of a build, each once.

    Without `--platform` that is the one in `DOCKER_DEFAULT_PLATFORM`, which Docker's command line
    reads, or else this machine's. Raises `InputError` for a value that is no platform.
    """
    this_machine = own_platform()
    platforms = dict[str, None]()
    requested = build.platforms
    if not requested:
        requested = (os.environ.get("DOCKER_DEFAULT_PLATFORM") or "local",)
    for text in ",".join(requested).split(","):
        if text.lower() == "local":
            platforms[this_machine] = None
            continue
        try:
            platforms[parse_platform(text, this_machine)] = None
        except DockerfileError as error:
            message = f"--platform: {error.message}"
            if not build.platforms:
                # The value of an environment variable may be a secret: do not print it.
                message = "DOCKER_DEFAULT_PLATFORM is no platform"
            raise InputError(message, hint="for instance linux/arm64") from None
    return tuple(platforms)


def own_platform() -> str:
    """Return the platform of this machine; Docker builds for Linux, also in a virtual machine."""
    return machine_platform(os.uname().machine)


def named_contexts(build: Build) -> tuple[NamedContext, ...]:
    """Return the named contexts of `build` in the order of the command line.

    If a name is given twice, the last value counts. Raises `InputError` where buildx rejects the
    command line: for a name that no image can have, and for a missing directory, used or not.
    """
    contexts = {}
    for written, location in build.build_contexts.items():
        try:
            name = familiar_name(written)
        except DockerfileError as error:
            raise InputError(f"invalid context name {written}: {error.message}") from None
        # Buildx sends the contexts of these names as it does its own.
        announced = name
        if name in ("context", "dockerfile"):
            announced = f"_{name}"
        contexts[name] = NamedContext(
            name,
            value=location,
            kind=_kind_of(name, location),
            announced=announced,
            used=None,
        )
    return tuple(contexts.values())


def _kind_of(name: str, location: str) -> str:
    """Return the kind of a `NamedContext`. Raises `InputError`."""
    scheme = re.match("docker-image(?=://)|oci-layout(?=://)|target(?=:)", location)
    if scheme is not None:
        return scheme[0]
    if is_remote(location):
        if location.startswith(("http://", "https://")):
            return "http"
        return "git"
    if isdir(location):
        return "local"
    reason = "no such file or directory"
    if lexists(location):
        reason = "not a directory"
    raise InputError(
        f"failed to get build context {name}: stat {location}: {reason}",
        hint="--build-context takes NAME=DIRECTORY, or a URL, docker-image:// or oci-layout://",
    )
