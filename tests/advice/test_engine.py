"""What the advice says of cache mounts and of COPY --parents, against the real BuildKit."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.advice.mounts import Use
from ctxsize.advice.recipe import Recipe
from ctxsize.dockerfile.stages import built_stages
from ctxsize.engine.plan import ParsedDockerfile
from ctxsize.repository import discover
from tests.advice.cases import CASES
from tests.oracles.availability import require, unavailable
from tests.oracles.buildkit import BuildResult
from tests.oracles.dockerd import FRONTEND
from tests.oracles.engines import MODE, Docker
from tests.trees import build_tree, file

# Notes NAME in the directory that is mounted, and in /seen all that is noted there.
PROGRAM = """\
package main

import "os"

func main() {
	os.MkdirAll("/seen", 0o755)
	directory, name := os.Args[1], os.Args[2]
	if os.WriteFile(directory+"/"+name, nil, 0o644) != nil {
		os.Exit(1)
	}
	entries, _ := os.ReadDir(directory)
	for _, entry := range entries {
		os.WriteFile("/seen/"+entry.Name(), nil, 0o644)
	}
}
"""
NUMBERS = itertools.count()


ONE_COPY = ("directory of the stage", "an absolute directory", "a subdirectory", "several files")


@pytest.mark.parametrize("part", ONE_COPY)
def test_one_copy_with_parents_makes_the_same_image(
    part: str, docker: Docker, tmp_path: Path
) -> None:
    if MODE == "record" and FRONTEND not in os.environ:
        unavailable(f"{FRONTEND} names no program")
    docker.live = docker.live and FRONTEND in os.environ
    (case,) = (each for name, each in CASES["CTX203"].items() if part in name)
    root = build_tree(tmp_path / "context", case.nodes)
    path = root / "Dockerfile"
    path.write_text(path.read_text().replace("FROM node:22", "FROM scratch"))
    found = advise(discover(str(root)), select=["CTX203"], unsafe=True)
    before = docker.build_buildkit(root)
    path.write_bytes(found.edits[0].after)
    after = docker.build_buildkit(root)
    assert before.error is after.error is None
    assert before.entries == after.entries
    assert len(before.entries) > 6


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    require("go")
    directory = tmp_path_factory.mktemp("program")
    (directory / "main.go").write_text(PROGRAM)
    environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off"}
    environment |= {"GOCACHE": str(directory / "cache"), "HOME": str(directory)}
    subprocess.run(
        ["go", "build", "-o", "p", "main.go"], cwd=directory, env=environment, check=True
    )
    return (directory / "p").read_bytes()


def stage(run: str, *, before: str = "") -> str:
    """A stage that runs the program on what is mounted by `run`."""
    return f"FROM scratch AS a\nCOPY p /p\n{before}RUN {run}\n"


# Builds with equal names could be answered from the layer cache, so each has its own.
def built(docker: Docker, root: Path, program: bytes, text: str, *extra: str) -> BuildResult:
    nodes = [file("p", program, mode=0o755), file("Dockerfile", text.encode())]
    context = build_tree(root / f"context{next(NUMBERS)}", nodes)
    return docker.build_buildkit(context, extra=("--network=none", "--no-cache=false", *extra))


def seen(result: BuildResult) -> set[str]:
    assert result.error is None, result.log
    return {name.removeprefix("seen/") for name in result.names if name.startswith("seen/")} - {""}


def cache_id(text: str) -> str:
    parsed = ParsedDockerfile(text.encode)
    stages = built_stages(parsed.dockerfile)
    recipe = Recipe("Dockerfile", parsed, stages, builds=(), border="")
    ((stage, step),) = recipe.runs
    return Use(recipe, stage, step, step.caches[0]).identity


PAIRS: dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]] = {
    "targets alike": (("target=/{k}", "/{k}", ""), ("target=/{k}", "/{k}", "")),
    "targets cleaned": (("target=/{k}", "/{k}", ""), ("target=/{k}/./", "/{k}", "")),
    "an id like a target": (("target=/{k}", "/{k}", ""), ("id=/{k},target=/m", "/m", "")),
    "targets apart": (("target=/{k}", "/{k}", ""), ("target=/{k}/x", "/{k}/x", "")),
    "ids apart": (("id={k}a,target=/m", "/m", ""), ("id={k}b,target=/m", "/m", "")),
    "ids alike": (("id={k},target=/m", "/m", ""), ("id={k},target=/n", "/n", "")),
    "relative targets in two directories": (
        ("target={k}", "/v/{k}", "WORKDIR /v\n"),
        ("target={k}", "/w/{k}", "WORKDIR /w\n"),
    ),
    "relative and absolute": (
        ("target={k}", "/v/{k}", "WORKDIR /v\n"),
        ("target=/v/{k}", "/v/{k}", ""),
    ),
    "no home": (
        ("target=~/{k}", "/v/~/{k}", "WORKDIR /v\n"),
        ("id=~/{k},target=/m", "/m", ""),
    ),
    "a variable": (
        ("id={k}-$NAME,target=/m", "/m", "ARG NAME=x\n"),
        ("id={k}-x,target=/m", "/m", ""),
    ),
    "an architecture without its ARG": (
        ("id={k}-$TARGETARCH,target=/m", "/m", ""),
        ("id={k}-,target=/m", "/m", ""),
    ),
    "an architecture that the stage below declares": (
        ("id={k}-$TARGETARCH,target=/m", "/m", "ARG TARGETARCH\n"),
        ("id={k}-$TARGETARCH,target=/m", "/m", "ARG TARGETARCH\nFROM a\n"),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_equal_ids_are_one_directory(
    pair: str, docker: Docker, program: bytes, tmp_path: Path
) -> None:
    key = f"k{list(PAIRS).index(pair)}"
    texts = []
    for name, (mount, directory, before) in zip(("one", "two"), PAIRS[pair], strict=True):
        run = f'--mount=type=cache,{mount} ["/p", "{directory}", "{key}{name}"]'
        run = run.replace("{k}", key)
        texts.append(stage(run, before=before))
    built(docker, tmp_path, program, texts[0])
    shared = f"{key}one" in seen(built(docker, tmp_path, program, texts[1]))
    assert shared == (cache_id(texts[0]) == cache_id(texts[1]))


def test_the_architecture_keeps_ids_apart(docker: Docker, program: bytes, tmp_path: Path) -> None:
    key = "architecture"
    run = f'--mount=type=cache,id={key}-$TARGETARCH,target=/m ["/p", "/m", "{key}one"]'
    built(docker, tmp_path, program, stage(run, before="ARG TARGETARCH\n"))
    found = []
    for architecture in ("amd64", "arm64", ""):
        mount = f"--mount=type=cache,id={key}-{architecture},target=/m"
        text = stage(f'{mount} ["/p", "/m", "{key}{architecture}"]')
        found.append(f"{key}one" in seen(built(docker, tmp_path, program, text)))
    assert sum(found) == 1
    assert not found[2]


def test_a_namespace_keeps_ids_apart(docker: Docker, program: bytes, tmp_path: Path) -> None:
    key = "namespace"
    texts = [
        stage(f'--mount=type=cache,target=/{key} ["/p", "/{key}", "{n}"]') for n in ("one", "two")
    ]
    built(docker, tmp_path, program, texts[0])
    namespace = "--build-arg=BUILDKIT_CACHE_MOUNT_NS=other"
    assert "one" not in seen(built(docker, tmp_path, program, texts[1], namespace))


def test_what_lies_in_a_cache_is_lost(docker: Docker, program: bytes, tmp_path: Path) -> None:
    run = '--mount=type=cache,target=/target ["/p", "/target", "binary"]'
    text = stage(run) + "FROM scratch\nCOPY --from=a /target/binary /\n"
    result = built(docker, tmp_path, program, text)
    assert result.error is not None
    assert "no such file or directory" in result.error or "not found" in result.error
    found = advise(discover(str(next(tmp_path.glob("context*"))))).findings
    assert [(each.code, each.severity.value) for each in found if each.code == "CTX212"] == [
        ("CTX212", "error")
    ]
