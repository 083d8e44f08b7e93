"""Which flags, arguments and values BuildKit accepts for each instruction.

What needs variables or other stages to be judged is not checked here but when the stage is
followed. Behaviour and most messages are those of Docker 28.5; 26.1 takes any `--chmod`.
"""

from __future__ import annotations

import re

from ctxsize.dockerfile.arguments import KEYWORDS
from ctxsize.dockerfile.instructions import Instruction, located, parse_heredoc_word
from ctxsize.dockerfile.sources import mount_origin
from ctxsize.dockerfile.words import SPACE, quoted
from ctxsize.errors import DockerfileError

_FLAGS = {
    "ADD": "chown chmod link? keep-git-dir? checksum unpack? exclude*",
    "COPY": "chown from chmod link? parents? exclude*",
    "FROM": "platform",
    "HEALTHCHECK": "interval timeout start-period start-interval retries",
    "RUN": "mount* device* network security",
}
"""The flags of an instruction: `?` marks a switch, `*` what may be given more than once."""
_UNREAD_FLAGS = ("ARG", "STOPSIGNAL")
"""Instructions at whose flags BuildKit never looks."""
_ONE = ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR")
_ANY = ("CMD", "ENTRYPOINT", "FROM", "RUN")

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_DURATION = re.compile(r"(?:[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+))?")
_CHOICES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}
_SIGNAL = re.compile(
    r"[-+]?0*[1-9][0-9]{,17}|(?:SIG)?(?:ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL"
    "|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM"
    r"|WINCH|XCPU|XFSZ|RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?)",
    re.IGNORECASE | re.ASCII,
)
_CHANGE = r"[ugoa]*(?:[-+=][rwxXstugo]*)+"
_MODE = re.compile(rf"0*[0-7]{{1,4}}|(?:{_CHANGE}(?:,{_CHANGE})*)?")
_RANGE = r"\+?0*([0-9]{1,5})(?:-\+?0*([0-9]{1,5}))?"
_PORT = re.compile(rf"(?:(?:.*:)?(?:{_RANGE})?:)?{_RANGE}(?:/(?:tcp|udp|sctp)?)?", re.IGNORECASE)


def check_instruction(instruction: Instruction) -> None:
    """Raise DockerfileError, with the line, if the builder does not accept `instruction`."""
    with located(instruction.line):
        if instruction.keyword not in KEYWORDS.values():
            raise DockerfileError(f"unknown instruction: {instruction.keyword}")
        wrong = _wrong_count(instruction) or _wrong_flags(instruction) or _wrong_text(instruction)
        if wrong:
            raise DockerfileError(wrong)


def _wrong_count(instruction: Instruction) -> str:
    """Return what is wrong with the number of arguments, `""` for nothing."""
    keyword, arguments = instruction.keyword, instruction.arguments
    if keyword in ("ADD", "COPY"):
        return (
            ""
            if len(arguments) > 1
            else f"{keyword} requires at least two arguments, but only one was provided."
            " Destination could not be determined"
        )
    if keyword in _ONE:
        return "" if len(arguments) == 1 else f"{keyword} requires exactly one argument"
    is_given = arguments or instruction.trigger or keyword in _ANY
    return "" if is_given else f"{keyword} requires at least one argument"


def _wrong_flags(instruction: Instruction) -> str:
    if instruction.keyword in _UNREAD_FLAGS:
        return ""
    known = {each.rstrip("?*"): each for each in _FLAGS.get(instruction.keyword, "").split()}
    seen: set[str] = set()
    for flag in instruction.flags:
        name, equals, value = flag.partition("=")
        kind = known.get(name[2:])
        if kind is None:
            return f"unknown flag: {name}"
        if (equals and not value) if kind.endswith("?") else not equals:
            return f"missing a value on flag: {name}"
        if kind.endswith("?") and value.lower() not in ("", "true", "false"):
            return f"expecting boolean value for flag {name}, not: {value}"
        if name in seen and not kind.endswith("*"):
            return f"duplicate flag specified: {name}"
        seen.add(name)
    return ""


def _wrong_text(instruction: Instruction) -> str:
    """Return what is wrong with the values of flags and arguments."""
    keyword, arguments = instruction.keyword, instruction.arguments
    if keyword in ("ADD", "COPY") and parse_heredoc_word(arguments[-1]):
        return f"{keyword} cannot accept a heredoc as a destination"
    if keyword in ("ENV", "LABEL") and "" in arguments[::2]:
        return f"{keyword} names can not be blank"
    if keyword == "ARG" and any(each.startswith("=") for each in arguments):
        return "ARG names can not be blank"
    if keyword == "VOLUME" and not all(map(str.strip, arguments)):
        return "VOLUME specified can not be an empty string"
    if keyword == "SHELL" and not instruction.json_form:
        return "SHELL requires the arguments to be in JSON form"
    if keyword == "FROM":
        return _wrong_name(arguments)
    if keyword == "HEALTHCHECK":
        return _wrong_health_check(instruction)
    if keyword == "RUN":
        return _wrong_run(instruction)
    name = instruction.trigger.keyword.strip(SPACE).upper() if instruction.trigger else ""
    is_wrong = name in ("ONBUILD", "MAINTAINER", "FROM")
    return f"{name} isn't allowed as an ONBUILD trigger" if is_wrong else ""


def _wrong_name(arguments: tuple[str, ...]) -> str:
    # BuildKit (`parseBuildStageName`) folds case as Unicode does.
    if len(arguments) == 3 and arguments[1].casefold() == "as":
        if _STAGE_NAME.fullmatch(arguments[2].lower()):
            return ""
        reason = "name can't start with a number or contain symbols"
        return f"invalid name for build stage: {quoted(arguments[2])}, {reason}"
    return "" if len(arguments) == 1 else "FROM requires either one or three arguments"


def _wrong_run(instruction: Instruction) -> str:
    for mount in instruction.flag_values("mount"):
        mount_origin(mount)  # raises for what is rejected before any variable is known
    for name, choices in _CHOICES.items():
        for value in instruction.flag_values(name):
            if value not in choices:
                return f"invalid value for --{name}: {quoted(value)}"
    return ""


def _wrong_health_check(instruction: Instruction) -> str:
    kind, *command = instruction.arguments
    if kind.upper() == "NONE":
        return "HEALTHCHECK NONE takes no arguments" if command else ""
    if kind.upper() != "CMD" or not command:
        return "HEALTHCHECK requires NONE, or CMD and a command"
    for name in ("interval", "timeout", "start-period", "start-interval"):
        for value in instruction.flag_values(name):
            if not _DURATION.fullmatch(value):
                return f"time: invalid duration {quoted(value)}"
    return ""


def check_signal(text: str) -> None:
    """Raise DockerfileError for what is no signal: any number but 0, or a name of Linux.

    The function of moby is `signal.ParseSignal`.
    """
    if not _SIGNAL.fullmatch(text):
        raise DockerfileError(f"invalid signal: {text}")


def check_mode(text: str) -> None:
    """Raise DockerfileError for what is neither an octal mode nor a list as chmod takes it."""
    if not _MODE.fullmatch(text):
        octal = (
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
        )
        raise DockerfileError(octal if "0" <= text[:1] <= "9" else "invalid syntax")


def check_port(text: str) -> None:
    """Raise DockerfileError for what is no port.

    That is `[[address:]host-port:]port[/protocol]`, ports also as ranges. The function of
    docker/go-connections is `nat.ParsePortSpec`; addresses are not looked at.
    """
    found = _PORT.fullmatch(text)
    host, last_host, port, last = found.groups() if found else ("", "", "", "")
    hosts = range(int(host or 0), int(last_host or host or 0) + 1)
    ports = range(int(port or 0), int(last or port or 0) + 1)
    fits = not host or len(ports) in (1, len(hosts))
    if not (found and hosts and ports and fits and max(hosts[-1], ports[-1]) < 65_536):
        raise DockerfileError(f"invalid port: {quoted(text)}")
