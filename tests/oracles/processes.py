"""Running the engines' commands so that nothing outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.isolation import SETTINGS
from tests.oracles.availability import SEARCH_PATH, find_command

TIMEOUT_S = 120


@dataclass(frozen=True)
class Finished:
    """A command that ended by itself."""

    code: int
    stdout: str
    stderr: str


def run(argv: Sequence[str], *, env: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> Finished:
    """Run ``argv`` to its end in a process group of its own.

    ``docker`` starts its plugin as a child, so on a timeout (or Ctrl-C in
    pytest) the whole group is killed. Output is decoded without loss.
    """
    with subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Finished(process.returncode, _text(stdout), _text(stderr))


def clean_environment(**extra: str) -> dict[str, str]:
    """An environment in which the user's Docker settings and proxies play no part."""
    return {**SETTINGS, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", **extra}


def without_root_powers(argv: Sequence[str]) -> list[str]:
    """``argv`` as a root that obeys file permissions.

    Root reads everything, so an unreadable file needs a process without the
    two capabilities that override permissions. Staying uid 0 keeps the
    daemon's socket and pytest's private directories reachable.
    """
    powers = "-dac_override,-dac_read_search"
    setpriv = find_command("setpriv")
    if setpriv is None:
        raise FileNotFoundError("setpriv (util-linux) is needed for unreadable files")
    return [setpriv, f"--inh-caps={powers}", f"--bounding-set={powers}", *argv]


def die_with_parent(argv: Sequence[str]) -> list[str]:
    """``argv`` so that it is told to stop even when pytest itself is killed."""
    setpriv = find_command("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *argv] if setpriv else list(argv)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
