"""Ask Docker to evaluate Bake files, if the user allows it.

`docker buildx bake --print` builds nothing and contacts no daemon. Besides `engine.git`, only this
module runs a program, and it must lie outside the repository. It gets only PATH and HOME of our
environment. Its stderr may contain secrets, so it is discarded.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from dataclasses import replace

from ctxsize.build import Build
from ctxsize.discovery.bakefile import BakeError, BakeFile, Body, literal, read_json, texts_in
from ctxsize.discovery.search import Search
from ctxsize.engine.git import find_program
from ctxsize.reader import holds

_HIDDEN = "…"
"""The text printed instead of a value that Docker evaluated: it may contain a secret."""
_COMMAND = "`docker buildx bake --print`"
_SAVE = f"save the output of {_COMMAND} as bake.json beside this file"
_SECONDS = 10.0
"""Seconds that Docker has for one answer."""
_MOST_PRINTED = 4_000_000
"""Number of bytes of the longest answer."""


def evaluated(
    search: Search, directory: str, files: list[str], bake: BakeFile, names: list[str]
) -> list[tuple[str, Build]]:
    """Return the builds of targets of `bake` as Docker evaluates its `files` in `directory`.

    Raises `BakeError` if Docker may not be asked, or cannot answer.
    """
    if search.docker_until is None:
        raise BakeError(f"Run `ctxsize scan --ask-docker`, or {_SAVE}")
    if not all(holds(search.border, search.shown(path)) for path in files):
        raise BakeError("ctxsize does not run Docker, as a file lies outside the repository")
    answer = BakeFile()
    words = [word for path in files for word in ("-f", f"./{os.path.basename(path)}")]
    words += [name for name in names if re.fullmatch(r"\w[\w.\-]*", name, re.ASCII)]  # no options
    document = read_json(_output(search, directory, words).decode(errors="replace"))
    answer.add({key: literal(each) for key, each in document.items()})
    builds = answer.builds()
    found = []
    for name in names:
        members = answer.groups.get(name)  # those of a matrix
        for member in members if isinstance(members, list) else [name]:
            if not isinstance(member, str) or member not in builds or member in answer.unknown:
                raise BakeError(f"{_COMMAND} printed no target {name}")
            found.append((name, _hiding(builds[member], bake.targets[name])))
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


def _docker(search: Search) -> tuple[str, dict[str, str]]:
    """Return the program and its environment. Raises `BakeError` if it is missing."""
    path, home = os.environ.get("PATH", ""), os.environ.get("HOME", "/")
    program = find_program("docker", path, search.border)
    if program is None:
        raise BakeError("docker is not installed, or PATH names it only inside the repository")
    absolute = filter(os.path.isabs, path.split(os.pathsep))
    own = [each for each in absolute if not holds(search.border, each)]
    # The plugins in HOME are programs: those of the repository are not run.
    home = "/" if holds(search.border, home) else home
    return program, {"PATH": os.pathsep.join(own), "HOME": home}


def _output(search: Search, directory: str, words: list[str]) -> bytes:
    """Return what Docker prints; at the end of its time, kill it with all that it started.

    Raises `BakeError` if Docker is missing, fails, is too slow or prints too much.
    """
    import subprocess

    program, environment = _docker(search)
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
