"""Runs the command line: in this process where that is equal, else in its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from ctxsize.cli.app import run

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534  # the user for whom permissions count
_QUIET = ("NO_COLOR", "FORCE_COLOR", "CTXSIZE_DEBUG", "LINES")


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Cli(Protocol):
    def __call__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        columns: int = 80,
    ) -> Result: ...


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Runs `ctxsize ARGUMENTS` in this process; stdout is no terminal."""

    def call(
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        columns: int = 80,
    ) -> Result:
        with monkeypatch.context() as patch:
            for name in _QUIET:
                patch.delenv(name, raising=False)
            patch.setenv("COLUMNS", str(columns))
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            if cwd is not None:
                patch.chdir(cwd)
            capfdbinary.readouterr()
            code = run(list(arguments))
        out, err = capfdbinary.readouterr()
        return Result(code, out, err.decode())

    return call


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A directory that another user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user for whom permissions count: root reads everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


def environment(**more: str) -> dict[str, str]:
    """The environment of a `ctxsize` in its own process."""
    kept = {name: value for name, value in os.environ.items() if name not in _QUIET}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8", **more}


def spawn(*arguments: str, cwd: Path | None = None, **more: str) -> subprocess.Popen[bytes]:
    """`ctxsize ARGUMENTS` in its own process, with both outputs as pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "ctxsize", *arguments],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
