"""Which flags, arguments and values BuildKit accepts for each instruction.

What needs variables or other stages to be judged is not checked here but when
the stage is evaluated. Behaviour and most messages are those of Docker 28.5; 26.1 takes any
`--chmod` and `# check=`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ctxsize.dockerfile.instructions import Instruction, located, parse_heredoc_word
from ctxsize.dockerfile.sources import FALSE, TRUE, mount_origin
from ctxsize.dockerfile.words import SPACE, quoted
from ctxsize.errors import DockerfileError

_Rule = Callable[[Instruction], str]
"""Returns what is wrong with an instruction, `""` for nothing."""

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
_NANOSECONDS |= {"m": 60 * 10**9, "h": 3600 * 10**9}
_RETRIES = re.compile(r"-0+|\+?0*([0-9]+)|")
_CHOICES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}


def check_instruction(instruction: Instruction) -> None:
    """Raise DockerfileError, with the line, if the builder does not accept `instruction`."""
    keyword = instruction.keyword
    with located(instruction.line):
        if keyword not in _RULES:
            raise DockerfileError(f"unknown instruction: {keyword}")
        for rule in _RULES[keyword]:
            wrong = rule(instruction)
            if wrong:
                raise DockerfileError(wrong)


def _must(hold: Callable[[Instruction], object], message: str) -> _Rule:
    """Return the rule that something holds; `message` may name the `{keyword}`."""
    return lambda each: "" if hold(each) else message.replace("{keyword}", each.keyword)


def _flags(**kinds: str) -> _Rule:
    """Return the rule that only these flags appear; kinds are bool, once and many."""
    known = {name.replace("_", "-"): kind for name, kind in kinds.items()}

    def rule(instruction: Instruction) -> str:
        seen: set[str] = set()
        for flag in instruction.flags:
            name = flag.partition("=")[0]
            wrong = _wrong_flag(flag, known)
            if wrong:
                return wrong
            if name in seen and known[name[2:]] != "many":
                return f"duplicate flag specified: {name}"
            seen.add(name)
        return ""

    return rule


def _wrong_flag(flag: str, known: Mapping[str, str]) -> str:
    """Return what is wrong with one flag: it is unknown, or lacks its value."""
    name, equals, value = flag.partition("=")
    kind = known.get(name[2:])
    if kind is None:
        return f"unknown flag: {name}"
    if (equals and not value) if kind == "bool" else not equals:
        return f"missing a value on flag: {name}"
    if kind == "bool" and value.lower() not in ("", "true", "false"):
        return f"expecting boolean value for flag {name}, not: {value}"
    return ""


def _from_arguments(instruction: Instruction) -> str:
    arguments = instruction.arguments
    # BuildKit (`parseBuildStageName`) folds case as Unicode does.
    if len(arguments) == 3 and arguments[1].casefold() == "as":
        if _STAGE_NAME.fullmatch(arguments[2].lower()):
            return ""
        reason = "name can't start with a number or contain symbols"
        return f"invalid name for build stage: {quoted(arguments[2])}, {reason}"
    return "" if len(arguments) == 1 else "FROM requires either one or three arguments"


def _trigger(instruction: Instruction) -> str:
    name = instruction.trigger.keyword.strip(SPACE).upper() if instruction.trigger else ""
    forbidden = name in ("ONBUILD", "MAINTAINER", "FROM")
    return f"{name} isn't allowed as an ONBUILD trigger" if forbidden else ""


def _run_flags(instruction: Instruction) -> str:
    for mount in instruction.flag_values("mount"):
        mount_origin(mount)  # raises for what is rejected before any variable is known
    for name, choices in _CHOICES.items():
        for value in instruction.flag_values(name):
            if value not in choices:
                return f"invalid value for --{name}: {quoted(value)}"
    return ""


def _health_check(instruction: Instruction) -> str:
    kind, *command = instruction.arguments
    if kind.upper() == "NONE":
        return "HEALTHCHECK NONE takes no arguments" if command else ""
    wrong = _HEALTH_FLAGS(instruction)
    if wrong:
        return wrong
    if kind.upper() != "CMD" or not command:
        return "HEALTHCHECK requires NONE, or CMD and a command"
    for name in ("interval", "timeout", "start-period", "start-interval"):
        for value in instruction.flag_values(name):
            wrong = _wrong_interval(name, value)
            if wrong:
                return wrong
    for value in instruction.flag_values("retries"):
        found = _RETRIES.fullmatch(value)
        if found is None:
            return f"--retries is no number from 0 on: {quoted(value)}"
        if int((found[1] or "0")[:11]) >= 1 << 31:
            return f"strconv.ParseInt: parsing {quoted(value)}: value out of range"
    return ""


def _wrong_interval(name: str, value: str) -> str:
    """Return what BuildKit's `parseOptInterval` has against a duration: 0, or 1ms and more."""
    # Too many digits are infinite. What is less than a nanosecond does not count.
    total = sum(float(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(value))
    if value and not (_DURATION.fullmatch(value) and total < 1 << 63):
        return f"time: invalid duration {quoted(value)}"
    is_less = total >= 1 and (total < _NANOSECONDS["ms"] or value[0] == "-")
    return f"Interval {quoted(name)} cannot be less than 1ms" if is_less else ""


_NO_FLAGS = _flags()
_HEALTH_FLAGS = _flags(
    interval="once", timeout="once", start_period="once", start_interval="once", retries="once"
)
_ADD_FLAGS = _flags(
    chown="once",
    chmod="once",
    link="bool",
    keep_git_dir="bool",
    checksum="once",
    unpack="bool",
    exclude="many",
)
_COPY_FLAGS = _flags(
    chown="once", **{"from": "once"}, chmod="once", link="bool", exclude="many", parents="bool"
)
_RUN_FLAGS = _flags(mount="many", device="many", network="once", security="once")
_SOME = _must(
    lambda each: each.arguments or each.trigger, "{keyword} requires at least one argument"
)
_ONE = _must(lambda each: len(each.arguments) == 1, "{keyword} requires exactly one argument")
_TWO = _must(
    lambda each: len(each.arguments) > 1,
    "{keyword} requires at least two arguments, but only one was provided."
    " Destination could not be determined",
)
_NAMES = _must(lambda each: "" not in each.arguments[::2], "{keyword} names can not be blank")
_FILE = _must(
    lambda each: not parse_heredoc_word(each.arguments[-1]),
    "{keyword} cannot accept a heredoc as a destination",
)
_ARGUMENT_NAMES = _must(
    lambda each: not any(argument.startswith("=") for argument in each.arguments),
    "ARG names can not be blank",
)
_VOLUMES = _must(
    lambda each: all(argument.strip() for argument in each.arguments),
    "VOLUME specified can not be an empty string",
)
_JSON = _must(lambda each: each.json_form, "SHELL requires the arguments to be in JSON form")

# In the builder's order: which complaint comes first is part of the behaviour.
# ARG and STOPSIGNAL never look at their flags.
_RULES: dict[str, tuple[_Rule, ...]] = {
    "ADD": (_TWO, _ADD_FLAGS, _FILE),
    "ARG": (_SOME, _ARGUMENT_NAMES),
    "CMD": (_NO_FLAGS,),
    "COPY": (_TWO, _COPY_FLAGS, _FILE),
    "ENTRYPOINT": (_NO_FLAGS,),
    "ENV": (_NO_FLAGS, _SOME, _NAMES),
    "EXPOSE": (_SOME, _NO_FLAGS),
    "FROM": (_from_arguments, _flags(platform="once")),
    "HEALTHCHECK": (_SOME, _health_check),
    "LABEL": (_NO_FLAGS, _SOME, _NAMES),
    "MAINTAINER": (_ONE, _NO_FLAGS),
    "ONBUILD": (_SOME, _NO_FLAGS, _trigger),
    "RUN": (_RUN_FLAGS, _run_flags),
    "SHELL": (_NO_FLAGS, _SOME, _JSON),
    "STOPSIGNAL": (_ONE,),
    "USER": (_ONE, _NO_FLAGS),
    "VOLUME": (_SOME, _NO_FLAGS, _VOLUMES),
    "WORKDIR": (_ONE, _NO_FLAGS),
}


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
