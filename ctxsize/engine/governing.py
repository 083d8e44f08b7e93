"""Find the ignore file that governs a build, by the builder's own rules, and read its patterns."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from errno import EFBIG, EISDIR, ENOENT

from ctxsize.engine import golang
from ctxsize.engine.builders import Builder
from ctxsize.engine.dockerfiles import STDIN, follow_inside
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.golang import is_utf8
from ctxsize.engine.ignorefile import IgnoreFile, without_mark
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import BuildFailsError, IgnoreFileError, InputError
from ctxsize.model import Problem
from ctxsize.reader import may_read, never_ends, read_file

Make = Callable[[str], DockerIgnorePattern]
"""Makes the pattern of a line; raises `IgnoreFileError` as the pattern's class does."""


def find_ignore_file(
    context: str, dockerfile: str | None, builder: Builder
) -> tuple[IgnoreFile | None, bool, list[Problem]]:
    """Return the ignore file, whether it is specific to the Dockerfile, and problems.

    Raises `BuildFailsError` if the builder stops at the file, `InputError` if ctxsize does not
    read a file that large.
    """
    problems: list[Problem] = []
    candidates = [(context, name, False) for name in builder.ignore_file_names]
    # `ReadEntrypoint` of BuildKit finds the Dockerfile's own file, which replaces the context's.
    if dockerfile is not None and dockerfile != STDIN:
        directory, name = os.path.split(dockerfile)
        own = (name + suffix for suffix in builder.specific_suffixes)
        candidates[:0] = [(directory or ".", each, True) for each in own]
    for directory, name, specific in candidates:
        path = os.path.normpath(os.path.join(directory, name))
        if os.path.lexists(path):
            target = _target(path, directory, builder, problems, is_sure=specific)
            found = None if target is None else _read(target, builder)
            if found is not None:
                return found, specific, problems
    return None, False, problems


def _target(
    path: str, directory: str, builder: Builder, problems: list[Problem], *, is_sure: bool
) -> str | None:
    """Return the file to read for `path`; None if the builder sees no file there.

    With `is_sure`, a builder that must read the file follows its symlinks anywhere.
    """
    inside: str | None = path
    if not builder.links_may_leave and not (is_sure and builder.must_read):
        try:
            inside = follow_inside(os.path.realpath(directory), os.path.basename(path))
        except OSError as error:  # a loop of symlinks
            if builder.must_read:
                raise _unreadable(path, builder, error) from None
            inside = None
    target = inside if inside is not None and os.path.islink(path) else path
    if inside is not None and builder.must_read:
        return target
    if inside is None or os.path.isdir(target):
        leads_out = "out of its directory" if os.path.exists(path) else "nowhere"
        wrong = f"a symlink that leads {leads_out}" if inside is None else "a directory"
        message = f"{builder.title} skips this ignore file without a warning: it is {wrong}"
        problems.append(Problem("ignore-file-passed-over", message, path))
        return None
    if not may_read(target):
        message = (
            f"no permission to read this ignore file: {builder.title} treats it as empty without "
            "a warning, and ignores nothing"
        )
        problems.append(Problem("ignore-file-unreadable", message, path))
    return target


def _read(path: str, builder: Builder) -> IgnoreFile | None:
    """Return the ignore file at `path`; None if it is missing and the builder must read it."""
    if never_ends(path):
        raise BuildFailsError(
            f"{builder.title} waits forever, as this is a FIFO or a device",
            path=path,
            hint="make the ignore file a regular file",
        )
    try:
        return IgnoreFile.parse(path, read_file(path))
    except OSError as error:
        if error.errno == EFBIG:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        if not builder.must_read:
            return IgnoreFile.parse(path, b"")
        # A symlink loop is not a missing file: the builder fails to read it.
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None
        raise _unreadable(path, builder, error) from None


def _unreadable(path: str, builder: Builder, error: OSError) -> BuildFailsError:
    message = f"{builder.title} cannot read the ignore file: {error.strerror}"
    return BuildFailsError(message, path=path)


def read_ignore_file(path: str) -> IgnoreFile:
    """Return the ignore file at `path`; raises `InputError` if it cannot be read."""
    try:
        return IgnoreFile.parse(path, read_file(path))
    except OSError as error:
        known = {ENOENT: "does not exist", EISDIR: "is a directory"}
        message = known.get(error.errno or 0, f"cannot be read: {error.strerror}")
        raise InputError(message, path=path) from None


def spec_of(
    ignore_file: IgnoreFile | None, builder: Builder, *, named: bool, make: Make | None = None
) -> DockerIgnoreSpec:
    """Return the patterns of a file. Raises `IgnoreFileError` if they would fail the build."""
    if ignore_file is None:
        return builder.spec_class([])
    if builder.longest_line:
        ignore_file.check_line_lengths()
    lines = ignore_file.texts()
    try:
        # Only for the build context does the frontend (`dockerui`) parse the file before sending.
        if builder.checks_as_written and not named:
            _check_as_written(lines, builder)
        if builder.replaces_undecodable:
            lines = [*map(golang.as_go_sees, lines)]
        if builder.check_patterns is not None:
            builder.check_patterns(without_mark(lines))
        return builder.spec_class.from_lines(lines, make)
    except IgnoreFileError as error:
        error.path = ignore_file.path
        raise


def _check_as_written(lines: list[str], builder: Builder) -> None:
    """Raise `IgnoreFileError` for a byte that is not UTF-8 in a class of a pattern."""
    pattern_class = builder.spec_class.pattern_class
    if all(map(is_utf8, lines)):
        return
    for number, line in enumerate(without_mark(lines), 1):
        try:
            pattern_class.read(line)
        except IgnoreFileError as error:
            error.line = number
            if not is_utf8(line):
                error.hint = "a class holds a byte that is not UTF-8: save the file as UTF-8"
                with suppress(IgnoreFileError):
                    if pattern_class(golang.as_go_sees(line)).fault is None:
                        error.hint += f"; {builder.older} accepts it"
            raise
