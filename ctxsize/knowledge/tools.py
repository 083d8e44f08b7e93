"""Package managers and build tools, a row of `tools.toml` each, and what a command does.

Suggestions learn from `works` which matches of rules a command makes, advice on Dockerfiles learns
whether it fetches packages.
"""

from __future__ import annotations

import json
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

from ctxsize.knowledge.rules import Rule, joined, listed, table
from ctxsize.syntax import Command

_VERSION = re.compile(r"(-v?\d[\w.]*|@[\w.]+)?(\.(c?js|phar))?$")
"""Suffixes of a program's name: `pnpm@9`, `yarn-3.6.0.cjs`, `gcc-13`."""
_DURATION = re.compile(r"\d+[smhd]?")
_IDLE = ("--help", "--version", "-h", "--dry-run")  # options with which a command does nothing


class Job(NamedTuple):
    """Commands of a tool, and their effects; `README.md` describes each key."""

    run: str
    does: frozenset[str]
    makes: frozenset[str]
    spares: frozenset[str]
    only_with: str = ""
    without: str = ""

    def is_done_by(self, words: str, options: frozenset[str]) -> bool:
        """Return True if a command of the tool with these words and options is this job."""
        has_it = not self.only_with or any(_are(self.only_with, each) for each in options)
        lacks = not any(_are(self.without, each) for each in options)
        return has_it and lacks and re.match(rf"(?:{self.run})(?= |$)", words) is not None


def _are(expression: str, text: str) -> bool:
    return re.fullmatch(expression, text) is not None


@dataclass(frozen=True, eq=False, kw_only=True)
class Tool:
    """A package manager or a build tool; `README.md` describes the keys of its row."""

    name: str
    programs: str
    jobs: tuple[Job, ...]
    valued: tuple[str, ...] = ()
    speaks: str = ""
    elsewhere: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    needs_more: str = ""
    directories: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    downloads: str = ""
    caches: tuple[str, ...] = ()
    used: int = 1
    of_root: str = ""
    unknown_with: tuple[str, ...] = ()
    is_locked: bool = False
    keeps_in_cache: bool = False
    mounted: tuple[str, ...] = ()
    uncached: tuple[str, ...] = ()
    switch: str = "||"

    def is_called(self, program: str) -> bool:
        """Return True if a program is this tool."""
        return _are(self.programs, _VERSION.sub("", program, count=1))

    def needs_more_than(self, manifest: str) -> bool:
        """Return True if an install with this manifest reads further files of the project."""
        if self.files[:1] != ("package.json",):
            return bool(self.needs_more) and re.search(self.needs_more, manifest, re.M) is not None
        with suppress(ValueError, AttributeError, RecursionError):
            found = json.loads(manifest)
            kinds = ("dependencies", "devDependencies", "optionalDependencies")
            versions = [str(each) for kind in kinds for each in found.get(kind, {}).values()]
            local = any(each.startswith(listed("local_versions")) for each in versions)
            hooks = {*listed("install_hooks")} & {*found.get("scripts", {})}
            return local or "workspaces" in found or bool(hooks)
        return False


class Work(NamedTuple):
    """The jobs of a tool that a command does."""

    tool: Tool
    command: Command  # the command with the program as its first word, without a launcher
    jobs: tuple[Job, ...]

    def does(self, what: str) -> bool:
        """Return True if a job does `what`, a word of `Job.does`."""
        return any(what in each.does for each in self.jobs)

    def makes(self, rule: str) -> bool:
        """Return True if it creates the match of a rule at its old path."""
        return any(rule in each.makes for each in self.jobs)


@cache
def tools() -> tuple[Tool, ...]:
    """Return all tools."""
    rows = table("tools.toml")["tool"]
    alike = {name: rows.get(row.get("like"), {}) for name, row in rows.items()}
    return tuple(_tool({"name": name, **alike[name], **row}) for name, row in rows.items())


def _tool(row: dict[str, Any]) -> Tool:
    """Return the tool of a row, with its `jobs` or as one job. Raises `TypeError` for a mistake."""
    jobs = row.get("jobs", [{key: value for key, value in row.items() if key in Job._fields}])
    own = {key: value for key, value in row.items() if key not in (*Job._fields, "like")}
    several = {each.name for each in fields(Tool) if each.type == "tuple[str, ...]"}
    split = {key: tuple(own[key].split()) for key in own.keys() & several}
    long = {"programs": joined(row.get("programs", row["name"]))}
    long["needs_more"] = joined(row.get("needs_more", ""))
    made = []
    for job in jobs:
        names = {key: _names(job.get(key, "")) for key in ("does", "makes", "spares")}
        made.append(Job(**{**job, **names, "run": joined(job.get("run", ".*"))}))
    return Tool(**{**own, **split, **long, "jobs": tuple(made)})


def _names(names: str) -> frozenset[str]:
    groups = table("tools.toml")["groups"]
    return frozenset(name for each in names.split() for name in groups.get(each, each).split())


def run_by(command: Command) -> Command:
    """Return the command that is finally run, without launchers in front.

    >>> from ctxsize.dockerfile.shell import commands
    >>> [run_by(each).words for each in commands("sh ./mvnw -q package; python3 -m pip install .")]
    [('./mvnw', '-q', 'package'), ('pip', 'install', '.')]
    """
    words = command.words
    while words:
        program = posixpath.basename(words[0])
        if _are("|".join(listed("launchers")), program):
            at = 1
        elif program in table("tools.toml")["runners"].get("".join(words[1:2]), "").split():
            at = 2
        else:
            break
        while at < len(words) and (words[at].startswith("-") or _DURATION.fullmatch(words[at])):
            at += 1
        words = words[at:]
    return replace(command, words=words)


@lru_cache(maxsize=4096)
def works(command: Command) -> tuple[Work, ...]:
    """Return the jobs of a command, for each tool that it runs."""
    run = run_by(command)
    if not run.words or run.has(*_IDLE):
        return ()
    options = frozenset(each.partition("=")[0] for each in run.arguments if each.startswith("-"))
    found = []
    for tool in _called(run.program):
        words = list[str]()
        left = iter(run.arguments)
        for word in left:
            if word in tool.valued:
                next(left, None)
            elif not word.startswith(("-", "+")):  # `+nightly` is a toolchain
                words.append(word)
        text = " ".join(words)
        if jobs := tuple(each for each in tool.jobs if each.is_done_by(text, options)):
            found.append(Work(tool, run, jobs))
    return tuple(found)


@lru_cache(maxsize=512)
def _called(program: str) -> tuple[Tool, ...]:
    return tuple(each for each in tools() if each.is_called(program))


@cache
def has_tools(rule: str) -> bool:
    """Return True if a row lists commands that make the match of a rule."""
    return any(rule in job.makes | job.spares for tool in tools() for job in tool.jobs)


def makes(rule: Rule, command: Command) -> bool:
    """Return True if `command` makes the match again; without a row, the program `Rule.again`."""
    if has_tools(rule.name):
        return any(each.makes(rule.name) for each in works(command))
    program = rule.again.partition(" ")[0]
    return bool(program) and run_by(command).program == program


def spares(rule: Rule, command: Command) -> bool:
    """Return True if an image that runs `command` and does not name the match works without it."""
    if rule.name in listed("spared_by_any") or not has_tools(rule.name):
        return bool(works(command))
    jobs = (job for each in works(command) for job in each.jobs)
    return any(rule.name in job.makes | job.spares for job in jobs)


@cache
def manager_of(rules: str) -> Tool | None:
    """Return the package manager for a rule whose name begins so, None if there is none."""
    made = ((tool, rule) for tool in tools() if tool.speaks for e in tool.jobs for rule in e.makes)
    return next((tool for tool, rule in made if rule.startswith(rules)), None)


def install_directory(rule: Rule, command: Command) -> str | None:
    """Return where `command` installs what a rule finds, `""` for here; None if it does not."""
    made = (each for each in works(command) if each.makes(rule.name))
    return next((each.command.value(*each.tool.elsewhere) or "" for each in made), None)
