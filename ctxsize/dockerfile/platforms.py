"""What a platform is called, and the arguments that the builder predefines from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctxsize.dockerfile.complaints import quoted
from ctxsize.errors import DockerfileError

_OS = re.compile(r"([A-Za-z0-9_-]+)(?:\([A-Za-z0-9_.%-]*(?:\+[A-Za-z0-9_.%+-]*)?\))?")
_PART = re.compile(r"[A-Za-z0-9_.-]+")
# Only what may stand alone needs to be known; any other pair is taken on trust.
# These are the lists of containerd's `isKnownOS` and `isKnownArch`.
_SYSTEMS = frozenset(
    (
        *("aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js"),
        *("linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"),
    )
)
_ALONE = frozenset(
    (
        *("386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64"),
        *("mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le"),
        *("ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64"),
        "wasm",
    )
)
_MACHINES = {"i386": "386", "x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_ARMS = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_VARIANTS = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}


@dataclass(frozen=True)
class Platform:
    """An operating system and a machine, in the spelling of Go."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def machine_platform(machine: str) -> Platform:
    """Return the platform on which Docker builds on a machine, as `uname -m` names it.

    >>> str(machine_platform("x86_64")), str(machine_platform("armv7l"))
    ('linux/amd64', 'linux/arm/v7')
    """
    arm = re.fullmatch("armv([5-8]).*", machine)
    if arm:
        return Platform(architecture="arm", variant=f"v{arm[1]}")
    name = {"i486": "386", "i586": "386", "i686": "386", "loongarch64": "loong64"}
    return Platform("linux", *_normalised([name.get(machine, machine)]))


def parse_platform(text: str, default: Platform | None = None) -> Platform:
    """Return the platform that `os/architecture[/variant]` names.

    A system alone means the machine of `default`, a machine alone linux. The version of a
    system, as in `windows(10.0.17763)`, is dropped: buildx passes none on.
    Raises DockerfileError for what is no platform.

    >>> str(parse_platform("linux/aarch64/v8")), str(parse_platform("linux/arm"))
    ('linux/arm64', 'linux/arm/v7')
    """
    system, *machine = text.split("/", 3)
    match = _OS.fullmatch(system)
    if match is None or len(machine) > 2 or not all(map(_PART.fullmatch, machine)):
        raise DockerfileError(f"{quoted(text)}: cannot parse platform specifier")
    name = {"macos": "darwin"}.get(match[1].lower(), match[1].lower())
    is_machine = not machine and name not in _SYSTEMS
    if not machine and not is_machine:
        default = default or Platform()
        return Platform(name, default.architecture, default.variant)
    architecture, variant = _normalised([system] if is_machine else machine)
    if is_machine and architecture not in _ALONE:
        raise DockerfileError(f"{quoted(text)}: unknown operating system or architecture")
    name = "linux" if is_machine else name
    return Platform(name, architecture, variant)


def platform_arguments(target: Platform, builder: Platform, stage: str) -> dict[str, str]:
    """Return the predefined arguments, which a stage sees once it declares them."""
    values = {"TARGETSTAGE": stage or "default"}
    for prefix, platform in (("BUILD", builder), ("TARGET", target)):
        values |= {
            f"{prefix}PLATFORM": str(platform),
            f"{prefix}OS": platform.os,
            f"{prefix}OSVERSION": "",
            f"{prefix}ARCH": platform.architecture,
            f"{prefix}VARIANT": platform.variant,
        }
    return values


def _normalised(machine: list[str]) -> tuple[str, str]:
    """Return architecture and variant in Go's spelling (containerd's `platforms.Normalize`)."""
    name, given = machine[0].lower(), "".join(machine[1:]).lower()
    if name in _ARMS:
        return _ARMS[name]
    architecture = _MACHINES.get(name, name)
    variant = "" if name == "i386" else _VARIANTS.get(architecture, {}).get(given, given)
    return architecture, variant
