"""Builds of plain commands: `docker build` and its like in Makefiles, scripts and package.json.

A hint only: what is not written out (a variable, a loop) is passed over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ctxsize.build import Build, placed
from ctxsize.discovery.search import FoundBuild, Place, Search, directory_of
from ctxsize.engine.border import holds
from ctxsize.findings import Location
from ctxsize.shell import commands, in_directories, is_read_whole
from ctxsize.syntax import Command

WANTED = re.compile(
    r"(?s:.*/)?(?:(?:GNU)?makefile|.*\.(?:mk|sh|bash)|justfile|taskfile\.ya?ml|package\.json"
    r"|\.gitlab-ci\.yml)",
    re.IGNORECASE,
)
"""The paths of files in which commands may stand."""
BUILD = re.compile(r"\b(?:docker|podman|nerdctl|buildah|buildx)\b[^\n]*?\b(?:build|bud)\b")
_START = re.compile(
    r"(?:docker (?:buildx |image |builder )?build|podman (?:image )?build|buildah (?:build|bud)"
    r"|nerdctl build)(?: |\Z)"
)
_MAKE_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*[:?]?=\s*(.*?)\s*$", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]|\$(\w+)")
_OWN_DIRECTORY = re.compile(
    r"\$\(\s*dirname\s+(?:--\s+)?\"?\$(?:0|\{?BASH_SOURCE(?:\[0\])?\}?)\"?\s*\)|\$\{0%/\*\}"
)
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
"""An expression of a workflow, which is no text of a shell."""
_MAKE_CALL = re.compile(r"(?<!\$)\$\([^()]*\)")
_DEEPEST = 8
_NAMING = ("-t", "--tag", "--build-arg", "--label", "--cache-", "--platform", "--progress")
"""Options whose values say nothing of context and Dockerfile."""
_SWITCHES = frozenset(
    (
        *("--load", "--push", "--pull", "--no-cache", "--rm", "--force-rm", "--quiet", "-q"),
        *("--squash", "--compress", "--debug", "-D", "--disable-content-trust", "--check"),
        *("--layers", "--squash-all", "--tls-verify", "--format-docker", "-h", "--help"),
    )
)


def collect(search: Search) -> None:
    """Add the builds that commands in these files ask for, as far as they are written out."""
    for path in filter(WANTED.fullmatch, search.paths):
        text = search.read(path)
        if text is None or not BUILD.search(text):
            continue
        directory = directory_of(path)
        # A script may be meant to be run from the root; `make` and `npm run` never do that.
        usual = path.lower().endswith((".sh", ".bash", ".mk"))
        directories = dict.fromkeys((directory, "") if usual else (directory,))
        with search.reading(path) as where:
            for script, line in _scripts(path, text):
                place = Place("command", "", replace(where, line=line))
                collect_from(search, script, directories, place)


def collect_from(search: Search, script: str, directories: Iterable[str], place: Place) -> None:
    """Add the builds in a script, and note if one of them is not written out."""
    search.is_open |= _is_open(script)
    search.builds += builds_of_script(search, script, directories, place)


def _is_open(script: str) -> bool:
    """Return whether a build in `script` has a context or Dockerfile that is not written out."""
    for inside, words, _ in _build_commands(script):
        decisive = [
            word
            for before, word in zip(("", *words), words, strict=False)
            if not before.startswith(_NAMING) and not word.startswith(_NAMING)
        ]
        if any("$" in word for word in (inside, *decisive)):
            return True
    return not is_read_whole(_at_home(script))


def builds_of_script(
    search: Search, script: str, directories: Iterable[str], place: Place
) -> Iterator[FoundBuild]:
    """Yield the builds in a script that runs in the first of `directories` in which it makes sense.

    Those behind the first are guesses, and no guess leads out of the repository.
    """
    for inside, words, command in _build_commands(script):
        if "$" in inside or inside.startswith("/"):
            continue
        builder = "podman" if command.program in ("podman", "buildah") else "buildkit"
        where = Location(place.where.path, (place.where.line or 1) + command.line)
        for number, directory in enumerate(directories):
            build = _build(search, words, os.path.join(directory, inside), builder)
            if build is None or (number and not holds(search.border, search.shown(build.context))):
                continue
            found = search.made(replace(place, where=where), build)
            if found is not None:
                yield found
            break


def _build_commands(script: str) -> Iterator[tuple[str, tuple[str, ...], Command]]:
    """Yield the builds in a script: the directory, the options of the build, the command."""
    for inside, command in in_directories(commands(_at_home(script)), ""):
        words = " ".join((command.program, *command.arguments[:2]))
        if start := _START.match(words):
            yield inside, command.arguments[len(start[0].split()) - 1 :], command


def _at_home(script: str) -> str:
    """Return `script` with the usual words for its own directory replaced."""
    return _OWN_DIRECTORY.sub(".", _EXPRESSION.sub("$EXPRESSION", script))


def _scripts(path: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield the parts of a file that are shell, and the lines on which they begin."""
    name = os.path.basename(path).lower()
    if name == "package.json":
        yield from _package_scripts(text)
    elif name.endswith((".sh", ".bash")):
        yield _expanded(text, text), 1
    else:
        # Each recipe line is a shell of its own, in which `cd` ends.
        for script, line in _recipes(text):
            if BUILD.search(script):
                is_make = name.endswith(("makefile", ".mk"))
                expanded = _expanded(script, text)
                yield _run_by_make(expanded) if is_make else expanded, line


def _run_by_make(script: str) -> str:
    """Return a recipe as a shell gets it, but for the values that only make knows."""
    for _ in range(_DEEPEST):
        script = _MAKE_CALL.sub("$MAKE", script)
    return script.replace("$$", "$")


def _recipes(text: str) -> Iterator[tuple[str, int]]:
    """Yield the lines that a backslash does not join, without what make and YAML put in front."""
    script, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if script else number
        script += line
        if line.endswith("\\"):
            script += "\n"
            continue
        yield re.sub(r"^[\s@\-+]*(?:\w+:\s+)?", "", script), start
        script = ""


def _package_scripts(text: str) -> Iterator[tuple[str, int]]:
    try:
        scripts = json.loads(text).get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return
    for name, script in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(script, str) and BUILD.search(script):
            yield script, text.partition(f'"{name}"')[0].count("\n") + 1


def _expanded(script: str, variables: str) -> str:
    """Return `script` with the variables that are set once, and to plain text."""
    values: dict[str, list[str]] = {}
    for match in _MAKE_VARIABLE.finditer(variables):
        values.setdefault(match[1], []).append(match[2].strip("'\""))

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1] or match[2], [])
        return found[0] if len(found) == 1 and "$" not in found[0] else match[0]

    return _REFERENCE.sub(value, script)


def _build(search: Search, words: tuple[str, ...], directory: str, builder: str) -> Build | None:
    """Return the build if its context is a directory and its Dockerfile is there."""
    options: dict[str, list[str]] = {}
    operands: list[str] = []
    pending = iter(words)
    for word in pending:
        name, given, value = word.partition("=")
        if not word.startswith("-"):
            operands.append(word)
        elif re.fullmatch(r"-[ft].+", word) and not given:
            options.setdefault(word[:2].replace("-f", "--file"), []).append(word[2:])
        elif name not in _SWITCHES:
            name = "--file" if name == "-f" else name
            options.setdefault(name, []).append(value if given else next(pending, ""))
    file, target = (options.get(name, [""])[-1] for name in ("--file", "--target"))
    if len(operands) != 1 or any("$" in each for each in (*operands, file, target)):
        return None
    context = os.path.join(directory, operands[0])
    dockerfile = os.path.join(directory, file) if file else os.path.join(context, "Dockerfile")
    if not os.path.isdir(search.shown(context)) or not os.path.isfile(search.shown(dockerfile)):
        return None
    platforms = ",".join(options.get("--platform", [])).split(",")
    return Build(
        context,
        dockerfile,
        target,
        given_pairs(options.get("--build-arg", []), "$"),
        placed(given_pairs(options.get("--build-context", []), "$"), directory),
        tuple(each for each in platforms if each and "$" not in each),
        builder,
    )


def given_pairs(words: Iterable[str], open_mark: str) -> dict[str, str]:
    """Return `NAME=value` words; those that hold the mark of what is not written out are left."""
    pairs = (each.strip().partition("=") for each in words)
    return {name: value for name, given, value in pairs if given and open_mark not in value}
