"""Builds of GitHub workflows: `docker/build-push-action`, and commands in `run`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

from ctxsize.build import Build
from ctxsize.codes import severity_of
from ctxsize.discovery import hints
from ctxsize.discovery.files import RepositoryFiles
from ctxsize.discovery.found import FoundBuild, Haul, Place, concealed
from ctxsize.discovery.yaml import Mapping as YamlMapping
from ctxsize.discovery.yaml import YamlError, load
from ctxsize.findings import Finding, Location

_PATH = re.compile(r"(?P<root>(?:.*/)?)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml")
_ACTION = re.compile(r"docker/build-push-action(?:@.*)?")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_MOST_COMBINATIONS = 256


def is_wanted(path: str) -> bool:
    """Return whether this is a workflow."""
    return _PATH.fullmatch(path) is not None


def builds(files: RepositoryFiles, environment: Mapping[str, str]) -> Haul:
    """Return the builds of all workflows, those of a matrix one by one."""
    haul = Haul()
    for path in filter(is_wanted, files.paths):
        text = files.read(path)
        if text is None:
            continue
        try:
            document = load(text)
        except YamlError as error:
            haul.complain("yaml", f"not read: {error.message}", files.shown(path), error.line)
            continue
        with haul.reading(files.shown(path)):
            for job, step, name in _steps(document):
                _step(files, path, name, job, step, haul)
    return haul


def _steps(document: Any) -> Iterator[tuple[YamlMapping, YamlMapping, str]]:
    jobs = document.get("jobs") if isinstance(document, YamlMapping) else None
    for name, job in jobs.items() if isinstance(jobs, YamlMapping) else ():
        steps = job.get("steps") if isinstance(job, YamlMapping) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, YamlMapping):
                yield job, step, name


def _step(
    files: RepositoryFiles, path: str, name: str, job: YamlMapping, step: YamlMapping, haul: Haul
) -> None:
    found = _PATH.fullmatch(path)
    root = found["root"].rstrip("/") if found else ""
    line = step.line_of("uses") if "uses" in step else step.line_of("run")
    place = Place("workflow", name, Location(files.shown(path), line))
    if _ACTION.fullmatch(str(step.get("uses") or "")):
        for values in _combinations(job):
            _action(files, root, place, _filled(step.get("with"), values), haul)
    elif isinstance(step.get("run"), str):
        inside = str(step.get("working-directory") or "")
        haul.unresolved |= hints.is_open(str(step["run"]))
        if "$" not in inside:
            directory = os.path.normpath(os.path.join(root, inside))
            haul.builds += hints.builds_of_script(files, str(step["run"]), (directory,), place)


def _combinations(job: YamlMapping) -> list[dict[str, Any]]:
    """Return the values of each run of a job's matrix; one without values if unknown."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if not isinstance(matrix, dict):
        return [{}]
    axes: dict[str, Any] = {
        key: value
        for key, value in matrix.items()
        if isinstance(value, list) and key not in ("include", "exclude")
    }
    combined: list[dict[str, Any]] = [
        dict(zip(axes, each, strict=True))
        for each in islice(product(*axes.values()), _MOST_COMBINATIONS if axes else 0)
    ]
    included = matrix.get("include")
    for extra in included if isinstance(included, list) else ():
        if not isinstance(extra, dict):
            continue
        fitting = [
            each
            for each in combined
            if all(each[key] == value for key, value in extra.items() if key in axes)
        ]
        for each in fitting if axes else []:
            each.update(extra)
        if not (fitting and axes):
            combined.append(dict(extra))
    return combined or [{}]


def _filled(inputs: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs of the action, with the values of the matrix in them."""
    if not isinstance(inputs, dict):
        return {}
    return {
        key: _EXPRESSION.sub(lambda match: _value(match, values), str(value))
        for key, value in inputs.items()
        if isinstance(value, str)
    }


def _value(match: re.Match[str], values: Mapping[str, Any]) -> str:
    """Return what an expression stands for; itself where that is not known."""
    expression = match[1].strip()
    if expression in ("github.workspace", "env.GITHUB_WORKSPACE"):
        return "."
    found: Any = values
    names = expression.split(".")
    for name in names[1:] if names[0] == "matrix" else [None]:
        found = found.get(name) if isinstance(found, dict) and name else None
    return str(found) if isinstance(found, str) else match[0]


def _action(
    files: RepositoryFiles, root: str, place: Place, inputs: Mapping[str, str], haul: Haul
) -> None:
    context = inputs.get("context", "").strip()
    if not context or context.startswith("{{defaultContext}}"):
        finding = _git_context(place)
        if finding not in haul.findings:
            haul.findings.append(finding)
        return
    file = inputs.get("file", "").strip()
    target = inputs.get("target", "").strip()
    unknown = next((each for each in (context, file, target) if "${{" in each), None)
    if unknown is not None:
        haul.unresolved = True
        haul.complain("expression", f"not known before it runs: {unknown}", *_at(place))
        return
    if "://" in context or context == "-":
        return
    shown = files.shown(os.path.join(root, context))
    if not os.path.isdir(shown):
        haul.complain("no-context", f"there is no directory {shown}", *_at(place))
        return
    dockerfile = os.path.join(root, file) if file else os.path.join(root, context, "Dockerfile")
    build = Build(
        shown,
        files.shown(dockerfile),
        target,
        _pairs(inputs.get("build-args", "")),
        files.contexts(_pairs(inputs.get("build-contexts", "")), root),
        tuple(_listed(inputs.get("platforms", ""))),
    )
    found = FoundBuild(concealed(build), (place,))
    if found not in haul.builds:
        haul.builds.append(found)


def _at(place: Place) -> tuple[str, int | None]:
    return place.where.path, place.where.line


def _listed(text: str) -> Iterator[str]:
    for each in re.split(r"[,\n]", text):
        if each.strip() and "${{" not in each:
            yield each.strip()


def _pairs(text: str) -> dict[str, str]:
    """`NAME=value` lines; what is only known when it runs is left out."""
    pairs = (line.strip().partition("=") for line in text.splitlines())
    return {name: value for name, given, value in pairs if given and "${{" not in value}


def _git_context(place: Place) -> Finding:
    return Finding(
        "CTX310",
        severity_of("CTX310"),
        f"the job {place.name} builds from git: no ignore file is read",
        place.where,
        help="say `context: .` to send the checked-out directory",
    )
