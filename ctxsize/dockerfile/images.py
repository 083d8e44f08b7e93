"""Names of images and platforms: parsing, normal forms, and the facts that they imply."""

from __future__ import annotations

import re

from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError

_HUB = "docker.io"
_OFFICIAL = "library/"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REST = rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?P<tag>(?::{_TAG})?)(?P<digest>(?:@{_DIGEST})?)"
WINDOWS = ("windows", "nanoserver")  # in the names of images of Windows
ENVIRONMENTS = {
    "composer": {"COMPOSER_HOME": "/tmp"},
    "rust": {"CARGO_HOME": "/usr/local/cargo"},
    "cargo-chef": {"CARGO_HOME": "/usr/local/cargo"},
}
"""Variables of official images that decide where a cache is, by the image's last name."""
_OS = re.compile(r"([A-Za-z0-9_-]+)(?:\([A-Za-z0-9_.%-]*(?:\+[A-Za-z0-9_.%+-]*)?\))?")
_PART = re.compile(r"[A-Za-z0-9_.-]+")
# The lists of containerd's `isKnownOS` and `isKnownArch`: names that may be used alone. Both
# containerd and ctxsize accept any name in a pair.
_SYSTEM = (
    "aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9"
    "|solaris|windows|zos"
)
_ARCHITECTURE = (
    "386|amd64(?:p32)?|arm(?:64)?(?:be)?|loong64|mips(?:64(?:p32)?)?(?:le)?|ppc(?:64(?:le)?)?"
    "|riscv(?:64)?|s390x?|sparc(?:64)?|wasm"
)
_MACHINES = {"i386": "386", "x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_ARMS = {"armhf": "arm/v7", "armel": "arm/v6"}
_VARIANTS = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}


def familiar_name(reference: str) -> str:
    """Return the short spelling of an image reference, without `latest` (`FamiliarString`).

    A named context for one spelling of an image replaces them all.
    Raises DockerfileError (without a line) for an invalid reference.
    """
    domain, slash, rest = reference.partition("/")
    # `splitDockerDomain`: a first part without dot, colon or capital is no registry.
    is_domain = domain == "localhost" or re.search("[.:]", domain) or domain != domain.lower()
    if not slash or not is_domain:
        domain = _HUB
        rest = reference
    if domain in (_HUB, "index.docker.io"):
        domain = _HUB
        if "/" not in rest:
            rest = _OFFICIAL + rest
    is_valid = domain == _HUB or re.fullmatch(_DOMAIN, domain)
    match = re.fullmatch(_REST, rest)
    if not is_valid or not match:
        reason = "its path must be lower case, with no empty part"
        raise DockerfileError(f"invalid image name {quoted(reference)}: {reason}")
    path = match["path"]
    tag = match["tag"]
    if domain != _HUB:
        path = f"{domain}/{path}"
    elif path.count("/") == 1:
        path = path.removeprefix(_OFFICIAL)
    if tag == ":latest":
        tag = ""
    return f"{path}{tag}{match['digest']}"


def repository_of(reference: str) -> str:
    """Return the last part of the name of an image, without tag and digest."""
    name = reference.partition("@")[0]
    last = name.rpartition("/")[2]
    return last.partition(":")[0]


def machine_platform(machine: str) -> str:
    """Return the default platform of Docker on a machine, named as by `uname -m`."""
    if arm := re.fullmatch("armv([5-8]).*", machine):
        return f"linux/arm/v{arm[1]}"
    name = {"i486": "386", "i586": "386", "i686": "386", "loongarch64": "loong64"}
    return f"linux/{_normalise([name.get(machine, machine)])}"


def parse_platform(text: str, default: str = "linux/amd64") -> str:
    """Return the platform that `os/architecture[/variant]` names, in the spelling of Go.

    A system alone means the machine of `default`, a machine alone means linux. The version of
    a system, as in `windows(10.0.17763)`, is dropped, as by buildx. Raises DockerfileError.
    """
    system, *machine = text.split("/", 3)
    match = _OS.fullmatch(system)
    is_platform = len(machine) <= 2 and all(map(_PART.fullmatch, machine))
    if not match or not is_platform:
        raise DockerfileError(f"{quoted(text)}: cannot parse platform specifier")
    name = match[1].lower()
    if name == "macos":
        name = "darwin"
    if machine:
        return f"{name}/{_normalise(machine)}"
    if re.fullmatch(_SYSTEM, name):
        return f"{name}/{default.partition('/')[2]}"
    machine_name = _normalise([system])
    architecture = machine_name.partition("/")[0]
    if not re.fullmatch(_ARCHITECTURE, architecture):
        raise DockerfileError(f"{quoted(text)}: unknown operating system or architecture")
    return f"linux/{machine_name}"


def platform_arguments(target: str, builder: str, stage: str) -> dict[str, str]:
    """Return the predefined arguments, which a stage sees once it declares them."""
    values = {"TARGETSTAGE": stage or "default"}
    for prefix, platform in (("BUILD", builder), ("TARGET", target)):
        system, machine, *variant = platform.split("/")
        values[f"{prefix}PLATFORM"] = platform
        values[f"{prefix}OS"] = system
        values[f"{prefix}OSVERSION"] = ""
        values[f"{prefix}ARCH"] = machine
        values[f"{prefix}VARIANT"] = "".join(variant)
    return values


def _normalise(machine: list[str]) -> str:
    """Return architecture and variant in Go's spelling (containerd's `platforms.Normalize`)."""
    name = machine[0].lower()
    variant = "".join(machine[1:]).lower()
    if name in _ARMS:
        return _ARMS[name]
    architecture = _MACHINES.get(name, name)
    variant = _VARIANTS.get(architecture, {}).get(variant, variant)
    if variant and name != "i386":
        return f"{architecture}/{variant}"
    return architecture
