"""Find Dockerfile and ignore file as buildx (`loadInputs`) and BuildKit (`ReadEntrypoint`) do."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from errno import EFBIG, EINVAL, ELOOP, ENOENT, ENOTDIR
from functools import partial
from operator import attrgetter
from os.path import (
    abspath,
    basename,
    dirname,
    isdir,
    isfile,
    islink,
    join,
    lexists,
    normpath,
    realpath,
    split,
)

from ctxsize.build import is_remote
from ctxsize.engine.builders import Builder
from ctxsize.engine.evaluate import up_to
from ctxsize.engine.ignorefile import IgnoreFile
from ctxsize.errors import BuildFailsError, InputError
from ctxsize.model import Problem
from ctxsize.reader import entries_in, is_listed, listed_name, may_read, read_file, why_other
from ctxsize.values import Value

STDIN = "-"
ENDINGS = (".dockerignore", ".containerignore")  # of the names of ignore files
MOST_BYTES = 16 << 20  # bytes of the largest Dockerfile: the limit of a message of BuildKit
_USUAL = "Dockerfile"
_LOWER = "dockerfile"
_MOST_LINKS = 255
_DOCKERFILE = (
    r"(?i)(?=[\w.+@-]+\Z)(?:(?:.*\.)?(?:docker|container)file\d*(?:[._-].+)?"
    r"|.+[_-](?:docker|container)file)"
)
_IGNORE_FILE = r"(?is)(?:.*\.)?(?:docker|container)ignore"
_WORD = "(?:docker|container)file"
_BUILD_FILE = r"(?s)(?:(?!compose).)*compose.*\.ya?ml|(?:(?!bake).)*bake.*\.(?:hcl|json)"
"""Matches the name of a file that defines builds, the first time that it says so."""
_MOST_NEAR = 100  # number of directories searched for builds if a context has no Dockerfile


def is_dockerfile(path: str) -> bool:
    """Return whether a path has a Dockerfile's name, like `Dockerfile-x` or `x.Dockerfile`."""
    name = path.rpartition("/")[2]
    if re.fullmatch(_DOCKERFILE, name) is None:
        return False
    if is_ignore_file(name):
        return False
    if "." not in name:
        return True
    from ctxsize.knowledge.rules import listed  # most names need no list

    end = name.rpartition(".")[2]
    if end in listed("no_lower_dockerfile_ends") and "a" <= name[0] <= "z":
        return False
    return end.lower() not in listed("no_dockerfile_ends")


def is_ignore_file(path: str) -> bool:
    """Return whether a path has the name of an ignore file, but for case and the leading dot."""
    return re.fullmatch(_IGNORE_FILE, path.rpartition("/")[2]) is not None


class FoundDockerfile(Value):
    """A Dockerfile: `path` names it and its ignore file, `read_from` is the file to read."""

    path: str | None = None
    read_from: str | None = None
    fault: str | None = None  # the reason why the build fails, for BuildKit in its own words


def find_dockerfile(context: str, named: str | None, builder: Builder) -> FoundDockerfile:
    """Return the Dockerfile; raises `InputError` if `-f` names one that cannot be used."""
    if named == STDIN:
        return FoundDockerfile(STDIN)
    if named is not None and is_remote(named) and not lexists(named):
        hint = "pipe it into ctxsize with -f -"
        raise InputError(f"the Dockerfile {named} is fetched by the builder", hint=hint)
    try:
        if builder.fetches_dockerfile:
            dockerfile = _fetch_dockerfile(context, named)
        else:
            dockerfile = _open_dockerfile(context, named, builder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        dockerfile = FoundDockerfile(fault=f"the Dockerfile cannot be used: {reason}")
    if named is not None and dockerfile.fault is not None:
        hint = ""
        if dockerfile.path is None:
            hint = "-f is relative to the working directory, not to the context"
        raise InputError(f"the build fails: {dockerfile.fault}", path=named, hint=hint)
    return dockerfile


def _open_dockerfile(context: str, named: str | None, builder: Builder) -> FoundDockerfile:
    """Return the Dockerfile as a builder opens it that follows any symlink."""
    if named is None:
        usual = (_join(context, name) for name in builder.dockerfile_names)
        named = next(filter(lexists, usual), None)
        if named is None:
            return FoundDockerfile(fault="there is no Dockerfile")
    elif builder.joins_to_context and not lexists(named):
        within = _join(context, named)
        if lexists(within):
            named = within
    directory, name = split(named)
    # Docker's command line looks for that name too (`getDockerfileRelPath`).
    if name == _USUAL and not isfile(named):
        lower = join(directory, _LOWER)
        if isfile(lower):
            named = lower
    return _if_readable(_if_exists(named), named, "the Dockerfile cannot be read")


def _join(context: str, name: str) -> str:
    """Return the path of a file in a context."""
    return normpath(join(context, name))


def _if_exists(path: str) -> str | None:
    """Return a path if there is an entry, also a symlink to nothing."""
    if lexists(path):
        return path
    return None


def _fetch_dockerfile(context: str, named: str | None) -> FoundDockerfile:
    """Return the Dockerfile as BuildKit receives it: its directory is like a context."""
    path = named
    if path is None:
        path = _join(context, _USUAL)
    directory, name = split(path)
    usual = _find_inside(path, name)
    if name != _USUAL:
        return usual
    # `handleLowercaseDockerfile` of buildx compares the names that the directory lists.
    lower_path = join(directory, _LOWER)
    if not is_listed(path) and is_listed(lower_path):
        return _find_inside(lower_path, _LOWER)
    # `ReadEntrypoint` reads the other name if it cannot read the usual one.
    if usual.fault is not None:
        lower = _find_inside(path, _LOWER)
        if lower.fault is None:
            return lower
    return usual


def _find_inside(path: str, name: str) -> FoundDockerfile:
    """Return the Dockerfile called `name` beside `path`, as which the user knows it."""
    failed = "failed to read dockerfile:"
    try:
        target = follow_inside(realpath(dirname(path)), name)
    except OSError:
        return FoundDockerfile(path, fault=f"{failed} too many links")
    if target is None:
        return FoundDockerfile(
            _if_exists(path), fault=f"{failed} open {name}: no such file or directory"
        )
    if isdir(target):
        return FoundDockerfile(path, fault=f"{failed} read {name}: is a directory")
    # fsutil sends a special file or an unreadable one without content.
    return _if_readable(path, target, "the Dockerfile cannot be empty")


def _if_readable(path: str | None, read_from: str, fault: str) -> FoundDockerfile:
    if isfile(read_from) and may_read(read_from):
        return FoundDockerfile(path, read_from)
    return FoundDockerfile(path, fault=fault)


def ignore_file_base(
    context: str, named: str | None, dockerfile: str | None, builder: Builder
) -> str | None:
    """Return the path to which the suffix of a specific ignore file is appended.

    `named` is the value of `-f`, `dockerfile` the path that was found.
    """
    if named in (None, STDIN):
        return dockerfile
    if not builder.joins_to_context:
        return dockerfile
    # `ContainerIgnoreFile` of Buildah joins it, also where the Dockerfile itself is elsewhere.
    return _join(context, named)


def passed_over(dockerfile: str | None, base: str | None, builder: Builder) -> Iterator[Problem]:
    """Yield problems of ignore files beside the Dockerfile that the builder looks for elsewhere.

    `base` is what `ignore_file_base` returns.
    """
    if dockerfile is None or base is None:
        return
    if abspath(dockerfile) == abspath(base):
        return
    for suffix in builder.specific_suffixes:
        path = dockerfile + suffix
        if lexists(path):
            yield Problem(
                code="ignore-file-passed-over",
                message=f"{builder.title} does not read this ignore file, as it looks for a "
                "relative -f in the context: name the Dockerfile by an absolute path",
                path=path,
            )


def ignore_file_paths(
    context: str, dockerfile: str | None, builder: Builder
) -> list[tuple[str, bool]]:
    """Return where ignore files may be, the first one governs; True for the Dockerfile's own."""
    paths: list[tuple[str, bool]] = []
    # `ReadEntrypoint` of BuildKit finds the Dockerfile's own file, which replaces the context's.
    if dockerfile is not None and dockerfile != STDIN:
        paths += ((normpath(dockerfile + suffix), True) for suffix in builder.specific_suffixes)
    paths += ((_join(context, name), False) for name in builder.ignore_file_names)
    return paths


def find_ignore_file(
    context: str, dockerfile: str | None, builder: Builder
) -> tuple[IgnoreFile | None, bool, list[Problem]]:
    """Return the ignore file, whether it is specific to the Dockerfile, and problems.

    Raises `BuildFailsError` if the builder stops at the file, `InputError` if ctxsize does not
    read a file that large.
    """
    problems: list[Problem] = []
    for path, specific in ignore_file_paths(context, dockerfile, builder):
        # The builder that must read a specific file follows its symlinks anywhere.
        ignore_file = _ignore_file_at(
            path,
            builder,
            problems,
            anywhere=builder.links_may_leave or (specific and builder.must_read),
        )
        if ignore_file is not None:
            return ignore_file, specific, problems
    return None, False, problems


def _ignore_file_at(
    path: str, builder: Builder, problems: list[Problem], *, anywhere: bool
) -> IgnoreFile | None:
    """Return the ignore file at `path`, or None; `anywhere` lets a symlink leave its directory."""
    listed = listed_name(path)
    name = basename(path)
    if listed is None:
        return None
    # What is fetched like a context is found by its listed name, other files by looking it up.
    if listed != name and builder.fetches_dockerfile:
        message = f"{builder.title} skips {listed}: {why_other(listed, name)}"
        problems.append(Problem("ignore-file-passed-over", message, path))
        return None
    try:
        target: str | None = path
        if islink(path) and not anywhere:
            target = follow_inside(realpath(dirname(path)), name)
    except OSError as error:  # a loop of symlinks
        if builder.must_read:
            raise _unreadable(path, builder, error) from None
        target = None
    if target is None or (isdir(target) and not builder.must_read):
        why = "it is a directory, or a symlink that leads nowhere or out of its directory"
        message = f"{builder.title} skips this ignore file without a warning: {why}"
        problems.append(Problem("ignore-file-passed-over", message, path))
        return None
    if not builder.must_read and not may_read(target):
        problems.append(
            Problem(
                code="ignore-file-unreadable",
                message=f"{builder.title} may not read this ignore file and treats it as empty "
                "without a warning",
                path=path,
            )
        )
    return _parse_ignore_file(path, target, builder)


def _parse_ignore_file(path: str, target: str, builder: Builder) -> IgnoreFile | None:
    """Return the ignore file at `path`, whose symlinks lead to `target`; None if it is missing."""
    try:
        return IgnoreFile.parse(path, read_file(target))
    except OSError as error:
        if error.errno == EFBIG:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        # Each builder waits for a FIFO or a device.
        if not builder.must_read and error.errno != EINVAL:
            return IgnoreFile.parse(path, b"")
        # A symlink loop is not a missing file: the builder fails to read it.
        if error.errno in (ENOENT, ENOTDIR):
            return None
        raise _unreadable(path, builder, error) from None


def _unreadable(path: str, builder: Builder, error: OSError) -> BuildFailsError:
    return BuildFailsError(
        f"{builder.title} cannot read the ignore file: {error.strerror}", path=path
    )


def read_ignore_file(path: str) -> IgnoreFile:
    """Return the ignore file at `path`; raises `InputError` if it cannot be read."""
    try:
        return IgnoreFile.parse(path, read_file(path))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from None


def files_near(context: str) -> list[str]:
    """Return the files at the top of a context and one level below, to find builds for a hint.

    Nothing if none of them has the name of a Dockerfile, a Compose file or a Bake file. At most
    `_MOST_NEAR` directories are read.
    """
    files = []
    directories = [".github/workflows", "src/main/docker"]
    by_name = attrgetter("name")
    with suppress(OSError):
        for entry in sorted(entries_in(context), key=by_name):
            if entry.is_file(follow_symlinks=False):
                files.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
    near = [directory for directory in directories if directory not in (".git", "node_modules")]
    for directory in near[: _MOST_NEAR - 1]:
        with suppress(OSError):
            for entry in sorted(entries_in(join(context, directory)), key=by_name):
                if entry.is_file(follow_symlinks=False):
                    files.append(f"{directory}/{entry.name}")
    if any(is_dockerfile(path) or re.fullmatch(_BUILD_FILE, basename(path)) for path in files):
        return files
    return []


def follow_links(path: str, target_of: Callable[[str], str | None]) -> tuple[str, bool]:
    """Return where `path` leads through symlinks, and whether that end is reached.

    Absolute targets and `..` start again at the top, as in a chroot. `target_of` returns the
    target of a symlink, None for other entries, and `""` for a symlink that must not be followed.
    """
    pending = path.split("/")[::-1]
    done = ""
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            done = dirname(done)
        if part in ("", ".", ".."):
            continue
        here = join(done, part)
        target = target_of(here)
        if target is None:
            done = here
            continue
        links += 1
        if links > _MOST_LINKS or not target:
            return here, False
        if target.startswith("/"):
            done = ""
        pending += target.split("/")[::-1]
    return done or ".", True


def link_at(root: str, path: str) -> str | None:
    """Return the target of the symlink at `path` below `root`; None for other entries."""
    with suppress(OSError, ValueError):  # a name that is too long, or with a NUL
        return os.readlink(join(root, path))
    return None


def leads_out(path: str) -> bool:
    """Return whether a relative path leads above the directory where it begins."""
    return normpath(path).partition("/")[0] == ".."


def follow_inside(root: str, path: str) -> str | None:
    """Return where `path`, as listed, leads below `root`, or None. Raises `OSError` for a loop."""
    end, is_end = follow_links(path, partial(link_at, root))
    if not is_end:
        raise OSError(ELOOP, os.strerror(ELOOP), path)
    full = join(root, end)
    if all(is_listed(join(root, ancestor)) for ancestor in up_to(end)):
        return full
    return None


def right_name(name: str) -> str:
    """Return the name of an ignore file as builders spell it, in lower case and with its dot.

    >>> right_name("Dockerignore"), right_name("Dockerfile.dockerIgnore")
    ('.dockerignore', 'Dockerfile.dockerignore')
    """
    start, _, kind = name.rpartition(".")
    return f"{start}.{kind.casefold()}"


def dockerfile_of(path: str) -> str:
    """Return the Dockerfile to which the name of a specific ignore file belongs."""
    return path[: path.rindex(".")]


def is_alike(name: str, dockerfile: str) -> bool:
    """Return whether a name stands for a Dockerfile's: without the word, case and separators.

    >>> is_alike("gadget", "gadget.Dockerfile"), is_alike("dev", "Dockerfile")
    (True, False)
    """
    return _words(name) == _words(dockerfile)


def _words(name: str) -> list[str]:
    words = re.split(r"[._-]+", name.casefold())
    return [word for word in words if word and not re.fullmatch(_WORD, word)]


def unread_beside(
    context: str, named: str | None, dockerfile: str | None, builder: Builder
) -> str | None:
    """Return an ignore file beside the Dockerfile or in the context that the build does not read.

    It has a misspelled name, or that of another place. The two directories are listed, nothing
    else is read. Files that a build of another Dockerfile may read do not count.
    """
    base = ignore_file_base(context, named, dockerfile, builder)
    read = {realpath(path) for path, _ in ignore_file_paths(context, base, builder)}
    for path in _ignore_files_in(context, dirname(dockerfile or context)):
        directory = dirname(path)
        name = basename(path)
        if realpath(path) in read:
            continue
        meant = right_name(name)
        if name not in ENDINGS and meant not in ENDINGS and dockerfile is not None:
            stem = dockerfile_of(meant)
            if not isfile(join(directory, stem)) and is_alike(stem, basename(dockerfile)):
                return path
        if meant != name and realpath(join(directory, meant)) in read:
            return path
        is_elsewhere = realpath(directory or ".") != realpath(context)
        if name in builder.ignore_file_names and is_elsewhere:
            return path
    return None


def _ignore_files_in(context: str, beside: str) -> Iterator[str]:
    """Yield the ignore files of two directories, by their names."""
    for directory in dict.fromkeys((normpath(context), normpath(beside or "."))):
        names: list[str] = []
        with suppress(OSError):
            names += (entry.name for entry in entries_in(directory) if entry.is_file())
        for name in sorted(filter(is_ignore_file, names)):
            yield normpath(join(directory, name))
