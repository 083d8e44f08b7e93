"""The arguments of one `docker build`, the input of every function and command."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
elif sys.version_info >= (3, 11):
    from typing import Unpack
else:

    class Unpack:
        """Stands for `typing.Unpack`: the type of `**options` is then the `TypedDict` itself."""

        def __class_getitem__(cls, options: type) -> type:
            return options


StrPath = str | os.PathLike[str]  # one path, in every public function
_SHORTEST, _LONG = 4, 8
"""Number of characters of the shortest possible secret, and of a secret that no word is."""
_REMOTE = re.compile(r"(https?|git|ssh|docker-image|oci-layout|target)://|git@|github\.com/")
_ELSEWHERE = re.compile(r"(target|service):|(gs|s3|tar)://")
"""Begins a target of Bake, a service of Compose, and an archive that kaniko fetches."""
_PLAIN = re.compile("[A-Z]?[a-z]*|[A-Z]*|[0-9.]*")  # masked only where it stands alone, if short


@dataclass(frozen=True)
class Build:
    """The arguments of a `docker build`. Nothing is read before a request is made of it."""

    context: str = "."  # the directory; paths are relative to the working directory
    dockerfile: str | None = None  # None for the usual names, `-` for `dockerfile_inline`
    target: str = ""  # the last stage if empty
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    """The directory, URL or image of each named context, by name."""
    platforms: tuple[str, ...] = ()  # by default `DOCKER_DEFAULT_PLATFORM` or this machine's
    builder: str = "buildkit"  # the builder whose behaviour applies, a key of `BUILDERS`
    dockerfile_inline: bytes | None = None
    """The text of the Dockerfile `-`, which has no file and no ignore file of its own."""
    hidden: tuple[tuple[str, str], ...] = ()
    """Values from a file or the environment, each with the text to print instead."""
    target_written: tuple[str, str] = ("", "")
    """A target whose name a file writes with variables, and that text of the file."""

    if TYPE_CHECKING:

        def __init__(  # the fields, which also take other paths than texts
            self,
            context: StrPath = ".",
            dockerfile: StrPath | None = None,
            target: str = "",
            build_arguments: Mapping[str, str] = ...,
            build_contexts: Mapping[str, StrPath] = ...,
            platforms: Iterable[str] = (),
            builder: str = "buildkit",
            dockerfile_inline: bytes | None = None,
            hidden: tuple[tuple[str, str], ...] = (),
            target_written: tuple[str, str] = ("", ""),
        ) -> None: ...

    def __post_init__(self) -> None:
        """Keep paths as text, and a platform that is given alone as one of several."""
        contexts = {name: path_of(value) for name, value in self.build_contexts.items()}
        object.__setattr__(self, "context", path_of(self.context))
        object.__setattr__(self, "build_contexts", contexts)
        object.__setattr__(self, "platforms", tuple(words_of(self.platforms)))
        if self.dockerfile is not None:
            object.__setattr__(self, "dockerfile", path_of(self.dockerfile))

    @property
    def shown_target(self) -> str:
        """Return the target as it may be printed."""
        target, written = self.target_written
        return written if self.target == target else self.target

    def masked(self, text: str, *, openly: str = "") -> str:
        """Return `text` for a message, with each hidden value replaced.

        A value that is part of a name on disk, of the target or of `openly` is not hidden, and
        neither is one that is too short for a secret.
        """
        known = (self.context, self.dockerfile or "", self.shown_target, openly)
        pairs = set(self.hidden)
        for value, name in self.hidden:  # also as paths that are built from it show it
            normal = os.path.normpath(value)
            pairs |= {(normal, name), (normal.lstrip("./"), name)}
        for value, written in sorted(pairs, key=lambda pair: (-len(pair[0]), pair)):
            if len(value) < _SHORTEST or value not in text or any(value in each for each in known):
                continue
            if len(value) < _LONG and _PLAIN.fullmatch(value):
                text = written.join(re.split(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text))
            else:
                text = text.replace(value, written)
        return text

    def words(self) -> tuple[str, ...]:
        """Return the same options as words of a command line."""
        words = ["--target", self.shown_target] if self.target else []
        for name, value in self.build_arguments.items():
            hidden = (value, f"${name}") in self.hidden
            words += ["--build-arg", self.masked(name) if hidden else f"{name}={value}"]
        for name, value in self.build_contexts.items():
            words += ["--build-context", f"{name}={value}"]
        return (*words, *(word for each in self.platforms for word in ("--platform", each)))

    def given(self) -> tuple[str, ...]:
        """Return the names of the given options, which affect only what the Dockerfile takes."""
        return tuple(dict.fromkeys(self.words()[::2]))


def hiding(build: Build, names: Iterable[str]) -> Build:
    """Return `build` with the values of these arguments hidden, as no command line shows them."""
    pairs = ((build.build_arguments[name], f"${name}") for name in names)
    return replace(build, hidden=tuple(dict.fromkeys((*build.hidden, *pairs))))


def is_remote(name: str) -> bool:
    """Return whether this names something that the builder itself fetches."""
    return _REMOTE.match(name) is not None


def is_reference(context: str) -> bool:
    """Return whether a build context is a URL, an image, a service, a target or stdin.

    Anything else is a path, also with `://` in it: `a://b` is the directory `b` in `a:`.
    """
    return context == "-" or is_remote(context) or _ELSEWHERE.match(context) is not None


def is_named_reference(value: str) -> bool:
    """Return whether a named context is a URL, an image or a target, and no path."""
    return is_remote(value) or value.startswith("target:")


def placed(named: Mapping[str, str], directory: str) -> dict[str, str]:
    """Return named contexts with their paths joined to `directory`."""
    contexts = dict[str, str]()
    for name, value in named.items():
        if is_named_reference(value):
            contexts[name] = value
        else:
            contexts[name] = os.path.normpath(os.path.join(directory, value))
    return contexts


class Options(TypedDict, total=False):
    """The fields of `Build` except the context, as keywords."""

    dockerfile: StrPath | None
    target: str
    build_arguments: Mapping[str, str]
    build_contexts: Mapping[str, StrPath]
    platforms: Iterable[str]
    builder: str
    dockerfile_inline: bytes | None
    hidden: tuple[tuple[str, str], ...]
    target_written: tuple[str, str]


def build_of(build: Build | StrPath | None, options: Options) -> Build | None:
    """Return the build with these options, None if neither is given."""
    if build is None:
        return Build(**options) if options else None
    if not isinstance(build, Build):
        return Build(build, **options)
    changes: dict[str, Any] = {**options}
    return replace(build, **changes)


def builds_of(builds: Build | StrPath | Iterable[Build | StrPath]) -> list[Build]:
    """Return builds, or those of contexts; one alone is one, also if it is a text."""
    if isinstance(builds, (Build, str, bytes, os.PathLike)):
        builds = [builds]
    return [each if isinstance(each, Build) else Build(each) for each in builds]


def path_of(path: StrPath) -> str:
    """Return a path as text. Raises `TypeError` for a value that is no path."""
    return os.fsdecode(path)


def paths_of(paths: StrPath | Iterable[StrPath]) -> list[str]:
    """Return paths as texts; a path alone is one, not the letters of its name."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        return [path_of(paths)]
    return [path_of(each) for each in paths]


def words_of(words: str | Iterable[str]) -> list[str]:
    """Return words as a list; a word alone is one, not its letters."""
    if isinstance(words, str):
        return [words]
    return [*words]
