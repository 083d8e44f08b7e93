"""One build with buildah, which is what podman runs: no daemon, nothing is sent."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.oracles.archives import TarEntry, read_tar
from tests.oracles.availability import find_command
from tests.oracles.installed import Installation
from tests.oracles.processes import clean_environment, run
from tests.trees import remove_tree


@dataclass(frozen=True)
class BuildahResult:
    """The files in the image's layers, or the error."""

    entries: tuple[TarEntry, ...]
    error: str | None

    @property
    def names(self) -> list[str]:
        """The entries' names in the order of the archive."""
        return [entry.name for entry in self.entries]


class Buildah:
    """buildah with a storage of its own below one directory."""

    def __init__(self, directory: Path, installed: Installation) -> None:
        self.directory = directory
        self.installed = installed
        self._configuration = _without_network(directory)

    def build_buildah(
        self,
        context: Path | str,
        *,
        dockerfile: Path | str | None = None,
        target: str | None = None,
        extra: Sequence[str] = (),
    ) -> BuildahResult:
        """Build ``context`` and read the layers back."""
        options = [] if dockerfile is None else ["--file", str(dockerfile)]
        options += [] if target is None else ["--target", target]
        with tempfile.TemporaryDirectory(prefix="b", dir=self.directory) as work:
            output = Path(work) / "out.tar"
            argv = [self.installed.command("buildah"), *self._storage()]
            argv += ["bud", "--isolation", "chroot", "--no-cache", *options, *extra]
            argv += ["-t", f"oci-archive:{output}", str(context)]
            finished = run(argv, env=self._environment(work))
            if finished.code:
                return BuildahResult((), finished.stderr.strip())
            return BuildahResult(_image_entries(output), None)

    def _storage(self) -> list[str]:
        root, runroot = self.directory / "root", self.directory / "runroot"
        return ["--root", str(root), "--runroot", str(runroot), "--storage-driver", "vfs"]

    def _environment(self, work: str) -> dict[str, str]:
        configuration = str(self._configuration)
        return clean_environment(HOME=work, TMPDIR=work, CONTAINERS_CONF=configuration)


@contextmanager
def buildah_in(directory: Path, installed: Installation) -> Iterator[Buildah]:
    """A buildah whose storage is removed afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield Buildah(directory, installed)
    finally:
        remove_tree(directory)


def _without_network(directory: Path) -> Path:
    """A configuration under which buildah starts without a network backend.

    It insists on finding ``netavark`` even for a build that runs nothing, and
    Debian only recommends that package. Our Dockerfiles have no RUN, so a
    stand-in that is never called is enough.
    """
    helpers = directory / "helpers"
    helpers.mkdir()
    (helpers / "netavark").symlink_to(find_command("true") or "/bin/true")
    configuration = directory / "containers.conf"
    # Without the second part a RUN needs the right to raise its own limits.
    configuration.write_text(
        f'[engine]\nhelper_binaries_dir = ["{helpers}"]\n'
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    )
    return configuration


def _image_entries(archive: Path) -> tuple[TarEntry, ...]:
    """All layers' entries, lowest layer first; none for an image without layers."""
    with tarfile.open(archive) as image:
        (described,) = _json(image, "index.json")["manifests"]
        manifest = _json(image, _blob(described))
        layers = [_read(image, _blob(layer)) for layer in manifest["layers"]]
    return tuple(entry for layer in layers for entry in read_tar(layer))


def _blob(descriptor: dict[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def _json(image: tarfile.TarFile, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_read(image, name))
    return content


def _read(image: tarfile.TarFile, name: str) -> bytes:
    member = image.extractfile(name)
    assert member is not None, name
    with member:
        return member.read()
