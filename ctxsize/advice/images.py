"""What the name of a base image tells of its system, and no more than that."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctxsize.dockerfile.images import repository_of

_RELEASES = {
    **dict.fromkeys(("buster", "bullseye", "bookworm", "trixie", "forky", "sid"), "debian"),
    **dict.fromkeys(("bionic", "focal", "jammy", "noble", "resolute"), "ubuntu"),
}
_SYSTEM = re.compile(
    r"(?P<name>debian|ubuntu|alpine|fedora|rockylinux|almalinux|amazonlinux|centos|wolfi"
    r"|ubi\d+|archlinux|opensuse)"
)
_VERSION = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class System:
    """The system of an image as far as its reference names it."""

    name: str
    """`debian`, `alpine`, …; `""` if not named."""
    release: str
    """`bookworm`, `3.20`, …; `""` if not named."""
    image: str
    """The reference, without registry and digest."""

    @property
    def key(self) -> str:
        """Equal where nothing tells two images apart."""
        return f"{self.name}{self.release}" if self.name else self.image

    @property
    def slug(self) -> str:
        """Return a word for it in the id of a cache."""
        word = self.release if self.release and not self.release[0].isdigit() else self.key
        return re.sub(r"[^\w.\-]+", "-", word)


def system_of(reference: str) -> System:
    """Return the system of the image `reference`.

    >>> system_of("rust:1.82-slim-bookworm").key, system_of("docker.io/python:3.12-alpine3.20").key
    ('debianbookworm', 'alpine3.20')
    >>> system_of("debian:12").key, system_of("ubuntu:22.04").key, system_of("rust:1.82").name
    ('debianbookworm', 'ubuntujammy', '')
    """
    bare = reference.partition("@")[0]
    repository, _, tag = bare.rpartition("/")[2].partition(":")
    for word, name in _RELEASES.items():
        if re.search(rf"(?:^|[^a-z]){word}(?:$|[^a-z])", tag):
            return System(name, word, f"{repository}:{tag}")
    match = _SYSTEM.match(repository) or _SYSTEM.search(tag)
    if match is None:
        return System("", "", f"{repository}:{tag}" if tag else repository)
    name = match["name"]
    if match.string is tag and match.string != repository:
        version = _VERSION.match(tag, match.end())
    else:
        version = _VERSION.match(tag)
    release = version[0] if version else ""
    return System(name, _NUMBERED.get((name, release), release), f"{repository}:{tag}")


_NUMBERED = {
    ("debian", "13"): "trixie",
    ("debian", "12"): "bookworm",
    ("debian", "11"): "bullseye",
    ("debian", "10"): "buster",
    ("ubuntu", "24.04"): "noble",
    ("ubuntu", "22.04"): "jammy",
    ("ubuntu", "20.04"): "focal",
}

_USERS = {"node": ("node", "1000"), "gradle": ("gradle", "1000"), "jenkins": ("jenkins", "1000")}
"""Users that official images bring along, with their numbers."""


def user_id(reference: str, user: str) -> str:
    """Return the number of a user of the image `reference`, `""` if it is not known."""
    name, number = _USERS.get(repository_of(reference), ("", ""))
    return number if name == user else ""
