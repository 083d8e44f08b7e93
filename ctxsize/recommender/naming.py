"""Whether a text or a command names a thing: as a part of a path, or as a word that is one.

Tools have words that are names of directories, too: `npm run build` names no `build/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ctxsize.recommender.tree import is_glob, like
from ctxsize.shell import Command

_BETWEEN = re.compile(r"[\s\"'`:;,=()\[\]{}<>|&]+")
_OF_THE_SYSTEM = re.compile(r"/(usr/)?(local/)?(lib(64|exec)?|s?bin|include)(/|$)|/(dev|etc|proc)/")
_SILENT = frozenset(
    [
        *("rm", "rmdir", "mkdir", "cd", "pushd", "popd", "touch", "unset"),
        *("apt", "apt-get", "apk", "dnf", "microdnf", "yum"),
    ]
)
"""Programs to which it makes no difference whether what they name is there."""
_TOOLS = frozenset(
    [
        *("npm", "npx", "yarn", "pnpm", "bun", "deno", "cargo", "go", "make", "just", "task"),
        *("gradle", "gradlew", "mvn", "mvnw", "sbt", "mill", "lein", "mix", "bundle", "rake"),
        *("rails", "composer", "dotnet", "docker", "git", "pip", "pip3", "uv", "poetry", "pdm"),
        *("hatch", "stack", "cabal", "dune", "swift", "dart", "flutter", "gleam", "zig"),
        *("nimble", "shards", "crystal", "bazel", "turbo", "nx", "next", "nuxt", "vite", "ng"),
        *("echo", "printf", "export"),
    ]
)
"""Programs whose plain words are commands of theirs."""
_TAKERS = frozenset(
    [
        *("cp", "mv", "ln", "rsync", "tar", "zip", "install", "cat", "ls", "find", "du", "chmod"),
        *("chown", "test", "[", "source", ".", "python", "python3", "node", "java", "php"),
        *("ruby", "perl", "sh", "bash", "serve", "http-server"),
    ]
)
"""Programs whose first plain word is a path all the same."""
_LEFT_OUT = re.compile(r"--(exclude|ignore)[\w-]*(=.*)?|-m")
"""Options whose value is no path that has to be there; `-m` is followed by a module."""
_PATHS = re.compile(r"(PATH|DIR|HOME|ROOT|LIBS?|FILE|PREFIX)$", re.IGNORECASE)


def naming(text: str, name: str, *, bare: bool = True) -> Iterator[str]:
    """The words of `text` that name `name`, which is a name or the last components of a path.

    A word that is nothing but the name counts if it may stand there `bare`.

    >>> [*naming("/app/build/lib:$PATH", "build")], [*naming("/usr/lib/build", "build")]
    (['/app/build/lib'], [])
    """
    return (word for word in _BETWEEN.split(text) if word and _is(word, name, bare))


def names(text: str, name: str) -> bool:
    """Whether `text` names `name`."""
    return any(naming(text, name))


def _is(word: str, name: str, bare: bool) -> bool:
    if _OF_THE_SYSTEM.match(word) or ("/" not in word and not bare):
        return False
    parts = [part for part in word.split("/") if part not in ("", ".")]
    wanted = name.split("/")
    starts = range(len(parts) - len(wanted) + 1)
    return any(all(map(_agree, parts[at:], wanted)) for at in starts)


def _agree(part: str, wanted: str) -> bool:
    """Whether a part of a path is `wanted`, or a pattern that is meant for more than anything."""
    return part == wanted or (part.strip("*") != "" and is_glob(part) and like(part, wanted))


def named_by_value(variable: str, value: str, name: str) -> Iterator[str]:
    """The same for what a variable is set to."""
    return naming(value, name, bare=_PATHS.search(variable) is not None)


def named_by(command: Command, name: str) -> Iterator[str]:
    """The same for what a command says, where it has to be there for it."""
    if command.program in _SILENT:
        return
    exported = (word.partition("=")[::2] for word in command.words if command.program == "export")
    for variable, value in (*command.assignments, *exported):
        yield from named_by_value(variable, value, name)
    taker, tool = command.program in _TAKERS, command.program in _TOOLS
    first = next(iter(command.operands), None)
    left_out = False
    for word in command.words:
        option = _LEFT_OUT.fullmatch(word) is not None
        if not left_out and not option:
            yield from naming(word, name, bare=taker or not (tool or word == first))
        left_out = option and "=" not in word
