"""The engines that this machine has: Debian's stable ones, and newer ones unpacked in a folder.

`newer-docker DIR` unpacks the latter; `CTXSIZE_NEWER_DOCKER` names that folder.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.oracles.availability import SEARCH_PATH, buildx_plugin, find_command, missing

RECORDED = {
    ("docker", "newer"): "28.5.2",
    ("docker", "older"): "26.1.5",
    ("buildah", "newer"): "1.43.2",
    ("buildah", "older"): "1.39.3",
}
"""The versions that answered. Any other is reported, and asked only what is not recorded."""
AGES = ("newer", "older")
_VERSION = re.compile(r"version (\d+(?:\.\d+)+)")


@dataclass(frozen=True)
class Installation:
    """One engine of one age, as it is found on this machine."""

    engine: str
    age: str

    @property
    def name(self) -> str:
        """As reports and recordings call it."""
        return f"{self.engine} {RECORDED[self.engine, self.age]}"

    @property
    def search_path(self) -> str:
        """The PATH to start it with."""
        folder = newer_folder()
        if self.age == "older" or folder is None:
            return SEARCH_PATH
        return os.pathsep.join([f"{folder}/usr/bin", f"{folder}/usr/sbin", SEARCH_PATH])

    @property
    def plugin(self) -> Path | None:
        """The executable behind `docker buildx`."""
        folder = newer_folder()
        if self.age == "older" or folder is None:
            return buildx_plugin()
        return folder / "usr/libexec/docker/cli-plugins/docker-buildx"

    def command(self, name: str) -> str:
        """The path of one of its commands."""
        return find_command(name, self.search_path) or name

    @property
    def absent(self) -> str | None:
        """Why it cannot be asked here, or None."""
        if self.age == "newer" and newer_folder() is None:
            return "CTXSIZE_NEWER_DOCKER names no folder of `newer-docker`"
        return missing(self.engine)

    @property
    def problem(self) -> str | None:
        """Why it is not the engine that gave the recorded answers, or None."""
        wanted = RECORDED[self.engine, self.age]
        return self.absent or (None if self.version == wanted else f"found {self.version}")

    @property
    def version(self) -> str:
        """The version that the engine prints, or why it prints none."""
        return _version(self)


def newer_folder() -> Path | None:
    """Return the folder in which the newer engines lie, or None."""
    named = os.environ.get("CTXSIZE_NEWER_DOCKER")
    return Path(named) if named and Path(named).is_dir() else None


@cache
def _version(installation: Installation) -> str:
    program = {"docker": "dockerd"}.get(installation.engine, installation.engine)
    asked = subprocess.run(
        [installation.command(program), "--version"], capture_output=True, text=True, check=False
    )
    found = _VERSION.search(asked.stdout)
    return found[1] if found else f"not running ({asked.stderr.strip()[-200:]})"
