"""Builds of plain commands: `docker build` and its like in Makefiles, scripts and package.json.

A hint only: what is not written out (a variable, a loop) is passed over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping

from ctxsize.build import Build
from ctxsize.discovery.files import RepositoryFiles
from ctxsize.discovery.found import FoundBuild, Haul, Place, concealed
from ctxsize.engine.border import holds
from ctxsize.findings import Location
from ctxsize.shell import Command, commands, in_directories, is_read_whole

_NAME = re.compile(
    r"(?:GNU)?makefile|.*\.(?:mk|sh|bash)|justfile|taskfile\.ya?ml|package\.json|\.gitlab-ci\.yml",
    re.IGNORECASE,
)
BUILD = re.compile(r"\b(?:docker|podman|nerdctl|buildah|buildx)\b[^\n]*?\b(?:build|bud)\b")
_MAKE_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*[:?]?=\s*(.*?)\s*$", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]|\$(\w+)")
_STARTS = (
    *(("docker", "build"), ("docker", "buildx", "build"), ("docker", "image", "build")),
    *(("docker", "builder", "build"), ("podman", "build"), ("podman", "image", "build")),
    *(("buildah", "build"), ("buildah", "bud"), ("nerdctl", "build")),
)
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


def is_wanted(path: str) -> bool:
    """Return whether commands may stand in this file."""
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def builds(files: RepositoryFiles, environment: Mapping[str, str]) -> Haul:
    """Return the builds that commands in these files ask for, as far as they are written out."""
    haul = Haul()
    for path in filter(is_wanted, files.paths):
        text = files.read(path)
        if text is None or not BUILD.search(text):
            continue
        directory = os.path.dirname(path)
        # A script may be meant to be run from the root; `make` and `npm run` never do that.
        usual = path.lower().endswith((".sh", ".bash", ".mk"))
        directories = dict.fromkeys((directory, "") if usual else (directory,))
        with haul.reading(files.shown(path)):
            for script, line in _scripts(path, text):
                haul.unresolved |= is_open(script)
                place = Place("command", "", Location(files.shown(path), line))
                haul.builds += builds_of_script(files, script, directories, place)
    return haul


def is_open(script: str) -> bool:
    """Return whether a build in `script` has a context or Dockerfile that is not written out."""
    text = _at_home(script)
    for inside, command in in_directories(commands(text), ""):
        words = _arguments(command)
        if words is not None:
            pairs = zip(("", *words), words, strict=False)
            decisive = [word for before, word in pairs if not before.startswith(_NAMING)]
            if "$" in inside or any(
                "$" in word and not word.startswith(_NAMING) for word in decisive
            ):
                return True
    return not is_read_whole(text)


def _at_home(script: str) -> str:
    """Return `script` with the usual words for its own directory replaced."""
    return _OWN_DIRECTORY.sub(".", _EXPRESSION.sub("$EXPRESSION", script))


def builds_of_script(
    files: RepositoryFiles, script: str, directories: Iterable[str], place: Place
) -> Iterator[FoundBuild]:
    """Yield the builds in a script that runs in the first of `directories` in which it makes sense.

    Those behind the first are guesses, and no guess leads out of the repository.
    """
    for inside, command in in_directories(commands(_at_home(script)), ""):
        words = _arguments(command)
        if words is None or "$" in inside or inside.startswith("/"):
            continue
        builder = "podman" if command.program in ("podman", "buildah") else "buildkit"
        line = (place.where.line or 1) + command.line
        where = Location(place.where.path, line)
        for number, directory in enumerate(directories):
            start = os.path.normpath(os.path.join(directory, inside))
            found = _build(files, words, start, Place(place.how, place.name, where), builder)
            if found is not None and (not number or holds(files.border, found.build.context)):
                yield found
                break


def _scripts(path: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield the parts of a file that are shell, and the lines on which they begin."""
    name = path.rpartition("/")[2].lower()
    if name == "package.json":
        yield from _package_scripts(text)
    elif name.endswith((".sh", ".bash")):
        yield _expanded(text, text), 1
    else:
        # Each recipe line is a shell of its own, in which `cd` ends.
        variables = text
        for script, line in _recipes(text):
            if BUILD.search(script):
                is_make = name.endswith(("makefile", ".mk"))
                expanded = _expanded(script, variables)
                yield _run_by_make(expanded) if is_make else expanded, line


def _run_by_make(script: str) -> str:
    """Return a recipe as a shell gets it, but for the values that only make knows."""
    for _ in range(_DEEPEST):
        script = _MAKE_CALL.sub("$MAKE", script)
    return script.replace("$$", "$")


def _recipes(text: str) -> Iterator[tuple[str, int]]:
    lines, script, start = text.splitlines(), "", 0
    for number, line in enumerate(lines, 1):
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
            before = text.partition(f'"{name}"')[0]
            yield script, before.count("\n") + 1


def _expanded(script: str, variables: str) -> str:
    """`script` with the variables that are set once, and to plain text."""
    values: dict[str, list[str]] = {}
    for match in _MAKE_VARIABLE.finditer(variables):
        values.setdefault(match[1], []).append(match[2].strip("'\""))

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1] or match[2], [])
        return found[0] if len(found) == 1 and "$" not in found[0] else match[0]

    return _REFERENCE.sub(value, script)


def _arguments(command: Command) -> tuple[str, ...] | None:
    """Return what a build is told, None if the command is no build."""
    words = (command.program, *command.arguments)
    for start in _STARTS:
        if words[: len(start)] == start:
            return words[len(start) :]
    return None


def _build(
    files: RepositoryFiles, words: tuple[str, ...], directory: str, place: Place, builder: str
) -> FoundBuild | None:
    """Return the build if its context is a directory and its Dockerfile is there."""
    options: dict[str, list[str]] = {}
    operands: list[str] = []
    pending = iter(words)
    for word in pending:
        name, given, value = word.partition("=")
        if not word.startswith("-"):
            operands.append(word)
        elif name in _SWITCHES:
            continue
        elif re.fullmatch(r"-[ft].+", word) and not given:
            options.setdefault(word[:2], []).append(word[2:])
        else:
            options.setdefault(name, []).append(value if given else next(pending, ""))
    if len(operands) != 1 or any("$" in each for each in _decisive(operands, options)):
        return None
    context = files.shown(os.path.join(directory, operands[0]))
    file = next((options[name][-1] for name in ("-f", "--file") if name in options), None)
    dockerfile = os.path.normpath(os.path.join(context, "Dockerfile"))
    if file is not None:
        dockerfile = files.shown(os.path.join(directory, file))
    if not os.path.isdir(context) or not os.path.isfile(dockerfile):
        return None
    build = Build(
        context,
        dockerfile,
        next(iter(options.get("--target", [])[-1:]), ""),
        _pairs(options.get("--build-arg", [])),
        files.contexts(_pairs(options.get("--build-context", [])), directory),
        tuple(p for each in options.get("--platform", []) for p in each.split(",") if "$" not in p),
        builder,
    )
    return FoundBuild(concealed(build), (place,))


def _pairs(words: list[str]) -> dict[str, str]:
    """Return `NAME=value` words; those with a variable are left out."""
    pairs = (each.partition("=") for each in words)
    return {name: value for name, given, value in pairs if given and "$" not in value}


def _decisive(operands: list[str], options: Mapping[str, list[str]]) -> Iterator[str]:
    yield from operands
    for name in ("-f", "--file", "--target"):
        yield from options.get(name, [])
