"""Builds of commands: `docker build` and the like in scripts and workflows, and GitHub's action.

Commands that depend on unknown variables or loops ("not written out") are skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product

from ctxsize.build import Build, is_reference, placed
from ctxsize.codes import severity_of
from ctxsize.discovery.search import Place, Search
from ctxsize.discovery.yaml import Yaml, YamlError, YamlMapping, load, mapping_of
from ctxsize.engine.border import holds
from ctxsize.findings import Finding, Location
from ctxsize.shell import commands, in_directories, is_read_whole

WANTED = re.compile(
    r"(?P<root>(?:.*/)?)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml"
    r"|(?i:(?s:.*/)?(?:(?:GNU)?makefile|.*\.(?:mk|sh|bash)|justfile|taskfile\.ya?ml|package\.json"
    r"|\.gitlab-ci\.yml))",
)
"""Matches the paths of files that may contain commands; `root` is that of a workflow."""
_ACTION = re.compile(r"docker/build-push-action(?:@.*)?")
_MOST_COMBINATIONS = 256
BUILD = re.compile(r"\b(?:docker|podman|nerdctl|buildah|buildx)\b[^\n]*?\b(?:build|bud)\b")
_START = re.compile(
    r"(?:docker (?:buildx |image |builder )?build|podman (?:image )?build|buildah (?:build|bud)"
    r"|nerdctl build)(?: |\Z)"
)
_MAKE_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*[:?]?=\s*(.*?)\s*$", re.MULTILINE)
_REFERENCE = re.compile(r"\$[({](\w+)[)}]|\$(\w+)")
_OWN_DIRECTORY = re.compile(
    r"\$\(\s*dirname\s+(?:--\s+)?\"?\$(?:0|\{?BASH_SOURCE(?:\[0\])?\}?)\"?\s*\)|\$\{0%/\*\}"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
"""An expression of a workflow, which is no text of a shell."""
_MAKE_CALL = re.compile(r"(?<!\$)\$\([^()]*\)")
_DEEPEST = 8
_SWITCHES = frozenset(
    (
        *("--load", "--push", "--pull", "--no-cache", "--rm", "--force-rm", "--quiet", "-q"),
        *("--squash", "--compress", "--debug", "-D", "--disable-content-trust", "--check"),
        *("--layers", "--squash-all", "--tls-verify", "--format-docker", "-h", "--help"),
    )
)


def collect(search: Search) -> None:
    """Add the builds of workflows, then of commands, except those that are not written out."""
    matches = filter(None, map(WANTED.fullmatch, search.paths))
    for match in sorted(matches, key=lambda each: each["root"] is None):
        path, root = match[0], match["root"]
        text = search.read(path)
        if text is None:
            continue
        with search.reading(path) as where:
            if root is not None:
                _add_workflow(search, root.rstrip("/"), where, text)
            elif BUILD.search(text):
                _add_scripts(search, path, where, text)


def _add_scripts(search: Search, path: str, where: Location, text: str) -> None:
    directory = os.path.dirname(path)
    # A script may be meant to run in the root; `make` and `npm run` use the file's directory.
    usual = path.lower().endswith((".sh", ".bash", ".mk"))
    directories = dict.fromkeys((directory, "") if usual else (directory,))
    for script, line in _scripts(path, text):
        place = Place("command", "", replace(where, line=line))
        _add_from(search, script, directories, place)


def _add_from(search: Search, script: str, directories: Iterable[str], place: Place) -> None:
    """Add the builds in a script, and record if one of them is not written out.

    Assume the first of `directories` in which the context and the Dockerfile exist. All but the
    first one are guesses, and must not lead out of the repository.
    """
    search.is_open |= not is_read_whole(_at_home(script))
    for asked in builds_in(script):
        search.is_open |= asked.is_open
        where = replace(place.where, line=(place.where.line or 1) + asked.line)
        for number, directory in enumerate(directories):
            build = asked.build(search, directory)
            if build and (not number or holds(search.border, search.shown(build.context))):
                search.add(replace(place, where=where), build)
                break


@dataclass(frozen=True)
class AskedBuild:
    """A command that builds an image."""

    builder: str
    inside: str
    """The directory, relative to that of the script."""
    operands: tuple[str, ...]
    options: Mapping[str, list[str]]
    line: int
    """Number of lines before it in the script."""

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
        platforms = ",".join(self.options.get("--platform", [])).split(",")
        return Build(
            context,
            dockerfile,
            target,
            given_pairs(self.options.get("--build-arg", []), "$"),
            placed(given_pairs(self.options.get("--build-context", []), "$"), directory),
            tuple(each for each in platforms if each and "$" not in each),
            self.builder,
        )


def builds_in(script: str) -> Iterator[AskedBuild]:
    """Yield the commands in a script that build an image."""
    for inside, command in in_directories(commands(_at_home(script)), ""):
        words = " ".join((command.program, *command.arguments[:2]))
        if start := _START.match(words):
            arguments = command.arguments[len(start[0].split()) - 1 :]
            builder = "podman" if command.program in ("podman", "buildah") else "buildkit"
            yield AskedBuild(builder, inside, *_parsed(arguments), command.line)


def _parsed(words: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
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
    return tuple(operands), options


def _at_home(script: str) -> str:
    """Return `script` with the usual expressions for its own directory replaced."""
    return _OWN_DIRECTORY.sub(".", _EXPRESSION.sub("$EXPRESSION", script))


def _scripts(path: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield the parts of a file that are shell, and the lines on which they begin."""
    name = os.path.basename(path).lower()
    if name == "package.json":
        yield from _package_scripts(text)
    elif name.endswith((".sh", ".bash")):
        yield _expanded(text, text), 1
    else:
        # Each line of a recipe runs in its own shell, so `cd` ends with it.
        for script, line in _recipes(text):
            if BUILD.search(script):
                script = _expanded(script, text)
                if name.endswith(("makefile", ".mk")):
                    # As make passes it to the shell, except for values that only make has.
                    for _ in range(_DEEPEST):
                        script = _MAKE_CALL.sub("$MAKE", script)
                    script = script.replace("$$", "$")
                yield script, line


def _recipes(text: str) -> Iterator[tuple[str, int]]:
    """Yield logical lines and their numbers, without the prefixes of make and YAML."""
    script, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if script else number
        script += line
        if line.endswith("\\"):
            script += "\n"
            continue
        yield re.sub(r"^[\s@\-+]*(?:\w+:\s+)?", "", script), start
        script = ""


def _package_scripts(text: str) -> Iterator[tuple[str, int]]:
    try:
        scripts = json.loads(text).get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return
    for name, script in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(script, str) and BUILD.search(script):
            yield script, text.partition(f'"{name}"')[0].count("\n") + 1


def _expanded(script: str, variables: str) -> str:
    """Return `script` with the variables replaced that `variables` sets once, to plain text."""
    values: dict[str, list[str]] = {}
    for match in _MAKE_VARIABLE.finditer(variables):
        values.setdefault(match[1], []).append(match[2].strip("'\""))

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1] or match[2], [])
        return found[0] if len(found) == 1 and "$" not in found[0] else match[0]

    return _REFERENCE.sub(value, script)


def given_pairs(words: Iterable[str], open_mark: str) -> dict[str, str]:
    """Return `NAME=value` words as a mapping, without values that contain `open_mark`."""
    pairs = (each.strip().partition("=") for each in words)
    return {name: value for name, given, value in pairs if given and open_mark not in value}


def _add_workflow(search: Search, root: str, where: Location, text: str) -> None:
    """Add the builds of a workflow, those of a matrix one by one."""
    try:
        document = load(text)
    except YamlError as error:
        where = replace(where, line=error.line)
        search.complain("yaml", f"not read: {error.message}", where)
        return
    for name, job in mapping_of(mapping_of(document).get("jobs")).items():
        for step in _mappings(mapping_of(job).get("steps")):
            line = step.line_of("uses" if "uses" in step else "run")
            place = Place("workflow", name, replace(where, line=line))
            _add_step(search, root, place, job, step)


def _add_step(search: Search, root: str, place: Place, job: Yaml, step: YamlMapping) -> None:
    script, inside = step.get("run"), str(step.get("working-directory") or "")
    if _ACTION.fullmatch(str(step.get("uses") or "")):
        written = mapping_of(step.get("with")).items()
        for values in _combinations(mapping_of(mapping_of(job).get("strategy")).get("matrix")):
            value = partial(_value, values)
            inputs = {
                key: _EXPRESSION.sub(value, text).strip()
                for key, text in written
                if isinstance(text, str)
            }
            _add_action(search, root, place, inputs)
    elif isinstance(script, str):
        directories = () if "$" in inside else (os.path.join(root, inside),)
        _add_from(search, script, directories, place)


def _mappings(value: Yaml) -> list[YamlMapping]:
    listed = value if isinstance(value, list) else ()
    return [each for each in listed if isinstance(each, YamlMapping)]


def _combinations(matrix: Yaml) -> list[dict[str, Yaml]]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    axes = {
        key: value
        for key, value in mapping_of(matrix).items()
        if isinstance(value, list) and key not in ("include", "exclude")
    }
    runs = islice(product(*axes.values()), _MOST_COMBINATIONS if axes else 0)
    combined: list[dict[str, Yaml]] = [dict(zip(axes, each, strict=True)) for each in runs]
    for extra in _mappings(mapping_of(matrix).get("include")):
        # GitHub adds an entry to all runs whose values it does not change, else as a new run.
        decisive = {*axes} & {*extra}
        fitting = [each for each in combined if all(each[key] == extra[key] for key in decisive)]
        for each in fitting if axes else ():
            each.update(extra)
        if not (fitting and axes):
            combined.append(dict(extra))
    return combined or [{}]


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


def _add_action(search: Search, root: str, place: Place, inputs: Mapping[str, str]) -> None:
    context, file, target = (inputs.get(key, "") for key in ("context", "file", "target"))
    if not context or context.startswith("{{defaultContext}}"):
        message = f"the job {place.name} builds from git: no ignore file is read"
        help_ = "set `context: .` to send the checked-out directory"
        finding = Finding("CTX310", severity_of("CTX310"), message, place.where, help=help_)
        if finding not in search.findings:
            search.findings.append(finding)
        return
    unknown = next((each for each in (context, file, target) if "${{" in each), None)
    if unknown is not None:
        search.is_open = True
        search.complain("expression", f"known only when the workflow runs: {unknown}", place.where)
        return
    if is_reference(context):
        return
    listed = re.split(r"[,\n]", inputs.get("platforms", ""))
    build = Build(
        os.path.join(root, context),
        os.path.join(root, file) if file else os.path.join(root, context, "Dockerfile"),
        target,
        given_pairs(inputs.get("build-args", "").splitlines(), "${{"),
        placed(given_pairs(inputs.get("build-contexts", "").splitlines(), "${{"), root),
        tuple(each.strip() for each in listed if each.strip() and "${{" not in each),
    )
    search.add(place, build)
