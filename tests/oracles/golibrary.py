"""Docker's own Go libraries, asked by the thousand: the program in `gomatch/`.

It answers about patterns and paths without a tree, and lists real trees. The
libraries come from Debian or Ubuntu (see PACKAGES), and nothing is downloaded.
"""

from __future__ import annotations

import base64
import fcntl
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracles.availability import find_command
from tests.oracles.processes import clean_environment, run

PACKAGES = (
    "golang-go",
    "golang-github-moby-patternmatcher-dev",
    "golang-github-tonistiigi-fsutil-dev",
)
_GOPATH = Path("/usr/share/gocode")
_LIBRARIES = ("moby/patternmatcher", "tonistiigi/fsutil")
_SOURCE = Path(__file__).parent / "gomatch"
_CACHE = Path(__file__).parents[2] / "build" / "go-cache"


@dataclass(frozen=True)
class Answer:
    """What the libraries say; verdicts are ``ignored``, ``sent`` or an error's text."""

    patterns: tuple[str, ...]
    error: str
    """Why every build fails, or an empty string."""
    walk: tuple[str, ...]
    or_parent: tuple[str, ...]
    deprecated: tuple[str, ...]
    listed: tuple[str, ...]
    """What a walk over the asked directory sends, in order; directories end in ``/``."""
    refused: frozenset[str]
    walk_error: str
    includes: tuple[str, ...] | None = None
    """What the followed paths come to; None for no filter."""
    seen: int = field(default=0, compare=False)
    """Number of entries that the walk listed, sent or not."""


class GoLibrary:
    """The running program."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(
        self,
        *,
        ignorefile: bytes | None = None,
        patterns: Sequence[str] = (),
        paths: Sequence[str] = (),
        root: Path | None = None,
        follow: Sequence[str] = (),
    ) -> Answer:
        """The verdicts on `paths`, and the list of `root`, by an ignore file or by patterns.

        With `follow` only what these paths come to is listed.
        """
        question = {
            "file": None if ignorefile is None else _packed(ignorefile),
            "patterns": [_packed(_encoded(pattern)) for pattern in patterns],
            "paths": [_packed(_encoded(path)) for path in paths],
            "root": None if root is None else _packed(bytes(root)),
            "follow": [_packed(_encoded(path)) for path in follow],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"gomatch ended at {question}")
        return _answer(json.loads(line))


def missing_library() -> str | None:
    """Why the program cannot be compiled here, or None."""
    found = [_GOPATH / "src/github.com" / library for library in _LIBRARIES]
    if find_command("go") and all(path.is_dir() for path in found):
        return None
    return f"needs the packages {' '.join(PACKAGES)}"


@contextmanager
def go_library(directory: Path) -> Iterator[GoLibrary]:
    """Compile the program into `directory` and run it."""
    binary = directory / "gomatch"
    environment = clean_environment(
        GO111MODULE="off",
        GOPATH=str(_GOPATH),
        GOTOOLCHAIN="local",
        GOCACHE=str(_CACHE),  # half a minute less, from the second run on
        HOME=str(directory),
    )
    argv = [find_command("go") or "go", "build", "-o", str(binary), str(_SOURCE / "main.go")]
    _CACHE.mkdir(parents=True, exist_ok=True)
    # Of several processes one fills the cache, which takes a while.
    with open(_CACHE / "filled-by-one.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        compiled = run(argv, env=environment)
    if compiled.code:
        raise RuntimeError(compiled.stderr)
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    # The scanner inside the library prints each odd byte; nobody reads that.
    with subprocess.Popen([binary], stdin=pipe, stdout=pipe, stderr=null) as process:
        yield GoLibrary(process)
        assert process.stdin is not None
        process.stdin.close()


def _answer(told: dict[str, Any]) -> Answer:
    return Answer(
        patterns=_texts(told["patterns"]),
        error=told["error"],
        walk=tuple(told["walk"] or ()),
        or_parent=tuple(told["or_parent"] or ()),
        deprecated=tuple(told["deprecated"] or ()),
        listed=_texts(told["listed"]),
        refused=frozenset(_texts(told["refused"])),
        walk_error=told["walk_error"],
        seen=told["seen"],
        includes=None if told["includes"] is None else _texts(told["includes"]),
    )


def _texts(packed: list[str] | None) -> tuple[str, ...]:
    return tuple(base64.b64decode(each).decode("utf-8", "surrogateescape") for each in packed or ())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()
