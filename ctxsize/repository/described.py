"""Builds of documents: YAML and JSON that contain scripts or describe builds, and Quadlet units."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, product
from os.path import basename, dirname
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

    mapping: YamlMapping
    under: str = ""  # the key that it stands under
    name: str = ""  # the name of its job
    matrix: Yaml = None
    inside: str = ""  # the directory in which its scripts run


def add_document(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the builds of a YAML or JSON file."""
    if not source.build and not expression("programs").search(text):
        return
    if path.lower().endswith(".json"):
        text = _JSON.sub(_text_or_blanks, text)
    top = ground_of(search, path, source)
    where = Location(search.shown(path))
    for document in yaml.documents(text):
        if source.joined:
            document = _with_bases(search, mapping_of(document), source.scripts)
        passages = [*_passages(document, source)]
        variables = _variables(top, passages)
        ground = replace(top, expanded=commands.expander(variables))
        for passage in passages:
            _add_passage(ground, where, passage)


def _text_or_blanks(match: re.Match[str]) -> str:
    return match[1] or re.sub(r"[^\n]", " ", match[0])


def _variables(ground: Ground, passages: Iterable[Passage]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the variables that a document sets."""
    key = ground.source.variables
    for passage in passages:
        if not key or passage.under != key:
            continue
        mapping = passage.mapping
        # Azure has lists of names and values, too.
        listed_name = text_at(mapping, ["name"])
        for name, text in [(listed_name, mapping.get("value")), *mapping.items()]:
            if isinstance(text, str):
                yield name, ground.with_top(text)


def _add_passage(ground: Ground, where: Location, passage: Passage) -> None:
    """Add the builds that a mapping describes, and those of its scripts."""
    source = ground.source
    place = Place(source.how, passage.name, where)
    for form in source.build:
        add_described(ground, place, form, passage)
    for line, script in _scripts(passage, source):
        inside = ground.with_top(passage.inside)
        script_place = replace(place, where=replace(where, line=line))
        commands.add_script(ground, ground.with_top(script), script_place, inside)


class _Job(NamedTuple):
    """A job of GitLab, with the scripts that it takes from those that it extends."""

    mapping: YamlMapping
    templates: set[str]  # jobs that it extends and that do not run themselves
    is_known: bool  # False if it may take scripts from elsewhere


def _with_bases(search: Search, jobs: YamlMapping, keys: Sequence[str]) -> YamlMapping:
    """Return a document of GitLab, its jobs with the scripts that they take from others."""
    default = mapping_of(jobs.get("default"))
    usual_before = default.get(keys[0], jobs.get(keys[0]))
    complete = jobs.with_pairs({})
    templates = {"default"}
    for name, written in jobs.items():
        if not isinstance(written, YamlMapping):
            continue
        job = _extended_job(written, jobs, keys)
        templates |= job.templates
        _add_before(job.mapping, written, keys, usual_before)
        scripts = [job.mapping.get(key) for key in keys]
        texts = [*texts_in(scripts)]
        if job.is_known and yaml.REFERENCE not in texts:
            complete[name] = job.mapping
        elif expression("hint").search("\n".join(texts)):
            search.is_open = True
    for name in templates:
        complete.pop(name, None)
    return complete


def _add_before(
    mapping: YamlMapping, written: YamlMapping, keys: Sequence[str], usual: Yaml
) -> None:
    """Add what runs before the script of a job, so that the lines of the script stay right."""
    before = keys[0]
    main = keys[-1]
    if main not in mapping or not mapping.setdefault(before, usual):
        return
    if before in written:
        return
    text = "\n".join(texts_in(mapping[before]))
    count = text.count("\n") + 1
    mapping.lines = {**written.lines, before: written.line_of(main) - count}


def _extended_job(written: YamlMapping, jobs: YamlMapping, keys: Sequence[str]) -> _Job:
    """Return a job with the values of `keys` that it has or takes from those that it extends."""
    mapping = written.with_pairs(written)
    templates: set[str] = set()
    is_known = keys[0] in written or "inherit" not in written
    pending = [written]
    for _ in range(_MOST_BASES):
        if not pending:
            break
        base = pending.pop()
        for key in keys:
            if key in base:
                mapping.setdefault(key, base[key])
        is_complete = all(key in mapping for key in keys)
        for name in texts_in(base.get("extends")):
            pending.append(mapping_of(jobs.get(name)))
            if name not in jobs and not is_complete:
                is_known = False
            if name.startswith("."):
                templates.add(name)
    return _Job(mapping, templates, is_known and not pending)


def _passages(document: Yaml, source: FileKind) -> Iterator[Passage]:
    """Yield the mappings of a document, the outermost first."""
    pending: list[tuple[Yaml, Passage]] = [(document, Passage(YamlMapping()))]
    while pending:
        node, around = pending.pop()
        if isinstance(node, list):
            pending += ((child, around) for child in reversed(node))
        if not isinstance(node, YamlMapping):
            continue
        strategy = mapping_of(node.get("strategy"))
        passage = around._replace(
            mapping=node,
            matrix=strategy.get("matrix") or around.matrix,
            inside=_directory_of(node, around, source),
        )
        yield passage
        has_jobs = passage.under == source.jobs
        for key, child in reversed(node.items()):
            below = passage._replace(under=key)
            if has_jobs:
                below = below._replace(name=key)
            pending.append((child, below))


def _directory_of(mapping: YamlMapping, around: Passage, source: FileKind) -> str:
    """Return the directory in which the scripts of a mapping run."""
    directory: Yaml = None
    if source.step in ("", around.under):
        directory = mapping.get(source.inside)
    if not directory:
        defaults = mapping_of(mapping.get("defaults"))
        directory = mapping_of(defaults.get("run")).get(source.inside)
    if isinstance(directory, str):
        return directory
    return around.inside


def _scripts(passage: Passage, source: FileKind) -> Iterator[tuple[int, str]]:
    """Yield the scripts of a mapping, each with its line."""
    mapping = passage.mapping
    keys = source.scripts
    if source.jobs and passage.under == source.jobs:  # a task may be nothing but its script
        keys = [*mapping]
    scripts = []
    for key in keys:
        line = mapping.line_of(key)
        for text in texts_in(mapping.get(key)):
            scripts.append((line, text))
            line += 1
    if source.joined and scripts:
        line, _ = scripts[0]
        if isinstance(mapping.get(keys[-1]), list):
            line += 1
        text = "\n".join(text for _, text in scripts)
        scripts = [(line, text)]
    yield from scripts
    program = text_at(mapping, source.program)
    if program:
        program = re.sub(rf"\A{source.images}", "", program)
        program = _TAG.sub("", program)
        arguments = texts_in(listed(mapping.get("args")))
        yield mapping.line, shlex.join([program, *arguments])


def text_at(mapping: YamlMapping, paths: Iterable[str]) -> str:
    """Return the value at the first path that has one, with a line for each of several."""
    for path in paths:
        node: Yaml = mapping
        for key in path.split("."):
            node = mapping_of(node).get(key)
        if isinstance(node, YamlMapping):
            node = [f"{key}={text}" for key, text in node.items() if isinstance(text, str)]
        text = "\n".join(texts_in(node)).strip()
        if text:
            return text
    return ""


def add_described(ground: Ground, place: Place, form: Form, passage: Passage) -> None:
    """Add the builds that a mapping describes: one, or one for each run of its matrix."""
    mapping = passage.mapping
    if form.under not in (None, passage.under):
        return
    if any(key in mapping for key in form.unless):
        return
    for path, required in form.only.items():
        if not re.fullmatch(required, text_at(mapping, [path])):
            return
    first_key = next(iter(form.only), "")
    where = replace(place.where, line=mapping.line_of(first_key))
    place = replace(place, where=where)
    if form.git:
        _report_git(ground.search, place, form.git)
        return
    for values in _runs_of(passage.matrix):
        _add_run(ground, place, form, mapping, values)


def _report_git(search: Search, place: Place, advice: str) -> None:
    finding = Finding(
        code="CTX310",
        severity=severity_of("CTX310"),
        message=f"the job `{place.name}` builds from git, so no ignore file applies",
        location=place.where,
        help=advice,
    )
    if finding not in search.findings:
        search.findings.append(finding)


def _add_run(
    ground: Ground, place: Place, form: Form, mapping: YamlMapping, values: Mapping[str, Yaml]
) -> None:
    """Add the build of a mapping, with the `values` of one run of its matrix."""

    def text_of(key: str) -> str:
        paths = form.paths.get(key, ())
        text = ground.with_top(text_at(mapping, paths))
        text = expression("expressions").sub(partial(_matrix_value, values), text)
        return text or form.usual.get(key, "")

    search = ground.search
    context = text_of("context")
    file = _only_file(search, text_of("dockerfile"))
    target = text_of("target")
    if not target:
        words = text_of("options").split()
        _, options = commands.parse_words(words, BuildCommand(""))
        target = commands.last(options, "--target")
    for text in (context, file, target):
        if commands.OPEN.search(text):
            when = f"is known only when the {place.how} runs"
            message = f"`{text}` {when}, so this build was skipped"
            search.complain("expression", message, place.where)
            search.is_open = True
            return
    is_one = context and "\n" not in context + file and "*" not in file
    if not is_one or any(key in mapping for key in form.narrowed):
        search.is_open = True
        return
    if is_reference(context):
        return
    if context == "**":
        context = dirname(file)
    build = Build(
        context=context,
        dockerfile=file or None,
        target=target,
        build_arguments=commands.pairs(text_of("arguments").splitlines()),
        build_contexts=commands.pairs(text_of("contexts").splitlines()),
        platforms=commands.words_of(text_of("platforms")),
        builder=form.builder,
    )
    # A mapping says that there is such a build, so what is missing is a problem.
    is_certain = len(ground.directories) == 1
    ground.add(place, build, form.beside, is_certain=is_certain)


def _only_file(search: Search, path: str) -> str:
    """Return the only file that `**/NAME` matches; any other path as it is."""
    if not path.startswith("**/"):
        return path
    name = path.removeprefix("**/")
    matches = [known for known in search.paths if basename(known) == name]
    if len(matches) == 1:
        return matches[0]
    return path


def _runs_of(matrix: Yaml) -> list[dict[str, Yaml]]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    settings = mapping_of(matrix)
    lists = {key: values for key, values in settings.items() if isinstance(values, list)}
    axes = {key: values for key, values in lists.items() if key not in ("include", "exclude")}
    runs = []
    if axes:
        combinations = islice(product(*axes.values()), _MOST_COMBINATIONS)
        runs = [dict(zip(axes, chosen, strict=True)) for chosen in combinations]
    added = []
    for inclusion in listed(settings.get("include")):
        # GitHub adds an entry to all combinations of which it changes no value, else as a new run.
        extra = mapping_of(inclusion)
        decisive = axes.keys() & extra.keys()
        is_new = True
        for run in runs:
            if all(run[key] == extra[key] for key in decisive):
                run.update(extra)
                is_new = False
        if is_new:
            added.append(dict(extra))
    return runs + added or [{}]


def _matrix_value(values: Mapping[str, Yaml], match: re.Match[str]) -> str:
    """Return the value of an expression of a matrix; the expression itself if unknown."""
    first, *names = (match[1] or "").strip().split(".")
    node: Yaml | Mapping[str, Yaml] = None
    if first == "matrix":
        node = values
    for name in names:
        if not isinstance(node, Mapping):
            return match[0]
        node = node.get(name)
    if isinstance(node, str):
        return node
    return match[0]


def add_unit(search: Search, path: str, text: str, source: FileKind) -> None:
    """Add the build of a Quadlet unit."""
    unit = YamlMapping(1)
    section = ""
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            section = line.strip()
        key, equals, setting = line.partition("=")
        if equals and section == "[Build]":
            unit[key.strip()] = setting.strip()
    directory = text_at(unit, ["SetWorkingDirectory"])
    file = text_at(unit, ["File"])
    # Without a directory Quadlet refuses a relative `File`. Other paths are those of a machine.
    if not directory:
        return
    if any("%" in path or path.startswith("/") for path in (directory, file)):
        search.is_open = True
        return
    if directory == "unit":
        unit["context"] = "."
    elif directory == "file":
        unit["context"] = dirname(file) or "."
    else:
        unit["context"] = directory
    place = Place(source.how, "", Location(search.shown(path)))
    ground = ground_of(search, path, source)
    for form in source.build:
        add_described(ground, place, form, Passage(unit))
