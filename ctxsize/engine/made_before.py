"""Find which command of a repository runs before `docker build`, and makes what that takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from os.path import join, relpath

from ctxsize.engine.git import GitError, find
from ctxsize.engine.plan import Plan
from ctxsize.reader import border_of, read_file

_BUILD = r"\bdocker (?:buildx |image )?build\b"
_MOST_BYTES = 1_000_000


def made_before(plan: Plan, paths: Iterable[str]) -> dict[str, str]:
    """Return for those of `paths` that git ignores which command runs first, as a clause.

    There is none unless a script of `package.json`, or a target of a Makefile, runs one before
    it builds an image.
    """
    command = ""
    top = border_of(plan.root)
    for directory in dict.fromkeys([plan.root, top]):
        for name in ("package.json", "Makefile"):
            path = join(directory, name)
            with suppress(OSError):
                lines = read_file(path, _MOST_BYTES).decode("utf-8", "replace").split("\n")
                command = command or _first_command(relpath(path, top), lines)
    repository = find(plan.root).repository
    if not command or repository is None:
        return {}
    asked = [*paths]
    # A pattern that ends with a slash matches directories only.
    directories = [f"{path}/" for path in asked]
    ignored = set()
    with suppress(GitError):
        ignored = repository.would_ignore([*asked, *directories])
    made = {}
    for path in asked:
        if path in ignored or f"{path}/" in ignored:
            made[path] = command
    return made


def _first_command(path: str, lines: Iterable[str]) -> str:
    """Return the command before the first build: on its line, or above it for the same target."""
    first = ""
    for number, line in enumerate(lines, 1):
        build = re.search(_BUILD, line)
        if build:
            before = line[: build.start()].rpartition("&&")[0]
            command = before.rpartition('"')[2].strip() or first
            if command:
                return f"{path}:{number} runs `{command}` before the build"
        elif path.endswith("Makefile"):
            first = line.strip().lstrip("@-+")
            if line == first:  # a target, whose prerequisites are made first
                first = line.partition(":")[2].strip("= ")
    return ""
