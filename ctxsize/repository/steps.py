"""Read the steps of a job before a build: their scripts, and whether these make files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxsize.dockerfile.shell import commands, is_read_whole
from ctxsize.knowledge.tools import makes_no_files, makes_results
from ctxsize.repository.recognisers import FileKind, expression
from ctxsize.repository.yaml import Yaml, YamlMapping, mapping_of, text_at, texts_in, value_at
from ctxsize.units import cut

_MOST_STEPS = 100  # steps before a build that are looked at
_WIDEST = 50  # characters of a command in a message
_NOT_HERE = ("path", "repository", "clean")  # settings of a checkout
_TO_FILES = r"type=(?:local|tar|oci|docker)\b|dest="  # an output of a build that is no image
_HARMLESS_TARGET = r"[12&]?>>?\s*(?:&[12]|/dev/null|\"?\$\{?GITHUB_\w+\}?\"?)"
_FUNCTION = r"(?m)^[ \t]*(\w+)[ \t]*\(\)[ \t]*\{"
_TAG = r"(?<=[^/]):[\w.\-]+\Z"
MAIN = "script"


class Passage(NamedTuple):
    """A mapping of a document, and what applies to it from around."""

    mapping: YamlMapping
    under: str = ""  # the key that it stands under
    name: str = ""  # the name of its job
    matrix: Yaml = None
    working_directory: str = ""  # that of its scripts
    steps: Sequence[Yaml] = ()  # the list that the mapping stands in
    number: int = 0  # its index there


def scripts_of(passage: Passage, kind: FileKind) -> Iterator[tuple[int, str]]:
    """Yield the scripts of a mapping, each with its line."""
    mapping = passage.mapping
    keys = kind.scripts
    if kind.jobs and passage.under == kind.jobs:  # a task may be nothing but its script
        keys = [*mapping]
    scripts = list[tuple[int, str]]()
    for key in keys:
        scripts += enumerate(texts_in(mapping.get(key)), mapping.line_of(key))
    if kind.joined and scripts:
        line, _ = scripts[0]
        if isinstance(mapping.get(MAIN), list):
            line += 1
        scripts = [(line, "\n".join(text for _, text in scripts))]
    yield from scripts
    program = text_at(mapping, kind.program)
    if program:
        program = re.sub(rf"\A{kind.images}", "", program)
        program = re.sub(_TAG, "", program)
        arguments = texts_in(value_at(mapping, kind.arguments))
        yield mapping.line, shlex.join([program, *arguments])


def is_checkout_alone(passage: Passage, kind: FileKind, script: str = "") -> bool:
    """Return whether a step of a job, with a `script`, sees only what git tracks.

    The steps before it check the repository out, and no step puts files beside those of git.
    """
    before = passage.steps[: passage.number]
    if len(before) > _MOST_STEPS:
        return False
    has_checkout = False
    for step in before:
        mapping = mapping_of(step)
        action = text_at(mapping, ["uses"])
        if re.fullmatch(kind.checkout, action):
            # Another directory, another repository, or one that an earlier job may have filled.
            if any(text_at(mapping, [f"with.{key}"]) for key in _NOT_HERE):
                return False
            has_checkout = True
        elif action:
            exports = re.search(_TO_FILES, text_at(mapping, ["with.outputs"]))
            if exports or not re.fullmatch(kind.harmless, action):
                return False
        else:
            scripts = scripts_of(passage._replace(mapping=mapping), kind)
            if not all(_makes_no_files(text) for _, text in scripts):
                return False
    return has_checkout and _makes_no_files(script)


def place_of_checkout(passage: Passage, kind: FileKind) -> str:
    """Return the directory into which the steps before a mapping check the repository out.

    It is `""` for the usual one, also if another repository is put elsewhere.
    """
    place = ""
    for step in passage.steps[: min(passage.number, _MOST_STEPS)]:
        mapping = mapping_of(step)
        repository = text_at(mapping, ["with.repository"])
        is_ours = not repository or expression("expressions").fullmatch(repository)
        if is_ours and re.fullmatch(kind.checkout, text_at(mapping, ["uses"])):
            place = text_at(mapping, ["with.path"])
            if not place:
                break
    return place


def made_before(passage: Passage, kind: FileKind) -> Iterator[tuple[int, str]]:
    """Yield what makes files in the steps before a mapping, each with its line."""
    first = max(0, passage.number - _MOST_STEPS)
    for step in passage.steps[first : passage.number]:
        mapping = mapping_of(step)
        action = text_at(mapping, ["uses"])
        if re.fullmatch(kind.brings, action):
            yield mapping.line_of("uses"), action
        for line, script in scripts_of(passage._replace(mapping=mapping), kind):
            for command in commands(script):
                if makes_results(command):
                    yield line, cut(" ".join(command.words[:4]), _WIDEST)


def _makes_no_files(script: str) -> bool:
    """Return whether all commands of a script only print, or build and push images."""
    text = expression("expressions").sub("$EXPRESSION", script)
    if ">" in re.sub(_HARMLESS_TARGET, "", text) or not is_read_whole(text):
        return False
    functions = {*re.findall(_FUNCTION, text)}
    return all(
        command.program in functions or makes_no_files(command) for command in commands(text)
    )
