"""Package managers and build tools, a row of `tools.toml` each, and what a command does.

Suggestions learn from `works` which matches of rules a command makes, advice on Dockerfiles learns
whether it fetches packages.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import cache, lru_cache
from typing import NamedTuple

from ctxsize.knowledge.rules import Category, Rule, all_rules, joined, listed, table
from ctxsize.model import Texts
from ctxsize.syntax import Command
from ctxsize.toml import TomlTable
from ctxsize.values import Value

_VERSION = r"(-v?\d[\w.]*|@[\w.]+)?(\.(c?js|phar))?$"
"""Suffixes of a program's name: `pnpm@9`, `yarn-3.6.0.cjs`, `gcc-13`."""
_DURATION = r"\d+[smhd]?"
_FILE = "tools.toml"
_WRITING = ("-o", "--output", "--iidfile", "--metadata-file", "--cidfile", "save")
"""Options and a word with which docker writes files."""
_IDLE = ("--help", "--version", "-h", "--dry-run")  # options with which a command does nothing

WordSet = frozenset[str]


class Job(NamedTuple):
    """Commands of a tool, and their effects; `README.md` describes each key."""

    run: str
    does: WordSet
    makes: WordSet
    spares: WordSet
    only_with: str = ""
    without: str = ""

    def is_done_by(self, words: str, options: WordSet) -> bool:
        """Return True if a command of the tool with these words and options is this job."""
        if self.only_with and not _matches_any(self.only_with, options):
            return False
        if _matches_any(self.without, options):
            return False
        return re.match(rf"(?:{self.run})(?= |$)", words) is not None


def _matches_any(expression: str, texts: Iterable[str]) -> bool:
    return any(re.fullmatch(expression, text) for text in texts)


class Tool(Value, eq=False, kw_only=True):
    """A package manager or a build tool; `README.md` describes the keys of its row."""

    name: str
    programs: str
    jobs: tuple[Job, ...]
    valued: Texts = ()
    speaks: str = ""
    elsewhere: Texts = ()
    files: Texts = ()
    needs_more: str = ""
    directories: Texts = ()
    early: Texts = ()
    downloads: str = ""
    caches: Texts = ()
    used: int = 1
    of_root: str = ""
    unknown_with: Texts = ()
    is_locked: bool = False
    keeps_in_cache: bool = False
    mounted: Texts = ()
    uncached: Texts = ()
    switch: str = "||"

    def is_called(self, program: str) -> bool:
        """Return True if a program is this tool."""
        return re.fullmatch(self.programs, re.sub(_VERSION, "", program, count=1)) is not None

    def needs_more_than(self, manifest: str) -> bool:
        """Return True if an install with this manifest reads further files of the project."""
        if self.files[:1] == ("package.json",):
            return _package_needs_more(manifest)
        if not self.needs_more:
            return False
        return re.search(self.needs_more, manifest, re.M) is not None


def _package_needs_more(manifest: str) -> bool:
    """Return True if a `package.json` has workspaces, scripts of an install, or local packages."""
    try:
        package = json.loads(manifest)
        versions = [
            str(version)
            for kind in ("dependencies", "devDependencies", "optionalDependencies")
            for version in package.get(kind, {}).values()
        ]
        scripts = {*package.get("scripts", {})}
    except (ValueError, AttributeError, RecursionError):
        return False
    is_local = any(version.startswith(listed("local_versions")) for version in versions)
    if is_local or "workspaces" in package:
        return True
    return not scripts.isdisjoint(listed("install_hooks"))


_SPLIT = frozenset(field.name for field in fields(Tool) if field.type == "Texts")


class Work(NamedTuple):
    """The jobs of a tool that a command does."""

    tool: Tool
    command: Command  # the command with the program as its first word, without a launcher
    jobs: tuple[Job, ...]

    def does(self, what: str) -> bool:
        """Return True if a job does `what`, a word of `Job.does`."""
        return any(what in job.does for job in self.jobs)

    def makes(self, rule: str) -> bool:
        """Return True if it creates the match of a rule at its old path."""
        return any(rule in job.makes for job in self.jobs)


@cache
def tools() -> tuple[Tool, ...]:
    """Return all tools."""
    rows = table(_FILE)["tool"]
    return tuple(_tool(name, {**rows[row.get("like", name)], **row}) for name, row in rows.items())


def _tool(name: str, row: TomlTable) -> Tool:
    """Return the tool of a row, with its `jobs` or as one job."""
    values = {"programs": name, **row, "name": name}
    values.pop("like", None)
    only_job = {key: values.pop(key) for key in Job._fields if key in row}
    job_rows = values.pop("jobs", [only_job])
    for key in values.keys() & _SPLIT:
        values[key] = tuple(values[key].split())
    for key in values.keys() & {"programs", "needs_more"}:
        values[key] = joined(values[key])
    return Tool(jobs=tuple(map(_job, job_rows)), **values)


def _job(row: TomlTable) -> Job:
    run = joined(row.get("run", ".*"))
    names = {key: _names(row.get(key, "")) for key in ("does", "makes", "spares")}
    return Job(**{**row, **names, "run": run})


def _names(names: str) -> WordSet:
    """Return the words of `names`, those of a group in place of its name."""
    groups = table(_FILE)["groups"]
    return frozenset(" ".join(groups.get(name, name) for name in names.split()).split())


def run_by(command: Command) -> Command:
    """Return the command that is finally run, without launchers in front.

    >>> from ctxsize.dockerfile.shell import commands
    >>> [run_by(each).words for each in commands("sh ./mvnw -q package; python3 -m pip install .")]
    [('./mvnw', '-q', 'package'), ('pip', 'install', '.')]
    """
    words = command.words
    while words and (number := _launching_words(words)):
        words = words[number:]
        while words and (words[0].startswith("-") or re.fullmatch(_DURATION, words[0])):
            words = words[1:]
    return replace(command, words=words)


def _launching_words(words: Texts) -> int:
    """Return the number of first words that only launch the program behind them."""
    program = posixpath.basename(words[0])
    if _matches_any("|".join(listed("launchers")), [program]):
        return 1
    verb = "".join(words[1:2])
    if program in table(_FILE)["runners"].get(verb, "").split():
        return 2
    return 0


@lru_cache(maxsize=4096)
def works(command: Command) -> tuple[Work, ...]:
    """Return the jobs of a command, for each tool that it runs."""
    run = run_by(command)
    if not run.words or run.has(*_IDLE):
        return ()
    options = frozenset(word.partition("=")[0] for word in run.arguments if word.startswith("-"))
    works_of_tools = []
    for tool in _called(run.program):
        words = _without_options(tool, run)
        jobs = tuple(job for job in tool.jobs if job.is_done_by(words, options))
        if jobs:
            works_of_tools.append(Work(tool, run, jobs))
    return tuple(works_of_tools)


def _without_options(tool: Tool, command: Command) -> str:
    """Return the words of a command of `tool` without its options and their values."""
    words = []
    arguments = iter(command.arguments)
    for argument in arguments:
        if argument in tool.valued:
            next(arguments, None)
        elif not argument.startswith(("-", "+")):  # `+nightly` is a toolchain
            words.append(argument)
    return " ".join(words)


@lru_cache(maxsize=512)
def _called(program: str) -> tuple[Tool, ...]:
    return tuple(tool for tool in tools() if tool.is_called(program))


@cache
def has_tools(rule: str) -> bool:
    """Return True if a row lists commands that make the match of a rule."""
    jobs = (job for tool in tools() for job in tool.jobs)
    return any(rule in job.makes | job.spares for job in jobs)


def makes(rule: Rule, command: Command) -> bool:
    """Return True if `command` makes the match again; without a row, the program `Rule.again`."""
    if has_tools(rule.name):
        return any(work.makes(rule.name) for work in works(command))
    program = rule.again.partition(" ")[0]
    return bool(program) and run_by(command).program == program


def makes_results(command: Command) -> bool:
    """Return True if a command makes files that a build may take, and no packages."""
    if command.program in listed("makes_files") or command.has("-o", "--output"):
        return True
    if not {*listed("judges")}.isdisjoint(command.words):
        return False
    jobs = [job for work in works(command) for job in work.jobs if "fetch" not in job.does]
    made = {name for job in jobs for name in job.makes}
    rules = all_rules()
    return any(rules[name].category is Category.ARTEFACT for name in made if name in rules)


def makes_no_files(command: Command) -> bool:
    """Return True if a command only prints or sets something, or builds and pushes images."""
    program = command.program
    if program == "docker":
        verb = "".join(command.arguments[:1])
        return verb in listed("docker_makes_no_files") and not command.has(*_WRITING)
    return not program or program in (*listed("makes_no_files"), *listed("prints"))


def may_make_results(command: Command) -> bool:
    """Return True for commands that make results, and for those of programs that nobody knows."""
    if makes_results(command):
        return True
    return not makes_no_files(command) and not any(work.jobs for work in works(command))


def output_of(command: Command) -> str:
    """Return the file that an option of a compiler names for its result, `""` for none.

    >>> output_of(Command(("go", "build", "-o", "app", "./cmd/app")))
    'app'
    """
    run = run_by(command)
    if run.program not in listed("writes_output"):
        return ""
    return run.value("-o", "--outFile") or ""


def spares(rule: Rule, command: Command) -> bool:
    """Return True if an image that runs `command` and does not name the match works without it."""
    if rule.name in listed("spared_by_any") or not has_tools(rule.name):
        return bool(works(command))
    jobs = (job for work in works(command) for job in work.jobs)
    return any(rule.name in job.makes | job.spares for job in jobs)


@cache
def manager_of(rules: str) -> Tool | None:
    """Return the package manager for a rule whose name begins so, None if there is none."""
    for tool in tools():
        names = (name for job in tool.jobs for name in job.makes)
        if tool.speaks and any(name.startswith(rules) for name in names):
            return tool
    return None


def install_directory(rule: Rule, command: Command) -> str | None:
    """Return where `command` installs what a rule finds, `""` for here; None if it does not."""
    for work in works(command):
        if work.makes(rule.name):
            return work.command.value(*work.tool.elsewhere) or ""
    return None
