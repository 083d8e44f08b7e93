"""What a command really runs: what launchers launch, and what scripts of the context say.

A script is followed if it came with the context, and is one of a shell, of make or of
just. What others do is not known, and so they do nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from ctxsize.shell import Command, commands

_LAUNCHERS = frozenset(
    [
        *("npx", "bunx", "pnpx", "corepack", "su-exec", "xargs", "timeout", "time", "tini"),
        *("dumb-init", "sh", "bash", "ash", "dash", "zsh", "busybox", ".", "source", "node"),
        *("ruby", "perl", "php"),
    ]
)
"""Programs that run what is named behind them."""
_INTERPRETER = re.compile(r"(python|pypy)[\d.]*")
_READING = re.compile(r"(python|pypy|ruby|perl|php|lua|tclsh|Rscript)[\d.]*")
"""Interpreters whose scripts nobody reads here."""
_RUNNERS = {
    "exec": ("bundle", "npm", "pnpm", "yarn", "bun", "opam", "mise", "rbenv", "asdf"),
    "run": ("poetry", "uv", "pipenv", "pdm", "hatch", "rye", "conda", "pixi"),
    "dlx": ("pnpm", "yarn"),
    "x": ("bun",),
}
"""Programs that do so behind this word."""
_DURATION = re.compile(r"\d+[smhd]?")
_RULE = re.compile(r"(?![\w.-]+\s*[?+:!]?=)@?([^\s:#][^:#]*):(?!=)(.*)")
_SET = re.compile(r"^(\w+)\s*[?:]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_VALUE = re.compile(r"\$[({](\w+)[)}]")
_MAKEFILES = {
    **dict.fromkeys(("make", "gmake"), ("GNUmakefile", "makefile", "Makefile")),
    "just": ("justfile", "Justfile", ".justfile"),
}
_IN = ("-C", "--directory", "--working-directory", "-d")
_SHELL = re.compile(r"\b\w*sh\b")
_LONGEST = 64 * 1024
_MOST_SCRIPTS = 50

Find = Callable[[str], "str | None"]
"""The text of the file at a path, None if it is none of the context."""


def run_text(command: Command) -> str:
    """The program without its directory and its words, with no launcher in front.

    >>> [run_text(each) for each in commands("sh ./mvnw -q package; python3 -m pip install .")]
    ['mvnw -q package', 'pip install .']
    """
    words = _launched(command.words)
    return " ".join([posixpath.basename(words[0]), *words[1:]]) if words else ""


def _launched(words: tuple[str, ...]) -> tuple[str, ...]:
    while words:
        program = posixpath.basename(words[0])
        if program in _LAUNCHERS or _INTERPRETER.fullmatch(program):
            at = 1
        elif program in _RUNNERS.get("".join(words[1:2]), ()):
            at = 2
        else:
            break
        while at < len(words) and (words[at].startswith("-") or _DURATION.fullmatch(words[at])):
            at += 1
        words = words[at:]
    return words


def is_unread(command: Command) -> bool:
    """Whether it runs a script that is not followed, whoever wrote it; `-m pip` is none.

    >>> [is_unread(each) for each in commands("python3 -u x.py; python3 -m pip install .; sh x.sh")]
    [True, False, False]
    """
    is_script = bool(command.operands) and not command.has("-m", "-c", "-e")
    return is_script and _READING.fullmatch(command.program) is not None


def carried_out(at: str, command: Command, find: Find) -> Iterator[tuple[str, Command]]:
    """The command, which runs in `at`, and behind it those of the scripts that it runs, once."""
    pending = [(at, command)]
    followed: set[tuple[str, ...]] = set()
    while pending:
        where, command = pending.pop()
        yield where, command
        words = _launched(command.words)
        place = posixpath.join(where, command.value(*_IN) or "") if _is_make(words) else where
        key = (place, *words)
        if words and key not in followed and len(followed) < _MOST_SCRIPTS:
            followed.add(key)
            inner = [*placed(commands(_script(place, words, find)), place)]
            pending += reversed(inner)


def _is_make(words: tuple[str, ...]) -> bool:
    return bool(words) and posixpath.basename(words[0]) in _MAKEFILES


def _script(at: str, words: tuple[str, ...], find: Find) -> str:
    """What is run by the script that `words` run in `at`; nothing if there is none to read."""
    program = posixpath.basename(words[0])
    if program in _MAKEFILES:
        found = (find(posixpath.join(at, name)) for name in _MAKEFILES[program])
        text = next((each for each in found if each is not None), "")
        return _of_makefile(_short(text), [word for word in words[1:] if "=" not in word])
    if "/" not in words[0] and not program.endswith(".sh"):
        return ""
    text = _short(find(posixpath.join(at, words[0])) or "")
    first = text.partition("\n")[0]
    told = first.startswith("#!")
    return text if (_SHELL.search(first) if told else program.endswith(".sh")) else ""


def _short(text: str) -> str:
    """A text that somebody wrote, nothing of a longer one."""
    return text if len(text) <= _LONGEST else ""


def _of_makefile(text: str, asked: list[str]) -> str:
    """What is run for the targets in `asked`, the first one if none of these words is one."""
    values = dict(_SET.findall(text))
    text = _VALUE.sub(lambda found: values.get(found[1], found[0]), text)
    needs: dict[str, list[str]] = {}
    lines: dict[str, list[str]] = {}
    names: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        rule = _RULE.match(line)
        if line[:1] in ("\t", " "):
            for name in names:
                lines[name].append(line.strip().lstrip("@-+"))
        elif rule is not None:
            names = rule[1].split()
            for name in names:
                needs.setdefault(name, []).extend(rule[2].split())
                lines.setdefault(name, [])
        elif line.strip():
            names = []
    first = next((name for name in needs if not name.startswith(".")), "")
    pending = [name for name in asked if name in needs] or [first]
    reached = list(dict.fromkeys(pending))
    for name in reached:
        reached += [each for each in needs.get(name, ()) if each not in reached]
    return "\n".join(line for name in reversed(reached) for line in lines.get(name, ()))


def placed(found: tuple[Command, ...], at: str) -> Iterator[tuple[str, Command]]:
    """Each command with the directory in which it runs, as far as that is told; first `at`."""
    for command in found:
        if command.program in ("cd", "pushd"):
            at = posixpath.join(at, *command.operands[:1])
        yield at, command
