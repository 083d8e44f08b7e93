"""Builds of GitHub workflows: `docker/build-push-action`, and commands in `run`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, product

from ctxsize.build import Build, is_reference, placed
from ctxsize.codes import severity_of
from ctxsize.discovery.commands import collect_from, given_pairs
from ctxsize.discovery.search import Place, Search
from ctxsize.discovery.yaml import Yaml, YamlError, YamlMapping, load, mapping_of
from ctxsize.findings import Finding

WANTED = re.compile(r"(?P<root>(?:.*/)?)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml")
_ACTION = re.compile(r"docker/build-push-action(?:@.*)?")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_MOST_COMBINATIONS = 256


def collect(search: Search) -> None:
    """Add the builds of all workflows, those of a matrix one by one."""
    for path in search.paths:
        match = WANTED.fullmatch(path)
        text = match and search.read(path)
        if match is None or text is None:
            continue
        with search.reading(path) as where:
            try:
                document = load(text)
            except YamlError as error:
                where = replace(where, line=error.line)
                search.complain("yaml", f"not read: {error.message}", where)
                continue
            for name, job in mapping_of(mapping_of(document).get("jobs")).items():
                for step in _mappings(mapping_of(job).get("steps")):
                    line = step.line_of("uses" if "uses" in step else "run")
                    place = Place("workflow", name, replace(where, line=line))
                    _add_step(search, match["root"].rstrip("/"), place, job, step)


def _add_step(search: Search, root: str, place: Place, job: Yaml, step: YamlMapping) -> None:
    script, inside = step.get("run"), str(step.get("working-directory") or "")
    if _ACTION.fullmatch(str(step.get("uses") or "")):
        for values in _combinations(mapping_of(mapping_of(job).get("strategy")).get("matrix")):
            _add_action(search, root, place, _filled(step.get("with"), values))
    elif isinstance(script, str):
        directories = () if "$" in inside else (os.path.join(root, inside),)
        collect_from(search, script, directories, place)


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
        # GitHub adds an entry to the runs whose values it does not change, or else as a run.
        decisive = {*axes} & {*extra}
        fitting = [each for each in combined if all(each[key] == extra[key] for key in decisive)]
        for each in fitting if axes else ():
            each.update(extra)
        if not (fitting and axes):
            combined.append(dict(extra))
    return combined or [{}]


def _filled(inputs: Yaml, values: Mapping[str, Yaml]) -> dict[str, str]:
    """Return the inputs of the action, with the values of the matrix in them."""
    return {
        key: _EXPRESSION.sub(lambda match: _value(match, values), value).strip()
        for key, value in mapping_of(inputs).items()
        if isinstance(value, str)
    }


def _value(match: re.Match[str], values: Mapping[str, Yaml]) -> str:
    """Return what an expression stands for; itself where that is not known."""
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
        help_ = "say `context: .` to send the checked-out directory"
        finding = Finding("CTX310", severity_of("CTX310"), message, place.where, help=help_)
        if finding not in search.findings:
            search.findings.append(finding)
        return
    unknown = next((each for each in (context, file, target) if "${{" in each), None)
    if unknown is not None:
        search.is_open = True
        search.complain("expression", f"not known before it runs: {unknown}", place.where)
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
