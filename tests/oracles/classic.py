"""One build with the classic builder: the tar that the CLI uploads, to the byte.

The CLI prints a rounded figure (``2.048kB``), so the exact stream is recorded
on its way to the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.oracles.archives import TarEntry, read_tar
from tests.oracles.processes import run, without_root_powers
from tests.oracles.recording import Request, recording_proxy

_PRINTED = re.compile(r"Sending build context to Docker daemon\s+(\S+)")
_DEPRECATION = re.compile(r"\ADEPRECATED: .*?\n\n", re.DOTALL)


@dataclass(frozen=True)
class ClassicResult:
    """What the CLI sent and said. ``error`` may come after a complete upload."""

    sent: tuple[TarEntry, ...]
    sent_bytes: int | None
    """The exact length of the stream; None if nothing was uploaded."""
    printed: str | None
    error: str | None

    @property
    def names(self) -> list[str]:
        """The sent names in the order of the archive."""
        return [entry.name for entry in self.sent]


def build(
    context: Path | str,
    options: Sequence[str],
    *,
    docker: str,
    env: Mapping[str, str],
    sockets: tuple[Path, Path],
    unprivileged: bool,
) -> ClassicResult:
    """Run ``docker build`` through a proxy; ``sockets`` are the proxy's and the daemon's."""
    argv = [docker, "build", "--no-cache", "--force-rm"]
    argv += [*options, str(context)]
    with recording_proxy(*sockets) as recorded:
        finished = run(without_root_powers(argv) if unprivileged else argv, env=env)
    printed = _PRINTED.findall(finished.stdout)
    tar = _uploaded(recorded.requests())
    return ClassicResult(
        # With a Dockerfile from outside, the CLI ends without the padding of the last file.
        sent=() if tar is None else read_tar(tar + bytes(-len(tar) % 512 + 1024)),
        sent_bytes=None if tar is None else len(tar),
        printed=printed[-1] if printed else None,
        error=_DEPRECATION.sub("", finished.stderr).strip() if finished.code else None,
    )


def _uploaded(requests: Sequence[Request]) -> bytes | None:
    """The body of the build request, if it was sent whole."""
    for request in requests:
        if request.method == "POST" and re.search(r"/build(\?|$)", request.target):
            return request.body if request.complete else None
    return None
