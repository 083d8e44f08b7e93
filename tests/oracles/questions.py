"""A build as a question: equal digests mean that an engine of one version answers alike.

Not part of it: where things lie, ordinary times, and the bytes of compiled programs,
which differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_YEAR_S = 31_556_952
_USUAL_TIMES_NS = (2 * _YEAR_S * 10**9, 272 * _YEAR_S * 10**9)
"""All of these take nine bytes on BuildKit's wire."""
_MOST_CONTENT = 1 << 20
_LONGEST_PATH = 2000
"""What lies deeper is not looked at: no path may become too long for the system."""
_ELF = b"\x7fELF"
_NAMED = "--build-context="


@dataclass(frozen=True)
class Question:
    """What is built, with every path made absolute."""

    builder: str
    context: Path
    dockerfile: Path | None
    target: str | None
    extra: tuple[str, ...]
    unprivileged: bool = False
    warm: bool = False

    @property
    def remembers(self) -> bool:
        """Return whether an earlier build may change the answer."""
        return self.warm or "--no-cache=false" in self.extra

    @property
    def places(self) -> dict[str, str]:
        """Return the paths that texts may name, the longest first, and what stands for them."""
        found = {str(self.context): "{context}", str(self.context.parent): "{beside}"}
        if self.dockerfile is not None:
            found.setdefault(str(self.dockerfile.parent), "{dockerfile}")
        found |= {str(path): f"{{{name}}}" for name, path in self._named()}
        return {path: found[path] for path in sorted(found, key=len, reverse=True)}

    def digest(self, before: str = "") -> str:
        """Return what tells this question from others; `before` is all that was asked before."""
        seen = _Seen(self.places)
        asked = {
            "builder": self.builder,
            "context": seen.tree(self.context),
            "dockerfile": self._dockerfile(seen),
            "target": self.target,
            "extra": [seen.text(each) for each in self.extra],
            "named": {name: seen.tree(path) for name, path in self._named()},
            "how": [self.unprivileged, self.warm, before],
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]

    def _named(self) -> list[tuple[str, Path]]:
        pairs = []
        joined = [*self.extra]
        for option, value in zip(self.extra, self.extra[1:], strict=False):
            if option == "--build-context":
                joined.append(f"{_NAMED}{value}")
        for option in joined:
            name, _, value = option.removeprefix(_NAMED).partition("=")
            if option.startswith(_NAMED) and Path(value).is_dir():
                pairs.append((name, Path(value)))
        return pairs

    def _dockerfile(self, seen: _Seen) -> list[Any]:
        if self.dockerfile is None:
            return []
        own = self.dockerfile.with_name(f"{self.dockerfile.name}.dockerignore")
        name = os.path.relpath(self.dockerfile, self.context)
        inside = name if not name.startswith("..") else self.dockerfile.name
        return [inside, seen.entry(self.dockerfile), seen.entry(own)]


@dataclass
class _Seen:
    """A look at files that notices what an engine would."""

    places: dict[str, str]
    inodes: dict[int, int] = field(default_factory=dict)

    def text(self, text: str) -> str:
        for path, name in self.places.items():
            text = text.replace(path, name)
        return text

    def tree(self, top: Path) -> str:
        """Return the digest of all that lies below `top`."""
        digest = hashlib.sha256()
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                names = sorted(os.listdir(top / folder), key=os.fsencode)
            except OSError as error:
                digest.update(f"{error.errno}".encode())
                continue
            for name in names:
                path = os.path.join(folder, name)
                row = self.entry(top / path)
                digest.update(os.fsencode(path) + b"\0" + json.dumps(row).encode() + b"\0")
                if row and row[0] == stat.S_IFDIR and _is_looked_into(top / path, path):
                    waiting.append(path)
        return digest.hexdigest()

    def entry(self, path: Path) -> list[Any]:
        try:
            found = path.lstat()
        except OSError as error:
            return [error.errno] if error.errno != 2 else []
        kind = stat.S_IFMT(found.st_mode)
        row = [kind, stat.S_IMODE(found.st_mode), self._time(found), self._attributes(path)]
        if kind == stat.S_IFLNK:
            row += [self.text(os.readlink(path)), self._content(path)]
        elif kind == stat.S_IFREG:
            row += self._content(path)
            if found.st_nlink > 1:
                row.append(self.inodes.setdefault(found.st_ino, len(self.inodes)))
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            row.append(found.st_rdev)
        return row

    @staticmethod
    def _time(found: os.stat_result) -> int | str:
        usual = _USUAL_TIMES_NS[0] < found.st_mtime_ns < _USUAL_TIMES_NS[1]
        return "usual" if usual else found.st_mtime_ns

    @staticmethod
    def _attributes(path: Path) -> list[str]:
        try:
            names = sorted(os.listxattr(path, follow_symlinks=False))
            return [f"{n}={os.getxattr(path, n, follow_symlinks=False)!r}" for n in names]
        except OSError:
            return []

    def _content(self, path: Path) -> list[Any]:
        """Return size and digest of a regular file, where a symlink leads to one."""
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return []
            with path.open("rb") as opened:
                data = opened.read(_MOST_CONTENT)
        except OSError as error:
            return [error.errno]
        if data.startswith(_ELF):
            return ["ELF"]
        text = data.decode("latin-1")
        plain = self.text(text)
        size = found.st_size if plain == text else -1
        return [size, hashlib.sha256(plain.encode("latin-1")).hexdigest()[:16]]


def _is_looked_into(place: Path, path: str) -> bool:
    """Return whether the same content is there in every run: git notes times and inodes."""
    return len(path) < _LONGEST_PATH and not (place.name == ".git" and (place / "index").exists())


def asked(
    builder: str,
    context: Path | str,
    dockerfile: Path | str | None,
    target: str | None,
    extra: Sequence[str],
    *,
    unprivileged: bool = False,
    warm: bool = False,
) -> Question:
    """Return the question that a call of a builder asks."""
    file = None if dockerfile is None else Path(os.path.abspath(dockerfile))
    top = Path(os.path.abspath(context))
    return Question(builder, top, file, target, tuple(extra), unprivileged, warm)
