"""What the user asks about: a context, a Dockerfile and a builder.

Finds the Dockerfile and the ignore file that governs, by the builder's own
rules, and reads those small files. Nothing else of the tree is touched.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import EFBIG
from functools import partial
from pathlib import Path

from ctxsize.build import Build
from ctxsize.engine import golang
from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.dockerfiles import (
    MOST_BYTES,
    STDIN,
    FoundDockerfile,
    find_dockerfile,
    follow_inside,
    is_remote,
    may_read,
    never_ends,
)
from ctxsize.engine.events import is_utf8
from ctxsize.engine.ignorefile import IgnoreFile, without_mark
from ctxsize.engine.patterns import DockerIgnorePattern, DockerIgnoreSpec
from ctxsize.engine.plan import Plan, Plans
from ctxsize.errors import BuildFailsError, DockerfileError, IgnoreFileError, InputError
from ctxsize.model import Problem
from ctxsize.reader import read_file

Make = Callable[[str], DockerIgnorePattern]
"""Makes the pattern of a line; raises `IgnoreFileError` as the pattern's class does."""


@dataclass(frozen=True)
class Request:
    """A context directory, the Dockerfile and the patterns that govern it.

    The context may be a named one, which has its own ignore file. The build and
    its Dockerfile are the same then.
    """

    build: Build
    """What it was made of."""
    context: str
    """As the user gave it."""
    root: str
    """Its real path."""
    dockerfile: str | None
    """The Dockerfile's path as the user would name it, None if there is none; `-` for stdin."""
    builder: Builder
    ignore_file: IgnoreFile | None
    """The file that governs, None where the builder reads none."""
    dockerfile_specific: bool
    spec: DockerIgnoreSpec
    dockerfile_read_from: str | None = None
    """The file that holds the Dockerfile's text, where symlinks lead from `dockerfile`."""
    dockerfile_fault: str | None = None
    """Why the build fails without a Dockerfile, in the builder's words."""
    name: str = ""
    """That of a named context; empty for the build context."""
    problems: tuple[Problem, ...] = ()
    """What is odd about the files that were looked for."""
    plan: Plan = field(default_factory=lambda: Plan(bytes), compare=False, repr=False)
    """The Dockerfile, read once for all requests that are made of this one."""
    plans: Plans = field(default_factory=Plans, compare=False, repr=False)
    """The Dockerfiles of all requests of a command."""

    @property
    def ignore_file_problems(self) -> list[Problem]:
        """Return what is odd about ignore files: more is sent then than one thinks."""
        return [each for each in self.problems if each.code.startswith("ignore-file-")]

    @property
    def dockerfile_in_context(self) -> str | None:
        """Return the Dockerfile's path relative to the context, None if it lies outside."""
        if self.dockerfile in (None, STDIN):
            return None
        return _inside(self.root, str(self.dockerfile))

    @property
    def dockerfile_bytes(self) -> int:
        """Return the Dockerfile's size, 0 without one."""
        if self.dockerfile_read_from is None:
            return len(self.build.dockerfile_inline or b"")
        return Path(self.dockerfile_read_from).stat().st_size


def resolve(
    context: str = ".", *, dockerfile: str | None = None, builder: Builder = BUILDKIT
) -> Request:
    """Return the request for `context`, with `dockerfile` relative to the working directory.

    Raises what `request_of` raises.
    """
    return request_of(Build(context, dockerfile, builder=builder.name), builder)


def request_of(
    build: Build, builder: Builder, *, alone: bool = False, plans: Plans | None = None
) -> Request:
    """Return the request for `build`, whose `builder` this is; `alone` looks for no Dockerfile.

    `plans` are those of the command, which parses no Dockerfile twice.
    Raises `InputError` if the context or the Dockerfile cannot be used,
    `IgnoreFileError` if the ignore file would fail the build.
    """
    request = without_patterns(build, builder, alone=alone, plans=plans)
    if request.ignore_file is not None and builder.longest_line:
        request.ignore_file.check_line_lengths()
    spec = _spec(request.ignore_file, builder, named=alone)
    return _with_needed_files(replace(request, spec=spec))


def without_patterns(
    build: Build, builder: Builder, *, alone: bool = False, plans: Plans | None = None
) -> Request:
    """Return the request for `build` as if its ignore file, which it holds, had no pattern at all.

    Raises `InputError` if the context or the Dockerfile cannot be used.
    """
    context = build.context
    root = _context_root(context)
    if alone:
        found = FoundDockerfile(None)
    elif build.dockerfile == STDIN and build.dockerfile_inline is None:
        raise InputError("the Dockerfile is to come from stdin, and its text is not given")
    else:
        found = find_dockerfile(context, build.dockerfile, builder)
    path, specific, problems = _find_ignore_file(context, found.path, builder)
    if found.fault is not None:
        problems.append(_unusable(found))
    ignore_file = None if path is None else _read(path, builder)
    plans = plans or Plans()
    return Request(
        build,
        context,
        root,
        found.path,
        builder,
        ignore_file,
        specific,
        builder.spec_class([]),
        dockerfile_read_from=found.read_from,
        dockerfile_fault=found.fault,
        problems=tuple(problems),
        plan=_plan(build, found, builder, plans),
        plans=plans,
    )


def _plan(build: Build, found: FoundDockerfile, builder: Builder, plans: Plans) -> Plan:
    read = partial(_dockerfile_data, build, found, builder)
    return Plan(read) if found.read_from is None else plans.of(found.read_from, read)


def _dockerfile_data(build: Build, found: FoundDockerfile, builder: Builder) -> bytes:
    """Return the Dockerfile's bytes, none without one.

    Raises `DockerfileError` for one that fails the build, `InputError` if it cannot be read.
    """
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
    """Return `request` as it would be if the ignore file that governs held `data`.

    Where none governs, it is the one that would be made: `ignore_file_to_write`.
    `make` reads a line; the pattern's class would read it again each time.
    Raises `IgnoreFileError` if `data` would fail the build.
    """
    ignore_file = IgnoreFile.parse(ignore_file_to_write(request), data)
    if request.builder.longest_line:
        ignore_file.check_line_lengths()
    spec = _spec(ignore_file, request.builder, named=bool(request.name), make=make)
    return _with_needed_files(replace(request, ignore_file=ignore_file, spec=spec))


def ignore_file_to_write(request: Request) -> str:
    """Return the path of the ignore file that governs, or of the one to create."""
    if request.ignore_file is not None:
        return request.ignore_file.path
    name = request.builder.ignore_file_names[-1]
    return os.path.normpath(os.path.join(request.context, name))


def _unusable(found: FoundDockerfile) -> Problem:
    if found.path is not None:
        message = f"the build fails: {found.fault}"
        return Problem("unusable-dockerfile", message, found.path, fails=True)
    hint = "the context holds no Dockerfile; name it with -f PATH"
    return Problem("no-dockerfile", f"the build fails: {found.fault} ({hint})")


def _context_root(context: str) -> str:
    if context == "-":
        raise InputError(
            "a context from standard input is sent as it is and reads no ignore file; if that is "
            "a Dockerfile, the context is empty",
            hint="name a directory, and with -f - a Dockerfile from stdin",
        )
    if is_remote(context) and not os.path.exists(context):
        raise InputError(
            f"{context} is fetched by the builder: nothing is sent and no ignore file is read",
            hint="clone it and name the directory",
        )
    try:
        mode = os.stat(context).st_mode
    except OSError as error:
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        lead = "no such context" if absent else "the context cannot be used"
        raise InputError(
            f"{lead}: {error.strerror}", path=context or "''", hint="name a directory"
        ) from None
    except ValueError as error:
        raise InputError(f"no such context: {error}", path=repr(context)) from None
    if not stat.S_ISDIR(mode):
        raise InputError(
            "the context is not a directory",
            path=context,
            hint="name the directory, and the Dockerfile with -f",
        )
    return os.path.realpath(context)


def _find_ignore_file(
    context: str, dockerfile: str | None, builder: Builder
) -> tuple[str | None, bool, list[Problem]]:
    """Return the governing ignore file, whether it is Dockerfile-specific, and problems."""
    problems: list[Problem] = []
    if dockerfile is not None and dockerfile != STDIN:
        directory, name = os.path.split(dockerfile)
        for suffix in builder.specific_suffixes:
            path = _readable(directory or ".", name + suffix, builder, problems, specific=True)
            if path is not None:
                return path, True, problems
    for name in builder.ignore_file_names:
        path = _readable(context, name, builder, problems)
        if path is not None:
            return path, False, problems
    return None, False, problems


def _readable(
    directory: str,
    name: str,
    builder: Builder,
    problems: list[Problem],
    *,
    specific: bool = False,
) -> str | None:
    """Return the path to read for `name` in `directory`; None if the builder sees no file."""
    path = os.path.normpath(os.path.join(directory, name))
    if not os.path.lexists(path):
        return None
    target = path
    if not builder.links_may_leave and not (specific and builder.must_read):
        try:
            inside = follow_inside(os.path.realpath(directory), name)
        except OSError as error:
            if builder.must_read:
                raise _unreadable(path, builder, error) from None
            problems.append(_passed_over(path, "it is a symlink that leads in a circle", builder))
            return None
        if inside is None:
            where = "out of its directory" if os.path.exists(path) else "nowhere"
            problems.append(_passed_over(path, f"it is a symlink that leads {where}", builder))
            return None
        target = path if not os.path.islink(path) else inside
    if builder.must_read:
        return None if _is_missing(target) else target
    if os.path.isdir(target):
        problems.append(_passed_over(path, "it is a directory", builder))
        return None
    if not may_read(target):
        problems.append(_read_as_empty(path, builder))
    return target


def _passed_over(path: str, reason: str, builder: Builder) -> Problem:
    message = f"{builder.title} passes over this ignore file without a word: {reason}"
    return Problem("ignore-file-passed-over", message, path)


def _read_as_empty(path: str, builder: Builder) -> Problem:
    message = (
        f"no permission to read it: {builder.title} takes this ignore file for empty without a "
        "word, and ignores nothing"
    )
    return Problem("ignore-file-unreadable", message, path)


def _is_missing(path: str) -> bool:
    """Return whether nothing is there. A loop of symlinks is something: it cannot be read."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _read(path: str, builder: Builder) -> IgnoreFile:
    if never_ends(path):
        raise BuildFailsError(
            f"{builder.title} waits for ever for what is no file",
            path=path,
            hint="make the ignore file a regular file",
        )
    try:
        data = read_file(path)
    except OSError as error:
        if error.errno == EFBIG:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        if builder.must_read:
            raise _unreadable(path, builder, error) from None
        data = b""
    return IgnoreFile.parse(path, data)


def read_ignore_file(path: str) -> IgnoreFile:
    """Return the ignore file at `path`, whichever builder would read it.

    Raises `InputError` for what is no regular file, or cannot be read.
    """
    try:
        return IgnoreFile.parse(path, read_file(path))
    except FileNotFoundError:
        raise InputError("does not exist", path=path) from None
    except IsADirectoryError:
        raise InputError("is a directory", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


def _unreadable(path: str, builder: Builder, error: OSError) -> BuildFailsError:
    return BuildFailsError(
        f"{builder.title} cannot read the ignore file: {error.strerror}", path=path
    )


def _spec(
    ignore_file: IgnoreFile | None, builder: Builder, *, named: bool, make: Make | None = None
) -> DockerIgnoreSpec:
    if ignore_file is None:
        return builder.spec_class([])
    lines = ignore_file.texts()
    try:
        # Only the frontend's own look at the file of the build context (`dockerui`) is so early.
        if builder.checks_as_written and not named:
            _check_as_written(lines, builder)
        if builder.replaces_undecodable:
            lines = [
                line if line.isascii() else "".join(golang.code_points(line)) for line in lines
            ]
        if builder.check_patterns is not None:
            builder.check_patterns(without_mark(lines))
        spec = builder.spec_class.from_lines(lines, make)
    except IgnoreFileError as error:
        error.path = ignore_file.path
        raise
    return spec


def _check_as_written(lines: list[str], builder: Builder) -> None:
    """Raise `IgnoreFileError` for a byte that is not UTF-8 where a pattern cannot hold it."""
    pattern_class = builder.spec_class.pattern_class
    for number, line in enumerate(without_mark(lines), 1):
        try:
            if not is_utf8(line):
                pattern_class.read(line)
        except IgnoreFileError as error:
            error.line = number
            error.hint = "a class holds a byte that is not UTF-8: save the file as UTF-8"
            with suppress(IgnoreFileError):
                if pattern_class("".join(golang.code_points(line))).fault is None:
                    error.hint += f"; {builder.older} takes it"
            raise


def _with_needed_files(request: Request) -> Request:
    """Return the request with the exceptions that the builder adds for its own needs."""
    builder = request.builder
    if builder.always_sends is None:
        return request
    needed = builder.always_sends(request.spec, request.dockerfile_in_context)
    if not needed:
        return request
    added = [builder.spec_class.pattern_class(line) for line in needed]
    spec = builder.spec_class([*request.spec.patterns, *added])
    return replace(request, spec=spec)


def _inside(root: str, path: str) -> str | None:
    directory, name = os.path.split(path)
    relative = os.path.relpath(os.path.join(os.path.realpath(directory or "."), name), root)
    return None if relative.startswith("../") else relative
