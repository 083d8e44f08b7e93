"""Builds of documents: YAML and JSON that contain scripts or describe builds, and Quadlet units."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice, product
from typing import NamedTuple

from ctxsize.build import Build, is_reference
from ctxsize.codes import severity_of
from ctxsize.findings import Finding, Location
from ctxsize.repository import commands, yaml
from ctxsize.repository.commands import Ground, ground_of
from ctxsize.repository.recognisers import BuildCommand, FileKind, Form, expression
from ctxsize.repository.search import Place, Search
from ctxsize.repository.yaml import Yaml, YamlMapping, listed, mapping_of, texts_in

_MOST_COMBINATIONS = 256
_MOST_BASES = 50  # jobs that a job of GitLab extends
_JSON = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|//[^\n]*|/\*(?:.*?\*/|.*)|,(?=\s*[}\]])|\t', re.DOTALL)
"""Matches a text of JSON, which ends with its line at the latest.

It also matches what YAML refuses and some read in JSON: comments, last commas and tabs.
"""
_TAG = re.compile(r"(?<=[^/]):[\w.\-]+\Z")


class Passage(NamedTuple):
    """A mapping of a document, and what applies to it from around."""

    value: YamlMapping
    under: str = ""  # the key that it stands under
    name: str = ""  # the name of its job
    matrix: Yaml = None
    inside: str = ""  # the directory in which its scripts run


def add_document(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the builds of a YAML or JSON file."""
    if not source.build and not expression("programs").search(text):
        return
    if path.lower().endswith(".json"):
        text = _JSON.sub(lambda it: it[1] or re.sub(r"[^\n]", " ", it[0]), text)
    top = ground_of(search, path, source)
    where = Location(search.shown(path))
    for document in yaml.documents(text):
        if source.joined:
            document = _with_bases(search, mapping_of(document), source.scripts)
        parts = [*_parts(document, source)]
        variables = [part.value for part in parts if part.under == (source.variables or None)]
        # Azure has lists of names and values, too.
        named = ((text_at(each, ["name"]), each.get("value")) for each in variables)
        pairs = chain(named, *(each.items() for each in variables))
        known = ((name, top.with_top(text)) for name, text in pairs if isinstance(text, str))
        ground = replace(top, expanded=commands.expander(known))
        for part in parts:
            place = Place(source.how, part.name, where)
            for form in source.build:
                add_described(ground, place, form, part)
            for line, script in _scripts(part, source):
                at = replace(place, where=replace(where, line=line))
                inside = ground.with_top(part.inside)
                commands.add_script(ground, ground.with_top(script), at, inside)


def _with_bases(search: Search, jobs: YamlMapping, keys: Sequence[str]) -> YamlMapping:
    """Return a document of GitLab, its jobs with the scripts that they take from others."""
    usual = {**jobs, **mapping_of(jobs.get("default"))}.get(keys[0])
    made = jobs.with_pairs({})
    extended = {"default"}
    for name, job in ((name, each) for name, each in jobs.items() if isinstance(each, YamlMapping)):
        found = job.with_pairs(job)
        pending = [job]
        seen = 0
        is_known = keys[0] in job or "inherit" not in job
        while pending and seen < _MOST_BASES:
            at = pending.pop()
            seen = seen + 1
            found.update((key, at[key]) for key in keys if key in at and key not in found)
            bases = [*texts_in(at.get("extends"))]
            pending += (mapping_of(jobs.get(each)) for each in bases)
            is_known &= found.keys() >= {*keys} or jobs.keys() >= {*bases}
            extended |= {each for each in bases if each.startswith(".")}
        if keys[-1] in found and found.setdefault(keys[0], usual) and keys[0] not in job:
            before = "\n".join(texts_in(found[keys[0]]))
            line = job.line_of(keys[-1]) - before.count("\n") - 1
            found.lines = {**job.lines, keys[0]: line}
        texts = [*texts_in([found.get(key) for key in keys])]
        if is_known and not pending and yaml.REFERENCE not in texts:
            made[name] = found
        else:
            search.is_open |= bool(expression("hint").search("\n".join(texts)))
    return made.with_pairs({name: made[name] for name in made if name not in extended})


def _parts(document: Yaml, source: FileKind) -> Iterator[Passage]:
    """Yield the mappings of a document, the outermost first."""
    pending: list[tuple[Yaml, Passage]] = [(document, Passage(YamlMapping()))]
    while pending:
        value, around = pending.pop()
        if isinstance(value, list):
            pending += ((each, around) for each in reversed(value))
        elif isinstance(value, YamlMapping):
            matrix = mapping_of(value.get("strategy")).get("matrix")
            defaults = mapping_of(mapping_of(value.get("defaults")).get("run"))
            if source.step in ("", around.under):
                own = value.get(source.inside)
            else:
                own = None
            given = own or defaults.get(source.inside)
            if isinstance(given, str):
                inside = given
            else:
                inside = around.inside
            part = around._replace(value=value, matrix=matrix or around.matrix, inside=inside)
            yield part
            for key, each in reversed(value.items()):
                if part.under == source.jobs:
                    name = key
                else:
                    name = part.name
                pending.append((each, part._replace(under=key, name=name)))


def _scripts(part: Passage, source: FileKind) -> Iterator[tuple[int, str]]:
    """Yield the scripts of a mapping, each with its line."""
    found = []
    mapping = part.value
    # A task may be nothing but its script.
    for key in mapping if part.under == (source.jobs or None) else source.scripts:
        value = mapping.get(key)
        first = mapping.line_of(key)
        found += [(first + number, each) for number, each in enumerate(texts_in(value))]
    if source.joined and found:
        found = [(found[0][0] + isinstance(value, list), "\n".join(each for _, each in found))]
    yield from found
    if program := text_at(mapping, source.program):
        program = _TAG.sub("", re.sub(rf"\A{source.images}", "", program))
        yield mapping.line, shlex.join([program, *texts_in(listed(mapping.get("args")))])


def text_at(mapping: YamlMapping, paths: Iterable[str]) -> str:
    """Return the value at the first path that has one, with a line for each of several."""
    for path in paths:
        value: Yaml = mapping
        for key in path.split("."):
            value = mapping_of(value).get(key)
        if isinstance(value, YamlMapping):
            value = [f"{key}={each}" for key, each in value.items() if isinstance(each, str)]
        if text := "\n".join(texts_in(value)).strip():
            return text
    return ""


def add_described(ground: Ground, place: Place, form: Form, part: Passage) -> None:
    """Add the builds that a mapping describes: one, or one for each run of its matrix."""
    written = part.value
    texts = [(re.fullmatch(each, text_at(written, [path]))) for path, each in form.only.items()]
    if form.under not in (None, part.under) or not all(texts) or {*form.unless} & written.keys():
        return
    line = written.line_of(next(iter(form.only), ""))
    place = replace(place, where=replace(place.where, line=line))
    if form.git:
        message = f"the job `{place.name}` builds from git, so no ignore file applies"
        finding = Finding("CTX310", severity_of("CTX310"), message, place.where, help=form.git)
        if finding not in ground.search.findings:
            ground.search.findings.append(finding)
        return
    for values in _combinations(part.matrix):
        _add_one(ground, place, form, written, values)


def _add_one(
    ground: Ground, place: Place, form: Form, written: YamlMapping, values: Mapping[str, Yaml]
) -> None:
    """Add the build of a mapping, with the `values` of one run of its matrix."""

    def given(key: str) -> str:
        text = ground.with_top(text_at(written, form.paths.get(key, ())))
        return expression("expressions").sub(partial(_value, values), text) or form.usual.get(
            key, ""
        )

    search = ground.search
    context = given("context")
    file = given("dockerfile")
    if file.startswith("**/"):
        found = [each for each in search.paths if os.path.basename(each) == file[3:]]
        if len(found) == 1:
            file = found[0]
        else:
            file = file
    _, options = commands.parsed(given("options").split(), BuildCommand(""))
    target = given("target") or options.get("--target", [""])[-1]
    if unknown := [each for each in (context, file, target) if commands.OPEN.search(each)]:
        text = f"`{unknown[0]}` is known only when the {place.how} runs, so this build was skipped"
        search.complain("expression", text, place.where)
    is_one = context and "\n" not in context + file and "*" not in file
    if unknown or not is_one or {*form.narrowed} & written.keys():
        search.is_open = True
    elif not is_reference(context):
        if context == "**":
            context = os.path.dirname(file)
        else:
            context = context
        args, named = (commands.pairs(given(e).splitlines()) for e in ("arguments", "contexts"))
        platforms = commands.words_of(given("platforms"))
        build = Build(context, file or None, target, args, named, platforms, form.builder)
        # A mapping says that there is such a build, so what is missing is a problem.
        ground.add(place, build, form.beside, is_certain=len(ground.directories) == 1)


def _combinations(matrix: Yaml) -> list[dict[str, Yaml]]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    apart = ("include", "exclude")
    given = mapping_of(matrix)
    axes = {key: each for key, each in given.items() if isinstance(each, list) and key not in apart}
    runs = islice(product(*axes.values()), _MOST_COMBINATIONS if axes else 0)
    combined: list[dict[str, Yaml]] = [dict(zip(axes, each, strict=True)) for each in runs]
    for extra in map(mapping_of, listed(given.get("include"))):
        # GitHub adds an entry to all runs whose values it does not change, else as a new run.
        decisive = {*axes} & {*extra}
        fitting = [each for each in combined if all(each[key] == extra[key] for key in decisive)]
        for each in fitting if axes else ():
            each.update(extra)
        if not (fitting and axes):
            combined.append(dict(extra))
    return combined or [{}]


def _value(values: Mapping[str, Yaml], match: re.Match[str]) -> str:
    """Return the value of an expression of a matrix; the expression itself if unknown."""
    first, *names = (match[1] or "").strip().split(".")
    found: Yaml | Mapping[str, Yaml] = values if first == "matrix" else None
    for name in names:
        if isinstance(found, Mapping):
            found = found.get(name)
        else:
            found = None
    if isinstance(found, str):
        return found
    return match[0]


def add_unit(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the build of a Quadlet unit."""
    found = YamlMapping(1)
    section = ""
    for line in text.splitlines():
        key, given, value = line.partition("=")
        if line.lstrip().startswith("["):
            section = line.strip()
        else:
            section = section
        if given and section == "[Build]":
            found[key.strip()] = value.strip()
    directory = text_at(found, ["SetWorkingDirectory"])
    file = text_at(found, ["File"])
    # Without a directory Quadlet refuses a relative `File`. Other paths are those of a machine.
    if not directory or any("%" in each or each.startswith("/") for each in (directory, file)):
        search.is_open |= bool(directory)
        return
    usual = {"unit": ".", "file": os.path.dirname(file) or "."}
    found["context"] = usual.get(directory, directory)
    place = Place(source.how, "", Location(search.shown(path)))
    for form in source.build:
        add_described(ground_of(search, path, source), place, form, Passage(found))
