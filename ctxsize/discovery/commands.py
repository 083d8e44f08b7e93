"""Builds of commands: `docker build` and the like in scripts and workflows, and GitHub's action.

Commands that depend on unknown variables or loops ("not written out") are skipped.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice, product
from typing import NamedTuple

from ctxsize.build import Build, is_reference, placed
from ctxsize.codes import severity_of
from ctxsize.discovery.search import Place, Search
from ctxsize.discovery.yaml import Yaml, YamlMapping, listed, load, mapping_of
from ctxsize.dockerfile.shell import commands, in_directories, is_read_whole
from ctxsize.findings import Finding, Location
from ctxsize.reader import holds

_BUILD = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah|buildx)\b(?:\\\n|[^\n]){0,200}?\b(?:build|bud)\b"
)
_TOOLS = (
    (re.compile(r"(?:docker (?:buildx |image |builder )?|nerdctl )build(?= |\Z)"), "buildkit"),
    (re.compile(r"(?:podman (?:image )?build|buildah (?:build|bud))(?= |\Z)"), "podman"),
)
"""The first words of each command that builds an image, and the builder whose behaviour applies."""
_ACTIONS = re.compile(r"docker/build-push-action(?:@.*)?")
_MOST_COMBINATIONS = 256
_WHOLE = re.compile(".+", re.DOTALL)
_LINE = re.compile(r"(?:.*\\\n)*.*")
_PREFIX = re.compile(r"^[\s@\-+]*(?:\w+:\s+)?")  # what make and YAML have before a command
_JSON_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"?')
_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*[:?]?=\s*(.*?)\s*$", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]|\$(\w+)")
_OWN_DIRECTORY = re.compile(
    r"\$\(\s*dirname\s+(?:--\s+)?\"?\$(?:0|\{?BASH_SOURCE(?:\[0\])?\}?)\"?\s*\)|\$\{0%/\*\}"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")  # of a workflow, which is no text of a shell
_MAKE_CALL = re.compile(r"(?<!\$)\$\([^()]*\)")
_DEEPEST = 8
_SWITCHES = frozenset(
    (
        *("--load", "--push", "--pull", "--no-cache", "--rm", "--force-rm", "--quiet", "-q"),
        *("--squash", "--compress", "--debug", "-D", "--disable-content-trust", "--check"),
        *("--layers", "--squash-all", "--tls-verify", "--format-docker", "-h", "--help"),
    )
)


def add_script(search: Search, path: str, text: str) -> None:
    """Add the builds of a shell script."""
    _add_parts(search, path, text, _WHOLE, _expander(text))


def add_lines(search: Search, path: str, text: str) -> None:
    """Add the builds of a file with a command on each line, such as a Taskfile."""
    # Each line of a recipe runs in its own shell, so `cd` ends with it.
    expanded = _expander(text)
    _add_parts(search, path, text, _LINE, lambda line: expanded(_PREFIX.sub("", line)))


def add_makefile(search: Search, path: str, text: str) -> None:
    """Add the builds of a Makefile."""
    expanded = _expander(text)

    def passed(line: str) -> str:
        """Return what make passes to the shell, except for values that only make has."""
        script = expanded(_PREFIX.sub("", line))
        for _ in range(_DEEPEST):
            script = _MAKE_CALL.sub("$MAKE", script)
        return script.replace("$$", "$")

    _add_parts(search, path, text, _LINE, passed)


def add_package(search: Search, path: str, text: str) -> None:
    """Add the builds of the scripts of a `package.json`."""
    _add_parts(search, path, text, _JSON_TEXT, lambda part: part[1:-1].replace('\\"', '"'))


def _add_parts(
    search: Search, path: str, text: str, pattern: re.Pattern[str], script_of: Callable[[str], str]
) -> None:
    """Add the builds of the parts of a file that match `pattern`, each a script of its own."""
    directories = [os.path.dirname(path)]
    if path.lower().endswith((".sh", ".bash", ".mk")):  # `make` and `npm run` use their own
        directories.append("")
    for match in pattern.finditer(text):
        if _BUILD.search(match[0]):
            line = text.count("\n", 0, match.start()) + 1
            place = Place("command", "", Location(search.shown(path), line))
            _add_from(search, script_of(match[0]), directories, place)


def _add_from(search: Search, script: str, directories: Iterable[str], place: Place) -> None:
    """Add the builds in a script, and record if one of them is not written out."""
    # The first directory counts in which the context and the Dockerfile exist. All but the first
    # one are guesses, and must not lead out of the repository.
    if not _BUILD.search(script):
        return
    search.is_open |= not is_read_whole(_at_home(script))
    for asked in _builds_in(script):
        search.is_open |= asked.is_open
        where = replace(place.where, line=(place.where.line or 1) + asked.line)
        for number, directory in enumerate(directories):
            build = asked.build(search, directory)
            if build and (not number or holds(search.border, search.shown(build.context))):
                search.add(replace(place, where=where), build)
                break


class AskedBuild(NamedTuple):
    """A command that builds an image."""

    builder: str
    inside: str  # the directory, relative to that of the script
    operands: list[str]
    options: Mapping[str, list[str]]
    line: int  # number of lines before it in the script

    @property
    def is_open(self) -> bool:
        """Return whether its context, Dockerfile or target is not written out."""
        # Without an operand, an unknown option may have consumed it.
        names = ("--file", "--target") if self.operands else (*self.options,)
        values = (value for name in names for value in self.options.get(name, []))
        return any("$" in each for each in (self.inside, *self.operands, *values))

    def build(self, search: Search, directory: str) -> Build | None:
        """Return its build, run in `directory`; None if context or Dockerfile is missing."""
        if self.is_open or self.inside.startswith("/") or len(self.operands) != 1:
            return None
        directory = os.path.join(directory, self.inside)
        file, target = (self.options.get(each, [""])[-1] for each in ("--file", "--target"))
        context = os.path.join(directory, self.operands[0])
        dockerfile = os.path.join(directory, file) if file else os.path.join(context, "Dockerfile")
        if not os.path.isdir(search.shown(context)) or not os.path.isfile(search.shown(dockerfile)):
            return None
        return Build(
            context,
            dockerfile,
            target,
            _pairs(self.options.get("--build-arg", []), "$"),
            placed(_pairs(self.options.get("--build-context", []), "$"), directory),
            _listed(",".join(self.options.get("--platform", [])), "$"),
            self.builder,
        )


def _builds_in(script: str) -> Iterator[AskedBuild]:
    """Yield the commands in a script that build an image."""
    for inside, command in in_directories(commands(_at_home(script)), ""):
        words = " ".join((command.program, *command.arguments[:2]))
        for tool, builder in _TOOLS:
            if start := tool.match(words):
                operands, options = _parsed(command.arguments[len(start[0].split()) - 1 :])
                yield AskedBuild(builder, inside, operands, options, command.line)


def _parsed(words: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    operands: list[str] = []
    options: dict[str, list[str]] = {}
    pending = iter(words)
    for word in pending:
        name, given, value = word.partition("=")
        if not word.startswith("-"):
            operands.append(word)
        elif re.fullmatch(r"-[ft].+", word) and not given:
            options.setdefault(word[:2].replace("-f", "--file"), []).append(word[2:])
        elif name not in _SWITCHES:
            name = "--file" if name == "-f" else name
            options.setdefault(name, []).append(value if given else next(pending, ""))
    return operands, options


def _at_home(script: str) -> str:
    """Return `script` with the usual expressions for its own directory replaced."""
    return _OWN_DIRECTORY.sub(".", _EXPRESSION.sub("$EXPRESSION", script))


def _expander(text: str) -> Callable[[str], str]:
    """Return a function that replaces the variables that `text` sets once, to plain text."""
    values: dict[str, list[str]] = {}
    for match in _VARIABLE.finditer(text):
        values.setdefault(match[1], []).append(match[2].strip("'\""))

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1] or match[2], [])
        return found[0] if len(found) == 1 and "$" not in found[0] else match[0]

    return partial(_REFERENCE.sub, value)


def _pairs(words: Iterable[str], open_mark: str) -> dict[str, str]:
    """Return `NAME=value` words as a mapping, without values that contain `open_mark`."""
    pairs = (each.strip().partition("=") for each in words)
    return {name: value for name, given, value in pairs if given and open_mark not in value}


def _listed(text: str, open_mark: str) -> tuple[str, ...]:
    """Return the values of a list, without those that contain `open_mark`."""
    words = (each.strip() for each in re.split(r"[,\n]", text))
    return tuple(each for each in words if each and open_mark not in each)


def add_workflow(search: Search, path: str, text: str) -> None:
    """Add the builds of a workflow, those of a matrix one by one."""
    where = Location(search.shown(path))
    root = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    for name, job in mapping_of(mapping_of(load(text)).get("jobs")).items():
        matrix = mapping_of(mapping_of(job).get("strategy")).get("matrix")
        for step in map(mapping_of, listed(mapping_of(job).get("steps"))):
            line = step.line_of("uses" if "uses" in step else "run")
            place = Place("workflow", name, replace(where, line=line))
            script, inside = step.get("run"), str(step.get("working-directory") or "")
            if _ACTIONS.fullmatch(str(step.get("uses") or "")):
                for values in _combinations(matrix):
                    _add_action(search, root, place, mapping_of(step.get("with")), values)
            elif isinstance(script, str):
                directories = () if "$" in inside else (os.path.join(root, inside),)
                _add_from(search, script, directories, place)


def _combinations(matrix: Yaml) -> list[dict[str, Yaml]]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    axes = {
        key: value
        for key, value in mapping_of(matrix).items()
        if isinstance(value, list) and key not in ("include", "exclude")
    }
    runs = islice(product(*axes.values()), _MOST_COMBINATIONS if axes else 0)
    combined: list[dict[str, Yaml]] = [dict(zip(axes, each, strict=True)) for each in runs]
    for extra in map(mapping_of, listed(mapping_of(matrix).get("include"))):
        # GitHub adds an entry to all runs whose values it does not change, else as a new run.
        decisive = {*axes} & {*extra}
        fitting = [each for each in combined if all(each[key] == extra[key] for key in decisive)]
        for each in fitting if axes else ():
            each.update(extra)
        if not (fitting and axes):
            combined.append(dict(extra))
    return combined or [{}]


def _add_action(
    search: Search, root: str, place: Place, written: YamlMapping, values: Mapping[str, Yaml]
) -> None:
    """Add the build of a step, with the `values` of one run of the matrix."""
    replaced = partial(_EXPRESSION.sub, partial(_value, values))
    texts = {key: text for key, text in written.items() if isinstance(text, str)}
    inputs = defaultdict(str, {key: replaced(text).strip() for key, text in texts.items()})
    context, file, target = (inputs[key] for key in ("context", "file", "target"))
    unknown = next((each for each in (context, file, target) if "${{" in each), None)
    if not context or context.startswith("{{defaultContext}}"):
        message = f"the job `{place.name}` builds from git, so no ignore file applies"
        help_ = "set `context: .` to send the checked-out directory"
        finding = Finding("CTX310", severity_of("CTX310"), message, place.where, help=help_)
        if finding not in search.findings:
            search.findings.append(finding)
    elif unknown is not None:
        search.is_open = True
        text = f"`{unknown}` is known only when the workflow runs, so this build was skipped"
        search.complain("expression", text, place.where)
    elif not is_reference(context):
        build = Build(
            os.path.join(root, context),
            os.path.join(root, file or os.path.join(context, "Dockerfile")),
            target,
            _pairs(inputs["build-args"].splitlines(), "${{"),
            placed(_pairs(inputs["build-contexts"].splitlines(), "${{"), root),
            _listed(inputs["platforms"], "${{"),
        )
        search.add(place, build)


def _value(values: Mapping[str, Yaml], match: re.Match[str]) -> str:
    """Return the value of an expression; the expression itself if unknown."""
    expression = match[1].strip()
    if expression in ("github.workspace", "env.GITHUB_WORKSPACE"):
        return "."
    first, *names = expression.split(".")
    found: Yaml | Mapping[str, Yaml] = values if first == "matrix" else None
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else match[0]
