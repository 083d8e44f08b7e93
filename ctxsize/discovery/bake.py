"""Builds of Bake files: the files that are read together, and the builds of their targets.

Besides `engine.git`, only this module runs a program, and only if the user allows it: `docker
buildx bake --print` builds nothing and contacts no daemon. The program must lie outside the
repository. It gets only PATH and HOME of our environment. Its stderr may contain secrets, so it
is discarded.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ctxsize.build import Build, is_reference, placed
from ctxsize.discovery import compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Body,
    literal,
    read_hcl,
    read_json,
    texts_in,
)
from ctxsize.discovery.search import Place, Search, by_directory, shortened
from ctxsize.engine.border import holds
from ctxsize.engine.git import find_program
from ctxsize.findings import Location

# `defaultFilenames` of buildx: Bake reads all that exist, in this order.
_DEFAULTS = (
    *("docker-bake.json", "docker-bake.override.json"),
    *("docker-bake.hcl", "docker-bake.override.hcl"),
)
WANTED = re.compile(r"(?s:.*/)?(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.I)
"""The paths of Bake files, by their names."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest HCL file: python-hcl2 needs 40 s for a megabyte."""
_MOST_NAMED = 5
_HIDDEN = "…"
"""The text printed instead of a value that Docker evaluated: it may contain a secret."""
_COMMAND = "`docker buildx bake --print`"
_SAVE = f"save the output of {_COMMAND} as bake.json beside this file"
_SECONDS = 10.0
"""Seconds that Docker has for one answer."""
_MOST_PRINTED = 4_000_000
"""Number of bytes of the longest answer."""


@dataclass
class _Project:
    """Bake files of one directory that are read together, with the Compose files beside them."""

    directory: str
    names: list[str]
    beside: list[str]
    bake: BakeFile
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of the variables in the Compose files, each with its name in braces."""
    is_printed: bool = False
    """True if it may be saved output of `bake --print`."""

    def paths(self, names: Sequence[str]) -> list[str]:
        return [os.path.join(self.directory, each) for each in names]


def collect(search: Search, paths: list[str]) -> None:
    """Add the builds of every Bake file."""
    projects = []
    for directory, names in by_directory(paths):
        usual = [name for name in _DEFAULTS if name in names]
        others = ([name] for name in names if name not in _DEFAULTS)
        # Bake reads Compose files only without `-f`, before its own files.
        services = [
            name
            for name in (*compose.NAMES, *compose.OVERRIDES)
            if usual and os.path.join(directory, name) in search.paths
        ]
        for group in filter(None, (usual, *others)):
            beside = services if group is usual else []
            projects.append(_Project(directory, group, beside, BakeFile(search.environment)))
    for project in projects:
        for path in project.paths(project.names[:1]):
            with search.reading(path):
                _read_compose(project, search)
                for each in project.paths(project.names):
                    _read(project, search, each)
    for project in projects:
        saved = {
            name
            for each in projects
            if each.is_printed and each is not project
            if each.directory in (project.directory, "")
            for name in (*each.bake.targets, *each.bake.groups)
        }
        with search.reading(project.paths(project.names)[0]):
            _add_targets(project, search, saved)


def _read_compose(project: _Project, search: Search) -> None:
    """Add the services of the Compose files beside it as targets, as Bake does."""
    if not project.beside:
        return
    # `compose.collect` reports the problems of these files.
    reader = compose.ComposeReader(replace(search, problems={}))
    for name, (_, build) in reader.builds(project.paths(project.beside)).items():
        project.hidden = build.hidden
        args: Body = {**build.build_arguments}
        body: Body = {"target": build.target, "args": args, "platforms": [*build.platforms]}
        if not is_reference(build.context):
            body["context"] = os.path.relpath(build.context, project.directory or ".")
        if build.dockerfile_inline is not None:
            body["dockerfile-inline"] = build.dockerfile_inline.decode()
        else:
            body["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
        # Bake replaces dots in the names of targets (`sanitizeTargetName` of buildx).
        known = {key: literal(each) for key, each in body.items() if each}
        project.bake.targets[name.replace(".", "_")] = known


def _read(project: _Project, search: Search, path: str) -> None:
    is_hcl = path.lower().endswith(".hcl")
    text = search.read(path, _MOST_BYTES) if is_hcl else search.read(path)
    if text is None:
        return
    try:
        document = read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        where = Location(search.shown(path), error.line)
        search.complain("bake", f"not read: {error.message}", where)
        return
    usual = project.names[0] in _DEFAULTS
    if not (is_hcl or usual) and document.keys() <= {"group", "target"}:
        project.is_printed = True
        document = {key: literal(each) for key, each in document.items()}
    project.bake.add(document, search.shown(path), text)


def _add_targets(project: _Project, search: Search, saved: set[str]) -> None:
    bake = project.bake
    builds = bake.builds()
    unknown = [name for name in bake.unknown if name not in saved]
    found = [*builds.items()]
    if unknown:
        try:
            asked = _asked(project, search, unknown)
            found = [*((name, builds[name]) for name in builds if name not in unknown), *asked]
        except BakeError as error:
            text = f"not evaluated: {', '.join(shortened(unknown, _MOST_NAMED))}. {error.message}"
            search.complain("bake", text, bake.places[unknown[0]])
            # A target without a build may build a Dockerfile whose context ctxsize guesses.
            search.is_open |= not builds.keys() >= {*unknown}
    for name, build in found:
        hidden = (*project.hidden, *bake.hidden, *build.hidden)
        build = replace(_placed(search, project, build), hidden=hidden)
        search.add(Place("bake", name, bake.places[name]), build)


def _asked(project: _Project, search: Search, names: list[str]) -> list[tuple[str, Build]]:
    """Return the builds of targets as Docker evaluates them. Raises `BakeError` if it cannot."""
    if search.docker_until is None:
        raise BakeError(f"Run `ctxsize scan --ask-docker`, or {_SAVE}")
    files = [*project.beside, *project.names]
    if not all(holds(search.border, search.shown(path)) for path in project.paths(files)):
        raise BakeError("ctxsize does not run Docker, as a file lies outside the repository")
    answer = BakeFile()
    words = [word for name in files for word in ("-f", f"./{name}")]
    words += [name for name in names if re.fullmatch(r"\w[\w.\-]*", name, re.ASCII)]  # no options
    document = read_json(_output(words, search, project.directory).decode(errors="replace"))
    answer.add({key: literal(each) for key, each in document.items()})
    builds = answer.builds()
    found = []
    for name in names:
        members = answer.groups.get(name)  # those of a matrix
        for member in members if isinstance(members, list) else [name]:
            if not isinstance(member, str) or member not in builds or member in answer.unknown:
                raise BakeError(f"{_COMMAND} printed no target {name}")
            found.append((name, _hiding(builds[member], project.bake.targets[name])))
    return found


def _hiding(build: Build, written: Body) -> Build:
    """Return a build that hides all values and names except those that its target has as literals.

    Raises `BakeError` if it cannot be used without them: they may be values of variables.
    """
    literals = {each for each in texts_in(written) if not re.search(r"[$%]\{", each)}
    inline = (build.dockerfile_inline or b"").decode("utf-8", "surrogatepass")
    if not {inline, *build.build_contexts} <= {"", *literals}:
        text = "An inline Dockerfile or the name of a context may show values of variables"
        raise BakeError(f"{text}: {_SAVE}")
    texts = [build.context, build.dockerfile or "", build.target, *build.platforms]
    texts += [*build.build_arguments, *build.build_contexts.values()]
    values = sorted({*texts} - {"", *literals})
    return replace(build, hidden=tuple((each, _HIDDEN) for each in values))


def _placed(search: Search, project: _Project, build: Build) -> Build:
    """Return a build with its paths relative to the root.

    Bake resolves paths against its working directory. Assume that this is the directory of the
    file, or the root if the context and the Dockerfile exist only there.
    """
    context, inline = build.context or ".", build.dockerfile_inline is not None
    if is_reference(context):
        return build
    dockerfile = os.path.join(context, build.dockerfile or "Dockerfile")
    start = project.directory
    for each in (project.directory, ""):
        here = search.shown(os.path.join(each, context))
        is_there = inline or os.path.isfile(search.shown(os.path.join(each, dockerfile)))
        if os.path.isdir(here) and is_there and holds(search.border, here):
            start = each
            break
    return replace(
        build,
        context=os.path.join(start, context),
        dockerfile="-" if inline else os.path.join(start, dockerfile),
        build_contexts=placed(build.build_contexts, start),
    )


def _output(words: list[str], search: Search, directory: str) -> bytes:
    """Return what Docker prints. Kill it with all processes that it started if that takes long.

    Raises `BakeError` if Docker is missing, fails, is too slow or prints too much.
    """
    import subprocess

    def inside(path: str) -> bool:
        return holds(search.border, path)

    path, home = os.environ.get("PATH", ""), os.environ.get("HOME", "/")
    program = find_program("docker", path, search.border)
    if program is None:
        raise BakeError("docker is not installed, or PATH names it only inside the repository")
    # The plugins in HOME are programs: those of the repository are not run.
    own = [each for each in path.split(os.pathsep) if os.path.isabs(each) and not inside(each)]
    environment = {"PATH": os.pathsep.join(own), "HOME": "/" if inside(home) else home}
    now = time.monotonic()
    until = min(search.docker_until or now, now + _SECONDS)
    data = b""
    try:
        with subprocess.Popen(
            [program, "buildx", "bake", "--print", *words],
            cwd=search.shown(directory),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            timer = threading.Timer(until - now, os.killpg, (process.pid, signal.SIGKILL))
            timer.start()
            try:
                data = process.stdout.read(_MOST_PRINTED + 1)
                timer.cancel()
                timer.join()  # after `wait`, another process may have its number
                if len(data) <= _MOST_PRINTED:
                    process.wait(max(0, until - time.monotonic()))
                data = b"" if process.returncode else data
            finally:
                timer.cancel()
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
    except (OSError, subprocess.TimeoutExpired):
        data = b""
    if not data or len(data) > _MOST_PRINTED:
        raise BakeError(
            f"{_COMMAND} failed, or printed nothing or more than {_MOST_PRINTED:,} bytes within "
            f"{_SECONDS:.0f} seconds"
        )
    return data
