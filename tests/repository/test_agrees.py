"""What is found in Compose and Bake files, against Docker Compose and buildx on the same files."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ctxsize import api
from ctxsize.repository import FoundBuild, discover
from tests.oracles.availability import (
    PLUGIN_DIRECTORIES,
    buildx_plugin,
    require,
    unavailable,
)
from tests.oracles.processes import clean_environment
from tests.repository.layouts import BAKE, BAKE_BY_DOCKER, COMPOSE
from tests.trees import build_tree, file

ENVIRONMENT = clean_environment(HOME="/nonexistent")


def plugin(name: str) -> str:
    """The executable of a plugin of the Docker CLI, which also runs alone."""
    found = buildx_plugin() if name == "docker-buildx" else None
    candidates = [found, *(directory / name for directory in PLUGIN_DIRECTORIES)]
    path = next((path for path in candidates if path is not None and path.exists()), None)
    if path is None:
        unavailable(f"the plugin {name} is not installed")
    return str(path)


def asked(*command: str, where: Path) -> Any:
    """The JSON that a command prints in a directory."""
    done = subprocess.run(command, cwd=where, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def found_in(root: Path, how: str) -> dict[str, FoundBuild]:
    discovery = discover(str(root), environment=ENVIRONMENT)
    assert discovery.problems == ()
    return {
        place.name: each for each in discovery.builds for place in each.places if place.how == how
    }


@pytest.mark.parametrize("layout", COMPOSE)
def test_compose_says_the_same(layout: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", COMPOSE[layout])
    here = root / "deploy" if (root / "deploy/compose.yaml").exists() else root
    compose = plugin("docker-compose")
    config = asked(compose, "--profile", "*", "config", "--format", "json", where=here)
    wanted = {name: each for name, each in config["services"].items() if "build" in each}
    found = found_in(root, "compose")
    assert {name: compose_shape(each) for name, each in found.items() if name in wanted} == {
        name: _printed(each) for name, each in wanted.items()
    }
    assert found.keys() == wanted.keys()


def _printed(service: dict[str, Any]) -> dict[str, Any]:
    """What is printed of a build: dollar signs are doubled, a service has its platform beside."""
    build: dict[str, Any] = json.loads(json.dumps(service["build"]).replace("$$", "$"))
    for name, value in build.get("additional_contexts", {}).items():
        if value.startswith("service:"):  # a target of Bake, by which Compose builds
            build["additional_contexts"][name] = _target(value)
    platform = service.get("platform")
    return {"platforms": [platform], **build} if platform else build


def compose_shape(found: FoundBuild) -> dict[str, Any]:
    """The build as `docker compose config` prints it."""
    build = found.build
    shape: dict[str, Any] = {"context": os.path.realpath(build.context)}
    if build.dockerfile_inline is None:
        shape["dockerfile"] = os.path.relpath(build.dockerfile or "", build.context)
    else:
        shape["dockerfile_inline"] = build.dockerfile_inline.decode()
    contexts = {
        name: value if ":" in value else os.path.realpath(value)
        for name, value in build.build_contexts.items()
    }
    optional = {
        "args": dict(build.build_arguments),
        "target": build.target,
        "additional_contexts": contexts,
        "platforms": list(build.platforms),
    }
    return shape | {key: value for key, value in optional.items() if value}


@pytest.mark.parametrize("layout", BAKE)
def test_bake_says_the_same(layout: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", BAKE[layout])
    found = found_in(root, "bake")
    said = _said(root, *sorted(found))
    assert {name: bake_shape(each, root) for name, each in found.items()} == said


@pytest.mark.parametrize("layout", [*BAKE, *BAKE_BY_DOCKER])
def test_what_bake_printed_can_be_saved(layout: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", {**BAKE, **BAKE_BY_DOCKER}[layout])
    require("docker-buildx")
    names = targets_in(root) if layout in BAKE_BY_DOCKER else [*found_in(root, "bake")]
    buildx = plugin("docker-buildx")
    printed = asked(buildx, "bake", "--print", *names, where=root)
    for each in printed["target"].values():
        each |= {key: _named_contexts(each[key]) for key in each.keys() & {"contexts"}}
    (root / "bake.json").write_text(json.dumps(printed))
    saved = {
        place.name: bake_shape(each, root)
        for each in found_in_all(root)
        for place in each.places
        if place.how == "bake" and place.where.path.endswith("/bake.json") and place.name in names
    }
    assert saved == _said(root, *names)


def targets_in(root: Path) -> list[str]:
    """The names of the targets of a Bake file with expressions that only Docker evaluates."""
    path = next(root.glob("docker-bake.*"))
    if path.suffix == ".json":
        return [*json.loads(path.read_text())["target"]]
    return re.findall(r'^target "(\w+)"', path.read_text(), re.MULTILINE)


def found_in_all(root: Path) -> tuple[FoundBuild, ...]:
    discovery = discover(str(root), environment=ENVIRONMENT)
    assert discovery.problems == ()
    return discovery.builds


def _said(root: Path, *names: str) -> dict[str, Any]:
    """The targets that buildx prints, without what says nothing of contexts."""
    printed = asked(plugin("docker-buildx"), "bake", "--print", *names, where=root)
    said = {
        name: {key: value for key, value in each.items() if key not in ("tags", "output")}
        for name, each in printed["target"].items()
        if name in names  # newer ones add the targets that these are made of
    }
    for each in said.values():
        each |= {key: _named_contexts(each[key]) for key in each.keys() & {"contexts"}}
        # Buildx 0.13 sorts them, newer ones do not.
        each |= {key: sorted(each[key]) for key in each.keys() & {"platforms"}}
    return said


def _named_contexts(printed: dict[str, str]) -> dict[str, str]:
    """Named contexts, their paths as ours; buildx 0.13 leaves services as they are."""
    found = {}
    for name, value in printed.items():
        is_service = value.startswith("service:")
        path = value if ":" in value else f"./{os.path.normpath(value)}"
        found[name] = _target(value) if is_service else path
    return found


def _target(service: str) -> str:
    return service.replace("service:", "target:").replace(".", "_")


@pytest.mark.parametrize("layout", [name for name in BAKE if not name.startswith("over ")])
def test_nothing_that_bake_builds_by_default_is_missing(layout: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", BAKE[layout])
    names = {"override": ["app"]}.get(layout, [])
    printed = asked(plugin("docker-buildx"), "bake", "--print", *names, where=root)
    assert printed["target"].keys() <= found_in(root, "bake").keys()


def bake_shape(found: FoundBuild, root: Path) -> dict[str, Any]:
    """The build as `docker buildx bake --print` prints it."""
    build = found.build
    named = f"{build.context}/Dockerfile" if build.dockerfile == "-" else build.dockerfile
    dockerfile = os.path.relpath(named or "", build.context)
    shape: dict[str, Any] = {
        "context": os.path.relpath(build.context, root),
        "dockerfile": dockerfile,
    }
    contexts = {
        name: value if ":" in value else "./" + os.path.relpath(value, root)
        for name, value in build.build_contexts.items()
    }
    optional = {
        "dockerfile-inline": (build.dockerfile_inline or b"").decode(),
        "args": dict(build.build_arguments),
        "target": build.target,
        "contexts": contexts,
        "platforms": sorted(build.platforms),
    }
    return shape | {key: value for key, value in optional.items() if value}


SERVICES = """
services:
  image: {{image: alpine}}
  base: {{build: ./base}}
  app:
    build:
      context: ./app
      additional_contexts: {{from: "service:{}"}}
"""


@pytest.mark.parametrize(
    ("service", "fault"),
    [("base", ""), ("nope", "which does not exist"), ("image", "which has no build")],
)
def test_a_service_that_cannot_be_a_context_is_a_problem(
    service: str, fault: str, tmp_path: Path
) -> None:
    nodes = [file(f"{name}/Dockerfile", b"FROM scratch\n") for name in ("app", "base")]
    text = SERVICES.format(service).encode()
    root = build_tree(tmp_path / "r", [file("compose.yaml", text), *nodes])
    found = discover(str(root), environment=ENVIRONMENT)
    messages = [f"app: its context from is the service {service}, {fault}"] if fault else []
    assert [each.message for each in found.problems] == messages
    assert {place.name for each in found.builds for place in each.places} == {"app", "base"}
    command = [plugin("docker-compose"), "config", "--quiet"]
    done = subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, check=False)
    assert bool(done.returncode) == bool(fault), done.stderr.decode()


def test_nothing_of_a_service_is_sent_from_here(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "r", COMPOSE["a service as a context"])
    for each in found_in(root, "compose").values():
        report = api.measure(each.build)
        assert report.transfers is not None, report.problems
        assert {named.name for named in report.named_contexts if named.transfers} <= {"proto"}
