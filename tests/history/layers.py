"""The layers of a build as a real Docker makes them, one for each instruction that takes files.

A commit is laid out by git itself. Each instruction of the Dockerfile that takes files of a context
becomes a `COPY` into a directory named after its line, so the image says who got what. Nothing here
asks ctxsize.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.history.repository import git
from tests.oracles.archives import TarEntry
from tests.oracles.engines import Docker
from tests.oracles.questions import asked

UNUSED = "AS unused"
"""The end of a FROM line whose stage no other one needs."""
_MOUNT = re.compile(r"RUN --mount=type=bind,source=(\S+),target=\S+")
_COPY = re.compile(r"(?P<head>(?:COPY|ADD)(?: --\S+)*) (?P<sources>.+) \S+")
_FROM_STAGE = re.compile(r"COPY --from=(?P<stage>\S+) ")


class Recipe(NamedTuple):
    """One build of a repository, with paths relative to its top."""

    context: str
    dockerfile: str
    arguments: Mapping[str, str] = {}
    contexts: Mapping[str, str] = {}  # those named by `--build-context`


class Layers(NamedTuple):
    """What a build gives."""

    by_line: Mapping[int, frozenset[str]]  # entries, by the line of the instruction that took them
    error: str | None

    @property
    def failed(self) -> bool:
        """Return whether there is no image."""
        return self.error is not None

    def lines_unlike(self, other: Layers) -> set[int]:
        """Return the lines whose entries differ."""
        lines = {*self.by_line, *other.by_line}
        return {line for line in lines if self.by_line.get(line) != other.by_line.get(line)}


def laid_out(root: Path, directory: Path) -> Path:
    """Lay the files of the index, which are those of the last commit, in a new directory."""
    git(root, "checkout-index", "--all", f"--prefix={directory}/")
    return directory


@dataclass
class Builder:
    """Docker, which is asked once for each distinct build."""

    docker: Docker
    directory: Path
    layers: dict[tuple[str, str], Layers]
    """What it answered already, by its age and by the question; tests may share it."""
    number: int = field(default=0)

    def build(self, top: Path, recipe: Recipe) -> Layers:
        """Return the layers of a build in the files below `top`."""
        dockerfile = self._dockerfile(top, recipe)
        if dockerfile is None:
            return Layers({}, "there is no Dockerfile")
        options = [f"--build-arg={name}={value}" for name, value in recipe.arguments.items()]
        for name, path in recipe.contexts.items():
            options.append(f"--build-context={name}={top / path}")
        context = top / recipe.context
        question = asked("buildkit", context, dockerfile, None, options)
        key = self.docker.age, question.digest()
        if key not in self.layers:
            image = self.docker.build_buildkit(context, dockerfile=dockerfile, extra=options)
            self.layers[key] = Layers(_by_line(image.entries), image.error)
        return self.layers[key]

    def _dockerfile(self, top: Path, recipe: Recipe) -> Path | None:
        """Write the Dockerfile that is built, with the ignore file that belongs to it."""
        path = top / recipe.dockerfile
        if not path.is_file():
            return None
        self.number += 1
        place = self.directory / f"dockerfiles-{self.number}"
        place.mkdir()
        lines = copying(path.read_text(), recipe.contexts)
        (place / "Dockerfile").write_text("\n".join(lines) + "\n")
        own = path.with_name(f"{path.name}.dockerignore")
        if own.is_file():
            shutil.copyfile(own, place / "Dockerfile.dockerignore")
        return place / "Dockerfile"


def copying(dockerfile: str, contexts: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a Dockerfile that copies what `dockerfile` takes of contexts."""
    yield "FROM scratch"
    yield "COPY <<E /0/nothing\nE"
    is_used = True
    for number, line in enumerate(dockerfile.splitlines(), start=1):
        if line.startswith("FROM "):
            is_used = not line.endswith(UNUSED)
        if not is_used:
            continue
        if line.startswith("ARG "):
            yield line
        mount = _MOUNT.match(line)
        if mount:
            yield f"COPY {mount[1]} /{number}/"
        copy = _COPY.fullmatch(line)
        stage = _FROM_STAGE.match(line)
        if copy and (stage is None or stage["stage"] in contexts):
            # Each source has a directory of its own, as one may overwrite what another one copied.
            for place, source in enumerate(copy["sources"].split()):
                yield f"{copy['head']} {source} /{number}/{place}/"


def _by_line(entries: tuple[TarEntry, ...]) -> Mapping[int, frozenset[str]]:
    """Return what is said of each entry, by the line in its name."""
    by_line = defaultdict(set)
    for entry in entries:
        line, _, path = entry.name.partition("/")
        said = f"{path} {entry.kind} {entry.mode:o} {entry.size_bytes} {entry.linkname}"
        by_line[int(line)].add(said)
    return {line: frozenset(said) for line, said in by_line.items()}
