"""Builds of commands: `docker build` and the like in scripts, Makefiles and other texts.

Commands that depend on unknown variables or loops ("not written out") are skipped.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from ctxsize.build import Build, placed
from ctxsize.dockerfile.shell import UNKNOWN, commands, in_directories, is_read_whole
from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Location
from ctxsize.knowledge.rules import table
from ctxsize.model import Effect
from ctxsize.reader import holds
from ctxsize.repository.recognisers import TOP, BuildCommand, FileKind, expression, tools
from ctxsize.repository.search import Place, Search
from ctxsize.syntax import can_read

_WHOLE = re.compile(".+", re.DOTALL)
_LINE = re.compile(r"(?:.*\\\n)*.*")
_RECIPE = re.compile(r"^[ \t]+#!.*(?:\n(?:[ \t].*)?)*|" + _LINE.pattern, re.MULTILINE)
"""Matches a recipe of just that one program runs as a whole, or a line."""
_PREFIX = re.compile(r"^[\s@\-+]*(?:\w+:\s+)?")  # what make and just have before a command
_JSON_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"?')
_VARIABLE = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*[:?]?=(.*)", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]|\$(\w+)|(?:(?<!\$)\{\{\s*\.?|\$\{\{\s*env\.)(\w+)\s*\}\}")
OPEN = re.compile(r"\$|\{\{|`")  # matches in a text that is not written out
_MAKE_CALL = re.compile(r"(?<!\$)\$\([^()]*\)")
_DEEPEST = 8
_MOST_WORDS = 12  # that contain the name of a command, and options between its words


@dataclass(frozen=True)
class Ground:
    """Where the paths of a file start."""

    search: Search
    source: FileKind
    directories: tuple[str, ...]  # relative to the root; all but the first are guesses
    expanded: Callable[[str], str] = str  # replaces variables of the file

    def placed(self, directory: str, *paths: str) -> str:
        """Return paths joined to a directory, or to the first one if they start with `TOP`."""
        path = posixpath.join(directory, *paths)
        if not path.startswith(TOP):
            return path
        return os.path.join(self.directories[0], path[len(TOP) :].lstrip("/"))

    def with_top(self, text: str) -> str:
        """Return a text with `TOP` in place of the expressions for it, and with variables."""
        return self.expanded(re.sub(self.source.top, TOP, text) if self.source.top else text)

    def add(
        self, place: Place, build: Build, beside: str, inside: str = "", *, is_certain: bool = False
    ) -> None:
        """Add a build that runs `inside` a directory, if it has a context and a Dockerfile there.

        Its Dockerfile is relative to `beside`: the `directory`, the `context` or `either`. A build
        that `is_certain` is added in any case.
        """
        for number, start in enumerate(self.directories):
            here = self.placed(start, inside)
            context = self.placed(here, build.context)
            bases = {"context": [context], "either": [here, context]}.get(beside, [here])
            if build.dockerfile:
                names = [build.dockerfile]
            else:
                names = []
            if not names:
                bases = [context]
                names = [*BUILDERS[build.builder].dockerfile_names]
            paths = [self.placed(base, name) for base in bases for name in names]
            found = [each for each in paths if os.path.isfile(self.search.shown(each))]
            where = self.search.shown(context)
            is_inside = not number or holds(self.search.border, where)
            if is_certain or (is_inside and found and os.path.isdir(where)):
                contexts = placed(build.build_contexts, here)
                if found:
                    dockerfile = found[0]
                else:
                    dockerfile = paths[0]
                build = replace(build, context=context, dockerfile=dockerfile)
                self.search.add(place, replace(build, build_contexts=contexts))
                return


def ground_of(search: Search, path: str, source: FileKind) -> Ground:
    """Return where the paths of the file at `path` start."""
    beside = os.path.dirname(path)
    starts = ("" if each == "/" else os.path.join(beside, each) for each in source.directories)
    return Ground(search, source, tuple(dict.fromkeys(map(os.path.normpath, starts))))


def add_commands(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the builds of the parts of a file, each a script of its own."""
    pattern, script_of = _READERS[source.reader]
    if source.unknown and re.search(source.unknown, text) and expression("hint").search(text):
        search.is_open = True
        return
    ground = ground_of(search, path, source)
    text = ground.with_top(text)
    read = partial(script_of, expander(_VARIABLE.findall(text)))
    line = 1
    position = 0
    for match in pattern.finditer(text):
        if expression("hint").search(match[0]):
            line += text.count("\n", position, match.start())
            position = match.start()
            place = Place(source.how, "", Location(search.shown(path), line))
            add_script(ground, read(match[0]), place)


def _of_make(expanded: Callable[[str], str], line: str) -> str:
    """Return what make passes to the shell, except for values that only make has."""
    script = expanded(_PREFIX.sub("", line))
    for _ in range(_DEEPEST):
        script = _MAKE_CALL.sub("$MAKE", script)
    return script.replace("$$", "$")


_READERS: dict[str, tuple[re.Pattern[str], Callable[[Callable[[str], str], str], str]]] = {
    "script": (_WHOLE, lambda _, script: script),
    # Each line of a recipe runs in its own shell, so `cd` ends with it.
    "just": (_RECIPE, lambda expanded, line: expanded(_PREFIX.sub("", line))),
    "make": (_LINE, _of_make),
    "strings": (_JSON_TEXT, lambda _, part: part[1:-1].replace('\\"', '"')),
}
"""For each reader the parts of a file that may be scripts, and the script of a part."""


def add_script(ground: Ground, script: str, place: Place, inside: str = "") -> None:
    """Add the builds in a script, and record if one of them is not written out."""
    if not expression("hint").search(script):
        return
    script = expander(_VARIABLE.findall(script))(script)
    script = expression("expressions").sub("$EXPRESSION", script)
    script = expression("own_directory").sub(".", script)
    is_read = is_read_whole(script)
    if not is_read and not can_read():
        ground.search.problems[replace(UNKNOWN, effect=Effect.LOWER_BOUND)] = None
    ground.search.is_open |= not is_read or bool(OPEN.search(inside))
    for directory, command in in_directories(commands(script), inside):
        words = " ".join(word.replace(" ", "_") for word in command.words[:_MOST_WORDS])
        for pattern, tool in tools():
            if start := pattern.match(words):
                where = replace(place.where, line=(place.where.line or 1) + command.line)
                rest = command.words[len(start[0].split()) :]
                _add_command(ground, replace(place, where=where), tool, directory, rest)


def _add_command(
    ground: Ground, place: Place, tool: BuildCommand, inside: str, words: Iterable[str]
) -> None:
    """Add the build of a command, or record that a path or the target is not written out."""
    operands, options = parsed(words, tool)
    if tool.by_option:
        contexts = options.get("--context", [])[-1:]
    else:
        contexts = operands
    if not contexts and tool.default and options.keys() <= {*tool.valued, "--file"}:
        contexts = [tool.default]
    # Without an operand, an unknown option may have consumed it.
    usual = ("--directory", "--file", "--target", "--context-sub-path")
    names = usual if contexts else (*options,)
    values = (value for name in names for value in options.get(name, []))
    if any(OPEN.search(each) for each in (inside, *contexts, *values)):
        ground.search.is_open = True
        return
    is_elsewhere = inside.startswith("/") and not inside.startswith(TOP)
    if len(contexts) != 1 or is_elsewhere or (tool.needs and not {*tool.needs} & {*options}):
        return
    directory, file, target, below = (options.get(name, [""])[-1] for name in names)
    context = contexts[0].removeprefix("dir://")  # a prefix of kaniko
    context = ground.with_top(os.path.join(context, below) if below else context)
    if directory:
        file = os.path.join(directory, file or "Dockerfile")
    else:
        file = file
    args, named = (pairs(options.get(e, [])) for e in ("--build-arg", "--build-context"))
    platforms = words_of(",".join(options.get("--platform", [])))
    build = Build(context, file or None, target, args, named, platforms, tool.builder)
    ground.add(place, build, "either" if tool.by_option and not directory else "directory", inside)


def parsed(words: Iterable[str], tool: BuildCommand) -> tuple[list[str], dict[str, list[str]]]:
    """Return the operands and the options of a command, these by their names for docker."""
    operands: list[str] = []
    options: dict[str, list[str]] = {}
    pending = iter(words)
    for word in pending:
        name, given, value = word.partition("=")
        if not word.startswith("-"):
            operands.append(word)
            continue
        if re.fullmatch(r"-[ft].+", word) and not given:
            name = word[:2]
            given = "="
            value = word[2:]
        elif name in (*table("builds.toml")["switches"], *tool.switches):
            continue
        if given:
            value = value
        else:
            value = next(pending, "")
        if name in tool.paired:
            key, given, value = value.partition("=")
            argument, colon, key_of = key.partition(":")
            name = f"{name} {argument}"
            if colon:
                value = f"{key_of}={value}"
            else:
                value = value
        options.setdefault({"-f": "--file", **tool.names}.get(name, name), []).append(value)
    return operands, options


def expander(variables: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """Return a function that replaces the variables with one value, a plain text."""
    values: dict[str, set[str]] = {}
    for name, value in variables:
        values.setdefault(name, set()).add(value.strip().strip("'\""))

    def only(match: re.Match[str]) -> str:
        found = [*values.get(match[1] or match[2] or match[3], ())]
        return found[0] if len(found) == 1 and not OPEN.search(found[0]) else match[0]

    return partial(_REFERENCE.sub, only)


def pairs(words: Iterable[str]) -> dict[str, str]:
    """Return `NAME=value` words as a mapping, without values that are not written out."""
    found = (each.strip().partition("=") for each in words)
    return {name: value for name, given, value in found if given and not OPEN.search(value)}


def words_of(text: str) -> tuple[str, ...]:
    """Return the values of a list, without those that are not written out."""
    words = (each.strip() for each in re.split(r"[,\n]", text))
    return tuple(each for each in words if each and not OPEN.search(each))
