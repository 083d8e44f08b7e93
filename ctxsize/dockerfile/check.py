"""Which flags and arguments BuildKit accepts for each instruction.

What needs variables or other stages to be judged is not checked here but when
the stage is evaluated. Messages are the builder's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ctxsize.dockerfile.complaints import did_you_mean, located, quoted
from ctxsize.dockerfile.instructions import Instruction, parse_heredoc_word
from ctxsize.dockerfile.mounts import mount_origin
from ctxsize.dockerfile.words import SPACE
from ctxsize.errors import DockerfileError

_Check = Callable[[Instruction], None]

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"([0-9]*)\.?([0-9]*)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
_NANOSECONDS |= {"m": 60 * 10**9, "h": 3600 * 10**9}


def check_instruction(instruction: Instruction) -> None:
    """Raise DockerfileError, with the line, if the builder does not accept `instruction`."""
    with located(instruction.line):
        for check in _CHECKS.get(instruction.keyword, (_unknown,)):
            check(instruction)


def _unknown(instruction: Instruction) -> None:
    keyword = instruction.keyword
    hint = did_you_mean(keyword.upper(), _CHECKS)
    if hint and keyword != keyword.upper():
        hint = hint.lower()
    raise DockerfileError(f"unknown instruction: {keyword}", hint=hint)


def _flags(**kinds: str) -> _Check:
    """Return the check that only these flags appear; kinds are bool, once and many."""
    known = {name.replace("_", "-"): kind for name, kind in kinds.items()}

    def check(instruction: Instruction) -> None:
        seen: set[str] = set()
        for flag in instruction.flags:
            name = flag.partition("=")[0]
            _check_flag(flag, known)
            if name in seen and known[name[2:]] != "many":
                raise DockerfileError(f"duplicate flag specified: {name}")
            seen.add(name)

    return check


def _check_flag(flag: str, known: Mapping[str, str]) -> None:
    """Raise if one flag is unknown or lacks its value."""
    name, equals, value = flag.partition("=")
    kind = known.get(name[2:])
    if kind is None:
        raise DockerfileError(f"unknown flag: {name}", hint=did_you_mean(name[2:], known))
    if (equals and not value) if kind == "bool" else not equals:
        raise DockerfileError(f"missing a value on flag: {name}")
    if kind == "bool" and value.lower() not in ("", "true", "false"):
        raise DockerfileError(f"expecting boolean value for flag {name}, not: {value}")


def _some_arguments(instruction: Instruction) -> None:
    if not instruction.arguments and not instruction.trigger:
        raise DockerfileError(f"{instruction.keyword} requires at least one argument")


def _one_argument(instruction: Instruction) -> None:
    if len(instruction.arguments) != 1:
        raise DockerfileError(f"{instruction.keyword} requires exactly one argument")


def _destination(instruction: Instruction) -> None:
    if len(instruction.arguments) < 2:
        raise DockerfileError(
            f"{instruction.keyword} requires at least two arguments, but only one was provided."
            " Destination could not be determined"
        )


def _no_heredoc_as_destination(instruction: Instruction) -> None:
    if parse_heredoc_word(instruction.arguments[-1]):
        raise DockerfileError(f"{instruction.keyword} cannot accept a heredoc as a destination")


def _named_pairs(instruction: Instruction) -> None:
    if "" in instruction.arguments[::2]:
        raise DockerfileError(f"{instruction.keyword} names can not be blank")


def _named_arguments(instruction: Instruction) -> None:
    if any(argument.startswith("=") for argument in instruction.arguments):
        raise DockerfileError("ARG names can not be blank")


def _no_empty_volume(instruction: Instruction) -> None:
    if any(not argument.strip() for argument in instruction.arguments):
        raise DockerfileError("VOLUME specified can not be an empty string")


def _from_arguments(instruction: Instruction) -> None:
    arguments = instruction.arguments
    # BuildKit (`parseBuildStageName`) folds case as Unicode does.
    if len(arguments) == 3 and arguments[1].casefold() == "as":
        if not _STAGE_NAME.fullmatch(arguments[2].lower()):
            raise DockerfileError(
                f"invalid name for build stage: {quoted(arguments[2])}, "
                "name can't start with a number or contain symbols"
            )
    elif len(arguments) != 1:
        raise DockerfileError("FROM requires either one or three arguments")


def _trigger(instruction: Instruction) -> None:
    name = instruction.trigger.keyword.strip(SPACE).upper() if instruction.trigger else ""
    if name == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if name in ("MAINTAINER", "FROM"):
        raise DockerfileError(f"{name} isn't allowed as an ONBUILD trigger")


def _json_form(instruction: Instruction) -> None:
    if not instruction.json_form:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")


def _run_flags(instruction: Instruction) -> None:
    for mount in instruction.flag_values("mount"):
        mount_origin(mount)  # raises for what is rejected before any variable is known
    for network in instruction.flag_values("network"):
        if network not in ("default", "none", "host"):
            raise DockerfileError(f"invalid network mode {quoted(network)}")
    for security in instruction.flag_values("security"):
        if security not in ("insecure", "sandbox"):
            raise DockerfileError(f"security {quoted(security)} is not valid")


def _health_check(instruction: Instruction) -> None:
    kind, *command = instruction.arguments
    if kind.upper() == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return
    _HEALTH_FLAGS(instruction)
    if kind.upper() != "CMD":
        raise DockerfileError(f"Unknown type {quoted(kind.upper())} in HEALTHCHECK (try CMD)")
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    for name in ("interval", "timeout", "start-period", "start-interval"):
        for value in instruction.flag_values(name):
            _check_duration(name, value)
    for retries in instruction.flag_values("retries"):
        _check_retries(retries)


def _check_duration(name: str, value: str) -> None:
    """Raise for what is no duration. The function of BuildKit is `parseOptInterval`."""
    if not value:
        return
    valid = _DURATION.fullmatch(value)
    total = sum(_nanoseconds(*part) for part in _PART.findall(value)) if valid else 0
    if not valid or total >= 1 << 63:
        what = "missing unit in" if re.fullmatch(r"[-+]?[0-9.]*[0-9]\.?", value) else "invalid"
        raise DockerfileError(f"time: {what} duration {quoted(value)}")
    if total and (value.startswith("-") or total < _NANOSECONDS["ms"]):
        raise DockerfileError(f"Interval {quoted(name)} cannot be less than 1ms")


def _nanoseconds(whole: str, fraction: str, unit: str) -> int:
    """Return the nanoseconds in one part of a duration; digits beyond any of them do not count."""
    size, digits = _NANOSECONDS[unit], fraction[:18]
    if len(whole.lstrip("0")) > 19:
        return 1 << 63
    part = int(digits or "0") * size // int(f"1{'0' * len(digits)}")
    return int(whole or "0") * size + part


def _check_retries(value: str) -> None:
    problem = f"strconv.ParseInt: parsing {quoted(value)}"
    if value and not re.fullmatch("[-+]?[0-9]+", value):
        raise DockerfileError(f"{problem}: invalid syntax")
    digits = value.lstrip("-+0")
    if len(digits) > 10 or not -(1 << 31) <= int(value or "0") < 1 << 31:
        raise DockerfileError(f"{problem}: value out of range")
    if value.startswith("-") and digits:
        raise DockerfileError(f"--retries cannot be negative ({value})")


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

# In the builder's order: which complaint comes first is part of the behaviour.
# ARG and STOPSIGNAL never look at their flags.
_CHECKS: dict[str, tuple[_Check, ...]] = {
    "ADD": (_destination, _ADD_FLAGS, _no_heredoc_as_destination),
    "ARG": (_some_arguments, _named_arguments),
    "CMD": (_NO_FLAGS,),
    "COPY": (_destination, _COPY_FLAGS, _no_heredoc_as_destination),
    "ENTRYPOINT": (_NO_FLAGS,),
    "ENV": (_NO_FLAGS, _some_arguments, _named_pairs),
    "EXPOSE": (_some_arguments, _NO_FLAGS),
    "FROM": (_from_arguments, _flags(platform="once")),
    "HEALTHCHECK": (_some_arguments, _health_check),
    "LABEL": (_NO_FLAGS, _some_arguments, _named_pairs),
    "MAINTAINER": (_one_argument, _NO_FLAGS),
    "ONBUILD": (_some_arguments, _NO_FLAGS, _trigger),
    "RUN": (_RUN_FLAGS, _run_flags),
    "SHELL": (_NO_FLAGS, _some_arguments, _json_form),
    "STOPSIGNAL": (_one_argument,),
    "USER": (_one_argument, _NO_FLAGS),
    "VOLUME": (_some_arguments, _NO_FLAGS, _no_empty_volume),
    "WORKDIR": (_one_argument, _NO_FLAGS),
}
