"""Image references: which are well formed, which name the same image, and what names show."""

from __future__ import annotations

import re

from ctxsize.errors import DockerfileError

_HUB = "docker.io"
_OFFICIAL = "library/"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?P<tag>:{_TAG})?(?P<digest>@{_DIGEST})?"
)
_IDENTIFIER = re.compile("[a-f0-9]{64}")
_WINDOWS = re.compile("windows|nanoserver")
_ENVIRONMENTS = {
    "composer": {"COMPOSER_HOME": "/tmp"},
    "rust": {"CARGO_HOME": "/usr/local/cargo"},
    "cargo-chef": {"CARGO_HOME": "/usr/local/cargo"},
}
"""Variables of official images that decide where a cache is."""


def familiar_name(reference: str) -> str:
    """Return the short spelling of an image reference, without the tag `latest`.

    `docker.io/library/alpine:latest`, `alpine:latest` and `alpine` are one
    image, and a named context for one replaces them all. Raises
    DockerfileError (without a line) for what is no reference.

    >>> familiar_name("docker.io/library/alpine:latest")
    'alpine'
    """
    if _IDENTIFIER.fullmatch(reference):
        reason = (
            f"invalid repository name ({reference}), cannot specify 64-byte hexadecimal strings"
        )
        raise DockerfileError(reason)
    domain, rest = _split_domain(reference)
    repository = rest.partition(":")[0]
    if repository != repository.lower():
        reason = f"invalid reference format: repository name ({repository}) must be lowercase"
        raise DockerfileError(reason)
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise DockerfileError("invalid reference format")
    tag = match["tag"] or ""
    return _familiar(match) + ("" if tag == ":latest" else tag) + (match["digest"] or "")


def _split_domain(reference: str) -> tuple[str, str]:
    """Return registry and rest; a first part without dot, colon or capital is no registry."""
    first, slash, rest = reference.partition("/")
    is_domain = first == "localhost" or "." in first or ":" in first or first != first.lower()
    if not slash or not is_domain:
        first, rest = _HUB, reference
    elif first == "index.docker.io":
        first = _HUB
    return first, _OFFICIAL + rest if first == _HUB and "/" not in rest else rest


def _familiar(match: re.Match[str]) -> str:
    """Return the repository without what is the default anyway."""
    domain, path = match["domain"], match["path"]
    if domain != _HUB:
        return f"{domain}/{path}"
    short = path.removeprefix(_OFFICIAL)
    return path if "/" in short else short


def repository_of(reference: str) -> str:
    """Return the last part of the name of an image, without tag and digest."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def environment_of(reference: str) -> dict[str, str]:
    """Return the variables of an image that matter to advice."""
    return _ENVIRONMENTS.get(repository_of(reference), {})


def is_windows(reference: str) -> bool:
    """Return whether the name of an image says that it is one of Windows."""
    return _WINDOWS.search(reference) is not None
