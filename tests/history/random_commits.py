"""A random history of `examples/services`, with builds that take much and little of it.

Each file that is written has a length of its own, so that its length in an image tells its content.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.examples import ROOT
from tests.history.layers import UNUSED, Recipe
from tests.history.repository import commit, planted
from tests.trees import Node, file, link

_FIRST_LENGTH = 1000  # of what is written: no text of the repository is as long
_ADDED = (
    *("aggregator/.keep", "recap-worker/.keep", "shared/.keep", "docs/.keep"),
    *("shared/lib/s.rs", "docs/d.md"),
    *("aggregator/docs/a.md", "aggregator/docs/deep/b.md", "recap-worker/src/lib/n.rs"),
    *("recap-worker/target/big.o", "README.md", "aggregator/src/m.rs"),
)
_NODES: list[str | Node] = [
    *(link("current", "aggregator"), link("common", "shared")),
    *(link("aggregator/link", "docs/deep"), link("recap-worker/link", "src")),
    file(
        "docker/out.Dockerfile", b"FROM scratch\nARG DIR\nCOPY $DIR /x/\nCOPY --from=shared . /x/\n"
    ),
    file(
        "docker/whole.Dockerfile",
        b"FROM scratch\nCOPY docs current/src /x/\nCOPY aggregator/link /x/\n",
    ),
]
_CONTEXTS = ("aggregator", "recap-worker")
_LINKED = {"current": _CONTEXTS, "common": ("shared", "docs")}
"""Symlinks to contexts, and what they may lead to."""
_KEPT = (*_CONTEXTS, "shared", "docs")
_DOCKERFILES = (
    *("aggregator/Dockerfile", "recap-worker/Dockerfile.recap-worker"),
    *("docker/out.Dockerfile", "docker/whole.Dockerfile"),
)
_DIRECTORIES = (
    *("aggregator", "aggregator/src", "aggregator/docs", "aggregator/docs/deep"),
    *("aggregator/target", "recap-worker", "recap-worker/src", "recap-worker/src/lib"),
    *("recap-worker/target", "shared", "shared/lib", "docs", "recap-worker/docs"),
)
_NAMES = ("main.rs", "m.rs", "Cargo.lock", "notes.md", "x.log", "deep", "link", "lib", "é")
_TARGETS = ("src", "docs", "docs/deep", "../src", "main.rs", "/docs", "lib", "../shared", "..")
_TAKING = (
    *("COPY . /x/", "COPY src /x/", "COPY src/*.rs Cargo.toml /x/", "COPY src/ docs* /x/"),
    *("COPY Cargo.toml Cargo.lock* /x/", "ADD src /x/", "COPY s?c /x/"),
    *["COPY $DIR /x/"] * 4,
    *("COPY link /x/", "COPY link/*.* /x/", "COPY l*k /x/"),
    *("COPY --from=shared . /x/", "COPY --from=shared lib* /x/", "COPY link /x/"),
    *("COPY link/*.md src /x/", "COPY li*k/* src /x/", "COPY s*/*.rs /x/", "COPY [es]* /x/"),
    *("COPY src/../Cargo.toml /x/", "COPY docs*/deep src/main.rs /x/", "COPY --chown=1:1 src /x/"),
    "RUN --mount=type=bind,source=src,target=/s true",
    "RUN --mount=type=bind,source=.,target=/s true",
)
_OF_THE_WHOLE = (
    *("COPY docs /x/", "COPY ag*/src/main.rs /x/", "COPY README.md aggregator/docs* /x/"),
    *("COPY current/src /x/", "COPY cur* /x/", "COPY recap-worker/link/ /x/"),
    *("COPY --from=shared . /x/", "COPY aggregator/link/b.md* docs /x/"),
    "RUN --mount=type=bind,source=shared/lib,target=/s true",
)
_IGNORED = (
    *("target", "*.md", "**/*.log", "src/*", "!src/main.rs", "Dockerfile*", ".dockerignore"),
    *("docs", "!docs/deep", "lib", "**/lib/*", "*", "!src", "link", "docs/*", "!**/a.md"),
    *(".keep", "aggregator/docs", "**/deep", "[", "shared", "current"),
)


class Service(NamedTuple):
    """A service of the Compose file."""

    context: str
    dockerfile: str  # relative to the context
    directory: str = "src"  # the argument DIR; `${SOURCE}` for what `.env` says

    def recipe(self, source: str) -> Recipe:
        """Return its build, with the value of SOURCE."""
        arguments = {"DIR": self.directory.replace("${SOURCE}", source)}
        dockerfile = os.path.normpath(f"{self.context}/{self.dockerfile}")
        return Recipe(self.context, dockerfile, arguments, {"shared": "common"})

    @property
    def text(self) -> str:
        """Return its lines."""
        lines = [
            "    build:",
            f"      context: ./{self.context}",
            f"      dockerfile: {self.dockerfile}",
            f'      args: {{DIR: "{self.directory}"}}',
            "      additional_contexts: {shared: ./common}",
        ]
        return "\n".join(lines)


_SERVICES = {
    "aggregator": Service("aggregator", "Dockerfile"),
    "recap-worker": Service("recap-worker", "Dockerfile.recap-worker"),
    "linked": Service("current", "Dockerfile"),
    "outside": Service("current", "../docker/out.Dockerfile", "${SOURCE}"),
    "whole": Service(".", "docker/whole.Dockerfile"),
}


@dataclass
class History:
    """A repository that random commits change."""

    root: Path
    random: Random
    services: dict[str, Service] = field(default_factory=lambda: {**_SERVICES})
    source: str = "src"  # what `.env` says
    _lengths: count[int] = field(default_factory=lambda: count(_FIRST_LENGTH))

    @property
    def recipes(self) -> dict[str, Recipe]:
        """Return the builds of the last commit, by their services."""
        return {name: service.recipe(self.source) for name, service in self.services.items()}

    def plant(self) -> None:
        """Make the first commit."""
        ignore = shutil.ignore_patterns("target")
        shutil.copytree(ROOT / "examples/services", self.root, symlinks=True, ignore=ignore)
        for path in _ADDED:
            self._write(path)
        self._write("compose.yaml", self._compose())
        self._write(".env", "SOURCE=src\n")
        planted(self.root, _NODES)

    def change(self) -> None:
        """Make one more commit, of one to three changes."""
        for _ in range(self.random.randint(1, 3)):
            self.random.choice(self._changes())()
        commit(self.root)

    def _changes(self) -> list[Callable[[], None]]:
        """Return what may be done, as often as it shall happen."""
        changes = [*[self._write_file] * 4, *[self._delete] * 2, *[self._rename] * 2]
        changes += [*[self._chmod] * 2, *[self._relink] * 3, self._rename_directory]
        changes += [self._remove_directory, self._write_ignore_file, self._write_own_ignore_file]
        changes += [*[self._write_dockerfile] * 3, *[self._write_compose] * 3, self._relink_context]
        return changes

    def _write_file(self) -> None:
        path = self._new_path()
        if self.random.random() < 0.5:
            path = self._file() or path
        self._write(path)

    def _delete(self) -> None:
        path = self._file()
        if path:
            (self.root / path).unlink()

    def _rename(self) -> None:
        path = self._file()
        if path:
            self._move(path, self._new_path())

    def _rename_directory(self) -> None:
        path = self.random.choice(_DIRECTORIES)
        if self._may_go(path):
            self._move(path, self._new_path())

    def _move(self, old: str, new: str) -> None:
        kept = self.root / ".kept"
        (self.root / old).rename(kept)
        self._make_room(new)
        kept.rename(self.root / new)

    def _remove_directory(self) -> None:
        path = self.random.choice(_DIRECTORIES)
        if self._may_go(path):
            shutil.rmtree(self.root / path)

    def _chmod(self) -> None:
        path = self._file()
        if path and not (self.root / path).is_symlink():
            mode = (self.root / path).stat().st_mode
            (self.root / path).chmod(mode ^ 0o111)

    def _relink(self) -> None:
        path = self._new_path()
        links = [each for each in self._files() if (self.root / each).is_symlink()]
        if links and self.random.random() < 0.6:
            path = self.random.choice(links)
        if path in _LINKED:
            return
        self._make_room(path)
        chance = self.random.random()
        if chance < 0.2:
            self._write(f"{path}/x.md")
        elif chance < 0.8:
            (self.root / path).symlink_to(self.random.choice(_TARGETS))

    def _relink_context(self) -> None:
        path = self.random.choice([*_LINKED])
        (self.root / path).unlink()
        (self.root / path).symlink_to(self.random.choice(_LINKED[path]))

    def _write_ignore_file(self) -> None:
        directory = self.random.choice((*_CONTEXTS, "shared", "."))
        self._write(f"{directory}/.dockerignore", self._ignored())

    def _write_own_ignore_file(self) -> None:
        path = f"{self.random.choice(_DOCKERFILES)}.dockerignore"
        if (self.root / path).exists() and self.random.random() < 0.7:
            (self.root / path).unlink()
        else:
            self._write(path, self._ignored())

    def _ignored(self) -> str:
        lines = self.random.sample(_IGNORED, self.random.randint(0, 4))
        return "".join(f"{line}\n" for line in lines)

    def _write_dockerfile(self) -> None:
        path = self.random.choice(_DOCKERFILES)
        chance = self.random.random()
        if chance < 0.05 and (self.root / path).exists():
            (self.root / path).unlink()
        elif chance < 0.1:
            self._write(path, "FROM scratch\nCOPY [\n")
        else:
            self._write(path, self._dockerfile("whole" in path))

    def _dockerfile(self, is_of_whole: bool) -> str:
        sources = _TAKING
        if is_of_whole:
            sources = _OF_THE_WHOLE
        lines = self.random.sample(sources, self.random.randint(1, 3))
        stages = [["FROM scratch", "ARG DIR", *lines]]
        if self.random.random() < 0.3:
            stages.insert(0, [f"FROM scratch {UNUSED}", self.random.choice(sources)])
        return "".join(f"{line}\n" for stage in stages for line in stage)

    def _write_compose(self) -> None:
        chance = self.random.random()
        if chance < 0.2:
            self.source = self.random.choice(("src", "docs"))
            self._write(".env", f"SOURCE={self.source}\n")
            return
        name = self.random.choice([*self.services])
        service = self.services[name]
        if chance < 0.4:
            self.services[name] = service._replace(directory=self.random.choice(("src", "docs")))
        elif chance < 0.6:
            self.services["aggregator"] = Service(
                "aggregator",
                self.random.choice(("Dockerfile", "../docker/out.Dockerfile", "missing")),
            )
        elif chance < 0.7 and "more" in self.services:
            del self.services["more"]
        elif chance < 0.8:
            self.services["more"] = service._replace(directory=self.random.choice(("src", "docs")))
        self._write("compose.yaml", self._compose())

    def _compose(self) -> str:
        """Return the Compose file; that it is another one alone changes no build."""
        parts = [f"  {name}:\n{service.text}\n" for name, service in self.services.items()]
        return "services:\n" + "".join(parts)

    def _write(self, path: str, text: str = "") -> None:
        """Write a text, filled up with a comment to a length that no other file has."""
        length = next(self._lengths)
        self._make_room(path)
        (self.root / path).write_text(text + "#".ljust(length - len(text.encode()), "."))

    def _make_room(self, path: str) -> None:
        """Make the directories above a path, and remove what is there."""
        place = self.root
        for name in path.split("/")[:-1]:
            place = place / name
            if place.is_symlink() or place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
        there = self.root / path
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)

    def _may_go(self, path: str) -> bool:
        """Return whether a directory is there that is no context, and not behind a symlink."""
        there = self.root / path
        if path in _KEPT or not there.is_dir():
            return False
        return there.resolve() == self.root.resolve() / path

    def _new_path(self) -> str:
        return f"{self.random.choice(_DIRECTORIES)}/{self.random.choice(_NAMES)}"

    def _file(self) -> str | None:
        """Return a random file or symlink that no build needs to be one."""
        files = [
            path
            for path in self._files()
            if "ocker" not in path
            and path not in ("compose.yaml", ".env", *_LINKED)
            and not path.endswith(".keep")
        ]
        return self.random.choice(files) if files else None

    def _files(self) -> list[str]:
        """Return all files and symlinks, in order."""
        files = []
        for directory, directories, names in os.walk(self.root):
            if ".git" in directories:
                directories.remove(".git")
            names += [each for each in directories if os.path.islink(f"{directory}/{each}")]
            files += [os.path.relpath(f"{directory}/{name}", self.root) for name in names]
        return sorted(files)
