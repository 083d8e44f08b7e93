"""Run `docker buildx bake --print`, which evaluates Bake files: only where the user allows it.

Besides `engine.git` the only place that runs a program. Docker is never one of the
repository, sees none of our environment but PATH and HOME, builds nothing, and asks
no daemon. What it prints on stderr may hold values, so nobody gets to see it.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from ctxsize.discovery.bakefile import BakeError, Block, printed, read_json
from ctxsize.engine.border import holds
from ctxsize.engine.git import find_program

_COMMAND = "`docker buildx bake --print`"

_SECONDS, _MOST_SECONDS = 10.0, 60.0
"""Seconds that Docker has for one answer, and for all of them."""
_MOST_BYTES = 4_000_000
"""Number of bytes of the longest answer."""
_NAME = re.compile(r"\w[\w.\-]*", re.ASCII)
"""A name that is no option."""


@dataclass
class BakePrinter:
    """Asks Docker what targets of Bake files are, in one repository."""

    border: str
    """The repository, of which no program is run."""
    _left: float = _MOST_SECONDS

    def blocks(self, directory: str, files: Iterable[str], names: Iterable[str]) -> list[Block]:
        """Return the targets called `names` of the `files` in a directory, and their groups.

        Raises `BakeError` where Docker is missing, fails, or takes or prints too much.
        """
        program = find_program("docker", os.environ.get("PATH", ""), self.border)
        if program is None:
            raise BakeError("docker is not installed, or PATH names it only inside the repository")
        chosen = [word for name in files for word in ("-f", f"./{name}")]
        arguments = [program, "buildx", "bake", "--print", *chosen, *filter(_NAME.fullmatch, names)]
        began = time.monotonic()
        try:
            text = self._output(arguments, directory, max(0, min(_SECONDS, self._left)))
        except OSError as error:
            raise BakeError(f"docker cannot be run: {error.strerror}") from None
        finally:
            self._left -= time.monotonic() - began
        return printed(read_json(text.decode(errors="replace")))

    def _output(self, arguments: list[str], directory: str, seconds: float) -> bytes:
        """Return what a program prints, which is killed with all that it started in an error."""
        import subprocess

        deadline = time.monotonic() + seconds
        with subprocess.Popen(
            arguments,
            cwd=directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            try:
                data = _read(process.stdout, deadline)
                code = process.wait(max(0, deadline - time.monotonic()))
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    text = f"{_COMMAND} took more than {seconds:.0f} seconds"
                    raise BakeError(text) from None
                raise
        if code:
            raise BakeError(f"{_COMMAND} failed with {code}")
        return data

    def _environment(self) -> dict[str, str]:
        path = os.environ.get("PATH", "").split(os.pathsep)
        home = os.environ.get("HOME", "/")
        # The plugins in HOME are programs: those of the repository are not run.
        return {
            "PATH": os.pathsep.join(
                each for each in path if os.path.isabs(each) and not holds(self.border, each)
            ),
            "HOME": "/" if holds(self.border, home) else home,
        }


def _read(output: IO[bytes], deadline: float) -> bytes:
    """Return what is printed until the end or the deadline. Raises `BakeError` for too much."""
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while selector.select(max(0, deadline - time.monotonic())):
            piece = os.read(output.fileno(), 1 << 16)
            data += piece
            if len(data) > _MOST_BYTES:
                raise BakeError(f"{_COMMAND} printed more than {_MOST_BYTES:,} bytes")
            if not piece:
                break
    return bytes(data)
