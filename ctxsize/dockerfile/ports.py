"""Which ports EXPOSE may name: `[[address:]host-port:]port[/protocol]`, ports also as ranges."""

from __future__ import annotations

import re

from ctxsize.dockerfile.complaints import quoted
from ctxsize.errors import DockerfileError

_NUMBER = re.compile(r"\+?[0-9]+")
_LONGEST = 6
"""Number of digits that are looked at: that many are too large for a port."""
_PROTOCOLS = ("tcp", "udp", "sctp")


def check_port(text: str) -> None:
    """Raise DockerfileError for what is no port.

    Behaviour and messages: docker/go-connections (`nat.ParsePortSpec`) of Docker 28.5.
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
    if not all(map(_NUMBER.fullmatch, numbers)):
        return None
    digits = [number.lstrip("+0") for number in numbers]
    start, end = (int(each[:_LONGEST] or "0") for each in digits)
    return range(start, end + 1) if start <= end <= 65_535 else None
