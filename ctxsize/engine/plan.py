"""The plan that every answer is about: context, Dockerfile, ignore file and builder."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import copy
from dataclasses import field, replace
from errno import EFBIG
from functools import cached_property, partial
from os.path import join, normpath, realpath, relpath
from stat import S_ISDIR
from typing import TYPE_CHECKING

from ctxsize.build import Build, is_remote
from ctxsize.engine.builders import Builder
from ctxsize.engine.dockerfiles import (
    MOST_BYTES,
    STDIN,
    FoundDockerfile,
    find_dockerfile,
    find_ignore_file,
    ignore_file_base,
    leads_out,
    passed_over,
)
from ctxsize.engine.evaluate import DockerIgnoreSpec
from ctxsize.engine.ignorefile import IgnoreFile, without_mark
from ctxsize.engine.patterns import DockerIgnorePattern
from ctxsize.errors import DockerfileError, IgnoreFileError, InputError
from ctxsize.go.strings import as_go_sees, is_utf8
from ctxsize.model import NamedContext, Problem, Problems, Texts
from ctxsize.reader import place_of_link, read_file
from ctxsize.values import Value

if TYPE_CHECKING:
    from ctxsize.dockerfile.context_need import ContextNeed
    from ctxsize.dockerfile.instructions import Dockerfile


ELSEWHERE = "there is no Dockerfile at the top of this context; name the build with"
"""Begins the message of a problem `no-dockerfile` that ends with a build found nearby."""

Make = Callable[[str], DockerIgnorePattern]
"""Makes the pattern of a line; raises `IgnoreFileError` as the pattern's class does."""


class ParsedDockerfile:
    """A Dockerfile, read and parsed once, with the needs of its builds.

    Requests that differ only in the ignore file, the target, the arguments or the context share
    it. `read` returns the text. It and each property raise `DockerfileError` for a Dockerfile
    that the builder rejects, `InputError` for one that cannot be read.
    """

    def __init__(self, read: Callable[[], bytes], written: bytes | None = None) -> None:
        """Read nothing yet; `written` is the text with names in place of hidden values."""
        self._read = read
        self.written = written
        self.needs: dict[object, ContextNeed] = {}  # by all that they depend on

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
            dockerfile = parse_dockerfile(data)
        except DockerfileError as error:
            if self.written is not None:
                error.message = (
                    "this line is wrong, and it is not quoted: it may have hidden values"
                )
                error.hint = None
            return error
        if self.written is None:
            return dockerfile
        from ctxsize.dockerfile.concealed import concealed

        return concealed(dockerfile, self.written)


class ParsedDockerfiles:
    """The plans of a command, one for each Dockerfile, shared by all its builds."""

    def __init__(self) -> None:
        self._plans: dict[str, ParsedDockerfile] = {}

    def of(self, path: str, read: Callable[[], bytes]) -> ParsedDockerfile:
        """Return the plan of the Dockerfile at `path`; `read` reads it if that is a new one."""
        return self._plans.setdefault(realpath(path), ParsedDockerfile(read))


class Plan(Value):
    """A context directory, also a named one, and the Dockerfile and patterns that govern it."""

    build: Build
    context: str  # the directory as the user gave it
    root: str  # the real path of the context
    dockerfile: str | None  # its path for the user; None if there is none, `-` for stdin
    builder: Builder
    ignore_file: IgnoreFile | None  # the one that governs; None if the builder reads none
    dockerfile_specific: bool
    spec: DockerIgnoreSpec
    dockerfile_fault: str | None  # why the build fails without a Dockerfile
    problems: Problems  # with the Dockerfile and the ignore files
    parsed: ParsedDockerfile = field(compare=False, repr=False)
    parsed_files: ParsedDockerfiles = field(compare=False, repr=False)
    name: str = ""  # of a named context; empty for the build context
    unsaved: bool = False  # True if the ignore file has a text that is not on disk
    added: Texts = ()  # exceptions that the builder adds, the last patterns of `spec`

    @cached_property
    def named_contexts(self) -> tuple[NamedContext, ...]:
        """Return the named contexts of the build. Raises `InputError` for what buildx rejects."""
        from ctxsize.engine.build_options import named_contexts  # few builds have any

        return named_contexts(self.build)

    @property
    def ignore_path(self) -> str | None:
        """Return the path of the ignore file that governs, None without one."""
        if self.ignore_file is None:
            return None
        return self.ignore_file.path

    @property
    def ignore_data(self) -> bytes:
        """Return the content of the ignore file that governs, empty without one."""
        if self.ignore_file is None:
            return b""
        return self.ignore_file.data

    @property
    def ignore_file_problems(self) -> list[Problem]:
        """Return the problems with ignore files: due to these more is sent than expected."""
        return [problem for problem in self.problems if problem.code.startswith("ignore-file-")]

    @property
    def dockerfile_in_context(self) -> str | None:
        """Return the Dockerfile's path relative to the context, None if it is outside."""
        if self.dockerfile in (None, STDIN):
            return None
        return inside(self.root, str(self.dockerfile))


def plan_of(
    build: Build,
    builder: Builder,
    *,
    alone: bool = False,
    patterns: bool = True,
    parsed_files: ParsedDockerfiles | None = None,
) -> Plan:
    """Return the plan for `build` with its `builder`.

    `alone` skips the Dockerfile. `patterns=False` does not read those of the ignore file.
    `parsed_files` are shared by the command, so that it parses no Dockerfile twice.
    Raises `InputError` if the context or the Dockerfile cannot be used,
    `IgnoreFileError` if the ignore file would fail the build.
    """
    root = _context_root(build.context)
    chosen = FoundDockerfile()
    if not alone:
        if build.dockerfile == STDIN and build.dockerfile_inline is None:
            raise InputError("the Dockerfile `-` needs the text from stdin in `dockerfile_inline`")
        chosen = find_dockerfile(build.context, build.dockerfile, builder)
    base = ignore_file_base(build.context, build.dockerfile, chosen.path, builder)
    ignore_file, specific, problems = find_ignore_file(build.context, base, builder)
    problems += passed_over(chosen.path, base, builder)
    if chosen.fault is not None:
        message = f"the build fails: {chosen.fault}"
        if chosen.path is None:
            message += " (the context holds no Dockerfile; name it with -f PATH)"
            problems.append(Problem("no-dockerfile", message))
        else:
            problems.append(Problem("unusable-dockerfile", message, chosen.path, fails=True))
    parsed_files = parsed_files or ParsedDockerfiles()
    read = partial(_dockerfile_data, build, chosen, builder)
    if chosen.read_from is None:
        parsed = ParsedDockerfile(read, build.dockerfile_written)
    else:
        parsed = parsed_files.of(chosen.read_from, read)
    plan = Plan(
        build=build,
        context=build.context,
        root=root,
        dockerfile=chosen.path,
        builder=builder,
        ignore_file=ignore_file,
        dockerfile_specific=specific,
        spec=builder.spec_class([]),
        dockerfile_fault=chosen.fault,
        problems=tuple(problems),
        parsed=parsed,
        parsed_files=parsed_files,
    )
    if patterns:
        return _with_patterns(plan, named=alone)
    return plan


def _dockerfile_data(build: Build, chosen: FoundDockerfile, builder: Builder) -> bytes:
    """Return the Dockerfile's bytes, none without one. Raises `DockerfileError`, `InputError`."""
    if chosen.fault is not None:
        raise DockerfileError(chosen.fault, path=chosen.path)
    if chosen.read_from is None:
        return build.dockerfile_inline or b""
    try:
        return read_file(chosen.read_from, MOST_BYTES)
    except OSError as error:
        message = f"the Dockerfile cannot be read: {error.strerror}"
        if error.errno == EFBIG and builder.fetches_dockerfile:
            raise DockerfileError(message, path=chosen.path) from None
        raise InputError(message, path=chosen.path) from None


def with_ignore_file(plan: Plan, data: bytes, *, make: Make | None = None) -> Plan:
    """Return `plan` with `data` as the content of the ignore file that governs.

    If none governs, that is the one to create: `ignore_file_to_write`. `make` makes the pattern
    of a line, for callers that cache patterns.
    Raises `IgnoreFileError` if `data` would fail the build.
    """
    plan = replace(plan, ignore_file=IgnoreFile.parse(ignore_file_to_write(plan), data))
    return _with_patterns(plan, named=bool(plan.name), make=make)


def _with_patterns(plan: Plan, *, named: bool, make: Make | None = None) -> Plan:
    """Return the plan with the patterns of its ignore file, and those that the builder adds."""
    builder = plan.builder
    ignore_file = plan.ignore_file
    spec = builder.spec_class([])
    if ignore_file is not None:
        try:
            spec = _spec(ignore_file, builder, named=named, make=make)
        except IgnoreFileError as error:
            error.path = ignore_file.path
            error.pattern = error.pattern and error.pattern.removesuffix("\r")
            raise
    if builder.always_sends is None:
        return replace(plan, spec=spec)
    lines = builder.always_sends(spec, plan.dockerfile_in_context)
    spec = builder.spec_class([*spec.patterns, *map(builder.spec_class.pattern_class, lines)])
    return replace(plan, spec=spec, added=tuple(lines))


def _spec(
    ignore_file: IgnoreFile, builder: Builder, *, named: bool, make: Make | None
) -> DockerIgnoreSpec:
    if builder.longest_line:
        ignore_file.check_line_lengths()
    if builder.keeps_cr:
        lines = ignore_file.texts_with_cr()
    else:
        lines = ignore_file.texts()
    # Only for the build context does the frontend (`dockerui`) parse the file before sending.
    if builder.checks_as_written and not named and not is_utf8(*lines):
        for number, line in enumerate(without_mark(lines), 1):
            try:
                builder.spec_class.pattern_class.read(line)
            except IgnoreFileError as error:
                error.line = number
                if not is_utf8(line):
                    error.hint = "a class holds a byte that is not UTF-8: save the file as UTF-8"
                raise
    if builder.replaces_undecodable:
        lines = [*map(as_go_sees, lines)]
    if builder.check_patterns is not None:
        builder.check_patterns(without_mark(lines))
    return builder.spec_class.from_lines(lines, make)


def with_unsaved(plan: Plan, data: bytes) -> Plan:
    """Return `plan` as it is once `data` is saved as the ignore file, which is an entry too.

    Raises `IgnoreFileError` if `data` would fail the build.
    """
    return replace(with_ignore_file(plan, data), unsaved=True)


def own_path(plan: Plan) -> str | None:
    """Return the path in the context of the file to write; None if outside.

    It takes the place of a symlink, as nothing is written through one.
    """
    return inside(plan.root, ignore_file_to_write(plan))


def ignore_file_to_write(plan: Plan) -> str:
    """Return the path of the ignore file that governs, or of the one to create."""
    if plan.ignore_file is not None:
        return plan.ignore_file.path
    return normpath(join(plan.context, plan.builder.ignore_file_names[-1]))


def _context_root(context: str) -> str:
    """Return the real path of the context. Raises `InputError` if it is not a directory."""
    try:
        if S_ISDIR(os.stat(context).st_mode):
            return realpath(context)
        message = "the context is not a directory"
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no path has
        reason = str(getattr(error, "strerror", error))
        message = f"cannot read the context: {reason[:1].lower()}{reason[1:]}"
        if context == "-":
            message = "Docker sends a context from standard input as it is: no ignore file is read"
        elif is_remote(context):
            message = "the builder fetches this context itself: no ignore file is read"
    raise InputError(
        message,
        path=context or "''",
        hint="name a directory, and the Dockerfile with -f; `-f -` reads it from stdin",
    )


def inside(root: str, path: str) -> str | None:
    """Return the path of a file relative to `root`, None if outside; a symlink is the file."""
    relative = relpath(place_of_link(path), root)
    if leads_out(relative):
        return None
    return relative
