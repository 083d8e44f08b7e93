"""Mount targets and ports that fail a build, as Docker 28.5.2 and 26.1.5 answered."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from ctxsize.dockerfile.arguments import check_value
from ctxsize.dockerfile.context_need import context_need
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.errors import DockerfileError, UndecidedError

ON_ROOT = 'invalid mount target "/"'
BIND = "RUN --mount=source=d,target={} x"

# Both engines give the same answer to each.
TARGETS = [
    (BIND.format("."), ON_ROOT),
    (BIND.format("./"), ON_ROOT),
    (BIND.format("x/.."), ON_ROOT),
    (BIND.format("../../.."), ON_ROOT),
    (BIND.format(""), ON_ROOT),
    ("RUN --mount=source=d x", ON_ROOT),
    ("RUN --mount=source=d,dst=. x", ON_ROOT),
    ("RUN --mount=source=d,destination=. x", ON_ROOT),
    ("RUN --mount=source=d,target=/x,target=. x", ON_ROOT),
    ("RUN --mount=source=d,target=.,target=/x x", ""),
    ("RUN --mount=from=one,target=. x", ON_ROOT),
    ("RUN --mount=from=one,target=/. x", ""),
    (BIND.format("/"), ON_ROOT),
    (BIND.format("//"), ""),
    (BIND.format("/."), ""),
    (BIND.format("/.."), ""),
    (BIND.format("/x/.."), ""),
    (BIND.format('" ."'), ""),
    ("ARG T=.\nRUN --mount=source=d,target=$T x", ON_ROOT),
    (BIND.format("$T"), ON_ROOT),
    ("WORKDIR /\n" + BIND.format("."), ON_ROOT),
    ("WORKDIR //\n" + BIND.format("."), ON_ROOT),
    ("WORKDIR /.\n" + BIND.format("."), ON_ROOT),
    ("WORKDIR .\n" + BIND.format("."), ON_ROOT),
    ("WORKDIR $W\n" + BIND.format("."), ON_ROOT),
    ("ARG W=/\nWORKDIR $W\n" + BIND.format("."), ON_ROOT),
    ("ENV W=/w\nWORKDIR ${W}/..\n" + BIND.format("."), ON_ROOT),
    ("ARG W=/q\nWORKDIR $W\n" + BIND.format("."), ""),
    ("WORKDIR /w\n" + BIND.format("."), ""),
    ('WORKDIR "/w"\n' + BIND.format("."), ""),
    ("WORKDIR /w\n" + BIND.format(""), ""),
    ("WORKDIR /w\n" + BIND.format(".."), ON_ROOT),
    ("WORKDIR w\n" + BIND.format(".."), ON_ROOT),
    ("WORKDIR w/v\n" + BIND.format(".."), ""),
    ("WORKDIR w\nWORKDIR v\n" + BIND.format("../.."), ON_ROOT),
    ("WORKDIR w\nWORKDIR ..\n" + BIND.format("."), ON_ROOT),
    ("WORKDIR /w\nWORKDIR $NOPE\n" + BIND.format("."), ""),
    ("WORKDIR /w\nWORKDIR ${NOPE}..\n" + BIND.format("."), ON_ROOT),
    ("RUN --mount=type=cache,target=. x", ON_ROOT),
    ("RUN --mount=type=cache,target=.,from=one x", ON_ROOT),
    ("RUN --mount=type=cache x", ON_ROOT),
    ("WORKDIR /w\nRUN --mount=type=cache x", ""),
    ("RUN --mount=type=cache,target=/x/.. x", ""),
    ("RUN --mount=type=tmpfs,target=. x", ON_ROOT),
    ("RUN --mount=type=tmpfs x", ON_ROOT),
    ("RUN --mount=type=tmpfs,target=/x/.. x", ""),
    ("RUN --mount=type=cache,target=/c --mount=type=cache,target=.. x", ON_ROOT),
    ("RUN --mount=type=secret,id=q,target=/ x", "invalid mount type SECRET for /"),
    ("RUN --mount=type=secret,id=q,target=. x", ""),
    ("RUN --mount=type=secret,id=q,target=/. x", ""),
    ("RUN --mount=type=ssh,target=/ x", "invalid mount type SSH for /"),
    ("RUN --mount=type=ssh,target=. x", ""),
    ("ONBUILD RUN --mount=source=d,target=. x\nFROM two", ON_ROOT),
    ("WORKDIR /w\nFROM two\n" + BIND.format("."), ""),
    ("WORKDIR /w\nFROM two\n" + BIND.format(".."), ON_ROOT),
    ("WORKDIR /w/v\nFROM two\nWORKDIR ..\n" + BIND.format("."), ""),
    (BIND.format(".") + "\nFROM scratch", ""),
]


def refusal(text: str) -> str:
    try:
        context_need(parse_dockerfile(text))
    except UndecidedError:
        return "a missing value"
    except DockerfileError as error:
        return error.message
    return ""


@pytest.mark.parametrize(("body", "reason"), TARGETS)
def test_mount_targets_that_resolve_to_the_root(body: str, reason: str) -> None:
    assert refusal(f"FROM scratch AS one\nFROM scratch AS two\n{body}\n") == reason


@pytest.mark.parametrize("body", [BIND.format("."), "WORKDIR ..\nRUN --mount=type=cache x"])
def test_the_directory_of_an_unknown_image_may_be_any(body: str) -> None:
    """golang and others set WORKDIR, so a relative target may be right."""
    assert refusal(f"FROM golang\n{body}\n") == ""
    assert refusal(f"FROM golang\nWORKDIR /\n{body}\n") == ON_ROOT


def test_a_directory_that_rests_on_a_missing_argument_is_no_refusal() -> None:
    text = f"FROM scratch\nARG W\nWORKDIR $W\n{BIND.format('.')}\n"
    with pytest.raises(UndecidedError, match=r"add --build-arg W=…"):
        context_need(parse_dockerfile(text))
    context_need(parse_dockerfile(text), build_arguments={"W": "/w"})


# As the newer engine answers; the older one refuses `+80`, an unbracketed IPv6 address, and takes
# `1-2-3` and `80/tcp/udp`.
PORTS = {
    **dict.fromkeys(
        (
            *("80", "80/tcp", "80/SCTP", "80/", "0", "65535", "+80", "080"),
            *("000000000000000000000000080", "80-90", "80-80/udp", "8080:80", ":80", "::80"),
            *("127.0.0.1:8080:80", "127.0.0.1::80-81", "[::1]:8080:80", "::1:8080:80"),
            *("[]:80:80", "80-81:90-91", "80-82:90"),
        ),
        True,
    ),
    **dict.fromkeys(
        (
            *("abc", "#", "99999999999999999999", "-1", "0x50", "8_0", "٨٠", "80,81"),
            *("80-", "1-2-3", "8080:abc", "abc:80"),
            *("1.2.3.4:80", "5/tcp:80", "80/foo", "80/tcp/udp", "80:", "/tcp"),
        ),
        False,
    ),
}


@pytest.mark.parametrize("port", PORTS)
def test_ports_are_checked(port: str) -> None:
    with nullcontext() if PORTS[port] else pytest.raises(DockerfileError, match="invalid port"):
        check_value("EXPOSE", port)


EXPOSED = [
    ("EXPOSE 80 abc", 'invalid port: "abc"'),
    ("EXPOSE 80 # comment", 'invalid port: "#"'),
    ("ARG P=abc\nEXPOSE $P", 'invalid port: "abc"'),
    ('ARG P="80 81"\nEXPOSE $P', ""),
    ('ARG P="80 abc"\nEXPOSE $P', 'invalid port: "abc"'),
    ("EXPOSE $P ${P:-80}/tcp 80/$P", ""),
    ('EXPOSE "80" \'81\' ""', ""),
    ('EXPOSE ["80"]', 'invalid port: "[80]"'),
    ("EXPOSE $P/tcp", 'invalid port: "/tcp"'),
    ("EXPOSE ${P:?need}", 'failed to process "${P:?need}": P: need'),
    ("EXPOSE abc\nFROM scratch", ""),
    ("ONBUILD EXPOSE abc", ""),
    ("ONBUILD EXPOSE abc\nFROM one", 'invalid port: "abc"'),
]


@pytest.mark.parametrize(("body", "reason"), EXPOSED)
def test_expose_expands_before_it_checks(body: str, reason: str) -> None:
    assert refusal(f"FROM scratch AS one\n{body}\nCOPY a /\n") == reason


@pytest.mark.parametrize("body", ["EXPOSE $P/tcp", "EXPOSE ${P:?need}"])
def test_a_port_that_rests_on_an_unknown_value_is_no_refusal(body: str) -> None:
    with pytest.raises(UndecidedError):
        context_need(parse_dockerfile(f"FROM alpine\n{body}\n"))
    (lack,) = context_need(parse_dockerfile(f"FROM scratch\nARG P\n{body}\n")).lacks
    assert (lack.arguments, lack.line) == (("P",), 3)
