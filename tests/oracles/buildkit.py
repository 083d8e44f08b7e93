"""One build with BuildKit: what arrived, and the byte count that Docker prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracles.archives import TarEntry, read_tar
from tests.oracles.processes import run, without_root_powers

MAIN_CONTEXT = "load build context"
_CONTEXT = re.compile(r"\[internal\] load build context|\[context (.*)\] load from client")

# The client's two halves both hear why a build failed. The one that says so first,
# seldom the second, puts its own heading before the same words. Newer clients have another.
_SOLVING = "ERROR: failed to solve: "
_HEADINGS = ("ERROR: failed to run Build function: ", "ERROR: failed to build: failed to solve: ")


@dataclass(frozen=True)
class Transfer:
    """One ``transferring …: N`` line, with the step that it belongs to."""

    step: str
    status: str
    bytes: int
    done: bool = True
    """Whether the count is the last one: that of a short build may get lost."""

    @property
    def is_of_context(self) -> bool:
        """Whether a context travels, and not the Dockerfile or an ignore file."""
        return _CONTEXT.fullmatch(self.step) is not None


@dataclass(frozen=True)
class BuildResult:
    """What a build left: the image's files in order, or the error."""

    entries: tuple[TarEntry, ...]
    transfers: tuple[Transfer, ...]
    error: str | None
    log: str = field(repr=False, default="")

    @property
    def names(self) -> list[str]:
        """The entries' names in the order of the archive."""
        return [entry.name for entry in self.entries]

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes that arrived, by name."""
        return {entry.name: entry.size_bytes for entry in self.entries}

    @property
    def canceled(self) -> bool:
        """Whether the daemon noticed that the client had gone before it was told why."""
        return self.error is not None and self.error.endswith("context canceled")

    @property
    def transferred_bytes(self) -> int | None:
        """The N of ``transferring context: N``; None if the context was not asked for."""
        return self.bytes_of(MAIN_CONTEXT)

    def loaded(self) -> dict[str, list[Transfer]]:
        """The transfers of contexts by their names; `""` is the build context."""
        found: dict[str, list[Transfer]] = {}
        for transfer in self.transfers:
            name = _CONTEXT.fullmatch(transfer.step)
            if name:
                found.setdefault(name[1] or "", []).append(transfer)
        return found

    def bytes_of(self, step: str) -> int | None:
        """The bytes of the transfer whose step contains ``step``, or None."""
        found = [transfer.bytes for transfer in self.transfers if step in transfer.step]
        return sum(found) if found else None


def build(
    context: Path | str,
    options: Sequence[str],
    *,
    plugin: Path | None,
    env: Mapping[str, str],
    work: Path,
    unprivileged: bool,
) -> BuildResult:
    """Run what ``docker buildx build`` runs; the image comes back as a tar through ``work``.

    ``plugin`` is buildx itself: `docker buildx` would start it as a second process.
    """
    output = work / "out.tar"
    output.unlink(missing_ok=True)
    argv = [str(plugin or "docker-buildx"), "build"]
    argv += ["--progress=rawjson", "--provenance=false", "--no-cache"]
    argv += ["--output", f"type=tar,dest={output}", *options, str(context)]
    finished = run(without_root_powers(argv) if unprivileged else argv, env=env)
    messages, text = _split(finished.stderr)
    if finished.code:
        return BuildResult((), _transfers(messages), read_error(text), finished.stderr)
    return BuildResult(read_tar(output), _transfers(messages), None, finished.stderr)


def _split(output: str) -> tuple[list[dict[str, Any]], str]:
    """Progress messages (JSON over many lines) and the plain lines between them."""
    decoder, messages, lines, position = json.JSONDecoder(), [], [], 0
    while position < len(output):
        if output.startswith("{\n", position) or output.startswith('{"', position):
            message, position = decoder.raw_decode(output, position)
            messages.append(message)
        else:
            line, _, _ = output[position:].partition("\n")
            lines.append(line)
            position += len(line) + 1
    return messages, "\n".join(line for line in lines if line.strip())


def read_error(text: str) -> str:
    """From ``ERROR:`` on; the excerpt of the Dockerfile before it says nothing new."""
    _, found, message = text.rpartition("ERROR: ")
    error = f"{found}{message}"
    for heading in _HEADINGS:
        error = error.replace(heading, _SOLVING)
    return error


def _transfers(messages: Sequence[Mapping[str, Any]]) -> tuple[Transfer, ...]:
    steps = {vertex["digest"]: vertex["name"] for vertex in _each(messages, "vertexes")}
    last: dict[tuple[str, str], tuple[int, bool]] = {}
    for status in _each(messages, "statuses"):
        if status["id"].startswith("transferring "):
            count = status.get("current", 0), "completed" in status
            last[status["vertex"], status["id"]] = count
    return tuple(
        Transfer(steps.get(vertex, vertex), status, *count)
        for (vertex, status), count in last.items()
    )


def _each(messages: Sequence[Mapping[str, Any]], key: str) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        yield from message.get(key) or ()
