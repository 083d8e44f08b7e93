"""What the name of a base image tells of its system, and no more than that."""

from __future__ import annotations

import re
from typing import NamedTuple

from ctxsize.dockerfile.images import repository_of

_RELEASES = {
    "forky": ("debian", "14"),
    "trixie": ("debian", "13"),
    "bookworm": ("debian", "12"),
    "bullseye": ("debian", "11"),
    "buster": ("debian", "10"),
    "sid": ("debian", "unstable"),
    "resolute": ("ubuntu", "26.04"),
    "noble": ("ubuntu", "24.04"),
    "jammy": ("ubuntu", "22.04"),
    "focal": ("ubuntu", "20.04"),
    "bionic": ("ubuntu", "18.04"),
}
"""Releases that tags name, each with its system and its number."""
_WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(_RELEASES)})(?![a-z])")
_SYSTEM = re.compile(
    r"debian|ubuntu|alpine|fedora|rockylinux|almalinux|amazonlinux|centos|wolfi|ubi\d+|archlinux"
    r"|opensuse"
)
_VERSION = re.compile(r"\d+(?:\.\d+)?")
_USERS = {"node": ("node", "1000"), "gradle": ("gradle", "1000"), "jenkins": ("jenkins", "1000")}
"""Users that official images bring along, with their numbers."""


class System(NamedTuple):
    """The system of an image as far as its reference names it."""

    name: str
    """`debian`, `alpine`, …; `""` if not named."""
    key: str
    """Equal where nothing tells two images apart."""
    slug: str
    """A word for it in the id of a cache."""


def system_of(reference: str) -> System:
    """Return the system of the image `reference`.

    >>> system_of("rust:1.82-slim-bookworm").key, system_of("docker.io/python:3.12-alpine3.20").key
    ('debianbookworm', 'alpine3.20')
    >>> system_of("debian:12").key, system_of("ubuntu:22.04").key, system_of("rust:1.82").name
    ('debianbookworm', 'ubuntujammy', '')
    """
    image = reference.partition("@")[0].rpartition("/")[2]
    name, release = _named(*image.partition(":")[::2])
    key = f"{name}{release}" if name else image
    return System(name, key, re.sub(r"[^\w.\-]+", "-", release if release in _RELEASES else key))


def _named(repository: str, tag: str) -> tuple[str, str]:
    """Return the system and its release, `""` for what is not named."""
    if word := _WORD.search(tag):
        return _RELEASES[word[0]][0], word[0]
    by_repository, by_tag = _SYSTEM.match(repository), _SYSTEM.search(tag)
    system = by_repository or by_tag
    if system is None:
        return "", ""
    version = _VERSION.match(tag, 0 if by_repository else system.end())
    number = version[0] if version else ""
    words = (word for word, known in _RELEASES.items() if known == (system[0], number))
    return system[0], next(words, number)


def user_id(reference: str, user: str) -> str:
    """Return the number of a user of the image `reference`, `""` if it is not known."""
    name, number = _USERS.get(repository_of(reference), ("", ""))
    return number if name == user else ""
