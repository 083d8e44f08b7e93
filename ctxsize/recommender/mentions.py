"""Read what the commands of a Dockerfile, and the files that they read, name; see `reads.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, pairwise
from posixpath import dirname, join
from typing import NamedTuple

from ctxsize.knowledge.rules import joined, table
from ctxsize.knowledge.tools import run_by
from ctxsize.model import Texts
from ctxsize.syntax import Command
from ctxsize.values import Value

MOST_MENTIONS = 200  # maximum number of mentions of one kind that are read in a file
_FILE = "reads.toml"
NEVER = r"(?!)"
_BRACKET = re.compile(r"[\[\](){};]")


class Mention(NamedTuple):
    """Alternative paths in the image, the kinds of file there, and the place that names them."""

    paths: Texts
    then: str = ""
    optional: bool = False
    descends: str = ""
    chosen: Texts = ()  # the packages that a command names, none for all
    origins: Texts = ()  # the paths in the context of what must be copied to `paths`
    by: str = ""
    at: str = ""


class StartingCommand(Value):
    """A command that reads files: a row of `starts`."""

    program: str
    run: str = ""
    option: str = ""
    default: str = ""
    then: str = ""
    without: str = ""
    unset: str = ""
    operand: str = ""
    valued: str = ""
    chosen: str = ""
    optional: bool = False
    installs: bool = False


class MentionRow(Value):
    """A way in which a kind of file names further ones: one of the `rows` of a row of `reads`."""

    find: str
    paths: str
    each: str = r"(?s).+"
    equals: str = ""
    of_module: bool = False
    optional: bool = False
    copied: bool = False
    then: str = ""
    descends: str = ""
    descends_all: str = ""


class ReadKind(Value):
    """A kind of file that names further ones: a row of `reads`."""

    rows: Sequence[MentionRow]
    masked: bool = False
    around: str = ""
    roots: str = ""
    left_out: str = NEVER
    unlike: str = NEVER
    module: str = NEVER
    not_named: str = NEVER
    named: str = NEVER
    of_others: str = NEVER

    def has_chosen(self, text: str, chosen: Texts) -> bool:
        """Return True if a file is that of one of the `chosen` packages, or leads to them."""
        if not chosen:
            return not re.search(self.of_others, text)
        if self.named == NEVER:
            return True
        name = re.search(self.named, text)
        return name is not None and name[1] in chosen

    def code(self, text: str) -> str:
        """Blank out comments, literals and disabled code of a text; offsets stay the same."""
        code = text
        if self.masked:
            code = re.sub(setting("token"), _mask, text)
        parts = []
        rest = 0
        for disabled in re.finditer(self.left_out, code):
            start = disabled.start()
            if start >= rest:
                end = _end_of_item(code, disabled)
                parts.append(code[rest:start].ljust(end - rest))
                rest = end
        return "".join(parts) + code[rest:]


def setting(key: str) -> str:
    """Return an expression, or words, at the top of `reads.toml`."""
    return joined(table(_FILE)[key])


@cache
def starting_commands() -> tuple[StartingCommand, ...]:
    """Return the commands that read files."""
    return tuple(StartingCommand(**row) for row in table(_FILE)["starts"].values())


@cache
def read_kinds() -> dict[str, ReadKind]:
    """Return the kinds of files that name others."""
    kinds = {}
    for name, row in table(_FILE)["reads"].items():
        rows = [MentionRow(**mention) for mention in row.get("rows", ())]
        kinds[name] = ReadKind(**{**row, "rows": rows})
    return kinds


def _mask(token: re.Match[str]) -> str:
    text = token[0]
    if not text.startswith("/"):
        return f'"{"_" * (len(text) - 2)}"'
    if text.startswith("//go:"):
        return text
    return re.sub(r"[^\n]", " ", text)


def _end_of_item(code: str, attribute: re.Match[str]) -> int:
    """Return where the item that a Rust attribute applies to ends; `#![cfg]` disables its file."""
    is_inner = attribute[0].startswith("#") and "!" in attribute[0]
    closing = "};"
    if is_inner:
        closing = "]"
    depth = 0
    for bracket in _BRACKET.finditer(code, attribute.start()):
        if bracket[0] in "[({":
            depth += 1
        elif bracket[0] in "])}":
            depth -= 1
        if depth < 0 or (depth == 0 and bracket[0] in closing):
            if is_inner and attribute[0].endswith("cfg"):
                return len(code)
            return bracket.end()
    return len(code)


def words_in(row: MentionRow, text: str, code: str) -> Iterator[tuple[int, str]]:
    """Yield the line and each word that a row finds in a text; `code` is the part to search."""
    for mention in islice(re.finditer(row.find, code), MOST_MENTIONS):
        if row.equals and text[slice(*mention.span("equals"))] != row.equals:
            continue
        start, end = mention.span("path")
        for word in re.finditer(row.each, text[start:end]):
            group = word.lastindex or 0
            offset = start + word.start(group)
            in_comment = code[offset : offset + 1].isspace()
            if "\\" not in word[group] and not in_comment:
                yield text.count("\n", 0, offset) + 1, word[group]


def mentions_of(
    command: Command, environment: Mapping[str, str], *, installing: bool = False
) -> Iterator[Mention]:
    """Yield what a command reads, relative to the directory in which it runs.

    `environment` has the variables of its stage. With `installing`, only what commands that install
    a project read.
    """
    run = run_by(command)
    if _runs_script(command, run) and not installing:
        yield Mention(run.words[:1])
    for start in starting_commands():
        if installing and not start.installs:
            continue
        if not re.fullmatch(start.program, run.program):
            continue
        if not re.match(start.run, " ".join(run.operands)):
            continue
        if _is_left_out(start, run, environment):
            continue
        if start.then == "go":
            yield from _go_packages(run)
        else:
            yield from _files_of(start, run)


def _is_left_out(start: StartingCommand, run: Command, environment: Mapping[str, str]) -> bool:
    """Return True if a command has an option, or sets a variable, with which nothing is known."""
    without = start.without.split()
    if run.has(*without):
        return True
    if any(word[:2] in without for word in run.arguments):
        return True
    chosen = start.chosen.split()
    if any(word[:2] in chosen and word != word[:2] for word in run.arguments):
        return True  # the value is part of the word
    unset = start.unset.split()
    if any(map(environment.get, unset)):
        return True
    return any(name in unset for name, _ in run.assignments)


def _runs_script(command: Command, run: Command) -> bool:
    if run.words == command.words:
        return "/" in "".join(run.words[:1])
    # An interpreter with options may run no script.
    if command.words[1:] != run.words:
        return False
    return re.fullmatch(setting("interpreters"), command.program) is not None


def _go_packages(run: Command) -> Iterator[Mention]:
    """Yield the packages that `go build` names: a file, one directory, or all below it."""
    valued = setting("go_valued").split()
    pairs = pairwise(run.arguments)
    words = [word for before, word in pairs if word[:1] != "-" and before not in valued]
    for word in words or ["."]:
        if word.endswith("/..."):
            yield Mention(
                (dirname(word),),
                then="go",
                optional=True,
                descends=setting("go_skipped"),
            )
            continue
        directory = word
        if word.endswith(".go"):
            directory = dirname(word)
        elif word[:1] not in (".", "/"):
            continue
        yield Mention((join(directory, "*.go"),), "go")


def _files_of(start: StartingCommand, run: Command) -> Iterator[Mention]:
    """Yield the values of the options that name a file, else the files that are read by default."""
    assigned = [word.split("=", 1) for word in run.words if "=" in word]
    pairs = [*pairwise(run.words), *assigned]

    def values(options: str) -> list[str]:
        return [value for option, value in pairs if option in options.split()]

    files = values(start.option)
    chosen = tuple(values(start.chosen))
    for file in files:
        yield Mention((file,), start.then, chosen=chosen)
    default = start.default.split()
    if start.operand and run.operands:
        valued = start.valued.split()
        words = [word for before, word in pairwise(run.words) if before not in valued]
        for operand in filter(None, (re.fullmatch(start.operand, word) for word in words)):
            paths = [join(operand["path"], name) for name in default]
            yield Mention(tuple(paths), start.then, start.optional)
    elif not files:
        yield Mention(tuple(default), start.then, start.optional, chosen=chosen)
