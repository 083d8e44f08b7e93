"""Which values EXPOSE, STOPSIGNAL, `--chmod`, `--checksum` and `# check=` may have.

Behaviour and messages are those of Docker 28.5; that of 26.1 takes any `--chmod` and `# check=`.
"""

from __future__ import annotations

import re

from ctxsize.dockerfile.complaints import quoted
from ctxsize.dockerfile.mounts import FALSE, TRUE
from ctxsize.errors import DockerfileError

_SIGNAL = re.compile(
    "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT"
    "|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ"
    r"|RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?"
)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_MODE_CHANGE = re.compile(r"[ugoa]*(?:[-+=][rwxXstugo]*)+")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_PORT = re.compile(r"\+?[0-9]+")
_LONGEST_PORT = 6
"""Number of digits that are looked at: that many are too large for a port."""
_PROTOCOLS = ("tcp", "udp", "sctp")


def check_signal(text: str) -> None:
    """Raise DockerfileError for what is no signal: any number but 0, or a name of Linux.

    The function of moby is `signal.ParseSignal`.
    """
    if _INTEGER.fullmatch(text):
        valid = len(text) < 30 and int(text) != 0 and -(1 << 63) <= int(text) < 1 << 63
    else:
        valid = bool(_SIGNAL.fullmatch(text.upper().removeprefix("SIG")))
    if not valid:
        raise DockerfileError(f"invalid signal: {text}")


def check_mode(text: str) -> None:
    """Raise DockerfileError for what is neither an octal mode nor a list as chmod takes it."""
    if "0" <= text[:1] <= "9":
        if not re.fullmatch("0*[0-7]{1,4}", text):
            raise DockerfileError(
                f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and "
                "07777"
            )
    elif text and not all(map(_MODE_CHANGE.fullmatch, text.split(","))):
        raise DockerfileError("invalid syntax")


def check_checksum(text: str) -> None:
    """Raise DockerfileError for what is no digest. The function of BuildKit is `digest.Parse`."""
    algorithm, _, digits = text.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if not _DIGEST.fullmatch(text):
        raise DockerfileError("invalid checksum digest format")
    if length is None:
        raise DockerfileError("unsupported digest algorithm")
    if len(digits) != length:
        raise DockerfileError("invalid checksum digest length")
    if not re.fullmatch("[a-f0-9]+", digits):
        raise DockerfileError("invalid checksum digest format")


def check_options(text: str) -> None:
    """Raise DockerfileError for options of `# check=` that BuildKit does not know.

    Of the directive's value it looks at the first word alone.
    """
    problem = "failed to parse check options"
    for option in text.partition(" ")[0].split(";"):
        name, equals, value = option.partition("=")
        if not equals or name not in ("skip", "experimental", "error"):
            raise DockerfileError(f"{problem}: invalid check option {quoted(name)}")
        if name == "error" and value not in TRUE + FALSE:
            raise DockerfileError(
                f"{problem}: failed to parse check option {quoted(option)}: strconv.ParseBool: "
                f"parsing {quoted(value)}: invalid syntax"
            )


def fails_on_warnings(text: str) -> bool:
    """Return whether options of `# check=` make the build fail on each warning."""
    parts = (each.partition("=") for each in text.partition(" ")[0].split(";"))
    options = {name: value for name, _, value in parts}
    return options.get("error") in TRUE and options.get("skip") != "all"


def check_port(text: str) -> None:
    """Raise DockerfileError for what is no port.

    That is `[[address:]host-port:]port[/protocol]`, ports also as ranges. The function of
    docker/go-connections is `nat.ParsePortSpec`.
    """
    start, _, container = text.rpartition(":")
    address, _, host = start.rpartition(":")
    port, _, protocol = container.partition("/")
    if not port:
        raise DockerfileError(f"invalid port: {quoted(text)}: no port specified")
    if protocol and protocol.lower() not in _PROTOCOLS:
        raise DockerfileError(f"invalid port: {quoted(text)}: invalid proto: {protocol}")
    _check_address(address)
    ports = _range(port)
    if ports is None:
        raise DockerfileError(f"invalid containerPort: {port}")
    if not host:
        return
    hosts = _range(host)
    if hosts is None:
        raise DockerfileError(f"invalid hostPort: {host}")
    if len(ports) not in (1, len(hosts)):
        message = f"invalid ranges specified for container and host Ports: {port} and {host}"
        raise DockerfileError(message)


def _check_address(text: str) -> None:
    """Raise unless `text` is empty or an address; that of IPv6 may stand in brackets."""
    address = re.sub(r"^\[([^][]*)\]$", r"\1", text)
    if not address:
        return
    import ipaddress  # as hardly any Dockerfile needs it

    try:
        if "%" in address:
            raise ValueError
        ipaddress.ip_address(address)
    except ValueError:
        raise DockerfileError(f"invalid IP address: {address}") from None


def _range(text: str) -> range | None:
    """Return the ports that `text` names, one or `first-last`; None if it names none."""
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if not all(map(_PORT.fullmatch, numbers)):
        return None
    digits = [number.lstrip("+0") for number in numbers]
    start, end = (int(each[:_LONGEST_PORT] or "0") for each in digits)
    return range(start, end + 1) if start <= end <= 65_535 else None
