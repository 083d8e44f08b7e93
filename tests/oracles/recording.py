"""A proxy between a Docker client and its daemon that remembers the requests.

Bytes pass through untouched in both directions. What the client said is
parsed only afterwards, so the proxy cannot disturb the conversation.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PIECE = 1 << 16


@dataclass(frozen=True)
class Request:
    """One HTTP request as it was sent, its body without transfer encoding."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    complete: bool


class Recording:
    """What was said on each connection."""

    def __init__(self) -> None:
        self._connections: list[bytearray] = []

    def new_connection(self) -> bytearray:
        """A buffer for the client's side of one more connection."""
        self._connections.append(bytearray())
        return self._connections[-1]

    def requests(self) -> list[Request]:
        """Every request, connection by connection."""
        return [request for said in self._connections for request in parse_requests(bytes(said))]


@contextmanager
def recording_proxy(listen: Path, upstream: Path) -> Iterator[Recording]:
    """Serve the unix socket ``listen`` by passing everything on to ``upstream``."""
    recording = Recording()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listen))
        server.listen()
        accepting = threading.Thread(target=_accept, args=(server, upstream, recording))
        accepting.start()
        try:
            yield recording
        finally:
            # Wakes the accept call; closing alone would not.
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()


def parse_requests(said: bytes) -> list[Request]:
    """The requests on one connection, in order; the last may be incomplete."""
    requests = []
    while said:
        head, found, rest = said.partition(b"\r\n\r\n")
        if not found:
            break
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request_line.split(" ", 2)
        headers = {
            key.lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)
        }
        body, complete, said = _body(headers, rest)
        requests.append(Request(method, target, headers, body, complete))
    return requests


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bool, bytes]:
    """The body, whether it is whole, and what follows it."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _unchunk(rest)
    length = int(headers.get("content-length", "0"))
    return rest[:length], len(rest) >= length, rest[length:]


def _unchunk(rest: bytes) -> tuple[bytes, bool, bytes]:
    pieces: list[bytes] = []
    position = 0
    while (line_end := rest.find(b"\r\n", position)) >= 0:
        size = int(rest[position:line_end].split(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            return b"".join(pieces), True, rest[start + 2 :]
        pieces.append(rest[start : start + size])
        position = start + size + 2
    return b"".join(pieces), False, b""


def _accept(server: socket.socket, upstream: Path, recording: Recording) -> None:
    conversations = []
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            said = recording.new_connection()
            conversation = threading.Thread(target=_converse, args=(client, upstream, said))
            conversation.start()
            conversations.append(conversation)
    for conversation in conversations:
        conversation.join()


def _converse(client: socket.socket, upstream: Path, said: bytearray) -> None:
    with client, socket.socket(socket.AF_UNIX) as daemon, suppress(OSError):
        daemon.connect(str(upstream))
        answers = threading.Thread(target=_pump, args=(daemon, client, bytearray()))
        answers.start()
        _pump(client, daemon, said)
        answers.join()


def _pump(source: socket.socket, sink: socket.socket, copy: bytearray) -> None:
    """Pass bytes on until the end of ``source``, and then say so to ``sink``."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            copy += piece
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
