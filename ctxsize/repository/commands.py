"""Builds of commands: `docker build` and the like in scripts, Makefiles and other texts.

Commands that depend on unknown variables or loops ("not written out") are skipped.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import chain, dropwhile, islice, product
from os.path import dirname, isdir, isfile, join, normpath, realpath, relpath

from ctxsize.build import Build, placed
from ctxsize.dockerfile.shell import UNKNOWN, commands, in_directories, is_read_whole
from ctxsize.engine.builders import BUILDERS
from ctxsize.findings import Location
from ctxsize.go.wildcards import has_wildcards
from ctxsize.hidden import shown
from ctxsize.knowledge.rules import table
from ctxsize.model import Effect, Texts
from ctxsize.reader import holds
from ctxsize.repository.found_builds import Place, Stated
from ctxsize.repository.recognisers import TOP, BuildCommand, FileKind, build_commands, expression
from ctxsize.repository.search import NamedTexts, RegexMatch, Search
from ctxsize.syntax import can_read
from ctxsize.values import Value

_LINE = r"(?:.*\\\n)*.*"
_PARTS = {
    "script": "(?s).+",
    "make": _LINE,  # each line of a recipe runs in its own shell, so `cd` ends with it
    # A recipe that one program runs as a whole, or a line.
    "just": rf"(?m)^[ \t]+#!.*(?:\n(?:[ \t].*)?)*|{_LINE}",
    "strings": r'"(?:[^"\\\n]|\\.)*"?',
}
"""Expressions for the parts of a file that may be scripts, by the `reader` of its row."""
_PREFIX = (
    r"^[\s@\-+]*"  # what make and just have before a command
    r"(?:\w+:\s+)?"  # a target on the same line
)
_VARIABLE = (
    r"(?m)^[ \t]*(?:(?:export|override)[ \t]+)?"
    r"(\w+)"  # its name
    r"[ \t]*[:?]?=((?:.*\\\n)*.*)"  # its value
)
_SHELL_VARIABLE = (
    r"(?m)(?:^|[;&])[ \t]*(?:(?:export|local|readonly|declare)[ \t]+(?:-\w+[ \t]+)?)?"
    r"(\w+)"  # its name
    r"=(?!\()((?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s;&|\"'])*)"  # its value, one word
)
_REFERENCE = (
    r"(?<!\$)\$[({](\w+)[)}]"  # of make and the shell
    r"|(?<!\$)\$(\w+)"
    r'|"?\$\{(\w+)\[[@*]\]\}"?'  # all words of an array
    r"|(?:(?<!\$)\{\{\s*\.?"  # of just and Task
    r"|\$\{\{\s*env\.)(\w+)\s*\}\}"  # of GitHub
)
_VARIABLE_WORD = r"\$\w+|\$\{\w+\}"  # before a command: `$SUDO docker`
_UNKNOWN_WORD = r"\$\{[^{}]*\}|\$\w+|\$\([^()]*\)"
_ARRAY = r"(?m)^[ \t]*(?:(?:local|declare(?: -a)?)[ \t]+)?(\w+)\+?=\(([^()]*)\)"  # of bash
_QUOTED = r"(?s)\s*(['\"]?)(.*)\1\s*"
_DEFAULTED = r"\$\{(\w+):?-([^${}]*)\}"  # a variable with its value if nobody sets it
_MAKE_VARIABLE = r"(?<!\$)\$\((\w+)\)"
_MAKE_CALL = r"(?<!\$)\$\([^()\n]*\)"
_REPLACING = r"[^(`]{0,500}"  # a value that replaces a variable: no command prints it
_LONGEST_CHAIN = 4  # of variables whose values are those of others
_MOST_COMBINATIONS = 16  # of the values of variables in a command
_MOST_VARIED = 3  # variables with several values in a command
_PRINTED = {
    "program_search": r"\1\2",
    "own_default": r"\1=\2\3\2",
    "own_directory": TOP,
    "directory_of": r"\1\2/..",
    "printed_directory": r"\1\2",
}
"""Texts in place of commands, by the keys of their expressions."""
_DECISIVE_OPTIONS = ("--directory", "--file", "--target", "--context-sub-path")
_DEEPEST = 8
_SHORT_OPTION = r"-[ft].+"  # with its value
_MOST_WORDS = 12  # that contain the name of a command, and options between its words

Expander = Callable[[str], str]  # replaces the variables in a text
ValuesByName = dict[str, list[str]]  # of variables, by their names
OptionValues = dict[str, list[str]]  # of a command, by the names of its options for docker


class Ground(Value):
    """A file that may define builds, and where its paths start."""

    search: Search
    kind: FileKind
    place: Place  # the file, or the part of it that is read
    directories: Texts  # relative to the root; all but the first are guesses
    expanded: Expander = str  # replaces variables of the file
    several: ValuesByName = field(default_factory=dict)  # of variables that have more than one
    is_pristine: bool = False  # True if nothing but what git tracks is there when it builds
    is_of_git: bool = False  # True if it builds from git, so that no directory is sent
    checkout: str = ""  # the directory below the first one in which the repository is

    def on_line(self, line: int) -> Ground:
        """Return the part of the file that begins on a line."""
        where = replace(self.place.where, line=line)
        return replace(self, place=replace(self.place, where=where))

    def placed(self, directory: str, path: str) -> str:
        """Return a path joined to a directory, or to the first one if it starts with `TOP`."""
        path = posixpath.join(directory, path)
        if path.startswith(TOP):
            path = join(self.directories[0], path.removeprefix(TOP).lstrip("/"))
        if not self.checkout:
            return path
        below = relpath(join("/", path), join("/", self.directories[0], self.checkout))
        if below.startswith(".."):
            return path
        return join(self.directories[0], below)

    def with_top(self, text: str) -> str:
        """Return a text with `TOP` in place of the expressions for it, and with variables."""
        return self.expanded(re.sub(self.kind.top, TOP, text))

    def add(
        self,
        build: Build,
        beside: str,
        working_directory: str = "",
        *,
        is_certain: bool = False,
    ) -> None:
        """Add a build that has a context and a Dockerfile, and runs in a `working_directory`.

        Its Dockerfile is relative to `beside`: the `directory`, the `context` or `either`. A build
        that `is_certain` is added in any case.
        """
        search = self.search
        for start in self.directories:
            here = self.placed(start, working_directory)
            context = self.placed(here, build.context)
            paths = self._dockerfiles(build, beside, here, context)
            existing = [path for path in paths if isfile(search.shown(path))]
            full = search.shown(context)
            is_inside = start == self.directories[0] or holds(search.border, full)
            if is_certain or (existing and isdir(full) and is_inside):
                build = replace(
                    build,
                    context=context,
                    dockerfile=(existing or paths)[0],
                    build_contexts=placed(build.build_contexts, here),
                )
                if self.is_pristine:
                    search.add(self.place, build, to=search.pristine)
                if not self.is_of_git:
                    search.add(self.place, build)
                return
            if existing:
                what = f"the context {shown(normpath(context))}, which is not there"
                search.stated.append(Stated(normpath(existing[0]), None, what, self.place))

    def state(self, working_directory: str, context: str, dockerfile: str) -> None:
        """Record what a command that is not written out says of a Dockerfile."""
        pattern = re.sub(_UNKNOWN_WORD, "*", self.with_top(dockerfile))
        beginning = pattern.partition("/")[0]
        if is_open(working_directory) or is_open(pattern) or has_wildcards(dockerfile):
            return
        for start in self.directories:
            here = self.placed(start, working_directory)
            known = None
            what = "a context that is not known"
            if context and not is_open(context):
                known = normpath(self.placed(here, self.with_top(context)))
                what = f"the context {shown(known)}"
            path = normpath(self.placed(here, pattern))
            stated = Stated(path, known, what, self.place)
            if pattern == "*":
                self.search.unnamed = stated
            # A directory of any name has other Dockerfiles, too.
            if "*" not in beginning or "/" not in pattern:
                self.search.stated.append(stated)

    def _dockerfiles(self, build: Build, beside: str, here: str, context: str) -> list[str]:
        """Return the paths where the Dockerfile of a build may be, the likeliest first."""
        if not build.dockerfile:
            names = BUILDERS[build.builder].dockerfile_names
            return [self.placed(context, name) for name in names]
        starts = {"directory": [here], "context": [context], "either": [here, context]}
        return [self.placed(start, build.dockerfile) for start in starts[beside]]


def ground_of(search: Search, path: str, kind: FileKind) -> Ground:
    """Return the file at `path` with the directories where its paths start."""
    starts = [join("/", dirname(path), directory) for directory in kind.directories]
    return Ground(
        search,
        kind=kind,
        place=Place(kind.how, name="", where=Location(search.shown(path))),
        directories=tuple(dict.fromkeys(relpath(start, "/") for start in starts)),
    )


def add_commands(ground: Ground, text: str) -> None:
    """Add the builds of the parts of a file, each a script of its own."""
    kind = ground.kind
    programs = expression("programs")
    if not programs.search(text):
        return
    if re.search(kind.unknown, text) and expression("hint").search(text):
        ground.search.is_open = True
        return
    text = _with_paths(ground, ground.with_top(text))
    if kind.reader == "make":
        for _ in range(_DEEPEST):
            text = re.sub(_MAKE_VARIABLE, r"${\1}", text)
            text = re.sub(_MAKE_CALL, "$MAKE", text)  # a value that only make has
    variables = Assignments(re.findall(_VARIABLE, text))
    ground = replace(ground, several=variables.several)
    line = 1
    position = 0
    for match in re.finditer(_PARTS[kind.reader], text):
        script = match[0]
        if kind.reader == "strings":
            script = script[1:-1].replace('\\"', '"')
        elif kind.reader != "script":
            script = variables(re.sub(_PREFIX, "", script)).replace("$$", "$")
        if not programs.search(script):
            continue
        line += text.count("\n", position, match.start())
        position = match.start()
        add_script(ground.on_line(line), script)


def add_script(ground: Ground, script: str, working_directory: str = "") -> None:
    """Add the builds in a script, and record if one of them is not written out."""
    if not expression("programs").search(script):
        return
    search = ground.search
    script = _with_paths(ground, script)
    variables = Assignments([*re.findall(_SHELL_VARIABLE, script), *_arrays_in(script)])
    script = variables(script)
    if not expression("hint").search(script):
        return
    ground = replace(ground, several={**ground.several, **variables.several})
    script = expression("expressions").sub("$EXPRESSION", script)
    if is_open(working_directory):
        search.is_open = True
    if not is_read_whole(script):
        search.is_open = True
        if not can_read():
            problem = replace(UNKNOWN, effect=Effect.LOWER_BOUND)
            search.problems[problem] = None
    first_line = ground.place.where.line or 1
    for directory, command in in_directories(commands(script), working_directory):
        words = [*dropwhile(partial(re.fullmatch, _VARIABLE_WORD), command.words)]
        text = " ".join(word.replace(" ", "_") for word in words[:_MOST_WORDS])
        for build_command in build_commands():
            start = build_command.pattern.match(text)
            if start:
                _add_command(
                    ground.on_line(first_line + command.line),
                    build_command=build_command,
                    working_directory=directory,
                    words=words[len(start[0].split()) :],
                )


def _with_paths(ground: Ground, text: str) -> str:
    """Return a text with paths and programs in place of commands that print them."""
    if "$(" not in text and "`" not in text and "${" not in text:
        return text
    start = realpath(ground.search.shown(ground.directories[0]))
    top = relpath(ground.search.border, start)
    text = expression("top_directory").sub(join(TOP, top), text)
    for _ in range(_LONGEST_CHAIN):
        for key, path in _PRINTED.items():
            text = expression(key).sub(path, text)
    return text


def _arrays_in(script: str) -> Iterable[tuple[str, str]]:
    """Return the names and the words of the arrays in a script."""
    arrays = defaultdict[str, str](str)
    for name, words in re.findall(_ARRAY, script):
        text = re.sub(r"(?m)^[ \t]*#.*", "", words).replace("\n", " ")
        arrays[name] += f" {text} "
    return arrays.items()


def _add_command(
    ground: Ground,
    build_command: BuildCommand,
    working_directory: str,
    words: Sequence[str],
) -> None:
    """Add the build of a command, or record that a path or the target is not written out."""
    contexts, options = parse_words(words, build_command)
    # Docker takes one operand: what a variable holds beside it is options.
    contexts = [word for word in contexts if not is_open(word)] or contexts
    if build_command.by_option:
        contexts = options.get("--context", [])[-1:]
    if (
        not contexts
        and build_command.default
        and options.keys() <= {*build_command.valued, "--file"}
    ):
        contexts = [build_command.default]
    names: Iterable[str] = _DECISIVE_OPTIONS
    if not contexts:  # an unknown option may have consumed the operand
        names = options
    decisive = [working_directory, *contexts]
    for name in names:
        decisive += options.get(name, [])
    is_elsewhere = working_directory.startswith("/") and not working_directory.startswith(TOP)
    if any(map(is_open, decisive)):
        ground.search.is_open = True
        _add_varied(ground, build_command, working_directory, words, decisive)
        file = last(options, "--file")
        if file and not is_elsewhere:
            ground.state(working_directory, " ".join(contexts), file)
        return
    lacks_option = build_command.needs and options.keys().isdisjoint(build_command.needs)
    if len(contexts) != 1 or is_elsewhere or lacks_option:
        return
    context = contexts[0].removeprefix("dir://")  # a prefix of kaniko
    below = last(options, "--context-sub-path")
    if below:
        context = join(context, below)
    directory = last(options, "--directory")
    file = last(options, "--file")
    beside = "directory"
    if directory:
        file = join(directory, file or "Dockerfile")
    elif build_command.by_option:
        beside = "either"
    ground.add(
        Build(
            context=ground.with_top(context),
            dockerfile=file or None,
            target=last(options, "--target"),
            build_arguments=pairs(options.get("--build-arg", [])),
            build_contexts=pairs(options.get("--build-context", [])),
            platforms=words_of(",".join(options.get("--platform", []))),
            builder=build_command.builder,
        ),
        beside=beside,
        working_directory=working_directory,
    )


def _add_varied(
    ground: Ground,
    build_command: BuildCommand,
    working_directory: str,
    words: Sequence[str],
    decisive: Iterable[str],
) -> None:
    """Add builds with the values of variables that have several."""
    references = re.findall(_REFERENCE, "\n".join(decisive))
    varied = sorted(ground.several.keys() & chain(*references))[:_MOST_VARIED]
    if not varied:
        return
    combinations = product(*(ground.several[name] for name in varied))
    for chosen in islice(combinations, _MOST_COMBINATIONS):
        variables = Assignments(zip(varied, chosen, strict=True))
        _add_command(
            replace(ground, several={}),
            build_command,
            working_directory=variables(working_directory),
            words=[*_replaced(variables, words)],
        )


def _replaced(variables: Assignments, words: Iterable[str]) -> Iterator[str]:
    """Yield words with values in place of variables: the shell makes several of one, or none."""
    for word in words:
        if is_open(word):
            yield from variables(word).split()
        else:
            yield word


def parse_words(
    words: Iterable[str], build_command: BuildCommand
) -> tuple[list[str], OptionValues]:
    """Return the operands and the options of a command, these by their names for docker."""
    operands = []
    options: OptionValues = {}
    docker_names = {"-f": "--file", **build_command.names}
    switches = {*table("builds.toml")["switches"], *build_command.switches}
    pending = iter(words)
    for word in pending:
        if not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, setting = word.partition("=")
        if re.fullmatch(_SHORT_OPTION, word) and not equals:
            name = word[:2]
            setting = word[2:]
        elif name in switches:
            continue
        elif not equals:
            setting = next(pending, "")
        if name in build_command.paired:
            key, _, setting = setting.partition("=")
            argument, colon, key_of = key.partition(":")
            name = f"{name} {argument}"
            if colon:
                setting = f"{key_of}={setting}"
        name = docker_names.get(name, name)
        options.setdefault(name, []).append(setting)
    return operands, options


def last(options: OptionValues, name: str) -> str:
    """Return the value of an option that was given last, `""` without one."""
    return options.get(name, [""])[-1]


class Assignments:
    """The variables of a text, which replace those with one value in other texts."""

    def __init__(self, assignments: Iterable[tuple[str, str]]) -> None:
        """Take the names and values as they are written."""
        self._known: dict[str, str] = {}
        self._values = defaultdict[str, dict[str, None]](dict)
        for name, written in assignments:
            text = re.sub(_QUOTED, r"\2", written.replace("\\\n", " "))
            texts = self._values[name]
            # Of several programs the first one builds.
            if not texts or not expression("programs").fullmatch(text):
                texts[text] = None
        values = {}
        for _ in range(_LONGEST_CHAIN):
            values = {
                name: [*map(self, islice(texts, _MOST_COMBINATIONS))]
                for name, texts in self._values.items()
            }
            self._known = {
                name: texts[0]
                for name, texts in values.items()
                if len(texts) == 1 and re.fullmatch(_REPLACING, texts[0])
            }
        self.several = {name: texts for name, texts in values.items() if len(texts) > 1}

    def __call__(self, text: str) -> str:
        """Return a text with values in place of variables."""
        if not is_open(text):
            return text
        return re.sub(rf"{_REFERENCE}|{_DEFAULTED}", self._replacement, text)

    def _replacement(self, match: RegexMatch) -> str:
        *names, default = match.groups()
        name = next(filter(None, names))
        if name not in self._values and default is not None:
            return default
        return self._known.get(name, match[0])


def is_open(text: str) -> bool:
    """Return whether a text is not written out: it has a variable, a template or a command."""
    return "$" in text or "{{" in text or "`" in text


def pairs(words: Iterable[str]) -> NamedTexts:
    """Return `NAME=value` words as a mapping, without values that are not written out."""
    known = {}
    for word in words:
        name, equals, text = word.strip().partition("=")
        if equals and not is_open(text):
            known[name] = text
    return known


def words_of(text: str) -> Texts:
    """Return the values of a list, without those that are not written out."""
    words = map(str.strip, re.split(r"[,\n]", text))
    return tuple(word for word in words if word and not is_open(word))
