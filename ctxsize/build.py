"""The arguments of one `docker build`, the input of every function and command."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from os.path import join, normpath
from typing import TYPE_CHECKING, Any, TypedDict

from ctxsize.hidden import Hidden, made_of, shown
from ctxsize.model import Texts
from ctxsize.values import Value

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
elif sys.version_info >= (3, 11):
    from typing import Unpack
else:

    class Unpack:
        """Stands for `typing.Unpack`: the type of `**options` is then the `TypedDict` itself."""

        def __class_getitem__(cls, options: type) -> type:
            return options


TextsByName = Mapping[str, str]
StrPath = str | os.PathLike[str]  # one path, in every public function
StrPaths = StrPath | Iterable[StrPath]  # one path is not the letters of its name
_REMOTE = r"(https?|git|ssh|docker-image|oci-layout|target)://|git@|github\.com/"
_ELSEWHERE = r"(target|service):|(gs|s3|tar)://"
"""Begins a target of Bake, a service of Compose, and an archive that kaniko fetches."""


class Build(Value):
    """The arguments of a `docker build`. Nothing is read before a plan is made of it."""

    context: str = "."  # the directory; paths are relative to the working directory
    dockerfile: str | None = None  # None for the usual names, `-` for `dockerfile_inline`
    target: str = ""  # the last stage if empty
    build_arguments: TextsByName = field(default_factory=dict, repr=False)
    """The values are used and never printed, nor is anything that is made from them."""
    build_contexts: TextsByName = field(default_factory=dict)
    """The directory, URL or image of each named context, by name."""
    platforms: Texts = ()  # by default `DOCKER_DEFAULT_PLATFORM` or this machine's
    builder: str = "buildkit"  # the builder whose behaviour applies, a key of `BUILDERS`
    dockerfile_inline: bytes | None = field(default=None, repr=False)
    """The text of the Dockerfile `-`, which has no file and no ignore file of its own."""
    dockerfile_written: bytes | None = None
    """`dockerfile_inline` with names in place of hidden values; None if it has none."""
    needed_words: Texts | None = field(default=None, compare=False, repr=False)
    """The words for its arguments, contexts and platforms, if a command finds the others in the
    repository; None to write all of them."""

    if TYPE_CHECKING:

        def __init__(  # the fields, which also take other paths than texts
            self,
            context: StrPath = ".",
            dockerfile: StrPath | None = None,
            target: str = "",
            build_arguments: TextsByName = ...,
            build_contexts: Mapping[str, StrPath] = ...,
            platforms: Iterable[str] = (),
            builder: str = "buildkit",
            dockerfile_inline: bytes | None = None,
            dockerfile_written: bytes | None = None,
            needed_words: Texts | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Keep paths as text, and a platform that is given alone as one of several."""
        fields = vars(self)
        fields.update(
            context=path_of(self.context),
            build_contexts={name: path_of(path) for name, path in self.build_contexts.items()},
            platforms=tuple(words_of(self.platforms)),
        )
        if self.dockerfile is not None:
            fields["dockerfile"] = path_of(self.dockerfile)

    @property
    def values(self) -> tuple[object, ...]:
        """Return what makes two builds equal, hashable; hidden texts count by their values."""
        return (
            self.context,
            self.dockerfile,
            self.target,
            frozenset(self.build_arguments.items()),
            frozenset(self.build_contexts.items()),
            self.platforms,
            self.builder,
            self.dockerfile_inline,
        )

    def words(self) -> Texts:
        """Return the same options as words of a command line, of arguments only the names.

        What a command finds in the repository is left out.
        """
        words = []
        if self.target:
            words += ["--target", shown(self.target)]
        if self.needed_words is not None:
            return (*words, *self.needed_words)
        for name in self.build_arguments:
            words += ["--build-arg", shown(name)]
        for name, reference in self.build_contexts.items():
            words += ["--build-context", f"{shown(name)}={shown(reference)}"]
        for platform in self.platforms:
            words += ["--platform", shown(platform)]
        return tuple(words)

    @property
    def is_complete(self) -> bool:
        """Return whether `needed_words` have a value for each argument that they name."""
        return all("=" in word for word in (self.needed_words or ())[1::2])

    def given(self) -> Texts:
        """Return the names of the given options, which affect only what the Dockerfile takes."""
        return tuple(dict.fromkeys(self.words()[::2]))


def with_inline(build: Build, dockerfile: str, errors: str = "replace") -> Build:
    """Return `build` with the text of a Dockerfile that a file contains, if it is not empty."""
    if not dockerfile:
        return build
    text = dockerfile.encode("utf-8", errors)
    build = replace(build, dockerfile="-", dockerfile_inline=text)
    if not isinstance(dockerfile, Hidden):
        return build
    return replace(build, dockerfile_written=dockerfile.written.encode("utf-8", errors))


def inline_of(build: Build) -> str:
    """Return the text that `with_inline` took; `""` without one."""
    text = (build.dockerfile_inline or b"").decode()
    if build.dockerfile_written is None:
        return text
    return Hidden(text, build.dockerfile_written.decode())


def is_remote(name: str) -> bool:
    """Return whether this names something that the builder itself fetches."""
    return re.match(_REMOTE, name) is not None


def is_reference(context: str) -> bool:
    """Return whether a build context is a URL, an image, a service, a target or stdin.

    Anything else is a path, also with `://` in it: `a://b` is the directory `b` in `a:`.
    """
    return context == "-" or is_remote(context) or re.match(_ELSEWHERE, context) is not None


def is_named_reference(value: str) -> bool:
    """Return whether a named context is a URL, an image or a target, and no path."""
    return is_remote(value) or value.startswith("target:")


def placed(named: TextsByName, directory: str) -> dict[str, str]:
    """Return named contexts with their paths joined to `directory`."""
    return with_paths(named, partial(joined, directory))


def with_paths(named: Mapping[str, str], changed: Callable[[str], str]) -> dict[str, str]:
    """Return named contexts with their paths changed by a function."""
    contexts = {**named}
    for name, reference in named.items():
        if not is_named_reference(reference):
            contexts[name] = made_of(changed, reference)
    return contexts


def joined(directory: str, path: str) -> str:
    """Return `path`, which is relative to `directory`, without `.` and `..`."""
    return normpath(join(directory, path))


class Options(TypedDict, total=False):
    """The fields of `Build` except the context, as keywords."""

    dockerfile: StrPath | None
    target: str
    build_arguments: TextsByName
    build_contexts: Mapping[str, StrPath]
    platforms: Iterable[str]
    builder: str
    dockerfile_inline: bytes | None
    dockerfile_written: bytes | None
    needed_words: Texts | None


def build_of(build: Build | StrPath | None, options: Options) -> Build | None:
    """Return the build with these options, None if neither is given."""
    if build is None:
        if options:
            return Build(**options)
        return None
    if not isinstance(build, Build):
        return Build(build, **options)
    changes: dict[str, Any] = {**options}
    return replace(build, **changes)


BuildOrBuilds = Build | StrPath | Iterable[Build | StrPath]  # one build, or several


def builds_of(builds: BuildOrBuilds) -> list[Build]:
    """Return builds, or those of contexts; one alone is one, also if it is a text."""
    if isinstance(builds, (Build, str, bytes, os.PathLike)):
        builds = [builds]
    return [build if isinstance(build, Build) else Build(build) for build in builds]


def path_of(path: StrPath) -> str:
    """Return a path as text. Raises `TypeError` for a value that is no path."""
    return os.fsdecode(path)


def paths_of(paths: StrPaths) -> list[str]:
    """Return paths as texts; a path alone is one, not the letters of its name."""
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    return [path_of(path) for path in paths]


def path_argument(path: str) -> str:
    """Return `path` in a form that is not parsed as an option."""
    if path.startswith("-"):
        return f"./{path}"
    return path


def words_of(words: str | Iterable[str]) -> list[str]:
    """Return words as a list; a word alone is one, not its letters."""
    if isinstance(words, str):
        return [words]
    return [*words]
