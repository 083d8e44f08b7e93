"""Package managers and build tools, a row of `tools.toml` each, and what a command does of theirs.

`works` is the one reader of commands: for suggestions it says which rules' things a command makes,
for advice on Dockerfiles whether it fetches packages.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

from ctxsize.recommender.rules import Rule, table
from ctxsize.syntax import Command

_VERSION = re.compile(r"(-v?\d[\w.]*|@[\w.]+)?(\.(c?js|phar))?$")
"""What may follow a program's name: `pnpm@9`, `yarn-3.6.0.cjs`, `gcc-13`."""
_DURATION = re.compile(r"\d+[smhd]?")
_IDLE = ("--help", "--version", "-h", "--dry-run")
"""Options with which no command does its job."""


class Job(NamedTuple):
    """Commands of a tool, and what they do; `CONTRIBUTING.md` describes each key."""

    run: str
    does: frozenset[str]
    makes: frozenset[str]
    spares: frozenset[str]
    only_with: str = ""
    without: str = ""

    def is_done_by(self, words: str, options: frozenset[str]) -> bool:
        """Return whether a command of the tool with these words and options is this job."""
        return (
            re.match(rf"(?:{self.run})(?= |$)", words) is not None
            and not (self.only_with and not any(_are(self.only_with, each) for each in options))
            and not (self.without and any(_are(self.without, each) for each in options))
        )


def _are(expression: str, text: str) -> bool:
    return re.fullmatch(expression, text) is not None


@dataclass(frozen=True, eq=False, kw_only=True)
class Tool:
    """A package manager or a build tool, as its row says."""

    name: str
    programs: str
    """What it is called by: an expression."""
    jobs: tuple[Job, ...]
    valued: tuple[str, ...] = ()
    """Options that take the next word."""
    files: tuple[str, ...] = ()
    """Manifest, lock files and settings that an install reads; directories end with a slash."""
    needs_more: str = ""
    """What a manifest says if an install reads further files of the project: an expression."""
    directories: tuple[str, ...] = ()
    """Directories that an install writes beside the manifest."""
    early: tuple[str, ...] = ()
    """The options for an install in front of the sources, if the install as it is needs them."""
    downloads: str = ""
    """What fetches in front of the sources in place of a command that compiles."""
    elsewhere: tuple[str, ...] = ()
    """Options that say in which directory it works."""
    caches: tuple[str, ...] = ()
    """Where it keeps what it fetched: `$VARIABLE/…|~/…`, the first one whose variable is set."""
    used: int = 1
    """Number of these that it fills; the further ones are usual if no variable names the first."""
    of_root: str = ""
    """Where root's is by default, if not in the home."""
    unknown_with: tuple[str, ...] = ()
    """The variables that move its caches nobody knows where."""
    is_locked: bool = False
    """Whether its caches are spoilt by, or fail for, a second writer."""
    keeps_in_cache: bool = False
    """Whether what it fetches is in the cache and nowhere else."""
    mounted: tuple[str, ...] = ()
    """A cache mount whose target holds one of these is meant for it."""
    uncached: tuple[str, ...] = ()
    """Options that make it use no cache."""
    switch: str = "||"
    """A variable that makes it use no cache, the values that do, and one that does not."""
    speaks: str = ""
    """What an image or a command says that works with the dependencies beside the manifest."""

    def is_called(self, program: str) -> bool:
        """Return whether a program is this tool."""
        return _are(self.programs, _VERSION.sub("", program, count=1))

    def needs_more_than(self, manifest: str) -> bool:
        """Return whether by the text of its manifest an install reads further files."""
        if self.files[:1] == ("package.json",):
            return _takes_part(manifest)
        return bool(self.needs_more) and re.search(self.needs_more, manifest, re.M) is not None


_HOOKS = {"preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"}
"""Scripts of a project that npm and its like run when they install."""
_LOCAL_VERSIONS = ("file:", "link:", "portal:", "workspace:", ".", "/", "~/")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies")


def _takes_part(text: str) -> bool:
    try:
        manifest = json.loads(text)
        versions = [str(each) for kind in _KINDS for each in manifest.get(kind, {}).values()]
        local = any(each.startswith(_LOCAL_VERSIONS) for each in versions)
        return local or "workspaces" in manifest or bool(_HOOKS & {*manifest.get("scripts", {})})
    except (ValueError, AttributeError):
        return False


class Work(NamedTuple):
    """What a command does of the jobs of a tool."""

    tool: Tool
    command: Command
    """With the program in front, and no launcher."""
    jobs: tuple[Job, ...]

    def does(self, what: str) -> bool:
        """Return whether a job does `what`: a word of the table's `does`."""
        return any(what in each.does for each in self.jobs)

    def makes(self, rule: str) -> bool:
        """Return whether it puts the thing of a rule where it was."""
        return any(rule in each.makes for each in self.jobs)


@cache
def _all() -> dict[str, Any]:
    return table("tools.toml")


def rows_of(name: str) -> dict[str, Any]:
    """Return the rows of one of the tables in `tools.toml`."""
    rows: dict[str, Any] = _all()[name]
    return rows


@cache
def listed(key: str) -> tuple[str, ...]:
    """Return the words of a list that stands in front of the rows."""
    words: str = _all()[key]
    return tuple(words.split())


@cache
def tools() -> tuple[Tool, ...]:
    """Return the tools of all rows."""
    rows = rows_of("tool")
    alike = {name: rows.get(row.get("like"), {}) for name, row in rows.items()}
    return tuple(_tool({"name": name, **alike[name], **row}) for name, row in rows.items())


def _tool(row: dict[str, Any]) -> Tool:
    """Return the tool of a row, which holds `jobs` or is one. Raises `TypeError` for a mistake."""
    jobs = row.get("jobs", [{key: value for key, value in row.items() if key in _OF_JOBS}])
    own = {key: value for key, value in row.items() if key not in (*_OF_JOBS, "like")}
    several = {each.name for each in fields(Tool) if each.type == "tuple[str, ...]"}
    split = {key: tuple(own[key].split()) for key in own.keys() & several}
    programs = _joined(row.get("programs", row["name"]))
    return Tool(**{**own, **split, "programs": programs, "jobs": tuple(map(_job, jobs))})


_OF_JOBS = ("run", "only_with", "without", "does", "makes", "spares")


def _job(row: dict[str, Any]) -> Job:
    names = {key: _names(row.get(key, "")) for key in ("does", "makes", "spares")}
    return Job(**{**row, **names, "run": _joined(row.get("run", ".*"))})


def _joined(expression: str) -> str:
    """Return an expression without the ends of lines that a long one has."""
    return "".join(map(str.strip, expression.split("\n")))


def _names(names: str) -> frozenset[str]:
    groups = rows_of("groups")
    return frozenset(name for each in names.split() for name in groups.get(each, each).split())


def run_by(command: Command) -> Command:
    """Return the command that is run in the end, with no launcher in front.

    >>> from ctxsize.shell import commands
    >>> [run_by(each).words for each in commands("sh ./mvnw -q package; python3 -m pip install .")]
    [('./mvnw', '-q', 'package'), ('pip', 'install', '.')]
    """
    words = command.words
    while words:
        program = posixpath.basename(words[0])
        if _are("|".join(listed("launchers")), program):
            at = 1
        elif program in rows_of("runners").get("".join(words[1:2]), "").split():
            at = 2
        else:
            break
        while at < len(words) and (words[at].startswith("-") or _DURATION.fullmatch(words[at])):
            at += 1
        words = words[at:]
    return replace(command, words=words)


@lru_cache(maxsize=4096)
def works(command: Command) -> tuple[Work, ...]:
    """Return what a command does, for each tool that it runs and of which it does a job."""
    run = run_by(command)
    if not run.words or run.has(*_IDLE):
        return ()
    options = frozenset(each.partition("=")[0] for each in run.arguments if each.startswith("-"))
    found = []
    for tool in _called(run.program):
        words = _plain(run, tool.valued)
        jobs = tuple(each for each in tool.jobs if each.is_done_by(words, options))
        if jobs:
            found.append(Work(tool, run, jobs))
    return tuple(found)


@lru_cache(maxsize=512)
def _called(program: str) -> tuple[Tool, ...]:
    return tuple(each for each in tools() if each.is_called(program))


def _plain(command: Command, valued: tuple[str, ...]) -> str:
    words, found = iter(command.arguments), list[str]()
    for word in words:
        if word in valued:
            next(words, None)
        elif not word.startswith(("-", "+")):  # `+nightly` is a toolchain
            found.append(word)
    return " ".join(found)


@cache
def has_tools(rule: str) -> bool:
    """Return whether a row says which commands make a rule's thing."""
    return any(rule in job.makes | job.spares for tool in tools() for job in tool.jobs)


def makes(rule: Rule, command: Command) -> bool:
    """Return whether `command` puts a rule's thing where it was.

    Without a row, that is what the program does that the rule names.
    """
    if has_tools(rule.name):
        return any(each.makes(rule.name) for each in works(command))
    program = rule.again.partition(" ")[0]
    return bool(program) and run_by(command).program == program


def spares(rule: Rule, command: Command) -> bool:
    """Return whether an image that runs `command` can do without a thing that it does not name."""
    if rule.name in listed("spared_by_any") or not has_tools(rule.name):
        return bool(works(command))
    jobs = (job for each in works(command) for job in each.jobs)
    return any(rule.name in job.makes | job.spares for job in jobs)


def has_verbs(program: str) -> bool:
    """Return whether plain words are commands to a program: `npm run build` names no `build/`."""
    return program in listed("with_verbs")


@cache
def manager_of(rule: Rule) -> Tool | None:
    """Return a package manager whose manifest lists what a rule finds, None if there is none.

    The rules about such things are those that ask whether a Dockerfile installs them.
    """
    return _speaking(rule.name) if "no_install_step" in rule.traps else None


def speaks(rule: Rule, text: str) -> bool:
    """Return whether an image or a command works with the dependencies of a rule's ecosystem."""
    tool = _speaking(f"{rule.ecosystem}.")
    return tool is not None and re.search(tool.speaks, text, re.IGNORECASE) is not None


@cache
def _speaking(rules: str) -> Tool | None:
    """Return the tool that tells who works with what it installs, by how its rules' names begin."""
    made = ((tool, rule) for tool in tools() if tool.speaks for e in tool.jobs for rule in e.makes)
    return next((tool for tool, rule in made if rule.startswith(rules)), None)


def install_directory(rule: Rule, command: Command) -> str | None:
    """Return where `command` installs what a rule finds, `""` for here; None if it does not."""
    made = (each for each in works(command) if each.makes(rule.name))
    return next((each.command.value(*each.tool.elsewhere) or "" for each in made), None)
