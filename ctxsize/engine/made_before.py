"""Find which command of a repository runs before its `docker build`, and makes what that takes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from os.path import join, realpath, relpath
from typing import NamedTuple

from ctxsize.dockerfile.shell import commands, in_directories
from ctxsize.engine.git import GitError, find
from ctxsize.engine.plan import Plan
from ctxsize.knowledge.tools import may_make_results
from ctxsize.reader import border_of, holds, read_file
from ctxsize.syntax import Command

_MOST_BYTES = 1_000_000
_MOST_LINES = 200  # lines with a build that are read as commands
_BUILD = r"docker (?:buildx |image )?build\b"
_RULE = r"([\w./-]+)[ \t]*:(?![:=])([^=#]*)$"
_STRING = r'"(?:[^"\\\n]|\\.)*"?'  # one without an end goes as far as the line
_PLAIN = r"[\w./:@-]+"  # a word that is no value of an option, and no variable


class _BuildScript(NamedTuple):
    """The commands that run one after the other, with the line of the last one."""

    line: int
    text: str


def made_before(plan: Plan, paths: Iterable[str]) -> dict[str, str]:
    """Return for those of `paths` that git ignores which command runs first, as a clause.

    There is none unless a script of `package.json`, or a target of a Makefile, builds this very
    context, and runs something before that may make files.
    """
    repository = find(plan.root).repository
    if repository is None:
        return {}
    asked = [*paths]
    # Of a directory, a pattern may match all that it holds, as `dist/*` does.
    entries = [f"{path}/-" for path in asked]
    ignored = set()
    with suppress(GitError):
        ignored = repository.would_ignore([*asked, *entries])
    missing = [path for path in asked if path in ignored or f"{path}/-" in ignored]
    command = ""
    if missing:
        command = next(_commands_before(plan), "")
    if not command:
        return {}
    return dict.fromkeys(missing, command)


def _commands_before(plan: Plan) -> Iterator[str]:
    """Yield the commands that run before a build of the plan's context, each as a clause."""
    top = border_of(plan.root)
    for directory in dict.fromkeys([plan.root, top]):
        for name, scripts_in in (("package.json", _in_manifest), ("Makefile", _in_makefile)):
            path = join(directory, name)
            if not holds(top, path):
                continue
            text = ""
            with suppress(OSError):
                text = read_file(path, _MOST_BYTES).decode("utf-8", "replace")
            for script in scripts_in(text):
                first = _first_before(script.text, directory, plan.root)
                if first:
                    yield f"{relpath(path, top)}:{script.line} runs `{first}` before the build"


def _in_manifest(text: str) -> Iterator[_BuildScript]:
    """Yield the texts of a `package.json` that build an image."""
    building = 0
    for number, line in enumerate(text.split("\n"), 1):
        if building == _MOST_LINES or not re.search(_BUILD, line):
            continue
        building += 1
        for match in re.finditer(_STRING, line):
            with suppress(ValueError):
                yield _BuildScript(number, json.loads(match[0]))


def _in_makefile(text: str) -> Iterator[_BuildScript]:
    """Yield the recipes that build an image, each up to that line, behind those it depends on."""
    recipes = defaultdict(list)
    builds = []
    target = ""
    needed = list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        if rule := re.match(_RULE, line):
            target = rule[1]
            needed = rule[2].split()
        elif line.startswith("\t"):
            recipes[target].append(line.strip().lstrip("@-+"))
            if re.search(_BUILD, line):
                builds.append((number, needed, [*recipes[target]]))
    for number, names, recipe in builds[:_MOST_LINES]:
        before = [line for name in names if name in recipes for line in recipes[name]]
        yield _BuildScript(number, "\n".join([*before, *recipe]))


def _first_before(script: str, directory: str, root: str) -> str:
    """Return the first command that may make files, before one that builds the context `root`."""
    first = ""
    for here, command in in_directories(commands(script), directory):
        if _builds(command, here, root):
            return first
        if not first and may_make_results(command) and re.fullmatch(_PLAIN, command.program):
            first = " ".join(_plain_words(command))
    return ""


def _plain_words(command: Command) -> Iterator[str]:
    """Yield the words of a command up to its options, whose values may be secrets."""
    for word in command.words:
        if word.startswith("-") or not re.fullmatch(_PLAIN, word):
            break
        yield word


def _builds(command: Command, directory: str, root: str) -> bool:
    """Return whether a command builds an image from the context `root`.

    That is the last word that follows no option, whose value it may be, or else the last one.
    """
    if not re.match(_BUILD, " ".join(command.words)):
        return False
    words = command.words[command.words.index("build") :]
    contexts = [*words[-1:]]
    for before, word in pairwise(words):
        if not before.startswith("-") and not word.startswith("-"):
            contexts.append(word)
    return realpath(join(directory, contexts[-1])) == root
