"""What the user asks about: a context, a Dockerfile and a builder.

Finds the Dockerfile and the ignore file that governs, by the builder's own
rules, and reads those small files. Nothing else of the tree is touched.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from errno import ELOOP
from pathlib import Path

from ctxsize.build import Build
from ctxsize.engine import golang
from ctxsize.engine.builders import BUILDKIT, Builder
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.engine.patterns import DockerIgnoreSpec
from ctxsize.errors import BuildFailsError, IgnoreFileError, InputError
from ctxsize.values import dataclass

_REMOTE = re.compile(r"(https?|git|ssh|docker-image|oci-layout|target)://|git@|github\.com/")
_MOST_LINKS = 255


@dataclass(frozen=True)
class Request:
    """A context directory, the Dockerfile and the patterns that govern it."""

    build: Build
    """What it was made of."""
    context: str
    """As the user gave it."""
    root: str
    """Its real path."""
    dockerfile: str | None
    """The Dockerfile's path as the user would name it, None if there is none."""
    builder: Builder
    ignore_file: IgnoreFile | None
    """The file that governs, None where the builder reads none."""
    dockerfile_specific: bool
    spec: DockerIgnoreSpec

    @property
    def dockerfile_in_context(self) -> str | None:
        """The Dockerfile's path relative to the context, None if it lies outside."""
        return None if self.dockerfile is None else _inside(self.root, self.dockerfile)

    @property
    def dockerfile_bytes(self) -> int:
        """The Dockerfile's size, 0 without one."""
        return 0 if self.dockerfile is None else Path(self.dockerfile).stat().st_size

    def dockerfile_data(self) -> bytes:
        """The Dockerfile's bytes, none without one. Raises `OSError` if it cannot be read."""
        return b"" if self.dockerfile is None else Path(self.dockerfile).read_bytes()


def resolve(
    context: str = ".", *, dockerfile: str | None = None, builder: Builder = BUILDKIT
) -> Request:
    """The request for `context`, with `dockerfile` relative to the working directory.

    Raises what `request_of` raises.
    """
    return request_of(Build(context, dockerfile, builder=builder.name), builder)


def request_of(build: Build, builder: Builder) -> Request:
    """The request for `build`, whose `builder` this is.

    Raises `InputError` if the context or the Dockerfile cannot be used,
    `IgnoreFileError` if the ignore file would fail the build.
    """
    context = build.context
    root = _context_root(context)
    found = _find_dockerfile(context, build.dockerfile, builder)
    path, specific = _find_ignore_file(context, found, builder)
    ignore_file = None if path is None else _read(path, builder)
    spec = _spec(ignore_file, builder)
    request = Request(build, context, root, found, builder, ignore_file, specific, spec)
    return _with_needed_files(request)


def with_ignore_file(request: Request, data: bytes) -> Request:
    """`request` as it would be if the ignore file that governs held `data`.

    Where none governs, it is the one that would be made: `ignore_file_to_write`.
    Raises `IgnoreFileError` if `data` would fail the build.
    """
    ignore_file = IgnoreFile.parse(ignore_file_to_write(request), data)
    if request.builder.longest_line:
        ignore_file.check_line_lengths()
    spec = _spec(ignore_file, request.builder)
    return _with_needed_files(replace(request, ignore_file=ignore_file, spec=spec))


def ignore_file_to_write(request: Request) -> str:
    """The path of the ignore file that governs, or of the one to make where there is none."""
    if request.ignore_file is not None:
        return request.ignore_file.path
    name = request.builder.ignore_file_names[-1]
    return os.path.normpath(os.path.join(request.context, name))  # noqa: PTH118


def _context_root(context: str) -> str:
    if context == "-":
        raise InputError(
            "a context from standard input is sent as it is and reads no ignore file",
            hint="name a directory",
        )
    if _REMOTE.match(context) and not Path(context).exists():
        raise InputError(
            f"{context} is fetched by the builder: nothing is sent and no ignore file is read",
            hint="clone it and name the directory",
        )
    try:
        mode = os.stat(context).st_mode  # noqa: PTH116 - keeps the path as the user gave it
    except OSError as error:
        raise InputError(
            f"no such context: {error.strerror}", path=context or "''", hint="name a directory"
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


def _find_dockerfile(context: str, named: str | None, builder: Builder) -> str | None:
    if named == "-":
        return None
    if named is not None:
        return _named_dockerfile(named)
    for name in builder.dockerfile_names:
        path = os.path.join(context, name)  # noqa: PTH118 - keeps "./x" as the user gave it
        if os.path.lexists(path):
            return os.path.normpath(path)
    return None


def _named_dockerfile(named: str) -> str:
    """`named` if it can be read, `dockerfile` beside it where Docker would take that."""
    try:
        if not Path(named).is_file():
            lower = Path(named).parent / "dockerfile"
            if Path(named).name == "Dockerfile" and lower.is_file():
                return str(lower)
            reason = "is a directory" if Path(named).is_dir() else "does not exist"
            raise InputError(
                f"the Dockerfile {reason}",
                path=named,
                hint="-f is relative to the working directory, not to the context",
            )
    except (OSError, ValueError) as error:
        raise InputError(f"the Dockerfile cannot be used: {error}", path=repr(named)) from None
    return named


def _find_ignore_file(
    context: str, dockerfile: str | None, builder: Builder
) -> tuple[str | None, bool]:
    """The path of the ignore file that governs, and whether it is Dockerfile-specific."""
    if dockerfile is not None:
        directory, name = os.path.split(dockerfile)
        for suffix in builder.specific_suffixes:
            path = _readable(directory or ".", name + suffix, builder, specific=True)
            if path is not None:
                return path, True
    for name in builder.ignore_file_names:
        path = _readable(context, name, builder, specific=False)
        if path is not None:
            return path, False
    return None, False


def _readable(directory: str, name: str, builder: Builder, *, specific: bool) -> str | None:
    """The path to read for `name` in `directory`, or None if the builder sees no file there."""
    path = os.path.normpath(os.path.join(directory, name))  # noqa: PTH118
    if not os.path.lexists(path):
        return None
    target = path
    if not builder.links_may_leave and not (specific and builder.must_read):
        try:
            inside = follow_inside(os.path.realpath(directory), name)
        except OSError as error:
            if builder.must_read:
                raise _unreadable(path, builder, error) from None
            return None
        if inside is None:
            return None
        target = path if not Path(path).is_symlink() else inside
    if builder.must_read:
        return None if _is_missing(target) else target
    return target if Path(target).is_file() else None


def _is_missing(path: str) -> bool:
    """Whether nothing is there. A loop of symlinks is something: it cannot be read."""
    try:
        os.stat(path)  # noqa: PTH116 - Path.exists() takes a loop for nothing
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def follow_inside(root: str, path: str) -> str | None:
    """Where `path` below `root` leads if no symlink may leave `root`, or None.

    Absolute targets and `..` start again at `root`, as in a chroot.
    Raises `OSError` for a loop.
    """
    pending = path.split("/")[::-1]
    at: list[str] = []
    for _ in range(_MOST_LINKS + len(pending)):
        if not pending:
            return os.path.join(root, *at)  # noqa: PTH118
        part = pending.pop()
        if part in ("", ".", ".."):
            at = at[:-1] if part == ".." else at
            continue
        here = os.path.join(root, *at, part)  # noqa: PTH118
        if not os.path.lexists(here):
            return None
        if not Path(here).is_symlink():
            at.append(part)
            continue
        target = os.readlink(here)  # noqa: PTH115
        at = [] if target.startswith("/") else at
        pending += target.split("/")[::-1]
    raise OSError(ELOOP, os.strerror(ELOOP), path)


def _read(path: str, builder: Builder) -> IgnoreFile:
    if builder.must_read and _never_ends(path):
        raise BuildFailsError(
            f"{builder.title} waits for ever for what is no file",
            path=path,
            hint="make the ignore file a regular file",
        )
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        if builder.must_read:
            raise _unreadable(path, builder, error) from None
        data = b""
    ignore_file = IgnoreFile.parse(path, data)
    if builder.longest_line:
        ignore_file.check_line_lengths()
    return ignore_file


def _never_ends(path: str) -> bool:
    """Whether to read it is to wait: a FIFO, a device. /dev/null is a file for this purpose."""
    special = Path(path).is_fifo() or Path(path).is_char_device()
    return special and not os.path.samefile(path, os.devnull)  # noqa: PTH121


def _unreadable(path: str, builder: Builder, error: OSError) -> BuildFailsError:
    return BuildFailsError(
        f"{builder.title} cannot read the ignore file: {error.strerror}", path=path
    )


def _spec(ignore_file: IgnoreFile | None, builder: Builder) -> DockerIgnoreSpec:
    if ignore_file is None:
        return builder.spec_class([])
    lines = ignore_file.texts()
    if builder.replaces_undecodable:
        lines = ["".join(golang.code_points(line)) for line in lines]
    try:
        if builder.check_patterns is not None:
            builder.check_patterns(lines)
        spec = builder.spec_class.from_lines(lines)
    except IgnoreFileError as error:
        error.path = ignore_file.path
        raise
    return spec


def _with_needed_files(request: Request) -> Request:
    """The request with the exceptions that the builder adds for its own needs."""
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
    relative = os.path.relpath(os.path.join(os.path.realpath(directory or "."), name), root)  # noqa: PTH118
    return None if relative.startswith("../") else relative
