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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from ctxsize.build import Build, is_reference, placed
from ctxsize.discovery import compose
from ctxsize.discovery.bakefile import (
    BakeError,
    BakeFile,
    Body,
    literal,
    printed,
    read_hcl,
    read_json,
    texts_in,
)
from ctxsize.discovery.compose import ComposeReader
from ctxsize.discovery.search import Place, Search
from ctxsize.engine.border import holds
from ctxsize.engine.git import find_program
from ctxsize.findings import Location

_DEFAULTS = (
    *("docker-bake.json", "docker-bake.override.json"),
    *("docker-bake.hcl", "docker-bake.override.hcl"),
)
"""Default names of Bake files. Bake reads all that exist, in this order."""
_MOST_BYTES = 100_000
"""Number of bytes of the largest HCL file: python-hcl2 needs 40 s for a megabyte."""
_MOST_NAMED = 5
WANTED = re.compile(r"(?s:.*/)?(?:[\w.\-]*[.\-_])?bake(?:[.\-_][\w.\-]+)?\.(?:hcl|json)", re.I)
"""The paths of Bake files, by their names."""
_HIDDEN = "…"
"""The text printed instead of a value that Docker evaluated: it may contain a secret."""
_COMMAND = "`docker buildx bake --print`"
_SHOWN = (
    "An inline Dockerfile or the name of a context may show values of variables: save the output "
    f"of {_COMMAND} as bake.json beside this file"
)
_SECONDS = 10.0
"""Seconds that Docker has for one answer."""
_MOST_PRINTED = 4_000_000
"""Number of bytes of the longest answer."""
_NAME = re.compile(r"\w[\w.\-]*", re.ASCII)
"""Matches a name that is no option."""


@dataclass
class _Project:
    """Bake files of one directory that are read together."""

    directory: str
    names: list[str]
    bake: BakeFile
    beside: list[str] = field(default_factory=list)
    """The Compose files that Bake reads with them."""
    hidden: tuple[tuple[str, str], ...] = ()
    """The values of the variables in those, each with its name in braces."""
    is_whole: bool = True
    """True if all files could be read."""
    is_printed: bool = False
    """True if it may be saved output of `bake --print`."""

    @property
    def is_usual(self) -> bool:
        """Return whether Bake reads them, and the Compose files beside them, without `-f`."""
        return self.names[0] in _DEFAULTS

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)


def collect(search: Search) -> None:
    """Add the builds of every Bake file."""
    projects = [
        _Project(directory, each, BakeFile(search.environment))
        for directory, names in search.by_directory(WANTED)
        for each in (
            [name for name in _DEFAULTS if name in names],
            *([name] for name in names if name not in _DEFAULTS),
        )
        if each
    ]
    for project in projects:
        with search.reading(project.path(project.names[0])):
            _read_compose(project, search)
            for name in project.names:
                _read(project, search, project.path(name))
    for project in projects:
        with search.reading(project.path(project.names[0])):
            _add_targets(project, search, _saved(project, projects))


def _read_compose(project: _Project, search: Search) -> None:
    """Add the services of the Compose files beside it as targets, as Bake does."""
    names = (*compose.NAMES, *compose.OVERRIDES) if project.is_usual else ()
    project.beside = [each for each in names if project.path(each) in search.paths]
    if not project.beside:
        return
    # `compose.collect` reports the problems of these files.
    reader = ComposeReader(replace(search, problems={}))
    for name, build in reader.builds([*map(project.path, project.beside)]).items():
        body = _body(compose.build_of(build), project.directory)
        # Bake replaces dots in the names of targets (`sanitizeTargetName` of buildx).
        project.bake.targets[name.replace(".", "_")] = body
    project.hidden = reader.hidden


def _body(build: Build, directory: str) -> Body:
    """Return the body of a target for a build, whose paths are relative to the root."""
    args: Body = {**build.build_arguments}
    body: Body = {"target": build.target, "args": args, "platforms": [*build.platforms]}
    if not is_reference(build.context):
        body["context"] = os.path.relpath(build.context, directory or ".")
    if build.dockerfile_inline is not None:
        body["dockerfile-inline"] = build.dockerfile_inline.decode()
    else:
        body["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
    return {key: literal(each) for key, each in body.items() if each}


def _read(project: _Project, search: Search, path: str) -> None:
    is_hcl = path.lower().endswith(".hcl")
    text = search.read(path, _MOST_BYTES) if is_hcl else search.read(path)
    try:
        document = None if text is None else read_hcl(text) if is_hcl else read_json(text)
    except BakeError as error:
        where = Location(search.shown(path), error.line)
        search.complain("bake", f"not read: {error.message}", where)
        document = None
    if text is None or document is None:
        project.is_whole = False
        return
    # A file with only targets may be output of `bake --print`, which has no templates.
    if not is_hcl and not project.is_usual and document.keys() <= {"group", "target"}:
        document = printed(document)
        project.is_printed = True
    project.bake.add(document, search.shown(path), text)


def _saved(project: _Project, projects: list[_Project]) -> set[str]:
    """Return the targets and groups in saved output of `bake --print` beside a project."""
    return {
        name
        for each in projects
        if each.is_printed and each is not project and each.directory in (project.directory, "")
        for name in (*each.bake.targets, *each.bake.groups)
    }


def _add_targets(project: _Project, search: Search, saved: set[str]) -> None:
    bake, lines = project.bake, project.bake.lines
    found = [(name, build) for name, build in bake.builds().items() if name in lines]
    mask = Build(hidden=bake.hidden).masked
    unknown = {
        name: key for name, key in bake.unknown.items() if name in lines and name not in saved
    }
    try:
        asked = _asked(project, search, [*unknown]) if unknown else []
        found = [*((name, build) for name, build in found if name not in unknown), *asked]
    except BakeError as error:
        text = f"not evaluated: {_listed(unknown)}. {error.message}"
        search.complain("bake", mask(text), Location(*lines[next(iter(unknown))]))
        # A target without a build may build a Dockerfile whose context ctxsize guesses.
        search.is_open |= not {name for name, _ in found}.issuperset(unknown)
    for name, build in found:
        place = Place("bake", mask(name), Location(*lines[name]))
        hidden = (*project.hidden, *bake.hidden, *build.hidden)
        search.add(place, replace(_placed(search, project, build), hidden=hidden))


def _listed(unknown: Mapping[str, str]) -> str:
    shown = [f"{name} ({key})" for name, key in unknown.items()]
    if len(shown) > _MOST_NAMED:
        shown[_MOST_NAMED:] = [f"{len(shown) - _MOST_NAMED} more"]
    return ", ".join(shown)


def _asked(project: _Project, search: Search, names: list[str]) -> list[tuple[str, Build]]:
    """Return the builds of targets as Docker evaluates them. Raises `BakeError` if it cannot."""
    if search.seconds_for_docker is None:
        raise BakeError(
            "Run `ctxsize scan --ask-docker`, or save the output of `docker buildx bake --print` "
            "as bake.json beside this file"
        )
    files = [*project.beside, *project.names]
    # Docker would follow a link that leads out of the repository.
    inside = all(holds(search.border, search.shown(project.path(each))) for each in files)
    if not (project.is_whole and inside):
        raise BakeError("ctxsize does not run Docker, as it cannot read all files of the project")
    answer = BakeFile()
    answer.add(_printed_by_docker(search, project.directory, files, names))
    builds = answer.builds()
    found = []
    for name in names:
        members = answer.groups.get(name)  # those of a matrix
        for member in members if isinstance(members, list) else [name]:
            if not isinstance(member, str) or member not in builds:
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
        raise BakeError(_SHOWN)
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


def _printed_by_docker(
    search: Search, directory: str, files: Iterable[str], names: Iterable[str]
) -> Body:
    """Return targets and groups `names` of the `files` in a directory, as Docker prints them.

    Raises `BakeError` if Docker is missing, fails, is too slow or prints too much.
    """
    program = find_program("docker", os.environ.get("PATH", ""), search.border)
    if program is None:
        raise BakeError("docker is not installed, or PATH names it only inside the repository")
    chosen = [word for name in files for word in ("-f", f"./{name}")]
    arguments = [program, "buildx", "bake", "--print", *chosen, *filter(_NAME.fullmatch, names)]
    left = search.seconds_for_docker or 0
    began = time.monotonic()
    try:
        data = _output(arguments, search, directory, min(_SECONDS, left))
    except OSError as error:
        raise BakeError(f"docker cannot be run: {error.strerror}") from None
    finally:
        search.seconds_for_docker = max(0, left - (time.monotonic() - began))
    return printed(read_json(data.decode(errors="replace")))


def _output(arguments: list[str], search: Search, directory: str, seconds: float) -> bytes:
    """Return the output of a program. On an error, kill it with all processes that it started."""
    import subprocess

    home = os.environ.get("HOME", "/")
    path = os.environ.get("PATH", "").split(os.pathsep)
    inside = partial(holds, search.border)
    # The plugins in HOME are programs: those of the repository are not run.
    environment = {
        "PATH": os.pathsep.join(each for each in path if os.path.isabs(each) and not inside(each)),
        "HOME": "/" if inside(home) else home,
    }
    deadline = time.monotonic() + seconds
    with subprocess.Popen(
        arguments,
        cwd=search.shown(directory),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            data = process.stdout.read(_MOST_PRINTED + 1)
            timer.cancel()
            timer.join()  # after `wait`, another process may have its number
            if len(data) <= _MOST_PRINTED:
                process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            data = b""
        finally:
            timer.cancel()
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if len(data) > _MOST_PRINTED:
        raise BakeError(f"{_COMMAND} printed more than {_MOST_PRINTED:,} bytes")
    if time.monotonic() >= deadline:
        raise BakeError(f"{_COMMAND} took more than {seconds:.0f} seconds")
    if process.returncode:
        raise BakeError(f"{_COMMAND} failed with {process.returncode}")
    return data
