"""Builds of documents: YAML and JSON that contain scripts or describe builds, and Quadlet units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice, product
from os.path import basename, dirname, isfile, join, realpath

from ctxsize.build import Build, is_reference
from ctxsize.codes import severity_of
from ctxsize.findings import Finding
from ctxsize.repository import maven, yaml
from ctxsize.repository.commands import (
    Assignments,
    Ground,
    add_script,
    is_open,
    last,
    pairs,
    parse_words,
    words_of,
)
from ctxsize.repository.recognisers import BuildCommand, BuildDescription, FileKind, expression
from ctxsize.repository.search import RegexMatch, Search
from ctxsize.repository.steps import (
    MAIN,
    Passage,
    is_checkout_alone,
    made_before,
    place_of_checkout,
    scripts_of,
)
from ctxsize.repository.yaml import (
    Yaml,
    YamlMapping,
    listed,
    mapping_of,
    text_at,
    texts_in,
    value_at,
)

_MOST_COMBINATIONS = 256
_MOST_BASES = 50  # jobs that a job of GitLab extends
_JSON = (
    r'(?s)("(?:[^"\\\n]|\\.)*"?)'  # a text of JSON, which ends with its line at the latest
    # What YAML refuses and some read in JSON: comments, last commas and tabs.
    r"|//[^\n]*"
    r"|/\*(?:.*?\*/|.*)"
    r"|,(?=\s*[}\]])"
    r"|\t"
)
_BEFORE = "before_script"  # what runs before the script of a job of GitLab, in the same shell


def add_document(ground: Ground, text: str) -> None:
    """Add the builds of a YAML, JSON, TOML or XML file."""
    kind = ground.kind
    name = ground.place.where.path.lower()
    # Most of the others are about something else, and none is Docker's without its name.
    is_of_many = not kind.build or name.endswith((".toml", ".xml"))
    if is_of_many and not expression("programs").search(text):
        return
    text = re.sub(kind.pinned, lambda match: f"@{match[1]}", text)
    for document in _documents(name, text):
        if kind.joined:
            document = _with_bases(ground.search, mapping_of(document))
        passages = [*_passages(document, kind)]
        if kind.inherited:
            has_program = any(text_at(passage.mapping, kind.program) for passage in passages)
            grounds = [*maven.grounds(ground, inherited=has_program)]
        else:
            grounds = [replace(ground, expanded=Assignments(_variables(ground, passages)))]
        for expanding in grounds:
            for passage in passages:
                _add_passage(expanding, passage)


def _documents(name: str, text: str) -> Iterable[Yaml]:
    """Return the documents of a text, by the ending of the file's name."""
    if name.endswith(".toml"):
        return [yaml.toml_document(text)]
    if name.endswith(".xml"):
        return [yaml.xml_document(text)]
    if name.endswith((".json", ".jsonc")):
        text = re.sub(_JSON, _text_or_blanks, text)
    return yaml.documents(text)


def _text_or_blanks(match: RegexMatch) -> str:
    return match[1] or re.sub(r"[^\n]", " ", match[0])


def _variables(ground: Ground, passages: Iterable[Passage]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the variables that a document sets."""
    for passage in passages:
        if passage.under != ground.kind.variables:
            continue
        mapping = passage.mapping
        # Azure has lists of names and values, too.
        listed_name = text_at(mapping, ["name"])
        for name, text in [(listed_name, mapping.get("value")), *mapping.items()]:
            if isinstance(text, str):
                yield name, ground.with_top(text)


def _add_passage(ground: Ground, passage: Passage) -> None:
    """Add the builds that a mapping describes, and those of its scripts."""
    named = replace(
        ground,
        place=replace(ground.place, name=passage.name),
        checkout=place_of_checkout(passage, ground.kind),
    )
    add_described(named, passage)
    directory = ground.with_top(passage.working_directory)
    for line, script in scripts_of(passage, ground.kind):
        on_line = named.on_line(line)
        if expression("hint").search(script):
            is_pristine = is_checkout_alone(passage, ground.kind, script)
            on_line = replace(on_line, is_pristine=is_pristine)
        add_script(on_line, script=ground.with_top(script), working_directory=directory)


def _with_bases(search: Search, jobs: YamlMapping) -> YamlMapping:
    """Return a document of GitLab, its jobs with the scripts that they take from others."""
    usual_before = mapping_of(jobs.get("default")).get(_BEFORE, jobs.get(_BEFORE))
    complete = jobs.with_pairs({})
    templates = {"default"}  # what does not run itself
    for name, written in jobs.items():
        if not isinstance(written, YamlMapping):
            continue
        mapping = _extended_job(written, jobs, usual_before)
        bases = texts_in(written.get("extends"))
        templates |= {base for base in bases if base.startswith(".")}
        texts = [*texts_in([mapping.get(_BEFORE), mapping.get(MAIN)])]
        if yaml.REFERENCE not in texts:
            complete[name] = mapping
        elif expression("hint").search("\n".join(texts)):
            search.is_open = True
    for name in templates:
        complete.pop(name, None)
    return complete


def _extended_job(written: YamlMapping, jobs: YamlMapping, usual_before: Yaml) -> YamlMapping:
    """Return a job with the scripts that it has or takes from those that it extends.

    If it may take others from elsewhere, `REFERENCE` stands for them.
    """
    mapping = written.with_pairs(written)
    is_known = _BEFORE in written or "inherit" not in written
    pending = [written]
    for _ in range(_MOST_BASES):
        if not pending:
            break
        base = pending.pop()
        for key in (_BEFORE, MAIN):
            if key in base:
                mapping.setdefault(key, base[key])
        is_complete = _BEFORE in mapping and MAIN in mapping
        for name in texts_in(base.get("extends")):
            pending.append(mapping_of(jobs.get(name)))
            if name not in jobs and not is_complete:
                is_known = False
    has_script = MAIN in mapping and mapping.setdefault(_BEFORE, usual_before)
    if has_script and _BEFORE not in written:
        # What runs before a script, but is written elsewhere, is placed on the lines above it.
        count = "\n".join(texts_in(mapping[_BEFORE])).count("\n") + 1
        mapping.lines = {**written.lines, _BEFORE: written.line_of(MAIN) - count}
    if pending or not is_known:
        mapping[MAIN] = [mapping.get(MAIN), yaml.REFERENCE]
    return mapping


def _passages(document: Yaml, kind: FileKind) -> Iterator[Passage]:
    """Yield the mappings of a document, the outermost first."""
    pending = [(document, Passage(YamlMapping()))]
    while pending:
        node, around = pending.pop()
        if isinstance(node, list):
            placed = around._replace(steps=node)
            children = [(child, placed._replace(number=at)) for at, child in enumerate(node)]
            pending += reversed(children)
        if not isinstance(node, YamlMapping):
            continue
        passage = around._replace(
            mapping=node,
            matrix=value_at(node, "strategy.matrix") or around.matrix,
            working_directory=_working_directory_of(node, around, kind),
        )
        yield passage
        has_jobs = passage.under == kind.jobs
        for key, child in reversed(node.items()):
            below = passage._replace(under=key, steps=(), number=0)
            if has_jobs:
                below = below._replace(name=key)
            pending.append((child, below))


def _working_directory_of(mapping: YamlMapping, around: Passage, kind: FileKind) -> str:
    """Return the directory in which the scripts of a mapping run."""
    directory: Yaml = None
    if kind.step in ("", around.under):
        directory = mapping.get(kind.inside)
    if not directory:
        directory = value_at(mapping, f"defaults.run.{kind.inside}")
    if isinstance(directory, str):
        return directory
    return around.working_directory


def add_described(ground: Ground, passage: Passage) -> None:
    """Add the builds that a mapping describes: one, or one for each run of its matrix."""
    mapping = passage.mapping
    for description in ground.kind.build:
        if not _is_described(passage, description):
            continue
        first_path = next(iter(description.only), "")
        here = ground.on_line(mapping.line_of(first_path))
        if description.git:
            _report_git(here, description.git, passage)
            here = replace(here, is_pristine=True, is_of_git=True)
        elif is_checkout_alone(passage, ground.kind):
            here = replace(here, is_pristine=True)
        for run in _runs_of(passage.matrix):
            _add_run(here, description, mapping, run)


def _is_described(passage: Passage, description: BuildDescription) -> bool:
    """Return whether a mapping is one that a row is about."""
    mapping = passage.mapping
    if description.under not in (None, passage.under):
        return False
    if any(key in mapping for key in description.unless):
        return False
    return all(
        re.fullmatch(required, text_at(mapping, [path]))
        for path, required in description.only.items()
    )


def _report_git(ground: Ground, advice: str, passage: Passage) -> None:
    """Add CTX310 if an earlier step of the job makes files, which a build from git lacks."""
    made = next(made_before(passage, ground.kind), None)
    if made is None:
        return
    line, what = made
    place = ground.place
    findings = ground.search.findings
    finding = Finding(
        code="CTX310",
        severity=severity_of("CTX310"),
        message=f"the job `{place.name}` builds from git, which lacks what `{what}` (line {line}) "
        "makes",
        location=place.where,
        help=advice,
    )
    if finding not in findings:
        findings.append(finding)


def _add_run(
    ground: Ground,
    description: BuildDescription,
    mapping: YamlMapping,
    run: YamlMapping,
) -> None:
    """Add the build of a mapping in one run of its matrix."""

    def text_of(key: str) -> str:
        text = ground.with_top(text_at(mapping, description.paths.get(key, ())))
        text = expression("expressions").sub(partial(_matrix_value, run), text)
        return text or description.usual.get(key, "")

    search = ground.search
    place = ground.place
    context = text_of("context")
    file = _only_file(search, text_of("dockerfile"))
    if description.elsewhere:
        _note_elsewhere(ground, description, join(context, file))
        return
    target = text_of("target")
    if not target:
        _, options = parse_words(text_of("options").split(), BuildCommand(""))
        target = last(options, "--target")
    is_one = context and "\n" not in context + file and "*" not in file
    if ground.is_of_git and (not is_one or is_open(context + file + target)):
        return
    if is_open(target):  # the build is there, whatever a run builds of it
        target = ""
    for text in (context, file):
        if is_open(text):
            search.complain(
                "expression",
                message=f"`{text}` is known only when the {place.how} runs, "
                "so this build was skipped",
                where=place.where,
            )
            search.is_open = True
            return
    if not is_one or any(key in mapping for key in description.narrowed):
        search.is_open = True
        return
    if is_reference(context):
        return
    if context == "**":
        context = dirname(file)
    ground.add(
        Build(
            context=context,
            dockerfile=file or None,
            target=target,
            build_arguments=pairs(text_of("arguments").splitlines()),
            build_contexts=pairs(text_of("contexts").splitlines()),
            platforms=words_of(text_of("platforms")),
            builder=description.builder,
        ),
        beside=description.beside,
        # A mapping says that there is such a build, so what is missing is a problem.
        is_certain=len(ground.directories) == 1 and not description.possible,
    )


def _note_elsewhere(ground: Ground, description: BuildDescription, file: str) -> None:
    """Record that a tool builds a Dockerfile with a context which is no directory here."""
    search = ground.search
    for start in ground.directories:
        path = realpath(search.shown(ground.placed(start, file)))
        if isfile(path):
            search.elsewhere.setdefault(path, f"{description.elsewhere} ({ground.place})")
            return


def _only_file(search: Search, path: str) -> str:
    """Return the only file that `**/NAME` matches; any other path as it is."""
    matches = [known for known in search.paths if path == f"**/{basename(known)}"]
    if len(matches) == 1:
        (path,) = matches
    return path


def _runs_of(matrix: Yaml) -> list[YamlMapping]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    settings = mapping_of(matrix)
    axes = {
        key: values
        for key, values in settings.items()
        if isinstance(values, list) and key not in ("include", "exclude")
    }
    runs = []
    if axes:
        for chosen in islice(product(*axes.values()), _MOST_COMBINATIONS):
            runs.append(settings.with_pairs(dict(zip(axes, chosen, strict=True))))
    added = []
    for inclusion in listed(settings.get("include")):
        # GitHub adds an entry to all combinations of which it changes no value, else as a new run.
        extra = mapping_of(inclusion)
        decisive = axes.keys() & extra.keys()
        extended = [run for run in runs if all(run[key] == extra[key] for key in decisive)]
        for run in extended:
            run.update(extra)
        if not extended:
            added.append(extra)
    return runs + added or [YamlMapping()]


def _matrix_value(run: YamlMapping, match: RegexMatch) -> str:
    """Return the value of an expression of a matrix; the expression itself if unknown."""
    known = YamlMapping().with_pairs({"matrix": run})
    value = value_at(known, (match[1] or "").strip())
    if isinstance(value, str):
        return value
    return match[0]


def add_unit(ground: Ground, text: str) -> None:
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
        ground.search.is_open = True
        return
    contexts = {"unit": ".", "file": dirname(file) or "."}
    unit["context"] = contexts.get(directory, directory)
    add_described(ground, Passage(unit))
