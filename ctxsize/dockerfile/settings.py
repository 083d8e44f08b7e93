"""Which values EXPOSE, STOPSIGNAL, `--chmod`, `--checksum` and `# check=` may have.

Behaviour and most messages are those of Docker 28.5; 26.1 takes any `--chmod` and `# check=`.
"""

from __future__ import annotations

import re

from ctxsize.dockerfile.mounts import FALSE, TRUE
from ctxsize.dockerfile.words import quoted
from ctxsize.errors import DockerfileError

_SIGNAL = re.compile(
    "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT"
    "|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ"
    r"|RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?"
)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_CHANGE = r"[ugoa]*(?:[-+=][rwxXstugo]*)+"
_MODE = re.compile(rf"0*[0-7]{{1,4}}|(?:{_CHANGE}(?:,{_CHANGE})*)?")
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
    if not _MODE.fullmatch(text):
        octal = (
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
        )
        raise DockerfileError(octal if "0" <= text[:1] <= "9" else "invalid syntax")


def check_checksum(text: str) -> None:
    """Raise DockerfileError for what is no digest. The function of BuildKit is `digest.Parse`."""
    algorithm, colon, digits = text.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if colon and length is None:
        raise DockerfileError("unsupported digest algorithm")
    if colon and len(digits) != length:
        raise DockerfileError("invalid checksum digest length")
    if not colon or not re.fullmatch("[a-f0-9]+", digits):
        raise DockerfileError("invalid checksum digest format")


def fails_on_warnings(text: str) -> bool:
    """Return whether options of `# check=` make the build fail on each warning.

    Of the directive's value BuildKit looks at the first word alone. Raises DockerfileError for
    options that it does not know.
    """
    options: dict[str, str] = {}
    for option in text.partition(" ")[0].split(";"):
        name, equals, value = option.partition("=")
        if not equals or name not in ("skip", "experimental", "error"):
            raise DockerfileError(f"invalid check option {quoted(name)}")
        if name == "error" and value not in TRUE + FALSE:
            message = f"strconv.ParseBool: parsing {quoted(value)}: invalid syntax"
            raise DockerfileError(message)
        options[name] = value
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
