"""The request that every answer is about: context, Dockerfile, ignore file and builder."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from errno import EFBIG
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ctxsize.build import Build
from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.dockerfiles import (
    MOST_BYTES,
    STDIN,
    FoundDockerfile,
    find_dockerfile,
    is_remote,
)
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.governing import Make, find_ignore_file, spec_of
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.errors import DockerfileError, InputError
from ctxsize.model import Problem
from ctxsize.reader import read_file

if TYPE_CHECKING:
    from ctxsize.dockerfile.instructions import Dockerfile
    from ctxsize.dockerfile.taken import ContextNeed


class Plan:
    """A Dockerfile, read and parsed once, with the needs of its builds.

    Requests that differ only in the ignore file, the target, the arguments or the context share
    it. `read` returns the text. It and each property raise `DockerfileError` for a Dockerfile
    that the builder rejects, `InputError` for one that cannot be read.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self.needs: dict[object, ContextNeed] = {}
        """Needs that were evaluated, by all that they depend on."""

    @cached_property
    def data(self) -> bytes:
        """Return the text, empty without a Dockerfile."""
        return self._read()

    @property
    def dockerfile(self) -> Dockerfile:
        """Return the instructions and stages."""
        if isinstance(self._parsed, DockerfileError):
            raise copy(self._parsed)  # each caller adds its own place to the error
        return self._parsed

    @cached_property
    def _parsed(self) -> Dockerfile | DockerfileError:
        from ctxsize.dockerfile.parse import parse_dockerfile  # many runs parse no Dockerfile

        data = self.data
        try:
            return parse_dockerfile(data)
        except DockerfileError as error:
            return error


class Plans:
    """The plans of a command, one for each Dockerfile, shared by all its builds."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}

    def of(self, path: str, read: Callable[[], bytes]) -> Plan:
        """Return the plan of the Dockerfile at `path`; `read` reads it if that is a new one."""
        return self._plans.setdefault(os.path.realpath(path), Plan(read))


@dataclass(frozen=True)
class Request:
    """A context directory, also a named one, and the Dockerfile and patterns that govern it."""

    build: Build
    context: str
    """The directory as the user gave it."""
    root: str
    """The real path of the context."""
    dockerfile: str | None
    """The Dockerfile's path for the user; None if there is none, `-` for stdin."""
    builder: Builder
    ignore_file: IgnoreFile | None
    """The ignore file that governs; None if the builder reads none."""
    dockerfile_specific: bool
    spec: DockerIgnoreSpec
    dockerfile_read_from: str | None = None
    """The file with the Dockerfile's text: `dockerfile`, or the end of its symlinks."""
    dockerfile_fault: str | None = None
    """The reason why the build fails without a Dockerfile, in the builder's words."""
    name: str = ""
    """The name of a named context; empty for the build context."""
    problems: tuple[Problem, ...] = ()
    """Problems with the Dockerfile and the ignore files."""
    plan: Plan = field(default_factory=lambda: Plan(bytes), compare=False, repr=False)
    """The Dockerfile, read once for all requests that are made of this one."""
    plans: Plans = field(default_factory=Plans, compare=False, repr=False)
    """The Dockerfiles of all requests of a command."""

    @property
    def ignore_file_problems(self) -> list[Problem]:
        """Return the problems with ignore files: due to these more is sent than expected."""
        return [each for each in self.problems if each.code.startswith("ignore-file-")]

    @property
    def dockerfile_in_context(self) -> str | None:
        """Return the Dockerfile's path relative to the context, None if it is outside."""
        return None if self.dockerfile in (None, STDIN) else inside(self.root, str(self.dockerfile))

    @property
    def dockerfile_bytes(self) -> int:
        """Return the Dockerfile's size, 0 without one."""
        if self.dockerfile_read_from is None:
            return len(self.build.dockerfile_inline or b"")
        return os.stat(self.dockerfile_read_from).st_size


def resolve(
    context: str = ".", *, dockerfile: str | None = None, builder: Builder = BUILDKIT
) -> Request:
    """Return the request for `context`; raises what `request_of` raises."""
    return request_of(Build(context, dockerfile, builder=builder.name), builder)


def request_of(
    build: Build, builder: Builder, *, alone: bool = False, plans: Plans | None = None
) -> Request:
    """Return the request for `build` with its `builder`; `alone` skips the Dockerfile.

    `plans` are shared by the command, so that it parses no Dockerfile twice.
    Raises `InputError` if the context or the Dockerfile cannot be used,
    `IgnoreFileError` if the ignore file would fail the build.
    """
    request = without_patterns(build, builder, alone=alone, plans=plans)
    return _with_spec(request, spec_of(request.ignore_file, builder, named=alone))


def without_patterns(
    build: Build, builder: Builder, *, alone: bool = False, plans: Plans | None = None
) -> Request:
    """Return the request for `build` with its ignore file, but with no pattern in `spec`."""
    root = _context_root(build.context)
    if alone:
        found = FoundDockerfile(None)
    elif build.dockerfile == STDIN and build.dockerfile_inline is None:
        raise InputError("the Dockerfile `-` needs the text from stdin in `dockerfile_inline`")
    else:
        found = find_dockerfile(build.context, build.dockerfile, builder)
    ignore_file, specific, problems = find_ignore_file(build.context, found.path, builder)
    if found.fault is not None:
        code = "no-dockerfile" if found.path is None else "unusable-dockerfile"
        message = f"the build fails: {found.fault}"
        if found.path is None:
            message += " (the context holds no Dockerfile; name it with -f PATH)"
        fails = found.path is not None
        problems.append(Problem(code, message, found.path, fails=fails))
    plans = plans or Plans()
    read = partial(_dockerfile_data, build, found, builder)
    return Request(
        build,
        build.context,
        root,
        found.path,
        builder,
        ignore_file,
        specific,
        builder.spec_class([]),
        dockerfile_read_from=found.read_from,
        dockerfile_fault=found.fault,
        problems=tuple(problems),
        plan=Plan(read) if found.read_from is None else plans.of(found.read_from, read),
        plans=plans,
    )


def _dockerfile_data(build: Build, found: FoundDockerfile, builder: Builder) -> bytes:
    """Return the Dockerfile's bytes, none without one. Raises `DockerfileError`, `InputError`."""
    if found.fault is not None:
        raise DockerfileError(found.fault, path=found.path)
    if found.read_from is None:
        return build.dockerfile_inline or b""
    try:
        return read_file(found.read_from, MOST_BYTES)
    except OSError as error:
        rejected = error.errno == EFBIG and builder.fetches_dockerfile
        message = f"the Dockerfile cannot be read: {error.strerror}"
        kind = DockerfileError if rejected else InputError
        raise kind(message, path=found.path) from None


def with_ignore_file(request: Request, data: bytes, *, make: Make | None = None) -> Request:
    """Return `request` with `data` as the content of the ignore file that governs.

    If none governs, that is the one to create: `ignore_file_to_write`. `make` makes the pattern
    of a line, for callers that cache patterns.
    Raises `IgnoreFileError` if `data` would fail the build.
    """
    ignore_file = IgnoreFile.parse(ignore_file_to_write(request), data)
    spec = spec_of(ignore_file, request.builder, named=bool(request.name), make=make)
    return _with_spec(replace(request, ignore_file=ignore_file), spec)


def _with_spec(request: Request, spec: DockerIgnoreSpec) -> Request:
    """Return the request with these patterns, and those that the builder adds itself."""
    builder = request.builder
    if builder.always_sends is not None:
        lines = builder.always_sends(spec, request.dockerfile_in_context)
        added = map(builder.spec_class.pattern_class, lines)
        spec = builder.spec_class([*spec.patterns, *added]) if lines else spec
    return replace(request, spec=spec)


def ignore_file_to_write(request: Request) -> str:
    """Return the path of the ignore file that governs, or of the one to create."""
    if request.ignore_file is not None:
        return request.ignore_file.path
    name = request.builder.ignore_file_names[-1]
    return os.path.normpath(os.path.join(request.context, name))


def _context_root(context: str) -> str:
    """Return the real path of the context. Raises `InputError` if it is no directory."""
    if context == "-":
        raise InputError(
            "Docker sends a context from standard input as it is and reads no ignore file; if that "
            "is a Dockerfile, the context is empty",
            hint="name a directory, and with -f - a Dockerfile from stdin",
        )
    if is_remote(context) and not os.path.exists(context):
        raise InputError(
            f"the builder fetches {context} itself: nothing is sent and no ignore file is read",
            hint="clone it and name the directory",
        )
    hint = "name a directory, and the Dockerfile with -f"
    try:
        if stat.S_ISDIR(os.stat(context).st_mode):
            return os.path.realpath(context)
        message = "the context is not a directory"
    except OSError as error:
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        lead = "no such context" if absent else "the context cannot be used"
        message = f"{lead}: {error.strerror}"
    except ValueError as error:
        message, context = f"no such context: {error}", repr(context)
    raise InputError(message, path=context or "''", hint=hint)


def inside(root: str, path: str) -> str | None:
    """Return the path of a file relative to `root`, None if outside; a symlink is the file."""
    directory, name = os.path.split(path)
    relative = os.path.relpath(os.path.join(os.path.realpath(directory or "."), name), root)
    return None if relative.partition("/")[0] == ".." else relative
